"""The left column of an exported Pd patch: what each has, whatever its attributes."""

from __future__ import annotations

from collections.abc import Callable

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import buffer_sizes, receive_name
from torchbend.export.patches.layout import GAP, SIDE_WIDTH
from torchbend.export.patches.pd import ARGUMENT, SEMICOLON, Atom, Canvas, local
from torchbend.export.patches.pd_audio import Signals
from torchbend.export.patches.pd_controls import NN, RESEND, RESET
from torchbend.export.patches.pd_panel import PAPER, Panel, Widget

__all__ = ["Side"]

_BIG, _SMALL = 40, 26  # sizes of switches and buttons
_RANGES = {"gain": (0.0, 2.0, 1.0), "mix": (0.0, 1.0, 1.0), "level": (0.0, 1.0, 0.8)}
_NAMES = {"gain": "input gain", "mix": "dry / wet", "level": "level"}

_Draw = Callable[[Panel, int, int], None]


class Side:
    """The column's widgets and what is behind them.

    Args:
        info: the exported file.
        main: the method the patch opens with.
        others: its other methods.
        stem: the file's name without its ending.
    """

    def __init__(
        self, info: FileInfo, main: MethodInfo, others: list[MethodInfo], stem: str
    ) -> None:
        self._main, self._others, self._stem = main, others, stem
        self._signals = Signals.of(info)
        self._sizes = buffer_sizes(info)

    def _sections(self) -> list[tuple[int, _Draw]]:
        """What there is to draw, and how tall each is."""
        sections: list[tuple[int, _Draw]] = [(86, self._draw_switches)]
        if self._signals.sources:
            sections.append((128, self._draw_input))
        if self._signals.outputs:
            sections.append((136 if self._signals.sources else 112, self._draw_output))
        sections.append((94, self._draw_buffer))
        if self._others:
            sections.append((36 + 34 * len(self._others), self._draw_methods))
        return [*sections, (36 + 32 * self._rows(2 + len(self._others)), self._draw_inside)]

    @staticmethod
    def _rows(boxes: int) -> int:
        return -(-boxes // 2)

    def height(self) -> int:
        """Of the whole column, in pixels."""
        return sum(tall + GAP for tall, _ in self._sections()) - GAP

    def draw(self, panel: Panel, x: int, y: int) -> None:
        """Put the column on the panel, its corner at (x, y)."""
        for tall, draw in self._sections():
            panel.panel(x, y, SIDE_WIDTH, tall, PAPER)
            draw(panel, x, y)
            y += tall + GAP

    def put_subpatches(self, panel: Panel, x: int, y: int, inside: list[Canvas]) -> None:
        """Put the boxes of the subpatches into the last section."""
        y += self.height() - self._sections()[-1][0] + 32
        for place, canvas in enumerate(inside):
            panel.sub_at(x + 12 + 140 * (place % 2), y + 32 * (place // 2), canvas)

    def wire(self, logic: Canvas) -> None:
        """Add the boxes behind the column."""
        logic.heading("The column on the left.")
        logic.chain(("r", local("sound")), ("msg", "dsp", ARGUMENT), ("s", "pd"))
        start: list[Atom] = [SEMICOLON, self._public("enable"), "set", 1]
        start += [SEMICOLON, self._public("buffer"), "set", 1]
        if self._signals.sources:
            start += [SEMICOLON, self._public("mic"), 1]
        for name in self._faders():
            logic.chain(("r", local(name)), ("msg", "set", ARGUMENT), ("s", self._public(name)))
            start += [SEMICOLON, self._public(name), _RANGES[name][2]]
        logic.chain(("loadbang",), ("msg", *start))
        _, both, _ = logic.chain(("r", local("reload")), ("t", "b", "b"), ("s", RESEND))
        # The file is read anew first; then it hears how the controls stand.
        reload, _ = logic.chain(("msg", "reload"), ("s", NN))
        logic.connect(both, 1, reload, 0)
        places = range(len(self._sizes))
        _, choose = logic.chain(("r", local("buffer")), ("sel", *places))
        for place, size in enumerate(self._sizes):
            box, _ = logic.chain(("msg", "bufsize", size), ("s", NN))
            logic.connect(choose, place, box, 0)

    def _public(self, name: str) -> str:
        return receive_name(self._stem, f":{name}")

    def _widget(self, name: str) -> Widget:
        return Widget(local(name), self._public(name))

    def _faders(self) -> list[str]:
        mixed = ["gain", "mix"] if self._signals.sources else []
        if not self._signals.outputs:
            mixed = mixed[:1]
        return mixed + (["level"] if self._signals.outputs else [])

    def _draw_switches(self, panel: Panel, x: int, y: int) -> None:
        for place, label in enumerate(("sound", "model", "reset", "reload")):
            panel.words(x + 14 + 72 * place, y + 16, label, 12)
        enable = Widget(local(f"{self._main.name}-on"), self._public("enable"))
        panel.toggle(x + 14, y + 32, _BIG, self._widget("sound"))
        panel.toggle(x + 86, y + 32, _BIG, enable)
        panel.button(x + 158, y + 32, _BIG, Widget(RESET, self._public("reset")))
        panel.button(x + 230, y + 32, _BIG, self._widget("reload"))

    def _draw_input(self, panel: Panel, x: int, y: int) -> None:
        for place, label in enumerate(("microphone", "open file", "play file")):
            panel.words(x + 14 + 96 * place, y + 16, label, 12)
        panel.toggle(x + 14, y + 30, _SMALL, self._widget("mic"))
        panel.button(x + 110, y + 30, _SMALL, self._widget("file"))
        panel.toggle(x + 206, y + 30, _SMALL, self._widget("play"))
        self._draw_fader(panel, x, y + 68, "gain")

    def _draw_output(self, panel: Panel, x: int, y: int) -> None:
        panel.meter(x + 266, y + 20, 16, 80, local("vu"))
        for name in self._faders():
            if name != "gain":
                self._draw_fader(panel, x, y + 6, name)
                y += 62

    def _draw_fader(self, panel: Panel, x: int, y: int, name: str) -> None:
        low, high, _ = _RANGES[name]
        panel.words(x + 14, y + 12, _NAMES[name], 12)
        number = local(f"{name}-n")
        panel.slider(x + 14, y + 26, 160, 24, low, high, Widget(number, self._public(name)))
        panel.number(x + 188, y + 26, 6, Widget(local(name), number), low, high)

    def _draw_buffer(self, panel: Panel, x: int, y: int) -> None:
        panel.words(x + 14, y + 14, "buffer, in frames", 12)
        for place, size in enumerate(self._sizes):
            panel.words(x + 14 + _BIG * place, y + 34, str(size), 10)
        panel.radio(x + 14, y + 46, _BIG, len(self._sizes), self._widget("buffer"))

    def _draw_methods(self, panel: Panel, x: int, y: int) -> None:
        panel.words(x + 14, y + 16, "other methods", 12)
        for place, method in enumerate(self._others):
            public = receive_name(self._stem, f"{method.name}:enable")
            top = y + 32 + 34 * place
            panel.toggle(x + 14, top, _SMALL, Widget(local(f"{method.name}-on"), public))
            panel.words(x + 54, top + 13, method.name[:28], 12)

    def _draw_inside(self, panel: Panel, x: int, y: int) -> None:
        panel.words(x + 14, y + 16, "inside", 12)
