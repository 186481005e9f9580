"""Write what follows from the operations that there are.

    python scripts/make_operations.py              # all of it
    python scripts/make_operations.py names page   # without the pictures

*names*: torchbend/operations/names.py, through which ``tb`` has them. *page*: the tables in
docs/operations.md, between its two marks. *pictures*: docs/operations/, one for each operation.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    # a list that names what is no longer there must not be in the way of a new one
    sys.modules["torchbend.operations.names"] = _empty = ModuleType("names")
    _empty.__dict__["__all__"] = []

import torch
from operation_pictures import draw_all, pictured

from torchbend.bending.operation import FAMILIES, Operation
from torchbend.bending.registry import operations
from torchbend.places import Place

ROOT = Path(__file__).parents[1]
NAMES = ROOT / "torchbend" / "operations" / "names.py"
PAGE = ROOT / "docs" / "operations.md"
PICTURES = ROOT / "docs" / "operations"
PACKAGE = "torchbend.operations"
MARKS = re.compile(
    r"^(<!-- operations: .*? -->)$.*?^(<!-- end of operations -->)$", re.MULTILINE | re.DOTALL
)
WIDTH = 100  # of a line of Python

# six channels, as the examples with a number a channel have it
PLACES = {
    "activation": Place(
        "conv", "activation", (2, 6, 64), torch.float32, fn="forward", op="call_module"
    ),
    "weight": Place("conv.weight", "weight", (6, 4, 7), torch.float32, op="parameter"),
}
FAMILY_TEXTS = {
    "gain": ("Gain", "More of it, less of it, moved up or down: the first thing to try anywhere."),
    "silence": ("Silence", "Channels or single values are taken away."),
    "threshold": ("Thresholds", "What lies above a level, or below it, is treated differently."),
    "shape": ("Shapes", "Each value goes through a curve, as in a wave shaper or a fuzz."),
    "time": ("Time", "Frames are smeared, moved, turned round. Of a weight: its taps."),
    "channels": ("Channels", "What one channel has learnt to mean is told to another."),
    "noise": ("Noise", "Random numbers are added, or multiplied with."),
    "weights": ("Weights", "For what was learnt. A still knob on a weight costs nothing."),
    "captures": (
        "Captures",
        "What one sound did inside of the model is done to another: see [captures](captures.md).",
    ),
}


# -- names.py --------------------------------------------------------------------------------
def names_text(there: Iterable[Operation]) -> str:
    """What torchbend/operations/names.py should say of these operations."""
    found: dict[str, set[str]] = {}
    for operation in there:
        package, _, module = operation.callback.__module__.rpartition(".")
        if package == PACKAGE:
            found.setdefault(module, set()).add(operation.name)
    lines = ['"""The callbacks of this folder, by name. Written by ``make operations``."""', ""]
    for module in sorted(found):
        lines += _import(module, sorted(found[module], key=lambda name: (name.lower(), name)))
    exported = sorted(name for names in found.values() for name in names)
    lines += ["", "__all__ = [", *(f'    "{name}",' for name in exported), "]"]
    return "\n".join(lines) + "\n"


def _import(module: str, names: list[str]) -> list[str]:
    line = f"from .{module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from .{module} import (", *(f"    {name}," for name in names), ")"]


# -- the page --------------------------------------------------------------------------------
def page_text(page: str, there: Iterable[Operation]) -> str:
    """The page, with new tables between its marks."""
    tables = "\n".join(_sections(list(there)))
    return MARKS.sub(lambda marks: f"{marks[1]}\n\n{tables}\n{marks[2]}", page)


def _sections(there: list[Operation]) -> Iterator[str]:
    for family in FAMILIES:
        members = [operation for operation in there if operation.family == family]
        if not members:
            continue
        title, text = FAMILY_TEXTS[family]
        yield f"### {title}\n\n{text}\n"
        yield "| operation | formula | where | needs | source | heard |"
        yield "|---|---|---|---|---|---|"
        for operation in members:
            yield row(operation)
        yield ""


def row(operation: Operation) -> str:
    """An operation's line of the table."""
    name = operation.name
    cells = [
        _call(operation),
        f"`{operation.formula}`",
        _where(operation),
        ", ".join(needs(operation)),
        operation.source,
        f"![{name}](operations/{name}.png)<br>{_pictured(operation)}",
    ]
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _call(operation: Operation) -> str:
    """The name with its settings, and which of these can be knobs."""
    given = inspect.signature(operation.callback).parameters.values()
    settings = [_setting(p) for p in given]
    knobs = [f"`{p.name}`" for p in given if p.name in operation.callback.controllable_params]
    text = f"**{operation.name}**"
    if settings:
        text += f"<br>`{', '.join(settings)}`"
    if knobs:
        text += f"<br>{'knob' if len(knobs) == 1 else 'knobs'}: {', '.join(knobs)}"
    return text


def _setting(parameter: inspect.Parameter) -> str:
    default = parameter.default
    if default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={round(default, 4) if isinstance(default, float) else default!r}"


def _where(operation: Operation) -> str:
    """The kinds of places, and what it works along there."""
    kinds = ", ".join(f"{kind}s" for kind in operation.places)
    settings = inspect.signature(operation.callback).parameters
    if "time" in settings:
        return f"{kinds}; along time{', by channel' if 'dim' in settings else ''}"
    if operation.family == "channels":
        return f"{kinds}; across channels"
    return f"{kinds}; by value{' or channel' if 'dim' in settings else ''}"


def _pictured(operation: Operation) -> str:
    """What the picture is of."""
    pattern, settings = pictured(operation)
    told = ", ".join(f"{name}={value!r}" for name, value in settings.items() if name != "seed")
    place = pattern.removesuffix("$").replace("\\.", ".")
    return f"`{told}` at `{place}`" if told else f"at `{place}`"


def needs(operation: Operation) -> list[str]:
    """What one has to know of it before it streams; the page says what the words mean."""
    found = []
    if operation.prepare is not None:
        found.append("file")
    if operation.random:
        found.append("fresh")
    if "activation" not in operation.places:
        return found
    place = PLACES["activation"]
    settings = [operation.settings(place, example) for example in operation.examples]
    if any(operation.callback(**each).kernel(place).stateful() for each in settings):
        found.append("state")
    by_itself = [not operation.streaming(each) for each in settings]
    if any(by_itself) and not operation.random:
        found.append("per block" if all(by_itself) else "per block with some settings")
    return found


def main() -> None:
    """Write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", choices=["names", "page", "pictures", []])
    which = parser.parse_args().which or ["names", "page", "pictures"]
    there = operations().values()
    if "names" in which:
        NAMES.write_text(names_text(there), encoding="utf-8")
    if "page" in which:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page_text(page, there), encoding="utf-8")
    if "pictures" in which:
        draw_all(PICTURES, list(there))


if __name__ == "__main__":
    main()
