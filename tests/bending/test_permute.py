"""Permute."""

from __future__ import annotations

import zlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchbend.bending import Permute
from torchbend.bending.permute import fit_permutation
from torchbend.errors import BendingCallbackException


def drawn(n, seed, key):
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}:{key}".encode()))
    return torch.randperm(n, generator=generator)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.complex64], ids=str)
def test_formula(dtype, weight, activation, same_everywhere, identical):
    x = torch.arange(2 * 6 * 5).reshape(2, 6, 5).to(dtype)
    for dim, axis in ((None, 1), (0, 0), (1, 1), (-1, 2)):
        kernel = Permute(dim, seed=3).kernel(activation(x))
        right = x.index_select(axis, drawn(x.shape[axis], 3, "forward:a"))
        assert identical(same_everywhere(kernel, x), right)
    w = torch.arange(28).reshape(7, 4).to(dtype)
    assert identical(same_everywhere(Permute(seed=3).kernel(weight(w)), w), w[drawn(7, 3, "w")])


def test_each_place_has_its_own(weight, global_rng_untouched):
    x = torch.arange(40)
    callback = Permute(seed=1)
    assert not torch.equal(callback.kernel(weight(x, "a"))(x), callback.kernel(weight(x, "b"))(x))
    assert torch.equal(
        callback.kernel(weight(x, "a"))(x), Permute(seed=1).kernel(weight(x, "a"))(x)
    )
    global_rng_untouched(lambda: Permute().kernel(weight(x))(x))


@given(size=st.integers(1, 20), length=st.integers(1, 60), seed=st.integers(0, 9))
def test_at_every_length_it_is_a_permutation(size, length, seed):
    permutation = drawn(size, seed, "w")
    fitted = fit_permutation(permutation, length)
    assert sorted(fitted.tolist()) == list(range(length))
    if length <= size:
        assert fitted.tolist() == [i for i in permutation.tolist() if i < length]
    else:
        blocks = [i + size * (j // size) for j, i in enumerate(permutation.tolist() * 99)]
        assert fitted.tolist() == [i for i in blocks if i < length][:length]


def test_other_lengths_script(activation, same_everywhere):
    x = torch.arange(10.0).reshape(1, 10)
    kernel = Permute(seed=2).kernel(activation(x))
    same_everywhere(kernel, x, torch.arange(14.0).reshape(2, 7), torch.arange(33.0)[None])


def test_bad_places(weight):
    with pytest.raises(BendingCallbackException, match="Permute.*'w'"):
        Permute().kernel(weight(torch.tensor(1.0)))
    with pytest.raises(BendingCallbackException, match="no dim -3"):
        Permute(-3).kernel(weight(torch.ones(2, 2)))
