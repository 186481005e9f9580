"""Wrap: what goes beyond a limit comes in again from the other side."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import LEAST, PointKernel, Pointwise, positive
from ..places import Place

__all__ = ["Wrap"]


class WrapKernel(PointKernel):
    """``x`` less the multiple of ``2 limit`` nearest to it."""

    def __init__(self, limit: Operand) -> None:
        super().__init__()
        self.limit = limit

    def bend_(self, y: Tensor) -> None:
        turn = 2.0 * positive(float(self.limit.value))
        # exact, and of the sign of x; of greater numbers there may be no remainder
        y.clamp_(-1e30, 1e30).fmod_(turn)
        y.sub_((y / turn).round_(), alpha=turn)


class Wrap(Pointwise):
    """Wrap at a limit: ``((x + limit) mod 2 limit) - limit``.

    A wave that goes beyond ``limit`` jumps to ``-limit`` and goes on from there, like a number
    that overflows. ``x`` up to the limit keeps its bits. Any shape; each value by itself.
    The overflow of fixed-point numbers.
    """

    point = WrapKernel
    controllable_params = ("limit",)
    limits = MappingProxyType({"limit": (LEAST, None)})

    def __init__(self, limit: Number = 1.0) -> None:
        """Make a wrap.

        Args:
            limit: where it wraps, above 0.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(limit=limit)


def plain(x: Tensor, place: Place, *, limit: float) -> Tensor:
    """The angle on a circle of which the limit is half a turn."""
    angle = x.double() * (torch.pi / limit)
    return (torch.atan2(angle.sin(), angle.cos()) * (limit / torch.pi)).to(x.dtype)


OPERATION = Operation(
    Wrap,
    family="shape",
    formula="((x + limit) mod 2 limit) - limit",
    source="overflow of fixed-point numbers",
    plain=plain,
    examples=({"limit": 0.3}, {"limit": 1.5}),
    by_hand=lambda place, limit: lambda x: torch.remainder(x + limit, 2 * limit) - limit,
    picture={"limit": 0.3},
)
