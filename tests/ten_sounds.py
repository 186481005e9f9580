"""Ten short sounds, as different as a few lines make them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["ten_sounds"]

SECONDS = 1.0


def ten_sounds(sample_rate: int = 44100) -> dict[str, Tensor]:
    """Sounds ``(1, frames)`` by name, each of another length."""
    draw = torch.Generator().manual_seed(0)

    def time(seconds: float) -> Tensor:
        return torch.arange(round(seconds * sample_rate)) / sample_rate

    def noise(seconds: float) -> Tensor:
        return torch.randn(len(time(seconds)), generator=draw)

    def sine(hz: float, seconds: float) -> Tensor:
        return torch.sin(2 * math.pi * hz * time(seconds))

    def sweep(low: float, high: float, seconds: float) -> Tensor:
        hz = low * (high / low) ** (time(seconds) / seconds)
        return torch.sin(2 * math.pi * hz.double().cumsum(0) / sample_rate).float()

    def pluck(hz: float, seconds: float) -> Tensor:
        partials = (
            torch.exp(-time(seconds) * k * 3) * sine(k * hz, seconds) / k for k in range(1, 12)
        )
        return torch.stack(list(partials)).sum(0)

    def repeated(sound: Tensor, times: int) -> Tensor:
        return sound.repeat(times)

    s = SECONDS
    made = {
        "low sine": sine(110, s),
        "high sine": sine(3000, s + 0.1),
        "noise": noise(s + 0.2),
        "dark noise": torch.nn.functional.avg_pool1d(noise(s)[None], 65, 1, 32)[0],
        "gated noise": noise(s) * (sine(4, s) > 0),
        "sweep up": sweep(60, 8000, s + 0.3),
        "sweep down": sweep(8000, 60, s),
        "low plucks": repeated(pluck(82.4, 0.5), 2),
        "high plucks": repeated(pluck(659, 0.25), 5),
        "clicks": repeated(torch.cat([torch.ones(20), torch.zeros(5000)]), 9),
    }
    return {name: (0.5 * x / x.abs().max())[None] for name, x in made.items()}
