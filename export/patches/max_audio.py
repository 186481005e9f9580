"""The signal side of an exported Max patch: sources, nn~, mix and output.

Signals go by name, and Max adds what several ``send~`` put into one name:
``tb/<file>/:source/N`` is the input, ``tb/<file>/:wet/N`` is where every method that makes
sound puts it, ``tb/<file>/:latent/N`` where a method that makes latents puts them for one that
plays them.
"""

from __future__ import annotations

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import Card, Control, Field, receive_name
from torchbend.export.patches.layout import (
    body_height,
    card_height,
    field_height,
    header_height,
)
from torchbend.export.patches.max_controls import draw_heading, parameter, slider
from torchbend.export.patches.maxpat import Patcher, Rect, number, quoted
from torchbend.export.patches.pd_audio import Signals, latent_control

__all__ = ["fader", "method_patcher", "write_method", "write_output", "write_sources"]

_LINE = 30
_RAMP_MS = 20
_LIGHT = (0.13, 0.13, 0.13, 1.0)


def fader(
    patcher: Patcher, x: float, y: float, shown: Rect, stem: str, name: str,
    ends: tuple[float, float, float],
) -> str:  # fmt: skip
    """A slider with a public name that moves a gain without a click; returns its line~.

    Args:
        patcher: takes it.
        x: where the boxes begin in the patch.
        y: where they begin.
        shown: the slider's place in presentation mode.
        stem: the exported file's name without its ending.
        name: of the gain.
        ends: least, greatest, default.
    """
    low, high, start = ends
    moved = patcher.box(
        "live.slider", (x + 160, y, 160, 30), 1, ["", "float"], shown, orientation=1,
        showname=0, shownumber=1, **parameter(f":{name}", start, low, high, parameter_unitstyle=1),
    )  # fmt: skip
    receive = patcher.obj(x, y, f"r {receive_name(stem, ':' + name)}", 0, "")
    ramp = patcher.message(x + 340, y, f"$1 {_RAMP_MS}")
    line = patcher.obj(x + 420, y, "line~", 2, "signal", "bang")
    return patcher.chain(receive, moved, ramp, line)


def write_sources(patcher: Patcher, x: float, y: float, stem: str, count: int, at: Rect) -> float:
    """Microphone, file player and other patches' sound, into the source buses."""
    left, top, *_ = at
    color = _LIGHT
    names = ("microphone", "open file", "play file")
    for place, name in enumerate(names):
        patcher.words(x - 2400, y, name, shown=(left + 10 + 96 * place, top + 5, 90, 20),
                      color=color)  # fmt: skip
    patcher.words(x - 2400, y, "input gain", shown=(left + 10, top + 64, 90, 20), color=color)
    live = patcher.box(
        "live.toggle", (x + 160, y, 26, 26), 1, [""], (left + 14, top + 30, 26, 26),
        **parameter(":microphone", 1, 0, 1, 2, parameter_enum=["off", "on"]),
    )  # fmt: skip
    microphone = patcher.obj(x + 420, y, "line~", 2, "signal", "bang")
    heard = patcher.obj(x, y, f"r {receive_name(stem, ':mic')}", 0, "")
    patcher.chain(heard, live, patcher.message(x + 340, y, f"$1 {_RAMP_MS}"), microphone)
    y += 2 * _LINE
    gain = fader(
        patcher, x, y, (left + 14, top + 86, 270, 30), stem, "gain", (0.0, 2.0, 1.0)
    )
    y += 2 * _LINE
    opened = patcher.message(x + 160, y, "open", (left + 110, top + 30, 60, 24))
    play = patcher.box(
        "toggle", (x + 240, y, 26, 26), 1, ["int"], (left + 206, top + 30, 26, 26),
        parameter_enable=0,
    )  # fmt: skip
    around = patcher.obj(x + 300, y, "loadmess loop 1", 1, "")
    channels = min(count, 8)
    y += _LINE
    outs = ["signal"] * channels + ["bang"]
    player = patcher.obj(x + 160, y, f"sfplay~ {channels}", 2, *outs)
    for source in (opened, play, around):
        patcher.connect(source, 0, player, 0)
    inputs = " ".join(str(channel + 1) for channel in range(count))
    adc = patcher.obj(x, y, f"adc~ {inputs}", 1, *["signal"] * count)
    y += _LINE
    for channel in range(count):
        mixed = patcher.obj(x, y, "*~ 0.", 2, "signal")
        loud = patcher.obj(x + 260, y, "*~ 1.", 2, "signal")
        bus = patcher.obj(x + 340, y, f"send~ {_bus(stem, 'source', channel)}", 1)
        other = patcher.obj(x + 60, y, f"receive~ {_bus(stem, 'in', channel)}", 1, "signal")
        patcher.connect(adc, channel, mixed, 0)
        patcher.connect(microphone, 0, mixed, 1)
        patcher.connect(mixed, 0, loud, 0)
        patcher.connect(other, 0, loud, 0)
        patcher.connect(player, min(channel, channels - 1), loud, 0)
        patcher.connect(gain, 0, loud, 1)
        patcher.connect(loud, 0, bus, 0)
        y += _LINE
    return y + _LINE


def _bus(stem: str, name: str, channel: int) -> str:
    return receive_name(stem, f":{name}", channel)


def write_method(
    patcher: Patcher, x: float, y: float, stem: str, method: MethodInfo, buffer: int,
    signals: Signals, shown: tuple[float, float] | None, init: str | None,
) -> tuple[float, str]:  # fmt: skip
    """A method's nn~ between the buses, and the sliders of its latents if it plays them.

    Returns:
        How far down it reaches, and the nn~ box.
    """
    control = latent_control(method)
    sources: list[str] = []
    if control is not None:
        y, sources = _latents(patcher, x, y, stem, control, shown, init)
        for channel, source in enumerate(sources):
            both = patcher.obj(x + 560, y, "+~ 0.", 2, "signal")
            bus = patcher.obj(
                x + 200, y, f"receive~ {_bus(stem, 'latent', channel)}", 1, "signal"
            )
            patcher.connect(source, 0, both, 0)
            patcher.connect(bus, 0, both, 1)
            sources[channel] = both
            y += _LINE
    else:
        for channel in range(method.in_channels):
            name = f"receive~ {_bus(stem, 'source', channel)}"
            sources.append(patcher.obj(x + 200, y, name, 1, "signal"))
            y += _LINE
    text = f"nn~ {quoted(stem + '.ts')} {method.name} {buffer}"
    inlets = max(1, method.in_channels)
    y += _LINE
    nn = patcher.obj(x, y, text, inlets, *["signal"] * method.out_channels)
    patcher.connect(
        patcher.obj(x, y - _LINE, f"r {receive_name(stem, ':nn')}", 0, ""), 0, nn, 0
    )
    for channel, source in enumerate(sources):
        patcher.connect(source, 0, nn, channel)
    y += _LINE
    wet = "wet" if method.out_ratio == 1 else "latent"
    for channel in range(method.out_channels):
        out = receive_name(stem, f"{method.name}:out", channel)
        patcher.connect(nn, channel, patcher.obj(x + 360, y, f"send~ {out}", 1), 0)
        if method.out_ratio == 1 or channel < signals.latents:
            bus = patcher.obj(x, y, f"send~ {_bus(stem, wet, channel)}", 1)
            patcher.connect(nn, channel, bus, 0)
        y += _LINE
    return y + _LINE, nn


def _latents(
    patcher: Patcher, x: float, y: float, stem: str, control: Control,
    shown: tuple[float, float] | None, init: str | None,
) -> tuple[float, list[str]]:  # fmt: skip
    """Sliders for a method's inputs; returns a line~ for each."""
    count = len(control.fields)
    left, top = shown if shown is not None else (20.0, 20.0)
    card = Card.of(control)
    draw_heading(patcher, left, top, card)
    top += header_height(card)
    lines: list[str] = []
    if control.shape == "bank":
        first = control.fields[0]
        moved = patcher.box(
            "multislider", (x + 160, y, 260, 60), 1, ["", ""],
            (left + 12, top, 376, body_height(control) - 10),
            size=count, setminmax=[first.low, first.high], settype=1, setstyle=1,
            parameter_enable=0, orientation=1, spacing=1, varname=control.name,
        )  # fmt: skip
        start = " ".join(number(float(field.default)) for field in control.fields)
        zero = patcher.message(x, y + 30, start)
        parts = patcher.obj(x + 440, y, "unpack " + " ".join(["0."] * count), 1, *["float"] * count)
        patcher.chain(patcher.obj(x, y, f"r {receive_name(stem, control.name)}", 0, ""), moved)
        patcher.chain(patcher.obj(x, y + 60, "loadbang", 1, "bang"), zero)
        if init is not None:
            patcher.connect(init, 0, zero, 0)
        patcher.chain(zero, moved, parts)
        y += 3 * _LINE
        for place in range(count):
            line = _smooth(patcher, x + 340, y, parts, place)
            lines.append(line)
            y += _LINE
        return y, lines
    for place, field in enumerate(control.fields):
        lines.append(_latent_row(patcher, x, y, stem, control, field, place, (left, top), init))
        top += field_height(field)
        y += 2 * _LINE
    return y, lines


def _latent_row(
    patcher: Patcher, x: float, y: float, stem: str, control: Control, field: Field, place: int,
    shown: tuple[float, float], init: str | None,
) -> str:  # fmt: skip
    left, top = shown
    name = f"{control.name} {place + 1}"
    patcher.words(x - 2400, y, field.label or "1", shown=(left + 12, top + 3, 44, 20),
                  color=_LIGHT)  # fmt: skip
    moved = slider(patcher, x + 160, y, (left + 56, top, 320, 26), name, field)
    patcher.chain(patcher.obj(x, y, f"r {receive_name(stem, control.name, place)}", 0, ""), moved)
    if init is not None:
        patcher.connect(init, 0, moved, 0)
    return _smooth(patcher, x + 340, y, moved, 0)


def _smooth(patcher: Patcher, x: float, y: float, source: str, outlet: int) -> str:
    ramp = patcher.message(x, y, f"$1 {_RAMP_MS}")
    patcher.connect(source, outlet, ramp, 0)
    return patcher.chain(ramp, patcher.obj(x + 80, y, "line~", 2, "signal", "bang"))


def method_patcher(
    info: FileInfo, method: MethodInfo, stem: str, buffer: int
) -> Patcher:
    """The subpatch of another method: its nn~ rests until it is switched on."""
    control = latent_control(method)
    patcher = Patcher(900, 640, presentation=False)
    top = 40.0
    if control is not None:
        top += card_height(Card.of(control)) + 40
    name = receive_name(stem, f"{method.name}:enable")
    _, nn = write_method(
        patcher, 20, top + 60, stem, method, buffer, Signals.of(info), (20, 20), None
    )
    rest = patcher.obj(500, top, "loadmess 0", 1, "")
    on = patcher.obj(20, top, f"r {name}", 0, "")
    word = patcher.message(380, top + 30, "enable $1")
    patcher.chain(rest, word, nn)
    patcher.connect(on, 0, word, 0)
    return patcher


def write_output(
    patcher: Patcher, x: float, y: float, stem: str, signals: Signals, at: Rect
) -> float:
    """Dry and wet, the level, a meter and the way out."""
    left, top, *_ = at
    wet = dry = None
    shown_top = top + 6
    if signals.sources:
        patcher.words(x - 2400, y, "dry / wet", shown=(left + 10, shown_top, 90, 20),
                      color=_LIGHT)  # fmt: skip
        wet = fader(
            patcher, x, y, (left + 14, shown_top + 22, 230, 30), stem, "mix", (0.0, 1.0, 1.0)
        )
        dry = patcher.obj(x + 500, y, "!-~ 1.", 2, "signal")
        patcher.connect(wet, 0, dry, 0)
        y += 2 * _LINE
        shown_top += 62
    patcher.words(x - 2400, y, "level", shown=(left + 10, shown_top, 90, 20), color=_LIGHT)
    level = fader(
        patcher, x, y, (left + 14, shown_top + 22, 230, 30), stem, "level", (0.0, 1.0, 0.8)
    )
    y += 2 * _LINE
    count = signals.outputs
    places = " ".join(str(channel + 1) for channel in range(max(2, count)))
    speakers = patcher.obj(x, y + _LINE * (count + 2), f"dac~ {places}", max(2, count))
    meter = patcher.box(
        "meter~", (x + 200, y + _LINE * (count + 2), 16, 80), 1, ["float"],
        (left + 266, top + 16, 16, 84),
    )  # fmt: skip
    for channel in range(count):
        name = f"receive~ {_bus(stem, 'wet', channel)}"
        made = patcher.obj(x, y, name, 1, "signal")
        out = patcher.obj(x + 560, y, "*~ 0.", 2, "signal")
        if wet is not None and dry is not None:
            bent = patcher.obj(x + 260, y, "*~ 1.", 2, "signal")
            plain = patcher.obj(x + 620, y, "*~ 0.", 2, "signal")
            bus = _bus(stem, "source", channel % signals.sources)
            source = patcher.obj(x + 700, y, f"receive~ {bus}", 1, "signal")
            patcher.chain(made, bent, out)
            patcher.chain(source, plain, out)
            patcher.connect(wet, 0, bent, 1)
            patcher.connect(dry, 0, plain, 1)
        else:
            patcher.connect(made, 0, out, 0)
        patcher.connect(level, 0, out, 1)
        patcher.connect(out, 0, speakers, channel)
        if count == 1:
            patcher.connect(out, 0, speakers, 1)
        if channel == 0:
            patcher.connect(out, 0, meter, 0)
        y += _LINE
    return y + 6 * _LINE
