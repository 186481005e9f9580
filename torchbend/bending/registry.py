"""The callbacks that a configuration file can name."""

from __future__ import annotations

from .affine import Affine, Bias, Scale
from .callback import BendingCallback
from .capture import Capture
from .chain import CallbackChain
from .interpolation import InterpolateActivation, InterpolationFromCapture
from .mask import Mask, OrderedMask
from .noise import Normal
from .permute import Permute
from .steps import DuringSteps
from .threshold import ThresholdActivation, ThresholdPermute

__all__ = ["builtin_callbacks"]


def builtin_callbacks() -> dict[str, type[BendingCallback]]:
    """Return the built-in callbacks by name; ``Lambda`` is none of them, it holds code."""
    classes: tuple[type[BendingCallback], ...] = (
        Affine,
        Bias,
        CallbackChain,
        Capture,
        DuringSteps,
        InterpolateActivation,
        InterpolationFromCapture,
        Mask,
        Normal,
        OrderedMask,
        Permute,
        Scale,
        ThresholdActivation,
        ThresholdPermute,
    )
    return {cls.__name__: cls for cls in classes}
