"""Which package plays a MusicGen: AudioCraft, or transformers where that is not installed."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchbend.errors import TorchbendError, suggest
from torchbend.interfaces import _audiocraft_open, _transformers_open
from torchbend.interfaces._audiocraft_import import import_audiocraft

__all__ = ["BACKENDS", "moved", "open_generator"]

_log = logging.getLogger(__name__)

BACKENDS = ("audiocraft", "transformers")


def open_generator(
    kind: str,
    name_or_path: str | Path,
    cache_dir: str | Path | None,
    device: str,
    backend: str | None,
) -> Any:
    """Open a model with the package that fits.

    A folder is opened by the package whose format it has; all else by AudioCraft, if it is
    installed.

    Args:
        kind: ``"MusicGen"`` or ``"AudioGen"``.
        name_or_path: a name on the hub, a folder, or AudioCraft's ``"debug"``.
        cache_dir: where to keep what comes from the hub.
        device: to put it on.
        backend: one of ``BACKENDS``, to have that and no other.

    Returns:
        An object with AudioCraft's methods.

    Raises:
        TorchbendError: there is no such package or no such model.
    """
    if backend is not None and backend not in BACKENDS:
        raise TorchbendError(f"there is no backend {backend!r}. {suggest(backend, BACKENDS)}")
    if backend is None:
        backend = _fitting(kind, name_or_path)
    if backend == "audiocraft":
        return _audiocraft_open.open_generator(kind, name_or_path, cache_dir, device)
    if kind != "MusicGen":
        raise TorchbendError(f"transformers has no {kind}: it is played by AudioCraft alone")
    return _transformers_open.open_generator(name_or_path, cache_dir, device)


def _fitting(kind: str, name_or_path: str | Path) -> str:
    folder = Path(name_or_path).expanduser()
    if kind == "MusicGen" and (folder / _transformers_open.CONFIG_FILE).is_file():
        if not (folder / _audiocraft_open.LM_FILE).is_file():
            return "transformers"
    try:
        import_audiocraft()
    except TorchbendError as error:
        theirs = str(name_or_path) == "debug" or folder.is_dir()  # AudioCraft's formats
        if kind == "MusicGen" and not theirs and _transformers_open.installed():
            _log.info("%s is played through transformers: %s", name_or_path, error)
            return "transformers"
        raise
    return "audiocraft"


def moved(held: Any, device: torch.device) -> None:
    """Bring along what is no module of an opened model, once its modules have been moved."""
    if hasattr(held, "moved_to"):
        held.moved_to(device)
    elif held.device != device:
        held.device = device
        autocast: Any = importlib.import_module("audiocraft.utils.autocast")
        on = device.type != "cpu"
        kind = {"device_type": device.type, "dtype": torch.float16} if on else {}
        held.autocast = autocast.TorchAutocast(enabled=on, **kind)
        for part in held.lm.modules():
            for name, value in list(vars(part).items()):
                if name == "device":
                    part.device = str(device)
                elif isinstance(value, nn.Module):  # kept out of the weights, as T5 is
                    value.to(device)
