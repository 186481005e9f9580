"""The settings of an opened file, moved out of its root to where they cost nothing to reach.

A setter of the file's own is a method of its root, and TorchScript compiles it together with
every class below: up to tens of milliseconds at its first two calls. Where it touches plain
values alone, these move into a small module, which the root and its face hold both; the
setter moves there, too, and every other method finds the values at their new place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from torchbend.export.hidden import register, schema_of, signature
from torchbend.export.root import Root, nodes_at_root

__all__ = ["HOLDER", "set_apart"]

HOLDER = "_settings"


def set_apart(
    model: torch.jit.ScriptModule, root: Root
) -> tuple[torch.jit.ScriptModule, frozenset[str]] | None:
    """Move what the setters and getters of a file touch into a module of its own.

    Args:
        model: the root, changed in place; no method of it may have been run.
        root: what lies there.

    Returns:
        The module, and the methods of the root that it has, too; None if there are none, or
        the file has forms in which nothing can be moved.
    """
    below: Any = model.modules()
    twins = sum(each._c._type() == model._c._type() for each in below) > 1
    if twins or HOLDER in root.names or any(name.startswith("__") for name in root.methods):
        return None
    touched = {name: _touched(model, name, root) for name in root.methods}
    moving = {name: values for name, values in touched.items() if values is not None}
    if not moving:
        return None
    # a class of its own, as methods are added to it
    holder: torch.jit.ScriptModule = torch.jit.script(type("Settings", (nn.Module,), {})().eval())
    values = set().union(*moving.values())
    for name in sorted(values):
        kind, value = root.values[name]
        register(holder, name, kind, value)
    for method in moving:
        _copy_method(model, holder, method)
    register(model, HOLDER, holder._c._type(), holder._c)
    for method in root.methods:
        _redirect(model._c._get_method(method).graph, values, holder)
    return holder, frozenset(moving)


def _touched(model: torch.jit.ScriptModule, method: str, root: Root) -> set[str] | None:
    """The plain values that a method touches; None, if it does anything else with the root."""
    if method.startswith("_") or signature(schema_of(model, method)) is None:
        return None
    graph = model._c._get_method(method).graph
    this = next(iter(graph.inputs()))
    touched = set()
    for use in this.uses():
        node = use.user
        if use.offset != 0 or node.kind() not in ("prim::GetAttr", "prim::SetAttr"):
            return None
        touched.add(node.s("name"))
    return touched if touched <= set(root.values) else None


def _copy_method(
    model: torch.jit.ScriptModule, holder: torch.jit.ScriptModule, method: str
) -> None:
    """Give the holder the same method, which finds at the holder what it found at the root."""
    line = signature(schema_of(model, method))
    holder.define(f"{line}\n    raise RuntimeError('')\n")
    graph = holder._c._get_method(method).graph
    for node in [graph.return_node(), *reversed(list(graph.nodes()))]:
        if node.kind() == "prim::Return":
            graph.eraseOutput(0)
        else:
            node.destroy()
    graph.setInsertPoint(graph.return_node())
    body = model._c._get_method(method).graph.copy()
    (returned,) = graph.insertGraph(body, list(graph.inputs()))
    graph.registerOutput(returned)
    graph.lint()


def _redirect(graph: Any, values: set[str], holder: torch.jit.ScriptModule) -> None:
    """Let a method of the root find its values at the holder."""
    this = next(iter(graph.inputs()))
    for node in nodes_at_root(graph):
        if node.s("name") not in values:
            continue
        held = graph.create("prim::GetAttr", [this], 1)
        held.s_("name", HOLDER)
        held.output().setType(holder._c._type())
        held.insertBefore(node)
        node.replaceInput(0, held.output())
    graph.lint()
