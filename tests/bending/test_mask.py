"""Mask and OrderedMask."""

from __future__ import annotations

import math
import zlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torchbend.bending import BendingParameter, Mask, OrderedMask, Scale
from torchbend.errors import BendingCallbackException
from torchbend.places import Place

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64, torch.complex64, torch.bool]


def sample(shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    if dtype == torch.bool:
        return torch.rand(shape, generator=generator) > 0.2
    if dtype == torch.int64:
        return torch.randint(1, 10, shape, generator=generator)
    return torch.randn(shape, generator=generator).to(dtype)


def generator_of(seed, key):
    return torch.Generator().manual_seed(zlib.crc32(f"{seed}:{key}".encode()))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(40,), (5, 6), (2, 5, 7), ()])
def test_mask_is_the_formula(shape, dtype, weight, activation, same_everywhere, identical):
    x = sample(shape, dtype)
    for place, key in ((weight(x, "l.w"), "l.w"), (activation(x, "conv"), "forward:conv")):
        u = torch.rand(shape, generator=generator_of(7, key))
        out = same_everywhere(Mask(0.4, seed=7).kernel(place), x)
        assert identical(out, x * (u < 0.4).to(dtype))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_mask_along_a_dim(dim, activation, same_everywhere, identical):
    x = sample((3, 20, 30))
    n = x.shape[dim]
    shape = [1, 1, 1]
    shape[dim] = n
    m = torch.rand(n, generator=generator_of(5, "forward:a")) < 0.5
    assert identical(
        same_everywhere(Mask(0.5, seed=5, dim=dim).kernel(activation(x)), x),
        x * m.reshape(shape).float(),
    )
    rank = torch.randperm(n, generator=generator_of(5, "forward:a"))
    assert identical(
        same_everywhere(OrderedMask(0.5, seed=5, dim=dim).kernel(activation(x)), x),
        x * (rank < math.floor(0.5 * n)).reshape(shape).float(),
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_ordered_mask_is_the_formula(dtype, weight, same_everywhere, identical):
    x = sample((5, 9), dtype)
    rank = torch.randperm(45, generator=generator_of(2, "w")).reshape(5, 9)
    for prob in (0.0, 0.21, 0.5, 1.0):
        out = same_everywhere(OrderedMask(prob, seed=2).kernel(weight(x)), x)
        assert identical(out, x * (rank < math.floor(prob * 45)).to(dtype))


@pytest.mark.parametrize("cls", [Mask, OrderedMask])
@pytest.mark.parametrize("dim", [None, 1])
def test_ends(cls, dim, weight):
    for dtype in DTYPES:
        x = sample((6, 8), dtype)
        assert torch.equal(cls(1.0, dim=dim).kernel(weight(x))(x), x)
        assert not cls(0.0, dim=dim).kernel(weight(x))(x).any()


@pytest.mark.parametrize("cls", [Mask, OrderedMask])
def test_moving_the_control_adds_or_removes_and_never_swaps(cls, weight, export):
    p = BendingParameter("prob", 0.0, range=[0, 1], clamp=True)
    x = torch.ones(31, 3)
    kernel = cls(p, seed=1).kernel(weight(x))
    exported = export([kernel], [p])
    before = torch.zeros(31, 3)
    counts = []
    for prob in (0.0, 0.1, 0.35, 0.36, 0.8, 1.0):
        p.set_value(prob)
        exported.set("prob", prob)
        now = kernel(x)
        assert torch.equal(exported.kernels[0](x), now)
        assert bool((now >= before).all())
        before = now
        counts.append(int(now.sum()))
    assert counts[0] == 0
    assert counts[-1] == 93
    if cls is OrderedMask:
        assert counts == [math.floor(q * 93) for q in (0.0, 0.1, 0.35, 0.36, 0.8, 1.0)]


@given(prob=st.floats(0, 1), n=st.integers(1, 60), seed=st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_an_ordered_mask_keeps_exactly_its_part(prob, n, seed):
    x = torch.ones(n)
    kept = OrderedMask(prob, seed=seed).kernel(Place("w", "weight", (n,), torch.float32))(x)
    assert int(kept.sum()) == math.floor(prob * n)


@pytest.mark.parametrize("cls", [Mask, OrderedMask])
def test_another_batch_uses_the_first_items_draw(cls, activation, same_everywhere):
    x = torch.ones(2, 6, 10)
    kernel = cls(0.5, seed=4).kernel(activation(x))
    traced = kernel(x)
    assert not torch.equal(traced[0], traced[1])
    other = torch.ones(5, 6, 10)
    same_everywhere(kernel, x, other)
    out = kernel(other)
    assert all(torch.equal(out[i], out[0]) for i in range(5))
    if cls is Mask:
        assert torch.equal(out[0], traced[0])
    else:
        # the same order, counted within one item
        assert int(out[0].sum()) == 30
        ranks = torch.randperm(120, generator=generator_of(4, "forward:a"))[:60]
        first = torch.zeros(60)
        first[ranks.argsort()[:30]] = 1.0
        assert torch.equal(out[0].flatten(), first)


def test_another_length_is_torchs_error_without_dim(activation):
    kernel = Mask(0.5, seed=1).kernel(activation(torch.ones(2, 6, 10)))
    for shape in [(2, 6, 11), (2, 6, 1), (2, 1, 10), (6, 10)]:
        with pytest.raises(RuntimeError, match="size|dimension"):
            kernel(torch.ones(shape))
    # one dimension is no batch: another length does not fit
    with pytest.raises(RuntimeError, match="size"):
        Mask(0.5).kernel(activation(torch.ones(8)))(torch.ones(9))


@pytest.mark.parametrize("cls", [Mask, OrderedMask])
def test_another_length_repeats_along_dim(cls, activation, same_everywhere):
    x = torch.ones(1, 6, 4)
    kernel = cls(0.5, seed=9, dim=1).kernel(activation(x))
    short, long = torch.ones(3, 4, 2), torch.ones(2, 15, 9)
    same_everywhere(kernel, x, short, long)
    m = kernel(x)[0, :, 0]
    assert torch.equal(kernel(short)[0, :, 0], m[:4])
    assert torch.equal(kernel(long)[1, :, 3], torch.cat([m, m, m[:3]]))


@pytest.mark.parametrize("cls", [Mask, OrderedMask])
def test_draws_depend_on_seed_and_place_only(cls, weight, global_rng_untouched):
    x, y = torch.ones(50), torch.ones(50)
    callback = cls(0.5, seed=6)
    first, second = callback.kernel(weight(x, "x")), callback.kernel(weight(y, "y"))
    again = cls(0.5, seed=6)
    other_order = again.kernel(weight(y, "y")), again.kernel(weight(x, "x"))
    assert torch.equal(first(x), other_order[1](x))
    assert torch.equal(second(y), other_order[0](y))
    assert not torch.equal(first(x), second(y))
    assert not torch.equal(first(x), cls(0.5, seed=7).kernel(weight(x, "x"))(x))
    global_rng_untouched(lambda: cls(0.5).kernel(weight(x))(x))
    # a seed of its own, kept: the same callback made again from its settings draws the same
    own = cls(0.5)
    assert own.seed != cls(0.5).seed
    twin = cls(**own.settings())
    assert torch.equal(own.kernel(weight(x))(x), twin.kernel(weight(x))(x))


@pytest.mark.parametrize("cls", [Mask, OrderedMask])
@pytest.mark.parametrize("bad", [1.5, -0.1, "half", [0.5, 0.5], 0.5j])
def test_a_prob_is_a_fraction(cls, bad):
    with pytest.raises(BendingCallbackException, match=f"{cls.__name__}: prob .* 0 to 1"):
        cls(bad)


def test_bad_seed_dim_and_place(activation):
    with pytest.raises(BendingCallbackException, match="seed"):
        Mask(0.5, seed=1.5)
    with pytest.raises(BendingCallbackException, match=r"forward:conv.*no dim 3.*0 to 1"):
        Mask(0.5, dim=3).kernel(activation(torch.ones(2, 2), "conv"))
    unknown = Place("cat", "activation", None, None, "forward", "call_function")
    with pytest.raises(BendingCallbackException, match="not a tensor"):
        Mask(0.5).check(unknown)
    with pytest.raises(BendingCallbackException, match="shape is not known"):
        Mask(0.5).check(Place("cat", "activation"))


def test_a_chain_of_masks_and_scales(weight, same_everywhere, identical):
    x = sample((7, 7))
    chain = Mask(0.5, seed=1) >> Scale(2.0) >> Mask(0.7, seed=2)
    u1 = torch.rand(7, 7, generator=generator_of(1, "w"))
    u2 = torch.rand(7, 7, generator=generator_of(2, "w"))
    right = x * (u1 < 0.5).float() * 2.0 * (u2 < 0.7).float()
    assert identical(same_everywhere(chain.kernel(weight(x), x), x), right)
