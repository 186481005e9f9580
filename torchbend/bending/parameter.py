"""Controls: named live values shared by any number of callbacks.

``BendingParameter`` is one knob. Arithmetic with plain numbers gives a
:class:`~torchbend.bending.view.BendingView` of the same knob in another range. Kernels read
either through an operand (see :mod:`~torchbend.bending.operand`) that follows the knob.
"""

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from ..errors import BendingParameterException
from .operand import Operand, as_vector, plain_number
from .view import INT_LIMIT, Arithmetic, BendingView, Steps, accepts, check_steps, make_operand

__all__ = ["BendingParameter", "BendingParameterException", "BendingView", "Kind", "Steps"]

Kind = Literal["float", "int", "bool", "complex", "choice", "vector"]


@runtime_checkable
class Listener(Protocol):
    """Something that wants to know when a control moved."""

    def _control_moved(self, parameter: BendingParameter) -> None: ...


class BendingParameter(Arithmetic):
    """A named live value, shared by any number of callbacks.

    The kind follows from ``value``: float, int, bool, complex; a word out of ``choices``
    (a choice); a list or 1-D tensor of floats (a vector, one value a channel, float32).

    ``2. * p + 1`` is a view of the same control: the callback that is given it reads the
    mapped value. ``+ - * / **``, ``abs`` and signs work, with plain numbers on either side.

    Attributes:
        name: the control's name.
        kind: ``"float"``, ``"int"``, ``"bool"``, ``"complex"``, ``"choice"``, ``"vector"``.
        range: ``(low, high)``, either None where open; None if there is no range. It bounds
            the value that is set, before ``weight`` and ``bias``.
        clamp: whether a value out of range is moved to its nearer end instead of refused.
        choices: the words of a choice, else an empty tuple.
        weight: what the value is multiplied by before callbacks read it, or None.
        bias: what is added to it then, or None.
    """

    def __init__(
        self,
        name: str,
        value: object,
        range: Sequence[float | int | None] | None = None,  # noqa: A002 - the users' name
        clamp: bool = False,
        weight: float | None = None,
        bias: float | None = None,
        *,
        choices: Sequence[str] | None = None,
    ) -> None:
        """Make a control.

        Args:
            name: a Python identifier; exported files have ``set_<name>`` and ``get_<name>``.
            value: the value to start with; it gives the kind.
            range: ``[low, high]``, None for an open end.
            clamp: move a value out of range to the nearer end instead of refusing it.
            weight: callbacks read ``weight * value + bias``.
            bias: see ``weight``.
            choices: for a choice, the words it can take.

        Raises:
            BendingParameterException: bad name, value, range or choices.
        """
        if not isinstance(name, str) or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
            raise BendingParameterException(
                "a control's name is an identifier (letters, digits and _, no digit first), "
                f"because exported files have set_<name> and get_<name>; got {name!r}"
            )
        self.name = name
        self.clamp = bool(clamp)
        self.choices: tuple[str, ...] = ()
        value = plain_number(value)
        self.kind: Kind = self._kind_of(value, choices)
        self._check_choices(choices)
        self.range = self._check_range(range)
        self.length: int | None = None
        self._operands: weakref.WeakValueDictionary[str, Operand] = weakref.WeakValueDictionary()
        self._listeners: list[weakref.ref[Any]] = []
        self.weight: float | None = None
        self.bias: float | None = None
        self._base: Steps = ()
        self._value: Any = self._convert(value)
        if self.kind == "vector":
            self.length = int(self._value.numel())
        self._map_all(weight, bias)

    # -- what it is ------------------------------------------------------------------

    @property
    def parameter(self) -> BendingParameter:
        """The control itself; views name their control the same way."""
        return self

    def mapping(self) -> Steps:
        """The steps from the value set to the value read: ``weight`` and ``bias``."""
        return self._base

    def _kind_of(self, value: object, choices: object) -> Kind:
        if choices is not None:
            return "choice"
        if isinstance(value, bool):
            return "bool"
        if isinstance(value, int):
            return "int"
        if isinstance(value, float):
            return "float"
        if isinstance(value, complex):
            return "complex"
        if isinstance(value, str):
            raise BendingParameterException(
                f"control {self.name!r}: a word needs its choices, "
                f"as in BendingParameter({self.name!r}, {value!r}, choices=[...])"
            )
        if isinstance(value, (Sequence, Tensor)) or hasattr(value, "__array__"):
            return "vector"
        raise BendingParameterException(
            f"control {self.name!r}: a value is a number, a word with choices, or a list of "
            f"numbers; got {type(value).__name__}"
        )

    def _check_choices(self, choices: Sequence[str] | None) -> None:
        if choices is None:
            return
        listed = isinstance(choices, Iterable) and not isinstance(choices, str)
        words = list(choices) if listed else []
        if not words or not all(isinstance(w, str) for w in words):
            raise BendingParameterException(
                f"control {self.name!r}: choices is a list of words; got {choices!r}"
            )
        if len(set(words)) != len(words):
            raise BendingParameterException(f"control {self.name!r}: choices repeat: {words!r}")
        self.choices = tuple(words)

    def _check_range(self, given: object) -> tuple[Any, Any] | None:
        if given is None:
            return None
        if self.kind in ("bool", "complex", "choice"):
            raise BendingParameterException(
                f"control {self.name!r} is a {self.kind}: it has no range"
            )
        try:
            low, high = (plain_number(end) for end in cast(Sequence[object], given))
        except (TypeError, ValueError) as error:
            raise BendingParameterException(
                f"control {self.name!r}: a range is [low, high]; got {given!r}"
            ) from error
        ends: list[Any] = []
        for end in (low, high):
            if end is not None and (
                isinstance(end, bool) or not isinstance(end, (int, float)) or math.isnan(end)
            ):
                raise BendingParameterException(
                    f"control {self.name!r}: an end of a range is a number or None; got {end!r}"
                )
            if end is not None and math.isinf(end):
                end = None
            if end is not None and self.kind == "int":
                if end != int(end):
                    raise BendingParameterException(
                        f"control {self.name!r} is an int: its range cannot end at {end!r}"
                    )
                end = int(end)
            elif end is not None:
                end = float(end)
            ends.append(end)
        if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
            raise BendingParameterException(
                f"control {self.name!r}: the range starts at {ends[0]!r}, above its end {ends[1]!r}"
            )
        return (ends[0], ends[1])

    def _map_all(self, weight: object, bias: object) -> None:
        if weight is None and bias is None:
            return
        base: Steps = ()
        if weight is not None:
            number = self.checked_number("mul", weight)
            base += (("mul", number),)
            self.weight = cast(float, number)
        if bias is not None:
            number = self.checked_number("add", bias)
            base += (("add", number),)
            self.bias = cast(float, number)
        check_steps(self, base)
        self._base = base

    # -- moving it -------------------------------------------------------------------

    def set_value(self, value: object) -> None:
        """Move the control.

        Everything that reads it follows before this returns, then its listeners are told.
        A bent model that plays meanwhile on another thread hears it at its next call. When
        a listener fails, the control goes back to where it was, and the error goes on.

        Args:
            value: of the control's kind.

        Raises:
            BendingParameterException: wrong type, not a number, out of range without
                ``clamp``, wrong length, no such choice, or a view has no value there. The
                control keeps its value.
        """
        new = self._convert(plain_number(value))
        operands = list(self._operands.values())
        raw = int(new) if self.kind == "bool" else new
        for operand in operands:
            if not accepts(operand, raw):
                raise BendingParameterException(
                    f"control {self.name!r}: {BendingView(self, operand.mapping())!r} "
                    f"has no finite value at {new!r}"
                )
        old = self._value
        try:
            self._take(new)
        except BaseException:
            self._take(old)
            raise

    @property
    def raw(self) -> Any:
        """The value as operands follow it: a bool as 0 or 1."""
        return int(self._value) if self.kind == "bool" else self._value

    def _take(self, value: Any) -> None:
        self._value = value
        for operand in list(self._operands.values()):
            cast(Any, operand).follow(self.raw)
        for reference in list(self._listeners):
            listener = reference()
            if listener is None:
                self._listeners.remove(reference)
            elif isinstance(reference, weakref.WeakMethod):
                listener(self)
            else:
                listener._control_moved(self)

    def get_value(self) -> Tensor | str:
        """Return the value that was set, as a tensor (0-d, or 1-D); a choice as its word."""
        if isinstance(self._value, str):
            return self._value
        if isinstance(self._value, Tensor):
            return self._value.clone()
        return torch.tensor(self._value)

    def get_python_value(self) -> Any:
        """Return the value that was set, as a Python number, word or list of floats."""
        return self._value.tolist() if isinstance(self._value, Tensor) else self._value

    def _convert(self, value: object) -> Any:
        """Check a value against kind and range, and return it as it is stored."""
        if self.kind == "choice":
            if not isinstance(value, str) or value not in self.choices:
                raise BendingParameterException(
                    f"control {self.name!r} is one of {list(self.choices)!r}; got {value!r}"
                )
            return value
        if self.kind == "vector":
            vector = as_vector(value, f"control {self.name!r}").cpu()
            if self.length is not None and vector.numel() != self.length:
                raise BendingParameterException(
                    f"control {self.name!r} has {self.length} values; got {vector.numel()}"
                )
            return self._bounded_vector(vector)
        if self.kind == "complex":
            number = self._checked_number(value, (bool, int, float, complex))
            return complex(number)
        number = self._checked_number(value, (bool, int, float))
        if self.kind == "bool":
            if number not in (0, 1):
                raise BendingParameterException(
                    f"control {self.name!r} is a bool: True or False (1 or 0); got {value!r}"
                )
            return bool(number)
        bounded = self._bounded(number)
        if not math.isfinite(bounded):
            raise BendingParameterException(
                f"control {self.name!r}: {value!r} is not a finite number"
            )
        if self.kind == "int":
            if bounded != int(bounded) or not -INT_LIMIT <= bounded < INT_LIMIT:
                raise BendingParameterException(
                    f"control {self.name!r} is an int of 64 bits; got {value!r}"
                )
            return int(bounded)
        return bounded

    def _checked_number(self, value: object, kinds: tuple[type, ...]) -> Any:
        if not isinstance(value, kinds):
            raise BendingParameterException(
                f"control {self.name!r} is a {self.kind}; got {type(value).__name__}: {value!r}"
            )
        number = cast(Any, value)
        if self.kind in ("float", "complex"):
            try:
                number = complex(number) if self.kind == "complex" else float(number)
            except OverflowError as error:
                raise BendingParameterException(
                    f"control {self.name!r}: {value!r} is not a finite number"
                ) from error
        if number != number or (self.kind == "complex" and not math.isfinite(abs(number))):
            raise BendingParameterException(
                f"control {self.name!r}: {value!r} is not a finite number"
            )
        return number

    def _bounded(self, number: Any) -> Any:
        if self.range is None:
            return number
        low, high = self.range
        if low is not None and number < low:
            if self.clamp:
                return low
        elif high is not None and number > high:
            if self.clamp:
                return high
        else:
            return number
        raise BendingParameterException(
            f"control {self.name!r}: {number!r} is out of its range {_show_range(self.range)}; "
            "clamp=True would take the nearer end"
        )

    def _bounded_vector(self, vector: Tensor) -> Tensor:
        if self.range is None:
            return vector
        low, high = self.range
        bounded = vector.clamp(low, high) if (low, high) != (None, None) else vector
        if not self.clamp and not torch.equal(bounded, vector):
            outside = vector[bounded != vector].tolist()
            raise BendingParameterException(
                f"control {self.name!r}: {outside!r} out of its range {_show_range(self.range)}; "
                "clamp=True would take the nearer end"
            )
        return bounded

    # -- who follows -----------------------------------------------------------------

    def operand(self, steps: Steps | None = None) -> Operand:
        """Return the operand for this control under a mapping: always the same one.

        Args:
            steps: the mapping, from the value set; None for the control's own.

        Raises:
            BendingParameterException: the mapping has no finite value now.
        """
        steps = self._base if steps is None else tuple(steps)
        # repr tells 2 from 2.0 and 0.0 from -0.0, which compare equal
        key = repr(steps)
        known = self._operands.get(key)
        if known is not None:
            return known
        operand = make_operand(self, steps)
        operand.__dict__["parameter"] = self
        raw = int(self._value) if self.kind == "bool" else self._value
        if not accepts(operand, raw):
            raise BendingParameterException(
                f"control {self.name!r}: {BendingView(self, steps)!r} has no finite value at "
                f"{self._value!r}"
            )
        cast(Any, operand).follow(raw)
        self._operands[key] = operand
        return operand

    def subscribe(self, listener: Listener | Callable[[BendingParameter], None]) -> None:
        """Tell ``listener`` of every move, until it is gone; it is held weakly.

        Args:
            listener: an object with ``_control_moved(parameter)``, or a bound method that
                takes the parameter. Subscribing twice is as good as once.

        Raises:
            BendingParameterException: it is neither.
        """
        reference: weakref.ref[Any]
        if hasattr(listener, "_control_moved"):
            reference = weakref.ref(listener)
        elif hasattr(listener, "__self__") and hasattr(listener, "__func__"):
            reference = weakref.WeakMethod(cast(Any, listener))
        else:
            raise BendingParameterException(
                f"control {self.name!r}: a listener has a _control_moved method or is a bound "
                f"method; a plain {type(listener).__name__} would be forgotten at once"
            )
        if all(known() != reference() for known in self._listeners):
            self._listeners.append(reference)

    def unsubscribe(self, listener: object) -> None:
        """Tell ``listener`` no more; nothing happens if it was never told."""
        self._listeners = [
            known for known in self._listeners if known() is not None and known() != listener
        ]

    def __deepcopy__(self, memo: dict[int, Any]) -> BendingParameter:
        """Copy the control with its value; operands and listeners stay with the original."""
        twin = type(self)(
            self.name,
            self.get_python_value(),
            self.range,
            self.clamp,
            self.weight,
            self.bias,
            choices=self.choices or None,
        )
        memo[id(self)] = twin
        return twin

    def __float__(self) -> float:
        """The value that was set, as a float."""
        return float(self._value)

    def __repr__(self) -> str:
        """Show name, value and range."""
        text = f"{self.name!r}, {self.get_python_value()!r}"
        if self.range is not None:
            text += f", range={_show_range(self.range)}"
        if self.clamp:
            text += ", clamp=True"
        if self.weight is not None:
            text += f", weight={self.weight!r}"
        if self.bias is not None:
            text += f", bias={self.bias!r}"
        if self.choices:
            text += f", choices={list(self.choices)!r}"
        return f"BendingParameter({text})"


def _show_range(ends: tuple[Any, Any]) -> str:
    return f"[{ends[0]!r}, {ends[1]!r}]"
