"""What callbacks with a random part have in common: seeds, draws, and how draws fit."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback
from .kernel import place_generator
from .placing import channel_dim, checked_dim, checked_seed, known_shape

__all__ = ["RandomCallback", "along_dim", "by_index", "cycle", "fit_place", "fraction"]


def fraction(callback: BendingCallback, name: str) -> None:
    """Check a setting that is a fraction: a number from 0 to 1, or a control of one number.

    Raises:
        BendingCallbackException: it is something else.
    """
    operand = callback.operand(name)
    if operand.kind not in ("float", "int", "bool"):
        raise BendingCallbackException(
            f"{type(callback).__name__}: {name} is one number from 0 to 1; "
            f"got a {operand.kind}: {operand.value!r}"
        )
    if operand.__dict__["parameter"] is None and not 0 <= operand.value <= 1:
        raise BendingCallbackException(
            f"{type(callback).__name__}: {name} is a number from 0 to 1; got {operand.value!r}"
        )


class RandomCallback(BendingCallback):
    """A callback with a seed, that draws for a whole place or for the indices of ``dim``."""

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True

    def __init__(self, seed: int | None, dim: int | None, **settings: Any) -> None:
        """Keep the settings; draw a seed where there is none."""
        super().__init__(**settings)
        self.seed = checked_seed(seed)
        self.dim = checked_dim(dim)

    def check(self, place: Place) -> None:
        """Check that the place has a known shape, and the dimension that is asked for.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        known_shape(place, self)
        if self.dim is not None:
            channel_dim(place, self.dim, self)

    def _generator(self, place: Place) -> torch.Generator:
        return place_generator(self.seed, place.key)

    def _draw_shape(self, place: Place) -> tuple[int, ...]:
        """The shape to draw: the place's, or the length of ``dim``."""
        shape = known_shape(place, self)
        return shape if self.dim is None else (shape[channel_dim(place, self.dim, self)],)


def fit_place(draw: Tensor, x: Tensor) -> Tensor:
    """Fit what was drawn for a place's shape to a value of that place.

    With another batch size (dim 0, of two dims or more) the first item's draw serves all
    items. Any other difference is torch's own error about the two sizes.
    """
    if draw.shape == x.shape:
        return draw
    if draw.dim() == x.dim() and x.dim() > 1 and draw.size(0) != x.size(0):
        draw = draw[:1]
    return draw.expand_as(x)


def by_index(settings: Mapping[str, Any]) -> bool:
    """Whether these settings draw for the indices of a dimension: then no frame has its own."""
    return settings.get("dim") is not None


def share_of(share: float, n: int) -> int:
    """Return how many of n a share is: ``floor(share * n)``, a share beyond 0 to 1 cut off."""
    return int(math.floor(min(max(share, 0.0), 1.0) * n))


def cycle(draw: Tensor, length: int) -> Tensor:
    """Repeat a 1-D draw cyclically, or cut it, to a length."""
    if draw.size(0) == length:
        return draw
    return draw[torch.arange(length, device=draw.device) % draw.size(0)]


def along_dim(draw: Tensor, x: Tensor, dim: int) -> Tensor:
    """Fit a 1-D draw to a dimension of ``x`` and shape it so that it broadcasts there."""
    shape = [1] * x.dim()
    shape[dim] = x.size(dim)
    return cycle(draw, x.size(dim)).reshape(shape)
