"""What the demo leaves behind: sounds, their picture, addresses, and the files for a patch."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchbend.description import FileInfo
from torchbend.threads import one_thread
from torchbend.voice import SAMPLE_RATE, gesture, loop, render_voice, voice

from .output import draw_spectrogram, say, write_wav

__all__ = ["draw", "write"]

SECONDS = 10.0
_BLOCK_FRAMES = 2048
_DRAWN_POINTS = 400


def write(out: Path) -> None:
    """Write everything, and say what it is.

    Args:
        out: a folder.
    """
    say("\nTen seconds of the built-in voice, its knobs moved one after the other:")
    sounds = _sounds()
    told = {
        "loop": "what it listens to",
        "plain": "what it makes of that",
        "bent": "the same, while its eight knobs move",
    }
    for stem, sound in sounds.items():
        write_wav(out / f"{stem}.wav", sound, SAMPLE_RATE)
        _tell(f"{stem}.wav", told[stem])
    _draw(sounds, out / "bent.png")
    _tell("bent.png", "all three, and the knobs")

    say("\nThe voice as a file for nn~ in Max and Pure Data, every knob an attribute:")
    instrument = voice()
    info: FileInfo = instrument.export(out / "voice.ts", name="voice", check=False).info
    _tell("voice.ts", "the model, with its bends")
    _tell("voice.pd", "a patch that plays it in Pure Data; voice.maxpat does in Max")
    _tell("voice.json", "its bends, for: torchbend live --bend %s" % (out / "voice.json"))

    say("\nMoved by OSC while it plays:")
    _write_addresses(info, out)
    _tell("addresses.md", "every address, what it takes, and what it does")
    _tell("surface.json", "a ready surface, for Open Stage Control")

    say("\nAll of it is in %s. Next:", out)
    say("  torchbend live                     plays the voice; send it OSC at port 9000")
    say("  torchbend live FILE.ts             plays a model of yours, with your microphone")
    say("  torchbend demo --tour -o tour      a synthesizer and a RAVE, bent in five ways each")


def draw(path: Path) -> None:
    """Draw what `write` leaves behind as ``bent.png``.

    Args:
        path: of the picture.
    """
    _draw(_sounds(), path)


def _sounds() -> dict[str, Tensor]:
    bent = render_voice(SECONDS)[0]
    heard = loop()[0, : len(bent)]
    return {"loop": heard, "plain": _unbent(heard), "bent": bent}


def _unbent(heard: Tensor) -> Tensor:
    instrument = voice()
    with one_thread(), torch.no_grad():
        blocks = torch.split(heard[None, None], _BLOCK_FRAMES, -1)
        return torch.cat([instrument.forward(block) for block in blocks], -1)[0, 0]


def _write_addresses(info: FileInfo, out: Path) -> None:
    control = import_module("torchbend.realtime.control")
    layout = import_module("torchbend.realtime.control.layout")
    controls = [*control.bends(info), *control.strip(), *control.outputs()]
    text = f"# What `torchbend live` hears and tells\n\n{control.address_table(controls)}\n"
    (out / "addresses.md").write_text(text, encoding="utf-8")
    layout.write_session(out / "surface.json", controls, "voice")


def _draw(sounds: dict[str, Tensor], path: Path) -> None:
    """Draw the spectrograms above each other, and under them how far each knob is turned."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.subplots(len(sounds) + 1, 1, height_ratios=[*[1.0] * len(sounds), 0.7])
    titles = ("the built-in loop", "the voice plays along", "its knobs are turned")
    for axis, sound, title in zip(axes, sounds.values(), titles, strict=False):
        draw_spectrogram(axis, sound, SAMPLE_RATE)
        axis.set_xticks([])
        axis.set_title(title, fontsize=9, loc="left")
    _draw_knobs(axes[-1], len(sounds["bent"]) / SAMPLE_RATE)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=100)


def _draw_knobs(axis: Any, seconds: float) -> None:
    moments = [n / (_DRAWN_POINTS - 1) for n in range(_DRAWN_POINTS)]
    turned = [gesture(at) for at in moments]
    for name in turned[0]:
        values = torch.tensor([each[name] for each in turned])
        way = (values - values[0]).abs()
        way = way / way.max()
        at = [seconds * moment for moment in moments]
        (line,) = axis.plot(at, way.tolist(), linewidth=1)
        axis.fill_between(at, way.tolist(), alpha=0.25, color=line.get_color())
        top = seconds * moments[int(way.argmax())]
        axis.text(top, 1.06, name, ha="center", fontsize=9, color=line.get_color())
    axis.set_xlim(0, seconds)
    axis.set_ylim(0, 1.3)
    axis.set_yticks([])
    axis.set_xticks([0, seconds], ["0", f"{seconds:.0f} s"], fontsize=8)
    axis.spines[["top", "left", "right"]].set_visible(False)


def _tell(name: str, what: str) -> None:
    say("  %-14s %s", name, what)
