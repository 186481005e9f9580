"""The callbacks of this folder, by name. Written by ``make operations``."""

from .ablate import Ablate
from .absolute import Absolute
from .band_noise import BandNoise
from .binarize import Binarize
from .clamp import Clamp
from .damage import Damage
from .delay import Delay
from .erode import Dilate, Erode
from .flip import Flip
from .fold import Fold
from .gradient import Gradient
from .hadamard import Hadamard
from .hard_threshold import HardThreshold
from .hold import Hold
from .invert import Invert
from .log import Log
from .mix_weights import MixWeights
from .noise import Noise
from .orthogonal import Orthogonal
from .power import Power
from .quantize import Quantize
from .reflect import Reflect
from .roll import Roll
from .roll_channels import RollChannels
from .rotate import Rotate
from .saturate import Saturate
from .sine import Sine
from .soft_threshold import SoftThreshold
from .steer import Steer
from .stretch import Stretch
from .toward import Toward
from .wrap import Wrap

__all__ = [
    "Ablate",
    "Absolute",
    "BandNoise",
    "Binarize",
    "Clamp",
    "Damage",
    "Delay",
    "Dilate",
    "Erode",
    "Flip",
    "Fold",
    "Gradient",
    "Hadamard",
    "HardThreshold",
    "Hold",
    "Invert",
    "Log",
    "MixWeights",
    "Noise",
    "Orthogonal",
    "Power",
    "Quantize",
    "Reflect",
    "Roll",
    "RollChannels",
    "Rotate",
    "Saturate",
    "Sine",
    "SoftThreshold",
    "Steer",
    "Stretch",
    "Toward",
    "Wrap",
]
