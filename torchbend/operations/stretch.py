"""Stretch: longer or shorter, and so lower or higher."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from ..bending.grains import Grains, between, checked_window, plain_grains, reach, windowed
from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.timewise import Timewise
from ..places import Place

__all__ = ["Stretch"]

# A quarter as long: read at four times the speed. What is read faster has to be remembered.
LEAST = 0.25


def speed_of(factor: float) -> float:
    """How fast to read what is to be ``factor`` times as long; a factor too small is the least."""
    return 1.0 / max(factor, 0.25)


class StretchKernel(Kernel):
    """Each block from its beginning, read at another speed, with silence behind its end."""

    homogeneous = True

    def __init__(self, factor: Operand, time: int) -> None:
        super().__init__()
        self.factor = factor
        self.time = time

    def forward(self, x: Tensor) -> Tensor:
        speed = speed_of(float(self.factor.value))
        if speed == 1.0:
            return x
        n = x.size(self.time)
        at = torch.arange(n, device=x.device, dtype=torch.float64) * speed
        near = at.floor()
        size = list(x.shape)
        size[self.time] = 1
        ends = torch.cat([x, x.new_zeros(size)], self.time)
        return between(
            ends,
            near.to(torch.int64).clamp(max=n),
            at.ceil().to(torch.int64).clamp(max=n),
            at - near,
            self.time,
        )


class StretchGrainsKernel(Kernel):
    """Each grain read at another speed."""

    homogeneous = True
    glides = True

    def __init__(self, factor: Operand, grains: Grains) -> None:
        super().__init__()
        self.factor = factor
        self.grains = grains

    def glide_along(self, time: int) -> None:
        """Cross-fade from one speed to another along a dimension."""
        self.grains.glide.along = time

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.grains(x, speed_of(float(self.factor.value)))
        return out


class Stretch(Timewise):
    """Stretch in time: ``y[t] = x[t / factor]``, of each block or of each window.

    ``factor`` is how many times as long it becomes: 2 is half the speed (an octave lower), 0.5
    twice the speed. Between frames it is read by linear interpolation. 1 leaves ``x`` as it is.
    ``(batch, channels, frames)`` or any shape with a dimension of time.

    Without ``window`` each block is read from its beginning, without a state: above 1 its end is
    not heard, below 1 there is silence behind it; another block size sounds otherwise, and where
    blocks meet there may be a jump. Of a weight, along its last dimension.

    With ``window`` it is causal, with a state, the same for blocks of any size: two grains of
    ``window`` frames, half of it apart, each read at the new speed from near the present,
    cross-faded by windows ``sin^2`` that sum to 1. The pitch moves, the tempo stays. With
    ``r = 1 / factor``, frame p of a grain is from ``(1 - r) p + max(0, r - 1) window`` frames ago;
    that is the delay it brings: up to ``window`` above 1, up to ``3 window`` at 0.25, none at 1.
    Before the first frame there is silence. Scaling of Broad et al. 2020, along time.
    """

    controllable_params = ("factor",)
    neutral = MappingProxyType({"factor": 1.0})
    limits = MappingProxyType({"factor": (LEAST, None)})

    def __init__(
        self, factor: Number = 2.0, window: int | None = None, time: int | None = None
    ) -> None:
        """Make a stretch.

        Args:
            factor: how many times as long, from 0.25 up; a control below is clamped.
            window: frames of a grain, an even number; None for each block as a whole.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(time, factor=factor)
        self.window = checked_window(window, self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the stretch of one place."""
        self.check(place)
        factor = self.operand("factor")
        if self.window is None:
            return StretchKernel(factor, self.frames_dim(place))
        past = self.past(place, reach(self.window, 0.0, 1 / LEAST))
        return StretchGrainsKernel(factor, Grains(past, self.window, place.dtype))


def plain(x: Tensor, place: Place, *, factor: float, window: int | None = None) -> Tensor:
    """What each frame hears of each frame, as a matrix."""
    if window is not None:
        return plain_grains(x, window, 1 / factor)
    frames = torch.arange(x.size(-1), dtype=torch.float64)
    matrix = (1 - (frames / factor - frames.unsqueeze(-1)).abs()).clamp(min=0)
    return (x.double() @ matrix).to(x.dtype)


def _by_hand(place: Place, factor: float) -> Callable[[Tensor], Tensor]:
    """By torch's own resampling of a block."""
    return lambda x: F.interpolate(x, scale_factor=factor, mode="linear")[..., : x.size(-1)]


OPERATION = Operation(
    Stretch,
    family="time",
    formula="y[t] = x[t / factor] of each block; with window: of overlapping grains, cross-faded",
    source="Broad et al. 2020",
    plain=plain,
    examples=(
        {"factor": 1.5},
        {"factor": 0.4},
        {"factor": 3.0, "window": 16},
        {"factor": 0.3, "window": 8},
    ),
    neutral={"factor": 1.0},
    streams=windowed,
    by_hand=_by_hand,
)
