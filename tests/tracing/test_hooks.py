"""What ``torch.fx`` cannot follow is bent at the outputs of its submodules."""

from __future__ import annotations

import copy
import logging
from collections import namedtuple
from typing import Any

import pytest
import torch
from support import Opaque, Untouched, loudness, noise, same_buffers, seeded, with_weights
from torch import Tensor, nn

import torchbend as tb

Result = namedtuple("Result", "main extra")


class Split(nn.Module):
    def __init__(self, kind: str = "tuple") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Any:
        parts = [x * 2, x + 1]
        if self.kind == "named":
            return Result(*parts)
        return tuple(parts) if self.kind == "tuple" else parts


class OpaqueSplit(nn.Module):
    """Several tensors out of one submodule, and a module that is called twice."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.split = Split(kind)
        self.lin = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.split(x)
        for _ in range(2 if loudness(a) else 1):
            b = self.lin(b)
        return a + b


class OpaqueStream(nn.Module):
    """A state that is replaced, not written: a graph cannot hold that."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.register_buffer("last", torch.zeros(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.lin(x) + self.last
        self.last = y.detach() * (0.5 if loudness(y) else 0.0)
        return y


def opaque(x: Tensor, module: Opaque, **changes: Any) -> Tensor:
    """``Opaque`` in plain torch, with changes of its inner values."""
    first = nn.functional.linear(x, module.first.weight, module.first.bias)
    x = torch.tanh(changes.get("first", lambda v: v)(first))
    for _ in range(3):
        if not loudness(x) > -2.0:
            break
        x = x - 0.5
    second = nn.functional.linear(x, module.second.weight, module.second.bias)
    return changes.get("second", lambda v: v)(second)


def test_one_line_says_that_hooks_are_used(caplog: pytest.LogCaptureFixture) -> None:
    module = seeded(Opaque)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    with caplog.at_level(logging.INFO, logger="torchbend"), torch.no_grad():
        assert bended.trace(x=noise(2, 3)) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "forward" in record.getMessage() and "submodules" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert bended.is_traced()
    untouched.check()


class OpaqueNoise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return self.lin(x + torch.randn_like(x)) * (1.0 if loudness(x) else 2.0)


@torch.no_grad()
def test_a_trace_by_hooks_leaves_random_numbers_and_state() -> None:
    module = seeded(OpaqueNoise)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    x = noise(2, 3)
    torch.manual_seed(6)
    numbers = torch.get_rng_state()
    assert bended.trace(x=x) is None
    assert torch.equal(torch.get_rng_state(), numbers)
    assert bended.count == 0
    bended.bend(tb.Scale(0.5), "lin$")
    torch.manual_seed(7)
    want = module.lin(x + torch.randn_like(x)) * 0.5
    torch.manual_seed(7)
    assert torch.equal(bended(x), want)
    assert bended.count == 1
    untouched.check()


@torch.no_grad()
def test_the_same_vocabulary(capsys: pytest.CaptureFixture[str]) -> None:
    module = seeded(Opaque)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 3))
    assert bended.activation_names() == ["first", "second"]
    assert bended.activation_shape("first") == (2, 3)
    text = bended.print_activations()
    assert capsys.readouterr().out == text + "\n"
    assert [row.split()[0] for row in text.splitlines()[2:]] == ["first", "second"]
    assert "Linear" in text
    assert bended.bendable_keys("first$") == ["first"]
    weights = ["first.weight", "first.bias", "second.weight", "second.bias"]
    assert bended.bendable_keys() == [*weights, "first", "second"]


@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (5, 3)])
@torch.no_grad()
def test_bends_equal_the_formula(shape: tuple[int, ...]) -> None:
    module = seeded(Opaque)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 3))
    x = noise(*shape, seed=3)
    assert torch.equal(bended(x), module(x))
    bended.bend(tb.Scale(0.5), "first$")
    bended.bend(tb.Bias(2.0), "first$")
    bended.bend(tb.Scale(3.0), "forward:second")
    want = opaque(x, module, first=lambda v: v * 0.5 + 2.0, second=lambda v: v * 3.0)
    assert torch.equal(bended(x), want)
    assert bended.bended_keys() == ["first", "second"]
    with bended.bend(tb.Scale(4.0), "second.weight"):
        twin = with_weights(module, {"second.weight": lambda w: w * 4.0})
        want = opaque(x, twin, first=lambda v: v * 0.5 + 2.0, second=lambda v: v * 3.0)
        assert torch.equal(bended(x), want)
    bended.reset()
    assert torch.equal(bended(x), module(x))
    untouched.check()


@torch.no_grad()
def test_no_hook_is_left_on_what_plays() -> None:
    bended = tb.BendedModule(seeded(Opaque))
    bended.trace(x=noise(2, 3))
    bended.bend(tb.Scale(0.5), "first$")
    bended(noise(2, 3))
    bended.get_activations(".*", x=noise(2, 3))
    for module in bended._shadow.modules():
        assert not module._forward_hooks


@torch.no_grad()
def test_inner_values() -> None:
    module = seeded(Opaque)
    bended = tb.BendedModule(module)
    x = noise(4, 3, seed=2)
    bended.trace(x=noise(2, 3))
    first = nn.functional.linear(x, module.first.weight, module.first.bias)
    plain = bended.get_activations("first", "second", x=x)
    assert list(plain) == ["first", "second"]
    assert torch.equal(plain["first"], first)
    assert torch.equal(plain["second"], module(x))
    bended.bend(tb.Scale(0.5), "first$")
    bent = bended.get_activations(".*", x=x)
    assert list(bent) == ["first", "first_bended", "second"]
    assert torch.equal(bent["first"], first)
    assert torch.equal(bent["first_bended"], first * 0.5)
    assert torch.equal(bent["second"], opaque(x, module, first=lambda v: v * 0.5))
    unbent = bended.get_activations(".*", x=x, bended=False)
    assert list(unbent) == ["first", "second"]
    assert torch.equal(unbent["second"], module(x))
    only = bended.get_activations(".*", x=x, _filter_bended=True)
    assert list(only) == ["first", "second"]
    assert torch.equal(only["first"], first * 0.5)


@pytest.mark.parametrize("kind", ["tuple", "list", "named"])
@torch.no_grad()
def test_several_tensors_of_one_submodule(kind: str) -> None:
    module = seeded(OpaqueSplit, kind)
    bended = tb.BendedModule(module)
    x = noise(2, 3)
    bended.trace(x=x)
    assert bended.activation_names() == ["split/0", "split/1", "lin"]
    bended.bend(tb.Scale(10.0), "split/0")
    bended.bend(tb.Scale(0.5), "lin$")
    b = module.lin(module.lin(x + 1) * 0.5) * 0.5  # a module that runs twice is bent twice
    assert torch.equal(bended(x), x * 2 * 10.0 + b)
    values = bended.get_activations("split/0", x=x)
    assert torch.equal(values["split/0_bended"], x * 2 * 10.0)


@torch.no_grad()
def test_a_state_advances_under_hooks() -> None:
    module = seeded(OpaqueStream)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 3))
    assert bended.activation_names() == ["lin"]
    same_buffers(bended, module)
    bended.bend(tb.Scale(0.5), "lin$")
    twin = copy.deepcopy(module)
    twin.lin.register_forward_hook(lambda m, i, out: out * 0.5)
    for seed in range(3):
        x = noise(2, 3, seed=seed)
        before = bended.last.clone()
        bended.get_activations("lin", x=x)
        assert torch.equal(bended.last, before)
        assert torch.equal(bended(x), twin(x))
        assert torch.equal(bended.last, twin.last)
    untouched.check()


@torch.no_grad()
def test_a_control_moves_under_hooks() -> None:
    module = seeded(Opaque)
    bended = tb.BendedModule(module)
    x = noise(2, 3)
    bended.trace(x=x)
    gain = tb.BendingParameter("gain", 1.0)
    bended.bend(tb.Scale(2.0 * gain), "first$")
    bended.update("gain", 0.25)
    assert torch.equal(bended(x), opaque(x, module, first=lambda v: v * 0.5))


@torch.no_grad()
def test_arguments_of_callbacks_under_hooks() -> None:
    module = seeded(Opaque)
    bended = tb.BendedModule(module)
    x = noise(2, 3)
    bended.trace(x=x)
    bended.bend(tb.InterpolateActivation(), "second$")
    w = torch.tensor([[0.25, 0.75]])
    assert torch.allclose(bended(x, interp_weights=w), w @ module(x))
    assert torch.equal(bended(x), module(x))


def test_what_hooks_cannot_do_is_said_with_the_reason() -> None:
    bended = tb.BendedModule(seeded(Opaque))
    with torch.no_grad():
        bended.trace(x=noise(2, 3))
    with pytest.raises(tb.TracingError, match=r"forward.*hooks"):
        bended.graph()
    with pytest.raises(tb.BendingError, match=r"forward.*hooks"):
        bended.from_activations("first", first=noise(2, 3))
    with pytest.raises(tb.ScriptError, match=r"forward.*hooks"):
        bended.script()


@torch.no_grad()
def test_a_shape_that_does_not_fit_under_hooks() -> None:
    bended = tb.BendedModule(seeded(Opaque))
    x = noise(2, 3)
    bended.trace(x=x)
    bended.bend(tb.Lambda(lambda v: v[:, :2]), "first$")
    with pytest.raises(tb.BendingError, match=r"(?s)first.*\(2, 3\) to \(2, 2\)"):
        bended(x)
    bended.reset()
    assert torch.equal(bended(x), bended.module(x))
