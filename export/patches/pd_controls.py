"""The attributes of an export on a Pd panel, and the boxes behind that send them to nn~.

Nothing is wired on the panel itself: widgets send to names, and a subpatch listens. A value
comes in under the control's public name (``tb/<file>/<attribute>``), goes through the widget,
is clamped, shown, kept, and sent on as ``set <attribute> <value>``. The sets that show a value
are silent, so nothing goes around in a circle.
"""

from __future__ import annotations

from torchbend.export.patches.controls import Card, Control, Field, receive_name
from torchbend.export.patches.layout import (
    ARRAY_HEIGHT,
    BANK_HEIGHT,
    CARD_WIDTH,
    MENU_ROW,
    Row,
    card_height,
    clip_text,
    field_height,
    rows,
)
from torchbend.export.patches.pd import (
    ARGUMENT,
    SEMICOLON,
    Atom,
    Canvas,
    Raw,
    is_number,
    local,
)
from torchbend.export.patches.pd_panel import PAPER, Panel, Widget

__all__ = ["NN", "RESEND", "RESET", "SHOW", "draw_card", "wire_control", "wire_latents"]

_NOTE_COLOR = "#707070"
_FAR = 1e30

NN = local("nn")  # what is sent here reaches every nn~ of the patch
SHOW = local("show")  # a bang here makes every widget show its default, silently
RESET = local("reset")  # a bang here sends every default
RESEND = local("resend")  # a bang here sends every value as it stands


def draw_card(panel: Panel, x: int, y: int, card: Card, index: int, stem: str) -> None:
    """Put a card on the panel, its corner at (x, y); ``index`` is that of its first control."""
    panel.panel(x, y, CARD_WIDTH, card_height(card), PAPER)
    panel.words(x + 12, y + 16, clip_text(card.name, 44), 14)
    if card.note:
        panel.words(x + 12, y + 34, clip_text(card.note, 62), 10, _NOTE_COLOR)
    for place, row in enumerate(rows(card)):
        _draw_control(panel, x, y, row, index + place, stem)


def _draw_control(panel: Panel, x: int, y: int, row: Row, index: int, stem: str) -> None:
    control, x, top = row.control, x + row.left, y + row.top
    if row.caption:
        down = 13 if row.indent else -9
        panel.words(x + 12, top + down, clip_text(row.caption, 13 if row.indent else 44), 12)
    if control.shape == "array":
        ends = (control.fields[0].low, control.fields[0].high)
        values = tuple(float(field.default) for field in control.fields)
        panel.array(x + 14, top, CARD_WIDTH - 110, ARRAY_HEIGHT, _table(index), values, *ends)
        panel.words(x + CARD_WIDTH - 76, top + 14, "send", 12)
        public = receive_name(stem, f"{control.name}:send")
        panel.button(x + CARD_WIDTH - 76, top + 28, 44, Widget(_go(index), public))
    elif control.shape == "bank":
        width = min(28, (CARD_WIDTH - 30) // len(control.fields))
        narrow = max(2, width - 2)
        for place, field in enumerate(control.fields):
            widget = Widget(_value(index, place), _public(stem, control, place))
            left = x + 14 + place * width
            ends = (field.low, field.high)
            panel.slider(left, top, narrow, BANK_HEIGHT, *ends, widget, upright=True)
    else:
        for place, field in enumerate(control.fields):
            public = _public(stem, control, place)
            _draw_field(panel, x, top, row.indent, field, index, place, public)
            top += field_height(field)


def _draw_field(
    panel: Panel, x: int, y: int, indent: int, field: Field, index: int, place: int, public: str
) -> None:
    value = _value(index, place)
    if field.label:
        panel.words(x + 12, y + 13, field.label, 12)
        indent = 44
    left = x + 14 + indent
    if field.kind == "toggle":
        panel.toggle(left, y, 26, Widget(value, public))
    elif field.kind == "text":
        panel.word_box(left, y, 36, Widget(value, public))
    elif field.kind == "menu":
        size = MENU_ROW - 2
        panel.radio(left, y, size, len(field.choices), Widget(value, public), upright=True)
        for entry, choice in enumerate(field.choices):
            panel.words(left + 34, y + size // 2 + entry * size, clip_text(choice, 44), 12)
    else:
        number = _number(index, place)
        slide = Widget(number, public)
        panel.slider(left, y, CARD_WIDTH - 130 - indent, 24, field.low, field.high, slide)
        panel.number(x + CARD_WIDTH - 102, y, 9, Widget(value, number))


def wire_control(logic: Canvas, control: Control, index: int, stem: str) -> None:
    """Add the boxes behind one control."""
    logic.heading(f"{control.name}: {control.note or 'a setting of the model'}")
    if control.shape == "array":
        _wire_array(logic, control, index, stem)
    elif control.shape == "single":
        _wire_single(logic, control, index, stem)
    else:
        _wire_several(logic, control, index, stem)


def wire_latents(
    logic: Canvas, control: Control, index: int, stem: str, ramp_ms: float
) -> list[int]:
    """The boxes behind a method's input sliders: a line~ for each."""
    lines = []
    for place, field in enumerate(control.fields):
        kept = _incoming(logic, field, index, place, _public(stem, control, place))
        lines.append(logic.chain(kept, ("pack", "f", ramp_ms), ("line~",))[-1])
    _defaults(logic, control, index, stem)
    return lines


def _wire_single(logic: Canvas, control: Control, index: int, stem: str) -> None:
    field, public = control.fields[0], _public(stem, control, 0)
    kept = _incoming(logic, field, index, 0, public)
    setter = ("msg", "set", control.name)
    if field.kind == "menu":
        places = tuple(range(len(field.choices)))
        _, choose = logic.chain(kept, ("sel", *places))
        for entry, choice in enumerate(field.choices):
            begin, chosen = _word(logic, choice)
            words = ("list", "prepend", "set", control.name)
            logic.chain(chosen, words, ("list", "trim"), ("s", NN))
            logic.connect(choose, entry, begin, 0)
    elif field.kind == "text":
        words = ("list", "prepend", "set", control.name)
        logic.chain(kept, words, ("list", "trim"), ("s", NN))
    elif field.nn_type == "bool":
        # nn~ reads a bool from its name: of a number it makes true, 0 or not.
        _, choose = logic.chain(kept, ("sel", 0))
        for outlet, word in enumerate(("false", "true")):
            box, _ = logic.chain((*setter, word), ("s", NN))
            logic.connect(choose, outlet, box, 0)
    else:
        logic.chain(kept, (*setter, ARGUMENT), ("s", NN))
    again = logic.obj("r", RESEND)
    logic.connect(again, 0, kept, 0)
    _defaults(logic, control, index, stem)


def _wire_several(logic: Canvas, control: Control, index: int, stem: str) -> None:
    """Values that go to nn~ together, in one message, however many of them moved."""
    if control.by_name:
        logic.obj("table", _table(index), len(control.fields))
        wait, table = logic.chain(("del", 20), ("symbol", _table(index)))
        words = ("list", "prepend", "set", control.name)
        logic.chain(table, words, ("list", "trim"), ("s", NN))
        store = -1
    else:
        start: list[Atom] = [_start(field) for field in control.fields]
        wait, store, split = logic.chain(("del", 0), ("pack", 0, *start), ("list", "split", 1))
        words_box, _, _ = logic.chain(
            ("list", "prepend", "set", control.name), ("list", "trim"), ("s", NN)
        )
        logic.connect(split, 1, words_box, 0)
    for name in (_go(index), RESEND):
        logic.chain(("r", name), wait)
    for place, field in enumerate(control.fields):
        public = _public(stem, control, place)
        kept = _incoming(logic, field, index, place, public)
        kind = "f"
        if field.kind == "text":
            kind = "s"
            begin, word = _word(logic, str(field.default))
            logic.chain(("r", SHOW), begin)
            logic.connect(word, 0, store, place + 1)
        _, both, _ = logic.chain(kept, ("t", "b", kind), ("s", _go(index)))
        if control.by_name:
            box, _ = logic.chain(("msg", ARGUMENT, place), ("tabwrite", _table(index)))
            logic.connect(both, 1, box, 0)
        else:
            logic.connect(both, 1, store, place + 1)
    if all(field.kind in ("float", "int", "toggle") for field in control.fields):
        # The whole list at once is taken under the attribute's own name.
        types = ("f",) * len(control.fields)
        _, parts = logic.chain(("r", receive_name(stem, control.name)), ("unpack", *types))
        for place in range(len(control.fields)):
            box = logic.obj("s", _public(stem, control, place))
            logic.connect(parts, place, box, 0)
    _defaults(logic, control, index, stem)


def _wire_array(logic: Canvas, control: Control, index: int, stem: str) -> None:
    words = ("list", "prepend", "set", control.name)
    source = ("symbol", _table(index)) if control.by_name else ("array", "get", _table(index))
    wait, *_ = logic.chain(("del", 0), source, words, ("list", "trim"), ("s", NN))
    for name in (_go(index), RESEND):
        logic.chain(("r", name), wait)
    public = receive_name(stem, control.name)
    _, both, _ = logic.chain(("r", public), ("t", "b", "l"), ("s", _go(index)))
    logic.connect(both, 1, logic.obj("array", "set", _table(index)), 0)
    values = [float(field.default) for field in control.fields]
    logic.chain(("r", RESET), ("msg", *values), ("s", public))


def _incoming(logic: Canvas, field: Field, index: int, place: int, public: str) -> int:
    """What a widget sends, held in range and shown; returns the box that keeps it."""
    value = ("r", _value(index, place))
    if field.kind == "text":
        return logic.chain(value, ("symbol",))[-1]
    if field.kind == "toggle":
        return logic.chain(value, ("!=", 0), ("f", field.default))[-1]
    if field.kind == "menu":
        entry = field.choices.index(str(field.default))
        ends = ("clip", 0, len(field.choices) - 1)
        return logic.chain(value, ends, ("int",), ("f", entry))[-1]
    least = -_FAR if field.least is None else field.least
    greatest = _FAR if field.greatest is None else field.greatest
    held = logic.chain(value, ("clip", least, greatest))[-1]
    if field.kind == "int":
        held = logic.chain(held, ("expr", Raw(r"rint(\$f1)")))[-1]
    _, split, kept = logic.chain(held, ("t", "f", "f"), ("f", field.default))
    show, _ = logic.chain(("msg", "set", ARGUMENT), ("s", public))
    logic.connect(split, 1, show, 0)
    number = logic.obj("s", _number(index, place))
    logic.connect(show, 0, number, 0)
    return kept


def _defaults(logic: Canvas, control: Control, index: int, stem: str) -> None:
    """What shows the defaults when the patch opens, and what sends them on reset."""
    show: list[Atom] = []
    reset: list[Atom] = []
    for place, field in enumerate(control.fields):
        public = _public(stem, control, place)
        if field.kind == "text":
            begin, word = _word(logic, str(field.default))
            logic.chain(("r", RESET), begin)
            logic.chain(word, ("s", public))
            begin, word = _word(logic, str(field.default))
            logic.chain(("r", SHOW), begin)
            logic.chain(word, ("list", "prepend", "set"), ("list", "trim"), ("s", public))
            continue
        start = _start(field)
        show += [SEMICOLON, public, "set", start]
        reset += [SEMICOLON, public, start]
        if field.kind in ("float", "int") and control.shape != "bank":
            numbers = ("s", _number(index, place))
            logic.chain(("r", SHOW), ("msg", "set", start), numbers)
    if show:
        logic.chain(("r", SHOW), ("msg", *show))
        if control.by_name:
            values = [_start(field) for field in control.fields]
            logic.chain(("r", SHOW), ("msg", 0, *values), ("s", _table(index)))
        logic.chain(("r", RESET), ("msg", *reset))


def _start(field: Field) -> Atom:
    """A default as its widget takes it: of a menu the place, not the word."""
    if field.kind == "menu":
        return field.choices.index(str(field.default))
    return Raw("s") if field.kind == "text" else field.default


def _word(logic: Canvas, word: str) -> tuple[int, int]:
    """Boxes that send a word when banged: the one to bang, and the one it leaves.

    Pd would read ``0.5`` in a message box as a number, which nn~ would hand on as
    ``0.500000``; such words are put together from their letters.
    """
    if _plain(word):
        box = logic.msg("symbol", word)
        return box, box
    letters: tuple[Atom, ...] = tuple(word.encode()) or ("bang",)
    begin, end = logic.chain(("msg", *letters), ("list", "tosymbol"))
    return begin, end


def _plain(word: str) -> bool:
    return bool(word) and word.isprintable() and not is_number(word)


def _public(stem: str, control: Control, place: int) -> str:
    several = control.shape != "single"
    return receive_name(stem, control.name, place if several else None)


def _value(index: int, place: int) -> Raw:
    return local(f"c{index}-{place}")


def _number(index: int, place: int) -> Raw:
    return local(f"c{index}-{place}-n")


def _go(index: int) -> Raw:
    return local(f"c{index}-go")


def _table(index: int) -> Raw:
    return local(f"c{index}-t")
