"""Selectors: which channels of a place a bend reaches.

Patterns choose places; a selector chooses channels at each of them, once, when the bend is
made. It composes with every callback, see :class:`~torchbend.bending.bend.Bend`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ..errors import BendingCallbackException, suggest
from ..places import Place
from .kernel import place_generator
from .placing import checked_seed

__all__ = ["Channels", "Fraction", "Selector", "Span", "as_selector", "selector_from"]

Selection = Any  # a Selector, an int, a range, a slice, or a sequence of ints


class Selector(ABC):
    """Chooses channels of a place."""

    kind: ClassVar[str]

    @abstractmethod
    def choose(self, place: Place, length: int) -> list[int]:
        """Choose channels.

        Args:
            place: where.
            length: how many channels it has.

        Returns:
            Numbers from 0 up, each once, in rising order; none, if there is none to choose.

        Raises:
            BendingCallbackException: what was asked for does not exist there.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain data; :func:`selector_from` makes it again."""

    def chosen(self, place: Place, length: int) -> list[int]:
        """Choose channels, at least one; see :meth:`choose`.

        Raises:
            BendingCallbackException: there is none, or what was asked for does not exist.
        """
        found = self.choose(place, length)
        if not found:
            raise BendingCallbackException(
                f"{self!r} picks none of the {length} channels of {place.key!r}. "
                f"{self.hint(length)}"
            )
        return found

    def hint(self, length: int) -> str:
        """What would pick at least one of so many channels."""
        return f"Channels are numbered 0 to {length - 1}."


@dataclass(frozen=True, init=False)
class Channels(Selector):
    """Channels by number: ``Channels(0, 3, -1)``. Negative ones count from the end.

    Attributes:
        numbers: as given.
    """

    numbers: tuple[int, ...]
    kind: ClassVar[str] = "channels"

    def __init__(self, *numbers: int) -> None:
        """Choose channels by number.

        Raises:
            BendingCallbackException: there is none, or one is no int.
        """
        if not numbers or not all(_is_int(n) for n in numbers):
            raise BendingCallbackException(
                f"Channels takes the numbers of channels, such as Channels(0, 3); got {numbers!r}"
            )
        object.__setattr__(self, "numbers", tuple(numbers))

    def choose(self, place: Place, length: int) -> list[int]:
        """Return the numbers, in rising order."""
        for number in self.numbers:
            if not -length <= number < length:
                raise BendingCallbackException(
                    f"there is no channel {number} at {place.key!r}: it has {length}, "
                    f"0 to {length - 1}"
                )
        return sorted({number % length for number in self.numbers})

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {"numbers": list(self.numbers)}

    def __repr__(self) -> str:
        """Show the numbers."""
        return f"Channels({', '.join(map(str, self.numbers))})"


@dataclass(frozen=True)
class Span(Selector):
    """Channels from one number up to another, as in a slice: ``Span(0, 64, 2)``.

    Attributes:
        start: the first one; negative counts from the end.
        stop: the first one that is not in it; None for no end.
        step: from one to the next.
    """

    start: int | None = None
    stop: int | None = None
    step: int | None = None
    kind: ClassVar[str] = "span"

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            BendingCallbackException: one is no int, or the step is 0.
        """
        if not all(n is None or _is_int(n) for n in (self.start, self.stop, self.step)):
            raise BendingCallbackException(f"{self!r}: start, stop and step are ints or None")
        if self.step == 0:
            raise BendingCallbackException(f"{self!r}: with a step of 0 there is no next channel")

    def choose(self, place: Place, length: int) -> list[int]:
        """Return what a slice of the channels has."""
        return sorted(range(length)[self.start : self.stop : self.step])

    def to_json(self) -> dict[str, Any]:
        """Return start, stop and step."""
        return {"start": self.start, "stop": self.stop, "step": self.step}


@dataclass(frozen=True)
class Fraction(Selector):
    """A random part of the channels, always the same for a place.

    Attributes:
        share: how much of them, 0 to 1; ``round(share * channels)`` are chosen.
        seed: of the choice; a greater share of the same seed has the smaller one in it.
    """

    share: float
    seed: int = 0
    kind: ClassVar[str] = "fraction"

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            BendingCallbackException: the share is no number from 0 to 1, or the seed no int.
        """
        number = isinstance(self.share, (int, float)) and not isinstance(self.share, bool)
        if not number or not 0 <= self.share <= 1:
            raise BendingCallbackException(f"a share is a number from 0 to 1; got {self.share!r}")
        checked_seed(self.seed)

    def choose(self, place: Place, length: int) -> list[int]:
        """Return the first ones of a random order."""
        order = torch.randperm(length, generator=place_generator(self.seed, place.key))
        return sorted(order[: round(self.share * length)].tolist())

    def to_json(self) -> dict[str, Any]:
        """Return share and seed."""
        return {"share": self.share, "seed": self.seed}

    def hint(self, length: int) -> str:
        """Say how great a share has to be."""
        return f"A share of {1 / max(length, 1):.2g} is one channel."


def as_selector(selection: Selection) -> Selector | None:
    """Make a selector of what a user gave.

    Args:
        selection: a selector, a number, a range, a slice, a sequence of numbers; None for all.

    Raises:
        BendingCallbackException: it is none of these.
    """
    if selection is None or isinstance(selection, Selector):
        return selection
    if _is_int(selection):
        return Channels(selection)
    if isinstance(selection, slice):
        return Span(selection.start, selection.stop, selection.step)
    if isinstance(selection, range):
        return Channels(*selection)
    if isinstance(selection, torch.Tensor):
        selection = selection.tolist()
    if isinstance(selection, Sequence) and not isinstance(selection, str):
        return Channels(*selection)
    raise BendingCallbackException(
        "channels is a number, a list of numbers, a range, a slice, Fraction(0.3), or a cluster; "
        f"got {selection!r}"
    )


def selector_from(kind: str, settings: Mapping[str, Any]) -> Selector:
    """Make a selector of what a file has.

    Args:
        kind: its class's ``kind``.
        settings: what ``to_json`` gave.

    Raises:
        BendingCallbackException: there is no such kind, or a setting is wrong.
    """
    if kind == Channels.kind:
        numbers = settings.get("numbers")
        return Channels(*(numbers if isinstance(numbers, list) else ()))
    kinds: dict[str, type[Selector]] = {Span.kind: Span, Fraction.kind: Fraction}
    if kind not in kinds:
        raise BendingCallbackException(
            f"there is no selector {kind!r}. {suggest(kind, [Channels.kind, *kinds])}"
        )
    try:
        return kinds[kind](**settings)
    except TypeError as error:
        raise BendingCallbackException(f"a {kind} has other settings: {error}") from error


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
