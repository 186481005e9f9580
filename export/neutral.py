"""Where all knobs of a bent model do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchbend.bending import BendingCallback, BendingParameter, Capture
from torchbend.bending.chain import CallbackChain
from torchbend.errors import BendingParameterException

__all__ = ["neutral_values"]


def neutral_values(
    callbacks: Sequence[BendingCallback], controls: Sequence[BendingParameter]
) -> dict[str, Any] | None:
    """Find values of the controls at which the model sounds as if it were not bent.

    Args:
        callbacks: all that bend the model.
        controls: theirs.

    Returns:
        A value by control, or None where there are none such: a callback without a neutral
        setting, a fixed setting that is not neutral, a range that leaves it out.
    """
    wanted: dict[str, Any] = {}
    for callback in _flat(callbacks):
        if isinstance(callback, Capture):
            continue
        if not callback.neutral:
            return None
        for setting, value in callback.neutral.items():
            operand = callback.operand(setting)
            parameter = operand.__dict__["parameter"]
            if parameter is None:
                if not _equal(operand.value, value):
                    return None
            elif operand.mapping() or wanted.setdefault(parameter.name, value) != value:
                return None
    values = {}
    for control in controls:
        value = wanted.get(control.name, control.get_python_value())
        try:
            values[control.name] = _fitted(control, value)
        except BendingParameterException:
            return None
    return values


def _flat(callbacks: Sequence[BendingCallback]) -> list[BendingCallback]:
    return [
        each
        for callback in callbacks
        for each in (callback.callbacks if isinstance(callback, CallbackChain) else (callback,))
    ]


def _equal(value: Any, neutral: float | str) -> bool:
    if hasattr(value, "tolist"):
        return all(each == neutral for each in value.tolist())
    return bool(value == neutral)


def _fitted(control: BendingParameter, value: Any) -> Any:
    """A neutral number as the control's kind has it.

    Raises:
        BendingParameterException: the control cannot have it.
    """
    if control.kind == "vector" and isinstance(value, float):
        value = [value] * control.raw.numel()
    elif control.kind in ("int", "bool") and isinstance(value, float):
        value = int(value) if control.kind == "int" else bool(value)
    if control.range is not None and control.kind not in ("choice", "bool", "complex"):
        low, high = control.range
        numbers = value if isinstance(value, list) else [value]
        if any((low is not None and n < low) or (high is not None and n > high) for n in numbers):
            raise BendingParameterException(f"{control.name} has no value {value!r}")
    return value
