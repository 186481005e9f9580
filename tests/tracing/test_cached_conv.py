"""A stack of ``cached_conv`` layers, streaming, in blocks of any size and batch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support import Reference, Untouched, noise, same_buffers, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.interfaces._rave_import import import_rave

pytestmark = pytest.mark.rave

BLOCKS = [(2, 16), (2, 16), (1, 8), (3, 24), (2, 16), (1, 40)]


@pytest.fixture(autouse=True)
def streaming() -> Iterator[None]:
    import_rave()
    import cached_conv

    before = cached_conv.USE_BUFFER_CONV
    cached_conv.use_cached_conv(True)
    try:
        with torch.no_grad():
            yield
    finally:
        cached_conv.use_cached_conv(before)


def stack() -> nn.Module:
    import cached_conv as cc

    def padding(kernel: int, stride: int = 1, dilation: int = 1) -> Any:
        return cc.get_padding(kernel, stride, dilation)

    def make() -> nn.Module:
        inner = cc.CachedSequential(
            nn.LeakyReLU(0.2),
            cc.Conv1d(4, 4, 3, padding=padding(3, dilation=3), dilation=3),
            nn.LeakyReLU(0.2),
            cc.Conv1d(4, 4, 1),
        )
        down = cc.Conv1d(4, 4, 4, stride=2, padding=padding(4, 2), cumulative_delay=0)
        up = cc.ConvTranspose1d(4, 4, 4, stride=2, padding=1)
        return cc.CachedSequential(
            cc.Conv1d(2, 4, 5, padding=padding(5)),
            cc.AlignBranches(inner, nn.Identity(), delays=[inner.cumulative_delay, 0]),
            Sum(),
            down,
            up,
            cc.Conv1d(4, 2, 3, padding=padding(3)),
        )

    return seeded(make)


class Sum(nn.Module):
    """Adds the branches; as a member of a sequence it delays nothing."""

    def forward(self, branches: list[Tensor]) -> Tensor:
        return torch.stack(list(branches)).sum(0)


def test_the_graph_is_the_stack_block_by_block() -> None:
    module = stack()
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace("forward", noise(2, 2, 16))
    assert bended._trace_of("forward").kind == "graph"
    bended.bend(tb.Lambda(lambda x: x), ".*", bend_param=False)
    twin = copy.deepcopy(module)
    for seed, (batch, frames) in enumerate(BLOCKS):
        block = noise(batch, 2, frames, seed=seed)
        assert torch.equal(bended(block), twin(block)), seed
        same_buffers(bended, twin)
    assert any(bool(b.any()) for _, b in bended.named_buffers())
    untouched.check()


def test_bent_weights_and_activations_of_the_stack() -> None:
    module = stack()
    bended = tb.BendedModule(module)
    bended.trace("forward", noise(2, 2, 16))
    names = [n for n, p in bended.activations().items() if not p.state and p.shape]
    start = {n: b.clone() for n, b in bended.named_buffers()}
    plain = twin_outputs(copy.deepcopy(module))
    for name in names[:: max(1, len(names) // 20)]:
        reference = Reference(bended, {name: lambda v: v * 0.5}, state=bended._shadow)
        want = twin_outputs(reference)
        assert any(not torch.equal(w, p) for w, p in zip(want, plain, strict=True)), name
        with bended.bend(tb.Scale(0.5), f"{name}$"):
            for got, one in zip(twin_outputs(bended), want, strict=True):
                assert torch.equal(got, one), name
            same_buffers(bended, reference.model)
        for key, buffer in bended.named_buffers():
            buffer.copy_(start[key])
    weights = [n for n in bended.weight_names if n.endswith("weight")]
    for name in weights:
        twin = copy.deepcopy(module)
        twin.get_parameter(name).mul_(0.5)
        with bended.bend(tb.Scale(0.5), f"{name}$"):
            for got, one in zip(twin_outputs(bended), twin_outputs(twin), strict=True):
                assert torch.equal(got, one), name
            same_buffers(bended, twin)
        for key, buffer in bended.named_buffers():
            buffer.copy_(start[key])


def twin_outputs(run: Any) -> list[Tensor]:
    return [run(noise(b, 2, f, seed=i)) for i, (b, f) in enumerate(BLOCKS[:4])]
