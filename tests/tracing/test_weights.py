"""Bent weights: their values, their dtype, their order, and what stays shared."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable

import pytest
import torch
from support import (
    Codec,
    ConvNet,
    Joseph,
    StreamingNet,
    Untouched,
    equal,
    noise,
    same_buffers,
    seeded,
    synthesize,
    with_weights,
)
from torch import Tensor, nn

import torchbend as tb


class Holder(nn.Module):
    """One parameter of any dtype, and what it makes of an input."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.value * x


VALUES = {
    "float32": noise(3, 4),
    "float64": noise(3, 4).double(),
    "float16": noise(3, 4).half(),
    "bfloat16": noise(3, 4).bfloat16(),
    "int64": torch.arange(12).reshape(3, 4),
    "uint8": torch.arange(12, dtype=torch.uint8).reshape(3, 4),
    "complex64": torch.complex(noise(3, 4), noise(3, 4, seed=1)),
    "bool": noise(3, 4) > 0,
}
FORMULAS: dict[str, tuple[tb.BendingCallback, Callable[[Tensor], Tensor]]] = {
    "scale": (tb.Scale(1.3), lambda w: w * 1.3),
    "scale by 2": (tb.Scale(2), lambda w: w * 2),
    "bias": (tb.Bias(0.25), lambda w: w + 0.25),
    "affine": (tb.Affine(0.5, 3.0), lambda w: w * 3.0 + 0.5),
    "complex": (tb.Scale(1j), lambda w: w * 1j),
    "lambda": (tb.Lambda(lambda w: w * w + w), lambda w: w * w + w),
    "chain": (tb.Scale(2.0) >> tb.Bias(1.0) >> tb.Scale(0.1), lambda w: (w * 2.0 + 1.0) * 0.1),
}


# torch itself compares no complex numbers of half precision
PAIRS = [pair for pair in itertools.product(VALUES, FORMULAS) if pair != ("float16", "complex")]


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(("dtype", "formula"), PAIRS)
def test_a_weight_of_any_dtype_is_bent_as_plain_torch_does(
    dtype: str, formula: str, traced: bool
) -> None:
    callback, compute = FORMULAS[formula]
    module = Holder(VALUES[dtype].clone())
    untouched = Untouched(module)
    want = compute(module.value.detach().clone())
    bended = tb.BendedModule(module)
    x = torch.ones(4)
    if traced:
        bended.trace(x=x)
    bended.bend(callback, "value")
    got = bended(x)
    assert got.dtype == (want * x).dtype
    assert torch.equal(got, want * x)
    bent = bended.bended_state_dict()["value"]
    assert bent.dtype == want.dtype and torch.equal(bent, want)
    assert torch.equal(bended.state_dict()["value"], module.value)
    bended.reset()
    assert torch.equal(bended(x), module(x)) and bended(x).dtype == module(x).dtype
    untouched.check()


@pytest.mark.parametrize("order", list(itertools.permutations(["scale", "bias", "square"])))
@pytest.mark.parametrize("how", ["stacked", "chained"])
def test_bends_on_one_weight_apply_in_the_order_given(order: tuple[str, ...], how: str) -> None:
    made = {
        "scale": (tb.Scale(3.0), lambda w: w * 3.0),
        "bias": (tb.Bias(-0.5), lambda w: w + -0.5),
        "square": (tb.Lambda(lambda w: w.mul_(w)), lambda w: w * w),
    }
    module = seeded(ConvNet)
    bended = tb.BendedModule(module)
    if how == "stacked":
        for word in order:
            bended.bend(made[word][0], "gain")
    else:
        first, second, third = (made[word][0] for word in order)
        bended.bend(first >> second >> third, "gain")
    want = module.gain.detach().clone()
    for word in order:
        want = made[word][1](want)
    assert torch.equal(bended.bended_state_dict()["gain"], want)
    x = noise(2, 4, 8)
    with torch.no_grad():
        assert torch.equal(bended(x), with_weights(module, {"gain": lambda _: want})(x))


def test_a_parameter_that_the_graph_reads_is_bent_once() -> None:
    module, t = Joseph(), torch.linspace(0, 1, 100)[None]
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.bend(tb.Scale(3.0), "f0")
    assert bended.bended_keys() == ["f0"]
    assert list(bended.bended_params) == ["f0"]
    assert bended.bended_activations() == {}
    want = synthesize(t, module.f0 * 3.0, module.f_mult, module.amps)
    assert torch.equal(bended(t), want)
    # bent activations make the graph run: still once
    bended.bend(tb.Scale(0.5), "sum_1")
    assert torch.equal(bended(t), want * 0.5)
    values = bended.get_activations("f0", "mul$", t=t)
    assert torch.equal(values["f0"], module.f0)
    assert torch.equal(values["f0_bended"], module.f0 * 3.0)
    assert torch.equal(values["mul"], module.f0 * 3.0 * module.f_mult)


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
        self.old = nn.utils.weight_norm(nn.Linear(3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.old(self.lin(x))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@torch.no_grad()
def test_weights_behind_a_weight_norm() -> None:
    module = seeded(Normed)
    bended = tb.BendedModule(module)
    x = noise(2, 3)
    assert torch.equal(bended(x), module(x))
    names = [n for n in bended.weight_names if n.endswith(("original0", "weight_g"))]
    assert len(names) == 2
    for name in names:
        bended.bend(tb.Scale(2.0), name.replace(".", r"\."))
    twin = copy.deepcopy(module)
    for name, p in twin.named_parameters():
        if name in names:
            p.mul_(2.0)
    assert torch.equal(bended(x), twin(x))
    bended.reset()
    assert torch.equal(bended(x), module(x))


# -- what is shared, and what is owned ----------------------------------------------
@torch.no_grad()
def test_unbent_weights_are_shared_and_bent_ones_owned_once() -> None:
    module = seeded(ConvNet)
    addresses = {n: p.data_ptr() for n, p in module.named_parameters()}
    bended = tb.BendedModule(module)
    assert bended.bent_bytes() == 0
    x = noise(2, 4, 8)
    bended(x)
    bended.bend(tb.Scale(0.5), r"convs\.0\..*")
    bended.bend(tb.Bias(0.5), r"convs\.0\.weight")
    bended(x)
    bent = {"convs.0.weight", "convs.0.bias"}
    playing = {n: p.data_ptr() for n, p in bended._shadow.named_parameters()}
    assert playing.keys() == addresses.keys()
    assert {n for n in addresses if playing[n] != addresses[n]} == bent
    sizes = {n: p.numel() * p.element_size() for n, p in module.named_parameters()}
    assert bended.bent_bytes() == sum(sizes[n] for n in bent)
    bended.trace(x=x)
    bended.bend(tb.Scale(0.5), "tanh")
    bended(x)
    assert bended.bent_bytes() == sum(sizes[n] for n in bent)
    bended.reset()
    bended(x)
    assert bended.bent_bytes() == 0
    assert {n: p.data_ptr() for n, p in bended._shadow.named_parameters()} == addresses


def test_two_bent_modules_of_one_module_do_not_hear_each_other() -> None:
    module = seeded(ConvNet)
    one, two = tb.BendedModule(module), tb.BendedModule(module)
    one.bend(tb.Scale(2.0), "gain")
    two.bend(tb.Scale(-1.0), "gain")
    x = noise(1, 4, 8)
    with torch.no_grad():
        for bended, factor in ((one, 2.0), (two, -1.0)):
            twin = with_weights(module, {"gain": lambda w, f=factor: w * f})
            assert torch.equal(bended(x), twin(x))


def test_a_module_that_is_trained_on_is_heard() -> None:
    """Weights are shared: what an optimizer writes in place is heard where nothing is bent."""
    module = seeded(ConvNet)
    bended = tb.BendedModule(module)
    x = noise(1, 4, 8)
    with torch.no_grad():
        module.gain.mul_(2.0)
        assert torch.equal(bended(x), module(x))


@torch.no_grad()
def test_the_wrapped_module_is_the_same_after_everything() -> None:
    module = seeded(StreamingNet)
    untouched = Untouched(module)
    x = noise(2, 2, 6)
    bended = tb.BendedModule(module)
    gain = tb.BendingParameter("gain", 0.5)

    def run() -> None:
        bended(x)
        untouched.check()

    run()
    bended.trace(x=x)
    run()
    bended.bend(tb.Scale(gain), ".*weight", "tanh")
    run()
    bended.update("gain", 2.0)
    run()
    bended.get_activations(".*", x=x)
    run()
    bended.from_activations("relu", relu=noise(1, 2, 6))
    run()
    bended.write("louder")
    bended.version = "louder"
    run()
    with bended.interpolate(1.0, louder=1.0):
        run()
    bended.version = None
    bended.save_config_as("other")
    bended.set_config("other")
    bended.reset()
    run()
    bended.set_config(None)
    run()
    bended.script()
    run()
    bended.to(dtype=torch.float64)
    bended(x.double())
    untouched.check()
    bended.reset()
    bended(x.double())
    untouched.check()


@torch.no_grad()
def test_state_advances_while_weights_are_bent_and_unbent() -> None:
    module = seeded(StreamingNet)
    bended = tb.BendedModule(module)
    plain = copy.deepcopy(module)
    for seed in range(6):
        block = noise(2, 2, 6, seed=seed)
        if seed % 2:
            with bended.bend(tb.Scale(0.5), "first.conv.weight"):
                got = bended(block)
            keep = plain.first.conv.weight
            plain.first.conv.weight = nn.Parameter(keep * 0.5)
            want = plain(block)
            plain.first.conv.weight = keep
        else:
            got, want = bended(block), plain(block)
        assert torch.equal(got, want), seed
        same_buffers(bended, plain)


def test_dict_of_states() -> None:
    module = seeded(Codec)
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(0.5), "bottleneck.*")
    assert equal(bended.state_dict(), dict(module.state_dict()))
    bent = bended.bended_state_dict()
    assert list(bent) == list(module.state_dict())
    for name, value in module.state_dict().items():
        want = value * 0.5 if name.startswith("bottleneck") else value
        assert torch.equal(bent[name], want)
    assert tb.compare_state_dict_tensors(bended.state_dict(), module.state_dict())
    twin = seeded(Codec, seed=3)
    twin.load_state_dict(bent)
    x = noise(1, 1, 8)
    with torch.no_grad():
        assert torch.equal(twin(x), bended(x))


def test_parameters_are_the_wrapped_modules_own() -> None:
    module = seeded(Codec)
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(0.5), ".*")
    assert [id(p) for p in bended.parameters()] == [id(p) for p in module.parameters()]
    assert dict(bended.named_parameters()).keys() == dict(module.named_parameters()).keys()
    assert bended.module is module


@torch.no_grad()
def test_to_another_dtype_moves_bends_and_state() -> None:
    module = seeded(StreamingNet)
    bended = tb.BendedModule(module)
    x = noise(2, 2, 6)
    bended.trace(x=x)
    bended.bend(tb.Scale(0.5), "first.conv.weight", "tanh")
    assert bended.to(dtype=torch.float64) is bended
    twin = copy.deepcopy(module).double()
    twin.first.conv.weight.mul_(0.5)
    for seed in range(3):
        block = noise(2, 2, 6, seed=seed).double()
        got, want = bended(block), twin(block) * 0.5
        assert got.dtype == torch.float64
        assert torch.allclose(got, want, rtol=1e-12, atol=1e-12)
        same_buffers(bended, twin)
    assert module.first.conv.weight.dtype == torch.float32
