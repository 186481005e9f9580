"""Which controls a model has: its bends, the ways around them, and its latent desk.

The addresses are a promise to those who made a surface for them. A model that plays alone has
its bends at ``/bend/<name>``, those of a chain are at ``/bend/<model>/<name>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control.controls import Control, Values
from torchbend.realtime.control.errors import ControlError, RefusedError

__all__ = [
    "BENDS",
    "BYPASS",
    "LATENTS",
    "MOST_ELEMENTS",
    "Models",
    "bend_addresses",
    "bends",
    "elements",
    "latents",
    "model_names",
    "neutral_values",
]

BENDS = "/bend"
LATENTS = "/latent"
BYPASS = "bypass"
MOST_ELEMENTS = 16  # of a vector that has an address for each of its elements
RAMP_MS = 20.0
_TYPES = {"tensor": "float", "buffer": "float", "str": "text"}

Models: TypeAlias = FileInfo | Sequence[tuple[str, FileInfo]] | None
"""What plays: one file, the files of a chain in their order with a name each, or nothing."""


def bends(models: Models) -> list[Control]:
    """The controls of what plays, one for each attribute of each model.

    An attribute of which it is known where it does nothing has ``<address>/bypass`` beside it.

    Args:
        models: what plays.

    Raises:
        ControlError: an attribute cannot be a control.
    """
    found = []
    for address, _, attribute in _addressed(models):
        control = _bend(address, attribute)
        found.append(control)
        if _neutral(control, attribute) is not None:
            found.append(
                Control(
                    f"{address}/{BYPASS}",
                    "bool",
                    (False,),
                    description=f"the model plays as if {attribute.name} were not there",
                    stored=True,
                )
            )
    return found


def bend_addresses(models: Models) -> dict[str, tuple[int, AttributeInfo]]:
    """Where the bends are: of each address the model's place in the chain, and the attribute."""
    return {address: (model, attribute) for address, model, attribute in _addressed(models)}


def neutral_values(models: Models) -> dict[str, Values]:
    """The values at which bends do nothing, by address, of those that have a bypass."""
    found = {}
    for address, _, attribute in _addressed(models):
        neutral = _neutral(_bend(address, attribute), attribute)
        if neutral is not None:
            found[address] = neutral
    return found


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


def _addressed(models: Models) -> Iterator[tuple[str, int, AttributeInfo]]:
    if models is None:
        return
    if isinstance(models, FileInfo):
        models = [("", models)]
    names = model_names(name for name, _ in models)
    for index, (_, info) in enumerate(models):
        prefix = f"{BENDS}/{names[index]}" if len(models) > 1 else BENDS
        for attribute in info.attributes:
            yield f"{prefix}/{attribute.name}", index, attribute


def _bend(address: str, attribute: AttributeInfo) -> Control:
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
            address,
            kind,  # type: ignore[arg-type]
            default,
            low=low,
            high=high,
            choices=attribute.choices,
            ramp_ms=RAMP_MS if set(types) == {"float"} else 0.0,
            description="; ".join(attribute.bends) or f"{attribute.name} of the model",
            types=types,
            stored=True,
        )
    except ControlError as error:
        raise ControlError(f"attribute {attribute.name!r} cannot be a control: {error}") from error


def _neutral(control: Control, attribute: AttributeInfo) -> Values | None:
    """Where an attribute does nothing; None where that is unknown, or out of its range."""
    if attribute.neutral is None:
        return None
    try:
        taken = control.accept(attribute.neutral)
    except RefusedError:
        return None
    return taken if taken == attribute.neutral else None


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
