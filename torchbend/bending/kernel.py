"""Kernels: what runs at one place.

Each placement of a callback on a place gets a kernel of its own, with its own random state.
The same kernel runs in eager mode, folds weights, and is scripted into an exported file.
"""

import zlib
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from .operand import Operand

__all__ = ["ChainKernel", "Kernel", "place_generator"]


def place_generator(seed: int, key: str) -> torch.Generator:
    """Make the random generator of one placement.

    It depends on the callback's seed and the place's key only: neither the order of the
    bends nor the process changes a draw, and the global generator is never touched.

    Args:
        seed: the callback's seed.
        key: the place's unique key.
    """
    generator = torch.Generator(device="cpu")
    generator.manual_seed(zlib.crc32(f"{seed}:{key}".encode()))
    return generator


class Kernel(nn.Module):
    """Computes a bend at one place.

    ``forward`` maps the value of the place to the bent value. It never writes into its
    input; it may return the input itself. Kernels script.

    Attributes:
        call_args: names of further arguments of ``forward`` that come from the call of the
            bent model. Each is an optional tensor, None by default.
    """

    call_args: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; keep operands where an attribute lookup finds them first.

        A submodule is found by ``nn.Module.__getattr__``, about 0.4 us after the ordinary
        lookup has failed. That is a third of what a small bend costs.
        """
        super().__setattr__(name, value)
        if isinstance(value, (Operand, torch.jit.ScriptModule)):
            self.__dict__[name] = value

    def forward(self, x: Tensor) -> Tensor:
        """Return the bent value of ``x``."""
        raise NotImplementedError

    @torch.jit.export
    def update(self) -> None:
        """Recompute what depends on the controls; called after one moved."""


class ChainKernel(Kernel):
    """Runs kernels one after the other, each on what the one before it made."""

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        """Chain ``kernels``, first to last."""
        super().__init__()
        self.kernels = nn.ModuleList(kernels)
        self.call_args = tuple(
            dict.fromkeys(name for kernel in kernels for name in kernel.call_args)
        )

    def forward(self, x: Tensor, **call: Any) -> Tensor:
        """Return ``x`` after all kernels; ``call`` reaches those that take its names."""
        for kernel in cast(Sequence[Kernel], self.kernels):
            wanted = {name: call[name] for name in kernel.call_args if name in call}
            x = kernel(x, **wanted)
        return x

    @torch.jit.unused
    def update(self) -> None:
        """Update all kernels."""
        for kernel in cast(Sequence[Kernel], self.kernels):
            kernel.update()
