"""What a kernel remembers of the sound: the last frames of what passed."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Past", "held"]


class Past(nn.Module):
    """The last frames that passed, so that blocks follow each other without a seam.

    At the start, and with another batch size than before, they are silent. A weight has no
    past: there every call starts anew.
    """

    state_past: Tensor

    def __init__(
        self, shape: Sequence[int], dtype: torch.dtype | None, time: int, frames: int, keep: bool
    ) -> None:
        """Remember nothing yet.

        Args:
            shape: of a value of the place.
            dtype: of it; None for float32.
            time: the dimension of frames.
            frames: how many to remember.
            keep: whether there is a next block; False for weights.
        """
        super().__init__()
        self.time = time
        self.frames = frames
        self.keep = keep
        size = list(shape)
        size[time] = frames if keep else 0
        self.register_buffer("state_past", torch.zeros(size, dtype=dtype or torch.float32))

    def fits(self, x: Tensor) -> bool:
        """Whether ``x`` goes on from what is remembered; else it follows silence."""
        size = list(x.shape)
        size[self.time] = self.frames
        return (
            self.keep and list(self.state_past.shape) == size and self.state_past.dtype == x.dtype
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the remembered frames with ``x`` behind them, and remember the last of these.

        Args:
            x: any shape that has the dimension.
        """
        past = self.state_past
        if not self.fits(x):
            size = list(x.shape)
            size[self.time] = self.frames
            past = x.new_zeros(size)
        joined = torch.cat([past, x], self.time)
        if self.keep and self.frames > 0:
            last = joined.narrow(self.time, joined.size(self.time) - self.frames, self.frames)
            self.state_past = held(self.state_past, last)
        return joined


def held(state: Tensor, new: Tensor) -> Tensor:
    """Return what a buffer of state is to hold next, to be assigned to it.

    It is the same tensor, written in place, where the new value fits, for those who hold it (a
    CUDA graph). A state has no part in a gradient: else the graphs of all blocks would be kept.
    """
    new = new.detach()
    fits = state.shape == new.shape and state.dtype == new.dtype
    if not torch.jit.is_scripting():  # type: ignore[attr-defined]
        # what was made under inference_mode cannot be written outside of it
        fits = fits and (not state.is_inference() or torch.is_inference_mode_enabled())
    return state.copy_(new) if fits else new.clone()
