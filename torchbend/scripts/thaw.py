"""Weights that a frozen file holds as constants of its graphs, made into parameters again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .graphs import (
    Graph,
    Node,
    Object,
    attributes_of,
    in_order,
    is_tensor,
    operation,
    parts_of,
)

__all__ = ["thaw"]


def thaw(root: Object) -> None:
    """Turn the constant tensors of the root's methods into parameters.

    A file that ``torch.jit.freeze`` made has its layers in the graphs of its methods, and
    its weights as constants there. They get the name of what reads them first and of the
    argument that they are: ``conv1d.weight``, ``conv1d.bias``, ``conv1d_1.weight``.

    Args:
        root: of a module that was opened and never run; it is changed.
    """
    found: list[tuple[Graph, int, Node, list[torch.Tensor]]] = []
    for method in sorted(root._method_names()):
        graph = root._get_method(method).graph
        numbers = _numbers(graph)
        here = []
        for node in in_order(graph):
            tensors = _weights(node) if node.kind() == "prim::Constant" else []
            if tensors:
                place, number = numbers.get(_key(_reader(node)[0]), (0, 0))
                here.append((place, number, node, tensors))
        here.sort(key=lambda each: each[0])
        found += [(graph, number, node, tensors) for _, number, node, tensors in here]
    if not found:
        return
    names: dict[Any, tuple[str, str]] = {}
    layers: dict[str, nn.Module] = {}
    taken = {*dir(torch.jit.ScriptModule), *root._method_names(), *attributes_of(root)}
    taken |= set(parts_of(root))
    for _, number, node, tensors in found:
        for k, tensor in enumerate(tensors):
            if _identity(tensor) not in names:
                reader, argument = _reader(node)
                argument += f"_{k}" if len(tensors) > 1 else ""
                layer = _free(operation(reader), number, argument, layers, taken)
                holder = layers.setdefault(layer, nn.Module())
                holder.register_parameter(argument, nn.Parameter(tensor, requires_grad=False))
                names[_identity(tensor)] = layer, argument
    kinds = {}
    for layer, holder in layers.items():
        scripted = torch.jit.script(holder)
        kinds[layer] = scripted._c._type()
        root._register_attribute(layer, kinds[layer], scripted._c)
    for graph, _, node, tensors in found:
        values = [_read(graph, node, *names[_identity(t)], kinds) for t in tensors]
        if node.output().type().kind() == "ListType":
            made = graph.create("prim::ListConstruct", values, 1)
            made.output().setType(node.output().type())
            made.insertBefore(node)
            node.output().replaceAllUsesWith(made.output())
        else:
            node.output().replaceAllUsesWith(values[0])
        node.destroy()
        graph.lint()


def _weights(node: Node) -> list[torch.Tensor]:
    """The tensors of a constant, if it is a weight: floating-point, and no single number."""
    value = node.output().toIValue()
    tensors = value if isinstance(value, list) else [value]
    if not all(
        isinstance(t, torch.Tensor) and t.is_floating_point() and t.dim() > 0 for t in tensors
    ):
        return []
    return tensors


def _identity(tensor: torch.Tensor) -> Any:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _numbers(graph: Graph) -> dict[Any, tuple[int, int]]:
    """The position of each node, and how many nodes of its operation are before it."""
    counts: dict[str, int] = {}
    numbers = {}
    for place, node in enumerate(in_order(graph)):
        name = operation(node)
        numbers[_key(node)] = place, counts.get(name, 0)
        if any(is_tensor(value) for value in node.outputs()):  # as places are numbered
            counts[name] = counts.get(name, 0) + 1
    return numbers


def _key(node: Node) -> Any:
    """What tells a node from the others of its graph; Python makes a new object at each look."""
    return tuple(value.unique() for value in node.outputs())


def _reader(constant: Node) -> tuple[Node, str]:
    """What reads a constant first, and the name of the argument."""
    uses = constant.output().uses()
    if not uses:
        return constant, "value"
    use = uses[0]
    reader = use.user
    member = ""
    if reader.kind() == "prim::ListConstruct" and reader.output().uses():
        member = f"_{use.offset}"
        use = reader.output().uses()[0]
        reader = use.user
    schema = reader.schema()
    if not schema or schema == "(no schema)":
        return reader, f"input_{use.offset}{member}"
    arguments: Sequence[Any] = torch._C.parse_schema(schema).arguments
    return reader, arguments[use.offset].name + member


def _free(
    layer: str, number: int, argument: str, layers: dict[str, nn.Module], taken: set[str]
) -> str:
    """The name of a layer with a number, or of the next that has no such argument yet."""
    while True:
        name = f"{layer}_{number}" if number else layer
        holder = layers.get(name)
        if name not in taken and (holder is None or argument not in holder._parameters):
            return name
        number += 1


def _read(graph: Graph, where: Node, layer: str, argument: str, kinds: dict[str, Any]) -> Any:
    (this, *_) = graph.inputs()
    value = this
    for name, kind in ((layer, kinds[layer]), (argument, torch._C.TensorType.get())):
        get = graph.create("prim::GetAttr", [value], 1)
        get.s_("name", name)
        get.output().setType(kind)
        get.insertBefore(where)
        value = get.output()
    return value
