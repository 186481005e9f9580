"""Versions: other weights for the same model, each with bends of its own, and mixtures."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from support import (
    Codec,
    ConvNet,
    Joseph,
    Reference,
    StreamingNet,
    Untouched,
    equal,
    noise,
    picture,
    same_buffers,
    same_picture,
    seeded,
    synthesize,
    with_weights,
)
from torch import Tensor, nn

import torchbend as tb


@pytest.fixture
def x() -> Tensor:
    return noise(2, 1, 8)


@pytest.fixture
def other() -> nn.Module:
    return seeded(Codec, seed=7)


@pytest.fixture
def bended(other: nn.Module, x: Tensor) -> tb.BendedModule:
    made = tb.BendedModule(seeded(Codec))
    made.trace(x=x)
    assert made.create_version("other", other) == []
    return made


def test_a_version_is_the_other_training(
    bended: tb.BendedModule, other: nn.Module, x: Tensor
) -> None:
    untouched = Untouched(bended.module), Untouched(other)
    with torch.no_grad():
        assert bended.versions == [None, "other"] and bended.version is None
        assert torch.equal(bended(x), bended.module(x))
        with bended.set_version("other") as inside:
            assert inside is bended and bended.version == "other"
            assert torch.equal(bended(x), other(x))
            assert torch.equal(bended.decode(noise(1, 2, 5)), other.decode(noise(1, 2, 5)))
        assert bended.version is None
        assert torch.equal(bended(x), bended.module(x))
        bended.version = "other"
        assert torch.equal(bended(x), other(x))
        bended.version = "_default"
        assert bended.version is None
    for each in untouched:
        each.check()


@pytest.mark.parametrize("source", ["module", "state dict"])
def test_states_of_versions(
    bended: tb.BendedModule, other: nn.Module, x: Tensor, source: str
) -> None:
    third = seeded(Codec, seed=9)
    bended.create_version("third", third if source == "module" else third.state_dict())
    states = bended.state_dict(with_versions=True)
    assert list(states) == ["_default", "other", "third"]
    for name, module in (("_default", bended.module), ("other", other), ("third", third)):
        assert equal(states[name], dict(module.state_dict()))
        assert equal(bended.state_dict(version=name), dict(module.state_dict()))
    bended.version = "third"
    assert equal(bended.state_dict(), dict(third.state_dict()))
    with pytest.raises(tb.BendingError, match="with_versions"):
        bended.state_dict("third", with_versions=True)


@torch.no_grad()
def test_a_versions_bends_start_from_its_own_weights(
    bended: tb.BendedModule, other: nn.Module, x: Tensor
) -> None:
    module = bended.module
    bended.bend(tb.Scale(0.5), "bottleneck.weight")
    with bended.set_version("other"):
        assert bended.bended_keys() == []
        bended.bend(tb.Bias(1.0), "bottleneck.weight", r"decoder\.0\.weight")
        assert bended.bended_keys() == ["bottleneck.weight", "decoder.0.weight"]
    mine = with_weights(module, {"bottleneck.weight": lambda w: w * 0.5})
    plus = {n: lambda w: w + 1.0 for n in ("bottleneck.weight", "decoder.0.weight")}
    theirs = with_weights(other, plus)
    for _ in range(2):
        bended.version = None
        assert torch.equal(bended(x), mine(x))
        bended.version = "other"
        assert torch.equal(bended(x), theirs(x))
    assert bended.bended_keys(version="_default") == ["bottleneck.weight"]
    assert equal(bended.bended_state_dict("_default"), dict(mine.state_dict()))
    assert equal(bended.bended_state_dict("other"), dict(theirs.state_dict()))
    assert equal(bended.bended_state_dict(), dict(theirs.state_dict()))
    bended.reset(version="_default")
    assert torch.equal(bended(x), theirs(x))
    bended.version = None
    assert torch.equal(bended(x), module(x))


@torch.no_grad()
def test_resetting_a_version_takes_its_weight_bends_alone(
    bended: tb.BendedModule, other: nn.Module, x: Tensor
) -> None:
    bended.bend(tb.Scale(0.5), "bottleneck.weight", "tanh$")
    bended.reset(version="other")
    assert bended.bended_keys() == ["bottleneck.weight", "tanh"]
    bended.reset(version="_default")
    assert bended.bended_keys() == ["tanh"]
    assert torch.equal(bended(x), bended.module(x) * 0.5)
    bended.reset()
    assert torch.equal(bended(x), bended.module(x))


@torch.no_grad()
def test_activation_bends_are_heard_in_every_version(
    bended: tb.BendedModule, other: nn.Module, x: Tensor
) -> None:
    bended.bend(tb.Scale(0.5), "tanh$")
    assert torch.equal(bended(x), bended.module(x) * 0.5)
    with bended.set_version("other"):
        assert torch.equal(bended(x), other(x) * 0.5)


@torch.no_grad()
def test_writing_keeps_the_bent_weights(bended: tb.BendedModule, x: Tensor) -> None:
    module = bended.module
    untouched = Untouched(module)
    bended.bend(tb.Scale(0.5), "bottleneck.weight")
    bended.bend(tb.Bias(0.25), r"decoder\.0.*", "tanh$")
    changes: dict[str, Any] = {"bottleneck.weight": lambda w: w * 0.5}
    changes |= {n: lambda w: w + 0.25 for n in ("decoder.0.weight", "decoder.0.bias")}
    written = with_weights(module, changes)
    want = written(x) + 0.25
    assert torch.equal(bended(x), want)
    bended.write("kept")
    assert bended.version == "kept"
    assert bended.bended_keys() == ["tanh"]
    assert torch.equal(bended(x), want)
    assert equal(bended.state_dict(), dict(written.state_dict()))
    bended.bend(tb.Scale(2.0), "bottleneck.weight")
    twice = with_weights(written, {"bottleneck.weight": lambda w: w * 2.0})
    assert torch.equal(bended(x), twice(x) + 0.25)
    bended.version = None
    assert torch.equal(bended(x), module(x) + 0.25)
    with bended.set_version("kept"):
        bended.reset()
        assert torch.equal(bended(x), written(x))
    untouched.check()


@torch.no_grad()
def test_writing_a_version_over_itself_needs_force(bended: tb.BendedModule, x: Tensor) -> None:
    bended.bend(tb.Scale(0.5), "bottleneck.weight")
    before = picture(bended)
    with pytest.raises(tb.BendingError, match="'other'"):
        bended.write("other")
    same_picture(before, picture(bended))
    bended.write("other", force=True)
    twin = with_weights(bended.module, {"bottleneck.weight": lambda w: w * 0.5})
    assert torch.equal(bended(x), twin(x))


MIXES = [
    ((1.0,), {"other": 0.5}),
    ((0.25,), {"other": 0.75}),
    ((), {"other": 2.0}),
    ((1.0,), {"other": 1.0, "third": 2.0}),
    ((2.0,), {"other": -0.5}),
]


@pytest.mark.parametrize(("default", "named"), MIXES)
@torch.no_grad()
def test_a_mixture_is_the_weighted_mean(
    bended: tb.BendedModule,
    other: nn.Module,
    x: Tensor,
    default: tuple[float, ...],
    named: dict[str, float],
) -> None:
    third = seeded(Codec, seed=9)
    bended.create_version("third", third)
    parts = [(bended.module, w) for w in default]
    parts += [({"other": other, "third": third}[n], w) for n, w in named.items()]
    total = sum(w for _, w in parts)
    twin = copy.deepcopy(bended.module)
    for name, p in twin.named_parameters():
        mean = sum(m.get_parameter(name).double() * w for m, w in parts) / total
        p.copy_(mean.to(p.dtype))
    for _ in range(2):
        with bended.interpolate(*default, **named) as inside:
            assert inside is bended
            assert torch.allclose(bended(x), twin(x), rtol=1e-5, atol=1e-6)
            for name, value in bended.bended_state_dict().items():
                assert torch.allclose(value, twin.state_dict()[name], rtol=1e-5, atol=1e-6)
        assert torch.equal(bended(x), bended.module(x))


@torch.no_grad()
def test_a_mixture_of_bent_versions(bended: tb.BendedModule, other: nn.Module, x: Tensor) -> None:
    p = tb.BendingParameter("p", 0.5)
    bended.bend(tb.Scale(p), "bottleneck.weight")
    with bended.set_version("other"):
        bended.bend(tb.Bias(1.0), "bottleneck.weight")
    mine, theirs = bended.module.bottleneck.weight, other.bottleneck.weight
    with bended.interpolate(1.0, other=3.0):
        for value in (0.5, -2.0):
            bended.update("p", value)
            want = (mine * value + 3.0 * (theirs + 1.0)) / 4.0
            assert torch.allclose(bended.bottleneck.weight, want) or torch.allclose(
                bended.bended_state_dict()["bottleneck.weight"], want, atol=1e-6
            )
            state = copy.deepcopy(bended.module)
            for name, w in state.named_parameters():
                w.copy_((w + 3.0 * other.get_parameter(name)) / 4.0)
            state.bottleneck.weight.copy_(want)
            assert torch.allclose(bended(x), state(x), atol=1e-6)


@torch.no_grad()
def test_a_mixture_within_another_and_after_an_error(
    bended: tb.BendedModule, other: nn.Module, x: Tensor
) -> None:
    with bended.interpolate(1.0, other=1.0):
        outer = bended(x)
        with bended.interpolate(other=1.0):
            assert torch.allclose(bended(x), other(x), atol=1e-6)
        assert torch.equal(bended(x), outer)
    third = seeded(Codec, seed=9)
    bended.create_version("third", third)
    with bended.set_version("other"):
        with bended.set_version("third"):
            assert torch.equal(bended(x), third(x))
        assert bended.version == "other"
        assert torch.equal(bended(x), other(x))
    with pytest.raises(KeyError), bended.interpolate(other=1.0):
        raise KeyError
    assert torch.equal(bended(x), bended.module(x))
    with pytest.raises(KeyError), bended.set_version("other"):
        raise KeyError
    assert bended.version is None
    assert torch.equal(bended(x), bended.module(x))


@torch.no_grad()
def test_whole_numbers_mix_to_fractions() -> None:
    module, t = Joseph(110), torch.linspace(0, 1, 40)[None]
    bended = tb.BendedModule(module)
    bended.create_version("high", Joseph(221))
    with bended.interpolate(1.0, high=1.0):
        want = synthesize(t, torch.full((1, 1, 1), 165.5), module.f_mult * 1.0, module.amps)
        assert torch.allclose(bended(t), want, atol=1e-5)


# -- buffers ---------------------------------------------------------------------------
class Normed(nn.Module):
    def __init__(self, level: float) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.norm.running_mean.fill_(level)
        self.norm.running_var.fill_(1.0 + level)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.lin(x))


@torch.no_grad()
def test_the_statistics_of_a_norm_follow_the_version() -> None:
    module, other = seeded(Normed, 0.25), seeded(Normed, 3.0, seed=4)
    untouched = Untouched(module), Untouched(other)
    bended = tb.BendedModule(module)
    x = noise(4, 3)
    bended.trace(x=x)
    bended.create_version("other", other)
    bended.bend(tb.Scale(2.0), "norm$")
    for _ in range(2):
        assert torch.equal(bended(x), module(x) * 2.0)
        with bended.set_version("other"):
            assert torch.equal(bended(x), other(x) * 2.0)
            assert equal(bended.state_dict(), dict(other.state_dict()))
    assert torch.equal(bended(x), module(x) * 2.0)
    for each in untouched:
        each.check()


@torch.no_grad()
def test_streaming_state_is_of_no_version() -> None:
    module, other = seeded(StreamingNet), seeded(StreamingNet, seed=4)
    other(noise(2, 2, 6))  # its caches are full of something else
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 2, 6))
    bended.create_version("other", other)
    plain = copy.deepcopy(module)
    for seed in range(6):
        block = noise(2, 2, 6, seed=seed)
        source = other if seed % 2 else module
        for (_, p), (_, q) in zip(plain.named_parameters(), source.named_parameters(), strict=True):
            p.copy_(q)
        bended.version = "other" if seed % 2 else None
        assert torch.equal(bended(block), plain(block)), seed
        same_buffers(bended, plain)


# -- what does not fit -------------------------------------------------------------------
def refused(bended: tb.BendedModule, match: str, *args: Any, **kwargs: Any) -> None:
    before = picture(bended)
    with pytest.raises(tb.BendingError, match=match):
        bended.create_version(*args, **kwargs)
    same_picture(before, picture(bended))


def test_a_version_that_does_not_fit_is_refused(bended: tb.BendedModule, x: Tensor) -> None:
    state = dict(seeded(Codec, seed=3).state_dict())
    missing = {n: v for n, v in state.items() if n != "bottleneck.bias"}
    refused(bended, "'bottleneck.bias' is missing", "new", missing)
    unknown = state | {"bottleneck.wieght": torch.zeros(2)}
    refused(bended, "'bottleneck.wieght'.*Nearest: 'bottleneck.weight'", "new", unknown)
    shape = state | {"bottleneck.weight": torch.zeros(2)}
    refused(bended, r"'bottleneck.weight'.*\(2,\).*\(2, 3, 1\)", "new", shape)
    refused(bended, r"'bottleneck.weight'.*\(2,\)", "new", shape, strict=False)
    refused(bended, "'other' exists", "other", state)
    refused(bended, "name", "", state)
    refused(bended, "name", "_default", state)
    refused(bended, "", "new", 3)
    assert bended.create_version("loose", unknown, strict=False) == ["bottleneck.wieght"]
    assert bended.create_version("less", missing, strict=False) == []
    with torch.no_grad(), bended.set_version("less"):
        twin = copy.deepcopy(bended.module)
        twin.load_state_dict(missing, strict=False)
        assert torch.equal(bended(x), twin(x))


def test_versions_that_are_not_there(bended: tb.BendedModule) -> None:
    before = picture(bended)
    attempts = [
        lambda: setattr(bended, "version", "othre"),
        lambda: bended.set_version("othre").__enter__(),
        lambda: bended.interpolate(1.0, othre=2.0).__enter__(),
        lambda: bended.state_dict("othre"),
        lambda: bended.bended_state_dict("othre"),
        lambda: bended.bended_keys(version="othre"),
        lambda: bended.reset(version="othre"),
    ]
    for attempt in attempts:
        with pytest.raises(tb.BendingError, match=r"'othre'.*'other'"):
            attempt()
        same_picture(before, picture(bended))


@pytest.mark.parametrize(
    ("default", "named"),
    [
        ((), {}),
        ((1.0,), {"other": -1.0}),
        ((1.0, 2.0), {}),
        ((float("nan"),), {"other": 1.0}),
        ((1.0,), {"other": float("inf")}),
        ((1.0,), {"other": "loud"}),
    ],
)
def test_mixtures_that_make_no_mean(
    bended: tb.BendedModule, default: tuple[Any, ...], named: dict[str, Any]
) -> None:
    before = picture(bended)
    with pytest.raises(tb.BendingError), bended.interpolate(*default, **named):
        raise AssertionError("it went on")
    same_picture(before, picture(bended))


@torch.no_grad()
def test_versions_own_only_what_differs(bended: tb.BendedModule) -> None:
    sizes = {n: p.numel() * p.element_size() for n, p in bended.module.named_parameters()}
    first = bended.bent_bytes()
    assert first <= sum(sizes.values())
    bended.bend(tb.Scale(0.5), "bottleneck.weight")
    bended.write("kept")
    bended(noise(1, 1, 8))
    assert bended.bent_bytes() == first + sizes["bottleneck.weight"]


@torch.no_grad()
def test_versions_through_the_graph_and_reference() -> None:
    module, other = seeded(ConvNet), seeded(ConvNet, seed=2)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(1, 4, 8))
    bended.create_version("other", other)
    bended.bend(tb.Scale(0.5), "convs_1$")
    changes = {"convs_1": lambda v: v * 0.5}
    x = noise(2, 4, 5)
    for name, source in ((None, module), ("other", other), (None, module)):
        bended.version = name
        assert torch.equal(bended(x), Reference(bended, changes, state=source)(x))
        values = bended.get_activations("convs_1$", x=x)
        assert torch.equal(values["convs_1_bended"], values["convs_1"] * 0.5)


@torch.no_grad()
def test_a_mixture_mixes_the_fixed_buffers_too() -> None:
    def net(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Conv1d(2, 2, 1), nn.BatchNorm1d(2)).eval()
        module[1].running_mean.uniform_(-1, 1)
        module[1].running_var.uniform_(1, 3)
        return module

    one, other = net(0), net(1)
    bended = tb.BendedModule(one)
    bended.create_version("other", other)
    a, b = one.state_dict(), other.state_dict()
    mean = {k: a[k] * 0.75 + b[k] * 0.25 if a[k].is_floating_point() else a[k] for k in a}
    reference = net(2)
    reference.load_state_dict(mean)
    x = torch.randn(1, 2, 5, generator=torch.Generator().manual_seed(3))
    with bended.interpolate(3.0, other=1.0):
        assert torch.allclose(bended(x), reference(x), rtol=0, atol=1e-6)
        assert not torch.allclose(bended(x), one(x), rtol=0, atol=1e-3)
    assert torch.equal(bended(x), one(x))
