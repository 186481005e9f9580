"""Gestures: written down as they happen, and read again."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from control_support import make_tree
from hypothesis import given
from hypothesis import strategies as st

from torchbend.realtime.control import FileError
from torchbend.realtime.control.gestures import Event, Recorder, Take


def test_a_take_is_read_as_it_was_played(tmp_path: Path) -> None:
    tree, _ = make_tree()
    path = tmp_path / "take.jsonl"
    with Recorder(path, 48_000, tree.values(), frame=1000) as recorder:
        recorder.record("/bend/drive", (1.25,), 1000)
        recorder.record("/bend/shape", ("fold",), 1300)
        recorder.record("/panic", (), 1300)
        recorder.record("/bend/on", (False,), 90_000)
    assert (recorder.written, recorder.dropped, recorder.problem) == (4, 0, None)
    take = Take(path)
    assert take.sample_rate == 48_000
    assert take.values == tree.values()
    assert list(take.events()) == [
        Event(0, "/bend/drive", (1.25,)),
        Event(300, "/bend/shape", ("fold",)),
        Event(300, "/panic", ()),
        Event(89_000, "/bend/on", (False,)),
    ]


@given(st.lists(st.integers(0, 5000)), st.integers(1, 1000))
def test_each_change_is_in_the_block_that_it_falls_into(frames: list[int], block: int) -> None:
    take = Take.__new__(Take)
    events = [Event(frame, "/x", (frame,)) for frame in sorted(frames)]
    take.events = lambda: iter(events)  # type: ignore[method-assign]
    blocks = list(take.blocks(block))
    assert [event for each in blocks for event in each] == events
    for number, each in enumerate(blocks):
        assert all(event.frame // block == number for event in each)


class FullDisk:
    """A file for so many lines."""

    def __init__(self, file: Any, lines: int) -> None:
        self._file, self._lines = file, lines

    def write(self, text: str) -> int:
        self._lines -= 1
        if self._lines < 0:
            raise OSError(28, "No space left on device")
        return int(self._file.write(text))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def test_a_full_disk_is_said_once_and_keeps_what_was_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "take.jsonl"
    recorder = Recorder(path, 48_000, {})
    recorder._file = FullDisk(recorder._file, 3)  # type: ignore[assignment]
    with caplog.at_level(logging.DEBUG):
        for n in range(100):
            recorder.record("/drywet", (n / 100,), n)
        recorder.close()
    assert recorder.problem == "No space left on device"
    assert (recorder.written, recorder.dropped) == (3, 97)
    assert len(caplog.records) == 1
    assert [event.frame for event in Take(path).events()] == [0, 1, 2]


def test_a_disk_that_is_too_slow_costs_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchbend.realtime.control.gestures.MOST_WAITING", 10)
    recorder = Recorder(tmp_path / "take.jsonl", 48_000, {})
    gate = _Gate(recorder._file)
    recorder._file = gate  # type: ignore[assignment]
    recorder.record("/drywet", (0.0,), 0)
    gate.entered.wait(5)
    for n in range(100):
        recorder.record("/drywet", (n / 100,), n)
    assert recorder.problem == "the disk is too slow"
    gate.open.set()
    recorder.close()
    assert recorder.dropped == 100
    assert recorder.written == 1


class _Gate:
    """A file that waits to be allowed to write."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.entered, self.open = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.open.wait(5)
        return int(self._file.write(text))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        Recorder(tmp_path / "none" / "take.jsonl", 48_000, {})
    with pytest.raises(FileError, match="cannot be read"):
        Take(tmp_path / "none")


HEAD = {"torchbend": "gestures", "version": 1, "sample_rate": 48_000, "values": {}}


def take_of(tmp_path: Path, *lines: str) -> Take:
    path = tmp_path / "take.jsonl"
    path.write_text("".join(lines))
    return Take(path)


def test_what_was_cut_off_loses_only_its_end(tmp_path: Path) -> None:
    lines = json.dumps(HEAD) + "\n", '[1, "/x", [0.5]]\n', '[2, "/x", [0.'
    assert list(take_of(tmp_path, *lines).events()) == [Event(1, "/x", (0.5,))]


@pytest.mark.parametrize(
    "line",
    ["x", "[]", "{}", "3", '["1", "/x", []]', "[1, 2, []]", '[1, "/x", 3]', '[1, "/x", [[]]]'],
)
def test_a_line_that_is_no_change_is_named(tmp_path: Path, line: str) -> None:
    take = take_of(tmp_path, json.dumps(HEAD) + "\n", '[1, "/x", [1]]\n', line + "\n")
    with pytest.raises(FileError, match="line 3"):
        list(take.events())


@pytest.mark.parametrize(
    "head",
    [
        "",
        "x",
        "[]",
        "{}",
        *(
            json.dumps({**HEAD, **wrong})
            for wrong in (
                {"version": 2},
                {"torchbend": "preset"},
                {"sample_rate": 0},
                {"sample_rate": "48"},
                {"values": []},
                {"values": {"/x": 1}},
            )
        ),
    ],
)
def test_a_file_that_is_no_take_is_refused(tmp_path: Path, head: str) -> None:
    with pytest.raises(FileError):
        take_of(tmp_path, head + "\n")
