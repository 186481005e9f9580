"""A small instrument with a trained network inside: sound to eight latents, and back.

    sound -> ear -> listen -> latents -> imagine -> levels -> tail -> oscillators -> shaper -> sound
             fixed  trained              trained              fixed   fixed          fixed

The ear measures 96 notes. From what it hears, a small network makes eight numbers a frame of
512 samples; another one makes of them how loud each of 96 sines and 12 bands of noise should
be. The trained half was never asked for a wave, only for levels that are bounded, so that what
bends in it changes notes, chords and colours, and cannot run away. The fixed half is as open:
its frequencies, filters, mixes and decays are weights like any other.

It streams: what a block needs of the one before is kept in buffers, and blocks of any multiple
of 512 frames give the same sound.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["HOP", "LATENTS", "NOTES_HZ", "SAMPLE_RATE", "Voice"]

SAMPLE_RATE = 48000
HOP = 512
LATENTS = ("level", "pitch", "bright", "noise", "motion", "chord_x", "chord_y", "chord_z")

NOTES = 96
BANDS = 12
NOTES_HZ = tuple(41.2034 * 2 ** (k / 12) for k in range(NOTES))  # semitones from E1 to D#9
BANDS_HZ = tuple(90.0 * 2 ** (0.62 * k) for k in range(BANDS))  # up to 10 kHz

REACH = 3.0  # no latent is further from 0
_WIDTH = 96
_BATCH = 64  # signals at a time, as many as nn~ asks for
_EAR_FRAMES = 4096
_TAIL_FRAMES = 64
_NOISE_FRAMES = 2**16
_NOISE_TAPS = 256
_REGISTERS = 8
_CLOCK = 2.0**14  # frames after which the tremolos have all come round
_TURN = 2.0**24  # steps in which a phase is kept: sums of them are exact


class Causal(nn.Module):
    """A convolution of frames that needs none to come; the last ones are kept."""

    past: Tensor

    def __init__(self, ins: int, outs: int, taps: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(ins, outs, taps, groups=groups)
        self.register_buffer("past", torch.zeros(_BATCH, ins, taps - 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, ins, frames)`` to ``(batch, outs, frames)``."""
        x = torch.cat([self.past[: x.shape[0]], x], -1)
        self.past[: x.shape[0]].copy_(x[..., -self.past.shape[-1] :])
        out: Tensor = self.conv(x)
        return out


class Ear(nn.Module):
    """How loud each note is: one frame for 512 samples, from windows as long as a note needs."""

    past: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.bank = nn.Conv1d(1, 2 * NOTES, _EAR_FRAMES, stride=HOP, bias=False)
        self.bank.weight = fixed(_windows())
        past = torch.zeros(_BATCH, 1, _EAR_FRAMES - HOP)
        self.register_buffer("past", past, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Sound ``(batch, 1, frames)`` to ``(batch, 96, frames / 512)``, 0 for -80 dB."""
        x = torch.cat([self.past[: x.shape[0]], x], -1)
        self.past[: x.shape[0]].copy_(x[..., -self.past.shape[-1] :])
        waves = self.bank(x)
        power = waves[:, :NOTES] ** 2 + waves[:, NOTES:] ** 2
        return torch.log10(1 + 1e8 * power) / 4


class Listen(nn.Module):
    """From the notes heard to latents."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Causal(NOTES, _WIDTH, 3)
        self.second = Causal(_WIDTH, 64, 3)
        self.last = nn.Conv1d(64, len(LATENTS), 1)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 96, frames)`` to ``(batch, 8, frames)``, from -3 to 3."""
        x = self.act(self.first(x))
        x = self.act(self.second(x))
        return REACH * torch.tanh(self.last(x) / REACH)


class Imagine(nn.Module):
    """From latents to how loud each sine and each band is, and how much they tremble."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(len(LATENTS), _WIDTH, 1)
        self.layers = nn.ModuleList(Causal(_WIDTH, _WIDTH, 3) for _ in range(3))
        self.act = nn.SiLU()
        self.notes = nn.Conv1d(_WIDTH, NOTES, 1)
        self.bands = nn.Conv1d(_WIDTH, BANDS, 1)
        self.motion = nn.Conv1d(_WIDTH, 1, 1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``(batch, 8, frames)`` to 96 sines, 12 bands and 1 motion, all from 0 to 1.

        Levels are cube roots of amplitudes, as ears have it.
        """
        y = self.act(self.first(z))
        for layer in self.layers:
            y = y + self.act(layer(y))
        return (
            torch.sigmoid(self.notes(y)),
            torch.sigmoid(self.bands(y)),
            torch.sigmoid(self.motion(y)),
        )


class Sines(nn.Module):
    """96 oscillators, which tremble each at its own rate and share a vibrato."""

    ramp: Tensor
    phase: Tensor
    clock: Tensor
    past: Tensor
    bent: Tensor

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.hz = fixed(torch.tensor(NOTES_HZ)[:, None, None])
        # whole turns in 2 ** 14 frames: 0.1 to 3 Hz; exact numbers, so that blocks do not count
        rates = torch.logspace(math.log10(18), math.log10(520), NOTES).round()
        shuffle = torch.randperm(NOTES, generator=generator)
        self.rate = fixed(rates[shuffle][:, None])
        self.vibrato = fixed(torch.tensor([907.0]))  # 5.2 Hz
        self.offset = fixed(torch.rand(NOTES, 1, generator=generator))
        self.depth = fixed(torch.tensor([0.012]))
        ramp = torch.arange(1, HOP + 1) / SAMPLE_RATE
        self.register_buffer("ramp", ramp, persistent=False)
        phases = torch.rand(NOTES, 1, generator=generator) * _TURN
        self.register_buffer("phase", phases.floor().expand(_BATCH, -1, -1).clone(), False)
        self.register_buffer("clock", torch.zeros(_BATCH, 1, 1), False)
        self.register_buffer("past", torch.zeros(_BATCH, NOTES, 1), False)
        self.register_buffer("bent", torch.zeros(_BATCH, 1, 1), False)

    def forward(self, amps: Tensor, motion: Tensor) -> Tensor:
        """Amplitudes ``(batch, 96, frames)`` to sound ``(batch, 96, 512 * frames)``."""
        n = amps.shape[0]
        count = torch.cumsum(torch.ones_like(motion), -1)
        clock = torch.remainder(self.clock[:n] + count, _CLOCK)
        self.clock[:n].copy_(clock[..., -1:])
        turns = clock * self.rate / _CLOCK + self.offset
        amps = amps * (1 - motion * (0.5 - 0.5 * torch.sin(2 * torch.pi * turns)))
        bend = self.depth * motion**2 * torch.sin(2 * torch.pi * clock * self.vibrato / _CLOCK)

        # Within a frame, pitch and amplitude go straight from the last one to this one. Whole
        # turns are dropped, and the vibrato is kept apart: small numbers have small errors.
        bends = torch.cat([self.bent[:n], bend], -1)
        self.bent[:n].copy_(bend[..., -1:])
        start, end = bends[..., :-1], bends[..., 1:]
        length = HOP / SAMPLE_RATE
        plain = self.hz * self.ramp
        plain = plain - torch.floor(plain)
        steps = plain[:, 0, -1:] + self.hz[..., 0] * (0.5 * length) * (start + end)
        steps = torch.round((steps - torch.floor(steps)) * _TURN).long()
        ends = self.phase[:n].long() + torch.cumsum(steps, -1)
        phases = torch.remainder(torch.cat([self.phase[:n].long(), ends], -1), int(_TURN))
        self.phase[:n].copy_(phases[..., -1:])
        slope = (0.5 / length) * (end - start).unsqueeze(-1)
        astray = self.ramp * (start.unsqueeze(-1) + slope * self.ramp)
        starts = phases[..., :-1].to(amps.dtype).unsqueeze(-1) / _TURN
        turns = starts + plain + self.hz * astray
        return torch.sin(2 * torch.pi * turns).flatten(-2) * glide(amps, self.past)


class Noise(nn.Module):
    """Bands of noise. The noise is a loop of 1.4 s, always the same one."""

    loop: Tensor
    at: Tensor
    past: Tensor

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        loop = torch.rand(_NOISE_FRAMES, generator=generator) * 2 - 1
        self.register_buffer("loop", loop, persistent=False)
        self.register_buffer("at", torch.zeros(1), persistent=False)
        self.filters = nn.Conv1d(1, BANDS, _NOISE_TAPS, bias=False)
        self.filters.weight = fixed(band_passes())
        self.register_buffer("past", torch.zeros(_BATCH, BANDS, 1), persistent=False)

    def forward(self, amps: Tensor) -> Tensor:
        """Amplitudes ``(batch, 12, frames)`` to sound ``(batch, 12, 512 * frames)``."""
        frames = amps.shape[-1] * HOP
        taps = torch.arange(frames + _NOISE_TAPS - 1, device=amps.device)
        where = torch.remainder(self.at.long() + taps, _NOISE_FRAMES)
        self.at.copy_(torch.remainder(self.at + frames, float(_NOISE_FRAMES)))
        noise = self.filters(self.loop[where][None, None])
        out: Tensor = noise * glide(amps, self.past)
        return out


class Voice(nn.Module):
    """The instrument. Methods: ``encode``, ``decode`` and ``forward``, which is both."""

    sample_rate = SAMPLE_RATE

    def __init__(self) -> None:
        super().__init__()
        self.ear = Ear()
        self.listen = Listen()
        self.imagine = Imagine()
        everything = NOTES + BANDS
        self.tail = Causal(everything, everything, _TAIL_FRAMES, groups=everything)
        self.tail.conv.weight = fixed(_decays())
        self.tail.conv.bias = fixed(torch.zeros(everything))
        self.sines = Sines()
        self.hiss = Noise()
        self.mix = nn.Conv1d(everything, _REGISTERS, 1, bias=False)
        self.mix.weight = fixed(_registers())
        self.out = nn.Conv1d(_REGISTERS, 1, 1, bias=False)
        self.out.weight = fixed(torch.full((1, _REGISTERS, 1), 0.7))

    def encode(self, x: Tensor) -> Tensor:
        """Sound ``(batch, 1, 512 * frames)`` to latents ``(batch, 8, frames)``."""
        z: Tensor = self.listen(self.ear(x))
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Latents ``(batch, 8, frames)`` to sound ``(batch, 1, 512 * frames)``, within 1."""
        notes, bands, motion = self.imagine(z)
        amps = torch.cat([notes, bands], 1) ** 3
        amps = amps + self.tail(amps)
        sines = self.sines(amps[:, :NOTES], motion)
        noise = self.hiss(amps[:, NOTES:])
        registers = torch.tanh(self.mix(torch.cat([sines, noise], 1)))
        return torch.tanh(self.out(registers))

    def forward(self, x: Tensor) -> Tensor:
        """Sound ``(batch, 1, 512 * frames)`` to the same."""
        return self.decode(self.encode(x))


def glide(amps: Tensor, past: Tensor) -> Tensor:
    """Go from each frame's value to the next, ``(batch, n, frames)`` to 512 times as many."""
    n = amps.shape[0]
    before = torch.cat([past[:n], amps[..., :-1]], -1)
    past[:n].copy_(amps[..., -1:])
    way = torch.arange(1, HOP + 1, device=amps.device, dtype=amps.dtype) / HOP
    return (before.unsqueeze(-1) + (amps - before).unsqueeze(-1) * way).flatten(-2)


def fixed(value: Tensor) -> nn.Parameter:
    """A weight that is given, not learnt."""
    return nn.Parameter(value.float(), requires_grad=False)


# -- given weights -----------------------------------------------------------------------
def _windows() -> Tensor:
    """Sines and cosines of each note under a window of 20 periods, at the newest samples."""
    hz = torch.tensor(NOTES_HZ, dtype=torch.float64)[:, None]
    length = (20 * SAMPLE_RATE / hz).clamp(1024, _EAR_FRAMES).floor()
    back = torch.arange(_EAR_FRAMES - 1, -1, -1, dtype=torch.float64)
    window = torch.where(
        back < length, 0.5 - 0.5 * torch.cos(2 * torch.pi * (back + 0.5) / length), 0.0
    )
    window = window * 2 / window.sum(-1, keepdim=True)  # a sine of amplitude 1 gives 1
    turns = 2 * torch.pi * hz * back / SAMPLE_RATE
    return torch.cat([window * torch.cos(turns), window * torch.sin(turns)])[:, None]


def band_passes() -> Tensor:
    """Windowed sinc filters, whose noise has a level of about 0.3 each."""
    edges = torch.tensor([*BANDS_HZ, BANDS_HZ[-1] * 2**0.62], dtype=torch.float64) * 2**-0.31
    at = torch.arange(_NOISE_TAPS, dtype=torch.float64) - (_NOISE_TAPS - 1) / 2
    lows = torch.sinc(2 * edges[:, None] * at / SAMPLE_RATE) * 2 * edges[:, None] / SAMPLE_RATE
    window = torch.hann_window(_NOISE_TAPS, False, dtype=torch.float64)
    bands = (lows[1:] - lows[:-1]) * window
    filters: Tensor = (0.5 * bands / bands.norm(dim=-1, keepdim=True))[:, None]
    return filters


def _decays() -> Tensor:
    """Each level dies away, high ones faster: a small room."""
    seconds = torch.cat([torch.linspace(0.6, 0.25, NOTES), torch.full((BANDS,), 0.18)])[:, None]
    back = torch.arange(_TAIL_FRAMES - 1, -1, -1) * HOP / SAMPLE_RATE
    shape = torch.exp(-3.5 * back / seconds) * (1 - back / back.max()) ** 0.5
    return (0.7 * shape / shape.sum(-1, keepdim=True))[:, None]


def _registers() -> Tensor:
    """Neighbouring notes share a shaper, and the bands of noise have one."""
    mix = torch.zeros(_REGISTERS, NOTES + BANDS)
    for k in range(NOTES):
        mix[k * (_REGISTERS - 1) // NOTES, k] = 0.9 if k % 2 else -0.9
    mix[-1, NOTES:] = 0.9
    return mix[..., None]
