"""Where the knobs of a bent model do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from torchbend.bending import Bend, BendingCallback, BendingParameter, Capture
from torchbend.bending.callback import walk
from torchbend.bending.chain import CallbackChain
from torchbend.bending.operand import Operand
from torchbend.errors import BendingParameterException

__all__ = ["all_heard", "neutral_value_of_each", "neutral_values"]

Number = float | complex

# What undoes each step of a mapping from a control's value to a setting.
_UNDONE: Mapping[str, Callable[[Any, Any], Number]] = {
    "add": lambda v, c: v - c,
    "sub": lambda v, c: v + c,
    "rsub": lambda v, c: c - v,
    "mul": lambda v, c: v / c,
    "div": lambda v, c: v * c,
    "rdiv": lambda v, c: c / v,
    "pow": lambda v, c: v ** (1 / c),
    "neg": lambda v, c: -v,
    "abs": lambda v, c: v,
}


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
    uses = list(_uses(callbacks, whole=True))
    if not all(use.settings and use.words and use.numbers for use in uses):
        return None
    each = _agreed(uses)
    values = {c.name: each.get(c.name, c.get_python_value()) for c in controls}
    return None if None in values.values() else values


def neutral_value_of_each(callbacks: Sequence[BendingCallback]) -> dict[str, Any]:
    """Find the value of each control at which what it moves does nothing.

    Args:
        callbacks: all that bend the model.

    Returns:
        By control; None where there is none, or it cannot be told: a callback without a
        neutral setting, a control that should have two values at once.
    """
    return _agreed(list(_uses(callbacks, whole=False)))


def all_heard(callbacks: Sequence[BendingCallback]) -> dict[str, Any]:
    """Find the values of the switches of bends (bypass, solo) at which none is switched off.

    Args:
        callbacks: all that bend the model.

    Returns:
        A value by control, for those that are switches of bends.
    """
    found: dict[str, Any] = {}
    for bend in (each for callback in callbacks for each in walk(callback)):
        for name in ("bypass", "solo") if isinstance(bend, Bend) else ():
            operand = bend.operand(name)
            control = operand.__dict__["parameter"]
            if control is not None:
                found[control.name] = _value_for(control, operand, False)
    return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class _Use:
    """What one callback asks for.

    Attributes:
        settings: whether it has neutral ones.
        words: whether the words among them that no control moves are neutral.
        numbers: the same of the numbers.
        moved: the controls, with the value that each must have; None if there is none.
    """

    settings: bool
    words: bool
    numbers: bool
    moved: Sequence[tuple[BendingParameter, Any]]


def _use(callback: BendingCallback) -> _Use:
    operands: Mapping[str, Operand] = vars(callback)["_operands"]
    followed = {n: o for n, o in operands.items() if o.__dict__["parameter"] is not None}
    fixed = [
        (value, _equal(callback.get(name) if name in operands else getattr(callback, name), value))
        for name, value in callback.neutral.items()
        if name not in followed
    ]
    words = all(equal for value, equal in fixed if isinstance(value, str))
    numbers = all(equal for value, equal in fixed if not isinstance(value, str))
    moved = []
    for name, operand in followed.items():
        value = callback.neutral.get(name)
        control = operand.__dict__["parameter"]
        # a factor of 1 does nothing beside any other number, but a word is no factor
        alone = words and (numbers or not isinstance(value, str))
        found = _value_for(control, operand, value) if alone and value is not None else None
        moved.append((control, found))
    return _Use(bool(callback.neutral), words, numbers, moved)


def _agreed(uses: Sequence[_Use]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for use in uses:
        for control, value in use.moved:
            there = values.setdefault(control.name, value)
            values[control.name] = value if there == value else None
    return values


def _uses(callbacks: Sequence[BendingCallback], *, whole: bool) -> Iterator[_Use]:
    """What the callbacks inside chains and bends ask for.

    Args:
        callbacks: to take apart.
        whole: whether all is to be silent together. Then a bend asks for no amount, or to be
            bypassed, and what is inside may be anything; else each control for itself.
    """
    for callback in callbacks:
        if isinstance(callback, CallbackChain):
            yield from _uses(callback.callbacks, whole=whole)
        elif isinstance(callback, Bend):
            yield from _uses_of_bend(callback, whole=whole)
        elif not isinstance(callback, Capture):
            yield _use(callback)


def _uses_of_bend(bend: Bend, *, whole: bool) -> Iterator[_Use]:
    silent: list[tuple[BendingParameter, Any]] = []
    for name, value in (("amount", 0.0), ("bypass", True)):
        operand = bend.operand(name)
        control = operand.__dict__["parameter"]
        if control is None:
            if operand.value == value:
                return  # it is never heard
        elif whole or name == "amount":
            found = _value_for(control, operand, value)
            if found is not None or not whole:
                silent.append((control, found))
    if silent:
        yield _Use(True, True, True, silent[:1])
    if not (silent and whole):
        yield from _uses([bend.callback], whole=whole)


def _equal(value: Any, neutral: float | str) -> bool:
    if isinstance(value, torch.Tensor) and not isinstance(neutral, str):
        return bool(torch.eq(value, neutral).all())
    return bool(value == neutral)


def _value_for(control: BendingParameter, operand: Operand, neutral: float | str) -> Any:
    """The control's value at which an operand that follows it is neutral; None without."""
    value: Any = neutral
    try:
        for step, number in reversed(operand.mapping()):
            value = _UNDONE[step](value, number)
        value = _fitted(control, value)
        # to the bit: a mapping may round, and some have two ways back
        twin: Any = operand.fresh()
        raw = torch.tensor(value) if control.kind == "vector" else value
        raw = int(raw) if control.kind == "bool" else raw
        twin.follow(raw)
    except (ArithmeticError, BendingParameterException, KeyError):
        return None
    return value if _equal(twin.value, neutral) else None


def _fitted(control: BendingParameter, value: Any) -> Any:
    """A neutral value as the control's kind has it.

    Raises:
        BendingParameterException: the control cannot have it.
    """
    kind = control.kind
    if kind == "choice":
        if value not in control.choices:
            raise BendingParameterException(f"{control.name} has no value {value!r}")
        return value
    if kind == "complex":
        return complex(value)
    if isinstance(value, complex):
        raise BendingParameterException(f"{control.name} has no value {value!r}")
    if kind == "bool":
        return bool(value)
    if control.range is not None:
        low, high = control.range
        if (low is not None and value < low) or (high is not None and value > high):
            raise BendingParameterException(f"{control.name} has no value {value!r}")
    if kind == "vector":
        return [float(value)] * control.raw.numel()
    return int(value) if kind == "int" else float(value)
