"""The built-in instrument as a file: exported once, and found again at the next start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from pathlib import Path

import torch

import torchbend
from torchbend.archive import ArchiveError
from torchbend.contents import read_info
from torchbend.description import DescriptionError, FileInfo
from torchbend.errors import ExportError
from torchbend.voice import voice

__all__ = ["cache_folder", "voice_file"]

_KEPT_SECONDS = 30 * 86400.0


def cache_folder() -> Path:
    """Where what can be made again is kept between two starts."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given) / "torchbend"
    system = Path("Library/Caches") if sys.platform == "darwin" else Path(".cache")
    return Path.home() / system / "torchbend"


def voice_file(folder: Path) -> tuple[Path, FileInfo]:
    """The exported voice, with its description.

    Args:
        folder: to write it into where there is no cache to keep it in.
    """
    name = f"voice-{_key()}.ts"
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: there is no home
        kept = cache_folder() / name
        with contextlib.suppress(ArchiveError, DescriptionError):
            info = read_info(kept)
            if info is not None:
                return kept, info
        kept.parent.mkdir(parents=True, exist_ok=True)
        _sweep(kept.parent)
        with contextlib.suppress(ExportError):  # a folder that cannot be written to
            return kept, _write(kept)
    return folder / name, _write(folder / name)


def _write(path: Path) -> FileInfo:
    """Write it; the name is given last, so that nobody finds half a file there."""
    return voice().export(path, name="voice", check=False, patches=False).info


def _key() -> str:
    """Of all that the file depends on: the weights, the code that makes it, torch."""
    root = Path(torchbend.__file__).parent
    found = hashlib.sha256(f"{torchbend.__version__} {torch.__version__}".encode())
    # In a checkout the exporter is behind a link.
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(f for f in folders if f not in ("realtime", "__pycache__"))
        for name in sorted(names):
            if name.endswith((".py", ".safetensors")):
                found.update(name.encode() + Path(folder, name).read_bytes())
    return found.hexdigest()[:16]


def _sweep(folder: Path) -> None:
    for old in folder.glob("voice-*.ts"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                old.unlink()
