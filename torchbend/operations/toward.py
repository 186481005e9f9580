"""Toward: activations on the way to recorded ones."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..bending.given_tensors import as_tensor, chosen_part
from ..bending.glide import Glide
from ..bending.kernel import Kernel, place_generator
from ..bending.numeric import Number, Numeric
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.placing import channel_dim, checked_dim, known_shape, time_dim
from ..bending.tensor_file import PathLike, Tensors
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["Toward"]


class TowardKernel(Kernel):
    """``x + mix * (capture - x)``, the capture in a loop that goes on from block to block."""

    glides = True

    capture: Tensor
    state_position: Tensor

    def __init__(self, mix: Operand, capture: Tensor, time: int) -> None:
        super().__init__()
        self.mix = mix
        self.time = time
        # frames first: they are read one by one
        self.register_buffer("capture", capture.movedim(time, 0).contiguous())
        self.register_buffer("state_position", torch.zeros(1, dtype=torch.int64))
        self.glide = Glide()

    def glide_along(self, time: int) -> None:
        self.glide.along = time

    def forward(self, x: Tensor) -> Tensor:
        now = min(max(float(self.mix.value), 0.0), 1.0)
        before: float = self.glide(now)
        frames = x.size(self.time)
        length = self.capture.size(0)
        at = torch.remainder(self.state_position + torch.arange(frames, device=x.device), length)
        # written in place, for those who hold the buffer (a CUDA graph)
        self.state_position.copy_(torch.remainder(self.state_position + frames, length))
        if now == 0.0 and before == 0.0:
            return x
        there = self.capture.index_select(0, at).movedim(0, self.time).to(x.dtype)
        out = torch.lerp(x, there, now)
        if now == before:
            return out
        return self.glide.fade(torch.lerp(x, there, before), out)


class Toward(Numeric):
    """Go toward a capture: ``x[t] + mix * (capture[(p + t) mod n] - x[t])``.

    The capture, ``(channels, frames)`` of n frames, is what passed a place once
    (``get_activations``, or ``tb.Capture``). It plays in a loop, the same for each item of a
    batch; p counts the frames that have passed, whatever the mix, so that blocks of any size give
    what the whole sound gives. Mix 0 keeps the bits, 1 plays the capture alone. A capture of
    another place, or of another model, is taken if it has as many channels. With chosen channels
    of a ``Bend``, it has these, or all of the place.

    A capture with a dimension more, as captures have it, holds several recordings: they play one
    after the other. Interpolation of activations: ComfyUI-Model-Bending.
    """

    controllable_params = ("mix",)
    tensor_settings = ("capture",)
    weight_compatible = False
    limits = MappingProxyType({"mix": (0.0, 1.0)})
    neutral = MappingProxyType({"mix": 0.0})

    def __init__(
        self,
        capture: Tensor | PathLike | Tensors,
        mix: Number = 1.0,
        dim: int | None = None,
        time: int | None = None,
    ) -> None:
        """Make a capture to go toward.

        Args:
            capture: a tensor, or a safetensors file that has one: an activation with or without
                its batch.
            mix: 0 to 1, or a control.
            dim: the channels' dimension at the place; by default 1.
            time: the dimension of frames at the place; by default the last one that is not the
                channels'.

        Raises:
            BendingCallbackException: a setting is none of these, or not of finite numbers; at
                placing, the capture does not fit, or the place has no frames that follow each
                other.
            BendingError: there is no such file.
        """
        super().__init__(mix=mix)
        self.dim = checked_dim(dim)
        self.time = checked_dim(time)
        self.capture = as_tensor(capture, "Toward: capture")
        self.__dict__["_values"] = self.capture.tensor()

    def check(self, place: Place) -> None:
        """Check that the capture fits the place.

        Raises:
            BendingCallbackException: it does not.
        """
        super().check(place)
        self._of(place)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the loop of one place."""
        self.check(place)
        capture, time = self._of(place)
        return TowardKernel(self.operand("mix"), capture.to(dtype=place.dtype, copy=True), time)

    def _of(self, place: Place) -> tuple[Tensor, int]:
        """The capture as the place has its dimensions, a batch of one, and that of time."""
        values: Tensor = self.__dict__["_values"]
        shape = known_shape(place, self)
        channels = channel_dim(place, self.dim, self)
        time = time_dim(place, self.time, self, channels)
        whole = values
        if 0 not in (channels, time):  # the place has a batch
            if whole.dim() == len(shape) - 1:
                whole = whole.unsqueeze(0)
            elif whole.dim() == len(shape):
                whole = torch.cat(torch.split(whole, 1), time)
        wanted = [1 if d == 0 and d not in (channels, time) else n for d, n in enumerate(shape)]
        fitting = whole
        if whole.dim() == len(shape) and whole.size(channels) != shape[channels]:
            fitting = chosen_part(whole, place.part, {channels: channels})
        found = list(fitting.shape)
        if len(found) == len(wanted):
            wanted[time] = found[time]
        if found != wanted or not fitting.numel():
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r} of shape {shape}: the capture has shape "
                f"{tuple(values.shape)}, and it takes {shape[channels]} channels (dim {channels}) "
                f"and one frame or more (dim {time}), with or without a batch"
            )
        return fitting, time


def plain(x: Tensor, place: Place, *, capture: Tensor, mix: float) -> Tensor:
    """Frame by frame."""
    frames = [
        (1 - mix) * x[..., t] + mix * capture[:, t % capture.size(1)] for t in range(x.size(-1))
    ]
    return torch.stack(frames, -1)


def prepare(place: Place, example: Mapping[str, Any]) -> Mapping[str, Any]:
    """A capture of some frames, with as many channels as the place."""
    channels = (place.shape or (1, 1))[1]
    drawn = torch.randn(channels, 20, generator=place_generator(7, place.key))
    return {**example, "capture": drawn}


def _by_hand(place: Place, capture: Tensor, mix: float) -> Callable[[Tensor], Tensor]:
    """Toward as many frames as there are, cut before."""
    frames = (place.shape or ())[-1]
    looped = capture.repeat(1, frames // capture.size(-1) + 1)[:, :frames]
    return lambda x: torch.lerp(x, looped, mix)


OPERATION = Operation(
    Toward,
    family="captures",
    formula="x[t] + mix (capture[(p + t) mod n] - x[t]); p the frames that have passed",
    source="ComfyUI-Model-Bending",
    plain=plain,
    examples=({"mix": 0.5}, {"mix": 1.0}),
    neutral={"mix": 0.0},
    places=("activation",),
    prepare=prepare,
    by_hand=_by_hand,
)
