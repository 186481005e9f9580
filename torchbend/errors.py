"""The exceptions of torchbend: one family, one base class.

Each message says what was asked, what exists, and what to do, so that a performer
who mistypes a name reads the right one in the error itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = [
    "BendingCallbackException",
    "BendingError",
    "BendingParameterException",
    "ConfigError",
    "ExportError",
    "LiveError",
    "ScriptError",
    "TorchbendError",
    "TracingError",
    "first_line",
    "script_line",
    "suggest",
]


class TorchbendError(Exception):
    """Base of everything that torchbend raises on purpose."""


class BendingError(TorchbendError):
    """A bend that cannot be made or run: no such place, method, version or input."""


class BendingCallbackException(BendingError):
    """A callback that cannot sit on a place, or was given settings it cannot use."""


class BendingParameterException(BendingError, ValueError):
    """A control that refuses a value, a name or an operation."""


class ConfigError(BendingError):
    """A bending configuration that cannot be read, written or applied."""


class TracingError(BendingError):
    """A method that cannot be traced, or was asked for before it was."""


class ScriptError(BendingError):
    """A bent module that cannot become TorchScript, and the reason."""


class ExportError(BendingError):
    """A model cannot be exported, or what was exported does not pass its checks."""


class LiveError(TorchbendError):
    """The live host cannot start, or lost something that it needs to play."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text; torch puts whole stack traces behind it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def script_line(error: BaseException) -> str:
    """The line that matters of an error out of TorchScript, which wraps it in traces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"(\w|\.)*(Error|Exception): .", line)]
    return named[-1].removeprefix("builtins.") if named else first_line(error)


def suggest(asked: str, existing: Iterable[str], *, most: int = 3) -> str:
    """Name the nearest matches of a mistyped name.

    Args:
        asked: what the caller wrote.
        existing: the names that would have served.
        most: how many to name at the most.

    Returns:
        A sentence such as ``"Nearest: 'conv_1', 'conv_2'."``, or the first names
        there are when none is near, or ``"There are none."``.
    """
    names = list(dict.fromkeys(existing))
    if not names:
        return "There are none."
    bare = asked.strip("^$")
    near = difflib.get_close_matches(bare, names, n=most, cutoff=0.4)
    if near:
        return "Nearest: " + ", ".join(repr(n) for n in near) + "."
    shown = ", ".join(repr(n) for n in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"There are: {shown}{more}."
