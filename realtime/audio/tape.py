"""Sound in and out of the shared memory for those who are in no hurry: a file, a recording."""

from __future__ import annotations

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.layout import constant
from torchbend.realtime.audio.memory import AudioMemory, Frames, copy_frames, fence, put_frames

__all__ = ["Feed", "Recorder"]

_NEVER = 1 << 63


class Feed:
    """Plays sound into the strip in place of the device's input; set ``source="feed"`` for it.

    ::

        feed = Feed(memory)
        feed.start(lead=4800)
        while len(sound):
            sound = sound[feed.write(sound) :]
            time.sleep(0.1)

    Where nothing was written in time there is silence.
    """

    def __init__(self, memory: AudioMemory) -> None:
        self.memory = memory
        self._next = 0

    def start(self, lead: int) -> int:
        """Begin anew, ``lead`` frames from now; returns the position of the first frame."""
        header = self.memory.header
        header.feed_from = _NEVER
        fence()
        self._next = self.memory.position + lead
        header.feed_until = self._next
        fence()
        header.feed_from = self._next
        return self._next

    @property
    def room(self) -> int:
        """How many frames can be written now."""
        ahead = self._next - self.memory.position
        return max(0, self.memory.capacity - constant("MOST_FRAMES") - max(0, ahead))

    def write(self, frames: Frames) -> int:
        """Write as many frames ``(frames, inputs)`` as there is room for; returns how many.

        Raises:
            LiveError: another number of channels.
        """
        if frames.ndim != 2 or frames.shape[1] != self.memory.inputs:
            raise LiveError(
                f"sound of shape {frames.shape} was fed; it is (frames, channels) with "
                f"{self.memory.inputs} channels"
            )
        count = min(len(frames), self.room)
        put_frames(self.memory.feed, self._next, frames[:count].astype(np.float32, copy=False))
        fence()
        self._next += count
        self.memory.header.feed_until = self._next
        return count


class Recorder:
    """Reads a ring as it is written, for a recording or a picture; there may be any number.

    Args:
        memory: the shared memory.
        what: ``"heard"``, ``"captured"`` or ``"bus"``.
        start: the position to begin at; without it, now.

    Attributes:
        next: the position of the next frame to read.
        lost: frames that were written over before they were read.
    """

    def __init__(self, memory: AudioMemory, what: str = "heard", start: int | None = None) -> None:
        rings = {"heard": memory.heard, "captured": memory.captured, "bus": memory.bus}
        if what not in rings:
            raise LiveError(f"nothing is recorded as {what!r}; there are {', '.join(rings)}")
        self.memory = memory
        self._ring = rings[what]
        self.next = memory.position if start is None else start
        self.lost = 0

    def read(self, most: int | None = None) -> Frames:
        """The frames since the last call, ``(frames, channels)``, ``most`` of them at most.

        Where some were lost, what is returned begins after them.
        """
        safe = self.memory.capacity - constant("MOST_FRAMES")
        while True:
            position = self.memory.position
            self._skip_to(position - safe)
            count = position - self.next
            frames = copy_frames(self._ring, self.next, count if most is None else min(count, most))
            fence()
            # Unless the callback came round in the meantime.
            if int(self.memory.header.position) - self.next <= safe:
                self.next += len(frames)
                return frames

    def _skip_to(self, oldest: int) -> None:
        if self.next < oldest:
            self.lost += oldest - self.next
            self.next = oldest
