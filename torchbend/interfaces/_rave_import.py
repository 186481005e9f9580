"""Makes ``import rave`` work beside a current torch, numpy and scipy.

Three things stand in its way, and each is moved aside only as far as RAVE needs it:

- ``rave/pqmf.py`` imports ``kaiser`` from ``scipy.signal``, which scipy 1.13 dropped. It is
  put there while RAVE is imported, and taken away again; RAVE never calls it.
- The same file calls ``kaiserord`` and ``firwin`` as numpy 1 and scipy 1.10 took them. Those
  two names are replaced inside that file alone.
- torchaudio's compiled part may not load; see :mod:`._torchaudio`.

Nothing on disk is changed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from torchbend.errors import TorchbendError
from torchbend.interfaces._torchaudio import import_torchaudio

__all__ = ["import_rave"]


def import_rave() -> ModuleType:
    """Import the package ``rave`` (acids-rave).

    Returns:
        The module.

    Raises:
        TorchbendError: if it, or something it needs, is not installed.
    """
    try:
        with _kaiser_in_scipy_signal():
            import_torchaudio()
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
