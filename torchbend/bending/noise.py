"""Normal: add or multiply by Gaussian noise that stays the same."""

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .draws import RandomCallback, along_dim, by_index, fit_place
from .kernel import Kernel, place_generator
from .operand import Operand
from .operation import Operation
from .parameter import BendingParameter, BendingView
from .placing import channel_dim

__all__ = ["Normal"]

OPS = ("add", "mul")


def with_noise(x: Tensor, noise: Tensor, std: float, op: str) -> Tensor:
    """Add or multiply noise that already fits ``x``, in the dtype of a floating ``x``."""
    if x.is_floating_point():
        noise = noise.to(x.dtype)
    if op == "mul":
        return x * noise * std
    return x + std * noise


class NormalKernel(Kernel):
    """``x + std * noise`` or ``x * noise * std``."""

    noise: Tensor

    def __init__(self, std: Operand, op: Operand, noise: Tensor) -> None:
        super().__init__()
        self.std = std
        self.op = op
        self.register_buffer("noise", noise)

    def forward(self, x: Tensor) -> Tensor:
        return with_noise(x, fit_place(self.noise, x), float(self.std.value), self.op.value)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        noise = self.noise.to(x.dtype)
        if self.op.value == "mul":
            torch.mul(x, noise, out=out).mul_(float(self.std.value))
        else:
            # not add(alpha=): that rounds once, and a deep net makes much of the difference
            torch.mul(noise, float(self.std.value), out=out).add_(x)


class ChannelNormalKernel(Kernel):
    """The same with one draw for each index of a dimension."""

    noise: Tensor

    def __init__(self, std: Operand, op: Operand, noise: Tensor, dim: int) -> None:
        super().__init__()
        self.std = std
        self.op = op
        self.dim = dim
        self.register_buffer("noise", noise)

    def forward(self, x: Tensor) -> Tensor:
        noise = along_dim(self.noise, x, self.dim)
        return with_noise(x, noise, float(self.std.value), self.op.value)


class Normal(RandomCallback):
    """Add noise, ``x + std * n``, or multiply by it, ``x * n * std``; n standard normal.

    ``n`` is drawn once a place (float32, then of the dtype of a floating-point ``x``), of
    the place's shape, or one for each index of ``dim``. Shapes and ``dim`` as for ``Mask``.
    """

    controllable_params = ("std", "op")
    neutral = MappingProxyType({"std": 0.0, "op": "add"})

    def __init__(
        self,
        std: float | BendingParameter | BendingView = 0.0,
        seed: int | None = None,
        dim: int | None = None,
        op: str | BendingParameter = "add",
    ) -> None:
        """Make noise.

        Args:
            std: the noise's standard deviation.
            seed: of the draw; None draws one, kept in ``seed``.
            dim: draw for the indices of this dimension only.
            op: ``"add"`` or ``"mul"``, or a choice of these.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has
                no dimension ``dim``.
        """
        super().__init__(seed, dim, std=std, op=op)
        if self.operand("std").kind not in ("float", "int", "bool"):
            raise BendingCallbackException(f"Normal: std is one number; got {std!r}")
        words = op.choices if isinstance(op, BendingParameter) else (op,)
        if self.operand("op").kind != "choice" or not set(words) <= set(OPS):
            raise BendingCallbackException(
                f"Normal: op is one of {list(OPS)}, or a choice of these; got {op!r}"
            )

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the noise of one place."""
        self.check(place)
        noise = torch.randn(
            self._draw_shape(place),
            generator=self._generator(place),
            dtype=torch.float32,
            device="cpu",
        )
        noise = noise if value is None else noise.to(value.device)
        std, op = self.operand("std"), self.operand("op")
        if self.dim is None:
            return NormalKernel(std, op, noise)
        return ChannelNormalKernel(std, op, noise, channel_dim(place, self.dim, self))


def plain_normal(
    x: Tensor, place: Place, *, std: float, seed: int, op: str = "add", dim: int | None = None
) -> Tensor:
    """``x + std n`` or ``x n std``."""
    shape = [n if dim in (None, d) else 1 for d, n in enumerate(x.shape)]
    count = 1
    for length in shape:
        count *= length
    drawn = [count] if dim is not None else shape
    n = torch.randn(drawn, generator=place_generator(seed, place.key)).reshape(shape)
    return x + std * n if op == "add" else x * n * std


def _by_hand(place: Place, std: float, seed: int, dim: int) -> Callable[[Tensor], Tensor]:
    """With noise drawn before."""
    shape = place.shape or ()
    noise = torch.randn([n if d == dim else 1 for d, n in enumerate(shape)])
    return lambda x: x + std * noise


OPERATION = Operation(
    Normal,
    family="noise",
    formula="x + std n, or x n std; n standard normal, drawn once a place",
    source="Dzwonczyk et al. 2024",
    plain=plain_normal,
    examples=(
        {"std": 0.5, "seed": 3, "dim": 1},
        {"std": 0.5, "seed": 3},
        {"std": 0.5, "seed": 3, "op": "mul"},
    ),
    neutral={"std": 0.0, "op": "add"},
    streams=by_index,
    picture={"std": 0.15, "seed": 3, "dim": 1},
    by_hand=_by_hand,
)
