"""MIDI in: knobs and keys that move controls, learned by touching them.

Messages come from the package mido, of which nothing is needed here: a message is anything
with its attributes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torchbend.realtime.control.controls import Control, Value
from torchbend.realtime.control.errors import FileError, RefusedError
from torchbend.realtime.control.files import read_json, write_json
from torchbend.realtime.control.tree import ControlTree

__all__ = ["Binding", "MidiMap"]

logger = logging.getLogger(__name__)

VERSION = 1
KIND = "midi map"
Touch = Literal["cc", "note", "pitch"]


@dataclass(frozen=True)
class Binding:
    """One knob or key, and what it moves.

    Attributes:
        touch: ``"cc"``, ``"note"`` or ``"pitch"`` (the wheel).
        channel: 0 .. 15.
        number: of the controller or the key; 0 of the wheel.
        address: of the control.
        low: the knob's lower end, as a part of the control's range, 0 .. 1.
        high: its upper end; below ``low``, the knob turns the other way.
    """

    touch: Touch
    channel: int
    number: int
    address: str
    low: float = 0.0
    high: float = 1.0

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from other knobs and keys."""
        return self.touch, self.channel, self.number


class MidiMap:
    """Moves a tree by MIDI. Safe to use from any thread.

    Args:
        tree: what is moved.
        changed: called after each binding that was learned or forgotten, from the thread that
            did it; must return at once.
    """

    def __init__(self, tree: ControlTree, changed: Callable[[], None] | None = None) -> None:
        self._tree = tree
        self._changed = changed or (lambda: None)
        self._lock = threading.Lock()
        self._bindings: dict[tuple[str, int, int], Binding] = {}
        self._learning: tuple[str, float, float] | None = None

    @property
    def bindings(self) -> list[Binding]:
        """All of them, in the order they were learned."""
        with self._lock:
            return list(self._bindings.values())

    @property
    def learning(self) -> str | None:
        """The address that waits for a touch."""
        return None if self._learning is None else self._learning[0]

    def learn(self, address: str, low: float = 0.0, high: float = 1.0) -> None:
        """Let the next knob or key that is touched move an address.

        Args:
            address: of a control with one value, or a trigger without any.
            low: the knob's lower end, as a part of the control's range.
            high: its upper end.

        Raises:
            RefusedError: there is no such control, or no knob can move it.
        """
        control = self._tree.controls.get(address)
        if control is None:
            self._tree.value(address)  # says what there is
            return
        _movable(control)
        self._learning = (address, low, high)

    def bind(self, binding: Binding) -> None:
        """Let a knob or key move an address; what it moved before, it moves no more."""
        with self._lock:
            self._bindings[binding.key] = binding

    def forget(self, address: str) -> None:
        """Let nothing move an address."""
        with self._lock:
            self._learning = None
            for binding in [b for b in self._bindings.values() if b.address == address]:
                del self._bindings[binding.key]
        self._changed()

    def feed(self, message: Any) -> Binding | None:
        """Do what a message says.

        Args:
            message: of mido.

        Returns:
            The binding that it met; None for a message that moves nothing.
        """
        touched = _touched(message)
        if touched is None:
            return None
        touch, channel, number, position = touched
        learned = False
        with self._lock:
            if self._learning is not None and position > 0:
                learned = True
                address, low, high = self._learning
                self._learning = None
                self._bindings[touch, channel, number] = Binding(
                    touch, channel, number, address, low, high
                )
            binding = self._bindings.get((touch, channel, number))
        if learned:
            self._changed()
        if binding is not None:
            self._move(binding, position)
        return binding

    def _move(self, binding: Binding, position: float) -> None:
        control = self._tree.controls.get(binding.address)
        try:
            if control is None:
                return  # of another model; it may come back
            _movable(control)
            if control.is_trigger:
                # A key is pressed once, a pedal sends its way down and up.
                if position > 0 if binding.touch == "note" else position >= 0.5:
                    self._tree.set(binding.address, ())
            elif control.kind == "bool" and binding.touch == "note":
                if position > 0:
                    self._tree.set(binding.address, (not self._tree.value(binding.address)[0],))
            else:
                part = binding.low + (binding.high - binding.low) * position
                self._tree.set(binding.address, (_value(control, part),))
        except RefusedError:
            logger.debug("MIDI could not move %s.", binding.address, exc_info=True)

    def save(self, path: str | Path) -> None:
        """Write the bindings to a JSON file.

        Raises:
            FileError: it cannot be written.
        """
        bindings = [asdict(binding) for binding in self.bindings]
        write_json(Path(path), {"torchbend": KIND, "version": VERSION, "bindings": bindings})

    def load(self, path: str | Path) -> None:
        """Read bindings in place of those there are; of controls that are not there, too.

        Raises:
            FileError: it cannot be read; the bindings are then as before.
        """
        data = read_json(Path(path), KIND, VERSION)
        found = data.get("bindings")
        if not isinstance(found, list):
            raise FileError(f"{path} has no bindings")
        bindings = [_read(each, f"binding {n} of {path}") for n, each in enumerate(found)]
        with self._lock:
            self._bindings = {binding.key: binding for binding in bindings}


def _touched(message: Any) -> tuple[Touch, int, int, float] | None:
    """What was touched, and where it stands, 0 .. 1."""
    kind = message.type
    if kind == "control_change":
        return "cc", message.channel, message.control, message.value / 127
    if kind == "note_on":
        return "note", message.channel, message.note, message.velocity / 127
    if kind == "note_off":
        return "note", message.channel, message.note, 0.0
    if kind == "pitchwheel":
        return "pitch", message.channel, 0, (message.pitch + 8192) / 16383
    return None


def _movable(control: Control) -> None:
    single = len(control.types) == 1 and control.kind in ("float", "int", "bool", "choice")
    button = control.is_trigger and not control.types
    if control.access == "r" or not (single or button):
        raise RefusedError("type", f"{control.address} is nothing that a knob can move")


def _value(control: Control, part: float) -> Value:
    if control.kind == "bool":
        return part >= 0.5
    if control.kind == "choice":
        return control.choices[round(part * (len(control.choices) - 1))]
    return control.from_unit(part)


def _read(data: object, where: str) -> Binding:
    if not isinstance(data, Mapping):
        raise FileError(f"{where} is no object")
    numbers = [data.get("low", 0.0), data.get("high", 1.0)]
    places = [data.get("channel"), data.get("number")]
    right = (
        data.get("touch") in ("cc", "note", "pitch")
        and isinstance(data.get("address"), str)
        and all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 128 for n in places)
        and all(isinstance(n, (int, float)) and 0 <= n <= 1 for n in numbers)
    )
    if not right:
        raise FileError(f"{where} has no touch, channel, number and address, or no part of 0 .. 1")
    return Binding(
        data["touch"],
        data["channel"],
        data["number"],
        data["address"],
        float(numbers[0]),
        float(numbers[1]),
    )
