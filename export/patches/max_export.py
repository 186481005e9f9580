"""The Max patch that is written beside an exported file.

It opens in presentation mode: the sound on the left, a card for each attribute on the right.
The patch behind it has one block of boxes for each, and a subpatch for every other method of
the file, whose nn~ rests until it is switched on.
"""

from __future__ import annotations

from torchbend.description import FileInfo
from torchbend.export.patches.controls import (
    Card,
    buffer_sizes,
    cards,
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
    panel_size,
    subtitle,
)
from torchbend.export.patches.max_audio import (
    method_patcher,
    write_method,
    write_output,
    write_sources,
)
from torchbend.export.patches.max_controls import INK, write_card
from torchbend.export.patches.max_side import Side, draw_title
from torchbend.export.patches.maxpat import Patcher
from torchbend.export.patches.pd_audio import Signals, latent_control

__all__ = ["max_patch"]

_LEFT = 20.0  # of the boxes behind the panel
_RIGHT = 1300.0  # of the blocks of the attributes


def max_patch(info: FileInfo, stem: str) -> str:
    """The text of the ``.maxpat`` file for an export saved as ``<stem>.ts`` beside it."""
    main = main_method(info)
    others = [method for method in info.methods if method.name != main.name]
    signals = Signals.of(info)
    playing = latent_control(main)
    columns = card_columns(([Card.of(playing)] if playing else []) + list(cards(info)))
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
    draw_title(patcher, width, height, info.model or stem, subtitle(info, main, stem))
    side = Side(patcher, stem, sections)
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
                      shown=(x + 10, top + 5, SIDE_WIDTH - 20, 20), color=INK)  # fmt: skip
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
            if playing not in card.controls:
                corner = (left, top)
                down = write_card(patcher, (_RIGHT, down), corner, card, stem, init, again)
            top += card_height(card) + GAP
    return patcher.file()
