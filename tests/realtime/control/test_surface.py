"""All of it together: a stage's afternoon, over real sockets."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import pytest
from control_support import INFO, Heard, Surface, until
from pythonosc.osc_message_builder import build_msg

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import ControlError, RefusedError
from torchbend.realtime.control.gestures import Take
from torchbend.realtime.control.presets import Preset
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
    assert knobs.hear_of("/error")[0] == "/preset/recall"
    assert "no '/nothing'" in knobs.hear_of("/error")[1]
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
    panic = heard.moves.index(("/panic", (True,)))
    assert heard.moves[panic + 1] == ("/bend/drive", (0.5,))
    assert not surface.step(tree.now())
    assert tree.value("/bend/drive") == (0.5,)
    tree.set("/bend/drive", (2.0,))
    tree.set("/panic", (0,))
    assert heard.moves[-1] == ("/panic", (False,))
    assert tree.value("/bend/drive") == (2.0,)


GAIN = AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(1.0,))
MIX = AttributeInfo("mix", "vector", ("float",) * 2, (0.5, 0.5), 0.0, 1.0, neutral=(1.0, 0.0))
FREE = AttributeInfo("free", "float", ("float",), (3.0,))
PLAIN = FileInfo("m", (), (GAIN, MIX, FREE))


@pytest.fixture
def silent(tmp_path: Path, heard: Heard) -> Iterator[ControlSurface]:
    """A surface that does what it is asked when it is told to, and has no servers."""
    surface = ControlSurface(
        PLAIN, latents=["a", "b"], sink=heard, osc_port=None, query_port=None, presets=tmp_path
    )
    yield surface
    surface.close()


def test_a_bypassed_bend_is_neutral_for_the_model_and_keeps_its_value(
    silent: ControlSurface, heard: Heard
) -> None:
    tree = silent.tree
    tree.set("/bend/gain", (0.25,))
    tree.set("/bend/gain/bypass", (True,))
    tree.set("/bend/gain", (0.75,))
    assert (tree.value("/bend/gain"), silent.effective("/bend/gain")) == ((0.75,), (1.0,))
    tree.set("/bend/gain/bypass", (False,))
    assert heard.moves == [("/bend/gain", (value,)) for value in (0.25, 1.0, 1.0, 0.75)]
    tree.set("/bend/mix/bypass", (1,))
    tree.set("/bend/mix/1", (0.75,))
    assert heard.moves[4:] == [("/bend/mix", (1.0, 0.0))] * 2
    assert silent.effective("/bend/mix") == (1.0, 0.0)
    assert tree.value("/bend/mix") == (0.5, 0.75)
    assert silent.effective("/drywet") == (1.0,)
    with pytest.raises(RefusedError):
        silent.effective("/bend/gone")


def test_presets_and_takes_hold_a_bypassed_bends_own_value(
    silent: ControlSurface, heard: Heard, tmp_path: Path
) -> None:
    tree = silent.tree
    silent.record_gestures(tmp_path / "take.jsonl")
    with tree.tick():
        tree.set("/bend/gain", (0.25,))
        tree.set("/bend/gain/bypass", (True,))
    tree.set("/latent/1", (2.0,))
    tree.set("/preset/store", ("p",))
    silent.step(0.0)
    silent.record_gestures(None)
    events = [(e.address, e.values) for e in Take(tmp_path / "take.jsonl").events()]
    own = [("/bend/gain", (0.25,)), ("/bend/gain/bypass", (True,)), ("/latent/1", (2.0,))]
    assert events == own
    stored = silent.presets.load("p").values
    assert [(address, stored[address]) for address, _ in own] == own
    tree.set("/panic", ())
    heard.all.clear()
    tree.set("/preset/recall", ("p",))
    silent.step(0.0)
    assert set(heard.moves[1:]) == {
        ("/bend/gain", (1.0,)),
        ("/bend/mix", (0.5, 0.5)),
        ("/latent/1", (2.0,)),
    }
    assert tree.value("/bend/gain") == (0.25,)


def test_an_attribute_called_bypass_is_one_like_others(tmp_path: Path, heard: Heard) -> None:
    named = AttributeInfo("bypass", "bool", ("int",), (1,), 0, 1, neutral=(0,))
    surface = ControlSurface(
        FileInfo("m", (), (named, FREE)), sink=heard, osc_port=None, query_port=None
    )
    surface.tree.set("/bend/bypass", (0,))
    surface.tree.set("/bend/bypass", (1,))
    surface.tree.set("/bend/bypass/bypass", (1,))
    assert heard.moves == [("/bend/bypass", (value,)) for value in (False, True, False)]
    surface.close()


def test_panic_makes_neutral_what_it_can_and_puts_the_rest_where_it_started(
    silent: ControlSurface, heard: Heard
) -> None:
    tree = silent.tree
    moved = {"/bend/gain": 0.25, "/bend/free": 9.0, "/latent/0": -1.0, "/latent/scale": 3.0}
    for address, value in {**moved, "/latent/jitter": 1.0, "/bend/mix/bypass": 1}.items():
        tree.set(address, (value,))
    watcher = tree.watch()
    heard.all.clear()
    tree.set("/panic", ())
    assert heard.moves[0] == ("/panic", (True,))
    calm = {
        "/bend/gain": (1.0,),
        "/bend/mix": (1.0, 0.0),
        "/bend/free": (3.0,),
        "/latent/0": (0.0,),
        "/latent/scale": (1.0,),
        "/latent/jitter": (0.0,),
    }
    assert dict(heard.moves[1:]) == calm
    assert {address: tree.value(address) for address in calm} == calm
    assert tree.value("/bend/mix/bypass") == (False,)
    assert set(calm) | {"/panic", "/bend/mix/bypass"} <= set(dict(watcher.take(tree.now())))
    tree.set("/bend/gain", (2.0,))
    tree.set("/panic", (1,))  # again, though it is on: neutral again
    assert tree.value("/bend/gain") == (1.0,)


@pytest.mark.parametrize("wish", [("/preset/recall", "p"), ("/preset/morph", "p", 5.0)])
def test_a_panic_makes_void_what_was_asked_for_before_it(
    silent: ControlSurface, wish: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = silent.tree
    silent.presets.store("p", {"/bend/gain": (0.0,)})
    tree.set(wish[0], wish[1:])
    tree.set("/panic", ())
    assert not silent.step(0.0)
    assert tree.value("/bend/gain") == (1.0,)

    load = silent.presets.load

    def slow_disk(which: str) -> Preset:
        preset = load(which)
        tree.set("/panic", ())
        return preset

    monkeypatch.setattr(silent.presets, "load", slow_disk)
    tree.set(wish[0], wish[1:])
    assert not silent.step(0.0)
    assert tree.value("/bend/gain") == (1.0,)
    monkeypatch.undo()
    tree.set(wish[0], wish[1:])
    silent.step(0.0)
    silent.step(9.0)
    assert tree.value("/bend/gain") == (0.0,)


def test_a_panic_in_a_flood_is_not_lost(surface: ControlSurface, knobs: Surface) -> None:
    """Between thousands of moves of the same control, and let go at once."""
    assert surface.osc is not None
    tree, packet = surface.tree, build_msg("/bend/drive", [2.0]).dgram
    with tree.tick():  # the server waits, and finds all of it at once
        for n in range(600):
            knobs.raw(packet)
            if n == 300:
                knobs.send("/panic", 1)
        knobs.send("/panic", 0)
        time.sleep(0.1)
    until(lambda: surface.osc.counts["packets"] >= 602)
    assert surface._panics == 1
    assert tree.value("/panic") == (False,)


def test_panic_is_told_to_everyone_and_a_pattern_that_asks_sets_nothing_off(
    surface: ControlSurface, knobs: Surface
) -> None:
    assert surface.osc is not None
    with Surface(surface.osc.place) as other:
        other.send("/drywet")
        other.hear_of("/drywet")
        knobs.send("/pan*")
        knobs.send("/drywet")
        knobs.hear_of("/drywet")
        assert surface.tree.value("/panic") == (False,)
        knobs.send("/panic")
        assert other.hear_of("/panic") == (1,)
        assert knobs.hear_of("/panic") == (1,)
        knobs.send("/pan*", 0)
        assert other.hear_of("/panic") == (0,)


def test_a_chain_takes_the_place_of_a_model(silent: ControlSurface, heard: Heard) -> None:
    tree = silent.tree
    tree.set("/bend/gain", (0.25,))
    tree.set("/latent/1", (3.0,))
    heard.all.clear()
    silent.load([("enc", PLAIN), ("dec", PLAIN)], ["x", "y", "z"])
    assert heard.moves == [("/latent/1", (3.0,))]
    assert "/bend/gain" not in tree.controls
    assert "/latent/2" in tree.controls
    tree.set("/bend/dec/gain/bypass", (True,))
    assert heard.moves[1:] == [("/bend/dec/gain", (1.0,))]
    assert silent.effective("/bend/enc/gain") == (0.5,)
    heard.all.clear()
    silent.load([("new", PLAIN)])
    assert heard.moves == []
    assert "/latent/0" not in tree.controls
    assert tree.value("/bend/gain") == (0.5,)
    silent.load(None)
    assert not [a for a in tree.controls if a.startswith("/bend")]


def test_what_another_model_keeps_is_told_as_it_is_to_have_it(
    silent: ControlSurface, heard: Heard
) -> None:
    tree = silent.tree
    tree.set("/bend/gain", (0.25,))
    tree.set("/bend/gain/bypass", (True,))
    heard.all.clear()
    other = AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 4.0, neutral=(4.0,))
    silent.load(FileInfo("m", (), (other,)))
    assert set(heard.moves) == {("/bend/gain", (4.0,))}
    assert tree.value("/bend/gain") == (0.25,)
    silent.load(FileInfo("m", (), (AttributeInfo("gain", "float", ("float",), (0.5,)),)))
    assert heard.moves[-1] == ("/bend/gain", (0.25,))


def test_models_that_cannot_be_controlled_leave_everything(silent: ControlSurface) -> None:
    before = silent.tree.values()
    with pytest.raises(ControlError, match="two controls"):
        silent.load(FileInfo("m", (), (GAIN, GAIN)))
    assert silent.tree.values() == before
    silent.tree.set("/bend/gain/bypass", (True,))
    assert silent.effective("/bend/gain") == (1.0,)


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


def test_what_is_learned_is_there_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Device] = []

    class Device:
        def __init__(self, name: str, callback: Callable[[Any], None]) -> None:
            self.callback, self.closed = callback, False
            opened.append(self)

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(mido, "get_input_names", lambda: ["one", "two"], raising=False)
    monkeypatch.setattr(mido, "open_input", Device, raising=False)
    knob = mido.Message("control_change", control=1, value=127)
    file = tmp_path / "midi.json"
    with ControlSurface(INFO, osc_port=None, query_port=None, midi_map=file) as surface:
        assert surface.open_midi("one").name == "one"
        surface.open_midi("two")
        assert [device.closed for device in opened] == [True, False]
        with pytest.raises(ControlError):
            surface.open_midi("three")
        assert not opened[1].closed
        surface.tree.set("/midi/learn", ("/bend/drive",))
        until(lambda: surface.midi.learning)
        opened[1].callback(knob)
        until(file.exists)
    assert opened[1].closed
    with ControlSurface(INFO, osc_port=None, query_port=None, midi_map=file) as surface:
        surface.midi.feed(knob)
        assert surface.tree.value("/bend/drive") == (2.0,)
        surface.tree.set("/midi/forget", ("/bend/drive",))
        until(lambda: not json.loads(file.read_text())["bindings"])
    file.write_text("{}")
    with pytest.raises(ControlError, match="no midi map"):
        ControlSurface(INFO, osc_port=None, query_port=None, midi_map=file)


def test_a_map_that_cannot_be_written_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    surface = ControlSurface(
        INFO, osc_port=None, query_port=None, midi_map=tmp_path / "file" / "midi.json"
    )
    surface.midi.forget("/bend/drive")
    for _ in range(3):
        surface.step(0.0)
    (record,) = caplog.records
    assert "not remembered" in record.getMessage()
    surface.close()


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


def test_where_it_listens_is_told(surface: ControlSurface) -> None:
    assert surface.osc is not None
    assert surface.query is not None
    osc, query = surface.osc.place[1], surface.query.place[1]
    assert surface.listening == f"OSC 127.0.0.1:{osc}  OSCQuery http://127.0.0.1:{query}"


def test_a_strip_without_a_model_and_without_servers() -> None:
    with ControlSurface(osc_port=None, query_port=None) as surface:
        assert surface.listening == ""
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
        places = (surface.query.place, surface.osc.place, "x")
    assert asked == [places]
    assert "not announced: no network" in caplog.text
