"""``torchbend demo``: the built-in instrument, heard, and left behind as files.

:mod:`.stage` plays it live, with :mod:`.hand` at its knobs; :mod:`.keepsakes` writes ten seconds
of it, a picture, its addresses, and the files for Max and Pure Data. :mod:`.tour` is
``torchbend demo --tour``: a synthesizer and a RAVE, bent in five ways each.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from . import keepsakes, stage, tour
from .tour import Joseph

__all__ = ["Joseph", "main", "tour"]


def main(out: Path, *, device: str | int | None = None, seconds: float = 60.0) -> None:
    """Play, where there is a sound device, and write what is to be taken home.

    Args:
        out: the folder to write to; made if it is not there.
        device: to play on, by name or number; ``"none"`` does not play, and without it the
            default one plays if there is any.
        seconds: to play, at most.

    Raises:
        ModuleNotFoundError: matplotlib is missing. Nothing is played or written then.
        TorchbendError: the device that was asked for cannot be had.
    """
    import_module("matplotlib")
    out.mkdir(parents=True, exist_ok=True)
    if device != "none":
        stage.play(out, device=device, seconds=seconds)
    keepsakes.write(out)
