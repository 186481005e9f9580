"""A model out of somebody's Python file: the only way in which the live host runs their code."""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchbend.errors import BendingError, LiveError, TorchbendError, first_line, suggest
from torchbend.tracing import BendedModule

__all__ = ["as_bended", "model_from", "split_name"]

_DEFAULT = "model"
_FRAMES = 8192  # of sound that an untraced method is tried with


def split_name(text: str) -> tuple[Path, str]:
    """``"file.py:net"`` as the file and the name in it, ``model`` where none is given."""
    if not Path(text).exists():
        head, colon, name = text.rpartition(":")
        if colon and head and (name.isidentifier() or not name):
            return Path(head), name or _DEFAULT
    return Path(text), _DEFAULT


def model_from(text: str) -> BendedModule:
    """Run a Python file, and take a model out of it.

    Args:
        text: ``FILE`` or ``FILE:NAME``; the name is that of a ``BendedModule`` or of any
            ``torch.nn.Module`` at the top of the file, ``model`` if left out.

    Raises:
        LiveError: there is no such file or name, the file raises, or what the name stands for
            is no module that can be played.
    """
    path, name = split_name(text)
    if not path.is_file():
        raise LiveError(f"there is no Python file {str(path)!r}")
    found = _run(path)
    if name not in found:
        modules = [k for k, v in found.items() if isinstance(v, (nn.Module, BendedModule))]
        near = f" {suggest(name, modules)} Choose one with {path}:NAME" if modules else ""
        raise LiveError(f"{path} has no {name!r} that could be played.{near}")
    try:
        return as_bended(found[name])
    except BendingError as error:
        raise LiveError(f"{path}:{name} cannot be played: {error}") from error


def as_bended(model: object) -> BendedModule:
    """A bent module with something traced, of a module of any kind.

    A module that is not bent yet is tried with sound: with the channels that its
    ``<method>_params`` tell, as nn~ reads them; otherwise ``forward`` with one and two.

    Raises:
        BendingError: it is no module, or does not play sound.
    """
    if isinstance(model, BendedModule):
        if not model.traced_methods:
            raise BendingError("none of its methods is traced: call trace(fn, ...) on it first")
        return model
    if not isinstance(model, nn.Module):
        raise BendingError(
            f"it is {type(model).__name__}, and not a torch.nn.Module or a BendedModule"
        )
    bended: BendedModule = BendedModule(model)
    if not bended.traced_methods:
        _trace(bended, model)
    return bended


def _trace(bended: BendedModule, model: nn.Module) -> None:
    methods = {
        name.removesuffix("_params"): [int(value) for value in buffer.flatten().tolist()]
        for name, buffer in model.named_buffers()
        if name.endswith("_params") and "." not in name and buffer.numel() == 4
    }
    methods = {fn: p for fn, p in methods.items() if callable(getattr(model, fn, None))}
    largest = max((max(p[1], p[3]) for p in methods.values()), default=1)
    for fn, (channels, ratio, *_) in methods.items():
        frames = max(_FRAMES, 2 * largest) // max(ratio, 1)
        bended.trace(fn, torch.zeros(1, channels, frames))
    if methods:
        return
    failed: list[str] = []
    for channels in (1, 2):
        try:
            bended.trace("forward", torch.zeros(1, channels, _FRAMES))
        except TorchbendError as error:
            failed.append(f"with {channels}: {first_line(error)}")
        else:
            return
    raise BendingError(
        f"its forward plays no sound of (1, channels, {_FRAMES}) ({'; '.join(failed)}). Trace "
        "it in the file: model = tb.BendedModule(net); model.trace(x=...)"
    )


def _run(path: Path) -> dict[str, Any]:
    try:
        with _folder_first(path.resolve().parent):
            return runpy.run_path(str(path), run_name=f"torchbend_live_{path.stem}")
    except SyntaxError as error:
        raise LiveError(f"{error.filename or path}, line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody's code may raise anything
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        where = f"{path}, line {own[-1].lineno}" if own else str(path)
        raise LiveError(f"{where}: {type(error).__name__}: {first_line(error)}") from error


@contextlib.contextmanager
def _folder_first(folder: Path) -> Iterator[None]:
    """Let a file import what lies beside it, as ``python FILE`` does."""
    entry = os.fspath(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)
