"""``BendedWrapper``: an object that is no module but holds some."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from ..errors import BendingError
from .module import BendedModule

__all__ = ["BendedWrapper"]


class _Holder(nn.Module):
    """An object's modules as submodules, and its methods as methods."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        modules = {k: v for k, v in vars(held).items() if isinstance(v, nn.Module)}
        if not modules:
            raise BendingError(
                f"{type(held).__name__} holds no torch.nn.Module among its attributes: "
                "there is nothing to bend"
            )
        for name, module in modules.items():
            self.add_module(name, module)
        self.__dict__["held"] = held

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "held" or "held" not in self.__dict__:
                raise
            return getattr(self.__dict__["held"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get("held")
        own = name in self.__dict__ or name in self._modules
        if held is not None and not own and hasattr(held, name):
            setattr(held, name, value)  # its own methods read it there
        else:
            super().__setattr__(name, value)

    @property
    def forward(self) -> Any:  # type: ignore[override]
        """The call of the object itself, with its own signature."""
        held = self.__dict__["held"]
        if not callable(held):
            raise BendingError(f"a {type(held).__name__} cannot be called: call its methods")
        return held.__call__

    def __deepcopy__(self, memo: dict[int, Any]) -> _Holder:
        """Copy the modules, and give a shallow copy of the object the copies."""
        twin = _Holder.__new__(_Holder)
        memo[id(self)] = twin
        nn.Module.__init__(twin)
        held = copy.copy(self.__dict__["held"])
        for name, module in self._modules.items():
            shadow = copy.deepcopy(module, memo)
            twin.add_module(name, shadow)
            setattr(held, name, shadow)
        twin.training = self.training
        twin.__dict__["held"] = held
        return twin


class BendedWrapper(BendedModule):
    """Bend an object that is not a module but holds some (a MusicGen, a pipeline).

    Weights are named by the attribute that holds their module. The object's methods are
    reachable here, and run on the bent modules; the object itself is never changed. It is
    copied shallowly: what it holds beside modules is shared with the copy that plays.

    Args:
        obj: any object with modules among its attributes.

    Raises:
        BendingError: it holds none.
    """

    def __init__(self, obj: Any) -> None:
        super().__init__(obj if isinstance(obj, nn.Module) else _Holder(obj))

    @property
    def wrapped_module(self) -> Any:
        """The object that was given."""
        return self._module.__dict__.get("held", self._module)

    def __repr__(self) -> str:
        bent = len(self.bended_keys())
        return f"{type(self).__name__}({type(self.wrapped_module).__name__}, {bent} places bent)"

    def _calls_shadow(self, value: Any) -> bool:
        held = self._shadow.__dict__.get("held")
        return super()._calls_shadow(value) or (
            held is not None and getattr(value, "__self__", None) is held
        )
