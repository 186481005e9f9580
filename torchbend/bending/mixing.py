"""What operations that mix the channels of a place have in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .numeric import Numeric
from .placing import channel_dim, checked_dim, known_shape

__all__ = ["ChannelMixing", "channels_between"]


class ChannelMixing(Numeric):
    """A callback that makes each channel of a place from several."""

    def __init__(self, dim: int | None, **settings: Any) -> None:
        """Keep the settings.

        Raises:
            BendingCallbackException: one is no number, beyond its limits, or no dimension.
        """
        super().__init__(**settings)
        self.dim = checked_dim(dim)

    def check(self, place: Place) -> None:
        """Check that the place has channels to mix.

        Raises:
            BendingCallbackException: it has none, or a single one.
        """
        super().check(place)
        dim, channels = self._channels(place)
        if channels < 2:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r} of shape {place.shape}: dim {dim} has "
                f"{channels} channel{'' if channels == 1 else 's'}, and it mixes two or more. "
                "Another one is chosen with dim="
            )

    def _channels(self, place: Place) -> tuple[int, int]:
        """The dimension of the channels, and how many there are."""
        dim = channel_dim(place, self.dim, self)
        return dim, known_shape(place, self)[dim]


def channels_between(x: Tensor, dim: int) -> Tensor:
    """Shape ``x`` as ``(all before the channels, channels, all behind them)``."""
    before = 1
    behind = 1
    d = 0
    while d < x.dim():  # TorchScript unrolls a `for` eightfold
        if d < dim:
            before = before * x.size(d)
        elif d > dim:
            behind = behind * x.size(d)
        d += 1
    return x.reshape(before, x.size(dim), behind)
