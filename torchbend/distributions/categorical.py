"""The categorical distribution."""

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor

from ..errors import BendingError

__all__ = [
    "Categorical",
    "categorical_entropy",
    "categorical_log_prob",
    "categorical_mode",
    "categorical_sample",
    "normalized_logits",
    "normalized_probs",
]


def normalized_probs(probs: Tensor) -> Tensor:
    """Return probabilities that sum to 1 over the last dimension."""
    return probs / probs.sum(-1, keepdim=True)


def normalized_logits(logits: Tensor) -> Tensor:
    """Return logits that are log probabilities."""
    return logits - logits.logsumexp(dim=-1, keepdim=True)


def categorical_sample(probs: Tensor, sample_shape: list[int] | None = None) -> Tensor:
    """Draw indices, int64.

    Args:
        probs: ``(*shape, categories)``.
        sample_shape: how many draws, in front of ``shape``; None for one.
    """
    shape: list[int] = [] if sample_shape is None else sample_shape
    draws = 1
    for size in shape:
        draws *= size
    rows = probs.detach().reshape(-1, probs.size(-1))
    return torch.multinomial(rows, draws, True).t().reshape(shape + list(probs.shape[:-1]))


def categorical_log_prob(logits: Tensor, value: Tensor) -> Tensor:
    """Return the log probability of the indices ``value``.

    Args:
        logits: normalized, ``(*shape, categories)``.
        value: broadcasts with ``shape``.
    """
    both: tuple[Tensor, Tensor] = torch.broadcast_tensors(value.long().unsqueeze(-1), logits)  # type: ignore[no-untyped-call]
    return both[1].gather(-1, both[0][..., :1]).squeeze(-1)


def categorical_entropy(probs: Tensor, logits: Tensor) -> Tensor:
    """Return the entropy in nats; a category of probability 0 adds nothing."""
    kept = torch.clamp(logits, min=torch.finfo(logits.dtype).min)
    return -(kept * probs).sum(-1)


def categorical_mode(probs: Tensor) -> Tensor:
    """Return the index of the likeliest category."""
    return probs.argmax(dim=-1)


class _Fields(NamedTuple):
    probs: Tensor | None = None
    logits: Tensor | None = None


class Categorical(_Fields):
    """A categorical distribution over the last dimension of ``probs`` or ``logits``.

    In Python both are there, normalized; in TorchScript, the one that it was made from, as
    it was given.
    """

    __slots__ = ()

    def __new__(cls, probs: Tensor | None = None, logits: Tensor | None = None) -> "Categorical":
        """Make the distribution, and the parameter that is not given.

        Args:
            probs: ``(*shape, categories)``, any positive numbers.
            logits: the same as logarithms. Where both are given they are taken as they are.

        Raises:
            BendingError: neither is given.
        """
        if probs is not None and logits is None:
            probs = normalized_probs(probs)
            eps = torch.finfo(probs.dtype).eps
            logits = torch.log(probs.clamp(min=eps, max=1 - eps))
        elif logits is not None and probs is None:
            logits = normalized_logits(logits)
            probs = torch.softmax(logits, dim=-1)
        elif probs is None:
            raise BendingError("Categorical takes probs or logits; neither is given")
        return super().__new__(cls, probs, logits)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw indices ``(*sample_shape, *shape)``, int64."""
        return categorical_sample(cast(Tensor, self.probs), list(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log probability of the indices ``value``."""
        return categorical_log_prob(cast(Tensor, self.logits), value)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return categorical_entropy(cast(Tensor, self.probs), cast(Tensor, self.logits))

    @property
    def mode(self) -> Tensor:
        """The index of the likeliest category."""
        return categorical_mode(cast(Tensor, self.probs))

    @property
    def mean(self) -> Tensor:
        """NaN: indices have no mean."""
        return torch.full_like(cast(Tensor, self.probs)[..., 0], math.nan)

    @property
    def stddev(self) -> Tensor:
        """NaN: indices have no spread."""
        return self.mean
