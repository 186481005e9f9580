"""The attributes of an export on a Max panel, and the boxes that send them to nn~.

Each control has its widget, a ``receive`` under its public name (``tb/<file>/<attribute>``)
and a ``prepend set <attribute>`` whose message goes to ``tb/<file>/:nn``, where every nn~ of
the patch listens. Widgets of one number are ``live.*`` objects: they are parameters with a
range and an initial value, which ``init`` brings back, and which a MIDI controller or a preset
can reach.
"""

from __future__ import annotations

from typing import Any

from torchbend.export.patches.controls import Card, Control, Field, receive_name
from torchbend.export.patches.layout import (
    ARRAY_HEIGHT,
    BANK_HEIGHT,
    CAPTION_HEIGHT,
    CARD_WIDTH,
    MENU_ROW,
    Row,
    card_height,
    clip_text,
    field_height,
    rows,
)
from torchbend.export.patches.maxpat import Patcher, Rect, number, quoted

__all__ = ["CARD", "INK", "NOTE", "draw_heading", "parameter", "slider", "write_card"]

CARD = (0.94, 0.94, 0.92, 1.0)
NOTE = (0.44, 0.44, 0.44, 1.0)
INK = (0.13, 0.13, 0.13, 1.0)
_BETWEEN = 60  # two blocks of boxes
_FLOAT, _ENUM = 0, 2  # types of a parameter
_AS_INT, _AS_FLOAT = 0, 1  # how its number is shown


def parameter(
    name: str, default: float, low: float, high: float, kind: int = _FLOAT, **extra: Any
) -> dict[str, Any]:
    """What makes a ``live.*`` box a parameter: its range, and the value it starts with."""
    value: dict[str, Any] = {
        "parameter_initial": [default],
        "parameter_initial_enable": 1,
        "parameter_longname": name,
        "parameter_mmax": high,
        "parameter_mmin": low,
        "parameter_modmode": 0,
        "parameter_shortname": name[:24],
        "parameter_type": kind,
        **extra,
    }
    return {
        "parameter_enable": 1,
        "saved_attribute_attributes": {"valueof": value},
        "varname": name,
    }


def slider(patcher: Patcher, x: float, y: float, shown: Rect, name: str, field: Field) -> str:
    """A horizontal ``live.slider`` with the range and default of a field."""
    style = _AS_INT if field.kind == "int" else _AS_FLOAT
    start = float(field.default)
    return patcher.box(
        "live.slider", (x, y, 160, 30), 1, ["", "float"], shown, orientation=1, showname=0,
        shownumber=0,
        **parameter(name, start, field.low, field.high, parameter_unitstyle=style),
    )  # fmt: skip


def draw_heading(patcher: Patcher, x: float, y: float, card: Card) -> None:
    """The ground of a card, its name and what it moves."""
    patcher.panel((x, y, CARD_WIDTH, card_height(card)), CARD)
    hidden = -2400 + x
    wide = CARD_WIDTH - 20
    name = clip_text(card.name, 44)
    patcher.words(hidden + 10, y + 5, name, 14, shown=(x + 10, y + 3, wide, 22), bold=True,
                  color=INK)  # fmt: skip
    if card.note:
        note = clip_text(card.note, 62)
        patcher.words(
            hidden + 10, y + 26, note, 10, shown=(x + 10, y + 25, wide, 18), color=NOTE
        )


def write_card(
    patcher: Patcher, at: tuple[float, float], shown: tuple[float, float], card: Card,
    stem: str, init: str, again: str,
) -> float:  # fmt: skip
    """Add a card and the boxes behind it.

    Args:
        patcher: takes them.
        at: the corner of the boxes in the patch.
        shown: the corner of the card in presentation mode.
        card: the attribute, or those of one bend.
        stem: the exported file's name without its ending.
        init: the box that bangs on reset.
        again: the box that bangs when nn~ should hear how the controls stand.

    Returns:
        How far down in the patch the next boxes begin.
    """
    draw_heading(patcher, *shown, card)
    x, y = at
    for each in rows(card):
        y = _write_control(patcher, (x, y), shown, each, stem, init, again) + _BETWEEN
    return y


def _write_control(
    patcher: Patcher, at: tuple[float, float], shown: tuple[float, float], row: Row,
    stem: str, init: str, again: str,
) -> float:  # fmt: skip
    """Add one attribute and the boxes behind it; returns how far down these reach."""
    x, y = at
    control = row.control
    patcher.words(x, y, control.name, 12)
    shown_x, shown_y = shown[0] + row.left, shown[1] + row.top
    if row.caption:
        words = shown_x + 10, shown_y + 3, row.indent - 4, 20
        if not row.indent:
            words = shown_x + 10, shown_y - CAPTION_HEIGHT, CARD_WIDTH - 24, 20
        text = clip_text(row.caption, 13 if row.indent else 44)
        patcher.words(x - 2400, y, text, shown=words, color=INK)
    send = patcher.obj(x + 900, y + 30, f"s {receive_name(stem, ':nn')}", 1)
    setter = patcher.obj(x + 640, y + 30, f"prepend set {control.name}", 1, "")
    patcher.connect(setter, 0, send, 0)
    widgets = _Widgets(patcher, control, stem, init, again, x, shown_x, row.indent)
    if control.shape in ("bank", "array") or control.by_name:
        return widgets.many(y + 30, shown_y, setter)
    if control.shape == "single":
        end, source, outlet = widgets.one(y + 30, shown_y, control.fields[0], 0, send)
        if source is not None:
            patcher.connect(source, outlet, setter, 0)
        return end
    together = "pak " + " ".join(_start(field) for field in control.fields)
    pak = patcher.obj(x + 640, y + 60, together, len(control.fields), "")
    patcher.connect(pak, 0, setter, 0)
    y += 60
    for place, field in enumerate(control.fields):
        y, source, outlet = widgets.one(y + 30, shown_y, field, place, None)
        if source is not None:
            patcher.connect(source, outlet, pak, place)
        shown_y += field_height(field)
    return y


def _start(field: Field) -> str:
    if field.kind == "text":
        return quoted(str(field.default))
    if field.nn_type == "bool":
        return "true" if field.default else "false"
    return number(float(field.default)) if field.kind == "float" else str(field.default)


class _Widgets:
    """The widgets of one control."""

    def __init__(
        self, patcher: Patcher, control: Control, stem: str, init: str, again: str, x: float,
        shown_x: float, indent: int,
    ) -> None:  # fmt: skip
        self._patcher, self._control, self._stem = patcher, control, stem
        self._indent = indent
        self._init, self._again, self._x, self._shown_x = init, again, x, shown_x

    def _public(self, place: int) -> str:
        index = None if self._control.shape == "single" else place
        return receive_name(self._stem, self._control.name, index)

    def _name(self, field: Field) -> str:
        return f"{self._control.name} {field.label}".strip()

    def _listen(self, y: float, widget: str, place: int) -> None:
        """From elsewhere, on reset and after a reload."""
        patcher = self._patcher
        receive = patcher.obj(self._x, y, f"r {self._public(place)}", 0, "")
        patcher.connect(receive, 0, widget, 0)
        patcher.connect(self._init, 0, widget, 0)
        patcher.connect(self._again, 0, widget, 0)

    def one(
        self, y: float, shown_y: float, field: Field, place: int, send: str | None
    ) -> tuple[float, str | None, int]:
        """The widget of one value.

        Returns:
            How far down it reaches, and the box and outlet that its value leaves; no box if it
            goes to ``send`` by itself.
        """
        patcher, x = self._patcher, self._x
        left = self._shown_x + 12 + self._indent
        if field.label:
            patcher.words(
                x - 2400, y, field.label, shown=(left, shown_y + 3, 44, 22), color=INK
            )
            left += 44
        if field.kind == "menu":
            return self._menu(y, (left, shown_y, 300, MENU_ROW), field, place)
        if field.kind == "text":
            return self._text(y, (left, shown_y, 320 - self._indent, 24), field, place)
        if field.kind == "toggle":
            return self._toggle(y, (left, shown_y, 26, 26), field, place, send)
        wide = CARD_WIDTH - 130 - self._indent - (44 if field.label else 0)
        fader = slider(patcher, x + 160, y, (left, shown_y, wide, 26), self._name(field), field)
        self._listen(y, fader, place)
        limits = {}
        if field.least is not None:
            limits["minimum"] = field.least
        if field.greatest is not None:
            limits["maximum"] = field.greatest
        whole = field.kind == "int"
        boxed = patcher.box(
            "number" if whole else "flonum", (x + 360, y, 80, 22), 1, ["", "bang"],
            (self._shown_x + CARD_WIDTH - 102, shown_y + 1, 90, 24), parameter_enable=0,
            **({name: int(end) for name, end in limits.items()} if whole else limits),
        )  # fmt: skip
        if whole:
            rounded = patcher.obj(x + 460, y, "round 1", 2, "int")
            patcher.chain(fader, rounded, boxed)
        else:
            patcher.chain(fader, boxed)
        # What is typed is shown by the slider, which stays silent.
        show = patcher.obj(x + 460, y + 30, "prepend set", 1, "")
        patcher.chain(boxed, show, fader)
        return y + 60, boxed, 0

    def _menu(
        self, y: float, shown: Rect, field: Field, place: int
    ) -> tuple[float, str | None, int]:
        names = list(field.choices)
        menu = self._patcher.box(
            "live.menu", (self._x + 160, y, 160, 22), 1, ["", "", "float"], shown,
            **parameter(self._name(field), names.index(str(field.default)), 0, len(names) - 1,
                        _ENUM, parameter_enum=names),
        )  # fmt: skip
        self._listen(y, menu, place)
        return y + 30, menu, 1  # the second outlet gives the word

    def _toggle(
        self, y: float, shown: Rect, field: Field, place: int, send: str | None
    ) -> tuple[float, str | None, int]:
        patcher, x = self._patcher, self._x
        switch = patcher.box(
            "live.toggle", (x + 160, y, 26, 26), 1, [""], shown,
            **parameter(self._name(field), int(field.default), 0, 1, _ENUM,
                        parameter_enum=["off", "on"]),
        )  # fmt: skip
        self._listen(y, switch, place)
        if field.nn_type != "bool":
            return y + 30, switch, 0
        # nn~ reads a bool from its name.
        choose = patcher.obj(x + 200, y, "sel 0 1", 1, "bang", "bang", "")
        words = [patcher.message(x + 300 + 60 * i, y, word) for i, word in enumerate(_BOOL)]
        gather = patcher.obj(x + 440, y, "t s", 1, "")
        patcher.connect(switch, 0, choose, 0)
        for outlet, word in enumerate(words):
            patcher.connect(choose, outlet, word, 0)
            patcher.connect(word, 0, gather, 0)
        return y + 30, gather, 0

    def _text(
        self, y: float, shown: Rect, field: Field, place: int
    ) -> tuple[float, str | None, int]:
        patcher, x = self._patcher, self._x
        word = quoted(str(field.default))
        edit = patcher.box(
            "textedit", (x + 160, y, 200, 24), 1, ["", "int", "", ""], shown, keymode=1,
            lines=1, outputmode=1, parameter_enable=0, text=str(field.default),
        )  # fmt: skip
        receive = patcher.obj(x, y, f"r {self._public(place)}", 0, "")
        show = patcher.obj(x + 160, y + 30, "prepend set", 1, "")
        typed = patcher.obj(x + 400, y, "route text", 2, "", "")
        gather = patcher.obj(x + 500, y, "t s", 1, "")
        reset = patcher.message(x, y + 30, word)
        patcher.chain(self._init, reset, gather)
        patcher.chain(reset, show, edit)
        patcher.chain(receive, gather)
        patcher.connect(receive, 0, show, 0)
        patcher.chain(edit, typed, gather)
        bang = patcher.message(x + 280, y + 30, "bang")
        patcher.chain(self._again, bang, edit)
        return y + 60, gather, 0

    def many(self, y: float, shown_y: float, setter: str) -> float:
        """A multislider, whose list goes to nn~ as it is or through a buffer~."""
        patcher, control, x = self._patcher, self._control, self._x
        fields = control.fields
        tall = {"bank": BANK_HEIGHT, "array": ARRAY_HEIGHT}.get(
            control.shape, 34 * len(fields) - 8
        )
        whole = all(field.kind == "int" for field in fields)
        sliders = patcher.box(
            "multislider", (x + 160, y, 260, 60), 1, ["", ""],
            (self._shown_x + 12, shown_y, CARD_WIDTH - 24, tall), size=len(fields),
            setminmax=[fields[0].low, fields[0].high], settype=0 if whole else 1, setstyle=1,
            parameter_enable=0, spacing=1 if control.shape == "bank" else 0, varname=control.name,
            orientation=1 if control.shape in ("bank", "array") else 0,
        )  # fmt: skip
        start = " ".join(number(float(field.default)) for field in fields)
        receive = patcher.obj(x, y, f"r {receive_name(self._stem, control.name)}", 0, "")
        patcher.connect(receive, 0, sliders, 0)
        reset = patcher.message(x, y + 30, start)
        patcher.chain(self._init, reset, sliders)
        shown_first = patcher.message(x, y + 60, f"setlist {start}")
        patcher.chain(patcher.obj(x, y + 90, "loadbang", 1, "bang"), shown_first, sliders)
        bang = patcher.message(x + 160, y + 90, "bang")
        patcher.chain(self._again, bang, sliders)
        if not control.by_name:
            patcher.connect(sliders, 0, setter, 0)
            return y + 120
        held = receive_name(self._stem, control.name)
        patcher.obj(x + 440, y + 90, f"buffer~ {held} @samps {len(fields)}", 1, "float", "bang")
        both = patcher.obj(x + 440, y, "t b l", 1, "bang", "")
        pairs = patcher.obj(x + 520, y, "listfunnel", 1, "list")
        write = patcher.obj(x + 440, y + 30, f"peek~ {held}", 3, "float")
        name = patcher.message(x + 440, y + 60, held)
        patcher.chain(sliders, both, name, setter)
        patcher.connect(both, 1, pairs, 0)
        patcher.connect(pairs, 0, write, 0)
        return y + 120


_BOOL = ("false", "true")
