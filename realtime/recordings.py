"""The recording that anybody may begin and end while it plays: at ``/rec``, or from Python."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.recording import WavWriter

__all__ = ["Recordings"]


class Recordings:
    """One recording at a time of what is heard. Safe to use from any thread.

    Args:
        memory: the shared memory.
        show: told whether it records now.
        say: told what people should know.
    """

    def __init__(
        self,
        memory: AudioMemory,
        show: Callable[[bool], object],
        say: Callable[[str], object],
    ) -> None:
        self._memory, self._show, self._say = memory, show, say
        self._writer: WavWriter | None = None
        self._lock = threading.Lock()

    @property
    def path(self) -> Path | None:
        """The file that is being written."""
        writer = self._writer
        return None if writer is None or writer.problem is not None else writer.path

    @property
    def has_failed(self) -> bool:
        """Whether one has ended by itself: `record` nothing then, and it is over."""
        writer = self._writer
        return writer is not None and writer.problem is not None

    def record(self, path: str | Path | None) -> None:
        """Record to a file from now on; None ends it.

        Raises:
            LiveError: the file cannot be made.
        """
        with self._lock:
            before, self._writer = self._writer, None
            if before is not None:
                before.close()
            try:
                if path is not None:
                    self._writer = WavWriter(self._memory, path, say=self._say)
            finally:
                self._show(self._writer is not None)

    def switch(self, on: bool) -> None:
        """Record to a file with the time in its name, or no more; what is wrong is said."""
        try:
            self.record(_free_name() if on else None)
        except LiveError as error:
            self._say(str(error))

    def close(self) -> None:
        """End it, if there is one."""
        if self._writer is not None:
            self.record(None)


def _free_name() -> Path:
    """A file in the working directory that is not there yet."""
    stem = time.strftime("torchbend-%Y%m%d-%H%M%S")
    names = (Path(f"{stem}{f'-{n}' if n > 1 else ''}.wav") for n in itertools.count(1))
    return next(name for name in names if not name.exists())
