"""RAVEs as they are bent for the tests of exports: one with seven knobs, and one of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torchbend as tb
from torchbend.interfaces._rave_build import save_run
from torchbend.interfaces.rave import BendedRAVE

__all__ = ["KINDS", "SEVEN", "Kind", "bent", "bent_by_seven"]


def _knob(name: str, neutral: float, low: float, high: float) -> tb.BendingParameter:
    return tb.BendingParameter(name, float(neutral), range=[low, high])


# Each knob, its neutral value, and another that is heard.
SEVEN = {
    "gain": (1.0, 0.5),
    "keep": (1.0, 0.5),
    "noise": (0.0, 0.25),
    "drive": (1.0, 3.0),
    "offset": (0.0, 0.5),
    "channels": (1.0, 0.4),
    "loudest": (1.0, 0.0),
}


def bent_by_seven(run: Path) -> BendedRAVE:
    """A v2_small with three bends of weights and four of activations, a knob each."""
    bended = BendedRAVE(run)
    bended.bend(tb.Scale(_knob("gain", 1, 0, 2)), r"decoder.net.\d+.*weight$")
    bended.bend(tb.OrderedMask(_knob("keep", 1, 0, 1), seed=1), r"decoder.net.[0-3]\..*weight$")
    bended.bend(tb.Normal(_knob("noise", 0, 0, 0.5), seed=2), r"decoder.net.1[0-9].*weight$")
    drive, offset = _knob("drive", 1, 0, 4), _knob("offset", 0, -1, 1)
    bended.bend(tb.Scale(drive), "decode:conv1d_3$", r"forward:conv1d_3\d$")
    bended.bend(tb.Bias(offset), "decode:conv1d_9$", "forward:tanh$")
    channels = tb.Mask(_knob("channels", 1, 0, 1), seed=3, dim=1)
    bended.bend(channels, "decode:conv_transpose1d_1$", "forward:conv_transpose1d_1$")
    loudest = tb.ThresholdActivation(_knob("loudest", 1, 0, 1))
    bended.bend(loudest, *_in_the_decoder(bended, "add_", -4))
    return bended


def _in_the_decoder(bended: BendedRAVE, start: str, at: int) -> list[str]:
    """One activation in ``decode``, and the same in ``forward``, which ends as ``decode``."""
    found = []
    for fn in ("decode", "forward"):
        names = [name for name in bended.activations(fn) if name.startswith(start)]
        found.append(f"{fn}:{names[at]}$")
    return found


@dataclass(frozen=True)
class Kind:
    """A kind of RAVE, small.

    Attributes:
        config: of acids-rave.
        channels: of the sound.
    """

    config: str
    channels: int = 1

    def save(self, folder: Path) -> Path:
        """Leave a run of it in a folder."""
        return save_run(
            folder, self.config, channels=self.channels, seed=1, overrides=["CAPACITY = 4"]
        )


KINDS = {
    "v1": Kind("v1"),
    "v2_small": Kind("v2_small"),
    "v3": Kind("v3"),
    "discrete": Kind("discrete"),
    "wasserstein": Kind("v2_small+wasserstein"),
    "spherical": Kind("v2_small+spherical"),
    "adain": Kind("v2_small+adain"),
    "stereo": Kind("v2_small", 2),
}


def bent(run: Path) -> BendedRAVE:
    """Any kind with a bend of its decoder's weights, and two of activations there."""
    bended = BendedRAVE(run)
    bended.bend(
        tb.Normal(_knob("noise", 0, 0, 0.5), seed=2) >> tb.Scale(_knob("gain", 1, 0, 2)),
        r"decoder.*weight$",
    )
    drive = tb.Scale(_knob("drive", 1, 0, 4))
    bended.bend(drive, *_in_the_decoder(bended, "conv1d_", -11))
    channels = tb.Mask(_knob("channels", 1, 0, 1), seed=3, dim=1)
    bended.bend(channels, *_in_the_decoder(bended, "conv1d_", -13))
    return bended
