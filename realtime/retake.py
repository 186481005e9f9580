"""Rendering a take again: the same callback and the same turns, moved as they were moved live.

What is set is set at the frame at which it was, so the clock stops there, too; otherwise it goes
in the device blocks of the take. The workers play their blocks as their account tells.
"""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchbend.errors import LiveError, TorchbendError, first_line
from torchbend.realtime.audio.callback import is_native, play_block
from torchbend.realtime.audio.memory import AudioMemory, Frames
from torchbend.realtime.audio.strip import Strip
from torchbend.realtime.feeding import Sound
from torchbend.realtime.take_reading import (
    Attachment,
    Block,
    Take,
    TakenWorker,
    check_blocks,
    read_take,
)
from torchbend.realtime.takes import HEARD, INPUT
from torchbend.realtime.wav import WavFile
from torchbend.realtime.worker.execution import live_torch
from torchbend.realtime.worker.playable import Playable
from torchbend.realtime.worker.turn import Turns
from torchbend.realtime.worker.twins import Twins

__all__ = ["render_take"]

_USUAL_BLOCK = 256  # where the device's blocks differed
_TELL_FRAMES = 8192


def render_take(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    say: Callable[[str], object] = lambda line: None,
    progress: Callable[[int, int], object] = lambda done, of: None,
) -> Path:
    """Render a take: what was heard, sample for sample.

    Where a model was late, it is late again, give or take a device block.

    Args:
        folder: that the `Host` wrote.
        out: the WAV file, of 32 bit floats.
        say: told how the rendering compares with what was heard, and what people should know.
        progress: told how many frames are done, and of how many.

    Returns:
        The file.

    Raises:
        LiveError: it is no take, it is damaged, or it cannot be written.
    """
    take = read_take(folder)
    if take.native and not is_native():
        say("the take was played by the compiled callback, which is not there: it differs a bit")
    if take.torch != torch.__version__:
        say(f"the take was played with torch {take.torch}, this is {torch.__version__}")
    heard = _opened(take, HEARD, take.outputs)
    came = _opened(take, INPUT, take.inputs) if take.inputs else None
    frames = take.frames
    if frames is None:
        frames = next((s.frames for s in (heard, came) if s and s.frames is not None), 0)
        say(f"the take was cut off after {frames / take.sample_rate:.1f} s")
    comparison = _Comparison(heard)
    with (
        live_torch(),
        _Replay(take, say) as replay,
        WavFile(out, take.sample_rate, take.outputs) as file,
    ):
        done = told = 0
        while done < frames:
            made = replay.play(came, frames - done)
            file.write(made)
            comparison.look(made)
            done += len(made)
            if done - told >= _TELL_FRAMES or done == frames:
                told = done
                progress(done, frames)
    for sound in (heard, came):
        if sound is not None:
            sound.close()
    say(comparison.told(take))
    return Path(out)


class _Replay:
    """A take that plays again."""

    def __init__(self, take: Take, say: Callable[[str], object]) -> None:
        self._take, self._say = take, say
        self.memory = AudioMemory.create(
            take.sample_rate,
            inputs=take.inputs,
            outputs=take.outputs,
            slots=take.slots,
            most_block=take.most_block,
        )
        self.memory.header.position = take.first
        self._strip = Strip(self.memory)
        self._strip.set(**take.strip)
        self._strip.set(source="device")  # which is what came in, wherever it came from
        self._changes = deque(take.changes)
        self._attachments = deque(take.attachments)
        self._playables: dict[int, Playable] = {}
        self._playing: dict[int, _Attached] = {}
        # The compiled callback and its twin differ in the last bits.
        self._native = take.native and is_native()

    def __enter__(self) -> _Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self.memory.close()

    def play(self, came: Sound | None, most: int) -> Frames:
        """Play to the next border of a device block, or to the next change.

        Args:
            came: what comes in.
            most: frames.
        """
        take, position = self._take, self.memory.position
        self._do(position)
        block = take.device_block or _USUAL_BLOCK
        count = min(most, block - (position - take.first) % block)
        waiting: Sequence[deque[Any]] = (self._changes, self._attachments)
        for queue in waiting:
            if queue:
                count = min(count, queue[0].frame - position)
        frames = np.zeros((count, take.inputs), np.float32)
        if came is not None:
            read = came.read(count)
            frames[: len(read)] = read
        made = play_block(self.memory, frames, use_native=self._native)
        for attached in self._playing.values():
            attached.work()
        return made

    def _do(self, position: int) -> None:
        """Set and attach what is due."""
        while self._changes and self._changes[0].frame <= position:
            change = self._changes.popleft()
            if change.called == "fade":
                self._strip.fade(**change.given)
            else:
                self._strip.set(**{n: v for n, v in change.given.items() if n != "source"})
        while self._attachments and self._attachments[0].frame <= position:
            self._attach(self._attachments.popleft())

    def _attach(self, attachment: Attachment) -> None:
        number, worker = attachment.worker, self._take.workers[attachment.worker]
        playable = self._playables.get(number)
        if playable is None:
            settings = dataclasses.replace(worker.settings, memory=self.memory.path)
            if settings.cuda:
                self._say(f"a model played on {worker.where}; elsewhere the last bits differ")
            try:
                playable = Playable(dataclasses.asdict(settings), self._say)
            except TorchbendError:
                raise
            # A file may raise anything when it is played.
            except Exception as error:
                raise LiveError(f"a model of the take cannot be played: {first_line(error)}") from (
                    error
                )
            check_blocks(worker, playable.twins.layout)
            self._playables[number] = playable
        replayed = _Replayed(playable.twins, worker.blocks)
        playable.blocks.twins = replayed
        turns = Turns(self.memory, attachment.slot, replayed, playable.player)
        turns.attach(attachment.latency, 0.0, attachment.frame)
        self._playing[attachment.slot] = _Attached(turns, attachment, worker)
        still = {each.attachment.worker for each in self._playing.values()}
        still |= {each.worker for each in self._attachments}
        self._playables = {n: each for n, each in self._playables.items() if n in still}


class _Attached:
    """A worker in its slot."""

    def __init__(self, turns: Turns, attachment: Attachment, worker: TakenWorker) -> None:
        self.turns, self.attachment = turns, attachment
        self._jumps, self._late = worker.jumps, worker.late

    def work(self) -> None:
        """Play the blocks that have come, as far as it played them live, and as late."""
        slot, latency, until = self.turns.slot, self.attachment.latency, self.attachment.until
        while True:
            to = self._jumps.get(slot.next)
            if to is not None:
                if slot.memory.position < to + slot.block:
                    return
                slot.attach(block=slot.block, latency=latency, start=to)
            if until is not None and slot.next + latency >= until:
                return
            if slot.memory.position < self._late.get(slot.next, 0):
                return
            if not slot.wait(0.0):
                return
            self.turns.play_next()


class _Replayed:
    """Twins that play as their account tells; nobody else moves them."""

    def __init__(self, twins: Twins, blocks: dict[int, Block]) -> None:
        self._twins, self._blocks = twins, blocks
        self.layout, self.block = twins.layout, twins.block
        self.in_channels, self.out_channels = twins.in_channels, twins.out_channels
        self.waiting = False

    def want(self, numbers: Sequence[float]) -> None:
        """Nothing: the account tells."""

    def settle(self) -> None:
        """The same."""

    def prepare(self, seconds: float) -> None:
        """The same."""

    def play(self, frames: Tensor, position: int) -> Tensor:
        """Play one block."""
        both, doings = self._blocks.get(position, (False, []))
        return self._twins.replay(frames, position, both, doings)


class _Comparison:
    """The rendering beside what was heard.

    Attributes:
        first: the first frame that differs; None if none does.
        most: by how much they differ at most.
        frames: compared.
    """

    def __init__(self, heard: Sound | None) -> None:
        self._heard = heard
        self.first: int | None = None
        self.most = 0.0
        self.frames = 0

    def look(self, made: Frames) -> None:
        """Compare the next frames."""
        if self._heard is None:
            return
        heard = self._heard.read(len(made))
        off = np.abs(heard - made[: len(heard)]).max(axis=1, initial=0.0)
        if self.first is None and off.any():
            self.first = self.frames + int(np.flatnonzero(off)[0])
        self.most = max(self.most, float(off.max(initial=0.0)))
        self.frames += len(heard)

    def told(self, take: Take) -> str:
        """A line for people."""
        rate = take.sample_rate
        if not self.frames:
            return f"there is no {HEARD} in the take to compare with"
        if self.first is None:
            return f"the same as was heard, in each of {self.frames} frames"
        line = f"the first {self.first / rate:.3f} s are as they were heard; then it differs"
        line += f" by at most {self.most:.2g}"
        missing = [frame for frame in take.missing if frame <= self.first + rate]
        if missing:
            line += f": sound was missing from {max(0, missing[0]) / rate:.1f} s on"
        return line


def _opened(take: Take, name: str, channels: int) -> Sound | None:
    """A sound of the take; None if there is none."""
    import soundfile

    path = take.folder / name
    if not path.is_file():
        if name == INPUT:
            raise LiveError(f"the take {take.folder} is not whole: {name} is missing")
        return None
    try:
        found = soundfile.info(str(path))
        rate, there = int(found.samplerate), int(found.channels)
    except (RuntimeError, TypeError) as error:
        raise LiveError(f"{path} cannot be read: {first_line(error)}") from error
    if (rate, there) != (take.sample_rate, channels):
        raise LiveError(
            f"{path} has {there} channels at {rate} Hz, and the take {channels} at "
            f"{take.sample_rate}"
        )
    return Sound(path, take.sample_rate, channels) if found.frames else None
