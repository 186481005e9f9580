"""Absolute: the size of values."""

from __future__ import annotations

import torch
from torch import Tensor

from ..bending.kernel import Kernel
from ..bending.operation import Operation
from ..bending.pointwise import Pointwise
from ..places import Place

__all__ = ["Absolute"]


class AbsoluteKernel(Kernel):
    """``|x|``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        torch.abs(x, out=out)


class Absolute(Pointwise):
    """The absolute value: ``|x|``.

    Full-wave rectification: what swings around 0 swings twice as fast above it. Any shape; each
    value by itself.
    """

    point = AbsoluteKernel

    def __init__(self) -> None:
        """Make a rectifier; it has no settings."""
        super().__init__()


def plain(x: Tensor, place: Place) -> Tensor:
    """The root of the square."""
    return x.double().square().sqrt().to(x.dtype)


OPERATION = Operation(
    Absolute,
    family="shape",
    formula="|x|",
    source="full-wave rectification",
    plain=plain,
    examples=({},),
    by_hand=lambda place: torch.abs,
)
