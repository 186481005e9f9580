"""Distributions as tuples of tensors, so that a graph can hold and return them.

Each of :class:`Normal`, :class:`Uniform`, :class:`Bernoulli` and :class:`Categorical` is a
NamedTuple of tensors: ``torch.fx`` can make one from traced values, and TorchScript knows
its type. What they compute equals ``torch.distributions`` to the last bit, draws included
(with the same global seed); their shapes come from their parameters' own, at run time.

Each formula is also a function of the parameters, such as
:func:`~torchbend.distributions.normal.normal_rsample`.
"""

from .bernoulli import (
    Bernoulli,
    bernoulli_entropy,
    bernoulli_log_prob,
    bernoulli_logits,
    bernoulli_mode,
    bernoulli_probs,
    bernoulli_sample,
)
from .categorical import (
    Categorical,
    categorical_entropy,
    categorical_log_prob,
    categorical_mode,
    categorical_sample,
    normalized_logits,
    normalized_probs,
)
from .convert import convert_from_torch, convert_to_torch
from .normal import Normal, normal_entropy, normal_log_prob, normal_rsample, normal_sample
from .uniform import Uniform, uniform_entropy, uniform_log_prob, uniform_rsample, uniform_sample

__all__ = [
    "Bernoulli",
    "Categorical",
    "Normal",
    "Uniform",
    "bernoulli_entropy",
    "bernoulli_log_prob",
    "bernoulli_logits",
    "bernoulli_mode",
    "bernoulli_probs",
    "bernoulli_sample",
    "categorical_entropy",
    "categorical_log_prob",
    "categorical_mode",
    "categorical_sample",
    "convert_from_torch",
    "convert_to_torch",
    "normal_entropy",
    "normal_log_prob",
    "normal_rsample",
    "normal_sample",
    "normalized_logits",
    "normalized_probs",
    "uniform_entropy",
    "uniform_log_prob",
    "uniform_rsample",
    "uniform_sample",
]
