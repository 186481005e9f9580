"""An exported file against formulas in plain torch: sound, knobs, and how they move."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import torchbend as tb
from torchbend.errors import ExportError, ScriptError
from torchbend.hints import ExportHints, ModelAttribute


class Net(nn.Module):
    """Two convolutions; the state is a delay of three frames before them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Conv1d(2, 6, 3, padding=1)
        self.b = nn.Conv1d(6, 2, 1)
        self.register_buffer("past", torch.zeros(64, 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.past[: x.shape[0]], x], -1)
        self.past[: x.shape[0]].copy_(y[..., -3:])
        return self.b(torch.tanh(self.a(y[..., : x.shape[-1]])))


class Codec(nn.Module):
    """Eight frames become one latent, and back."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.down = nn.Conv1d(1, 3, 8, stride=8)
        self.up = nn.ConvTranspose1d(3, 1, 8, stride=8)

    def encode(self, x: Tensor) -> Tensor:
        return self.down(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def wrapped(module: nn.Module | None = None, **inputs: Tensor) -> tb.BendedModule:
    bended = tb.BendedModule((module or Net()).eval())
    if module is None:
        bended.trace("forward", torch.randn(1, 2, 64))
    return bended


def exported(bended: tb.BendedModule, folder: Path, **options: object) -> torch.jit.ScriptModule:
    path = folder / "x.ts"
    bended.export(path, **{"check": False, "patches": False, **options})
    return torch.jit.load(str(path))


def play(method: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """As nn~ does: in inference mode."""
    with torch.inference_mode():
        return method(x).clone()


def noise(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# -- sound ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def neutral_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bended = wrapped()
    gain = tb.BendingParameter("gain", 1.0, range=[0, 2])
    keep = tb.BendingParameter("keep", 1.0, range=[0, 1])
    offset = tb.BendingParameter("offset", 0.0, range=[-1, 1])
    bended.bend(tb.Scale(gain), "a.*", "tanh$")
    bended.bend(tb.Mask(keep, seed=1), "b.weight")
    bended.bend(tb.Bias(offset), "b$")
    folder = tmp_path_factory.mktemp("neutral")
    exported(bended, folder)
    return folder / "x.ts"


@pytest.mark.parametrize("batch", [1, 4, 64])
@pytest.mark.parametrize("block", [1, 2, 7, 64, 512])
def test_at_neutral_the_file_has_the_bits_of_the_module(batch, block, neutral_file):
    file = torch.jit.load(str(neutral_file))
    module = Net().eval()
    for i in range(3):
        x = noise(batch, 2, block, seed=i)
        assert torch.equal(play(file.forward, x), play(module, x)), f"block {i}"


def test_bends_equal_the_formula(tmp_path):
    bended = wrapped()
    gain = tb.BendingParameter("gain", 0.5, range=[0, 2])
    offset = tb.BendingParameter("offset", 0.25, range=[-1, 1])
    bended.bend(tb.Scale(gain), "a.weight")
    bended.bend(tb.Bias(offset), "tanh$")
    file = exported(bended, tmp_path)
    net = Net()
    x = noise(1, 2, 32)
    late = torch.cat([torch.zeros(1, 2, 3), x], -1)[..., :32]
    inner = torch.tanh(F.conv1d(late, net.a.weight * 0.5, net.a.bias, padding=1)) + 0.25
    torch.testing.assert_close(play(file.forward, x), net.b(inner).detach(), rtol=0, atol=1e-6)


def test_the_file_starts_fresh_whatever_was_played_before(tmp_path):
    bended = wrapped()
    bended(noise(1, 2, 64))
    file = exported(bended, tmp_path)
    x = noise(1, 2, 16, seed=9)
    assert torch.equal(play(file.forward, x), play(Net(), x))


@pytest.mark.slow
def test_the_live_model_keeps_its_state_and_its_knobs(tmp_path):
    bended = wrapped()
    gain = tb.BendingParameter("gain", 0.7, range=[0, 2])
    bended.bend(tb.Scale(gain), "tanh$")
    twin = wrapped()
    twin.bend(tb.Scale(0.7), "tanh$")
    x, y = noise(1, 2, 64), noise(1, 2, 64, seed=4)
    bended(x), twin(x)
    bended.export(tmp_path / "x.ts", patches=False)
    assert gain.get_python_value() == 0.7
    assert torch.equal(bended(y), twin(y))


# -- knobs that move -----------------------------------------------------------------------


class Through(nn.Module):
    """Passes sound: what the bend does is what comes out."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + 0.0)


def through(callback: tb.BendingCallback, channels: int, folder: Path) -> torch.jit.ScriptModule:
    bended = tb.BendedModule(Through())
    bended.trace("forward", torch.rand(1, channels, 32))
    bended.bend(callback, "relu$")
    return exported(bended, folder)


@pytest.mark.parametrize("block", [1, 16, 100])
def test_a_gain_moves_sample_by_sample_over_the_next_block(block, tmp_path):
    file = through(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 4])), 1, tmp_path)
    x = noise(2, 1, block).abs()
    assert torch.equal(play(file.forward, x), x)
    assert file.set_gain(3.0) == 0
    ramp = 1 + 2 * torch.arange(1, block + 1) / block
    torch.testing.assert_close(play(file.forward, x), x * ramp, rtol=1e-6, atol=0)
    assert torch.equal(play(file.forward, x), x * 3.0)
    assert file.set_gain(1.0) == 0
    play(file.forward, x)
    assert torch.equal(play(file.forward, x), x)


def test_two_moves_before_a_block_are_one(tmp_path):
    file = through(tb.Bias(tb.BendingParameter("offset", 0.0, range=[0, 4])), 1, tmp_path)
    x = noise(1, 1, 8).abs()
    file.set_offset(4.0), file.set_offset(2.0)
    ramp = 2 * torch.arange(1, 9) / 8
    torch.testing.assert_close(play(file.forward, x), x + ramp, rtol=1e-6, atol=0)
    assert torch.equal(play(file.forward, x), x + 2.0)


def test_a_mask_is_cross_faded(tmp_path):
    keep = tb.BendingParameter("keep", 1.0, range=[0, 1])
    file = through(tb.OrderedMask(keep, seed=5, dim=1), 8, tmp_path)
    x = noise(1, 8, 16).abs() + 1
    file.set_keep(0.5)
    moving = play(file.forward, x)
    after = play(file.forward, x)
    silent = (after == 0).all(-1)[0]
    assert silent.sum() == 4
    assert torch.equal(after[0, ~silent], x[0, ~silent])
    down = 1 - torch.arange(1, 17) / 16
    torch.testing.assert_close(moving[0, silent], (x * down)[0, silent], rtol=1e-6, atol=1e-6)
    assert torch.equal(moving[0, ~silent], x[0, ~silent])


def test_one_gain_a_channel_moves_channel_by_channel(tmp_path):
    eq = tb.BendingParameter("eq", [1.0, 1.0, 1.0], range=[0, 2])
    file = through(tb.Scale(eq, dim=1), 3, tmp_path)
    assert file.eq_params.tolist() == [2, 2, 2]
    x = noise(1, 3, 10).abs()
    assert file.set_eq(0.0, 1.0, 9.0) == 0
    assert file.get_eq() == [0.0, 1.0, 2.0]
    ramp = torch.arange(1, 11) / 10
    expected = torch.stack([x[0, 0] * (1 - ramp), x[0, 1], x[0, 2] * (1 + ramp)])[None]
    torch.testing.assert_close(play(file.forward, x), expected, rtol=1e-6, atol=1e-7)


def test_scales_of_weight_and_bias_glide_behind_the_layer(tmp_path):
    net = Net()
    bended = wrapped()
    gain = tb.BendingParameter("gain", 1.0, range=[0, 2])
    tilt = tb.BendingParameter("tilt", 1.0, range=[0, 2])
    bended.bend(tb.Scale(gain), "b.weight")
    bended.bend(tb.Scale(tilt), "b.bias")
    file = exported(bended, tmp_path)
    assert not [n for n, _ in file.named_buffers() if n.endswith("base")], "no second weight"
    x = noise(1, 2, 20)
    play(file.forward, x)
    play(net, x)
    file.set_gain(0.5), file.set_tilt(2.0)
    late = torch.cat([x[..., -3:], x], -1)[..., :20]
    inner = F.conv1d(torch.tanh(net.a(late)), net.b.weight)
    up = torch.arange(1, 21) / 20
    moving = inner * (1 - 0.5 * up) + net.b.bias[:, None] * (1 + up)
    torch.testing.assert_close(play(file.forward, x), moving.detach(), rtol=0, atol=1e-6)
    after = (inner * 0.5 + net.b.bias[:, None] * 2).detach()
    torch.testing.assert_close(play(file.forward, x), after, rtol=0, atol=1e-6)


def test_a_weight_that_is_read_otherwise_is_folded(tmp_path):
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.c = nn.Conv1d(1, 1, 3, padding=1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.c(x) + self.c.weight.sum()

    bended = tb.BendedModule(Odd())
    bended.trace("forward", torch.randn(1, 1, 16))
    gain = tb.BendingParameter("gain", 1.0, range=[0, 2])
    bended.bend(tb.Scale(gain), "c.weight")
    file = exported(bended, tmp_path)
    x = noise(1, 1, 16)
    file.set_gain(0.5)
    weight = Odd().c.weight.detach() * 0.5
    assert torch.equal(play(file.forward, x), F.conv1d(x, weight, padding=1) + weight.sum())


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda p: tb.Bias(p), lambda w, v, _: w + v),
        (lambda p: tb.Affine(0.5, p), lambda w, v, _: w * v + 0.5),
        (lambda p: tb.Normal(p, seed=4), lambda w, v, d: w + v * d),
        (lambda p: tb.Normal(p, seed=4) >> tb.Scale(2.0), lambda w, v, d: (w + v * d) * 2.0),
    ],
    ids=["bias", "affine", "noise", "chain"],
)
def test_moved_weights_equal_the_formula(make, formula, tmp_path):
    bended = wrapped()
    p = tb.BendingParameter("p", 0.25, range=[0, 2])
    bended.bend(make(p), "a.weight")
    file = exported(bended, tmp_path)
    net = Net()
    from torchbend.bending.kernel import place_generator

    draw = torch.randn(6, 2, 3, generator=place_generator(4, "a.weight"))
    x = noise(1, 2, 24)
    for value in (1.5, 0.0, 2.0):
        assert file.set_p(value) == 0
        with torch.no_grad():
            net.past.zero_()
            net.a.weight.copy_(formula(Net().a.weight, value, draw))
        fresh = [b for n, b in file.named_buffers() if n.endswith("past")]
        fresh[0].zero_()
        assert torch.equal(play(file.forward, x), play(net, x)), value


def test_a_moved_file_still_hears_its_knobs(tmp_path):
    bended = wrapped()
    keep = tb.BendingParameter("keep", 1.0, range=[0, 1])
    gain = tb.BendingParameter("gain", 1.0, range=[0, 2])
    bended.bend(tb.Mask(keep, seed=1), "b.weight", "b.bias")
    bended.bend(tb.Scale(gain), "tanh$")
    file = exported(bended, tmp_path).double()
    x = noise(1, 2, 16).double()
    before = play(file.forward, x)
    file.set_keep(0.0)
    assert before.abs().max() > 0.1
    assert play(file.forward, x).abs().max() == 0.0


# -- what nn~ sees -------------------------------------------------------------------------


def every_kind() -> tuple[tb.BendedModule, dict[str, tb.BendingParameter]]:
    bended = wrapped()
    p = {
        "gain": tb.BendingParameter("gain", 1.0, range=[0.5, 2]),
        "count": tb.BendingParameter("count", 1, range=[0, 3]),
        "on": tb.BendingParameter("on", True),
        "how": tb.BendingParameter("how", "add", choices=["add", "mul"]),
        "eq": tb.BendingParameter("eq", [1.0] * 6, range=[0, 2]),
        "free": tb.BendingParameter("free", 0.0),
    }
    bended.bend(tb.Scale(p["gain"]), "a.weight")
    bended.bend(tb.Scale(p["count"]), "b$")
    bended.bend(tb.Scale(p["on"]), "tanh$")
    bended.bend(tb.Normal(0.1, seed=1, op=p["how"]), "b.weight")
    bended.bend(tb.Scale(p["eq"], dim=1), "a$")
    bended.bend(tb.Bias(p["free"]), "b.bias")
    return bended, p


def test_attributes_are_typed_clamped_and_read_back(tmp_path):
    bended, _ = every_kind()
    file = exported(bended, tmp_path)
    assert file.get_methods() == ["forward"]
    assert file.get_attributes() == ["gain", "count", "on", "how", "eq", "free"]
    codes = {name: getattr(file, f"{name}_params").tolist() for name in file.get_attributes()}
    assert codes == {
        "gain": [2], "count": [1], "on": [1], "how": [3], "eq": [2] * 6, "free": [2],
    }  # fmt: skip
    assert (file.set_gain(9.0), file.get_gain()) == (0, [2.0])
    assert (file.set_gain(-9.0), file.get_gain()) == (0, [0.5])
    assert (file.set_gain(float("nan")), file.get_gain()) == (-1, [0.5])
    assert (file.set_gain(float("inf")), file.get_gain()) == (0, [2.0])
    assert (file.set_count(99), file.get_count()) == (0, [3])
    assert (file.set_on(0), file.get_on()) == (0, [0])
    assert (file.set_on(7), file.get_on()) == (0, [1])
    assert (file.set_how("mul"), file.get_how()) == (0, ["mul"])
    assert (file.set_how("div"), file.get_how()) == (-1, ["mul"])
    nan = float("nan")
    assert (file.set_eq(0.0, 0.5, 1.0, 1.5, 2.0, nan), file.get_eq()) == (-1, [1.0] * 6)
    assert (file.set_free(float("inf")), file.get_free()) == (-1, [0.0])
    assert (file.set_free(-1e30), file.get_free()[0] < -9e29) == (0, True)


def test_setters_work_after_blocks_in_inference_mode(tmp_path):
    bended, _ = every_kind()
    file = exported(bended, tmp_path)
    x = noise(1, 2, 16)
    for _ in range(3):
        play(file.forward, x)
        for name, values in (
            ("gain", (0.7,)), ("count", (2,)), ("on", (0,)), ("how", ("mul",)),
            ("eq", (0.1,) * 6), ("free", (0.5,)),
        ):  # fmt: skip
            assert getattr(file, f"set_{name}")(*values) == 0
            assert play(file.forward, x).isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tensor", "buffer"])
def test_a_vector_as_a_tensor_and_as_an_array(form, tmp_path):
    bended = wrapped()
    eq = tb.BendingParameter("eq", [1.0] * 6, range=[0, 2])
    bended.bend(tb.Scale(eq, dim=0), "a.weight")
    bended.bend(tb.Scale(eq, dim=1), "a$")
    file = exported(bended, tmp_path, vectors={"eq": form}, check=True)
    values = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 9.0])
    if form == "tensor":
        assert file.eq_params.tolist() == [4]
        assert file.set_eq(values) == 0
        assert file.set_eq(torch.ones(5)) == -1
        assert file.set_eq(torch.full((6,), float("nan"))) == -1
        assert file.get_buffer_attributes() == ["eq#0"]
        assert file.set_buffer_attribute("eq#0", values[None], 44100) == 0
        (got,) = file.get_eq()
        assert got.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    else:
        assert file.eq_params.tolist() == [5]
        assert file.get_buffer_attributes() == ["eq#0"]
        assert file.set_eq("array") == 0
        assert file.set_buffer_attribute("eq#0", values[None], 44100) == 0
        assert file.set_buffer_attribute("eq#0", torch.ones(1, 5), 44100) == -1
        assert file.set_buffer_attribute("other#0", values, 44100) == -1
        assert not file.is_buffer_empty("eq#0")
        assert file.is_buffer_empty("other#0")
        assert file.get_eq() == ["6 values from 0. to 2."]
    net = Net()
    with torch.no_grad():
        net.a.weight.mul_(values.clamp(0, 2)[:, None, None])
    x = noise(1, 2, 16)
    play(file.forward, x), play(net, x)
    late = torch.cat([x[..., -3:], x], -1)[..., :16]
    expected = net.b(torch.tanh(net.a(late) * values.clamp(0, 2)[:, None])).detach()
    torch.testing.assert_close(play(file.forward, x), expected, rtol=0, atol=1e-6)
    if form == "buffer":
        assert file.clear_buffer_attribute("eq#0") == 0
        assert file.get_eq() == ["6 values from 1. to 1."]


def test_a_long_vector_becomes_an_array(tmp_path):
    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x.repeat(1, 20, 1)).sum(1, keepdim=True)

    bended = tb.BendedModule(Wide())
    bended.trace("forward", torch.rand(1, 1, 8))
    eq = tb.BendingParameter("eq", [1.0] * 20, range=[0, 2])
    bended.bend(tb.Scale(eq, dim=1), "relu$")
    assert exported(bended, tmp_path).eq_params.tolist() == [5]


def test_a_complex_control_is_two_floats(tmp_path):
    class Spin(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            turned = torch.complex(x[:, :1], x[:, 1:])
            return torch.cat([turned.real, turned.imag], 1)

    bended = tb.BendedModule(Spin())
    bended.trace("forward", torch.rand(1, 2, 8))
    bended.bend(tb.Scale(tb.BendingParameter("turn", 1 + 0j)), "complex.*")
    file = exported(bended, tmp_path)
    assert file.turn_params.tolist() == [2, 2]
    assert file.set_turn(0.0, 1.0) == 0
    assert file.get_turn() == [0.0, 1.0]
    x = noise(1, 2, 8)
    play(file.forward, x)
    expected = torch.cat([-x[:, 1:], x[:, :1]], 1)
    torch.testing.assert_close(play(file.forward, x), expected)


def test_methods_ratios_and_labels_are_found(tmp_path):
    bended = tb.BendedModule(Codec())
    bended.trace("encode", torch.randn(1, 1, 64))
    bended.trace("decode", torch.randn(1, 3, 8))
    bended.trace("forward", torch.randn(1, 1, 64))
    file = exported(bended, tmp_path, labels={"decode": (["x", "y", "z"], ["out"])})
    assert file.get_methods() == ["encode", "decode", "forward"]
    assert file.get_attributes() == []
    assert file.encode_params.tolist() == [1, 1, 3, 8]
    assert file.decode_params.tolist() == [3, 8, 1, 1]
    assert file.forward_params.tolist() == [1, 1, 1, 1]
    assert file.decode_input_labels == ["x", "y", "z"]
    assert file.encode_output_labels == [f"(signal) Output {i}" for i in (1, 2, 3)]
    buffers = dict(file.named_buffers())
    assert {"encode_params", "decode_params", "forward_params"} <= set(buffers)
    x = noise(4, 1, 32)
    assert torch.equal(play(file.forward, x), Codec()(x).detach())


class Shapes(nn.Module):
    def mono(self, x: Tensor) -> Tensor:  # (batch, frames)
        return x * 2

    def line(self, x: Tensor) -> Tensor:  # (frames,)
        return x.flip(0)

    def two(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x.sum(1, keepdim=True) + y, y[:, 0]

    def codes(self, z: Tensor) -> Tensor:
        return z * 2


@pytest.mark.parametrize("batch", [1, 3])
def test_methods_of_other_shapes_are_adapted(batch, tmp_path):
    bended = tb.BendedModule(Shapes())
    bended.trace("mono", torch.randn(1, 8))
    bended.trace("line", torch.randn(8))
    bended.trace("two", torch.randn(1, 2, 8), torch.randn(1, 1, 8))
    bended.trace("codes", torch.randint(0, 9, (1, 4, 8)))
    file = exported(bended, tmp_path)
    x = noise(batch, 1, 16)
    assert torch.equal(play(file.mono, x), x * 2)
    assert torch.equal(play(file.line, x), x.flip(-1))
    x = noise(batch, 3, 16)
    expected = torch.cat([x[:, :2].sum(1, keepdim=True) + x[:, 2:], x[:, 2:]], 1)
    assert torch.equal(play(file.two, x), expected)
    assert file.two_params.tolist() == [3, 1, 2, 1]
    z = torch.arange(8.0).repeat(batch, 4, 1)
    assert torch.equal(play(file.codes, z + 0.2), z * 2)


def test_the_file_says_what_is_inside(tmp_path):
    bended = wrapped()
    gain = tb.BendingParameter("gain", 0.5, range=[0, 2])
    bended.bend(tb.Scale(gain), "a.weight")
    done = bended.export(
        tmp_path / "net.ts", check=False, patches=False, sample_rate=48000, name="My net"
    )
    with zipfile.ZipFile(done.path) as archive:
        (member,) = [n for n in archive.namelist() if n.endswith("extra/torchbend.json")]
        inside = json.loads(archive.read(member))
    assert inside == json.loads(json.dumps(done.info.to_dict()))
    assert inside["model"] == "My net"
    assert inside["sample_rate"] == 48000
    assert inside["state"] == ["_model.past"]
    (attribute,) = inside["attributes"]
    assert (attribute["name"], attribute["default"], attribute["low"], attribute["high"]) == (
        "gain", [0.5], 0, 2,
    )  # fmt: skip
    assert attribute["bends"] == ["Scale on a.weight"]
    assert len(inside["source"]["sha256"]) == 64
    again = wrapped()
    again.bend(tb.BendingConfig.from_json(inside["bending"]))
    x = noise(1, 2, 16)
    assert torch.equal(again(x), bended(x))
    file = torch.jit.load(str(done.path))
    assert file.get_sample_rate() == 48000
    assert set(dict(file.named_buffers())) >= set(inside["state"])


def test_a_users_callback_follows_its_control(tmp_path):
    class Shift(tb.BendingCallback):
        activation_compatible = jit_compatible = nntilde_compatible = True
        controllable_params = ("by",)

        def __init__(self, by: object = 0.0) -> None:
            super().__init__(by=by)
            self.held = 0.0

        def update(self) -> None:
            self.held = float(self.get("by")) * 2

        def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
            return x + self.held

    bended = tb.BendedModule(Through())
    bended.trace("forward", torch.rand(1, 1, 8))
    bended.bend(Shift(tb.BendingParameter("by", 0.0, range=[0, 1])), "relu$")
    file = exported(bended, tmp_path)
    x = noise(1, 1, 8).abs()
    file.set_by(0.5)
    assert torch.equal(play(file.forward, x), x + 1.0)


# -- refusals ------------------------------------------------------------------------------


def test_what_cannot_be_exported_is_refused(tmp_path):
    bended = tb.BendedModule(Codec())
    with pytest.raises(ExportError, match="nothing is traced"):
        bended.export(tmp_path / "x.ts")
    bended.trace("encode", torch.randn(1, 1, 64))
    with pytest.raises(ExportError, match=r"ends in \.ts"):
        bended.export(tmp_path / "x.pt")
    with pytest.raises(ExportError, match="no folder"):
        bended.export(tmp_path / "none" / "x.ts")
    with pytest.raises(ExportError, match="'decode' is not traced.*encode"):
        bended.export(tmp_path / "x.ts", methods=["decode"])
    with pytest.raises(ExportError, match="ratios"):
        bended.export(tmp_path / "x.ts", ratios={"encode": (1, 4)})
    with pytest.raises(ExportError, match="3 output channels, and 1 labels"):
        bended.export(tmp_path / "x.ts", labels={"encode": (["in"], ["out"])})
    with pytest.raises(ExportError, match="no control 'eq'"):
        bended.export(tmp_path / "x.ts", vectors={"eq": "floats"})
    assert list(tmp_path.iterdir()) == []


class Shrinks(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[..., 2:] - x[..., :-2]


class Loops(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * float(x.detach().numpy().sum())


def test_methods_that_nn_tilde_cannot_play_are_refused(tmp_path):
    shrinks = tb.BendedModule(Shrinks())
    shrinks.trace("forward", torch.randn(1, 1, 64))
    with pytest.raises(ExportError, match="62 frames for 64 and 126 for 128"):
        shrinks.export(tmp_path / "x.ts")
    hooked = tb.BendedModule(Loops())
    hooked.trace("forward", torch.randn(1, 1, 64))
    with pytest.raises((ExportError, ScriptError), match="numpy"):
        hooked.export(tmp_path / "x.ts")
    assert list(tmp_path.iterdir()) == []


def test_a_draw_for_one_length_is_refused_with_what_to_do(tmp_path):
    bended = wrapped()
    bended.bend(tb.Mask(0.5, seed=1), "tanh$")
    with pytest.raises(ExportError, match="dim=1"):
        bended.export(tmp_path / "x.ts", patches=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["forward", "methods", "attributes", "forward_params"])
def test_names_that_are_taken_are_refused(name, tmp_path):
    bended = wrapped()
    bended.bend(tb.Scale(tb.BendingParameter(name, 1.0)), "tanh$")
    with pytest.raises(ExportError, match="another name"):
        bended.export(tmp_path / "x.ts")
    assert list(tmp_path.iterdir()) == []


def test_a_python_function_is_refused_by_name(tmp_path):
    bended = wrapped()
    outer = [1.0]
    bended.bend(tb.Lambda(lambda x: x * outer[0]), "tanh$")
    with pytest.raises(ScriptError, match="Lambda"):
        bended.export(tmp_path / "x.ts")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("first", ["scale", "mask"])
def test_a_scale_beside_a_mask_is_a_gain_whatever_the_order(first, tmp_path):
    bended = wrapped()
    gain = tb.BendingParameter("gain", 1.0, range=[0, 2])
    keep = tb.BendingParameter("keep", 1.0, range=[0, 1])
    bends = {"scale": tb.Scale(gain), "mask": tb.Mask(keep, seed=1, dim=0)}
    bended.bend(bends.pop(first), "a.weight")
    bended.bend(next(iter(bends.values())), "a.weight")
    file = exported(bended, tmp_path)
    file.set_gain(0.25), file.set_keep(0.5)
    bended.update("gain", 0.25), bended.update("keep", 0.5)
    x = noise(1, 2, 16)
    play(file.forward, x)
    bended._shadow.past.copy_(x[..., -3:].expand(1, -1, -1)[0])
    torch.testing.assert_close(play(file.forward, x), bended(x), rtol=0, atol=1e-6)
    folds = [n for n, _ in file.named_modules() if "_folds." in n]
    assert not [n for n in folds if ".gain." in n], "the gain computes no weight anew"
    assert [n for n in folds if ".keep." in n]


def test_a_scale_before_noise_is_part_of_the_weight(tmp_path):
    bended = wrapped()
    gain = tb.BendingParameter("gain", 0.25, range=[0, 2])
    bended.bend(tb.Scale(gain), "a.weight")
    bended.bend(tb.Normal(0.5, seed=1), "a.weight")
    file = exported(bended, tmp_path)
    for value in (0.25, 2.0):
        file.set_gain(value), bended.update("gain", value)
        x = noise(1, 2, 16, seed=int(value))
        assert torch.equal(play(file.forward, x), bended(x))


class Switched(nn.Module):
    """Has settings of its own, in buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.knobs = nn.Module()
        self.knobs.register_buffer("invert", torch.zeros(1, dtype=torch.int64))
        self.knobs.register_buffer("level", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(self.knobs.invert > 0, -x, x) * self.knobs.level


class BendedSwitched(tb.BendedModule):
    def export_hints(self) -> ExportHints:
        return ExportHints(
            sample_rate=44100,
            attributes=(
                ModelAttribute("invert", "knobs.invert", "bool"),
                ModelAttribute("level", "knobs.level", "float", 0.0, 2.0),
            ),
        )


@pytest.mark.slow
def test_the_models_own_settings_are_attributes(tmp_path):
    bended = BendedSwitched(Switched())
    bended.trace("forward", torch.randn(1, 1, 8))
    file = exported(bended, tmp_path, check=True)
    assert (file.get_attributes(), file.get_sample_rate()) == (["invert", "level"], 44100)
    assert (file.invert_params.tolist(), file.level_params.tolist()) == ([1], [2])
    x = noise(1, 1, 8)
    assert torch.equal(play(file.forward, x), x)
    assert (file.set_invert(1), file.get_invert()) == (0, [1])
    assert torch.equal(play(file.forward, x), -x)
    assert (file.set_level(9.0), file.get_level()) == (0, [2.0])
    assert (file.set_level(float("nan")), file.get_level()) == (-1, [2.0])
    file = file.double()
    assert torch.equal(play(file.forward, x.double()), -2.0 * x.double())
    assert (file.set_invert(0), file.set_level(0.5)) == (0, 0)
    assert torch.equal(play(file.forward, x.double()), 0.5 * x.double())
