"""What every part of a bent module stands on: the shadow, its weights, its bends, its runs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import nn

from ..bending.fingerprint import fingerprint
from ..errors import BendingError, TracingError, first_line, suggest
from ..places import Place
from .bends import BendBook, PlacedBend
from .knobs import Knobs
from .record import Trace
from .runner import Runner
from .shadow import shadow_of
from .weights import WeightBank

__all__ = ["Core"]

# Methods of nn.Module that write into parameters, and what to do instead.
_WOULD_CHANGE = {
    "load_state_dict": "keep the weights as a version, with create_version(name, state_dict)",
    "apply": "apply it to the module before wrapping it",
    "requires_grad_": "call it on the module itself",
    "zero_grad": "call it on the module itself",
    "share_memory": "call it on the module before wrapping it",
    "to_empty": "call it on the module before wrapping it",
    "type": "use to(dtype=...)",
    "bfloat16": "use to(dtype=torch.bfloat16)",
    "xpu": 'use to("xpu")',
    "ipu": 'use to("ipu")',
    "mtia": 'use to("mtia")',
    "_apply": "use to(...)",
    "register_parameter": "call it on the module before wrapping it",
}


class Core:
    """A module, its shadow, and calls that run the shadow bent."""

    _module: nn.Module
    _bank: WeightBank
    _runner: Runner

    def __init__(self, module: nn.Module) -> None:
        if not isinstance(module, nn.Module):
            raise BendingError(
                f"BendedModule takes a torch.nn.Module, not {type(module).__name__}. "
                "BendedWrapper takes an object that holds modules."
            )
        for name, parameter in module.named_parameters():
            if isinstance(parameter, nn.parameter.UninitializedParameter):
                raise BendingError(
                    f"the weight {name!r} has no shape yet (a lazy module): call the module "
                    "once with a real input before wrapping it"
                )
        self._module = module
        self._book = BendBook()
        self._knobs = Knobs()
        self._changing = threading.RLock()
        self._bank, self._runner = self._parts()

    def _parts(self) -> tuple[WeightBank, Runner]:
        """What holds the weights, and what runs."""
        shadow = shadow_of(self._module)
        bank = WeightBank(shadow, self._book.weight_chain)
        return bank, Runner(shadow, bank, self._book, self._knobs)

    def _rebuild(self, bends: Sequence[PlacedBend], methods: Collection[str] = ()) -> None:
        """Make anew what these bends of the current configuration touch, and these methods.

        So is what plays otherwise because a solo came or went.
        """
        reached, wires = self._book.tell_solos(self._knobs)
        bends = [*bends, *reached]
        weights = self._bank.compute({name for b in bends for name in b.weights})
        plans = self._runner.build({*methods, *(fn for b in bends for fn in b.methods)})
        self._runner.commit(weights, plans, wires=wires)

    # -- the module ----------------------------------------------------------------
    @property
    def module(self) -> nn.Module:
        """The wrapped module, as it was given."""
        return self._module

    @property
    def _shadow(self) -> nn.Module:
        return self._runner.shadow

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_runner" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name in self._runner.traces:
            return self._method(name)
        if name in _WOULD_CHANGE:
            raise BendingError(
                f"{name} would change the wrapped module, whose weights are shared here: "
                f"{_WOULD_CHANGE[name]}"
            )
        try:
            value = getattr(self._shadow, name)
        except AttributeError:
            raise AttributeError(
                f"neither {type(self).__name__} nor {type(self._shadow).__name__} has an "
                f"attribute {name!r}. {suggest(name, [n for n in dir(self) if n[0] != '_'])}"
            ) from None
        if self._calls_shadow(value) and not hasattr(nn.Module, name):
            return self._method(name)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the module that plays, where it has one of that name."""
        ours = name.startswith("_") or hasattr(type(self), name)
        if ours or "_runner" not in self.__dict__ or not hasattr(self._shadow, name):
            object.__setattr__(self, name, value)
        elif isinstance(value, (torch.Tensor, nn.Module)):
            raise BendingError(
                f"{name!r} belongs to the wrapped module and cannot be replaced here: bend it, "
                "or keep other weights as a version with create_version"
            )
        else:
            setattr(self._shadow, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        raise BendingError(
            "a bent module is not copied: wrap a copy of the module, and bend it with "
            "bending_config(), which can also be saved"
        )

    def __reduce__(self) -> Any:
        raise BendingError(
            "a bent module is not pickled: save bending_config() as JSON, and script() for playing"
        )

    def _calls_shadow(self, value: Any) -> bool:
        return callable(value) and getattr(value, "__self__", None) is self._shadow

    def _method(self, name: str) -> Any:
        def method(*args: Any, **kwargs: Any) -> Any:
            return self._runner.run(name, args, kwargs)

        method.__name__ = name
        method.__doc__ = getattr(getattr(self._shadow, name, None), "__doc__", None)
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._shadow), *self._runner.traces})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the bent ``forward``."""
        return self._runner.run("forward", args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the bent ``forward``."""
        return self._runner.run("forward", args, kwargs)

    def __repr__(self) -> str:
        bent = len(self.bended_keys())
        return f"{type(self).__name__}({type(self._module).__name__}, {bent} places bent)"

    def to(
        self,
        device: torch.device | str | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> Any:
        """Move everything: weights, state, versions, bends. The wrapped module stays.

        Args:
            device: where to; or a dtype.
            dtype: for the floating-point weights and state.

        Returns:
            This object.

        Raises:
            BendingError: there is no such device. Nothing has moved then.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        try:
            target = torch.device(device) if device is not None else None
            torch.empty(1, device=target, dtype=dtype)
        except (RuntimeError, AssertionError, TypeError) as error:
            raise BendingError(
                f"cannot move to device {device!r}, dtype {dtype}: {first_line(error)}"
            ) from error
        self._bank.to(target, dtype)
        if target is not None:
            for bend in self._book.all():
                for kernel in bend.kernels.values():
                    kernel.to(target)
        self._bank.refresh()
        self._runner.rebuild(set(self._runner.traces))
        return self

    def train(self, mode: bool = True) -> Any:
        """Set the training mode of what plays; the wrapped module keeps its own.

        A graph keeps the decisions that were taken when it was traced.
        """
        self._shadow.train(mode)
        return self

    def eval(self) -> Any:
        """``train(False)``."""
        return self.train(False)

    def half(self) -> Any:
        """``to(dtype=torch.float16)``."""
        return self.to(dtype=torch.float16)

    def float(self) -> Any:
        """``to(dtype=torch.float32)``."""
        return self.to(dtype=torch.float32)

    def double(self) -> Any:
        """``to(dtype=torch.float64)``."""
        return self.to(dtype=torch.float64)

    def cuda(self) -> Any:
        """``to("cuda")``."""
        return self.to("cuda")

    def cpu(self) -> Any:
        """``to("cpu")``."""
        return self.to("cpu")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        tensors = [*self._bank.original.values(), *self._shadow.buffers()]
        return tensors[0].device if tensors else torch.device("cpu")

    # -- shared by the parts ----------------------------------------------------
    def _places(
        self, fn: Sequence[str] | None = None, weights: bool = True, activations: bool = True
    ) -> list[Place]:
        places = self._bank.places() if weights else []
        if activations:
            for name, trace in self._runner.traces.items():
                if fn is None or name in fn:
                    places += trace.places
        return places

    def _fingerprint(self) -> str:
        """A short name for the weights of the wrapped module, whatever bends them."""
        return fingerprint(self._module.named_parameters())

    def _value(self, name: str) -> torch.Tensor:
        return self._bank.bent(name, self._bank.version).detach()

    @property
    def traced_methods(self) -> list[str]:
        """The methods that were traced."""
        return list(self._runner.traces)

    def _trace_of(self, fn: str) -> Trace:
        trace = self._runner.traces.get(fn)
        if trace is None:
            there = f" Traced: {', '.join(self.traced_methods)}." if self.traced_methods else ""
            raise TracingError(
                f"{fn!r} is not traced yet: call trace({fn!r}, ...) with real inputs first.{there}"
            )
        return trace
