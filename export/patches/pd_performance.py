"""The Pd performance patch: any file, knobs given to attributes by name, presets."""

from __future__ import annotations

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import receive_name
from torchbend.export.patches.layout import CARD_WIDTH, GAP, MARGIN, SIDE_WIDTH, TITLE_HEIGHT
from torchbend.export.patches.pd import ARGUMENT, SEMICOLON, Atom, Canvas, Raw, local
from torchbend.export.patches.pd_audio import Signals, write_output, write_sources
from torchbend.export.patches.pd_controls import NN, RESEND, RESET, SHOW
from torchbend.export.patches.pd_host import EDGE, draw_title, write_host
from torchbend.export.patches.pd_panel import PAPER, Panel, Widget
from torchbend.export.patches.pd_side import Side

__all__ = ["KNOBS", "PRESETS", "pd_performance"]

KNOBS, PRESETS = 8, 8
_KNOB_HEIGHT = 76
_NONE = "-"  # the name of a knob that moves nothing yet
_INFO = FileInfo("torchbend", (MethodInfo("forward", 2, 1, 2, 1, least_block=2048),))
_STEM = "performance"


def pd_performance() -> str:
    """The performance patch: any file, eight knobs given to attributes by name, presets."""
    side = Side(_INFO, _INFO.methods[0], [], _STEM)
    knobs = KNOBS * (_KNOB_HEIGHT + GAP) - GAP
    width = 2 * MARGIN + SIDE_WIDTH + 2 * (CARD_WIDTH + MARGIN)
    height = TITLE_HEIGHT + 2 * MARGIN + max(knobs, side.height())
    panel = Panel(width + EDGE, height + EDGE)
    draw_title(
        panel,
        width,
        height,
        "torchbend performance",
        "open a file, name an attribute on each knob, keep presets",
    )
    top = TITLE_HEIGHT + MARGIN
    side.draw(panel, MARGIN, top)
    x = 2 * MARGIN + SIDE_WIDTH
    _draw_model(panel, x, top)
    _draw_presets(panel, x, top + 190 + GAP)
    panel.panel(x, top + 190 + 206 + 2 * GAP, CARD_WIDTH, 172, PAPER)
    panel.words(x + 14, top + 190 + 206 + 2 * GAP + 18, "how", 14)
    how = (
        "Say stereo and the method before you open the file. A knob moves the attribute whose "
        "name you type and end with the return key; its slider goes from low to high. "
        "torchbend info FILE lists the names and ranges. A preset keeps names, ranges, knobs, "
        "mix and level; save writes all presets to a file."
    )
    panel.text(x + 12, top + 190 + 206 + 2 * GAP + 34, how, 52)
    for knob in range(KNOBS):
        place = top + knob * (_KNOB_HEIGHT + GAP)
        _draw_knob(panel, x + CARD_WIDTH + MARGIN, place, knob)
    logic = Canvas(1200, 700, "controls")
    side.wire(logic)
    write_host(logic, f"tb/{_STEM}")
    pack = _wire_presets(logic)
    for knob in range(KNOBS):
        _wire_knob(logic, knob, pack)
    for place, name in enumerate(("mix", "level")):
        gain = logic.obj("r", local(name))
        logic.connect(gain, 0, pack, 1 + 4 * KNOBS + place)
    logic.chain(("r", local("forward-on")), ("msg", "enable", ARGUMENT), ("s", NN))
    # A new nn~ has the buffer of its arguments: it is told what is chosen.
    chosen = ("msg", SEMICOLON, receive_name(_STEM, ":buffer"), "bang")
    logic.chain(("r", RESEND), chosen)
    method = ("msg", SEMICOLON, receive_name(_STEM, ":method"), "symbol", "forward")
    logic.chain(("r", SHOW), method)
    logic.chain(("loadbang",), ("s", SHOW))
    audio = Canvas(1000, 700, "audio")
    write_sources(audio, 2, _STEM)
    write_output(audio, Signals.of(_INFO), _STEM)
    side.put_subpatches(panel, MARGIN, top, [audio, logic])
    return panel.file()


def _draw_model(panel: Panel, x: int, y: int) -> None:
    panel.panel(x, y, CARD_WIDTH, 190, PAPER)
    panel.words(x + 14, y + 18, "model", 14)
    panel.button(x + 14, y + 38, 40, Widget(local("open"), f"tb/{_STEM}/:open"))
    panel.words(x + 64, y + 58, "open a .ts file", 12)
    panel.word_box(x + 14, y + 92, 42, Widget("", local("shown")))
    panel.words(x + 14, y + 140, "method", 12)
    panel.word_box(x + 14, y + 152, 16, Widget(local("method"), f"tb/{_STEM}/:method"))
    panel.words(x + 230, y + 140, "stereo", 12)
    panel.toggle(x + 230, y + 152, 26, Widget(local("stereo"), f"tb/{_STEM}/:stereo"))


def _draw_presets(panel: Panel, x: int, y: int) -> None:
    panel.panel(x, y, CARD_WIDTH, 206, PAPER)
    panel.words(x + 14, y + 18, "presets", 14)
    for row, name in enumerate(("recall", "store")):
        top = y + 36 + 62 * row
        panel.words(x + 14, top + 20, name, 12)
        for slot in range(PRESETS):
            panel.words(x + 88 + 36 * slot, top + 8, str(slot + 1), 10)
        widget = Widget(local(name), f"tb/{_STEM}/:{name}")
        panel.radio(x + 80, top + 16, 36, PRESETS, widget)
    for place, name in enumerate(("save", "load")):
        panel.button(x + 80 + 130 * place, y + 168, 28, Widget(local(name), f"tb/{_STEM}/:{name}"))
        panel.words(x + 118 + 130 * place, y + 182, f"{name} a file", 12)


def _knob(knob: int, name: str) -> Raw:
    return local(f"k{knob}-{name}")


def _knob_name(knob: int, part: str = "") -> str:
    return receive_name(_STEM, f"knob{part}", knob + 1)


def _draw_knob(panel: Panel, x: int, y: int, knob: int) -> None:
    panel.panel(x, y, CARD_WIDTH, _KNOB_HEIGHT, PAPER)
    panel.words(x + 14, y + 19, str(knob + 1), 14)
    name = Widget(_knob(knob, "name"), _knob_name(knob, ":name"))
    panel.word_box(x + 44, y + 8, 18, name)
    for place, end in enumerate(("low", "high")):
        panel.words(x + 222 + 92 * place, y + 19, end, 10)
        widget = Widget(_knob(knob, end), _knob_name(knob, f":{end}"))
        panel.number(x + 252 + 92 * place, y + 8, 5, widget)
    slide = Widget(_knob(knob, "x"), _knob_name(knob))
    panel.slider(x + 14, y + 42, 270, 24, 0, 1, slide)
    panel.number(x + 298, y + 42, 9, Widget("", _knob(knob, "shown")))


def _wire_knob(logic: Canvas, knob: int, pack: int) -> None:
    """A slider's place between low and high goes to the attribute of its name."""
    logic.heading(f"Knob {knob + 1}.")
    mapped = Raw(r"\$f2 + max(0 \, min(1 \, \$f1)) * (\$f3 - \$f2)")
    place, value = logic.obj("f", 0), logic.obj("expr", mapped)
    logic.chain(("r", _knob(knob, "x")), place)
    logic.connect(place, 0, value, 0)
    shown, gate = logic.obj("t", "f", "f"), logic.obj("spigot")
    logic.connect(value, 0, shown, 0)
    logic.connect(shown, 0, gate, 0)
    logic.connect(shown, 1, logic.obj("s", _knob(knob, "shown")), 0)
    said, *_ = logic.chain(("list", "prepend"), ("list", "trim"), ("s", NN))
    logic.connect(gate, 0, said, 0)
    # Moving an end moves the value too; but a recalled preset moves it once, at its end.
    live = logic.obj("spigot", 1)
    logic.connect(logic.obj("r", local("live")), 0, live, 1)
    logic.connect(live, 0, place, 0)
    for inlet, end in ((1, "low"), (2, "high")):
        ends = logic.chain(("r", _knob(knob, end)), ("t", "b", "f"))[-1]
        logic.connect(ends, 1, value, inlet)
        logic.connect(ends, 0, live, 0)
        logic.connect(ends, 1, pack, 4 * knob + 1 + inlet)
    split = logic.chain(("r", _knob(knob, "name")), ("t", "s", "s"))[-1]
    prefix = logic.obj("list", "prepend", "set")
    choose = logic.obj("sel", _NONE)
    logic.connect(split, 1, prefix, 0)
    logic.connect(prefix, 0, said, 1)
    logic.connect(split, 0, choose, 0)
    logic.connect(split, 0, pack, 4 * knob + 4)
    # No name, nothing to move.
    for outlet, state in ((0, 0), (1, 1)):
        is_named = logic.msg(state)
        if outlet:
            named = logic.obj("t", "b")
            logic.connect(choose, 1, named, 0)
            logic.connect(named, 0, is_named, 0)
        else:
            logic.connect(choose, 0, is_named, 0)
        logic.connect(is_named, 0, gate, 1)
    logic.connect(place, 0, pack, 4 * knob + 1)
    logic.connect(logic.obj("r", RESEND), 0, place, 0)
    start: list[Atom] = []
    for part, begin in ((":low", 0), (":high", 1)):
        start += [SEMICOLON, _knob_name(knob, part), begin]
    start += [SEMICOLON, _knob_name(knob), 0]
    none: list[Atom] = [SEMICOLON, _knob_name(knob, ":name"), "symbol", _NONE]
    logic.chain(("r", SHOW), ("msg", *none, *start))
    logic.chain(("r", RESET), ("msg", SEMICOLON, _knob_name(knob), 0))


def _wire_presets(logic: Canvas) -> int:
    """Lines of a text, one a preset; returns the box that gathers what to keep."""
    logic.heading("Presets. One is recalled from right to left: a knob's name first.")
    kinds: list[Atom] = [*["f", "f", "f", "s"] * KNOBS, "f", "f"]
    pack, part = logic.chain(("pack", 0, *kinds), ("list", "split", 1))
    presets = local("presets")
    define = logic.kept_text(presets, [("empty",)] * PRESETS)
    store = logic.obj("text", "set", presets)
    logic.connect(part, 1, store, 0)
    slot = logic.chain(("r", local("store")), ("t", "b", "f"))[-1]
    logic.connect(slot, 1, store, 1)
    logic.connect(slot, 0, pack, 0)
    for name, panel, word in (("save", "savepanel", "write"), ("load", "openpanel", "read")):
        file = logic.chain(("r", local(name)), (panel,), ("msg", word, ARGUMENT))[-1]
        logic.connect(file, 0, define, 0)
    *_, found = logic.chain(
        ("r", local("recall")),
        ("text", "get", presets),
        ("list", "trim"),
        ("route", "empty"),
    )
    order, parts = logic.obj("t", "b", "a", "b"), logic.obj("unpack", *kinds)
    logic.connect(found, 1, order, 0)
    logic.connect(order, 1, parts, 0)
    for outlet, state in ((2, 0), (0, 1)):
        gate = logic.chain(("msg", state), ("s", local("live")))[0]
        logic.connect(order, outlet, gate, 0)
    for knob in range(KNOBS):
        names = ("", ":low", ":high", ":name")
        for place, part_name in enumerate(names):
            box = logic.obj("s", _knob_name(knob, part_name))
            logic.connect(parts, 4 * knob + place, box, 0)
    for place, name in enumerate(("mix", "level")):
        box = logic.obj("s", receive_name(_STEM, f":{name}"))
        logic.connect(parts, 4 * KNOBS + place, box, 0)
    return pack
