"""Values to try controls at."""

from __future__ import annotations

from typing import Any

import torch

from torchbend.bending import BendingParameter

__all__ = ["ONE_BIT", "another", "halfway", "bits_on"]

ONE_BIT = 1.2e-7  # of a float32


def another(control: BendingParameter) -> Any:
    """A value that the control can have and has not now."""
    value = control.get_python_value()
    low, high = control.range or (None, None)
    if control.kind == "bool":
        return not value
    if control.kind == "choice":
        return control.choices[(control.choices.index(value) + 1) % len(control.choices)]
    if control.kind == "complex":
        return value * 0.5 + 0.25j
    if control.kind == "vector":
        numbers = torch.as_tensor(value).tolist()
        return [_between(low, high, number, k) for k, number in enumerate(numbers)]
    if control.kind == "int":
        return next((n for n in (value + 1, value - 1) if _inside(low, high, n)), value)
    return _between(low, high, value, 0)


def _between(low: float | None, high: float | None, value: float, k: int) -> float:
    """A float inside the range, away from ``value``; ``k`` makes neighbours differ."""
    share = 0.35 + 0.03 * (k % 10)
    if low is None or high is None:
        others = (value * (1 - share), value * (1 + share)) if value else (share, -share)
        return next((other for other in others if _inside(low, high, other)), value)
    other = low + share * (high - low)
    return other if abs(other - value) > 0.05 * (high - low) else low + 0.8 * (high - low)


def halfway(start: Any, end: Any) -> Any:
    """Return what lies between two values; the end where nothing does."""
    if isinstance(start, float):
        return (start + end) / 2
    if isinstance(end, list):
        ends = zip(torch.as_tensor(start).tolist(), end, strict=True)
        return [(a + b) / 2 for a, b in ends]
    return end


def bits_on(control: BendingParameter, value: Any, bits: int = 1) -> Any:
    """Return a float moved by so many bits, inside the range; another value as it is.

    An end of the range is no rounded number, and a mask that lets all through there would lose
    a channel with the last bit: it stays.
    """
    low, high = control.range or (None, None)
    if control.kind != "float" or value in (low, high):
        return value
    moved = value * (1 + bits * ONE_BIT)
    return moved if _inside(low, high, moved) else value


def _inside(low: float | None, high: float | None, value: float) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
