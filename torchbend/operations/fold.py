"""Fold: what goes beyond a limit is folded back."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import LEAST, PointKernel, Pointwise, positive
from ..places import Place

__all__ = ["Fold"]


class FoldKernel(PointKernel):
    """A triangle wave of ``x``; its first slope is ``x`` itself."""

    def __init__(self, limit: Operand) -> None:
        super().__init__()
        self.limit = limit

    def bend_(self, y: Tensor) -> None:
        limit = positive(float(self.limit.value))
        y.clamp_(-1e30, 1e30).fmod_(4.0 * limit)  # of greater numbers there may be no remainder
        # down from the first limit on, and up again from three limits on
        turned = y.clamp(-limit, limit).sub_(y.clamp(-3.0 * limit, 3.0 * limit))
        y.add_(turned, alpha=2.0)


class Fold(Pointwise):
    """Fold at a limit: a wave that goes beyond ``limit`` comes back, and back again.

    ``x`` up to the limit keeps its bits. Any shape; each value by itself. A wave folder as of
    analogue synthesizers (Buchla 259).
    """

    point = FoldKernel
    controllable_params = ("limit",)
    limits = MappingProxyType({"limit": (LEAST, None)})

    def __init__(self, limit: Number = 1.0) -> None:
        """Make a folder.

        Args:
            limit: where it folds, above 0.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(limit=limit)


def plain(x: Tensor, place: Place, *, limit: float) -> Tensor:
    """A triangle wave of ``x``, by its sine."""
    angle = torch.asin(torch.sin(x.double() * (torch.pi / 2) / limit))
    return (angle * (2 * limit / torch.pi)).to(x.dtype)


OPERATION = Operation(
    Fold,
    family="shape",
    formula="x where |x| <= limit, 2 limit - x up to 3 limit, and so on: a triangle wave of x",
    source="wave folding (Buchla 259)",
    plain=plain,
    examples=({"limit": 0.3}, {"limit": 1.5}),
    by_hand=lambda place, limit: (
        lambda x: (torch.remainder(x - limit, 4 * limit) - 2 * limit).abs() - limit
    ),
    picture={"limit": 0.1},
)
