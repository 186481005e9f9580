"""The Pd patch that is written beside an exported file.

The panel is one window without wires: the sound on the left, a card for each attribute on
the right. Behind it are subpatches: ``audio`` with the nn~ of the main method, ``controls``
with what the widgets do, and one for each other method, whose nn~ rests until it is switched
on.
"""

from __future__ import annotations

from torchbend.description import FileInfo
from torchbend.export.patches.controls import Card, buffer_sizes, cards, main_method
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
from torchbend.export.patches.pd import Canvas
from torchbend.export.patches.pd_audio import audio_canvas, latent_control, method_canvas
from torchbend.export.patches.pd_controls import SHOW, draw_card, wire_control
from torchbend.export.patches.pd_panel import Panel
from torchbend.export.patches.pd_side import Side

__all__ = ["pd_patch"]

_EDGE = 4  # of the window around the ground, so that no scroll bars come up
_GROUND, _TITLE, _LIGHT, _GREY = "#dcdcd4", "#303038", "#fcfcfc", "#b8b8b8"


def pd_patch(info: FileInfo, stem: str) -> str:
    """The text of the ``.pd`` file for an export saved as ``<stem>.ts`` beside it."""
    main = main_method(info)
    others = [method for method in info.methods if method.name != main.name]
    playing = latent_control(main)
    shown = ([Card.of(playing)] if playing else []) + list(cards(info))
    columns = card_columns(shown)
    side = Side(info, main, others, stem)
    width, height = panel_size(columns, side.height())
    panel = Panel(width + _EDGE, height + _EDGE)
    panel.panel(0, 0, width, height, _GROUND)
    panel.panel(0, 0, width, TITLE_HEIGHT, _TITLE)
    title = clip_text(info.model or stem, (width - 2 * MARGIN) // 16)
    panel.words(MARGIN, 30, title, 24, _LIGHT, _TITLE)
    line = clip_text(subtitle(info, main, stem), (width - 2 * MARGIN) // 8)
    panel.words(MARGIN, 60, line, 12, _GREY, _TITLE)
    side.draw(panel, MARGIN, TITLE_HEIGHT + MARGIN)
    logic = Canvas(1200, 700, "controls")
    side.wire(logic)
    index = 0
    for place, column in enumerate(columns):
        x = 2 * MARGIN + SIDE_WIDTH + place * (CARD_WIDTH + MARGIN)
        top = TITLE_HEIGHT + MARGIN
        for card in column:
            draw_card(panel, x, top, card, index, stem)
            for control in card.controls:
                if control is not playing:
                    wire_control(logic, control, index, stem)
                index += 1
            top += card_height(card) + GAP
    # Last of all: when it bangs, all that listens is there.
    logic.chain(("loadbang",), ("s", SHOW))
    buffer = buffer_sizes(info)[1]
    inside = [audio_canvas(info, main, stem, buffer, 0), logic]
    for number, method in enumerate(others):
        inside.append(method_canvas(info, method, stem, buffer, index + number))
    side.put_subpatches(panel, MARGIN, TITLE_HEIGHT + MARGIN, inside)
    return panel.file()
