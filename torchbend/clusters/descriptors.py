"""Descriptors: a few numbers that say what a channel of a place does over many sounds.

All are of windows of a channel's values ``x``, Hann windows of 8 to 64 frames that overlap by
half, taken together over all sounds, so that a sound counts as much as it is long and loud in
the channel. With ``m`` the magnitudes of a window's spectrum without its constant part:

============= ==============================================================================
level         ``10 log10(mean of x**2)`` in dB, over all frames; at the least 100 dB below
              the loudest channel
centroid      the mean frequency of the spectra, weighted by ``m**2``, in cycles a frame: 0
              to 0.5
flux          ``sum |m[t] - m[t-1]| / sum |m[t]|``: how much the spectrum changes from one
              window to the next; 0 is a steady tone, noise is about 0.7
correlation   the correlations of the channel's level, window by window, with the first two
              principal components of all channels' levels: two numbers, -1 to 1. Channels
              that come and go together have the same ones
============= ==============================================================================

Of a channel that is constant, centroid, flux and correlation are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "DESCRIPTORS",
    "LEAST_FRAMES",
    "Description",
    "Tally",
    "loadings",
    "points",
    "window_for",
]

# The columns of each descriptor.
DESCRIPTORS = {
    "level": ("level",),
    "centroid": ("centroid",),
    "flux": ("flux",),
    "correlation": ("correlation_1", "correlation_2"),
}
_COMPONENTS = 2  # of the correlation
_FAINT = 1e-6  # a part of the first component; what is below is rounding

_LEAST_WINDOW, _MOST_WINDOW = 8, 64
LEAST_FRAMES = 2 * _LEAST_WINDOW
_RANGE_DB = 100.0
_STILL = 1e-10  # a part of the loudest power; what is below is rounding

Description = dict[str, Tensor]  # a value a channel, by column


def window_for(frames: int) -> int:
    """The length of the windows: a power of two, two of which fit into the shortest sound.

    Args:
        frames: of the shortest sound, at the place; at least ``LEAST_FRAMES``.
    """
    return min(_MOST_WINDOW, 1 << int(math.log2(frames // 2)))


class Tally:
    """What was heard of the channels of a place so far.

    Args:
        channels: how many there are.
        window: frames of a window.
    """

    def __init__(self, channels: int, window: int) -> None:
        self.window = window
        self._frames = 0
        self._power = torch.zeros(channels, dtype=torch.float64)
        self._spectrum = torch.zeros(channels, window // 2 + 1, dtype=torch.float64)
        self._change = torch.zeros(channels, dtype=torch.float64)
        self._size = torch.zeros(channels, dtype=torch.float64)
        self._levels: list[Tensor] = []

    def add(self, x: Tensor) -> None:
        """Hear one sound.

        Args:
            x: the activation ``(rows, channels, frames)``.
        """
        for row in x.double():
            self._add_row(row)

    def _add_row(self, row: Tensor) -> None:
        self._frames += row.shape[-1]
        self._power += row.square().sum(-1)
        windows = row.unfold(-1, self.window, self.window // 2)
        self._levels.append(windows.square().mean(-1).sqrt())
        hann = torch.hann_window(self.window, dtype=torch.float64)
        moving = windows - windows.mean(-1, keepdim=True)
        magnitudes = torch.fft.rfft(moving * hann).abs()
        self._spectrum += magnitudes.square().sum(1)
        self._change += magnitudes.diff(dim=1).norm(dim=-1).sum(1)
        self._size += magnitudes[:, 1:].norm(dim=-1).sum(1)

    @property
    def power(self) -> Tensor:
        """The mean power of each channel."""
        return self._power / max(self._frames, 1)

    def describe(self) -> Description:
        """Each channel's descriptors, by column."""
        power, total = self.power, self._spectrum.sum(-1)
        loudest = float(power.max())
        frequencies = torch.linspace(0, 0.5, self._spectrum.shape[-1], dtype=torch.float64)
        # of a constant what is left is rounding, whose spectrum means nothing
        moves = total > _STILL * self.window * self._windows * power.clamp_min(_STILL * loudest)
        first, second = loadings(torch.cat(self._levels, -1), _COMPONENTS)
        return {
            "level": 10 * torch.log10(power.clamp_min(loudest * 10 ** (-_RANGE_DB / 10))),
            "centroid": _ratio((self._spectrum * frequencies).sum(-1), total, moves),
            "flux": _ratio(self._change, self._size, moves),
            "correlation_1": first,
            "correlation_2": second,
        }

    @property
    def _windows(self) -> int:
        return sum(levels.shape[-1] for levels in self._levels)


def loadings(rows: Tensor, count: int) -> Tensor:
    """Correlations of rows with the first principal components of all of them.

    Args:
        rows: ``(rows, values)``.
        count: how many components.

    Returns:
        ``(count, rows)``; 0 for a row that is constant, and for components that there are not.
        Their signs are such that the greatest is positive.
    """
    centred = rows - rows.mean(-1, keepdim=True)
    size = centred.norm(dim=-1, keepdim=True)
    still = size <= 1e-9 * rows.norm(dim=-1, keepdim=True)
    even = torch.where(still, torch.zeros_like(centred), centred / size.clamp_min(1e-300))
    values, vectors = torch.linalg.eigh(even @ even.T)
    found = torch.zeros(count, len(rows), dtype=rows.dtype)
    there = min(count, len(rows))
    values = torch.where(values < _FAINT * values.max(), torch.zeros_like(values), values)
    strongest = values.sqrt() * vectors  # the last columns
    found[:there] = torch.where(still, torch.zeros_like(vectors), strongest)[:, -there:].flip(-1).T
    largest = found.gather(-1, found.abs().argmax(-1, keepdim=True))
    return torch.where(largest < 0, -found, found)


def points(description: Description, descriptors: Sequence[str]) -> Tensor:
    """Channels as points, of which each descriptor is as wide as another.

    Args:
        description: values by column.
        descriptors: those that count.

    Returns:
        ``(channels, columns)``: each column with mean 0 and deviation 1, or 0 where all channels
        have the same; the columns of one descriptor share its weight.
    """
    columns = []
    for name in descriptors:
        for column in DESCRIPTORS[name]:
            values = description[column]
            away = values - values.mean()
            deviation = away.square().mean().sqrt()
            even = float(deviation) <= 1e-9 * max(1.0, float(values.abs().max()))
            scaled = torch.zeros_like(away) if even else away / deviation
            columns.append(scaled / math.sqrt(len(DESCRIPTORS[name])))
    return torch.stack(columns, -1)


def _ratio(above: Tensor, below: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, above / below.clamp_min(1e-300), torch.zeros_like(above))
