"""Which model is it? A short name for its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch

__all__ = ["fingerprint"]

_VALUES = 1024  # of each weight that count: another training changes them all


def fingerprint(weights: Iterable[tuple[str, torch.Tensor]]) -> str:
    """Return a name for a model's weights: their names, shapes, and values.

    Of a large weight every so many-th value counts, so that it takes a moment of any model.

    Args:
        weights: names and values, unbent.

    Returns:
        16 hexadecimal digits.
    """
    found = hashlib.sha256()
    for name, weight in weights:
        found.update(f"{name} {tuple(weight.shape)} {weight.dtype}\n".encode())
        step = max(1, weight.numel() // _VALUES)
        values = weight.detach().reshape(-1)[::step].cpu().contiguous()
        found.update(values.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
