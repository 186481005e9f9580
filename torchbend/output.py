"""Tables: printed as text, or shown as HTML in a notebook.

``set_output("notebook")`` makes ``print_weights`` and its kin display tables in the
notebook instead of printing them; ``set_output("raw")`` goes back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import torch
from tabulate import tabulate

from .errors import TorchbendError
from .places import Place

__all__ = ["activation_rows", "get_output", "printable", "set_output", "show_table", "weight_rows"]

_MODES = ("raw", "notebook")
WEIGHT_COLUMNS = ("name", "shape", "dtype", "min", "max", "mean", "stddev")
ACTIVATION_COLUMNS = ("name", "op", "target", "shape", "dtype", "module")


_chosen = {"mode": "raw"}  # one for the process: a notebook's cells run in contexts of their own


def get_output() -> str:
    """Where tables go: ``"raw"`` (printed) or ``"notebook"``."""
    return _chosen["mode"]


def set_output(mode: str) -> None:
    """Choose where tables go.

    Args:
        mode: ``"raw"`` or ``"notebook"``; the second needs IPython.

    Raises:
        TorchbendError: another mode.
    """
    if mode not in _MODES:
        raise TorchbendError(f"tables go to {' or '.join(map(repr, _MODES))}, not {mode!r}")
    _chosen["mode"] = mode


def show_table(
    rows: Sequence[Sequence[Any]],
    columns: Sequence[str],
    out: str | Path | IO[str] | None,
) -> str:
    """Print a table, or write it.

    Args:
        rows: its cells.
        columns: its heads.
        out: a path, or an open text file; None prints or displays it.

    Returns:
        The table as text.
    """
    text: str = tabulate(rows, headers=list(columns))
    if out is None:
        if get_output() == "notebook":
            import IPython.display as notebook

            html: Any = tabulate(rows, headers=list(columns), tablefmt="html")
            _display(notebook, html)
        else:
            print(text)  # noqa: T201  the one place where tables are printed
    elif isinstance(out, (str, Path)):
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(text + "\n", encoding="utf-8")
    else:
        out.write(text + "\n")
    return text


def printable(text: str) -> str:
    """The text without what a terminal would obey: names inside a file may hold anything."""
    return re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", "?", text)


def weight_rows(weights: Iterable[tuple[str, torch.Tensor]]) -> list[list[Any]]:
    """One row a weight: name, shape, dtype, least, greatest, mean, standard deviation."""
    rows = []
    for name, weight in weights:
        value = weight.detach()
        stats: list[Any] = ["-"] * 4
        if value.numel() and not value.is_complex():
            real = value.float()
            deviation = float(real.std()) if value.numel() > 1 else math.nan
            whole = not value.is_floating_point() and value.dtype != torch.bool
            ends = (value if whole else real).aminmax()
            stats = [ends.min.item(), ends.max.item(), float(real.mean()), deviation]
        rows.append([name, str(value.shape), str(value.dtype), *stats])
    return rows


def activation_rows(places: Iterable[Place]) -> list[list[Any]]:
    """One row an activation: name, operation, target, shape, dtype, module."""
    return [
        [
            p.name,
            p.op,
            p.target,
            str(torch.Size(p.shape or ())),
            str(p.dtype),
            p.module,
        ]
        for p in places
    ]


def _display(notebook: Any, html: str) -> None:
    notebook.display(notebook.HTML(html))
