"""Patches for Pd and Max: one pair beside each exported file.

``write_patches`` writes ``<name>.pd`` and ``<name>.maxpat`` for a ``<name>.ts``: the file in
an nn~, and a control for every attribute in its range. ``python -m torchbend.export.patches``
writes the help and performance patches, which play any file, of the folder ``patches/``.
"""

from __future__ import annotations

from pathlib import Path

from torchbend.description import FileInfo
from torchbend.export.patches.controls import PatchError, receive_name
from torchbend.export.patches.max_export import max_patch
from torchbend.export.patches.max_stage import max_help, max_performance
from torchbend.export.patches.pd_export import pd_patch
from torchbend.export.patches.pd_help import pd_help
from torchbend.export.patches.pd_performance import pd_performance

__all__ = ["PatchError", "receive_name", "write_patches", "write_stage_patches"]


def write_patches(info: FileInfo, ts_path: Path) -> tuple[Path, Path]:
    """Write a Pd and a Max patch beside an exported file.

    Both name the file without its folder, so the three can be moved together.

    Args:
        info: what the file says of itself.
        ts_path: the file; it need not exist yet.

    Returns:
        The ``.pd`` and the ``.maxpat`` file.

    Raises:
        PatchError: there is no method to play, or a control cannot be made.
    """
    ts_path = Path(ts_path)
    stem = ts_path.name.removesuffix(".ts")
    if not stem.isprintable() or not stem.strip():
        raise PatchError(
            f"Neither Pd nor Max can open a file named {ts_path.name!r} from a patch. Give the "
            f"export a name of printable letters."
        )
    pd_text, max_text = pd_patch(info, stem), max_patch(info, stem)
    pd_path, max_path = ts_path.with_name(f"{stem}.pd"), ts_path.with_name(f"{stem}.maxpat")
    pd_path.write_text(pd_text, encoding="utf-8", newline="\n")
    max_path.write_text(max_text, encoding="utf-8", newline="\n")
    return pd_path, max_path


def write_stage_patches(folder: Path) -> list[Path]:
    """Write the help and the performance patches, which play any file, into a folder."""
    texts = {
        "torchbend-help.pd": pd_help(),
        "torchbend-help.maxpat": max_help(),
        "torchbend-performance.pd": pd_performance(),
        "torchbend-performance.maxpat": max_performance(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in texts]
