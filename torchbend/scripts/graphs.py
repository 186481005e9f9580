"""Small questions about TorchScript graphs and the objects that they run on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

__all__ = [
    "attributes_of",
    "class_of",
    "in_order",
    "is_tensor",
    "is_view",
    "object_at",
    "operation",
    "parameters_of",
    "parts_of",
    "receiver",
    "wrapped",
    "writes",
]

# torch._C's graphs, nodes, values and objects have no types that say much
Graph = Any
Node = Any
Value = Any
Object = Any


def in_order(block: Graph) -> Iterator[Node]:
    """Every node of a graph, those of inner blocks right behind the node that has them."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from in_order(inner)


def is_tensor(value: Value) -> bool:
    """Whether a value is a tensor, and never None."""
    return bool(value.type().isSubtypeOf(torch._C.TensorType.get()))


def receiver(value: Value) -> tuple[str, ...] | None:
    """The path from a graph's ``self`` to a value; None if it is reached in another way."""
    path: list[str] = []
    while value.node().kind() == "prim::GetAttr":
        path.insert(0, value.node().s("name"))
        value = value.node().input()
    return tuple(path) if value.node().kind() == "prim::Param" and not value.offset() else None


def is_view(node: Node, output: int) -> bool:
    """Whether an operation's output shares memory with one of its inputs."""
    returns = _schema(node).returns if _schema(node) else ()
    return output < len(returns) and returns[output].alias_info is not None


def writes(node: Node) -> bool:
    """Whether an operation's outputs are inputs of it, written in place."""
    schema = _schema(node)
    written = [r.alias_info for r in schema.returns] if schema else []
    return any(each is not None and each.is_write for each in written)


def _schema(node: Node) -> Any:
    """How an operation treats its inputs and outputs; None if torch does not say."""
    text = node.schema()
    return torch._C.parse_schema(text) if text and text != "(no schema)" else None


def operation(node: Node) -> str:
    """The name of an operation as people know it: ``conv1d``, ``add``, ``gru``."""
    kind: str = node.kind()
    if kind == "prim::CallFunction":
        function = node.inputsAt(0).node()
        name: str = function.s("name") if function.hasAttribute("name") else "function"
        return name.rpartition(".")[2]
    return kind.rpartition("::")[2].strip("_")


def object_at(root: Object, path: Sequence[str]) -> Object:
    """The scripted object at a path below another."""
    for name in path:
        root = root.getattr(name)
    return root


def class_of(holder: Object) -> Any:
    """What a scripted object's class has: attributes with their types, and constants."""
    native: Any = torch._C
    return native.ConcreteModuleType.from_jit_type(holder._type())


def attributes_of(holder: Object) -> list[str]:
    """Names of a scripted object's own attributes, its submodules left out."""
    held = ("ClassType", "InterfaceType")  # objects, and submodules behind interfaces
    types = class_of(holder).get_attributes()
    return [name for name, (kind, _) in types.items() if kind.kind() not in held]


def parameters_of(holder: Object) -> dict[str, torch.Tensor]:
    """A scripted object's own parameters."""
    native: Any = torch._C
    return dict(native.ParameterDict(holder).items())


def parts_of(holder: Object) -> dict[str, Object]:
    """A scripted object's own submodules."""
    native: Any = torch._C
    return dict(native.ModuleDict(holder).items())


def wrapped(holder: Object) -> torch.jit.ScriptModule:
    """A scripted object as Python's module, which knows its present attributes."""
    recursive: Any = torch.jit._recursive
    module: torch.jit.ScriptModule = recursive.wrap_cpp_module(holder)
    return module
