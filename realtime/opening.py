"""Models for the live host: whatever they come as, a file that a worker can play.

What plays on stage is what plays in nn~, so a bent module is exported first. Where a bend cannot
become TorchScript, the module itself plays, in this process.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from torchbend.archive import Archive, is_torchscript, open_script
from torchbend.bending import BendingConfig, BendingParameter
from torchbend.bending.membership import memberships
from torchbend.contents import ask, read_info
from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.errors import LiveError, ScriptError, suggest
from torchbend.opening import open_model
from torchbend.realtime.python_file import as_bended, model_from, split_name
from torchbend.realtime.voice_file import voice_file
from torchbend.tracing import BendedModule
from torchbend.voice import voice

__all__ = ["Model", "Prepared", "choose_method", "prepare", "prepare_chain"]

Model = str | os.PathLike[str] | torch.nn.Module | BendedModule | None
Say = Callable[[str], object]

_UNBENT = "without bends, to be described"


@dataclass(frozen=True)
class Prepared:
    """A model that is ready to be played.

    Attributes:
        path: of a ``.ts`` file that a worker can open. Beside ``live``, the model without bends.
        info: what is inside; of ``live``, with its controls as attributes.
        method: what is played of it.
        name: for people and for addresses.
        watch: files after whose change it is to be prepared again.
        live: the module itself, where it cannot be written as a file.
        why_in_process: why it cannot.
    """

    path: Path
    info: FileInfo
    method: MethodInfo
    name: str
    watch: tuple[Path, ...] = ()
    live: BendedModule | None = None
    why_in_process: str | None = None


def prepare(
    model: Model = None,
    *,
    method: str | None = None,
    bend: str | os.PathLike[str] | BendingConfig | None = None,
    python: str | None = None,
    folder: str | os.PathLike[str],
    say: Callable[[str], object] = lambda line: None,
    **rave: Any,
) -> Prepared:
    """Open a model, bend it, and write it as a file if it is none yet.

    Args:
        model: a ``.ts`` file, the folder or a checkpoint of a RAVE run, a bent module, any other
            module; None is the built-in voice.
        method: what to play of it; ``forward``, else ``decode``, else the first.
        bend: a bending configuration, or the file that holds one; for the built-in voice in
            place of its own bends.
        python: ``FILE`` or ``FILE:NAME`` in place of ``model``: that file is run.
        folder: where files are written; they must stay while the model plays.
        say: is given a line before each step that takes long.
        **rave: how to open a RAVE run, as ``BendedRAVE`` takes it.

    Raises:
        TorchbendError: it cannot be opened, bent or played; says why.
    """
    if python is not None and model is not None:
        raise LiveError(f"the model comes from {python} or is {model}: name one of them")
    watch = [Path(bend)] if isinstance(bend, (str, os.PathLike)) else []
    if watch and not watch[0].is_file():
        raise LiveError(f"there is no bending configuration {str(watch[0])!r}")
    if python is not None:
        file, name = split_name(python)[0], split_name(python)[0].stem
        watch.append(file)
        say(f"running {file}")
        bended = model_from(python)
    elif model is None:
        name = "voice"
        if bend is None:
            say("opening the built-in voice")
            path, info = voice_file(Path(folder))
            return Prepared(path, info, choose_method(info, method, name), name)
        bended = voice()
        bended.reset()  # the bends that are given are all there are
    elif isinstance(model, (str, os.PathLike)):
        file = Path(model)
        name = _name_of(file)
        if file.exists() and is_torchscript(file):
            watch.insert(0, file)
            if bend is None:
                info = _described(file, say)
                return Prepared(file, info, choose_method(info, method, name), name, tuple(watch))
        say(f"opening {file}")
        bended = _opened(file, rave)
    else:
        bended = as_bended(model)
        name = type(bended.module).__name__
    _bend(bended, bend)
    made = _exported(bended, name, Path(folder), say)
    return replace(made, method=choose_method(made.info, method, name), watch=tuple(watch))


def prepare_chain(
    models: Model | list[Model] | tuple[Model, ...] = None,
    *,
    method: str | Sequence[str | None] | None = None,
    bend: Any = None,
    python: str | None = None,
    folder: str | os.PathLike[str],
    say: Callable[[str], object] = lambda line: None,
    **rave: Any,
) -> tuple[Prepared, ...]:
    """Prepare models that are played one after the other; one alone is a chain, too.

    Args:
        models: one, or several.
        method: for each of them; one alone for a chain of one.
        bend: a configuration for each of them, None for none; one alone for a chain of one.
        python: see `prepare`; of one model.
        folder: the same.
        say: the same.
        **rave: the same.

    Returns:
        The models, with names that differ.

    Raises:
        TorchbendError: one of them cannot be played; or they do not fit together.
    """
    chain: list[Model] = list(models) if isinstance(models, (list, tuple)) else [models]
    if not chain:
        raise LiveError("a chain has one model at least")
    if python is not None and len(chain) > 1:
        raise LiveError("a Python file gives one model; put a chain together in it, or in Python")
    methods = _each(method, len(chain), "method")
    bends = _each(bend, len(chain), "bending configuration")
    made = [
        prepare(m, method=f, bend=b, python=python, folder=folder, say=say, **rave)
        for m, f, b in zip(chain, methods, bends, strict=True)
    ]
    _check_fit(made, say)
    return tuple(replace(p, name=n) for p, n in zip(made, _apart(made), strict=True))


def _each(given: Any, count: int, what: str) -> list[Any]:
    if given is None:
        return [None] * count
    each = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(each) != count:
        raise LiveError(
            f"there are {len(each)} {what}s for {count} model{'s' if count > 1 else ''}: give one "
            "for each, in their order"
        )
    return each


def _check_fit(chain: Sequence[Prepared], say: Say) -> None:
    for first, then in zip(chain, chain[1:], strict=False):
        out, into = first.method.out_ratio, then.method.in_ratio
        if out != into:
            fitting = ", ".join(m.name for m in then.info.methods if m.in_ratio == out)
            raise LiveError(
                f"{first.method.name} of {first.name} gives one frame for {out} of sound, and "
                f"{then.method.name} of {then.name} takes one for {into}. "
                f"Methods of it that fit: {fitting or 'none'}"
            )
        if first.live or then.live:
            slow = first if first.live else then
            raise LiveError(
                f"{slow.name} plays in this process, where no chain does: {slow.why_in_process}"
            )
        rates = {first.info.sample_rate, then.info.sample_rate} - {None}
        if len(rates) > 1:
            say(
                f"{first.name} is made for {first.info.sample_rate} Hz and {then.name} for "
                f"{then.info.sample_rate}: they play at the rate of the first"
            )


def _apart(chain: Sequence[Prepared]) -> list[str]:
    """Names that differ: the second of a kind gets a ``-2``."""
    seen: Counter[str] = Counter()
    taken = {p.name for p in chain}
    names = []
    for each in chain:
        seen[each.name] += 1
        name = each.name
        while seen[each.name] > 1 and name in taken:
            name = f"{each.name}-{seen[each.name]}"
            seen[each.name] += name in taken
        taken.add(name)
        names.append(name)
    return names


def _name_of(file: Path) -> str:
    """The name of a file without what an OSC address cannot have."""
    stem = file.resolve().stem if file.suffix in (".ts", ".ckpt") else file.resolve().name
    return re.sub(r"[^\w.+-]+", "_", stem) or "model"


def choose_method(info: FileInfo, asked: str | None, name: str) -> MethodInfo:
    """What to play of a file.

    Args:
        info: what is inside.
        asked: the method's name; without it ``forward``, else ``decode``, else the first.
        name: of the file, for people.

    Raises:
        LiveError: there is no such method, or none at all.
    """
    there = {m.name: m for m in info.methods}
    if not there:
        raise LiveError(
            f"{name} has no method that can be played: none has four numbers in "
            "<method>_params, as nn~ wants them. torchbend info shows what is inside"
        )
    if asked is not None and asked not in there:
        raise LiveError(f"{name} has no method {asked!r}. {suggest(asked, there)}")
    chosen = asked or next((n for n in ("forward", "decode") if n in there), next(iter(there)))
    return there[chosen]


def _described(file: Path, say: Say) -> FileInfo:
    archive = Archive(file)
    info = read_info(archive)
    if info is None:
        say(f"asking {file.name} what it plays")
        module = open_script(archive)
        info = ask(module, file.stem).info
        deaf = [a.name for a in info.attributes if not _can_be_set(module, a)]
        if deaf:
            say(f"{file.name} has no setter that fits {', '.join(deaf)}: left out")
        attributes = tuple(a for a in info.attributes if a.name not in deaf)
        # What it keeps between two blocks is found by playing it.
        info = replace(info, attributes=attributes, state=None)
    return info


def _can_be_set(module: torch.jit.ScriptModule, attribute: AttributeInfo) -> bool:
    name = f"set_{attribute.name}"
    if name not in module._c._method_names():
        return False
    return len(module._c._get_method(name).schema.arguments) - 1 == len(attribute.types)


def _opened(file: Path, rave: dict[str, Any]) -> BendedModule:
    if not file.exists():
        near = [p.name for p in file.parent.glob("*") if p.suffix in (".ts", ".ckpt") or p.is_dir()]
        there = f" {suggest(file.name, near)}" if near else ""
        raise LiveError(f"there is no model {str(file)!r}.{there}")
    if file.suffix == ".py":
        raise LiveError(f"{file} is code, which is run only if asked for: --python {file}")
    return open_model(file, **{name: v for name, v in rave.items() if v is not None})


def _bend(bended: BendedModule, bend: str | os.PathLike[str] | BendingConfig | None) -> None:
    if isinstance(bend, (str, os.PathLike)):
        bend = BendingConfig.load(bend, bended)
    if bend is not None:
        bended.bend(bend)


def _exported(bended: BendedModule, name: str, folder: Path, say: Say) -> Prepared:
    say(f"writing {name} as a file to be played")
    path = _free(folder, name)
    options = {"name": name, "check": False, "patches": False}
    try:
        info = bended.export(path, **options).info
    except ScriptError as error:
        info = _describe_in_process(bended, path, options)
        why = str(error).partition(" torch says:")[0]
        return Prepared(path, info, info.methods[0], name, live=bended, why_in_process=why)
    return Prepared(path, info, info.methods[0], name)


def _free(folder: Path, name: str) -> Path:
    """A name that no file has: what an older one holds may be playing."""
    number = 1
    while (path := folder / f"{name}-{number}.ts").exists():
        number += 1
    return path


def _describe_in_process(bended: BendedModule, path: Path, options: dict[str, Any]) -> FileInfo:
    """The methods as the model without bends has them, and the controls of the bends."""
    before = bended.config
    bended.save_config_as(_UNBENT, force=True)
    try:
        bended.set_config(_UNBENT)
        bended.reset()
        info = bended.export(path, **options).info
    finally:
        bended.set_config(before)
    for method in info.methods:
        inputs = bended._trace_of(method.name).inputs
        if len(inputs) != 1:
            raise LiveError(
                f"{method.name} takes {len(inputs)} tensors, and what plays in this process "
                "takes one: wrap the module in one whose method does"
            )
    owners = memberships(bended.bending_callbacks)
    told = [_attribute(c, owners.get(c.name)) for c in bended.controllables.values()]
    return replace(info, attributes=(*info.attributes, *told))


def _attribute(control: BendingParameter, owner: tuple[str, str] | None) -> AttributeInfo:
    """A control as an exported file would have it, with the bend that it belongs to."""
    bend, part = owner or ("", "")
    value: Any = control.raw
    low, high = control.range or (None, None)
    types: tuple[str, ...] = (control.kind,)
    default: tuple[Any, ...] = (value,)
    if control.kind == "bool":
        types, default, low, high = ("int",), (int(value),), 0, 1
    elif control.kind == "choice":
        types = ("str",)
    elif control.kind == "complex":
        types, default = ("float",) * 2, (value.real, value.imag)
    elif control.kind == "vector":
        default = tuple(float(v) for v in value.tolist())
        types = ("float",) * len(default)
    return AttributeInfo(
        control.name,
        control.kind,
        types,
        default,
        low,
        high,
        tuple(control.choices),
        bend=bend,
        part=part,
    )
