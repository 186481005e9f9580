"""Small helpers: are two outputs, or two sets of weights, the same?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["compare_outs", "compare_state_dict_tensors"]


def compare_outs(a: Any, b: Any) -> bool:
    """Whether two outputs are equal, element by element; NaN equals NaN.

    Args:
        a: a tensor, a distribution, a number, or lists, tuples and dicts of them.
        b: the same.
    """
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, torch.distributions.Distribution):
        return type(a) is type(b) and all(
            compare_outs(getattr(a, name), getattr(b, name))
            for name in a.arg_constraints
            if name in vars(a)
        )
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(compare_outs(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(compare_outs(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def compare_state_dict_tensors(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two state dicts have the same names and the same values."""
    return a.keys() == b.keys() and all(compare_outs(a[k], b[k]) for k in a)
