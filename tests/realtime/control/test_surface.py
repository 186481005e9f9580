"""All of it together: a stage's afternoon, over real sockets."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest
from control_support import INFO, Heard, Surface, until

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import ControlError
from torchbend.realtime.control.gestures import Take
from torchbend.realtime.control.surface import ControlSurface


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def surface(tmp_path: Path, heard: Heard) -> Iterator[ControlSurface]:
    with ControlSurface(INFO, sink=heard, osc_port=0, presets=tmp_path) as surface:
        yield surface


@pytest.fixture
def knobs(surface: ControlSurface) -> Iterator[Surface]:
    assert surface.osc is not None
    with Surface(surface.osc.place) as knobs:
        yield knobs


def test_presets_by_osc(surface: ControlSurface, knobs: Surface, tmp_path: Path) -> None:
    tree = surface.tree
    knobs.send("/bend/drive", 1.5)
    knobs.send("/preset/store", "loud")
    until(lambda: (tmp_path / "loud.json").exists())
    knobs.send("/bend/drive", 0.25)
    until(lambda: tree.value("/bend/drive") == (0.25,))
    knobs.send("/preset/recall", 1)
    until(lambda: tree.value("/bend/drive") == (1.5,))
    knobs.send("/bend/drive", 0.0)
    until(lambda: tree.value("/bend/drive") == (0.0,))
    knobs.send("/preset/morph", "loud", 0.6)
    until(lambda: 0 < float(tree.value("/bend/drive")[0]) < 1.5)
    until(lambda: tree.value("/bend/drive") == (1.5,))


def test_a_preset_that_is_not_there_is_one_line(
    surface: ControlSurface, knobs: Surface, caplog: pytest.LogCaptureFixture
) -> None:
    knobs.send("/preset/recall", "nothing")
    knobs.send("/midi/learn", "/nothing")
    until(lambda: surface.tree.counts["failed"] == 2)
    assert "no preset 'nothing'" in caplog.text
    assert "no '/nothing'" in caplog.text
    assert len(caplog.records) == 2


def test_panic_reaches_the_host_first_and_ends_a_morph(
    surface: ControlSurface, heard: Heard
) -> None:
    tree = surface.tree
    tree.set("/bend/drive", (2.0,))
    surface.presets.store("far", {"/bend/drive": (0.0,), "/drywet": (0.0,)})
    tree.set("/preset/morph", ("far", 60.0))
    until(lambda: tree.value("/bend/drive") != (2.0,))
    heard.all.clear()
    tree.set("/panic", ())
    panic = [address for address, _ in heard.moves].index("/panic")
    assert heard.moves[panic + 1] == ("/bend/drive", (0.5,))
    assert not surface.step(tree.now())
    assert tree.value("/bend/drive") == (0.5,)


def test_a_take_holds_what_was_moved_and_needs_no_preset(
    surface: ControlSurface, heard: Heard, tmp_path: Path
) -> None:
    tree = surface.tree
    surface.presets.store("p", {"/bend/drive": (2.0,)})
    surface.record_gestures(tmp_path / "take.jsonl", 48_000)
    tree.set("/bend/on", (False,))
    tree.set("/preset/recall", ("p",))
    until(lambda: tree.value("/bend/drive") == (2.0,))
    surface.record_gestures(None)
    tree.set("/bend/on", (True,))
    take = Take(tmp_path / "take.jsonl")
    moves = [(event.address, event.values) for event in take.events()]
    assert moves == [("/bend/on", (False,)), ("/bend/drive", (2.0,))]
    assert take.values["/bend/drive"] == (0.5,)


def test_midi_is_learned_by_osc(surface: ControlSurface, knobs: Surface) -> None:
    knobs.send("/midi/learn", "/bend/drive")
    until(lambda: surface.midi.learning)
    surface.midi.feed(mido.Message("control_change", control=1, value=127))
    assert surface.tree.value("/bend/drive") == (2.0,)
    knobs.send("/midi/forget", "/bend/drive")
    until(lambda: not surface.midi.bindings)


def test_another_model_by_one_call(surface: ControlSurface, knobs: Surface, tmp_path: Path) -> None:
    assert surface.query is not None
    new = AttributeInfo("warp", "float", ("float",), (0.0,), 0.0, 1.0)
    surface.load(FileInfo("m", (), (new,)))
    knobs.send("/bend/warp", 0.5)
    until(lambda: surface.tree.value("/bend/warp") == (0.5,))
    host, port = surface.query.place
    with urllib.request.urlopen(f"http://{host}:{port}/bend/warp?VALUE") as answer:
        assert json.load(answer) == {"VALUE": [0.5]}
    surface.write_layout(tmp_path / "layout.json")
    assert "/bend/warp" in (tmp_path / "layout.json").read_text()


def test_a_storm_of_wishes_is_bounded(tmp_path: Path, heard: Heard) -> None:
    surface = ControlSurface(INFO, sink=heard, osc_port=None, query_port=None, presets=tmp_path)
    for n in range(1000):
        surface.tree.set("/preset/store", (n % 100,))
    surface.step(0.0)
    assert len(list(tmp_path.iterdir())) <= 64
    surface.close()


def test_a_taken_port_leaves_nothing_running(surface: ControlSurface, tmp_path: Path) -> None:
    assert surface.osc is not None
    assert surface.query is not None
    with pytest.raises(ControlError, match="OSC cannot listen"):
        ControlSurface(osc_port=surface.osc.place[1])
    other = ControlSurface(osc_port=0, query_port=surface.query.place[1], presets=tmp_path)
    with pytest.raises(ControlError, match="OSCQuery cannot listen"):
        other.start()


def test_a_strip_without_a_model_and_without_servers() -> None:
    with ControlSurface(osc_port=None, query_port=None) as surface:
        surface.tree.set("/gain/in", (-6.0,))
        assert "/bend" not in str(surface.tree.owners)


def test_a_network_that_does_not_let_us_announce_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[object] = []

    def refuse(*places: object) -> None:
        asked.append(places)
        raise ControlError("no network")

    monkeypatch.setattr("torchbend.realtime.control.surface.announce", refuse)
    with ControlSurface(osc_port=0, zeroconf=True, presets=tmp_path, name="x") as surface:
        assert surface.query is not None
        assert surface.osc is not None
        assert asked == [(surface.query.place, surface.osc.place, "x")]
    assert "not announced: no network" in caplog.text
