"""Proxies that carry their value.

``torch.fx`` traces with symbols alone, and gives up where a program asks a symbol for
its value: ``if x.max() > 1``, ``for i in range(x.shape[0])``, ``len(x)``. Here a real
value runs beside each symbol. A question about a value is answered from it and written
down as a :class:`FlowStep`; sizes stay symbols as long as nobody asks, so that the
graph follows other batch sizes and lengths.
"""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from .tracer import BendingTracer

__all__ = ["FlowStep", "ValueProxy", "isinstance_of_values"]

# Facts about a tensor that do not change from one call to the next: given as they are.
_FACTS = frozenset(
    {
        "dtype",
        "device",
        "layout",
        "ndim",
        "is_cuda",
        "is_mps",
        "requires_grad",
        "is_leaf",
        "grad_fn",
    }
)


_isinstance = builtins.isinstance


def isinstance_of_values(thing: Any, kind: Any) -> bool:
    """``isinstance`` for a traced program: a symbol is what its value is.

    The graph's own machinery asks for symbols, and is answered as ever. (To give symbols a
    ``__class__`` would be shorter, but torch's C++ believes it, and reads them as tensors.)
    """
    if not issubclass(type(thing), ValueProxy):
        return _isinstance(thing, kind)
    asking = sys._getframe(1).f_globals.get("__name__", "")
    if asking.startswith(("torch.fx", "torchbend.tracing")):
        return _isinstance(thing, kind)
    return _isinstance(thing.value, kind) or _isinstance(thing, kind)


@dataclass(frozen=True)
class FlowStep:
    """A decision that the traced program took on a value, fixed in the graph.

    Attributes:
        kind: ``"if"``, ``"loop"``, ``"length"`` or ``"number"``.
        node: name of the graph's node whose value was asked for.
        value: what it was.
        where: ``file:line`` of the program that asked.
    """

    kind: str
    node: str
    value: object
    where: str


class ValueProxy(fx.Proxy):
    """A symbol of the graph with the value it has in the traced run."""

    tracer: BendingTracer

    @property
    def value(self) -> Any:
        """The value in the traced run."""
        return self.tracer.values[self.node]

    def _ask(self, kind: str, answer: object) -> Any:
        self.tracer.took(kind, self.node, answer)
        return answer

    def __getattr__(self, name: str) -> Any:
        value = self.value
        if name in _FACTS and isinstance(value, torch.Tensor):
            return getattr(value, name)
        if not hasattr(value, name):
            raise AttributeError(f"{type(value).__name__!r} object has no attribute {name!r}")
        return ValueAttribute(self, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tracer.iter(self))

    def __len__(self) -> int:
        return int(self._ask("length", len(self.value)))

    def __index__(self) -> int:
        return int(self._ask("number", operator.index(self.value)))

    def __int__(self) -> int:
        return int(self._ask("number", int(self.value)))

    def __float__(self) -> float:
        return float(self._ask("number", float(self.value)))

    def __complex__(self) -> complex:
        return complex(self._ask("number", complex(self.value)))

    def __contains__(self, item: object) -> bool:
        return bool(self._ask("if", item in self.value))

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __setitem__(self, index: Any, new: Any) -> None:
        self.tracer.assign(self, index, new)


def _in_place(name: str) -> Callable[[ValueProxy, Any], Any]:
    write: Callable[..., Any] = getattr(operator, f"i{name}")
    compute: Callable[..., Any] = getattr(operator, name)

    def method(self: ValueProxy, other: Any) -> Any:
        function = write if isinstance(self.value, torch.Tensor) else compute
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(ValueProxy, f"__i{_name}__", _in_place(_name))


class ValueAttribute(ValueProxy):
    """``x.name``: a method about to be called, or an attribute read when it is used."""

    def __init__(self, root: ValueProxy, name: str) -> None:
        self.root = root
        self.attr = name
        self.tracer = root.tracer
        self._node: fx.Node | None = None

    @property
    def node(self) -> fx.Node:  # type: ignore[override]
        """The node that reads the attribute, made when first needed."""
        if self._node is None:
            proxy = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {})
            self._node = proxy.node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)
