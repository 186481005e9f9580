"""Steer: a direction added to every frame."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..bending.affine import along
from ..bending.given_tensors import as_tensor, chosen_part
from ..bending.kernel import Kernel
from ..bending.numeric import Number, Numeric
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.placing import channel_dim, checked_dim, known_shape
from ..bending.tensor_file import PathLike, Tensors
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["Steer"]


class SteerKernel(Kernel):
    """``x + strength * direction``, one number of the direction a channel."""

    direction: Tensor

    def __init__(self, strength: Operand, direction: Tensor, dim: int) -> None:
        super().__init__()
        self.strength = strength
        self.dim = dim
        self.register_buffer("direction", direction)

    def forward(self, x: Tensor) -> Tensor:
        strength = float(self.strength.value)
        if strength == 0.0:
            return x
        return x + along(self.direction * strength, x, self.dim)


class Steer(Numeric):
    """Add a direction: ``x + strength * d``, ``d`` one number a channel, the same in every frame.

    :func:`tb.direction` finds one: the mean of a place's activation over one sound, less that over
    another. It is not scaled: strength 1 moves the second sound's mean to the first one's, and -1
    the other way. ``(batch, channels, frames)``, or any shape with channels; blocks of any size
    give the same. Strength 0 keeps the bits. With chosen channels of a ``Bend``, ``d`` has one
    number for each of these, or for every channel of the place.

    Steering vectors: Turner et al. 2023, "Activation addition" (arXiv 2308.10248); on sound models
    in ComfyUI-Model-Bending.
    """

    controllable_params = ("strength",)
    tensor_settings = ("direction",)
    weight_compatible = False
    neutral = MappingProxyType({"strength": 0.0})

    def __init__(
        self,
        direction: Sequence[float] | Tensor | PathLike | Tensors,
        strength: Number = 1.0,
        dim: int | None = None,
    ) -> None:
        """Make a direction to add.

        Args:
            direction: one number a channel: a list, a tensor, a safetensors file that has one.
            strength: how much of it; any number, or a control.
            dim: the channels' dimension; by default 1 (0 for values of one dimension).

        Raises:
            BendingCallbackException: a setting is none of these, or not of finite numbers; at
                placing, the place has another number of channels.
            BendingError: there is no such file.
        """
        super().__init__(strength=strength)
        self.dim = checked_dim(dim)
        self.direction = as_tensor(direction, "Steer: direction")
        values = self.direction.tensor()
        if values.dim() != 1 or values.numel() == 0:
            raise BendingCallbackException(
                "Steer: a direction has one dimension, one number a channel; got shape "
                f"{tuple(values.shape)}"
            )
        self.__dict__["_values"] = values

    def check(self, place: Place) -> None:
        """Check that the direction has a number for each channel of the place.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        self._of(place)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the addition of one place."""
        self.check(place)
        return SteerKernel(
            self.operand("strength"),
            self._of(place).to(dtype=place.dtype, copy=True),
            channel_dim(place, self.dim, self),
        )

    def _of(self, place: Place) -> Tensor:
        values: Tensor = self.__dict__["_values"]
        dim = channel_dim(place, self.dim, self)
        length = known_shape(place, self)[dim]
        fitting = values
        if values.numel() != length:
            fitting = chosen_part(values, place.part, {dim: 0})
        if fitting.numel() != length:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r} of shape {place.shape}: the direction has "
                f"{values.numel()} numbers, and it takes {length}, one for each channel of dim "
                f"{dim}. A direction is for the place that it was found at"
            )
        return fitting


def plain(x: Tensor, place: Place, *, direction: Sequence[float], strength: float) -> Tensor:
    """Channel by channel."""
    out = x.clone()
    for channel, value in enumerate(direction):
        out[:, channel] += strength * value
    return out


def prepare(place: Place, example: Mapping[str, Any]) -> Mapping[str, Any]:
    """A direction with as many numbers as the place has channels."""
    channels = (place.shape or (1, 1))[1]
    return {**example, "direction": [0.5 * math.sin(1.0 + 2 * n) for n in range(channels)]}


def _by_hand(
    place: Place, direction: Sequence[float], strength: float
) -> Callable[[Tensor], Tensor]:
    d = torch.tensor(direction).unsqueeze(-1)
    return lambda x: x + strength * d


OPERATION = Operation(
    Steer,
    family="captures",
    formula="x + strength d; d the difference of the means of two captures, one number a channel",
    source="Turner et al. 2023; ComfyUI-Model-Bending",
    plain=plain,
    examples=({"strength": 1.5}, {"strength": -0.5}),
    neutral={"strength": 0.0},
    places=("activation",),
    prepare=prepare,
    picture={"strength": 1.0},
    by_hand=_by_hand,
)
