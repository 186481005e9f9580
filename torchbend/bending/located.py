"""JSON text whose every part knows its line, so that an error can say where it is."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from ..errors import ConfigError, suggest

__all__ = ["Located", "Path_", "decode_file", "is_finite", "shown"]

Path_ = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\n\r]*")
_DEEPEST = 40


class Located:
    """Plain data read from JSON text, with the line of every part of it."""

    def __init__(self, name: str, text: str, folder: str | os.PathLike[str] | None = None) -> None:
        """Parse ``text``.

        Args:
            name: the file's name, for messages.
            text: JSON.
            folder: what paths in it are relative to; by default the file's own.

        Raises:
            ConfigError: the text is not JSON; says the line.
        """
        self.name = name
        self.text = text
        self.folder = Path(name).parent if folder is None else Path(folder)
        self._at: dict[Path_, int] = {(): 0}
        try:
            self.data = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}: not JSON that can be read: {error}") from error
        self._locate(self._skip(0), (), json.JSONDecoder())

    def error(
        self,
        path: Path_,
        message: str,
        asked: str | None = None,
        existing: Collection[str] = (),
    ) -> ConfigError:
        """Make the exception for a part of the file.

        Args:
            path: which part.
            message: what is wrong with it.
            asked: a name that does not exist, if that is it.
            existing: the names that do.
        """
        at = next(self._at[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self._at)
        line = self.text.count("\n", 0, at) + 1
        nearest = "" if asked is None else ". " + suggest(asked, existing)
        return ConfigError(f"{self.name}, line {line}: {message}{nearest}")

    def version(self, form: str, newest: int) -> int:
        """Return the version of the file.

        Args:
            form: the ``"format"`` that it has to have.
            newest: the last version that can be read.

        Raises:
            ConfigError: it has another format, or a version that cannot be read.
        """
        root = self.object((), ("format", "version"), None)
        if root["format"] != form:
            raise self.error(("format",), f"the format is {root['format']!r}, not {form!r}")
        version = root["version"]
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self.error(
                ("version",), f"the version is {version!r}; there are versions 1 to {newest}"
            )
        if version > newest:
            raise self.error(
                ("version",),
                f"the version is {version}, and this torchbend reads up to {newest}: a newer one "
                "wrote the file. Update torchbend",
            )
        return version

    def get(self, path: Path_) -> Any:
        """Return a part."""
        part = self.data
        for step in path:
            part = part[step]
        return part

    def list(self, path: Path_) -> list[Any]:
        """Return a part that has to be a list.

        Raises:
            ConfigError: it is not.
        """
        part = self.get(path)
        if not isinstance(part, list):
            raise self.error(path, f"{_where(path)} is a list; got {shown(part)}")
        return part

    def object(
        self, path: Path_, required: Sequence[str] = (), optional: Sequence[str] | None = ()
    ) -> dict[str, Any]:
        """Return a part that has to be an object with certain keys.

        Args:
            path: which part.
            required: keys that must be there.
            optional: keys that may be there; None for any.

        Raises:
            ConfigError: it is not.
        """
        part = self.get(path)
        if not isinstance(part, dict):
            raise self.error(path, f"{_where(path)} is an object {{...}}; got {shown(part)}")
        if optional is not None:
            known = [*required, *optional]
            for key in part:
                if key not in known:
                    raise self.error((*path, key), f"{_where(path)} has no {key!r}", key, known)
        for key in required:
            if key not in part:
                raise self.error(path, f"{_where(path)} lacks {key!r}")
        return part

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return at if space is None else space.end()

    def _locate(self, at: int, path: Path_, scalars: json.JSONDecoder) -> int:
        """Note where the value at ``at`` and its parts begin; return where it ends.

        The text is known to be JSON.
        """
        self._at[path] = at
        if len(path) > _DEEPEST:
            raise self.error(path[:_DEEPEST], "nested too deeply")
        opening = self.text[at]
        if opening not in "{[":
            return scalars.raw_decode(self.text, at)[1]
        closing = "}" if opening == "{" else "]"
        seen: set[str | int] = set()
        at = self._skip(at + 1)
        while self.text[at] != closing:
            key: str | int = len(seen)
            if opening == "{":
                start = at
                key, at = scalars.raw_decode(self.text, at)
                if key in seen:
                    self._at[(*path, key)] = start
                    raise self.error((*path, key), f"{key!r} is given twice")
                at = self._skip(self._skip(at) + 1)
            seen.add(key)
            at = self._skip(self._locate(at, (*path, key), scalars))
            if self.text[at] == ",":
                at = self._skip(at + 1)
        return at + 1


def decode_file(path: Path) -> Located:
    """Read a JSON file.

    Raises:
        ConfigError: it is not text, or not JSON.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file: {error}") from error
    return Located(str(path), text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; an infinity is written {{'float': 'inf'}}")


def is_finite(value: object) -> bool:
    """Whether it is a number that a float can be, neither infinite nor a bool."""
    try:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(cast(float, value))
    except OverflowError:
        return False


def _where(path: Path_) -> str:
    if not path:
        return "the file"
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown(value: object) -> str:
    """A part of a file in short, for messages."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
