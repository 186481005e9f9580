"""What the libtorch inside nn~ cannot load.

nn~ 1.6 ships libtorch 2.5. A file that uses an operator, an overload or an argument that came
later opens here and fails on the artist's machine. So every function in the file's code is
compared with a table of the operators of 2.5 (``ops/``, written by scripts/operators.py).

The code is compiled from the file's own text, as nn~ does it: every method of every class,
those that are only reached through an interface, and free functions.
"""

from __future__ import annotations

import importlib.resources
import io
import json
import lzma
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import torch

from torchbend.archive import Archive, ArchiveError
from torchbend.errors import TorchbendError, first_line
from torchbend.scripts.graphs import wrapped

__all__ = ["LIBTORCH", "GuardError", "Problem", "guard", "refuse"]

LIBTORCH = "2.5"

Arguments: TypeAlias = Sequence[Sequence[Any]]  # [name, type, has a default, by name alone]
Table: TypeAlias = Mapping[str, Arguments]

_NEWEST_ARCHIVE = 10  # of the format that 2.5 reads; the archive member "version"
_STORAGES = frozenset(
    "Byte Char Short Int Long Half Float Double ComplexHalf ComplexFloat ComplexDouble Bool "
    "BFloat16 QInt8 QUInt8 QInt32 QUInt4x2 QUInt2x4 UInt16 UInt32 UInt64 Float8_e5m2 "
    "Float8_e4m3fn Float8_e5m2fnuz Float8_e4m3fnuz Untyped".split()
)
_HINTS = (
    (
        re.compile(r"aten::_upsample_lanczos"),
        "F.interpolate and nn.Upsample bring it along, whatever their mode: repeat samples with "
        "repeat_interleave, or call the operator itself, such as "
        "torch.ops.aten.upsample_linear1d(x, [frames], False, None)",
    ),
    (
        re.compile(r"aten::i?stft"),
        "torch.stft and torch.istft pass it: call torch.ops.aten.stft(...) or "
        "torch.ops.aten.istft(...) without it",
    ),
)


class GuardError(TorchbendError):
    """A file that nn~ could not load."""


@dataclass(frozen=True)
class Problem:
    """One thing that nn~'s libtorch does not know.

    Attributes:
        operator: with its overload, such as ``"aten::stft.center"``; or what else is new.
        what: is wrong with it.
        place: the method and the modules that use it.
        source: file and line it was written at; empty where the file does not say.
        hint: what to do about it; empty where none is known.
    """

    operator: str
    what: str
    place: str = ""
    source: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.place, self.source) if part)
        hint = f": {self.hint}" if self.hint else ""
        return f"{self.operator} {self.what}{f' ({where})' if where else ''}{hint}"


def refuse(module_or_path: torch.jit.ScriptModule | str | Path) -> None:
    """Raise an error that names every operator which nn~'s libtorch cannot load.

    Args:
        module_or_path: a scripted module, or a ``.ts`` file.

    Raises:
        GuardError: if there is any.
        ArchiveError: if the file cannot be opened here.
    """
    problems = guard(module_or_path)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise GuardError(
            f"nn~ could not load this: it has libtorch {LIBTORCH}, where the following is "
            f"unknown:\n{listed}"
        )


def guard(module_or_path: torch.jit.ScriptModule | str | Path | Archive) -> list[Problem]:
    """Find what nn~'s libtorch cannot load.

    Args:
        module_or_path: a scripted module, or a ``.ts`` file, which may be read already.

    Returns:
        The problems, one for each operator and place; empty if there are none.

    Raises:
        ArchiveError: if the file cannot be opened here.
    """
    if isinstance(module_or_path, (str, Path)):
        module_or_path = Archive(module_or_path)
    if isinstance(module_or_path, Archive):
        archive = module_or_path
        return [
            *_in_data(archive),
            *_in_code(archive.copy(notes=True).getvalue(), str(archive.path)),
        ]
    # Saved and read again: the printed code is what nn~ compiles.
    saved = io.BytesIO()
    torch.jit.save(module_or_path, saved)
    return _in_code(saved.getvalue(), "the module")


@cache
def operators() -> Table:
    """Every operator of nn~'s libtorch, with its overload, and its arguments."""
    file = importlib.resources.files("torchbend.export") / "ops" / f"libtorch-{LIBTORCH}.json.xz"
    table: Table = json.loads(lzma.decompress(file.read_bytes()))
    return table


def _in_data(archive: Archive) -> Iterator[Problem]:
    version = (archive.read("version") or b"").strip()
    if version.isdigit() and int(version) > _NEWEST_ARCHIVE:
        yield Problem("the archive", f"has the format {int(version)}, {LIBTORCH} reads 10")
    for name in ("data.pkl", "constants.pkl"):
        found = re.findall(rb"ctorch\n(\w+)Storage\n", archive.read(name) or b"")
        for kind in sorted({k.decode() for k in found} - _STORAGES):
            yield Problem(f"torch.{kind}Storage", "is a type of number that came later")


def _in_code(data: bytes, name: str) -> list[Problem]:
    # As torch.jit.load does it, but keeping the unit that holds all the functions. The stubs
    # of these are wrong.
    native: Any = torch._C
    unit = native.CompilationUnit()
    try:
        root = native.import_ir_module_from_buffer(unit, data, torch.device("cpu"), {}, False)
    except Exception as error:  # noqa: BLE001 - torch answers with almost any error
        raise ArchiveError(
            f"{name} cannot be opened by torch {torch.__version__}: {first_line(error)}"
        ) from error
    places = _Places(unit, root)
    found: dict[tuple[str, str, str], Problem] = {}
    for function in unit.get_functions():
        for node in _nodes(function.graph):
            for operator, what in _missing(node, operators()):
                place = places.of(function.qualified_name)
                found.setdefault((operator, what, place), _problem(operator, what, place, node))
    return [found[key] for key in sorted(found)]


def _problem(operator: str, what: str, place: str, node: Any) -> Problem:
    hint = next((hint for pattern, hint in _HINTS if pattern.match(operator)), "")
    line = re.search(r'File "(?:[^"]*site-packages/)?([^"]+)", line (\d+)', node.sourceRange())
    return Problem(operator, what, place, f"{line[1]}:{line[2]}" if line else "", hint)


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _missing(node: Any, table: Table) -> Iterator[tuple[str, str]]:
    """What a table does not know of a node's operator and of the arguments it is given."""
    text = node.schema()
    if not text or text == "(no schema)":
        return  # control flow, constants, attributes: the language itself
    schema = torch._C.parse_schema(text)
    overload = schema.overload_name
    operator = f"{schema.name}.{overload}" if overload else schema.name
    if operator not in table:
        yield operator, "is not there"
        return
    known = {argument[0]: argument for argument in table[operator]}
    for at, argument in enumerate(schema.arguments):
        given = node.inputsAt(at)
        old = known.pop(argument.name, None)
        if old is None:
            if not _is_default(given, argument):
                yield operator, f"has no argument {argument.name!r}"
        elif argument.has_default_value() and not old[2] and _is_default(given, argument):
            # What is at its default is left out of the file.
            yield operator, f"must be given {argument.name!r}"
        elif _optional(argument.type.annotation_str) and not _optional(old[1]):
            if given.node().mustBeNone() or _optional(given.type().annotation_str):
                yield operator, f"takes no None as {argument.name!r}"
    for name, old in known.items():
        if not old[2]:
            yield operator, f"must be given {name!r}"


def _optional(annotation: str) -> bool:
    return annotation.startswith("Optional[")


def _is_default(value: Any, argument: Any) -> bool:
    if not argument.has_default_value():
        return False
    node = value.node()
    if argument.default_value is None:
        return bool(node.mustBeNone())
    return bool(node.kind() == "prim::Constant" and value.toIValue() == argument.default_value)


class _Places:
    """Says in people's words where a function of the file is used."""

    def __init__(self, unit: Any, root: Any) -> None:
        module = wrapped(root)
        self._modules: dict[str, list[str]] = defaultdict(list)
        for path, sub in module.named_modules():
            self._modules[sub._c._type().qualified_name()].append(path or "the model itself")
        self._callers: dict[str, list[str]] = defaultdict(list)
        for function in unit.get_functions():
            for node in function.graph.findAllNodes("prim::CallFunction"):
                callee = node.inputsAt(0).type().annotation_str
                self._callers[callee].append(function.qualified_name)

    def of(self, function: str) -> str:
        users = list(dict.fromkeys(self._users(function, set())))
        more = f" and {len(users) - 3} more" if len(users) > 3 else ""
        where = f" of {', '.join(users[:3])}{more}" if users else ""
        return f"{function.rpartition('.')[2]}{where}"

    def _users(self, function: str, seen: set[str]) -> Iterator[str]:
        """Paths of the modules with the method, or with methods that call the function."""
        if function in seen:
            return
        seen.add(function)
        yield from self._modules.get(function.rpartition(".")[0], ())
        for caller in self._callers.get(function, ()):
            yield from self._users(caller, seen)
