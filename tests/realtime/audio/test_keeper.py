"""A device that is lost is opened again: what is said, how often it is tried, and that it ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from torchbend.errors import LiveError
from torchbend.realtime.audio import AudioKeeper, AudioMemory, AudioProcess, Device, Slot


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.002)
    return True


class Stage:
    """A process that does as it is told, and a clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.condition = "running"
        self.errors: list[str] = []
        self.playing: Any = SimpleNamespace(output="box")
        self.fails: list[str] = []  # what the next attempts end with
        self.opening = 0.3  # seconds that an attempt takes
        self.attempts: list[float] = []
        self.timeouts: list[float] = []
        self.kills = 0
        self.lines: list[str] = []
        self.keeper = AudioKeeper(
            self,  # type: ignore[arg-type]
            self.lines.append,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def state(self) -> str:
        return self.condition

    def kill(self) -> None:
        self.kills += 1
        self.playing, self.condition = None, "stopped"

    def start(self, timeout: float) -> Any:
        assert self.playing is None
        self.attempts.append(self.now)
        self.timeouts.append(timeout)
        self.now += min(self.opening, timeout)
        if self.fails:
            raise LiveError(self.fails.pop(0))
        self.playing, self.condition = SimpleNamespace(output="box"), "running"
        return self.playing

    def watch(self, seconds: float = 0) -> None:
        """Watch for so long, 20 times a second; then let the helper come to an end."""
        for _ in range(max(1, round(20 * seconds))):
            self.keeper.watch()
            helper = self.keeper._helper
            if helper is not None:
                helper.join(10)
                assert not helper.is_alive()
            self.now += 0.05


def test_nothing_is_said_or_done_while_it_runs() -> None:
    stage = Stage()
    stage.watch(5)
    assert (stage.lines, stage.kills, stage.attempts) == ([], 0, [])
    assert stage.keeper.state == "running"


def test_one_that_its_owner_stopped_is_left_alone() -> None:
    stage = Stage()
    stage.kill()
    stage.watch(5)
    assert stage.attempts == [] and stage.lines == []
    assert stage.keeper.state == "stopped"


@pytest.mark.parametrize(("stall", "reopened"), [(0.1, False), (0.15, False), (0.3, True)])
def test_a_short_stall_is_let_pass(stall: float, reopened: bool) -> None:
    stage = Stage()
    for _ in range(3):
        stage.condition = "stalled"
        stage.watch(stall)
        stage.condition = "running"
        stage.watch(0.5)
    assert bool(stage.attempts) == reopened


def test_it_says_when_the_device_goes_why_it_stays_away_and_when_it_is_back() -> None:
    stage = Stage()
    rate = "device 'box' does not run at 48000 Hz; it runs at 44100"
    stage.fails = ["no default output device"] * 5 + [rate] * 7 + ["no default output device"] * 3
    stage.condition = "stalled"
    began = stage.now
    stage.watch(6)
    gone, nothing, other, back = stage.lines
    assert gone.startswith("The sound device is gone")
    assert nothing == "No sound yet: no default output device"
    assert other == f"No sound yet: {rate}"
    took = stage.attempts[-1] + stage.opening - began
    assert back == f"There is sound again after {took:.1f} s, on 'box'"
    assert len(stage.attempts) == 16 and stage.kills == 1
    pauses = [b - a - stage.opening for a, b in pairwise(stage.attempts)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, *[0.5] * 12])
    assert stage.keeper.state == "running"


def test_each_outage_begins_anew() -> None:
    stage = Stage()
    for _ in range(3):
        stage.condition = "died"
        stage.errors = ["segmentation fault"]
        stage.fails = ["no device", "no device"]
        stage.attempts.clear()
        stage.watch(5)
        gone, why, back = stage.lines
        assert gone.startswith("The I/O process died: segmentation fault")
        assert why.endswith("no device") and back.startswith("There is sound again after 1.2 s")
        assert stage.attempts[1] - stage.attempts[0] == pytest.approx(stage.opening + 0.1)
        stage.lines.clear()


def test_a_device_that_comes_and_goes_makes_no_flood() -> None:
    stage = Stage()
    for _ in range(50):
        stage.condition = "died"
        stage.watch(0.5)
    assert len(stage.lines) == 3
    assert "and again" in stage.lines[2]
    assert len(stage.attempts) == 50
    stage.watch(5)
    assert len(stage.lines) == 4
    assert "it was lost 50 times" in stage.lines[3]
    stage.condition = "died"
    stage.watch(5)
    assert len(stage.lines) == 6  # a new one


def test_a_device_that_hangs_while_it_opens_is_given_more_and_more_time() -> None:
    stage = Stage()
    stage.opening = 60
    stage.fails = ["the sound device did not answer"] * 5
    stage.condition = "died"
    stage.watch()
    assert stage.timeouts == [2, 4, 8, 10, 10, 10]


def test_an_attempt_that_the_machine_has_no_room_for_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    start, attempts = stage.start, iter([OSError("no more processes"), None])

    def failing(timeout: float) -> Any:
        error = next(attempts)
        if error:
            raise error
        return start(timeout)

    monkeypatch.setattr(stage, "start", failing)
    stage.condition = "died"
    stage.watch()
    assert stage.lines[1] == "No sound yet: no more processes"
    assert stage.condition == "running"


def test_when_it_is_closed_it_gives_up() -> None:
    stage = Stage()
    opening = threading.Event()

    def start(timeout: float) -> Any:
        opening.set()
        raise LiveError("no device")

    stage.start = start  # type: ignore[method-assign]
    stage.condition = "died"
    stage.keeper.watch()
    assert stage.keeper.state == "reopening"
    stage.keeper.watch()  # returns at once, though the helper goes on for ever
    assert opening.wait(10)
    stage.keeper.close()
    assert stage.keeper.state == "stopped"
    stage.condition = "died"
    said = len(stage.lines)
    stage.watch(5)
    assert len(stage.lines) == said


# -- a real process, on the internal clock ---------------------------------------------------
@pytest.fixture
def memory() -> Iterator[AudioMemory]:
    with AudioMemory.create(48000) as made:
        yield made


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_the_clock_goes_on_where_it_was_lost(memory: AudioMemory, blow: signal.Signals) -> None:
    Slot(memory, 0).attach(block=64, latency=64)
    lines: list[str] = []
    with AudioProcess(memory, Device(output="none", block=128)) as process:
        keeper = AudioKeeper(process, lines.append)
        assert until(lambda: memory.position > 4800)
        assert process._child is not None
        pid = process._child.pid
        os.kill(pid, blow)

        def reopening() -> bool:
            keeper.watch()
            return keeper.state == "reopening"

        assert until(reopening)
        position = memory.position

        def back() -> bool:
            keeper.watch()
            return memory.position > position + 4800

        assert until(back)
        assert keeper.state == "running" and process._child.pid != pid
        assert memory.header.slot[0].attached == 1
        keeper.close()
        assert process.state() == "running"
    assert len(lines) == 2


def test_an_attempt_under_way_is_broken_off(
    memory: AudioMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AudioProcess(memory, Device(output="none")) as process:
        keeper = AudioKeeper(process, lambda line: None)
        assert process._child is not None
        os.kill(process._child.pid, signal.SIGKILL)
        # The successor hangs before it can say a word.
        code = "torchbend.realtime.audio.io_process._CHILD"
        monkeypatch.setattr(code, "import time; time.sleep(60)")

        def reopening() -> bool:
            keeper.watch()
            return keeper.state == "reopening"

        assert until(reopening)
        keeper.close()
        assert keeper.state == "stopped"
