"""Gradient: the difference of each frame from the one before."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..bending.kernel import Kernel
from ..bending.operation import Operation
from ..bending.past import Past
from ..bending.timewise import Timewise
from ..places import Place

__all__ = ["Gradient"]


class GradientKernel(Kernel):
    """``x`` less the frame before."""

    homogeneous = True
    glides = True

    def __init__(self, past: Past) -> None:
        super().__init__()
        self.past = past
        self.time = past.time

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.past(x)
        return x - joined.narrow(self.time, 0, x.size(self.time))


class Gradient(Timewise):
    """The difference along time: ``y[t] = x[t] - x[t - 1]``; what stays the same is silent.

    ``(batch, channels, frames)`` or any shape with a dimension of time. Causal and without
    delay; it remembers one frame, so that blocks of any size give the same. Before the first
    frame there is silence. Of a weight, along its last dimension. Broad et al. 2020.
    """

    def __init__(self, time: int | None = None) -> None:
        """Make a gradient.

        Args:
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: ``time`` is no dimension; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(time)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the gradient of one place."""
        self.check(place)
        return GradientKernel(self.past(place, 1))


def plain(x: Tensor, place: Place) -> Tensor:
    """The convolution with 1, -1."""
    rows = x.reshape(-1, 1, x.size(-1))
    return F.conv1d(F.pad(rows, (1, 0)), torch.tensor([[[-1.0, 1.0]]])).reshape(x.shape)


def _by_hand(place: Place) -> Callable[[Tensor], Tensor]:
    """Without a past."""
    return lambda x: x - F.pad(x, (1, 0))[..., :-1]


OPERATION = Operation(
    Gradient,
    family="time",
    formula="y[t] = x[t] - x[t - 1]",
    source="Broad et al. 2020",
    plain=plain,
    examples=({},),
    by_hand=_by_hand,
)
