"""Where the weights of a TorchScript module are read: as weight or bias of which layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from .graphs import Node, Value, object_at, operation, parameters_of, receiver
from .names import OURS
from .surgery import Entry, Operation, Site
from .survey import survey_entries

__all__ = ["Use", "is_layer", "uses_of_weights"]

# What is linear in its weight.
_LAYERS = {
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution",
}


@dataclass(frozen=True)
class Use:
    """Where a weight is read.

    Attributes:
        site: what the layer computes.
        role: ``"weight"``, ``"bias"``, or ``"other"`` for any other way to read it.
        channels: dimension of the output that the bias runs along.
        bias: place of the bias among the layer's inputs; None if it has none.
        shown: where the place is that has the layer's name: behind the bends of a file that
            torchbend made.
    """

    site: Site
    role: str
    channels: int = 0
    bias: int | None = None
    shown: Site | None = None


def is_layer(kind: str) -> bool:
    """Whether an operation, by the kind of its node, may be linear in a weight."""
    return kind == "prim::CallFunction" or kind.rpartition("::")[2].strip("_") in _LAYERS


def uses_of_weights(operated: Operation) -> dict[tuple[str, ...], list[Use]]:
    """Find all that reads weights, in all methods.

    Args:
        operated: on a copy that is for surveys alone; all calls in all methods are opened.

    Returns:
        The uses of each weight, by its path.
    """
    root = operated.root
    entries: dict[Entry, None] = {}
    for method in root._method_names():
        entries.update(dict.fromkeys(survey_entries(operated, method)))
    found: dict[tuple[str, ...], list[Use]] = {}
    for entry in entries:
        for node in operated.nodes(entry).values():
            if node.kind() != "prim::GetAttr":
                continue
            path = receiver(node.output())
            if path is None:
                continue
            *holder, name = (*entry.path, *path)
            parameters = parameters_of(object_at(root, holder))
            if name in parameters:
                uses = list(_uses(operated, entry, node, parameters[name].dim()))
                found.setdefault((*entry.path, *path), []).extend(uses)
    return found


def _uses(operated: Operation, entry: Entry, get: Node, dims: int) -> Iterator[Use]:
    for use in get.output().uses():
        layer = use.user
        steps = operated.steps_of(entry, layer)
        role = _argument(layer, use.offset)
        if steps is None or role not in ("weight", "bias"):
            yield Use(Site(entry, steps or ()), "other")
            continue
        names = [_argument(layer, offset) for offset in range(layer.inputsSize())]
        weight = layer.inputsAt(names.index("weight"))
        bias = names.index("bias") if "bias" in names else None
        known = _dims(weight, dims if role == "weight" else None, operated, entry)
        if known is None:
            yield Use(Site(entry, steps), "other")
        else:
            shown = Site(entry, _behind_bends(operated, entry, layer) or steps)
            yield Use(Site(entry, steps), role, 1 - known, bias, shown)


def _behind_bends(operated: Operation, entry: Entry, layer: Node) -> tuple[int, ...] | None:
    """The steps of the last of the bends that a file has on what a layer gives."""
    steps = None
    value = layer.output()
    while (bend := next((use.user for use in value.uses() if _bends(use)), None)) is not None:
        steps, value = operated.steps_of(entry, bend), bend.output()
    return steps


def _bends(use: Any) -> bool:
    if use.user.kind() != "prim::CallMethod" or use.offset != 1:
        return False
    path = receiver(use.user.inputsAt(0))
    return bool(path and OURS.match(path[0]))


def _dims(
    weight: Value, known: int | None, operated: Operation, entry: Entry
) -> int | None:
    """How many dimensions a layer's weight has."""
    if known is not None:
        return known
    path = receiver(weight)
    if path is None:
        return None
    value = object_at(operated.root, (*entry.path, *path))
    return value.dim() if isinstance(value, torch.Tensor) else None


def _argument(layer: Node, offset: int) -> str:
    """The name of an input of a layer; empty for anything that is no layer."""
    if operation(layer) not in _LAYERS:
        return ""
    if layer.kind() == "prim::CallFunction":
        return ("", "input", "weight", "bias")[offset] if offset < 4 else ""
    schema = layer.schema()
    if not schema or schema == "(no schema)":
        return ""
    name: str = torch._C.parse_schema(schema).arguments[offset].name
    return name
