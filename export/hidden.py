"""A module behind an interface that is made for it: seen by its methods, not by its insides.

TorchScript compiles a method together with every class it can see, at its first two calls.
Behind an interface it sees signatures. Those of an opened file are known only now, so the
interface is made from the schemas of the methods.
"""

from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
import torch._sources
import torch.jit.frontend

from torchbend.scripts.graphs import class_of

__all__ = ["call", "can_be_written", "hide", "mark", "register", "schema_of", "signature"]

_SIMPLE = (
    "AnyType", "BoolType", "ComplexType", "DeviceObjType", "FloatType", "IntType", "NoneType",
    "StringType", "TensorType",
)  # fmt: skip
_HOLDING = ("DictType", "ListType", "OptionalType", "TupleType", "UnionType")
_MARK = "torchbend_mark"


def schema_of(module: torch.jit.ScriptModule, method: str) -> Any:
    """The schema of a method; its first argument is the module."""
    return module._c._get_method(method).schema


def can_be_written(kind: Any) -> bool:
    """Whether a type can be written as source that knows no class."""
    name = kind.kind()
    if name in _HOLDING:
        written: str = kind.annotation_str
        # a named tuple is a tuple that is written by its name
        named = name == "TupleType" and not written.startswith("Tuple[")
        return not named and all(can_be_written(inner) for inner in kind.containedTypes())
    return name in _SIMPLE


def signature(schema: Any, *, defaults: bool = True) -> str | None:
    """The first line of a method, ``"def decode(self, z: Tensor) -> Tensor:"``.

    Args:
        schema: of the method.
        defaults: of arguments, to be written too.

    Returns:
        None if a type or a default in it cannot be written.
    """
    parts = ["self"]
    for argument in schema.arguments[1:]:
        if not can_be_written(argument.type):
            return None
        if argument.kwarg_only and "*" not in parts:
            parts.append("*")
        text = f"{argument.name}: {argument.type.annotation_str}"
        if argument.has_default_value():
            value = _value(argument.default_value, argument.type.annotation_str)
            if value is None:
                return None
            text += f"={value}" if defaults else ""
        parts.append(text)
    returned = schema.returns[0].type
    if not can_be_written(returned):
        return None
    return f"def {schema.name}({', '.join(parts)}) -> {_none(returned.annotation_str)}:"


def call(schema: Any, on: str) -> str:
    """The call that hands all arguments on: ``"self._model.decode(z)"``."""
    arguments = [
        f"{a.name}={a.name}" if a.kwarg_only else str(a.name) for a in schema.arguments[1:]
    ]
    return f"{on}.{schema.name}({', '.join(arguments)})"


def hide(
    holder: torch.jit.ScriptModule,
    name: str,
    module: torch.jit.ScriptModule,
    methods: Iterable[str],
) -> None:
    """Make a module an attribute of another one that sees of it some methods alone.

    Args:
        holder: gets the attribute.
        name: of the attribute.
        module: is not copied.
        methods: whose signatures can be written; at least one, or the file does not open.
    """
    lines = [signature(schema_of(module, m), defaults=False) for m in methods]
    kind = _interface("".join(f"    {line}\n        pass\n" for line in lines))
    register(holder, name, kind, module._c)


def register(holder: torch.jit.ScriptModule, name: str, kind: Any, value: Any) -> None:
    """Give a scripted module an attribute, which methods that are defined then can see."""
    holder._c._register_attribute(name, kind, value)
    holder.__dict__["_concrete_type"] = class_of(holder._c)


def mark(module: torch.jit.ScriptModule) -> str:
    """The name of a method that an interface can show; one is added if there is none."""
    names: list[str] = module._c._method_names()
    for name in names:
        if not name.startswith("__") and signature(schema_of(module, name)) is not None:
            return name
    module.define(f"def {_MARK}(self) -> int:\n    return 0\n")
    return _MARK


@cache
def _interface(methods: str) -> Any:
    """The interface type with these methods, known by a name that only they have."""
    name = f"Seen_{hashlib.sha256(methods.encode()).hexdigest()[:16]}"
    source = f"class {name}:\n{methods}"
    tree: Any = ast.parse(source).body[0]
    native, sources, frontend = _torch()
    context = sources.SourceContext(source, name, 0, 0)
    defined = [
        frontend.build_def(context, each, None, each.name, self_name=name) for each in tree.body
    ]
    written = frontend.build_class_def(context, tree, defined, [], name, [])
    path = f"__torch__.torchbend.export.hidden.{name}"
    # the types of torch itself are known without a resolver
    made = native._jit_script_interface_compile(path, written, lambda _: None, True)
    return native.InterfaceType(made)


def _torch() -> tuple[Any, Any, Any]:
    """Parts of torch that have no types."""
    return torch._C, torch._sources, torch.jit.frontend


def _value(value: object, kind: str) -> str | None:
    """A default as source."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, complex):
        return f"complex({value.real}, {value.imag})"
    if isinstance(value, (list, tuple)):
        inner = [_value(each, "") for each in value]
        if None in inner or (isinstance(value, list) and not kind.startswith("List[")):
            return None
        items = ", ".join(map(str, inner))
        if isinstance(value, list):
            return f"torch.jit.annotate({kind}, [{items}])"
        return f"({items},)"
    return None


def _none(kind: str) -> str:
    return "None" if kind == "NoneType" else kind
