"""MIDI inputs, by name and number; what is said where there are none."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mido
import pytest
from control_support import make_tree

from torchbend.realtime.control import ControlError, ControlTree, Values
from torchbend.realtime.control.midi import MidiMap
from torchbend.realtime.control.midi_port import MidiPort, midi_inputs, open_midi

NAMES = ["Midi Through 14:0", "nanoKONTROL2 28:0", "Launchkey MIDI 1", "Launchkey MIDI 2"]


class Device:
    """An input as mido opens it."""

    def __init__(self, name: str, callback: Callable[[Any], None]) -> None:
        self.name, self.callback, self.closed = name, callback, False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found = list(NAMES)
    monkeypatch.setattr(mido, "get_input_names", lambda: found, raising=False)
    monkeypatch.setattr(mido, "open_input", Device, raising=False)
    return found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("nanok", NAMES[1]),
        ("Launchkey MIDI 2", NAMES[3]),
        (2, NAMES[2]),
        ("0", NAMES[0]),
        (None, NAMES[1]),
    ],
)
def test_a_port_is_found_by_name_and_number(
    names: list[str], asked: str | int | None, found: str
) -> None:
    with open_midi(make_tree()[0], asked) as port:
        assert port.name == found
        device: Any = port._port
        assert device.name == found
    assert device.closed


def test_a_port_feeds_its_map(names: list[str]) -> None:
    tree, _ = make_tree()
    midi = MidiMap(tree)
    port = open_midi(midi, "nano")
    midi.learn("/drywet")
    device: Any = port._port
    device.callback(mido.Message("control_change", control=1, value=127))
    device.callback(mido.Message("control_change", control=1, value=0))
    assert tree.value("/drywet") == (0.0,)
    assert port.midi is midi


def test_the_loop_of_the_system_is_taken_where_there_is_nothing_else(names: list[str]) -> None:
    names[:] = NAMES[:1]
    assert open_midi(make_tree()[0]).name == NAMES[0]
    names.clear()
    with pytest.raises(ControlError, match="connect a device"):
        open_midi(make_tree()[0])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("launch", "several.*'Launchkey MIDI 1'"),
        ("faderfox", "no MIDI input 'faderfox'.*1: 'nanoKONTROL2"),
        ("", "several"),
        (4, "no MIDI input number 4.*3: 'Launchkey MIDI 2'"),
        (-1, "number -1"),
        ("99999999999999999999", "number 9999"),
    ],
)
def test_a_port_that_is_not_clear_names_those_there_are(
    names: list[str], asked: str | int, said: str
) -> None:
    with pytest.raises(ControlError, match=said):
        open_midi(make_tree()[0], asked)


def test_a_port_that_somebody_else_has_is_said(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(name: str, callback: object) -> None:
        raise OSError("device is busy")

    monkeypatch.setattr(mido, "open_input", taken, raising=False)
    with pytest.raises(ControlError, match="cannot be opened: device is busy"):
        open_midi(make_tree()[0], 1)


def test_inputs_of_the_same_name_are_one(names: list[str]) -> None:
    names += NAMES
    assert midi_inputs() == NAMES


def test_a_sink_that_raises_is_told_once_and_ends_nothing(
    names: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def sink(address: str, values: Values, when: int) -> None:
        raise RuntimeError("of the sink")

    midi = MidiMap(ControlTree(make_tree()[0].owners, sink=sink))
    midi.learn("/drywet")
    with caplog.at_level(logging.ERROR):
        device: Any = MidiPort(NAMES[1], midi)._port
        for value in (64, 65, 66):
            device.callback(mido.Message("control_change", control=1, value=value))
    assert len(caplog.records) == 1


def test_missing_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> None:
        raise ModuleNotFoundError("No module named 'rtmidi'")

    monkeypatch.setitem(sys.modules, "mido", SimpleNamespace(get_input_names=without))
    with pytest.raises(ControlError, match=r"pip install 'torchbend\[midi\]'"):
        midi_inputs()
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(ControlError, match=r"pip install 'torchbend\[midi\]'"):
        open_midi(make_tree()[0])


def test_a_system_without_midi_is_told_from_a_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without() -> None:
        raise OSError("error creating ALSA sequencer client object")

    monkeypatch.setattr(mido, "get_input_names", without, raising=False)
    with pytest.raises(ControlError, match="cannot be reached: error creating ALSA") as said:
        midi_inputs()
    assert "pip install" not in str(said.value)
