"""The Max patch that is written beside an exported file.

It opens in presentation mode: the sound on the left, a card for each attribute on the right.
The patch behind it has one block of boxes for each, and a subpatch for every other method of
the file, whose nn~ rests until it is switched on.
"""

from __future__ import annotations

from torchbend.export.description import FileInfo
from torchbend.export.patches.controls import (
    Control,
    buffer_sizes,
    controls,
    main_method,
    receive_name,
)
from torchbend.export.patches.layout import (
    CARD_WIDTH,
    GAP,
    MARGIN,
    SIDE_WIDTH,
    TITLE_HEIGHT,
    card_columns,
    card_height,
    clip_text,
    panel_size,
    subtitle,
)
from torchbend.export.patches.max_audio import (
    method_patcher,
    write_method,
    write_output,
    write_sources,
)
from torchbend.export.patches.max_controls import CARD, parameter, write_control
from torchbend.export.patches.maxpat import Patcher
from torchbend.export.patches.pd_audio import Signals, latent_control

__all__ = ["max_patch"]

_GROUND, _TITLE = (0.86, 0.86, 0.83, 1.0), (0.19, 0.19, 0.22, 1.0)
_LIGHT, _GREY, _INK = (0.99, 0.99, 0.99, 1.0), (0.75, 0.75, 0.75, 1.0), (0.13, 0.13, 0.13, 1.0)
_LEFT = 20.0  # of the boxes behind the panel
_RIGHT = 1300.0  # of the blocks of the attributes


def max_patch(info: FileInfo, stem: str) -> str:
    """The text of the ``.maxpat`` file for an export saved as ``<stem>.ts`` beside it."""
    main = main_method(info)
    others = [method for method in info.methods if method.name != main.name]
    signals = Signals.of(info)
    playing = latent_control(main)
    columns = card_columns(([playing] if playing else []) + list(controls(info)))
    sections = {"switches": 86}
    if signals.sources:
        sections["input"] = 128
    if signals.outputs:
        sections["output"] = 136 if signals.sources else 112
    sections["buffer"] = 60
    if others:
        sections["methods"] = 36 + 34 * len(others)
    side_height = sum(tall + GAP for tall in sections.values()) - GAP
    width, height = panel_size(columns, side_height)
    patcher = Patcher(width, height)
    patcher.panel((0, 0, width, height), _GROUND)
    patcher.panel((0, 0, width, TITLE_HEIGHT), _TITLE)
    wide = width - 2 * MARGIN
    title = clip_text(info.model or stem, wide // 16)
    patcher.words(-2380, 10, title, 24, shown=(MARGIN, 12, wide, 36), color=_LIGHT, bold=True)
    line = clip_text(subtitle(info, main, stem), wide // 8)
    patcher.words(-2380, 50, line, 12, shown=(MARGIN, 50, wide, 22), color=_GREY)
    side = _Side(patcher, stem, sections)
    buffer = buffer_sizes(info)[1]
    init, again = side.switches()
    y = 260.0
    if "input" in sections:
        y = write_sources(patcher, _LEFT, y, stem, signals.sources, side.card("input"))
    corner = (2 * MARGIN + SIDE_WIDTH, TITLE_HEIGHT + MARGIN) if playing else None
    y, nn = write_method(patcher, _LEFT, y, stem, main, buffer, signals, corner, init)
    side.enable(nn)
    if "output" in sections:
        y = write_output(patcher, _LEFT, y, stem, signals, side.card("output"))
    side.buffer(buffer)
    if others:
        x, top, *_ = side.card("methods")
        patcher.words(-2380, top, "other methods: double-click to open",
                      shown=(x + 10, top + 5, SIDE_WIDTH - 20, 20), color=_INK)  # fmt: skip
        for place, method in enumerate(others):
            row = top + 32 + 34 * place
            switch = patcher.box(
                "toggle", (_LEFT, y, 26, 26), 1, ["int"], (x + 14, row, 26, 26),
                parameter_enable=0,
            )  # fmt: skip
            name = receive_name(stem, f"{method.name}:enable")
            patcher.chain(switch, patcher.obj(_LEFT + 60, y, f"s {name}", 1))
            inside = method_patcher(info, method, stem, buffer)
            patcher.sub(_LEFT + 460, y, method.name, inside, (x + 54, row + 2, 200, 22))
            y += 40
    down = 20.0
    for place, column in enumerate(columns):
        left = 2 * MARGIN + SIDE_WIDTH + place * (CARD_WIDTH + MARGIN)
        top = TITLE_HEIGHT + MARGIN
        for card in column:
            if card is not playing:
                down = _attribute(patcher, down, (left, top), card, stem, init, again)
            top += card_height(card) + GAP
    return patcher.file()


def _attribute(
    patcher: Patcher, down: float, shown: tuple[float, float], card: Control, stem: str,
    init: str, again: str,
) -> float:  # fmt: skip
    return write_control(patcher, (_RIGHT, down), shown, card, stem, init, again) + 60


class _Side:
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
            patcher.words(-2380, y, label, shown=shown, color=_INK)
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
        """The switch of the main method's nn~."""
        patcher, (x, y, *_) = self._patcher, self._cards["switches"]
        switch = patcher.box(
            "live.toggle", (560, 100, 40, 40), 1, [""], (x + 86, y + 32, 40, 40),
            **parameter("model", 1, 0, 1, 2, parameter_enum=["off", "on"]),
        )  # fmt: skip
        receive = self._receive(620, 100, "enable")
        patcher.chain(receive, switch, patcher.message(620, 140, "enable $1"), nn)

    def buffer(self, frames: int) -> None:
        """How to change the buffer: nn~ in Max takes it only when it is made."""
        x, y, *_ = self._cards["buffer"]
        words = f"buffer {frames} frames: the third"
        self._patcher.words(
            -2380, y, words, shown=(x + 10, y + 6, SIDE_WIDTH - 20, 20), color=_INK
        )
        self._patcher.words(
            -2380, y, "argument of nn~ in the patch", shown=(x + 10, y + 28, SIDE_WIDTH - 20, 20),
            color=_INK,
        )  # fmt: skip
