"""The normal distribution."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Normal", "normal_entropy", "normal_log_prob", "normal_rsample", "normal_sample"]


def normal_rsample(loc: Tensor, scale: Tensor, sample_shape: list[int] | None = None) -> Tensor:
    """Draw ``loc + eps * scale``, through which gradients pass.

    Args:
        loc: the means.
        scale: the standard deviations; broadcasts with ``loc``.
        sample_shape: how many draws, in front of the parameters' shape; None for one.
    """
    like = loc + scale
    if sample_shape is not None:
        like = like.expand(sample_shape + list(like.shape))
    return loc + torch.randn_like(like, memory_format=torch.contiguous_format) * scale


def normal_sample(loc: Tensor, scale: Tensor, sample_shape: list[int] | None = None) -> Tensor:
    """Draw without gradients; see ``normal_rsample``."""
    return normal_rsample(loc, scale, sample_shape).detach()


def normal_log_prob(loc: Tensor, scale: Tensor, value: Tensor) -> Tensor:
    """Return the log density at ``value``."""
    var = scale**2
    half_log_two_pi = math.log(math.sqrt(2 * math.pi))
    return -((value - loc) ** 2) / (2 * var) - scale.log() - half_log_two_pi


def normal_entropy(loc: Tensor, scale: Tensor) -> Tensor:
    """Return the entropy in nats, of the shape of both parameters broadcast."""
    return 0.5 + 0.5 * math.log(2 * math.pi) + torch.log(scale.expand_as(loc + scale))


class Normal(NamedTuple):
    """A normal distribution with means ``loc`` and standard deviations ``scale``."""

    loc: Tensor
    scale: Tensor

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``(*sample_shape, *shape)``; gradients pass."""
        return normal_rsample(self.loc, self.scale, list(sample_shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``(*sample_shape, *shape)`` without gradients."""
        return normal_sample(self.loc, self.scale, list(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density at ``value``."""
        return normal_log_prob(self.loc, self.scale, value)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return normal_entropy(self.loc, self.scale)

    @property
    def mean(self) -> Tensor:
        """The means."""
        return self.loc.expand_as(self.loc + self.scale)

    @property
    def mode(self) -> Tensor:
        """The most likely values: the means."""
        return self.mean

    @property
    def stddev(self) -> Tensor:
        """The standard deviations."""
        return self.scale.expand_as(self.loc + self.scale)

    @property
    def variance(self) -> Tensor:
        """The variances."""
        return self.stddev.pow(2)
