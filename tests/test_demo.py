"""The demo: what it leaves behind is what it says, and what it plays moves by itself."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from control_support import Clock, make_tree
from host_support import until
from torch import Tensor

from torchbend import cli, demo
from torchbend.demo import keepsakes, stage, tour
from torchbend.demo.hand import BACK_SECONDS, HELD_SECONDS, Hand
from torchbend.errors import LiveError
from torchbend.realtime.control import ControlTree
from torchbend.voice import gesture, load_voice, loop

RATE = 48000
KNOBS = ["tune", "metal", "haze", "scramble", "thin", "breath", "tail", "drive"]
FILES = ["loop.wav", "plain.wav", "bent.wav", "bent.png", "addresses.md", "surface.json"]
FILES += ["voice.ts", "voice.pd", "voice.maxpat", "voice.json"]


def read(path: Path) -> Tensor:
    """A sound in the middle of its file, without the fades at both ends, at a level of its own."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    return torch.tensor(sound, dtype=torch.float32)


def apart(a: Tensor, b: Tensor) -> float:
    """How far two sounds are apart, whatever their levels: 0 for the same, 1 for no likeness."""
    a, b = a - a.mean(), b - b.mean()
    return float(1 - (a * b).sum() / (a.norm() * b.norm()))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("demo") / "new" / "folder"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "play", None)  # is not called
        demo.main(out, device="none")
    return out


@pytest.mark.slow
def test_all_files_are_there_and_no_others(left: Path) -> None:
    assert sorted(path.name for path in left.iterdir()) == sorted(FILES)
    assert (left / "bent.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_plain_sound_is_the_network_without_a_bend(left: Path) -> None:
    heard, plain = read(left / "loop.wav"), read(left / "plain.wav")
    assert len(heard) == len(plain)
    assert len(plain) / RATE == pytest.approx(10, abs=0.05)
    inside = slice(RATE // 100, -RATE // 100)
    assert apart(heard[inside], loop()[0, : len(heard)][inside]) < 1e-6
    some = slice(RATE // 100, 40 * 2048)
    with torch.no_grad():
        expected = load_voice()(loop()[None, :, : some.stop])[0, 0]
    assert apart(plain[some], expected[some]) < 1e-4
    assert apart(plain[inside], heard[inside]) > 0.1


@pytest.mark.slow
def test_every_knob_is_heard_while_it_is_turned(left: Path) -> None:
    plain, bent = read(left / "plain.wav"), read(left / "bent.wav")
    assert len(plain) == len(bent)
    still = slice(RATE // 100, 2048)  # nothing is turned yet
    level = (plain[still] * bent[still]).sum() / bent[still].square().sum()
    change = level * bent - plain
    assert change[still].norm() < 0.05 * plain[still].norm()
    start = gesture(0.0)
    for knob in KNOBS:
        away = [abs(gesture(n / 1000)[knob] - start[knob]) for n in range(1000)]
        middle = away.index(max(away)) * len(bent) // 1000
        turned = slice(middle - RATE // 5, middle + RATE // 5)
        assert change[turned].norm() > 0.25 * plain[turned].norm(), knob


@pytest.mark.slow
def test_the_file_plays_what_was_heard_and_has_every_knob(left: Path) -> None:
    plain = read(left / "plain.wav")
    file = torch.jit.load(left / "voice.ts")
    assert list(file.get_attributes()) == KNOBS
    x = loop()[None, :, : 32 * 2048]
    sound = torch.cat([file.forward(block) for block in x.split(2048, -1)], -1)[0, 0]
    assert apart(sound[1000:], plain[1000 : len(sound)]) < 1e-4
    for name in ("voice.pd", "voice.maxpat", "voice.json"):
        text = (left / name).read_text(encoding="utf-8")
        assert all(knob in text for knob in KNOBS), name


@pytest.mark.slow
def test_the_table_has_an_address_a_row_for_each_knob_and_the_strip(left: Path) -> None:
    rows = (left / "addresses.md").read_text(encoding="utf-8").splitlines()
    found = {match[1] for row in rows if (match := re.match(r"\| `(/[\w/]+)` +\|", row))}
    assert {f"/bend/{knob}" for knob in KNOBS} <= found
    assert {"/gain/out", "/panic", "/preset/morph", "/meter/out"} <= found
    surface = (left / "surface.json").read_text(encoding="utf-8")
    assert json.loads(surface)["createdWith"] == "Open Stage Control"
    assert all(f'"/bend/{knob}"' in surface for knob in KNOBS)


def test_without_matplotlib_nothing_is_played_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(stage, "play", None)
    with pytest.raises(ModuleNotFoundError, match="matplotlib"):
        demo.main(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_tour_is_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toured: list[Path] = []
    monkeypatch.setattr(tour, "main", toured.append)
    monkeypatch.setattr(demo, "main", None)
    assert cli.main(["demo", "--tour", "-o", str(tmp_path / "tour")]) == 0
    assert toured == [tmp_path / "tour"]


def test_ctrl_c_ends_it_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(out: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(keepsakes, "write", interrupted)
    assert cli.main(["demo", "-o", str(tmp_path), "--device", "none"]) == 130


# -- on stage ------------------------------------------------------------------------------
def no_devices(timeout: float) -> list[dict[str, object]]:
    return [{"name": "a microphone", "inputs": 2, "outputs": 0}]


def hangs(timeout: float) -> list[dict[str, object]]:
    raise LiveError("the sound device did not answer within 5 s")


@pytest.mark.parametrize(
    ("devices", "why"), [(no_devices, "there is no sound device"), (hangs, "did not answer")]
)
def test_without_a_device_it_says_so_and_writes(
    devices: object,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("torchbend.realtime.audio.list_devices", devices)
    monkeypatch.setattr(stage, "_play", None)
    written: list[Path] = []
    monkeypatch.setattr(keepsakes, "write", written.append)
    assert cli.main(["demo", "-o", str(tmp_path / "out")]) == 0
    assert written == [tmp_path / "out"]
    assert why in capsys.readouterr().out


def test_a_device_that_was_asked_for_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(record: Path, device: object, seconds: float) -> None:
        raise LiveError(f"there is no device {device!r}")

    monkeypatch.setattr(stage, "_play", refused)
    monkeypatch.setattr(keepsakes, "write", None)
    assert cli.main(["demo", "-o", str(tmp_path), "--device", "7"]) == 1
    assert "there is no device 7" in capsys.readouterr().err
    monkeypatch.setattr(stage, "_missing_device", str)  # one is there, and cannot be opened
    assert stage.play(tmp_path, device=None, seconds=1) is False
    assert "there is no device None" in capsys.readouterr().out


@pytest.mark.slow
def test_it_plays_moves_and_records_beside_another_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the internal clock, and with the usual port taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage, "OSC_PORT", taken)
            patch.setattr(stage, "ROUND_SECONDS", 4.0)
            patch.setattr("torchbend.realtime.lineup.MEASURE_SECONDS", 0.2)
            assert stage.play(tmp_path, device="none", seconds=4.0)
    said = capsys.readouterr().out
    assert re.search(rf"port {taken}.*a free one is taken", said)
    assert re.search(r"send /bend/drive 4.0 to OSC 127\.0\.0\.1:\d+", said)
    heard, rate = soundfile.read(tmp_path / "live.wav", always_2d=True)
    assert rate == RATE
    assert len(heard) > 2 * RATE
    assert np.abs(heard).max() > 0.05


# -- the hand ------------------------------------------------------------------------------
def line(at: float) -> dict[str, float]:
    return {"/bend/drive": 2 * at, "/bend/free": 10 * at}


@pytest.fixture
def moved() -> tuple[ControlTree, Clock, Hand]:
    """A hand with 100 s for a round that is moved by the test, a step at a time."""
    tree, _ = make_tree()
    clock = Clock()
    hand = Hand(tree, line, 100.0, clock)
    tree.add_sink(hand._heard)
    return tree, clock, hand


def after(seconds: float, clock: Clock, hand: Hand) -> None:
    for _ in range(10):
        clock.seconds += seconds / 10
        hand.step()


def test_the_hand_moves_along_its_curves_round_after_round(
    moved: tuple[ControlTree, Clock, Hand],
) -> None:
    tree, clock, hand = moved
    after(25.0, clock, hand)
    assert tree.value("/bend/drive") == pytest.approx((0.5,))
    assert tree.value("/bend/free") == pytest.approx((2.5,))
    after(100.0, clock, hand)
    assert tree.value("/bend/drive") == pytest.approx((0.5,))


def test_a_knob_that_somebody_else_moves_is_theirs_for_a_while(
    moved: tuple[ControlTree, Clock, Hand],
) -> None:
    tree, clock, hand = moved
    after(20.0, clock, hand)
    tree.set("/bend/drive", (2.0,))
    after(HELD_SECONDS - 0.01, clock, hand)
    assert tree.value("/bend/drive") == (2.0,)
    assert tree.value("/bend/free")[0] == pytest.approx(0.1 * (20 + HELD_SECONDS), abs=0.01)
    after(BACK_SECONDS / 2 + 0.01, clock, hand)
    there = 0.02 * (20 + HELD_SECONDS + BACK_SECONDS / 2)
    assert tree.value("/bend/drive") == pytest.approx(((2.0 + there) / 2,))  # half of the way back
    after(BACK_SECONDS / 2, clock, hand)
    after(1.0, clock, hand)
    there = 0.02 * (21 + HELD_SECONDS + BACK_SECONDS)
    assert tree.value("/bend/drive") == pytest.approx((there,))


def test_a_hand_that_goes_on_turning_keeps_the_knob(
    moved: tuple[ControlTree, Clock, Hand],
) -> None:
    tree, clock, hand = moved
    after(20.0, clock, hand)
    for turned in (1.0, 1.5, 1.9):
        tree.set("/bend/drive", (turned,))
        after(HELD_SECONDS * 0.9, clock, hand)
        assert tree.value("/bend/drive") == (turned,)


def test_during_a_panic_nothing_moves(moved: tuple[ControlTree, Clock, Hand]) -> None:
    tree, clock, hand = moved
    after(20.0, clock, hand)
    tree.set("/panic", (True,))
    tree.set("/bend/free", (0.0,))  # as the surface does
    after(30.0, clock, hand)
    assert tree.value("/bend/drive") == pytest.approx((0.4,))
    assert tree.value("/bend/free") == (0.0,)
    tree.set("/panic", (False,))
    after(1.0, clock, hand)
    assert tree.value("/bend/drive") == pytest.approx((1.02,))


def test_the_hand_moves_by_itself_and_stops() -> None:
    tree, heard = make_tree()
    with Hand(tree, line, 0.5):
        until(lambda: len({values for address, values in heard.moves if "drive" in address}) > 3)
    moves = len(heard.all)
    tree.set("/bend/drive", (0.123,))
    time.sleep(0.1)
    assert len(heard.all) == moves + 1
