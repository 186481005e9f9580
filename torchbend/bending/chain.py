"""Chains: callbacks one after the other."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback, add_control
from .kernel import Kernel, chain
from .parameter import BendingParameter

__all__ = ["CallbackChain"]


class CallbackChain(BendingCallback):
    """Callbacks one after the other; ``a >> b`` makes one.

    It can sit where all of its members can. Chains in a chain are flattened.
    """

    def __init__(self, *callbacks: BendingCallback) -> None:
        """Chain callbacks, first to last.

        Raises:
            BendingCallbackException: there are none, or one is not a callback.
        """
        super().__init__()
        flat: list[BendingCallback] = []
        for callback in callbacks:
            if not isinstance(callback, BendingCallback):
                raise BendingCallbackException(
                    f"a chain is made of callbacks; got {type(callback).__name__}"
                )
            flat.extend(callback.callbacks if isinstance(callback, CallbackChain) else [callback])
        if not flat:
            raise BendingCallbackException("a chain needs at least one callback")
        self.__dict__["callbacks"] = tuple(flat)
        for flag in (
            "weight_compatible",
            "activation_compatible",
            "jit_compatible",
            "nntilde_compatible",
        ):
            self.__dict__[flag] = all(getattr(callback, flag) for callback in flat)
        self._members = nn.ModuleList(flat)

    callbacks: tuple[BendingCallback, ...]

    @property
    def controls(self) -> dict[str, BendingParameter]:
        """The controls of all members."""
        found: dict[str, BendingParameter] = {}
        for callback in self.callbacks:
            for parameter in callback.controls.values():
                add_control(found, parameter, self)
        return found

    def settings(self) -> dict[str, Any]:
        """Return the members under ``callbacks``."""
        return {"callbacks": list(self.callbacks)}

    def inside(self) -> Sequence[BendingCallback]:
        """The members."""
        return self.callbacks

    def check(self, place: Place) -> None:
        """Check that every member can sit on a place.

        Raises:
            BendingCallbackException: one cannot.
        """
        for callback in self.callbacks:
            callback.check(place)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the members' kernels, chained.

        A member that looks at the weight sees it as the members before it leave it.
        """
        kernels: list[Kernel] = []
        for callback in self.callbacks:
            kernel = callback.kernel(place, value)
            if value is not None:
                with torch.no_grad():
                    value = kernel(value)
            kernels.append(kernel)
        return chain(kernels)

    def update(self) -> None:
        """Update all members."""
        for callback in self.callbacks:
            callback.update()

    def __repr__(self) -> str:
        """Show the members joined by ``>>``."""
        return " >> ".join(repr(callback) for callback in self.callbacks)
