"""Graphs in, graphs out: where bends enter a traced method, and how it becomes callable.

Each function takes a graph and returns a new one; the trace's own graph never changes.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MethodType
from typing import Any, Optional

import torch
from torch import fx, nn
from torch.fx import graph_module

from ..distributions import convert_to_torch
from ..errors import BendingError
from .distributions import has_distributions

__all__ = [
    "SUFFIX",
    "CallArgument",
    "compile_graph",
    "copy_graph",
    "cut_before",
    "insert_bends",
    "keep_constants",
    "with_older_operators",
    "with_outputs",
]

SUFFIX = "_bended"

# What stands at a place: the kernels in order, each with the call arguments it takes.
Chain = Sequence[tuple[Any, Sequence["CallArgument"]]]


class CallArgument(tuple[str, str]):
    """A kernel's keyword, and the input of the bent method that feeds it."""

    __slots__ = ()

    @property
    def keyword(self) -> str:
        """The kernel's own name for it."""
        return self[0]

    @property
    def input(self) -> str:
        """The graph's name for it."""
        return self[1]


def copy_graph(graph: fx.Graph) -> tuple[fx.Graph, dict[str, fx.Node]]:
    """Copy a graph.

    Returns:
        The copy, and its nodes by the names they have in the original.
    """
    new = type(graph)()
    mapping: dict[fx.Node, fx.Node] = {}
    output: Any = new.graph_copy(graph, mapping, return_output_node=True)
    if output is not None:
        value, original = output
        mapping[original] = new.output(value)
    return new, {old.name: made for old, made in mapping.items()}


def insert_bends(graph: fx.Graph, chains: Mapping[str, Chain]) -> fx.Graph:
    """Put kernels behind the nodes they bend.

    Args:
        graph: a traced method.
        chains: for each bent node its kernels in the order in which they apply; a
            kernel is a callable, or the path of a submodule (text).

    Returns:
        A new graph. Every use of a bent node ``x`` uses ``x_bended`` instead. Further
        arguments of the kernels become inputs of the graph, after its own.
    """
    new, nodes = copy_graph(graph)
    extra = dict.fromkeys(a.input for chain in chains.values() for _, args in chain for a in args)
    inputs: dict[str, fx.Node] = {}
    last = [n for n in new.nodes if n.op == "placeholder"]
    anchor = last[-1] if last else None
    for name in extra:
        with new.inserting_after(anchor) if anchor else new.inserting_before(first_node(new)):
            anchor = new.create_node(
                "placeholder",
                name,
                (None,),
                {},
                name=name,
                type_expr=Optional[torch.Tensor],  # noqa: UP045  read by TorchScript
            )
        inputs[name] = anchor
    for name, chain in chains.items():
        node = nodes[name]
        users = list(node.users)
        value = node
        place = anchor if node.op == "placeholder" and anchor is not None else node
        for i, (kernel, arguments) in enumerate(chain):
            label = f"{name}{SUFFIX}" if i == len(chain) - 1 else f"{name}{SUFFIX}_{i}"
            kwargs: dict[str, Any] = {a.keyword: inputs[a.input] for a in arguments}
            op = "call_module" if isinstance(kernel, str) else "call_function"
            with new.inserting_after(place):
                value = new.create_node(op, kernel, (value,), kwargs, name=label)
            place = value
        for user in users:
            user.replace_input_with(node, value)
    return new


def with_older_operators(graph: fx.Graph) -> fx.Graph:
    """Call operators so that an older libtorch knows them.

    ``torch.stft`` passes an argument that came after libtorch 2.5, also where it is not
    used; the operator behind it computes the same without.

    Args:
        graph: of a method that is to be scripted.

    Returns:
        A new graph.
    """
    new, nodes = copy_graph(graph)
    signature = inspect.signature(torch.functional.stft)
    for node in nodes.values():
        if node.op != "call_function" or node.target is not torch.functional.stft:
            continue
        bound = signature.bind(*node.args, **node.kwargs)
        bound.apply_defaults()
        if bound.arguments.pop("align_to_window", None) is None:
            node.target = torch.ops.aten.stft
            node.args, node.kwargs = tuple(bound.arguments.values()), {}
    return new


def first_node(graph: fx.Graph) -> fx.Node:
    """The first node of a graph."""
    first: fx.Node = next(iter(graph.nodes))
    return first


def with_outputs(graph: fx.Graph, names: Iterable[str], cloned: frozenset[str]) -> fx.Graph:
    """Make a graph return inner values beside its output.

    Args:
        graph: a traced method, bent or not.
        names: the nodes to return, in order.
        cloned: those of them whose memory is written later, copied at their place.

    Returns:
        A new graph that returns ``(output, (value, ...))``.
    """
    new, nodes = copy_graph(graph)
    values = []
    for name in names:
        node = nodes[name]
        if name in cloned:
            with new.inserting_after(node):
                node = new.call_method("clone", (node,))
        values.append(node)
    (output,) = [n for n in new.nodes if n.op == "output"]
    output.args = ((output.args[0], tuple(values)),)
    return new


def cut_before(
    graph: fx.Graph,
    names: Sequence[str],
    given: Iterable[str],
    writers: frozenset[str],
    fn: str,
) -> fx.Graph:
    """Make inner values the inputs of what comes after them.

    Args:
        graph: a traced method, bent or not.
        names: the nodes that become inputs, in order.
        given: the method's own inputs that are at hand as well.
        writers: nodes that write into the memory of another.
        fn: the method, for the message.

    Returns:
        A new graph that computes the method's output from these values.

    Raises:
        BendingError: the rest needs an input that is neither computed nor given.
    """
    new, nodes = copy_graph(graph)
    starts = {nodes[name] for name in names}
    order = list(new.nodes)
    at_hand: set[fx.Node] = set()
    for node in order:
        if node.op == "placeholder":
            # what a kernel takes from the call has a default and may stay out
            ok = node.name in set(given) or bool(node.args)
        else:
            ok = all(i in at_hand for i in node.all_input_nodes)
        if ok or node in starts:
            at_hand.add(node)
    later: set[fx.Node] = set(starts)  # what is computed from the given values
    for node in order:
        if any(i in later for i in node.all_input_nodes):
            later.add(node)
    needed: set[fx.Node] = set()

    def need(node: fx.Node) -> None:
        stack = [node]
        while stack:
            node = stack.pop()
            if node in needed:
                continue
            needed.add(node)
            if node in starts:
                continue
            if node.op == "placeholder" and node not in at_hand:
                raise BendingError(
                    f"{fn} cannot go on from {', '.join(map(repr, names))} alone: "
                    f"it also needs its input {node.name!r}; pass {node.name}=..."
                )
            stack.extend(node.all_input_nodes)

    need(next(n for n in order if n.op == "output"))
    writes = [n for n in order if n in at_hand and n not in starts and n.name in writers]
    while True:  # a write is kept if what it writes, or what it writes into, is in use
        more = [n for n in writes if n not in needed and (n in later or _owner(n) in needed)]
        if not more:
            break
        for node in more:
            need(node)
    first = first_node(new)
    for name in names:
        node = nodes[name]
        if node.op == "placeholder":
            continue
        with new.inserting_before(first):
            fresh = new.create_node("placeholder", name, (), {})
        node.replace_all_uses_with(fresh)
        needed.discard(node)
        needed.add(fresh)
    for node in reversed(list(new.nodes)):
        if node not in needed and not node.users:
            new.erase_node(node)
    return _inputs_first(new)


def _inputs_first(graph: fx.Graph) -> fx.Graph:
    required = [n for n in graph.nodes if n.op == "placeholder" and not n.args]
    optional = [n for n in graph.nodes if n.op == "placeholder" and n.args]
    anchor = first_node(graph)
    for node in required + optional:
        if node is anchor:
            continue
        anchor.prepend(node)
    for node in reversed(required):
        first = first_node(graph)
        if node is not first:
            first.prepend(node)
    fresh, nodes = copy_graph(graph)
    for node in graph.nodes:  # names that were taken by the erased nodes are free again
        if node.op == "placeholder":
            nodes[node.name].name = str(node.target)
    return fresh


def _owner(node: fx.Node) -> fx.Node:
    """The node whose memory a write reaches: up through views, by their first argument."""
    while node.op in ("call_method", "call_function") and node.all_input_nodes:
        up = node.args[0] if node.args else None
        if not isinstance(up, fx.Node):
            break
        node = up
    return node


def compile_graph(
    graph: fx.Graph, holder: nn.Module, constants: Mapping[str, torch.Tensor]
) -> Callable[..., Any]:
    """Make a graph callable on a module's weights and buffers.

    Args:
        graph: names its weights and submodules by path.
        holder: the module that has them. Weights and buffers that are replaced in it
            later are seen by the result; submodules must stay the same objects.
        constants: tensors of the graph alone; they are given to the holder as buffers
            that are not saved.

    Returns:
        A function of the graph's inputs.
    """
    keep_constants(constants, holder)
    bound, nodes = copy_graph(graph)
    for node in nodes.values():
        if node.op in ("get_attr", "call_module"):
            path = str(node.target)
            node.target = _named(_reader(node.op, path, holder), node.name)
            node.op = "call_function"
    module = fx.GraphModule(nn.Module(), bound)
    run = MethodType(type(module).forward, module)
    _forget_source(type(module).forward)
    if not has_distributions(graph):
        return run
    return lambda *args, **kwargs: convert_to_torch(run(*args, **kwargs))


def keep_constants(constants: Mapping[str, torch.Tensor], holder: nn.Module) -> None:
    """Give a module the tensors that belong to a graph alone, as buffers that move along."""
    for path, value in constants.items():
        if path not in holder._buffers:
            holder.register_buffer(path, value.clone(), persistent=False)


def _reader(op: str, path: str, holder: nn.Module) -> Callable[..., Any]:
    """What a node calls, found once: walking ``self.a.b.c`` at each call costs more."""
    parent, _, last = path.rpartition(".")
    owner = holder.get_submodule(parent)
    if op == "call_module":
        return owner.get_submodule(last)
    if last in owner._parameters:
        return partial(owner._parameters.__getitem__, last)
    if last in owner._buffers:
        return partial(owner._buffers.__getitem__, last)
    return partial(getattr, owner, last)


def _forget_source(function: Any) -> None:
    """Take a compiled graph's text out of the caches, which would keep it for ever."""
    file = function.__code__.co_filename
    linecache.cache.pop(file, None)
    loader = getattr(graph_module, "_loader", None)
    getattr(loader, "eval_cache", {}).pop(file, None)


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A callable that the code generator of ``torch.fx`` can name."""
    named = partial(function)
    named.__name__ = name  # type: ignore[attr-defined]
    named.__module__ = __name__
    return named
