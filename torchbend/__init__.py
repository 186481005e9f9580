"""torchbend opens a trained model, looks inside, and bends it.

    import torchbend as tb

    bended = tb.BendedModule(model)
    bended.trace(x=x)
    bended.print_activations()
    bended.bend(tb.Scale(2.0), "decoder.*weight")
    y = bended(x)

The pieces: :mod:`torchbend.tracing` (what places are there), :mod:`torchbend.bending`
(callbacks, controls, configurations), :mod:`torchbend.distributions`,
:mod:`torchbend.interfaces` (models from known projects), :mod:`torchbend.realtime` (the live
host).
"""

from importlib import import_module as _import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as _version
from types import ModuleType as _ModuleType

from . import bending, distributions, tracing
from .bending import (
    Affine,
    Bend,
    BendingCallback,
    BendingCallbackException,
    BendingConfig,
    BendingParameter,
    BendingParameterException,
    Bias,
    CallbackChain,
    Capture,
    Channels,
    Clusters,
    DuringSteps,
    Fraction,
    InterpolateActivation,
    InterpolationFromCapture,
    Lambda,
    Mask,
    Normal,
    OrderedMask,
    Permute,
    Scale,
    Span,
    ThresholdActivation,
    ThresholdPermute,
)
from .bending.given_tensors import read_weights, save_tensors
from .bending.tensor_file import TensorFile
from .clusters import cluster
from .compare import compare_outs, compare_state_dict_tensors
from .directions import direction
from .errors import BendingError, ConfigError, ScriptError, TorchbendError, TracingError
from .operations import *  # noqa: F403
from .operations import __all__ as _operations
from .output import get_output, set_output
from .scripts import BendedScript, load
from .tracing import BendedModule, BendedWrapper, BendingTracer, Inputs

try:
    __version__ = _version("torchbend")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> _ModuleType:
    """``tb.realtime`` is imported when it is first asked for: most users of the engine never do."""
    if name == "realtime":
        return _import_module(f"{__name__}.realtime")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

__all__ = [
    "Affine",
    "Bend",
    "BendedModule",
    "BendedScript",
    "BendedWrapper",
    "BendingCallback",
    "BendingCallbackException",
    "BendingConfig",
    "BendingError",
    "BendingParameter",
    "BendingParameterException",
    "BendingTracer",
    "Bias",
    "CallbackChain",
    "Capture",
    "Channels",
    "Clusters",
    "ConfigError",
    "DuringSteps",
    "Fraction",
    "Inputs",
    "InterpolateActivation",
    "InterpolationFromCapture",
    "Lambda",
    "Mask",
    "Normal",
    "OrderedMask",
    "Permute",
    "Scale",
    "ScriptError",
    "Span",
    "TensorFile",
    "ThresholdActivation",
    "ThresholdPermute",
    "TorchbendError",
    "TracingError",
    "__version__",
    "bending",
    "cluster",
    "compare_outs",
    "compare_state_dict_tensors",
    "direction",
    "distributions",
    "get_output",
    "load",
    "read_weights",
    "save_tensors",
    "set_output",
    "tracing",
    *_operations,
]
