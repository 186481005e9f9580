"""Where each value of a chain of models lies among the doubles of its slot.

The control process writes them, the worker reads them; both make this from the same descriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torchbend.description import AttributeInfo, FileInfo
from torchbend.errors import LiveError
from torchbend.realtime.audio.layout import constant

__all__ = ["Place", "ValueLayout", "as_numbers", "as_values"]

Value = float | int | str


@dataclass(frozen=True)
class Place:
    """Where the values of one attribute lie.

    Attributes:
        model: which of the chain, from 0.
        attribute: which attribute it is.
        start: of its first value.
        count: how many there are; 0 of an attribute with text, which takes another way.
    """

    model: int
    attribute: AttributeInfo
    start: int
    count: int


class ValueLayout:
    """The places of all attributes of a chain, and of its latent desk behind them.

    Args:
        infos: of the files, in the order in which they play.
        latents: how many numbers the desk has; see `Latents.neutral`.

    Raises:
        LiveError: there are more than a slot holds.
    """

    def __init__(self, infos: Sequence[FileInfo], latents: int = 0) -> None:
        self.places: list[Place] = []
        at = 0
        for model, info in enumerate(infos):
            for attribute in info.attributes:
                count = (
                    0
                    if "str" in attribute.types and attribute.kind != "choice"
                    else (len(attribute.default))
                )
                self.places.append(Place(model, attribute, at, count))
                at += count
        self.latents = slice(at, at + latents)
        self.size = at + latents
        if self.size > constant("PARAMETERS"):
            raise LiveError(
                f"the attributes have {self.size} numbers together, and a model may have "
                f"{constant('PARAMETERS')}: leave out controls that are not moved"
            )

    def defaults(self) -> list[float]:
        """The values that the files start with; of the desk those that leave latents alone."""
        values = [0.0] * self.size
        if self.latents.start < self.size:
            values[self.latents.start] = 1.0  # the scale
        for place in self.places:
            if place.count:
                end = place.start + place.count
                values[place.start : end] = as_numbers(place.attribute, place.attribute.default)
        return values


def as_numbers(attribute: AttributeInfo, values: Sequence[Value]) -> list[float]:
    """The doubles that stand for an attribute's values; see `as_values`."""
    if attribute.kind == "choice":
        return [float(attribute.choices.index(str(values[0])))]
    return [float(value) for value in values]


def as_values(attribute: AttributeInfo, numbers: Sequence[float]) -> tuple[Value, ...]:
    """The values that doubles stand for, one for each of the attribute's defaults."""
    if attribute.kind == "choice":
        last = len(attribute.choices) - 1
        return (attribute.choices[min(max(int(numbers[0]), 0), last)],)
    whole = {"int", "bool"}
    types = attribute.types if len(attribute.types) == len(numbers) else ("float",) * len(numbers)
    return tuple(round(n) if kind in whole else n for kind, n in zip(types, numbers, strict=True))
