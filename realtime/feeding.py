"""Sound that is played in place of the device's input: a file, an array, the built-in loop.

`Sound` reads it, at the rate and in the channels that are wanted; `FilePlayer` keeps the feed of
the audio memory full of it. Frame ``k`` is heard at the position of the first plus ``k``, however
late anything came: what could not be written in time is missing, and nothing is moved.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from torchbend.errors import LiveError, first_line, suggest
from torchbend.realtime.audio.memory import AudioMemory, Frames, fit_channels
from torchbend.realtime.audio.tape import Feed

__all__ = ["LOOP", "FilePlayer", "Sound", "Source"]

log = logging.getLogger(__name__)

Source = str | os.PathLike[str] | npt.NDArray[Any] | torch.Tensor
LOOP = "loop"  # the built-in one

_CHUNK = 8192  # frames that are read at a time
_LEAD_SECONDS = 0.1


class Sound:
    """A sound, read from its beginning, at one rate and in so many channels.

    Mono goes to every channel, and to mono the mean of all; otherwise each channel keeps its
    place, and those that there are not are silent.

    Args:
        source: a sound file; ``"loop"`` for the built-in loop; an array ``(frames,)`` or
            ``(frames, channels)``; or a tensor ``(frames,)`` or ``(channels, frames)``.
        sample_rate: in Hz, that it is wanted at.
        channels: in which it is wanted.
        loop: begin again at the end, without a gap, for ever.
        source_rate: in Hz, of an array or a tensor; ``sample_rate`` without it.

    Attributes:
        name: of the file, for people.
        frames: how many there are at ``sample_rate``; None of a loop.

    Raises:
        LiveError: it cannot be read, or there is nothing in it.
    """

    def __init__(
        self,
        source: Source,
        sample_rate: int,
        channels: int,
        *,
        loop: bool = False,
        source_rate: int | None = None,
    ) -> None:
        self.name, self._reader = _open(source, source_rate or sample_rate)
        self.channels = channels
        self.frames: int | None = None
        if not loop:
            self.frames = math.ceil(self._reader.frames * sample_rate / self._reader.rate)
        self._loop = loop
        self._ended = False
        self._left = np.zeros((0, channels), np.float32)
        self._resampler: Any = None
        if self._reader.rate != sample_rate and channels:
            import soxr

            self._resampler = soxr.ResampleStream(self._reader.rate, sample_rate, channels)

    def read(self, frames: int) -> Frames:
        """The next frames ``(frames, channels)``; fewer at the end, none after it.

        Raises:
            LiveError: the file is damaged from here on.
        """
        parts, have = [self._left], len(self._left)
        while have < frames and not self._ended:
            parts.append(self._more())
            have += len(parts[-1])
        whole = np.concatenate(parts)
        self._left = whole[frames:]
        return whole[:frames]

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _more(self) -> Frames:
        raw = self._reader.read(_CHUNK)
        while self._loop and len(raw) < _CHUNK:
            self._reader.rewind()
            more = self._reader.read(_CHUNK - len(raw))
            if not len(more):
                raise LiveError(f"{self.name} cannot be played again: nothing is left in it")
            raw = np.concatenate([raw, more])
        self._ended = len(raw) < _CHUNK
        fitted = _fitted(raw, self.channels)
        if self._resampler is None:
            return fitted
        made: Frames = self._resampler.resample_chunk(fitted, last=self._ended)
        return made


class FilePlayer:
    """Plays a sound into the feed of the audio memory, from a thread of its own.

    The thread keeps the feed full, a second ahead and more, so that neither a disk nor a busy
    interpreter is heard::

        with FilePlayer(memory, "drums.wav", loop=True) as player:
            strip.set(source="feed")

    Args:
        memory: where to.
        source: see `Sound`.
        loop: begin again at the end; otherwise there is silence after it.
        source_rate: see `Sound`.
        say: is given one line when it has ended, or cannot be read on.

    Attributes:
        name: of what plays, for people.
        first: the position of its first frame; None before the start.

    Raises:
        LiveError: it cannot be read.
    """

    def __init__(
        self,
        memory: AudioMemory,
        source: Source,
        *,
        loop: bool = True,
        source_rate: int | None = None,
        say: Callable[[str], object] = log.info,
    ) -> None:
        self.memory = memory
        self.first: int | None = None
        self._sound = Sound(
            source, memory.sample_rate, memory.inputs, loop=loop, source_rate=source_rate
        )
        self.name = self._sound.name
        self._feed = Feed(memory)
        self._say = say
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="torchbend feed", daemon=True)
        self._next = 0

    def __enter__(self) -> FilePlayer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, lead: int | None = None) -> int:
        """Begin; what can be written ahead is, before this returns.

        Args:
            lead: frames from now until the first is heard; a tenth of a second by default. A
                callback that does not run yet has time: 0 is right then.

        Returns:
            The position of the first frame.
        """
        if lead is None:
            lead = round(_LEAD_SECONDS * self.memory.sample_rate)
        self.first = self._next = self._feed.start(lead)
        if self._fill():
            self._thread.start()
        return self.first

    def close(self) -> None:
        """Write no more: what was written ahead is silenced, and the file closed."""
        if self._stop.is_set():
            return  # and leave a later player's feed alone
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self.first is not None:
            self._feed.start(0)
        self._sound.close()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            if not self._fill():
                break

    def _fill(self) -> bool:
        """Write what there is room for; False when there is nothing more to come."""
        try:
            while room := self._feed.room:
                frames = self._sound.read(room)
                if not len(frames):
                    return self._wait_for_the_end()
                self._next += self._feed.write(frames)
        except LiveError as error:
            self._say(f"{error}: silence from here on")
            return False
        return True

    def _wait_for_the_end(self) -> bool:
        if self.memory.position < self._next:
            return True
        self._say(f"{self.name} has ended: silence from here on")
        return False


# -- what sound is read from ---------------------------------------------------------------
class _Reader(Protocol):
    rate: int
    frames: int

    def read(self, frames: int) -> Frames: ...
    def rewind(self) -> None: ...
    def close(self) -> None: ...


class _ArrayReader:
    def __init__(self, sound: Frames, rate: int) -> None:
        self._sound = sound
        self._at = 0
        self.rate, self.frames = rate, len(sound)

    def read(self, frames: int) -> Frames:
        found = self._sound[self._at : self._at + frames]
        self._at += len(found)
        return found

    def rewind(self) -> None:
        self._at = 0

    def close(self) -> None:
        pass


class _FileReader:
    def __init__(self, path: Path) -> None:
        import soundfile

        self.path = path
        self._broken = (OSError, soundfile.SoundFileError, TypeError)
        try:
            self._file = soundfile.SoundFile(str(path))
        except self._broken as error:  # TypeError: of raw samples nobody knows the rate
            raise LiveError(f"{path} cannot be played: {_why_not(path, error)}") from error
        self.rate, self.frames = int(self._file.samplerate), int(self._file.frames)

    def read(self, frames: int) -> Frames:
        try:
            found: Frames = self._file.read(frames, dtype="float32", always_2d=True)
        except self._broken as error:
            raise LiveError(f"{self.path} cannot be read on: {first_line(error)}") from error
        return found

    def rewind(self) -> None:
        try:
            self._file.seek(0)
        except self._broken as error:
            raise LiveError(f"{self.path} cannot be played again: {first_line(error)}") from error

    def close(self) -> None:
        self._file.close()


def _open(source: Source, rate: int) -> tuple[str, _Reader]:
    reader: _Reader
    if isinstance(source, torch.Tensor):
        sound = source.detach().cpu().float().numpy()
        name, reader = "a tensor", _ArrayReader(_two_dimensions(sound.T, "a tensor"), rate)
    elif isinstance(source, np.ndarray):
        name, reader = "an array", _ArrayReader(_two_dimensions(source, "an array"), rate)
    elif source == LOOP:
        from torchbend.voice import SAMPLE_RATE, loop

        name, reader = "the built-in loop", _ArrayReader(loop().numpy().T, SAMPLE_RATE)
    else:
        name, reader = Path(source).name, _FileReader(Path(source))
    if reader.frames < 1:
        raise LiveError(f"{name} holds no sound: it is 0 frames long")
    return name, reader


def _two_dimensions(sound: npt.NDArray[Any], what: str) -> Frames:
    if sound.ndim not in (1, 2) or sound.dtype.kind != "f":
        raise LiveError(
            f"{what} of shape {sound.shape} and type {sound.dtype} is no sound: an array has "
            "floats (frames,) or (frames, channels), a tensor (frames,) or (channels, frames)"
        )
    return (sound if sound.ndim == 2 else sound[:, None]).astype(np.float32)


def _fitted(sound: Frames, channels: int) -> Frames:
    if channels == 1 and sound.shape[1] > 1:
        mono: Frames = sound.mean(axis=1, keepdims=True)
        return mono
    return fit_channels(sound, channels)


def _why_not(path: Path, error: Exception) -> str:
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        there = [p.name for p in path.parent.glob("*") if p.is_file()] if path.parent else []
        return f"there is no such file. {suggest(path.name, there)}"
    if not os.access(path, os.R_OK):
        return "there is no permission to read it"
    if isinstance(error, TypeError):
        return "it holds bare samples, without their rate; make a WAV file of it"
    return f"{first_line(error).rpartition(': ')[2]} WAV, FLAC, AIFF, OGG and MP3 are read"
