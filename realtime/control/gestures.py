"""Gestures: every change with its time, written down, and played again.

A file of JSON lines: first what it is and how the controls stood, then a line a change,
``[frame, address, [values]]``. What is cut off at the end, by a crash or a full disk, loses
only that end.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from torchbend.realtime.control.controls import Values
from torchbend.realtime.control.errors import FileError
from torchbend.realtime.control.files import checked_header, plain_values

__all__ = ["Event", "Recorder", "Take"]

logger = logging.getLogger(__name__)

VERSION = 1
KIND = "gestures"
MOST_WAITING = 65_536
LONGEST_LINE = 2**20


class Recorder:
    """Writes down what it is told, from a thread of its own; a sink for a tree.

    When the disk is full, or too slow for too long, it says so once and stops writing; it
    never raises in :meth:`record`, and never holds up who calls it.

    Args:
        path: of the file; an old one is replaced.
        sample_rate: in Hz, of the frames.
        values: how all controls stand at the start.
        frame: the time that is zero.

    Raises:
        FileError: the file cannot be opened.
    """

    def __init__(
        self, path: str | Path, sample_rate: int, values: Mapping[str, Values], frame: int = 0
    ) -> None:
        self.path = Path(path)
        self.problem: str | None = None
        self.written = self.dropped = 0
        self._zero = frame
        self._waiting: queue.Queue[tuple[int, str, Values] | None] = queue.Queue(MOST_WAITING)
        head = {
            "torchbend": KIND,
            "version": VERSION,
            "sample_rate": sample_rate,
            "values": {address: list(each) for address, each in values.items()},
        }
        try:
            self._file: IO[str] = self.path.open("w", encoding="utf-8")
            self._file.write(json.dumps(head) + "\n")
            self._file.flush()
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror or error}") from error
        self._thread = threading.Thread(target=self._run, name="torchbend-gestures", daemon=True)
        self._thread.start()

    def record(self, address: str, values: Values, time: int) -> None:
        """Note a change.

        Args:
            address: of the control.
            values: what it was set to; nothing for a trigger.
            time: in frames.
        """
        if self.problem is not None:
            self.dropped += 1
            return
        try:
            self._waiting.put_nowait((time - self._zero, address, values))
        except queue.Full:
            self.dropped += 1
            self._fail("the disk is too slow")

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._waiting.put(None)
        self._thread.join()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            if self.problem is not None:
                self.dropped += 1
                continue
            frame, address, values = event
            try:
                self._file.write(json.dumps([frame, address, list(values)]) + "\n")
                if self._waiting.empty():
                    self._file.flush()
                self.written += 1
            except OSError as error:
                self.dropped += 1
                self._fail(error.strerror or str(error))
        try:
            self._file.close()
        except OSError as error:
            self._fail(error.strerror or str(error))

    def _fail(self, why: str) -> None:
        if self.problem is None:
            self.problem = why
            logger.error("Gestures are recorded no more to %s: %s.", self.path, why)


@dataclass(frozen=True)
class Event:
    """One change.

    Attributes:
        frame: from the start of the take.
        address: of the control.
        values: what it was set to.
    """

    frame: int
    address: str
    values: Values


class Take:
    """A recording of gestures, to be played again.

    Args:
        path: of the file.

    Raises:
        FileError: it cannot be read, or is no such recording.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._open() as file:
            try:
                head = json.loads(file.readline(LONGEST_LINE))
            except (ValueError, RecursionError) as error:
                raise FileError(f"{path} is no recording of gestures: {error}") from error
        head = checked_header(head, str(path), KIND, VERSION)
        rate, values = head.get("sample_rate"), head.get("values")
        if not isinstance(rate, int) or rate < 1 or not isinstance(values, dict):
            raise FileError(f"{path} has no sample rate, or no values to start with")
        self.sample_rate = rate
        self.values: dict[str, Values] = {
            address: plain_values(v, f"{path}: {address}") for address, v in values.items()
        }

    def events(self) -> Iterator[Event]:
        """Each change in its order, read as it is asked for.

        Raises:
            FileError: a line that is not the last cannot be read.
        """
        with self._open() as file:
            file.readline(LONGEST_LINE)
            number = 1
            while line := file.readline(LONGEST_LINE):
                number += 1
                if not line.endswith("\n"):
                    if len(line) < LONGEST_LINE:
                        return  # cut off while it was written
                    raise FileError(f"{self.path}, line {number} is too long")
                yield self._event(line, number)

    def blocks(self, block: int) -> Iterator[list[Event]]:
        """The changes of each block of frames, empty blocks among them, up to the last.

        Args:
            block: its length in frames. A change counts from the block that it falls into.
        """
        gathered: list[Event] = []
        end = block
        for event in self.events():
            while event.frame >= end:
                yield gathered
                gathered, end = [], end + block
            gathered.append(event)
        if gathered:
            yield gathered

    def _open(self) -> IO[str]:
        try:
            return self.path.open(encoding="utf-8", errors="replace")
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {error.strerror or error}") from error

    def _event(self, line: str, number: int) -> Event:
        where = f"{self.path}, line {number}"
        try:
            frame, address, values = json.loads(line)
        except (ValueError, TypeError, RecursionError) as error:
            raise FileError(f"{where} is no change: {error}") from error
        if not isinstance(frame, int) or not isinstance(address, str):
            raise FileError(f"{where} has no frame, or no address")
        return Event(frame, address, plain_values(values, where))
