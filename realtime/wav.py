"""A WAV file that can be played at any moment while it is written, and after any accident.

Its header is right after every write: whatever ends the writing (a full disk, a lost power
plug), what was written before can be played. Past 4 GB it becomes an RF64 (EBU Tech 3306), for
which room is kept in front::

    RIFF size WAVE | JUNK 28, later ds64 | fmt | fact | data
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from pathlib import Path
from types import TracebackType

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import Frames

__all__ = ["WavFile"]

_FLOATS = 3  # the format's code for 32 bit floats
_HEADER_BYTES = 94
_MOST_32_BIT = 2**32 - 1
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file may not become larger",
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.EROFS: "the disk can only be read",
    errno.ENOENT: "there is no such folder",
    errno.ENOTDIR: "there is no such folder",
    errno.EISDIR: "it is a folder",
}


class WavFile:
    """Writes 32 bit floats.

    Args:
        path: of the file, which ends in ``.wav``. One that is there is kept, with a ``~`` behind
            its name.
        sample_rate: in Hz.
        channels: in a frame.

    Attributes:
        frames: written so far.

    Raises:
        LiveError: it cannot be written there.
    """

    def __init__(self, path: str | os.PathLike[str], sample_rate: int, channels: int) -> None:
        self.path = Path(path)
        self.sample_rate, self.channels = sample_rate, channels
        self.frames = 0
        if self.path.suffix.lower() != ".wav":
            raise LiveError(f"{self.path} must end in .wav: what is recorded are 32 bit floats")
        try:
            if self.path.is_file() and self.path.stat().st_size:
                os.replace(self.path, self.path.with_name(f"{self.path.name}~"))
            # Without a buffer: what is counted as written has been written.
            self._file = open(self.path, "w+b", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._error(error) from error
        try:
            self._put(self._header(), 0)
        except OSError as error:
            self._file.close()
            raise self._error(error) from error

    def __enter__(self) -> WavFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_there(self) -> bool:
        """Whether the file is still found under its name, and not removed or exchanged."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def write(self, frames: Frames) -> None:
        """Write sound ``(frames, channels)`` behind what there is.

        Raises:
            LiveError: it cannot be written. The file ends with the last whole frame that could.
        """
        if frames.ndim != 2 or frames.shape[1] != self.channels:
            raise LiveError(f"sound of shape {frames.shape} does not fit {self.channels} channels")
        frame_bytes = 4 * self.channels
        start = _HEADER_BYTES + self.frames * frame_bytes
        data = np.ascontiguousarray(frames, "<f4").data.cast("B")
        failed: OSError | None = None
        try:
            written = self._put(data, start)
        except _CutShort as error:
            written, failed = error.written, error.why
        self.frames += written // frame_bytes
        try:
            if failed:
                self._file.truncate(_HEADER_BYTES + self.frames * frame_bytes)
            self._put(self._header(), 0)
        except OSError as error:
            failed = failed or error
        if failed:
            raise self._error(failed) from failed

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _put(self, data: bytes | memoryview, at: int) -> int:
        view, written = memoryview(data), 0
        while written < len(view):
            try:
                written += os.pwrite(self._file.fileno(), view[written:], at + written)
            except OSError as error:
                raise _CutShort(written, error) from error
        return written

    def _header(self) -> bytes:
        frame_bytes = 4 * self.channels
        data = self.frames * frame_bytes
        whole = data + _HEADER_BYTES - 8
        large = whole > _MOST_32_BIT
        sizes = struct.pack("<QQQI", whole, data, self.frames, 0) if large else bytes(28)
        whole, data, frames = (min(n, _MOST_32_BIT) for n in (whole, data, self.frames))
        if large:
            whole = data = _MOST_32_BIT
        rate = self.sample_rate
        form = (_FLOATS, self.channels, rate, rate * frame_bytes, frame_bytes, 32, 0)
        return b"".join(
            [
                struct.pack("<4sI4s", b"RF64" if large else b"RIFF", whole, b"WAVE"),
                struct.pack("<4sI28s", b"ds64" if large else b"JUNK", 28, sizes),
                struct.pack("<4sIHHIIHHH", b"fmt ", 18, *form),
                struct.pack("<4sII", b"fact", 4, frames),
                struct.pack("<4sI", b"data", data),
            ]
        )

    def _error(self, error: OSError) -> LiveError:
        why = _REASONS.get(error.errno or 0, error.strerror or str(error))
        return LiveError(f"{self.path} cannot be written: {why}")


class _CutShort(OSError):
    """Some of the bytes were written."""

    def __init__(self, written: int, why: OSError) -> None:
        super().__init__(why.errno, why.strerror)
        self.written, self.why = written, why
