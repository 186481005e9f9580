"""Hadamard: every channel a sum and difference of all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..bending.kernel import Kernel
from ..bending.mixing import ChannelMixing, channels_between
from ..bending.operation import Operation
from ..places import Place

__all__ = ["Hadamard"]


class HadamardKernel(Kernel):
    """Fast Walsh-Hadamard transforms of runs of channels, the longest run first."""

    homogeneous = True

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        whole = channels_between(x, self.dim)
        channels = whole.size(1)
        size = 1
        while 2 * size <= channels:
            size = 2 * size
        runs: list[Tensor] = []
        start = 0
        while start < channels:
            if start + size <= channels:
                runs.append(self.transform(whole.narrow(1, start, size)))
                start = start + size
            size = size // 2
        return torch.cat(runs, 1).reshape(x.size())

    def transform(self, x: Tensor) -> Tensor:
        """Transform ``(before, channels, behind)``, a power of two of channels."""
        before, channels, behind = x.size(0), x.size(1), x.size(2)
        apart = 1
        while apart < channels:
            pairs = x.reshape(before, channels // (2 * apart), 2, apart * behind)
            a, b = pairs.select(2, 0), pairs.select(2, 1)
            x = torch.stack([a + b, a - b], 2)
            apart = 2 * apart
        return x.reshape(before, channels, behind) * (1.0 / math.sqrt(float(channels)))


class Hadamard(ChannelMixing):
    """Mix all channels: ``y = H x``, H the Walsh-Hadamard matrix, normalised.

    ``H[i, j] = (-1)^(number of bits that i and j share) / sqrt(C)`` for C channels, a power of
    two. Any other number is divided into runs as in its binary expansion, the longest first
    (22 = 16 + 4 + 2), each mixed by itself; a last single channel stays. The norm over the
    channels is kept, and twice is ``x`` again. ``(batch, channels, frames)`` or any shape; each
    frame by itself. It has no neutral setting. After Dzwonczyk et al. 2024; as a mixer, Jot 1991.
    """

    def __init__(self, dim: int | None = None) -> None:
        """Make a mixer.

        Args:
            dim: the channels; by default 0 for weights, 1 for activations.

        Raises:
            BendingCallbackException: it is no dimension; at placing, the place does not have it,
                or a single channel.
        """
        super().__init__(dim)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the mixer of one place."""
        self.check(place)
        return HadamardKernel(self._channels(place)[0])


def plain(x: Tensor, place: Place) -> Tensor:
    """By the matrix, from the bits of its indices."""
    dim = 1 if place.kind == "activation" else 0
    channels = x.size(dim)
    matrix = torch.zeros(channels, channels, dtype=torch.float64)
    start = 0
    for bit in reversed(range(channels.bit_length())):
        size = 1 << bit
        if channels & size:
            signs = [[(-1) ** (i & j).bit_count() for j in range(size)] for i in range(size)]
            end = start + size
            matrix[start:end, start:end] = torch.tensor(signs) / math.sqrt(size)
            start = end
    return (matrix @ x.double().movedim(dim, -2)).movedim(-2, dim).to(x.dtype)


def _by_hand(place: Place) -> Callable[[Tensor], Tensor]:
    """A product with a matrix made before."""
    n = (place.shape or ())[1 if place.kind == "activation" else 0]
    matrix = plain(torch.eye(n), replace(place, kind="weight"))
    if place.kind == "activation":
        return lambda x: matrix @ x
    return lambda x: (matrix @ x.flatten(1)).view_as(x)


OPERATION = Operation(
    Hadamard,
    family="channels",
    formula="y = H x; H[i, j] = (-1)^popcount(i & j) / sqrt(C)",
    source="Walsh-Hadamard; after Dzwonczyk et al. 2024",
    plain=plain,
    examples=({},),
    by_hand=_by_hand,
)
