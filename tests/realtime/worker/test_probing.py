"""What is measured before the first sound: times, the latency that needs, a model's own delay."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from torchbend.errors import LiveError
from torchbend.realtime.audio import latency_frames
from torchbend.realtime.worker import probing
from torchbend.realtime.worker.probing import (
    Load,
    granted_blocks,
    own_delay,
    percentile,
    too_slow,
    turn_times,
)

RATE = 48000


# -- times -----------------------------------------------------------------------------------
def test_turns_are_timed_for_so_long_and_so_often() -> None:
    times = turn_times(lambda: time.sleep(0.002), 0.1, least=3)
    assert all(each >= 0.002 for each in times)
    assert sum(times) > 0.09
    assert len(turn_times(lambda: time.sleep(0.002), 0, least=7)) == 7


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (50, 5), (90, 9), (91, 10), (99.9, 10), (100, 10)]
)
def test_percentiles_are_of_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([10, 9, 1, 2, 3, 8, 7, 4, 5, 6], percent) == expected


def test_of_thousand_turns_one_may_be_longer() -> None:
    assert percentile([*[1.0] * 999, 7.0], 99.9) == 1
    assert percentile([*[1.0] * 998, 7.0, 7.0], 99.9) == 7


def test_a_turn_as_long_as_its_block_is_too_slow() -> None:
    assert too_slow(2048 / RATE, 2048, RATE)
    assert not too_slow(2047 / RATE, 2048, RATE)


# -- granted blocks --------------------------------------------------------------------------
def runs_dry(block: int, device_block: int, latency: int, turn: int, poll: int, start: int) -> bool:
    """Play it through, all times in frames: a callback at the end of every device block.

    The callback that hands over frames up to p at time p fetches those that are heard in the
    device block which ends at p. The worker sees a block `poll` after the callback that completed
    it, and plays one after the other.
    """
    free = 0
    for n in range(3 * device_block // math.gcd(block, device_block) + 10):
        first = start + n * block
        came = math.ceil((first + block) / device_block) * device_block
        free = max(free, came + poll) + turn
        heard = ((first + latency) // device_block + 1) * device_block
        if free > heard:
            return True
    return False


BLOCKS = st.sampled_from([1, 64, 96, 100, 512, 1881, 2048, 2229, 4096]) | st.integers(1, 5000)
DEVICE_BLOCKS = st.sampled_from([16, 64, 96, 128, 256, 441, 480, 1024]) | st.integers(16, 1200)


@given(
    block=BLOCKS,
    device_block=DEVICE_BLOCKS,
    share=st.floats(0, 1),
    poll=st.sampled_from([0, 10, 24]),
    phase=st.integers(0, 10**6),
)
@settings(max_examples=400, deadline=None)
def test_the_latency_never_runs_dry_and_is_the_least(
    block: int, device_block: int, share: float, poll: int, phase: int
) -> None:
    turn = round(share * block)
    granted = granted_blocks(turn / RATE, block, device_block, RATE, poll_seconds=poll / RATE)
    latency = latency_frames(block, device_block, granted)
    unit = math.gcd(block, device_block)
    for start in (0, phase * device_block, phase * unit):
        assert not runs_dry(block, device_block, latency, turn, poll, start)
    if granted:
        assert runs_dry(block, device_block, latency - device_block, turn, poll, 0)


@pytest.mark.parametrize(
    ("turn_ms", "block", "device_block", "granted"),
    [
        (0, 2048, 256, 1),  # the moment until the worker looks
        (4.8, 2048, 256, 1),
        (5, 2048, 256, 2),
        (15, 2048, 256, 3),
        (1, 64, 256, 1),  # four turns come together
        (1.3, 64, 256, 2),
        (41, 2048, 64, 32),
    ],
)
def test_blocks_that_are_granted(
    turn_ms: float, block: int, device_block: int, granted: int
) -> None:
    assert granted_blocks(turn_ms / 1000, block, device_block, RATE) == granted


def test_in_the_callback_an_instant_model_needs_none() -> None:
    assert granted_blocks(0, 2048, 256, RATE, poll_seconds=0) == 0


# -- load ------------------------------------------------------------------------------------
def processor_seconds(pid: int) -> float:
    ticks = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def is_running(pid: int) -> bool:
    try:
        state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < end, "the load goes on"
        time.sleep(0.02)


needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@needs_proc
def test_the_load_keeps_a_processor_busy_and_ends() -> None:
    with Load() as load:
        pid = load.pid
        assert pid is not None
        end = time.monotonic() + 20
        while processor_seconds(pid) < 0.3 and time.monotonic() < end:
            time.sleep(0.05)
        assert processor_seconds(pid) >= 0.3
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)
    assert load.pid is None
    assert not is_running(pid)


@needs_proc
def test_the_load_ends_when_what_is_measured_raises() -> None:
    pids = []
    with pytest.raises(ValueError, match="broken"), Load() as load:
        pids.append(load.pid)
        raise ValueError("broken")
    assert not is_running(pids[0] or 0)


@needs_proc
def test_the_load_ends_with_a_process_that_was_killed() -> None:
    code = """
import time
from torchbend.realtime.worker.probing import Load
with Load() as load:
    print(load.pid, flush=True)
    time.sleep(100)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until_gone(pid)


@pytest.mark.parametrize(
    ("command", "why"),
    [(["/nowhere/python"], "No such file"), ([sys.executable, "-c", ""], "ended")],
)
def test_a_load_that_does_not_start_says_so(
    command: list[str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "light_command", lambda code: command)
    with pytest.raises(LiveError, match=f"cannot be loaded: .*{why}"), Load():
        pass


# -- own delay -------------------------------------------------------------------------------
class Subject:
    """A model with a streaming state: what came in lately."""

    def __init__(self, block: int, channels: int = 1, memory: int = 20000) -> None:
        self.block = block
        self.in_channels = channels
        self.past = torch.zeros(memory, channels)
        self.turns = 0

    def play(self, frames: Tensor, position: int) -> Tensor:
        assert frames.shape == (self.block, self.in_channels)
        assert position % self.block == 0
        self.turns += 1
        self.past = torch.cat([self.past, frames])[len(frames) :]
        return self.made()

    def made(self) -> Tensor:
        raise NotImplementedError

    def save_state(self) -> object:
        return self.past.clone()

    def restore_state(self, saved: object) -> None:
        assert isinstance(saved, Tensor)
        self.past = saved.clone()


class Delayed(Subject):
    def __init__(self, block: int, frames: int, channels: int = 1) -> None:
        super().__init__(block, channels)
        self.frames = frames

    def made(self) -> Tensor:
        end = len(self.past) - self.frames
        return self.past[end - self.block : end]


@pytest.mark.parametrize("block", [64, 512, 2048])
@pytest.mark.parametrize("frames", [0, 1, 100, 3333, 12000])
def test_a_delay_is_found_to_the_frame(block: int, frames: int) -> None:
    assert own_delay(Delayed(block, frames)) == frames


def test_a_delay_is_found_in_one_channel_of_several() -> None:
    class Second(Delayed):
        def made(self) -> Tensor:
            return super().made() * torch.tensor([0.0, -0.3])

    assert own_delay(Second(512, 77, channels=2)) == 77


def test_of_a_filter_the_loudest_part_of_the_answer_counts() -> None:
    """Linear phase, with a long tail behind it that has more energy in all."""

    class Filter(Subject):
        def made(self) -> Tensor:
            n = torch.arange(2401)
            bell = torch.where(n < 401, 0.1 * torch.hann_window(401)[n.clamp(max=400)], 0.0)
            tail = 0.06 * torch.rand(2401, generator=torch.Generator().manual_seed(0))
            taps = (bell + tail).flip(0)
            sound = self.past[-self.block - 2400 :, 0]
            return torch.nn.functional.conv1d(sound[None, None], taps[None, None])[0].T

    assert own_delay(Filter(2048)) == pytest.approx(200, abs=40)


def test_a_model_that_shapes_and_makes_noise_is_measured_all_the_same() -> None:
    class Noisy(Delayed):
        def made(self) -> Tensor:
            sound = super().made()
            return torch.tanh(3 * sound) + 0.3 * torch.randn_like(sound)

    assert own_delay(Noisy(512, 1000)) == 1000


def test_a_model_that_hears_by_the_frame_of_latents_answers_as_of_the_frame() -> None:
    class Framed(Subject):
        def made(self) -> Tensor:
            """The level of the block before, as a pulse in the middle of this one."""
            level = self.past[-2 * self.block : -self.block].abs().max()
            made = torch.zeros(self.block, 1)
            made[self.block // 2] = level
            return made

    assert own_delay(Framed(1024)) == 1024


class Deaf(Subject):
    def made(self) -> Tensor:
        return torch.sin(torch.arange(self.block) / 10.0)[:, None]


class Fickle(Subject):
    """Makes noise that no seed decides, louder than its answer."""

    def made(self) -> Tensor:
        generator = torch.Generator().manual_seed(self.turns)
        return self.past[-self.block :] + torch.randn(self.block, 1, generator=generator)


class Broken(Subject):
    def made(self) -> Tensor:
        return self.past[-self.block :] / 0


@pytest.mark.parametrize("kind", [Deaf, Fickle, Broken])
def test_there_may_be_no_answer(kind: type[Subject]) -> None:
    assert own_delay(kind(512)) is None


def test_what_has_no_inputs_is_not_asked() -> None:
    subject = Deaf(512, channels=0)
    assert own_delay(subject) is None
    assert subject.turns == 0


def test_state_and_randomness_are_left_as_they_were() -> None:
    subject = Delayed(512, 100)
    subject.play(torch.rand(512, 1), 0)
    before = subject.past.clone()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    own_delay(subject)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(subject.past, before)


def test_the_state_is_put_back_when_the_model_raises() -> None:
    class Raising(Delayed):
        def made(self) -> Tensor:
            if self.turns == 5:
                raise RuntimeError("no more")
            return super().made()

    subject = Raising(512, 0)
    before = subject.past.clone()
    with pytest.raises(RuntimeError, match="no more"):
        own_delay(subject)
    assert torch.equal(subject.past, before)


def test_tiny_blocks_do_not_take_for_ever() -> None:
    subject = Delayed(1, 50)
    assert own_delay(subject) == 50
    assert subject.turns < 10_000
