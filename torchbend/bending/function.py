"""Lambda: any Python function as a bend."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import BendingCallbackException, TorchbendError
from ..places import Place
from .callback import BendingCallback
from .kernel import Kernel

__all__ = ["Lambda", "function_name"]


def function_name(fn: object) -> str:
    """Return a function's name for a message."""
    return str(getattr(fn, "__name__", None) or type(fn).__name__)


class LambdaKernel(Kernel):
    """``fn`` of a copy of ``x``."""

    def __init__(self, fn: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self.fn(x.clone())
        return checked_call(self.fn, x.clone())


def checked_call(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Call a user's function.

    Raises:
        BendingCallbackException: it failed, or returned no tensor.
    """
    try:
        bent = fn(x)
    except TorchbendError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's own code
        raise BendingCallbackException(f"Lambda({function_name(fn)}): {error}") from error
    if not isinstance(bent, Tensor):
        raise BendingCallbackException(
            f"Lambda({function_name(fn)}): the function returned {type(bent).__name__}, "
            "not a tensor"
        )
    return bent


class Lambda(BendingCallback):
    """Bend by any Python function: ``fn(x)``.

    ``fn`` is given a copy, so it may write into its argument. It plays live; it is exported
    only if ``torch.jit.script`` accepts the function itself (a ``def`` in a file, no
    closure), and it cannot be saved in a configuration. ``jit_compatible`` is False because
    that cannot be known of every function; an export tries.
    """

    weight_compatible = True
    activation_compatible = True

    def __init__(self, fn: Callable[[Tensor], Tensor]) -> None:
        """Wrap a function.

        Args:
            fn: maps a tensor to a tensor.

        Raises:
            BendingCallbackException: it cannot be called.
        """
        super().__init__()
        if not callable(fn):
            raise BendingCallbackException(
                f"Lambda takes a function of a tensor; got {type(fn).__name__}"
            )
        self.fn = fn

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the call at one place."""
        self.check(place)
        return LambdaKernel(self.fn)

    def settings(self) -> dict[str, Any]:
        """Return the function; a configuration refuses to save it."""
        return {"fn": self.fn}

    def __repr__(self) -> str:
        """Show the function's name."""
        return f"Lambda({function_name(self.fn)})"
