"""Scripting: the same kernels and controls as TorchScript.

What is scripted is a copy: moving an exported file's controls does not move the Python
model, nor the reverse. TorchScript shares a submodule between two modules only if the very
same scripted object sits in both, so each operand and each user's callback is scripted once
and then put into the copies of everything that reads it.
"""

import copy
import math
import types
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from ..errors import BendingCallbackException, ScriptError
from .adapter import CallbackKernel
from .callback import BendingCallback
from .capture import RecordingKernel
from .function import LambdaKernel, function_name
from .kernel import CallChainKernel, Kernel
from .operand import Operand
from .parameter import BendingParameter

__all__ = [
    "BoolControl",
    "ChoiceControl",
    "ComplexControl",
    "FloatControl",
    "IntControl",
    "VectorControl",
    "make_control",
    "script_kernels",
]


class FloatControl(nn.Module):
    """A float control in an exported file: always clamped, never NaN."""

    def __init__(self, value: float, low: float, high: float, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = float(value)
        self.low = float(low)
        self.high = float(high)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: float) -> int:
        """Move the control; 0, or -1 if nothing changes because ``v`` is no usable number."""
        # not `v != v`: TorchScript folds that to False
        if math.isnan(v):
            return -1
        v = min(max(v, self.low), self.high)
        if not math.isfinite(v):
            return -1
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> float:
        """Return the value that was set, clamped."""
        return self.value


class IntControl(nn.Module):
    """An int control in an exported file: always clamped."""

    def __init__(self, value: int, low: int, high: int, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = int(value)
        self.low = int(low)
        self.high = int(high)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: int) -> int:
        """Move the control; 0, or -1 if nothing changes because a view has no value there."""
        v = min(max(v, self.low), self.high)
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> int:
        """Return the value that was set, clamped."""
        return self.value


class BoolControl(nn.Module):
    """A switch in an exported file."""

    def __init__(self, value: bool, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = bool(value)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: bool) -> int:
        """Move the control; 0, or -1 if nothing changes because a view has no value there."""
        number = int(v)
        for view in self.views:
            if not view.accepts(number):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(number)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> bool:
        """Return the value that was set."""
        return self.value


class ComplexControl(nn.Module):
    """A complex control in an exported file, set as two floats: nn~ has no complex type."""

    def __init__(self, value: complex, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.real = float(complex(value).real)
        self.imag = float(complex(value).imag)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, real: float, imag: float) -> int:
        """Move the control; 0, or -1 if nothing changes because it is no usable number."""
        if not (math.isfinite(real) and math.isfinite(imag)):
            return -1
        v = complex(real, imag)
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.real = real
        self.imag = imag
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> tuple[float, float]:
        """Return the value that was set, real and imaginary part."""
        return self.real, self.imag


class ChoiceControl(nn.Module):
    """A choice of words in an exported file."""

    choices: list[str]

    def __init__(self, value: str, choices: Sequence[str], views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = str(value)
        self.choices = list(choices)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: str) -> int:
        """Move the control; 0, or -1 if nothing changes because there is no such choice."""
        if v not in self.choices:
            return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> str:
        """Return the word that was set."""
        return self.value


class VectorControl(nn.Module):
    """A vector control in an exported file: always clamped, never NaN, of fixed length."""

    value: Tensor

    def __init__(self, value: Tensor, low: float, high: float, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.register_buffer("value", value.detach().clone())
        self.low = float(low)
        self.high = float(high)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: Tensor) -> int:
        """Move the control; 0, or -1 if nothing changes: wrong length, or not all numbers."""
        if v.dim() != 1 or v.numel() != self.value.numel() or v.is_complex():
            return -1
        if bool(torch.isnan(v).any()):
            return -1
        v = v.detach().to(self.value.device, torch.float32).clamp(self.low, self.high)
        if not bool(torch.isfinite(v).all()):
            return -1
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def set_list(self, v: list[float]) -> int:
        """Move the control by a list of floats."""
        return self.set(torch.tensor(v, dtype=torch.float32))

    @torch.jit.export
    def get(self) -> Tensor:
        """Return the value that was set, clamped."""
        return self.value


def make_control(parameter: BendingParameter, views: Sequence[nn.Module]) -> nn.Module:
    """Make the exported form of a control.

    Args:
        parameter: the control; its present value is taken.
        views: the (scripted) operands that follow it.

    Returns:
        A module that scripts, with ``set(v) -> int`` (0, or -1 and nothing changes) and
        ``get()``. A complex one is set and read as two floats.
    """
    low, high = parameter.range or (None, None)
    value = parameter._value
    if parameter.kind == "float":
        low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
        return FloatControl(value, low, high, views)
    if parameter.kind == "int":
        # just inside 64 bits: TorchScript cannot write -2**63 down
        low, high = (1 - 2**63 if low is None else low), (2**63 - 1 if high is None else high)
        return IntControl(value, low, high, views)
    if parameter.kind == "bool":
        return BoolControl(value, views)
    if parameter.kind == "complex":
        return ComplexControl(value, views)
    if parameter.kind == "choice":
        return ChoiceControl(value, parameter.choices, views)
    low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
    return VectorControl(value, low, high, views)


def script_kernels(
    kernels: Sequence[Kernel], parameters: Sequence[BendingParameter]
) -> tuple[list[torch.jit.ScriptModule], dict[str, torch.jit.ScriptModule]]:
    """Script kernels together with the controls that they read.

    Everything returned is a copy with the present values. The operands of ``parameters`` are
    shared between kernels and controls; what reads a control that is not among them keeps
    the control's present value for good. Sharing survives ``torch.jit.save`` if kernels and
    controls are saved in one module.

    Args:
        kernels: in any order, from any callbacks.
        parameters: the controls to export.

    Returns:
        The scripted kernels in the same order, and the scripted control of each parameter by
        its name.

    Raises:
        ScriptError: a kernel cannot be scripted; names the callback and torch's reason.
    """
    memo: dict[int, Any] = {}
    views: dict[int, list[nn.Module]] = {id(parameter): [] for parameter in parameters}
    for operand in _unique(_operands(kernels)):
        fresh = operand.fresh()
        parameter = operand.__dict__["parameter"]
        if parameter is not None and id(parameter) in views:
            scripted = torch.jit.script(fresh)
            views[id(parameter)].append(scripted)
            memo[id(operand)] = scripted
        elif parameter is not None:
            memo[id(operand)] = fresh
    for callback in _unique(_user_callbacks(kernels)):
        memo[id(callback)] = _script_callback(callback, memo)
    done = [_script_kernel(kernel, memo) for kernel in kernels]
    controls = {
        parameter.name: cast(
            torch.jit.ScriptModule, torch.jit.script(make_control(parameter, views[id(parameter)]))
        )
        for parameter in parameters
    }
    return done, controls


def _unique(items: Iterator[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())


def _leaves(kernels: Sequence[Kernel]) -> Iterator[Kernel]:
    for kernel in kernels:
        for module in kernel.modules():
            if isinstance(module, Kernel):
                yield module


def _user_callbacks(kernels: Sequence[Kernel]) -> Iterator[BendingCallback]:
    for kernel in _leaves(kernels):
        if isinstance(kernel, CallbackKernel):
            yield kernel.callback


def _operands(kernels: Sequence[Kernel]) -> Iterator[Operand]:
    for kernel in kernels:
        for module in kernel.modules():
            if isinstance(module, Operand):
                yield module
    for callback in _user_callbacks(kernels):
        yield from callback.__dict__["_operands"].values()


def _script_kernel(kernel: Kernel, memo: dict[int, Any]) -> torch.jit.ScriptModule:
    names = [function_name(leaf.fn) for leaf in _leaves([kernel]) if isinstance(leaf, LambdaKernel)]
    who = _callback_name(kernel)
    form = _scriptable(kernel, memo)
    try:
        with warnings.catch_warnings():
            # about the source of fx's own GraphModule.__init__, not about ours
            warnings.filterwarnings("ignore", message=".*doesn't support instance-level annot.*")
            return cast(torch.jit.ScriptModule, torch.jit.script(form))
    except Exception as error:  # noqa: BLE001 - torch raises many kinds for code it cannot read
        hint = (
            f"the function {names[0]!r} cannot become TorchScript; it plays live. To export it, "
            "write it as a plain function of tensors in a file, with no outer variables"
            if names
            else "its code cannot become TorchScript"
        )
        raise ScriptError(f"{who} cannot be exported: {hint}. torch says: {error}") from error


def _callback_name(kernel: Kernel) -> str:
    inner = [
        f"Lambda({function_name(leaf.fn)})"
        if isinstance(leaf, LambdaKernel)
        else type(leaf.callback).__name__
        if isinstance(leaf, CallbackKernel)
        else type(leaf).__name__.removesuffix("Kernel")
        for leaf in _leaves([kernel])
        if not hasattr(leaf, "kernels")
    ]
    return " >> ".join(inner)


def _scriptable(kernel: Kernel, memo: dict[int, Any]) -> nn.Module:
    """Copy a kernel into a form that scripts; ``memo`` holds what is scripted already."""
    if isinstance(kernel, CallbackKernel):
        return _written_call(kernel, memo[id(kernel.callback)])
    if isinstance(kernel, CallChainKernel):
        return _written_chain(kernel, memo)
    for leaf in _leaves([kernel]):
        if isinstance(leaf, CallbackKernel) and id(leaf) not in memo:
            memo[id(leaf)] = _scriptable(leaf, memo)
        elif isinstance(leaf, RecordingKernel):
            # the file starts with nothing recorded, so recordings are not copied into it
            memo[id(leaf.frames)] = []
    return copy.deepcopy(kernel, memo)


# -- forms written out as a graph, where arguments have names known only now -------------


def _placeholders(graph: fx.Graph, names: Sequence[str]) -> tuple[fx.Node, dict[str, fx.Node]]:
    x = graph.placeholder("x", type_expr=Tensor)
    optional = cast(Any, Tensor | None)
    return x, {n: graph.placeholder(n, type_expr=optional, default_value=None) for n in names}


def _update_callback(self) -> None:  # type: ignore[no-untyped-def]
    self.callback.update()


def _update_nothing(self) -> None:  # type: ignore[no-untyped-def]
    pass


def _update_kernels(self) -> None:  # type: ignore[no-untyped-def]
    for kernel in self.kernels:
        kernel.update()


def _module(root: nn.Module, graph: fx.Graph, update: Any) -> nn.Module:
    graph.lint()
    module = fx.GraphModule(root, graph)
    # fx makes a class of its own for every GraphModule, so this reaches no other
    type(module).update = torch.jit.export(_function_copy(update, "update"))  # type: ignore[attr-defined]
    return module


def _written_call(kernel: CallbackKernel, callback: nn.Module) -> nn.Module:
    """Write out a user's callback at one place: copy the input, call the method."""
    root = nn.Module()
    root.callback = callback
    graph = fx.Graph()
    x, call = _placeholders(graph, kernel.call_args)
    owner = graph.get_attr("callback")
    first = graph.call_method("clone", (x,))
    if kernel.method == "apply_to_param":
        second = graph.call_method("clone", (x,))
        graph.call_method("apply_to_param", (owner, kernel.idx, first, second))
        graph.output(first)
    else:
        named: dict[str, Any] = {"name": kernel.name} if kernel.named else {}
        graph.output(graph.call_method(kernel.method, (owner, first), {**call, **named}))
    return _module(root, graph, _update_callback if kernel.updates else _update_nothing)


def _written_chain(kernel: CallChainKernel, memo: dict[int, Any]) -> nn.Module:
    """Write out a chain: each kernel gets the arguments of the call that it takes."""
    root = nn.Module()
    members = [cast(Kernel, member) for member in kernel.kernels]
    root.kernels = nn.ModuleList([_scriptable(member, memo) for member in members])
    graph = fx.Graph()
    x, call = _placeholders(graph, kernel.call_args)
    for i, member in enumerate(members):
        taken = {name: call[name] for name in member.call_args}
        x = graph.call_module(f"kernels.{i}", (x,), cast(Any, taken))
    graph.output(x)
    module = _module(root, graph, _update_kernels)
    # fx keeps the path, not the kind of what lies on it; `update` needs the list
    module.kernels = root.kernels
    return module


# -- users' callbacks --------------------------------------------------------------------


def _function_copy(function: Any, name: str = "") -> Any:
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


def _script_callback(callback: BendingCallback, memo: dict[int, Any]) -> Any:
    """Script a copy of a user's callback with all the methods that its kernels call."""
    cls = type(callback)
    operands = callback.__dict__["_operands"]
    getter, kinds = _getter({operand.kind for operand in operands.values()})
    body: dict[str, Any] = {
        "get": _function_copy(getter, "get"),
        "get_cache": _function_copy(_get_cache, "get_cache"),
    }
    for hook in ("apply_to_param", "bend_input", "forward", "update"):
        own = getattr(cls, hook)
        if own is not getattr(BendingCallback, hook):
            body[hook] = torch.jit.export(_function_copy(own, hook))
    body.setdefault("forward", _function_copy(_no_forward, "forward"))
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
            f"live. torch says: {error}"
        ) from error
