"""What a control is: its address, its values, and how a message becomes one of them.

A number out of range is clamped, never refused: on stage a knob that stops at its end is
understood, and one that does nothing is not. What is no number at all is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from torchbend.realtime.control.errors import ControlError, RefusedError

__all__ = ["LARGEST", "SILENCE_DB", "Control", "Value", "Values", "amplitude"]

Value: TypeAlias = float | int | bool | str
Values: TypeAlias = tuple[Value, ...]
Kind = Literal["float", "int", "bool", "choice", "vector", "list", "text", "trigger"]

LARGEST = 3.4028234663852886e38  # what a float of OSC, or of a model, can hold
LARGEST_INT = 2**31 - 1
LONGEST_TEXT = 1024
SILENCE_DB = -90.0
_ADDRESS = re.compile(r"(/[^\s#*,?\[\]{}/]+)+", re.ASCII)
_TYPES = {"float", "int", "bool", "choice", "text"}


@dataclass(frozen=True)
class Control:
    """One control, as it is described; its value is in the tree.

    Attributes:
        address: of OSC, such as ``"/gain/in"``.
        kind: ``"float"``, ``"int"``, ``"bool"``, ``"choice"``, ``"vector"`` (floats),
            ``"list"`` (of several types), ``"text"``, or ``"trigger"``, which has no value and
            does something at each message.
        default: the values it starts with; a trigger has none.
        low: least number; what is less is clamped. None: not bounded.
        high: greatest number.
        choices: of a choice.
        curve: how a knob's way maps to its range, ``"linear"`` or ``"log"``.
        ramp_ms: how long the audio side takes to follow a jump.
        unit: of the numbers, in OSCQuery's words: ``"dB"``, ``"ms"``.
        description: for people.
        access: ``"rw"``, ``"r"`` for what is only told, ``"w"`` for what is only done.
        types: of each value, for a list or a trigger; of others it follows from the kind.
        optional: how many of a trigger's last arguments may be left out.
        stored: whether a preset holds it.
        urgent: of a switch that acts at each message, even one that changes nothing, as a trigger
            does; without arguments it is switched on.
        group: the address of the named bend that it belongs to; empty if there is none.
    """

    address: str
    kind: Kind
    default: Values = ()
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    curve: Literal["linear", "log"] = "linear"
    ramp_ms: float = 0.0
    unit: str = ""
    description: str = ""
    access: Literal["rw", "r", "w"] = "rw"
    types: tuple[str, ...] = ()
    optional: int = 0
    stored: bool = False
    urgent: bool = False
    group: str = ""

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.address):
            raise ControlError(
                f"{self.address!r} is no OSC address: /parts, without spaces or any of #*,?[]{{}}"
            )
        if not self.types and self.kind != "trigger":
            kind = "float" if self.kind == "vector" else self.kind
            object.__setattr__(self, "types", (kind,) * len(self.default))
        wrong = set(self.types) - _TYPES
        if wrong or (self.kind != "trigger" and len(self.types) != len(self.default)):
            raise ControlError(
                f"{self.address}: {len(self.default)} values cannot be of the types {self.types}; "
                f"types are {', '.join(sorted(_TYPES))}"
            )
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ControlError(f"{self.address}: its range {self.low} .. {self.high} is empty")
        if self.curve == "log" and not (self.low and self.high and self.low > 0):
            raise ControlError(f"{self.address}: a log curve needs a range above 0")
        if "choice" in self.types and not self.choices:
            raise ControlError(f"{self.address}: a choice needs its choices")
        if self.urgent and self.kind != "bool":
            raise ControlError(f"{self.address}: only a switch can be urgent")

    @property
    def is_trigger(self) -> bool:
        """Whether it does something, and has no value."""
        return self.kind == "trigger"

    @property
    def acts(self) -> bool:
        """Whether each message counts: none makes an earlier one void."""
        return self.is_trigger or self.urgent

    def accept(self, sent: Sequence[Any]) -> Values:
        """The values that a message's arguments stand for, clamped.

        Args:
            sent: as many as the control has values.

        Raises:
            RefusedError: of the wrong number or type, or not finite.
        """
        least = len(self.types) - self.optional
        if not least <= len(sent) <= len(self.types):
            wanted = str(least) if not self.optional else f"{least} to {len(self.types)}"
            raise RefusedError(
                "count", f"{self.address} takes {wanted} values, and {len(sent)} came"
            )
        return tuple([self.accept_one(n, value) for n, value in enumerate(sent)])

    def accept_one(self, index: int, sent: Any) -> Value:
        """The same for one of its values.

        Raises:
            RefusedError: of the wrong type, or not finite.
        """
        kind = self.types[index]
        if kind == "float":
            return float(self._clamped(self._number(sent), LARGEST))
        if kind == "int":
            return round(self._clamped(self._number(sent), LARGEST_INT))
        if kind == "bool":
            return self._number(sent) >= 0.5
        if kind == "choice":
            return self._choice(sent)
        return self._text(sent)

    def _number(self, sent: Any) -> float:
        if not isinstance(sent, (float, int)):
            raise RefusedError("type", f"{self.address} takes numbers, not {_shown(sent)}")
        if sent != sent or sent in (math.inf, -math.inf):
            raise RefusedError("number", f"{self.address} takes finite numbers, not {sent}")
        number: float = sent
        return number

    def _clamped(self, number: float, largest: float) -> float:
        low = -largest if self.low is None else self.low
        high = largest if self.high is None else self.high
        return low if number < low else min(number, high)

    def _choice(self, sent: Any) -> str:
        if isinstance(sent, str):
            if sent in self.choices:
                return sent
            raise RefusedError(
                "type", f"{self.address} has no {_shown(sent)}: {', '.join(self.choices)[:200]}"
            )
        index = round(min(max(self._number(sent), 0), len(self.choices) - 1))
        return self.choices[index]

    def _text(self, sent: Any) -> str:
        if isinstance(sent, (float, int)) and not isinstance(sent, bool):
            # Many surfaces send floats only: 3.0 is preset 3.
            number = self._number(sent)
            return str(int(number)) if number == int(number) else str(number)
        if not isinstance(sent, str) or len(sent) > LONGEST_TEXT:
            raise RefusedError(
                "type", f"{self.address} takes text of up to {LONGEST_TEXT} characters"
            )
        return sent

    def from_unit(self, position: float) -> float:
        """The number at a knob's position.

        Args:
            position: 0 .. 1; a control without a range takes it as the number.
        """
        if self.low is None or self.high is None:
            return position
        return self.between(self.low, self.high, position)

    def to_unit(self, number: float) -> float:
        """The knob's position, 0 .. 1, of a number; of a control with a range."""
        if self.low is None or self.high is None or self.low == self.high:
            return 0.0 if self.low is not None else number
        if self.curve == "log":
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def between(self, start: float, end: float, part: float) -> float:
        """A number on the way from one to another, along the curve.

        Args:
            start: at ``part`` 0.
            end: at ``part`` 1.
            part: 0 .. 1.
        """
        if part >= 1:
            return end
        if self.curve == "log":
            return float(start * (end / start) ** part)
        return start + (end - start) * part


def amplitude(level_db: float) -> float:
    """The factor that a level of the strip stands for; -90 dB, its lowest, is silence."""
    return 0.0 if level_db <= SILENCE_DB else float(10 ** (level_db / 20))


def _shown(sent: Any) -> str:
    """A value in an error: short, whatever came."""
    if isinstance(sent, str):
        return repr(sent[:40])
    return type(sent).__name__
