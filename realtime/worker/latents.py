"""The latent desk: scale, bias and jitter on the latents, between an encoder and a decoder.

What goes into the decoder is::

    z * scale + bias[channel] + jitter * noise[channel]

with the latents of an encoder, or with zeros: then the decoder is played from the desk alone.
At scale 1, without bias and jitter, the latents pass untouched, bit by bit.

The noise is slow. White noise, a new value with every frame, makes most decoders rattle at the
rate of their latents; here a value is drawn every 8192 frames of sound (six a second at 48 kHz)
and the way from one to the next is a cross-fade of constant power, so that its level is the same
at all times: ``jitter`` is its standard deviation. It is a function of the position and the seed
alone, so that a take can be rendered again, in blocks of any size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from torchbend.errors import LiveError

__all__ = ["Latents"]

_HOLD = 8192  # frames of sound from one value of the noise to the next

_Array = npt.NDArray[np.float64]


class Latents:
    """The desk for one decoder's latents.

    Values move by `aim` and are glided to within the next block: linearly over its frames, of
    which the last has the new values. A block of a single frame has them at once.

    Args:
        channels: of the latents.
        ratio: frames of sound for one frame of latents.
        seed: of the noise.

    Attributes:
        channels: as given.
        neutral: the values at which latents pass untouched: scale, jitter, and a bias for each
            channel.
    """

    def __init__(self, channels: int, ratio: int, *, seed: int = 0) -> None:
        self.channels = channels
        self.neutral = (1.0, *[0.0] * (1 + channels))
        self._ratio = ratio
        self._seed = seed
        self._hold = max(1, round(_HOLD / ratio))
        self._now = np.array(self.neutral)
        self._aim = self._now

    @property
    def is_neutral(self) -> bool:
        """Whether the next block passes untouched."""
        return tuple(self._now) == tuple(self._aim) == self.neutral

    def aim(self, numbers: Sequence[float]) -> None:
        """Say where the values should be.

        Args:
            numbers: scale, jitter, and a bias for each channel, as in ``neutral``.

        Raises:
            LiveError: there are more or less.
        """
        if len(numbers) != len(self.neutral):
            raise LiveError(
                f"{len(numbers)} values were given for a latent desk of {self.channels} channels; "
                f"it has {len(self.neutral)}: scale, jitter, and a bias for each channel"
            )
        self._aim = np.array(numbers, np.float64)

    def settle(self) -> None:
        """Be where the values should be at once, as before anything is heard."""
        self._now = self._aim

    def copy_from(self, other: Latents) -> None:
        """Be where another desk is, with the same values ahead."""
        self._now, self._aim = other._now, other._aim

    def play(self, z: Tensor, position: int) -> Tensor:
        """Move the latents of one block.

        Args:
            z: ``(batch, channels, frames)``; it is left as it is. All of a batch get the same
                noise, so that what is in the middle of a stereo sound stays there.
            position: of the block's first frame of sound; the noise follows from it.

        Returns:
            As many latents; ``z`` itself if there is nothing to do.
        """
        if self.is_neutral:
            return z
        frames = z.shape[-1]
        steps = np.arange(1, frames + 1)[:, None] / frames
        values = (self._now + (self._aim - self._now) * steps).T
        self._now = self._aim
        scale, jitter, offset = values[0], values[1], values[2:]
        if jitter.any():
            offset = offset + jitter * self._noise(position // self._ratio, frames)
        moved = z * torch.from_numpy(scale).to(z)
        return moved.add_(torch.from_numpy(offset).to(z))

    def _noise(self, start: int, frames: int) -> _Array:
        """The noise from a frame of latents on, ``(channels, frames)``."""
        at = np.arange(start, start + frames)
        first = start // self._hold
        drawn = np.stack([self._drawn(n) for n in range(first, int(at[-1]) // self._hold + 2)])
        before = at // self._hold - first
        angle = (at % self._hold / self._hold * np.pi / 2)[:, None]
        noise: _Array = np.cos(angle) * drawn[before] + np.sin(angle) * drawn[before + 1]
        return noise.T

    def _drawn(self, number: int) -> _Array:
        return np.random.default_rng((self._seed, number)).standard_normal(self.channels)
