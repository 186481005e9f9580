"""HardThreshold: small values become 0."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import Pointwise, greatest
from ..places import Place

__all__ = ["HardThreshold"]


class HardThresholdKernel(Kernel):
    """``x * (|x| > threshold)``."""

    def __init__(self, threshold: Operand) -> None:
        super().__init__()
        self.threshold = threshold

    def bounded(self, x: Tensor) -> float:
        """The threshold as the dtype of ``x`` holds it."""
        return min(max(float(self.threshold.value), 0.0), greatest(x))

    def forward(self, x: Tensor) -> Tensor:
        return F.hardshrink(x, self.bounded(x))

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        torch.hardshrink(x, self.bounded(x), out=out)


class HardThreshold(Pointwise):
    """A gate for values: ``x`` where ``|x| > threshold``, else 0.

    Any shape; each value by itself. 0 leaves ``x`` as it is. Hard shrinkage (Donoho and
    Johnstone 1994); on activations in the code to Dzwonczyk et al. 2024.
    """

    point = HardThresholdKernel
    controllable_params = ("threshold",)
    limits = MappingProxyType({"threshold": (0.0, None)})
    neutral = MappingProxyType({"threshold": 0.0})

    def __init__(self, threshold: Number = 0.1) -> None:
        """Make a hard threshold.

        Args:
            threshold: what is not greater is silenced, from 0 up.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(threshold=threshold)


def plain(x: Tensor, place: Place, *, threshold: float) -> Tensor:
    """By the square."""
    return torch.where(x.square() > threshold**2, x, torch.zeros(()))


OPERATION = Operation(
    HardThreshold,
    family="threshold",
    formula="x where |x| > threshold, else 0",
    source="Donoho and Johnstone 1994; Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"threshold": 0.5}, {"threshold": 1.2}),
    neutral={"threshold": 0.0},
    by_hand=lambda place, threshold: lambda x: F.hardshrink(x, threshold),
    picture={"threshold": 0.4},
)
