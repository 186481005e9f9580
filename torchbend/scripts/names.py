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

__all__ = ["OURS", "is_part", "keep_name", "kept_names", "name_of_call"]

OURS = re.compile(r"_bends?\d*$")  # what holds kernels, in the files that torchbend made

# torch numbers the overloads of a method, and the calls of a module that was traced
_NUMBER = re.compile(r"__\d+$|(?<=^forward)\d+$")
# names of variables tell capitals apart, and no dots; torch puts numbers behind equal ones
_KEPT = re.compile(r"tb\d+_((?:[0-9a-f]{2})+)_")
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
    """Let a value have a name in the file, beside those that it has."""
    text = ",".join((*kept_names(value), name)).encode().hex()
    value.setDebugName(f"tb{next(_numbers)}_{text}_")


def kept_names(value: Value) -> list[str]:
    """The names that a value was given by :func:`keep_name`."""
    found = _KEPT.match(value.debugName())
    return bytes.fromhex(found[1]).decode(errors="replace").split(",") if found else []
