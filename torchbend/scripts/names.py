"""Names of what calls give, and how they outlive the calls.

A call on the way to a bend is replaced by a copy of what it calls. What it gave keeps its name
in the file, as the name of a variable in its code: the places of a file that is opened again
are called as they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count

from .graphs import Value

__all__ = ["OURS", "is_part", "keep_name", "kept_names", "move_names", "name_of_call"]

OURS = re.compile(r"_bends?\d*$")  # what holds kernels, in the files that torchbend made

# torch numbers the overloads of a method, and the calls of a module that was traced
_NUMBER = re.compile(r"__\d+$|(?<=^forward)\d+$")
# names of variables tell capitals apart, and no dots; torch puts numbers behind equal ones
_KEPT = re.compile(r"tb\d+_((?:[0-9a-f]{2})+)_")
_PART = "#"  # before the number of one of several outputs
_numbers = count()


def is_part(method: str) -> bool:
    """Whether a method is a part of a module's work, as Conv1d's ``_conv_forward``."""
    return method.startswith("_")


def name_of_call(path: Sequence[str], method: str) -> str:
    """What a call of an object's method gives: ``decoder.net.0``, ``pqmf.inverse``.

    Args:
        path: of the object.
        method: its method, as torch calls it.
    """
    plain = _NUMBER.sub("", method)
    if is_part(plain):
        return f"{'.'.join(path)}/{plain}" if path else plain
    return ".".join((*path, *(() if plain == "forward" else (plain,))))


def keep_name(value: Value, name: str) -> None:
    """Let a value have a name in the file, beside those that it has; of a tuple its parts."""
    if value.node().kind() == "prim::Param":
        return
    if value.node().kind() == "prim::TupleConstruct":
        for number, part in enumerate(value.node().inputs()):
            keep_name(part, f"{name}{_PART}{number}")
        return
    text = ",".join((*_texts(value), name)).encode().hex()
    value.setDebugName(f"tb{next(_numbers)}_{text}_")


def move_names(value: Value) -> list[str]:
    """What to call :func:`keep_name` with, for a value that is to stand for this one."""
    return _texts(value)


def kept_names(value: Value) -> dict[str, str]:
    """The names that a value was given by :func:`keep_name`, with the path of what gave it."""
    return {text.replace(_PART, "."): text.partition(_PART)[0] for text in _texts(value)}


def _texts(value: Value) -> list[str]:
    found = _KEPT.match(value.debugName())
    return bytes.fromhex(found[1]).decode(errors="replace").split(",") if found else []
