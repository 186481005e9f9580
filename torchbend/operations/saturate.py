"""Saturate: soft clipping by tanh."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import LEAST, PointKernel, Pointwise, positive
from ..places import Place

__all__ = ["Saturate"]


class SaturateKernel(PointKernel):
    """``limit tanh(drive x / limit)``."""

    def __init__(self, drive: Operand, limit: Operand) -> None:
        super().__init__()
        self.drive = drive
        self.limit = limit

    def bend_(self, y: Tensor) -> None:
        limit = positive(float(self.limit.value))
        gain = min(max(float(self.drive.value), 0.0) / limit, 1e30)
        y.mul_(gain).tanh_().mul_(limit)


class Saturate(Pointwise):
    """Soft clipping: ``limit tanh(drive x / limit)``.

    Small values are multiplied by ``drive``, great ones come near to ``limit``. Any shape; each
    value by itself. The waveshaper of overdriven amplifiers.
    """

    point = SaturateKernel
    controllable_params = ("drive", "limit")
    limits = MappingProxyType({"drive": (0.0, None), "limit": (LEAST, None)})

    def __init__(self, drive: Number = 2.0, limit: Number = 1.0) -> None:
        """Make a soft clipping.

        Args:
            drive: the gain of small values, from 0 up.
            limit: what no value goes beyond, above 0.

        Raises:
            BendingCallbackException: a setting is no such number.
        """
        super().__init__(drive=drive, limit=limit)


def plain(x: Tensor, place: Place, *, drive: float, limit: float = 1.0) -> Tensor:
    """By the logistic function."""
    return limit * (2 * torch.sigmoid(x.double() * (2 * drive / limit)) - 1).to(x.dtype)


OPERATION = Operation(
    Saturate,
    family="shape",
    formula="limit tanh(drive x / limit)",
    source="waveshaping (Le Brun 1979)",
    plain=plain,
    examples=({"drive": 4.0}, {"drive": 0.5, "limit": 2.0}),
    by_hand=lambda place, drive, limit=1.0: lambda x: limit * torch.tanh(drive / limit * x),
    picture={"drive": 8.0},
)
