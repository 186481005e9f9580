"""One or more models, played one after the other in one turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchbend.errors import LiveError
from torchbend.realtime.worker.cuda import GraphedCall
from torchbend.realtime.worker.latents import Latents
from torchbend.realtime.worker.layout import Place, Value, ValueLayout
from torchbend.realtime.worker.net import Net

__all__ = ["Chain", "Step"]


@dataclass(frozen=True)
class Step:
    """One method of one file.

    Attributes:
        model: which of the chain's files, from 0.
        method: its name.
    """

    model: int
    method: str


class Chain:
    """Files that are open, and the order in which they play.

    Where latents go from one to another, or come from nowhere into a decoder, the latent desk
    stands between.

    Args:
        paths: of the ``.ts`` files.
        steps: what plays after what.
        block: frames of sound in a turn; without it the least that all can play, and not below
            ``least_block``.
        least_block: see there.
        inputs: channels that come in; they are several voices where the first method's channels
            go into them more than once.
        device: where it plays.

    Attributes:
        block: frames of sound in a turn.
        batch: how many voices.
        in_channels: of the bus.
        out_channels: of all voices together.
        layout: where the attributes' values lie.
        given: for each place of the layout the values that it was given last.
        stamps: for each place, when that was, as `set` was told.
        desk: the latent desk, if there is one.

    Raises:
        LiveError: the steps do not fit together, or the block does not fit them.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        steps: Sequence[Step],
        *,
        block: int | None = None,
        least_block: int = 1,
        inputs: int | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.nets = [Net(path, device) for path in paths]
        self._steps = [(self.nets[s.model], self.nets[s.model].method(s.method)) for s in steps]
        self._check_joints()
        self.block = self._block(block, least_block)
        first, last = self._steps[0][1], self._steps[-1][1]
        self.in_channels = first.in_channels if inputs is None else inputs
        fits = self.in_channels and self.in_channels % first.in_channels == 0
        self.batch = self.in_channels // first.in_channels if fits else 1
        self._takes_input = bool(fits) or (self.in_channels > 0 and first.in_ratio == 1)
        self.out_channels = self.batch * last.out_channels
        self._desk_at = next((n for n, (_, m) in enumerate(self._steps) if m.in_ratio > 1), None)
        self.desk: Latents | None = None
        if self._desk_at is not None:
            method = self._steps[self._desk_at][1]
            self.desk = Latents(method.in_channels, method.in_ratio)
        numbers = 0 if self.desk is None else 2 + self.desk.channels
        self.layout = ValueLayout([net.info for net in self.nets], numbers)
        self.given = [tuple(place.attribute.default) for place in self.layout.places]
        self.stamps = [0] * len(self.given)
        self._graphs: list[GraphedCall] = []
        shape = (self.batch, first.in_channels, self.block)
        self._x = torch.zeros(shape, device=self.device)

    def play(self, frames: Tensor, position: int) -> Tensor:
        """Play one turn.

        Args:
            frames: ``(block, in_channels)``.
            position: of the first frame; noise follows from it.

        Returns:
            ``(block, out_channels)``.
        """
        x = self._given(frames)
        for number, (net, method) in enumerate(self._steps):
            if number == self._desk_at and self.desk is not None:
                x = self.desk.play(x, position)
            call = self._graphs[number] if self._graphs else None
            x = net.play(method.name, x) if call is None else call(x)
        return self._made(x)

    def record(self) -> str:
        """Record the methods as CUDA graphs, where the models and their knobs stand it.

        Returns:
            Why there are none; empty if there are.
        """
        x = self._x[..., :: self._steps[0][1].in_ratio].contiguous()
        reason, state = "", self.save_state()
        for net, method in self._steps:
            play = getattr(net.module, method.name)
            call = GraphedCall(play, [x], state=net.state)
            self._graphs.append(call)
            with torch.inference_mode():
                x = play(x).clone()
            reason = reason or call.reason
        for number, place in enumerate(self.layout.places):
            reason = reason or self._unheard(number, place)
        if reason:
            self._graphs.clear()
        self.restore_state(state)
        return reason

    def _unheard(self, number: int, place: Place) -> str:
        """Why a graph does not play what an attribute is set to; empty if it does.

        A number that a file keeps as a number is part of the recording.
        """
        attribute = place.attribute
        low, high = attribute.low, attribute.high
        for other in (high, low):
            moved = tuple(
                v if other is None or isinstance(v, str) else type(v)(other)
                for v in attribute.default
            )
            if moved != attribute.default:
                self.set(number, moved, 0)
                heard = all(call.agrees(*call.inputs) for call in self._graphs)
                self.set(number, attribute.default, 0)
                return "" if heard else f"as a CUDA graph it would not hear {attribute.name} move"
        return f"whether a CUDA graph hears {attribute.name} move cannot be tried"

    def set(self, number: int, values: tuple[Value, ...], stamp: int) -> str:
        """Set an attribute, between two blocks.

        Args:
            number: of its place in the layout.
            values: what to.
            stamp: a number that is larger for what is set later.

        Returns:
            Why it did not take them; empty if it did.
        """
        place = self.layout.places[number]
        self.given[number] = values
        self.stamps[number] = stamp
        return self.nets[place.model].set(place.attribute, values)

    def rehearse(self) -> None:
        """Set our attributes to what they are: the first two calls of a setter take longest."""
        for net in self.nets:
            for _ in range(2):
                net.glides.rehearse()
        for number, place in enumerate(self.layout.places):
            ours = self.nets[place.model].is_ours and not place.attribute.kept
            if ours and place.count:
                for _ in range(2):
                    self.set(number, self.given[number], 0)

    def find_state(self) -> None:
        """Find out what of the files is streaming state; once, before they are heard."""
        before = self.save_state()
        for net in self.nets:
            net.state.find(lambda: self.play(torch.randn(self.block, self.in_channels) * 0.1, 0))
        # Each puts back its own state alone, and all have played.
        self.restore_state(before)

    def save_state(self) -> list[Any]:
        """The streaming state of all files."""
        return [net.state.save() for net in self.nets]

    def restore_state(self, saved: Sequence[Any]) -> None:
        """Put back what `save_state` gave."""
        for net, state in zip(self.nets, saved, strict=True):
            net.state.restore(state)

    def copy_state(self, other: Chain) -> None:
        """Take over the streaming state of another copy of this chain, and its knobs' glides."""
        for net, theirs in zip(self.nets, other.nets, strict=True):
            net.state.copy_from(theirs.state)
            net.glides.take_over(theirs.glides)
        if self.desk is not None and other.desk is not None:
            self.desk.copy_from(other.desk)

    def _given(self, frames: Tensor) -> Tensor:
        """What the first method takes, of the bus."""
        x, first = self._x, self._steps[0][1]
        if self._takes_input:
            given = frames.T
            if self.in_channels == self.batch * first.in_channels:
                x.copy_(given.reshape(x.shape))
            else:
                both = min(self.in_channels, first.in_channels)
                x[0, :both] = given[:both]
                if self.in_channels == 1:
                    x[0] = given
        return x[..., :: first.in_ratio] if first.in_ratio > 1 else x

    def _made(self, y: Tensor) -> Tensor:
        ratio = self._steps[-1][1].out_ratio
        if ratio > 1:
            y = y.repeat_interleave(ratio, -1)
        return y.reshape(self.out_channels, -1).T

    def _check_joints(self) -> None:
        for (_, one), (_, other) in zip(self._steps, self._steps[1:], strict=False):
            if (one.out_channels, one.out_ratio) != (other.in_channels, other.in_ratio):
                raise LiveError(
                    f"{one.name} gives {one.out_channels} channels, one frame for "
                    f"{one.out_ratio} of sound, and {other.name} behind it takes "
                    f"{other.in_channels}, one for {other.in_ratio}: they do not fit together"
                )

    def _block(self, asked: int | None, least: int) -> int:
        unit = 1
        for net, method in self._steps:
            largest = max(max(m.in_ratio, m.out_ratio) for m in net.info.methods)
            unit = math.lcm(unit, method.least_block or largest)
        if asked is None:
            block = unit
            while block < least:
                block *= 2
            return block
        if asked < unit or asked % unit or (asked // unit) & (asked // unit - 1):
            raise LiveError(
                f"a model block of {asked} frames does not fit: it may be {unit}, {2 * unit}, "
                f"{4 * unit} and so on"
            )
        return asked
