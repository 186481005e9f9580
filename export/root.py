"""What the root of an opened file holds, and what of that its methods may change.

A name can be copied to another root only for what stays as it is: what a method gives a new
value, or writes into, would be one thing here and another there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from torchbend.export.hidden import can_be_written
from torchbend.scripts.graphs import class_of, in_order, parameters_of

__all__ = ["Root", "nodes_at_root"]


class Root:
    """What lies at the root.

    Attributes:
        methods: the names of all methods.
        children: the submodules.
        parameters: the root's own.
        buffers: the root's own registered ones.
        values: whatever else can be written as text: label lists, numbers; with its type.
        constants: the same that the code holds.
        changed: names of what a method may change.
    """

    def __init__(self, module: torch.jit.ScriptModule) -> None:
        """Look at a module; nothing of it is run."""
        native: Any = torch._C
        self._module = module._c
        self.methods: tuple[str, ...] = tuple(module._c._method_names())
        children: Any = module.named_children()
        self.children: Mapping[str, torch.jit.ScriptModule] = dict(children)
        self.parameters: Mapping[str, torch.Tensor] = parameters_of(module._c)
        self.buffers: Mapping[str, torch.Tensor] = dict(native.BufferDict(module._c).items())
        kind = class_of(module._c)
        self.values: Mapping[str, tuple[Any, Any]] = {
            name: (kind, module._c.getattr(name))
            for name, (kind, _) in kind.get_attributes().items()
            if can_be_written(kind) and "Tensor" not in kind.annotation_str
            if kind.kind() != "NoneType"
        }
        self.constants: Mapping[str, Any] = dict(kind.get_constants())
        self.changed: frozenset[str] = frozenset(self._changed())

    @property
    def names(self) -> frozenset[str]:
        """Every name that is taken."""
        kind = class_of(self._module)
        return frozenset(
            (*self.methods, *self.children, *kind.get_attributes(), *kind.get_constants())
        )

    def _changed(self) -> Iterator[str]:
        for method in self.methods:
            for node in nodes_at_root(self._module._get_method(method).graph):
                if node.kind() == "prim::SetAttr" or _may_be_written(node.output()):
                    yield node.s("name")


def nodes_at_root(graph: Any) -> list[Any]:
    """The nodes of a method that read or set something of the root itself."""
    this = next(iter(graph.inputs())).debugName()
    return [
        node
        for node in in_order(graph)
        if node.kind() in ("prim::GetAttr", "prim::SetAttr")
        if node.inputsAt(0).debugName() == this
    ]


def _may_be_written(value: Any) -> bool:
    """Whether any use of a value may write into it; what cannot be told counts as writing."""
    if value.type().kind() in ("ClassType", "InterfaceType"):
        return False
    return any(_writes(use.user, use.offset) for use in value.uses())


def _writes(node: Any, at: int) -> bool:
    kind = node.kind()
    if kind in ("prim::isinstance", "prim::Print"):
        return False
    if kind in ("prim::ListConstruct", "prim::TupleConstruct", "prim::unchecked_cast"):
        return any(_may_be_written(out) for out in node.outputs())
    if kind == "prim::Return" and node.owningBlock().owningNode() is None:
        return False  # the caller gets it, and callers read
    text = node.schema()
    if text == "(no schema)":
        return True  # a call, a branch: its inside is not looked into
    schema = torch._C.parse_schema(text)
    mine = schema.arguments[at].alias_info
    if mine is None:
        return False
    if any(a.alias_info is not None and a.alias_info.is_write for a in schema.arguments):
        return True
    return any(_may_be_written(out) for out in node.outputs())
