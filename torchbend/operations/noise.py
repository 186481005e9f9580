"""Noise: added to every value or to a few, the same each time or drawn anew."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..bending.draws import along_dim
from ..bending.fade import ramp
from ..bending.glide import Glide
from ..bending.kernel import Kernel, place_generator
from ..bending.numeric import Number, Numeric
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.placing import (
    channel_dim,
    checked_dim,
    checked_flag,
    checked_seed,
    known_shape,
    time_dim,
)
from ..bending.tape import ITEM, LENGTH, Position, TapeKernel, starts
from ..places import Place

__all__ = ["Noise"]


class StillNoiseKernel(Kernel):
    """``x + std * noise * (draw < density)``, where no frames follow each other."""

    noise: Tensor
    draw: Tensor

    def __init__(
        self, std: Operand, density: Operand, noise: Tensor, draw: Tensor | None, dim: int
    ) -> None:
        """Add noise that broadcasts, or one value for each index of ``dim`` if that is not -1."""
        super().__init__()
        self.std = std
        self.density = density
        self.dim = dim
        self.sparse = draw is not None
        self.register_buffer("noise", noise)
        self.register_buffer("draw", torch.zeros(0) if draw is None else draw)

    def fit(self, drawn: Tensor, x: Tensor) -> Tensor:
        return drawn if self.dim < 0 else along_dim(drawn, x, self.dim)

    def forward(self, x: Tensor) -> Tensor:
        std = max(float(self.std.value), 0.0)
        if std == 0.0:
            return x
        noise = self.fit(self.noise, x).to(x.dtype)
        if self.sparse:
            noise = noise * (self.fit(self.draw, x) < float(self.density.value)).to(x.dtype)
        return x + noise * std

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        std = max(float(self.std.value), 0.0)
        if self.dim >= 0 or std == 0.0:
            out.copy_(self.forward(x))
        elif self.sparse:
            torch.lt(self.draw, float(self.density.value), out=out)
            out.mul_(self.noise.to(x.dtype)).mul_(std).add_(x)
        else:
            torch.mul(self.noise.to(x.dtype), std, out=out).add_(x)


class FreshNoiseKernel(Kernel):
    """The same, drawn anew at each call from the global generator."""

    glides = True

    def __init__(self, std: Operand, density: Operand, sparse: bool, dim: int) -> None:
        """Add noise of the shape of ``x``, or one value for each index of ``dim``."""
        super().__init__()
        self.std = std
        self.density = density
        self.sparse = sparse
        self.dim = dim
        self.level = Glide()

    def stateful(self) -> bool:
        """True: computed twice in a block, to cross-fade, it would be two noises."""
        return True

    def glide_along(self, time: int) -> None:
        """Let the level glide along a dimension."""
        self.level.along = time

    def forward(self, x: Tensor) -> Tensor:
        now = max(float(self.std.value), 0.0)
        before: float = self.level(now)
        if now == 0.0 and before == 0.0:
            return x
        shape = list(x.shape)
        if self.dim >= 0:
            shape = [1] * x.dim()
            shape[self.dim] = x.size(self.dim)
        noise = torch.randn(shape, dtype=x.dtype, device=x.device)
        if self.sparse:
            draw = torch.rand(shape, device=x.device)
            noise = noise * (draw < float(self.density.value)).to(x.dtype)
        if now == before:
            return x + noise * now
        return x + noise * (before + (now - before) * ramp(x, self.level.along))


class Noise(Numeric):
    """Add noise: ``x + std * n``, or that where ``u < density``, else ``x``.

    ``n`` is standard normal, ``u`` uniform in [0, 1): a density of 0.01 hits one value in a
    hundred. ``(batch, channels, frames)`` or any shape. Three kinds:

    - fixed, on an activation with frames: the noise is drawn once a place, as a loop of 262144
      frames (seconds to minutes) that every value reads from another start. It goes on from block
      to block; blocks of any size give the same;
    - fixed, on a weight or where there are no frames: one draw for each value, which stays;
    - ``fresh``: drawn anew for each block (for a weight, each time that it is computed) from
      torch's global generator.

    With ``dim`` there is one draw for each index of that dimension, the same along all others:
    rows or columns of a weight, an offset for each channel, or with the dimension of time the
    same noise in all channels. A ``std`` of 0 leaves ``x`` as it is. Dzwonczyk et al. 2024,
    ComfyUI-Model-Bending.
    """

    controllable_params = ("density", "std")
    neutral = MappingProxyType({"std": 0.0})
    limits = MappingProxyType({"std": (0.0, None), "density": (0.0, 1.0)})

    def __init__(
        self,
        std: Number = 0.1,
        density: Number = 1.0,
        seed: int | None = None,
        dim: int | None = None,
        fresh: bool = False,
        time: int | None = None,
    ) -> None:
        """Make noise.

        Args:
            std: the standard deviation of what is added, from 0 up.
            density: the probability of a value to be hit, 0 to 1.
            seed: of fixed noise; None draws one, kept in ``seed``.
            dim: draw for the indices of this dimension only.
            fresh: draw anew for each block.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                such dimension, or holds no real numbers.
        """
        super().__init__(std=std, density=density)
        self.seed = checked_seed(seed)
        self.dim = checked_dim(dim)
        self.fresh = checked_flag(fresh, "fresh")
        self.time = checked_dim(time)

    def check(self, place: Place) -> None:
        """Check that the place has a known shape, and the dimensions that are asked for.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        known_shape(place, self)
        for dim in (self.dim, self.time):
            if dim is not None:
                channel_dim(place, dim, self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the noise of one place."""
        self.check(place)
        std, density = self.operand("std"), self.operand("density")
        sparse = "density" in self._moved() or density.value != 1
        dim = -1 if self.dim is None else channel_dim(place, self.dim, self)
        if self.fresh:
            return FreshNoiseKernel(std, density, sparse, dim)
        generator = place_generator(self.seed, place.key)
        time = self._frames(place)
        if time is None or dim not in (-1, time):
            shape = _still_shape(place, dim)
            noise = torch.randn(shape, generator=generator, device="cpu")
            draw = torch.rand(shape, generator=generator, device="cpu") if sparse else None
            if value is not None:
                noise = noise.to(value.device, value.dtype)
                draw = None if draw is None else draw.to(value.device)
            return StillNoiseKernel(std, density, noise, draw, dim)
        position = Position(
            starts(place, time, generator if dim == -1 else None), time, dim == -1 and time != 0
        )
        noise = torch.randn(LENGTH, generator=generator, device="cpu")
        draw = torch.rand(LENGTH, generator=generator, device="cpu") if sparse else None
        return TapeKernel(std, density, noise, draw, position)

    def _frames(self, place: Place) -> int | None:
        """The dimension of frames of an activation; None if there are none."""
        if place.kind == "weight" or (self.time is None and len(place.shape or ()) < 3):
            return None
        return time_dim(place, self.time, self)

    def _moved(self) -> list[str]:
        """The settings that are controls."""
        controllable = self.controllable_params
        return [n for n in controllable if self.operand(n).__dict__["parameter"] is not None]


def _still_shape(place: Place, dim: int) -> list[int]:
    """What to draw where there are no frames; all items of a batch share it."""
    shape = list(place.shape or ())
    if dim >= 0:
        return [shape[dim]]
    if place.kind == "activation" and len(shape) > 1:
        shape[0] = 1
    return shape


def plain(
    x: Tensor,
    place: Place,
    *,
    std: float,
    seed: int = 0,
    density: float = 1.0,
    dim: int | None = None,
    fresh: bool = False,
) -> Tensor:
    """Noise of the whole value, piece by piece."""
    generator = place_generator(seed, place.key)
    along = None if dim is None else dim % x.dim()
    if fresh:
        noise = torch.randn(x.shape)
        hit = torch.rand(x.shape) < density if density < 1 else torch.ones(x.shape)
    elif place.kind == "weight" or along not in (None, x.dim() - 1):
        shape = [n if along in (None, d) else 1 for d, n in enumerate(x.shape)]
        noise = torch.randn(shape if along is None else max(shape), generator=generator)
        hit = torch.rand(noise.shape, generator=generator) < density
        noise, hit = noise.reshape(shape), hit.reshape(shape)
    else:
        rows = [1, *x.shape[1:-1], 1]
        at = torch.zeros(1, 1, 1).long()
        if along is None:
            at = torch.randint(LENGTH, rows, generator=generator)
        tapes = (
            torch.randn(LENGTH, generator=generator),
            torch.rand(LENGTH, generator=generator),
        )
        noise, draw = (
            torch.stack(
                [
                    torch.stack([tape.roll(-int(s) - item * ITEM)[: x.size(-1)] for s in at[0]])
                    for item in range(x.size(0) if along is None else 1)
                ]
            )
            for tape in tapes
        )
        hit = draw < density
    return torch.where(hit.expand(x.shape) > 0, x + std * noise, x)


def _flows(settings: Mapping[str, Any]) -> bool:
    return not settings.get("fresh", False)


def _by_hand(place: Place, std: float, seed: int) -> Callable[[Tensor], Tensor]:
    """With noise drawn before."""
    noise = torch.randn(place.shape or ())
    return lambda x: x + std * noise


OPERATION = Operation(
    Noise,
    family="noise",
    formula="x + std n where u < density, else x; n standard normal, u uniform in [0, 1)",
    source="Dzwonczyk et al. 2024; ComfyUI-Model-Bending",
    plain=plain,
    examples=(
        {"std": 0.5, "seed": 3},
        {"std": 0.5, "density": 0.2, "seed": 3},
        {"std": 0.5, "seed": 3, "dim": 1},
        {"std": 0.5, "density": 0.5, "seed": 3, "dim": -1},
    ),
    neutral={"std": 0.0},
    streams=_flows,
    picture={"std": 0.8, "density": 0.01, "seed": 3},
    by_hand=_by_hand,
)
