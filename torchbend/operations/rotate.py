"""Rotate: pairs of channels turned by an angle."""

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.affine import along
from ..bending.kernel import Kernel, place_generator
from ..bending.mixing import ChannelMixing
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.placing import checked_seed
from ..places import Place

__all__ = ["Rotate"]

MOST = 1e6  # radians; a float64 has it to a billionth


class RotateKernel(Kernel):
    """``x cos + x[partner] sign sin``; a channel whose sign is 0 has no partner."""

    homogeneous = True

    partner: Tensor
    sign: Tensor

    def __init__(self, angle: Operand, partner: Tensor, sign: Tensor, dim: int) -> None:
        super().__init__()
        self.angle = angle
        self.dim = dim
        self.most = MOST
        self.register_buffer("partner", partner)
        self.register_buffer("sign", sign)

    def radians(self) -> float:
        return min(max(float(self.angle.value), -self.most), self.most)

    def turn(self, others: Tensor, x: Tensor, angle: float) -> Tensor:
        """Turn ``x`` and its partners by an angle; written into these."""
        sign = along(self.sign, x, self.dim)
        paired = sign.abs()
        gain = (1.0 - paired) + paired * math.cos(angle)
        return others.mul_(sign * math.sin(angle)).addcmul_(x, gain)

    def forward(self, x: Tensor) -> Tensor:
        angle = self.radians()
        if angle == 0.0:
            return x
        return self.turn(x.index_select(self.dim, self.partner), x, angle)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        angle = self.radians()
        if angle == 0.0:
            out.copy_(x)
        else:
            torch.index_select(x, self.dim, self.partner, out=out)
            self.turn(out, x, angle)


class Rotate(ChannelMixing):
    """Turn pairs of channels by an angle.

    The channels are paired at random, once a place. Of each pair (a, b)
    ``y[a] = x[a] cos - x[b] sin``, ``y[b] = x[a] sin + x[b] cos``; of an odd number of channels
    one stays. The norm over the channels is kept. ``(batch, channels, frames)`` or any shape;
    each frame by itself. 0 leaves ``x`` as it is. Dzwonczyk et al. 2024.
    """

    controllable_params = ("angle",)
    neutral = MappingProxyType({"angle": 0.0})
    limits = MappingProxyType({"angle": (-MOST, MOST)})

    def __init__(
        self, angle: Number = math.pi / 2, seed: int | None = None, dim: int | None = None
    ) -> None:
        """Make a rotation.

        Args:
            angle: in radians.
            seed: of the pairs; None draws one, kept in ``seed``.
            dim: the channels; by default 0 for weights, 1 for activations.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                dimension ``dim``, or a single channel.
        """
        super().__init__(dim, angle=angle)
        self.seed = checked_seed(seed)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the pairs of one place."""
        self.check(place)
        dim, channels = self._channels(place)
        order = torch.randperm(
            channels, generator=place_generator(self.seed, place.key), device="cpu"
        )
        first, second = order[: channels // 2 * 2].reshape(-1, 2).unbind(1)
        partner, sign = torch.arange(channels), torch.zeros(channels)
        partner[first], partner[second] = second, first
        sign[first], sign[second] = -1.0, 1.0
        if value is not None:
            partner, sign = partner.to(value.device), sign.to(value.device)
        return RotateKernel(self.operand("angle"), partner, sign, dim)


def plain(x: Tensor, place: Place, *, angle: float, seed: int) -> Tensor:
    """Each pair as the real and imaginary part of complex numbers, times ``exp(i angle)``."""
    dim = 1 if place.kind == "activation" else 0
    order = torch.randperm(x.size(dim), generator=place_generator(seed, place.key)).tolist()
    out = x.clone()
    for a, b in zip(order[::2], order[1::2], strict=False):  # the odd one is in no pair
        pair = torch.complex(x.select(dim, a), x.select(dim, b))
        turned = pair * torch.exp(torch.tensor(1j * angle))
        out.select(dim, a).copy_(turned.real)
        out.select(dim, b).copy_(turned.imag)
    return out


def _by_hand(place: Place, angle: float, seed: int) -> Callable[[Tensor], Tensor]:
    """By partners known before."""
    dim = 1 if place.kind == "activation" else 0
    partner = torch.arange((place.shape or ())[dim]).flip(0)
    sine = math.sin(angle) * torch.ones(len(partner)).reshape(-1, *[1] * (2 - dim))
    return lambda x: x * math.cos(angle) + x.index_select(dim, partner) * sine


OPERATION = Operation(
    Rotate,
    family="channels",
    formula="y[a] = x[a] cos - x[b] sin, y[b] = x[a] sin + x[b] cos; pairs (a, b) at random",
    source="Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"angle": 1.0, "seed": 3}, {"angle": -math.pi / 2, "seed": 4}),
    neutral={"angle": 0.0},
    by_hand=_by_hand,
)
