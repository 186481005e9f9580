"""Files that change: told once, when they are whole and have been left alone."""

from __future__ import annotations

import os
import time

from torchbend.realtime.file_watch import FileWatch


def written(path, ago):
    path.write_text("x")
    when = time.time() - ago
    os.utime(path, (when, when))
    return path


def test_a_change_is_told_once_and_when_it_rests(tmp_path):
    files = [written(tmp_path / name, 100) for name in ("a.ts", "b.json")]
    watch = FileWatch()
    assert not watch.has_changed()
    watch.remember(files, time.time())
    assert not watch.has_changed()
    written(files[1], 0)
    assert not watch.has_changed(), "it is being written"
    written(files[1], 10)
    assert watch.has_changed()
    assert not watch.has_changed()


def test_what_changed_while_it_was_read_has_changed(tmp_path):
    file = written(tmp_path / "a.ts", 10)
    watch = FileWatch()
    watch.remember([file], time.time() - 20)
    assert watch.has_changed()


def test_a_file_that_is_gone_is_waited_for(tmp_path):
    file = written(tmp_path / "a.ts", 100)
    watch = FileWatch()
    watch.remember([file], time.time())
    file.unlink()
    assert not watch.has_changed()
    written(file, 10)
    assert watch.has_changed()
    watch.remember([], time.time())
    assert not watch.has_changed()
