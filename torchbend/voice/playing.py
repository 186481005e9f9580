"""The voice playing by itself: latents that move, and knobs that move."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from torchbend.threads import one_thread

from .instrument import load_voice, voice
from .net import HOP, LATENTS, SAMPLE_RATE
from .sound import BAR_SECONDS, CHORDS, degree_hz, loop, make_tone, render

__all__ = ["gesture", "performance", "render_voice"]

_BLOCK_FRAMES = 2048
_RATE = SAMPLE_RATE / HOP  # latent frames a second
_BAR = BAR_SECONDS * _RATE
# How far each knob goes while the voice plays by itself, one after the other.
_FAR = {
    "drive": 4.0,
    "haze": 0.1,
    "tail": 3.5,
    "metal": 60.0,
    "thin": 0.6,
    "breath": 2.0,
    "scramble": 0.7,
    "tune": 0.75,
}


def performance(frames: int, seed: int = 0) -> Tensor:
    """Latents for ``decode`` that play by themselves: four chords, a pulse, slow tides.

    Args:
        frames: of latents, 93.75 a second.
        seed: of the rhythm and of the tides.

    Returns:
        ``(1, 8, frames)``.
    """
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(64, generator=generator)
    t = torch.arange(float(frames))
    step = _BAR / 8
    number = (t / step).long()
    since = t - number * step
    pulse = torch.exp(-since / 12)
    accent = torch.tensor([1.0, 0.5, 0.8, 0.4, 0.9, 0.3, 0.7, 0.6])[number % 8]
    heights = torch.tensor([0.0, 0.0, 1.0, -1.0, 0.0, 1.0, 0.0, -1.0])
    pitch = heights[(chance[number % 16] * 8).long()] * (chance[16 + number % 32] < 0.6)
    z = _chords()[(t / _BAR).long() % len(CHORDS)].T.clone()
    z = _smooth(z, 6)
    moves = {
        "level": 2.2 * accent * pulse - 0.9 + 0.2 * _tide(t, 11.0, chance[60]),
        "pitch": _smooth(pitch[None], 3)[0],
        "bright": 0.7 * _tide(t, 13.0, chance[61]) + 0.5 * accent * pulse,
        "noise": 0.4 * _tide(t, 17.0, chance[62]) + 1.2 * (number % 2) * pulse - 0.2,
        "motion": 0.6 + 0.6 * _tide(t, 9.0, chance[63]),
    }
    for name, move in moves.items():
        z[LATENTS.index(name)] += move
    return z[None]


def gesture(at: float) -> dict[str, float]:
    """Where the knobs are at a moment of the performance: each goes out, and comes back.

    Args:
        at: 0 at the start to 1 at the end; neutral at both.
    """
    bent = dict(_NEUTRAL)
    slot = 1 / (len(_FAR) + 0.6)
    for k, (name, far) in enumerate(_FAR.items()):
        way = (at - k * slot) / (1.6 * slot)
        if 0 < way < 1:
            bent[name] += (far - bent[name]) * (0.5 - 0.5 * math.cos(2 * math.pi * way))
    return bent


_NEUTRAL = {name: 1.0 if name in ("tune", "tail", "drive") else 0.0 for name in _FAR}


def render_voice(seconds: float = 10.0, method: str = "forward", bent: Any = None) -> Tensor:
    """Play the built-in sound (or for ``decode`` the built-in latents) while the knobs move.

    Args:
        seconds: its length, rounded down to whole blocks of 2048 frames.
        method: ``"forward"`` or ``"decode"``.
        bent: a bent voice; a fresh one by default.

    Returns:
        ``(1, frames)`` at 48000 Hz.
    """
    bent = voice() if bent is None else bent
    blocks = int(seconds * SAMPLE_RATE) // _BLOCK_FRAMES
    if method == "decode":
        given = torch.split(performance(blocks * _BLOCK_FRAMES // HOP), _BLOCK_FRAMES // HOP, -1)
    else:
        sound = loop()
        frames = torch.arange(blocks * _BLOCK_FRAMES) % sound.shape[-1]
        given = torch.split(sound[:, frames][None], _BLOCK_FRAMES, -1)
    heard = []
    with one_thread(), torch.no_grad():
        for number, block in enumerate(given):
            for name, value in gesture(number / max(1, blocks - 1)).items():
                bent.update(name, value)
            heard.append(getattr(bent, method)(block))
    return torch.cat(heard, -1)[0]


def _chords() -> Tensor:
    """The latents of each chord, ``(chords, 8)``, as the voice hears it."""
    net = load_voice()
    found = []
    with one_thread(), torch.no_grad():
        for chord in CHORDS:
            tones = [make_tone("voice", 0, 0.5, degree_hz(d + 7), 0.12) for d in chord]
            tones.append(make_tone("bass", 0, 0.5, degree_hz(chord[0] - 7), 0.2))
            frames = int(0.5 * _RATE) * HOP
            sound = render(tones, 1.0)[None, None, :frames]
            found.append(net.encode(sound)[0, :, -12:].mean(-1))
    return torch.stack(found)


def _tide(t: Tensor, seconds: float, phase: Tensor) -> Tensor:
    """A slow sine, -1 to 1, over latent frames."""
    return torch.sin(2 * torch.pi * (t / (seconds * _RATE) + phase))


def _smooth(x: Tensor, frames: int) -> Tensor:
    """Round the edges of ``(n, frames)``, with the past alone."""
    padded = torch.cat([x[:, :1].expand(-1, frames - 1), x], -1)
    return padded.unfold(-1, frames, 1).mean(-1)
