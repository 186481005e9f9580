"""How a kernel with a state moves to a new setting: it remembers the one of the block before."""

import torch
from torch import Tensor, nn

from .fade import ramp

__all__ = ["Glide"]


class Glide(nn.Module):
    """The setting of the block before, to glide from within one block.

    A kernel with a state is computed once a block, so it cross-fades by itself: it reads what it
    remembers once as it was set and once as it is. That is asked of it in an exported file only
    (``Kernel.glide_along``); live in Python a call gives the new setting alone.

    Attributes:
        along: the dimension to glide along; -1 while nobody asked for it.
    """

    def __init__(self) -> None:
        """Glide along nothing yet."""
        super().__init__()
        self.along = -1
        self.started = False
        self.last = 0.0

    def forward(self, now: float) -> float:
        """Return the setting to glide from; it is ``now`` where there is nothing to do."""
        before = now
        if self.along >= 0:
            if self.started:
                before = self.last
            self.started = True
            self.last = now
        return before

    def fade(self, before: Tensor, now: Tensor) -> Tensor:
        """Cross-fade from one value to another of the same shape."""
        return torch.lerp(before, now, ramp(now, self.along))
