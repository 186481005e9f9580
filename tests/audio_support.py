"""A live host without a device: the callback and its workers, turned by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torchbend.realtime.audio import AudioMemory, Slot, Strip, play_block
from torchbend.realtime.audio.memory import Frames

RATE = 48000
FADE = 240  # frames of the 5 ms in which a slot fades when its sound is missing

Play = Callable[[Frames], Frames]


def noise(frames: int, channels: int = 2, *, seed: int = 0, peak: float = 0.5) -> Frames:
    made = np.random.default_rng(seed).uniform(-peak, peak, (frames, channels))
    return made.astype(np.float32)


def delayed(sound: Frames, frames: int) -> Frames:
    """The sound after so many frames of silence, cut to its length."""
    return np.concatenate([np.zeros((frames, sound.shape[1]), np.float32), sound])[: len(sound)]


class Rig:
    """A memory with its strip, in a neutral setting, and workers that are played in between."""

    def __init__(
        self,
        native: bool,
        *,
        inputs: int = 2,
        outputs: int = 2,
        rate: int = RATE,
        **values: float | str,
    ) -> None:
        self.native = native
        self.memory = AudioMemory.create(rate, inputs=inputs, outputs=outputs)
        self.strip = Strip(self.memory)
        self.strip.set(**{"dc_block": False, "ramp_frames": 100, **values})
        self.workers: dict[int, tuple[Slot, Play]] = {}

    def attach(
        self, index: int, block: int, latency: int, play: Play = lambda x: x, level: float = 1
    ) -> Slot:
        slot = Slot(self.memory, index)
        slot.attach(block=block, latency=latency)
        self.workers[index] = slot, play
        self.strip.fade({index: level}, seconds=0)
        return slot

    def work(self) -> None:
        """Let every worker do what there is to do."""
        for slot, play in self.workers.values():
            while slot.wait(0):
                slot.write(play(slot.read()))

    def block(self, sound: Frames, *, flags: int = 0) -> Frames:
        return play_block(self.memory, sound, flags=flags, use_native=self.native)

    def play(self, sound: Frames, block: int) -> Frames:
        """Play a sound through, the workers after every device block."""
        out = []
        for start in range(0, len(sound), block):
            out.append(self.block(sound[start : start + block]))
            self.work()
        return np.concatenate(out)
