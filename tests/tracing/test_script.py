"""The scripted model: what plays live plays there, before and after a control moves."""

from __future__ import annotations

import copy
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support import (
    Codec,
    ConvNet,
    Joseph,
    LazyStreamingConv,
    Opaque,
    Reference,
    StreamingNet,
    Untouched,
    equal,
    noise,
    picture,
    same_picture,
    seeded,
    with_weights,
)
from torch import Tensor, nn

import torchbend as tb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def reloaded(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


def traced(module: nn.Module, x: Tensor) -> tb.BendedModule:
    bended = tb.BendedModule(module)
    with torch.no_grad():
        bended.trace(x=x)
    return bended


def assert_same(
    bended: tb.BendedModule, scripts: list[torch.jit.ScriptModule], blocks: list[Tensor]
) -> None:
    with torch.no_grad():
        for i, block in enumerate(blocks):
            torch.manual_seed(i)
            want = bended(block)
            for script in scripts:
                torch.manual_seed(i)
                assert equal(script(block), want), f"block {i}"


SHAPES = [(2, 4, 8), (2, 4, 8), (1, 4, 8), (3, 4, 5), (1, 4, 21)]


def blocks_of(shapes: list[tuple[int, ...]], seed: int = 0) -> list[Tensor]:
    return [noise(*shape, seed=seed + i) for i, shape in enumerate(shapes)]


def test_an_unbent_model_scripts_to_itself() -> None:
    module = seeded(ConvNet)
    untouched = Untouched(module)
    bended = traced(module, noise(2, 4, 8))
    before = picture(bended)
    script = bended.script()
    assert isinstance(script, torch.jit.ScriptModule)
    assert_same(bended, [script, reloaded(script)], blocks_of(SHAPES))
    same_picture(before, picture(bended))
    untouched.check()


def test_controls_of_weights_and_activations() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(2, 4, 8))
    p = tb.BendingParameter("p", 0.5, range=[-2.0, 2.0])
    q = tb.BendingParameter("q", 1.0)
    bended.bend(tb.Scale(p), "gain", r"convs\.1\.weight", "tanh$")
    bended.bend(tb.Bias(2.0 * p + 1), r"convs\.1\.weight", "act_1$")
    bended.bend(tb.Scale(q) >> tb.Bias(0.25), "act_2$", r"convs\.1\.bias")
    bended.bend(tb.Scale(3.0), r"convs\.0\.bias")
    scripts = [bended.script()]
    scripts.append(reloaded(scripts[0]))
    assert_same(bended, scripts, blocks_of(SHAPES))
    for i, (first, second) in enumerate([(1.5, -1.0), (-2.0, 0.0), (0.5, 1.0)]):
        bended.update("p", first)
        bended.update("q", second)
        for script in scripts:
            assert script.set_p(first) == 0 and script.set_q(second) == 0
            assert script.get_p() == first and script.get_q() == second
        assert_same(bended, scripts, blocks_of(SHAPES, seed=10 * i))


@torch.no_grad()
def test_a_script_and_the_live_model_do_not_hear_each_other() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(2, 4, 8))
    p = tb.BendingParameter("p", 0.5)
    bended.bend(tb.Scale(p), "gain", "tanh$")
    one, two = bended.script(), bended.script()
    x = noise(1, 4, 8)
    first = bended(x)
    one.set_p(2.0)
    assert torch.equal(bended(x), first) and torch.equal(two(x), first)
    assert p.get_python_value() == 0.5 and two.get_p() == 0.5
    moved = one(x)
    bended.update("p", -1.0)
    assert torch.equal(one(x), moved) and torch.equal(two(x), first)
    bended.reset()
    module.gain.mul_(3.0)
    assert torch.equal(one(x), moved) and torch.equal(two(x), first)


def test_a_script_refuses_what_the_control_refuses() -> None:
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    bended.bend(tb.Scale(tb.BendingParameter("p", 0.5, range=[-2.0, 2.0])), "gain", "tanh$")
    script = bended.script()
    x = noise(1, 4, 8)
    with torch.no_grad():
        want = script(x)
        assert script.set_p(float("nan")) == -1
        assert script.get_p() == 0.5
        assert torch.equal(script(x), want)
        assert script.set_p(100.0) == 0
        assert script.get_p() == 2.0
        bended.update("p", 2.0)
        assert torch.equal(script(x), bended(x))


@pytest.mark.parametrize(
    ("first", "second", "callback"),
    [
        (2, 3, tb.Scale),
        (True, False, tb.Scale),
        ([1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 0.5, 2.0], tb.Scale),
        (0.75, 0.25, lambda p: tb.Mask(p, seed=3)),
        (0.75, 0.25, lambda p: tb.OrderedMask(p, seed=3, dim=1)),
        (0.75, 0.25, lambda p: tb.Normal(p, seed=3, dim=1)),
        (0.75, 0.25, lambda p: tb.ThresholdActivation(p)),
        (0.75, 0.25, lambda p: tb.ThresholdPermute(p, seed=3)),
    ],
)
def test_every_kind_of_control_scripts(
    first: Any, second: Any, callback: Callable[[Any], tb.BendingCallback]
) -> None:
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    where = ["gain", "act$"]
    bended.bend(callback(tb.BendingParameter("p", first)), *where)
    scripts = [bended.script()]
    scripts.append(reloaded(scripts[0]))
    shapes = [(2, 4, 8), (1, 4, 8)]
    assert_same(bended, scripts, blocks_of(shapes))
    bended.update("p", second)
    for script in scripts:
        value = torch.tensor(second) if isinstance(second, list) else second
        assert script.set_p(value) == 0
    assert_same(bended, scripts, blocks_of(shapes))


def test_a_choice_and_a_complex_control_script() -> None:
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    op = tb.BendingParameter("op", "add", choices=["add", "mul"])
    bended.bend(tb.Normal(0.5, seed=3, op=op), "gain", "tanh$")
    script = bended.script()
    assert_same(bended, [script], blocks_of(SHAPES[:2]))
    bended.update("op", "mul")
    assert script.set_op("mul") == 0 and script.get_op() == "mul"
    assert script.set_op("div") == -1 and script.get_op() == "mul"
    assert_same(bended, [script], blocks_of(SHAPES[:2]))

    class Phasor(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.complex(noise(3), noise(3, seed=1)))

        def forward(self, x: Tensor) -> Tensor:
            return torch.view_as_real(self.w * x)

    turned = traced(Phasor(), noise(2, 3))
    turned.bend(tb.Scale(tb.BendingParameter("z", 1 + 1j)), "w")
    script = turned.script()
    assert_same(turned, [script], [noise(2, 3)])
    turned.update("z", 0.5 - 2j)
    assert script.set_z(0.5, -2.0) == 0
    assert script.get_z() == (0.5, -2.0)
    assert_same(turned, [script], [noise(2, 3)])


@pytest.mark.parametrize("make", [StreamingNet, LazyStreamingConv])
@torch.no_grad()
def test_streaming_models_keep_their_state_in_the_script(make: type[nn.Module]) -> None:
    module = seeded(make)
    bended = traced(module, noise(2, 2, 6))
    p = tb.BendingParameter("p", 0.5)
    bended.bend(tb.Scale(p), ".*weight")
    bended.bend(tb.Bias(p), bended.activation_names()[-1] + "$")
    bended(noise(2, 2, 6))
    scripts = [bended.script()]  # from the state as it is now
    scripts.append(reloaded(scripts[0]))
    state = {n: b.clone() for n, b in bended.named_buffers()}
    shapes = [(2, 2, 6), (2, 2, 6), (1, 2, 9), (4, 2, 3)]
    assert_same(bended, scripts, blocks_of(shapes))
    bended.update("p", -1.0)
    for script in scripts:
        script.set_p(-1.0)
    assert_same(bended, scripts, blocks_of(shapes))
    caches = {n: b for n, b in bended.named_buffers() if n in state}
    for script in scripts:
        theirs = dict(script.named_buffers())
        for name, buffer in caches.items():
            assert torch.equal(theirs[name], buffer), name


@torch.no_grad()
def test_every_traced_method_is_there() -> None:
    module = seeded(Codec)
    bended = tb.BendedModule(module)
    x, z = noise(1, 1, 8), noise(1, 2, 8)
    bended.trace("encode", x)
    bended.trace("decode", z)
    p = tb.BendingParameter("p", 0.5)
    bended.bend(tb.Scale(p), r"decoder\.0\.weight", "encode:encoder_0")
    script = reloaded(bended.script())
    for value in (0.5, -2.0):
        bended.update("p", value)
        assert script.set_p(value) == 0
        for seed, shape in enumerate([(1, 8), (3, 8), (2, 13)]):
            x, z = noise(shape[0], 1, shape[1], seed=seed), noise(shape[0], 2, shape[1], seed=seed)
            assert torch.equal(script.encode(x), bended.encode(x))
            assert torch.equal(script.decode(z), bended.decode(z))
    bended.trace("forward", x)
    assert torch.equal(bended.script()(x), bended(x))


@torch.no_grad()
def test_methods_of_ones_own_script() -> None:
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    bended.bend(tb.Scale(0.5), "tanh$")
    bended.bend(tb.InterpolateActivation(), "mul$")
    x, w = noise(3, 4, 6), torch.tensor([[0.2, 0.3, 0.5]])
    bended.get_activations("convs_0", x=x, _save_as_method="peek")
    bended.from_activations("mul$", mul=x, interp_weights=w, _save_as_method="tail")
    script = reloaded(bended.script())
    assert torch.equal(script(x), bended(x))
    assert torch.equal(script(x, interp_weights=w), bended(x, interp_weights=w))
    assert equal(script.peek(x), bended.peek(x))
    assert torch.equal(script.tail(x, interp_weights=w), bended.tail(x, interp_weights=w))
    assert torch.equal(script.tail(x), bended.tail(x))


@torch.no_grad()
def test_integer_weights_bent_to_fractions() -> None:
    module, t = Joseph(), torch.linspace(0, 1, 50)[None]
    bended = tb.BendedModule(module)
    bended.trace(t=t)
    bended.bend(tb.Scale(tb.BendingParameter("p", 1.3)), "f_mult")
    script = reloaded(bended.script())
    for value in (1.3, 0.7):
        bended.update("p", value)
        script.set_p(value)
        assert torch.equal(script(t), bended(t))


class Drawn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.rnn = nn.GRU(4, 3, batch_first=True)
        self.held = torch.linspace(0, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.rnn(self.lin(x))[0] * self.held
        y = y + torch.randn_like(y) + torch.rand(y.shape[0], 1, 3)
        mean, scale = y.mean(-1), y.std(-1)
        return torch.distributions.Normal(mean, scale + 0.1).rsample() + torch.zeros(y.shape[1])


@torch.no_grad()
def test_noise_recurrent_layers_and_held_tensors_script() -> None:
    bended = traced(seeded(Drawn), noise(2, 5, 4))
    bended.bend(tb.Scale(0.5), "lin$", r"rnn\.weight_hh.*")
    script = bended.script()
    assert_same(bended, [script, reloaded(script)], blocks_of([(2, 5, 4), (3, 2, 4)]))


@torch.no_grad()
def test_a_version_and_a_mixture_script() -> None:
    module, other = seeded(ConvNet), seeded(ConvNet, seed=3)
    bended = traced(module, noise(2, 4, 8))
    bended.create_version("other", other)
    bended.version = "other"
    bended.bend(tb.Scale(tb.BendingParameter("p", 0.5)), r"convs\.0\.weight")
    script = bended.script()
    for value in (0.5, 2.0):
        bended.update("p", value)
        script.set_p(value)
        twin = with_weights(other, {"convs.0.weight": lambda w, v=value: w * v})
        x = noise(1, 4, 8)
        assert torch.equal(script(x), twin(x))
    bended.reset()
    with bended.interpolate(1.0, other=1.0):
        assert_same(bended, [bended.script()], blocks_of(SHAPES[:2]))


# -- users' own callbacks ----------------------------------------------------------------
class UpClamp(tb.BendingCallback):
    """Keeps of a weight what is above a threshold, of an activation what is below.

    The masks of the weights are state of its own, which ``update`` follows.
    """

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    controllable_params = ("threshold",)

    def __init__(self, threshold: Any) -> None:
        super().__init__()
        self.threshold = threshold
        self.masks = nn.ParameterList()

    def register_weight(self, parameter: Any, name: Any = None, cache: bool = True) -> str:
        name = super().register_weight(parameter, name=name, cache=cache)
        mask = (parameter > self.get("threshold")).float()
        self.masks.append(nn.Parameter(mask, requires_grad=False))
        return name

    def update(self) -> None:
        for i, mask in enumerate(self.masks):
            mask.set_((self.get_cache(i) > self.get("threshold")).float())

    def apply_to_param(self, idx: int, param: nn.Parameter, cache: Tensor | None = None) -> None:
        for i, mask in enumerate(self.masks):
            if i == idx and cache is not None:
                param.set_(cache * mask)

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        return x * (x < self.get("threshold")).float()


@torch.no_grad()
def test_a_users_callback_with_state_follows_its_control() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(2, 4, 8))
    bended.bend(UpClamp(tb.BendingParameter("p", 0.1)), "gain", r"convs\.0\.weight", "act_1$")
    scripts = [bended.script()]
    scripts.append(reloaded(scripts[0]))
    for value in (0.1, 0.9, -0.1):
        bended.update("p", value)
        for script in scripts:
            assert script.set_p(value) == 0
        above = {n: lambda w, v=value: w * (w > v).float() for n in ("gain", "convs.0.weight")}
        below = {"act_1": lambda y, v=value: y * (y < v).float()}
        reference = Reference(bended, below, state=with_weights(module, above))
        for block in blocks_of(SHAPES[:3]):
            want = reference(block)
            assert torch.equal(bended(block), want)
            for script in scripts:
                assert torch.equal(script(block), want)


# -- reasons why not ---------------------------------------------------------------------
def closure_of(factor: float) -> Callable[[Tensor], Tensor]:
    def my_curious_bend(x: Tensor) -> Tensor:
        return x * torch.from_numpy(x.numpy() * factor)

    return my_curious_bend


def test_a_python_function_is_refused_by_name() -> None:
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    bended.bend(tb.Lambda(closure_of(2.0)), "tanh$")
    before = picture(bended)
    with pytest.raises(tb.BendingError, match="Lambda.*my_curious_bend"):
        bended.script()
    same_picture(before, picture(bended))
    x = noise(1, 4, 8)
    with torch.no_grad():
        y = torch.tanh(inner_of(bended, x))
        assert torch.equal(bended(x), (y * (y * 2.0)).mean(1, keepdim=True))


def inner_of(bended: tb.BendedModule, x: Tensor) -> Tensor:
    return bended.get_activations("mul", x=x)["mul"]


@torch.no_grad()
def test_a_python_function_on_a_weight_needs_no_script() -> None:
    """A weight that no control reaches is a value: how it was computed does not matter."""
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    bended.bend(tb.Lambda(closure_of(2.0)), "gain")
    assert_same(bended, [bended.script()], blocks_of(SHAPES[:3]))


def test_what_is_not_traced_or_hooked_says_so() -> None:
    bended = tb.BendedModule(seeded(ConvNet))
    with pytest.raises(tb.ScriptError, match="trace"):
        bended.script()
    hooked = tb.BendedModule(seeded(Opaque))
    with torch.no_grad():
        hooked.trace(x=noise(2, 3))
    with pytest.raises(tb.ScriptError, match=r"'forward'.*hooks"):
        hooked.script()


def test_a_name_that_is_taken_is_refused() -> None:
    class Taken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(3))

        def set_p(self, x: Tensor) -> Tensor:
            return self.w * x

    bended = tb.BendedModule(Taken())
    bended.trace("set_p", noise(3))
    bended.bend(tb.Scale(tb.BendingParameter("p", 1.0)), "w")
    with pytest.raises(tb.BendingError, match="'set_p'"):
        bended.script()


@torch.no_grad()
def test_saved_to_a_file(tmp_path: Path) -> None:
    bended = traced(seeded(ConvNet), noise(2, 4, 8))
    bended.bend(tb.Scale(tb.BendingParameter("p", 0.5)), "gain", "tanh$")
    bended.script().save(str(tmp_path / "bent.ts"))
    loaded = torch.jit.load(str(tmp_path / "bent.ts"))
    assert_same(bended, [loaded], blocks_of(SHAPES))
    twin = copy.deepcopy(loaded)
    twin.set_p(2.0)
    assert loaded.get_p() == 0.5
    assert_same(bended, [loaded], blocks_of(SHAPES[:1]))


class Spectra(nn.Module):
    """``torch.stft`` called in the ways that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(16))

    def forward(self, x: Tensor) -> Tensor:
        a = torch.stft(x, 16, 4, 16, self.window, return_complex=True)
        b = torch.stft(x[0], 16, window=self.window, pad_mode="constant", return_complex=True)
        c = torch.stft(x, n_fft=16, center=False, normalized=True, return_complex=True)
        d = torch.stft(x, 16, onesided=False, return_complex=True)
        return torch.cat([v.abs().flatten() for v in (a, b, c, d)])


@torch.no_grad()
def test_stft_is_called_as_libtorch_2_5_knows_it() -> None:
    bended = traced(Spectra(), noise(2, 64))
    script = bended.script()
    file = io.BytesIO()
    torch.jit.save(script, file)
    with zipfile.ZipFile(file) as archive:
        code = {n: archive.read(n).decode() for n in archive.namelist() if n.endswith(".py")}
    assert not [name for name in code if "functional" in name]  # torch's own body, in Python
    text = " ".join("".join(code.values()).split())
    calls = re.findall(r"torch\.stft\(([^)]*)\)", text)
    assert len(calls) == 4
    assert all(call.count(",") == 9 for call in calls)  # an eleventh argument came later
    for seed in range(3):
        x = noise(1 + seed, 64, seed=seed)
        assert torch.equal(script(x), bended(x))
