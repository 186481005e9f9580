"""What scripted objects hold beside their submodules: copied, compared, put back."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["copied", "fits", "put", "same"]


def copied(value: Any) -> Any:
    """A value of its own: tensors cloned, also those in lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, tuple) and hasattr(value, "_make"):  # a named one
        return value._make(copied(v) for v in value)
    if isinstance(value, (list, tuple)):
        return type(value)(copied(v) for v in value)
    if isinstance(value, dict):
        return {key: copied(v) for key, v in value.items()}
    return value


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal, to the bit; NaN is equal to nothing."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return False
    return bool(a == b)


def fits(now: Any, value: Any) -> bool:
    """Whether both are tensors, and the first can hold what the second does."""
    return (
        isinstance(now, torch.Tensor)
        and isinstance(value, torch.Tensor)
        and now.shape == value.shape
        and now.dtype == value.dtype
    )


def put(holder: Any, name: str, value: Any) -> None:
    """Give an attribute of a scripted object a value.

    A tensor is written in place where it has that shape and type, whatever device it is on;
    of anything else the object gets a copy, unless it has the same.
    """
    now = holder.getattr(name)
    if fits(now, value):
        with torch.inference_mode():  # what a block put there may be an inference tensor
            now.copy_(value)
    elif not same(now, value):
        holder.setattr(name, copied(value))
