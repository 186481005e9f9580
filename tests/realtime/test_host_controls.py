"""The live host under OSC: what is moved is heard, and what is told is so."""

from __future__ import annotations

import json
import time
import urllib.request

import numpy as np
import pytest
import soundfile
import torch
from control_support import Surface
from host_support import SOUND, is_heard, playing, until
from small_file import INFO, small_file
from torch import nn

LATE = 40  # frames of the model's own delay
DELAY = f"""
def forward(self, x: Tensor) -> Tensor:
    n = x.size(0)
    joined = torch.cat([self.cache[:n], x], -1)
    self.cache[:n].copy_(joined[:, :, -{LATE}:])
    return joined[:, :, :-{LATE}] * self.gain
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A model that is late by itself, with a gain."""
    folder = tmp_path_factory.mktemp("host")
    held = {"cache": nn.Buffer(torch.zeros(64, 1, LATE))}
    model = small_file(folder / "small.ts", {"forward": DELAY}, held, ours=INFO)
    settings = {"input": SOUND, "model_block": 512, "osc_port": 0, "query_port": 0}
    with playing(model, folder, **settings) as session:
        yield session


@pytest.fixture(autouse=True)
def as_it_was(session):
    yield
    session.host.set("/panic", False)
    for address, value in {"/bypass": False, "/drywet": 1.0, "/bend/gain": 1.0}.items():
        session.host.set(address, value)


@pytest.fixture
def knobs(session):
    with Surface(session.host.surface.osc.place) as knobs:
        yield knobs


def wait_for(surface, address, value):
    """Hear what is told, until it is this; the socket's patience ends."""
    while surface.hear_of(address) != (value,):
        pass


def test_a_knob_moved_by_osc_is_heard_and_told(session, knobs):
    until(is_heard(session, 1.0, LATE))
    with Surface(session.host.surface.osc.place) as other:
        other.send("/subscribe")
        knobs.send("/bend/gain", 0.25)
        wait_for(other, "/bend/gain", 0.25)
    until(is_heard(session, 0.25, LATE))
    knobs.send("/bend/gain", 7.0)  # above its range
    wait_for(knobs, "/bend/gain", 2.0)
    until(is_heard(session, 2.0, LATE))
    knobs.send("/gain/out", -20.0)
    until(is_heard(session, 0.2, LATE))
    knobs.send("/gain/out", 0.0)
    until(is_heard(session, 2.0, LATE))


def test_presets_are_recalled_and_glided_to(session, knobs):
    tree = session.host.surface.tree
    knobs.send("/bend/gain", 1.5)
    knobs.send("/preset/store", "loud")
    until(lambda: (session.host.surface.presets.folder / "loud.json").exists())
    knobs.send("/bend/gain", 0.5)
    until(is_heard(session, 0.5, LATE))
    knobs.send("/preset/recall", "loud")
    until(is_heard(session, 1.5, LATE))
    knobs.send("/bend/gain", 0.5)
    until(lambda: tree.value("/bend/gain") == (0.5,))
    values = set()
    knobs.send("/preset/morph", "loud", 0.3)

    def is_there():
        values.add(tree.value("/bend/gain")[0])
        return 1.5 in values

    until(is_there)
    assert len(values) > 4 and min(values) == 0.5
    until(is_heard(session, 1.5, LATE))


def test_a_panic_silences_until_it_is_let_go(session, knobs):
    knobs.send("/bend/gain", 2.0)
    until(is_heard(session, 2.0, LATE))
    knobs.send("/panic")
    until(lambda: not session.heard_now(1024).any())
    time.sleep(0.2)
    assert not session.heard_now(1024).any()
    knobs.send("/panic", 0)
    until(is_heard(session, 1.0, LATE))


@pytest.mark.parametrize("mix", [0.0, 0.5, 1.0])
def test_the_dry_sound_comes_exactly_with_the_wet(session, knobs, mix):
    """The model gives what it is given, so that any mixture of the two is the same again."""
    assert session.host.latency().model == LATE
    knobs.send("/bend/gain", 0.5)
    knobs.send("/drywet", mix)
    until(is_heard(session, 1 - mix / 2, LATE))


def test_bypassed_the_input_is_heard_in_its_place(session, knobs):
    """As late as the model was, and as it came: without gate and input gain."""
    knobs.send("/bend/gain", 0.5)
    knobs.send("/gain/in", -6.0)
    knobs.send("/bypass", 1)
    until(is_heard(session, 10 ** (6 / 20), LATE))  # of what the model reads
    knobs.send("/gain/in", 0.0)
    knobs.send("/bypass", 0)
    until(is_heard(session, 0.5, LATE))


def test_what_is_heard_is_recorded(session, knobs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    until(is_heard(session, 1.0, LATE))
    knobs.send("/rec", 1)
    until(lambda: session.status.recording)
    path = session.status.recording
    time.sleep(1.0)
    knobs.send("/rec", 0)
    until(lambda: session.status.recording is None)
    (file,) = tmp_path.glob("*.wav")
    assert file.name == path.name
    recorded, rate = soundfile.read(file, dtype="float32")
    assert rate == 48000 and len(recorded) > 30000
    begin = int(np.flatnonzero(SOUND[:, 0] == recorded[0, 0])[0])
    expected = np.tile(SOUND[:, 0], len(recorded) // len(SOUND) + 2)[begin:]
    np.testing.assert_array_equal(recorded, expected[: len(recorded), None].repeat(2, 1))


def test_what_is_told_is_the_status(session, knobs):
    status = session.status
    (model,) = status.models
    assert (status.audio, status.output, status.callback) == ("running", "none", "C")
    assert (status.sample_rate, status.device_block) == (48000, 256)
    assert (model.state, model.where, model.block) == ("playing", "cpu", 512)
    assert model.latency_frames == status.latency.ring == session.latency
    assert status.latency.total_frames == session.latency + LATE
    assert 0 < model.turn_ms <= model.turn_ms_most and 0 < model.load
    assert -20 < status.input_db[0] < -10 and len(status.output_db) == 2
    assert (model.late_blocks, model.skipped_frames, status.underruns) == (0, 0, 0)
    for address, expected in {
        "/latency": pytest.approx(status.latency.total_ms, rel=1e-5),
        "/device": "none",
        "/model/name": "small",
        "/underruns": 0,
    }.items():
        knobs.send(address)
        assert knobs.hear_of(address) == (expected,)

    def is_metered():
        # What was told before the sound came may still be on its way.
        knobs.send("/meter/out")
        return all(-20 < level < -10 for level in knobs.hear_of("/meter/out"))

    until(is_metered)


def test_the_controls_are_described(session):
    host, port = session.host.surface.query.place
    with urllib.request.urlopen(f"http://{host}:{port}/bend/gain", timeout=10) as answer:
        told = json.load(answer)
    assert told["FULL_PATH"] == "/bend/gain" and told["RANGE"] == [{"MIN": 0.0, "MAX": 2.0}]


def test_what_is_refused_is_answered_and_counted_and_the_sound_goes_on(session, knobs):
    before = session.status.dropped_messages
    knobs.send("/bend/gian", 1.0)
    assert "/bend/gain" in knobs.hear_of("/error")[1]
    knobs.send("/bend/gain", float("nan"))
    assert "finite" in knobs.hear_of("/error")[1]
    knobs.raw(b"\xff" * 40)
    knobs.hear_of("/error")
    assert session.status.dropped_messages == before + 3
    knobs.send("/bend/gain", 1.0)
    until(is_heard(session, 1.0, LATE))
    knobs.send("/bend/gain", 0.75)
    until(is_heard(session, 0.75, LATE))
    assert session.status.dropped_messages == before + 3


def test_a_preset_that_is_not_there_is_counted(session, knobs):
    before = session.status.dropped_messages
    knobs.send("/preset/recall", "never")
    until(lambda: session.status.dropped_messages == before + 1)
