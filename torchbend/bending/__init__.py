"""Callbacks, controls and configurations."""

from ..errors import BendingCallbackException, BendingParameterException, ConfigError
from ..places import Place
from .adapter import CallbackKernel
from .affine import Affine, Bias, Scale
from .bend import Bend
from .callback import BendingCallback
from .capture import Capture
from .chain import CallbackChain
from .cluster import Cluster, Clusters
from .config import BendingConfig
from .function import Lambda
from .interpolation import InterpolateActivation, InterpolationFromCapture
from .kernel import ChainKernel, Kernel, place_generator
from .mask import Mask, OrderedMask
from .noise import Normal
from .operand import Operand, as_operand
from .parameter import BendingParameter, BendingView
from .permute import Permute
from .selectors import Channels, Fraction, Selector, Span
from .steps import DuringSteps
from .threshold import ThresholdActivation, ThresholdPermute

__all__ = [
    "Affine",
    "Bend",
    "BendingCallback",
    "BendingCallbackException",
    "BendingConfig",
    "BendingParameter",
    "BendingParameterException",
    "BendingView",
    "Bias",
    "CallbackChain",
    "CallbackKernel",
    "Capture",
    "Channels",
    "ChainKernel",
    "Cluster",
    "Clusters",
    "ConfigError",
    "DuringSteps",
    "Fraction",
    "InterpolateActivation",
    "InterpolationFromCapture",
    "Kernel",
    "Lambda",
    "Mask",
    "Normal",
    "Operand",
    "OrderedMask",
    "Permute",
    "Place",
    "Scale",
    "Selector",
    "Span",
    "ThresholdActivation",
    "ThresholdPermute",
    "as_operand",
    "place_generator",
]
