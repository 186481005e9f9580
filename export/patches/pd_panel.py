"""Widgets on a Pd panel, each at its place."""

from __future__ import annotations

from dataclasses import dataclass

from torchbend.export.patches.pd import Atom, Box, Canvas, atom, caption, comment

__all__ = ["PAPER", "Panel", "Widget"]

LABEL = "#202020"
PAPER = "#f0f0ec"
INK = "#303030"


@dataclass(frozen=True)
class Widget:
    """The names a widget sends to and receives from; empty for none."""

    send: Atom = ""
    receive: Atom = ""

    def names(self) -> tuple[Atom, Atom]:
        """Both, as a widget's arguments have them."""
        return self.send or "empty", self.receive or "empty"


class Panel(Canvas):
    """A window with widgets. Other boxes it may have are put below ``top``."""

    def fixed(self, kind: str, x: int, y: int, *atoms: Atom) -> int:
        """A box of any kind (``obj``, ``msg``, ``floatatom``) at a place."""
        words = " ".join(map(atom, atoms))
        return self._add(Box(f"#X {kind}", f"{words};", place=(x, y)))

    def text(self, x: int, y: int, words: str, columns: int) -> int:
        """A comment, wrapped after so many letters."""
        return self._add(Box("#X text", comment(words, columns), place=(x, y)))

    def sub_at(self, x: int, y: int, canvas: Canvas) -> int:
        """A subpatch, shown as a box with its name, at a place."""
        return self._add(Box(*canvas.record(), place=(x, y)))

    def array(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        name: Atom,
        values: tuple[float, ...],
        low: float,
        high: float,
    ) -> int:
        """An array with its graph, to be drawn into by hand."""
        data = " ".join(atom(value) for value in values)
        last = max(1, len(values) - 1)
        before = [
            "#N canvas 0 0 450 300 (subpatch) 0;",
            f"#X array {atom(name)} {len(values)} float 11;",  # saved, as points, without name
            f"#A 0 {data};",
            f"#X coords 0 {atom(high)} {last} {atom(low)} {width} {height} 1 0 0;",
            "#X restore",
        ]
        return self._add(Box("\n".join(before), "graph;", place=(x, y)))

    def slider(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        low: float,
        high: float,
        widget: Widget,
        *,
        upright: bool = False,
    ) -> int:
        """A slider. It moves by as much as the mouse does: a click does not make it jump."""
        kind = "vsl" if upright else "hsl"
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", INK, LABEL)
        return self.fixed(
            "obj", x, y, kind, width, height, low, high, 0, 0, *widget.names(), *label, 0, 1
        )

    def number(
        self, x: int, y: int, columns: int, widget: Widget, low: float = 0, high: float = 0
    ) -> int:
        """A number box; what is typed is held between the ends unless both are 0."""
        send, receive = widget.send or "-", widget.receive or "-"
        return self.fixed("floatatom", x, y, columns, low, high, 0, "-", receive, send, 14)

    def word_box(self, x: int, y: int, columns: int, widget: Widget) -> int:
        """A box to type a word into."""
        send, receive = widget.send or "-", widget.receive or "-"
        return self.fixed("symbolatom", x, y, columns, 0, 0, 0, "-", receive, send, 14)

    def toggle(self, x: int, y: int, size: int, widget: Widget) -> int:
        """A switch that sends 0 or 1."""
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", INK, LABEL)
        return self.fixed("obj", x, y, "tgl", size, 0, *widget.names(), *label, 0, 1)

    def button(self, x: int, y: int, size: int, widget: Widget) -> int:
        """A button that sends a bang."""
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", "#c04020", LABEL)
        return self.fixed("obj", x, y, "bng", size, 250, 50, 0, *widget.names(), *label)

    def radio(
        self, x: int, y: int, size: int, count: int, widget: Widget, *, upright: bool = False
    ) -> int:
        """A choice of one among several; sends which, from 0."""
        kind = "vradio" if upright else "hradio"
        label = ("empty", 0, -9, 0, 10, "#d8d8d8", INK, LABEL)
        return self.fixed("obj", x, y, kind, size, 1, 0, count, *widget.names(), *label, 0)

    def meter(self, x: int, y: int, width: int, height: int, receive: Atom) -> int:
        """A level meter in dB."""
        label = ("empty", -1, -8, 0, 10, "#303030", LABEL)
        return self.fixed("obj", x, y, "vu", width, height, receive, *label, 0, 0)

    def panel(self, x: int, y: int, width: int, height: int, color: str) -> int:
        """A coloured ground for what is put on it later."""
        label = ("empty", 0, 0, 0, 10, color, LABEL)
        return self.fixed("obj", x, y, "cnv", 5, width, height, "empty", "empty", *label, 0)

    def words(
        self, x: int, y: int, text: str, size: int = 12, color: str = LABEL, ground: str = PAPER
    ) -> int:
        """A line of words of any size, its middle ``y`` pixels down."""
        names = ("empty", "empty")
        style = (caption(text) or "empty", 0, 0, 0, size, ground, color)
        # A canvas of one pixel; only its label is seen.
        return self.fixed("obj", x, y, "cnv", 1, 1, 1, *names, *style, 0)
