"""Normal."""

from __future__ import annotations

import zlib

import pytest
import torch

from torchbend.bending import BendingParameter, Normal
from torchbend.errors import BendingCallbackException

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64, torch.complex64]


def drawn(shape, seed, key, dtype):
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}:{key}".encode()))
    noise = torch.randn(shape, generator=generator)
    return noise.to(dtype) if dtype.is_floating_point else noise


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("op", ["add", "mul"])
def test_formula(op, dtype, weight, activation, same_everywhere, identical):
    for shape in [(4,), (3, 5), (2, 5, 17)]:
        x = (torch.arange(1, 1 + torch.Size(shape).numel()).reshape(shape) * 0.7).to(dtype)
        for place, key in ((weight(x), "w"), (activation(x), "forward:a")):
            n = drawn(shape, 3, key, dtype)
            right = x + 0.3 * n if op == "add" else x * n * 0.3
            kernel = Normal(0.3, seed=3, op=op).kernel(place)
            assert identical(same_everywhere(kernel, x), right)


@pytest.mark.parametrize("op", ["add", "mul"])
def test_along_a_dim(op, activation, same_everywhere, identical):
    x = torch.linspace(-1, 1, 2 * 6 * 5).reshape(2, 6, 5)
    n = drawn((6,), 3, "forward:a", torch.float32)[:, None]
    kernel = Normal(2.0, seed=3, dim=1, op=op).kernel(activation(x))
    longer = torch.ones(1, 8, 3)
    right = x + 2.0 * n if op == "add" else x * n * 2.0
    assert identical(same_everywhere(kernel, x, longer), right)
    n = torch.cat([n, n[:2]])
    assert identical(
        kernel(longer), 1 + 2.0 * n.expand(8, 3)[None] if op == "add" else (longer * n) * 2.0
    )


def test_another_batch_shares_the_first_items_noise(activation, same_everywhere):
    x = torch.zeros(2, 3, 4)
    kernel = Normal(1.0, seed=1).kernel(activation(x))
    other = torch.zeros(3, 3, 4)
    same_everywhere(kernel, x, other)
    assert all(torch.equal(kernel(other)[i], kernel(x)[0]) for i in range(3))
    assert not torch.equal(kernel(x)[0], kernel(x)[1])


def test_no_noise_changes_nothing(weight):
    for dtype in (torch.float32, torch.float64, torch.float16):
        x = torch.randn(30, generator=torch.Generator().manual_seed(0)).to(dtype)
        assert torch.equal(Normal(0.0).kernel(weight(x))(x), x)


def test_the_noise_is_normal_and_stays(weight, global_rng_untouched):
    x = torch.zeros(20000)
    kernel = Normal(2.0, seed=8).kernel(weight(x))
    noise = kernel(x)
    assert torch.equal(noise, kernel(x))
    assert abs(float(noise.mean())) < 0.05
    assert abs(float(noise.std()) - 2.0) < 0.05
    assert not torch.equal(noise, Normal(2.0, seed=9).kernel(weight(x))(x))
    global_rng_untouched(lambda: Normal(1.0).kernel(weight(x))(x))


def test_controls_of_strength_and_operation(activation, export, identical):
    std = BendingParameter("std", 0.1, range=[0, 1])
    op = BendingParameter("op", "add", choices=["add", "mul"])
    x = torch.linspace(-2, 2, 12).reshape(2, 6)
    kernel = Normal(std, seed=5, op=op).kernel(activation(x))
    exported = export([kernel], [std, op])
    n = drawn((2, 6), 5, "forward:a", torch.float32)
    for strength, word in ((0.1, "add"), (0.9, "mul"), (0.3, "mul"), (0.0, "add")):
        std.set_value(strength)
        op.set_value(word)
        assert exported.set("std", strength) == 0
        assert exported.set("op", word) == 0
        right = x + strength * n if word == "add" else x * n * strength
        assert identical(kernel(x), right)
        assert identical(exported.kernels[0](x), right)
    assert exported.set("op", "divide") == -1
    assert exported.get("op") == "add"


def test_bad_settings():
    with pytest.raises(BendingCallbackException, match=r"op is one of \['add', 'mul'\]"):
        Normal(1.0, op="sub")
    with pytest.raises(BendingCallbackException, match="op is one of"):
        Normal(1.0, op=BendingParameter("op", "add", choices=["add", "sub"]))
    with pytest.raises(BendingCallbackException, match="std is one number"):
        Normal([1.0, 2.0])
    with pytest.raises(BendingCallbackException, match="std is one number"):
        Normal("loud")
