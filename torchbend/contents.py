"""What a file says it plays: read from its description, or asked of the opened module.

A file made by torchbend carries its description as data. Any other file is asked as nn~ asks
it: ``get_methods``, the ``*_params`` buffers, the getters. What does not fit nn~'s contract
is listed beside the answers, not raised.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from torchbend.archive import Archive
from torchbend.description import (
    EXTRA_FILE,
    TYPE_CODES,
    AttributeInfo,
    DescriptionError,
    FileInfo,
    MethodInfo,
)
from torchbend.errors import first_line, script_line

__all__ = ["Asked", "ask", "as_list", "read_info"]

TYPES = {code: name for name, code in TYPE_CODES.items()}
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def read_info(path: str | Path | Archive) -> FileInfo | None:
    """Read the description inside a file; nothing in the file is executed.

    Args:
        path: of the ``.ts`` file, or the archive read already.

    Returns:
        The description; None if torchbend did not make the file.

    Raises:
        ArchiveError: if the file is no TorchScript archive, is damaged or hostile.
        DescriptionError: if the description cannot be read.
    """
    archive = path if isinstance(path, Archive) else Archive(path)
    text = archive.read(f"extra/{EXTRA_FILE}")
    if text is None:
        return None
    try:
        return FileInfo.from_dict(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise DescriptionError(
            f"{archive.path}: {EXTRA_FILE} inside is no JSON: {first_line(error)}"
        ) from error
    except DescriptionError as error:
        raise DescriptionError(f"{archive.path}: in {EXTRA_FILE}, {error}") from error


@dataclass
class Asked:
    """What an opened file answered.

    Attributes:
        info: as far as it could be found out.
        problems: what breaks nn~'s contract, by topic: ``"methods"``, ``"labels"``,
            ``"attributes"``, ``"getters"``, ``"setters"``, ``"sample rate"``.
    """

    info: FileInfo
    problems: dict[str, list[str]] = field(default_factory=dict)


def ask(module: torch.jit.ScriptModule, name: str) -> Asked:
    """Ask a module what nn~ would ask it.

    Args:
        module: opened.
        name: of the model, for people.
    """
    asking = _Asking(module)
    info = FileInfo(
        model=name,
        methods=tuple(asking.methods()),
        attributes=tuple(asking.attributes()),
        sample_rate=asking.sample_rate(),
    )
    return Asked(info, asking.problems)


def as_list(value: Any) -> tuple[Any, ...]:
    """The values of a getter, even of one that answers with a bare value."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


class _Asking:
    def __init__(self, module: torch.jit.ScriptModule) -> None:
        self.module = module
        self.buffers = {name: buffer for name, buffer in module.named_buffers() if "." not in name}
        self.defined = set(module._c._method_names())
        self.problems: dict[str, list[str]] = {}

    def methods(self) -> Iterator[MethodInfo]:
        names = self._names("methods", "get_methods")
        if names is None:  # nn~ then looks for what has parameters
            names = sorted(m for m in self.defined if self.module._c.hasattr(f"{m}_params"))
        if not names:
            self._wrong("methods", "there are none: nn~ has nothing to play")
        for name in names:
            if name not in self.defined:
                self._wrong("methods", f"{name!r} is listed and not defined")
                continue
            params = self._integers("methods", name)
            if params is None:
                continue
            if len(params) != 4 or min(params) < 1:
                self._wrong(
                    "methods",
                    f"{name}_params is {params}; wanted are four numbers from 1 on: channels "
                    "and ratio of the input, channels and ratio of the output",
                )
                continue
            ins = self._labels(name, "input", params[0])
            outs = self._labels(name, "output", params[2])
            in_channels, in_ratio, out_channels, out_ratio = params
            yield MethodInfo(name, in_channels, in_ratio, out_channels, out_ratio, ins, outs)

    def attributes(self) -> Iterator[AttributeInfo]:
        for name in self._names("attributes", "get_attributes") or ():
            codes = self._integers("attributes", name)
            if codes is None:
                continue
            unknown = [code for code in codes if code not in TYPES]
            if unknown or not codes:
                self._wrong("attributes", f"{name}_params is {codes}; types are {TYPES}")
                continue
            types = tuple(TYPES[code] for code in codes)
            self._check_setter(name, types)
            values = self._get(name, types)
            if values is None:
                continue
            yield AttributeInfo(name, _kind(types), types, _plain(values))

    def sample_rate(self) -> int | None:
        if "get_sample_rate" not in self.defined:
            return None
        rate = self._call("sample rate", "get_sample_rate")
        if rate is None:
            return None
        if not isinstance(rate, int) or rate < 1:
            self._wrong("sample rate", f"get_sample_rate answers {rate!r}, no rate in Hz")
            return None
        return rate

    def _wrong(self, topic: str, what: str) -> None:
        self.problems.setdefault(topic, []).append(what)

    def _call(self, topic: str, name: str) -> Any:
        function: Callable[[], Any] = getattr(self.module, name)
        try:
            return function()
        except Exception as error:  # noqa: BLE001 - a file may raise anything
            self._wrong(topic, f"{name} raises: {script_line(error)}")
            return None

    def _names(self, topic: str, getter: str) -> list[str] | None:
        if getter not in self.defined:
            return None
        names = self._call(topic, getter)
        if names is None:
            return []
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            self._wrong(topic, f"{getter} answers {names!r}, no list of strings")
            return []
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            self._wrong(topic, f"{getter} lists {', '.join(doubled)} more than once")
        return list(dict.fromkeys(names))

    def _integers(self, topic: str, name: str) -> list[int] | None:
        """The numbers in ``<name>_params``, which nn~ finds among the buffers alone."""
        key = f"{name}_params"
        params = self.buffers.get(key)
        if params is None:
            held = self.module._c.hasattr(key)
            self._wrong(
                topic, f"{key} is {'no registered buffer' if held else 'missing'}: nn~ reads it"
            )
            return None
        if params.dtype not in _INTEGERS:
            self._wrong(topic, f"{key} holds {params.dtype}, no integers")
            return None
        return [int(value) for value in params.flatten().tolist()]

    def _labels(self, name: str, way: str, channels: int) -> tuple[str, ...]:
        key = f"{name}_{way}_labels"
        if not self.module._c.hasattr(key):
            self._wrong("labels", f"{key} is missing")
            return ()
        labels = getattr(self.module, key)
        if not isinstance(labels, list) or not all(isinstance(n, str) for n in labels):
            self._wrong("labels", f"{key} is no list of strings")
            return ()
        if len(labels) != channels:
            self._wrong("labels", f"{key} has {len(labels)} labels for {channels} channels")
        return tuple(labels)

    def _check_setter(self, name: str, types: tuple[str, ...]) -> None:
        if f"set_{name}" not in self.defined:
            self._wrong("setters", f"set_{name} is missing")
            return
        schema = self.module._c._get_method(f"set_{name}").schema
        wanted = len(schema.arguments) - 1
        if wanted != len(types):
            self._wrong(
                "setters", f"set_{name} takes {wanted} values and {name}_params has {len(types)}"
            )
        returned = [value.type.annotation_str for value in schema.returns]
        if returned != ["int"]:
            self._wrong("setters", f"set_{name} returns {', '.join(returned)}; nn~ wants an int")

    def _get(self, name: str, types: tuple[str, ...]) -> tuple[Any, ...] | None:
        getter = f"get_{name}"
        if getter not in self.defined:
            self._wrong("getters", f"{getter} is missing")
            return None
        value = self._call("getters", getter)
        if value is None:
            return None
        values = as_list(value)
        if not isinstance(value, (list, tuple)):
            self._wrong(
                "getters",
                f"{getter} answers with a bare {type(value).__name__}; nn~ reads a list or a "
                "tuple and nothing else",
            )
        elif len(values) != len(types):
            self._wrong("getters", f"{getter} answers with {len(values)} of {len(types)} values")
        return values


def _kind(types: tuple[str, ...]) -> str:
    if len(types) == 1:
        return "vector" if types[0] in ("tensor", "buffer") else types[0]
    return "vector" if set(types) == {"float"} else " ".join(types)


def _plain(values: tuple[Any, ...]) -> tuple[float | int | str, ...]:
    """Values of a getter as a description holds them: a tensor as its elements."""
    plain: list[float | int | str] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            plain += value.flatten().tolist()
        else:
            plain.append(int(value) if isinstance(value, bool) else value)
    return tuple(plain)
