"""Scale, Bias and Affine against plain torch, bit for bit."""

from __future__ import annotations

import pytest
import torch

from torchbend.bending import Affine, BendingParameter, Bias, Scale
from torchbend.errors import BendingCallbackException

DTYPES = [torch.float32, torch.float64, torch.int64, torch.complex64]
SHAPES = [(), (5,), (3, 4), (2, 5, 7)]
NUMBERS = [1.3, -2, True, 0.5 - 1.5j, 0.0]


def sample(shape, dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.int64:
        return torch.randint(-9, 10, shape, generator=generator)
    return torch.randn(shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("number", NUMBERS)
def test_number(number, dtype, weight, activation, same_everywhere, identical):
    formulas = [
        (Scale(number), lambda x: x * number),
        (Bias(number), lambda x: x + number),
        (Affine(number, 3.7), lambda x: x * 3.7 + number),
    ]
    samples = [sample(shape, dtype) for shape in SHAPES]
    for callback, formula in formulas:
        for make in (weight, activation):
            for x in samples:
                assert identical(callback.kernel(make(x)).forward(x), formula(x))
        x, *others = samples  # scripted once: a number fits any shape
        assert identical(same_everywhere(callback.kernel(make(x)), x, *others), formula(x))


def test_an_integer_weight_times_a_fraction_is_fractional(weight):
    x = torch.tensor([1, 2, 3])
    out = Scale(1.3).kernel(weight(x))(x)
    assert out.dtype == torch.float32
    assert torch.equal(out, torch.tensor([1, 2, 3]) * 1.3)
    assert Scale(2).kernel(weight(x))(x).dtype == torch.int64


def test_one_as_scale_and_zero_as_bias_change_no_bit(weight):
    for dtype in (torch.float32, torch.float64, torch.float16, torch.complex64):
        x = sample((4, 6), dtype)
        assert torch.equal(Scale(1.0).kernel(weight(x))(x), x)
        assert torch.equal(Bias(0.0).kernel(weight(x))(x), x)
        assert torch.equal(Affine().kernel(weight(x))(x), x)
        assert Affine().kernel(weight(x))(x).dtype == dtype


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float16], ids=str)
def test_vector(dtype, weight, activation, same_everywhere, identical):
    values = [0.5, -1.25, 2.0, 3.5, 0.1]
    vector = torch.tensor(values, dtype=torch.float32)
    if dtype.is_floating_point:
        vector = vector.to(dtype)
    x = sample((2, 5, 7), dtype)
    column = vector.reshape(1, 5, 1)
    place = activation(x)
    assert identical(same_everywhere(Scale(values).kernel(place), x), x * column)
    assert identical(same_everywhere(Bias(tuple(values)).kernel(place), x), x + column)
    mixed = Affine(bias=2.0, scale=torch.tensor(values)).kernel(place)
    assert identical(same_everywhere(mixed, x), x * column + 2.0)
    mixed = Affine(bias=values, scale=2.0).kernel(place)
    assert identical(same_everywhere(mixed, x), x * 2.0 + column)
    # weights count channels along dim 0, and `dim` says otherwise
    w = sample((5, 3), dtype)
    assert identical(Scale(values).kernel(weight(w))(w), w * vector.reshape(5, 1))
    w = sample((3, 5), dtype)
    assert identical(Scale(values, dim=-1).kernel(weight(w))(w), w * vector)


def test_a_vector_serves_every_batch_and_length(activation, same_everywhere):
    x = sample((1, 3, 8), torch.float32)
    kernel = Scale([1.0, 2.0, 3.0]).kernel(activation(x))
    others = [sample(shape, torch.float32) for shape in [(4, 3, 8), (2, 3, 21), (1, 3, 1)]]
    same_everywhere(kernel, x, *others)
    for other in others:
        assert torch.equal(kernel(other), other * torch.tensor([1.0, 2.0, 3.0])[:, None])


@pytest.mark.parametrize("kind", ["weight", "activation"])
def test_controls_move_all_that_reads_them(kind, weight, activation, export, identical):
    p = BendingParameter("amount", 0.5, range=[-2, 2])
    x = sample((3, 4), torch.float32)
    place = weight(x) if kind == "weight" else activation(x)
    kernels = [
        Scale(p).kernel(place),
        Scale(2.0 * p + 1).kernel(place),
        Bias(1 - p / 3).kernel(place),
        Affine(bias=p, scale=-p).kernel(place),
    ]

    def formula(v):
        return [x * v, x * (2.0 * v + 1), x + (1 - v / 3), x * -v + v]

    exported = export(kernels, [p])
    for value in (0.5, -1.7, 2.0, 0.1):
        p.set_value(value)
        assert exported.set("amount", value) == 0
        for kernel, loaded, right in zip(kernels, exported.kernels, formula(value), strict=True):
            assert identical(kernel(x), right)
            assert identical(loaded(x), right)


def test_a_vector_control(activation, export, identical):
    p = BendingParameter("gains", [1.0, 2.0, 3.0])
    x = sample((2, 3, 5), torch.float64)
    kernels = [Scale(p).kernel(activation(x)), Bias(2.0 * p - 1).kernel(activation(x))]
    exported = export(kernels, [p])
    for values in ([1.0, 2.0, 3.0], [0.1, -0.7, 9.0]):
        p.set_value(values)
        exported.set("gains", torch.tensor(values))
        v = torch.tensor(values)
        column, mapped = v.double()[:, None], (2.0 * v - 1).double()[:, None]
        assert identical(kernels[0](x), x * column)
        assert identical(kernels[1](x), x + mapped)
        assert identical(exported.kernels[0](x), x * column)
        assert identical(exported.kernels[1](x), x + mapped)


def test_a_vector_that_does_not_fit(weight, activation):
    x = torch.zeros(2, 5, 7)
    with pytest.raises(BendingCallbackException) as caught:
        Scale([1.0, 2.0]).kernel(activation(x, "conv"))
    for part in ("Scale", "forward:conv", "(2, 5, 7)", "2 values", "5"):
        assert part in str(caught.value)
    with pytest.raises(BendingCallbackException, match="no dim 4"):
        Scale([1.0, 2.0], dim=4).check(weight(x))
    with pytest.raises(BendingCallbackException, match="single number"):
        Bias([1.0]).check(weight(torch.tensor(1.0)))
    Scale(2.0).check(weight(torch.tensor(1.0)))


@pytest.mark.parametrize("bad", ["loud", None, {}, [[1.0]], [], [float("nan")], ["a"]])
def test_settings_that_are_no_numbers(bad):
    with pytest.raises(BendingCallbackException, match="scale"):
        Scale(bad)
    with pytest.raises(BendingCallbackException, match="dim"):
        Scale(1.0, dim="channels")


def test_a_call_outside_of_any_model(identical):
    x = sample((2, 3), torch.float32)
    assert identical(Scale(2.5)(x), x * 2.5)
    assert identical((Scale(2.5) >> Bias(1.0) >> Scale(0.3))(x), (x * 2.5 + 1.0) * 0.3)


def test_repr():
    p = BendingParameter("amount", 0.5)
    assert repr(Scale(2.0)) == "Scale(scale=2.0)"
    assert (
        repr(Scale(2.0 * p + 1) >> Bias(p)) == "Scale(scale=2.0 * amount + 1) >> Bias(bias=amount)"
    )
