"""Max patches that play any file: a help patch, and one to perform with.

``nn~ void 2 2`` has its inlets and outlets before it has a file, and takes any by ``load``.
"""

from __future__ import annotations

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import receive_name
from torchbend.export.patches.layout import CARD_WIDTH, GAP, MARGIN, SIDE_WIDTH, TITLE_HEIGHT
from torchbend.export.patches.max_audio import write_output, write_sources
from torchbend.export.patches.max_controls import CARD, INK, parameter
from torchbend.export.patches.max_side import Side, draw_title
from torchbend.export.patches.maxpat import Patcher, Rect
from torchbend.export.patches.messages import LOADING, MESSAGES
from torchbend.export.patches.pd_audio import Signals

__all__ = ["KNOBS", "PRESETS", "max_help", "max_performance"]

KNOBS, PRESETS = 8, 8
_LINE = 30
_KNOB_HEIGHT = 76
_STEM, _BUFFER = "performance", 4096
_INFO = FileInfo("torchbend", (MethodInfo("forward", 2, 1, 2, 1),))
_VOID = f"nn~ void 2 2 {_BUFFER}"


def max_help() -> str:
    """The help patch: how to load an export, and every message of nn~."""
    said = [message for message in MESSAGES if "max" in message.hosts]
    width, row = 1000, 32
    height = 300 + 36 * len(LOADING) + row * len(said)
    patcher = Patcher(width, height, presentation=False)
    patcher.words(MARGIN, 14, "torchbend in Max", 24, bold=True)
    patcher.words(MARGIN, 56, "how a bent model is loaded, and what nn~ can be told", 12)
    y = 90.0
    for line in LOADING:
        patcher.box("comment", (MARGIN, y, width - 2 * MARGIN, 34), 1, [], text=line)
        y += 38
    y += 20
    patcher.words(MARGIN, y, "try it: open a file first, then click the messages", 14, bold=True)
    y += 36
    button = patcher.box(
        "button", (MARGIN, y, 30, 30), 1, ["bang"], parameter_enable=0
    )
    dialog = patcher.obj(MARGIN + 50, y, "opendialog", 1, "", "bang")
    order = patcher.obj(MARGIN + 150, y, "t s 1", 1, "", "int")
    load = patcher.obj(MARGIN + 230, y, "prepend load", 1, "")
    patcher.chain(button, dialog, order, load)
    gate = patcher.obj(MARGIN + 560, y, "gate", 2, "")
    patcher.connect(order, 1, gate, 0)
    y += 50
    top = y
    for message in said:
        # A message goes on only when a file is there: nn~ cannot reload what it never had.
        box = patcher.message(MARGIN, y, message.text)
        patcher.connect(box, 0, gate, 1)
        patcher.box("comment", (MARGIN + 220, y, 620, 22), 1, [], text=message.meaning)
        y += row
    noise = patcher.obj(MARGIN, y + 20, "cycle~ 220", 2, "signal")
    soft = patcher.obj(MARGIN + 110, y + 20, "*~ 0.1", 2, "signal")
    nn = patcher.obj(MARGIN + 200, y + 20, _VOID, 2, "signal", "signal")
    speakers = patcher.box("ezdac~", (MARGIN + 420, y + 10, 45, 45), 2, [])
    patcher.chain(noise, soft, nn)
    patcher.connect(soft, 0, nn, 1)
    patcher.connect(load, 0, nn, 0)
    patcher.connect(gate, 0, nn, 0)
    for channel in range(2):
        patcher.connect(nn, channel, speakers, channel)
    patcher.height = max(height, top + row * len(said) + 120)
    return patcher.file()


def max_performance() -> str:
    """The performance patch: any file, eight knobs given to attributes by name, presets."""
    signals = Signals.of(_INFO)
    sections = {"switches": 86, "input": 128, "output": 136, "buffer": 60}
    knobs = KNOBS * (_KNOB_HEIGHT + GAP) - GAP
    width = 2 * MARGIN + SIDE_WIDTH + 2 * (CARD_WIDTH + MARGIN)
    height = TITLE_HEIGHT + 2 * MARGIN + knobs
    patcher = Patcher(width, height)
    draw_title(patcher, width, height, "torchbend performance",
               "open a file, name an attribute on each knob, keep presets")  # fmt: skip
    side = Side(patcher, _STEM, sections)
    init, again = side.switches()
    y = write_sources(patcher, 20, 260, _STEM, 2, side.card("input"))
    nn = patcher.obj(20, y + 3 * _LINE, _VOID, 2, "signal", "signal")
    patcher.connect(patcher.obj(20, y, f"r {receive_name(_STEM, ':nn')}", 0, ""), 0, nn, 0)
    for channel in range(2):
        source = f"receive~ {receive_name(_STEM, ':source', channel)}"
        patcher.connect(patcher.obj(260, y + _LINE * channel, source, 1, "signal"), 0, nn, channel)
        wet = f"send~ {receive_name(_STEM, ':wet', channel)}"
        out = patcher.obj(20 + 300 * channel, y + 4 * _LINE, wet, 1)
        patcher.connect(nn, channel, out, 0)
    # The left of a file with one channel, on both sides.
    mono = patcher.obj(640, y + 4 * _LINE, "*~ 1.", 2, "signal")
    right = patcher.obj(740, y + 4 * _LINE, f"send~ {receive_name(_STEM, ':wet', 1)}", 1)
    patcher.chain(nn, mono, right)
    side.enable(nn)
    y = write_output(patcher, 20, y + 6 * _LINE, _STEM, signals, side.card("output"))
    side.buffer(_BUFFER)
    x, top = 2 * MARGIN + SIDE_WIDTH, TITLE_HEIGHT + MARGIN
    _model(patcher, y, (x, top, CARD_WIDTH, 150), nn, mono)
    _presets(patcher, y + 200, (x, top + 150 + GAP, CARD_WIDTH, 170))
    for knob in range(KNOBS):
        place = (x + CARD_WIDTH + MARGIN, top + knob * (_KNOB_HEIGHT + GAP))
        _knob(patcher, 20 + 260 * knob, place, knob, init, again)
    return patcher.file()


def _model(patcher: Patcher, y: float, at: Rect, nn: str, mono: str) -> None:
    """A file is chosen; its method; whether its one channel goes to both sides."""
    left, top, *_ = at
    patcher.panel(at, CARD)
    patcher.words(-2400, y, "model", 14, shown=(left + 10, top + 5, 200, 22), bold=True, color=INK)
    patcher.words(-2400, y, "open a .ts file", shown=(left + 62, top + 44, 200, 20), color=INK)
    button = patcher.box(
        "button", (20, y, 40, 40), 1, ["bang"], (left + 14, top + 34, 40, 40), parameter_enable=0
    )
    patcher.connect(
        patcher.obj(20, y + 50, f"r {receive_name(_STEM, ':open')}", 0, ""), 0, button, 0
    )
    dialog = patcher.obj(80, y, "opendialog", 1, "", "bang")
    load = patcher.obj(180, y, "prepend load", 1, "")
    patcher.chain(button, dialog, load, nn)
    file = patcher.obj(180, y + 50, f"r {receive_name(_STEM, ':file')}", 0, "")
    patcher.connect(file, 0, load, 0)
    patcher.words(-2400, y, "method", shown=(left + 10, top + 84, 80, 20), color=INK)
    method = patcher.box(
        "textedit", (300, y, 140, 24), 1, ["", "int", "", ""], (left + 14, top + 108, 180, 24),
        keymode=1, lines=1, outputmode=1, parameter_enable=0, text="forward", varname="method",
    )  # fmt: skip
    typed = patcher.obj(460, y, "route text", 2, "", "")
    patcher.chain(method, typed, patcher.obj(560, y, "prepend method", 1, ""), nn)
    patcher.words(-2400, y, "mono on both sides", shown=(left + 220, top + 84, 160, 20), color=INK)
    switch = patcher.box(
        "live.toggle", (700, y, 26, 26), 1, [""], (left + 220, top + 106, 26, 26),
        **parameter("mono", 1, 0, 1, 2, parameter_enum=["off", "on"]),
    )  # fmt: skip
    patcher.connect(switch, 0, mono, 1)


def _presets(patcher: Patcher, y: float, at: Rect) -> None:
    """Rows of messages to a pattrstorage, which keeps all that has a name in this patch."""
    left, top, *_ = at
    patcher.panel(at, CARD)
    patcher.words(
        -2400, y, "presets", 14, shown=(left + 10, top + 5, 200, 22), bold=True, color=INK
    )
    name = "torchbend-performance"
    storage = patcher.obj(20, y + 120, f"pattrstorage {name} @savemode 0", 1, "")
    patcher.obj(20, y + 160, "autopattr @autoname 0", 1, "", "", "", "")
    for row, (label, word) in enumerate((("recall", ""), ("store", "store "))):
        place = top + 36 + 40 * row
        patcher.words(-2400, y, label, shown=(left + 10, place + 2, 70, 20), color=INK)
        for slot in range(PRESETS):
            shown = (left + 80 + 39.0 * slot, place, 36, 24)
            box = patcher.message(20 + 80 * slot, y + 40 * row, f"{word}{slot + 1}", shown)
            patcher.connect(box, 0, storage, 0)
    for place, word in enumerate(("write", "read")):
        shown = (left + 80 + 80.0 * place, top + 124, 60, 24)
        patcher.connect(patcher.message(20 + 80 * place, y + 80, word, shown), 0, storage, 0)


def _knob(
    patcher: Patcher, y: float, shown: tuple[float, float], knob: int, init: str, again: str
) -> None:
    """A slider's place between low and high goes to the attribute of its name."""
    left, top = shown
    x = 1300.0
    patcher.panel((left, top, CARD_WIDTH, _KNOB_HEIGHT), CARD)
    number = knob + 1
    patcher.words(-2400, y, str(number), 14, shown=(left + 8, top + 8, 30, 22), bold=True,
                  color=INK)  # fmt: skip
    name = patcher.box(
        "textedit", (x, y, 160, 24), 1, ["", "int", "", ""], (left + 44, top + 9, 160, 24),
        keymode=1, lines=1, outputmode=1, parameter_enable=0, text="-",
        varname=f"name {number}",
    )  # fmt: skip
    ends = []
    for place, (word, start) in enumerate((("low", 0.0), ("high", 1.0))):
        patcher.words(-2400, y, word, 10,
                      shown=(left + 212 + 92 * place, top + 11, 34, 18), color=INK)  # fmt: skip
        ends.append(
            patcher.box(
                "live.numbox", (x + 380 + 80 * place, y, 60, 20), 1, ["", "float"],
                (left + 246 + 92 * place, top + 11, 52, 20),
                **parameter(f"{word} {number}", start, -1000.0, 1000.0, parameter_unitstyle=1),
            )
        )  # fmt: skip
    slide = patcher.box(
        "live.slider", (x + 200, y, 160, 30), 1, ["", "float"], (left + 14, top + 42, 270, 28),
        orientation=1, showname=0, shownumber=0,
        **parameter(f"knob {number}", 0.0, 0.0, 1.0, parameter_unitstyle=1),
    )  # fmt: skip
    receive = patcher.obj(x, y + 40, f"r {receive_name(_STEM, 'knob', number)}", 0, "")
    patcher.connect(receive, 0, slide, 0)
    patcher.connect(init, 0, slide, 0)
    patcher.connect(again, 0, slide, 0)
    mapped = patcher.obj(x + 200, y + 80, "scale 0. 1. 0. 1.", 6, "")
    shown_value = patcher.box(
        "flonum", (x + 360, y + 80, 80, 22), 1, ["", "bang"], (left + 296, top + 44, 90, 24),
        parameter_enable=0, ignoreclick=1,
    )  # fmt: skip
    gate = patcher.obj(x + 460, y + 80, "gate", 2, "")
    said = patcher.obj(x + 200, y + 160, "prepend nothing", 1, "")
    patcher.chain(slide, mapped, shown_value)
    for inlet, end in enumerate(ends):
        patcher.connect(end, 0, mapped, 3 + inlet)
    patcher.connect(shown_value, 0, gate, 1)
    patcher.connect(gate, 0, said, 0)
    send = patcher.obj(x + 460, y + 160, f"s {receive_name(_STEM, ':nn')}", 1)
    patcher.connect(said, 0, send, 0)
    # The name goes before each value; with no name nothing is said.
    typed = patcher.obj(x, y + 80, "route text", 2, "", "")
    both = patcher.obj(x, y + 120, "t s s", 1, "", "")
    empty = patcher.obj(x + 80, y + 120, "sel -", 2, "bang", "")
    closed = patcher.message(x + 80, y + 200, "0")
    opened = patcher.obj(x + 140, y + 200, "t 1", 1, "int")
    prefix = patcher.obj(x, y + 160, "sprintf set set %s", 1, "")
    patcher.chain(name, typed, both, empty, closed, gate)
    patcher.connect(empty, 1, opened, 0)
    patcher.connect(opened, 0, gate, 0)
    patcher.connect(both, 1, prefix, 0)
    patcher.connect(prefix, 0, said, 0)
