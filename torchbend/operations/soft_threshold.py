"""SoftThreshold: values shrink towards 0."""

from __future__ import annotations

from types import MappingProxyType

from torch import Tensor
from torch.nn import functional as F

from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.pointwise import Pointwise, greatest
from ..places import Place

__all__ = ["SoftThreshold"]


class SoftThresholdKernel(Kernel):
    """``sign(x) max(|x| - threshold, 0)``."""

    def __init__(self, threshold: Operand) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return F.softshrink(x, min(max(float(self.threshold.value), 0.0), greatest(x)))


class SoftThreshold(Pointwise):
    """Shrink: ``sign(x) max(|x| - threshold, 0)``.

    Small values become 0, the others come nearer to it, without a jump. Any shape; each value
    by itself. 0 leaves ``x`` as it is. Soft shrinkage (Donoho and Johnstone 1994); on
    activations in the code to Dzwonczyk et al. 2024.
    """

    point = SoftThresholdKernel
    controllable_params = ("threshold",)
    limits = MappingProxyType({"threshold": (0.0, None)})
    neutral = MappingProxyType({"threshold": 0.0})

    def __init__(self, threshold: Number = 0.1) -> None:
        """Make a soft threshold.

        Args:
            threshold: how far values shrink, from 0 up.

        Raises:
            BendingCallbackException: it is no such number.
        """
        super().__init__(threshold=threshold)


def plain(x: Tensor, place: Place, *, threshold: float) -> Tensor:
    """What lies between -threshold and threshold, taken away."""
    return x - x.clamp(-threshold, threshold)


OPERATION = Operation(
    SoftThreshold,
    family="threshold",
    formula="sign(x) max(|x| - threshold, 0)",
    source="Donoho and Johnstone 1994; Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"threshold": 0.5}, {"threshold": 1.2}),
    neutral={"threshold": 0.0},
    by_hand=lambda place, threshold: lambda x: F.softshrink(x, threshold),
    picture={"threshold": 0.2},
)
