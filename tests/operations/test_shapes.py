"""What the test over all operations cannot see of those that bend each value by itself."""

from __future__ import annotations

import io
import itertools
import math

import pytest
import torch
from support import noise

import torchbend as tb
from torchbend.bending import Bend, BendingParameter
from torchbend.bending.registry import operations
from torchbend.bending.scripting import Scripter, script_kernels
from torchbend.errors import BendingCallbackException
from torchbend.operations import (
    Ablate,
    Absolute,
    Binarize,
    Clamp,
    Fold,
    HardThreshold,
    Invert,
    Log,
    Power,
    Quantize,
    Saturate,
    Sine,
    SoftThreshold,
    Wrap,
)
from torchbend.places import Place

# Each with settings that numbers can be put into.
SHAPES = {
    Absolute: (),
    Binarize: ("threshold",),
    Clamp: ("low", "high"),
    Fold: ("limit",),
    HardThreshold: ("threshold",),
    Log: ("k",),
    Power: ("exponent",),
    Quantize: ("step",),
    Saturate: ("drive", "limit"),
    Sine: ("drive", "limit"),
    SoftThreshold: ("threshold",),
    Wrap: ("limit",),
}
FORMS = ("negate", "complement", "reciprocal")
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]

every_shape = pytest.mark.parametrize("cls", SHAPES, ids=lambda cls: cls.__name__)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def place_of(x, kind="activation"):
    if kind == "weight":
        return Place("w", "weight", tuple(x.shape), x.dtype)
    return Place("a", "activation", tuple(x.shape), x.dtype, "forward", "call_module")


def bent(callback, x, kind="activation"):
    return callback.kernel(place_of(x, kind))(x)


def extremes(dtype):
    """Zeros, the least and the greatest numbers of a dtype, and what is between; of odd length."""
    info = torch.finfo(dtype)
    sizes = [0.0, info.smallest_normal, 1e-3, 0.25, 0.5, 1.0, 1.5, 3.0, 7.0, 1e4]
    sizes += [info.max / 8, info.max / 2, info.max]
    least = torch.tensor(info.smallest_normal, dtype=dtype) * info.eps  # subnormal
    values = torch.tensor(sizes, dtype=torch.float64).to(dtype)
    spread = (noise(64, seed=2).double() * torch.logspace(-8, 4, 64).double()).to(dtype)
    return torch.cat([values, -values, least.reshape(1), -least.reshape(1), spread])


def saved(module):
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


def same_bits(a, b):
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return a.dtype == b.dtype and torch.equal(a.view(integers), b.view(integers))


# -- all of them -----------------------------------------------------------------------------


def test_all_are_there():
    for cls in (*SHAPES, Ablate, Invert):
        assert operations()[cls.__name__].callback is cls
        assert getattr(tb, cls.__name__) is cls


WILD = [0.0, -0.0, 1e-320, 1e-40, 1e-7, 1e-3, 1.0, 7.3, 1e5, 1e30, 3.4e38, 1e39, 1e308]


@every_dtype
@every_shape
def test_finite_stays_finite_whatever_the_controls_say(cls, dtype):
    x = extremes(dtype)
    knobs = {name: BendingParameter(name, 1.0) for name in SHAPES[cls]}
    kernel = cls(**knobs).kernel(place_of(x))
    values = sorted({*WILD, *(-v for v in WILD)})
    for setting in itertools.product(values, repeat=len(knobs)):
        for knob, value in zip(knobs.values(), setting, strict=True):
            knob.set_value(value)
        out = kernel(x)
        assert out.dtype == dtype and out.shape == x.shape
        assert bool(torch.isfinite(out).all()), setting


@every_dtype
@pytest.mark.parametrize("form", FORMS)
def test_an_inversion_stays_finite(form, dtype):
    x = extremes(dtype)
    least = BendingParameter("least", 1.0)
    kernel = Invert(form, least).kernel(place_of(x))
    for value in (*WILD, *(-v for v in WILD)):
        least.set_value(value)
        assert bool(torch.isfinite(kernel(x)).all()), value


@pytest.mark.parametrize("kind", ["int", "bool"])
@every_shape
def test_controls_of_whole_numbers_and_switches(cls, kind):
    x = noise(2, 6, 9, seed=1)
    value = 3 if kind == "int" else True
    knobs = {name: BendingParameter(name, value) for name in SHAPES[cls]}
    fixed = {name: float(value) for name in SHAPES[cls]}
    assert torch.equal(bent(cls(**knobs), x), bent(cls(**fixed), x))
    for knob in knobs.values() if kind == "int" else ():
        knob.set_value(2**62)
    assert bool(torch.isfinite(bent(cls(**knobs), x)).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "callback",
    [
        *(cls() for cls in SHAPES),
        *(Invert(form) for form in FORMS),
        Log(1e-3),
        Fold(0.01),
        Wrap(2**-6),
        Sine(300.0),
    ],
    ids=repr,
)
def test_half_precision_is_the_double_value_rounded(callback, dtype):
    x = noise(3, 4, 33, seed=5).to(dtype)
    out = bent(callback, x)
    wanted = bent(callback, x.double()).to(dtype)
    assert out.dtype == dtype
    torch.testing.assert_close(out, wanted, rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


NEUTRAL = [HardThreshold(0.0), SoftThreshold(0.0), Power(1.0), Log(0.0), Quantize(0.0)]


@every_dtype
@pytest.mark.parametrize("callback", NEUTRAL, ids=repr)
def test_neutral_keeps_the_bits_of_all_numbers(callback, dtype):
    x = extremes(dtype)
    x = x[x != 0]  # the sign of a zero says nothing
    assert same_bits(bent(callback, x), x)
    assert same_bits(bent(callback, x, "weight"), x)


@every_dtype
@pytest.mark.parametrize(
    "callback", [Fold(2.0), Wrap(2.0), Clamp(-2.0, 2.0), Clamp(-math.inf, math.inf)], ids=repr
)
def test_what_is_within_the_limits_keeps_its_bits(callback, dtype):
    x = extremes(dtype)
    x = x[x != 0]
    if math.isfinite(callback.settings().get("high", 0.0)):
        x = x[x.abs() <= 2]
    assert x.numel() > 40
    assert same_bits(bent(callback, x), x)


@pytest.mark.parametrize("shape", [(), (1,), (5, 0), (3, 4, 5, 2)], ids=str)
@every_shape
def test_values_of_any_shape(cls, shape):
    x = noise(*shape, seed=3)
    out = bent(cls(), x)
    assert out.shape == x.shape
    flat = x.reshape(-1)
    one_by_one = [float(bent(cls(), value)) for value in flat]
    torch.testing.assert_close(out.reshape(-1), torch.tensor(one_by_one), rtol=1e-5, atol=1e-6)


@every_shape
def test_a_value_that_shares_its_memory_is_bent_as_its_copy(cls):
    x = noise(2, 1, 5, seed=4)
    wide = x.expand(2, 3, 5)
    assert torch.equal(bent(cls(), wide), bent(cls(), wide.contiguous()))
    turned = noise(5, 3, 2, seed=4).transpose(0, 2)
    before = turned.clone()
    assert torch.equal(bent(cls(), turned), bent(cls(), turned.contiguous()))
    assert torch.equal(turned, before)


@every_dtype
@every_shape
def test_into_gives_the_bits_of_forward(cls, dtype):
    x = noise(6, 4, 7, seed=6).to(dtype)
    kernel = cls().kernel(place_of(x, "weight"), x)
    for made in (kernel, saved(torch.jit.script(kernel))):
        out = torch.full_like(x, 99.0)
        made.into(x, out)
        assert same_bits(out, kernel(x))


@pytest.mark.parametrize("cls", [*SHAPES, Ablate, Invert], ids=lambda cls: cls.__name__)
def test_the_line_by_hand_that_its_cost_is_measured_against(cls):
    x = noise(2, 6, 9, seed=2)
    operation = operations()[cls.__name__]
    for settings in operation.examples:
        line = operation.by_hand(place_of(x), **settings)
        torch.testing.assert_close(bent(cls(**settings), x), line(x), rtol=1e-5, atol=1e-5)


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["loud", None, [0.5, 0.5], 1j, math.nan, {}], ids=repr)
@pytest.mark.parametrize(
    ("cls", "name"),
    [*((cls, name) for cls, names in SHAPES.items() for name in names), (Invert, "least")],
)
def test_a_setting_that_is_no_number_is_refused(cls, name, value):
    with pytest.raises(BendingCallbackException, match=rf"{cls.__name__}: {name}"):
        cls(**{name: value})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HardThreshold(-0.1), "HardThreshold: threshold is a number from 0.0 to inf"),
        (lambda: SoftThreshold(-1), "SoftThreshold: threshold is a number from 0.0 to inf"),
        (lambda: Fold(0.0), "Fold: limit is a number from 1e-06 to inf; got 0.0"),
        (lambda: Wrap(-1.0), "Wrap: limit is a number from 1e-06"),
        (lambda: Power(-0.5), "Power: exponent is a number from 0.0 to 16.0; got -0.5"),
        (lambda: Power(17), "Power: exponent is a number from 0.0 to 16.0; got 17"),
        (lambda: Log(-1.0), "Log: k is a number from 0.0"),
        (lambda: Log(1e10), "Log: k is a number from 0.0 to 1000000000.0"),
        (lambda: Saturate(-1.0), "Saturate: drive is a number from 0.0"),
        (lambda: Saturate(1.0, 0.0), "Saturate: limit is a number from 1e-06"),
        (lambda: Sine(-1.0), "Sine: drive is a number from 0.0"),
        (lambda: Sine(1.0, -2.0), "Sine: limit is a number from 1e-06"),
        (lambda: Quantize(-0.1), "Quantize: step is a number from 0.0"),
        (lambda: Invert("reciprocal", 0.0), "Invert: least is a number from 0.0001"),
        (lambda: Clamp(1.0, -1.0), "Clamp: low is not above high; got low 1.0 and high -1.0"),
        (lambda: Invert("reciprocol"), "'negate', 'complement', 'reciprocal'.*'reciprocal'"),
        (lambda: Invert(1.0), "Invert: form is one of .*; got 1.0"),
        (lambda: Invert([1.0]), "Invert: form is one of"),
        (lambda: Invert(None), "Invert: form"),
        (lambda: Invert(BendingParameter("f", 0.5)), "Invert: form is one of"),
        (
            lambda: Invert(BendingParameter("f", "negate", choices=["negate", "mirror"])),
            "Invert: form is one of .*'mirror'",
        ),
    ],
)
def test_a_setting_beyond_its_limits_is_refused(make, message):
    with pytest.raises(BendingCallbackException, match=message):
        make()


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64, torch.bool], ids=str)
@pytest.mark.parametrize("cls", [*SHAPES, Invert], ids=lambda cls: cls.__name__)
def test_a_place_without_real_numbers_is_refused(cls, dtype):
    x = torch.zeros(2, 3, dtype=dtype)
    for kind in ("activation", "weight"):
        with pytest.raises(BendingCallbackException, match=f"{cls.__name__}.*cannot sit on") as e:
            cls().kernel(place_of(x, kind))
        assert place_of(x, kind).key in str(e.value) and str(dtype) in str(e.value)


@pytest.mark.parametrize("cls", [*SHAPES, Ablate, Invert], ids=lambda cls: cls.__name__)
def test_a_place_that_holds_no_tensor_is_refused(cls):
    place = Place("size", "activation", None, None, "forward", "call_method")
    with pytest.raises(BendingCallbackException, match="forward:size.*not a tensor"):
        cls().kernel(place)


BEYOND = [
    (Fold, "limit", -1.0, 1e-6),
    (Wrap, "limit", 0.0, 1e-6),
    (HardThreshold, "threshold", -3.0, 0.0),
    (SoftThreshold, "threshold", -3.0, 0.0),
    (Power, "exponent", -2.0, 0.0),
    (Power, "exponent", 99.0, 16.0),
    (Log, "k", -5.0, 0.0),
    (Log, "k", 1e30, 1e9),
    (Saturate, "drive", -1.0, 0.0),
    (Saturate, "limit", -1.0, 1e-6),
    (Sine, "drive", -1.0, 0.0),
    (Sine, "limit", 0.0, 1e-6),
    (Quantize, "step", -1.0, 0.0),
    (Binarize, "threshold", 1e300, 3e38),
    (Clamp, "high", 1e300, 3e38),
    (Clamp, "low", -1e300, -3e38),
]


@pytest.mark.parametrize(("cls", "name", "beyond", "end"), BEYOND)
def test_a_control_beyond_the_limits_is_clamped(cls, name, beyond, end):
    x = noise(2, 6, 9, seed=7)
    knob = BendingParameter("knob", 1.0)
    callback = cls(**{name: knob})
    wanted = bent(cls(**{name: end}), x)
    kernel = callback.kernel(place_of(x))
    (scripted,), controls = script_kernels([kernel], [knob])
    knob.set_value(beyond)
    assert controls["knob"].set(beyond) == 0
    assert torch.equal(kernel(x), wanted)
    assert torch.equal(scripted(x), wanted)


# -- one by one ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES, torch.int64, torch.bool, torch.complex64], ids=str)
def test_ablate_is_silence_of_any_dtype(dtype):
    x = noise(2, 6, 8, seed=1).to(dtype)
    for kind in ("activation", "weight"):
        assert torch.equal(bent(Ablate(), x, kind), torch.zeros(2, 6, 8, dtype=dtype))
    part = bent(Bend(Ablate(), channels=[0, 4]), x)
    assert not part[:, [0, 4]].any()
    assert torch.equal(part[:, [1, 2, 3, 5]], x[:, [1, 2, 3, 5]])


def test_ablate_silences_what_is_no_number():
    x = torch.tensor([math.nan, math.inf, 1.0])
    assert bent(Ablate(), x).tolist() == [0.0, 0.0, 0.0]


def test_a_reciprocal_is_exact_and_runs_through_zero_without_a_jump():
    x = torch.arange(-3000, 3001) / 1000
    out = bent(Invert("reciprocal", 0.2), x)
    far = x.abs() >= 0.2
    assert torch.equal(out[far], 1 / x[far])
    assert float(out.abs().max()) <= 5.0001
    assert torch.equal(out.flip(0), -out)  # odd
    assert float(out.diff().abs().max()) <= 0.001 * 25.1  # no steeper than 1 / least^2
    assert float(bent(Invert("reciprocal"), torch.zeros(1))) == 0.0


def test_the_form_of_an_inversion_is_a_control():
    x = noise(2, 6, 9, seed=8)
    form = BendingParameter("form", "negate", choices=FORMS)
    kernel = Invert(form).kernel(place_of(x))
    (scripted,), controls = script_kernels([kernel], [form])
    for word in ("complement", "reciprocal", "negate"):
        form.set_value(word)
        assert controls["form"].set(word) == 0
        assert torch.equal(kernel(x), bent(Invert(word), x))
        assert torch.equal(scripted(x), kernel(x))
    assert controls["form"].set("mirror") == -1
    assert torch.equal(scripted(x), -x)


def test_an_exported_inversion_glides_to_another_form():
    x = noise(1, 3, 16, seed=9)
    form = BendingParameter("form", "negate", choices=FORMS)
    scripter = Scripter([form])
    scripted = scripter.kernel(Invert(form).kernel(place_of(x)), fade=2)
    control = scripter.controls()["form"]
    assert torch.equal(scripted(x), -x)
    assert control.set("complement") == 0
    way = torch.arange(1, 17) / 16
    torch.testing.assert_close(scripted(x), -x * (1 - way) + (1 - x) * way)
    assert torch.equal(scripted(x), 1 - x)


def test_a_binary_threshold_is_one_from_the_threshold_on():
    x = torch.tensor([-1.0, 0.4999, 0.5, 0.5001, 9.0])
    assert bent(Binarize(0.5), x).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert set(bent(Binarize(0.0), noise(1000)).tolist()) == {0.0, 1.0}


def test_a_hard_threshold_keeps_what_is_beyond_it():
    x = torch.tensor([-0.75, -0.5001, -0.5, 0.0, 0.5, 0.5001, 0.75])
    assert torch.equal(bent(HardThreshold(0.5), x), x * torch.tensor([1, 1, 0, 0, 0, 1, 1]))


def test_a_soft_threshold_has_no_jump():
    x = torch.linspace(-2, 2, 4001)
    out = bent(SoftThreshold(0.5), x)
    assert float(out.diff().max()) <= 0.001001 and float(out.diff().min()) >= -1e-6
    assert float(out[-1]) == 1.5 and float(out[0]) == -1.5


def test_the_ends_of_a_clamp_may_cross():
    x = torch.linspace(-3, 3, 61)
    low = BendingParameter("low", -1.0)
    kernel = Clamp(low, 0.5).kernel(place_of(x))
    (scripted,), controls = script_kernels([kernel], [low])
    last = kernel(x)
    for i in range(301):
        value = -1.0 + i / 100
        low.set_value(value)
        controls["low"].set(value)
        out = kernel(x)
        assert torch.equal(scripted(x), out)
        assert torch.equal(out, x.clamp(min(value, 0.5), max(value, 0.5)))
        assert float((out - last).abs().max()) <= 0.0101  # a small move is a small change
        last = out
    # a crossing that is there from the start is no error where a knob can undo it
    assert torch.equal(bent(Clamp(BendingParameter("l", 2.0), -1.0), x), x.clamp(-1, 2))


def test_a_power_of_zero_is_the_sign():
    x = torch.tensor([-3.0, -0.1, 0.0, 0.1, 3.0])
    assert bent(Power(0.0), x).tolist() == [-1.0, -1.0, 0.0, 1.0, 1.0]
    assert bent(Power(2.0), x).tolist() == pytest.approx([-9.0, -0.01, 0.0, 0.01, 9.0])


def test_a_power_that_is_too_great_is_the_greatest_number():
    x = torch.tensor([-1e30, 1e30])
    most = torch.finfo(torch.float32).max
    assert bent(Power(2.0), x).tolist() == [-most, most]
    assert bent(Power(2.0), torch.tensor([300.0]).half()).item() == 65504.0


@pytest.mark.parametrize("k", [1e-6, 0.01, 1.0, 255.0, 1e9])
def test_a_logarithm_keeps_zero_and_one_and_the_order(k):
    ends = torch.tensor([-1.0, 0.0, 1.0])
    torch.testing.assert_close(bent(Log(k), ends), ends)
    x = torch.arange(-250, 251) / 50
    out = bent(Log(k), x)
    assert float(out.diff().min()) > 0
    assert torch.equal(out.flip(0), -out)
    inner = x.abs() < 1
    assert bool((out[inner].abs() >= x[inner].abs() * 0.99999).all())


def test_a_logarithm_comes_to_its_neutral_setting_without_a_jump():
    x = noise(1000, seed=3)
    for k in (1e-6, 1e-8, 2e-9, 1e-10):
        torch.testing.assert_close(bent(Log(k), x), x, rtol=1e-5, atol=0)
    assert float(bent(Log(1e-6), torch.tensor(1e6))) == pytest.approx(1e6 * math.log(2), rel=1e-5)


@pytest.mark.parametrize("limit", [0.3, 1.0, 1e-6])
def test_fold_and_wrap_repeat(limit):
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64) * limit
    fold, wrap = Fold(limit), Wrap(limit)
    inner = x.abs() < 0.999 * limit
    for turns in (1, 3, -8, 1000):
        moved = bent(fold, x + 4 * limit * turns)
        torch.testing.assert_close(moved / limit, x / limit, rtol=0, atol=1e-9)
        back = bent(fold, x + (4 * turns + 2) * limit)
        torch.testing.assert_close(back / limit, -x / limit, rtol=0, atol=1e-9)
        moved = bent(wrap, x[inner] + 2 * limit * turns)
        torch.testing.assert_close(moved / limit, x[inner] / limit, rtol=0, atol=1e-9)


@every_dtype
@pytest.mark.parametrize("cls", [Fold, Wrap, Sine, Saturate])
def test_nothing_goes_beyond_the_limit(cls, dtype):
    x = extremes(dtype)
    for limit in (1e-3, 0.3, 1.0, 40.0):
        out = bent(cls(limit=limit), x).abs().max()
        assert float(out) <= limit * (1 + 2 * torch.finfo(dtype).eps)
        assert float(out) > 0.5 * limit


@pytest.mark.parametrize("cls", [Fold, Wrap, Saturate, Sine, Power, Log, HardThreshold, Quantize])
def test_both_signs_are_bent_alike(cls):
    x = noise(999, seed=2) * 5
    assert torch.equal(bent(cls(), -x), -bent(cls(), x))


@pytest.mark.parametrize("cls", [Saturate, Sine])
def test_the_drive_is_the_gain_of_small_values(cls):
    x = noise(100, seed=1) * 1e-4
    for drive, limit in ((2.0, 1.0), (0.5, 3.0), (10.0, 0.5)):
        out = bent(cls(drive, limit), x)
        torch.testing.assert_close(out, drive * x, rtol=1e-4, atol=0)
    assert not bent(cls(0.0), noise(9)).any()


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_crushed_values_are_multiples_of_the_step(bits):
    step = 2.0 ** (1 - bits)
    x = torch.linspace(-1, 1, 9999)
    out = bent(Quantize(step), x)
    assert torch.equal(out / step, (out / step).round())
    assert len(set(out.tolist())) == 2**bits + 1  # both ends
    assert float((out - x).abs().max()) <= step / 2 + 1e-6


def test_quantize_of_values_between_two_steps():
    x = torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5])
    assert bent(Quantize(1.0), x).tolist() == [-2.0, 0.0, 0.0, 2.0, 2.0]
