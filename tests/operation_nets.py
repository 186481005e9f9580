"""Nets with every operation in them, each in a branch of its own that has channels of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from operation_places import CHANNELS, FRAMES
from support import noise, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.bending.operation import FAMILIES, Operation
from torchbend.bending.registry import operations
from torchbend.places import Place

INPUTS = 4
TAPS = 7  # of a bent weight, as in operation_places


# -- every operation, with every example ---------------------------------------------------
@dataclass(frozen=True)
class Case:
    """An operation with the settings of one of its examples."""

    operation: Operation
    number: int

    def callback(self, place: Place) -> tb.BendingCallback:
        """The operation for a place."""
        settings = self.operation.settings(place, self.operation.examples[self.number])
        return self.operation.callback(**settings)


def cases(kind: str) -> list[Case]:
    """All that is for a kind of place and always gives the same."""
    return [
        Case(operation, number)
        for operation in operations().values()
        if kind in operation.places and not operation.random
        for number in range(len(operation.examples))
    ]


class Branches(nn.Module):
    """Layers side by side, their channels one after the other."""

    def __init__(self, count: int, taps: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(INPUTS, CHANNELS, taps, padding=taps // 2) for _ in range(count)
        )
        for layer in self.layers:
            nn.init.normal_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x) for layer in self.layers], 1)


def wrapped(module: nn.Module, channels: int = INPUTS) -> tuple[tb.BendedModule, dict[str, Place]]:
    """A net whose method forward is traced, and its places by name."""
    bended = tb.BendedModule(module)
    bended.trace("forward", noise(1, channels, FRAMES))
    return bended, {place.name: place for place in bended._places()}


def bent_activations(chosen: Sequence[Case]) -> tb.BendedModule:
    """Each case on what a layer of its own gives."""
    bended, places = wrapped(seeded(Branches, len(chosen), 1))
    for i, case in enumerate(chosen):
        bended.bend(case.callback(places[f"layers_{i}"]), f"layers_{i}$", bend_param=False)
    return bended


def bent_weights(chosen: Sequence[Case]) -> tb.BendedModule:
    """Each case on the weight of a layer of its own, as much as the knob ``amount`` says."""
    bended, places = wrapped(seeded(Branches, len(chosen), TAPS))
    amount = tb.BendingParameter("amount", 0.0, range=[0.0, 1.0])
    for i, case in enumerate(chosen):
        name = f"layers.{i}.weight"
        bend = tb.Bend(case.callback(places[name]), amount=amount)
        bended.bend(bend, rf"layers\.{i}\.weight$", bend_graph=False)
    return bended


def any_length() -> tuple[list[Case], list[Case]]:
    """Cases on activations: those that take blocks of any length, and those of one length."""
    _, places = wrapped(seeded(Branches, 1, 1))
    free, bound = [], []
    for case in cases("activation"):
        kernel = case.callback(places["layers_0"]).kernel(places["layers_0"])
        try:
            kernel(noise(1, CHANNELS, FRAMES + 9))
            free.append(case)
        except RuntimeError:  # what was drawn for each frame fits no other number of them
            bound.append(case)
    return free, bound


# -- one bend of every family --------------------------------------------------------------
@dataclass(frozen=True)
class Shown:
    """A bend of the net of all families.

    Attributes:
        name: of the bend, and of its knobs.
        operation: what it bends with.
        kind: of the place that it is on.
        channel: of the output, the one where it is heard.
        knob: the setting that has a control ``<name>_<knob>``, if there is one.
        moved: where that control is moved to; it starts where the example has it.
    """

    name: str
    operation: Operation
    kind: str
    channel: int
    knob: str | None
    moved: float

    @property
    def control(self) -> str:
        """The name of its own control."""
        return f"{self.name}_{self.knob}"


# What a bend has beside its amount, in turn.
MORE = (
    {},
    {"channels": tb.Fraction(0.7, seed=1)},
    {"restore": "channel"},
    {"channels": slice(0, 5), "restore": "whole"},
)


def shown() -> list[Shown]:
    """A bend of every family on an activation, and one on a weight where a family has any."""
    found: list[Shown] = []
    for kind in ("activation", "weight"):
        for family in FAMILIES:
            of_it = [o for o in operations().values() if o.family == family and kind in o.places]
            if of_it:
                operation = next((o for o in of_it if _knob(o)[0] and not o.random), of_it[0])
                found.append(
                    Shown(f"{family}_{kind[0]}", operation, kind, len(found), *_knob(operation))
                )
    return found


def _knob(operation: Operation) -> tuple[str | None, float]:
    """The first setting of an operation that a knob can move, and another value of it."""
    example = operation.examples[0]
    for name in operation.callback.controllable_params:
        value = example.get(name)
        if isinstance(value, float) and operation.prepare is None:
            return name, value * 0.5 if value else 0.5
    return None, 0.0


class Families(nn.Module):
    """A layer and one channel of the output for each bend."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(4, CHANNELS, 5, padding=2) for _ in range(count))
        self.mixes = nn.ModuleList(nn.Conv1d(CHANNELS, 1, 1) for _ in range(count))
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, x.abs(), torch.sin(3 * x), x * x], 1)
        done = []
        for layer, mix in zip(self.layers, self.mixes, strict=True):
            done.append(mix(torch.tanh(layer(x))))
        return torch.cat(done, 1)


def families() -> nn.Module:
    """The net of all families, without bends."""
    return seeded(Families, len(shown()))


def bent_families() -> tb.BendedModule:
    """The net of all families: bends with a name each, that start with an amount of 0."""
    bended, places = wrapped(families(), 1)
    for each, more in zip(shown(), _in_turn(), strict=False):
        i = each.channel
        weight = each.kind == "weight"
        place = places[f"layers.{i}.weight" if weight else f"layers_{i}"]
        settings = each.operation.settings(place, each.operation.examples[0])
        if each.knob is not None:
            start = settings[each.knob]
            settings[each.knob] = tb.BendingParameter(each.control, start)
        if each.operation.prepare is not None:
            more = {}  # they are made for all channels
        bend = tb.Bend(each.operation.callback(**settings), name=each.name, **more)
        bend.amount.set_value(0.0)
        bended.bend(bend, rf"layers\.{i}\.weight$" if weight else f"layers_{i}$")
    return bended


def _in_turn() -> Iterator[dict[str, object]]:
    while True:
        yield from MORE
