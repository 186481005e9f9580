"""All operations, found in their files; and the callbacks that a configuration can name."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import MappingProxyType, ModuleType

from .bend import Bend
from .callback import BendingCallback
from .capture import Capture
from .chain import CallbackChain
from .interpolation import InterpolateActivation, InterpolationFromCapture
from .operation import FAMILIES, Operation
from .steps import DuringSteps

__all__ = ["builtin_callbacks", "operations"]

# Operations that came before they had a folder of their own.
_FIRST = ("affine", "mask", "noise", "permute", "threshold")

# What holds, records or mixes rather than changes values by a formula.
_OTHERS: tuple[type[BendingCallback], ...] = (
    Bend,
    CallbackChain,
    Capture,
    DuringSteps,
    InterpolateActivation,
    InterpolationFromCapture,
)


@cache
def operations() -> MappingProxyType[str, Operation]:
    """Return all operations by name, in the order of the manual: by family, then by name."""
    found = [each for module in _modules() for each in _records(module)]
    found.sort(key=lambda each: (FAMILIES.index(each.family), each.name))
    return MappingProxyType({each.name: each for each in found})


def builtin_callbacks() -> dict[str, type[BendingCallback]]:
    """Return the built-in callbacks by name; ``Lambda`` is none of them, it holds code."""
    classes = (*_OTHERS, *(each.callback for each in operations().values()))
    return {cls.__name__: cls for cls in classes}


def _modules() -> Iterator[ModuleType]:
    for name in _FIRST:
        yield import_module(f".{name}", __package__)
    folder = import_module("torchbend.operations")
    for module in pkgutil.iter_modules(folder.__path__):
        yield import_module(f"torchbend.operations.{module.name}")


def _records(module: ModuleType) -> Iterator[Operation]:
    yield from getattr(module, "OPERATIONS", ())
    single = getattr(module, "OPERATION", None)
    if single is not None:
        yield single
