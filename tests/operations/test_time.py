"""Operations along time: what the tests over all operations do not see."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operation_places import places_of
from support import noise
from torch import nn

import torchbend as tb
from torchbend.bending import Bend, BendingParameter
from torchbend.bending.kernel import forget, state_buffers
from torchbend.bending.registry import operations
from torchbend.bending.scripting import Scripter
from torchbend.contents import read_info
from torchbend.errors import BendingCallbackException
from torchbend.operations import Delay, Dilate, Erode, Flip, Gradient, Hold, Roll, Stretch
from torchbend.places import Place

BLOCK = 256

STREAMS = [
    Gradient(),
    Delay(50),
    Erode(30),
    Dilate(30),
    Flip(window=40),
    Stretch(2.7, window=24),
    Stretch(0.3, window=24),
    Stretch(math.inf, window=24),
]

every_stream = pytest.mark.parametrize("callback", STREAMS, ids=repr)


def activation(*shape, dtype=torch.float32):
    return Place("conv", "activation", shape, dtype)


def sine(frames, start=0, pitch=0.02):
    """A steady sine, ``pitch`` in cycles a frame."""
    t = torch.arange(start, start + frames, dtype=torch.float64)
    return (2 * math.pi * pitch * t).sin().float().reshape(1, 1, -1)


def jump(x):
    """The greatest step between neighbouring frames."""
    return float(x.diff(dim=-1).abs().max())


# -- streams -----------------------------------------------------------------------------
@every_stream
@settings(max_examples=25)
@given(cuts=st.sets(st.integers(1, 159), max_size=12))
def test_blocks_of_any_size_give_the_same_bits(callback, cuts):
    x = noise(2, 3, 160, seed=5)
    kernel = callback.kernel(activation(2, 3, 64))
    whole = kernel(x)
    forget(kernel)
    edges = [0, *sorted(cuts), 160]
    parts = [kernel(x[..., a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    assert torch.equal(torch.cat(parts, -1), whole)


@every_stream
def test_a_long_sound_is_its_formula(callback):
    x = noise(2, 3, 160, seed=5)
    own = {name: value for name, value in callback.settings().items() if name != "time"}
    place = activation(2, 3, 64)
    wanted = operations()[type(callback).__name__].plain(x, place, **own)
    assert torch.allclose(callback.kernel(place)(x), wanted, atol=1e-5)


@every_stream
def test_nothing_is_heard_before_it_comes(callback):
    kernel = callback.kernel(activation(1, 1, 100))
    x, y = noise(1, 1, 100, seed=1), noise(1, 1, 100, seed=2)
    out = kernel(x)
    for t in (0, 1, 30, 99):
        forget(kernel)
        late = torch.cat([x[..., :t], y[..., t:]], -1)
        assert torch.equal(kernel(late)[..., :t], out[..., :t])


@every_stream
def test_another_batch_size_starts_from_silence(callback):
    kernel = callback.kernel(activation(1, 2, 64))
    x = noise(3, 2, 30)
    first = kernel(x[:1])
    assert not torch.equal(kernel(x[:1]), first)  # it goes on
    assert torch.equal(kernel(x)[:1], first)
    assert torch.equal(kernel(x[:1]), first)


@every_stream
def test_a_weight_has_no_past(callback):
    w = noise(6, 4, 7)
    kernel = callback.kernel(places_of("weight"), w)
    assert not kernel.stateful()
    assert torch.equal(kernel(w), kernel(w))


@every_stream
def test_what_is_remembered_needs_no_gradient_and_survives_inference_mode(callback):
    x = noise(2, 2, 48)
    whole = callback.kernel(activation(1, 2, 16))(x)
    kernel = callback.kernel(activation(1, 2, 16))
    with torch.inference_mode():
        first = kernel(x[..., :16])  # its state is made here
    second = kernel(x[..., 16:32].clone().requires_grad_())
    third = kernel(x[..., 32:])
    assert not third.requires_grad
    assert torch.equal(torch.cat([first, second.detach(), third], -1), whole)


@every_stream
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_in_another_precision(callback, dtype):
    x = noise(1, 2, 64)
    wanted = callback.kernel(activation(1, 2, 64))(x)
    kernel = callback.kernel(activation(1, 2, 64, dtype=dtype))
    out = torch.cat([kernel(part.to(dtype)) for part in x.split(16, -1)], -1)
    assert out.dtype == dtype
    assert torch.allclose(out.float(), wanted, atol=1e-6 if dtype == torch.float64 else 0.1)


@pytest.mark.parametrize(
    "make",
    [Gradient, Delay, Erode, Hold, Roll, Flip, Stretch, lambda **s: Flip(window=8, **s)],
)
def test_time_may_be_another_dimension(make):
    x = noise(2, 32, 5)  # as of a transformer: (batch, time, features)
    turned = make().kernel(activation(2, 5, 32))(x.transpose(1, 2)).transpose(1, 2)
    for time in (1, -2):
        assert torch.equal(make(time=time).kernel(activation(2, 32, 5))(x), turned)


# -- grains ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "callback", [Flip(32), *(Stretch(f, 32) for f in (0.25, 0.6, 3))], ids=repr
)
def test_grains_sum_to_one(callback):
    out = callback.kernel(activation(1, 1, 64))(torch.ones(1, 1, 300))
    assert torch.allclose(out[..., 3 * 32 :], torch.ones(1), atol=1e-6)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
def test_a_stretch_in_windows_moves_the_pitch(factor):
    x = sine(8192, pitch=0.03125)
    out = Stretch(factor, window=1024).kernel(activation(1, 1, 64))(x)[0, 0, 4096:]
    spectrum = torch.fft.rfft(out * torch.hann_window(4096)).abs()
    assert abs(int(spectrum.argmax()) / 4096 - 0.03125 / factor) < 2 / 1024


def test_how_old_the_sound_is():
    # what is heard of a clock is its time less the age
    clock = torch.arange(400.0).reshape(1, 1, -1)
    for callback, oldest, mean in (
        (Flip(16), 30, 16),
        (Stretch(2.0, 16), 8, 4),
        (Stretch(0.25, 16), 48, 24),
    ):
        age = (clock - callback.kernel(activation(1, 1, 8))(clock))[..., 100:]
        assert 0 <= float(age.min()) <= float(age.max()) <= oldest
        assert float(age[..., :160].mean()) == pytest.approx(mean, abs=1e-3)


# -- knobs -------------------------------------------------------------------------------
KNOBS = [
    ("frames", lambda p: Hold(p, longest=30), 4.0, 12.0),
    ("frames", lambda p: Delay(p, longest=300), 3.0, 40.0),
    ("frames", lambda p: Delay(p, longest=300), 251.0, 0.0),
    ("factor", lambda p: Stretch(p, window=128), 1.0, 0.7),
    ("factor", lambda p: Stretch(p, window=128), 3.0, 0.5),
    ("factor", lambda p: Stretch(p, window=600), 0.25, 9.0),
    ("shift", lambda p: Roll(p), 0.0, 100.0),
    ("factor", lambda p: Stretch(p), 1.0, 1.5),
]

every_knob = pytest.mark.parametrize(
    ("name", "make", "first", "then"), KNOBS, ids=[f"{n}-{a}-{b}" for n, _, a, b in KNOBS]
)


def scripted(callback, *knobs, place=None):
    """A kernel and its controls as they are in a file."""
    kernel = callback.kernel(place or activation(1, 1, BLOCK))
    scripter = Scripter(knobs, fresh=True)
    assert scripter.fades(kernel, 2)
    return scripter.kernel(kernel, fade=2), scripter.controls()


def played(kernel, start, blocks):
    """What a kernel makes of some blocks of the sine."""
    return torch.cat([kernel(sine(BLOCK, (start + i) * BLOCK)) for i in range(blocks)], -1)


@every_knob
def test_a_knob_that_moves_does_not_click(name, make, first, then):
    knob = BendingParameter(name, first)
    kernel, controls = scripted(make(knob), knob)
    before = played(kernel, 0, 12)
    assert controls[name].set(then) == 0
    moving = played(kernel, 12, 1)
    after = played(kernel, 13, 12)
    steady = max(jump(before[..., 6 * BLOCK :]), jump(after))
    seen = torch.cat([before[..., -1:], moving, after[..., :1]], -1)
    assert jump(seen) <= 1.5 * steady
    live = make(then).kernel(activation(1, 1, BLOCK))
    assert torch.allclose(played(live, 0, 25)[..., 13 * BLOCK :], after, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "first", "then"),
    [
        (lambda p: Delay(p, longest=300), 3.0, 40.0),
        (lambda p: Stretch(p, window=600), 1.0, 9.0),
    ],
)
def test_without_the_glide_it_would(make, first, then):
    knob = BendingParameter("knob", first)
    kernel = make(knob).kernel(activation(1, 1, BLOCK))
    before = played(kernel, 0, 12)
    knob.set_value(then)
    after = played(kernel, 12, 12)
    seen = torch.cat([before[..., -1:], after[..., :BLOCK]], -1)
    assert jump(seen) > 1.5 * max(jump(before[..., 6 * BLOCK :]), jump(after[..., BLOCK:]))


def test_a_delay_in_a_bend_glides_with_its_amount_and_remembers_while_silent():
    frames = BendingParameter("frames", 5.0, range=[0, 64])
    amount = BendingParameter("amount", 0.0, range=[0, 1])
    kernel, controls = scripted(Bend(Delay(frames, longest=64), amount), frames, amount)
    x = noise(1, 1, 6 * BLOCK)
    blocks = x.split(BLOCK, -1)
    assert torch.equal(kernel(blocks[0]), blocks[0])
    controls["amount"].set(1.0)
    controls["frames"].set(9.0)
    late = [torch.roll(x, n, -1) for n in (5, 9)]
    part = slice(BLOCK, 2 * BLOCK)
    up = torch.arange(1, BLOCK + 1) / BLOCK
    delayed = late[0][..., part] * (1 - up) + late[1][..., part] * up
    wanted = blocks[1] * (1 - up) + delayed * up
    assert torch.allclose(kernel(blocks[1]), wanted, atol=1e-5)
    assert torch.equal(kernel(blocks[2]), late[1][..., 2 * BLOCK : 3 * BLOCK])


@pytest.mark.parametrize(
    ("callback", "values"),
    [(Delay, (-5.0, 1e9)), (Stretch, (-3.0, 0.0, 1e30)), (Roll, (-1e30, 1e30))],
)
def test_a_control_beyond_the_limits_is_clamped(callback, values):
    name = callback.controllable_params[0]
    knob = BendingParameter(name, 1.0)
    more = {"longest": 20} if callback is Delay else {"window": 8} if callback is Stretch else {}
    kernel = callback(knob, **more).kernel(activation(1, 1, 64))
    x = noise(1, 1, 64)
    for value in values:
        knob.set_value(value)
        forget(kernel)
        out = kernel(x)
        if callback is Delay:
            wanted = x if value < 0 else torch.cat([torch.zeros(1, 1, 20), x[..., :44]], -1)
            assert torch.equal(out, wanted)
        elif callback is Stretch:
            near = Stretch(max(value, 0.25), window=8).kernel(activation(1, 1, 64))
            assert torch.equal(out, near(x))
        assert torch.isfinite(out).all()


def test_a_whole_number_knob_and_a_fraction_of_a_frame():
    knob = BendingParameter("frames", 2, range=[0, 8])
    x = noise(1, 1, 32)
    kernel, controls = scripted(Delay(knob, longest=8), knob)
    assert torch.equal(kernel(x)[..., 2:], x[..., :-2])
    controls["frames"].set(3)
    kernel(x)
    assert torch.equal(kernel(x), torch.cat([x[..., -3:], x[..., :-3]], -1))
    near = Delay(2.6).kernel(activation(1, 1, 32))
    assert torch.equal(near(x)[..., 3:], x[..., :-3])


# -- in a file ---------------------------------------------------------------------------
class Through(nn.Module):
    """Passes sound: what the bend does is what comes out."""

    def forward(self, x):
        return torch.relu(x + 2.0)


def in_a_file(callback, path, **settings):
    """A file in which a bend on sound is all that happens."""
    bended = tb.BendedModule(Through().eval())
    bended.trace("forward", torch.rand(1, 1, 32))
    bended.bend(callback, "relu$")
    bended(torch.rand(1, 1, 32))  # what was heard live is not in the file
    bended.export(path, patches=False, **settings)
    return torch.jit.load(str(path))


@pytest.mark.slow
def test_an_exported_file_remembers_and_can_forget(tmp_path):
    bend = Delay(20) >> Flip(window=24) >> Gradient() >> Stretch(1.5, window=8) >> Erode(9)
    file = in_a_file(bend, tmp_path / "x.ts")
    x = torch.rand(1, 1, 96, generator=torch.Generator().manual_seed(3))
    wanted = bend.kernel(activation(1, 1, 32))(x + 2.0)
    with torch.inference_mode():
        for _ in range(2):
            out = torch.cat([file.forward(part) for part in x.split(32, -1)], -1)
            assert torch.allclose(out, wanted, atol=1e-5)
            forget(file)
    # a host finds there what to put back
    remembered = {f"{name}" for name, _ in state_buffers(file)}
    assert len(remembered) == 7
    assert set(read_info(tmp_path / "x.ts").state) == remembered


def test_knobs_of_an_exported_file_glide(tmp_path):
    frames, factor = BendingParameter("frames", 5.0, [0, 64]), BendingParameter("factor", 1.0)
    bend = Delay(frames, longest=64) >> Stretch(factor, window=128)
    file = in_a_file(bend, tmp_path / "x.ts", check=False)
    with torch.inference_mode():
        before = played(file, 0, 8)
        file.set_frames(60.0)
        file.set_factor(0.5)
        moving = played(file, 8, 1)
        after = played(file, 9, 8)
    seen = torch.cat([before[..., -1:], moving, after[..., :1]], -1)
    assert jump(seen) <= 1.5 * max(jump(before[..., 2 * BLOCK :]), jump(after))


# -- bad input ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Delay(-1), "Delay: frames is a number from 0 to inf; got -1"),
        (lambda: Delay("long"), "Delay: frames"),
        (lambda: Delay(math.inf), "frames is a number from 0 to longest, 1; got inf"),
        (lambda: Delay(9, longest=8), "frames is a number from 0 to longest, 8; got 9"),
        (lambda: Delay(1, longest=0), "longest is a whole number from 1 up; got 0"),
        (lambda: Delay(1, longest=2.5), "longest is a whole number from 1 up; got 2.5"),
        (lambda: Delay(BendingParameter("p", 3.0, range=[0, 9])), "say longest=, the greatest"),
        (lambda: Delay([1, 2]), "Delay: frames is a number"),
        (lambda: Hold(0), "Hold: frames is a number from 1"),
        (lambda: Hold(9, longest=4), "Hold: frames is a number from 1 to longest, 4; got 9"),
        (lambda: Hold(BendingParameter("p", 3.0, range=[1, 9])), "say longest=, the greatest"),
        (lambda: Erode(0), "Erode: frames is a whole number from 1 up; got 0"),
        (lambda: Dilate(True), "Dilate: frames is a whole number from 1 up; got True"),
        (lambda: Erode(BendingParameter("p", 3)), "frames"),
        (lambda: Roll(math.nan), "Roll: shift: a setting is a number; got nan"),
        (lambda: Roll(math.inf), "Roll: shift is a number from -1000000000"),
        (lambda: Flip(7), "window is an even number of frames.* got 7, 8 would do"),
        (lambda: Flip(0), "Flip: window is a whole number from 2 up; got 0"),
        (lambda: Stretch(2.0, window=3.0), "Stretch: window is a whole number from 2 up"),
        (lambda: Delay(1, longest=2**20 + 1), "Delay: longest is 1048576 frames at the most"),
        (lambda: Delay(1e12), "Delay: longest is 1048576 frames at the most.*got 1000000000000"),
        (lambda: Hold(2, longest=10**30), "Hold: longest is 1048576 frames at the most"),
        (lambda: Erode(10**400), "Erode: frames is 1048576 frames at the most"),
        (lambda: Dilate(2**40), "Dilate: frames is 1048576 frames at the most"),
        (lambda: Flip(2**40), "Flip: window is 1048576 frames at the most"),
        (lambda: Stretch(2.0, window=2**40), "Stretch: window is 1048576 frames at the most"),
        (lambda: Stretch(0.2), "Stretch: factor is a number from 0.25 to inf; got 0.2"),
        (lambda: Stretch(-1.0), "Stretch: factor is a number from 0.25"),
        (lambda: Gradient(time=1.5), "a dim is an int or None; got 1.5"),
    ],
)
def test_a_setting_that_is_none_is_refused(make, words):
    with pytest.raises(BendingCallbackException, match=words):
        make()


@pytest.mark.parametrize(
    "callback",
    [Gradient(), Delay(), Erode(), Dilate(), Hold(), Roll(), Flip(), Flip(8), Stretch()],
    ids=repr,
)
def test_a_place_without_time_is_refused(callback):
    for place in (
        activation(2, 6),
        Place("bias", "weight", (6,), torch.float32),
        activation(2, 6, 8, dtype=torch.int64),
        activation(2, 6, 8, dtype=torch.complex64),
        Place("x", "activation", None, torch.float32),
    ):
        with pytest.raises(BendingCallbackException, match="cannot sit on"):
            callback.kernel(place)
    away = type(callback)(time=3)
    with pytest.raises(BendingCallbackException, match="no dim 3"):
        away.kernel(activation(2, 6, 8))
