"""Reads Pd patches, independently of what writes them, and knows vanilla Pd's boxes."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field


@dataclass
class Box:
    """One box: its kind (obj, msg, text, floatatom, symbolatom, sub, graph) and its words."""

    kind: str
    x: int
    y: int
    words: list[str]
    inside: Window | None = None
    columns: int = 0  # letters in a line, where the file says so

    @property
    def name(self):
        return self.words[0] if self.kind == "obj" and self.words else self.kind


@dataclass
class Window:
    name: str
    width: int
    height: int
    boxes: list[Box] = field(default_factory=list)
    wires: list[tuple[int, int, int, int]] = field(default_factory=list)
    arrays: list[tuple[str, int]] = field(default_factory=list)
    coords: list[float] = field(default_factory=list)

    def every(self):
        """This window and all inside it."""
        yield self
        for box in self.boxes:
            if box.inside is not None:
                yield from box.inside.every()


def records(text):
    """A file's messages: lists of words, each with the escapes of the file taken off."""
    record, word, started = [], "", False
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            word, started = word + text[position : position + 2], True
            position += 2
            continue
        if letter in " \n\t;," or letter == ";":
            if started:
                record.append(word)
            word, started = "", False
            if letter == ",":
                record.append(",")
            if letter == ";":
                yield [_unescape(w) for w in record]
                record = []
        else:
            word, started = word + letter, True
        position += 1
    assert not record and not started, "the last message has no end"


def _unescape(word):
    return re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL)


def literal(word):
    """What a word in a box stands for, its own escapes taken off."""
    return _unescape(word)


def read(text):
    """The window that a .pd file describes."""
    stack = []
    for words in records(text):
        if words[:2] == ["#N", "canvas"]:
            name = words[6] if stack else ""
            stack.append(Window(name, int(words[4]), int(words[5])))
        elif words[:2] == ["#X", "restore"]:
            inside = stack.pop()
            kind = "graph" if words[4] == "graph" else "sub"
            box = Box(kind, int(words[2]), int(words[3]), words[5:], inside)
            stack[-1].boxes.append(box)
        elif words[:2] == ["#X", "connect"]:
            stack[-1].wires.append(tuple(map(int, words[2:6])))
        elif words[:2] == ["#X", "array"]:
            stack[-1].arrays.append((words[2], int(words[3])))
        elif words[:2] == ["#X", "coords"]:
            stack[-1].coords = list(map(float, words[2:]))
        elif words[0] == "#A":
            pass
        else:
            assert words[0] == "#X", words
            rest = words[4:]
            columns = 0
            if rest[-3:-1] == [",", "f"]:
                rest, columns = rest[:-3], int(rest[-1])
            place = int(words[2]), int(words[3])
            stack[-1].boxes.append(Box(words[1], *place, rest, columns=columns))
    (top,) = stack
    return top


def ports(box):
    """How many inlets and outlets a vanilla box has; fails for any other."""
    words = box.words
    if box.kind in ("msg", "floatatom", "symbolatom"):
        return 1, 1
    if box.kind in ("text", "graph", "sub"):
        return 0, 0
    count = len(words) - 1
    several = {
        "pack": (count, 1), "unpack": (1, count), "t": (1, count),
        "sel": (2 if count == 1 else 1, count + 1), "route": (2 if count == 1 else 1, count + 1),
        "adc~": (1, count), "dac~": (count, 0), "expr": (_variables(words), 1),
    }  # fmt: skip
    if words[0] in several:
        return several[words[0]]
    if words[0] == "readsf~":
        return 1, int(words[1]) + 1
    if words[0] in ("list", "array", "text"):
        return {
            "list prepend": (2, 1), "list trim": (1, 1), "list split": (2, 3),
            "list tosymbol": (1, 1), "array get": (4, 1), "array set": (3, 0),
            "text define": (1, 2), "text get": (3, 2), "text set": (3, 0),
        }[" ".join(words[:2])]  # fmt: skip
    return {
        "r": (0, 1), "s": (1, 0), "f": (2, 1), "int": (2, 1), "symbol": (2, 1), "clip": (3, 1),
        "!=": (2, 1), "-": (2, 1), "spigot": (2, 1), "del": (2, 1), "loadbang": (0, 1),
        "openpanel": (1, 2), "savepanel": (1, 1), "makefilename": (1, 1), "tabwrite": (2, 0),
        "table": (0, 0), "*~": (2, 1), "+~": (2, 1), "line~": (2, 1), "osc~": (2, 1),
        "env~": (1, 1), "s~": (1, 0), "r~": (1, 1), "throw~": (1, 0), "catch~": (0, 1),
        "hsl": (1, 1), "vsl": (1, 1), "tgl": (1, 1), "bng": (1, 1), "hradio": (1, 1),
        "vradio": (1, 1), "vu": (2, 2), "cnv": (0, 0),
    }[words[0]]  # fmt: skip


def _variables(words):
    return len(set(re.findall(r"\$f\d", " ".join(words))))


def area(box):
    """The rectangle that a widget or its label takes on screen: left, top, right, bottom."""
    x, y, words = box.x, box.y, box.words
    if box.kind in ("floatatom", "symbolatom"):
        size = int(words[7])
        return x, y, x + int(words[0]) * round(0.6 * size) + 4, y + size + 8
    if box.kind == "sub":
        return x, y, x + 7 * len(" ".join(words)) + 6, y + 20
    if box.kind == "graph":
        return x, y, x + box.inside.coords[4], y + box.inside.coords[5]
    name = words[0] if box.kind == "obj" else ""
    if name in ("hsl", "vsl"):
        # A horizontal one is drawn three pixels before its place, an upright one above it.
        w, h = int(words[1]), int(words[2])
        return (x - 3, y, x + w + 2, y + h) if name == "hsl" else (x, y - 2, x + w, y + h + 3)
    if name in ("tgl", "bng"):
        return x, y, x + int(words[1]), y + int(words[1])
    if name in ("hradio", "vradio"):
        size, count = int(words[1]), int(words[4])
        return (
            (x, y, x + size * count, y + size)
            if name == "hradio"
            else (x, y, x + size, y + size * count)
        )
    if name == "vu":
        return x - 1, y - 2, x + int(words[1]) + 2, y + int(words[2]) + 2
    if name == "cnv":
        if int(words[2]) > 1:
            return None  # a ground
        label, size = words[6], int(words[10])
        return x, y - size / 2, x + 0.602 * size * len(literal(label)), y + size / 2
    # Pd breaks text after so many letters, and a message after each semicolon too.
    told = " ".join(words).replace(" ,", ",")
    lines = [
        part
        for line in told.split(";")
        for part in textwrap.wrap(line, box.columns or 60, break_long_words=False) or [""]
    ]
    return x, y, x + 7 * max(map(len, lines)) + 8, y + 16 * len(lines) + 4
