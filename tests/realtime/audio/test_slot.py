"""A worker's end: blocks, debts, successors, values; with another process at the other end."""

from __future__ import annotations

import signal
import subprocess
import time

import numpy as np
import pytest
from audio_support import FADE, Rig, delayed, noise

from torchbend.errors import LiveError
from torchbend.realtime.audio import AudioMemory, Slot, Values, latency_frames
from torchbend.realtime.audio.layout import constant
from torchbend.realtime.audio.light import light_command


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = light_command(code, *arguments)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("block", "device_block", "granted", "frames"),
    [(2048, 256, 0, 1792), (2048, 256, 3, 2560), (96, 64, 1, 128), (1, 64, 1, 64)],
)
def test_latency_is_that_of_the_formula(
    block: int, device_block: int, granted: int, frames: int
) -> None:
    assert latency_frames(block, device_block, granted) == frames


# -- turns ---------------------------------------------------------------------------------
def test_a_block_is_read_when_it_came(native: bool) -> None:
    rig = Rig(native)
    slot = rig.attach(0, 100, 100)
    assert not slot.wait(0.001)
    with pytest.raises(LiveError, match="wait for it"):
        slot.read()
    sound = noise(192)
    rig.block(sound)
    assert slot.wait(0)
    np.testing.assert_array_equal(slot.read(), sound[:100])
    np.testing.assert_array_equal(slot.read(), sound[:100])  # until it is written
    slot.write(np.zeros((100, 2), np.float32))
    assert not slot.wait(0)
    counters = rig.strip.slot_counters(0)
    assert (counters.attached, counters.block, counters.latency, counters.turns) == (1, 100, 100, 1)
    assert 0 < counters.turn_ns <= counters.turn_ns_most
    with pytest.raises(LiveError, match="no slot 4"):
        rig.strip.slot_counters(4)


def test_blocks_of_another_shape_are_refused(native: bool) -> None:
    rig = Rig(native)
    slot = rig.attach(0, 100, 100)
    rig.block(noise(100))
    for shape in [(99, 2), (100, 1), (2, 100)]:
        with pytest.raises(LiveError, match=r"\(100, 2\)"):
            slot.write(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("block", "latency"), [(0, 0), (60000, 0), (8192, 50000), (10, -1)])
def test_what_does_not_fit_the_rings_is_refused(block: int, latency: int) -> None:
    with AudioMemory.create(48000) as memory, pytest.raises(LiveError, match="does not fit"):
        Slot(memory, 0).attach(block=block, latency=latency)
    with pytest.raises(LiveError, match="0 to 3"):
        Slot(memory, 4)


def test_the_last_turns_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(True)
    rig.attach(0, 8, 100)
    assert rig.strip.turns(0) == []
    clock = iter(n * n for n in range(1, 4000))
    monkeypatch.setattr("time.monotonic_ns", lambda: next(clock))
    for _ in range(1200):
        rig.block(noise(8))
        rig.work()
    # The clock is asked when a turn begins, at its end, and when there is no further one.
    took = [6 * turn + 3 for turn in range(1200)]
    assert rig.strip.turns(0) == took[-1024:]
    assert rig.strip.slot_counters(0).turn_ns == took[-1]


# -- where it begins -----------------------------------------------------------------------
@pytest.mark.parametrize("start", [0, 10, 64, 200])
def test_a_worker_may_begin_at_a_given_frame(start: int, native: bool) -> None:
    """One that has been played already, or one that is to come."""
    rig = Rig(native)
    rig.block(noise(64))
    slot = Slot(rig.memory, 0)
    slot.attach(block=32, latency=96, start=start)
    rig.workers[0] = slot, lambda x: x
    rig.strip.fade({0: 1}, seconds=0)
    assert slot.next == start
    rig.work()
    sound = noise(1024, seed=1)
    heard = rig.play(sound, 32)
    whole = np.concatenate([noise(64), sound])
    fixed = slice(max(96, start + 96) + FADE, None)
    heard = np.concatenate([np.zeros((64, 2)), heard])
    np.testing.assert_array_equal(heard[fixed], delayed(whole, 96)[fixed])
    assert not heard[: start + 96].any()


def test_a_frame_that_is_over_is_no_beginning(native: bool) -> None:
    rig = Rig(native)
    for _ in range(9):
        rig.block(noise(8192))
    room = rig.memory.capacity - 8192
    for start in (-1, rig.memory.position - room - 1):
        with pytest.raises(LiveError, match=f"from {rig.memory.position - room} on"):
            Slot(rig.memory, 0).attach(block=64, latency=64, start=start)
    Slot(rig.memory, 0).attach(block=64, latency=64, start=rig.memory.position - room)


# -- late and gone -------------------------------------------------------------------------
def test_a_worker_catches_up_by_whole_blocks_and_keeps_its_latency(native: bool) -> None:
    rig = Rig(native)
    slot = rig.attach(0, 64, 128)
    sound = noise(64 * 40)
    for turn in range(40):
        rig.block(sound[64 * turn : 64 * turn + 64])
        if turn == 20:
            # Turns 10 to 20 have come and 10 to 17 should have been heard by now.
            assert slot.behind == 64 * (11 - 2)
            assert slot.catch_up() == 10
            assert slot.catch_up() == 0
            assert slot.behind == 0
        if not 10 <= turn < 20:
            rig.work()
    assert rig.strip.slot_counters(0).skipped == 640
    fixed = slice(64 * 22 + FADE, None)
    heard = rig.memory.heard[: len(sound)]
    np.testing.assert_array_equal(heard[fixed], delayed(sound, 128)[fixed])
    assert not heard[64 * 12 + FADE : 64 * 22].any()  # nothing stale


def test_a_worker_that_slept_through_the_whole_ring_is_brought_back(native: bool) -> None:
    rig = Rig(native)
    slot = rig.attach(0, 64, 128)
    for _ in range(rig.memory.capacity // 8192 + 3):
        rig.block(noise(8192))
    sound = noise(64, seed=1)
    rig.block(sound)
    np.testing.assert_array_equal(slot.read(), sound)
    assert slot.next == rig.memory.position - 64


def test_a_successor_takes_the_slot_and_the_old_one_is_refused(native: bool) -> None:
    rig = Rig(native)
    old = rig.attach(0, 64, 128)
    rig.play(noise(640), 64)
    rig.block(noise(64))
    new = Slot(AudioMemory.attach(rig.memory.path), 0)
    new.attach(block=64, latency=128)
    assert new.next == 704
    for refused in (old.read, old.catch_up, lambda: old.write(np.zeros((64, 2), np.float32))):
        with pytest.raises(LiveError, match="another worker has it"):
            refused()
    old.detach()
    assert new.is_ours() and not old.is_ours()
    rig.workers[0] = new, lambda x: x
    sound = noise(64 * 20, seed=1)
    heard = rig.play(sound, 64)
    fixed = slice(128 + 2 * FADE, None)  # out and in again
    np.testing.assert_array_equal(heard[fixed], delayed(sound, 128)[fixed])


WORKER = """
import sys
from torchbend.realtime.audio import AudioMemory, Slot
slot = Slot(AudioMemory.attach(sys.argv[1]), 0)
slot.attach(block=int(sys.argv[2]), latency=int(sys.argv[3]))
print("attached", flush=True)
while True:
    if slot.wait(0.1):
        slot.write(slot.read() * 2)
"""


def attach_another(memory: AudioMemory, block: int, latency: int) -> subprocess.Popen[str]:
    worker = start(WORKER, memory.path, str(block), str(latency))
    assert worker.stdout is not None
    assert worker.stdout.readline() == "attached\n"
    return worker


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def await_turns(memory: AudioMemory, turns: int) -> None:
    give_up = time.monotonic() + 20
    while memory.header.slot[0].turns < turns and time.monotonic() < give_up:
        time.sleep(0.0002)


def test_a_worker_killed_in_its_work_stops_nothing(native: bool) -> None:
    rig = Rig(native, limiter=False)
    rig.strip.fade({0: 1}, seconds=0)
    sound = noise(64 * 60)

    def play(first: int, last: int, worker: subprocess.Popen[str] | None) -> None:
        for turn in range(first, last):
            rig.block(sound[64 * turn : 64 * turn + 64])
            if worker:
                await_turns(rig.memory, turn - first + 1)

    worker = attach_another(rig.memory, 64, 128)
    play(0, 20, worker)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    play(20, 40, None)
    assert rig.strip.counters().blocks == 40
    successor = attach_another(rig.memory, 64, 128)
    play(40, 60, successor)
    end(successor)
    heard, expected = rig.memory.heard[: len(sound)], 2 * delayed(sound, 128)
    for first, last in [(128 + FADE, 64 * 22), (64 * 42 + FADE, 64 * 60)]:
        np.testing.assert_array_equal(heard[first:last], expected[first:last])
    assert not heard[64 * 22 + FADE : 64 * 42].any()


CLOCK = """
import sys
import numpy as np
from torchbend.realtime.audio import AudioMemory, play_block
memory = AudioMemory.attach(sys.argv[1])
slot = memory.header.slot[0]
print("ready", flush=True)
while memory.position < int(sys.argv[2]):
    position = memory.position
    # As fast as it goes, but never so far ahead that the worker would be late.
    if position + 37 + 64 <= slot.valid_until:
        numbers = np.arange(position, position + 37, dtype=np.float32) % 4096 / 4096
        play_block(memory, np.stack([numbers, -numbers], axis=1))
"""


def test_two_processes_race_around_the_rings_and_lose_nothing() -> None:
    """Numbered frames go out and come back two hundred thousand times, with no pause."""
    rig = Rig(True, limiter=False)
    memory, frames = rig.memory, 200_000
    slot = rig.attach(0, 64, 400)
    clock = start(CLOCK, memory.path, str(frames))
    try:
        expected = np.arange(64, dtype=np.float32)
        while memory.position < frames:
            if not slot.wait(10):
                break
            block = slot.read()
            expected_now = (expected + slot.next) % 4096 / 4096
            np.testing.assert_array_equal(block[:, 0], expected_now)
            np.testing.assert_array_equal(block[:, 1], -expected_now)
            slot.write(block)
    finally:
        end(clock)
    assert memory.position >= frames
    last = np.arange(memory.position - 50_000, memory.position)
    heard = memory.heard[last & memory.mask]
    np.testing.assert_array_equal(heard[:, 0], (last - 400) % 4096 / np.float32(4096))
    np.testing.assert_array_equal(heard[:, 1], -heard[:, 0])
    assert rig.strip.slot_counters(0).skipped == 0


# -- values --------------------------------------------------------------------------------
def test_values_arrive_together_and_once() -> None:
    with AudioMemory.create(48000) as memory:
        writer, reader = Values(memory, 1), Values(AudioMemory.attach(memory.path), 1)
        assert reader.read() == []
        assert reader.read() is None
        writer.write([1, 2, 3])
        writer.write({1: 5.5})
        assert reader.read() == [1, 5.5, 3]
        assert reader.read() is None
        assert Values(memory, 0).read() == []
        memory.header.slot[1].values_sequence += 1  # being written
        assert reader.read() is None
        writer.write({0: 9})  # the writer was killed half way; the next one goes on
        assert reader.read() == [9, 5.5, 3]
        with pytest.raises(LiveError, match="256 values"):
            writer.write({constant("PARAMETERS"): 1})
        with pytest.raises(LiveError, match="256 values"):
            writer.write({-1: 1})


VALUES = """
import sys
from torchbend.realtime.audio import AudioMemory, Values
values = Values(AudioMemory.attach(sys.argv[1]), 0)
number = 0
print("ready", flush=True)
while True:
    number += 1
    values.write([number] * 64)
"""


def test_a_reader_never_sees_half_of_a_change() -> None:
    with AudioMemory.create(48000) as memory:
        writer = start(VALUES, memory.path)
        try:
            reader, seen, last = Values(memory, 0), 0, 0.0
            give_up = time.monotonic() + 20
            while seen < 500 and time.monotonic() < give_up:
                values = reader.read()
                if values:
                    assert values == values[:1] * 64
                    assert values[0] > last
                    seen, last = seen + 1, values[0]
        finally:
            end(writer)
        assert seen == 500


def test_the_latency_of_the_formula_serves_a_worker(native: bool) -> None:
    rig = Rig(native)
    rig.attach(0, 96, latency_frames(96, 64, 1), level=0)
    for turn in range(40):
        rig.block(noise(64))
        rig.work()
        if turn == 5:
            rig.strip.fade({0: 1}, seconds=0)
    assert rig.strip.counters().underruns == 0
