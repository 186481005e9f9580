"""The addresses as a table, for a manual or a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from tabulate import tabulate

from torchbend.realtime.control.controls import Control

__all__ = ["address_table"]


def address_table(controls: Iterable[Control], *, markdown: bool = True) -> str:
    """The addresses as a table, for a manual or a terminal.

    Args:
        controls: in the order of the rows.
        markdown: as in a ``.md`` file; otherwise as plain text.
    """
    rows: list[tuple[str, ...]] = [
        (
            f"`{c.address}`" if markdown else c.address,
            _arguments(c),
            _range(c),
            ", ".join(_plain(v) for v in c.default[:4]) + (", ..." if len(c.default) > 4 else ""),
            {"rw": "set and told", "r": "told", "w": "done"}[c.access],
            c.description,
        )
        for c in controls
    ]
    headers = ["address", "values", "range", "default", "", "what it does"]
    if markdown:  # a bar would end a cell
        rows = [tuple(cell.replace("|", r"\|") for cell in row) for row in rows]
    style = "github" if markdown else "simple"
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def _arguments(control: Control) -> str:
    if control.kind == "vector":
        return f"{len(control.types)} float" if len(control.types) > 1 else "float"
    needed = len(control.types) - control.optional
    words = [t if n < needed else f"[{t}]" for n, t in enumerate(control.types)]
    return " ".join(words)


def _range(control: Control) -> str:
    if control.choices:
        return ", ".join(control.choices)
    if control.low is None and control.high is None:
        return control.unit
    low = "" if control.low is None else f"{control.low:g}"
    high = "" if control.high is None else f"{control.high:g}"
    curve = " log" if control.curve == "log" else ""
    return f"{low} .. {high} {control.unit}".rstrip() + curve


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
