"""Views: a control mapped by plain numbers.

``2. * p + 1`` is a :class:`BendingView` of ``p``: the same knob in another range. A mapping
is kept as steps, ``(("mul", 2.0), ("add", 1))``, which the control's operands apply, here
and in an exported file.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from ..errors import BendingParameterException
from .operand import (
    BoolOperand,
    ChoiceOperand,
    ComplexOperand,
    FloatOfIntOperand,
    FloatOperand,
    IntOperand,
    Operand,
    VectorOperand,
    plain_number,
)

if TYPE_CHECKING:
    from .parameter import BendingParameter

__all__ = [
    "INT_LIMIT",
    "Arithmetic",
    "BendingView",
    "Steps",
    "accepts",
    "check_steps",
    "make_operand",
]

Steps = tuple[tuple[str, Any], ...]

INT_LIMIT: int = 2**63
_MOST_INT_POWER = 16
_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
_SYMBOLS_REVERSED = {"rsub": "-", "rdiv": "/", "rpow": "**"}


class Arithmetic:
    """Arithmetic with plain numbers, for controls and their views."""

    # numpy leaves `np.float64(2.) * p` to us instead of making an object array
    __array_ufunc__ = None

    @property
    def parameter(self) -> BendingParameter:
        """The control."""
        raise NotImplementedError

    def mapping(self) -> Steps:
        """The steps from the value set to the value read."""
        raise NotImplementedError

    def _step(self, name: str, number: object) -> BendingView:
        return BendingView(
            self.parameter, (*self.mapping(), (name, self.checked_number(name, number)))
        )

    def checked_number(self, step: str, number: object) -> float | int | complex:
        """Return the number of a step, as a plain one.

        Raises:
            BendingParameterException: it is no finite number that fits the control's kind.
        """
        symbol = _SYMBOLS.get(step) or _SYMBOLS_REVERSED.get(step, step)
        parameter = self.parameter
        if isinstance(number, Arithmetic):
            raise BendingParameterException(
                f"{self!r} {symbol} {number!r}: a control can be mapped by plain numbers only, "
                "not by another control. Use one callback for each control and chain them: a >> b."
            )
        number = plain_number(number)
        if isinstance(number, bool):
            number = int(number)
        numbers: tuple[type, ...] = (int, float)
        if parameter.kind == "complex":
            numbers = (int, float, complex)
        if not isinstance(number, numbers):
            raise BendingParameterException(
                f"control {parameter.name!r} can be mapped by plain numbers only; "
                f"got {type(number).__name__} for {symbol!r}: {number!r}"
            )
        value = cast("float | int | complex", number)
        if not math.isfinite(abs(value)):
            raise BendingParameterException(
                f"control {parameter.name!r} cannot be mapped by {value!r}: not a finite number"
            )
        if step == "div" and value == 0:
            raise BendingParameterException(f"control {parameter.name!r} divided by zero")
        return value

    def __add__(self, number: object) -> BendingView:
        return self._step("add", number)

    __radd__ = __add__

    def __sub__(self, number: object) -> BendingView:
        return self._step("sub", number)

    def __rsub__(self, number: object) -> BendingView:
        return self._step("rsub", number)

    def __mul__(self, number: object) -> BendingView:
        return self._step("mul", number)

    __rmul__ = __mul__

    def __truediv__(self, number: object) -> BendingView:
        return self._step("div", number)

    def __rtruediv__(self, number: object) -> BendingView:
        return self._step("rdiv", number)

    def __pow__(self, number: object) -> BendingView:
        return self._step("pow", number)

    def __rpow__(self, number: object) -> BendingView:
        return self._step("rpow", number)

    def __neg__(self) -> BendingView:
        return self._step("neg", 0)

    def __pos__(self) -> BendingView:
        return BendingView(self.parameter, self.mapping())

    def __abs__(self) -> BendingView:
        return self._step("abs", 0)

    def as_operand(self) -> Operand:
        """Return the one operand through which kernels read this."""
        return self.parameter.operand(self.mapping())


class BendingView(Arithmetic):
    """A control mapped by plain numbers: the same knob in another range.

    Attributes:
        parameter: the control.
        steps: the mapping, as ``(name, number)`` pairs applied in order to the value set.
    """

    def __init__(self, parameter: BendingParameter, steps: Steps) -> None:
        """View ``parameter`` through ``steps``.

        Raises:
            BendingParameterException: the control's kind has no such arithmetic.
        """
        check_steps(parameter, steps)
        self._parameter = parameter
        self.steps = tuple(steps)

    @property
    def parameter(self) -> BendingParameter:
        """The control that is viewed."""
        return self._parameter

    @property
    def name(self) -> str:
        """The control's name."""
        return self._parameter.name

    def mapping(self) -> Steps:
        """The steps from the value set to the value read."""
        return self.steps

    def get_python_value(self) -> Any:
        """Return the mapped value as a Python number or list of floats."""
        value = self.as_operand().value
        return value.tolist() if isinstance(value, Tensor) else value

    def get_value(self) -> Tensor | str:
        """Return the mapped value as a tensor, 0-d or 1-D."""
        value = self.as_operand().value
        if isinstance(value, str):
            return value
        return value.detach().clone() if isinstance(value, Tensor) else torch.tensor(value)

    def set_value(self, value: object) -> None:
        """Refuse: only the control itself can be moved."""
        raise BendingParameterException(
            f"{self!r} is a view of control {self.name!r} and cannot be set; "
            f"set the control itself: {self.name}.set_value(...)"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> BendingView:
        """View the copied control."""
        return BendingView(copy.deepcopy(self._parameter, memo), self.steps)

    def __repr__(self) -> str:
        """Show the arithmetic, such as ``2.0 * p + 1``."""
        text = self.name
        tight = True
        for step, number in self.steps:
            inner = text if tight else f"({text})"
            if step == "neg":
                text, tight = f"-{inner}", False
            elif step == "abs":
                text, tight = f"abs({text})", True
            elif step == "mul":
                text, tight = f"{number!r} * {inner}", False
            elif step in ("add", "sub"):
                text, tight = f"{text} {_SYMBOLS[step]} {number!r}", False
            elif step in _SYMBOLS:
                text, tight = f"{inner} {_SYMBOLS[step]} {number!r}", False
            else:
                text, tight = f"{number!r} {_SYMBOLS_REVERSED[step]} {inner}", False
        return text


def _stays_int(steps: Steps) -> bool:
    for name, number in steps:
        if not isinstance(number, int) or name in ("div", "rdiv", "rpow"):
            return False
        if not -INT_LIMIT <= number < INT_LIMIT:
            return False
        if name == "pow" and not 0 <= number <= _MOST_INT_POWER:
            return False
    return True


def check_steps(parameter: BendingParameter, steps: Steps) -> None:
    """Check that a control's kind has the arithmetic of a mapping.

    Raises:
        BendingParameterException: it has not, or a number is none.
    """
    known = {*_SYMBOLS, *_SYMBOLS_REVERSED, "neg", "abs"}
    for name, number in steps:
        if name not in known:
            raise BendingParameterException(
                f"control {parameter.name!r}: no arithmetic step {name!r}; "
                f"there are {sorted(known)}"
            )
        if parameter.kind == "choice":
            raise BendingParameterException(
                f"control {parameter.name!r} is a choice of words: it has no arithmetic"
            )
        if parameter.kind == "complex" and name in ("pow", "rpow", "abs"):
            raise BendingParameterException(
                f"control {parameter.name!r} is complex: it has no {name!r}"
            )
        parameter.checked_number(name, number)


def make_operand(parameter: BendingParameter, steps: Steps) -> Operand:
    """Make an operand for a control's kind and mapping; it holds no value yet."""
    kind = parameter.kind
    if kind == "float":
        return FloatOperand(0.0, steps)
    if kind == "complex":
        return ComplexOperand(0.0, steps)
    if kind == "choice":
        return ChoiceOperand("")
    if kind == "vector":
        return VectorOperand(parameter._value, steps)
    if kind == "bool" and not steps:
        return BoolOperand(False)
    if _stays_int(steps):
        return IntOperand(0, steps)
    return FloatOfIntOperand(0.0, steps)


def accepts(operand: Operand, raw: Any) -> bool:
    """Whether an operand has a value where its control has ``raw``."""
    try:
        if isinstance(operand, IntOperand):
            return -INT_LIMIT <= operand.map(raw) < INT_LIMIT
        return bool(cast(Any, operand).accepts(raw))
    except (OverflowError, ValueError, ZeroDivisionError):
        return False
