"""Damage: some of a weight's elements become noise."""

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.draws import share_of
from ..bending.kernel import Kernel, place_generator
from ..bending.numeric import Number, Numeric
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.placing import checked_seed, known_shape
from ..places import Place

__all__ = ["Damage"]


class DamageKernel(Kernel):
    """``noise`` where ``rank < floor(share * n)``, else ``x``."""

    noise: Tensor
    rank: Tensor

    def __init__(self, share: Operand, noise: Tensor, rank: Tensor) -> None:
        super().__init__()
        self.share = share
        self.register_buffer("noise", noise)
        self.register_buffer("rank", rank)

    def forward(self, x: Tensor) -> Tensor:
        count = share_of(float(self.share.value), self.rank.numel())
        if count == 0:
            return x
        return torch.lerp(x, self.noise.to(x.dtype), (self.rank < count).to(x.dtype))

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        count = share_of(float(self.share.value), self.rank.numel())
        if count == 0:
            out.copy_(x)
        else:
            # 1 or 0, then what it says: faster than torch.where with its mask of bools
            torch.lt(self.rank, count, out=out)
            torch.lerp(x, self.noise.to(x.dtype), out, out=out)


class Damage(Numeric):
    """Replace a share of a weight's elements by noise.

    ``y = n where rank < floor(share * N), else x``: n is Gaussian noise of the mean and the
    standard deviation that the weight has, ``rank`` a random order of its N elements, both drawn
    once a place. So moving ``share`` adds or takes back elements one by one; 0 leaves the weight
    as it is, 1 is a layer that never learned. Weights of any shape; no frames. After
    nn_tilde_bending (Kotowski). The noise and the order take the room of the weight twice.
    """

    controllable_params = ("share",)
    neutral = MappingProxyType({"share": 0.0})
    limits = MappingProxyType({"share": (0.0, 1.0)})
    activation_compatible = False

    def __init__(self, share: Number = 0.1, seed: int | None = None) -> None:
        """Make damage.

        Args:
            share: how much of the weight is replaced, 0 to 1.
            seed: of noise and order; None draws one, kept in ``seed``.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place is no
                weight of real numbers.
        """
        super().__init__(share=share)
        self.seed = checked_seed(seed)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the noise and the order of one weight."""
        self.check(place)
        shape = known_shape(place, self)
        weight = torch.zeros(shape) if value is None else value.detach()
        generator = place_generator(self.seed, place.key)
        rank = torch.randperm(
            math.prod(shape), generator=generator, dtype=torch.int32, device="cpu"
        ).reshape(shape)
        drawn = torch.randn(shape, generator=generator, device="cpu").to(weight.device)
        own = weight.to(torch.float32)
        noise = own.mean() + own.std(correction=0) * drawn
        return DamageKernel(self.operand("share"), noise.to(weight.dtype), rank.to(weight.device))


def plain(x: Tensor, place: Place, *, share: float, seed: int) -> Tensor:
    """Element by element, in the order of their ranks."""
    generator = place_generator(seed, place.key)
    order = torch.argsort(torch.randperm(x.numel(), generator=generator))
    mean = x.sum() / x.numel()
    deviation = ((x - mean) ** 2).sum().div(x.numel()).sqrt()
    noise = torch.randn(x.shape, generator=generator).flatten()
    out = x.flatten().clone()
    for i in order[: math.floor(share * x.numel())].tolist():
        out[i] = mean + deviation * noise[i]
    return out.reshape(x.shape)


def _by_hand(place: Place, share: float, seed: int) -> Callable[[Tensor], Tensor]:
    """With noise and places drawn before."""
    noise, hit = torch.randn(place.shape or ()), torch.rand(place.shape or ()) < share
    return lambda x: torch.where(hit, noise, x)


OPERATION = Operation(
    Damage,
    family="weights",
    formula="n where rank < floor(share N), else x; n noise of the weight's mean and deviation",
    source="nn_tilde_bending (Kotowski); active divergence (Broad et al. 2021)",
    plain=plain,
    examples=({"share": 0.3, "seed": 3}, {"share": 1.0, "seed": 4}),
    neutral={"share": 0.0},
    places=("weight",),
    picture={"share": 0.05, "seed": 3},
    by_hand=_by_hand,
)
