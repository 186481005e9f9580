"""Which values of a graph are memory that is written again: a bend would cut the write off."""

from __future__ import annotations

from typing import Any

from .graphs import Graph, Node, Value, is_view, receiver, writes

__all__ = ["Memory", "behind"]


def behind(value: Value, marker: str) -> Value:
    """What an opened call returned; ``marker`` is the kind of the node that stands for it."""
    while value.node().kind() == marker:
        value = value.node().input()
    return value


class Memory:
    """What the operations of a finished graph write.

    Args:
        graph: nothing in it is changed any more.
    """

    def __init__(self, graph: Graph) -> None:
        self._aliases: Any = graph.alias_db()
        self._since: dict[int, int] = {}
        self._written: dict[Any, int] = {}
        self._count = 0
        self._walk(graph, None)

    def _walk(self, block: Graph, loop: int | None) -> None:
        for node in block.nodes():
            self._count += 1
            here = self._count if loop is None else loop  # what is before it in a loop comes again
            self._since.update((value.unique(), here) for value in node.outputs())
            if node.kind().startswith("aten::") and writes(node):
                self._written.update(dict.fromkeys(_owners(node.inputsAt(0)), self._count))
            inner = self._count if node.kind() == "prim::Loop" and loop is None else loop
            for each in node.blocks():
                self._walk(each, inner)

    def of_operation(self, value: Value) -> bool:
        """Whether an operation gives memory of another value, and it is written."""
        node = value.node()
        if node.kind().startswith("prim::"):
            return self.of_module(value)
        return writes(node) or (is_view(node, value.offset()) and self._aliases.has_writers(value))

    def of_module(self, value: Value) -> bool:
        """Whether a module gives memory that it keeps, or was given, and it is written later."""
        since = self._since.get(value.unique(), 0)
        itself = _name(value)
        return any(
            owner != itself and self._written.get(owner, -1) > since for owner in _owners(value)
        )


def _name(value: Value) -> Any:
    path = receiver(value)
    return value.unique() if path is None else path


def _owners(value: Value) -> set[Any]:
    """The values whose memory a value may be: itself, if it is newly made."""
    found, seen, waiting = set(), set(), [value]
    while waiting:
        value = waiting.pop()
        if value.unique() not in seen:
            seen.add(value.unique())
            sources = _sources(value)
            waiting += sources
            if not sources:
                found.add(_name(value))
    return found


def _sources(value: Value) -> list[Value]:
    """The values that an operation hands on; none if it makes a new one."""
    node: Node = value.node()
    kind: str = node.kind()
    if kind == "prim::TupleUnpack" and node.input().node().kind() == "prim::TupleConstruct":
        return [list(node.input().node().inputs())[value.offset()]]
    if kind in ("prim::TupleUnpack", "prim::ListUnpack"):
        return [node.input()]
    if kind == "prim::ListConstruct":
        return list(node.inputs())
    if kind == "prim::If":
        return [list(block.outputs())[value.offset()] for block in node.blocks()]
    if kind.startswith("aten::") and is_view(node, value.offset()):
        return [node.inputsAt(0)]
    return []
