"""What a patch puts on its panel: one control for each attribute of an exported file.

Pd and Max draw them differently; which there are, their ranges, defaults and names are
decided here, once.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import Literal

from torchbend.description import PARTS, AttributeInfo, FileInfo, MethodInfo
from torchbend.errors import TorchbendError

__all__ = [
    "BANK_LIMIT",
    "ROW_LIMIT",
    "Card",
    "Control",
    "Field",
    "PatchError",
    "Shape",
    "buffer_sizes",
    "cards",
    "controls",
    "main_method",
    "receive_name",
    "slug",
]

ROW_LIMIT = 4  # up to so many values of an attribute have a wide slider each
BANK_LIMIT = 128  # up to so many a narrow one; more are drawn into an array

FieldKind = Literal["float", "int", "toggle", "menu", "text"]
Shape = Literal["single", "rows", "bank", "array"]


class PatchError(TorchbendError):
    """A patch that cannot be written."""


@dataclass(frozen=True)
class Field:
    """One value to move.

    Attributes:
        kind: what moves it.
        nn_type: the type that nn~ turns it into.
        label: beside it, where the attribute has several; otherwise empty.
        default: where it starts. Of a menu the entry, of a toggle 0 or 1.
        low: where its slider begins.
        high: where its slider ends.
        least: what is less is clamped; None if nothing is.
        greatest: what is greater is clamped.
        choices: of a menu.
    """

    kind: FieldKind
    nn_type: str
    label: str
    default: float | int | str
    low: float = 0.0
    high: float = 1.0
    least: float | None = None
    greatest: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Control:
    """An attribute on the panel.

    Attributes:
        name: of the attribute.
        shape: ``"single"`` value, ``"rows"`` of wide sliders, a ``"bank"`` of narrow ones,
            or an ``"array"`` to draw into.
        fields: its values.
        by_name: whether nn~ takes the values as the name of an array (Pd) or ``buffer~``
            (Max) that holds them.
        note: what it moves, for people.
        bend: the named bend that it belongs to; empty if there is none.
        part: what of that bend it moves, as in `AttributeInfo`.
    """

    name: str
    shape: Shape
    fields: tuple[Field, ...]
    by_name: bool
    note: str
    bend: str = ""
    part: str = ""


@dataclass(frozen=True)
class Card:
    """What stands together on the panel: an attribute, or all that moves one bend.

    Attributes:
        name: of the attribute, or the bend.
        note: what it moves, for people.
        controls: one, or those of the bend: its knobs, its amount, its switches.
    """

    name: str
    note: str
    controls: tuple[Control, ...]

    @staticmethod
    def of(control: Control) -> Card:
        """The card of one attribute alone."""
        return Card(control.name, control.note, (control,))


def controls(info: FileInfo) -> tuple[Control, ...]:
    """The controls of a file, in the order of its attributes.

    Raises:
        PatchError: nn~ could not call the setter of an attribute, or a name is taken twice.
    """
    seen: set[str] = set()
    for attribute in info.attributes:
        if not attribute.name.isidentifier():
            raise PatchError(
                f"The attribute {attribute.name!r} can have no control: nn~ sets it by calling "
                f"`set_{attribute.name}`, which is no name of a method. Rename it."
            )
        if attribute.name in seen:
            raise PatchError(f"Two attributes are named {attribute.name!r}. Rename one.")
        seen.add(attribute.name)
    return tuple(_control(attribute) for attribute in info.attributes)


def cards(info: FileInfo) -> tuple[Card, ...]:
    """The controls of a file on their cards, in the order of its attributes.

    Raises:
        PatchError: nn~ could not call the setter of an attribute, or a name is taken twice.
    """
    together: dict[tuple[str, str], list[Control]] = {}
    for control in controls(info):
        of = ("bend", control.bend) if control.bend else ("", control.name)
        together.setdefault(of, []).append(control)
    order = ("", *PARTS)
    return tuple(
        Card(name, each[0].note, tuple(sorted(each, key=lambda c: order.index(c.part))))
        for (_, name), each in together.items()
    )


def _control(attribute: AttributeInfo) -> Control:
    types = attribute.types
    by_name = any(kind in ("tensor", "buffer") for kind in types)
    if by_name and len(types) > 1:
        raise PatchError(
            f"The attribute {attribute.name!r} has values of the types {', '.join(types)}: a "
            f"patch can move one tensor or buffer, or several numbers, not both at once."
        )
    if not by_name and len(types) != len(attribute.default):
        raise PatchError(
            f"The attribute {attribute.name!r} has {len(types)} values and "
            f"{len(attribute.default)} defaults. Give one default for each value."
        )
    if by_name:
        types = ("float",) * max(1, len(attribute.default))
    defaults = attribute.default or (0.0,)
    fields = tuple(
        _field(attribute, nn_type, index, value)
        for index, (nn_type, value) in enumerate(zip(types, defaults, strict=True))
    )
    numbers = all(field.kind in ("float", "int") for field in fields)
    shape: Shape
    if len(fields) == 1 and not by_name:
        shape = "single"
    elif len(fields) <= ROW_LIMIT or not numbers:
        shape = "rows"
    else:
        shape = "bank" if len(fields) <= BANK_LIMIT else "array"
    note, bend, part = _note(attribute.bends), attribute.bend, attribute.part
    return Control(attribute.name, shape, fields, by_name, note, bend, part)


def _field(attribute: AttributeInfo, nn_type: str, index: int, value: float | str) -> Field:
    several = len(attribute.default) > 1
    label = str(index + 1) if several else ""
    if attribute.kind == "complex" and len(attribute.types) == 2:
        label = ("real", "imag")[index]
    if attribute.kind == "choice" and attribute.choices and not several:
        first = str(value) if str(value) in attribute.choices else attribute.choices[0]
        return Field("menu", nn_type, label, first, choices=attribute.choices)
    if nn_type == "str" or isinstance(value, str):
        return Field("text", nn_type, label, str(value))
    if nn_type == "bool" or attribute.kind == "bool":
        return Field("toggle", nn_type, label, int(bool(value)), 0.0, 1.0)
    start = float(value) if math.isfinite(value) else 0.0
    low, high = _slider(attribute.low, attribute.high, start)
    if nn_type == "int":
        whole = (math.floor(low), math.ceil(high))
        return Field(
            "int", nn_type, label, round(start), *whole, attribute.low, attribute.high
        )
    return Field("float", nn_type, label, start, low, high, attribute.low, attribute.high)


def _slider(low: float | None, high: float | None, default: float) -> tuple[float, float]:
    """The ends of a slider: the bounds, or else a stretch around the default."""
    reach = max(1.0, 2 * abs(default))
    begin = low if low is not None else min(default, high if high is not None else default) - reach
    end = high if high is not None else max(default, begin) + reach
    return (begin, end) if end > begin else (begin, begin + 1.0)


def _note(bends: tuple[str, ...]) -> str:
    if len(bends) > 1:
        return f"{bends[0]} and {len(bends) - 1} more"
    return bends[0] if bends else ""


def main_method(info: FileInfo) -> MethodInfo:
    """The method a patch opens with: forward, else decode, else the first.

    Raises:
        PatchError: the file has none.
    """
    by_name = {method.name: method for method in info.methods}
    if not by_name:
        raise PatchError(f"{info.model!r} has no method to play, so there is nothing to patch.")
    for name in by_name:
        if not name.isidentifier():
            raise PatchError(f"{name!r} is no name of a method.")
    return by_name.get("forward") or by_name.get("decode") or info.methods[0]


def buffer_sizes(info: FileInfo) -> tuple[int, ...]:
    """Sizes of nn~'s buffer to choose from, in frames; the second is the one to start with.

    nn~ takes powers of two no smaller than the largest ratio of any method.
    """
    largest = max(
        max(method.in_ratio, method.out_ratio, method.least_block or 1) for method in info.methods
    )
    least = 512
    while least < largest:
        least *= 2
    return tuple(least << octave for octave in range(5))


def slug(stem: str) -> str:
    """A file's name as a word that both Pd and Max take in a receive name.

    Two names that differ give two words: where letters had to go, a few digits of the
    name's hash follow.
    """
    word = re.sub(r"[^A-Za-z0-9_.-]", "-", stem)
    if word == stem:
        return word
    return f"{word}-{hashlib.sha256(stem.encode()).hexdigest()[:4]}"


def receive_name(stem: str, name: str, index: int | None = None) -> str:
    """Where to send a value to move a control from elsewhere: ``tb/<file>/<attribute>``.

    Args:
        stem: the exported file's name without its ending.
        name: of the attribute; with a colon before it, of one of the patch's own controls.
        index: of the value, where the attribute has several.
    """
    return f"tb/{slug(stem)}/{name}" + ("" if index is None else f"/{index}")
