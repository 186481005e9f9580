"""A RAVE run and a sound to try things on, for whom has neither at hand.

The run is a small RAVE as ``rave train`` leaves one, except that it never trained: its weights
are random, and the level of each layer is set as training would. It hums along with what it
hears. What is bent, exported and played with it works the same with a run that was trained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchbend import demo
from torchbend.interfaces._rave_build import build_rave, save_run

__all__ = ["practice_run", "practice_sound"]

# Latents that are played as they are: a variational RAVE draws noise, and one that was never
# trained is drowned in it.
_CONFIG = "v2_small+wasserstein"
_OVERRIDES = ("CAPACITY = 16", "LATENT_SIZE = 8", "NOISE_AUGMENTATION = 0")


def practice_run(folder: str | Path) -> Path:
    """Leave behind a run of RAVE v2_small, a third as wide, with eight latents.

    It is the same one every time.

    Args:
        folder: of the run; it is made.

    Returns:
        The folder.

    Raises:
        TorchbendError: RAVE is not installed.
    """
    run = save_run(folder, _CONFIG, seed=demo.SEED, overrides=_OVERRIDES)
    model: Any = build_rave(_CONFIG, seed=demo.SEED, overrides=_OVERRIDES)
    demo._level_layers(model, demo._pattern(demo.RAVE_SECONDS))
    levelled = model.state_dict()
    (checkpoint,) = run.rglob("*.ckpt")
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = saved["state_dict"]
    for name in [n.removesuffix("_v") for n in weights if n.endswith("weight_v")]:
        if name in levelled:  # the discriminators are not: nothing plays them
            weights[f"{name}_v"] = levelled[name]
            weights[f"{name}_g"] = levelled[name].norm(dim=(1, 2), keepdim=True)
    torch.save(saved, checkpoint)
    return run


def practice_sound(seconds: float = 4.0) -> Tensor:
    """Plucked strings and ticks at 44100 Hz.

    Args:
        seconds: its length, rounded down to whole blocks of 2048 frames.

    Returns:
        ``(1, frames)``: one channel.
    """
    return demo._pattern(seconds)[None]
