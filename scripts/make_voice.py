"""Trains the network of torchbend.voice, and writes its weights.

    python scripts/make_voice.py [torchbend/voice/voice.safetensors]

The material is made here: some hundred bars of strings, bells, pads, voices and drums. The
ear's notes go in, the levels of the partials and of the bands of noise should come out. The
latents get their meaning the same way: moved by a known amount, the levels have to become
those of the same music an octave higher, brighter, noisier, louder. What is left, three
latents, has to tell the chords apart. It takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from torchbend.threads import one_thread
from torchbend.voice.net import BANDS, BANDS_HZ, HOP, LATENTS, NOTES, NOTES_HZ, SAMPLE_RATE, Voice
from torchbend.voice.sound import CHORDS, Hit, Tone, degree_hz, make_hit, make_tone, render

log = logging.getLogger("make_voice")

SECONDS = 4.0
FRAMES = int(SECONDS * SAMPLE_RATE) // HOP
SHIFTS = (-7, -3, 0, 4, 7)  # degrees: a latent pitch of 1 is an octave
LOUDER = 2.0  # from a partial's amplitude to the voice's
STEPS_DB = {"level": 10.0, "bright": 4.0, "noise": 10.0}  # of a latent's 1; bright an octave


@dataclass
class Clip:
    """What the ear hears of a clip, and its levels for each shift.

    Attributes:
        heard: ``(96, frames)``.
        notes: amplitudes ``(shifts, 96, frames)``.
        bands: amplitudes ``(12, frames)``.
    """

    heard: Tensor
    notes: Tensor
    bands: Tensor


# -- material ------------------------------------------------------------------------------
def music(rng: random.Random) -> list[tuple[str, float, float, int, float]]:
    """A few seconds: kind, start, seconds, degree and level of each tone and stroke."""
    found: list[tuple[str, float, float, int, float]] = []
    step = 60 / rng.uniform(70, 130) / 4
    at, number = 0.0, rng.randrange(len(CHORDS))
    parts = {p for p in ("chord", "bass", "lead", "drums", "bells") if rng.random() < 0.6}
    chord_kind = rng.choice(["pad", "voice"])
    lead = rng.choice(["string", "string", "bell", "voice"])
    while at < SECONDS:
        strange = rng.random() < 0.25
        chord = tuple(d + rng.randrange(7) for d in CHORDS[0]) if strange else CHORDS[number % 4]
        number += 1
        bar = 16 * step * rng.choice([0.5, 1])
        if "chord" in parts:
            octave = rng.choice([7, 7, 0, 14])
            for d in chord:
                found.append((chord_kind, at, bar - 0.1, d + octave, rng.uniform(0.05, 0.13)))
        for k in range(round(bar / step)):
            now = at + k * step
            if "bass" in parts and k % 2 == 0 and rng.random() < 0.4:
                found.append(("bass", now, 2.5 * step, chord[0] - 7, rng.uniform(0.2, 0.35)))
            if "lead" in parts and rng.random() < 0.4:
                degree = rng.choice(chord) + 7 * rng.choice([1, 1, 2, 0])
                seconds = step * rng.choice([1, 2, 4])
                found.append((lead, now, seconds, degree, rng.uniform(0.1, 0.3)))
            if "bells" in parts and rng.random() < 0.08:
                found.append(("bell", now, 1.2, rng.choice(chord) + 14, rng.uniform(0.08, 0.2)))
            if "drums" in parts:
                if k % 8 == 0 or rng.random() < 0.05:
                    found.append(("kick", now, 0.3, 0, 0.5))
                    found.append(("click", now, 0.0, 0, 0.25))
                if k % 8 == 4 or rng.random() < 0.05:
                    found.append(("snare", now, 0.0, 0, rng.uniform(0.2, 0.5)))
                if rng.random() < 0.5:
                    kind = "brush" if rng.random() < 0.15 else "hat"
                    found.append((kind, now, 0.0, 0, rng.uniform(0.1, 0.35)))
        at += bar
    return found


def played(score: list[tuple[str, float, float, int, float]], shift: int) -> list[Tone | Hit]:
    """Tones and strokes, the tones moved by some degrees."""
    things: list[Tone | Hit] = []
    for kind, start, seconds, degree, level in score:
        if kind == "kick":
            things.append(make_tone(kind, start, seconds, 49.0, level))
        elif kind in ("hat", "snare", "brush", "click"):
            things.append(make_hit(kind, start, level))
        else:
            things.append(make_tone(kind, start, seconds, degree_hz(degree + shift), level))
    return things


def levels(things: list[Tone | Hit]) -> tuple[Tensor, Tensor]:
    """Amplitudes of the voice's notes ``(96, frames)`` and bands ``(12, frames)``."""
    t = torch.arange(FRAMES) * HOP / SAMPLE_RATE
    notes, bands = torch.zeros(NOTES, FRAMES), torch.zeros(BANDS, FRAMES)
    for thing in things:
        power = thing.levels(t) ** 2
        if isinstance(thing, Hit):
            bands += power
            continue
        for k, hz in enumerate(thing.hz):
            place = round(12 * math.log2(hz / NOTES_HZ[0]))
            if 0 <= place < NOTES:
                notes[place] += power[k]
    return notes.sqrt(), bands.sqrt()


def make_clip(rng: random.Random, voice: Voice, generator: torch.Generator) -> Clip:
    """One clip, at some level."""
    score = music(rng)
    gain = 10 ** (-rng.uniform(0, 14) / 20)
    things = played(score, 0)
    sound = gain * render([x for x in things if x.start < SECONDS], SECONDS, rng.randrange(2**31))
    sound += 10 ** (-rng.uniform(60, 90) / 20) * torch.randn(len(sound), generator=generator)
    voice.ear.past.zero_()
    heard = voice.ear(sound[None, None, : FRAMES * HOP])[0]
    shifted = [levels(played(score, shift)) for shift in SHIFTS]
    notes = torch.stack([notes for notes, _ in shifted])
    return Clip(heard, LOUDER * gain * notes, LOUDER * gain * shifted[0][1])


# -- what moved latents mean ---------------------------------------------------------------
def moved(notes: Tensor, bands: Tensor, by: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Levels as they should be when latents move by ``(batch, 1, 1)`` each."""
    octaves = torch.log2(torch.tensor(NOTES_HZ) / 400)[:, None]
    band_octaves = torch.log2(torch.tensor(BANDS_HZ) / 400)[:, None]
    tilt_db = STEPS_DB["bright"] * by["bright"]
    louder_db = STEPS_DB["level"] * by["level"]
    airy = by["noise"].clamp(min=0)
    around = notes.square().sum(1, keepdim=True).sqrt().clamp(max=1)
    breath = 0.25 * airy * around * torch.exp(-(((band_octaves - 1.5) / 2) ** 2))
    noise_db = STEPS_DB["noise"] * by["noise"]
    notes = notes * db(louder_db + tilt_db * octaves - 5 * airy)
    bands = (bands * db(noise_db) + breath) * db(louder_db + 0.7 * tilt_db * band_octaves)
    return notes, bands


def db(x: Tensor) -> Tensor:
    """A gain."""
    return torch.pow(10.0, x / 20)


def meant(notes: Tensor, bands: Tensor) -> tuple[Tensor, Tensor]:
    """Values for level, pitch, bright, noise and motion ``(batch, 5, frames)``; and how sure."""
    tones, hiss = notes.square().sum(1), bands.square().sum(1) * 0.15
    everything_db = 10 * torch.log10(tones + hiss + 1e-7)
    octaves = torch.log2(torch.tensor(NOTES_HZ))[:, None]
    weights = notes.square() + 1e-9
    middle = (weights * octaves).sum(1) / weights.sum(1)
    wide = (notes + 1e-6).sqrt()
    centre = (wide * octaves).sum(1) / wide.sum(1)
    ratio_db = 10 * torch.log10((hiss + 1e-6) / (tones + 1e-6))
    values = torch.stack(
        [
            (everything_db + 11) / STEPS_DB["level"],
            middle - math.log2(280),
            centre - math.log2(800),
            (ratio_db + 32) / 15,
            torch.zeros_like(middle),
        ],
        1,
    )
    sure = torch.stack([torch.ones_like(tones)] + 4 * [(everything_db > -45).float()], 1)
    return values.clamp(-2, 2), sure


# -- training ------------------------------------------------------------------------------
def train(voice: Voice, clips: list[Clip], steps: int) -> None:
    """Fit the trained half."""
    generator = torch.Generator().manual_seed(3)
    trained = [*voice.listen.parameters(), *voice.imagine.parameters()]
    optimizer = torch.optim.Adam(trained, 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    deep = 1 + 2 * torch.sigmoid((20 - torch.arange(float(NOTES))) / 3)[:, None]
    batch = 6
    for step in range(steps):
        forget(voice)
        chosen = torch.randint(len(clips), (batch,), generator=generator).tolist()
        still = torch.rand(batch, 1, 1, generator=generator) < 0.3
        by = {
            name: (2 * torch.rand(batch, 1, 1, generator=generator) - 1).masked_fill(still, 0)
            for name in ("level", "bright", "noise", "motion")
        }
        shifts = torch.randint(len(SHIFTS), (batch,), generator=generator)
        shifts = torch.where(still[:, 0, 0], SHIFTS.index(0), shifts).tolist()
        by["pitch"] = torch.tensor([SHIFTS[s] / 7 for s in shifts])[:, None, None]

        heard = torch.stack([clips[c].heard for c in chosen])
        plain = torch.stack([clips[c].notes[SHIFTS.index(0)] for c in chosen])
        notes = torch.stack([clips[c].notes[s] for c, s in zip(chosen, shifts, strict=True)])
        bands = torch.stack([clips[c].bands for c in chosen])
        z = voice.listen(heard)
        values, sure = meant(plain, bands)
        anchor = ((z[:, :5] - values).square() * sure).mean()
        move = torch.cat([by.get(n, torch.zeros(batch, 1, 1)) for n in LATENTS], 1)
        jitter = 0.05 * torch.randn(z.shape, generator=generator)
        made_notes, made_bands, motion = voice.imagine(z + move + jitter)
        wanted_notes, wanted_bands = moved(notes, bands, by)
        loss = (
            apart(made_notes, wanted_notes, deep)
            + 0.3 * apart(made_bands, wanted_bands, torch.ones(BANDS, 1))
            + 0.1 * (motion - (0.3 + 0.35 * by["motion"]).clamp(0, 1)).square().mean()
            + 0.02 * anchor
            + 0.001 * z[:, 5:].square().mean()
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            log.info("%5d  loss %.4f  anchor %.3f", step, loss.item(), anchor.item())
    forget(voice)


def apart(made: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """How far levels are from those wanted; what sounds counts more than what is silent.

    Two neighbours that sound where one should are heard best in the bass: it weighs more.
    """
    cube_root = wanted.clamp(1e-9, 0.97).pow(1 / 3)
    return ((made - cube_root).square() * (0.5 + 2 * cube_root) * weight).mean()


def forget(voice: Voice) -> None:
    """Start from silence, and leave the gradients of the last time behind."""
    for name, buffer in voice.named_buffers():
        if name.endswith("past"):
            buffer.detach_().zero_()


def make(out: Path, clips: int, steps: int) -> Path:
    """Make the material, train, write. The same numbers come out every time."""
    rng = random.Random(0)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        voice = Voice()
    with torch.no_grad():
        material = [make_clip(rng, voice, generator) for _ in range(clips)]
    log.info("%d clips of %.0f s", clips, SECONDS)
    train(voice, material, steps)
    learnt = {name: p.detach() for name, p in voice.named_parameters() if p.requires_grad}
    save_file(learnt, out)
    return out


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parents[1] / "torchbend" / "voice" / "voice.safetensors"
    parser.add_argument("out", type=Path, nargs="?", default=here)
    parser.add_argument("--clips", type=int, default=280)
    parser.add_argument("--steps", type=int, default=7000)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with one_thread():
        written = make(options.out, options.clips, options.steps)
    log.info("%s: %d bytes", written, written.stat().st_size)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
