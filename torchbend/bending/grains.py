r"""Grains: two overlapping pieces of the sound, read at another speed, cross-faded without end.

A stream cannot be read at another speed for long: slower it falls behind, faster it runs ahead
of what there is. So each grain is read so for ``window`` frames, and starts over near the present.
Two of them, half a window apart, are heard through windows that sum to 1, and each starts over
while it is silent:

    grain 1   /\/\/\/\    weight sin^2(pi p / window) at its frame p
    grain 2   \/\/\/\/    the rest of 1

At speed ``r``, frame ``p`` of a grain is the sound of ``(1 - r) p + max(0, r - 1) window`` frames
ago: never of the future. Between frames it is read by linear interpolation.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BendingCallbackException
from .glide import Glide
from .past import Past, held
from .timewise import whole_number

__all__ = ["Grains", "between", "checked_window", "plain_grains", "reach", "windowed"]


def along(values: Tensor, x: Tensor, time: int) -> Tensor:
    """Shape a number for each frame so that it broadcasts over ``x``."""
    shape = [1] * x.dim()
    shape[time] = values.size(0)
    return values.reshape(shape)


def frames_at(x: Tensor, index: Tensor, time: int) -> Tensor:
    """Read frames; as ``index_select``, which takes twenty times as long along the last dim."""
    size = list(x.shape)
    size[time] = index.size(0)
    return x.gather(time, along(index, x, time).expand(size))


def between(x: Tensor, near: Tensor, far: Tensor, part: Tensor, time: int) -> Tensor:
    """Read frames at ``near``, ``part`` of the way to ``far``, by linear interpolation.

    Args:
        x: any shape with a dimension of ``time``.
        near: indices along it.
        far: indices along it.
        part: 0 to 1 for each of them.
        time: the dimension.
    """
    way = along(part.to(x.dtype), x, time)
    return torch.lerp(frames_at(x, near, time), frames_at(x, far, time), way)


def reach(window: int, slowest: float, fastest: float) -> int:
    """How many frames back grains read at most, at any speed from one to another."""
    return math.ceil(max((1 - slowest) * (window - 1), (fastest - 1) * window, 0.0))


class Grains(nn.Module):
    """Reads the sound in grains of a window.

    At the start, and with another batch size than before, silence came before and the first
    grain begins. Of a weight it is so at every call.
    """

    window: Tensor
    state_at: Tensor

    def __init__(self, past: Past, window: int, dtype: torch.dtype | None) -> None:
        """Make grains.

        Args:
            past: of :func:`reach` frames for all speeds to come.
            window: frames of a grain, an even number.
            dtype: of the values; None for float32.
        """
        super().__init__()
        self.past = past
        self.time = past.time
        self.reach = past.frames
        self.frames = window
        self.keep = past.keep
        self.glide = Glide()
        angle = torch.arange(window, dtype=torch.float64) * (math.pi / window)
        self.register_buffer("window", angle.sin().square().to(dtype or torch.float32))
        self.register_buffer("state_at", torch.zeros(int(self.keep), dtype=torch.int64))

    def forward(self, x: Tensor, speed: float) -> Tensor:
        """Return ``x`` read at a speed; at 1 it is ``x``.

        Args:
            x: any shape with a dimension of time.
            speed: of reading; negative for backwards.
        """
        before = self.glide(speed)
        n = x.size(self.time)
        start = torch.zeros(1, dtype=torch.int64, device=x.device)
        if self.past.fits(x):
            start = self.state_at
        joined: Tensor = self.past(x)
        phase = torch.remainder(torch.arange(n, device=x.device) + start, self.frames)
        if self.keep:
            self.state_at = held(self.state_at, torch.remainder(start + n, self.frames))
        out = x
        if speed != 1.0:
            out = self.mixed(joined, phase, speed)
        if before != speed:
            left = x
            if before != 1.0:
                left = self.mixed(joined, phase, before)
            out = self.glide.fade(left, out)
        return out

    def mixed(self, joined: Tensor, phase: Tensor, speed: float) -> Tensor:
        """Both grains; ``phase`` is the frame of the first that each frame of the block is at."""
        first = self.grain(joined, phase, speed)
        other = torch.remainder(phase + self.frames // 2, self.frames)
        second = self.grain(joined, other, speed)
        window = self.window.index_select(0, phase).to(joined.dtype)
        return torch.lerp(second, first, along(window, joined, self.time))

    def grain(self, joined: Tensor, phase: Tensor, speed: float) -> Tensor:
        """One grain. What it reads depends on its frame alone, not on where a block begins."""
        ago = (1.0 - speed) * phase.to(torch.float64) + max(speed - 1.0, 0.0) * self.frames
        here = torch.arange(phase.size(0), device=phase.device) + self.reach
        later = ago.floor()
        near = here - later.to(torch.int64)
        if speed == math.floor(speed):
            return frames_at(joined, near, self.time)
        far = here - ago.ceil().to(torch.int64)
        return between(joined, near, far, ago - later, self.time)


def checked_window(window: object, who: object) -> int | None:
    """Return a setting that is a window of grains, or None.

    Raises:
        BendingCallbackException: it is neither.
    """
    if window is None:
        return None
    frames = whole_number(window, "window", who, 2)
    if frames % 2:
        raise BendingCallbackException(
            f"{type(who).__name__}: window is an even number of frames, for two grains half of it "
            f"apart; got {frames}, {frames + 1} would do"
        )
    return frames


def plain_grains(x: Tensor, window: int, speed: float) -> Tensor:
    """The formula along the last dimension, as one matrix of what each frame hears of each."""
    frames = x.size(-1)
    heard = torch.arange(frames, dtype=torch.float64)
    matrix = torch.zeros(frames, frames, dtype=torch.float64)
    for t in range(frames):
        for offset in (0, window // 2):
            p = (t + offset) % window
            at = t - ((1 - speed) * p + max(0.0, speed - 1) * window)
            weight = math.sin(math.pi * p / window) ** 2
            matrix[:, t] += weight * (1 - (at - heard).abs()).clamp(min=0)
    return (x.double() @ matrix).to(x.dtype)


def windowed(settings: Mapping[str, Any]) -> bool:
    """Whether settings make grains, which do not care where a block begins."""
    return settings.get("window") is not None
