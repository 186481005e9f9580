"""The kernel of users' own callbacks: one adapter for the whole protocol."""

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import BendingCallbackException, TorchbendError
from ..places import Place
from .kernel import Kernel
from .operand import Operand

if TYPE_CHECKING:
    from .callback import BendingCallback

__all__ = ["CallbackKernel"]


class CallbackKernel(Kernel):
    """Runs a user's callback at one place.

    Attributes:
        callback: the callback itself; it holds the state of all its places.
        idx: the place's number in it.
        name: the place's name.
        method: which of the user's methods runs: ``"apply_to_param"``, ``"bend_input"`` or
            ``"forward"``.
        named: whether that method takes the place's name.
        updates: whether the user overrides ``update``.
    """

    callback: "BendingCallback"

    def __init__(
        self, callback: "BendingCallback", place: Place, value: Tensor | None, idx: int
    ) -> None:
        """Place ``callback``; it has registered the place as number ``idx``."""
        super().__init__()
        from .callback import BendingCallback as Base

        self.callback = callback
        self.idx = idx
        self.name = place.name
        cls = type(callback)
        own = {
            hook: getattr(cls, hook) is not getattr(Base, hook)
            for hook in ("apply_to_param", "bend_input", "forward", "update")
        }
        self.updates = own["update"]
        if place.kind == "weight" and own["apply_to_param"]:
            self.method = "apply_to_param"
        elif own["forward"]:
            self.method = "forward"
        elif own["bend_input"]:
            self.method = "bend_input"
        else:
            raise BendingCallbackException(
                f"{callback!r} cannot sit on {place.key!r}: {cls.__name__} overrides neither "
                "bend_input nor forward"
                + ("" if place.kind == "activation" else " nor apply_to_param")
            )
        parameters = inspect.signature(getattr(callback, self.method)).parameters
        self.named = "name" in parameters
        if self.method != "apply_to_param":
            names = [
                name
                for name, parameter in parameters.items()
                if parameter.kind
                in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            ]
            self.call_args = tuple(name for name in names[1:] if name != "name")

    def operands(self) -> list[Operand]:
        """The operands of the callback."""
        return list(self.callback.__dict__["_operands"].values())

    def refreshes(self) -> bool:
        """Whether the user's callback overrides ``update``."""
        return self.updates

    def forward(self, x: Tensor, **call: Any) -> Tensor:
        """Run the user's method on a copy of ``x``.

        Raises:
            BendingCallbackException: the method failed; has its message.
        """
        try:
            return self._bent(x, call)
        except TorchbendError:
            raise
        except Exception as error:  # noqa: BLE001 - the user's own code
            raise BendingCallbackException(
                f"{self.callback!r} at {self.name!r}: {error}"
            ) from error

    def _bent(self, x: Tensor, call: dict[str, Any]) -> Tensor:
        if self.method == "apply_to_param":
            param = nn.Parameter(x.detach().clone(), requires_grad=False)
            with torch.no_grad():
                self.callback.apply_to_param(self.idx, param, x.detach().clone())
            return param.data
        if self.named:
            call["name"] = self.name
        bent = getattr(self.callback, self.method)(x.clone(), **call)
        if not isinstance(bent, Tensor):
            raise BendingCallbackException(
                f"{self.callback!r} at {self.name!r}: {self.method} returned "
                f"{type(bent).__name__}, not a tensor"
            )
        return bent

    @torch.jit.unused
    def update(self) -> None:
        """Let the user's callback follow its controls."""
        try:
            with torch.no_grad():
                self.callback.update()
        except TorchbendError:
            raise
        except Exception as error:  # noqa: BLE001 - the user's own code
            raise BendingCallbackException(
                f"{self.callback!r} at {self.name!r}: update: {error}"
            ) from error
