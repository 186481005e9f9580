"""Ablate: silence."""

from __future__ import annotations

import torch
from torch import Tensor

from ..bending.callback import BendingCallback
from ..bending.kernel import Kernel
from ..bending.operation import Operation
from ..places import Place

__all__ = ["Ablate"]


class AblateKernel(Kernel):
    """``0``."""

    homogeneous = True

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        out.zero_()


class Ablate(BendingCallback):
    """Silence: ``0``.

    Any shape and dtype. In a ``Bend`` with channels it takes away what these channels say, and
    the amount says how much: ``Bend(Ablate(), channels=Fraction(0.3))``. Broad et al. 2020.
    """

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True

    def __init__(self) -> None:
        """Make a silence; it has no settings."""
        super().__init__()

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the silence of one place."""
        self.check(place)
        return AblateKernel()


def plain(x: Tensor, place: Place) -> Tensor:
    """What is left of ``x`` without ``x``."""
    return x - x


OPERATION = Operation(
    Ablate,
    family="silence",
    formula="0",
    source="Broad et al. 2020",
    plain=plain,
    examples=({},),
    by_hand=lambda place: torch.zeros_like,
)
