"""Sounds to play through the voice: strings, bells, pads, voices and drums out of a seed.

They are what the voice was trained on, too (scripts/make_voice.py): a sound is a list of
:class:`Tone` and :class:`Hit`, from which both the wave and the levels behind it follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from .net import BANDS, SAMPLE_RATE, band_passes

__all__ = ["BAR_SECONDS", "CHORDS", "Hit", "Tone", "degree_hz", "loop", "make_hit", "make_tone"]

_MINOR = (0, 2, 3, 5, 7, 8, 10)
_A2_HZ = 110.0
CHORDS = ((0, 2, 4), (5, 7, 9), (2, 4, 6), (6, 8, 10))  # A minor, F, C, G, by degrees
BAR_SECONDS = 4 * 60 / 92
_BARS = 8


@dataclass(frozen=True)
class Tone:
    """Partials that begin together.

    Attributes:
        start: in seconds.
        seconds: until it is let go.
        hz: of each partial.
        amps: of each partial.
        decays: of each partial, in nepers a second.
        attack: in seconds.
        release: in seconds.
        harmonic: the partials are whole multiples of the first.
    """

    start: float
    seconds: float
    hz: tuple[float, ...]
    amps: tuple[float, ...]
    decays: tuple[float, ...]
    attack: float
    release: float
    harmonic: bool = True

    @property
    def end(self) -> float:
        """When it is silent, in seconds."""
        return self.start + self.seconds + self.release

    def levels(self, t: Tensor) -> Tensor:
        """Amplitudes ``(partials, moments)`` at the moments ``t``, in seconds."""
        since = t - self.start
        shape = (since / self.attack).clamp(0, 1)
        shape = shape * (1 - (since - self.seconds) / self.release).clamp(0, 1)
        levels = torch.tensor(self.amps)[:, None] * shape
        if any(self.decays):
            levels *= torch.exp(-torch.tensor(self.decays)[:, None] * since.clamp(min=0))
        return levels

    def wave(self, t: Tensor) -> Tensor:
        """Its sound at the moments ``t``."""
        levels = self.levels(t)
        turn = 2 * torch.pi * (t - self.start)
        if not self.harmonic:
            return (levels * torch.sin(torch.tensor(self.hz)[:, None] * turn)).sum(0)
        # sin((n + 1) x) out of the two before it, which is ten times as fast
        now, before = torch.sin(self.hz[0] * turn), torch.zeros_like(turn)
        twice = 2 * torch.cos(self.hz[0] * turn)
        sound = levels[0] * now
        for level in levels[1:]:
            now, before = twice * now - before, now
            sound += level * now
        return sound


@dataclass(frozen=True)
class Hit:
    """Bands of noise that begin together, and die away.

    Attributes:
        start: in seconds.
        amps: of each of the voice's bands.
        decay: in nepers a second.
    """

    start: float
    amps: tuple[float, ...]
    decay: float

    @property
    def end(self) -> float:
        """When it is silent, in seconds."""
        return self.start + 7 / self.decay

    def levels(self, t: Tensor) -> Tensor:
        """Amplitudes ``(12, moments)`` at the moments ``t``, in seconds."""
        since = t - self.start
        shape = torch.exp(-self.decay * since.clamp(min=0)) * (since / 0.002).clamp(0, 1)
        return torch.tensor(self.amps)[:, None] * shape

    def wave(self, t: Tensor, generator: torch.Generator) -> Tensor:
        """Its sound at the moments ``t``."""
        colour = torch.tensor(self.amps) @ _filters()
        white = torch.rand(len(t) + len(colour) - 1, generator=generator) * 2 - 1
        noise = torch.nn.functional.conv1d(white[None, None], colour[None, None])[0, 0]
        since = t - self.start
        envelope = torch.exp(-self.decay * since.clamp(min=0)) * (since / 0.002).clamp(0, 1)
        return noise * envelope


@cache
def _filters() -> Tensor:
    return band_passes()[:, 0].float()


# -- instruments ---------------------------------------------------------------------------
def degree_hz(degree: int) -> float:
    """Of the minor scale on A; 0 is 110 Hz, 7 an octave above."""
    octave, step = divmod(degree, len(_MINOR))
    return _A2_HZ * 2 ** (octave + _MINOR[step] / 12)


def make_tone(kind: str, start: float, seconds: float, hz: float, level: float) -> Tone:
    """A tone of an instrument: ``string``, ``bell``, ``pad``, ``voice``, ``bass`` or ``kick``."""
    count = max(1, min(12, int(9000 / hz)))
    n = torch.arange(1.0, count + 1)
    attack, release, ratios = 0.004, 0.08, n
    if kind == "string":
        amps, decays = torch.sin(0.28 * math.pi * n).abs() / n, 1.6 + 0.7 * n
    elif kind == "bell":
        ratios = torch.tensor([1.0, 2.0, 3.0, 4.24, 5.34, 6.72])
        amps = torch.tensor([1.0, 0.45, 0.3, 0.25, 0.16, 0.1])
        decays, release = torch.tensor([1.1, 1.6, 2.4, 3.2, 4.5, 6.0]), 0.4
    elif kind == "pad":
        amps, decays, attack, release = n**-1.7, 0 * n, 0.35, 0.5
    elif kind == "voice":
        formants = ((620.0, 1.0), (1180.0, 0.6), (2550.0, 0.25))
        amps = sum(
            (a * torch.exp(-(((hz * n - f) / (0.16 * f + 60)) ** 2)) for f, a in formants), 0.12 / n
        )
        decays, attack, release = 0 * n, 0.09, 0.2
    elif kind == "bass":
        amps, decays = n**-1.5, 1.0 + 0.8 * n
    else:  # a drum: one deep partial
        ratios, amps, decays = torch.ones(1), torch.ones(1), torch.full((1,), 9.0)
    keep = ratios * hz < 9500
    amps = level * amps / amps.square().sum().sqrt()
    return Tone(
        start,
        seconds,
        tuple((ratios * hz)[keep].tolist()),
        tuple(amps[keep].tolist()),
        tuple(decays[keep].tolist()),
        attack,
        release,
        kind != "bell",
    )


def make_hit(kind: str, start: float, level: float) -> Hit:
    """A stroke of a drum: ``hat``, ``snare``, ``brush`` or ``click``."""
    band = torch.arange(float(BANDS))
    centre, width, decay = {
        "hat": (11.0, 1.6, 45.0),
        "snare": (7.0, 3.5, 18.0),
        "brush": (9.0, 2.5, 7.0),
        "click": (4.0, 3.0, 60.0),
    }[kind]
    return Hit(start, tuple((level * torch.exp(-(((band - centre) / width) ** 2))).tolist()), decay)


def render(things: Iterable[Tone | Hit], seconds: float, seed: int = 0) -> Tensor:
    """The sum of all, ``(frames,)``; what would sound after the end is heard at the start."""
    frames = int(seconds * SAMPLE_RATE)
    generator = torch.Generator().manual_seed(seed)
    sound = torch.zeros(frames)
    for thing in things:
        first = int(thing.start * SAMPLE_RATE)
        t = torch.arange(first, int(thing.end * SAMPLE_RATE)) / SAMPLE_RATE
        wave = thing.wave(t, generator) if isinstance(thing, Hit) else thing.wave(t)
        sound.index_add_(0, torch.arange(first, first + len(t)) % frames, wave)
    return sound


# -- a loop --------------------------------------------------------------------------------
def loop(seed: int = 0) -> Tensor:
    """Eight bars in A minor at 48000 Hz: strings, a bass, a pad, bells and drums.

    Args:
        seed: of the melody.

    Returns:
        ``(1, 1001472)``: whole blocks of 2048 frames, 20.9 s, whose end leads to its start.
    """
    generator = torch.Generator().manual_seed(seed)
    things: list[Tone | Hit] = []
    for bar in range(_BARS):
        things += _bar(bar * BAR_SECONDS, CHORDS[bar % len(CHORDS)], bar, generator)
    sound = render(things, _loop_seconds(), seed)
    return (0.8 * sound / sound.abs().max())[None]


def _loop_seconds() -> float:
    return round(_BARS * BAR_SECONDS * SAMPLE_RATE / 2048) * 2048 / SAMPLE_RATE


def _bar(at: float, chord: Sequence[int], bar: int, generator: torch.Generator) -> list[Tone | Hit]:
    def chance() -> float:
        return float(torch.rand(1, generator=generator))

    step = BAR_SECONDS / 16
    kind = "voice" if bar >= _BARS // 2 else "pad"
    things: list[Tone | Hit] = [
        make_tone(kind, at, BAR_SECONDS - 0.1, degree_hz(d + 7), 0.09) for d in chord
    ]
    for k in (0, 6, 10):
        things.append(make_tone("bass", at + k * step, 2.5 * step, degree_hz(chord[0] - 7), 0.3))
    for k in range(0, 16, 2):
        if chance() < 0.8:
            degree = chord[int(3 * chance())] + 7 * (1 + int(2 * chance()))
            level = 0.26 if k % 4 == 0 else 0.18
            things.append(make_tone("string", at + k * step, 2 * step, degree_hz(degree), level))
    if bar % 2:
        for k in (3, 11):
            things.append(make_tone("bell", at + k * step, 1.2, degree_hz(chord[2] + 14), 0.14))
    for k in range(16):
        if k in (0, 8) or (k == 14 and bar % 4 == 3):
            things += [make_tone("kick", at + k * step, 0.3, 49.0, 0.5)]
            things += [make_hit("click", at + k * step, 0.25)]
        if k in (4, 12):
            things.append(make_hit("snare", at + k * step, 0.4))
        if k % 2 == 0 or chance() < 0.3:
            things.append(make_hit("hat", at + k * step, 0.3 if k % 4 == 2 else 0.16))
    return things
