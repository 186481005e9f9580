"""The settable attributes of a file: their source text, nn~'s types, their description.

nn~ calls ``set_<name>`` with one argument a type code and reads ``get_<name>``, which must
return a list. What each does is written as source, to be compiled into the file's face; a
control behind it clamps, refuses NaN with -1, and never raises.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from torchbend.bending import BendingParameter
from torchbend.description import TYPE_CODES, AttributeInfo
from torchbend.errors import ExportError
from torchbend.export.settings import Array, TensorArray, setting
from torchbend.hints import ModelAttribute

__all__ = ["MOST_FLOATS", "Attribute", "array_methods", "of_control", "of_model"]

# A vector of at most so many values is set by as many floats, a longer one by an array.
MOST_FLOATS = 16
LARGEST = 2.0**31  # of a model's own setting without bounds; an int holds it, too
VECTOR_FORMS = ("floats", "tensor", "buffer")


@dataclass(frozen=True)
class Attribute:
    """One attribute: how it is described, and how it is set and read.

    Attributes:
        info: for people, patches and checks.
        control: scripted.
        arguments: of the setter, ``"v0: float"``.
        passed: what the control's ``set`` (or ``set_list``) gets.
        setter: the control's method.
        returned: the getter's type.
        got: the getter's list.
        folds: modules that compute something anew after a move.
    """

    info: AttributeInfo
    control: nn.Module
    arguments: str
    setter: str
    passed: str
    returned: str
    got: str
    folds: tuple[nn.Module, ...] = ()

    @property
    def name(self) -> str:
        """The attribute's name."""
        return self.info.name

    @property
    def codes(self) -> torch.Tensor:
        """nn~'s type codes."""
        return torch.tensor([TYPE_CODES[t] for t in self.info.types])

    @property
    def is_array(self) -> bool:
        """Whether nn~ sets it from an array of Pd, or a buffer~ of Max."""
        return self.info.types in (("tensor",), ("buffer",))

    def told(
        self, neutral: Any, *, glides: bool, owner: tuple[str, str] = ("", "")
    ) -> Attribute:
        """The same, described further.

        Args:
            neutral: the control's value at which it does nothing, as Python has it; None if
                there is none.
            glides: whether all that it moves glides to a new value.
            owner: the bend that it belongs to, and what of that bend it moves.
        """
        values = None if neutral is None else _values(neutral)
        bend, part = owner
        info = replace(self.info, neutral=values, glides=glides, bend=bend, part=part)
        return replace(self, info=info)

    def source(self, folds: Sequence[str]) -> str:
        """The setter and the getter.

        Args:
            folds: the names under which the face knows :attr:`folds`.
        """
        calls = fold_calls(folds)
        here = f"self._controls.{self.name}"
        return (
            f"def set_{self.name}(self, {self.arguments}) -> int:\n"
            f"    done = {here}.{self.setter}({self.passed})\n"
            f"    if done == 0:\n        pass\n{calls}"
            f"    return done\n\n"
            f"def get_{self.name}(self) -> {self.returned}:\n"
            f"    here = {here}.get()\n"
            f"    return {self.got}\n"
        )


def of_control(
    parameter: BendingParameter,
    control: nn.Module,
    folds: Sequence[nn.Module],
    bends: Sequence[str],
    vector: str | None,
) -> Attribute:
    """Make the attribute of a control.

    Args:
        parameter: the control, as in Python.
        control: the same, scripted.
        folds: what is computed anew when it moves.
        bends: what it moves, for people.
        vector: of a vector: ``"floats"``, ``"tensor"`` or ``"buffer"``; None decides by its
            length.

    Raises:
        ExportError: ``vector`` is none of these.
    """
    name, kind = parameter.name, parameter.kind
    low, high = (None, None) if parameter.range is None else parameter.range
    value = parameter.raw
    simple = {
        "float": ("float", "v0: float", "v0", "[here]"),
        "int": ("int", "v0: int", "v0", "[here]"),
        "bool": ("int", "v0: int", "v0 > 0", "[int(here)]"),
        "choice": ("str", "v0: str", "v0", "[here]"),
    }
    if kind in simple:
        nn_type, arguments, passed, got = simple[kind]
        value = int(value) if kind == "bool" else value
        if kind == "bool":
            low, high = 0, 1
        choices = tuple(parameter.choices) if kind == "choice" else ()
        info = AttributeInfo(
            name, kind, (nn_type,), (value,), _bound(low), _bound(high), choices, tuple(bends)
        )
        returned = f"List[{nn_type}]"
        return Attribute(info, control, arguments, "set", passed, returned, got, tuple(folds))
    if kind == "complex":
        info = AttributeInfo(
            name, kind, ("float",) * 2, (value.real, value.imag), bends=tuple(bends)
        )
        return Attribute(
            info,
            control,
            "v0: float, v1: float",
            "set",
            "v0, v1",
            "List[float]",
            "[here[0], here[1]]",
            tuple(folds),
        )
    values = tuple(float(v) for v in value.tolist())
    form = vector or ("floats" if len(values) <= MOST_FLOATS else "buffer")
    if form not in VECTOR_FORMS:
        raise ExportError(f"{name}: a vector is exported as one of {VECTOR_FORMS}, not {form!r}")
    types = {"floats": ("float",) * len(values), "tensor": ("tensor",), "buffer": ("buffer",)}
    info = AttributeInfo(
        name, kind, types[form], values, _bound(low), _bound(high), bends=tuple(bends)
    )
    words = [f"v{i}" for i in range(len(values))]
    arguments, setter, passed, returned, got = {
        "floats": (
            ", ".join(f"{w}: float" for w in words),
            "set_list",
            f"[{', '.join(words)}]",
            "List[float]",
            f"[{', '.join(f'float(here[{i}])' for i in range(len(words)))}]",
        ),
        "tensor": ("v0: Tensor", "set", "v0", "List[Tensor]", "[here]"),
        "buffer": ("v0: str", "set", "v0", "List[str]", "[here]"),
    }[form]
    if form != "floats":
        kind_of_array = Array if form == "buffer" else TensorArray
        control = torch.jit.script(kind_of_array(control, value))
    return Attribute(info, control, arguments, setter, passed, returned, got, tuple(folds))


def of_model(attribute: ModelAttribute, model: torch.jit.ScriptModule) -> Attribute:
    """Make the attribute of a setting that the model keeps in a buffer of one element.

    Args:
        attribute: what the model says of it.
        model: the scripted model, which has the buffer.
    """
    path, _, buffer = attribute.buffer.rpartition(".")
    holder = dict(model.named_modules())[path]
    low, high = (0.0, 1.0) if attribute.kind == "bool" else (attribute.low, attribute.high)
    nn_type = "float" if attribute.kind == "float" else "int"
    value = getattr(holder, buffer).item()
    default = float(value) if nn_type == "float" else int(value)
    info = AttributeInfo(attribute.name, attribute.kind, (nn_type,), (default,), low, high)
    control = setting(
        holder,
        buffer,
        -LARGEST if low is None else float(low),
        LARGEST if high is None else float(high),
    )
    passed = "float(v0 > 0)" if attribute.kind == "bool" else "float(v0)"
    got = "[here]" if nn_type == "float" else "[int(here)]"
    return Attribute(info, control, f"v0: {nn_type}", "set", passed, f"List[{nn_type}]", got)


def array_methods(
    arrays: Mapping[str, Sequence[str]], others: Mapping[str, str] | None = None
) -> str:
    """Source of what nn~ 1.6 sets arrays by; it names them ``<attribute>#0``.

    Args:
        arrays: for each attribute of that kind, the names of what it folds.
        others: of arrays that are not of this kind: for each of the four methods, the
            expression that asks for them.
    """
    rest = {
        "get_buffer_attributes": "torch.jit.annotate(List[str], [])",
        "set_buffer_attribute": "-1",
        "clear_buffer_attribute": "-1",
        "is_buffer_empty": "True",
        **(others or {}),
    }
    names = ", ".join(f"'{name}#0'" for name in arrays)
    loads = clears = ""
    for name, folds in arrays.items():
        here = f"self._controls.{name}"
        for what, call in (("load", "load(buffer)"), ("clear", "clear()")):
            text = (
                f"    if buffer_name == '{name}#0':\n"
                f"        done = {here}.{call}\n"
                f"        if done == 0:\n            pass\n"
                f"{textwrap.indent(fold_calls(folds), '    ')}"
                f"        return done\n"
            )
            loads, clears = (loads + text, clears) if what == "load" else (loads, clears + text)
    return (
        "def get_buffer_attributes(self) -> List[str]:\n"
        f"    return {rest['get_buffer_attributes']} + [{names}]\n\n"
        "def set_buffer_attribute(self, buffer_name: str, buffer: Tensor, sr: int) -> int:\n"
        f"{loads}    return {rest['set_buffer_attribute']}\n\n"
        "def clear_buffer_attribute(self, buffer_name: str) -> int:\n"
        f"{clears}    return {rest['clear_buffer_attribute']}\n\n"
        "def is_buffer_empty(self, buffer_name: str) -> bool:\n"
        f"    if buffer_name in [{names}]:\n        return False\n"
        f"    return {rest['is_buffer_empty']}\n"
    )


def fold_calls(folds: Sequence[str]) -> str:
    """Source that computes folds anew, indented for the inside of an ``if``."""
    return "".join(f"        self.{fold}.fold()\n" for fold in folds)


def _values(value: Any) -> tuple[Any, ...]:
    """A control's value as JSON has it, one for each of an attribute's types."""
    if isinstance(value, complex):
        return (value.real, value.imag)
    if isinstance(value, list):
        return tuple(value)
    return (int(value) if isinstance(value, bool) else value,)


def _bound(value: complex | None) -> float | None:
    """A bound as JSON has it: None for none."""
    if value is None or isinstance(value, complex) or math.isinf(value):
        return None
    return value
