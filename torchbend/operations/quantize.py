"""Quantize: values in steps."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import PointKernel, Pointwise, greatest
from ..places import Place

__all__ = ["Quantize"]


class QuantizeKernel(PointKernel):
    """``step round(x / step)``."""

    def __init__(self, step: Operand) -> None:
        super().__init__()
        self.step = step

    def bend_(self, y: Tensor) -> None:
        step = min(float(self.step.value), 1e30)
        if step >= 1e-9:
            most = greatest(y)
            y.div_(step).round_().mul_(step).clamp_(-most, most)


class Quantize(Pointwise):
    """Crush bits: ``step round(x / step)``.

    Values become multiples of ``step``: with ``n`` bits from -1 to 1, a step of ``2^(1 - n)``.
    Values just between two steps go to the even one. Any shape; each value by itself. 0 (and
    anything below 1e-9) leaves ``x`` as it is. Uniform quantization (Bennett 1948).
    """

    point = QuantizeKernel
    controllable_params = ("step",)
    limits = MappingProxyType({"step": (0.0, None)})
    neutral = MappingProxyType({"step": 0.0})

    def __init__(self, step: Number = 0.25) -> None:
        """Make a quantization.

        Args:
            step: the distance of two values, from 0 up.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(step=step)


def plain(x: Tensor, place: Place, *, step: float) -> Tensor:
    """The step below the value half a step up."""
    return (torch.floor(x.double() / step + 0.5) * step).to(x.dtype)


OPERATION = Operation(
    Quantize,
    family="shape",
    formula="step round(x / step)",
    source="bit crush; uniform quantization (Bennett 1948)",
    plain=plain,
    examples=({"step": 0.25}, {"step": 1.0}),
    neutral={"step": 0.0},
    by_hand=lambda place, step: lambda x: torch.round(x / step) * step,
)
