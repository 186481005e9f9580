"""Surgery on the graphs of an opened TorchScript module.

Instances share the graphs of their class, so a submodule's own graph is never edited: the
calls on the way to a place are replaced by copies of what they call, one call site at a
time, in the graph of the object that nn~ or Python calls. Where a module is reached through
an interface, such a copy could not name what is inside it; there the object behind the
interface is operated on by itself.

A method that is operated on may be called by others of the same object (``forward`` calls
``decode``). They are given a copy of it as it was, so that a bend is heard in its method alone.

All of this happens before the module first runs: torch keeps a plan of what has run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import BendingError
from .graphs import Graph, Node, Object, Value, in_order, object_at, receiver, wrapped
from .memory import behind
from .names import is_part, keep_name, move_names, name_of_call

__all__ = ["OUTPUT", "Entry", "Operation", "Site"]

_CALL = "prim::CallMethod"
OUTPUT = "torchbend::output"  # stands for the output of a call that was replaced


@dataclass(frozen=True)
class Entry:
    """A method whose graph is operated on.

    Attributes:
        path: from the root to the object that has it; empty, or ends behind an interface.
        method: its name.
    """

    path: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class Site:
    """Where a value is computed, the same in every copy of a file.

    Attributes:
        entry: the method.
        steps: positions of nodes: of a call in the method's graph, of a call in the graph that
            is called there, and so on to the node itself. Empty: an input of the method.
        output: which of the node's outputs.
    """

    entry: Entry
    steps: tuple[int, ...]
    output: int = 0


class Operation:
    """One operation on a copy that has not run; ends with :meth:`finish`.

    Args:
        root: the copy, as torch holds it.
    """

    def __init__(self, root: Object) -> None:
        self.root = root
        self._nodes: dict[Entry, dict[tuple[int, ...], Node]] = {}
        self._graphs: dict[Entry, Graph] = {}
        self._before: dict[Entry, Graph] = {}
        self._gave: list[tuple[Value, str]] = []  # by calls that were opened
        self._changed: dict[Entry, None] = {}
        self._attributes: dict[tuple[tuple[str, ...], torch.jit.ScriptModule], tuple[str, Any]] = {}
        self._steps: dict[Entry, dict[Any, tuple[int, ...]]] = {}
        self._added = 0

    # -- finding -------------------------------------------------------------------
    def graph(self, entry: Entry) -> Graph:
        """The graph of a method."""
        if entry not in self._graphs:
            graph = self.method(entry).graph
            self._graphs[entry] = graph
            self._before[entry] = graph.copy()
            self._nodes[entry] = {(k,): node for k, node in enumerate(in_order(graph))}
        return self._graphs[entry]

    def method(self, entry: Entry) -> Any:
        """The method itself."""
        return object_at(self.root, entry.path)._get_method(entry.method)

    def nodes(self, entry: Entry) -> dict[tuple[int, ...], Node]:
        """The nodes of a method by their steps, as far as calls were opened."""
        self.graph(entry)
        return self._nodes[entry]

    def node(self, site: Site) -> Node:
        """The node of a site; the calls on the way to it are opened."""
        nodes = self.nodes(site.entry)
        for depth in range(1, len(site.steps)):
            if site.steps[: depth + 1] not in nodes:
                self.open(site.entry, site.steps[:depth])
        return nodes[site.steps]

    def value(self, site: Site) -> Value:
        """The value of a site."""
        if not site.steps:
            return list(self.graph(site.entry).inputs())[site.output]
        return list(self.node(site).outputs())[site.output]

    def steps_of(self, entry: Entry, node: Node) -> tuple[int, ...] | None:
        """The steps of a node of an opened method; None if it is none of them."""
        if entry not in self._steps:
            self._steps[entry] = {_key(n): steps for steps, n in self.nodes(entry).items()}
        return self._steps[entry].get(_key(node))

    def callee(self, entry: Entry, call: Node) -> tuple[tuple[str, ...], Any] | None:
        """Path of the object that a call calls, and its method; None if that is not known."""
        path = receiver(call.inputsAt(0))
        if path is None:
            return None
        holder = object_at(self.root, (*entry.path, *path))
        return path, holder._get_method(call.s("name"))

    def open(self, entry: Entry, steps: tuple[int, ...]) -> list[Node]:
        """Replace a call by a copy of what it calls.

        Returns:
            The new nodes, in order; what stands for the call's output is none of them.
        """
        nodes, graph = self.nodes(entry), self.graph(entry)
        call = nodes[steps]
        called = self.callee(entry, call)
        if called is None:
            raise BendingError(f"{entry.method} calls something that is found only when it runs")
        path, method = called
        kept = move_names(call.output())
        before = self._before.get(Entry((*entry.path, *path), method.name))
        body = before or method.graph  # which stays as it is: its nodes are cloned
        count = sum(1 for _ in in_order(body))
        first = graph.create(OUTPUT, [call.inputsAt(0)], 1)
        first.insertBefore(call)
        graph.setInsertPoint(call)
        (out,) = graph.insertGraph(body, list(call.inputs()))
        new = _between(first, call)
        if len(new) != count:
            raise BendingError(f"{entry.method}: a call could not be opened ({count}, {len(new)})")
        for k, node in enumerate(new):
            nodes[(*steps, k)] = node
        first.destroy()
        last = graph.create(OUTPUT, [out], 1)
        last.output().setType(call.output().type())
        last.insertBefore(call)
        call.output().replaceAllUsesWith(last.output())
        call.destroy()
        nodes[steps] = last
        self._gave += [(last.output(), name) for name in reversed(kept)]
        if not is_part(method.name):
            self._gave.append((last.output(), name_of_call(path, method.name)))
        return new

    # -- changing -------------------------------------------------------------------
    def attach(self, path: Sequence[str], part: torch.jit.ScriptModule) -> tuple[str, Any]:
        """Make a scripted module an attribute of an object.

        Returns:
            The attribute's name and type.
        """
        key = (tuple(path), part)
        if key not in self._attributes:
            holder = object_at(self.root, path)
            while holder.hasattr(name := f"_bend{self._added}"):
                self._added += 1
            kind = part._c._type()
            holder._register_attribute(name, kind, part._c)
            self._attributes[key] = (name, kind)
        return self._attributes[key]

    def insert(self, site: Site, part: torch.jit.ScriptModule, extra: Sequence[Any] = ()) -> None:
        """Let a scripted module's ``forward`` take the place of a value.

        Args:
            site: the value; everything that uses it uses ``forward(value, *extra)`` instead,
                also what was inserted here before.
            part: the module.
            extra: values that are there already, or constants.
        """
        graph = self.graph(site.entry)
        self._changed[site.entry] = None
        value = self.value(site)
        name, kind = self.attach(site.entry.path, part)
        (this, *_) = graph.inputs()
        get = graph.create("prim::GetAttr", [this], 1)
        get.s_("name", name)
        get.output().setType(kind)
        call = graph.create("prim::CallMethod", [get.output()], 1)
        call.s_("name", "forward")
        call.output().setType(torch._C.TensorType.get())
        if site.steps:
            get.insertAfter(value.node())
        else:
            get.insertBefore(next(graph.nodes()))
        call.insertAfter(get)
        value.replaceAllUsesWith(call.output())
        call.addInput(value)
        graph.setInsertPoint(get)
        for item in extra:
            call.addInput(item if isinstance(item, torch._C.Value) else graph.insertConstant(item))

    def finish(self) -> torch.jit.ScriptModule:
        """Tidy up, and return the module as Python has it; it may run from now on."""
        self.tidy()
        return wrapped(self.root)

    def tidy(self) -> None:
        """Leave nothing of the operation's own in the graphs, and check every one."""
        self._keep_apart()
        for output, name in reversed(self._gave):  # what is inside first
            keep_name(behind(output, OUTPUT), name)
        self._gave.clear()
        for graph in self._graphs.values():
            for node in graph.findAllNodes(OUTPUT):
                node.output().replaceAllUsesWith(node.input())
                node.destroy()
            graph.lint()
        self._graphs.clear()
        self._nodes.clear()

    def _keep_apart(self) -> None:
        """Give the other methods of an object its changed ones as they were before."""
        for path in {entry.path for entry in self._changed}:
            changed = {entry.method for entry in self._changed if entry.path == path}
            for method in object_at(self.root, path)._method_names():
                entry = Entry(path, method)
                own = {_own_method(node) for node in self.method(entry).graph.findAllNodes(_CALL)}
                if not any(self._reaches(path, each, changed) for each in own - {""}):
                    continue
                calls = list(self.nodes(entry).items())
                while calls:
                    steps, node = calls.pop()
                    called = _own_method(node)
                    if called and self._reaches(path, called, changed):
                        opened = self.open(entry, steps)
                        calls += [((*steps, k), each) for k, each in enumerate(opened)]

    def _reaches(self, path: tuple[str, ...], method: str, changed: set[str]) -> bool:
        """Whether a method is, or calls, one of some methods of its object."""
        if method in changed:
            return True
        entry = Entry(path, method)
        before = self._before.get(entry) or self.method(entry).graph
        called = {_own_method(node) for node in before.findAllNodes(_CALL)}
        return any(self._reaches(path, each, changed) for each in called - {"", method})


def _own_method(node: Node) -> str:
    """The method that a node calls on the object itself; empty for any other node."""
    if node.kind() != _CALL or receiver(node.inputsAt(0)) != ():
        return ""
    name: str = node.s("name")
    return name


def _key(node: Node) -> Any:
    """What tells a node from the others of its graph; Python makes a new object at each look."""
    outputs = [value.unique() for value in node.outputs()]
    return outputs[0] if outputs else None


def _between(first: Node, last: Node) -> list[Node]:
    """The nodes between two of one block, with those inside them, in order."""
    found: list[Node] = []
    node = last.prev()
    while node.kind() != OUTPUT or node.output().unique() != first.output().unique():
        found.append(node)
        node = node.prev()
    return [
        each
        for node in reversed(found)
        for each in (node, *(n for block in node.blocks() for n in in_order(block)))
    ]
