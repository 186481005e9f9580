"""Permute: the same channels in another order."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..places import Place
from .callback import BendingCallback
from .kernel import Kernel, place_generator
from .operation import Operation
from .placing import channel_dim, checked_dim, checked_seed, known_shape

__all__ = ["Permute", "fit_permutation"]


def fit_permutation(permutation: Tensor, length: int) -> Tensor:
    """Fit a permutation to another length.

    A shorter one keeps the entries below ``length``, in their order; a longer one repeats
    the permutation block after block and keeps the entries below ``length``.
    """
    size = permutation.size(0)
    if size == length:
        return permutation
    if length > size:
        blocks = torch.arange((length + size - 1) // size, device=permutation.device)
        permutation = (blocks.unsqueeze(1) * size + permutation).flatten()
    return permutation[permutation < length]


class PermuteKernel(Kernel):
    """``x`` with the indices of one dimension permuted."""

    homogeneous = True

    permutation: Tensor

    def __init__(self, permutation: Tensor, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("permutation", permutation)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(self.dim, fit_permutation(self.permutation, x.size(self.dim)))

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        order = fit_permutation(self.permutation, x.size(self.dim))
        torch.index_select(x, self.dim, order, out=out)


class Permute(BendingCallback):
    """Reorder a dimension by a fixed random permutation: ``out[i] = x[perm[i]]``.

    The permutation is drawn once a place, for its length there; each place has its own.
    Another length at run time keeps the entries that exist, in their order, and repeats the
    permutation block after block where ``x`` is longer.
    """

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True

    def __init__(self, dim: int | None = None, seed: int | None = None) -> None:
        """Make a permutation.

        Args:
            dim: what is reordered; by default 0 for weights, 1 for activations (0 for those
                of one dimension).
            seed: of the permutation; None draws one, kept in ``seed``.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has
                no dimension ``dim``.
        """
        super().__init__()
        self.dim = checked_dim(dim)
        self.seed = checked_seed(seed)

    def check(self, place: Place) -> None:
        """Check that the place has the dimension.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        channel_dim(place, self.dim, self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the permutation of one place."""
        self.check(place)
        dim = channel_dim(place, self.dim, self)
        permutation = torch.randperm(
            known_shape(place, self)[dim],
            generator=place_generator(self.seed, place.key),
            device="cpu",
        )
        permutation = permutation if value is None else permutation.to(value.device)
        return PermuteKernel(permutation, dim)


def plain(x: Tensor, place: Place, *, seed: int) -> Tensor:
    """The channels in a random order."""
    dim = 1 if place.kind == "activation" else 0
    order = torch.randperm(x.size(dim), generator=place_generator(seed, place.key))
    return torch.stack([x.select(dim, int(i)) for i in order], dim)


def _by_hand(place: Place, seed: int) -> Callable[[Tensor], Tensor]:
    """By an order made before."""
    dim = 1 if place.kind == "activation" else 0
    order = torch.arange((place.shape or ())[dim]).flip(0)
    return lambda x: x.index_select(dim, order)


OPERATION = Operation(
    Permute,
    family="channels",
    formula="y[i] = x[p(i)]; p a random permutation, drawn once a place",
    source="Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"seed": 3},),
    by_hand=_by_hand,
)
