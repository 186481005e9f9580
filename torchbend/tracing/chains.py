"""Chains: the kernels at one place, with what each takes from the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..bending.capture import RecordingKernel
from ..bending.kernel import STATE, Kernel
from .lower import CallArgument
from .shadow import restore, snapshot

__all__ = ["Link", "NamedChains", "forwards", "is_recording", "quiet", "through"]

# Something that computes a bend, and the arguments that it takes from the call.
Link = tuple[Callable[..., torch.Tensor], Sequence[CallArgument]]
NamedChains = Mapping[str, Sequence[tuple[Kernel, Sequence[CallArgument]]]]


def forwards(named: NamedChains) -> dict[str, list[Link]]:
    """The kernels as functions: a call of a module costs more than the bend itself."""
    return {n: [(k.forward, words) for k, words in chain] for n, chain in named.items()}


def quiet(named: NamedChains) -> dict[str, list[Link]]:
    """The same for a look inside, which is not to be recorded, nor remembered."""
    return {n: [(_unseen(k), words) for k, words in chain] for n, chain in named.items()}


def through(chain: Sequence[Link], given: Mapping[str, Any]) -> Callable[..., torch.Tensor]:
    """One function that goes through a chain.

    Args:
        chain: its links, in order.
        given: values of the call's arguments, by input.
    """

    def bend(x: torch.Tensor) -> torch.Tensor:
        for function, words in chain:
            x = function(x, **{w.keyword: given.get(w.input) for w in words})
        return x

    return bend


def is_recording(kernel: nn.Module) -> bool:
    """Whether a kernel records what passes."""
    return isinstance(kernel, RecordingKernel) and kernel.recording


def _unseen(kernel: Kernel) -> Callable[..., torch.Tensor]:
    """A kernel as a function that leaves nothing behind."""
    if is_recording(kernel):
        return _itself
    if not kernel.stateful():
        return kernel.forward

    def run(x: torch.Tensor, **given: Any) -> torch.Tensor:
        before = snapshot(kernel, STATE)
        try:
            return kernel.forward(x, **given)
        finally:
            restore(kernel, before)

    return run


def _itself(x: torch.Tensor) -> torch.Tensor:
    return x
