"""Imports torchaudio beside a torch that its compiled part does not fit.

torchaudio as pip finds it is built for one CUDA release, and its compiled part loads beside no
other torch. Our model families need only its Python part: where the whole does not load,
torchaudio is imported as though its ``lib`` folder were absent. Nothing on disk is changed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

__all__ = ["import_torchaudio"]

_log = logging.getLogger(__name__)


def import_torchaudio() -> None:
    """Import torchaudio, without its compiled part where that does not load.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if importlib.util.find_spec("torchaudio") is None:
        raise ModuleNotFoundError("No module named 'torchaudio'", name="torchaudio")
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError, RuntimeError) as error:
        _log.info("torchaudio is used without its compiled part, which does not load: %s", error)
    else:
        return
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
        del sys.modules[name]
    hide = _HideCompiledPart()
    sys.meta_path.insert(0, hide)
    try:
        importlib.import_module("torchaudio")
    finally:
        sys.meta_path.remove(hide)


class _HideCompiledPart(MetaPathFinder):
    """Finds torchaudio as it would be without its ``lib`` folder."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "torchaudio.lib":
            return ModuleSpec(fullname, None, is_package=True)
        if fullname == "torchaudio._extension.utils":
            spec = PathFinder.find_spec(fullname, path)
            if spec is not None and spec.origin is not None:
                spec.loader = _UtilsLoader(fullname, spec.origin)
            return spec
        return None


class _UtilsLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module._LIB_DIR = Path(__file__).with_name("no-such-folder")  # type: ignore[attr-defined]
