"""Pictures of what operations do to the sound of the built-in voice, for docs/operations.md.

The voice plays along with its loop, in blocks, and one place in it is bent. A picture has four
seconds from left to right, and 50 Hz to 16 kHz upwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

from torchbend.bending.operation import Operation
from torchbend.places import Place
from torchbend.threads import one_thread
from torchbend.tracing import BendedModule
from torchbend.voice import HOP, SAMPLE_RATE, load_voice, loop, performance

__all__ = ["UNBENT", "Stage", "draw_all", "pictured"]

UNBENT = "unbent"
BLOCK = 64  # latent frames, 0.7 s: long enough to see what a block by itself does
BLOCKS = 6
FROM_SECONDS = 2.6  # of the loop: the second bar
WIDTH, HEIGHT = 240, 96
LOW_HZ, HIGH_HZ = 50.0, 16000.0
RANGE_DB = 55.0
SHADES = 24
WINDOW = 4096
SAME = 0.5  # shades that a pixel may differ by, on average, from one machine's torch to another's

# How loud each of the 96 sines is, frame by frame, from 0 to 1, and before it was made so: what
# happens there is seen at once.
NOTES, LOGITS = "sigmoid$", "imagine_notes$"
REGISTERS = "mix$"  # eight sums of sines and noise, where waves are shaped
LEARNT = r"imagine\.notes\.weight$"
SPOTS = {"gain": LOGITS, "shape": REGISTERS, "captures": LOGITS}


def pictured(operation: Operation) -> tuple[str, dict[str, Any]]:
    """The place that an operation is pictured at, a pattern, and its settings."""
    settings = dict(operation.picture or operation.examples[0])
    if operation.pictured_at:
        return operation.pictured_at, settings
    if "activation" not in operation.places:
        return LEARNT, settings
    return SPOTS.get(operation.family, NOTES), settings


class Stage:
    """The voice, traced once, to be bent and played again and again."""

    def __init__(self) -> None:
        """Trace the voice for blocks."""
        self.bent = BendedModule(load_voice())
        self.start = {name: b.clone() for name, b in self.bent.named_buffers()}
        first = round(FROM_SECONDS * SAMPLE_RATE)
        heard = loop()[:, first : first + BLOCK * BLOCKS * HOP]
        with one_thread(), torch.no_grad():
            self.latents = load_voice().encode(heard[None])
            self.bent.trace("decode", z=self.latents[..., :BLOCK])
        self.unbent = self.play()
        self.peak_db = float(np.percentile(_levels(self.unbent), 99.8))

    def play(self) -> Tensor:
        """The sound from the start on, ``(frames,)``."""
        for name, buffer in self.bent.named_buffers():
            buffer.copy_(self.start[name])
        with one_thread(), torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            parts = [self.bent.decode(z) for z in self.latents.split(BLOCK, -1)]
        return torch.cat(parts, -1)[0, 0]

    def bend(self, operation: Operation) -> Tensor:
        """The sound with an operation at its place."""
        pattern, example = pictured(operation)
        place = self.place(pattern)
        settings = operation.settings(place, example)
        settings.update(self.captured(set(settings), place))
        with self.bent.bend(operation.callback(**settings), pattern):
            return self.play()

    def captured(self, wanted: set[str], place: Place) -> dict[str, Tensor]:
        """What passes the place while the voice plays by itself, for those that take a capture."""
        if not wanted & {"capture", "direction"}:
            return {}
        of_loop, of_itself = (
            self.bent.get_activations(f"{place.name}$", fn="decode", z=z)[place.name][0]
            for z in (self.latents, performance(BLOCK * BLOCKS, seed=1))
        )
        captured = {"capture": of_itself, "direction": of_itself.mean(-1) - of_loop.mean(-1)}
        return {name: captured[name] for name in wanted & set(captured)}

    def shades(self, sound: Tensor) -> np.ndarray:
        """Levels as shades of the picture, against the loudest of the unbent sound."""
        way = (_levels(sound) - self.peak_db) / RANGE_DB + 1
        return (np.clip(way, 0, 1) * (SHADES - 1)).round().astype(np.uint8)

    def place(self, pattern: str) -> Place:
        """The one place that a pattern reaches."""
        (key,) = self.bent.bendable_keys(pattern)
        there = self.bent.activations("decode")
        name = key.removeprefix("decode:")
        if name in there:
            return there[name]
        return Place(key, "weight", tuple(self.bent.weight_shape(key)), torch.float32)


def _levels(sound: Tensor) -> np.ndarray:
    """Level in dB, ``(HEIGHT, WIDTH)``, high frequencies first."""
    hop = len(sound) // WIDTH
    window = torch.hann_window(WINDOW)
    bins = torch.stft(sound, WINDOW, hop, window=window, return_complex=True).abs()[:, :WIDTH]
    hz = torch.logspace(math.log10(LOW_HZ), math.log10(HIGH_HZ), HEIGHT)
    nearest = (hz * WINDOW / SAMPLE_RATE).round().long()
    return (20 * (bins[nearest] + 1e-6).log10()).flip(0).numpy()


def draw_all(folder: Path, there: Sequence[Operation]) -> None:
    """Draw a picture of each operation, and one of the unbent sound.

    A picture that differs by rounding only stays as it is; those of operations that are no
    longer there are taken away.

    Args:
        folder: where they lie, ``<name>.png``.
        there: the operations.
    """
    folder.mkdir(exist_ok=True)
    stage = Stage()
    _write(folder / f"{UNBENT}.png", stage.shades(stage.unbent))
    for operation in there:
        _write(folder / f"{operation.name}.png", stage.shades(stage.bend(operation)))
    known = {UNBENT, *(operation.name for operation in there)}
    for path in folder.glob("*.png"):
        if path.stem not in known:
            path.unlink()


def _write(path: Path, shades: np.ndarray) -> None:
    if path.exists():
        with Image.open(path) as drawn:
            before = np.asarray(drawn).astype(float) if drawn.mode == "P" else np.zeros(0)
        if before.shape == shades.shape and abs(before - shades).mean() <= SAME:
            return
    image = Image.fromarray(shades)
    colours = colormaps["magma"](np.linspace(0, 1, SHADES))[:, :3]
    image.putpalette((colours * 255).astype(np.uint8).tobytes())
    image.save(path, optimize=True)
