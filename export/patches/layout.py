"""Where things stand on a panel: the same in Pd and in Max."""

from __future__ import annotations

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import Control, Field

__all__ = [
    "ARRAY_HEIGHT",
    "BANK_HEIGHT",
    "CARD_WIDTH",
    "GAP",
    "MARGIN",
    "MENU_ROW",
    "SIDE_WIDTH",
    "TITLE_HEIGHT",
    "card_columns",
    "card_height",
    "clip_text",
    "field_height",
    "header_height",
    "panel_size",
    "subtitle",
]

MARGIN, GAP, TITLE_HEIGHT = 20, 12, 80
CARD_WIDTH = 400
SIDE_WIDTH = 300  # of the column on the left
BANK_HEIGHT, ARRAY_HEIGHT = 100, 130
MENU_ROW = 26
_ROW = 34
_COLUMN_HEIGHT = 720  # cards that are taller than this together make room for another column


def header_height(control: Control) -> int:
    """Of a card's name, and of the note below it."""
    return 44 if control.note else 30


def field_height(field: Field) -> int:
    """Of one value's widget."""
    return MENU_ROW * len(field.choices) + 4 if field.kind == "menu" else _ROW


def card_height(control: Control) -> int:
    """How tall the control's card is, in pixels."""
    if control.shape == "bank":
        body = BANK_HEIGHT + 10
    elif control.shape == "array":
        body = ARRAY_HEIGHT + 10
    else:
        body = sum(field_height(field) for field in control.fields)
    return header_height(control) + body + 6


def card_columns(cards: list[Control]) -> list[list[Control]]:
    """The cards in order, in as few columns as are needed, all about as tall."""
    if not cards:
        return []
    total = sum(card_height(card) + GAP for card in cards)
    count = -(-total // _COLUMN_HEIGHT)
    limit = total // count
    while len(_fill(cards, limit)) > count:
        limit += 10
    return _fill(cards, limit)


def _fill(cards: list[Control], limit: int) -> list[list[Control]]:
    """The cards in columns no taller than a limit, but for a card that alone is taller."""
    columns: list[list[Control]] = [[]]
    used = 0
    for card in cards:
        tall = card_height(card) + GAP
        if columns[-1] and used + tall > limit:
            columns.append([])
            used = 0
        columns[-1].append(card)
        used += tall
    return columns


def panel_size(columns: list[list[Control]], side_height: int) -> tuple[int, int]:
    """Width and height of the panel, in pixels."""
    cards = max((sum(card_height(card) + GAP for card in column) for column in columns), default=0)
    width = 2 * MARGIN + SIDE_WIDTH + (CARD_WIDTH + MARGIN) * len(columns)
    return width, TITLE_HEIGHT + MARGIN + max(side_height, cards) + MARGIN


def subtitle(info: FileInfo, main: MethodInfo, stem: str) -> str:
    """The line below the model's name."""
    rate = f", {info.sample_rate} Hz" if info.sample_rate else ""
    return f"{stem}.ts, {main.name}: {main.in_channels} in, {main.out_channels} out{rate}"


def clip_text(text: str, most: int) -> str:
    """The text, or as much of it as fits."""
    return text if len(text) <= most else text[: max(1, most - 3)].rstrip() + "..."
