"""To ``torch.distributions`` and back."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .bernoulli import Bernoulli
from .categorical import Categorical
from .normal import Normal
from .uniform import Uniform

__all__ = ["convert_from_torch", "convert_to_torch"]


def convert_to_torch(value: Any) -> Any:
    """Turn our distributions into those of ``torch.distributions``.

    Args:
        value: one of ours (also as TorchScript returns it), or lists, tuples and dicts with
            some inside, at any depth. Anything else comes back as it is.
    """
    fields = getattr(value, "_fields", None)
    name = type(value).__name__
    if fields == ("loc", "scale") and name == "Normal":
        return torch.distributions.Normal(value.loc, value.scale, validate_args=False)
    if fields == ("low", "high") and name == "Uniform":
        return torch.distributions.Uniform(value.low, value.high, validate_args=False)
    if fields == ("probs", "logits") and name == "Bernoulli":
        return _with_both(torch.distributions.Bernoulli, value.probs, value.logits)
    if fields == ("probs", "logits") and name == "Categorical":
        return _with_both(torch.distributions.Categorical, value.probs, value.logits)
    return _inside(value, convert_to_torch)


def convert_from_torch(value: Any) -> Any:
    """Turn distributions of ``torch.distributions`` into ours.

    Args:
        value: a Normal, Uniform, Bernoulli or Categorical, or lists, tuples and dicts with
            some inside, at any depth. Anything else comes back as it is.
    """
    kind = type(value)
    if kind is torch.distributions.Normal:
        return Normal(value.loc, value.scale)
    if kind is torch.distributions.Uniform:
        return Uniform(value.low, value.high)
    if kind is torch.distributions.Bernoulli:
        return Bernoulli(value.probs, value.logits)
    if kind is torch.distributions.Categorical:
        return Categorical(value.probs, value.logits)
    if isinstance(value, (Normal, Uniform, Bernoulli, Categorical)):
        return value
    return _inside(value, convert_from_torch)


def _with_both(
    family: Callable[..., Any], probs: Tensor | None, logits: Tensor | None
) -> torch.distributions.Distribution:
    """Make a distribution that keeps both parameters to the bit.

    torch makes one parameter from the other when it is first read, and Categorical
    normalizes: neither undoes the other exactly.
    """
    if probs is None or logits is None:
        made = family(probs=probs, logits=logits, validate_args=False)
    else:
        made = family(probs=probs, validate_args=False)
        made.__dict__["probs"] = made.__dict__["_param"] = probs
        made.__dict__["logits"] = logits
    distribution: torch.distributions.Distribution = made
    return distribution


def _inside(value: Any, convert: Callable[[Any], Any]) -> Any:
    kind = type(value)
    if kind is list:
        return [convert(item) for item in value]
    if isinstance(value, tuple):
        items = [convert(item) for item in value]
        return kind(*items) if hasattr(value, "_fields") else kind(items)
    if kind is dict:
        return {key: convert(item) for key, item in value.items()}
    return value
