"""The worker's turn: wait for a block, play it, hand it over, and move knobs in between."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from torchbend.realtime.audio.memory import AudioMemory, Frames, fit_channels
from torchbend.realtime.audio.slot import Slot, Values
from torchbend.realtime.worker.layout import ValueLayout

__all__ = ["Blocks", "Model", "Player", "Turns"]

SLICE = 0.002  # seconds between two looks at the values while it waits
SPARE = 0.001  # seconds that are left alone before a block is due
_KEPT = 256  # that nobody has taken


class Player(Protocol):
    """Plays sound, a block at a time.

    Attributes:
        block: frames of a turn.
        in_channels: of what comes in.
        out_channels: of what comes out.
    """

    block: int
    in_channels: int
    out_channels: int

    def play(self, frames: Frames) -> Frames:
        """Play ``(block, in_channels)``; gives ``(block, out_channels)``."""


class Model(Protocol):
    """What `Twins` are to a turn; see there."""

    layout: ValueLayout
    block: int
    in_channels: int
    out_channels: int

    @property
    def waiting(self) -> bool:
        """Whether there is something for `prepare` to do."""

    def want(self, numbers: Sequence[float]) -> None:
        """Say where all values should be."""

    def settle(self) -> None:
        """Bring all values there at once."""

    def prepare(self, seconds: float) -> None:
        """Use the time between two blocks."""

    def play(self, frames: Tensor, position: int) -> Tensor:
        """Play one block."""


class Blocks:
    """Twins as a player: blocks follow one another from a position on.

    Args:
        twins: what plays.
        position: of the first frame, which decides the noise.
    """

    def __init__(self, twins: Model, position: int = 0) -> None:
        self.twins = twins
        self.position = position
        self.block = twins.block
        self.in_channels, self.out_channels = twins.in_channels, twins.out_channels

    def play(self, frames: Frames) -> Frames:
        """Play ``(block, in_channels)``; gives ``(block, out_channels)``."""
        made = self.twins.play(torch.from_numpy(frames), self.position)
        self.position += self.block
        played: Frames = np.ascontiguousarray(made.numpy(), np.float32)
        return played


class Turns:
    """Plays the blocks of a slot.

    Args:
        memory: the shared memory.
        index: of the slot.
        twins: what plays.
        player: what to play it through: `Blocks`, or what resamples around them.

    Attributes:
        jumps: where it passed over blocks to catch up: the position that was due, and the one
            that was played then.
        late: positions of blocks of which some was missing, and where the clock stood when they
            were there.
    """

    def __init__(self, memory: AudioMemory, index: int, twins: Model, player: Player) -> None:
        self.memory = memory
        self.slot = Slot(memory, index)
        self.twins = twins
        self.player = player
        self.block = player.block
        self.jumps: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        self.late: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        self._values = Values(memory, index)
        self._granted = 0.0
        self._usual = 0.0

    def attach(self, latency: int, granted: float, start: int | None = None) -> None:
        """Take the slot, with all values as they should be.

        Args:
            latency: in frames.
            granted: seconds that a turn may take.
            start: the position to begin at; without it, now.
        """
        self._take_values()
        self.twins.settle()
        self._granted = granted
        self.slot.attach(block=self.block, latency=latency, start=start)

    def turn(self, timeout: float) -> bool:
        """Play the next block if it comes in time; else move knobs.

        Args:
            timeout: how long to wait for it, in seconds.

        Returns:
            Whether a block was played.

        Raises:
            LiveError: another worker has the slot now.
        """
        self._take_values()
        came = self.slot.wait(min(timeout, SLICE))
        if self.twins.waiting:
            self.twins.prepare(self._spare())
        if not came:
            return False
        due = self.slot.next
        if self.slot.behind >= self.block:
            self.slot.catch_up()
        began = time.monotonic()
        played = self.play_next()
        took = time.monotonic() - began
        self._usual = max(took, 0.9 * self._usual + 0.1 * took)
        if played != due:
            self.jumps.append((due, played))
        if self.memory.position > played + self.slot.latency:
            self.late.append((played, self.memory.position))
        return True

    def play_next(self) -> int:
        """Play the next block, which has come, however late it is; returns its position."""
        frames = self.slot.read()
        position = self.slot.next
        made = self.player.play(frames)
        self.slot.write(fit_channels(made, self.memory.outputs))
        return position

    def _take_values(self) -> None:
        read = self._values.read()
        if read is not None and len(read) >= self.twins.layout.size:
            self.twins.want(read)

    def _spare(self) -> float:
        """Seconds that may be used for something else before the next block would be late."""
        missing = self.slot.next + self.block - self.memory.position
        margin = max(0.0, self._granted - self._usual)
        return missing / self.memory.sample_rate + margin - SPARE
