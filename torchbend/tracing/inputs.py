"""The inputs of a method: positional and by name, bound to its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ..errors import BendingError

__all__ = ["Inputs", "bind", "describe", "signature_of"]


class Inputs:
    """What a method is called with, kept together.

    Args:
        *args: the positional ones.
        **kwargs: those by name.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def __iter__(self) -> Any:
        return iter(self.args)

    def keys(self) -> Any:
        """Names of the inputs given by name, so that ``**inputs`` works."""
        return self.kwargs.keys()

    def __getitem__(self, key: int | str) -> Any:
        return self.args[key] if isinstance(key, int) else self.kwargs[key]

    def __repr__(self) -> str:
        return f"Inputs({describe(self.args, self.kwargs)})"


def signature_of(fn: Callable[..., Any]) -> inspect.Signature:
    """The signature of a bound method.

    Raises:
        BendingError: it has none, as methods of scripted modules.
    """
    try:
        return inspect.signature(fn)
    except (TypeError, ValueError) as error:
        raise BendingError(
            f"{fn!r} has no Python signature (a scripted module?) and cannot be traced"
        ) from error


def bind(
    fn_name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Give every argument its name.

    Returns:
        Arguments by parameter name, in the signature's order; defaults left out.

    Raises:
        BendingError: they do not fit the method.
    """
    try:
        return dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise BendingError(
            f"{fn_name}{signature} cannot take ({describe(args, kwargs)}): {error}"
        ) from error


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Arguments in one line, tensors by shape and dtype."""
    parts = [_short(a) for a in args] + [f"{k}={_short(v)}" for k, v in kwargs.items()]
    return ", ".join(parts)


def _short(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{tuple(value.shape)}"
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."
