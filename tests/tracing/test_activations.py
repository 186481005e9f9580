"""Bent activations: order, reach, undoing, and what a function may do to its argument."""

from __future__ import annotations

import copy
import itertools
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
    same_buffers,
    seeded,
)
from torch import Tensor, nn

import torchbend as tb


@pytest.fixture
def bended() -> tb.BendedModule:
    made = tb.BendedModule(seeded(ConvNet))
    made.trace(x=noise(2, 4, 8))
    return made


@pytest.mark.parametrize("order", list(itertools.permutations(["scale", "bias", "square"])))
@pytest.mark.parametrize("how", ["stacked", "chained"])
@torch.no_grad()
def test_bends_on_one_activation_apply_in_the_order_given(
    bended: tb.BendedModule, order: tuple[str, ...], how: str
) -> None:
    made = {
        "scale": (tb.Scale(3.0), lambda v: v * 3.0),
        "bias": (tb.Bias(-0.5), lambda v: v + -0.5),
        "square": (tb.Lambda(lambda v: v.mul_(v)), lambda v: v * v),
    }
    if how == "stacked":
        for word in order:
            bended.bend(made[word][0], "convs_1$")
    else:
        bended.bend(made[order[0]][0] >> made[order[1]][0] >> made[order[2]][0], "convs_1$")
    reference = Reference(bended, {"convs_1": [made[word][1] for word in order]})
    for shape in ((2, 4, 8), (1, 4, 3)):
        x = noise(*shape, seed=4)
        assert torch.equal(bended(x), reference(x))


@torch.no_grad()
def test_weights_and_activations_together(bended: tb.BendedModule) -> None:
    bended.bend(tb.Scale(0.5), "convs.0.weight", "act.*", "gain")
    assert bended.bended_keys() == ["convs.0.weight", "gain", "act", "act_1", "act_2"]
    state = copy.deepcopy(bended.module)
    state.convs[0].weight.mul_(0.5)
    state.gain.mul_(0.5)
    half = {name: lambda v: v * 0.5 for name in ("act", "act_1", "act_2")}
    x = noise(3, 4, 5)
    assert torch.equal(bended(x), Reference(bended, half, state=state)(x))


@torch.no_grad()
def test_a_bend_reaches_every_use_of_a_value(bended: tb.BendedModule) -> None:
    """``x`` goes into the convolution and around it: both see the bent one."""
    module, x = bended.module, noise(1, 4, 8)
    bended.bend(tb.Scale(0.5), "add$")
    first = (module.act(module.convs[0](x)) + x) * 0.5
    second = module.act(module.convs[1](first)) + first
    third = module.act(module.convs[2](second)) + second
    assert torch.equal(bended(x), torch.tanh(third * module.gain).mean(1, keepdim=True))


def test_an_input_is_bent_by_its_full_name_only(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    with torch.no_grad():
        with bended.bend(tb.Scale(2.0), "x"):
            assert torch.equal(bended(x), bended.module(x * 2.0))
        with bended.bend(tb.Scale(1.0), ".*"):
            assert "x" not in bended.bended_keys()


@torch.no_grad()
def test_the_output_is_bent_too(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    last = bended.activation_names()[-1]
    bended.bend(tb.Scale(2.0), f"{last}$")
    assert torch.equal(bended(x), bended.module(x) * 2.0)


# -- leaving no trace --------------------------------------------------------------------
def writes(x: Tensor) -> Tensor:
    x.fill_(0.25)
    x[..., 0] = 7.0
    return x


@torch.no_grad()
def test_a_function_that_writes_leaves_nothing_behind() -> None:
    module = seeded(StreamingNet)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 2, 6))
    keys = bended.bendable_keys()
    plain = copy.deepcopy(module)
    blocks = [noise(2, 2, 6, seed=i) for i in range(2)]
    state = {n: b.clone() for n, b in bended.named_buffers()}
    for key in keys:
        if "blocks" in key:
            continue
        with bended.bend(tb.Lambda(writes), f"{key}$"):
            bended(blocks[0])
        for name, buffer in bended.named_buffers():
            buffer.copy_(state[name])
    assert bended.bended_keys() == []
    for block in blocks:
        assert torch.equal(bended(block), plain(block))
        same_buffers(bended, plain)
    untouched.check()


@torch.no_grad()
def test_a_function_that_writes_into_a_value_used_twice(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    kept = x.clone()
    bended.bend(tb.Lambda(writes), "x", "add_1$")
    reference = Reference(
        bended, {"x": lambda v: writes(v.clone()), "add_1": lambda v: writes(v.clone())}
    )
    assert torch.equal(bended(x), reference(x))
    assert torch.equal(x, kept), "the caller's tensor was written"


# -- undoing ---------------------------------------------------------------------------
@torch.no_grad()
def test_with_undoes_one_bend_and_leaves_the_others(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    bended.bend(tb.Scale(2.0), "convs_0$")
    outer = Reference(bended, {"convs_0": lambda v: v * 2.0})(x)
    with bended.bend(tb.Bias(1.0), "convs_0$", "gain") as handle:
        assert isinstance(handle, tb.tracing.BendHandle)
        state = copy.deepcopy(bended.module)
        state.gain.add_(1.0)
        changes = {"convs_0": [lambda v: v * 2.0, lambda v: v + 1.0]}
        assert torch.equal(bended(x), Reference(bended, changes, state=state)(x))
        with bended.bend(tb.Scale(0.0), "tanh"):
            assert torch.equal(bended(x), torch.zeros(1, 1, 8))
    assert bended.bended_keys() == ["convs_0"]
    assert torch.equal(bended(x), outer)
    handle.undo()
    assert torch.equal(bended(x), outer)


@torch.no_grad()
def test_with_undoes_after_an_error(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    with pytest.raises(ZeroDivisionError), bended.bend(tb.Scale(2.0), "convs_0$", "gain"):
        raise ZeroDivisionError
    assert bended.bended_keys() == []
    assert torch.equal(bended(x), bended.module(x))


@torch.no_grad()
def test_undo_out_of_order_keeps_the_order_of_the_rest(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    handles = [
        bended.bend(callback, "gain", "tanh")
        for callback in (tb.Scale(2.0), tb.Bias(1.0), tb.Lambda(torch.abs))
    ]
    handles[0].undo()
    state = copy.deepcopy(bended.module)
    state.gain.data = (state.gain + 1.0).abs()
    want = Reference(bended, {"tanh": [lambda v: v + 1.0, torch.abs]}, state=state)(x)
    assert torch.equal(bended(x), want)


@torch.no_grad()
def test_reset_after_a_reset(bended: tb.BendedModule) -> None:
    x = noise(1, 4, 8)
    bended.bend(tb.Scale(2.0), ".*")
    bended.reset()
    bended.reset_bending()
    assert bended.bended_keys() == [] and bended.bending_callbacks == []
    assert torch.equal(bended(x), bended.module(x))


# -- which places ------------------------------------------------------------------------
def keys_bent_by(bended: tb.BendedModule, *patterns: str, **options: Any) -> list[str]:
    with bended.bend(tb.Scale(1.0), *patterns, **options):
        return bended.bended_keys()


def test_patterns_match_from_the_start(bended: tb.BendedModule) -> None:
    assert keys_bent_by(bended, "gain") == ["gain"]
    assert keys_bent_by(bended, "a") == ["act", "add", "act_1", "add_1", "act_2", "add_2"]
    assert keys_bent_by(bended, "add$") == ["add"]
    assert keys_bent_by(bended, r"convs\.\d\.weight") == [f"convs.{i}.weight" for i in range(3)]
    assert keys_bent_by(bended, ".*bias") == [f"convs.{i}.bias" for i in range(3)]
    assert keys_bent_by(bended, "tanh", "tan") == ["tanh"]
    assert keys_bent_by(bended, "convs.1.weight") == ["convs.1.weight"]
    assert keys_bent_by(bended, "convs.1.weight", "tanh") == ["convs.1.weight", "tanh"]
    assert keys_bent_by(bended, "(?:gain|tanh)$") == ["gain", "tanh"]
    with pytest.raises(tb.BendingError, match="'onvs'"):
        bended.bend(tb.Scale(1.0), "onvs")


def test_bendable_keys_are_what_a_bend_reaches(bended: tb.BendedModule) -> None:
    for pattern in (".*", "convs", "a", r".*\.weight", "tanh$"):
        assert bended.bendable_keys(pattern) == keys_bent_by(bended, pattern)
    assert bended.bendable_keys("nothing") == []
    assert bended.bendable_keys() == bended.bendable_keys(".*")
    assert bended.bendable_keys("tanh", "gain") == ["tanh", "gain"]


def test_weights_or_activations_alone(bended: tb.BendedModule) -> None:
    weights = [f"convs.{i}.{word}" for i in range(3) for word in ("weight", "bias")]
    assert keys_bent_by(bended, "convs", bend_graph=False) == weights
    assert keys_bent_by(bended, "convs", bend_param=False) == ["convs_0", "convs_1", "convs_2"]
    with pytest.raises(tb.BendingError):
        bended.bend(tb.Scale(1.0), "tanh", bend_graph=False)
    with pytest.raises(tb.BendingError):
        bended.bend(tb.Scale(1.0), r"convs\.", bend_param=False)


@pytest.fixture
def codec() -> tb.BendedModule:
    made = tb.BendedModule(seeded(Codec))
    with torch.no_grad():
        made.trace("encode", noise(1, 1, 8))
        made.trace("decode", z=noise(1, 2, 8))
        made.trace("forward", x=noise(1, 1, 8))
    return made


@torch.no_grad()
def test_a_bend_reaches_all_traced_methods_or_those_named(codec: tb.BendedModule) -> None:
    module, x, z = codec.module, noise(2, 1, 9), noise(2, 2, 9)
    plain = {"encode": module.encode(x), "decode": module.decode(z), "forward": module(x)}
    inner = {"encode": noise(0), "decode": noise(0)}
    inner["encode"] = module.bottleneck(module.encoder[0](x).mul(0.5).tanh())
    inner["decode"] = torch.tanh(module.decoder(z)) * 0.5

    def played() -> dict[str, Tensor]:
        return {"encode": codec.encode(x), "decode": codec.decode(z), "forward": codec(x)}

    with codec.bend(tb.Scale(0.5), "encoder_0"):
        want = {**plain, "encode": inner["encode"], "forward": module.decode(inner["encode"])}
        assert equal(played(), want)
        assert codec.bended_keys("decode") == []
        assert codec.bended_keys("encode") == codec.bended_keys("forward") == ["encoder_0"]
    for restricted in (
        {"patterns": ["encode:encoder_0"]},
        {"patterns": ["encoder_0"], "fn": "encode"},
    ):
        with codec.bend(tb.Scale(0.5), *restricted.pop("patterns"), **restricted):
            assert equal(played(), {**plain, "encode": inner["encode"]})
    with codec.bend(tb.Scale(0.5), "tanh$", fn=["decode"]):
        assert equal(played(), {**plain, "decode": inner["decode"]})
    with codec.bend(tb.Scale(0.5), "decode:tanh$", "forward:tanh$"):
        want = {**plain, "decode": inner["decode"], "forward": plain["forward"] * 0.5}
        assert equal(played(), want)
    assert equal(played(), plain)


@torch.no_grad()
def test_a_weight_is_heard_in_every_method(codec: tb.BendedModule) -> None:
    module, x, z = codec.module, noise(1, 1, 9), noise(1, 2, 9)
    codec.bend(tb.Scale(0.5), "decoder.0.weight")
    twin = copy.deepcopy(module)
    twin.decoder[0].weight.mul_(0.5)
    assert torch.equal(codec.encode(x), module.encode(x))
    assert torch.equal(codec.decode(z), twin.decode(z))
    assert torch.equal(codec(x), twin(x))


@torch.no_grad()
def test_a_method_that_was_not_traced_runs_with_bent_weights() -> None:
    module = seeded(Codec)
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(0.5), "decoder.0.weight")
    twin = copy.deepcopy(module)
    twin.decoder[0].weight.mul_(0.5)
    z = noise(1, 2, 9)
    assert torch.equal(bended.decode(z), twin.decode(z))
    assert bended.bottleneck.in_channels == 3
    assert "decode" in dir(bended)


# -- tracing anew ----------------------------------------------------------------------
@torch.no_grad()
def test_a_new_trace_keeps_the_bends(bended: tb.BendedModule) -> None:
    bended.bend(tb.Scale(0.5), "convs_1$", "gain")
    bended.bend(tb.Mask(0.5, seed=3), "tanh")
    bended.trace(x=noise(1, 4, 20))
    assert bended.bended_keys() == ["gain", "convs_1", "tanh"]
    assert bended.activation_shape("tanh") == (1, 4, 20)
    x = noise(1, 4, 20, seed=2)
    fresh = tb.BendedModule(bended.module)
    fresh.trace(x=noise(1, 4, 20))
    fresh.bend(tb.Scale(0.5), "convs_1$", "gain")
    fresh.bend(tb.Mask(0.5, seed=3), "tanh")
    assert torch.equal(bended(x), fresh(x))
    bended.reset()
    assert torch.equal(bended(x), bended.module(x))


class Chooses(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] > 4:
            x = torch.sin(x)
        return torch.cos(x)


def test_a_bend_on_a_place_that_is_gone_ends_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    bended = tb.BendedModule(Chooses())
    bended.trace(x=noise(1, 8))
    bended.bend(tb.Scale(0.5), "sin", "cos")
    bended.trace(x=noise(1, 3))
    assert bended.bended_keys() == ["cos"]
    assert [r for r in caplog.records if "'sin'" in r.getMessage()]
    x = noise(1, 3)
    assert torch.equal(bended(x), torch.cos(x) * 0.5)


def test_bends_made_before_a_trace_stay() -> None:
    module, t = Joseph(), torch.linspace(0, 1, 50)[None]
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(2.0), "f0")
    before = bended(t)
    bended.trace(t=t)
    assert torch.equal(bended(t), before)
    values = bended.get_activations("mul$", t=t, bended=False)
    assert torch.equal(values["mul"], module.f0 * module.f_mult)


def test_proxied_buffers_are_places_on_request() -> None:
    module = seeded(StreamingNet)
    bended = tb.BendedModule(module)
    with torch.no_grad():
        bended.trace(x=noise(2, 2, 6))
        assert not [n for n in bended.activation_names() if "cache" in n or "blocks" in n]
        bended.trace(x=noise(2, 2, 6), _proxied_buffers=[r"first\.cache"])
    shown = [n for n in bended.activation_names() if "cache" in n or "blocks" in n]
    assert shown == ["first_cache"]


def test_verbose_names_every_place(
    bended: tb.BendedModule, capsys: pytest.CaptureFixture[str]
) -> None:
    bended.bend(tb.Scale(2.0), "gain", "tanh$")
    assert capsys.readouterr().out == ""
    bended.bend(tb.Scale(2.0), "gain", "tanh$", verbose=True)
    lines = capsys.readouterr().out.strip().splitlines()[2:]  # below the head
    assert len(lines) == 2
    assert "gain" in lines[0] and "tanh" in lines[1] and all("Scale" in line for line in lines)


def test_a_handle_and_a_module_show_what_they_are(bended: tb.BendedModule) -> None:
    bended.bend(tb.Scale(2.0), "gain", "tanh$")
    assert repr(bended) == "BendedModule(ConvNet, 2 places bent)"
    assert bended.device == torch.device("cpu")
    assert bended.convs[0].kernel_size == (3,)


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((1,), 3.0))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x) * self.gain


def test_a_weight_that_the_graph_reads_under_another_name_is_one_place() -> None:
    bended = tb.BendedModule(nn.Sequential(Gated()))
    x = noise(2, 3)
    bended.trace(x)
    assert bended.activation_names() == ["sin", "_0_gain", "mul"]
    assert bended.bendable_keys() == ["0.gain", "sin", "mul"]
    bended.bend(tb.Scale(2.0), "_0_gain", "0.gain")
    assert bended.bended_keys() == ["0.gain"]
    assert torch.equal(bended(x), torch.sin(x) * 6.0)
