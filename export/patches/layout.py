"""Where things stand on a panel: the same in Pd and in Max."""

from __future__ import annotations

from dataclasses import dataclass

from torchbend.description import FileInfo, MethodInfo
from torchbend.export.patches.controls import Card, Control, Field

__all__ = [
    "ARRAY_HEIGHT",
    "BANK_HEIGHT",
    "CAPTION_HEIGHT",
    "CAPTION_WIDTH",
    "CARD_WIDTH",
    "GAP",
    "MARGIN",
    "MENU_ROW",
    "Row",
    "SIDE_WIDTH",
    "TITLE_HEIGHT",
    "body_height",
    "card_columns",
    "card_height",
    "clip_text",
    "field_height",
    "header_height",
    "panel_size",
    "rows",
    "subtitle",
]

MARGIN, GAP, TITLE_HEIGHT = 20, 12, 80
CARD_WIDTH = 400
SIDE_WIDTH = 300  # of the column on the left
BANK_HEIGHT, ARRAY_HEIGHT = 100, 130
MENU_ROW = 26
CAPTION_WIDTH, CAPTION_HEIGHT = 104, 22  # of words beside a control, and above it
_ROW = 34
_COLUMN_HEIGHT = 720  # cards that are taller than this together make room for another column


@dataclass(frozen=True)
class Row:
    """Where a control stands on its card.

    Attributes:
        control: which.
        left: of the card's left edge, in pixels.
        top: below the card's upper edge.
        caption: words beside it, or above it; empty where the card's name says it.
        indent: room for words beside it.
    """

    control: Control
    left: int
    top: int
    caption: str = ""
    indent: int = 0


def header_height(card: Card) -> int:
    """Of a card's name, and of the note below it."""
    return 44 if card.note else 30


def field_height(field: Field) -> int:
    """Of one value's widget."""
    return MENU_ROW * len(field.choices) + 4 if field.kind == "menu" else _ROW


def body_height(control: Control) -> int:
    """Of all widgets of one attribute."""
    if control.shape == "bank":
        return BANK_HEIGHT + 10
    if control.shape == "array":
        return ARRAY_HEIGHT + 10
    return sum(field_height(field) for field in control.fields)


def rows(card: Card) -> list[Row]:
    """Where each control of a card stands; two switches share a line."""
    return _rows(card)[0]


def card_height(card: Card) -> int:
    """How tall a card is, in pixels."""
    return _rows(card)[1] + 6


def _rows(card: Card) -> tuple[list[Row], int]:
    """The rows, and where they end."""
    top = header_height(card)
    if not card.controls[0].bend:
        (control,) = card.controls
        return [Row(control, 0, top)], top + body_height(control)
    found: list[Row] = []
    waits = False  # a switch, with room beside it
    for control in card.controls:
        kinds = [field.kind for field in control.fields]
        caption = control.part or control.name
        if kinds == ["toggle"] and waits:
            found.append(Row(control, CARD_WIDTH // 2, found[-1].top, caption, CAPTION_WIDTH))
            waits = False
            continue
        waits = kinds == ["toggle"]
        beside = control.shape == "single" and kinds != ["menu"]
        top += 0 if beside else CAPTION_HEIGHT
        found.append(Row(control, 0, top, caption, CAPTION_WIDTH if beside else 0))
        top += body_height(control)
    return found, top


def card_columns(cards: list[Card]) -> list[list[Card]]:
    """The cards in order, in as few columns as are needed, all about as tall."""
    if not cards:
        return []
    total = sum(card_height(card) + GAP for card in cards)
    count = -(-total // _COLUMN_HEIGHT)
    limit = total // count
    while len(_fill(cards, limit)) > count:
        limit += 10
    return _fill(cards, limit)


def _fill(cards: list[Card], limit: int) -> list[list[Card]]:
    """The cards in columns no taller than a limit, but for a card that alone is taller."""
    columns: list[list[Card]] = [[]]
    used = 0
    for card in cards:
        tall = card_height(card) + GAP
        if columns[-1] and used + tall > limit:
            columns.append([])
            used = 0
        columns[-1].append(card)
        used += tall
    return columns


def panel_size(columns: list[list[Card]], side_height: int) -> tuple[int, int]:
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
