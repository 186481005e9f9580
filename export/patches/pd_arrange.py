"""Places for wired boxes, so that none lies on another and wires run downwards.

Boxes that are wired to each other form a block. In it a box stands one row below the lowest
box that is wired to it, below the first of them where there is room. Blocks stand beside each
other as long as the window is wide, and a heading begins a new line of them.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["arrange"]

_MARGIN, _BETWEEN, _BELOW, _APART = 20, 14, 14, 50

Size = tuple[int, int]
Place = tuple[int, int]


def arrange(
    sizes: Sequence[Size], wires: Sequence[tuple[int, int]], headings: set[int], top: int,
    width: int,
) -> list[Place]:  # fmt: skip
    """Where the left upper corner of each box goes.

    Args:
        sizes: width and height of each box, in pixels, in the order they were made.
        wires: from which box to which.
        headings: the boxes that begin a new line.
        top: where the first line begins.
        width: how far to the right a line may go.
    """
    places: list[Place] = [(0, 0)] * len(sizes)
    x, y, tallest = _MARGIN, top, 0
    for block in _blocks(len(sizes), wires):
        inside, (wide, tall) = _block(block, sizes, wires)
        new_line = block[0] in headings or x + wide > width
        if new_line and x > _MARGIN:
            x, y, tallest = _MARGIN, y + tallest + _APART // 2, 0
        for box, (left, down) in inside.items():
            places[box] = (x + left, y + down)
        if block[0] in headings:
            x, y = _MARGIN, y + tall + _BELOW
        else:
            x, tallest = x + wide + _APART, max(tallest, tall)
    return places


def _blocks(count: int, wires: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The boxes in groups that wires hold together, in the order of their first ones."""
    root = list(range(count))

    def find(box: int) -> int:
        while root[box] != box:
            box = root[box]
        return box

    for source, sink in wires:
        one, two = sorted((find(source), find(sink)))
        root[two] = one
    blocks: dict[int, list[int]] = {}
    for box in range(count):
        blocks.setdefault(find(box), []).append(box)
    return list(blocks.values())


def _block(
    block: list[int], sizes: Sequence[Size], wires: Sequence[tuple[int, int]]
) -> tuple[dict[int, Place], Size]:
    """Places within one block, and how large it is."""
    inside = set(block)
    above: dict[int, list[int]] = {box: [] for box in block}
    for source, sink in wires:
        if source in inside:
            above[sink].append(source)
    rows = _rows(block, above)
    places: dict[int, Place] = {}
    down = widest = 0
    for row in range(max(rows.values()) + 1):
        right = 0
        members = [box for box in block if rows[box] == row]
        wished = {
            box: min((places[source][0] for source in above[box] if source in places), default=0)
            for box in members
        }
        for box in sorted(members, key=lambda box: wished[box]):
            left = max(right, wished[box])
            places[box] = (left, down)
            right = left + sizes[box][0] + _BETWEEN
        widest = max(widest, right)
        down += max(sizes[box][1] for box in members) + _BELOW
    return places, (widest, down)


def _rows(block: list[int], above: dict[int, list[int]]) -> dict[int, int]:
    """How far down each box stands; a wire that closes a circle counts for nothing."""
    rows: dict[int, int] = {}
    under_way: set[int] = set()

    def row(box: int) -> int:
        if box not in rows:
            under_way.add(box)
            sources = [source for source in above[box] if source not in under_way]
            rows[box] = max((row(source) + 1 for source in sources), default=0)
            under_way.discard(box)
        return rows[box]

    for box in block:
        row(box)
    return rows
