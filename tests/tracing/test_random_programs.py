"""Random nets with random bends, and random sequences of operations, against plain models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import Change, Reference, Untouched, noise, seeded, with_weights
from torch import Tensor, nn

import torchbend as tb

CHANNELS = 3
LAYERS = {
    "conv": lambda: nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1),
    "linear": lambda: nn.Conv1d(CHANNELS, CHANNELS, 1),
    "tanh": nn.Tanh,
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky": lambda: nn.LeakyReLU(0.3),
    "norm": lambda: nn.GroupNorm(1, CHANNELS),
    "residual": lambda: Residual(),
    "gated": lambda: Gated(),
}


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y += x
        return y


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.randn(CHANNELS, 1))

    def forward(self, x: Tensor) -> Tensor:
        a, b = torch.cat([x, x * self.gain], 1).chunk(2, 1)
        return a * torch.sigmoid(b) + self.gain


def net_of(names: list[str], seed: int) -> nn.Module:
    return seeded(lambda: nn.Sequential(*(LAYERS[name]() for name in names)), seed=seed)


nets = st.builds(
    net_of, st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=5), st.integers(0, 99)
)
numbers = st.floats(-2.0, 2.0, width=16)


def formula(kind: str, value: float) -> tuple[tb.BendingCallback, Change]:
    if kind == "scale":
        return tb.Scale(value), lambda v: v * value
    if kind == "bias":
        return tb.Bias(value), lambda v: v + value
    if kind == "affine":
        return tb.Affine(value, 0.5), lambda v: v * 0.5 + value
    if kind == "chain":
        return tb.Scale(value) >> tb.Lambda(torch.abs), lambda v: (v * value).abs()
    return tb.Lambda(lambda v: v.clamp_(-1, value + 3)), lambda v: v.clamp(-1, value + 3)


def place_of(bended: tb.BendedModule, key: str) -> str:
    """A parameter that the graph reads is one place: the weight."""
    there = bended.activations().get(key)
    return there.target if there is not None and there.op == "get_attr" else key


bends = st.tuples(st.sampled_from(["scale", "bias", "affine", "chain", "clamp"]), numbers)


def reference_of(
    bended: tb.BendedModule, module: nn.Module, sets: list[tuple[str, Change]]
) -> Reference:
    """The net with these changes, each at a place, in order."""
    weights: dict[str, list[Change]] = {}
    values: dict[str, list[Change]] = {}
    for place, change in sets:
        here = weights if place in bended.weight_names else values
        here.setdefault(place, []).append(change)

    def all_of(changes: list[Change]) -> Change:
        def run(value: Tensor) -> Tensor:
            for change in changes:
                value = change(value)
            return value

        return run

    state = with_weights(module, {n: all_of(changes) for n, changes in weights.items()})
    return Reference(bended, values, state=state)


@given(nets, st.lists(st.tuples(st.integers(0, 999), bends), max_size=6), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_random_bends_of_random_nets(
    module: nn.Module, chosen: list[tuple[int, tuple[str, float]]], data: st.DataObject
) -> None:
    untouched = Untouched(module)
    with torch.no_grad():
        bended = tb.BendedModule(module)
        bended.trace("forward", noise(2, CHANNELS, 4))
        keys = bended.bendable_keys()
        sets = []
        for index, bend in chosen:
            key = keys[index % len(keys)]
            callback, change = formula(*bend)
            bended.bend(callback, f"{key}$")
            sets.append((place_of(bended, key), change))
        reference = reference_of(bended, module, sets)
        shapes = st.tuples(st.integers(1, 3), st.just(CHANNELS), st.integers(1, 6))
        for shape in data.draw(st.lists(shapes, min_size=1, max_size=3)):
            x = noise(*shape, seed=len(chosen))
            kept = x.clone()
            want = reference(x.clone())
            assert torch.equal(bended(x.clone()), want)
            assert torch.equal(x, kept)
        bended.reset()
        x = noise(2, CHANNELS, 4, seed=5)
        assert torch.equal(bended(x.clone()), module(x.clone()))
    untouched.check()


@dataclass(eq=False)
class Made:
    """One bend in the plain model: where, and what it computes now."""

    handle: Any
    place: str
    kind: str
    control: str | None
    number: float
    version: str | None
    config: str | None
    numbers: dict[str, float] = field(repr=False, default_factory=dict)

    def change(self) -> Change:
        number = self.numbers[self.control] if self.control else self.number
        return formula(self.kind, number)[1]


class Performance(RuleBasedStateMachine):
    """Bend, undo, move, reset, change configuration and version: always as the plain model says."""

    @initialize(
        names=st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3),
        seed=st.integers(0, 20),
    )
    def start(self, names: list[str], seed: int) -> None:
        self.module = net_of(names, seed)
        self.trainings: dict[str | None, nn.Module] = {None: self.module}
        self.untouched = Untouched(self.module)
        self.bended = tb.BendedModule(self.module)
        self.x = noise(2, CHANNELS, 4)
        with torch.no_grad():
            self.bended.trace("forward", self.x.clone())
        self.names = names
        self.keys = self.bended.bendable_keys()
        self.numbers: dict[str, float] = {"a": 0.5, "b": -1.0}
        self.controls = {n: tb.BendingParameter(n, v) for n, v in self.numbers.items()}
        self.bends: list[Made] = []
        self.config: str | None = None
        self.version: str | None = None
        self.configs: list[str | None] = [None]

    @rule(
        index=st.integers(0, 999),
        kind=st.sampled_from(["scale", "bias"]),
        control=st.sampled_from([None, "a", "b"]),
        number=numbers,
        elsewhere=st.booleans(),
    )
    def bend(
        self, index: int, kind: str, control: str | None, number: float, elsewhere: bool
    ) -> None:
        key = self.keys[index % len(self.keys)]
        place = place_of(self.bended, key)
        setting: Any = self.controls[control] if control else number
        callback = tb.Scale(setting) if kind == "scale" else tb.Bias(setting)
        config = self.configs[-1] if elsewhere else self.config
        where = {"config": config} if config is not None else {}
        if config is None and self.config is not None:
            config = self.config
        handle = self.bended.bend(callback, f"{key}$", **where)
        self.bends.append(
            Made(handle, place, kind, control, number, self.version, config, self.numbers)
        )

    @precondition(lambda self: any(b.handle for b in self.bends))
    @rule(index=st.integers(0, 999))
    def undo(self, index: int) -> None:
        held = [b for b in self.bends if b.handle]
        made = held[index % len(held)]
        self.bends.remove(made)
        made.handle.undo()

    @rule(name=st.sampled_from(["a", "b"]), number=numbers)
    def move(self, name: str, number: float) -> None:
        if name in self.bended.controllables:
            self.bended.update(name, number)
        else:
            self.controls[name].set_value(number)
        self.numbers[name] = number

    @rule()
    def reset(self) -> None:
        self.bended.reset()
        self.bends = [b for b in self.bends if b.config != self.config]

    @rule(seed=st.integers(0, 99))
    def new_version(self, seed: int) -> None:
        name = f"v{len(self.trainings)}"
        self.trainings[name] = net_of(self.names, seed)
        self.bended.create_version(name, self.trainings[name])

    @rule(index=st.integers(0, 99))
    def change_version(self, index: int) -> None:
        self.version = list(self.trainings)[index % len(self.trainings)]
        self.bended.version = self.version

    @rule()
    def new_configuration(self) -> None:
        name = f"c{len(self.configs)}"
        self.bended.save_config_as(name)
        self.configs.append(name)
        # the same bends again: undoing the first ones does not take these back
        self.bends += [replace(b, handle=None, config=name) for b in self.heard()]

    @rule(index=st.integers(0, 99))
    def change_configuration(self, index: int) -> None:
        self.config = self.configs[index % len(self.configs)]
        self.bended.config = self.config

    @rule()
    def play(self) -> None:
        with torch.no_grad():
            assert torch.equal(self.bended(self.x.clone()), self.expected(self.version))

    @precondition(lambda self: len(self.trainings) > 1)
    @rule(first=st.floats(0.25, 2.0), second=st.floats(0.25, 2.0), index=st.integers(0, 99))
    def mix(self, first: float, second: float, index: int) -> None:
        name = list(self.trainings)[1 + index % (len(self.trainings) - 1)]
        twin = net_of(self.names, 0)
        for key, p in twin.named_parameters():
            parts = [(self.bent(key, None), first), (self.bent(key, name), second)]
            p.data = sum(w * share for w, share in parts) / (first + second)
        here = [(b.place, b.change()) for b in self.heard() if b.place not in self.weights()]
        with torch.no_grad(), self.bended.interpolate(first, **{name: second}):
            want = reference_of(self.bended, twin, here)(self.x.clone())
            assert torch.allclose(self.bended(self.x.clone()), want, rtol=1e-3, atol=1e-4)

    # -- the plain model ---------------------------------------------------------------
    def weights(self) -> list[str]:
        return self.bended.weight_names

    def heard(self) -> list[Made]:
        return [b for b in self.bends if b.config == self.config]

    def bent(self, key: str, version: str | None) -> Tensor:
        value = self.trainings[version].get_parameter(key).detach()
        for made in self.heard():
            if made.place == key and made.version == version:
                value = made.change()(value)
        return value

    def expected(self, version: str | None) -> Tensor:
        sets = [
            (b.place, b.change())
            for b in self.heard()
            if b.place not in self.weights() or b.version == version
        ]
        return reference_of(self.bended, self.trainings[version], sets)(self.x.clone())

    @invariant()
    def as_the_plain_model_says(self) -> None:
        if not hasattr(self, "bended"):
            return
        heard = self.heard()
        weights = {b.place for b in heard if b.place in self.weights()}
        activations = {b.place for b in heard if b.place not in weights}
        now = {b.place for b in heard if b.place in weights and b.version == self.version}
        assert set(self.bended.bended_keys()) == now | activations
        assert set(self.bended.controllables) == {b.control for b in heard if b.control}
        assert self.bended.config == self.config and self.bended.version == self.version
        self.untouched.check()


Performance.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)
TestPerformance = Performance.TestCase
