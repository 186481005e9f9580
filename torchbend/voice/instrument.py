"""The voice with its weights, and with eight knobs on it, ready to play."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from torchbend.bending import (
    BendingConfig,
    BendingParameter,
    Bias,
    Normal,
    OrderedMask,
    Scale,
    ThresholdPermute,
)
from torchbend.errors import TorchbendError
from torchbend.hints import ExportHints
from torchbend.tracing import BendedModule

from .net import HOP, LATENTS, SAMPLE_RATE, Voice

__all__ = ["BendedVoice", "load_voice", "voice", "voice_bends"]

WEIGHTS = Path(__file__).with_name("voice.safetensors")
_TRACED_FRAMES = 4
_SEED = 5
_REMEDY = "Install torchbend again, or run scripts/make_voice.py in its repository."


class BendedVoice(BendedModule):
    """A bent voice. Its exports know the sample rate and the names of the latents."""

    def export_hints(self) -> ExportHints:
        """Say so."""
        sound = ("sound",)
        return ExportHints(
            sample_rate=SAMPLE_RATE,
            labels={
                "encode": (sound, LATENTS),
                "decode": (LATENTS, sound),
                "forward": (sound, sound),
            },
            source=WEIGHTS,
        )


def load_voice() -> Voice:
    """The trained voice, unbent.

    Raises:
        TorchbendError: the weights beside this file are missing, or not those of this voice.
    """
    # what is learnt comes from the file; making it first must not move anyone's random numbers
    with torch.random.fork_rng(devices=[]):
        net = Voice()
    wanted = {name: p for name, p in net.named_parameters() if p.requires_grad}
    try:
        learnt = load_file(WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise TorchbendError(f"the voice has no weights: {WEIGHTS} ({error}). {_REMEDY}") from error
    if {n: t.shape for n, t in learnt.items()} != {n: p.shape for n, p in wanted.items()}:
        raise TorchbendError(f"{WEIGHTS} holds the weights of another voice. {_REMEDY}")
    net.requires_grad_(False)
    for name, parameter in wanted.items():
        parameter.copy_(learnt[name])
    return net.eval()


def voice_bends() -> BendingConfig:
    """Eight knobs, all neutral: the bends that :func:`voice` carries.

    ======== =========== ==================================================================
    knob     range       what moves
    ======== =========== ==================================================================
    tune     0.5 to 2    the frequency of every oscillator
    metal    0 to 150    Hz added to each: harmonies become bells
    haze     0 to 0.15   noise on the weights of the last layers: other notes appear
    scramble 0 to 1      channels of the first layer change places: other chords
    thin     0 to 1      sines fall silent, one by one
    breath   0 to 2      every band of noise opens
    tail     0 to 4      how much all rings on
    drive    1 to 8      the wave shapers, pushed
    ======== =========== ==================================================================
    """

    def knob(name: str, value: float, low: float, high: float) -> BendingParameter:
        return BendingParameter(name, value, range=[low, high], clamp=True)

    tune = knob("tune", 1.0, 0.5, 2.0)
    metal = knob("metal", 0.0, 0.0, 150.0)
    haze = knob("haze", 0.0, 0.0, 0.15)
    scramble = knob("scramble", 0.0, 0.0, 1.0)
    thin = knob("thin", 0.0, 0.0, 1.0)
    breath = knob("breath", 0.0, 0.0, 2.0)
    tail = knob("tail", 1.0, 0.0, 4.0)
    drive = knob("drive", 1.0, 1.0, 8.0)
    return BendingConfig(
        (Scale(tune), r"^sines\.hz$"),
        (Bias(metal), r"^sines\.hz$"),
        (Normal(haze, seed=_SEED), r"^imagine\.layers\.[12]\.conv\.weight$"),
        (ThresholdPermute(scramble, seed=_SEED, dim=0), r"^imagine\.layers\.0\.conv\.weight$"),
        (OrderedMask(1 - thin, seed=_SEED, dim=1), r"(^|:)sigmoid$"),
        (Bias(breath), r"imagine_bands$"),
        (Scale(tail), r"^tail\.conv\.weight$"),
        (Scale(drive), r"^mix\.weight$"),
        (Scale(drive**-0.65), r"^out\.weight$"),  # as loud as before, about
    )


def voice() -> BendedVoice:
    """The built-in instrument: ``encode``, ``decode`` and ``forward``, with eight knobs.

    It plays 48000 Hz in blocks of any multiple of 512 frames.

        bent = voice()
        bent.update("haze", 0.1)
        sound = bent.forward(loop()[None])  # (1, 1, frames)
    """
    bent: BendedVoice = BendedVoice(load_voice())
    bent.trace("encode", x=torch.zeros(1, 1, _TRACED_FRAMES * HOP))
    bent.trace("decode", z=torch.zeros(1, len(LATENTS), _TRACED_FRAMES))
    bent.trace("forward", x=torch.zeros(1, 1, _TRACED_FRAMES * HOP))
    bent.bend(voice_bends())
    return bent
