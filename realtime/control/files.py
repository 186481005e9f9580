"""Small JSON files: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchbend.realtime.control.controls import Values
from torchbend.realtime.control.errors import FileError

__all__ = ["checked_header", "plain_values", "read_json", "write_json"]

LARGEST_FILE = 16 * 2**20


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a file beside the old one, and put it in its place when it is whole.

    Raises:
        FileError: it cannot be written; the old file is as it was.
    """
    text = json.dumps(data, indent=2, allow_nan=False) + "\n"
    beside = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:40]}-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        if beside:
            Path(beside).unlink(missing_ok=True)
        raise FileError(f"{path} cannot be written: {error.strerror or error}") from error


def read_json(path: Path, kind: str, version: int) -> dict[str, Any]:
    """Read what :func:`write_json` wrote.

    Args:
        path: of the file.
        kind: what its member ``torchbend`` must say.
        version: the latest that is understood.

    Raises:
        FileError: it cannot be read, is no such file, or a later torchbend wrote it.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FileError(f"{path} is no {kind} of ours: it is too large")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is no JSON: {error}") from error
    return checked_header(data, str(path), kind, version)


def checked_header(data: object, where: str, kind: str, version: int) -> dict[str, Any]:
    """See that data is of a kind, and of a version that is understood.

    Raises:
        FileError: if not.
    """
    if not isinstance(data, dict) or data.get("torchbend") != kind:
        raise FileError(f"{where} is no {kind} of torchbend")
    written = data.get("version")
    if not isinstance(written, int) or isinstance(written, bool) or written < 1:
        raise FileError(f"{where} tells no version")
    if written > version:
        raise FileError(
            f"{where} has version {written} and this torchbend reads up to {version}: "
            "install a newer torchbend"
        )
    return data


def plain_values(data: object, where: str) -> Values:
    """The values of one control, as JSON has them.

    Raises:
        FileError: they are no list of numbers, truths and texts.
    """
    if not isinstance(data, list) or not all(isinstance(v, (float, int, str)) for v in data):
        raise FileError(f"{where}: the values must be a list of numbers or texts")
    return tuple(data)
