"""Models for the command line: opened by what they are, and shown with all that can be bent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from torchbend.archive import is_torchscript
from torchbend.errors import BendingError, TorchbendError, suggest
from torchbend.output import printable
from torchbend.places import Place, match
from torchbend.scripts import load
from torchbend.tracing import BendedModule

__all__ = ["open_model", "places_text"]


def open_model(path: Path, **rave: Any) -> BendedModule:
    """Open a RAVE run, or a TorchScript file.

    Args:
        path: of a run's folder, one of its version folders, a checkpoint, or a ``.ts`` file.
        **rave: how to open a run, as ``BendedRAVE`` takes it.

    Raises:
        TorchbendError: it cannot be opened; or it is a file, and there are settings for a run.
    """
    if is_torchscript(path):
        if rave:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in rave)
            raise TorchbendError(
                f"{path} was exported already, and plays as it was then: {flags} can be chosen "
                "of a RAVE run alone"
            )
        return load(path)
    from torchbend.interfaces.rave import BendedRAVE

    return BendedRAVE(path, **rave)


def places_text(
    bended: BendedModule, patterns: Sequence[str] = (), method: str | None = None
) -> str:
    """What can be bent: the weights, and the activations of the traced methods, as tables.

    Args:
        bended: the model.
        patterns: as ``bend`` takes them; without any, all weights and all modules' outputs.
        method: activations of this method alone.

    Raises:
        BendingError: there is no such method, or a pattern reaches nothing.
    """
    methods = bended.traced_methods
    if method is not None and method not in methods:
        raise BendingError(f"there is no method {method!r}. {suggest(method, methods)}")
    there = [
        place
        for place in bended._places([method] if method else methods)
        if place.tensor and not place.state and place.op not in ("placeholder", "get_attr")
    ]
    found = match(patterns or (".*",), there, methods.__contains__)
    for pattern in patterns:
        if not found[pattern]:
            names = (place.name for place in there)
            raise BendingError(f"nothing matches {pattern!r}. {suggest(pattern, names)}")
    reached = {place.key for each in found.values() for place in each}
    places = [place for place in there if place.key in reached]
    tables = [_weights(places), _activations(places)]
    if not methods:
        tables.append(
            "Its activations are not known: no method of it is one of nn~'s. In Python, "
            "tb.load opens it and trace(method, input) shows them."
        )
    return printable("\n\n".join(table for table in tables if table))


def _weights(places: Iterable[Place]) -> str:
    rows = [(p.name, _shape(p)) for p in places if p.kind == "weight"]
    return tabulate(rows, headers=["weight", "shape"], disable_numparse=True) if rows else ""


def _activations(places: Iterable[Place]) -> str:
    """A row for each name, since most are met in several methods."""
    methods: dict[tuple[str, str, str], list[str]] = {}
    for place in places:
        if place.kind == "activation":
            row = (place.name, place.target.removeprefix("aten::"), _shape(place))
            methods.setdefault(row, []).append(str(place.fn))
    if not methods:
        return ""
    rows = [(*row, ", ".join(fns)) for row, fns in methods.items()]
    headers = ["activation", "made by", "shape", "in"]
    table = tabulate(rows, headers=headers, disable_numparse=True)
    return f"{table}\n(shapes are batch x channels x frames of one run)"


def _shape(place: Place) -> str:
    return " x ".join(map(str, place.shape or ())) or "one number"
