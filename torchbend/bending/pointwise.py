"""What bends each value by itself, and keeps every finite value finite."""

from typing import ClassVar

import torch
from torch import Tensor

from ..places import Place
from .kernel import Kernel
from .numeric import Numeric

__all__ = ["LEAST", "PointKernel", "Pointwise", "greatest", "positive"]

# A scale, such as a limit, is kept between LEAST and 1e30: what float32 holds can be multiplied
# by it, and up to 1e30 divided by it.
LEAST = 1e-6


def positive(value: float) -> float:
    """A control's value as a scale: from ``LEAST`` to 1e30."""
    return min(max(value, 1e-6), 1e30)  # TorchScript reads no constants of a module


def greatest(x: Tensor) -> float:
    """The greatest number that the dtype of ``x`` holds."""
    if x.dtype == torch.float64:
        return 1.7976931348623157e308
    if x.dtype == torch.float16:
        return 65504.0
    if x.dtype == torch.bfloat16:
        return 3.3895313892515355e38
    return 3.4028234663852886e38


class PointKernel(Kernel):
    """Bends each value by itself, in several steps that write over a copy of it.

    Values of half precision are bent in float32, and what is too great for them then becomes
    the greatest that there is. Not for training: it writes over what a gradient may need.
    """

    def bend_(self, y: Tensor) -> None:
        """Bend ``y`` in place; float32 or float64, and nobody else's."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return the bent value of ``x``, of any shape."""
        if x.dtype == torch.float16 or x.dtype == torch.bfloat16:
            wide = x.to(torch.float32)
            self.bend_(wide)
            most = greatest(x)
            return wide.clamp_(-most, most).to(x.dtype)
        y = x.clone()
        self.bend_(y)
        return y

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        """Write the bent value of ``x`` into ``out``."""
        if out.dtype == torch.float32 or out.dtype == torch.float64:
            out.copy_(x)
            self.bend_(out)
        else:
            out.copy_(self.forward(x))


class Pointwise(Numeric):
    """A callback that bends each value by itself.

    Attributes:
        point: the class of its kernels, made of the operands of ``controllable_params`` in their
            order.
    """

    point: ClassVar[type[Kernel]]

    __jit_ignored_attributes__ = (*Numeric.__jit_ignored_attributes__, "point")

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make what runs at a place.

        Raises:
            BendingCallbackException: it holds no real numbers.
        """
        self.check(place)
        return self.point(*(self.operand(name) for name in self.controllable_params))
