"""Operands: the numbers that kernels read while they run.

A kernel writes ``x * self.scale.value`` and never asks where the number comes from.
Its operand holds it: a constant, or the live value of a
:class:`~torchbend.bending.parameter.BendingParameter`, possibly mapped (``2. * p + 1``).
``value`` is a plain Python number, not a tensor, so that ``x * operand.value`` gives the
dtype and the bits that ``x * 1.3`` gives; a vector's ``value`` is a 1-D float tensor.

All operands script. An operand of a control has ``accepts`` and ``follow``, which take the
control's own (unmapped) value: ``follow`` recomputes ``value`` from it. A mapping is a list
of named steps and the number of each. Its loops are `while` loops, because TorchScript
unrolls `for` loops eight times, one inside another, until its own interpreter fails.
"""

import copy
import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ..errors import BendingParameterException

__all__ = [
    "BoolOperand",
    "ChoiceOperand",
    "ComplexOperand",
    "DirectOperand",
    "FloatOfIntOperand",
    "FloatOperand",
    "IntOperand",
    "Operand",
    "VectorOperand",
    "as_operand",
    "plain_number",
]


def finite(v: float) -> bool:
    """Whether ``v`` is neither infinite nor NaN.

    By comparison: libtorch 2.5 stops at ``math.isnan`` and its like in TorchScript, and
    ``v != v`` is folded to False there.
    """
    return abs(v) < math.inf


class Operand(nn.Module):
    """Holds one value that kernels read.

    Attributes:
        value: a Python float, int, bool, complex or str, or a 1-D float tensor.
        kind: ``"float"``, ``"int"``, ``"bool"``, ``"complex"``, ``"choice"`` or ``"vector"``.
        stamp: counts the changes of ``value``, so that a kernel can tell that it moved.
    """

    kind: str
    if TYPE_CHECKING:
        value: Any

    def __init__(self) -> None:
        """Start as an operand that follows no control."""
        super().__init__()
        self.kind = ""
        self.stamp = 0
        self.__dict__["parameter"] = None

    def fresh(self) -> "Operand":
        """Return a copy that knows no control, to be scripted or frozen."""
        raise NotImplementedError

    def __deepcopy__(self, memo: dict[int, Any]) -> "Operand":
        """Copy together with the control, so that the copy follows the copied control."""
        parameter = self.__dict__["parameter"]
        if parameter is None:
            twin = self.fresh()
        else:
            twin = copy.deepcopy(parameter, memo).operand(self.mapping())
        memo[id(self)] = twin
        return twin

    def mapping(self) -> tuple[tuple[str, Any], ...]:
        """Return the steps from the control's value to this one, as ``(name, number)``."""
        return ()

    def extra_repr(self) -> str:
        """Show the value."""
        return repr(self.value)


class FloatOperand(Operand):
    """A float, mapped from a float control by a list of steps."""

    steps: list[str]
    numbers: list[float]

    def __init__(self, value: float, steps: Sequence[tuple[str, float]] = ()) -> None:
        """Hold ``value``, the already mapped one."""
        super().__init__()
        self.kind = "float"
        self.steps = [name for name, _ in steps]
        self.numbers = [float(number) for _, number in steps]
        self.value = float(value)

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        if type(self) is FloatOperand and not self.steps:
            return DirectOperand(self.value)
        return type(self)(self.value, cast("tuple[tuple[str, float], ...]", self.mapping()))

    def mapping(self) -> tuple[tuple[str, Any], ...]:
        """Return the steps from the control's value to this one."""
        return tuple(zip(self.steps, self.numbers, strict=True))

    def map(self, v: float) -> float:
        """Apply the steps to a control's value; NaN where they are not defined."""
        i = 0
        while i < len(self.steps):
            step = self.steps[i]
            c = self.numbers[i]
            i += 1
            if step == "add":
                v = v + c
            elif step == "sub":
                v = v - c
            elif step == "rsub":
                v = c - v
            elif step == "mul":
                v = v * c
            elif step == "div":
                v = v / c
            elif step == "rdiv":
                if v == 0.0:
                    return math.nan
                v = c / v
            elif step == "pow":
                if (v < 0.0 and c != math.floor(c)) or (v == 0.0 and c < 0.0):
                    return math.nan
                v = math.pow(v, c)
            elif step == "rpow":
                if (c < 0.0 and v != math.floor(v)) or (c == 0.0 and v < 0.0):
                    return math.nan
                v = math.pow(c, v)
            elif step == "neg":
                v = -v
            elif step == "abs":
                v = abs(v)
        return v

    @torch.jit.export
    def accepts(self, v: float) -> bool:
        """Whether the mapped value of ``v`` is a finite number."""
        return finite(self.map(v))

    @torch.jit.export
    def follow(self, v: float) -> None:
        """Take over the control's value ``v``, mapped."""
        value = self.map(v)
        if value != self.value:
            self.stamp += 1
        self.value = value


class DirectOperand(Operand):
    """A float that is a float control's own value.

    The common case in an exported file: the first move of a knob compiles what it runs, and
    without the steps there is little of it.
    """

    def __init__(self, value: float) -> None:
        """Hold ``value``."""
        super().__init__()
        self.kind = "float"
        self.value = float(value)

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        return DirectOperand(self.value)

    @torch.jit.export
    def accepts(self, v: float) -> bool:
        """Whether ``v`` is a finite number."""
        return finite(v)

    @torch.jit.export
    def follow(self, v: float) -> None:
        """Take over the control's value."""
        if v != self.value:
            self.stamp += 1
        self.value = v


class FloatOfIntOperand(FloatOperand):
    """A float, mapped from an int (or bool) control."""

    # TorchScript reads the annotations of the class itself, not of its bases
    steps: list[str]
    numbers: list[float]

    @torch.jit.export
    def accepts(self, v: int) -> bool:  # type: ignore[override]
        """Whether the mapped value of ``v`` is a finite number."""
        return finite(self.map(float(v)))

    @torch.jit.export
    def follow(self, v: int) -> None:  # type: ignore[override]
        """Take over the control's value ``v``, mapped."""
        value = self.map(float(v))
        if value != self.value:
            self.stamp += 1
        self.value = value


class IntOperand(Operand):
    """An int, mapped from an int (or bool) control by steps that keep it an int."""

    steps: list[str]
    numbers: list[int]

    def __init__(self, value: int, steps: Sequence[tuple[str, int]] = ()) -> None:
        """Hold ``value``, the already mapped one."""
        super().__init__()
        self.kind = "int"
        self.steps = [name for name, _ in steps]
        self.numbers = [int(number) for _, number in steps]
        self.value = int(value)

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        return type(self)(self.value, self.mapping())

    def mapping(self) -> tuple[tuple[str, Any], ...]:
        """Return the steps from the control's value to this one."""
        return tuple(zip(self.steps, self.numbers, strict=True))

    def map(self, v: int) -> int:
        """Apply the steps to a control's value."""
        i = 0
        while i < len(self.steps):
            step = self.steps[i]
            c = self.numbers[i]
            i += 1
            if step == "add":
                v = v + c
            elif step == "sub":
                v = v - c
            elif step == "rsub":
                v = c - v
            elif step == "mul":
                v = v * c
            elif step == "pow":
                base = v
                v = 1
                while c > 0:
                    v = v * base
                    c -= 1
            elif step == "neg":
                v = -v
            elif step == "abs":
                v = abs(v)
        return v

    @torch.jit.export
    def accepts(self, v: int) -> bool:
        """Whether the mapped value of ``v`` can be used: always."""
        return True

    @torch.jit.export
    def follow(self, v: int) -> None:
        """Take over the control's value ``v``, mapped."""
        value = self.map(v)
        if value != self.value:
            self.stamp += 1
        self.value = value


class BoolOperand(Operand):
    """A switch. Its control speaks 0 and 1, as its mapped views do."""

    def __init__(self, value: bool) -> None:
        """Hold ``value``."""
        super().__init__()
        self.kind = "bool"
        self.value = bool(value)

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        return BoolOperand(self.value)

    @torch.jit.export
    def accepts(self, v: int) -> bool:
        """Whether ``v`` can be used: always."""
        return True

    @torch.jit.export
    def follow(self, v: int) -> None:
        """Take over the control's value."""
        value = v != 0
        if value != self.value:
            self.stamp += 1
        self.value = value


class ComplexOperand(Operand):
    """A complex number, mapped from a complex control by a list of steps."""

    steps: list[str]
    numbers: list[complex]

    def __init__(self, value: complex, steps: Sequence[tuple[str, complex]] = ()) -> None:
        """Hold ``value``, the already mapped one."""
        super().__init__()
        self.kind = "complex"
        self.steps = [name for name, _ in steps]
        self.numbers = [complex(number) for _, number in steps]
        self.value = complex(value)

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        return type(self)(self.value, self.mapping())

    def mapping(self) -> tuple[tuple[str, Any], ...]:
        """Return the steps from the control's value to this one."""
        return tuple(zip(self.steps, self.numbers, strict=True))

    def map(self, v: complex) -> complex:
        """Apply the steps to a control's value; NaN where they are not defined."""
        i = 0
        while i < len(self.steps):
            step = self.steps[i]
            c = self.numbers[i]
            i += 1
            if step == "add":
                v = v + c
            elif step == "sub":
                v = v - c
            elif step == "rsub":
                v = c - v
            elif step == "mul":
                v = v * c
            elif step == "div":
                v = v / c
            elif step == "rdiv":
                if abs(v) == 0.0:
                    return complex(math.nan, 0.0)
                v = c / v
            elif step == "neg":
                v = v * -1.0
        return v

    @torch.jit.export
    def accepts(self, v: complex) -> bool:
        """Whether the mapped value of ``v`` is a finite number."""
        return finite(abs(self.map(v)))

    @torch.jit.export
    def follow(self, v: complex) -> None:
        """Take over the control's value ``v``, mapped."""
        value = self.map(v)
        if value != self.value:
            self.stamp += 1
        self.value = value


class ChoiceOperand(Operand):
    """One of some words."""

    def __init__(self, value: str) -> None:
        """Hold ``value``."""
        super().__init__()
        self.kind = "choice"
        self.value = str(value)

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        return ChoiceOperand(self.value)

    @torch.jit.export
    def accepts(self, v: str) -> bool:
        """Whether ``v`` can be used: always, the control checks it."""
        return True

    @torch.jit.export
    def follow(self, v: str) -> None:
        """Take over the control's value."""
        if v != self.value:
            self.stamp += 1
        self.value = v


class VectorOperand(Operand):
    """One float a channel, mapped from a vector control by a list of steps.

    ``value`` is a buffer ``(channels,)``, so it moves with the kernels that read it.
    """

    steps: list[str]
    numbers: list[float]
    value: Tensor

    def __init__(self, value: Tensor, steps: Sequence[tuple[str, float]] = ()) -> None:
        """Hold ``value``, the already mapped one."""
        super().__init__()
        self.kind = "vector"
        self.steps = [name for name, _ in steps]
        self.numbers = [float(number) for _, number in steps]
        self.register_buffer("value", value.detach().clone())

    def fresh(self) -> Operand:
        """Return a copy that knows no control."""
        return type(self)(self.value, self.mapping())

    def mapping(self) -> tuple[tuple[str, Any], ...]:
        """Return the steps from the control's value to this one."""
        return tuple(zip(self.steps, self.numbers, strict=True))

    def map(self, v: Tensor) -> Tensor:
        """Apply the steps to a control's value, element by element."""
        i = 0
        while i < len(self.steps):
            step = self.steps[i]
            c = self.numbers[i]
            i += 1
            if step == "add":
                v = v + c
            elif step == "sub":
                v = v - c
            elif step == "rsub":
                v = c - v
            elif step == "mul":
                v = v * c
            elif step == "div":
                v = v / c
            elif step == "rdiv":
                v = c / v
            elif step == "pow":
                v = torch.pow(v, c)
            elif step == "rpow":
                v = torch.pow(c, v)
            elif step == "neg":
                v = -v
            elif step == "abs":
                v = torch.abs(v)
        return v

    @torch.jit.export
    def accepts(self, v: Tensor) -> bool:
        """Whether the mapped value of ``v`` is finite everywhere."""
        return bool(torch.isfinite(self.map(v)).all())

    @torch.jit.export
    def follow(self, v: Tensor) -> None:
        """Take over the control's value ``v``, mapped.

        The new tensor replaces the old one, it is not written into it: a kernel that is
        running on another thread finishes with the values it started with.
        """
        value = self.map(v).to(self.value.device)
        if not torch.equal(value, self.value):
            self.stamp += 1
        self.value = value


def plain_number(value: object) -> object:
    """Turn a 0-d tensor or a numpy scalar into a Python number; leave the rest alone."""
    # numpy's float64 is a float too: make it exactly one, so that reprs and JSON are plain
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, complex):
        return complex(value)
    if isinstance(value, Tensor):
        return value.item() if value.dim() == 0 else value
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return value


def as_vector(value: object, what: str = "a vector") -> Tensor:
    """Turn a sequence of numbers into a float32 vector.

    Raises:
        BendingParameterException: it is empty, not 1-D, or holds something else than
            finite numbers.
    """
    try:
        vector = torch.as_tensor(cast(Any, value)).detach().to(torch.float32).clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise BendingParameterException(
            f"{what} is a list of numbers, one a channel; got {value!r}: {error}"
        ) from error
    if vector.dim() != 1 or vector.numel() == 0:
        raise BendingParameterException(
            f"{what} has one dimension and at least one value; got shape {tuple(vector.shape)}"
        )
    if not bool(torch.isfinite(vector).all()):
        raise BendingParameterException(f"{what} holds finite numbers only; got {vector.tolist()}")
    return vector


def as_operand(setting: object) -> Operand:
    """Make the operand through which a kernel reads a setting.

    Args:
        setting: a number, a str (a choice), a sequence or 1-D tensor of numbers (one value
            a channel, kept as float32), a ``BendingParameter`` or a view of one.

    Returns:
        An operand. For a control it is the one operand of that control and mapping, shared
        by all kernels that read it.

    Raises:
        BendingParameterException: the setting is none of these.
    """
    made = getattr(setting, "as_operand", None)
    if made is not None:
        return cast(Operand, made())
    setting = plain_number(setting)
    if isinstance(setting, bool):
        return BoolOperand(setting)
    if isinstance(setting, int):
        return IntOperand(operator.index(setting))
    if isinstance(setting, (float, complex)) and setting != setting:
        raise BendingParameterException(f"a setting is a number; got {setting!r}")
    if isinstance(setting, float):
        return FloatOperand(setting)
    if isinstance(setting, complex):
        return ComplexOperand(setting)
    if isinstance(setting, str):
        return ChoiceOperand(setting)
    if isinstance(setting, (Sequence, Tensor)) or hasattr(setting, "__array__"):
        return VectorOperand(as_vector(setting))
    raise BendingParameterException(
        "a setting is a number, a word, a list of numbers or a BendingParameter; "
        f"got {type(setting).__name__}: {setting!r}"
    )
