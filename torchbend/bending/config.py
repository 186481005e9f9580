"""Bending configurations: callbacks and the patterns they sit on, saved as JSON.

Opening a file executes nothing: it names callbacks out of a fixed list and gives them
numbers, words and controls. A control is written once and referred to by its name, so what
shared a control shares it again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..errors import BendingError, ConfigError
from .callback import BendingCallback
from .encoding import Decoder, Encoder
from .located import Located, decode_file
from .migration import FORMAT, VERSION, migrate
from .parameter import BendingParameter

__all__ = ["BendingConfig", "Bendable"]

Entry = tuple[Any, ...]


class Bendable(Protocol):
    """What a configuration can be applied to: a ``BendedModule``."""

    def bend(self, config: Any, /) -> Any:
        """Apply a configuration."""

    def bendable_keys(self, *patterns: str) -> Any:
        """Name the places that patterns reach; all without a pattern."""

    def _match(self, pattern: str) -> Any:
        """Return the keys of the places that one pattern reaches, inputs included."""


class BendingConfig:
    """Callbacks, each with the patterns it sits on, in the order in which they apply.

    ``BendingConfig((Scale(2.), "conv.*"), (Mask(0.5), "lin", "decode:act"))``. Iterating
    gives the entries ``(callback, *patterns)``. Two configurations are equal if their
    callbacks have equal settings, and their patterns are equal, in the same order.
    """

    def __init__(self, *entries: Entry) -> None:
        """Make a configuration.

        Args:
            *entries: each ``(callback, *patterns)``.

        Raises:
            ConfigError: an entry is something else.
        """
        self._entries: list[Entry] = []
        self.extend(entries)

    def append(self, *entry: Any) -> None:
        """Add one entry at the end.

        Args:
            *entry: ``callback, *patterns``, or the same as one tuple.

        Raises:
            ConfigError: it is something else, or its controls clash with those there are.
        """
        if len(entry) == 1 and isinstance(entry[0], (tuple, list)):
            entry = tuple(entry[0])
        checked = _checked_entry(entry)
        _shared_controls([*self._entries, checked])
        self._entries.append(checked)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries at the end; all of them, or none if one is wrong.

        Args:
            entries: ``(callback, *patterns)`` each, or another configuration.

        Raises:
            ConfigError: an entry is something else, or controls clash.
        """
        checked = [_checked_entry(entry) for entry in entries]
        _shared_controls([*self._entries, *checked])
        self._entries.extend(checked)

    def bind(self, module: Bendable) -> Any:
        """Apply the configuration to a bended module: ``module.bend(self)``."""
        return module.bend(self)

    def op_from_key(self, key: str) -> list[BendingCallback]:
        """Return the callbacks that have a pattern which matches a key.

        Args:
            key: a place's name, or ``fn:name``. A pattern restricted to a method
                (``fn:pattern``) matches the full key only.
        """
        return [
            entry[0] for entry in self._entries if any(_reaches(text, key) for text in entry[1:])
        ]

    @property
    def parameters(self) -> dict[str, BendingParameter]:
        """The controls of all callbacks, by name."""
        return _shared_controls(self._entries)

    # -- files -----------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the configuration as JSON; an existing file is replaced.

        Args:
            path: the file.

        Raises:
            ConfigError: a callback holds what JSON cannot (a ``Lambda``'s function).
            OSError: the file cannot be written.
        """
        text = json.dumps(self.to_json(Path(path).parent), indent=2, allow_nan=False) + "\n"
        Path(path).write_text(text, encoding="utf-8")

    def to_json(self, folder: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """Return what ``save`` writes, as plain data.

        Args:
            folder: what the paths of tensors' files are relative to; None for whole paths.

        Raises:
            ConfigError: a callback holds what JSON cannot.
        """
        encoder = Encoder(folder=None if folder is None else Path(folder))
        bends = [
            {**encoder.callback(entry[0]), "patterns": list(entry[1:])} for entry in self._entries
        ]
        parameters = {name: encoder.parameter(p) for name, p in self.parameters.items()}
        data: dict[str, Any] = {"format": FORMAT, "version": VERSION}
        data.update(parameters=parameters, bends=bends)
        if encoder.clusters:
            data["clusters"] = {name: each.to_json() for name, each in encoder.clusters.items()}
        return data

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        module: Bendable | None = None,
        callbacks: Mapping[str, type[BendingCallback]] | None = None,
    ) -> BendingConfig:
        """Read a configuration; nothing in the file is executed.

        Args:
            path: the file.
            module: a bended module: each pattern must reach some place of it.
            callbacks: your own callback classes by name, for files that use them.

        Raises:
            ConfigError: the file is none, or an entry of it is wrong; says the line, what
                was wrong and what would fit.
            OSError: the file cannot be read.
        """
        return cls._read(decode_file(Path(path)), module, callbacks)

    @classmethod
    def from_json(
        cls,
        data: Mapping[str, Any],
        module: Bendable | None = None,
        callbacks: Mapping[str, type[BendingCallback]] | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> BendingConfig:
        """Make a configuration of what ``to_json`` returned; see ``load``.

        Args:
            data: what it returned. An exported file has it, too:
                ``BendingConfig.from_json(info.bending, folder=path.parent)``.
            module: as for ``load``.
            callbacks: as for ``load``.
            folder: what the paths of tensors' files are relative to, as for ``to_json``: of an
                exported file its own. None for the current directory.

        Raises:
            ConfigError: an entry is wrong, or a file of tensors is not there.
        """
        file = Located("configuration", json.dumps(data, indent=2), folder)
        return cls._read(file, module, callbacks)

    @classmethod
    def _read(
        cls,
        file: Located,
        module: Bendable | None,
        callbacks: Mapping[str, type[BendingCallback]] | None,
    ) -> BendingConfig:
        migrate(file)
        file.object((), ("format", "version", "parameters", "bends"), ("clusters",))
        decoder = Decoder(file, callbacks or {})
        decoder.read_clusters()
        decoder.read_parameters()
        config = cls()
        for i in range(len(file.list(("bends",)))):
            path = ("bends", i)
            file.object(path, required=("callback", "settings", "patterns"))
            callback = decoder.callback(path)
            patterns = file.list((*path, "patterns"))
            if not patterns:
                raise file.error((*path, "patterns"), "there is no pattern in it")
            for j, pattern in enumerate(patterns):
                _check_pattern(file, (*path, "patterns", j), pattern, module)
            config.append(callback, *patterns)
        return config

    # -- as a sequence ---------------------------------------------------------------

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries, ``(callback, *patterns)``."""
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def __getitem__(self, index: int) -> Entry:
        """Return one entry, ``(callback, *patterns)``."""
        return self._entries[index]

    def __add__(self, other: object) -> BendingConfig:
        """Return a configuration with the entries of both, this one's first."""
        if not isinstance(other, BendingConfig):
            return NotImplemented
        return BendingConfig(*self._entries, *other._entries)

    def __eq__(self, other: object) -> bool:
        """Compare settings and patterns, entry by entry."""
        if not isinstance(other, BendingConfig):
            return NotImplemented
        return bool(self._compared() == other._compared())

    def _compared(self) -> Any:
        encoder = Encoder(strict=False)
        bends = [(encoder.callback(entry[0]), entry[1:]) for entry in self._entries]
        controls = {name: encoder.parameter(p) for name, p in self.parameters.items()}
        return bends, controls, encoder.clusters

    def __repr__(self) -> str:
        """Show the entries."""
        shown = ", ".join(
            "(" + ", ".join(repr(part) for part in entry) + ")" for entry in self._entries
        )
        return f"BendingConfig({shown})"


def _checked_entry(entry: object) -> Entry:
    parts = tuple(entry) if isinstance(entry, (tuple, list)) else (entry,)
    if not parts or not isinstance(parts[0], BendingCallback):
        raise ConfigError(
            f"an entry is (callback, *patterns), such as (Scale(2.0), 'conv.*'); got {entry!r}"
        )
    if len(parts) == 1 or not all(isinstance(pattern, str) for pattern in parts[1:]):
        raise ConfigError(
            f"{parts[0]!r} needs one or more patterns, which are strings; got {parts[1:]!r}"
        )
    return parts


def _shared_controls(entries: Iterable[Entry]) -> dict[str, BendingParameter]:
    found: dict[str, BendingParameter] = {}
    for entry in entries:
        for name, parameter in entry[0].controls.items():
            if found.setdefault(name, parameter) is not parameter:
                raise ConfigError(
                    f"two different controls are named {name!r} ({entry[0]!r} has the second): "
                    "rename one, or use the same one twice"
                )
    return found


def _reaches(pattern: str, key: str) -> bool:
    try:
        if re.match(pattern, key) is not None:
            return True
        fn, colon, name = key.partition(":")
        return bool(colon) and not pattern.startswith(f"{fn}:") and bool(re.match(pattern, name))
    except re.error as error:
        raise ConfigError(
            f"the pattern {pattern!r} is not a regular expression: {error}"
        ) from error


def _check_pattern(
    file: Located, path: tuple[str | int, ...], pattern: object, module: Bendable | None
) -> None:
    if not isinstance(pattern, str):
        raise file.error(path, f"a pattern is a string; got {pattern!r}")
    try:
        re.compile(pattern)
    except re.error as error:
        raise file.error(
            path, f"the pattern {pattern!r} is not a regular expression: {error}"
        ) from error
    if module is None:
        return
    try:
        reached = module._match(pattern)
    except BendingError as error:
        raise file.error(path, str(error)) from error
    if not reached:
        raise file.error(
            path, f"the pattern {pattern!r} reaches nothing", pattern, list(module.bendable_keys())
        )
