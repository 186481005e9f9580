"""Kernels: what runs at one place.

Each placement of a callback on a place gets a kernel of its own, with its own random state.
The same kernel runs in eager mode, folds weights, and is scripted into an exported file.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from .operand import Operand

__all__ = [
    "STATE",
    "CallChainKernel",
    "ChainKernel",
    "Kernel",
    "chain",
    "forget",
    "place_generator",
    "remembers",
    "state_buffers",
]

# What the names of buffers begin with that one block leaves behind for the next. They are
# zero at the start.
STATE = "state_"


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
        homogeneous: whether a factor of the input is a factor of the output, whatever it is.
        glides: of one with a state: whether it glides to new settings by itself once
            :meth:`glide_along` was called. Any other is computed twice and cross-faded.
    """

    call_args: tuple[str, ...] = ()
    homogeneous: bool = False
    glides: bool = False

    # these mean nothing to TorchScript
    __jit_ignored_attributes__ = ("call_args", "glides", "homogeneous")

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

    def operands(self) -> "list[Operand]":
        """The operands that it reads, each once."""
        return [module for module in self.modules() if isinstance(module, Operand)]

    def steps(self) -> "list[Kernel]":
        """The kernels it is a chain of; itself, if it is none."""
        return [self]

    def parts(self) -> "list[Kernel]":
        """The kernels right inside it."""
        return []

    def refreshes(self) -> bool:
        """Whether ``update`` does anything."""
        return False

    def stateful(self) -> bool:
        """Whether it is to be computed once a block only.

        So it is if one block leaves something behind for the next (:func:`remembers`), and for
        what is drawn anew at each call.
        """
        return remembers(self) or any(part.stateful() for part in self.parts())

    def glide_along(self, time: int) -> None:
        """Glide to new settings along a dimension from now on; for those with a state.

        Args:
            time: the dimension, from 0 up.
        """

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        """Write the bent value of a weight ``x`` into ``out``, which is not ``x``.

        It gives the bits of ``forward``. A kernel overrides it where there is a way that
        allocates less, because a knob of an exported file waits for it.
        """
        out.copy_(self.forward(x))

    @torch.jit.export
    def update(self) -> None:
        """Recompute what depends on the controls; called after one moved."""


class ChainKernel(Kernel):
    """Runs kernels one after the other, each on what the one before it made."""

    glides = True

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        """Chain ``kernels``, first to last."""
        super().__init__()
        self.kernels = nn.ModuleList(kernels)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` after all kernels."""
        for kernel in self.kernels:
            x = kernel(x)
        return x

    def operands(self) -> "list[Operand]":
        """The operands of all kernels, each once."""
        found = [operand for kernel in self.kernels for operand in _kernel(kernel).operands()]
        return list({id(operand): operand for operand in found}.values())

    def parts(self) -> list[Kernel]:
        """The kernels, first to last."""
        return [_kernel(kernel) for kernel in self.kernels]

    def steps(self) -> list[Kernel]:
        """The kernels, first to last, those of chains inside too."""
        return [step for kernel in self.kernels for step in _kernel(kernel).steps()]

    def refreshes(self) -> bool:
        """Whether ``update`` does anything in any of the kernels."""
        return any(_kernel(kernel).refreshes() for kernel in self.kernels)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        """Write ``x`` after all kernels into ``out``."""
        last = len(self.kernels) - 1
        for i, kernel in enumerate(self.kernels):
            if i < last:
                x = kernel(x)
            else:
                kernel.into(x, out)  # type: ignore[operator]

    @torch.jit.export
    def update(self) -> None:
        """Update all kernels."""
        for kernel in self.kernels:
            kernel.update()  # type: ignore[operator]


class CallChainKernel(ChainKernel):
    """The same where some kernels take arguments from the call.

    Its ``forward`` cannot script; ``scripting`` writes it out with the arguments by name.
    """

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        """Chain ``kernels``, first to last."""
        super().__init__(kernels)
        self.call_args = tuple(dict.fromkeys(name for each in kernels for name in each.call_args))

    def forward(self, x: Tensor, **call: Any) -> Tensor:
        """Return ``x`` after all kernels; ``call`` reaches those that take its names."""
        for kernel in cast(Sequence[Kernel], self.kernels):
            x = kernel(x, **{name: call[name] for name in kernel.call_args if name in call})
        return x


def state_buffers(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The buffers of kernels in a module that one block leaves behind for the next, by path."""
    for path, buffer in module.named_buffers():
        if path.rpartition(".")[2].startswith(STATE) and buffer.numel() > 0:
            yield path, buffer


def remembers(module: nn.Module) -> bool:
    """Whether one block leaves something behind for the next, in a buffer ``state_...``."""
    return next(state_buffers(module), None) is not None


def forget(module: nn.Module) -> None:
    """Put what earlier blocks left behind in a module's kernels back to the start."""
    with torch.inference_mode(False), torch.no_grad():
        for part in module.modules():
            for name, buffer in list(part.named_buffers(recurse=False)):
                if not name.startswith(STATE):
                    continue
                if buffer.is_inference():  # it cannot be written outside of inference_mode
                    setattr(part, name, torch.zeros_like(buffer))
                else:
                    buffer.zero_()


def _kernel(module: nn.Module) -> Kernel:
    return cast(Kernel, module)


def chain(kernels: Sequence[Kernel]) -> Kernel:
    """Make one kernel of several, first to last."""
    if len(kernels) == 1:
        return kernels[0]
    takes = any(kernel.call_args for kernel in kernels)
    return CallChainKernel(kernels) if takes else ChainKernel(kernels)
