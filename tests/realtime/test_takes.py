"""Takes: what was heard live is rendered again, in each bit."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import time
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile
import torch
from audio_support import noise
from host_support import coder_file as small_coder
from host_support import playing, until
from small_file import small_file
from torch import nn

import torchbend as tb
from torchbend.errors import LiveError, TorchbendError
from torchbend.realtime.control.gestures import Take as Gestures
from torchbend.realtime.render import render, render_take
from torchbend.realtime.take_reading import read_take
from torchbend.realtime.worker.execution import live_torch

SOUND = noise(20_000, 1, peak=0.3)
GRAIN = """
def forward(self, x: Tensor) -> Tensor:
    return x * self.gain + 0.05 * torch.randn_like(x)
"""
STRIP = {
    "/gain/in": (-12.0, 6.0),
    "/gain/out": (-12.0, 6.0),
    "/drywet": (0.0, 1.0),
    "/gate": (-60.0, -20.0),
    "/width": (0.0, 2.0),
    "/ceiling": (-12.0, 0.0),
}
SWITCHES = ("/bypass", "/limiter", "/dc", "/panic")


@contextmanager
def taking(model, folder, **settings):
    """Play a model, and keep the take in ``folder / "take"``."""
    given = {"input": SOUND, "model_block": 512, "take": folder / "take", **settings}
    with playing(model, folder, **given) as session:
        yield session


def move(session, seconds, bends, seed=0):
    """Move everything that there is, at random moments."""
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, (low, high) in chance.sample([*{**STRIP, **bends}.items()], 2):
            session.host.set(name, chance.uniform(low, high))
        if chance.random() < 0.2:
            switch = chance.choice(SWITCHES)
            session.host.set(switch, True)
            session.host.set(switch, chance.random() < 0.3)
        time.sleep(chance.uniform(0, 0.03))
    session.host.set("/panic", False)


def read(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def rendered(take, out):
    """The take as it was heard, and as it is rendered; and what is said of it."""
    lines = []
    again = read(render_take(take, out / "again.wav", say=lines.append))
    return read(take / "heard.wav"), again, lines


def check(folder, *, least=0.02):
    heard, again, lines = rendered(folder / "take", folder)
    assert heard.shape == again.shape and len(heard) > 24_000
    assert np.array_equal(heard, again), lines
    assert np.sqrt(np.mean(heard[len(heard) // 2 :] ** 2)) > least
    assert lines == [f"the same as was heard, in each of {len(heard)} frames"]


def played(take):
    return [json.loads(line) for line in (take / "played.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("device_block", "model_block", "knobs"),
    [
        (480, 1024, "cross-fade"),
        pytest.param(64, 512, "cross-fade", marks=pytest.mark.slow),
        pytest.param(256, 256, "steps", marks=pytest.mark.slow),
        pytest.param(1000, 64, "steps", marks=pytest.mark.slow),
    ],
)
def test_all_that_moves(echo_file, tmp_path, device_block, model_block, knobs):
    blocks = {"device_block": device_block, "model_block": model_block, "knobs": knobs}
    with taking(echo_file, tmp_path, **blocks) as session:
        move(session, 2.0, {"gain": (0, 4), "haze": (0, 1)})
        session.host.set("/drywet", 1.0)
        session.host.set("/gain/out", 0.0)
        time.sleep(0.5)
    gestures = list(Gestures(tmp_path / "take" / "gestures.jsonl").events())
    assert {"/bend/haze", "/gain/out"} <= {event.address for event in gestures}
    lines = played(tmp_path / "take")
    assert sum("strip" in line for line in lines) > 20
    accounts = [block for line in lines for block in line.get("blocks", [])]
    assert len(accounts) > 15
    assert any(both for _, both, _ in accounts) == (knobs == "cross-fade")
    check(tmp_path, least=0.0005)


BENDS = {
    f"{name}/{part}": (0, 1)
    for name in ("fold", "worn", "echo", "haze")
    for part in ("amount", "bypass", "solo")
} | {"edge": (0.05, 1)}


@pytest.mark.slow
@pytest.mark.parametrize("knobs", ["cross-fade", "steps"])
def test_bends_that_remember_and_their_switches(bends_file, tmp_path, knobs):
    """Also after the worker was killed, or exchanged, and another one began in silence."""
    with taking(bends_file, tmp_path, knobs=knobs) as session:
        move(session, 1.0, BENDS)
        os.kill(session.host.parts[0].worker.pid, signal.SIGKILL)
        until(lambda: session.said("plays again"))
        move(session, 0.5, BENDS, seed=1)
        session.host.load(bends_file, seconds=0.3).result(60)
        move(session, 0.5, BENDS, seed=2)
    take = read_take(tmp_path / "take")
    assert len(take.workers) == 3
    gestures = list(Gestures(tmp_path / "take" / "gestures.jsonl").events())
    assert {"/bend/fold/amount", "/bend/worn/bypass"} <= {event.address for event in gestures}
    heard, again, lines = rendered(tmp_path / "take", tmp_path)
    assert np.array_equal(heard, again), lines
    assert np.abs(heard).max() > 0.01


@pytest.mark.slow
def test_noise_in_the_model_and_a_desk_of_latents(tmp_path):
    model = small_file(tmp_path / "grain.ts", {"forward": GRAIN})
    with taking(model, tmp_path) as session:
        move(session, 1.0, {"gain": (0, 2)})
    check(tmp_path, least=0.001)
    model = small_coder(tmp_path / "coder.ts")
    shutil.rmtree(tmp_path / "take")
    with taking(model, tmp_path, method=["encode", "decode"]) as session:
        desk = {"/latent/scale": (0, 2), "/latent/jitter": (0, 1), "/latent/0": (-1, 1)}
        move(session, 1.0, {"gain": (0, 2), **desk})
    check(tmp_path, least=0.001)


@pytest.mark.slow
def test_two_files_at_another_rate(echo_file, tmp_path):
    model = small_file(
        tmp_path / "slow.ts",
        {"get_sample_rate": "def get_sample_rate(self) -> int:\n    return 44100\n"},
    )
    with taking([model, echo_file], tmp_path) as session:
        assert session.host.memory.sample_rate == 44100
        move(session, 1.0, {"slow/gain": (0, 2), "echo/haze": (0, 1)})
    check(tmp_path, least=0.0005)


@pytest.mark.slow
def test_a_device_at_another_rate_than_the_model(tmp_path, monkeypatch):
    monkeypatch.setattr("torchbend.realtime.host.sample_rate_of", lambda chain: 44100)
    model = small_file(tmp_path / "grain.ts", {"forward": GRAIN})
    with taking(model, tmp_path) as session:
        assert session.host.latency().resampler > 0
        move(session, 1.0, {"gain": (0, 2)})
    check(tmp_path, least=0.001)


@pytest.mark.slow
def test_another_model_comes_in(echo_file, tmp_path):
    model = small_file(tmp_path / "grain.ts", {"forward": GRAIN})
    with taking(echo_file, tmp_path) as session:
        loading = session.host.load(model, seconds=0.3)
        while not loading.done():
            move(session, 0.1, {"gain": (0, 2)})
        loading.result()
        move(session, 0.5, {"gain": (0, 2)})
    assert len(read_take(tmp_path / "take").workers) == 2
    check(tmp_path, least=0.001)


@pytest.mark.slow
def test_a_worker_that_was_killed(echo_file, tmp_path):
    with taking(echo_file, tmp_path) as session:
        session.host.set("haze", 0.5)
        move(session, 0.5, {"gain": (0, 4)})
        part = session.host.parts[0]
        os.kill(part.worker.pid, signal.SIGKILL)
        until(lambda: session.said("plays again"))
        move(session, 0.5, {"haze": (0, 1)})
    take = read_take(tmp_path / "take")
    assert len(take.workers) == 2 and take.missing
    heard, again, _ = rendered(tmp_path / "take", tmp_path)
    assert np.array_equal(heard, again)


@pytest.mark.slow
def test_a_model_that_is_late_is_late_again(echo_file, tmp_path):
    with taking(echo_file, tmp_path, latency=1536) as session:
        for switch in ("/limiter", "/dc"):  # which remember what was before for long
            session.host.set(switch, False)
        pid = session.host.parts[0].worker.pid
        for pause in (0.04, 0.1, 0.05, 0.3):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(pause)
            os.kill(pid, signal.SIGCONT)
            move(session, 0.3, {"gain": (0, 4), "haze": (0, 1)})
            session.host.set("/limiter", False)
    take = read_take(tmp_path / "take")
    assert take.missing and take.workers[1].jumps
    heard, again, lines = rendered(tmp_path / "take", tmp_path)
    differing = np.count_nonzero((heard != again).any(axis=1))
    # A block that comes in the very moment in which the callback looks may be seen one later.
    assert differing < 2000, lines


@pytest.mark.slow
def test_an_input_is_played_as_render_does(echo_file, tmp_path):
    """A take in which nothing moves is what `render` makes of its input."""
    with taking(echo_file, tmp_path, device_block=256) as session:
        session.host.set("/limiter", False)
        time.sleep(0.5)
        heard_from = session.host.memory.position
        time.sleep(1.0)
        latency = session.latency
        heard_to = session.host.memory.position
    take = read_take(tmp_path / "take")
    start = take.attachments[0].frame - take.first
    sound = read(tmp_path / "take" / "input.wav")[start:]
    values = {"/dc": False, "/limiter": False}
    blocks = {"model_block": 512, "device_block": 256}
    alone = read(render(echo_file, sound, tmp_path / "a.wav", values=values, **blocks))
    heard = read(tmp_path / "take" / "heard.wav")
    some = slice(heard_from - take.first, heard_to - take.first - 256)
    other = slice(some.start - start - latency, some.stop - start - latency)
    assert some.stop - some.start > 40_000
    assert np.array_equal(heard[some], alone[other])
    assert np.abs(heard[some]).max() > 0.01


@pytest.mark.slow
def test_a_take_can_be_moved_and_its_file_be_gone(echo_file, tmp_path):
    model = tmp_path / "echo.ts"
    shutil.copyfile(echo_file, model)
    with taking(model, tmp_path) as session:
        move(session, 0.5, {"haze": (0, 1)})
    model.unlink()
    (tmp_path / "take").rename(tmp_path / "moved")
    heard, again, _ = rendered(tmp_path / "moved", tmp_path)
    assert np.array_equal(heard, again)


@pytest.mark.slow
def test_the_built_in_voice(tmp_path):
    with taking(None, tmp_path, input="loop", model_block=None) as session:
        bends = {
            name: (0, 1)
            for name, values in session.host.surface.tree.values().items()
            if name.startswith("/bend") and len(values) == 1 and isinstance(values[0], float)
        }
        assert len(bends) > 3
        move(session, 2.0, bends)
    check(tmp_path, least=0.001)


@pytest.mark.slow
@pytest.mark.rave
def test_rave(tmp_path):
    from rave_bends import SEVEN, bent_by_seven

    from torchbend.interfaces._rave_build import save_run

    rave = bent_by_seven(save_run(tmp_path / "run", "v2_small"))
    with taking(rave, tmp_path, model_block=2048, input="loop") as session:
        move(session, 4.0, {name: (neutral, other) for name, (neutral, other) in SEVEN.items()})
    blocks = [b for line in played(tmp_path / "take") for b in line.get("blocks", [])]
    assert len(blocks) > 20 and any(both for _, both, _ in blocks)
    heard, again, lines = rendered(tmp_path / "take", tmp_path)
    assert np.array_equal(heard, again), lines


# -- takes that are not whole ----------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(echo_file, tmp_path_factory):
    """A short take."""
    folder = tmp_path_factory.mktemp("whole")
    with taking(echo_file, folder) as session:
        move(session, 0.5, {"haze": (0, 1)})
    return folder / "take"


@pytest.fixture
def take(whole, tmp_path):
    """A copy of it, to be broken."""
    return shutil.copytree(whole, tmp_path / "take")


@pytest.mark.slow
def test_one_that_was_cut_off_is_rendered_as_far_as_it_goes(take, tmp_path):
    head = json.loads((take / "take.json").read_text())
    (take / "take.json").write_text(json.dumps({**head, "frames": None}))
    text = (take / "played.jsonl").read_text()
    (take / "played.jsonl").write_text(text + text.splitlines()[-1][:9])
    heard, again, lines = rendered(take, tmp_path)
    assert np.array_equal(heard, again)
    assert "cut off" in lines[0]


@pytest.mark.slow
def test_a_difference_is_found_and_placed(take, tmp_path):
    heard = read(take / "heard.wav")
    heard[24_000, 0] += 0.25
    soundfile.write(take / "heard.wav", heard, 48_000, "FLOAT")
    _, _, lines = rendered(take, tmp_path)
    assert lines == ["the first 0.500 s are as they were heard; then it differs by at most 0.25"]
    (take / "heard.wav").unlink()
    lines = []
    render_take(take, tmp_path / "again.wav", say=lines.append)
    assert "no heard.wav" in lines[0]


def test_progress_is_told(take, tmp_path):
    told = []
    render_take(take, tmp_path / "again.wav", progress=lambda *now: told.append(now))
    frames = json.loads((take / "take.json").read_text())["frames"]
    assert told[-1] == (frames, frames) and told == sorted(told) and len(told) > 2


def test_another_file_in_place_of_the_model_is_not_opened(take, tmp_path):
    (model,) = (take / "models").glob("*.ts")
    small_file(model)
    with pytest.raises(LiveError, match="is not the file that was played"):
        render_take(take, tmp_path / "again.wav")
    model.unlink()
    with pytest.raises(LiveError, match="is missing"):
        render_take(take, tmp_path / "again.wav")


def test_a_path_out_of_the_take_is_refused(take, tmp_path, echo_file):
    lines = played(take)
    for name in ("../../echo.ts", str(echo_file), "..", "model.pt", 7):
        lines[0]["files"][0][0] = name
        write(take, lines)
        with pytest.raises(LiveError, match="no whole take"):
            render_take(take, tmp_path / "again.wav")


def write(take, lines):
    (take / "played.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def changed(lines, kind, **values):
    """The lines, the first of a kind changed."""
    at = next(n for n, line in enumerate(lines) if kind in line)
    return [*lines[:at], {**lines[at], **values}, *lines[at + 1 :]]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("attach", {"attach": 9}),
        ("attach", {"slot": 99}),
        ("attach", {"frame": -1}),
        ("attach", {"latency": 10**9}),
        ("attach", {"latency": "x"}),
        ("worker", {"chain": {}}),
        ("worker", {"files": []}),
        ("strip", {"strip": "close"}),
        ("strip", {"strip": "set", "given": {"mix": 10**400}}),
        ("strip", {"strip": "set", "given": {"mix": "a"}}),
        ("strip", {"strip": "set", "given": {"nothing": 1}}),
        ("strip", {"strip": "fade", "given": {"levels": {"99": 1}, "seconds": 1, "curve": "x"}}),
        ("account", {"blocks": [[0, False, [["playing", 99, [1.0]]]]]}),
        ("account", {"blocks": [[0, False, [["playing", 0, ["one"]]]]]}),
        ("account", {"blocks": [[0, False, [["eval", 0, [1.0]]]]]}),
        ("account", {"blocks": [[0, False, [["desk", 0, [1.0, 2.0]]]]]}),
        ("account", {"blocks": 5}),
        ("account", {"jumps": [[512, 512]]}),
        ("account", {"late": [[512]]}),
        ("end", {"until": "never"}),
    ],
)
def test_lines_that_cannot_be_are_refused(take, tmp_path, kind, values):
    write(take, changed(played(take), kind, **values))
    with pytest.raises(TorchbendError) as refused:
        render_take(take, tmp_path / "again.wav")
    assert "Error:" not in str(refused.value) or "take" in str(refused.value)


@pytest.mark.parametrize(
    "head",
    [
        {"sample_rate": 0},
        {"inputs": 10**9},
        {"slots": -1},
        {"strip": []},
        {"first": 0.5},
        {"torchbend": "preset"},
        {"version": 99},
        {"frames": -4},
    ],
)
def test_heads_that_cannot_be_are_refused(take, tmp_path, head):
    data = json.loads((take / "take.json").read_text())
    (take / "take.json").write_text(json.dumps({**data, **head}))
    with pytest.raises(TorchbendError):
        render_take(take, tmp_path / "again.wav")


def test_random_bytes_are_refused(take, tmp_path):
    chance = random.Random(0)
    for name in ("take.json", "played.jsonl", "input.wav"):
        kept = (take / name).read_bytes()
        for data in (chance.randbytes(3000), b"[" * 3000, b"{}\n" + kept[:40] + b"\n", b"null\n"):
            (take / name).write_bytes(data)
            with pytest.raises(TorchbendError):
                render_take(take, tmp_path / "again.wav")
        (take / name).write_bytes(kept)


def test_a_folder_with_a_take_in_it_is_left_alone(take, tmp_path, echo_file):
    with (
        pytest.raises(LiveError, match="already"),
        taking(echo_file, tmp_path),
    ):
        pass
    assert played(take)


def test_a_full_disk_is_told_once_and_the_sound_goes_on(echo_file, tmp_path, monkeypatch):
    with taking(echo_file, tmp_path) as session:
        file = session.host._take._file
        monkeypatch.setattr(session.host._take, "_file", Full(file))
        move(session, 0.5, {"haze": (0, 1)})
        session.host.set("/drywet", 1.0)
        assert np.abs(session.heard_now()).max() > 0
        told = session.said("cannot be written")
    assert len(told) == 1 and "No space" in told[0] and "sound goes on" in told[0]
    assert file.closed


class Full:
    """A file on a full disk."""

    def __init__(self, file):
        self.close = file.close

    def write(self, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_plays_in_this_process_cannot_be_rendered(tmp_path):
    bended = tb.BendedModule(nn.Sequential(nn.Tanh()))
    bended.trace("forward", torch.zeros(1, 1, 64))
    bended.bend(tb.Lambda(clip), "_0")
    with taking(bended, tmp_path, model_block=8192) as session:
        move(session, 0.2, {})
    assert len(read(tmp_path / "take" / "heard.wav")) > 10_000
    with pytest.raises(LiveError, match="no file of it"):
        render_take(tmp_path / "take", tmp_path / "again.wav")


def clip(x):
    return torch.tensor(x.detach().numpy().clip(-0.1, 0.1))  # numpy: no TorchScript


def test_torch_is_left_as_it_was(take, tmp_path):
    with live_torch():
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        render_take(take, tmp_path / "again.wav")
        assert torch.equal(torch.rand(3), expected)
