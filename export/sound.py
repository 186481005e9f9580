"""Comparing sounds, some of which are no numbers: a model may give NaN by itself.

A spherical RAVE divides by the level of what it hears, and gives NaN in digital silence. Bent
and exported, it must give the same NaN in the same frames.
"""

from __future__ import annotations

import math

import torch

__all__ = ["difference", "is_finite", "peak", "same"]


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two sounds are equal to the bit, NaN where NaN is."""
    return bool(a.shape == b.shape and ((a == b) | (a.isnan() & b.isnan())).all())


def is_finite(x: torch.Tensor) -> bool:
    """Whether a sound has no NaN and no infinity."""
    return bool(torch.isfinite(x).all())


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """The greatest difference; infinite where one alone is no finite number."""
    numbers = torch.isfinite(a)
    if not same(a.masked_fill(numbers, 0.0), b.masked_fill(torch.isfinite(b), 0.0)):
        return math.inf
    off = (a - b).abs().masked_fill(~numbers, 0.0)
    return float(off.max()) if off.numel() else 0.0


def peak(x: torch.Tensor) -> float:
    """The greatest finite level; 0 of nothing."""
    level = x.abs().masked_fill(~torch.isfinite(x), 0.0)
    return float(level.max()) if level.numel() else 0.0
