"""Inner values out, inner values in, recordings, and methods cut out of others."""

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
    same_buffers,
    seeded,
    with_weights,
)
from torch import Tensor, nn

import torchbend as tb


@pytest.fixture
def bended() -> tb.BendedModule:
    made = tb.BendedModule(seeded(ConvNet))
    made.trace(x=noise(2, 4, 8))
    return made


def inner(module: ConvNet, x: Tensor) -> dict[str, Tensor]:
    """Every inner value of a ``ConvNet``, in plain torch."""
    values = {}
    for i, conv in enumerate(module.convs):
        suffix = f"_{i}" if i else ""
        values[f"convs_{i}"] = conv(x)
        values[f"act{suffix}"] = module.act(values[f"convs_{i}"])
        x = values[f"add{suffix}"] = values[f"act{suffix}"] + x
    values["gain"] = module.gain
    values["mul"] = x * module.gain
    values["tanh"] = torch.tanh(values["mul"])
    values["mean"] = values["tanh"].mean(1, keepdim=True)
    return values


# -- out -------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(2, 4, 8), (1, 4, 3), (5, 4, 9)])
@torch.no_grad()
def test_every_inner_value_in_order(bended: tb.BendedModule, shape: tuple[int, ...]) -> None:
    x = noise(*shape, seed=2)
    got = bended.get_activations(".*", x=x)
    want = inner(bended.module, x)
    assert list(got) == list(want) == bended.activation_names()
    assert equal(got, {name: value.data for name, value in want.items()})


@torch.no_grad()
def test_bent_values_stand_behind_the_unbent_ones(bended: tb.BendedModule) -> None:
    x = noise(2, 4, 8)
    bended.bend(tb.Scale(0.5), "convs_1$", "tanh$")
    bended.bend(tb.Bias(1.0), "convs_1$")
    got = bended.get_activations("convs", "act_1", "tanh", "mean", x=x)
    names = ["convs_0", "convs_1", "convs_1_bended", "act_1", "convs_2", "tanh", "tanh_bended"]
    assert list(got) == [*names, "mean"]
    plain = inner(bended.module, x)
    assert torch.equal(got["convs_1"], plain["convs_1"])
    assert torch.equal(got["convs_1_bended"], plain["convs_1"] * 0.5 + 1.0)
    assert torch.equal(got["act_1"], bended.module.act(plain["convs_1"] * 0.5 + 1.0))
    assert torch.equal(got["tanh_bended"], got["tanh"] * 0.5)
    assert torch.equal(got["mean"], bended(x))
    only = bended.get_activations("convs", "mean", x=x, _filter_bended=True)
    assert list(only) == ["convs_0", "convs_1", "convs_2", "mean"]
    assert torch.equal(only["convs_1"], got["convs_1_bended"])
    unbent = bended.get_activations("convs", "mean", x=x, bended=False)
    assert equal(unbent, {n: plain[n] for n in ("convs_0", "convs_1", "convs_2", "mean")})


@torch.no_grad()
def test_values_of_bent_weights_and_of_the_unbent_run(bended: tb.BendedModule) -> None:
    x = noise(2, 4, 8)
    bended.bend(tb.Scale(2.0), "gain", r"convs\.0\.weight")
    twin = with_weights(bended.module, {n: lambda w: w * 2.0 for n in ("gain", "convs.0.weight")})
    want = inner(twin, x)
    got = bended.get_activations("convs_0", "gain", "mul", x=x)
    assert torch.equal(got["gain"], bended.module.gain)
    assert torch.equal(got["gain_bended"], twin.gain)
    assert torch.equal(got["convs_0"], want["convs_0"])
    assert torch.equal(got["mul"], want["mul"])
    unbent = bended.get_activations("convs_0", "gain", "mul", x=x, bended=False)
    plain = inner(bended.module, x)
    assert equal(unbent, {n: plain[n].data for n in ("convs_0", "gain", "mul")})
    assert torch.equal(bended(x), twin(x))


class WritesLater(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        z = y[..., :2]
        y += 1
        y.relu_()
        return z + 0


@torch.no_grad()
def test_a_value_that_is_written_later_is_given_as_it_was() -> None:
    bended = tb.BendedModule(WritesLater())
    x = noise(2, 4)
    bended.trace(x=x)
    got = bended.get_activations("mul", "getitem", "add", x=x)
    assert torch.equal(got["mul"], x * 2)
    assert torch.equal(got["getitem"], (x * 2)[..., :2])
    assert torch.equal(got["add"], torch.relu(x * 2 + 1)[..., :2])
    bended.bend(tb.Scale(3.0), "mul$")
    got = bended.get_activations("mul", "add", x=x)
    assert torch.equal(got["mul"], x * 2)
    assert torch.equal(got["mul_bended"], x * 2 * 3.0)
    assert torch.equal(got["add"], torch.relu(x * 6 + 1)[..., :2])


@torch.no_grad()
def test_looking_does_not_touch_streaming_state() -> None:
    module = seeded(StreamingNet)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 2, 6))
    bended.bend(tb.Scale(0.5), "relu")
    bended(noise(2, 2, 6))
    state = {n: b.clone() for n, b in bended.named_buffers()}
    objects = {n: id(b) for n, b in bended.named_buffers()}
    block = noise(2, 2, 6, seed=1)

    def unchanged() -> None:
        assert equal(dict(bended.named_buffers()), state)
        assert {n: id(b) for n, b in bended.named_buffers()} == objects

    first = bended.get_activations(".*", x=block)
    unchanged()
    assert equal(bended.get_activations(".*", x=block), first)
    unchanged()
    bended.get_activations(".*", x=block, bended=False)
    unchanged()
    bended.from_activations("relu", relu=noise(2, 2, 6))
    unchanged()
    bended.trace(x=noise(1, 2, 4))
    unchanged()
    with pytest.raises(tb.BendingError):
        bended.get_activations("relu", x=noise(2, 5, 6))
    unchanged()
    with pytest.raises(tb.BendingError):
        bended.from_activations("relu", relu=noise(2, 5, 6))
    unchanged()
    assert torch.equal(bended(block), first["mul"])
    untouched.check()


@torch.no_grad()
def test_values_of_another_method() -> None:
    module = seeded(Codec)
    bended = tb.BendedModule(module)
    z = noise(3, 2, 5)
    bended.trace("decode", z)
    got = bended.get_activations("decoder_0", "tanh", fn="decode", z=z)
    assert torch.equal(got["decoder_0"], module.decoder[0](z))
    assert torch.equal(got["tanh"], module.decode(z))
    with pytest.raises(tb.TracingError, match="'forward'"):
        bended.get_activations("tanh", x=z)


# -- in --------------------------------------------------------------------------------
@pytest.mark.parametrize("batch", [1, 2, 7])
@torch.no_grad()
def test_the_rest_runs_from_a_given_value(bended: tb.BendedModule, batch: int) -> None:
    x = noise(batch, 4, 6, seed=3)
    values = inner(bended.module, x)
    for name in ("add_1", "mul", "tanh"):
        got = bended.from_activations(f"{name}$", **{name: values[name]})
        assert torch.equal(got, values["mean"]), name
    other = noise(batch, 4, 6, seed=4)
    want = torch.tanh(other).mean(1, keepdim=True)
    assert torch.equal(bended.from_activations("mul$", mul=other), want)


@torch.no_grad()
def test_bends_behind_the_given_value_are_heard(bended: tb.BendedModule) -> None:
    bended.bend(tb.Scale(0.5), "tanh$", "convs_0$")
    bended.bend(tb.Scale(3.0), "gain")
    other = noise(2, 4, 6)
    module = bended.module
    want = (torch.tanh(other * (module.gain * 3.0)) * 0.5).mean(1, keepdim=True)
    assert torch.equal(bended.from_activations("add_2$", add_2=other), want)
    given = bended.from_activations("tanh$", tanh=other)
    assert torch.equal(given, (other * 0.5).mean(1, keepdim=True)) or torch.equal(
        given, other.mean(1, keepdim=True)
    )


class TwoWays(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        a = torch.sin(x)
        b = torch.cos(y)
        return a * 2 + b * x


@torch.no_grad()
def test_what_else_the_rest_needs_is_named(bended: tb.BendedModule) -> None:
    two = tb.BendedModule(TwoWays())
    two.trace(x=noise(2, 3), y=noise(2, 3))
    a, b, x = noise(2, 3, seed=1), noise(2, 3, seed=2), noise(2, 3, seed=3)
    assert torch.equal(two.from_activations("sin", "cos", sin=a, cos=b, x=x), a * 2 + b * x)
    y = noise(2, 3, seed=4)
    want = a * 2 + torch.cos(y) * x
    assert torch.equal(two.from_activations("sin", sin=a, x=x, y=y), want)
    with pytest.raises(tb.BendingError, match="'x'"):
        two.from_activations("sin", "cos", sin=a, cos=b)
    with pytest.raises(tb.BendingError, match="'cos'|cos="):
        two.from_activations("sin", "cos", sin=a, x=x)
    with pytest.raises(tb.BendingError, match="'xx'"):
        two.from_activations("sin", "cos", sin=a, cos=b, x=x, xx=y)
    with pytest.raises(tb.BendingError, match="'sine'.*'sin'"):
        two.from_activations("sine", sine=a)
    with pytest.raises(tb.BendingError):
        two.from_activations(sin=a)


@torch.no_grad()
def test_interpolation_between_given_values(bended: tb.BendedModule) -> None:
    values = noise(3, 4, 6)
    w = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    mixed = torch.einsum("ob,bct->oct", w, values)
    want = torch.tanh(mixed).mean(1, keepdim=True)
    fresh = bended.from_activations(
        "mul$", callbacks=[tb.InterpolateActivation()], mul=values, interp_weights=w
    )
    assert fresh.shape == (2, 1, 6)
    assert torch.allclose(fresh, want, atol=1e-6)
    assert bended.bended_keys() == []

    callback = tb.InterpolateActivation()
    bended.bend(callback, "mul$")
    placed = bended.from_activations("mul$", mul=values, interp_weights=w)
    assert torch.equal(placed, fresh)
    named = bended.from_activations(callbacks=[callback], mul=values, interp_weights=w)
    assert torch.equal(named, fresh)
    assert torch.equal(bended(values), bended.module(values))
    at_call = bended(values, interp_weights=w[:1])
    mixed = inner(bended.module, values)["mul"]
    mixed = torch.einsum("ob,bct->oct", w[:1], mixed)
    assert torch.allclose(at_call, torch.tanh(mixed).mean(1, keepdim=True), atol=1e-6)


@torch.no_grad()
def test_softmax_of_the_shares(bended: tb.BendedModule) -> None:
    values, w = noise(3, 4, 6), torch.tensor([[0.2, -1.0, 3.0]])
    got = bended.from_activations(
        "mul$", callbacks=[tb.InterpolateActivation(softmax=True)], mul=values, interp_weights=w
    )
    mixed = torch.einsum("ob,bct->oct", torch.softmax(w, 1), values)
    assert torch.allclose(got, torch.tanh(mixed).mean(1, keepdim=True), atol=1e-6)


class Push(tb.BendingCallback):
    """Takes a number from the call."""

    activation_compatible = True

    def forward(self, x: Tensor, name: str | None = None, param1: Tensor | None = None) -> Tensor:
        return x if param1 is None else x + param1


@torch.no_grad()
def test_a_list_gives_each_callback_its_own(bended: tb.BendedModule) -> None:
    x = noise(2, 4, 8)
    bended.bend(Push(), "convs_0$")
    bended.bend(Push(), "tanh$")
    bended.bend(tb.Scale(0.5), "act_1$")

    def want(first: float, second: float) -> Tensor:
        changes = {
            "convs_0": lambda v: v + first,
            "tanh": lambda v: v + second,
            "act_1": lambda v: v * 0.5,
        }
        return Reference(bended, changes)(x)

    assert torch.equal(bended(x), want(0.0, 0.0))
    assert torch.equal(bended(x, param1=0.5), want(0.5, 0.5))
    assert torch.equal(bended(x, param1=[1, 1]), want(1.0, 1.0))
    assert torch.equal(bended(x, param1=[0.25, -2.0]), want(0.25, -2.0))
    assert torch.equal(bended(x=x, param1=[torch.tensor(1.0), 3]), want(1.0, 3.0))
    got = bended.get_activations("mean", x=x, param1=[0.25, -2.0])
    assert torch.equal(got["mean"], want(0.25, -2.0))
    for wrong in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(tb.BendingError, match="'param1'.*2"):
            bended(x, param1=wrong)
    with pytest.raises(tb.BendingError, match="param2"):
        bended(x, param2=1.0)


@torch.no_grad()
def test_two_callbacks_on_one_place_each_take_their_own(bended: tb.BendedModule) -> None:
    x = noise(2, 4, 8)
    bended.bend(Push() >> tb.Scale(2.0), "tanh$")
    bended.bend(Push(), "tanh$")
    reference = Reference(bended, {"tanh": lambda v: (v + 1.0) * 2.0 + 0.25})
    assert torch.equal(bended(x, param1=[1.0, 0.25]), reference(x))
    got = bended.from_activations("tanh$", tanh=torch.ones(1, 4, 2), param1=[1.0, 0.25])
    assert torch.equal(got, torch.full((1, 1, 2), 4.25))


class TakesWeight(nn.Module):
    def forward(self, x: Tensor, interp_weights: Tensor) -> Tensor:
        return torch.sin(x) * interp_weights


def test_an_input_of_the_name_of_a_callbacks_argument_is_refused() -> None:
    bended = tb.BendedModule(TakesWeight())
    bended.trace(x=noise(2, 3), interp_weights=noise(3))
    with pytest.raises(tb.BendingError, match="'interp_weights'"):
        bended.bend(tb.InterpolateActivation(), "sin")
    assert bended.bended_keys() == []
    x, w = noise(2, 3), noise(3)
    assert torch.equal(bended(x, w), torch.sin(x) * w)


# -- methods of one's own ----------------------------------------------------------------
@torch.no_grad()
def test_looking_kept_as_a_method(bended: tb.BendedModule) -> None:
    x = noise(2, 4, 8)
    first = bended.get_activations("convs_0", "tanh$", x=x, _save_as_method="peek")
    assert "peek" in bended.traced_methods and "peek" in dir(bended)
    other = noise(3, 4, 5, seed=1)
    want = inner(bended.module, other)
    for got in (bended.peek(other), bended.peek(x=other)):
        assert equal(got, {n: want[n] for n in ("convs_0", "tanh")})
    assert equal(bended.peek(x), first)
    bended.bend(tb.Scale(0.5), "peek:convs_0$")
    twice = bended.peek(other)
    assert torch.equal(twice["convs_0"], want["convs_0"] * 0.5)
    assert torch.equal(bended(other), bended.module(other))
    bended.reset()
    bended.bend(tb.Scale(0.5), "convs_0$")
    reference = Reference(bended, {"convs_0": lambda v: v * 0.5})
    assert torch.equal(bended(other), reference(other))
    assert torch.equal(bended.peek(other)["convs_0"], want["convs_0"] * 0.5)


@torch.no_grad()
def test_a_cut_kept_as_a_method(bended: tb.BendedModule) -> None:
    values = noise(2, 4, 6)
    bended.bend(tb.Scale(0.5), "tanh$")
    want = (torch.tanh(values) * 0.5).mean(1, keepdim=True)
    assert torch.equal(bended.from_activations("mul$", mul=values, _save_as_method="tail"), want)
    other = noise(5, 4, 3, seed=2)
    want = (torch.tanh(other) * 0.5).mean(1, keepdim=True)
    assert torch.equal(bended.tail(mul=other), want)
    assert torch.equal(bended.tail(other), want)
    bended.bend(tb.Bias(1.0), "tail:mean")
    assert torch.equal(bended.tail(other), want + 1.0)
    assert bended.is_traced("tail")
    assert "tanh" in bended.activation_names("tail")
    assert "convs_0" not in bended.activation_names("tail")
    bended.reset()
    assert torch.equal(bended.tail(other), torch.tanh(other).mean(1, keepdim=True))
    with pytest.raises(tb.TracingError, match="'tail'.*'forward'"):
        bended.trace("tail", other)


@torch.no_grad()
def test_a_cut_with_an_interpolation_kept_as_a_method(bended: tb.BendedModule) -> None:
    bended.bend(tb.InterpolateActivation(), "mul$")
    values, w = noise(3, 4, 6), torch.tensor([[0.2, 0.3, 0.5]])
    want = bended.from_activations("mul$", mul=values, interp_weights=w, _save_as_method="mix")
    assert torch.equal(bended.mix(values, interp_weights=w), want)
    assert torch.equal(bended.mix(mul=values, interp_weights=w), want)
    assert bended.mix(values).shape == (3, 1, 6)


@torch.no_grad()
def test_a_method_of_ones_own_advances_the_state() -> None:
    module = seeded(StreamingNet)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 2, 6))
    twin = copy.deepcopy(module)
    bended.get_activations("relu", x=noise(2, 2, 6), _save_as_method="front")
    same_buffers(bended, twin)
    for seed in range(3):
        block = noise(2, 2, 6, seed=seed)
        got = bended.front(block)
        relu = torch.relu(twin.first(block))
        assert torch.equal(got["relu"], relu)
        assert torch.equal(bended.first.cache, twin.first.cache)


@torch.no_grad()
def test_the_rest_of_a_streaming_model_has_its_state() -> None:
    module = seeded(StreamingNet)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 2, 6))
    twin = copy.deepcopy(module)
    bended(noise(2, 2, 6))
    twin(noise(2, 2, 6))
    bended.from_activations("relu", relu=noise(2, 2, 6), _save_as_method="back")
    same_buffers(bended, twin)
    for seed in range(3):
        block = noise(2, 2, 6, seed=seed)
        once = bended.from_activations("relu", relu=block)
        got = bended.back(block)
        assert torch.equal(once, got)
        assert torch.equal(got, torch.tanh(twin.second(block)) * 0.5)
        assert torch.equal(bended.second.cache, twin.second.cache)
        assert torch.equal(bended.first.cache, twin.first.cache)


@pytest.mark.parametrize(
    "name", ["forward", "bend", "convs", "no-name", "_x", "", "1a", "__call__"]
)
@torch.no_grad()
def test_names_that_a_method_cannot_have(bended: tb.BendedModule, name: str) -> None:
    x = noise(2, 4, 8)
    methods = bended.traced_methods
    with pytest.raises(tb.BendingError, match="name|taken"):
        bended.get_activations("tanh$", x=x, _save_as_method=name)
    with pytest.raises(tb.BendingError, match="name|taken"):
        bended.from_activations("tanh$", tanh=x, _save_as_method=name)
    assert bended.traced_methods == methods
    assert torch.equal(bended(x), bended.module(x))


# -- recordings --------------------------------------------------------------------------
@torch.no_grad()
def test_capture_records_what_passes_and_changes_nothing(bended: tb.BendedModule) -> None:
    capture = tb.Capture()
    bended.bend(capture, "convs_0$", "tanh$")
    blocks = [noise(2, 4, 8, seed=i) for i in range(3)]
    assert torch.equal(bended(blocks[0]), bended.module(blocks[0]))
    assert capture.captures == {}
    with bended.capture(capture):
        for block in blocks:
            assert torch.equal(bended(block), bended.module(block))
    bended(noise(2, 4, 8, seed=9))
    want = [inner(bended.module, block) for block in blocks]
    assert list(capture.captures) == ["convs_0", "tanh"]
    for name in ("convs_0", "tanh"):
        assert torch.equal(capture.captures[name], torch.cat([v[name] for v in want]))
    assert capture.n_captures == 6
    capture.clear()
    assert capture.captures == {}


@torch.no_grad()
def test_enable_and_disable_capture(bended: tb.BendedModule) -> None:
    one, two = tb.Capture(), tb.Capture()
    bended.bend(one, "convs_0$")
    bended.bend(tb.Scale(2.0) >> two, "tanh$")
    x = noise(2, 4, 8)
    bended.enable_capture(one)
    bended(x)
    bended.enable_capture()
    bended(x)
    bended.disable_capture()
    bended(x)
    assert one.n_captures == 4 and two.n_captures == 2
    assert torch.equal(two.captures["tanh"], inner(bended.module, x)["tanh"] * 2.0)
    with pytest.raises(tb.BendingError):
        bended.enable_capture(tb.Scale(1.0))
    with pytest.raises(ZeroDivisionError), bended.capture():
        raise ZeroDivisionError
    bended(x)
    assert one.n_captures == 4


@torch.no_grad()
def test_mixtures_of_what_was_recorded() -> None:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lin = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.lin(x)) * 2

    module = seeded(Mixer)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 3))
    callback = tb.InterpolationFromCapture()
    bended.bend(callback, "lin$")
    seen = noise(2, 3, seed=1)
    with bended.capture():
        assert torch.equal(bended(seen), module(seen))
    stored = module.lin(seen)
    x = noise(4, 3, seed=2)
    logits = module.lin(x)
    want = torch.tanh(torch.softmax(logits, 1) @ stored) * 2
    assert torch.allclose(bended(x), want, atol=1e-6)
    assert callback.n_captures == 2


@torch.no_grad()
def test_recordings_survive_a_new_trace(bended: tb.BendedModule) -> None:
    capture = tb.Capture()
    bended.bend(capture, "tanh$")
    with bended.capture():
        bended(noise(2, 4, 8))
        bended.trace(x=noise(1, 4, 5))
        bended(noise(2, 4, 8, seed=1))
    assert capture.n_captures == 4


@torch.no_grad()
def test_looking_records_nothing(bended: tb.BendedModule) -> None:
    """What ``get_activations`` runs is no performance: captures are of calls."""
    capture = tb.Capture()
    bended.bend(capture, "tanh$")
    with bended.capture():
        bended.trace(x=noise(2, 4, 8))
    assert capture.n_captures == 0


def test_tables_of_activations(bended: tb.BendedModule, tmp_path: Any, capsys: Any) -> None:
    text = bended.print_activations(flt=["convs", "tanh"], exclude="convs_1", out=tmp_path / "a")
    assert capsys.readouterr().out == ""
    assert (tmp_path / "a").read_text() == text + "\n"
    assert [row.split()[0] for row in text.splitlines()[2:]] == ["convs_0", "convs_2", "tanh"]
    modules = bended.print_activations(op="call_module", out=tmp_path / "b")
    names = [row.split()[0] for row in modules.splitlines()[2:]]
    assert names == ["convs_0", "act", "convs_1", "act_1", "convs_2", "act_2"]
    assert "convs.0" in modules
    weights = bended.print_weights(flt=r"convs\.0", exclude=[".*bias"], out=tmp_path / "c")
    assert [row.split()[0] for row in weights.splitlines()[2:]] == ["convs.0.weight"]
    with open(tmp_path / "d", "w") as file:
        graph = bended.print_graph(out=file)
    assert (tmp_path / "d").read_text() == graph + "\n"
    assert list(bended.activations(op="get_attr")) == ["gain"]
    assert list(bended.activations(op="placeholder")) == ["x"]


def test_a_joseph_kept_as_two_methods() -> None:
    module, t = Joseph(), torch.linspace(0, 1, 100)[None]
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.get_activations("sin", t=t, _save_as_method="partials")
    bended.from_activations("sin", sin=noise(1, 4, 100), _save_as_method="mixdown")
    assert torch.equal(bended.mixdown(bended.partials(t)["sin"]), module(t))
