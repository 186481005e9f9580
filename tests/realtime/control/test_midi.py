"""MIDI: learned by touching, in mido's messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mido
import pytest
from control_support import make_tree

from torchbend.realtime.control import Control, FileError, RefusedError
from torchbend.realtime.control.midi import Binding, MidiMap


def cc(number: int, value: int, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, channel=channel)


def note(number: int, velocity: int = 100) -> mido.Message:
    return mido.Message("note_on", note=number, velocity=velocity)


def test_a_knob_is_learned_by_touching_it() -> None:
    tree, heard = make_tree()
    midi = MidiMap(tree)
    assert midi.feed(cc(7, 64)) is None
    midi.learn("/bend/drive")
    assert midi.learning == "/bend/drive"
    assert midi.feed(mido.Message("clock")) is None
    assert midi.feed(cc(7, 127)) == Binding("cc", 0, 7, "/bend/drive")
    assert midi.learning is None
    assert tree.value("/bend/drive") == (2.0,)
    midi.feed(cc(7, 0))
    midi.feed(cc(7, 127, channel=1))
    midi.feed(cc(8, 127))
    assert heard.moves == [("/bend/drive", (2.0,)), ("/bend/drive", (0.0,))]
    midi.forget("/bend/drive")
    assert midi.feed(cc(7, 127)) is None


def test_a_knob_goes_along_its_part_of_the_range() -> None:
    tree, _ = make_tree()
    midi = MidiMap(tree)
    midi.bind(Binding("cc", 0, 1, "/bend/drive", low=0.75, high=0.25))
    found = []
    for value in (0, 127):
        midi.feed(cc(1, value))
        found += tree.value("/bend/drive")
    assert found == [1.5, 0.5]


@pytest.mark.parametrize(
    ("address", "value", "taken"),
    [
        ("/bend/steps", 127, 8),
        ("/bend/steps", 64, 4),
        ("/bend/on", 63, False),
        ("/bend/on", 64, True),
        ("/bend/shape", 127, "fold"),
        ("/bend/shape", 64, "hard"),
        ("/bend/mix/1", 127, 1.0),
    ],
)
def test_a_knob_moves_every_kind(address: str, value: int, taken: Any) -> None:
    tree, _ = make_tree()
    midi = MidiMap(tree)
    midi.bind(Binding("cc", 0, 1, address))
    midi.feed(cc(1, value))
    assert tree.value(address) == (taken,)


def test_keys_switch_and_fire_once_a_press() -> None:
    tree, heard = make_tree(Control("/go", "trigger"))
    midi = MidiMap(tree)
    midi.bind(Binding("note", 0, 60, "/bend/on"))
    midi.bind(Binding("note", 0, 61, "/go"))
    midi.bind(Binding("cc", 0, 64, "/go"))
    for message in (note(60), note(60, 0), note(60), mido.Message("note_off", note=60)):
        midi.feed(message)
    assert heard.moves == [("/bend/on", (False,)), ("/bend/on", (True,))]
    for message in (note(61), note(61, 0), cc(64, 127), cc(64, 0)):
        midi.feed(message)
    assert heard.moves[2:] == [("/go", ())] * 2


def test_the_wheel_reaches_both_ends() -> None:
    tree, _ = make_tree()
    midi = MidiMap(tree)
    midi.bind(Binding("pitch", 0, 0, "/drywet"))
    for pitch, wanted in ((-8192, 0.0), (8191, 1.0), (0, 0.5)):
        midi.feed(mido.Message("pitchwheel", pitch=pitch))
        assert tree.value("/drywet")[0] == pytest.approx(wanted, abs=1e-4)


def test_what_no_knob_can_move_is_not_learned() -> None:
    midi = MidiMap(make_tree()[0])
    for address in ("/bend/mix", "/cpu", "/preset/store", "/bend/nothing"):
        with pytest.raises(RefusedError):
            midi.learn(address)
        assert midi.learning is None


def test_another_models_bindings_wait_for_it() -> None:
    tree, heard = make_tree()
    midi = MidiMap(tree)
    midi.bind(Binding("cc", 0, 1, "/bend/drive"))
    tree.replace([], "/bend")
    midi.feed(cc(1, 127))
    assert heard.all == []
    assert len(midi.bindings) == 1


def test_a_map_is_saved_and_read(tmp_path: Path) -> None:
    tree, _ = make_tree()
    midi = MidiMap(tree)
    midi.bind(Binding("cc", 3, 7, "/bend/drive", 0.25, 1.0))
    midi.bind(Binding("note", 0, 60, "/panic"))
    midi.save(tmp_path / "map.json")
    again = MidiMap(tree)
    again.bind(Binding("cc", 0, 1, "/drywet"))
    again.load(tmp_path / "map.json")
    assert again.bindings == midi.bindings


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        {"touch": "knob"},
        {"channel": "0"},
        {"number": 128},
        {"number": -1},
        {"number": True},
        {"address": 3},
        {"low": 2},
        {"high": None},
    ],
)
def test_a_map_that_is_wrong_is_refused_and_changes_nothing(tmp_path: Path, wrong: Any) -> None:
    good = {"touch": "cc", "channel": 0, "number": 1, "address": "/drywet"}
    binding = {**good, **wrong} if isinstance(wrong, dict) else wrong
    data = {"torchbend": "midi map", "version": 1, "bindings": [good, binding]}
    (tmp_path / "map.json").write_text(json.dumps(data))
    midi = MidiMap(make_tree()[0])
    midi.bind(Binding("cc", 0, 9, "/gate"))
    with pytest.raises(FileError, match="binding 1"):
        midi.load(tmp_path / "map.json")
    assert [b.address for b in midi.bindings] == ["/gate"]


def test_what_is_learned_and_forgotten_is_told() -> None:
    tree, _ = make_tree()
    told: list[int] = []
    midi = MidiMap(tree, lambda: told.append(len(midi.bindings)))
    midi.learn("/bend/drive")
    midi.feed(cc(1, 0))
    assert told == []  # a knob is learned where it is turned up
    midi.feed(cc(1, 9))
    midi.feed(cc(1, 19))
    assert told == [1]
    midi.forget("/bend/drive")
    assert told == [1, 0]
