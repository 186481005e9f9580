"""Log: a logarithm of the size, with the sign kept."""

from __future__ import annotations

import math
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import PointKernel, Pointwise
from ..places import Place

__all__ = ["Log"]


class LogKernel(PointKernel):
    """``sign(x) log(1 + k |x|) / log(1 + k)``."""

    def __init__(self, k: Operand) -> None:
        super().__init__()
        self.k = k

    def bend_(self, y: Tensor) -> None:
        k = min(float(self.k.value), 1e9)
        # nearer to 0 it is x to float32's last bits
        if k >= 1e-9:
            sign = y.sign()
            # libtorch 2.5 has no logarithm of what is near to the greatest number
            y.abs_().mul_(k).clamp_(max=1e30).log1p_().div_(math.log1p(k)).mul_(sign)


class Log(Pointwise):
    """Compress by a logarithm with the sign kept: ``sign(x) log(1 + k |x|) / log(1 + k)``.

    -1, 0 and 1 stay; what is smaller grows, what is greater shrinks, the more the greater ``k``
    is. Any shape; each value by itself. 0 leaves ``x`` as it is. The mu-law of ITU-T G.711,
    without its bounds; logarithms on activations after Dzwonczyk et al. 2024.
    """

    point = LogKernel
    controllable_params = ("k",)
    limits = MappingProxyType({"k": (0.0, 1e9)})
    neutral = MappingProxyType({"k": 0.0})

    def __init__(self, k: Number = 10.0) -> None:
        """Make a compression.

        Args:
            k: how much of it, from 0 to 1e9; 255 in telephones.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(k=k)


def plain(x: Tensor, place: Place, *, k: float) -> Tensor:
    """The logarithm to the base 1 + k, for each sign apart."""
    values = x.double()
    up, down = (torch.log2(1 + k * v.clamp(min=0)) for v in (values, -values))
    return ((up - down) / math.log2(1 + k)).to(x.dtype)


OPERATION = Operation(
    Log,
    family="shape",
    formula="sign(x) log(1 + k |x|) / log(1 + k)",
    source="mu-law, ITU-T G.711; Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"k": 255.0}, {"k": 0.5}),
    neutral={"k": 0.0},
    by_hand=lambda place, k: lambda x: x.sign() * torch.log1p(k * x.abs()) / math.log1p(k),
)
