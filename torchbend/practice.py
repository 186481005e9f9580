"""A RAVE, as a run and as a file, and a sound to try things on, for whom has none at hand.

The run is a small RAVE as ``rave train`` leaves one, except that it never trained: its weights
are random, and the level of each layer is set as training would. It hums along with what it
hears. What is bent, exported and played with it works the same with a run that was trained. The
file is the same RAVE, exported: all that is left of it where somebody shares a model.
"""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from torchbend.demo import tour
from torchbend.interfaces._rave_build import build_rave, save_run
from torchbend.interfaces.rave import BendedRAVE

__all__ = ["practice_file", "practice_run", "practice_sound"]

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
    run = save_run(folder, _CONFIG, seed=tour.SEED, overrides=_OVERRIDES)
    model: Any = build_rave(_CONFIG, seed=tour.SEED, overrides=_OVERRIDES)
    tour._level_layers(model, tour._pattern(tour.RAVE_SECONDS))
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


def practice_file(path: str | Path) -> Path:
    """Write the RAVE of :func:`practice_run` as a TorchScript file for nn~.

    Its methods and the names inside are those that RAVE's own export gives.

    Args:
        path: of the ``.ts`` file.

    Returns:
        The path.

    Raises:
        TorchbendError: RAVE is not installed.
    """
    with TemporaryDirectory() as folder:
        run = BendedRAVE(practice_run(Path(folder) / "run"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch.jit")
        torch.jit.save(torch.jit.script(_Exported(run).eval()), str(path))
    return Path(path)


def practice_sound(seconds: float = 4.0) -> Tensor:
    """Plucked strings and ticks at 44100 Hz.

    Args:
        seconds: its length, rounded down to whole blocks of 2048 frames.

    Returns:
        ``(1, frames)``: one channel.
    """
    return tour._pattern(seconds)[None]


class _Exported(nn.Module):
    """What nn~ asks for, around the parts of a RAVE.

    Args:
        run: a RAVE whose latents are played as they are.
    """

    def __init__(self, run: BendedRAVE) -> None:
        super().__init__()
        player: Any = run.module
        self.pqmf = player.pqmf
        self.encoder = player.encoder
        self.decoder = player.decoder
        self.sample_rate = run.sample_rate
        sound, latents = (1, 1), (run.latent_size, run.ratio)
        for fn, ins, outs in (
            ("encode", sound, latents),
            ("decode", latents, sound),
            ("forward", sound, sound),
        ):
            self.register_buffer(f"{fn}_params", torch.tensor([*ins, *outs]))
            for way, (channels, _) in (("input", ins), ("output", outs)):
                what = "Latent" if channels > 1 else "Audio"
                labels = [f"(signal) {what} {i + 1}" for i in range(channels)]
                setattr(self, f"{fn}_{way}_labels", labels)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """Latents of sound."""
        return self.encoder(self.pqmf(x))  # type: ignore[no-any-return]

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        """Sound of latents."""
        return self.pqmf.inverse(self.decoder(z))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Both."""
        return self.decode(self.encode(x))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """What nn~ can play."""
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """What nn~ can set: nothing."""
        return [""][:0]  # torch takes an empty list for one of tensors

    @torch.jit.export
    def get_sample_rate(self) -> int:
        """In Hz."""
        return self.sample_rate
