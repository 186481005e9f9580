"""The tracer: one run of a method on real inputs, recorded as a ``torch.fx`` graph.

The graph's names and leaf modules are those of ``torch.fx``. Three things differ, so
that streaming audio models trace:

- a real value runs beside every symbol (:mod:`.proxy`), so control flow is followed;
- buffers are read in the graph, and writes into them are recorded as writes
  (``copy_``, ``+=``), so a streaming model's caches stay state;
- functions that make tensors (``torch.zeros``, ``torch.randn``) become nodes, so that
  noise is drawn anew at each call and a scratch tensor is made anew.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import operator
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.fx import _symbolic_trace as _fx

from ..errors import TracingError
from .distributions import distribution_node, traceable_distributions
from .proxy import FlowStep, ValueAttribute, ValueProxy, isinstance_of_values

__all__ = ["BendingTracer"]

_FACTORIES = (
    "zeros ones empty full arange linspace logspace eye tensor as_tensor rand randn randint "
    "randperm normal hann_window hamming_window blackman_window kaiser_window bartlett_window"
).split()
_HERE = str(Path(__file__).parent)
_TORCH = str(Path(torch.__file__).parent)
_module_getattr = nn.Module.__getattr__
_module_setattr = nn.Module.__setattr__
_module_call = nn.Module.__call__
_function_apply = torch.autograd.Function.apply.__func__  # type: ignore[attr-defined]


class BendingTracer(fx.Tracer):
    """Trace one method of a module on real inputs.

    The module is run for real and its buffers advance: trace a copy.

    Attributes:
        values: the value of each node in the traced run.
        written: nodes whose value some later operation wrote into, with the position
            of the last write.
        writers: the operations that wrote into one.
        flow_steps: the decisions the program took on values.
    """

    def __init__(self, wrapped: bool = False) -> None:
        """Get ready for one run.

        Args:
            wrapped: take functions marked by ``torch.fx.wrap`` as one operation each.
        """
        super().__init__()
        self.wraps = [
            (frame, name, frame[name])
            for (_, name), frame in dict(getattr(_fx, "_wrapped_fns_to_patch", {})).items()
            if name in frame
        ]
        self._wrapped = wrapped
        self.values: dict[fx.Node, Any] = {}
        self.written: dict[fx.Node, int] = {}
        self.writers: set[fx.Node] = set()
        self.flow_steps: list[FlowStep] = []
        self.position: dict[fx.Node, int] = {}
        self._reading = False
        self._thread = threading.get_ident()

    # -- the run ---------------------------------------------------------------
    def record(self, root: nn.Module, fn: str, inputs: Mapping[str, Any]) -> fx.Graph:
        """Run a method once and return its graph.

        Args:
            root: the module.
            fn: the method's name.
            inputs: its arguments by name; tensors (also in lists, tuples and dicts)
                become inputs of the graph, anything else is fixed.

        Raises:
            Whatever the method raises on symbols; the caller decides what to do.
        """
        self.root = root
        self.graph = fx.Graph(tracer_cls=type(self))
        self.submodule_paths = {m: name for name, m in root.named_modules()}
        self.tensor_attrs = {}
        for path, module in root.named_modules():
            for key, value in vars(module).items():
                if isinstance(value, torch.Tensor):
                    self.tensor_attrs[value] = f"{path}.{key}" if path else key
        self._names = {id(p): name for name, p in root.named_parameters()}
        self._names.update({id(b): name for name, b in root.named_buffers()})
        self._proxies: dict[str, ValueProxy] = {}
        self._replaced: dict[str, ValueProxy] = {}
        arguments = {
            name: self._input(name, value) if has_tensor(value) else value
            for name, value in inputs.items()
        }
        with self._patches():
            out = self.create_arg(call_method(root, fn, arguments))
            self._write_buffers()
            self.create_node("output", "output", (out,), {})
        return self.graph

    def _input(self, name: str, value: Any) -> ValueProxy:
        node = self.create_node("placeholder", name, (), {}, name=name, type_expr=_type_of(value))
        self.values[node] = value
        return self.proxy(node)

    @contextlib.contextmanager
    def _patches(self) -> Iterator[None]:
        def getattribute(module: nn.Module, name: str) -> Any:
            return self._attribute(_module_getattr(module, name))

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            def forward(*a: Any, **k: Any) -> Any:
                return _module_call(module, *a, **k)

            return self.call_module(module, forward, args, kwargs)

        def setattribute(module: nn.Module, name: str, value: Any) -> None:
            old = vars(module).get("_buffers", {}).get(name)
            if self._off or old is None or not issubclass(type(value), ValueProxy):
                _module_setattr(module, name, value)
            else:  # from here on the program reads the new value
                self._proxies[self._names[id(old)]] = value
                self._replaced[self._names[id(old)]] = value

        def factory(original: Callable[..., Any]) -> Callable[..., Any]:
            def make(*args: Any, **kwargs: Any) -> Any:
                if self._off:
                    return original(*args, **kwargs)
                try:
                    self.create_arg((args, kwargs))
                except NotImplementedError:  # made of a numpy array, say: a constant
                    return original(*args, **kwargs)
                return self.create_proxy("call_function", original, args, kwargs)

            return make

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if self._off or not has_proxy((args, kwargs)):
                return _function_apply(cls, *args, **kwargs)

            def run(*a: Any, **k: Any) -> Any:
                return cls.apply(*a, **k)

            run.__name__, run.__module__ = cls.__name__, cls.__module__
            return self.create_proxy("call_function", run, args, kwargs)

        def leaf(original: Callable[..., Any]) -> Callable[..., Any]:
            def call_leaf(*args: Any, **kwargs: Any) -> Any:
                if self._off or not has_proxy((args, kwargs)):
                    return original(*args, **kwargs)
                return self.create_proxy("call_function", original, args, kwargs)

            return call_leaf

        originals = {name: getattr(torch, name) for name in _FACTORIES}
        isinstance_before = builtins.isinstance
        function_apply = vars(torch.autograd.Function)["apply"]
        nn.Module.__getattr__ = getattribute  # type: ignore[method-assign]
        for frame, name, original in self.wraps if self._wrapped else ():
            frame[name] = leaf(original)
        builtins.isinstance = isinstance_of_values
        torch.autograd.Function.apply = classmethod(apply)  # type: ignore[assignment]
        nn.Module.__setattr__ = setattribute  # type: ignore[method-assign, assignment]
        nn.Module.__call__ = call  # type: ignore[method-assign]
        for name, original in originals.items():
            setattr(torch, name, factory(original))
        try:
            with traceable_distributions():
                yield
        finally:
            builtins.isinstance = isinstance_before
            for frame, name, original in self.wraps:
                frame[name] = original
            torch.autograd.Function.apply = function_apply  # type: ignore[method-assign]
            nn.Module.__getattr__ = _module_getattr  # type: ignore[method-assign]
            nn.Module.__setattr__ = _module_setattr  # type: ignore[method-assign]
            nn.Module.__call__ = _module_call  # type: ignore[method-assign]
            for name, original in originals.items():
                setattr(torch, name, original)

    def _attribute(self, value: Any) -> Any:
        if self._off or not isinstance(value, torch.Tensor) or id(value) not in self._names:
            return value
        name = self._names[id(value)]
        if name not in self._proxies:
            self._proxies[name] = self.create_proxy("get_attr", name, (), {})
        return self._proxies[name]

    def _write_buffers(self) -> None:
        """``self.state = new`` in the program is a write at the end of the graph.

        A new value of another shape cannot be written; the check of the graph finds that.
        """
        for name, new in self._replaced.items():
            with self._reading_values():
                old, value = operator.attrgetter(name)(self.root), new.value
            fits = old.shape == value.shape and old.dtype == value.dtype
            if fits and not _same_memory(old, value):
                buffer = self.create_proxy("get_attr", name, (), {})
                self.create_proxy("call_method", "copy_", (buffer, new), {})

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Record a leaf as one node, run anything else through."""
        if self._off or m is self.root or m not in (self.submodule_paths or {}):
            return forward(*args, **kwargs)
        if not has_proxy((args, kwargs)):
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Leaves are those of ``torch.fx``, and modules that are scripted already."""
        leaf: bool = super().is_leaf_module(m, module_qualified_name)
        return leaf or isinstance(m, torch.jit.ScriptModule)

    # -- nodes and their values ------------------------------------------------
    def proxy(self, node: fx.Node) -> ValueProxy:
        """The proxy that stands for a node in the running program."""
        return ValueProxy(node, self)

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """Record a node; one that reads a tensor of the module gets its value at once."""
        node = super().create_node(kind, target, *args, **kwargs)
        self.position[node] = len(self.position)
        if kind == "get_attr":
            with self._reading_values():
                self.values[node] = operator.attrgetter(str(target))(self.root)
        return node

    @contextlib.contextmanager
    def _reading_values(self) -> Iterator[None]:
        """Meanwhile, modules and functions give values, not symbols."""
        before, self._reading = self._reading, True
        try:
            yield
        finally:
            self._reading = before

    @property
    def _off(self) -> bool:
        """Whether the patches let things through: while values are read, and elsewhere.

        They reach the whole process, and a model may be playing on another thread.
        """
        return self._reading or threading.get_ident() != self._thread

    def create_proxy(
        self, kind: str, target: Any, args: Any, kwargs: Any, *a: Any, **k: Any
    ) -> Any:
        """Record a node, and compute its value."""
        proxy = super().create_proxy(kind, target, args, kwargs, *a, **k)
        node = proxy.node
        if kind != "get_attr":
            with self._reading_values():
                self.values[node] = self._run(node)
        return proxy

    def _run(self, node: fx.Node) -> Any:
        values = self.values
        args = fx.node.map_arg(node.args, values.__getitem__)
        kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
        tensors = [
            n
            for n in node.all_input_nodes
            if isinstance(values[n], torch.Tensor) and not values[n].is_inference()
        ]
        before = [values[n]._version for n in tensors]
        if node.op == "call_method":
            out = getattr(args[0], str(node.target))(*args[1:], **kwargs)
        elif node.op == "call_module":
            out = self.root.get_submodule(str(node.target))(*args, **kwargs)
        else:
            check_callable(node)
            out = node.target(*args, **kwargs)  # type: ignore[operator]
        for source, version in zip(tensors, before, strict=True):
            if values[source]._version != version:
                self.written[source] = self.position[node]
                self.writers.add(node)
        return out

    def create_arg(self, a: Any) -> Any:
        """Turn what the program passes into what a graph can hold."""
        if isinstance(a, torch.distributions.Distribution):
            return self.create_arg(distribution_node(self, a))
        if type(a) is ValueProxy or type(a) is ValueAttribute:
            return a.node
        return super().create_arg(a)

    # -- questions about values ------------------------------------------------
    def took(self, kind: str, node: fx.Node, value: object) -> None:
        """Write down a decision that the program took."""
        self.flow_steps.append(FlowStep(kind, node.name, value, _where()))

    def to_bool(self, obj: fx.Proxy) -> bool:
        """``if x``: answered with the value."""
        answer = bool(self.values[obj.node])
        self.took("if", obj.node, answer)
        return answer

    def iter(self, obj: Any) -> Iterator[Any]:
        """``for y in x``: as many turns as the value has items."""
        value = self.values[obj.node]
        if isinstance(value, dict):
            return iter(value)
        if not hasattr(value, "__len__"):
            raise TracingError(f"cannot go through the items of a {type(value).__name__}")
        if not isinstance(value, (tuple, torch.Size)):
            self.took("loop", obj.node, len(value))
        return iter([obj[i] for i in range(len(value))])

    def keys(self, obj: fx.Proxy) -> Any:
        """``**x``: the value's keys."""
        return self.values[obj.node].keys()

    def assign(self, target: Any, index: Any, new: Any) -> None:
        """``target[index] = new``, recorded as a write into a view where it is one."""
        old = target.value
        if not isinstance(old, torch.Tensor) or not _is_view_index(index):
            self.create_proxy("call_function", operator.setitem, (target, index, new), {})
            return
        if isinstance(new, fx.Proxy):
            value = self.values[new.node]
            with self._reading_values():
                view = old[fx.node.map_aggregate(index, _plain)]
            if isinstance(value, torch.Tensor) and _same_memory(view, value):
                return  # the second half of ``x[index] += y``: already written
        part = target[index]
        if isinstance(new, (fx.Proxy, torch.Tensor)):
            self.create_proxy("call_method", "copy_", (part, new), {})
        else:
            self.create_proxy("call_method", "fill_", (part, new), {})


def check_callable(node: fx.Node) -> None:
    """Refuse a node that calls nothing."""
    if not callable(node.target):
        raise TracingError(f"node {node.name!r} calls {node.target!r}, which cannot be called")


def call_method(module: nn.Module, fn: str, arguments: Mapping[str, Any]) -> Any:
    """Call a method with arguments by name, positional-only and starred ones included.

    ``forward`` is run by calling the module, so that its hooks run too.
    """
    method = getattr(module, fn)
    bound = inspect.signature(method).bind_partial()
    bound.arguments.update(arguments)
    return (module if fn == "forward" else method)(*bound.args, **bound.kwargs)


def _type_of(value: Any) -> Any:
    """The type of an input that is no tensor itself, for TorchScript."""
    if isinstance(value, tuple) and all(isinstance(v, torch.Tensor) for v in value):
        return tuple[(torch.Tensor,) * len(value)]  # type: ignore[misc]
    if isinstance(value, list) and all(isinstance(v, torch.Tensor) for v in value):
        return list[torch.Tensor]
    if isinstance(value, dict) and all(isinstance(v, torch.Tensor) for v in value.values()):
        return dict[str, torch.Tensor]
    return None


def has_tensor(value: Any) -> bool:
    """Whether a tensor is in a value: itself, or in a list, tuple or dict."""
    if isinstance(value, (list, tuple)):
        return any(has_tensor(v) for v in value)
    if isinstance(value, dict):
        return any(has_tensor(v) for v in value.values())
    return isinstance(value, torch.Tensor)


def has_proxy(value: Any) -> bool:
    """Whether a symbol is in a value."""
    if issubclass(type(value), fx.Proxy):
        return True
    if type(value) in (list, tuple):
        return any(has_proxy(v) for v in value)
    if type(value) is dict:
        return any(has_proxy(v) for v in value.values())
    return False


def _plain(value: Any) -> Any:
    return value.value if issubclass(type(value), ValueProxy) else value


def _is_view_index(index: Any) -> bool:
    parts = index if type(index) is tuple else (index,)
    return all(
        part is None
        or part is Ellipsis
        or type(part) in (int, slice)
        or (issubclass(type(part), ValueProxy) and type(part.value) is int)
        for part in parts
    )


def _same_memory(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.stride() == b.stride()


def is_machinery(file: str) -> bool:
    """Whether a source file belongs to torch or to the tracer, not to the model."""
    return file.startswith((_HERE, _TORCH))


def _where() -> str:
    frame = sys._getframe(2)
    while frame is not None:
        if not is_machinery(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "?"
