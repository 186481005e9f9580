"""The Bernoulli distribution."""

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..errors import BendingError

__all__ = [
    "Bernoulli",
    "bernoulli_entropy",
    "bernoulli_log_prob",
    "bernoulli_logits",
    "bernoulli_mode",
    "bernoulli_probs",
    "bernoulli_sample",
]


def bernoulli_logits(probs: Tensor) -> Tensor:
    """Return the logits of probabilities, which are kept off 0 and 1 by the dtype's eps."""
    eps = torch.finfo(probs.dtype).eps
    kept = probs.clamp(min=eps, max=1 - eps)
    return torch.log(kept) - torch.log1p(-kept)


def bernoulli_probs(logits: Tensor) -> Tensor:
    """Return the probabilities of logits."""
    return torch.sigmoid(logits)


def bernoulli_sample(probs: Tensor, sample_shape: list[int] | None = None) -> Tensor:
    """Draw 0 or 1, in the dtype of ``probs``.

    Args:
        probs: the probabilities of 1.
        sample_shape: how many draws, in front of the parameters' shape; None for one.
    """
    if sample_shape is not None:
        probs = probs.expand(sample_shape + list(probs.shape))
    return torch.bernoulli(probs.detach())


def bernoulli_log_prob(logits: Tensor, value: Tensor) -> Tensor:
    """Return the log probability of ``value``, which broadcasts with the logits."""
    both: tuple[Tensor, Tensor] = torch.broadcast_tensors(logits, value)  # type: ignore[no-untyped-call]
    return -binary_cross_entropy_with_logits(both[0], both[1], reduction="none")


def bernoulli_entropy(probs: Tensor, logits: Tensor) -> Tensor:
    """Return the entropy in nats."""
    return binary_cross_entropy_with_logits(logits, probs, reduction="none")


def bernoulli_mode(probs: Tensor) -> Tensor:
    """Return the likelier value; NaN where both are as likely."""
    return (probs >= 0.5).to(probs).masked_fill(probs == 0.5, math.nan)


class _Fields(NamedTuple):
    probs: Tensor | None = None
    logits: Tensor | None = None


class Bernoulli(_Fields):
    """A Bernoulli distribution, made from ``probs`` or ``logits``.

    In Python both are there; in TorchScript, the one that it was made from.
    """

    __slots__ = ()

    def __new__(cls, probs: Tensor | None = None, logits: Tensor | None = None) -> "Bernoulli":
        """Make the distribution, and the parameter that is not given.

        Args:
            probs: the probabilities of 1.
            logits: their log odds.

        Raises:
            BendingError: neither is given.
        """
        if probs is None and logits is None:
            raise BendingError("Bernoulli takes probs or logits; neither is given")
        if probs is None:
            probs = bernoulli_probs(cast(Tensor, logits))
        elif logits is None:
            logits = bernoulli_logits(probs)
        return super().__new__(cls, probs, logits)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``(*sample_shape, *shape)``."""
        return bernoulli_sample(self.mean, list(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log probability of ``value``."""
        return bernoulli_log_prob(cast(Tensor, self.logits), value)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return bernoulli_entropy(self.mean, cast(Tensor, self.logits))

    @property
    def mean(self) -> Tensor:
        """The means: the probabilities of 1."""
        return cast(Tensor, self.probs)

    @property
    def mode(self) -> Tensor:
        """The likelier values; NaN where both are as likely."""
        return bernoulli_mode(self.mean)

    @property
    def stddev(self) -> Tensor:
        """The standard deviations."""
        return self.variance.sqrt()

    @property
    def variance(self) -> Tensor:
        """The variances."""
        return self.mean * (1 - self.mean)
