"""What ``torchbend live`` and ``torchbend render`` have in common: arguments checked, signals."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from torchbend.errors import LiveError, TorchbendError
from torchbend.output import printable

__all__ = [
    "bends_of",
    "check_models",
    "check_out",
    "checked_input",
    "ending_in_order",
    "module",
    "one_or_many",
    "write_line",
]


def check_models(args: argparse.Namespace) -> None:
    """Refuse what cannot be said together of the models.

    Raises:
        LiveError: it cannot.
    """
    count = max(1, len(args.models))
    if args.python is not None and args.models:
        raise LiveError("--python gives the model: leave MODEL out")
    for name, given in (("--method", args.method), ("--bend", args.bend)):
        several = name == "--method" and count == 1  # of one model, one after the other
        if given and len(given) != count and not several:
            models = f"{count} model{'s' if count > 1 else ''}"
            raise LiveError(f"{name} is given {len(given)} times for {models}: once for each")


def bends_of(args: argparse.Namespace) -> Any:
    """The configurations' files, one for each model, None for none.

    Raises:
        LiveError: there is no such file.
    """
    bends = [None if bend == "-" else Path(bend) for bend in args.bend or ()]
    for bend in bends:
        if bend is not None and not bend.is_file():
            raise LiveError(f"there is no bending configuration {str(bend)!r}")
    return one_or_many(bends)


def one_or_many(given: list[Any] | None) -> Any:
    """None of nothing, one thing by itself, otherwise the list."""
    return None if not given else given[0] if len(given) == 1 else given


def checked_input(source: str) -> str:
    """What is to be heard, if it can be read.

    Raises:
        LiveError: it cannot.
    """
    if source not in ("mic", "none", "loop"):
        module("feeding").Sound(Path(source), 48000, 1).close()
    return source


def check_out(path: Path, option: str) -> None:
    """Find out whether a WAV file can be written.

    Raises:
        LiveError: it cannot.
    """
    if path.suffix.lower() != ".wav":
        raise LiveError(f"{option} writes a .wav file; got {str(path)!r}")
    if not path.parent.is_dir():
        raise LiveError(f"there is no folder {path.parent} to write {path.name} into")
    if path.is_dir():
        raise LiveError(f"{path} is a folder: give the file another name")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise LiveError(f"there is no permission to write {path}")


def module(name: str) -> Any:
    """A module of the live host, with what is missing named."""
    try:
        return importlib.import_module(f"torchbend.realtime.{name}")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("torchbend"):
            raise
        raise TorchbendError(
            f"the live host needs {error.name!r}, which is missing: pip install {error.name}"
        ) from error


@contextlib.contextmanager
def ending_in_order() -> Iterator[list[int]]:
    """Let the system's wish to end be an interrupt, so that all ends in order.

    Yields:
        The signals that came, other than Ctrl-C.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def end(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) == 1:  # the second may come while all is ending
            raise KeyboardInterrupt

    wanted = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    before = {each: signal.signal(each, end) for each in wanted if each is not None}
    try:
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def write_line(line: str) -> None:
    """Write to standard output; where nobody reads it any more, the sound goes on."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{printable(line)}\n")
        sys.stdout.flush()
