"""What is heard, or what came in, written to a file while it plays."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.audio.tape import Recorder
from torchbend.realtime.wav import WavFile

__all__ = ["WavWriter"]

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 0.1
_MOST_SILENCE = 65536  # frames that are written at a time


class WavWriter:
    """Records a ring of the audio memory as 32 bit floats, from a thread of its own.

    ::

        with WavWriter(memory, "concert.wav"):
            ...

    Frame ``k`` of the file is frame ``start + k`` of the clock. Frames that came faster than the
    disk took them are silent in it, and counted. When it cannot go on (the disk is full, the
    file was removed), one line says so, and the sound goes on.

    Args:
        memory: the shared memory.
        path: of the file, which ends in ``.wav``.
        what: ``"heard"``, ``"captured"`` or ``"bus"``.
        start: the position to begin at; without it, now.
        say: is given the line.

    Attributes:
        path: of the file.
        problem: why the recording has ended before it was stopped; None while all is well.

    Raises:
        LiveError: it cannot be written there.
    """

    def __init__(
        self,
        memory: AudioMemory,
        path: str | os.PathLike[str],
        what: str = "heard",
        start: int | None = None,
        *,
        say: Callable[[str], object] = log.warning,
    ) -> None:
        self.memory = memory
        self.path = Path(path)
        self.problem: str | None = None
        self._recorder = Recorder(memory, what, start)
        channels = memory.outputs if what == "heard" else memory.inputs
        if not channels:
            raise LiveError(f"{self.path} is not written: nothing comes in that could be recorded")
        self._file = WavFile(path, memory.sample_rate, channels)
        self._say = say
        self._silent = 0  # of the lost frames, those that the file has already
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="torchbend record", daemon=True)
        self._thread.start()

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def frames(self) -> int:
        """How many frames the file has."""
        return self._file.frames

    @property
    def lost(self) -> int:
        """How many of them are silent because the disk was too slow."""
        return self._recorder.lost

    @property
    def seconds(self) -> float:
        """How long the file is."""
        return self.frames / self.memory.sample_rate

    def close(self) -> None:
        """Write what has been played until now, and close the file; once closed, do nothing."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(_PERIOD_SECONDS):
                self._write()
                if not self._file.is_there:
                    raise LiveError(f"{self.path} has been removed")
            self._write()
        except LiveError as error:
            self.problem = str(error)
            self._say(f"{error}. The recording ends after {self.seconds:.1f} s; the sound goes on")
        finally:
            self._file.close()
        if self.lost:
            self._say(f"{self.path}: {self.lost} frames are missing, the disk was too slow")

    def _write(self) -> None:
        frames = self._recorder.read()
        while missing := min(self.lost - self._silent, _MOST_SILENCE):
            self._file.write(np.zeros((missing, self._file.channels), np.float32))
            self._silent += missing
        if len(frames):
            self._file.write(frames)
