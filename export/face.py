"""The face of an exported file: what nn~ sees, in front of the scripted model.

One module with the methods, labels, attributes and setters that nn~ looks for. The model
stands behind an interface, so that the first call of a setter does not compile a model.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from torchbend.errors import ExportError
from torchbend.export.attributes import Attribute, array_methods
from torchbend.export.interfaces import Folds, Plays
from torchbend.export.shapes import Method

__all__ = ["Knobs", "build_face", "check_names", "string_list"]

_RESERVED = (
    "clear_buffer_attribute",
    "get_attributes",
    "get_buffer_attributes",
    "get_methods",
    "get_sample_rate",
    "is_buffer_empty",
    "set_buffer_attribute",
    "set_sample_rate",
)


class _Controls(nn.Module):
    """Holds the controls by the names of their attributes."""


class Knobs:
    """The attributes of a face, with the names under which it holds what they need.

    Attributes:
        names: of the attributes.
        controls: to be held as ``_controls``.
        codes: nn~'s type codes, the buffers ``<name>_params``.
        folds: what is computed anew when a control moves, by the name to hold it under.
    """

    def __init__(self, attributes: Sequence[Attribute]) -> None:
        """Name what the attributes need; two may share a fold."""
        self._attributes = tuple(attributes)
        self.names = [a.name for a in attributes]
        self.controls: nn.Module = _Controls()
        self.codes = {f"{a.name}_params": a.codes for a in attributes}
        self.folds: dict[str, nn.Module] = {}
        self._folded: dict[str, list[str]] = {name: [] for name in self.names}
        known: dict[int, str] = {}
        for attribute in attributes:
            self.controls.add_module(attribute.name, attribute.control)
            for fold in attribute.folds:
                name = known.setdefault(id(fold), f"_fold{len(known)}")
                self.folds[name] = fold
                self._folded[attribute.name].append(name)

    @property
    def arrays(self) -> dict[str, list[str]]:
        """The attributes that an array sets, and what each folds."""
        return {a.name: self._folded[a.name] for a in self._attributes if a.is_array}

    def sources(self) -> list[str]:
        """The setter and the getter of each."""
        # an array's content folds when it comes; its name, which nn~ sends after it, does not
        named = [a.name for a in self._attributes if a.info.types == ("buffer",)]
        return [a.source(() if a.name in named else self._folded[a.name]) for a in self._attributes]


def build_face(
    model: torch.jit.ScriptModule,
    methods: Sequence[Method],
    attributes: Sequence[Attribute],
    sample_rate: int | None,
) -> torch.jit.ScriptModule:
    """Put a face before a scripted model.

    Args:
        model: has the methods under their own names; gets one more, ``play``.
        methods: what nn~ plays.
        attributes: what nn~ sets.
        sample_rate: in Hz, or None.

    Raises:
        ExportError: two things in the file would have one name.
    """
    check_names([m.info.name for m in methods], [a.name for a in attributes])
    model.define(_play(methods))
    face = nn.Module()
    kinds: dict[str, object] = {"_model": Plays}
    face._model = model
    knobs = Knobs(attributes)
    for name, codes in knobs.codes.items():
        face.register_buffer(name, codes)
    face._controls = knobs.controls
    for name, fold in knobs.folds.items():
        kinds[name] = Folds
        setattr(face, name, fold)
    for method in methods:
        info = method.info
        params = [info.in_channels, info.in_ratio, info.out_channels, info.out_ratio]
        face.register_buffer(f"{info.name}_params", torch.tensor(params))
        for way, labels in (("input", info.input_labels), ("output", info.output_labels)):
            kinds[f"{info.name}_{way}_labels"] = list[str]
            setattr(face, f"{info.name}_{way}_labels", list(labels))
    face.__class__ = type("Bent", (nn.Module,), {"__annotations__": kinds})
    scripted: torch.jit.ScriptModule = torch.jit.script(face)
    for text in _sources(methods, knobs, sample_rate):
        scripted.define(text)
    return scripted.eval()


def check_names(
    methods: Sequence[str],
    attributes: Sequence[str],
    others: Mapping[str, str] | None = None,
) -> None:
    """Check that no two things in a file would have one name.

    Args:
        methods: what nn~ plays.
        attributes: what nn~ sets.
        others: names that are taken in a file already, and by what.

    Raises:
        ExportError: two would; names both.
    """
    taken = (*_RESERVED, *dir(nn.Module()), *keyword.kwlist)
    owners = {name: "nn~, torch or Python" for name in taken if name != "forward"}
    if "forward" not in methods:
        owners["forward"] = "torch"
    owners.update(others or {})
    for name in methods:
        for used in (name, f"{name}_params", f"{name}_input_labels", f"{name}_output_labels"):
            _claim(owners, used, f"the method {name!r}")
    for name in attributes:
        for used in (name, f"{name}_params", f"get_{name}", f"set_{name}"):
            _claim(owners, used, f"the attribute {name!r}")


def _claim(owners: dict[str, str], name: str, owner: str) -> None:
    if name in owners:
        raise ExportError(
            f"{owner} would be known in the file as {name!r}, and so would {owners[name]}: "
            "give the control another name"
        )
    owners[name] = owner


def _play(methods: Sequence[Method]) -> str:
    """Source of the one method through which the face reaches all of the model's."""
    text = "def play(self, method: int, x: Tensor) -> Tensor:\n"
    for i, method in enumerate(methods):
        body = "".join(f"        {line}\n" for line in _call(method))
        text += f"    if method == {i}:\n{body}"
    return text + "    return x\n"


def _call(method: Method) -> list[str]:
    """Source lines that adapt nn~'s tensor to the method's inputs and its outputs to nn~'s."""
    alone = len(method.inputs[0].shape) == 1  # plays one item of a batch at a time
    arguments = []
    channel = 0
    for given in method.inputs:
        if len(given.shape) == 3 and len(method.inputs) == 1:
            text = "x"
        elif len(given.shape) == 3:
            text = f"x[:, {channel}:{channel + given.channels}]"
        elif alone:
            text = f"x[item, {channel}]"
        else:
            text = f"x[:, {channel}]"
        if given.dtype != torch.float32:
            rounded = ".round()" if not given.dtype.is_floating_point else ""
            text = f"{text}{rounded}.to({given.dtype})"
            if given.bounds is not None:
                text += f".clamp({given.bounds[0]}, {given.bounds[1]})"
        arguments.append(text)
        channel += given.channels
    call = f"self.{method.info.name}({', '.join(arguments)})"
    if not alone:
        return [f"y = {call}", f"return {_joined(method, 'y')}"]
    return [
        "items: List[Tensor] = []",
        "for item in range(x.size(0)):",
        f"    y = {call}",
        f"    items.append({_joined(method, 'y')})",
        "return torch.cat(items, 0)",
    ]


def _joined(method: Method, name: str) -> str:
    """Source of the outputs as one tensor ``(batch, channels, frames)``."""
    parts = []
    for i, (rank, dtype) in enumerate(method.outputs):
        text = f"{name}[{i}]" if method.several else name
        text += {1: ".unsqueeze(0).unsqueeze(0)", 2: ".unsqueeze(1)", 3: ""}[rank]
        parts.append(text if dtype == torch.float32 else f"{text}.to(torch.float32)")
    return parts[0] if len(parts) == 1 else f"torch.cat([{', '.join(parts)}], 1)"


def _sources(methods: Sequence[Method], knobs: Knobs, sample_rate: int | None) -> list[str]:
    """Source of everything that nn~ calls."""
    texts = [
        f"def {m.info.name}(self, x: Tensor) -> Tensor:\n    return self._model.play({i}, x)\n"
        for i, m in enumerate(methods)
    ]
    played = string_list([m.info.name for m in methods])
    texts.append(f"def get_methods(self) -> List[str]:\n    return {played}\n")
    settable = string_list(knobs.names)
    texts.append(f"def get_attributes(self) -> List[str]:\n    return {settable}\n")
    texts += knobs.sources()
    if knobs.arrays:
        texts.append(array_methods(knobs.arrays))
    if sample_rate is not None:
        texts.append(
            f"def get_sample_rate(self) -> int:\n    return {sample_rate}\n\n"
            "def set_sample_rate(self, sr: int) -> None:\n    pass\n"
        )
    return texts


def string_list(items: Sequence[str]) -> str:
    """Source of a list of strings, which may be empty."""
    return f"[{', '.join(map(repr, items))}]" if items else "torch.jit.annotate(List[str], [])"
