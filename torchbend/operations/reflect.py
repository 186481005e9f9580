"""Reflect: the channels mirrored at a random direction."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..bending.affine import along
from ..bending.kernel import Kernel, place_generator
from ..bending.mixing import ChannelMixing
from ..bending.operation import Operation
from ..bending.placing import checked_seed
from ..places import Place

__all__ = ["Reflect"]


class ReflectKernel(Kernel):
    """``x - 2 v (v . x) / (v . v)``."""

    homogeneous = True

    direction: Tensor

    def __init__(self, direction: Tensor, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("direction", direction)

    def forward(self, x: Tensor) -> Tensor:
        v = along(self.direction, x, self.dim)
        # by the length that it has in the dtype of x, so that the norm is kept there
        share = (x * v).sum([self.dim], keepdim=True) * (-2.0 / (v * v).sum())
        return torch.addcmul(x, v, share)


class Reflect(ChannelMixing):
    """Mirror the channels: ``y = x - 2 v (v . x)``, v a random direction of length 1.

    A Householder reflection: what points along ``v`` is turned round, all across stays. ``v`` is
    drawn once a place, one number a channel. The norm over the channels is kept, and twice is
    ``x`` again. ``(batch, channels, frames)`` or any shape; each frame by itself. It has no
    neutral setting; half an ``amount`` removes the direction. After Dzwonczyk et al. 2024.
    """

    def __init__(self, seed: int | None = None, dim: int | None = None) -> None:
        """Make a reflection.

        Args:
            seed: of the direction; None draws one, kept in ``seed``.
            dim: the channels; by default 0 for weights, 1 for activations.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                dimension ``dim``, or a single channel.
        """
        super().__init__(dim)
        self.seed = checked_seed(seed)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the direction of one place."""
        self.check(place)
        dim, channels = self._channels(place)
        drawn = torch.randn(
            channels,
            generator=place_generator(self.seed, place.key),
            dtype=torch.float64,
            device="cpu",
        )
        direction = (drawn / drawn.norm()).to(place.dtype or torch.float32)
        return ReflectKernel(direction if value is None else direction.to(value.device), dim)


def plain(x: Tensor, place: Place, *, seed: int) -> Tensor:
    """By the matrix ``1 - 2 v v'``."""
    dim = 1 if place.kind == "activation" else 0
    drawn = torch.randn(
        x.size(dim), generator=place_generator(seed, place.key), dtype=torch.float64
    )
    matrix = torch.eye(x.size(dim)).double() - 2 * torch.outer(drawn, drawn) / drawn.dot(drawn)
    return (matrix @ x.double().movedim(dim, -2)).movedim(-2, dim).to(x.dtype)


def _by_hand(place: Place, seed: int) -> Callable[[Tensor], Tensor]:
    """By a direction made before."""
    dim = 1 if place.kind == "activation" else 0
    drawn = torch.ones((place.shape or ())[dim])
    v = (drawn / drawn.norm()).reshape(-1, *[1] * (2 - dim))
    return lambda x: x - 2 * v * (v * x).sum(dim, keepdim=True)


OPERATION = Operation(
    Reflect,
    family="channels",
    formula="y = x - 2 v (v . x); v a random direction of length 1, drawn once a place",
    source="Householder 1958; after Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"seed": 3},),
    by_hand=_by_hand,
    pictured_at="imagine_notes$",
)
