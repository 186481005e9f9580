"""Mask and OrderedMask: silence some values and let the others through."""

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..places import Place
from .draws import RandomCallback, along_dim, by_index, fit_place, fraction, share_of
from .kernel import Kernel, place_generator
from .operand import Operand
from .operation import Operation
from .parameter import BendingParameter, BendingView
from .placing import channel_dim

__all__ = ["Mask", "OrderedMask"]


class MaskKernel(Kernel):
    """``x * (draw < prob)``."""

    homogeneous = True

    draw: Tensor

    def __init__(self, prob: Operand, draw: Tensor) -> None:
        super().__init__()
        self.prob = prob
        self.register_buffer("draw", draw)

    def forward(self, x: Tensor) -> Tensor:
        kept = self.draw < float(self.prob.value)
        return x * fit_place(kept, x).to(x.dtype)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        torch.lt(self.draw, float(self.prob.value), out=out).mul_(x)


class ChannelMaskKernel(Kernel):
    """``x * (draw < prob)``, one draw for each index of a dimension."""

    homogeneous = True

    draw: Tensor

    def __init__(self, prob: Operand, draw: Tensor, dim: int) -> None:
        super().__init__()
        self.prob = prob
        self.dim = dim
        self.register_buffer("draw", draw)

    def forward(self, x: Tensor) -> Tensor:
        kept = self.draw < float(self.prob.value)
        return x * along_dim(kept, x, self.dim).to(x.dtype)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        kept = self.draw < float(self.prob.value)
        torch.mul(x, along_dim(kept, x, self.dim).to(x.dtype), out=out)


class OrderedMaskKernel(Kernel):
    """``x * (rank < floor(prob * n))``, n the number of elements.

    ``item`` ranks the first batch item alone: it serves another batch size than traced.
    """

    homogeneous = True

    rank: Tensor
    item: Tensor

    def __init__(self, prob: Operand, rank: Tensor) -> None:
        super().__init__()
        self.prob = prob
        self.register_buffer("rank", rank)
        item = rank
        if rank.dim() > 1 and rank.size(0) > 1:
            first = rank[:1].flatten()
            item = torch.argsort(torch.argsort(first)).to(rank.dtype).reshape(rank[:1].shape)
        self.register_buffer("item", item)

    def forward(self, x: Tensor) -> Tensor:
        rank = self.rank
        if rank.shape != x.shape:
            rank = self.item
        kept = rank < share_of(float(self.prob.value), rank.numel())
        return x * fit_place(kept, x).to(x.dtype)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        count = share_of(float(self.prob.value), self.rank.numel())
        torch.lt(self.rank, count, out=out).mul_(x)


class OrderedChannelMaskKernel(Kernel):
    """``x * (rank < floor(prob * n))``, n the length of a dimension as traced."""

    homogeneous = True

    rank: Tensor

    def __init__(self, prob: Operand, rank: Tensor, dim: int) -> None:
        super().__init__()
        self.prob = prob
        self.dim = dim
        self.register_buffer("rank", rank)

    def forward(self, x: Tensor) -> Tensor:
        kept = self.rank < share_of(float(self.prob.value), self.rank.numel())
        return x * along_dim(kept, x, self.dim).to(x.dtype)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        kept = self.rank < share_of(float(self.prob.value), self.rank.numel())
        torch.mul(x, along_dim(kept, x, self.dim).to(x.dtype), out=out)


class Mask(RandomCallback):
    """Silence a random part: ``x * m``, ``m = (u < prob)``, ``u`` uniform in [0, 1).

    ``u`` is drawn once a place, of the place's shape, or one for each index of ``dim``. So
    moving ``prob`` up only ever adds places. 1 leaves ``x`` as it is, 0 silences it. ``m``
    has the dtype of ``x``.

    On an activation of another batch size (dim 0) than traced, the first item's draw serves
    all; with ``dim``, another length repeats the draws. Any other shape is torch's error.
    """

    controllable_params = ("prob",)
    neutral = MappingProxyType({"prob": 1.0})

    def __init__(
        self,
        prob: float | BendingParameter | BendingView = 1.0,
        seed: int | None = None,
        dim: int | None = None,
    ) -> None:
        """Make a mask.

        Args:
            prob: the probability of being let through, 0 to 1.
            seed: of the draw; None draws one, kept in ``seed``.
            dim: draw for the indices of this dimension only.

        Raises:
            BendingCallbackException: ``prob`` is no such number; at placing, the place has
                no dimension ``dim``.
        """
        super().__init__(seed, dim, prob=prob)
        fraction(self, "prob")

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the mask of one place."""
        self.check(place)
        draw = torch.rand(
            self._draw_shape(place),
            generator=self._generator(place),
            dtype=torch.float32,
            device="cpu",
        )
        draw = draw if value is None else draw.to(value.device)
        if self.dim is None:
            return MaskKernel(self.operand("prob"), draw)
        return ChannelMaskKernel(self.operand("prob"), draw, channel_dim(place, self.dim, self))


class OrderedMask(RandomCallback):
    """Silence a part in a fixed random order: ``x * m``, ``m = (rank < floor(prob * n))``.

    ``rank`` is a random permutation of the n places, drawn once: moving ``prob`` adds or
    removes places one by one. Shapes and ``dim`` as for ``Mask``; n is then counted in one
    batch item, or in ``dim`` as traced.
    """

    controllable_params = ("prob",)
    neutral = MappingProxyType({"prob": 1.0})

    def __init__(
        self,
        prob: float | BendingParameter | BendingView = 1.0,
        seed: int | None = None,
        dim: int | None = None,
    ) -> None:
        """Make an ordered mask.

        Args:
            prob: the part that is let through, 0 to 1.
            seed: of the order; None draws one, kept in ``seed``.
            dim: order the indices of this dimension only.

        Raises:
            BendingCallbackException: ``prob`` is no such number; at placing, the place has
                no dimension ``dim``.
        """
        super().__init__(seed, dim, prob=prob)
        fraction(self, "prob")

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the order of one place."""
        self.check(place)
        shape = self._draw_shape(place)
        rank = torch.randperm(
            math.prod(shape), generator=self._generator(place), dtype=torch.int32, device="cpu"
        ).reshape(shape)
        rank = rank if value is None else rank.to(value.device)
        if self.dim is None:
            return OrderedMaskKernel(self.operand("prob"), rank)
        dim = channel_dim(place, self.dim, self)
        return OrderedChannelMaskKernel(self.operand("prob"), rank, dim)


def _drawn(x: Tensor, place: Place, seed: int, dim: int | None) -> Tensor:
    generator = place_generator(seed, place.key)
    if dim is None:
        return torch.rand(x.shape, generator=generator)
    shape = [1] * x.dim()
    shape[dim] = x.size(dim)
    return torch.rand(x.size(dim), generator=generator).reshape(shape)


def plain_mask(
    x: Tensor, place: Place, *, prob: float, seed: int, dim: int | None = None
) -> Tensor:
    """``x`` where a draw is below ``prob``, else 0."""
    return torch.where(_drawn(x, place, seed, dim) < prob, x, torch.zeros_like(x))


def plain_ordered_mask(
    x: Tensor, place: Place, *, prob: float, seed: int, dim: int | None = None
) -> Tensor:
    """``x`` at the first places of a random order, else 0."""
    n = x.numel() if dim is None else x.size(dim)
    order = torch.randperm(n, generator=place_generator(seed, place.key))
    kept = torch.zeros(n, dtype=torch.bool)
    kept[torch.argsort(order)[: math.floor(prob * n)]] = True
    shape = list(x.shape) if dim is None else [n if d == dim else 1 for d in range(x.dim())]
    return torch.where(kept.reshape(shape), x, torch.zeros_like(x))


def _mask_by_hand(place: Place, prob: float, seed: int, dim: int) -> Callable[[Tensor], Tensor]:
    """By a mask made before."""
    shape = place.shape or ()
    kept = (torch.rand([n if d == dim else 1 for d, n in enumerate(shape)]) < prob).float()
    return lambda x: x * kept


OPERATIONS = (
    Operation(
        Mask,
        family="silence",
        formula="x where u < prob, else 0; u uniform in [0, 1), drawn once a place",
        source="Broad et al. 2020",
        plain=plain_mask,
        examples=({"prob": 0.5, "seed": 3, "dim": 1}, {"prob": 0.5, "seed": 3}),
        neutral={"prob": 1.0},
        streams=by_index,
        by_hand=_mask_by_hand,
    ),
    Operation(
        OrderedMask,
        family="silence",
        formula="x where rank < floor(prob n), else 0; rank a random order, drawn once a place",
        source="Broad et al. 2020",
        plain=plain_ordered_mask,
        examples=({"prob": 0.5, "seed": 3, "dim": 1}, {"prob": 0.5, "seed": 3}),
        neutral={"prob": 1.0},
        streams=by_index,
        by_hand=_mask_by_hand,
    ),
)
