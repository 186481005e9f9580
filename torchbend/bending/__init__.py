"""Callbacks, controls and configurations."""

from ..errors import BendingCallbackException, BendingParameterException, ConfigError
from ..places import Place
from .adapter import CallbackKernel
from .affine import Affine, Bias, Scale
from .callback import BendingCallback, CallbackChain
from .kernel import ChainKernel, Kernel, place_generator
from .operand import Operand, as_operand
from .parameter import BendingParameter, BendingView

__all__ = [
    "Affine",
    "BendingCallback",
    "BendingCallbackException",
    "BendingParameter",
    "BendingParameterException",
    "BendingView",
    "Bias",
    "CallbackChain",
    "CallbackKernel",
    "ChainKernel",
    "ConfigError",
    "Kernel",
    "Operand",
    "Place",
    "Scale",
    "as_operand",
    "place_generator",
]
