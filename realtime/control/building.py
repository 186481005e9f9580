"""Which controls a model has: its bends, the ways around them, and its latent desk.

The addresses are a promise to those who made a surface for them. A model that plays alone has
its bends at ``/bend/<name>``, those of a chain are at ``/bend/<model>/<name>``. What a name gives
a bend is below it: ``/bend/<name>/amount``, ``/bend/<name>/bypass``, ``/bend/<name>/solo``. Any
other knob of which it is known where it does nothing has a ``<address>/bypass``, too; the model
does not hear of that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torchbend.description import PARTS, AttributeInfo, FileInfo
from torchbend.realtime.control.controls import Control, Values
from torchbend.realtime.control.errors import ControlError, RefusedError

__all__ = [
    "AMOUNT",
    "BENDS",
    "BYPASS",
    "LATENTS",
    "MOST_ELEMENTS",
    "SOLO",
    "Models",
    "attribute_addresses",
    "bend_addresses",
    "bends",
    "bypasses",
    "elements",
    "latents",
    "model_names",
    "neutral_values",
]

BENDS = "/bend"
LATENTS = "/latent"
AMOUNT, BYPASS, SOLO = PARTS
MOST_ELEMENTS = 16  # of a vector that has an address for each of its elements
RAMP_MS = 20.0
_TOLD = {
    AMOUNT: "how much of {} is heard",
    BYPASS: "the model plays as if {} were not there",
    SOLO: "of the bends with a solo, only those where it is on are heard",
}
_TYPES = {"tensor": "float", "buffer": "float", "str": "text"}

Models: TypeAlias = FileInfo | Sequence[tuple[str, FileInfo]] | None
"""What plays: one file, the files of a chain in their order with a name each, or nothing."""


def bends(models: Models) -> list[Control]:
    """The controls of what plays, one for each attribute of each model.

    Those of a named bend stand together. An attribute of which it is known where it does nothing
    has ``<address>/bypass`` beside it, unless a bend has that address.

    Args:
        models: what plays.

    Raises:
        ControlError: an attribute cannot be a control.
    """
    places = list(_places(models))
    around = {bypassed: switch for switch, bypassed in bypasses(models).items()}
    found = []
    for place in places:
        found.append(_bend(place))
        if place.address in around:
            found.append(
                Control(
                    around[place.address],
                    "bool",
                    (False,),
                    description=f"the model plays as if {place.attribute.name} were not there",
                    stored=True,
                    group=place.group,
                )
            )
    return found


def bend_addresses(models: Models) -> dict[str, tuple[int, AttributeInfo]]:
    """Where the bends are: of each address the model's place in the chain, and the attribute."""
    return {place.address: (place.model, place.attribute) for place in _places(models)}


def attribute_addresses(models: Models) -> dict[str, str]:
    """Where each attribute is, by where its own name would be: ``/bend/fold_amount``."""
    return {f"{place.prefix}/{place.attribute.name}": place.address for place in _places(models)}


def neutral_values(models: Models) -> dict[str, Values]:
    """The values at which bends do nothing, by address, where they are known."""
    found = {}
    for place in _places(models):
        neutral = _neutral(place)
        if neutral is not None:
            found[place.address] = neutral
    return found


def bypasses(models: Models) -> dict[str, str]:
    """The switches of which the models do not hear: by address, what each of them bypasses."""
    places = list(_places(models))
    taken = {place.address for place in places}
    switches = {f"{p.address}/{BYPASS}": p for p in places if not p.attribute.part}
    return {
        switch: place.address
        for switch, place in switches.items()
        if switch not in taken and _neutral(place) is not None
    }


def model_names(names: Iterable[str]) -> list[str]:
    """Names as parts of addresses: without what OSC forbids, and no two the same."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.+-]+", "-", name).strip("-.") or "model"
        unique, number = plain, 1
        while unique in found:
            number += 1
            unique = f"{plain}-{number}"
        found.append(unique)
    return found


@dataclass(frozen=True)
class _Place:
    """Where an attribute is.

    Attributes:
        prefix: of its model's bends.
        model: the model's place in the chain.
        attribute: itself.
    """

    prefix: str
    model: int
    attribute: AttributeInfo

    @property
    def address(self) -> str:
        """Of the control."""
        attribute = self.attribute
        path = f"{attribute.bend}/{attribute.part}" if attribute.part else attribute.name
        return f"{self.prefix}/{path}"

    @property
    def group(self) -> str:
        """Of the bend that it belongs to; empty if there is none."""
        return f"{self.prefix}/{self.attribute.bend}" if self.attribute.bend else ""


def _places(models: Models) -> Iterator[_Place]:
    """The places of all attributes; those of one bend together, its knobs before its parts."""
    if models is None:
        return
    if isinstance(models, FileInfo):
        models = [("", models)]
    names = model_names(name for name, _ in models)
    for index, (_, info) in enumerate(models):
        prefix = f"{BENDS}/{names[index]}" if len(models) > 1 else BENDS
        groups: dict[str, list[_Place]] = {}
        for attribute in info.attributes:
            place = _Place(prefix, index, attribute)
            groups.setdefault(place.group or place.address, []).append(place)
        order = ("", *PARTS)
        for group in groups.values():
            yield from sorted(group, key=lambda place: order.index(place.attribute.part))


def _bend(place: _Place) -> Control:
    attribute = place.attribute
    kind = attribute.kind
    default: Values = tuple(attribute.default)
    types = tuple(_TYPES.get(t, t) for t in attribute.types)
    if kind in ("vector", "complex"):
        kind, types = "vector", ("float",) * len(default)
    elif kind == "choice":
        types = ("choice",)
    elif kind == "bool":
        default, types = tuple(bool(value) for value in default), ("bool",)
    elif kind == "str":
        kind = "text"
    elif kind not in ("float", "int"):
        kind = "list"  # several types in one attribute, of a file made elsewhere
    numeric = not set(types) & {"text", "choice", "bool"}
    low, high = (attribute.low, attribute.high) if numeric else (None, None)
    try:
        return Control(
            place.address,
            kind,  # type: ignore[arg-type]
            default,
            low=low,
            high=high,
            choices=attribute.choices,
            ramp_ms=RAMP_MS if set(types) == {"float"} else 0.0,
            description=_description(place),
            types=types,
            stored=True,
            group=place.group,
        )
    except ControlError as error:
        raise ControlError(f"attribute {attribute.name!r} cannot be a control: {error}") from error


def _description(place: _Place) -> str:
    moved = "; ".join(place.attribute.bends)
    bend, part = place.attribute.bend, place.attribute.part
    if not part:
        return moved or f"{place.attribute.name} of the model"
    told = _TOLD[part].format(bend)
    return f"{told}: {moved}" if moved and part == AMOUNT else told


def _neutral(place: _Place) -> Values | None:
    """Where an attribute does nothing; None where that is unknown, or out of its range."""
    neutral = place.attribute.neutral
    if neutral is None:
        return None
    try:
        taken = _bend(place).accept(neutral)
    except RefusedError:
        return None
    return taken if taken == neutral else None


def latents(labels: Sequence[str]) -> list[Control]:
    """The latent desk: a bias for each latent, a scale and a jitter for all; none without any.

    Args:
        labels: what each latent is called.
    """
    if not labels:
        return []
    found = [
        Control(
            f"{LATENTS}/{n}",
            "float",
            (0.0,),
            low=-4.0,
            high=4.0,
            ramp_ms=RAMP_MS,
            description=f"added to {label or f'latent {n}'}",
            stored=True,
        )
        for n, label in enumerate(labels)
    ]
    for name, default, high, what in (
        ("scale", 1.0, 4.0, "times which the latents are taken, before what is added"),
        ("jitter", 0.0, 2.0, "how much noise is added to the latents"),
    ):
        found.append(
            Control(
                f"{LATENTS}/{name}",
                "float",
                (default,),
                low=0.0,
                high=high,
                ramp_ms=RAMP_MS,
                description=what,
                stored=True,
            )
        )
    return found


def elements(control: Control) -> list[Control]:
    """An address for each element of a short vector: ``/bend/drive/0``."""
    if control.kind != "vector" or not 2 <= len(control.default) <= MOST_ELEMENTS:
        return []
    return [
        Control(
            f"{control.address}/{n}",
            "float",
            (value,),
            low=control.low,
            high=control.high,
            curve=control.curve,
            ramp_ms=control.ramp_ms,
            unit=control.unit,
            description=f"element {n} of {control.address}",
            access=control.access,
        )
        for n, value in enumerate(control.default)
    ]
