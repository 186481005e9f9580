# TorchScript reads the annotations here, so they must not be text (no __future__ import)
"""Taps: Python functions at places inside a TorchScript module.

They bend and look while the model runs in Python; an exported file has kernels of its own
there. A tap costs some ten microseconds.
"""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Function", "Taps"]

Function = Callable[[Tensor], Tensor]

_by_number: "weakref.WeakValueDictionary[int, Taps]" = weakref.WeakValueDictionary()
_counted = [0]


@torch.jit.ignore  # type: ignore[untyped-decorator]
def _call(x: Tensor, taps: int, place: int) -> Tensor:
    return _by_number[taps].call(x, place)


class _Tap(nn.Module):
    """Hands a value to one of the functions of the ``Taps`` with a number."""

    taps: int

    def __init__(self, taps: int) -> None:
        super().__init__()
        self.taps = taps

    def forward(self, x: Tensor, place: int) -> Tensor:
        """Return what the function of that place makes of ``x``."""
        bent: Tensor = _call(x, self.taps, place)
        return bent


class Taps:
    """Functions by place, for one copy of a model.

    Attributes:
        module: scripted; its ``forward(value, place)`` calls the function of that place.
        given: arguments of the running call that functions may read.
        failure: what a function raised in the last run that failed; torch keeps its words only.
    """

    def __init__(self) -> None:
        _counted[0] += 1
        self._functions: list[Function] = []
        self.module: torch.jit.ScriptModule = torch.jit.script(_Tap(_counted[0]))
        self.given: dict[str, Any] = {}
        self.failure: Exception | None = None
        _by_number[_counted[0]] = self

    def __len__(self) -> int:
        return len(self._functions)

    def add(self, function: Function) -> int:
        """Give a function a place; returns its number."""
        self._functions.append(function)
        return len(self._functions) - 1

    def call(self, x: Tensor, place: int) -> Tensor:
        """Run the function of a place."""
        try:
            return self._functions[place](x)
        except Exception as error:
            self.failure = error
            raise
