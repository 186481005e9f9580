"""Controls of an exported file: what ``set_<name>`` and ``get_<name>`` reach.

On stage nothing is refused with an error: a value out of range is clamped, and a value that
is no number is answered with -1 and changes nothing.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .operand import finite
from .parameter import BendingParameter

__all__ = [
    "BoolControl",
    "ChoiceControl",
    "ComplexControl",
    "FloatControl",
    "IntControl",
    "VectorControl",
    "make_control",
]


class FloatControl(nn.Module):
    """A float control in an exported file: always clamped, never NaN."""

    def __init__(self, value: float, low: float, high: float, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = float(value)
        self.low = float(low)
        self.high = float(high)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: float) -> int:
        """Move the control; 0, or -1 if nothing changes because ``v`` is no usable number."""
        # not `v != v`: TorchScript folds that to False
        if not (v <= 0.0 or v >= 0.0):
            return -1
        v = min(max(v, self.low), self.high)
        if not finite(v):
            return -1
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> float:
        """Return the value that was set, clamped."""
        return self.value


class IntControl(nn.Module):
    """An int control in an exported file: always clamped."""

    def __init__(self, value: int, low: int, high: int, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = int(value)
        self.low = int(low)
        self.high = int(high)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: int) -> int:
        """Move the control; 0, or -1 if nothing changes because a view has no value there."""
        v = min(max(v, self.low), self.high)
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> int:
        """Return the value that was set, clamped."""
        return self.value


class BoolControl(nn.Module):
    """A switch in an exported file."""

    def __init__(self, value: bool, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = bool(value)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: bool) -> int:
        """Move the control; 0, or -1 if nothing changes because a view has no value there."""
        number = int(v)
        for view in self.views:
            if not view.accepts(number):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(number)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> bool:
        """Return the value that was set."""
        return self.value


class ComplexControl(nn.Module):
    """A complex control in an exported file, set as two floats: nn~ has no complex type."""

    def __init__(self, value: complex, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.real = float(complex(value).real)
        self.imag = float(complex(value).imag)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, real: float, imag: float) -> int:
        """Move the control; 0, or -1 if nothing changes because it is no usable number."""
        if not (finite(real) and finite(imag)):
            return -1
        v = complex(real, imag)
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.real = real
        self.imag = imag
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> tuple[float, float]:
        """Return the value that was set, real and imaginary part."""
        return self.real, self.imag


class ChoiceControl(nn.Module):
    """A choice of words in an exported file."""

    choices: list[str]

    def __init__(self, value: str, choices: Sequence[str], views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.value = str(value)
        self.choices = list(choices)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: str) -> int:
        """Move the control; 0, or -1 if nothing changes because there is no such choice."""
        if v not in self.choices:
            return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def get(self) -> str:
        """Return the word that was set."""
        return self.value


class VectorControl(nn.Module):
    """A vector control in an exported file: always clamped, never NaN, of fixed length."""

    value: Tensor

    def __init__(self, value: Tensor, low: float, high: float, views: Sequence[nn.Module]) -> None:
        """Start at ``value``, with ``views`` that follow."""
        super().__init__()
        self.register_buffer("value", value.detach().clone())
        self.low = float(low)
        self.high = float(high)
        self.views = nn.ModuleList(views)

    @torch.jit.export
    def set(self, v: Tensor) -> int:
        """Move the control; 0, or -1 if nothing changes: wrong length, or not all numbers."""
        if v.dim() != 1 or v.numel() != self.value.numel() or v.is_complex():
            return -1
        if bool(torch.isnan(v).any()):
            return -1
        v = v.detach().to(self.value.device, torch.float32).clamp(self.low, self.high)
        if not bool(torch.isfinite(v).all()):
            return -1
        for view in self.views:
            if not view.accepts(v):  # type: ignore[operator]
                return -1
        self.value = v
        for view in self.views:
            view.follow(v)  # type: ignore[operator]
        return 0

    @torch.jit.export
    def set_list(self, v: list[float]) -> int:
        """Move the control by a list of floats."""
        return self.set(torch.tensor(v, dtype=torch.float32))

    @torch.jit.export
    def get(self) -> Tensor:
        """Return the value that was set, clamped."""
        return self.value


def make_control(parameter: BendingParameter, views: Sequence[nn.Module]) -> nn.Module:
    """Make the exported form of a control.

    Args:
        parameter: the control; its present value is taken.
        views: the (scripted) operands that follow it.

    Returns:
        A module that scripts, with ``set(v) -> int`` (0, or -1 and nothing changes) and
        ``get()``. A complex one is set and read as two floats.
    """
    low, high = parameter.range or (None, None)
    value = parameter._value
    if parameter.kind == "float":
        low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
        return FloatControl(value, low, high, views)
    if parameter.kind == "int":
        # just inside 64 bits: TorchScript cannot write -2**63 down
        low, high = (1 - 2**63 if low is None else low), (2**63 - 1 if high is None else high)
        return IntControl(value, low, high, views)
    if parameter.kind == "bool":
        return BoolControl(value, views)
    if parameter.kind == "complex":
        return ComplexControl(value, views)
    if parameter.kind == "choice":
        return ChoiceControl(value, parameter.choices, views)
    low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
    return VectorControl(value, low, high, views)
