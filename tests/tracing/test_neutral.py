"""A neutral bend changes nothing, anywhere; half a value is half a value, anywhere.

The second is compared with an ``fx.Interpreter`` that walks the traced graph on a copy of
the model and changes one node's value on the way.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from support import (
    Codec,
    ConvNet,
    LazyStreamingConv,
    Reference,
    StreamingNet,
    equal,
    noise,
    same_buffers,
    seeded,
    with_weights,
)
from torch import Tensor, nn

import torchbend as tb


class Everything(nn.Module):
    """Writes in place, splits, reads parameters and buffers, draws noise, keeps a state."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(4, 8)
        self.act = nn.ReLU(inplace=True)
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, 4))
        self.register_buffer("window", torch.hann_window(4))
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.lin(x).chunk(2, -1)
        a = self.act(a) * self.gain
        a[..., :2] += b[..., 2:]
        self.mean.mul_(0.9).add_(a.detach().mean((0, 1)), alpha=0.1)
        b = b * self.window + torch.randn(b.shape[0], 1, 4) * 0.1
        out = torch.cat([a, b], -1).sort(-1)[0]
        out -= self.mean.mean()
        return out.softmax(-1)


@dataclass(frozen=True)
class Case:
    make: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]

    def blocks(self) -> list[Tensor]:
        return [noise(*shape, seed=i) for i, shape in enumerate(self.shapes)]


CASES = {
    "convolutions": Case(lambda: seeded(ConvNet), ((2, 4, 8), (2, 4, 8), (1, 4, 13))),
    "codec": Case(lambda: seeded(Codec), ((1, 1, 8), (3, 1, 8), (1, 1, 5))),
    "streaming": Case(lambda: seeded(StreamingNet), ((2, 2, 6), (2, 2, 6), (1, 2, 9))),
    "lazy": Case(lambda: seeded(LazyStreamingConv), ((2, 2, 6), (2, 2, 6), (4, 2, 3))),
    "everything": Case(lambda: seeded(Everything), ((2, 3, 4), (2, 3, 4), (5, 1, 4))),
}


def traced(module: nn.Module, x: Tensor) -> tb.BendedModule:
    bended = tb.BendedModule(module)
    bended.trace(x=x)
    assert bended._trace_of("forward").kind == "graph"
    return bended


def floating(bended: tb.BendedModule) -> list[str]:
    """Names of what a bend of numbers can reach."""
    there = bended.activations()
    return [
        key
        for key in bended.bendable_keys()
        if key not in there or (there[key].dtype is not None and there[key].dtype.is_floating_point)
    ]


def is_number(bended: tb.BendedModule, name: str) -> bool:
    """Whether a place has no dimension, for which no mask of a dimension can be drawn."""
    return name in bended.activations() and bended.activation_shape(name) == ()


def assert_plays_as(
    bended: tb.BendedModule, want: nn.Module, blocks: list[Tensor], where: str = ""
) -> None:
    for i, block in enumerate(blocks):
        torch.manual_seed(i)
        expected = want(block)
        torch.manual_seed(i)
        assert equal(bended(block), expected), f"{where} block {i}"
        same_buffers(bended, want)


NEUTRAL = [tb.Scale(1.0), tb.Bias(0.0), tb.Mask(1.0, dim=-1, seed=1), tb.Affine(0.0, 1.0)]


@pytest.mark.parametrize("callback", NEUTRAL, ids=repr)
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_neutral_at_every_place_at_once(case: str, callback: tb.BendingCallback) -> None:
    given = CASES[case]
    module = given.make()
    bended = traced(module, given.blocks()[0])
    names = [n for n in floating(bended) if not is_number(bended, n)]
    bended.bend(callback, *(f"{name}$" for name in names))
    assert set(names) <= set(bended.bended_keys())
    assert_plays_as(bended, copy.deepcopy(module), given.blocks())


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_a_full_mask_of_the_whole_place(case: str) -> None:
    given = CASES[case]
    module = given.make()
    bended = traced(module, given.blocks()[0])
    bended.bend(tb.Mask(1.0), *(f"{name}$" for name in floating(bended)))
    assert_plays_as(bended, copy.deepcopy(module), given.blocks()[:2])


@contextlib.contextmanager
def same_start(bended: tb.BendedModule) -> Iterator[None]:
    """Put the state back at the end, so that the next place starts from the same one."""
    state = {name: buffer.clone() for name, buffer in bended.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in bended.named_buffers():
            buffer.copy_(state[name])


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_neutral_at_each_place_alone(case: str) -> None:
    given = CASES[case]
    module = given.make()
    bended = traced(module, given.blocks()[0])
    for name in floating(bended):
        with same_start(bended), bended.bend(tb.Scale(1.0), f"{name}$"):
            assert bended.bended_keys() == [name]
            assert_plays_as(bended, copy.deepcopy(module), given.blocks(), name)


def halve(x: Tensor) -> Tensor:
    return x * 0.5


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_half_at_each_place_is_half_in_the_interpreter(case: str) -> None:
    given = CASES[case]
    module = given.make()
    bended = traced(module, given.blocks()[0])
    plain = outputs(copy.deepcopy(module), given.blocks())
    for name in floating(bended):
        weight = name in bended.weight_names
        source = with_weights(module, {name: halve}) if weight else copy.deepcopy(module)
        if "cache" in dict(bended.named_buffers()):  # made at the first call
            source.register_buffer("cache", bended.cache.clone())
        reference = Reference(bended, {} if weight else {name: halve}, state=source)
        want = outputs(reference, given.blocks())
        with same_start(bended), bended.bend(tb.Scale(0.5), f"{name}$"):
            assert equal(outputs(bended, given.blocks()), want), name
            same_buffers(bended, reference.model)
        assert not equal(want, plain), f"the reference does not hear {name}"


def outputs(run: Callable[[Tensor], Tensor], blocks: list[Tensor]) -> list[Tensor]:
    out = []
    for i, block in enumerate(blocks):
        torch.manual_seed(i)
        out.append(run(block))
    return out


@pytest.mark.parametrize("case", ["streaming", "lazy"])
@torch.no_grad()
def test_the_state_itself_is_refused_by_name(case: str) -> None:
    given = CASES[case]
    bended = traced(given.make(), given.blocks()[0])
    hidden = [p.name for p in bended._trace_of("forward").places if p.state]
    assert hidden
    for name in hidden:
        assert name not in bended.bendable_keys()
        with pytest.raises(tb.BendingError, match=f"{name}.*state"):
            bended.bend(tb.Scale(0.5), f"{name}$")
    assert bended.bended_keys() == []
