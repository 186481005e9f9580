"""MIDI inputs: which there are, and one of them open, moving controls."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType
from typing import Any

from torchbend.realtime.control.errors import ControlError
from torchbend.realtime.control.midi import MidiMap
from torchbend.realtime.control.tree import ControlTree

__all__ = ["MidiPort", "midi_inputs", "open_midi"]

logger = logging.getLogger(__name__)


class MidiPort:
    """An open MIDI input.

    Attributes:
        name: of the device.
        midi: the map that it feeds.
    """

    def __init__(self, name: str, midi: MidiMap) -> None:
        self.name = name
        self.midi = midi
        self._faults = 0
        try:
            self._port = _mido().open_input(name, callback=self._feed)
        except OSError as error:
            raise ControlError(f"the MIDI input {name!r} cannot be opened: {error}") from error

    def _feed(self, message: Any) -> None:
        """Called in a thread of the MIDI library, which would end with what is raised here."""
        try:
            self.midi.feed(message)
        except Exception:  # noqa: BLE001  a sink's fault must not end the control
            self._faults += 1
            if self._faults == 1:
                logger.exception("MIDI could not be handled; more of these are not told.")

    def close(self) -> None:
        """Hear no more of it."""
        self._port.close()

    def __enter__(self) -> MidiPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def midi_inputs() -> list[str]:
    """The names of the MIDI inputs there are.

    Raises:
        ControlError: mido or python-rtmidi is not installed, or the system has no MIDI.
    """
    try:
        return list(dict.fromkeys(_mido().get_input_names()))
    except ImportError as error:
        raise _missing(error) from error
    except OSError as error:
        raise ControlError(f"this system's MIDI cannot be reached: {error}") from error


def open_midi(target: ControlTree | MidiMap, port: str | int | None = None) -> MidiPort:
    """Open a MIDI input, and let it move controls.

    Args:
        target: the map that it feeds; of a tree, a new one.
        port: the input's name or a part of it, or its number among :func:`midi_inputs`; the
            first of a real device, if None.

    Returns:
        The open input; close it at the end.

    Raises:
        ControlError: MIDI is not to be had, or there is no such input, or several.
    """
    name = _chosen(midi_inputs(), port)
    return MidiPort(name, target if isinstance(target, MidiMap) else MidiMap(target))


def _chosen(names: list[str], port: str | int | None) -> str:
    there = ", ".join(f"{n}: {name!r}" for n, name in enumerate(names)) or "none"
    if port is None:
        # ALSA's own loop is the first in its list, and never what somebody plays on.
        found = [each for each in names if "midi through" not in each.lower()] or names
        if found:
            return found[0]
        raise ControlError("there is no MIDI input: connect a device, and try again")
    if isinstance(port, int) or (port.isascii() and port.isdecimal()):
        if 0 <= int(port) < len(names):
            return names[int(port)]
        raise ControlError(f"there is no MIDI input number {port}. There are: {there}.")
    if port in names:
        return port
    found = [each for each in names if port.lower() in each.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise ControlError(
            f"several MIDI inputs are called {port!r}: {', '.join(map(repr, found))}. Give more "
            f"of the name, or its number. There are: {there}."
        )
    raise ControlError(f"there is no MIDI input {port!r}. There are: {there}.")


def _mido() -> ModuleType:
    try:
        return importlib.import_module("mido")
    except ImportError as error:
        raise _missing(error) from error


def _missing(error: ImportError) -> ControlError:
    return ControlError(
        f"MIDI needs mido and python-rtmidi: pip install 'torchbend[midi]' ({error})"
    )
