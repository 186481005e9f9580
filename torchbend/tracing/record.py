"""What a trace leaves: a frozen record of a method's graph and of its places.

:func:`trace_method` runs the method on copies of the model, never on the model itself,
and accepts a graph only when it gives, on the same inputs and the same random numbers,
the same outputs and the same state as the method. What ``torch.fx``
cannot follow is recorded by hooks instead: the outputs of its submodules.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import fx, nn

from ..compare import compare_outs
from ..errors import TracingError, first_line
from ..places import Place
from .hooks import outputs_of_submodules
from .inputs import describe
from .lower import compile_graph
from .proxy import FlowStep
from .shadow import bring_up, lazy_buffers, noise_kept, plain_tensors, shadow_of
from .tracer import BendingTracer, call_method, has_tensor, is_machinery

__all__ = ["Trace", "TracedGraph", "bounds_of", "trace_method"]

log = logging.getLogger(__name__)
_SEED = 0x70BE
_ROUNDING = 1e-5  # kernels may sum in another order where memory is aligned otherwise
_one_at_a_time = threading.RLock()  # tracing patches what all threads use


class TracedGraph(fx.Graph):
    """A ``torch.fx`` graph, with the decisions that were taken while it was traced."""

    flow_steps: tuple[FlowStep, ...] = ()


@dataclass(frozen=True)
class Trace:
    """One traced method.

    Attributes:
        fn: the method's name.
        kind: ``"graph"``; ``"hooks"`` where ``torch.fx`` could not follow; ``"script"`` of a
            TorchScript module.
        places: what can be bent, in the order in which it is computed.
        inputs: names of the tensor inputs, in order.
        fixed: the other arguments, with the values that the graph was traced for.
        signature: of the method.
        graph: None for ``"hooks"``.
        shared: nodes whose memory is the model's or is written into later: copied when
            looked at.
        writers: nodes that write into the memory of another.
        written_buffers: buffers that the method writes, or may write (in scripted leaves).
        constants: tensors that belong to the graph alone, by attribute path.
        reason: why hooks were needed.
        source: the method this one was cut out of, if it was.
        sized: the decisions that were taken on sizes alone: another size may take others.
        bounds: of each input of whole numbers, the least and the greatest that it had.
    """

    fn: str
    kind: Literal["graph", "hooks", "script"]
    places: tuple[Place, ...]
    inputs: tuple[str, ...]
    fixed: Mapping[str, Any]
    signature: inspect.Signature | None
    graph: TracedGraph | None = None
    shared: frozenset[str] = frozenset()
    writers: frozenset[str] = frozenset()
    written_buffers: frozenset[str] = frozenset()
    constants: Mapping[str, torch.Tensor] = field(default_factory=dict)
    reason: str = ""
    source: str | None = None
    sized: tuple[FlowStep, ...] = ()
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def place(self, name: str) -> Place | None:
        """The place of that name, or None."""
        return next((p for p in self.places if p.name == name), None)

    def place_of_input(self, name: str) -> Place | None:
        """The place of an input; torch.fx calls one that is named like a builtin ``input_1``."""
        taken = (p for p in self.places if p.op == "placeholder" and p.target == name)
        return next(taken, self.place(name))


def trace_method(
    shadow: nn.Module, fn: str, arguments: Mapping[str, Any], signature: inspect.Signature
) -> tuple[Trace, Any]:
    """Trace one method of a model.

    Args:
        shadow: the model to trace, or a copy of it. Streaming layers that make their
            caches at their first call get them here, as they are before that call;
            nothing else of it changes.
        fn: the method's name.
        arguments: real inputs by name.
        signature: of the method.

    Returns:
        The record, and what the method gave.

    Raises:
        TracingError: the method itself fails on these inputs.
    """
    with _one_at_a_time, plain_tensors():
        reference, expected = _warm_up(shadow, fn, _ordinary(arguments))
        reasons = []
        for wrapped in (False, True):  # first through functions marked by torch.fx.wrap
            try:
                tracer = BendingTracer(wrapped=wrapped)
                with _same_noise():
                    copy = shadow_of(shadow)
                    graph = tracer.record(copy, fn, _ordinary(arguments))
                trace = _record(shadow, copy, tracer, graph, fn, arguments, signature)
                reason = _differs(trace, shadow, _ordinary(arguments), reference, expected)
            except Exception as error:  # noqa: BLE001  whatever a model does with a symbol
                log.debug("tracing %s", fn, exc_info=True)
                reason = f"{type(error).__name__}: {first_line(error)}{_at(error)}"
            if not reason:
                return trace, expected
            reasons.append(reason)
            if not tracer.wraps:
                break
            reference, expected = _warm_up(shadow, fn, _ordinary(arguments))
        reason = reasons[0]
        log.warning(
            "%s cannot be followed operation by operation (%s): "
            "its places are the outputs of its submodules",
            fn,
            reason,
        )
        with _same_noise():
            places = outputs_of_submodules(shadow_of(shadow), fn, _ordinary(arguments))
    inputs = tuple(name for name, value in arguments.items() if has_tensor(value))
    fixed = {name: value for name, value in arguments.items() if name not in inputs}
    return Trace(fn, "hooks", places, inputs, fixed, signature, reason=reason), expected


def _at(error: Exception) -> str:
    """Where in the model's own program an error came up."""
    frames = [f for f, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        name = frame.f_code.co_filename
        if not is_machinery(name):
            return f", at {name}:{frame.f_lineno}"
    return ""


def _ordinary(value: Any) -> Any:
    """A copy of an argument, which a method may write into, as ordinary tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _ordinary(v) for key, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_ordinary(v) for v in value)
    return value


def _warm_up(shadow: nn.Module, fn: str, arguments: Mapping[str, Any]) -> tuple[nn.Module, Any]:
    """Run the method on a copy; give the model the caches that this run brought up."""
    copy = shadow_of(shadow)
    try:
        with _same_noise(), lazy_buffers() as born:
            out = call_method(copy, fn, arguments)
    except Exception as error:
        raise TracingError(
            f"{fn} fails on these inputs ({describe((), arguments)}): {error}"
        ) from error
    bring_up(copy, shadow, born)
    return copy, out


@contextlib.contextmanager
def _same_noise() -> Iterator[None]:
    """The same random numbers in each run, and the user's own left where they were."""
    with noise_kept():
        torch.manual_seed(_SEED)
        yield


def _record(
    shadow: nn.Module,
    copy: nn.Module,
    tracer: BendingTracer,
    graph: fx.Graph,
    fn: str,
    arguments: Mapping[str, Any],
    signature: inspect.Signature,
) -> Trace:
    before = {name for name, _ in shadow.named_buffers()}
    constants = {}
    own = {name for name, value in vars(shadow).items() if isinstance(value, torch.Tensor)}
    for node in graph.nodes:
        target = str(node.target)
        if node.op == "get_attr" and target.startswith("_tensor_constant") and target not in own:
            value = getattr(copy, target)
            node.target = f"_constants_{fn}_{target.removeprefix('_tensor_constant')}"
            constants[node.target] = value.detach().clone()
    _devices_of_the_input(tracer, graph)
    traced = TracedGraph()
    output: Any = traced.graph_copy(graph, {}, return_output_node=True)
    traced.output(output[0])
    traced.flow_steps = tuple(tracer.flow_steps)
    inputs = tuple(n.target for n in graph.nodes if n.op == "placeholder")
    fixed = {name: value for name, value in arguments.items() if name not in inputs}
    shared, state, places = _places(shadow, tracer, graph, fn)
    written = frozenset(
        str(node.target)
        for node in graph.nodes
        if node.op == "get_attr" and node.name in state and node.target in before
    )
    written |= _kept_by_scripts(shadow, graph)
    return Trace(
        fn,
        "graph",
        places,
        inputs,
        fixed,
        signature,
        traced,
        shared,
        frozenset(node.name for node in tracer.writers),
        written,
        constants,
        sized=_taken_on_sizes(tracer, graph),
        bounds=bounds_of({name: arguments.get(name) for name in inputs}),
    )


def _kept_by_scripts(shadow: nn.Module, graph: fx.Graph) -> frozenset[str]:
    """Buffers of scripted leaves: each may be written in there, unseen, in this run or later."""
    names = {str(node.target) for node in graph.nodes if node.op == "call_module"}
    return frozenset(
        f"{name}.{buffer}"
        for name in names
        for leaf in [shadow.get_submodule(name)]
        if isinstance(leaf, torch.jit.ScriptModule)
        for buffer, _ in leaf.named_buffers()
    )


def _taken_on_sizes(tracer: BendingTracer, graph: fx.Graph) -> tuple[FlowStep, ...]:
    """The decisions that follow from the sizes of tensors alone, each node's once."""
    sized: set[fx.Node] = set()
    for node in graph.nodes:
        value = tracer.values.get(node)
        if isinstance(value, torch.Tensor) or not node.all_input_nodes:
            continue
        reads = str(node.args[1]) if node.target is getattr else str(node.target)
        of_tensor = isinstance(tracer.values.get(node.all_input_nodes[0]), torch.Tensor)
        if of_tensor and reads in ("shape", "size", "dim", "numel", "ndimension", "ndim"):
            sized.add(node)
        elif all(source in sized for source in node.all_input_nodes):
            sized.add(node)
    names = {node.name for node in sized}
    steps: dict[str, FlowStep] = {}
    for step in tracer.flow_steps:
        if step.node in names or step.kind in ("loop", "length"):
            steps.setdefault(step.node, step)
    return tuple(steps.values())


def _devices_of_the_input(tracer: BendingTracer, graph: fx.Graph) -> None:
    """Let the graph make its tensors where its input is, not where it was traced."""
    inputs = [n for n in graph.nodes if n.op == "placeholder"]
    tensors = [n for n in inputs if isinstance(tracer.values[n], torch.Tensor)]
    if not tensors:
        return
    device = tracer.values[tensors[0]].device

    def names_it(value: Any) -> bool:
        return isinstance(value, torch.device) and value == device

    makers = [n for n in graph.nodes if any(map(names_it, (*n.args, *n.kwargs.values())))]
    if not makers:
        return
    with graph.inserting_after(inputs[-1]):
        here = graph.create_node("call_function", getattr, (tensors[0], "device"), name="here")
    tracer.values[here] = device
    for node in makers:
        node.args = tuple(here if names_it(a) else a for a in node.args)
        node.kwargs = {k: here if names_it(v) else v for k, v in node.kwargs.items()}


def bounds_of(inputs: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Least and greatest value of the inputs of whole numbers: a table has no row beyond."""
    return {
        name: (int(value.min()), int(value.max()))
        for name, value in inputs.items()
        if isinstance(value, torch.Tensor) and value.numel() and is_whole(value.dtype)
    }


def is_whole(dtype: torch.dtype) -> bool:
    """Whether a dtype holds whole numbers, bools left out."""
    return not (dtype.is_floating_point or dtype.is_complex or dtype is torch.bool)


def _places(
    shadow: nn.Module, tracer: BendingTracer, graph: fx.Graph, fn: str
) -> tuple[frozenset[str], set[str], tuple[Place, ...]]:
    """Which nodes share memory with the model or are written, which are state; all places.

    A place is marked as state when bending it would cut a write that reaches other
    parts of the graph: a buffer that is written, a view that is written through later.
    The first owner of a memory is no such place: all views come after it.
    """
    buffers = {name for name, _ in shadow.named_buffers()}
    families: dict[int, list[fx.Node]] = {}
    for node in graph.nodes:
        value = tracer.values.get(node)
        if isinstance(value, torch.Tensor) and value.numel():
            families.setdefault(value.untyped_storage().data_ptr(), []).append(node)
    shared: set[str] = set()
    state: set[str] = set()
    for family in families.values():
        writes = [tracer.written[n] for n in family if n in tracer.written]
        root = family[0]
        if writes or root.op == "get_attr":
            shared.update(n.name for n in family)
        if not writes:
            continue
        last = max(writes)
        is_buffer = root.op == "get_attr"
        state.update(
            n.name
            for n in family
            if (is_buffer or n is not root) and (tracer.position[n] < last or not n.users)
        )
        if is_buffer:
            state.add(root.name)
    places = []
    for node in graph.nodes:
        value = tracer.values.get(node)
        if not isinstance(value, torch.Tensor):
            continue
        is_buffer = node.op == "get_attr" and node.target in buffers
        places.append(
            Place(
                name=node.name,
                kind="activation",
                shape=tuple(value.shape),
                dtype=value.dtype,
                fn=fn,
                op="buffer" if is_buffer else node.op,
                target=_target(node),
                module=_module(node),
                state=node.name in state,
            )
        )
    return frozenset(shared), state, tuple(places)


def _target(node: fx.Node) -> str:
    if isinstance(node.target, str):
        return node.target
    return getattr(node.target, "__name__", str(node.target))


def _module(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = ""
    for entry in stack.values():
        path = entry[0]
    return str(node.target) if node.op == "call_module" else path


def _differs(
    trace: Trace,
    shadow: nn.Module,
    arguments: Mapping[str, Any],
    reference: nn.Module,
    expected: Any,
) -> str:
    """Run the graph on a copy; say how it differs from the method, or nothing."""
    if trace.graph is None:
        return "it has no graph"
    copy = shadow_of(shadow)
    run = compile_graph(trace.graph, copy, trace.constants)
    theirs = dict(reference.named_buffers())
    for turn in ("first", "second"):  # a state outside of the buffers shows the second time
        given = _ordinary(arguments)
        with _same_noise():
            out = run(*(given[name] for name in trace.inputs))
        if turn == "second":
            with _same_noise():
                expected = call_method(reference, trace.fn, _ordinary(arguments))
            theirs = dict(reference.named_buffers())
        if not compare_outs(expected, out, _ROUNDING):
            return f"its graph gives other outputs than the method at the {turn} call"
        for name, buffer in copy.named_buffers():
            if name in theirs and not compare_outs(theirs[name], buffer, _ROUNDING):
                return f"its graph leaves other values in the buffer {name!r} than the method"
    return ""
