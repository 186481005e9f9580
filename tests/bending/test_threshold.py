"""ThresholdActivation and ThresholdPermute."""

from __future__ import annotations

import math
import zlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchbend.bending import BendingParameter, Permute, ThresholdActivation, ThresholdPermute
from torchbend.errors import BendingCallbackException
from torchbend.places import Place

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64]


def sample(shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    if dtype == torch.int64:
        return torch.randint(-99, 99, shape, generator=generator)
    return torch.randn(shape, generator=generator).to(dtype)


def loudest(x, dim, k, invert):
    """The k channels of one item with the greatest mean, by a loop in Python."""
    means = [x.select(dim, c).double().mean().item() for c in range(x.shape[dim])]
    order = sorted(range(len(means)), key=lambda c: means[c] if invert else -means[c])
    return sorted(order[:k])


def keep(x, dim, k, invert):
    out = torch.zeros_like(x)
    for c in loudest(x, dim, k, invert):
        out.select(dim, c).copy_(x.select(dim, c))
    return out


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.99, 1.0])
def test_threshold_activation(
    threshold, invert, dtype, weight, activation, same_everywhere, identical
):
    x = sample((3, 6, 5), dtype)
    # a weight is one item, its channels are dim 0
    k = math.floor(threshold * 3)
    kernel = ThresholdActivation(threshold, invert=invert).kernel(weight(x))
    assert identical(same_everywhere(kernel, x), keep(x, 0, k, invert))
    # each item of an activation chooses for itself
    for dim, channels in ((None, 6), (1, 6), (-1, 5)):
        k = math.floor(threshold * channels)
        kernel = ThresholdActivation(threshold, dim, invert).kernel(activation(x))
        inner = 1 if dim == -1 else 0
        right = torch.stack([keep(item, inner, k, invert) for item in x])
        assert identical(same_everywhere(kernel, x), right)
    # but not along the batch itself
    kernel = ThresholdActivation(threshold, 0, invert).kernel(activation(x))
    k = math.floor(threshold * 3)
    assert identical(same_everywhere(kernel, x), keep(x, 0, k, invert))


def test_one_and_two_dimensions(activation, same_everywhere, identical):
    x = sample((9,))
    kernel = ThresholdActivation(0.5).kernel(activation(x))
    assert identical(same_everywhere(kernel, x), keep(x, 0, 4, False))
    x = sample((3, 8))
    kernel = ThresholdActivation(0.25).kernel(activation(x))
    right = torch.stack([keep(item, 0, 2, False) for item in x])
    assert identical(same_everywhere(kernel, x), right)


@pytest.mark.parametrize("invert", [False, True])
def test_of_equal_means_the_first_is_kept(invert, weight):
    # many, because a sort of few is stable by accident
    x = torch.ones(1000, 2)
    out = ThresholdActivation(0.5, invert=invert).kernel(weight(x))(x)
    assert out[:, 0].tolist() == [1.0] * 500 + [0.0] * 500


def test_silence_is_silence_even_of_infinities(weight):
    x = torch.tensor([[float("inf")], [-float("inf")]])
    out = ThresholdActivation(0.5).kernel(weight(x))(x)
    assert out.flatten().tolist() == [float("inf"), 0.0]


def test_other_sizes(activation, same_everywhere, identical):
    x = sample((2, 6, 5))
    kernel = ThresholdActivation(0.5).kernel(activation(x))
    other = sample((4, 9, 2))
    same_everywhere(kernel, x, other)
    assert identical(kernel(other), torch.stack([keep(i, 0, 4, False) for i in other]))


def test_a_control_out_of_range_is_clamped(activation, export, identical):
    p = BendingParameter("t", 0.5)
    x = sample((2, 6, 5))
    kernels = [
        ThresholdActivation(p).kernel(activation(x)),
        ThresholdPermute(p, seed=1).kernel(activation(x)),
    ]
    exported = export(kernels, [p])
    for value in (0.5, 1.7, -3.0, 0.9):
        p.set_value(value)
        exported.set("t", value)
        k = min(max(math.floor(value * 6), 0), 6)
        right = torch.stack([keep(item, 0, k, False) for item in x])
        assert identical(kernels[0](x), right)
        assert identical(exported.kernels[0](x), right)
        assert identical(exported.kernels[1](x), kernels[1](x))


def permute_some(x, permutation, k, invert):
    """Channels of dim 0: the chosen, in the order in which the permutation names them."""
    chosen = loudest(x, 0, k, invert)
    sources = [c for c in permutation.tolist() if c in chosen]
    out = x.clone()
    for place, source in zip(chosen, sources, strict=True):
        out[place] = x[source]
    return out


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.7, 1.0])
def test_threshold_permute(
    threshold, invert, dtype, weight, activation, same_everywhere, identical
):
    x = sample((3, 11, 5), dtype)
    generator = torch.Generator().manual_seed(zlib.crc32(b"4:forward:a"))
    permutation = torch.randperm(11, generator=generator)
    k = math.floor(threshold * 11)
    kernel = ThresholdPermute(threshold, seed=4, invert=invert).kernel(activation(x))
    right = torch.stack([permute_some(item, permutation, k, invert) for item in x])
    assert identical(same_everywhere(kernel, x), right)
    w = sample((11, 4), dtype)
    generator = torch.Generator().manual_seed(zlib.crc32(b"4:w"))
    permutation = torch.randperm(11, generator=generator)
    kernel = ThresholdPermute(threshold, seed=4, invert=invert).kernel(weight(w))
    assert identical(same_everywhere(kernel, w), permute_some(w, permutation, k, invert))


@given(
    channels=st.integers(1, 12),
    threshold=st.floats(0, 1),
    seed=st.integers(0, 99),
    dim=st.sampled_from([0, 1, 2]),
)
def test_threshold_permute_only_moves_what_it_chose(channels, threshold, seed, dim):
    shape = [2, 3, 4]
    shape[dim] = channels
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    place = Place("a", "activation", tuple(shape), x.dtype, "forward", "call_module")
    out = ThresholdPermute(threshold, dim, seed=seed).kernel(place)(x)
    # the same values, and no more channels moved than were chosen
    assert torch.equal(out.sort(dim)[0], x.sort(dim)[0])
    for i in range(2 if dim else 1):
        a, b = (out[i], x[i]) if dim else (out, x)
        inner = dim - 1 if dim else 0
        others = [d for d in range(a.dim()) if d != inner]
        moved = (a != b).sum(others) > 0
        assert int(moved.sum()) <= math.floor(threshold * channels)


def test_with_threshold_one_it_is_permute(activation):
    x = sample((2, 9, 4))
    a = ThresholdPermute(1.0, 1, seed=5).kernel(activation(x))
    b = Permute(1, seed=5).kernel(activation(x))
    assert torch.equal(a(x), b(x))
    longer = sample((2, 14, 4))
    assert torch.equal(a(longer), b(longer))


def test_bad_settings_and_places(activation):
    with pytest.raises(BendingCallbackException, match="threshold .* 0 to 1"):
        ThresholdActivation(1.2)
    with pytest.raises(BendingCallbackException, match="invert is True or False"):
        ThresholdPermute(0.5, invert="yes")
    with pytest.raises(BendingCallbackException, match="complex"):
        ThresholdActivation(0.5).kernel(activation(torch.zeros(2, 2, dtype=torch.complex64)))
    with pytest.raises(BendingCallbackException, match="no dim 2"):
        ThresholdActivation(0.5, dim=2).kernel(activation(torch.zeros(2, 2)))
