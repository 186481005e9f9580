r"""Pd patches as text: atoms and their escapes, boxes, widgets, connections.

A ``.pd`` file is a list of messages, each ended by a semicolon. A box is named in
``#X connect`` by its number in the order of the file. Text is read twice: once as the file's
message and once as the box's own, so a letter that means something to both (``,``, ``;``,
``$``) needs a backslash for the second reader, itself escaped for the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = [
    "ARGUMENT",
    "PAPER",
    "SEMICOLON",
    "Atom",
    "Canvas",
    "Raw",
    "Widget",
    "atom",
    "caption",
    "is_number",
    "local",
]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_LINE_LETTERS = 60  # after so many Pd breaks the text of a box
_CHARACTER_WIDTH = 7  # of Pd's font at size 12, in pixels
_WIDGETS = ("hsl", "vsl", "tgl", "bng", "hradio", "vradio", "vu", "cnv")

LABEL = "#202020"
PAPER = "#f0f0ec"
INK = "#303030"


class Raw(str):
    """An atom that is written as it is, because what it means to Pd is wanted."""


Atom = float | int | str

ARGUMENT = Raw(r"\$1")
SEMICOLON = Raw(r"\;")


def local(name: str) -> Raw:
    """A name that each opened copy of the patch has for itself."""
    return Raw(rf"\$0-{name}")


def is_number(text: str) -> bool:
    """Whether Pd would read the text as a number, not as a word."""
    return bool(_NUMBER.match(text))


def atom(value: Atom) -> str:
    """A value as a ``.pd`` file has it: numbers plainly, words with their escapes.

    A word that looks like a number, is empty or has line breaks has no such form; see
    ``Canvas.word``.
    """
    if isinstance(value, Raw):
        return value
    if isinstance(value, str):
        text = value.replace("\\", "\\\\\\\\")
        text = re.sub(r"([,;$])", r"\\\\\\\1", text)
        return text.replace(" ", "\\ ")
    # Nine digits bring a single-precision number back exactly.
    return format(float(value), ".9g")


def caption(text: str, most: int = 200) -> str:
    """Words for people: what Pd's window cannot show is left out, and the end if too long.

    Pd's window is drawn in Tcl, and a label that says ``empty`` is not shown at all.
    """
    text = re.sub(r"[\\{}$#]", "_", " ".join(text.split()))
    if len(text) > most:
        text = text[: max(1, most - 3)].rstrip() + "..."
    # With a space behind it neither of these is a word of Pd's own.
    return text + " " if text == "empty" or is_number(text) else text


@dataclass(frozen=True)
class Widget:
    """The names a widget sends to and receives from; empty for none."""

    send: Atom = ""
    receive: Atom = ""

    def names(self) -> tuple[Atom, Atom]:
        """Both, as a widget's arguments have them."""
        return self.send or "empty", self.receive or "empty"


@dataclass
class Canvas:
    """One window of a patch: boxes in their order, and the wires between them.

    Every method that makes a box returns its number, for ``connect``.
    """

    width: int
    height: int
    name: str = ""
    font: int = 12
    _lines: list[str] = field(default_factory=list)
    _wires: list[str] = field(default_factory=list)
    _count: int = 0
    _taken: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def _box(self, *atoms: Atom) -> int:
        self._lines.append("#X " + " ".join(atom(value) for value in atoms) + ";")
        self._count += 1
        return self._count - 1

    def _text_box(self, kind: str, x: int, y: int, atoms: tuple[Atom, ...]) -> int:
        """An object or message box, moved to the right of those that it would lie on."""
        letters = len(" ".join(map(atom, atoms)))
        row = self._taken.setdefault(y, [])
        width = 20 + _CHARACTER_WIDTH * max(3, letters)
        for begin, end in sorted(row):
            if begin < x + width and x < end:
                x = end
        row.append((x, x + width))
        if letters <= _LINE_LETTERS:
            return self._box(kind, x, y, *atoms)
        # Pd would break it; told its width, it stays on one line.
        return self._box(kind, x, y, *atoms[:-1], Raw(f"{atom(atoms[-1])}, f {letters + 2}"))

    def obj(self, x: int, y: int, *atoms: Atom) -> int:
        """An object box."""
        if atoms[0] in _WIDGETS:
            return self._box("obj", x, y, *atoms)
        return self._text_box("obj", x, y, atoms)

    def msg(self, x: int, y: int, *atoms: Atom) -> int:
        """A message box."""
        return self._text_box("msg", x, y, atoms)

    def text(self, x: int, y: int, words: str, columns: int = 60) -> int:
        """A comment, wrapped after so many letters."""
        spaced = re.sub(r"\s*([,;])", r" \1", caption(words, 2000)).split()
        told = " ".join(rf"\{word}" if word in ",;" else atom(word) for word in spaced)
        line = Raw(f"{told}, f {columns}")
        return self._box("text", x, y, line)

    def connect(self, source: int, outlet: int, sink: int, inlet: int) -> None:
        """A wire from an outlet to an inlet, both counted from 0."""
        self._wires.append(f"#X connect {source} {outlet} {sink} {inlet};")

    def chain(self, x: int, y: int, *boxes: tuple[Atom, ...] | int) -> list[int]:
        """A row of boxes, each wired to the next: tuples of atoms, or boxes already there.

        A tuple that begins with ``"msg"`` makes a message box.
        """
        numbers: list[int] = []
        for box in boxes:
            if isinstance(box, int):
                numbers.append(box)
            else:
                is_message = box[0] == "msg"
                atoms = box[1:] if is_message else box
                numbers.append((self.msg if is_message else self.obj)(x, y, *atoms))
                x = self._taken[y][-1][1] + 20
            if len(numbers) > 1:
                self.connect(numbers[-2], 0, numbers[-1], 0)
        return numbers

    def sub(self, x: int, y: int, canvas: Canvas) -> int:
        """A subpatch, shown as a box with its name."""
        self._lines += [canvas._body(), f"#X restore {x} {y} pd {atom(canvas.name)};"]
        self._count += 1
        return self._count - 1

    def kept_text(self, x: int, y: int, name: Atom, lines: list[tuple[Atom, ...]]) -> int:
        """A ``text define`` whose lines are saved with the patch."""
        box = self.obj(x, y, "text", "define", "-k", name)
        told = " ".join(" ".join(map(atom, line)) + f" {SEMICOLON}" for line in lines)
        self._lines.append(f"#A set {told};")
        return box

    def array(
        self, x: int, y: int, width: int, height: int, name: Atom, values: tuple[float, ...],
        low: float, high: float,
    ) -> int:  # fmt: skip
        """An array with its graph, to be drawn into by hand."""
        data = " ".join(atom(value) for value in values)
        last = max(1, len(values) - 1)
        self._lines += [
            "#N canvas 0 0 450 300 (subpatch) 0;",
            f"#X array {atom(name)} {len(values)} float 11;",  # saved, as points, without name
            f"#A 0 {data};",
            f"#X coords 0 {atom(high)} {last} {atom(low)} {width} {height} 1 0 0;",
            f"#X restore {x} {y} graph;",
        ]
        self._count += 1
        return self._count - 1

    def slider(
        self, x: int, y: int, width: int, height: int, low: float, high: float, widget: Widget,
        *, upright: bool = False,
    ) -> int:  # fmt: skip
        """A slider. It moves by as much as the mouse does: a click does not make it jump."""
        kind = "vsl" if upright else "hsl"
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", INK, LABEL)
        return self.obj(
            x, y, kind, width, height, low, high, 0, 0, *widget.names(), *label, 0, 1
        )

    def number(
        self, x: int, y: int, columns: int, widget: Widget, low: float = 0, high: float = 0
    ) -> int:
        """A number box; what is typed is held between the ends unless both are 0."""
        send, receive = widget.send or "-", widget.receive or "-"
        return self._box(
            "floatatom", x, y, columns, low, high, 0, "-", receive, send, 14
        )

    def word_box(self, x: int, y: int, columns: int, widget: Widget) -> int:
        """A box to type a word into."""
        send, receive = widget.send or "-", widget.receive or "-"
        return self._box("symbolatom", x, y, columns, 0, 0, 0, "-", receive, send, 14)

    def toggle(self, x: int, y: int, size: int, widget: Widget) -> int:
        """A switch that sends 0 or 1."""
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", INK, LABEL)
        return self.obj(x, y, "tgl", size, 0, *widget.names(), *label, 0, 1)

    def button(self, x: int, y: int, size: int, widget: Widget) -> int:
        """A button that sends a bang."""
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", "#c04020", LABEL)
        return self.obj(x, y, "bng", size, 250, 50, 0, *widget.names(), *label)

    def radio(
        self, x: int, y: int, size: int, count: int, widget: Widget, *, upright: bool = False
    ) -> int:
        """A choice of one among several; sends which, from 0."""
        kind = "vradio" if upright else "hradio"
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", INK, LABEL)
        return self.obj(x, y, kind, size, 1, 0, count, *widget.names(), *label, 0)

    def meter(self, x: int, y: int, width: int, height: int, receive: Atom) -> int:
        """A level meter in dB."""
        label = ("empty", -1, -8, 0, 10, "#303030", LABEL)
        return self.obj(x, y, "vu", width, height, receive, *label, 0, 0)

    def panel(self, x: int, y: int, width: int, height: int, color: str) -> int:
        """A coloured ground for what is put on it later."""
        label = ("empty", 0, 0, 0, 10, color, LABEL)
        return self.obj(x, y, "cnv", 5, width, height, "empty", "empty", *label, 0)

    def words(
        self, x: int, y: int, text: str, size: int = 12, color: str = LABEL, ground: str = PAPER
    ) -> int:
        """A line of words of any size, its middle ``y`` pixels down."""
        names = ("empty", "empty")
        style = (caption(text) or "empty", 0, 0, 0, size, ground, color)
        # A canvas of one pixel; only its label is seen.
        return self.obj(x, y, "cnv", 1, 1, 1, *names, *style, 0)

    def __len__(self) -> int:
        return self._count

    def _body(self, *, top: bool = False) -> str:
        head = f"#N canvas 60 60 {self.width} {self.height}"
        head += f" {self.font};" if top else f" {atom(self.name)} 0;"
        return "\n".join([head, *self._lines, *self._wires])

    def file(self) -> str:
        """The whole patch, as it is saved."""
        return self._body(top=True) + "\n"
