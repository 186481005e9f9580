"""Binarize: 1 from a threshold up, else 0."""

from __future__ import annotations

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import PointKernel, Pointwise
from ..places import Place

__all__ = ["Binarize"]


class BinarizeKernel(PointKernel):
    """``x >= threshold``."""

    def __init__(self, threshold: Operand) -> None:
        super().__init__()
        self.threshold = threshold

    def bend_(self, y: Tensor) -> None:
        y.ge_(float(self.threshold.value))


class Binarize(Pointwise):
    """A binary threshold: 1 where ``x >= threshold``, else 0.

    Any shape; each value by itself. The binary threshold of Broad et al. 2020, the hard
    threshold of Dzwonczyk et al. 2024.
    """

    point = BinarizeKernel
    controllable_params = ("threshold",)

    def __init__(self, threshold: Number = 0.5) -> None:
        """Make a binary threshold.

        Args:
            threshold: where 1 begins.

        Raises:
            BendingCallbackException: it is no number.
        """
        super().__init__(threshold=threshold)


def plain(x: Tensor, place: Place, *, threshold: float) -> Tensor:
    """The step function."""
    return torch.heaviside(x - threshold, torch.ones(()))


OPERATION = Operation(
    Binarize,
    family="threshold",
    formula="1 where x >= threshold, else 0",
    source="Broad et al. 2020; Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"threshold": 0.5}, {"threshold": -0.2}),
    by_hand=lambda place, threshold: lambda x: (x >= threshold).to(x.dtype),
    picture={"threshold": 0.45},
)
