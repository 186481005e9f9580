"""Makes ``import rave`` work beside a current torch, numpy and scipy.

Three things stand in its way, and each is moved aside only as far as RAVE needs it:

- ``rave/pqmf.py`` imports ``kaiser`` from ``scipy.signal``, which scipy 1.13 dropped. It is
  put there while RAVE is imported, and taken away again; RAVE never calls it.
- The same file calls ``kaiserord`` and ``firwin`` as numpy 1 and scipy 1.10 took them. Those
  two names are replaced inside that file alone.
- torchaudio as pip finds it is built for one CUDA release, and its compiled part loads
  beside no other torch. RAVE needs only its Python part: where the whole does not load,
  torchaudio is imported as though its ``lib`` folder were absent.

Nothing on disk is changed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from torchbend.errors import TorchbendError

__all__ = ["import_rave"]

_log = logging.getLogger(__name__)


def import_rave() -> ModuleType:
    """Import the package ``rave`` (acids-rave).

    Returns:
        The module.

    Raises:
        TorchbendError: if it, or something it needs, is not installed.
    """
    try:
        with _kaiser_in_scipy_signal():
            _import_torchaudio()
            rave = importlib.import_module("rave")
    except ModuleNotFoundError as error:
        missing = "RAVE" if error.name == "rave" else f"RAVE's requirement {error.name!r}"
        command = f"{sys.executable} -m torchbend install rave"
        raise TorchbendError(f"{missing} is not installed. Install it with: {command}") from error
    _mend_filters(rave.pqmf)
    return rave


@contextmanager
def _kaiser_in_scipy_signal() -> Iterator[None]:
    import scipy.signal

    if hasattr(scipy.signal, "kaiser"):
        yield
        return
    scipy.signal.kaiser = scipy.signal.windows.kaiser
    try:
        yield
    finally:
        del scipy.signal.kaiser


def _mend_filters(pqmf: ModuleType) -> None:
    """Let RAVE's filter design hand over one-element arrays, and a Nyquist frequency."""
    import numpy as np
    import scipy.signal

    def kaiserord(ripple: float, width: Any) -> tuple[int, float]:
        taps, beta = scipy.signal.kaiserord(ripple, np.asarray(width).item())
        return taps, beta

    def firwin(numtaps: int, cutoff: Any, *, nyq: float, **settings: Any) -> Any:
        return scipy.signal.firwin(numtaps, cutoff, fs=2 * nyq, **settings)

    pqmf.kaiserord = kaiserord  # type: ignore[attr-defined]
    pqmf.firwin = firwin  # type: ignore[attr-defined]


def _import_torchaudio() -> None:
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
