"""The I/O process on its internal clock: it starts, plays, dies, hangs and comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from audio_support import noise

from torchbend.errors import LiveError
from torchbend.realtime.audio import AudioMemory, AudioProcess, Device, Feed, Recorder, Strip
from torchbend.realtime.audio.light import light_command

CLOCK = Device(output="none", block=128)


@pytest.fixture
def memory() -> Iterator[AudioMemory]:
    with AudioMemory.create(48000) as made:
        yield made


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.005)
    return True


def pid_of(playing: AudioProcess) -> int:
    assert playing._child is not None
    return playing._child.pid


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_plays_on_an_internal_clock(memory: AudioMemory, native: bool) -> None:
    process = AudioProcess(memory, CLOCK, use_native=native)
    assert process.state() == "stopped"
    with process:
        assert process.playing is not None
        assert process.playing.native == native
        assert process.playing.sample_rate == 48000
        assert process.playing.block == 128
        assert process.playing.output == "none"
        began, position = time.monotonic(), memory.position
        assert until(lambda: memory.position > position + 24000)
        assert time.monotonic() - began > 0.4
        assert process.state() == "running"
        with pytest.raises(LiveError, match="runs already"):
            process.start()
        pid = pid_of(process)
    assert gone(pid)
    assert process.state() == "stopped"
    assert process.playing is None
    process.stop()  # twice does no harm
    assert memory.header.block_frames == 128


def test_what_was_fed_before_it_ran_is_played_from_the_first_frame_on(
    memory: AudioMemory, native: bool
) -> None:
    Strip(memory).set(source="feed", mix=0, dc_block=False)
    feed, sound = Feed(memory), noise(12000)
    assert feed.start(lead=0) == 0
    feed.write(sound)
    recorder = Recorder(memory, start=0)
    with AudioProcess(memory, CLOCK, use_native=native):
        assert until(lambda: memory.position > len(sound))
    np.testing.assert_array_equal(recorder.read(most=len(sound)), sound)


def test_it_goes_on_where_it_was_killed(memory: AudioMemory) -> None:
    with AudioProcess(memory, CLOCK) as process:
        assert until(lambda: memory.position > 1000)
        os.kill(pid_of(process), signal.SIGKILL)
        assert until(lambda: process.state() == "died")
        position = memory.position
        process.restart()
        assert process.state() == "running"
        assert until(lambda: memory.position > position + 1000)
    assert memory.position % 128 == 0


def test_one_that_hangs_is_noticed_and_replaced(memory: AudioMemory) -> None:
    with AudioProcess(memory, CLOCK) as process:
        assert until(lambda: memory.position > 1000)
        os.kill(pid_of(process), signal.SIGSTOP)
        began = time.monotonic()
        assert until(lambda: process.state() == "stalled")
        assert time.monotonic() - began < 5
        stopped = pid_of(process)
        process.restart()
        position = memory.position
        assert gone(stopped)
        assert until(lambda: memory.position > position + 1000)


def test_one_that_hangs_is_stopped_all_the_same(memory: AudioMemory) -> None:
    process = AudioProcess(memory, CLOCK)
    process.start()
    pid = pid_of(process)
    os.kill(pid, signal.SIGSTOP)
    process.stop(timeout=0.1)
    assert gone(pid)


PARENT = """
import sys, time
from torchbend.realtime.audio import AudioMemory, AudioProcess, Device
process = AudioProcess(AudioMemory.attach(sys.argv[1]), Device(output="none"))
process.start()
print(process._child.pid, flush=True)
time.sleep(60)
"""


def test_it_dies_with_its_parent(memory: AudioMemory) -> None:
    parent = subprocess.Popen(light_command(PARENT, memory.path), stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert until(lambda: memory.position > 0)
    parent.kill()
    parent.communicate()
    assert until(lambda: not_running(child))


def not_running(pid: int) -> bool:
    """Gone, or ended and waiting to be collected by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return gone(pid)


def test_it_is_up_without_torch() -> None:
    code = (
        "import json, sys, torchbend.realtime.audio.child\n"
        "print(json.dumps([name in sys.modules for name in ('torch', 'numpy')]))"
    )
    done = subprocess.run(light_command(code), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, True]


def test_a_memory_that_is_gone_is_an_error_in_words(memory: AudioMemory) -> None:
    process = AudioProcess(memory, CLOCK)
    memory.close()
    with pytest.raises(LiveError, match="shared memory .* cannot be opened"):
        process.start()
    assert process.state() == "stopped"


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(LiveError, match="0 to 8192 frames, not -5"):
        Device(block=-5)
    with pytest.raises(LiveError, match="'low', 'high' or seconds"):
        Device(latency="lowest")


def test_no_answer_is_an_error_and_leaves_nothing(memory: AudioMemory) -> None:
    process = AudioProcess(memory, CLOCK)
    with pytest.raises(LiveError, match="did not answer within 0 s"):
        process.start(timeout=0)
    assert process.state() == "stopped"
    process.start()
    process.stop()


def test_an_error_in_the_callback_is_told(memory: AudioMemory) -> None:
    """The header is spoiled under it, which no process of ours does."""
    with AudioProcess(memory, CLOCK, use_native=False) as process:
        assert until(lambda: memory.position > 0)
        memory.header.slots = 99
        assert until(lambda: process.state() == "stalled" and bool(process.errors))
        assert "index" in process.errors[0]
        memory.header.slots = 4
        process.restart()
        assert not process.errors
