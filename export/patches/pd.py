r"""Pd patches as text: atoms and their escapes, boxes, connections.

A ``.pd`` file is a list of messages, each ended by a semicolon. A box is named in
``#X connect`` by its number in the order of the file. Text is read twice: once as the file's
message and once as the box's own, so a letter that means something to both (``,``, ``;``,
``$``) needs a backslash for the second reader, itself escaped for the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from torchbend.export.patches.pd_arrange import arrange

__all__ = [
    "ARGUMENT",
    "SEMICOLON",
    "Atom",
    "Box",
    "Canvas",
    "Raw",
    "atom",
    "caption",
    "comment",
    "is_number",
    "local",
]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_LETTER_WIDTH, _LINE_HEIGHT = 7, 17  # of Pd's font at size 12, in pixels
_LINE_LETTERS = 60  # after so many Pd breaks the text of a box


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


@dataclass
class Box:
    """A box: what its record says before and after its place, and the place if it has one."""

    before: str
    after: str
    size: tuple[int, int] = (0, 0)
    place: tuple[int, int] | None = None
    heading: bool = False


@dataclass
class Canvas:
    """One window of a patch: boxes in their order, and the wires between them.

    Boxes are put where there is room when the file is made; see ``pd_arrange``. Every method
    that makes a box returns its number, for ``connect``.

    Attributes:
        width: of the window, in pixels.
        height: of the window.
        name: of a subpatch.
        top: where the boxes begin.
    """

    width: int
    height: int
    name: str = ""
    top: int = 20
    _boxes: list[Box] = field(default_factory=list)
    _wires: list[tuple[int, int, int, int]] = field(default_factory=list)

    def _add(self, box: Box) -> int:
        self._boxes.append(box)
        return len(self._boxes) - 1

    def obj(self, *atoms: Atom) -> int:
        """An object box."""
        return self._text_box("#X obj", atoms)

    def msg(self, *atoms: Atom) -> int:
        """A message box."""
        return self._text_box("#X msg", atoms)

    def _text_box(self, kind: str, atoms: tuple[Atom, ...]) -> int:
        words = list(map(atom, atoms))
        # A semicolon begins a new line in the box.
        lines = " ".join(words).split(SEMICOLON)
        longest = max(map(len, lines)) + 2
        size = (_LETTER_WIDTH * max(3, longest) + 6, _LINE_HEIGHT * len(lines) + 6)
        # What is longer Pd would break, if it were not told how wide the box is.
        width = f", f {longest}" if longest > _LINE_LETTERS or len(lines) > 1 else ""
        return self._add(Box(kind, f"{' '.join(words)}{width};", size))

    def heading(self, words: str) -> int:
        """A comment above what comes next."""
        size = (_LETTER_WIDTH * len(words) + 6, _LINE_HEIGHT + 6)
        return self._add(Box("#X text", comment(words, len(words) + 2), size, heading=True))

    def sub(self, canvas: Canvas) -> int:
        """A subpatch, shown as a box with its name."""
        size = (_LETTER_WIDTH * (len(canvas.name) + 3) + 6, _LINE_HEIGHT + 6)
        return self._add(Box(*canvas.record(), size))

    def record(self) -> tuple[str, str]:
        """What a subpatch's record says before and after the place of its box."""
        return f"{self._body()}\n#X restore", f"pd {atom(self.name)};"

    def kept_text(self, name: Atom, lines: list[tuple[Atom, ...]]) -> int:
        """A ``text define`` whose lines are saved with the patch."""
        box = self.obj("text", "define", "-k", name)
        told = " ".join(" ".join(map(atom, line)) + f" {SEMICOLON}" for line in lines)
        self._boxes[box].after += f"\n#A set {told};"
        return box

    def connect(self, source: int, outlet: int, sink: int, inlet: int) -> None:
        """A wire from an outlet to an inlet, both counted from 0."""
        self._wires.append((source, outlet, sink, inlet))

    def chain(self, *boxes: tuple[Atom, ...] | int) -> list[int]:
        """Boxes, each wired to the next: tuples of atoms, or boxes already there.

        A tuple that begins with ``"msg"`` makes a message box.
        """
        numbers: list[int] = []
        for box in boxes:
            if isinstance(box, int):
                numbers.append(box)
            elif box[0] == "msg":
                numbers.append(self.msg(*box[1:]))
            else:
                numbers.append(self.obj(*box))
            if len(numbers) > 1:
                self.connect(numbers[-2], 0, numbers[-1], 0)
        return numbers

    def _body(self, *, top: bool = False) -> str:
        free = [number for number, box in enumerate(self._boxes) if box.place is None]
        order = {number: place for place, number in enumerate(free)}
        wires = [
            (order[source], order[sink])
            for source, _, sink, _ in self._wires
            if source in order and sink in order
        ]
        headings = {order[number] for number in free if self._boxes[number].heading}
        sizes = [self._boxes[number].size for number in free]
        places = arrange(sizes, wires, headings, self.top, max(900, self.width - 40))
        lines = [f"#N canvas 60 60 {self.width} {self.height}"]
        lines[0] += " 12;" if top else f" {atom(self.name)} 0;"
        for number, box in enumerate(self._boxes):
            x, y = box.place or places[order[number]]
            lines.append(f"{box.before} {x} {y} {box.after}")
        lines += [f"#X connect {' '.join(map(str, wire))};" for wire in self._wires]
        return "\n".join(lines)

    def file(self) -> str:
        """The whole patch, as it is saved."""
        return self._body(top=True) + "\n"


def comment(words: str, columns: int) -> str:
    """A comment's record after its place, wrapped after so many letters."""
    spaced = re.sub(r"\s*([,;])", r" \1", caption(words, 2000)).split()
    told = " ".join(rf"\{word}" if word in ",;" else atom(word) for word in spaced)
    return f"{told}, f {columns};"
