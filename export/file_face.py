"""The face of an opened file: a new root before the old one, which keeps all that it had.

The old root stands behind an interface, so that the first call of a setter, of ours or of
the file's own, does not compile a model. What lay at the old root lies at the new one under
the same name, too: children are held by both, and tensors shared.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from torchbend.description import FileInfo, MethodInfo
from torchbend.errors import ExportError
from torchbend.export.apart import HOLDER, set_apart
from torchbend.export.attributes import Attribute, array_methods
from torchbend.export.face import Knobs, check_names, string_list
from torchbend.export.hidden import call, hide, mark, register, schema_of, signature
from torchbend.export.root import Root
from torchbend.export.shapes import with_labels
from torchbend.scripts.graphs import wrapped

__all__ = ["build_file_face"]

log = logging.getLogger(__name__)

# What nn~ hands arrays over by: the types that each takes and returns.
_ARRAYS = {
    "get_buffer_attributes": ([], "List[str]"),
    "set_buffer_attribute": (["str", "Tensor", "int"], "int"),
    "clear_buffer_attribute": (["str"], "int"),
    "is_buffer_empty": (["str"], "bool"),
}
# What a face holds for itself, and what holds bends in a file: nobody asks for it by name.
_HELD = ("_model", "_controls", "_fold", "_bend", HOLDER)


def build_file_face(
    model: torch.jit.ScriptModule,
    info: FileInfo,
    attributes: Sequence[Attribute],
    sample_rate: int | None,
) -> torch.jit.ScriptModule:
    """Put a face before the root of an opened file.

    It has every method of the root, with the same arguments and defaults, and every label,
    and sets our attributes beside the file's own. What nn~ cannot read is mended: a getter
    that returns a bare value returns a list of it, a setter that returns nothing returns 0,
    and labels that are missing are made.

    Children and tensors of the root keep their names, but for the tensors at the root itself
    that its methods change: the face would hold a second one, which stays behind when the
    first is replaced. Those are found under ``_model.`` alone, like what is below a child
    that the face of an earlier export holds for itself.

    Args:
        model: the root; nothing of it may have been run. It is not copied. A child class
            without any method that can be shown gets one.
        info: what the file plays and sets.
        attributes: what it shall set beside.
        sample_rate: in Hz; used if the file does not tell one.

    Raises:
        ExportError: a new attribute has a name that is taken in the file, or nothing is left
            that nn~ could play.
    """
    root = Root(model)
    check_names((), [a.name for a in attributes], _taken(root, info))
    schemas = {name: schema_of(model, name) for name in root.methods if not name.startswith("_")}
    shown = {name: schema for name, schema in schemas.items() if signature(schema) is not None}
    left = sorted(set(schemas) - set(shown))
    if left:
        log.warning(
            "%s: left out, as TorchScript knows the types of its arguments in the old file only",
            ", ".join(left),
        )
    if not any(method.name in shown for method in info.methods):
        raise ExportError(
            f"{info.model} has no method that nn~ could play; methods in it are "
            f"{', '.join(sorted(schemas)) or 'none'}"
        )
    knobs = Knobs(attributes)
    face: torch.jit.ScriptModule = torch.jit.script(_shell(root, info, knobs))
    for name, kind, value in _values(root, info):
        register(face, name, kind, value)
    for name, child in root.children.items():
        if not name.startswith(_HELD):
            hide(face, name, child, [mark(child)])
    # after the children, whose tensors are known by the names that are met first
    hide(face, "_model", model, shown)
    apart = set_apart(model, root)
    if apart is not None:
        register(face, HOLDER, apart[0]._c._type(), apart[0]._c)
    if attributes:
        controls = torch.jit.script(knobs.controls)
        register(face, "_controls", controls._c._type(), controls._c)
    for name, fold in knobs.folds.items():
        hide(face, name, torch.jit.script(fold), ["fold"])
    moved = () if apart is None else apart[1]
    for text in _Sources(shown, left, moved, info, knobs, sample_rate).texts():
        face.define(text)
    # wrapped anew: the Python side of a module knows the children that it began with
    return wrapped(face._c)


def _taken(root: Root, info: FileInfo) -> dict[str, str]:
    """The names in use in a file, and by what."""
    taken = {name: f"{name!r} of the file" for name in root.names}
    for method in info.methods:
        for way in ("input", "output"):
            taken[f"{method.name}_{way}_labels"] = f"the method {method.name!r} of the file"
        taken[method.name] = f"the method {method.name!r} of the file"
    for attribute in info.attributes:
        name = attribute.name
        for used in (name, f"{name}_params", f"get_{name}", f"set_{name}"):
            taken[used] = f"the attribute {name!r} of the file"
    return taken


def _shell(root: Root, info: FileInfo, knobs: Knobs) -> nn.Module:
    """The face with the tensors that it holds by itself, not yet scripted."""
    # a class of its own, or TorchScript would give two faces one, and add to both at once
    face: nn.Module = type("BentFile", (nn.Module,), {})().eval()
    # not by register_parameter, which takes none but Python's own class of parameters
    held: Any = face._parameters
    held.update({n: tensor for n, tensor in root.parameters.items() if n not in root.changed})
    listed = (*(m.name for m in info.methods), *(a.name for a in info.attributes))
    read_by_nn = {f"{name}_params" for name in listed}
    for name, buffer in root.buffers.items():
        if name not in root.changed or name in read_by_nn:
            face.register_buffer(name, buffer)
    for name, codes in knobs.codes.items():
        face.register_buffer(name, codes)
    return face


def _values(root: Root, info: FileInfo) -> Iterator[tuple[str, Any, Any]]:
    """What is no tensor and no child, by name, with its type: values, constants, labels."""
    native: Any = torch._C
    own = set(dir(nn.Module()))
    strings = native.ListType(native.StringType.get())
    labels = {name: (strings, each) for m in info.methods for name, each in _labels(m)}
    constants = {
        name: (native._jit_try_infer_type(value).type(), value)
        for name, value in root.constants.items()
    }
    values = {name: each for name, each in root.values.items() if name not in root.changed}
    for name, (kind, value) in {**values, **constants, **labels}.items():
        if not name.startswith("_") and name not in own and kind is not None:
            yield name, kind, value


def _labels(method: MethodInfo) -> Iterator[tuple[str, list[str]]]:
    whole = with_labels(method)
    yield f"{method.name}_input_labels", list(whole.input_labels)
    yield f"{method.name}_output_labels", list(whole.output_labels)


class _Sources:
    """Source of the face's methods."""

    def __init__(
        self,
        schemas: Mapping[str, Any],
        left: Sequence[str],
        apart: Collection[str],
        info: FileInfo,
        knobs: Knobs,
        sample_rate: int | None,
    ) -> None:
        self._schemas = schemas
        self._apart = apart
        self._info = info
        self._methods = [m.name for m in info.methods if m.name not in left]
        self._attributes = [
            a.name for a in info.attributes if not {f"get_{a.name}", f"set_{a.name}"} & set(left)
        ]
        self._knobs = knobs
        self._rate = sample_rate

    def texts(self) -> Iterator[str]:
        written = {
            "get_methods": self._methods_list(),
            "get_attributes": self._attributes_list(),
            **dict(self._mended()),
        }
        if self._knobs.arrays:
            written.update(dict.fromkeys(_ARRAYS, ""))
            yield array_methods(self._knobs.arrays, dict(self._other_arrays()))
        for name, schema in self._schemas.items():
            if name not in written:
                yield f"{signature(schema)}\n    return {self._asked(name)}\n"
        yield from filter(None, written.values())
        yield from self._knobs.sources()
        if self._rate is not None and "get_sample_rate" not in self._schemas:
            yield f"def get_sample_rate(self) -> int:\n    return {self._rate}\n"
            if "set_sample_rate" not in self._schemas:
                yield "def set_sample_rate(self, sr: int) -> None:\n    pass\n"

    def _asked(self, name: str) -> str:
        """The expression that calls a method of the file with the arguments of ours."""
        return call(self._schemas[name], f"self.{self._where(name)}")

    def _where(self, name: str) -> str:
        return HOLDER if name in self._apart else "_model"

    def _methods_list(self) -> str:
        complete = len(self._methods) == len(self._info.methods)
        return self._list("get_methods", complete, self._methods, [])

    def _attributes_list(self) -> str:
        complete = len(self._attributes) == len(self._info.attributes)
        return self._list("get_attributes", complete, self._attributes, self._knobs.names)

    def _list(self, name: str, complete: bool, old: Sequence[str], new: Sequence[str]) -> str:
        """A list of names: as the file says it, if the face has all that it lists."""
        start = f"def {name}(self) -> List[str]:\n    return "
        if complete and self._is(name, [], "List[str]"):
            return f"{start}{self._asked(name)} + {string_list(new)}\n"
        return f"{start}{string_list([*old, *new])}\n"

    def _mended(self) -> Iterator[tuple[str, str]]:
        """What nn~ could not read: values that are in no list, setters that say nothing."""
        for attribute in self._info.attributes:
            name = f"get_{attribute.name}"
            schema = self._schemas.get(name)
            kind = None if schema is None else schema.returns[0].type
            if kind is not None and kind.kind() not in ("ListType", "TupleType", "NoneType"):
                yield (
                    name,
                    (
                        f"def {name}(self) -> List[{kind.annotation_str}]:\n"
                        f"    return [{self._asked(name)}]\n"
                    ),
                )
        setters = [f"set_{a.name}" for a in self._info.attributes]
        for name in (*setters, "set_buffer_attribute", "clear_buffer_attribute"):
            schema = self._schemas.get(name)
            if schema is not None and schema.returns[0].type.kind() != "IntType":
                start = str(signature(schema)).rpartition("->")[0]
                yield name, f"{start}-> int:\n    {self._asked(name)}\n    return 0\n"

    def _other_arrays(self) -> Iterator[tuple[str, str]]:
        """How the file's own arrays are asked for, where ours are none of them.

        Raises:
            ExportError: these methods of the file are none that nn~ knows.
        """
        for name, (given, returned) in _ARRAYS.items():
            if name not in self._schemas:
                continue
            arguments = ["buffer_name", "buffer", "sr"][: len(given)]
            asked = f"self.{self._where(name)}.{name}({', '.join(arguments)})"
            if self._is(name, given, returned):
                yield name, asked
            elif returned == "int" and self._is(name, given, "NoneType"):
                # what returns nothing, as an expression that is 0
                yield name, f"({asked}, 0)[1]"
            else:
                raise ExportError(
                    f"{', '.join(self._knobs.arrays)} would be set from an array, and the file's "
                    f"own {name} is not as nn~ knows it: {self._schemas[name]}. Export a vector "
                    'as "floats"'
                )

    def _is(self, name: str, given: Sequence[str], returned: str) -> bool:
        """Whether the file has a method with these types."""
        schema = self._schemas.get(name)
        if schema is None:
            return False
        kinds = [a.type.annotation_str for a in schema.arguments[1:]]
        return kinds == list(given) and schema.returns[0].type.annotation_str == returned
