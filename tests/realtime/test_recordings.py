"""What `/rec` does: one recording at a time, a file for each, and it shows whether there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.recordings import Recordings


@pytest.fixture
def shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return []


@pytest.fixture
def recordings(shown):
    with AudioMemory.create(48000, inputs=0, outputs=1) as memory:
        lines: list[str] = []
        made = Recordings(memory, shown.append, lines.append)
        made.lines = lines
        yield made
        made.close()


def test_two_within_a_second_are_two_files(recordings, shown):
    for on in (True, False, True, False):
        recordings.switch(on)
        assert (recordings.path is not None) == on == shown[-1]
    files = list(Path().glob("torchbend-*.wav"))
    assert len(files) == 2
    assert all(soundfile.info(file).frames == 0 for file in files)


def test_another_file_ends_the_first(recordings, shown):
    recordings.record("one.wav")
    recordings.record("two.wav")
    assert recordings.path == Path("two.wav") and shown == [True, True]
    assert soundfile.info("one.wav").channels == 1


def test_what_cannot_be_written_shows_that_nothing_is(recordings, shown):
    recordings.record("one.wav")
    with pytest.raises(LiveError, match="nowhere"):
        recordings.record("nowhere/two.wav")
    assert recordings.path is None and shown == [True, False]


def test_one_that_ended_by_itself_counts_no_more(recordings):
    recordings.record("one.wav")
    Path("one.wav").unlink()
    recordings._writer._thread.join(10)
    assert recordings.has_failed and recordings.path is None
    recordings.switch(False)
    assert not recordings.has_failed and "removed" in recordings.lines[0]
