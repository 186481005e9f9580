"""Power: a power of the size, with the sign kept."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import PointKernel, Pointwise, greatest
from ..places import Place

__all__ = ["Power"]

MOST = 16.0


class PowerKernel(PointKernel):
    """``sign(x) |x|^exponent``."""

    def __init__(self, exponent: Operand) -> None:
        super().__init__()
        self.exponent = exponent

    def bend_(self, y: Tensor) -> None:
        exponent = min(max(float(self.exponent.value), 0.0), 16.0)
        sign = y.sign()
        y.abs_().pow_(exponent).clamp_(max=greatest(y)).mul_(sign)


class Power(Pointwise):
    """A power with the sign kept: ``sign(x) |x|^exponent``.

    Above 1 it stretches what is beyond 1 and shrinks the rest, below 1 the other way round; 0
    leaves only the sign. What is too great for the dtype becomes its greatest number. Any shape;
    each value by itself. 1 leaves ``x`` as it is. Power-law waveshaping; Dzwonczyk et al. 2024.
    """

    point = PowerKernel
    controllable_params = ("exponent",)
    limits = MappingProxyType({"exponent": (0.0, MOST)})
    neutral = MappingProxyType({"exponent": 1.0})

    def __init__(self, exponent: Number = 2.0) -> None:
        """Make a power.

        Args:
            exponent: 0 to 16.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(exponent=exponent)


def plain(x: Tensor, place: Place, *, exponent: float) -> Tensor:
    """By the logarithm."""
    size = torch.exp(x.double().abs().log() * exponent)
    return torch.where(x < 0, -size, size).to(x.dtype)


OPERATION = Operation(
    Power,
    family="shape",
    formula="sign(x) |x|^exponent",
    source="power-law waveshaping; Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"exponent": 3.0}, {"exponent": 0.4}, {"exponent": 0.0}),
    neutral={"exponent": 1.0},
    by_hand=lambda place, exponent: lambda x: x.sign() * x.abs() ** exponent,
    picture={"exponent": 0.4},
)
