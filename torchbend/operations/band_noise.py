"""BandNoise: noise of a band of frequencies."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.kernel import Kernel, place_generator
from ..bending.numeric import Number, Numeric
from ..bending.operand import FloatOperand
from ..bending.operation import Operation
from ..bending.placing import checked_dim, checked_seed, time_dim
from ..bending.tape import ITEM, LENGTH, Position, TapeKernel, starts
from ..errors import BendingCallbackException
from ..places import Place

__all__ = ["BandNoise"]


class BandNoise(Numeric):
    """Add noise of a band: ``x + std * n``, n Gaussian noise from ``low`` to ``high``.

    The frequencies are fractions of the place's Nyquist frequency, half its frames a second. n
    is drawn once a place, as a loop of 262144 frames whose spectrum is 0 outside of the band;
    its root mean square is 1. Every channel reads it from another start, and it goes on from
    block to block: blocks of any size give the same. ``(batch, channels, frames)`` or any shape
    with a dimension of time. A ``std`` of 0 leaves ``x`` as it is. Dzwonczyk et al. 2024.
    """

    controllable_params = ("std",)
    neutral = MappingProxyType({"std": 0.0})
    limits = MappingProxyType({"std": (0.0, None)})
    weight_compatible = False

    def __init__(
        self,
        std: Number = 0.1,
        low: float = 0.0,
        high: float = 0.5,
        seed: int | None = None,
        time: int | None = None,
    ) -> None:
        """Make noise.

        Args:
            std: its level (root mean square), from 0 up.
            low: the lowest frequency, 0 to 1.
            high: the highest one, above ``low``, up to 1.
            seed: of the noise; None draws one, kept in ``seed``.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(std=std)
        for name, value in (("low", low), ("high", high)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise BendingCallbackException(
                    f"BandNoise: {name} is a number from 0 to 1, no control; got {value!r}"
                )
        if not 0 <= low < high <= 1:
            raise BendingCallbackException(
                "BandNoise: low and high are fractions of the Nyquist frequency, "
                f"0 <= low < high <= 1; got {low!r} and {high!r}"
            )
        self.low = float(low)
        self.high = float(high)
        self.seed = checked_seed(seed)
        self.time = checked_dim(time)

    def check(self, place: Place) -> None:
        """Check that the place has frames that follow each other.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        time_dim(place, self.time, self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the noise of one place."""
        self.check(place)
        time = time_dim(place, self.time, self)
        generator = place_generator(self.seed, place.key)
        position = Position(starts(place, time, generator), time, time != 0)
        first, last = _bins(self.low, self.high)
        spectrum = torch.zeros(LENGTH // 2 + 1, dtype=torch.complex128)
        parts = torch.randn(2, last - first + 1, generator=generator, dtype=torch.float64)
        spectrum[first : last + 1] = torch.complex(parts[0], parts[1])
        noise = torch.fft.irfft(spectrum, LENGTH)
        noise = (noise / noise.square().mean().sqrt()).to(torch.float32)
        return TapeKernel(self.operand("std"), FloatOperand(1.0), noise, None, position)


def _bins(low: float, high: float) -> tuple[int, int]:
    """The first and the last bin of a band: one at least, and no constant."""
    nyquist = LENGTH // 2
    first = max(math.ceil(low * nyquist), 1)
    last = min(math.floor(high * nyquist), nyquist - 1)
    return (first, last) if first <= last else (min(first, nyquist - 1),) * 2


def plain(x: Tensor, place: Place, *, std: float, low: float, high: float, seed: int) -> Tensor:
    """A sum of waves, each with an amplitude and a phase."""
    generator = place_generator(seed, place.key)
    at = torch.randint(LENGTH, [1, *x.shape[1:-1], 1], generator=generator)
    bins = [k for k in range(1, LENGTH // 2) if low <= k / (LENGTH // 2) <= high]
    waves = torch.randn(2, len(bins), generator=generator, dtype=torch.float64)
    amplitude = waves.square().sum(0).sqrt()
    amplitude = amplitude / (amplitude.square().sum() / 2).sqrt()
    phase = torch.atan2(waves[1], waves[0])
    step = torch.tensor(bins, dtype=torch.float64) * (2 * math.pi / LENGTH)
    out = x.clone()
    for item in range(x.size(0)):
        for channel in range(x.size(1)):
            start = int(at[0, channel, 0]) + item * ITEM
            frames = torch.arange(start, start + x.size(-1), dtype=torch.float64)
            noise = torch.cos(torch.outer(frames, step) + phase) @ amplitude
            out[item, channel] += std * noise.to(x.dtype)
    return out


def _by_hand(
    place: Place, std: float, low: float, high: float, seed: int
) -> Callable[[Tensor], Tensor]:
    """With noise drawn before."""
    noise = torch.randn(place.shape or ())
    return lambda x: x + std * noise


OPERATION = Operation(
    BandNoise,
    family="noise",
    formula="x + std n; n noise from low to high (of Nyquist), root mean square 1",
    source="Dzwonczyk et al. 2024",
    plain=plain,
    examples=(
        {"std": 0.5, "low": 0.2, "high": 0.25, "seed": 3},
        {"std": 0.2, "low": 0.98, "high": 1.0, "seed": 4},
    ),
    neutral={"std": 0.0},
    places=("activation",),
    picture={"std": 0.15, "low": 0.0, "high": 0.02, "seed": 3},
    by_hand=_by_hand,
)
