"""What an opened file remembers of its knobs' glides: where each stood in the block before.

Two copies of a file get every new setting, and only one of them plays. The other would glide from
wherever it stood when it played last: for one block, an old setting would be heard again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from torchbend.scripts.graphs import class_of, parts_of, wrapped

__all__ = ["Glides"]

_OURS = ("__torch__.torchbend.bending.", "__torch__.torchbend.operations.")
_KNOBS = "__torch__.torchbend.bending.control."
_FADE = "FadeKernel"
_NUMBERS = ("FloatType", "IntType", "BoolType")
_OPERAND = {"value", "stamp"}  # what a control moves, in its operand


class Glides:
    """The glides of one copy of a file.

    Args:
        module: the file, opened. Of what torchbend did not make, nothing is touched.
    """

    def __init__(self, module: torch.jit.ScriptModule) -> None:
        self._numbers: list[tuple[Any, str]] = []
        self._fades: list[Any] = []
        for holder, kind in _kernels(module._c):
            if kind == _FADE and {"moved", "catch_up"} <= set(holder._method_names()):
                self._fades.append(wrapped(holder))
            types = class_of(holder).get_attributes()
            numbers = {name for name, (type_, _) in types.items() if type_.kind() in _NUMBERS}
            if not numbers & _OPERAND:
                self._numbers += [(holder, name) for name in sorted(numbers - {"training"})]

    def rehearse(self) -> None:
        """Call what `take_over` calls: first calls take long."""
        for fade in self._fades:
            fade.moved()
            fade.catch_up()

    def take_over(self, other: Glides) -> None:
        """Go on from where another copy of the file stands.

        Args:
            other: it played the block before; it is left as it is.
        """
        for (mine, name), (theirs, _) in zip(self._numbers, other._numbers, strict=True):
            value = theirs.getattr(name)
            if mine.getattr(name) != value:
                mine.setattr(name, value)
        for fade in self._fades:
            if fade.moved():
                fade.catch_up()


def _kernels(holder: Any, seen: set[Any] | None = None) -> Iterator[tuple[Any, str]]:
    """The objects of torchbend's own classes, each with the name of its class."""
    seen = set() if seen is None else seen
    if holder in seen:  # it has two names in the file
        return
    seen.add(holder)
    name: str = holder._type().qualified_name()
    if name.startswith(_OURS) and not name.startswith(_KNOBS):
        yield holder, name.rpartition(".")[2]
    for part in parts_of(holder).values():
        yield from _kernels(part, seen)
