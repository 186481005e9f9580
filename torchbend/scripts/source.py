"""Where fresh copies of a TorchScript module come from, and how state goes from one to another.

Torch keeps a plan of every graph that has run, so each set of bends is operated into a copy
that never ran. What a copy holds beside its code (weights, buffers, flags, lists) can be
handed to the next.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ..archive import Archive, open_bare
from ..errors import BendingError, first_line
from .graphs import Object, attributes_of, object_at, parameters_of, parts_of, wrapped
from .thaw import thaw
from .values import copied, put

__all__ = ["Contents", "Source", "contents_of", "hand_over", "put_back"]

# path of an object, name of its attribute -> value
Contents = dict[tuple[tuple[str, ...], str], Any]


class Source:
    """Opens copies of one module, all alike.

    Weights that are constants of a graph (of a frozen file) become parameters, under the same
    names in every copy.

    Args:
        open_copy: opens one, as it was saved, and gives its root as torch holds it.
        path: the file that it comes from, if it does.
        archive: that file, read as data.

    Attributes:
        weight_lists: attributes that are lists of their object's parameters (a GRU keeps
            one), by path and name: the parameters' names.
    """

    def __init__(
        self,
        open_copy: Callable[[], Object],
        path: Path | None = None,
        archive: Archive | None = None,
    ) -> None:
        self._open = open_copy
        self.path = path
        self.archive = archive
        self._slots: list[tuple[tuple[str, ...], list[str]]] | None = None
        self.weight_lists: dict[tuple[tuple[str, ...], str], list[str | None]] = {}

    @classmethod
    def of_file(cls, path: str | Path) -> Source:
        """Read a file, which is checked as data first.

        Raises:
            ArchiveError: it is no TorchScript, or holds what it should not.
        """
        archive = Archive(path)
        checked = archive.copy().getvalue()
        return cls(lambda: open_bare(checked, archive.path), Path(path), archive)

    @classmethod
    def of_module(cls, module: torch.jit.ScriptModule) -> Source:
        """Take a module as it is now.

        Raises:
            BendingError: it cannot be saved, so there can be no copies.
        """
        try:
            saved: bytes = module.save_to_buffer()
        except Exception as error:
            raise BendingError(
                f"this TorchScript module cannot be saved, and so not be bent: {first_line(error)}"
            ) from error
        return cls(lambda: open_bare(saved, "this TorchScript module"))

    def open(self) -> torch.jit.ScriptModule:
        """Open a copy that nothing has run."""
        return wrapped(self.open_bare())

    def open_bare(self) -> Object:
        """The same without Python's modules around its objects, which takes half the time."""
        root = self._open()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch.jit")
            thaw(root)
        if self._slots is None:
            self._slots = list(_slots(root))
            self.weight_lists = dict(_weight_lists(root, self._slots))
        return root

    @property
    def slots(self) -> list[tuple[tuple[str, ...], list[str]]]:
        """Each object of the module by path, with the names of its attributes."""
        if self._slots is None:
            self.open_bare()
        return self._slots or []


def _slots(
    holder: Object, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    yield path, attributes_of(holder)
    for name, part in parts_of(holder).items():
        yield from _slots(part, (*path, name))


def _weight_lists(
    root: Object, slots: list[tuple[tuple[str, ...], list[str]]]
) -> Iterator[tuple[tuple[tuple[str, ...], str], list[str | None]]]:
    for path, names in slots:
        holder = object_at(root, path)
        known = {p.data_ptr(): name for name, p in parameters_of(holder).items()}
        for name in names:
            value = holder.getattr(name) if known else None
            if isinstance(value, list) and value and isinstance(value[0], torch.Tensor):
                held = [known.get(tensor.data_ptr()) for tensor in value]
                if any(held):
                    yield (path, name), held


def hand_over(
    source: Source, old: torch.jit.ScriptModule, new: torch.jit.ScriptModule, *, share: bool
) -> None:
    """Give a copy what another holds.

    Args:
        source: of both.
        old: it may have run.
        new: the other.
        share: the very same weights and buffers, because the old one is given up; else its
            weights alone, and buffers and lists of its own with the same values.
    """
    for path, names in source.slots:
        theirs, ours = object_at(old._c, path), object_at(new._c, path)
        parameters = parameters_of(theirs)
        for name in names:
            value = theirs.getattr(name)
            if not (share or name in parameters or (path, name) in source.weight_lists):
                value = copied(value)
            ours.setattr(name, value)


def contents_of(source: Source, module: torch.jit.ScriptModule) -> Contents:
    """Copy all that a module may write while it runs: everything but its parameters."""
    found: Contents = {}
    for path, names in source.slots:
        holder = object_at(module._c, path)
        parameters = parameters_of(holder)
        for name in names:
            if name not in parameters and (path, name) not in source.weight_lists:
                found[path, name] = copied(holder.getattr(name))
    return found


def put_back(module: torch.jit.ScriptModule, contents: Contents) -> None:
    """Put back what :func:`contents_of` copied."""
    for (path, name), value in contents.items():
        put(object_at(module._c, path), name, value)
