"""Every cell of the quickstart up to its MusicGen section, against plain formulas."""

from __future__ import annotations

import pytest
import torch
from support import JOSEPH_NAMES, Joseph, Untouched, synthesize
from torch import Tensor

import torchbend as tb

FRAMES = 4410


@pytest.fixture
def module() -> Joseph:
    return Joseph(110, 4)


@pytest.fixture
def t() -> Tensor:
    return torch.linspace(0.0, 0.1, FRAMES)[None]


def test_the_names_are_those_of_torch_fx(module: Joseph, t: Tensor) -> None:
    bended = tb.BendedModule(module)
    graph = bended.trace(t=t)
    assert bended.activation_names() == JOSEPH_NAMES
    assert [n.name for n in graph.nodes] == ["t", *JOSEPH_NAMES, "output"]
    assert [n.op for n in graph.nodes] == [
        "placeholder", "call_method", "get_attr", "get_attr", "call_function", "call_function",
        "call_function", "call_function", "get_attr", "call_function", "call_function",
        "call_method", "output",
    ]  # fmt: skip
    assert bended.weight_names == ["f0", "f_mult", "amps"]


def test_tracing_again_gives_the_same_names(module: Joseph, t: Tensor) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.trace("forward", t[:, :10])
    assert bended.activation_names() == JOSEPH_NAMES
    assert bended.activation_shape("sin") == (1, 4, 10)


def test_shapes_are_those_of_the_values(module: Joseph, t: Tensor) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    shapes = {name: tuple(bended.activation_shape(name)) for name in JOSEPH_NAMES}
    assert shapes == {
        "unsqueeze": (1, 1, FRAMES),
        "f0": (1, 1, 1),
        "f_mult": (4, 1),
        "mul": (1, 4, 1),
        "mul_1": (1, 4, 1),
        "mul_2": (1, 4, FRAMES),
        "sin": (1, 4, FRAMES),
        "amps": (1, 4, 1),
        "softmax": (1, 4, 1),
        "mul_3": (1, 4, FRAMES),
        "sum_1": (1, FRAMES),
    }
    assert bended.weight_shape("f_mult") == (4, 1)


def test_the_table_of_weights(module: Joseph, capsys: pytest.CaptureFixture[str]) -> None:
    text = tb.BendedModule(module).print_weights()
    assert capsys.readouterr().out == text + "\n"
    head, _, *rows = text.splitlines()
    assert head.split() == ["name", "shape", "dtype", "min", "max", "mean", "stddev"]
    cells = [row.replace("torch.Size(", "").replace(")", "").split("  ") for row in rows]
    f0, f_mult, amps = [[c.strip() for c in row if c.strip()] for row in cells]
    assert f0 == ["f0", "[1, 1, 1]", "torch.int64", "110", "110", "110", "nan"]
    assert f_mult == ["f_mult", "[4, 1]", "torch.int64", "1", "4", "2.5", "1.29099"]
    assert amps == ["amps", "[1, 4, 1]", "torch.float32", "1", "1", "1", "0"]


def test_the_table_of_activations(
    module: Joseph, t: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    text = bended.print_activations()
    assert capsys.readouterr().out == text + "\n"
    rows = text.splitlines()[2:]
    assert [row.split()[0] for row in rows] == JOSEPH_NAMES
    assert f"torch.Size([1, 4, {FRAMES}])" in rows[JOSEPH_NAMES.index("sin")]


def test_weights_are_bent_without_a_trace_and_reset(module: Joseph, t: Tensor) -> None:
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    plain = synthesize(t, module.f0, module.f_mult, module.amps)
    assert torch.equal(bended(t), plain)

    bended.bend(tb.Scale(4.0), "f0")
    assert torch.equal(bended(t), synthesize(t, module.f0 * 4.0, module.f_mult, module.amps))
    assert bended.bended_keys() == ["f0"]

    bended.reset()
    assert torch.equal(bended(t), plain)
    assert bended.bended_keys() == []

    bended.bend(tb.Scale(1.3), "f_mult")
    heard = bended(t)
    assert torch.equal(heard, synthesize(t, module.f0, module.f_mult * 1.3, module.amps))
    whole = (module.f_mult * 1.3).long()
    assert not torch.equal(heard, synthesize(t, module.f0, whole, module.amps))
    untouched.check()


@pytest.mark.parametrize("traced", [False, True])
def test_one_pattern_bends_several_weights_once(module: Joseph, t: Tensor, traced: bool) -> None:
    bended = tb.BendedModule(module)
    if traced:
        bended.trace(t=t)
    bended.bend(tb.Scale(2.0), "f.*")
    assert bended.bended_keys() == ["f0", "f_mult"]
    want = synthesize(t, module.f0 * 2.0, module.f_mult * 2.0, module.amps)
    assert torch.equal(bended(t), want)


def test_inner_values_come_in_the_order_of_the_graph(module: Joseph, t: Tensor) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    out = bended.get_activations(r"sum_1", r"mul_3", r"sin", r"mul$", t=t)
    assert list(out) == ["mul", "sin", "mul_3", "sum_1"]
    phases = 2 * torch.pi * (module.f0 * module.f_mult) * t.unsqueeze(-2)
    assert out["mul"].squeeze().tolist() == [110, 220, 330, 440]
    assert torch.equal(out["mul"], module.f0 * module.f_mult)
    assert torch.equal(out["sin"], torch.sin(phases))
    assert torch.equal(out["mul_3"], torch.sin(phases) * torch.softmax(module.amps, -2))
    assert torch.equal(out["sum_1"], module(t))


def waveshape(x: Tensor) -> Tensor:
    x[..., 0, :] = (x[..., 0, :] > 0).float()
    x[..., 1, :] = (x[..., 1, :] - x[..., 1, :].roll(-1, -1)) / 2 * 100
    x[..., 2, :] = x[..., 2, :] + 0.2 * torch.randn_like(x[..., 2, :])
    x[..., 3, :] = x[..., 2, :].pow(8) % 0.4
    return x


def test_a_function_that_writes_into_its_argument(module: Joseph, t: Tensor) -> None:
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.bend(tb.Lambda(waveshape), "sin")

    sin = torch.sin(2 * torch.pi * (module.f0 * module.f_mult) * t.unsqueeze(-2))
    torch.manual_seed(5)
    shaped = waveshape(sin.clone())
    weighted = shaped * torch.softmax(module.amps, -2)

    torch.manual_seed(5)
    out = bended.get_activations(r"mul$", r"sin", r"mul_3", r"sum_1", t=t)
    assert list(out) == ["mul", "sin", "sin_bended", "mul_3", "sum_1"]
    assert torch.equal(out["sin"], sin)
    assert torch.equal(out["sin_bended"], shaped)
    assert torch.equal(out["mul_3"], weighted)
    assert torch.equal(out["sum_1"], weighted.sum(-2))
    torch.manual_seed(5)
    assert torch.equal(bended(t), weighted.sum(-2))

    bended.reset()
    assert torch.equal(bended(t), module(t))
    untouched.check()


def wrong_add_partial(x: Tensor) -> Tensor:
    new_partial = torch.sqrt(1 - x[..., [0], :].pow(2))
    return torch.cat([x, new_partial], -2)


SENTENCE = (
    "The size of tensor a (5) must match the size of tensor b (4) at non-singleton dimension 1"
)


@pytest.mark.parametrize("look", [False, True])
def test_a_bend_that_changes_a_shape(module: Joseph, t: Tensor, look: bool) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.bend(tb.Lambda(wrong_add_partial), "sin")
    with pytest.raises(tb.BendingError) as caught:
        if look:
            bended.get_activations(r"mul$", r"sin", t=t)
        else:
            bended(t)
    message = str(caught.value)
    assert SENTENCE in message
    assert "'sin'" in message
    assert "wrong_add_partial" in message
    assert f"(1, 4, {FRAMES})" in message and f"(1, 5, {FRAMES})" in message
    bended.reset()
    assert torch.equal(bended(t), module(t))


def test_a_new_shape_that_the_rest_can_take(module: Joseph, t: Tensor) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.bend(tb.Lambda(wrong_add_partial), "mul_3")
    waves = torch.sin(2 * torch.pi * (module.f0 * module.f_mult) * t.unsqueeze(-2))
    waves = waves * torch.softmax(module.amps, -2)
    assert torch.equal(bended(t), wrong_add_partial(waves).sum(-2))


@pytest.mark.parametrize("frames", [1, 64, 4411])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_bent_synthesizer_takes_other_lengths_and_batches(
    module: Joseph, t: Tensor, frames: int, batch: int
) -> None:
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.bend(tb.Scale(0.25), "sin")
    bended.bend(tb.Scale(3.0), "f0")
    other = torch.linspace(0, 1, frames) * torch.arange(1, batch + 1).unsqueeze(-1)
    phases = 2 * torch.pi * (module.f0 * 3.0 * module.f_mult) * other.unsqueeze(-2)
    want = (torch.sin(phases) * 0.25 * torch.softmax(module.amps, -2)).sum(-2)
    assert torch.equal(bended(other), want)
