"""The title of a Max panel and its left column: what each has, whatever its attributes."""

from __future__ import annotations

from torchbend.export.patches.controls import receive_name
from torchbend.export.patches.layout import (
    GAP,
    MARGIN,
    SIDE_WIDTH,
    TITLE_HEIGHT,
    clip_text,
)
from torchbend.export.patches.max_controls import CARD, INK, parameter
from torchbend.export.patches.maxpat import Patcher

__all__ = ["Side", "draw_title"]

_GROUND, _TITLE = (0.86, 0.86, 0.83, 1.0), (0.19, 0.19, 0.22, 1.0)
_LIGHT, _GREY = (0.99, 0.99, 0.99, 1.0), (0.75, 0.75, 0.75, 1.0)
_LEFT = 20.0  # of the boxes behind the panel


def draw_title(patcher: Patcher, width: int, height: int, title: str, line: str) -> None:
    """The ground of a panel, and what it is called."""
    patcher.panel((0, 0, width, height), _GROUND)
    patcher.panel((0, 0, width, TITLE_HEIGHT), _TITLE)
    wide = width - 2 * MARGIN
    name = clip_text(title, wide // 16)
    patcher.words(-2380, 10, name, 24, shown=(MARGIN, 12, wide, 36), color=_LIGHT, bold=True)
    below = clip_text(line, wide // 8)
    patcher.words(-2380, 50, below, 12, shown=(MARGIN, 50, wide, 22), color=_GREY)


class Side:
    """The column on the left."""

    def __init__(self, patcher: Patcher, stem: str, sections: dict[str, int]) -> None:
        self._patcher, self._stem = patcher, stem
        self._cards: dict[str, tuple[float, float, float, float]] = {}
        y = float(TITLE_HEIGHT + MARGIN)
        for name, tall in sections.items():
            self._cards[name] = (MARGIN, y, SIDE_WIDTH, tall)
            patcher.panel(self._cards[name], CARD)
            y += tall + GAP

    def card(self, name: str) -> tuple[float, float, float, float]:
        """The rectangle of a section."""
        return self._cards[name]

    def _receive(self, x: float, y: float, name: str) -> str:
        return self._patcher.obj(x, y, f"r {receive_name(self._stem, ':' + name)}", 0, "")

    def switches(self) -> tuple[str, str]:
        """Sound, reset and reload; returns the boxes that say ``init`` and ``outputvalue``."""
        patcher, (x, y, *_) = self._patcher, self._cards["switches"]
        for place, label in enumerate(("sound", "model", "reset", "reload")):
            shown = (x + 10 + 72 * place, y + 5, 64, 20)
            patcher.words(-2380, y, label, shown=shown, color=INK)
        sound = patcher.box(
            "ezdac~", (_LEFT, 20, 45, 45), 2, [], (x + 12, y + 32, 42, 42)
        )
        patcher.connect(self._receive(80, 20, "sound"), 0, sound, 0)
        button = patcher.box(
            "button", (_LEFT, 100, 40, 40), 1, ["bang"], (x + 158, y + 32, 40, 40),
            parameter_enable=0,
        )  # fmt: skip
        patcher.connect(self._receive(80, 100, "reset"), 0, button, 0)
        init = patcher.message(260, 100, "init")
        patcher.chain(button, init)
        reload = patcher.box(
            "button", (_LEFT, 160, 40, 40), 1, ["bang"], (x + 230, y + 32, 40, 40),
            parameter_enable=0,
        )  # fmt: skip
        patcher.connect(self._receive(80, 160, "reload"), 0, reload, 0)
        order = patcher.obj(260, 160, "t b b", 1, "bang", "bang")
        anew = patcher.message(340, 190, "reload")
        name = receive_name(self._stem, ":nn")
        again = patcher.message(340, 160, "outputvalue")
        # The file is read anew first; then it hears how the controls stand.
        patcher.chain(reload, order, again)
        patcher.connect(order, 1, anew, 0)
        patcher.chain(anew, patcher.obj(420, 190, f"s {name}", 1))
        return init, again

    def enable(self, nn: str) -> None:
        """The switch of a nn~."""
        patcher, (x, y, *_) = self._patcher, self._cards["switches"]
        switch = patcher.box(
            "live.toggle", (560, 100, 40, 40), 1, [""], (x + 86, y + 32, 40, 40),
            **parameter(":model", 1, 0, 1, 2, parameter_enum=["off", "on"]),
        )  # fmt: skip
        receive = self._receive(620, 100, "enable")
        patcher.chain(receive, switch, patcher.message(620, 140, "enable $1"), nn)

    def buffer(self, frames: int) -> None:
        """How to change the buffer: nn~ in Max takes it only when it is made."""
        x, y, *_ = self._cards["buffer"]
        words = f"buffer {frames} frames: the third"
        self._patcher.words(
            -2380, y, words, shown=(x + 10, y + 6, SIDE_WIDTH - 20, 20), color=INK
        )
        self._patcher.words(
            -2380, y, "argument of nn~ in the patch", shown=(x + 10, y + 28, SIDE_WIDTH - 20, 20),
            color=INK,
        )  # fmt: skip
