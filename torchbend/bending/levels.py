"""Levels: giving a bent value the level back that it had before.

The level is the root mean square. ``"channel"``: that of each channel by itself; ``"whole"``:
that of all chosen channels together, each item of a batch for itself. Where frames follow each
other it is that of the last :data:`WINDOW` frames, so that blocks of any size give the same;
elsewhere (weights, values without time) it is that of everything.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import BendingCallbackException
from ..places import Place
from .past import Past
from .placing import channel_dim, time_dim

__all__ = ["LEVELS", "WINDOW", "Restore", "restore_for"]

LEVELS = ("channel", "whole")
WINDOW = 256  # frames of the place


class Restore(nn.Module):
    """``bent * min(level(plain) / level(bent), 100)``: what is nearly silent is not raised more."""

    def __init__(
        self, plain: Past, bent: Past, channels: int, time: int, items: bool, whole: bool
    ) -> None:
        """Measure along ``time``; if it is -1, over all but the batch (if there are items)."""
        super().__init__()
        self.plain = plain
        self.bent = bent
        self.channels = channels
        self.time = time
        self.items = items
        self.whole = whole

    def forward(self, bent: Tensor, plain: Tensor) -> Tensor:
        """Return ``bent`` with the level of ``plain``, both of one shape."""
        if bent.shape != plain.shape:
            return bent
        before = self._squares(plain)
        after = self._squares(bent)
        if self.time < 0:
            before = self._everything(before)
            after = self._everything(after)
        else:
            frames = bent.size(self.time)
            before = self._moving(self.plain(before), frames)
            after = self._moving(self.bent(after), frames)
        gain = torch.where(after > 0, before / after, torch.ones_like(after)).sqrt()
        return bent * gain.clamp(max=100.0).to(bent.dtype)

    def _squares(self, x: Tensor) -> Tensor:
        square = (x * x.conj()).real if x.is_complex() else x * x
        if self.whole:
            square = square.mean(self.channels, keepdim=True)
        return square

    def _moving(self, joined: Tensor, frames: int) -> Tensor:
        """The mean of the last frames at each of the new ones."""
        sums = joined.to(torch.float64).cumsum(self.time)
        window = sums.size(self.time) - frames
        last = sums.narrow(self.time, window, frames)
        first = sums.narrow(self.time, 0, frames)
        return (last - first).clamp(min=0.0) / window

    def _everything(self, square: Tensor) -> Tensor:
        dims: list[int] = []
        d = 0
        while d < square.dim():  # TorchScript unrolls a `for` eightfold
            if d != self.channels and not (self.items and d == 0):
                dims.append(d)
            d += 1
        # at once: one dimension after the other takes six times as long
        return square.mean(dims, keepdim=True) if len(dims) > 0 else square


def restore_for(level: str | None, place: Place, dim: int | None, who: object) -> Restore | None:
    """Make what restores a level at a place; None for none.

    Raises:
        BendingCallbackException: the place has no channels.
    """
    if level is None:
        return None
    channels = channel_dim(place, dim, who)
    shape = list(place.shape or ())
    activation = place.kind == "activation"
    if activation and level == "channel" and len(shape) < 3:
        raise BendingCallbackException(
            f"{who!r} cannot sit on {place.key!r} of shape {tuple(shape)}: a channel has one value "
            "there, and no level to restore. Restore the 'whole'"
        )
    time = time_dim(place, None, who, channels) if activation and len(shape) >= 3 else -1
    if level == "whole":
        shape[channels] = 1
    at = max(time, 0)
    plain, bent = (Past(shape, place.dtype, at, WINDOW, keep=time >= 0) for _ in range(2))
    return Restore(plain, bent, channels, time, activation, level == "whole")
