"""Small helpers: are two outputs, or two sets of weights, the same?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["compare_outs", "compare_state_dict_tensors"]


def compare_outs(a: Any, b: Any, rounding: float = 0.0) -> bool:
    """Whether two outputs are equal, element by element; NaN equals NaN.

    Args:
        a: a tensor, a distribution, a number, or lists, tuples and dicts of them.
        b: the same.
        rounding: how far tensors may be apart, as a part of the first one's peak; 0 asks
            for the same bits.
    """
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and _equal(a, b, rounding)
    if isinstance(a, torch.distributions.Distribution):
        names = [n for n in a.arg_constraints if n in vars(a) and hasattr(b, n)]
        return type(a) is type(b) and all(
            compare_outs(getattr(a, n), getattr(b, n), rounding) for n in names
        )
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(compare_outs(a[k], b[k], rounding) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(
            compare_outs(x, y, rounding) for x, y in zip(a, b, strict=True)
        )
    return type(a) is type(b) and (a is b or bool(a == b))


def _equal(a: torch.Tensor, b: torch.Tensor, rounding: float) -> bool:
    if bool(((a == b) | ((a != a) & (b != b))).all()):
        return True
    if rounding == 0 or not (a.is_floating_point() or a.is_complex()):
        return False
    peak = float(a.detach().abs().nan_to_num(posinf=0.0).max())
    return bool(torch.isclose(a, b, rtol=0.0, atol=rounding * peak, equal_nan=True).all())


def compare_state_dict_tensors(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two state dicts have the same names and the same values."""
    return a.keys() == b.keys() and all(compare_outs(a[k], b[k]) for k in a)
