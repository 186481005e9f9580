"""The record of an operation: what the table of the manual and the tests know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..places import Place
from .callback import BendingCallback

__all__ = ["FAMILIES", "Operation"]

# In the order of the manual.
FAMILIES = (
    "gain",
    "silence",
    "threshold",
    "shape",
    "time",
    "channels",
    "noise",
    "weights",
    "captures",
)

# The operation in plain torch: the value, the place, then the settings by name.
Plain = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        callback: its class.
        family: one of :data:`FAMILIES`.
        formula: what it computes, for a reader; ``x`` is the value.
        source: where the idea comes from.
        plain: ``plain(x, place, **settings)`` computes the same in plain torch, independently of
            the kernel, for a whole sound at once. It is the test's measure.
        examples: settings to test with, the first one also for a picture; anything that takes
            more than JSON makes them with :attr:`prepare`.
        neutral: settings at which the value keeps its bits, if there are any.
        places: kinds of places it has a meaning for: ``"activation"``, ``"weight"``.
        streams: whether blocks of any size give what the whole sound gives; or says so of given
            settings. False for those that work on each block by itself, and for fresh noise.
        prepare: makes the settings of an example fit a place, where that takes a file or a capture.
        random: whether it gives something else each time.
        tolerance: between kernel and ``plain``, relative to the peak.
        picture: settings for the picture in the manual; by default the first example.
        pictured_at: a pattern: the place of the built-in voice that it is of; by default its
            family's.
        by_hand: ``by_hand(place, **settings)`` makes the function of ``x`` that one would write by
            hand; the benchmark measures the kernel against it. By default ``plain``.
    """

    callback: type[BendingCallback]
    family: str
    formula: str
    source: str
    plain: Plain
    examples: Sequence[Mapping[str, Any]]
    neutral: Mapping[str, Any] = field(default_factory=dict)
    places: Sequence[str] = ("activation", "weight")
    streams: bool | Callable[[Mapping[str, Any]], bool] = True
    prepare: Callable[[Place, Mapping[str, Any]], Mapping[str, Any]] | None = None
    random: bool = False
    tolerance: float = 1e-5
    picture: Mapping[str, Any] = field(default_factory=dict)
    pictured_at: str = ""
    by_hand: Callable[..., Callable[[Tensor], Tensor]] | None = None

    @property
    def name(self) -> str:
        """The class's name."""
        return self.callback.__name__

    def streaming(self, settings: Mapping[str, Any]) -> bool:
        """Whether blocks of any size give what the whole sound gives, with these settings."""
        return self.streams(settings) if callable(self.streams) else self.streams

    def settings(self, place: Place, example: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of an example for a place."""
        return dict(example if self.prepare is None else self.prepare(place, example))
