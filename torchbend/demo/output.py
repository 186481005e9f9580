"""What every part of the demo writes with: sounds, spectrograms, and lines for people."""

from __future__ import annotations

import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchbend.output import printable

__all__ = ["draw_spectrogram", "say", "write_wav"]

PEAK = 10 ** (-1 / 20)  # -1 dB below full scale
LOW_HZ, HIGH_HZ = 50.0, 16000.0


def say(text: str, *values: object) -> None:
    """Tell people a line."""
    print(printable(text % values if values else text))  # noqa: T201  what the command prints


def write_wav(path: Path, sound: Tensor, sample_rate: int) -> None:
    """Write 16 bits, mono, at -1 dB, with 5 ms of fade at both ends.

    Args:
        path: of the file.
        sound: ``(frames,)``, of any level.
        sample_rate: in Hz.
    """
    fade = sample_rate // 200
    ends = torch.ones_like(sound)
    ends[:fade] = torch.linspace(0, 1, fade)
    ends[-fade:] = torch.linspace(1, 0, fade)
    faded = (sound - sound.mean()) * ends
    level = PEAK / float(faded.abs().max().clamp(min=1e-9))
    samples = (faded * level * 32767).round().numpy().astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())


def draw_spectrogram(axis: Any, sound: Tensor, sample_rate: int) -> None:
    """Draw level over time and frequency, equally spaced by ear, 60 dB of it.

    Args:
        axis: of matplotlib.
        sound: ``(frames,)``.
        sample_rate: in Hz.
    """
    level_db = _spectrogram(sound, sample_rate)
    top = float(np.percentile(level_db, 99.8))
    seconds = len(sound) / sample_rate
    axis.imshow(
        level_db,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=top - 60,
        vmax=top,
        extent=(0, seconds, math.log10(LOW_HZ), math.log10(HIGH_HZ)),
    )
    axis.set_yticks([2, 3, 4], ["100 Hz", "1 kHz", "10 kHz"], fontsize=8)
    axis.set_xticks([0, seconds], ["0", f"{seconds:.0f} s"], fontsize=8)


def _spectrogram(sound: Tensor, sample_rate: int) -> Any:
    """Level in dB, ``(frequencies, frames)``."""
    size = 4096
    window = torch.hann_window(size)
    bins = torch.stft(sound, size, size // 4, window=window, return_complex=True).abs()
    hz = torch.logspace(math.log10(LOW_HZ), math.log10(HIGH_HZ), 200)
    nearest = (hz * size / sample_rate).round().long()
    return (20 * (bins[nearest] + 1e-6).log10()).numpy()
