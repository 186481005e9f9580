"""Flip: backwards."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..bending.grains import Grains, checked_window, plain_grains, reach, windowed
from ..bending.kernel import Kernel
from ..bending.operation import Operation
from ..bending.timewise import Timewise
from ..places import Place

__all__ = ["Flip"]

BACKWARDS = -1.0


class FlipKernel(Kernel):
    """Each block backwards."""

    homogeneous = True

    def __init__(self, time: int) -> None:
        super().__init__()
        self.time = time

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(self.time)


class FlipGrainsKernel(Kernel):
    """Each grain backwards."""

    homogeneous = True
    glides = True

    def __init__(self, grains: Grains) -> None:
        super().__init__()
        self.grains = grains

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.grains(x, -1.0)
        return out


class Flip(Timewise):
    """Backwards in time: ``y[t] = x[n - 1 - t]``, of each block or of each window.

    ``(batch, channels, frames)`` or any shape with a dimension of time.

    Without ``window`` each block of n frames is reversed by itself, without a state: another
    block size sounds otherwise, and where blocks meet there may be a jump. Of a weight, along
    its last dimension.

    With ``window`` it is a reversing delay, causal and with a state, the same for blocks of any
    size: two grains of ``window`` frames, half of it apart, each played backwards from the moment
    at which it begins, cross-faded by windows ``sin^2`` that sum to 1. What is heard is from 0 to
    ``2 (window - 1)`` frames old, at the loudest moment of a grain ``window``; that is the delay it
    brings. Before the first frame there is silence. Flip of Broad et al. 2020, along time.
    """

    def __init__(self, window: int | None = None, time: int | None = None) -> None:
        """Make it run backwards.

        Args:
            window: frames of a grain, an even number; None for each block as a whole.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(time)
        self.window = checked_window(window, self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make what reverses at one place."""
        self.check(place)
        if self.window is None:
            return FlipKernel(self.frames_dim(place))
        past = self.past(place, reach(self.window, BACKWARDS, BACKWARDS))
        return FlipGrainsKernel(Grains(past, self.window, place.dtype))


def plain(x: Tensor, place: Place, *, window: int | None = None) -> Tensor:
    """The frames in the opposite order."""
    if window is not None:
        return plain_grains(x, window, BACKWARDS)
    return torch.stack(list(reversed(x.unbind(-1))), -1)


def _by_hand(place: Place) -> Callable[[Tensor], Tensor]:
    return lambda x: x.flip(-1)


OPERATION = Operation(
    Flip,
    family="time",
    formula="y[t] = x[n - 1 - t] of each block; with window: of overlapping grains, cross-faded",
    source="Broad et al. 2020",
    plain=plain,
    examples=({}, {"window": 16}),
    streams=windowed,
    by_hand=_by_hand,
)
