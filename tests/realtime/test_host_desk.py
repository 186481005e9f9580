"""What the host hands to its control surface: MIDI, the late policy, and what went wrong."""

from __future__ import annotations

import mido
import pytest
from control_support import Surface
from host_support import playing, until
from small_file import INFO, small_file

GAIN = """
def forward(self, x: Tensor) -> Tensor:
    return x * self.gain
"""
INPUTS = []  # those that mido opened


class Input:
    """A MIDI input as mido opens it."""

    def __init__(self, name, callback):
        self.callback, self.closed = callback, False
        INPUTS.append(self)

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    model = small_file(folder / "small.ts", {"forward": GAIN}, ours=INFO)
    settings = {"model_block": 512, "osc_port": 0, "midi": "knobs", "late": "dry"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mido, "get_input_names", lambda: ["knobs 1"], raising=False)
        patch.setattr(mido, "open_input", Input, raising=False)
        with playing(model, folder, **settings) as session:
            yield session
    assert INPUTS[0].closed


def test_midi_is_learned_and_remembered(session):
    tree = session.host.surface.tree
    tree.set("/midi/learn", ("/bend/gain",))
    until(lambda: session.host.surface.midi.learning)
    INPUTS[0].callback(mido.Message("control_change", control=3, value=127))
    assert tree.value("/bend/gain") == (2.0,)
    folder = session.host.surface.presets.folder
    until((folder / "midi" / "map.json").exists)
    assert session.host.surface.presets.list() == []


def test_the_surface_shows_the_late_policy_that_plays(session):
    assert session.host.surface.tree.value("/late") == ("dry",)
    assert session.host.strip.get("late") == 1
    session.host.set("/late", "silent")
    assert session.host.strip.get("late") == 0


def test_a_model_that_cannot_be_loaded_is_told_on_the_error_address(session):
    with Surface(session.host.surface.osc.place) as knobs:
        knobs.send("/model/load", "nowhere.ts")
        address, why = knobs.hear_of("/error")
        assert address == "/model/load"
        assert "nowhere.ts" in why
