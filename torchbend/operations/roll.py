"""Roll: each block turned round in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.timewise import Timewise
from ..places import Place

__all__ = ["Roll"]

# Far beyond any block, and within what an integer holds.
MOST = 1_000_000_000


class RollKernel(Kernel):
    """``x`` shifted along time, what leaves at one end coming in at the other."""

    homogeneous = True

    def __init__(self, shift: Operand, time: int) -> None:
        super().__init__()
        self.shift = shift
        self.time = time

    def forward(self, x: Tensor) -> Tensor:
        shift = min(max(float(self.shift.value), -1e9), 1e9)
        return torch.roll(x, [int(math.floor(shift + 0.5))], [self.time])


class Roll(Timewise):
    """Rotate each block in time: ``y[t] = x[(t - shift) mod n]``, n the frames of the block.

    ``(batch, channels, frames)`` or any shape with a dimension of time. It works on each block
    by itself, without a state: the end of a block is heard at its beginning, another block size
    sounds otherwise, and where blocks meet there may be a jump. No delay is brought beyond the
    block. Of a weight, along its last dimension. 0 and n leave ``x`` as it is. Rotation of Broad
    et al. 2020, along time; numpy's ``roll``. What flows over into the next block is ``Delay``.
    """

    controllable_params = ("shift",)
    neutral = MappingProxyType({"shift": 0.0})
    limits = MappingProxyType({"shift": (-MOST, MOST)})

    def __init__(self, shift: Number = 1, time: int | None = None) -> None:
        """Make a rotation in time.

        Args:
            shift: frames later, to the nearest whole one; negative for earlier.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(time, shift=shift)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the rotation of one place."""
        self.check(place)
        return RollKernel(self.operand("shift"), self.frames_dim(place))


def plain(x: Tensor, place: Place, *, shift: int) -> Tensor:
    """Frame by frame, by its number."""
    frames = x.size(-1)
    return torch.stack([x[..., (t - shift) % frames] for t in range(frames)], -1)


def _by_hand(place: Place, shift: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.roll(shift, -1)


OPERATION = Operation(
    Roll,
    family="time",
    formula="y[t] = x[(t - shift) mod n], n the frames of the block",
    source="Broad et al. 2020",
    plain=plain,
    examples=({"shift": 3}, {"shift": -10}),
    neutral={"shift": 0},
    streams=False,
    picture={"shift": 24},
    by_hand=_by_hand,
)
