"""InterpolateActivation."""

from __future__ import annotations

import pytest
import torch

from torchbend.bending import InterpolateActivation, Scale
from torchbend.errors import BendingCallbackException, BendingError


def sample(shape, dtype):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex128], ids=str)
@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 5)])
def test_formula(shape, softmax, dtype, activation, export):
    x = sample(shape, dtype)
    w = torch.tensor([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0], [0.3, -0.4, 2.0], [0.0, 0.0, 0.5]])
    kernel = InterpolateActivation(softmax).kernel(activation(x))
    assert kernel.call_args == ("interp_weights",)
    out = kernel(x, interp_weights=w)
    used = torch.softmax(w, 1) if softmax else w
    right = torch.stack([sum(used[i, b].to(dtype) * x[b] for b in range(3)) for i in range(4)])
    assert out.dtype == dtype
    assert out.shape == (4, *shape[1:])
    assert torch.allclose(out, right, rtol=1e-5, atol=1e-6)
    if not softmax:
        # a weight of one is that item, to the bit
        assert torch.equal(out[1], x[0])
    loaded = export([kernel]).kernels[0]
    assert torch.equal(loaded(x, interp_weights=w), out)
    assert torch.equal(loaded(x), x)
    assert torch.equal(loaded(x, interp_weights=w[0]), kernel(x, interp_weights=w[:1]))


def test_without_weights_it_passes(activation):
    x = torch.ones(3, 2)
    assert InterpolateActivation().kernel(activation(x)).forward(x) is x


def test_lists_and_integers(activation):
    x = torch.arange(6).reshape(3, 2)
    kernel = InterpolateActivation().kernel(activation(x))
    assert kernel(x, interp_weights=[1, 0, 1]).tolist() == [[4.0, 6.0]]


@pytest.mark.parametrize("shape", [(2,), (4, 2), (1, 4), (1, 1, 3)])
def test_weights_that_do_not_fit(shape, activation):
    x = torch.ones(3, 7)
    kernel = InterpolateActivation().kernel(activation(x, "z"))
    with pytest.raises(BendingError, match=r"forward:z") as caught:
        kernel(x, interp_weights=torch.ones(shape))
    # a single row is shown as it is used, with both its dimensions
    assert ", ".join(map(str, shape)) in str(caught.value)
    assert "3, 7" in str(caught.value)


def test_for_activations_only(weight):
    with pytest.raises(BendingCallbackException, match="bends activations"):
        InterpolateActivation().kernel(weight(torch.ones(2)))
    with pytest.raises(BendingCallbackException, match="softmax is True or False"):
        InterpolateActivation("yes")


def test_in_a_chain(activation, export):
    x = torch.arange(6.0).reshape(3, 2)
    w = torch.tensor([0.5, 0.5, 0.0])
    chain = Scale(2.0) >> InterpolateActivation() >> Scale(3.0)
    kernel = chain.kernel(activation(x))
    assert kernel.call_args == ("interp_weights",)
    right = (x[0] + x[1])[None] * 3.0
    assert torch.equal(kernel(x, interp_weights=w), right)
    assert torch.equal(kernel(x), x * 2.0 * 3.0)
    loaded = export([kernel]).kernels[0]
    assert torch.equal(loaded(x, interp_weights=w), right)
    assert torch.equal(loaded(x), x * 2.0 * 3.0)
