"""The signal side of an exported Pd patch: sources, nn~, mix and output.

Signals go by name: ``$0-src-N`` is the input, ``$0-wet-N`` is where every method that makes
sound adds it, ``$0-latent-N`` where a method that makes latents adds them for one that plays
them. Names that begin with ``tb/`` are for other patches, to throw~ sound in and receive~ it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import (
    ROW_LIMIT,
    Card,
    Control,
    Field,
    Shape,
    receive_name,
)
from torchbend.export.patches.layout import card_height
from torchbend.export.patches.pd import ARGUMENT, Canvas, local
from torchbend.export.patches.pd_controls import NN, draw_card, wire_latents
from torchbend.export.patches.pd_panel import Panel

__all__ = [
    "Signals",
    "audio_canvas",
    "latent_control",
    "method_canvas",
    "write_output",
    "write_sources",
]

_RAMP_MS = 20  # of gains, so that moving them does not click
_MOST_FILE_CHANNELS = 64  # of readsf~
_LATENT_SPAN = 3.0  # a trained model's latents are about standard normal


@dataclass(frozen=True)
class Signals:
    """How many channels each of the patch's buses has.

    Attributes:
        sources: of sound coming in; 0 if no method takes any.
        outputs: of sound going out.
        latents: that some method plays.
    """

    sources: int
    outputs: int
    latents: int

    @staticmethod
    def of(info: FileInfo) -> Signals:
        """The buses that a file's methods need."""
        hear = [method.in_channels for method in info.methods if method.in_ratio == 1]
        sound = [method.out_channels for method in info.methods if method.out_ratio == 1]
        play = [method.in_channels for method in info.methods if method.in_ratio > 1]
        return Signals(max(hear, default=0), max(sound, default=0), max(play, default=0))


def latent_control(method: MethodInfo) -> Control | None:
    """The sliders for a method that plays latents; None for one that takes sound."""
    if method.in_ratio == 1 or method.in_channels == 0:
        return None
    count = method.in_channels
    names = method.input_labels if len(method.input_labels) == count else ()
    fields = tuple(
        Field(
            "float", "float", _short(names[i] if names else "", i), 0.0, -_LATENT_SPAN, _LATENT_SPAN
        )
        for i in range(count)
    )
    shape: Shape = "rows" if count <= ROW_LIMIT else "bank"
    return Control(f"{method.name}:in", shape, fields, False, "its inputs, added to encoded ones")


def _short(label: str, index: int) -> str:
    return label if 0 < len(label) <= 5 else str(index + 1)


def audio_canvas(info: FileInfo, main: MethodInfo, stem: str, buffer: int, index: int) -> Canvas:
    """The subpatch with the inputs, the main method's nn~ and the output."""
    signals = Signals.of(info)
    canvas = Canvas(1000, 760, "audio")
    if signals.sources:
        write_sources(canvas, signals.sources, stem)
    _method(canvas, main, stem, buffer, signals, index)
    if signals.latents:
        canvas.heading("Latents that encoding methods made, for those that play them.")
        for channel in range(signals.latents):
            canvas.chain(
                ("catch~", local(f"latent-{channel}")), ("s~", local(f"latents-{channel}"))
            )
    if signals.outputs:
        write_output(canvas, signals, stem)
    return canvas


def method_canvas(info: FileInfo, method: MethodInfo, stem: str, buffer: int, index: int) -> Canvas:
    """The subpatch of another method: its nn~, which rests until it is switched on."""
    canvas = Panel(1000, 600, method.name)
    control = latent_control(method)
    if control is not None:
        card = Card.of(control)
        draw_card(canvas, 20, 20, card, index, stem)
        canvas.top = card_height(card) + 40
    _method(canvas, method, stem, buffer, Signals.of(info), index, resting=True)
    return canvas


def write_sources(canvas: Canvas, count: int, stem: str) -> None:
    """Microphone, file player and other patches' sound, into the source buses."""
    canvas.heading("The sound that comes in: from the microphone, a file, other patches.")
    microphone = _ramp(canvas, "mic")
    gain = _ramp(canvas, "gain")
    player = _player(canvas, min(count, _MOST_FILE_CHANNELS), stem)
    adc = canvas.obj("adc~", *range(1, count + 1))
    for channel in range(count):
        heard = canvas.obj("*~")
        thrown = canvas.obj("catch~", receive_name(stem, ":in", channel))
        bus = ("s~", local(f"src-{channel}"))
        live, both, loud, _ = canvas.chain(("+~",), ("+~",), ("*~",), bus)
        canvas.connect(adc, channel, heard, 0)
        canvas.connect(microphone, 0, heard, 1)
        canvas.connect(heard, 0, live, 0)
        canvas.connect(thrown, 0, live, 1)
        canvas.connect(player, min(channel, _MOST_FILE_CHANNELS - 1), both, 1)
        canvas.connect(gain, 0, loud, 1)


def _player(canvas: Canvas, channels: int, stem: str) -> int:
    """A sound file that plays around and around; returns its readsf~."""
    _, _, chosen = canvas.chain(("r", local("file")), ("openpanel",), ("t", "b", "s", "b"))
    play, _ = canvas.chain(("msg", 1), ("s", receive_name(stem, ":play")))
    known = canvas.msg(1)
    canvas.connect(chosen, 0, play, 0)
    canvas.connect(chosen, 2, known, 0)
    # Nothing plays before a file was chosen.
    _, gate, choose = canvas.chain(("r", local("play")), ("spigot",), ("sel", 0, 1))
    canvas.connect(known, 0, gate, 1)
    stop = canvas.msg(0)
    begin = canvas.obj("t", "b", "b")
    path, opening = canvas.chain(("symbol",), ("msg", "open", ARGUMENT))
    canvas.connect(chosen, 1, path, 1)
    canvas.connect(choose, 0, stop, 0)
    canvas.connect(choose, 1, begin, 0)
    canvas.connect(begin, 1, path, 0)
    start = canvas.msg(1)
    canvas.connect(begin, 0, start, 0)
    player = canvas.obj("readsf~", channels)
    for message in (stop, opening, start):
        canvas.connect(message, 0, player, 0)
    # At its end the file begins again, unless it was stopped.
    again = canvas.obj("spigot")
    canvas.connect(player, channels, again, 0)
    canvas.connect(canvas.obj("r", local("play")), 0, again, 1)
    canvas.connect(again, 0, begin, 0)
    return player


def _ramp(canvas: Canvas, name: str) -> int:
    """A gain by name, moved over some milliseconds; returns its line~."""
    return canvas.chain(("r", local(name)), ("pack", "f", _RAMP_MS), ("line~",))[-1]


def _method(
    canvas: Canvas,
    method: MethodInfo,
    stem: str,
    buffer: int,
    signals: Signals,
    index: int,
    *,
    resting: bool = False,
) -> None:
    """A method's nn~ between the buses."""
    control = latent_control(method)
    inputs: list[int] = []
    if control is not None:
        moved = wire_latents(canvas, control, index, stem, _RAMP_MS)
        for channel, line in enumerate(moved):
            encoded = canvas.obj("r~", local(f"latents-{channel}"))
            both = canvas.obj("+~")
            canvas.connect(encoded, 0, both, 0)
            canvas.connect(line, 0, both, 1)
            inputs.append(both)
    else:
        for channel in range(method.in_channels):
            inputs.append(canvas.obj("r~", local(f"src-{channel}")))
    canvas.heading(f"nn~: the file, the method, frames of buffer. {_shape(method)}")
    box = ("nn~", f"{stem}.ts", method.name, buffer)
    _, nn = canvas.chain(("r", NN), box)
    canvas.chain(
        ("r", local(f"{method.name}-on")),
        ("msg", "enable", ARGUMENT),
        ("s", local(f"{method.name}-nn")),
    )
    if resting:
        canvas.chain(("loadbang",), ("msg", "enable", 0), ("s", local(f"{method.name}-nn")))
    canvas.connect(canvas.obj("r", local(f"{method.name}-nn")), 0, nn, 0)
    for channel, source in enumerate(inputs):
        canvas.connect(source, 0, nn, channel)
    for channel in range(method.out_channels):
        out = canvas.obj("s~", receive_name(stem, f"{method.name}:out", channel))
        canvas.connect(nn, channel, out, 0)
        if method.out_ratio == 1 or channel < signals.latents:
            bus = "wet" if method.out_ratio == 1 else "latent"
            thrown = canvas.obj("throw~", local(f"{bus}-{channel}"))
            canvas.connect(nn, channel, thrown, 0)


def _shape(method: MethodInfo) -> str:
    return (
        f"{method.in_channels} in at 1/{method.in_ratio}, "
        f"{method.out_channels} out at 1/{method.out_ratio} of the sample rate."
    )


def write_output(canvas: Canvas, signals: Signals, stem: str) -> None:
    """Dry and wet, the level, a meter and the way out."""
    canvas.heading("What goes out: dry and wet, then the level.")
    level = _ramp(canvas, "level")
    wet = dry = -1
    if signals.sources:
        wet = _ramp(canvas, "mix")
        opposite = canvas.chain(wet, ("*~", -1), ("+~", 1))
        dry = opposite[-1]
    count = signals.outputs
    speakers = canvas.obj("dac~", *range(1, max(2, count) + 1))
    meter = canvas.chain(("env~", 4096), ("-", 100), ("s", local("vu")))[0]
    for channel in range(count):
        caught = canvas.obj("catch~", local(f"wet-{channel}"))
        out, _ = canvas.chain(("*~",), ("s~", receive_name(stem, ":out", channel)))
        canvas.connect(level, 0, out, 1)
        if signals.sources:
            bent, plain = canvas.obj("*~"), canvas.obj("*~")
            source = canvas.obj("r~", local(f"src-{channel % signals.sources}"))
            both = canvas.obj("+~")
            canvas.connect(caught, 0, bent, 0)
            canvas.connect(wet, 0, bent, 1)
            canvas.connect(source, 0, plain, 0)
            canvas.connect(dry, 0, plain, 1)
            canvas.connect(bent, 0, both, 0)
            canvas.connect(plain, 0, both, 1)
            caught = both
        canvas.connect(caught, 0, out, 0)
        canvas.connect(out, 0, speakers, channel)
        if count == 1:
            canvas.connect(out, 0, speakers, 1)
        if channel == 0:
            canvas.connect(out, 0, meter, 0)
