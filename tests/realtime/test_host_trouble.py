"""What happens to a live host on stage: models that come, go, die, and are broken."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from audio_support import RATE
from control_support import Surface
from host_support import (
    PLAIN,
    SLOW,
    SOUND,
    is_heard,
    plain_file,
    playing,
    until,
    wide_file,
)
from small_file import GAIN_INFO, INFO, small_file

from torchbend.errors import TorchbendError
from torchbend.realtime.status import Status

RAISING = """
def forward(self, x: Tensor) -> Tensor:
    if float(self.gain) > 1.5:
        raise RuntimeError("too hot")
    return x * self.gain
"""
POISONED = """
def forward(self, x: Tensor) -> Tensor:
    n = x.size(0)
    self.cache[:n].mul_(torch.log(1.5 - self.gain) * 0.0 + 1.0)
    return x * self.gain + self.cache[:n]
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    settings = {"input": SOUND, "model_block": 512, "osc_port": 0}
    with playing(plain_file(folder / "plain.ts", 1.0), folder, **settings) as session:
        session.folder = folder
        yield session


@pytest.fixture
def at_home(session):
    """The host with its first model, however the last test left it."""
    if [m.name for m in session.status.models] != ["plain"]:
        session.host.load(session.folder / "plain.ts", 0.1).result(60)
    session.host.set("gain", 1.0)
    until(is_heard(session, 1.0))
    session.lines.clear()
    return session


def least_level(heard):
    """Of the quietest stretch of 512 frames."""
    parts = heard[: len(heard) // 512 * 512, 0].reshape(-1, 512)
    return float(np.sqrt((parts**2).mean(1)).min())


# -- models come and go ----------------------------------------------------------------------


def test_another_model_comes_in_by_osc_without_a_gap(at_home):
    session, status = at_home, at_home.status
    loud = plain_file(session.folder / "loud.ts", 1.8)
    level = least_level(session.heard_now(8192))
    with Surface(session.host.surface.osc.place) as knobs:
        knobs.send("/bend/gain", 0.5)
        until(is_heard(session, 0.5))
        knobs.send("/model/load", str(loud), 0.3)
        quietest = []
        until(lambda: quietest.append(session.heard_now(4096)) or is_heard(session, 0.9)(), 60)
    assert least_level(np.concatenate(quietest)) > 0.4 * level
    until(lambda: [m.name for m in session.status.models] == ["loud"])
    assert session.status.underruns == status.underruns
    assert session.said("loud comes in")
    session.host.set("gain", 1.0)
    until(is_heard(session, 1.8))


@pytest.mark.slow
def test_a_model_whose_control_of_that_name_is_another_kind(at_home):
    """The gain is a number here, a choice there, and a vector in the third."""
    session = at_home
    choice = replace(GAIN_INFO, kind="choice", types=("str",), default=("b",), choices=("a", "b"))
    choice = replace(choice, low=None, high=None)
    setter = 'def set_gain(self, v: str) -> int:\n    self.gain.fill_(0.5 if v == "a" else 1.0)\n'
    path = small_file(
        session.folder / "choice.ts",
        {"set_gain": setter + "    return 0\n", "forward": PLAIN.format(1.0)},
        ours=replace(INFO, attributes=(choice,), state=()),
    )
    session.host.load(path, 0.1).result(60)
    until(is_heard(session, 1.0))
    session.host.set("gain", "a")
    until(is_heard(session, 0.5))
    vector = replace(GAIN_INFO, kind="vector", types=("float",) * 3, default=(1.0, 1.0, 0.5))
    setter = "def set_gain(self, a: float, b: float, c: float) -> int:\n    self.gain.fill_(a * b)"
    path = small_file(
        session.folder / "vector.ts",
        {"set_gain": setter + "\n    return 0\n", "forward": PLAIN.format(1.0)},
        ours=replace(INFO, attributes=(vector,), state=()),
    )
    session.host.load(path, 0.1).result(60)
    session.host.set("gain", 2.0, 0.25, 0.0)
    until(is_heard(session, 0.5))
    session.host.load(session.folder / "plain.ts", 0.1).result(60)
    until(is_heard(session, 1.0))


@pytest.mark.slow
def test_a_file_that_changes_is_loaded_again_and_a_broken_one_is_not(at_home):
    session, path = at_home, at_home.folder / "mine.ts"
    session.host.load(plain_file(path, 0.5), 0.1).result(60)
    until(is_heard(session, 0.5))
    plain_file(path, 0.25)
    until(is_heard(session, 0.25), 60)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    until(lambda: session.said("plays on"))
    assert is_heard(session, 0.25)()
    (line,) = session.said("plays on")
    assert "mine.ts" in line and "\n" not in line
    assert [m.state for m in session.status.models] == ["playing"]
    plain_file(path, 1.0)
    until(is_heard(session, 1.0), 60)


@pytest.mark.parametrize(
    "what",
    [
        "no file",
        "no model",
        pytest.param("slow", marks=pytest.mark.slow),
        pytest.param("does not fit", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_played_is_refused_and_the_old_sound_goes_on(at_home, what):
    session = at_home
    files = {
        "no file": session.folder / "plane.ts",
        "no model": session.folder / "text.ts",
        "slow": small_file(session.folder / "slow.ts", {"forward": SLOW}),
        "does not fit": [session.folder / "plain.ts", wide_file(session.folder / "wide.ts")],
    }
    files["no model"].write_text("not a model\n")
    told = {
        "no file": "there is no model .*plane.ts.*plain.ts",
        "no model": "text.ts",
        "slow": "slow is slower than real time",
        "does not fit": "do not fit together",
    }
    with pytest.raises(TorchbendError, match=told[what]) as refused:
        session.host.load(files[what], 0.1).result(60)
    (line,) = session.said("plays on")
    assert str(refused.value) in line and "\n" not in line
    assert [(m.name, m.state) for m in session.status.models] == [("plain", "playing")]
    assert is_heard(session, 1.0)()


# -- models in trouble -----------------------------------------------------------------------


def test_a_worker_that_is_killed_comes_back_as_it_was(at_home):
    session, memory = at_home, at_home.host.memory
    session.host.set("gain", 0.5)
    until(is_heard(session, 0.5))
    (part,) = session.host.parts
    killed, frame, began = part.worker.pid, memory.position, time.monotonic()
    os.kill(killed, signal.SIGKILL)
    until(lambda: session.status.models[0].state == "lost")
    until(lambda: session.said("plays again"), 60)
    took = time.monotonic() - began
    until(is_heard(session, 0.5))
    assert part.worker.pid != killed
    assert took < 60  # 5 on a machine with nothing else to do; see benchmarks/live.py
    print(f"back after {took:.2f} s")  # noqa: T201
    assert memory.position - frame > 0.9 * took * RATE, "the callback stood still"
    assert len(session.said("plays no more")) == 1


@pytest.mark.slow
def test_a_model_that_raises_is_silent_says_so_and_comes_back(at_home):
    session = at_home
    path = small_file(session.folder / "hot.ts", {"forward": RAISING}, ours=INFO)
    session.host.load(path, 0.1).result(60)
    until(is_heard(session, 1.0))
    session.host.set("gain", 1.75)
    until(lambda: session.said("too hot"))
    until(lambda: not session.heard_now(512).any())
    # It raises again as soon as it is back, and that is no reason to say it again and again.
    time.sleep(6)
    assert not session.heard_now(512).any()
    assert len(session.lines) < 8, session.lines
    session.host.set("gain", 0.5)
    until(is_heard(session, 0.5), 60)


@pytest.mark.slow
def test_what_is_no_sound_is_silent_and_counted_and_forgotten(at_home):
    session = at_home
    path = small_file(session.folder / "poisoned.ts", {"forward": POISONED}, ours=INFO)
    session.host.load(path, 0.1).result(60)
    until(is_heard(session, 1.0))
    session.host.set("gain", 1.75)
    until(lambda: session.status.models[0].bad_blocks > 10)
    until(lambda: not session.heard_now(512).any())
    session.host.set("gain", 0.5)
    until(is_heard(session, 0.5))
    status: Status = session.status
    assert status.bad_outputs == 0 and status.models[0].state == "playing"
    assert len(session.said("poisoned gives NaN")) == 1
