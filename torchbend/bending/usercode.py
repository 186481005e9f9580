"""Scripting users' own callbacks, with no change to their classes.

A copy of the callback gets a class of its own, under its class, in which the methods that
its kernels call are marked for TorchScript and ``get`` and ``get_cache`` are written so that
TorchScript can read them.
"""

import copy
import types
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BendingCallbackException, ScriptError, first_line
from .callback import BendingCallback

__all__ = ["function_copy", "script_callback"]


def function_copy(function: Any, name: str = "") -> Any:
    """Copy a function, so that marking the copy leaves the user's own alone.

    TorchScript compiles a method under the function's own name, so that can be changed.
    """
    twin = types.FunctionType(
        function.__code__,
        function.__globals__,
        name or function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__annotations__ = dict(function.__annotations__)
    twin.__module__ = function.__module__
    twin.__qualname__ = function.__qualname__
    return twin


def _get_float(self, name: str) -> float:  # type: ignore[no-untyped-def]
    for key, operand in self._by_name.items():
        if key == name:
            return float(operand.value)
    raise BendingCallbackException(f"no controllable setting '{name}'")


def _get_int(self, name: str) -> int:  # type: ignore[no-untyped-def]
    for key, operand in self._by_name.items():
        if key == name:
            return int(operand.value)
    raise BendingCallbackException(f"no controllable setting '{name}'")


def _get_word(self, name: str) -> str:  # type: ignore[no-untyped-def]
    for key, operand in self._by_name.items():
        if key == name:
            return str(operand.value)
    raise BendingCallbackException(f"no controllable setting '{name}'")


def _get_vector(self, name: str) -> Tensor:  # type: ignore[no-untyped-def]
    for key, operand in self._by_name.items():
        if key == name:
            value: Tensor = operand.value
            return value
    raise BendingCallbackException(f"no controllable setting '{name}'")


def _get_complex(self, name: str) -> complex:  # type: ignore[no-untyped-def]
    for key, operand in self._by_name.items():
        if key == name:
            value: complex = operand.value
            return value
    raise BendingCallbackException(f"no controllable setting '{name}'")


def _get_cache(self, idx: int) -> Tensor:  # type: ignore[no-untyped-def]
    for i, held in enumerate(self._held):
        if i == idx:
            value: Tensor = held.value
            return value
    raise BendingCallbackException("no place has this number")


def _no_forward(self, x: Tensor, name: str | None = None) -> Tensor:  # type: ignore[no-untyped-def]
    return x


def _getter(kinds: set[str]) -> tuple[Any, set[str]]:
    """Choose the ``get`` of a scripted callback, and the kinds that it can return.

    TorchScript's ``get`` has one return type: of settings of several kinds the numbers are
    read as floats, and the others cannot be read.
    """
    if kinds == {"int"}:
        return _get_int, kinds
    for kind, getter in (
        ("choice", _get_word),
        ("vector", _get_vector),
        ("complex", _get_complex),
    ):
        if kinds == {kind}:
            return getter, kinds
    return _get_float, {"float", "int", "bool"}


def script_callback(callback: BendingCallback, memo: dict[int, Any]) -> Any:
    """Script a copy of a user's callback with all the methods that its kernels call."""
    cls = type(callback)
    operands = callback.__dict__["_operands"]
    getter, kinds = _getter({operand.kind for operand in operands.values()})
    body: dict[str, Any] = {
        "get": function_copy(getter, "get"),
        "get_cache": function_copy(_get_cache, "get_cache"),
    }
    for hook in ("apply_to_param", "bend_input", "forward", "update"):
        own = getattr(cls, hook)
        if own is not getattr(BendingCallback, hook):
            body[hook] = torch.jit.export(function_copy(own, hook))
    body.setdefault("forward", function_copy(_no_forward, "forward"))
    body["__jit_unused_properties__"] = tuple(
        name
        for base in cls.__mro__
        for name, member in vars(base).items()
        if isinstance(member, property)
    )
    twin = copy.deepcopy(callback, memo)
    twin._by_name = nn.ModuleDict(
        {
            name: operand
            for name, operand in twin.__dict__["_operands"].items()
            if operands[name].kind in kinds
        }
    )
    twin.__class__ = type(cls.__name__, (cls,), body)
    try:
        return torch.jit.script(twin)
    except Exception as error:  # noqa: BLE001 - torch raises many kinds for code it cannot read
        raise ScriptError(
            f"{callback!r} cannot be exported: its methods cannot become TorchScript; it plays "
            f"live. torch says: {first_line(error)}"
        ) from error
