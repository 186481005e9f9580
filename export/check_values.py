"""Values to try the attributes of a file at, and how they are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from torchbend.description import AttributeInfo

__all__ = ["atmost", "elements", "near", "values_to_try"]


def values_to_try(info: AttributeInfo, home: Sequence[Any]) -> list[list[Any]]:
    """Values inside the range of an attribute, other than where it is.

    Args:
        info: the attribute.
        home: its values now.
    """
    if info.choices:
        return [[choice] for choice in info.choices if [choice] != home]
    if "str" in info.types:
        return []
    if "bool" in info.types:
        return [[value] * len(home) for value in (False, True) if [value] * len(home) != home]
    flat = [float(v) for v in elements(home)]
    whole = [kind == "int" for kind in info.types] if len(info.types) == len(flat) else []
    trials = [
        [_inside(info, v, share + 0.02 * (k % 8)) for k, v in enumerate(flat)]
        for share in (0.35, 0.8, 0.0, 1.0)
    ]
    if any(whole):
        trials += [[_bounded(info, v + step) for v in flat] for step in (1.0, -1.0)]
        trials = [
            [round(v) if w else v for v, w in zip(trial, whole, strict=True)] for trial in trials
        ]
    unique = [list(t) for t in dict.fromkeys(map(tuple, trials))]
    return [t for t in unique if not near(t, flat)]


def _inside(info: AttributeInfo, value: float, share: float) -> float:
    if info.low is not None and info.high is not None:
        return info.low + min(share, 1.0) * (info.high - info.low)
    return _bounded(info, value * share if abs(value) > 1e-6 else share - 0.5)


def _bounded(info: AttributeInfo, value: float) -> float:
    low = -math.inf if info.low is None else info.low
    high = math.inf if info.high is None else info.high
    return min(max(value, low), high)


def elements(values: Sequence[Any]) -> list[Any]:
    """The numbers or words of some values, tensors taken apart."""
    found: list[Any] = []
    for value in values:
        found += value.flatten().tolist() if isinstance(value, torch.Tensor) else [value]
    return found


def near(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether values are the same, as far as single precision goes."""
    return all(
        x == y if isinstance(x, str) or isinstance(y, str) else _close(x, y)
        for x, y in zip(a, b, strict=True)
    )


def atmost(a: float, b: float) -> bool:
    """Whether a number is no greater than another, as far as single precision goes."""
    return a <= b or _close(a, b)


def _close(x: float, y: float) -> bool:
    return x == y or math.isclose(x, y, rel_tol=1e-6, abs_tol=1e-7)
