"""The parts of the terminal view: bars, sliders, columns, and text that is safe to show."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from rich.text import Text

from torchbend.realtime.control import Control, Value, Values
from torchbend.realtime.control.building import SOLO

__all__ = [
    "BYPASSED",
    "UNHEARD",
    "Row",
    "as_ascii",
    "bar",
    "beside",
    "control_cells",
    "flow",
    "in_columns",
    "level",
    "number",
    "plain",
    "styled",
]

Row: TypeAlias = tuple[Control, Values]
"""A control with its values."""

BYPASSED, UNHEARD = "bypassed", "not solo"
FLOOR_DB = -60.0
LONGEST_TEXT = 400
_STEPS = "▁▂▃▄▅▆▇█"
_ASCII = str.maketrans("━─┃●○…▁▂▃▄▅▆▇█", "=-|*o~01234567")


def plain(text: str) -> str:
    """Text from anywhere, on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST_TEXT])


def styled(text: str, style: str = "") -> Text:
    """A text of which the style stays its own when another is appended."""
    return Text.assemble((text, style))


def as_ascii(text: Text) -> Text:
    """The same for a terminal that knows nothing else."""
    text.plain = "".join(c if c.isascii() else "?" for c in text.plain.translate(_ASCII))
    return text


def number(value: float, form: str = ".1f") -> str:
    """A number; also one that is none."""
    if value != value:
        return "NaN"
    return format(value, form)


def level(level_db: float) -> tuple[float, str]:
    """How far a meter goes, 0 .. 1, and its colour."""
    if level_db != level_db:
        return 0.0, "bold red"
    part = min(max(1 - level_db / FLOOR_DB, 0.0), 1.0)
    return part, "red" if level_db > -1 else "yellow" if level_db > -6 else "green"


def bar(part: float, width: int, style: str, mark: float | None = None) -> Text:
    """A bar.

    Args:
        part: how much of it is full, 0 .. 1.
        width: in cells.
        style: of the full part.
        mark: where a mark stands, 0 .. 1; none at 0.
    """
    full = round(min(max(part, 0.0), 1.0) * width)
    text = styled("━" * full, style).append("─" * (width - full), "dim")
    if mark:
        at = min(int(mark * width), width - 1)
        text = Text.assemble(text[:at], ("┃", "bold"), text[at + 1 :])
    return text


def beside(left: Text, right: Text, width: int) -> Text:
    """Two texts at both ends of a line; what is too much is cut from the left one."""
    left.truncate(max(width - right.cell_len - 1, 0), overflow="ellipsis", pad=True)
    return left.append(" ").append_text(right)


def flow(parts: Iterable[Text], width: int) -> list[Text]:
    """Texts one after the other, on as many lines as they need."""
    lines: list[Text] = []
    for part in parts:
        if not part.plain:
            continue
        part.truncate(width, overflow="ellipsis")
        if lines and lines[-1].cell_len + 2 + part.cell_len <= width:
            lines[-1].append("  ").append_text(part)
        else:
            lines.append(part)
    return lines


def in_columns(cells: Sequence[Text], columns: int, width: int) -> list[Text]:
    """Texts side by side, each cut to a width."""
    lines = []
    for start in range(0, len(cells), columns):
        line = Text()
        for cell in cells[start : start + columns]:
            cell.truncate(width, overflow="ellipsis", pad=True)
            line.append_text(cell).append(" ")
        line.rstrip()
        lines.append(line)
    return lines


def control_cells(
    rows: Sequence[Row], width: int, lately: Collection[str], words: Mapping[str, str]
) -> list[Text]:
    """A line for each control: name, slider, value and range.

    Args:
        rows: the controls.
        width: of each line.
        lately: addresses of those that moved lately.
        words: what is said of a control behind it, by address: that its bend is bypassed, say.
    """
    names = [plain(c.address.removeprefix("/bend/").removeprefix("/")) for c, _ in rows]
    widest = min(max(Text(name).cell_len for name in names), max(width // 3, 8))
    cells = []
    for (control, values), name in zip(rows, names, strict=True):
        text = styled(name, "bold" if control.address in lately else "")
        text.truncate(widest, overflow="ellipsis", pad=True)
        room = max(width - widest - 1, 6)
        word = words.get(control.address, "")
        text.append(" ").append_text(_value(control, values, room))
        if word:
            if word in (BYPASSED, UNHEARD):
                text.stylize("dim", 0)
            text.truncate(max(width - len(word) - 1, 0), overflow="crop", pad=True)
            text.append(f" {word}", "green" if word == SOLO else "yellow")
        cells.append(text)
    return cells


def _value(control: Control, values: Values, width: int) -> Text:
    if control.kind == "bool":
        return styled("● on", "green") if values[0] else styled("○ off", "dim")
    if control.kind == "choice":
        text = Text()
        for choice in control.choices:
            text.append(plain(choice), "green" if choice == values[0] else "dim").append(" ")
        return text
    if control.kind == "vector" and len(values) > 1:
        return _steps(control, values, width)
    if control.kind in ("float", "int", "vector"):
        return _slider(control, values[0], width)
    return Text(plain(" ".join(map(str, values))))


def _slider(control: Control, value: Value, width: int) -> Text:
    shown = f"{value:.4g} {control.unit}".rstrip()
    position = _position(control, value)
    if position is None:
        return Text(shown)
    span = f"{control.low:g} .. {control.high:g}"
    ranged = width >= 36
    length = width - 12 - (15 if ranged else 0)
    text = bar(position, max(length, 3), "cyan").append(f" {shown:<10}")
    return text.append(f" {span}", "dim") if ranged else text


def _steps(control: Control, values: Values, width: int) -> Text:
    """A vector: an element a cell, as high as it stands."""
    text = Text()
    for value in values[:width]:
        position = _position(control, value)
        if position is None:
            text.append(f"{value:.3g} ")
        else:
            text.append(_STEPS[min(int(position * len(_STEPS)), len(_STEPS) - 1)], "cyan")
    return text


def _position(control: Control, value: Value) -> float | None:
    """Where a slider stands, 0 .. 1; None of what has no range."""
    if control.low is None or control.high is None or isinstance(value, str):
        return None
    position = control.to_unit(value)
    return position if math.isfinite(position) else 0.0
