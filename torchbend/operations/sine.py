"""Sine: folding by a sine."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import LEAST, PointKernel, Pointwise, positive
from ..places import Place

__all__ = ["Sine"]


class SineKernel(PointKernel):
    """``limit sin(drive x / limit)``."""

    def __init__(self, drive: Operand, limit: Operand) -> None:
        super().__init__()
        self.drive = drive
        self.limit = limit

    def bend_(self, y: Tensor) -> None:
        limit = positive(float(self.limit.value))
        gain = min(max(float(self.drive.value), 0.0) / limit, 1e30)
        # an infinity has no sine
        y.mul_(gain).clamp_(-1e30, 1e30).sin_().mul_(limit)


class Sine(Pointwise):
    """Fold by a sine: ``limit sin(drive x / limit)``.

    Small values are multiplied by ``drive``; what goes on beyond comes back, and back again, ever
    round: a fold without corners, as phase modulation has it. Any shape; each value by itself.
    """

    point = SineKernel
    controllable_params = ("drive", "limit")
    limits = MappingProxyType({"drive": (0.0, None), "limit": (LEAST, None)})

    def __init__(self, drive: Number = 2.0, limit: Number = 1.0) -> None:
        """Make a sine folder.

        Args:
            drive: the gain of small values, from 0 up.
            limit: the greatest value, above 0.

        Raises:
            BendingCallbackException: a setting is no such number.
        """
        super().__init__(drive=drive, limit=limit)


def plain(x: Tensor, place: Place, *, drive: float, limit: float = 1.0) -> Tensor:
    """The imaginary part of a point on a circle."""
    angle = x.double() * (drive / limit)
    return torch.polar(torch.full_like(angle, limit), angle).imag.to(x.dtype)


OPERATION = Operation(
    Sine,
    family="shape",
    formula="limit sin(drive x / limit)",
    source="waveshaping (Le Brun 1979)",
    plain=plain,
    examples=({"drive": 4.0}, {"drive": 1.5, "limit": 0.3}),
    by_hand=lambda place, drive, limit=1.0: lambda x: limit * torch.sin(drive / limit * x),
    picture={"drive": 16.0},
)
