"""Orthogonal: the channels turned by a random rotation of all of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..bending.kernel import Kernel, place_generator
from ..bending.mixing import ChannelMixing, channels_between
from ..bending.operation import Operation
from ..bending.placing import checked_seed
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["Orthogonal"]

MOST = 4096  # channels: a matrix of 64 MiB


class OrthogonalKernel(Kernel):
    """``Q x`` over one dimension."""

    homogeneous = True

    matrix: Tensor

    def __init__(self, matrix: Tensor, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.matrix.to(x.dtype)
        whole = channels_between(x, self.dim)
        if whole.size(2) == 1:  # channels last: one product, not one for each item
            mixed = torch.matmul(whole.squeeze(2), matrix.t())
        else:
            mixed = torch.matmul(matrix, whole)
        return mixed.reshape(x.size())


class Orthogonal(ChannelMixing):
    """Mix all channels: ``y = Q x``, Q a random orthogonal matrix.

    Q is drawn once a place, uniform over all rotations and reflections (Haar): the Q of the QR
    decomposition of a Gaussian matrix, with the signs that make the diagonal of R positive. The
    norm over the channels is kept. ``(batch, channels, frames)`` or any shape; each frame by
    itself. It has no neutral setting. After Dzwonczyk et al. 2024; signs after Mezzadri 2007.
    """

    def __init__(self, seed: int | None = None, dim: int | None = None) -> None:
        """Make a mixer.

        Args:
            seed: of the matrix; None draws one, kept in ``seed``.
            dim: the channels; by default 0 for weights, 1 for activations.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                dimension ``dim``, a single channel, or more than 4096.
        """
        super().__init__(dim)
        self.seed = checked_seed(seed)

    def check(self, place: Place) -> None:
        """Check that the place has channels to mix, and no more than a matrix may have.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        dim, channels = self._channels(place)
        if channels > MOST:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r} of shape {place.shape}: dim {dim} has "
                f"{channels} channels, and its matrix serves up to {MOST}. "
                "Reflect, Rotate and Hadamard serve any number"
            )

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the matrix of one place."""
        self.check(place)
        dim, channels = self._channels(place)
        drawn = torch.randn(
            channels,
            channels,
            generator=place_generator(self.seed, place.key),
            dtype=torch.float64,
            device="cpu",
        )
        q, r = torch.linalg.qr(drawn)
        matrix = (q * r.diagonal().sign()).to(place.dtype or torch.float32)
        return OrthogonalKernel(matrix if value is None else matrix.to(value.device), dim)


def plain(x: Tensor, place: Place, *, seed: int) -> Tensor:
    """By a matrix whose columns are made orthogonal one after the other (Gram-Schmidt)."""
    dim = 1 if place.kind == "activation" else 0
    n = x.size(dim)
    drawn = torch.randn(n, n, generator=place_generator(seed, place.key), dtype=torch.float64)
    columns: list[Tensor] = []
    for column in drawn.unbind(1):
        for other in columns:
            column = column - other * other.dot(column)
        columns.append(column / column.norm())
    matrix = torch.stack(columns, 1)
    return (matrix @ x.double().movedim(dim, -2)).movedim(-2, dim).to(x.dtype)


def _by_hand(place: Place, seed: int) -> Callable[[Tensor], Tensor]:
    """A product with a matrix made before."""
    n = (place.shape or ())[1 if place.kind == "activation" else 0]
    matrix = torch.linalg.qr(torch.randn(n, n))[0]
    if place.kind == "activation":
        return lambda x: matrix @ x
    return lambda x: (matrix @ x.flatten(1)).view_as(x)


OPERATION = Operation(
    Orthogonal,
    family="channels",
    formula="y = Q x; Q a random orthogonal matrix, drawn once a place",
    source="after Dzwonczyk et al. 2024",
    plain=plain,
    examples=({"seed": 3},),
    by_hand=_by_hand,
)
