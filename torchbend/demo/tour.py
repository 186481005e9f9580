"""What ``torchbend demo --tour`` plays: a small synthesizer and a RAVE, plain and bent.

Each sound is a fresh :class:`~torchbend.BendedModule` around the same model, so nothing is
left over from the one before. RAVE is played as on stage, in blocks with its state kept from
one to the next, while a control moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.threads import one_thread

from .output import draw_spectrogram, say, write_wav

__all__ = ["Joseph", "main"]

SAMPLE_RATE = 44100
BLOCK_FRAMES = 2048
SYNTH_SECONDS = 3.0
RAVE_SECONDS = 6.0
SEED = 0

Curve = Callable[[float], float]


@dataclass(frozen=True)
class Setup:
    """A bend to be heard.

    Attributes:
        stem: the name of its file, without the ending.
        title: what the picture says above it.
        effect: what is heard.
        bends: callbacks and patterns.
        moves: for a control's name, its value at each moment of the sound, 0 to 1.
    """

    stem: str
    title: str
    effect: str
    bends: tb.BendingConfig = field(default_factory=tb.BendingConfig)
    moves: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class Take:
    """A setup and its sound, ``(frames,)``."""

    setup: Setup
    sound: Tensor


def main(out: Path) -> None:
    """Bend both models, write sounds and a picture, and say what was done.

    Args:
        out: the folder to write to; made if it is not there.

    Raises:
        ModuleNotFoundError: matplotlib is missing. Nothing is written then.
    """
    import_module("matplotlib")
    out.mkdir(parents=True, exist_ok=True)

    say("A synthesizer of four partials at 110 Hz")
    rows = [[_keep(take, out) for take in _synthesizer()]]

    say("\nRAVE v2_small, in blocks of %d frames", BLOCK_FRAMES)
    try:
        model = _rave()
    except tb.TorchbendError as error:
        say("  left out. %s", error)
    else:
        pattern = _pattern(RAVE_SECONDS)
        _level_layers(model, pattern)
        say("  Its weights are random, only the level of each layer is set: it hums where a")
        say("  trained one would sing. The bends are the same for both.")
        _keep(Take(Setup("rave-input", "input", "what it listens to"), pattern), out)
        rows.append([_keep(take, out) for take in _bent_rave(model, pattern)])

    picture = out / "spectrograms.png"
    _draw(rows, picture)
    say("\nThe sounds are in %s, their spectrograms in %s.", out, picture)
    say("Next: play them side by side, then open docs/quickstart.ipynb and bend your own model.")


# -- the synthesizer -----------------------------------------------------------------
class Joseph(nn.Module):
    """A sum of sines: partials of ``f0`` Hz, as loud as a softmax of their ``amps``."""

    def __init__(self, f0: float = 110.0, n_partials: int = 4) -> None:
        super().__init__()
        multiples = torch.arange(1.0, n_partials + 1).unsqueeze(-1)
        self.f0 = nn.Parameter(torch.full((1, 1, 1), f0), requires_grad=False)
        self.f_mult = nn.Parameter(multiples, requires_grad=False)
        self.amps = nn.Parameter(torch.ones(1, n_partials, 1), requires_grad=False)

    def forward(self, t: Tensor) -> Tensor:
        """Sound ``(batch, frames)`` at the moments ``t`` ``(batch, frames)``, in seconds."""
        waves = torch.sin(2 * torch.pi * self.f0 * self.f_mult * t.unsqueeze(-2))
        return (waves * torch.softmax(self.amps, dim=-2)).sum(-2)


def fold(x: Tensor) -> Tensor:
    """Wave shaper: turn each sine into one that folds over itself."""
    return torch.sin(torch.pi * 2.5 * x)


def _synth_setups() -> list[Setup]:
    config = tb.BendingConfig
    higher = (tb.Scale(1.3), "f_mult$")
    apart = (tb.Scale([1.0, 1.3, 1.6, 1.9], dim=0), "f_mult$")
    shaper = (tb.Lambda(fold), "sin$")
    thin = (tb.Mask(0.5, seed=4, dim=-2), "sin$")
    return [
        Setup("synth-plain", "synthesizer", "as it is"),
        Setup("synth-f0", "f0 x 4", "two octaves up", config((tb.Scale(4.0), "f0"))),
        Setup("synth-fmult", "f_mult x 1.3", "each partial a little higher", config(higher)),
        Setup("synth-shaper", "sines folded", "a wave shaper inside", config(shaper)),
        Setup("synth-mask", "partials masked", "two of four partials fall silent", config(thin)),
        Setup(
            "synth-bell",
            "three bends at once",
            "an octave down, partials apart, folded: a bell",
            config((tb.Scale(0.5), "f0"), apart, shaper),
        ),
    ]


def _synthesizer() -> Iterator[Take]:
    t = torch.arange(int(SYNTH_SECONDS * SAMPLE_RATE))[None] / SAMPLE_RATE
    for setup in _synth_setups():
        bent = tb.BendedModule(Joseph())
        bent.trace(t=t)
        bent.bend(setup.bends)
        yield Take(setup, bent(t)[0])


# -- RAVE ----------------------------------------------------------------------------
def _rave() -> nn.Module:
    from torchbend.interfaces._rave_build import build_rave

    return build_rave("v2_small", seed=SEED)


def _rave_setups() -> list[Setup]:
    config, control = tb.BendingConfig, tb.BendingParameter
    bands = control("bands", 1.0, range=[0.0, 1.0])
    tide = control("tide", 0.0, range=[0.0, 1.0])
    return [
        Setup("rave-plain", "RAVE", "as it is"),
        Setup(
            "rave-scale",
            "weights x 2",
            "the last residual layers overdriven",
            config((tb.Scale(2.0), r"decoder\.net\.(17|18|19)\..*weight")),
        ),
        Setup(
            "rave-mask",
            "weights masked",
            "70 % of three layers gone: hollow",
            config((tb.Mask(0.3, seed=SEED), r"decoder\.net\.(6|11|16)\.weight")),
        ),
        Setup(
            "rave-permute",
            "weights permuted",
            "what belongs to one band is heard in another",
            config((tb.Permute(dim=0, seed=SEED), r"decoder\.waveform_module\.weight")),
        ),
        Setup(
            "rave-bands",
            "bands, live",
            "bands leave one by one, and come back",
            config((tb.OrderedMask(bands, seed=4, dim=1), "decode:tanh$")),
            {"bands": lambda at: 0.2 + 0.8 * abs(2 * at - 1)},
        ),
        Setup(
            "rave-tide",
            "one knob, two bends, live",
            "a drone rises in the latents while the bands thin out",
            config(
                (tb.Bias(1.5 * tide), "decode:conv1d$"),
                (tb.OrderedMask(1 - 0.75 * tide, seed=11, dim=1), "decode:tanh$"),
            ),
            {"tide": lambda at: 0.5 - 0.5 * math.cos(2 * math.pi * at)},
        ),
    ]


def _bent_rave(model: nn.Module, sound: Tensor) -> Iterator[Take]:
    for setup in _rave_setups():
        with _seeded(), one_thread(), torch.no_grad():
            heard = _stream(model, sound, setup)
        yield Take(setup, heard)


def _stream(model: Any, sound: Tensor, setup: Setup) -> Tensor:
    """Play a sound through a RAVE block by block, and move its controls meanwhile."""
    blocks = sound.reshape(-1, 1, 1, BLOCK_FRAMES)
    bent = tb.BendedModule(model)
    _, latents = bent.trace("encode", x=blocks[0], _return_out=True)
    bent.trace("decode", z=_means(latents))
    bent.bend(setup.bends)
    heard = []
    for number, block in enumerate(blocks):
        for name, curve in setup.moves.items():
            bent.update(name, curve(number / (len(blocks) - 1)))
        heard.append(bent.decode(_means(bent.encode(block))))
    return torch.cat(heard, -1).flatten()


def _means(latents: Tensor) -> Tensor:
    """What an encoder gives are means and deviations, one behind the other."""
    return latents.chunk(2, dim=1)[0]


def _level_layers(model: Any, sound: Tensor) -> None:
    """Set each layer's level as training would, so that an untrained RAVE can be heard.

    Random weights lose several dB a layer. Here each convolution comes to a deviation of 1,
    residual branches to a third, and the last one to the level of the sound's own bands.
    """
    blocks = sound.reshape(1, 1, -1)[..., : 16 * BLOCK_FRAMES]
    bands = _bands(model, blocks)
    wanted = torch.cat([2 * bands, torch.ones_like(bands)])  # waves; their amplitudes

    def level(name: str, layer: Any) -> Callable[..., Tensor]:
        def hook(_: nn.Module, inputs: Any, out: Tensor) -> Tensor:
            gain = (1 / 3 if "branches" in name else 1.0) / out.std((0, 2)).mean()
            if name.endswith("waveform_module"):
                gain = (wanted / out.std((0, 2)))[:, None, None]
            layer.weight.data.mul_(gain)
            return out * gain.squeeze(-1)

        return hook

    handles = [
        layer.register_forward_hook(level(name, layer))
        for part in ("encoder", "decoder")
        for name, layer in getattr(model, part).named_modules()
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)) and "noise_module" not in name
    ]
    state = {name: buffer.clone() for name, buffer in model.named_buffers()}
    with _seeded(), torch.no_grad():
        model.decode(model.encode(blocks)[:, : model.latent_size])  # means first
        for handle in handles:
            handle.remove()
        for name, buffer in model.named_buffers():
            buffer.copy_(state[name]) if name in state else buffer.zero_()


def _bands(model: Any, sound: Tensor) -> Tensor:
    """The deviation of each of RAVE's frequency bands in a sound."""
    with torch.no_grad():
        bands: Tensor = model.pqmf(sound).std((0, 2))
    return bands


# -- a sound to play through it --------------------------------------------------------
def _pattern(seconds: float) -> Tensor:
    """Plucked strings and ticks, whole blocks of it, ``(frames,)``."""
    generator = torch.Generator().manual_seed(SEED)
    frames = int(seconds * SAMPLE_RATE) // BLOCK_FRAMES * BLOCK_FRAMES
    step = SAMPLE_RATE // 4
    notes_hz = [110.0, 130.8, 220.0, 164.8, 110.0, 261.6, 196.0, 146.8]
    accents = [1.0, 0.0, 0.7, 0.4, 0.9, 0.5, 0.0, 0.6]
    sound = torch.zeros(frames + SAMPLE_RATE)
    for beat in range(frames // step):
        at, hz, accent = beat * step, notes_hz[beat % 8], accents[beat % 8]
        sound[at : at + SAMPLE_RATE // 2] += accent * _pluck(hz, SAMPLE_RATE // 2, generator)
        tick = torch.rand(1500, generator=generator) - 0.5
        sound[at : at + 1500] += 0.25 * (beat % 2) * tick * torch.linspace(1, 0, 1500) ** 4
    return sound[:frames] / sound.abs().max()


def _pluck(hz: float, frames: int, generator: torch.Generator) -> Tensor:
    """A plucked string: noise in a loop one period long, dulled at each turn.

    K. Karplus and A. Strong, "Digital Synthesis of Plucked-String and Drum Timbres", 1983.
    """
    loop = torch.rand(round(SAMPLE_RATE / hz), generator=generator) * 2 - 1
    for _ in range(6):  # a soft finger
        loop = (loop + loop.roll(1)) / 2
    turns = []
    for _ in range(frames // len(loop) + 1):
        turns.append(loop)
        loop = 0.498 * (loop + loop.roll(1))
    return torch.cat(turns)[:frames] * torch.linspace(1, 0, frames)


# -- what is left behind ---------------------------------------------------------------
def _keep(take: Take, out: Path) -> Take:
    """Write a take's file, and say what it is."""
    setup, path = take.setup, out / f"{take.setup.stem}.wav"
    write_wav(path, take.sound, SAMPLE_RATE)
    say("  %-18s %s", path.name, setup.effect)
    for entry in setup.bends:
        say("  %-18s   %s on %s", "", entry[0], ", ".join(map(str, entry[1:])))
    return take


def _draw(rows: list[list[Take]], path: Path) -> None:
    """Draw spectrograms, a row for each model, a column for each sound."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(row) for row in rows)
    figure = Figure(figsize=(2.2 * columns, 2.5 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
    for row, line in zip(rows, axes, strict=True):
        for take, axis in zip(row, line, strict=True):
            draw_spectrogram(axis, take.sound, SAMPLE_RATE)
            axis.set_title(take.setup.title, fontsize=9)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=100)


@contextmanager
def _seeded() -> Iterator[None]:
    """RAVE's noise comes from torch's own generator: seed it, and put it back after."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)
        yield
