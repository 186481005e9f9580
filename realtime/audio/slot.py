"""A worker's end of the shared memory: blocks in, blocks out, the values to play them with."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.layout import constant, ffi, native
from torchbend.realtime.audio.memory import AudioMemory, Frames, copy_frames, fence, put_frames

__all__ = ["Slot", "Values", "latency_frames"]


def latency_frames(block: int, device_block: int, granted: int = 0) -> int:
    """The least latency at which a model never runs dry: ``B - gcd(B, b) + s * b`` frames.

    Args:
        block: frames that the model takes at a time, B.
        device_block: frames that the device takes at a time, b.
        granted: how many device blocks the computation may take, s; 0 if it were instant.
    """
    return block - math.gcd(block, device_block) + granted * device_block


class Slot:
    """One worker's place: reads blocks of the bus and writes what becomes of them.

    ::

        slot = Slot(memory, 0)
        slot.attach(block=2048, latency=latency_frames(2048, 256, 3))
        while True:
            if slot.wait(0.5):
                if slot.behind:
                    slot.catch_up()
                slot.write(play(slot.read()))

    A worker that was killed leaves nothing behind: its successor attaches in its place, while
    the callback goes on. From then on the old one, if it should live, is refused.

    Args:
        memory: the shared memory.
        index: which slot, from 0.
    """

    def __init__(self, memory: AudioMemory, index: int) -> None:
        if not 0 <= index < memory.header.slots:
            raise LiveError(f"there is no slot {index}; there are 0 to {memory.header.slots - 1}")
        self.memory = memory
        self.index = index
        self.block = 0
        self.latency = 0
        self._slot = memory.header.slot[index]
        self._ring = memory.slots[index]
        self._ours = 0
        self._began = 0
        self._next = 0

    def attach(self, *, block: int, latency: int, start: int | None = None) -> None:
        """Take the slot and start at the present position, with the next device block.

        Args:
            block: frames of one turn, B.
            latency: frames from what is read to where it is heard, D; see `latency_frames`.
            start: the position to begin to read at in place of the present one: one that will
                come, or one that the ring still holds.

        Raises:
            LiveError: the rings are too short for that block and latency, or the start is over.
        """
        room = self.memory.capacity - constant("MOST_FRAMES")
        if block < 1 or latency < 0 or block + latency > room:
            raise LiveError(
                f"a block of {block} frames with a latency of {latency} does not fit: together "
                f"they may be {room} frames; make the memory with a larger most_block"
            )
        position = self.memory.position
        start = position if start is None else start
        if start < 0 or position - start > room:
            raise LiveError(
                f"a worker cannot start at frame {start}: the ring holds the frames from "
                f"{max(0, position - room)} on"
            )
        slot = self._slot
        self._ours = (int(slot.attached) + 1) & 0xFFFFFFFF or 1
        slot.attached = 0
        fence()
        self.block, self.latency = block, latency
        slot.block, slot.latency = block, latency
        self._begin(start)
        slot.turns = slot.skipped = slot.turn_ns = slot.turn_ns_most = 0
        fence()
        slot.attached = self._ours

    def detach(self) -> None:
        """Leave the slot; what was written is not played any more."""
        if self.is_ours():
            self._slot.attached = 0
        self._ours = 0

    def is_ours(self) -> bool:
        """Whether nobody else has attached since."""
        return bool(self._ours) and int(self._slot.attached) == self._ours

    @property
    def next(self) -> int:
        """The position at which the next block begins."""
        return self._next

    @property
    def behind(self) -> int:
        """Frames that should have been heard by now and were not written: the debt."""
        return max(0, self.memory.position - self._next - self.latency)

    def wait(self, timeout: float) -> bool:
        """Wait until a block can be read; False after ``timeout`` seconds without one."""
        wanted = self._next + self.block
        header, compiled = self.memory.header, native()
        if compiled:
            counter = ffi().addressof(header[0], "position")
            came = bool(compiled.tb_wait(counter, wanted, int(timeout * 1e9)))
        else:
            end = time.monotonic() + timeout
            while int(header.position) < wanted and time.monotonic() < end:
                time.sleep(0.0005)
            came = int(header.position) >= wanted
            fence()
        self._began = time.monotonic_ns()
        return came

    def read(self) -> Frames:
        """The next block of the bus, ``(block, inputs)``; `wait` for it first.

        A worker that fell so far behind that the block has been written over is brought back
        to the present, as by `catch_up`.

        Raises:
            LiveError: the block has not come yet, or the slot was taken over.
        """
        while True:
            self._check()
            start = self._next
            if self.memory.position < start + self.block:
                raise LiveError("a block was read before it came; wait for it")
            frames = copy_frames(self.memory.bus, start, self.block)
            fence()
            # The callback may be writing up to this many frames beyond the position.
            newest = int(self.memory.header.position) + constant("MOST_FRAMES")
            if newest - start <= self.memory.capacity:
                return frames
            self.catch_up()

    def write(self, frames: Frames) -> None:
        """Hand over what became of the block that was read, ``(block, outputs)``.

        Raises:
            LiveError: another shape, or the slot was taken over.
        """
        if frames.shape != (self.block, self.memory.outputs):
            raise LiveError(
                f"a block of shape {frames.shape} was written; it is (frames, channels) = "
                f"{(self.block, self.memory.outputs)}"
            )
        self._check()
        start = self._next
        put_frames(self._ring, start + self.latency, frames.astype(np.float32, copy=False))
        fence()
        self._next = start + self.block
        self._slot.valid_until = self._next + self.latency
        took = time.monotonic_ns() - self._began if self._began else 0
        self._slot.turn_ns = took
        self._slot.turn_ns_most = max(took, int(self._slot.turn_ns_most))
        done = int(self._slot.turns)
        self._slot.recent_turn_ns[done % constant("ENTRIES")] = took
        fence()
        self._slot.turns = done + 1

    def catch_up(self) -> int:
        """Pass over whole blocks of input, up to the newest that is there; returns how many.

        What is passed over counts as missing sound. The latency stays what it was.
        """
        self._check()
        blocks = max(0, (self.memory.position - self._next) // self.block - 1)
        if blocks:
            self._begin(self._next + blocks * self.block)
            self._slot.skipped += blocks * self.block
        return blocks

    def _begin(self, position: int) -> None:
        """Go on from a position; nothing that lies in the ring before it is valid."""
        self._next = position
        self._slot.valid_from = position + self.latency
        fence()
        self._slot.valid_until = position + self.latency

    def _check(self) -> None:
        if not self.is_ours():
            raise LiveError(f"slot {self.index} is not attached, or another worker has it now")


class Values:
    """The values of a model's attributes, set in the control process and read by its worker.

    A seqlock: the latest value of each wins, the worker never waits for the writer and never
    sees half of a change.

    Args:
        memory: the shared memory.
        index: the slot of the model.
    """

    def __init__(self, memory: AudioMemory, index: int) -> None:
        self._slot = memory.header.slot[index]
        self._values = memory.values[index]
        self._seen = -1
        self._lock = threading.Lock()

    def write(self, values: Sequence[float] | dict[int, float]) -> None:
        """Set all values, or some by their index, at one moment.

        One process writes, through one `Values`; its threads may share it.

        Raises:
            LiveError: more values, or a higher index, than there is room for.
        """
        changes = values if isinstance(values, dict) else dict(enumerate(values))
        if changes and not 0 <= min(changes) <= max(changes) < len(self._values):
            raise LiveError(f"a slot holds {len(self._values)} values")
        slot = self._slot
        with self._lock:
            slot.values_sequence = (slot.values_sequence | 1) & 0xFFFFFFFF
            fence()
            for index, value in changes.items():
                self._values[index] = value
            slot.values_used = max(int(slot.values_used), max(changes, default=-1) + 1)
            fence()
            slot.values_sequence = (slot.values_sequence + 1) & 0xFFFFFFFF

    def read(self) -> list[float] | None:
        """The values; None if there are no others than before.

        Also while somebody is writing them: then they come in one of the next calls.
        """
        before = int(self._slot.values_sequence)
        if before & 1 or before == self._seen:
            return None
        fence()
        values: list[float] = self._values[: int(self._slot.values_used)].tolist()
        fence()
        if int(self._slot.values_sequence) != before:
            return None
        self._seen = before
        return values
