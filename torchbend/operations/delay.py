"""Delay: what was, some frames later."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from ..bending.glide import Glide
from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.past import Past
from ..bending.timewise import Timewise, whole_number
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["Delay"]


class DelayKernel(Kernel):
    """``x`` of some frames ago, at most of as many as its past has."""

    homogeneous = True
    glides = True

    def __init__(self, frames: Operand, past: Past) -> None:
        super().__init__()
        self.frames = frames
        self.past = past
        self.time = past.time
        self.longest = past.frames
        self.glide = Glide()

    def glide_along(self, time: int) -> None:
        """Cross-fade from one tap to another along a dimension."""
        self.glide.along = time

    def forward(self, x: Tensor) -> Tensor:
        wanted = min(max(float(self.frames.value), 0.0), float(self.longest))
        now = int(math.floor(wanted + 0.5))
        before = int(self.glide(float(now)))
        joined: Tensor = self.past(x)
        size = x.size(self.time)
        out = joined.narrow(self.time, self.longest - now, size)
        if before != now:
            left = joined.narrow(self.time, self.longest - before, size)
            out = self.glide.fade(left, out)
        return out


class Delay(Timewise):
    """Everything some frames later: ``y[t] = x[t - frames]``.

    ``(batch, channels, frames)`` or any shape with a dimension of time. Causal, with a state of
    ``longest`` frames, which each block copies: blocks of any size give the same. The delay it
    brings is ``frames``, to the nearest whole frame; before the first frame there is silence. In
    an exported file a new setting cross-fades within one block, without a change of pitch. Of a
    weight, along its last dimension, with silence moving in. 0 leaves ``x`` as it is. With an
    ``amount`` of a half it is an echo. Translation of Broad et al. 2020, along time.
    """

    controllable_params = ("frames",)
    neutral = MappingProxyType({"frames": 0.0})
    limits = MappingProxyType({"frames": (0, None)})

    def __init__(
        self, frames: Number = 1, longest: int | None = None, time: int | None = None
    ) -> None:
        """Make a delay.

        Args:
            frames: how much later, from 0 to ``longest``; a control beyond is clamped.
            longest: the greatest delay there can be; a control needs it. By default ``frames``.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(time, frames=frames)
        now = float(self.get("frames"))
        fixed = self.operand("frames").__dict__["parameter"] is None
        if longest is None:
            if not fixed:
                raise BendingCallbackException(
                    f"Delay: frames is a control, {frames!r}, so it needs to know how far that "
                    "goes: say longest=, the greatest delay in frames"
                )
            longest = max(1, math.ceil(now)) if math.isfinite(now) else 1
        self.longest = whole_number(longest, "longest", self)
        if fixed and now > self.longest:
            raise BendingCallbackException(
                f"Delay: frames is a number from 0 to longest, {self.longest}; got {frames!r}"
            )

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the delay of one place."""
        self.check(place)
        return DelayKernel(self.operand("frames"), self.past(place, self.longest))


def plain(x: Tensor, place: Place, *, frames: int, longest: int | None = None) -> Tensor:
    """The product with a matrix that has ones beside its diagonal."""
    size = x.size(-1)
    beside = torch.zeros(size, size, dtype=x.dtype)
    for t in range(frames, size):
        beside[t - frames, t] = 1
    return x @ beside


def _by_hand(place: Place, frames: int) -> Callable[[Tensor], Tensor]:
    """Without a past."""
    return lambda x: F.pad(x, (frames, 0))[..., : x.size(-1)]


OPERATION = Operation(
    Delay,
    family="time",
    formula="y[t] = x[t - frames]",
    source="Broad et al. 2020",
    plain=plain,
    examples=({"frames": 3}, {"frames": 5, "longest": 9}),
    neutral={"frames": 0},
    picture={"frames": 30},
    by_hand=_by_hand,
)
