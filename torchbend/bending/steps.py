"""Bends that are heard in some steps only of a model that generates step by step.

Whoever runs such a model tells the step that it is in (:func:`tell_step`), for the thread that
runs it; a :class:`DuringSteps` looks there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback
from .kernel import Kernel
from .operand import Operand
from .parameter import BendingParameter

__all__ = ["DuringSteps", "StepsKernel", "tell_step"]

_step: ContextVar[int | None] = ContextVar("step", default=None)


def tell_step(step: int | None) -> None:
    """Say which step of a generation runs now on this thread; None: none does."""
    _step.set(step)


class StepsKernel(Kernel):
    """Runs a kernel in some steps, and gives its input back in the others."""

    def __init__(self, kernel: Kernel, start: int, stop: int | None) -> None:
        """Run ``kernel`` from step ``start`` up to, not with, ``stop``."""
        super().__init__()
        self.kernel = kernel
        self.start = start
        self.stop = stop
        self.call_args = kernel.call_args

    def forward(self, x: Tensor, **call: Any) -> Tensor:
        """Return the bent value of ``x``, or ``x``."""
        step = _step.get()
        if step is None or step < self.start or (self.stop is not None and step >= self.stop):
            return x
        bent: Tensor = self.kernel(x, **call)
        return bent

    def operands(self) -> list[Operand]:
        """Those of the kernel inside."""
        return self.kernel.operands()

    def refreshes(self) -> bool:
        """Whether the kernel inside does anything at ``update``."""
        return self.kernel.refreshes()

    def update(self) -> None:
        """Update the kernel inside."""
        self.kernel.update()


class DuringSteps(BendingCallback):
    """Another callback, heard from one step of a generation up to another.

    For models that generate step by step, such as a MusicGen's language model. What is
    computed outside of any step, such as the sound from the codes, stays as it is.

    Args:
        callback: what bends in these steps.
        start: the first of them, from 0.
        stop: the first after them; None for no end.
    """

    activation_compatible = True

    def __init__(self, callback: BendingCallback, start: int = 0, stop: int | None = None) -> None:
        """Limit ``callback`` to some steps.

        Raises:
            BendingCallbackException: it is not a callback, or there are no such steps.
        """
        super().__init__()
        if not isinstance(callback, BendingCallback):
            raise BendingCallbackException(
                f"DuringSteps takes a callback such as Scale(2.), not {callback!r}"
            )
        for name, value in (("start", start), ("stop", stop)):
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            if not whole and not (name == "stop" and value is None):
                raise BendingCallbackException(f"{name} is a step, from 0 up; got {value!r}")
        if stop is not None and stop <= start:
            raise BendingCallbackException(
                f"there is no step from {start} up to {stop}: stop is the first step after"
            )
        self.callback = callback
        self.start = start
        self.stop = stop

    @property
    def controls(self) -> dict[str, BendingParameter]:
        """The controls of the callback inside."""
        return self.callback.controls

    def inside(self) -> Sequence[BendingCallback]:
        """The callback inside."""
        return (self.callback,)

    def check(self, place: Place) -> None:
        """Check that both can sit on a place.

        Raises:
            BendingCallbackException: one cannot.
        """
        super().check(place)
        self.callback.check(place)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the kernel of the callback inside, limited to the steps."""
        self.check(place)
        return StepsKernel(self.callback.kernel(place, value), self.start, self.stop)

    def update(self) -> None:
        """Update the callback inside."""
        self.callback.update()
