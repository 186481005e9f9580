"""Hold: a frame stays for some frames; the other half of a bit crusher."""

import math
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.glide import Glide
from ..bending.grains import frames_at
from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.past import Past, held
from ..bending.timewise import Timewise, whole_number
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["Hold"]


class HoldKernel(Kernel):
    """``x`` at the last multiple of ``frames``, counted from the first frame on."""

    homogeneous = True
    glides = True

    state_at: Tensor

    def __init__(self, frames: Operand, past: Past) -> None:
        super().__init__()
        self.frames = frames
        self.past = past
        self.time = past.time
        self.longest = past.frames + 1
        self.glide = Glide()
        self.register_buffer("state_at", torch.zeros(int(past.keep), dtype=torch.int64))

    def glide_along(self, time: int) -> None:
        """Cross-fade from one length to another along a dimension."""
        self.glide.along = time

    def forward(self, x: Tensor) -> Tensor:
        wanted = min(max(float(self.frames.value), 1.0), float(self.longest))
        now = int(math.floor(wanted + 0.5))
        before = int(self.glide(float(now)))
        start = torch.zeros(1, dtype=torch.int64, device=x.device)
        if self.past.fits(x):
            start = self.state_at
        joined: Tensor = self.past(x)
        at = start + torch.arange(x.size(self.time), device=x.device)
        if self.past.keep:
            self.state_at = held(self.state_at, start + x.size(self.time))
        out = self.stepped(x, joined, at, now)
        if before != now:
            out = self.glide.fade(self.stepped(x, joined, at, before), out)
        return out

    def stepped(self, x: Tensor, joined: Tensor, at: Tensor, frames: int) -> Tensor:
        """The frames that are held; ``at`` counts those of the block from the first one on."""
        if frames == 1:
            return x
        here = torch.arange(at.size(0), device=x.device) + (self.longest - 1)
        return frames_at(joined, here - torch.remainder(at, frames), self.time)


class Hold(Timewise):
    """Hold every ``frames``-th frame until the next one: ``y[t] = x[t - t mod frames]``.

    A lower sample rate, with all its aliases. ``(batch, channels, frames)`` or any shape with a
    dimension of time. Causal, with a state of ``longest`` - 1 frames and the count of all that
    passed: blocks of any size give the same. The delay it brings is from 0 to ``frames`` - 1. In
    an exported file a new setting cross-fades within one block. Of a weight, along its last
    dimension. 1 leaves ``x`` as it is. Sample and hold, as in every bit crusher; with
    :class:`Quantize` it is one.
    """

    controllable_params = ("frames",)
    neutral = MappingProxyType({"frames": 1.0})
    limits = MappingProxyType({"frames": (1, None)})

    def __init__(
        self, frames: Number = 4, longest: int | None = None, time: int | None = None
    ) -> None:
        """Make a sample and hold.

        Args:
            frames: how long a frame stays, from 1 to ``longest``, to the nearest whole number; a
                control beyond is clamped.
            longest: the longest there can be; a control needs it. By default ``frames``.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(time, frames=frames)
        fixed = self.operand("frames").__dict__["parameter"] is None
        now = float(self.get("frames"))
        if longest is None:
            if not fixed or not math.isfinite(now):
                raise BendingCallbackException(
                    f"Hold: with frames={frames!r} it needs to know how far that goes: say "
                    "longest=, the greatest number of frames"
                )
            longest = math.ceil(now)
        self.longest = whole_number(longest, "longest", self)
        if fixed and now > self.longest:
            raise BendingCallbackException(
                f"Hold: frames is a number from 1 to longest, {self.longest}; got {frames!r}"
            )

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the sample and hold of one place."""
        self.check(place)
        return HoldKernel(self.operand("frames"), self.past(place, self.longest - 1))


def plain(x: Tensor, place: Place, *, frames: int, longest: int | None = None) -> Tensor:
    """Every frame that is taken, repeated."""
    return x[..., ::frames].repeat_interleave(frames, dim=-1)[..., : x.size(-1)]


OPERATION = Operation(
    Hold,
    family="time",
    formula="y[t] = x[t - t mod frames]",
    source="sample and hold of bit crushers",
    plain=plain,
    examples=({"frames": 3}, {"frames": 5, "longest": 9}),
    neutral={"frames": 1},
    picture={"frames": 12},
    pictured_at="mix$",
)
