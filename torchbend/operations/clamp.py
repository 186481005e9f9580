"""Clamp: values between two ends."""

from __future__ import annotations

import torch
from torch import Tensor

from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import Pointwise, greatest
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["Clamp"]


class ClampKernel(Kernel):
    """The middle one of ``low``, ``x`` and ``high``."""

    def __init__(self, low: Operand, high: Operand) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def ends(self, x: Tensor) -> tuple[float, float]:
        """The lower and the upper end, as the dtype of ``x`` holds them."""
        most = greatest(x)
        low = min(max(float(self.low.value), -most), most)
        high = min(max(float(self.high.value), -most), most)
        return min(low, high), max(low, high)

    def forward(self, x: Tensor) -> Tensor:
        low, high = self.ends(x)
        return x.clamp(low, high)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        low, high = self.ends(x)
        torch.clamp(x, low, high, out=out)


class Clamp(Pointwise):
    """Keep values between two ends: the middle one of ``low``, ``x`` and ``high``.

    Controls may cross: the lesser of the two is the lower end, so a knob that passes the other
    end closes the way to a single value and opens it again. Any shape; each value by itself;
    ``x`` between the ends keeps its bits. Hard clipping.
    """

    point = ClampKernel
    controllable_params = ("low", "high")

    def __init__(self, low: Number = -1.0, high: Number = 1.0) -> None:
        """Make a clamp.

        Args:
            low: the lower end.
            high: the upper end; as fixed numbers, not below ``low``.

        Raises:
            BendingCallbackException: they are no such numbers.
        """
        super().__init__(low=low, high=high)
        fixed = all(self.operand(n).__dict__["parameter"] is None for n in ("low", "high"))
        if fixed and self.get("low") > self.get("high"):
            raise BendingCallbackException(
                f"Clamp: low is not above high; got low {low!r} and high {high!r}"
            )


def plain(x: Tensor, place: Place, *, low: float, high: float) -> Tensor:
    """The median of three."""
    return torch.stack([torch.full_like(x, low), x, torch.full_like(x, high)]).median(0)[0]


OPERATION = Operation(
    Clamp,
    family="threshold",
    formula="min(max(x, low), high)",
    source="hard clipping",
    plain=plain,
    examples=({"low": -0.5, "high": 0.5}, {"low": 0.2, "high": 9.0}),
    by_hand=lambda place, low, high: lambda x: x.clamp(low, high),
    picture={"low": 0.0, "high": 0.25},
)
