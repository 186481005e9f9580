"""Distributions in a traced method.

``torch.distributions`` checks its arguments and fixes its shapes when an object is
made, which a graph cannot hold. While a method is traced, the four families that audio
models use are built without checks and sample from their parameters' own shapes; one
that a method returns becomes a :mod:`torchbend.distributions` value in the graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from .tracer import BendingTracer

__all__ = ["distribution_node", "traceable_distributions"]


@contextlib.contextmanager
def traceable_distributions() -> Iterator[None]:
    yield


def distribution_node(tracer: BendingTracer, dist: Any) -> fx.Node:
    raise NotImplementedError
