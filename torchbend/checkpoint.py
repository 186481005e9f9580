"""Checkpoints: weights that a training left behind, read as data and never run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .archive import is_torchscript
from .errors import TorchbendError, first_line, suggest

__all__ = ["are_weights", "read_checkpoint", "weights_in"]

_SAVE_AGAIN = "Save it again with weights alone, from the Python that trained it"


def read_checkpoint(path: str | os.PathLike[str], advice: str = _SAVE_AGAIN) -> Any:
    """Read what ``torch.save`` wrote, as data: torch's ``weights_only``.

    Args:
        path: of the checkpoint.
        advice: what to do where it holds more than data.

    Raises:
        TorchbendError: it cannot be read, or holds more than data.
    """
    if is_torchscript(Path(path)):
        raise TorchbendError(
            f"{str(path)!r} is TorchScript, a model and not its weights alone: "
            "tb.load opens it, and what that gives has weights, too"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise nearly anything
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f"cannot be read as a checkpoint: {first_line(error)}"
        if found:
            what = f"holds a {found[1]}, and to read that is to run code from the file. {advice}"
        elif "weights_only" in what:  # torch says how to run what is in the file
            what = "cannot be read as a checkpoint: it is damaged, or another kind of file"
        raise TorchbendError(f"{str(path)!r} {what}") from error


def are_weights(state: Any) -> bool:
    """Whether something is a state dict: tensors by name."""
    return isinstance(state, Mapping) and all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()
    )


def weights_in(saved: Any, where: str, key: str | None = None) -> dict[str, Tensor]:
    """Find the weights in a checkpoint: itself, what is under ``state_dict``, or its only ones.

    Args:
        saved: what was read.
        where: what it was read from, for messages.
        key: what they are under, where there are several.

    Raises:
        TorchbendError: there are none, or several to choose from.
    """
    if are_weights(saved) and saved and key is None:
        return dict(saved)
    parts = saved if isinstance(saved, Mapping) else {}
    sets = [str(name) for name, part in parts.items() if part and are_weights(part)]
    if key is None and "state_dict" in sets:
        key = "state_dict"
    elif key is None and len(sets) == 1:
        key = sets[0]
    if key is not None and key in sets:
        return dict(parts[key])
    if not sets:
        raise TorchbendError(f"{where} holds no weights: no tensors by name")
    if key is None:
        raise TorchbendError(f"{where} holds several sets of weights: say which, of {sets}")
    raise TorchbendError(f"{where} holds no weights under {key!r}. {suggest(key, sets)}")
