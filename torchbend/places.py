"""Places: where a bend can sit, and how patterns find them.

A place is a weight of the model or an activation of one traced method. Everything
that takes patterns (``bend``, ``get_activations``, ``bendable_keys``, a configuration)
finds its places through :func:`match`, so that a pattern means the same everywhere:
a regular expression matched from the start of the name (``re.match``), optionally
restricted to one traced method as ``fn:pattern``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from .errors import BendingError

__all__ = ["Pattern", "Place", "match"]


@dataclass(frozen=True)
class Place:
    """One weight, or one activation of one traced method.

    Attributes:
        name: ``"conv.0.weight"`` or ``"conv_0"``.
        kind: ``"weight"`` or ``"activation"``.
        shape: of the weight, or of the activation as traced; None where unknown.
        dtype: likewise.
        fn: the traced method of an activation, None for a weight.
        op: how the graph makes it: ``call_module``, ``call_function``, ``get_attr``...
        target: what it calls or reads, as text.
        module: path of the module in whose forward an activation is computed.
        aliases: further names of a weight that stands in several places (tied).
        state: True where a bend would cut a write through a view (a streaming cache).
        inner: one of very many (an operation inside a file's modules), which a pattern reaches
            only if it has a ``/`` in it, or is the whole name.
        part: what a ``Bend`` chose of the place: dimensions, and the channels of each, the first
            choice first. The shape is that of the choice.
    """

    name: str
    kind: Literal["weight", "activation"]
    shape: tuple[int, ...] | None = None
    dtype: torch.dtype | None = None
    fn: str | None = None
    op: str = ""
    target: str = ""
    module: str = ""
    aliases: tuple[str, ...] = ()
    state: bool = False
    inner: bool = False
    part: tuple[tuple[int, tuple[int, ...]], ...] = ()

    @property
    def key(self) -> str:
        """The place's unique name: ``name`` for weights, ``fn:name`` for activations."""
        return self.name if self.fn is None else f"{self.fn}:{self.name}"

    @property
    def tensor(self) -> bool:
        """Whether the place holds a tensor at all (a size or a list does not)."""
        return self.shape is not None


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern, and the method it is restricted to."""

    text: str
    fn: str | None
    regex: re.Pattern[str]

    @classmethod
    def parse(cls, text: str, is_method: Callable[[str], bool]) -> Pattern:
        """Split ``fn:pattern`` and compile the pattern.

        Args:
            text: the pattern as the user typed it.
            is_method: says whether a prefix names a traced method; a colon in a plain
                regular expression, as in ``(?:a|b)``, is left alone.

        Raises:
            BendingError: ``text`` is not a regular expression.
        """
        if not isinstance(text, str):
            shown = "a tensor" if isinstance(text, torch.Tensor) else repr(text)
            raise BendingError(
                f"a pattern is text such as 'conv.*', not {shown}; inputs of a method are given "
                "by name, as in x=..."
            )
        fn, colon, rest = text.partition(":")
        restricted = bool(colon) and (is_method(fn) or (fn.isidentifier() and bool(rest)))
        body = rest if restricted else text
        try:
            regex = re.compile(body)
        except re.error as error:
            raise BendingError(
                f"the pattern {text!r} is not a regular expression: {error}"
            ) from error
        return cls(text, fn if restricted else None, regex)

    def matches(self, place: Place) -> bool:
        """Whether the pattern reaches this place.

        An input of a method (a placeholder) is reached by its full name only, so that
        ``.*`` or ``t`` does not bend what the user passes in by accident.
        """
        if self.fn is not None and place.fn != self.fn:
            return False
        if place.op == "placeholder" or (place.inner and "/" not in self.regex.pattern):
            return _whole(self.regex.pattern) == place.name
        return any(self.regex.match(name) for name in (place.name, *place.aliases))


def _whole(pattern: str) -> str:
    """The name that a pattern without any sign but its ends is."""
    return re.sub(r"\\(.)", r"\1", pattern.removeprefix("^").removesuffix("$"))


def match(
    patterns: Sequence[str], places: Iterable[Place], is_method: Callable[[str], bool]
) -> dict[str, list[Place]]:
    """Find the places of each pattern.

    Args:
        patterns: regular expressions, or ``fn:regex``.
        places: all places there are, in order.
        is_method: whether a name is a traced method.

    Returns:
        For each pattern the places it reaches, in the places' own order.
    """
    there = list(places)
    found: dict[str, list[Place]] = {}
    for text in patterns:
        pattern = Pattern.parse(text, is_method)
        found[text] = [place for place in there if pattern.matches(place)]
    return found
