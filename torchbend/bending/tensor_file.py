"""Tensors that a callback is given: a capture, a direction, the weights of another training.

A configuration is text and holds a thousand numbers at the most. What is larger lies in a
safetensors file, which is data alone; the configuration names it, relative to its own folder,
with its sha256, so that it is the same data when it is opened again.
"""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ..errors import BendingError, ConfigError, suggest
from .located import Located, Path_

__all__ = ["SUFFIX", "HeldTensors", "PathLike", "TensorFile", "Tensors", "read_tensor_file"]

MOST_NUMBERS = 1000  # in a configuration itself
SUFFIX = ".safetensors"
_SHA256 = re.compile(r"[0-9a-f]{64}")

PathLike = str | os.PathLike[str]


class SharedTensors:
    """Tensors by name that several callbacks may keep at once: not to be written into."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep them."""
        self.tensors = tensors

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedTensors:
        """A copy of a callback keeps the same."""
        return self


# what was read of files that are in use, by hash and key
_SHARED: WeakValueDictionary[tuple[str, str | None], SharedTensors] = WeakValueDictionary()


class Tensors(ABC):
    """A tensor, or several by name, as a callback holds what it was given."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """What they come from, for messages."""

    @abstractmethod
    def tensor(self) -> Tensor:
        """The only one, or the one that was chosen.

        Raises:
            BendingError: there are several.
        """

    @abstractmethod
    def named(self) -> dict[str, Tensor]:
        """All of them by name.

        Raises:
            BendingError: there is one alone, without a name.
        """

    def shared(self) -> SharedTensors:
        """All of them by name, for one who keeps them and writes into none.

        Raises:
            BendingError: there is one alone, without a name.
        """
        return SharedTensors(self.named())

    @abstractmethod
    def encoded(self, folder: Path | None, who: object, name: str) -> Any:
        """What a configuration has of them.

        Args:
            folder: of the configuration; None where it is in no file.
            who: the callback, for messages.
            name: its setting.

        Raises:
            ConfigError: they are too large for it.
        """


class TensorFile(Tensors):
    """A safetensors file, or one tensor in it.

    It is read whenever its tensors are asked for, and has to be the same file each time. Two
    are equal if they hold the same, wherever they lie.

    Attributes:
        path: of the file.
        key: the name of the tensor; None for all of them.
        sha256: of the file, in hexadecimal.
    """

    def __init__(self, path: PathLike, key: str | None = None, sha256: str | None = None) -> None:
        """Name a file, and check that it is there.

        Args:
            path: of a ``.safetensors`` file.
            key: the name of a tensor in it; None for all of them.
            sha256: what the file has to have; None for what it has now.

        Raises:
            BendingError: there is no such file, it is none, it is another one, or it has no
                such tensor.
        """
        self.path = Path(path)
        self.key = key
        if sha256 is not None and not _SHA256.fullmatch(str(sha256)):
            raise BendingError(f"a sha256 has 64 hexadecimal digits; got {sha256!r}")
        self.sha256 = sha256 or ""
        there = self._read()
        if key is not None and key not in there:
            raise BendingError(f"{self.origin} has no tensor {key!r}. {suggest(str(key), there)}")

    @property
    def origin(self) -> str:
        """The file's name."""
        return repr(self.path.name)

    def tensor(self) -> Tensor:
        """The chosen tensor, or the only one in the file.

        Raises:
            BendingError: there are several; or the file is gone, or another one now.
        """
        there = self._read()
        if self.key is not None:
            return there[self.key]
        if len(there) != 1:
            raise BendingError(
                f"{self.origin} has {len(there)} tensors: say which, as in "
                f"TensorFile({self.path.name!r}, {next(iter(there), 'name')!r}). "
                f"{suggest('', there)}"
            )
        return next(iter(there.values()))

    def named(self) -> dict[str, Tensor]:
        """All tensors of the file, or the chosen one, by name.

        Raises:
            BendingError: the file is gone, or another one now.
        """
        there = self._read()
        return there if self.key is None else {self.key: there[self.key]}

    def shared(self) -> SharedTensors:
        """All tensors, or the chosen one: in memory once, for all who hold the same file.

        Raises:
            BendingError: the file is gone, or another one now.
        """
        read = SharedTensors(self.named())
        return _SHARED.setdefault((self.sha256, self.key), read)

    def encoded(self, folder: Path | None, who: object, name: str) -> Any:
        """Path, key and hash."""
        path = os.path.abspath(self.path)
        if folder is not None:
            try:
                path = os.path.relpath(path, folder)
            except ValueError:  # on another drive
                pass
        found = {"tensors": Path(path).as_posix(), "sha256": self.sha256}
        return found if self.key is None else {**found, "key": self.key}

    def _read(self) -> dict[str, Tensor]:
        """Read the file, and check that it is the same as before."""
        if self.path.suffix != SUFFIX:
            raise BendingError(
                f"{str(self.path)!r} is no {SUFFIX} file. Weights in another file become one with "
                f"tb.save_tensors('other{SUFFIX}', tb.read_weights({str(self.path)!r}))"
            )
        try:
            if not self.path.is_file():
                raise BendingError(
                    f"there is no file {str(self.path)!r}. A configuration names the files of its "
                    "tensors relative to its own folder: move them along with it"
                )
            data = self.path.read_bytes()
        except OSError as error:
            raise BendingError(f"{str(self.path)!r} cannot be read: {error}") from error
        found = hashlib.sha256(data).hexdigest()
        self.sha256 = self.sha256 or found
        if found != self.sha256:
            raise BendingError(
                f"{str(self.path)!r} is another file than the one that the bend was made with: "
                f"its sha256 begins with {found[:12]}, and not with {self.sha256[:12]}. Put the "
                "first one back, or make the bend again with this one"
            )
        try:
            return load(data)
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BendingError(
                f"{str(self.path)!r} is no safetensors file, or a damaged one: {error}"
            ) from error

    def __eq__(self, other: object) -> bool:
        """Whether the other one holds the same."""
        if not isinstance(other, TensorFile):
            return NotImplemented
        return (self.sha256, self.key) == (other.sha256, other.key)

    def __hash__(self) -> int:
        """By what it holds."""
        return hash((self.sha256, self.key))

    def __repr__(self) -> str:
        """Show the file's name, and the tensor's."""
        key = "" if self.key is None else f", {self.key!r}"
        return f"TensorFile({self.path.name!r}{key})"


class HeldTensors(Tensors):
    """Tensors in memory."""

    def __init__(self, held: Tensor | Mapping[str, Tensor], origin: str) -> None:
        """Hold one tensor, or several by name, that ``origin`` gave."""
        self._held = held
        self._origin = origin

    @property
    def origin(self) -> str:
        """What they come from."""
        return self._origin

    def tensor(self) -> Tensor:
        """The only one.

        Raises:
            BendingError: there are several.
        """
        if isinstance(self._held, Tensor):
            return self._held
        if len(self._held) != 1:
            raise BendingError(f"{self.origin} has {len(self._held)} tensors: give one of them")
        return next(iter(self._held.values()))

    def named(self) -> dict[str, Tensor]:
        """All of them by name.

        Raises:
            BendingError: there is one alone, without a name.
        """
        if isinstance(self._held, Tensor):
            raise BendingError(f"{self.origin} is one tensor, and has no name")
        return dict(self._held)

    def encoded(self, folder: Path | None, who: object, name: str) -> Any:
        """The numbers, if they are few.

        Raises:
            ConfigError: they are too many.
        """
        if isinstance(self._held, Tensor) and self._held.numel() <= MOST_NUMBERS:
            return self._held.tolist()
        raise ConfigError(
            f"{who!r} cannot be saved: its {name} is {self!r}, in memory, and a configuration "
            f"holds up to {MOST_NUMBERS} numbers of it. Write it to a file, and give the callback "
            f"that: {name}=tb.save_tensors('{name}{SUFFIX}', ...)"
        )

    def __eq__(self, other: object) -> bool:
        """Whether the other one holds the same numbers."""
        if not isinstance(other, HeldTensors):
            return NotImplemented
        mine, theirs = self._held, other._held
        if isinstance(mine, Tensor) or isinstance(theirs, Tensor):
            return isinstance(mine, Tensor) and isinstance(theirs, Tensor) and _same(mine, theirs)
        return mine.keys() == theirs.keys() and all(_same(mine[n], theirs[n]) for n in mine)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show shape, or number."""
        if isinstance(self._held, Tensor):
            return f"a tensor of {tuple(self._held.shape)}"
        return f"{len(self._held)} tensors"


def _same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and torch.equal(a.cpu(), b.cpu())


def read_tensor_file(file: Located, path: Path_) -> TensorFile:
    """Make what a configuration has of a file; see :meth:`TensorFile.encoded`.

    Raises:
        ConfigError: there is no such file, or another one; says the line.
    """
    found = file.object(path, ("tensors", "sha256"), ("key",))
    if not isinstance(found["tensors"], str):
        raise file.error((*path, "tensors"), f"tensors is a path; got {found['tensors']!r}")
    if "key" in found and not isinstance(found["key"], str):
        raise file.error((*path, "key"), f"key is a word; got {found['key']!r}")
    where = file.folder / found["tensors"]
    try:
        return TensorFile(where, found.get("key"), str(found["sha256"]))
    except BendingError as error:
        raise file.error(path, str(error)) from error
