"""RollChannels: each channel takes the place of the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.kernel import Kernel
from ..bending.mixing import ChannelMixing
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..places import Place

__all__ = ["RollChannels"]

MOST = 1e6  # channels; a position is still exact to a fraction there


class RollChannelsKernel(Kernel):
    """``y[c] = x[c - shift]``, circular; between two whole positions the line between both."""

    homogeneous = True

    def __init__(self, shift: Operand, dim: int) -> None:
        super().__init__()
        self.shift = shift
        self.dim = dim
        self.most = MOST

    def forward(self, x: Tensor) -> Tensor:
        shift = min(max(float(self.shift.value), -self.most), self.most)
        whole = math.floor(shift)
        part = shift - float(whole)
        whole = whole % x.size(self.dim)
        if whole == 0 and part == 0.0:
            return x
        rolled = torch.roll(x, [whole], [self.dim])
        if part == 0.0:
            return rolled
        return torch.lerp(rolled, torch.roll(rolled, [1], [self.dim]), part)


class RollChannels(ChannelMixing):
    """Shift the channels in a circle: ``y[c] = x[(c - shift) mod C]``, C channels.

    With ``shift = n + f``, n whole and f from 0 to 1, it is
    ``(1 - f) x[(c - n) mod C] + f x[(c - n - 1) mod C]``: a knob moves smoothly from one
    position to the next. At whole positions the norm over the channels is kept, between them it
    is not greater. ``(batch, channels, frames)`` or any shape; each frame by itself. 0 leaves
    ``x`` as it is. A mixing of channels as of Dzwonczyk et al. 2024.
    """

    controllable_params = ("shift",)
    neutral = MappingProxyType({"shift": 0.0})
    limits = MappingProxyType({"shift": (-MOST, MOST)})

    def __init__(self, shift: Number = 1.0, dim: int | None = None) -> None:
        """Make a shift.

        Args:
            shift: by how many channels; negative ones go down.
            dim: the channels; by default 0 for weights, 1 for activations.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                dimension ``dim``, or a single channel.
        """
        super().__init__(dim, shift=shift)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the shift of one place."""
        self.check(place)
        return RollChannelsKernel(self.operand("shift"), self._channels(place)[0])


def plain(x: Tensor, place: Place, *, shift: float) -> Tensor:
    """Channel by channel, between the two that it comes from."""
    dim = 1 if place.kind == "activation" else 0
    channels = x.size(dim)
    made = []
    for c in range(channels):
        position = (c - shift) % channels
        below = int(position)
        above = (below + 1) % channels
        part = position - below
        made.append(x.select(dim, below) * (1 - part) + x.select(dim, above) * part)
    return torch.stack(made, dim)


def _by_hand(place: Place, shift: float) -> Callable[[Tensor], Tensor]:
    return lambda x: x.roll(int(shift), 1 if place.kind == "activation" else 0)


OPERATION = Operation(
    RollChannels,
    family="channels",
    formula="y[c] = x[(c - shift) mod C]; between whole shifts linear",
    source="after Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"shift": 2}, {"shift": -1.75}, {"shift": 7.5}),
    neutral={"shift": 0.0},
    picture={"shift": 7},
    by_hand=_by_hand,
)
