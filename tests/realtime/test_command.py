"""``torchbend live`` and ``torchbend render``: what they take, with stand-ins for what plays."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from torchbend import cli
from torchbend.errors import LiveError
from torchbend.realtime.control.errors import ControlError
from torchbend.realtime.control.presets import Presets

Said = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


class StandIn:
    """A host that only notes what it is told."""

    made: list[StandIn]

    def __init__(self, model: Any = None, **settings: Any) -> None:
        self.model, self.settings = model, settings
        self.events: list[Any] = []
        tree = SimpleNamespace(set=lambda *given: self.events.append(given))
        self.surface = SimpleNamespace(
            tree=tree, write_layout=lambda path: self.events.append(path), listening=""
        )
        StandIn.made.append(self)

    def __enter__(self) -> StandIn:
        self.events.append("start")
        self.settings["say"]("loading")
        return self

    def __exit__(self, *_: object) -> None:
        self.events.append("close")


@pytest.fixture
def hosts(monkeypatch: Patch, tmp_path: Path) -> list[StandIn]:
    StandIn.made = []
    stand_in = SimpleNamespace(Host=StandIn)
    monkeypatch.setitem(sys.modules, "torchbend.realtime.host", stand_in)
    monkeypatch.chdir(tmp_path)
    return StandIn.made


def live(*words: str | Path) -> int:
    return cli.main(["live", "--quiet", "--seconds", "0.01", *map(str, words)])


def settings(hosts: list[StandIn], *words: str | Path) -> dict[str, Any]:
    assert live(*words) == 0
    return hosts[-1].settings


# -- live ----------------------------------------------------------------------------------
def test_without_a_word_the_voice_plays_the_loop(hosts: list[StandIn], capsys: Said) -> None:
    given = settings(hosts)
    assert hosts[0].model is None and hosts[0].events == ["start", "close"]
    assert (given["input"], given["osc_port"], given["host"]) == ("loop", 9000, "127.0.0.1")
    assert given["device"].output is None and given["device"].block == 256
    assert given["knobs"] == "cross-fade" and given["late"] == "silent"
    assert "take" not in given
    assert capsys.readouterr() == ("", "")  # --quiet


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ("m.ts", "mic"),
        ("m.ts --device none", "loop"),
        ("m.ts --input none", "none"),
        ("m.ts --input loop", "loop"),
        ("--input mic", "mic"),
        ("--python m.py", "mic"),
        ("--input sound.wav", "sound.wav"),
    ],
)
def test_what_is_heard(words: str, source: str, hosts: list[StandIn]) -> None:
    soundfile.write("sound.wav", np.zeros(10), 48000)
    assert settings(hosts, *words.split())["input"] == source


def test_every_argument_arrives(hosts: list[StandIn], tmp_path: Path) -> None:
    Path("a.json").write_text("{}")
    words = (
        "a.ts b.ts --method encode --method decode --bend a.json --bend - --device 3 "
        "--input-device hw:1 --block 64 --model-block 2048 --channels 4 --once --cuda --osc 9001 "
        "--host 0.0.0.0 --query 5678 --no-zeroconf --midi 1 --record out.wav --take take "
        "--latency 2560 --knobs steps --presets mine --late dry --layout page.json"
    )
    given = settings(hosts, *words.split())
    assert hosts[0].model == [Path("a.ts"), Path("b.ts")]
    device = given.pop("device")
    assert (device.output, device.input, device.block) == (3, "hw:1", 64)
    del given["say"]
    assert given == {
        "method": ["encode", "decode"],
        "bend": [Path("a.json"), None],
        "python": None,
        "input": "mic",
        "model_block": 2048,
        "channels": 4,
        "loop": False,
        "cuda": True,
        "host": "0.0.0.0",
        "osc_port": 9001,
        "query_port": 5678,
        "zeroconf": False,
        "midi": 1,
        "record": Path("out.wav"),
        "take": Path("take"),
        "latency": 2560,
        "knobs": "steps",
        "presets": Path("mine"),
        "late": "dry",
    }
    assert hosts[0].events == ["start", Path("page.json"), "close"]


def test_several_methods_of_one_model(hosts: list[StandIn]) -> None:
    given = settings(hosts, "a.ts", "--method", "encode", "--method", "decode")
    assert hosts[0].model == Path("a.ts") and given["method"] == ["encode", "decode"]


def test_no_osc_is_no_osc(hosts: list[StandIn]) -> None:
    given = settings(hosts, "--no-osc")
    assert given["osc_port"] is given["query_port"] is None and given["zeroconf"] is False


def test_what_is_not_installed_is_not_asked_for(hosts: list[StandIn], monkeypatch: Patch) -> None:
    from torchbend.realtime import command

    assert settings(hosts)["query_port"] == 0 and settings(hosts)["zeroconf"] is True
    monkeypatch.setattr(command, "_installed", lambda name: False)
    assert settings(hosts)["query_port"] is None and settings(hosts)["zeroconf"] is False
    assert settings(hosts, "--query", "0", "--zeroconf")["zeroconf"] is True  # it says what lacks


def test_a_preset_to_begin_with(hosts: list[StandIn], capsys: Said) -> None:
    assert live("--preset", "storm") == 1
    assert "no preset 'storm' in presets" in capsys.readouterr().err
    assert hosts == []
    number = Presets("presets").store("storm", {"/bend/gain": (0.5,)}).number
    assert live("--preset", "storm") == live("--preset", str(number)) == 0
    assert hosts[0].events == ["start", ("/preset/recall", ("storm",)), "close"]
    assert live("--preset", "strom") == 1
    assert "Nearest: 'storm'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--no-osc --osc 9000", "choose one"),
        ("--device none --input mic", "no microphone"),
        ("--device none --input-device 3", "asks for one"),
        ("--input gone.wav", "no such file"),
        ("--input .", "a folder"),
        ("--bend gone.json", "no bending configuration 'gone.json'"),
        ("a.ts b.ts --method forward", "--method is given 1 times for 2 models"),
        ("a.ts --bend there --bend there", "--bend is given 2 times for 1 model"),
        ("a.ts --python b.py", "leave MODEL out"),
        ("--record out.flac", "writes a .wav file"),
        ("--record no/out.wav", "no folder no"),
        ("--layout no/page.json", "no folder no"),
    ],
)
def test_what_does_not_go_together(
    words: str, message: str, hosts: list[StandIn], capsys: Said
) -> None:
    Path("there").write_text("{}")
    assert live(*words.split()) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("torchbend: ") and message in said.err
    assert hosts == []


@pytest.mark.parametrize(
    "words",
    [
        "--block 9000",
        "--block -1",
        "--osc 70000",
        "--osc x",
        "--channels 0",
        "--latency 10ms",
        "--seconds 0",
        "--seconds nan",
        "--seconds inf",
        "--knobs soft",
        "--late loud",
        "--nonsense",
    ],
)
def test_what_is_no_value(words: str, hosts: list[StandIn], capsys: Said) -> None:
    with pytest.raises(SystemExit, match="2"):
        live(*words.split())
    assert words.split()[0] in capsys.readouterr().err
    assert hosts == []


def test_a_host_that_cannot_start_is_one_line(
    hosts: list[StandIn], capsys: Said, monkeypatch: Patch
) -> None:
    def fail(self: StandIn) -> StandIn:
        raise LiveError("the sound device cannot be opened: there is none")

    monkeypatch.setattr(StandIn, "__enter__", fail)
    assert live() == 1
    err = capsys.readouterr().err
    assert err == (
        "torchbend: the sound device cannot be opened: there is none. "
        "torchbend live --device none plays without one\n"
    )
    assert live("--device", "none") == 1
    assert "plays without one" not in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number: int, hosts: list[StandIn], monkeypatch: Patch) -> None:
    def interrupted(self: StandIn) -> StandIn:
        os.kill(os.getpid(), number)
        return self

    before = signal.getsignal(number)
    monkeypatch.setattr(StandIn, "__enter__", interrupted)
    assert live() == 128 + number  # before it played
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "torchbend.realtime.host", SimpleNamespace(Host=StandIn))
    monkeypatch.setattr(
        "torchbend.realtime.command._wait_for",
        lambda seconds: os.kill(os.getpid(), number),
    )
    assert live() == 0  # while it played
    assert hosts[-1].events[-1] == "close"
    assert signal.getsignal(number) is before


def test_devices_are_listed(capsys: Said, monkeypatch: Patch) -> None:
    from torchbend.realtime import audio

    device = {"index": 7, "name": "Box", "host_api": "ALSA", "inputs": 2, "outputs": 4}
    found = [{**device, "sample_rate": 44100.0}]
    inputs = "torchbend.realtime.control.midi_port.midi_inputs"
    monkeypatch.setattr(audio, "list_devices", lambda: found)
    monkeypatch.setattr(inputs, lambda: ["Keys", "Pads"])
    assert cli.main(["live", "--list-devices"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert "7 Box ALSA 2 4 44100".split() in lines
    assert lines[-2:] == [["0", "Keys"], ["1", "Pads"]]
    for none in ([[]], ControlError("MIDI needs mido")):
        monkeypatch.setattr(inputs, Mock(side_effect=none))
        assert cli.main(["live", "--list-devices"]) == 0
        out = capsys.readouterr().out
        assert "MIDI" not in out and out.splitlines()[-1].split() == "7 Box ALSA 2 4 44100".split()
    found.clear()
    assert cli.main(["live", "--list-devices"]) == 1
    assert "--device none" in capsys.readouterr().err

    def fail() -> None:
        raise LiveError("the sound device cannot be opened: PortAudio is missing")

    monkeypatch.setattr(audio, "list_devices", fail)
    assert cli.main(["live", "--list-devices"]) == 1
    err = capsys.readouterr().err
    assert "PortAudio is missing" in err and "--device none" in err


# -- render --------------------------------------------------------------------------------
@pytest.fixture
def rendered(monkeypatch: Patch, tmp_path: Path) -> list[Any]:
    calls: list[Any] = []

    def note(*given: Any, say: Any, progress: Any, **more: Any) -> None:
        say("playing")
        progress(1, 2)
        calls.append((given, more))

    stand_in = SimpleNamespace(render=note, render_take=note)
    monkeypatch.setitem(sys.modules, "torchbend.realtime.render", stand_in)
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", np.zeros(10), 48000)
    return calls


def render(*words: str) -> int:
    return cli.main(["render", *words, "-o", "out.wav"])


def test_render_passes_on_what_it_is_given(rendered: list[Any], capsys: Said) -> None:
    words = "m.ts --input in.wav --seconds 2 --method decode --set gain=0.5 --set eq=1,2.5"
    assert render(*words.split(), "--set", "way=up", "--set", "on=true") == 0
    nothing = {"bend": None, "python": None, "method": None, "seconds": None, "values": {}}
    values = {"gain": (0.5,), "eq": (1, 2.5), "way": ("up",), "on": (True,)}
    more = {**nothing, "method": "decode", "seconds": 2.0, "values": values}
    assert rendered == [((Path("m.ts"), "in.wav", Path("out.wav")), more)]
    said = capsys.readouterr()
    assert said.out == "" and "playing" in said.err
    assert render("--quiet") == 0
    assert rendered[1] == ((None, "loop", Path("out.wav")), nothing)
    assert capsys.readouterr() == ("", "")


def test_render_plays_a_take(rendered: list[Any], capsys: Said) -> None:
    Path("take").mkdir()
    Path("take/take.json").write_text("{}")
    assert render("take") == 0
    assert rendered == [((Path("take"), Path("out.wav")), {})]
    assert render("take", "m.ts", "--seconds", "3", "--input", "in.wav") == 1
    assert "without --input, --seconds, m.ts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("m.ts", "--input FILE"),
        ("m.ts --input gone.wav", "no such file"),
        ("m.ts --input mic", "read from a file"),
        ("m.ts --input none", "--seconds S"),
        ("m.ts --input loop --bend gone.json", "no bending configuration"),
        ("a.ts b.ts --input loop --method x", "1 times for 2 models"),
    ],
)
def test_render_refuses(words: str, message: str, rendered: list[Any], capsys: Said) -> None:
    assert render(*words.split()) == 1
    assert message in capsys.readouterr().err
    assert rendered == []


def test_render_asks_for_a_file_to_write(rendered: list[Any], capsys: Said) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["render", "m.ts"])
    assert cli.main(["render", "m.ts", "--input", "loop", "-o", "out.mp3"]) == 1
    assert "writes a .wav" in capsys.readouterr().err
    for word in ("gain", "=3", "gain="):
        with pytest.raises(SystemExit, match="2"):
            render("--set", word)


def test_an_error_is_shown_without_a_bar(
    rendered: list[Any], capsys: Said, monkeypatch: Patch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise LiveError("no")

    monkeypatch.setattr(sys.modules["torchbend.realtime.render"], "render", fail)
    assert render() == 1
    assert capsys.readouterr().err.strip() == "torchbend: no"


def test_an_interrupted_rendering_is_no_traceback(rendered: list[Any], monkeypatch: Patch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sys.modules["torchbend.realtime.render"], "render", interrupted)
    assert render("--quiet") == 128 + signal.SIGTERM
