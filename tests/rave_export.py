"""What RAVE's own exporter makes of a model: the reference for ours.

The classes are those of ``scripts/export.py`` in acids-rave, built on the real ``nn_tilde``;
``rave export --streaming`` does the same with a model that it opened itself.
"""

from __future__ import annotations

import copy
import importlib
import logging
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from torchbend.interfaces._rave_build import (
    build_from_config,
    cached_conv_mode,
    without_weight_norm,
)
from torchbend.interfaces._rave_import import import_rave

__all__ = ["rave_exported", "rave_model", "rave_scripted", "silence"]


def rave_model(run: str | Path, *, channels: int = 1) -> Any:
    """Open a run (from ``save_run``) as the first half of RAVE's exporter does."""
    folder = Path(run)
    (checkpoint,) = folder.rglob("*.ckpt")
    model = build_from_config((folder / "config.gin").read_text("utf-8"), channels=channels)
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    model.load_state_dict(state, strict=False)
    return without_weight_norm(model)


def rave_exported(
    model: nn.Module,
    path: str | Path,
    *,
    fidelity: float = 0.95,
    channels: int | None = None,
    sample_rate: int | None = None,
) -> Path:
    """Export a RAVE (from ``build_rave``) with RAVE's own code.

    The file starts as RAVE leaves it: with what its own warm-up left in the caches (see
    :func:`silence`).

    Args:
        model: it is not changed.
        path: of the ``.ts`` file.
        fidelity: decides how many latents there are, in a variational model.
        channels: of the sound that comes out; the model's where None.
        sample_rate: to resample to; the model's where None.
    """
    scripted = rave_scripted(model, fidelity=fidelity, channels=channels, sample_rate=sample_rate)
    scripted.export_to_ts(str(path))
    return Path(path)


def rave_scripted(
    model: nn.Module,
    *,
    fidelity: float = 0.95,
    channels: int | None = None,
    sample_rate: int | None = None,
) -> Any:
    """RAVE's ``ScriptedRAVE`` around a copy of a model, before it is scripted."""
    kinds = {
        "VariationalEncoder": "VariationalScriptedRAVE",
        "DiscreteEncoder": "DiscreteScriptedRAVE",
        "WasserteinEncoder": "WasserteinScriptedRAVE",
        "SphericalEncoder": "SphericalScriptedRAVE",
    }
    exporter = rave_exporter()
    kind = getattr(exporter, kinds[type(model.encoder).__name__])
    with cached_conv_mode(True), torch.no_grad(), torch.random.fork_rng(devices=[]):
        return kind(
            copy.deepcopy(model), channels=channels, fidelity=fidelity, target_sr=sample_rate
        ).eval()


def silence(module: nn.Module) -> None:
    """Empty the streaming caches of a RAVE, scripted or not."""
    for name, buffer in module.named_buffers():
        if name.endswith((".pad", ".cache")):
            buffer.zero_()


@cache
def rave_exporter() -> ModuleType:
    """The module ``scripts.export``, without what its import does to the process."""
    import_rave()
    root, grad = logging.getLogger(), torch.is_grad_enabled()
    handlers, level = root.handlers[:], root.level
    try:
        exporter = importlib.import_module("scripts.export")
    finally:
        torch.set_grad_enabled(grad)
        root.handlers[:] = handlers
        root.setLevel(level)
    try:
        codegen = importlib.import_module("nn_tilde.codegen")
    except ModuleNotFoundError:  # nn-tilde 1.5, the last for Python 3.10, has none
        return exporter
    # It writes Python files into its own installed folder, which may be read-only, and
    # clears up there while another process may be writing.
    exporter.own_folder = folder = tempfile.TemporaryDirectory()  # type: ignore[attr-defined]
    codegen.TMP_FILE_OUTPUT = Path(folder.name)  # type: ignore[attr-defined]
    codegen.TmpFileSession.close = lambda self: None  # type: ignore[attr-defined]
    return exporter
