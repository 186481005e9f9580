"""The uniform distribution."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Uniform", "uniform_entropy", "uniform_log_prob", "uniform_rsample", "uniform_sample"]


def uniform_rsample(low: Tensor, high: Tensor, sample_shape: list[int] | None = None) -> Tensor:
    """Draw ``low + u * (high - low)``, through which gradients pass.

    Args:
        low: the lower ends.
        high: the upper ends; broadcasts with ``low``.
        sample_shape: how many draws, in front of the parameters' shape; None for one.
    """
    like = low + high
    if sample_shape is not None:
        like = like.expand(sample_shape + list(like.shape))
    return low + torch.rand_like(like, memory_format=torch.contiguous_format) * (high - low)


def uniform_sample(low: Tensor, high: Tensor, sample_shape: list[int] | None = None) -> Tensor:
    """Draw without gradients; see ``uniform_rsample``."""
    return uniform_rsample(low, high, sample_shape).detach()


def uniform_log_prob(low: Tensor, high: Tensor, value: Tensor) -> Tensor:
    """Return the log density at ``value``; minus infinity outside of ``[low, high)``."""
    inside = low.le(value).type_as(low).mul(high.gt(value).type_as(low))
    return torch.log(inside) - torch.log(high - low)


def uniform_entropy(low: Tensor, high: Tensor) -> Tensor:
    """Return the entropy in nats."""
    return torch.log(high - low)


class Uniform(NamedTuple):
    """A uniform distribution on ``[low, high)``."""

    low: Tensor
    high: Tensor

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``(*sample_shape, *shape)``; gradients pass."""
        return uniform_rsample(self.low, self.high, list(sample_shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``(*sample_shape, *shape)`` without gradients."""
        return uniform_sample(self.low, self.high, list(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density at ``value``."""
        return uniform_log_prob(self.low, self.high, value)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return uniform_entropy(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        """The middles."""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        """NaN: all values are as likely."""
        return math.nan * (self.high + self.low)

    @property
    def stddev(self) -> Tensor:
        """The standard deviations."""
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self) -> Tensor:
        """The variances."""
        return (self.high - self.low).pow(2) / 12
