"""What the callback plays, sample by sample: delays, fades, and sound that comes late."""

from __future__ import annotations

import numpy as np
import pytest
from audio_support import FADE, Rig, delayed, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from torchbend.errors import LiveError
from torchbend.realtime.audio import is_native, latency_frames, play_block
from torchbend.realtime.audio.layout import constant

RAMP = 100  # frames, as the rig sets it


def toward(start: float, end: float, frames: int, length: int) -> np.ndarray:
    """A ramp from one value to another, and the rest."""
    steps = np.minimum(np.arange(1, length + 1), frames) / frames
    return (start + (end - start) * steps)[:, None]


def test_the_compiled_callback_is_there() -> None:
    assert is_native()


# -- latency -------------------------------------------------------------------------------
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize(
    ("block", "device_block"), [(1, 1), (64, 64), (128, 96), (100, 7), (7, 100), (2048, 256)]
)
def test_what_a_worker_made_is_heard_after_the_latency(
    block: int, device_block: int, channels: int, native: bool
) -> None:
    rig = Rig(native, inputs=channels, outputs=channels)
    latency = latency_frames(block, device_block, 1)
    rig.attach(0, block, latency, lambda x: x * np.float32(0.5))
    length = (4 * block + latency + FADE) // device_block * device_block + device_block
    sound = noise(length, channels)
    heard = rig.play(sound, device_block)
    expected = 0.5 * delayed(sound, latency)
    # It fades in from its first frame on, which is frame `latency`.
    shape = np.clip((np.arange(length) - latency + 1) / FADE, 0, 1)[:, None]
    np.testing.assert_allclose(heard, expected * shape, atol=1e-6)
    np.testing.assert_array_equal(heard[latency + FADE :], expected[latency + FADE :])
    np.testing.assert_array_equal(rig.memory.heard[:length], heard)


@pytest.mark.parametrize("granted", [1, 2])
@pytest.mark.parametrize(("block", "device_block"), [(64, 64), (128, 96), (100, 7), (7, 100)])
def test_the_latency_is_the_least_that_never_runs_dry(
    block: int, device_block: int, granted: int
) -> None:
    """The worker takes ``granted`` device blocks for its computation, brute force."""
    for shorter, dry in [(0, False), (1, True)]:
        rig = Rig(True)
        latency = latency_frames(block, device_block, granted) - shorter
        slot = rig.attach(0, block, latency, level=0)
        ready: list[int] = []  # after each device block: how many blocks could be read by then
        for turn in range(3 * block + 20):
            rig.block(noise(device_block))
            ready.append(rig.memory.position // block)
            while turn >= granted - 1 and slot.next < ready[turn - granted + 1] * block:
                slot.write(np.zeros((block, 2), np.float32))
            if rig.memory.position >= latency:
                rig.strip.fade({0: 1}, seconds=0)
        assert (rig.strip.counters().underruns > 0) == dry


@settings(max_examples=25)
@given(
    block=st.integers(1, 300),
    sizes=st.lists(st.integers(0, 200), min_size=30, max_size=60),
    native=st.booleans(),
)
def test_a_device_may_change_its_block_at_any_time(
    block: int, sizes: list[int], native: bool
) -> None:
    rig = Rig(native)
    latency = block - 1 + max(sizes)
    rig.attach(0, block, latency)
    sound, heard, at = noise(sum(sizes)), [], 0
    for size in sizes:
        heard.append(rig.block(sound[at : at + size]))
        rig.work()
        at += size
    played = np.concatenate(heard)
    fixed = slice(latency + FADE, None)
    np.testing.assert_array_equal(played[fixed], delayed(sound, latency)[fixed])


@pytest.mark.parametrize("extra", [-1, 0, 1, 8192])
def test_a_block_beyond_all_measure_is_played_in_parts(extra: int, native: bool) -> None:
    rig = Rig(native, mix=0, delay=33)
    sound = noise(constant("MOST_FRAMES") + extra)
    np.testing.assert_array_equal(rig.block(sound), delayed(sound, 33))
    assert rig.strip.counters().blocks == 1


# -- late ----------------------------------------------------------------------------------
@pytest.mark.parametrize("late", ["silent", "dry"])
@pytest.mark.parametrize("away", [1, 3, 10])
def test_a_late_worker_fades_out_and_comes_back_in_its_place(
    away: int, late: str, native: bool
) -> None:
    block, latency, turns = 64, 128, 40
    rig = Rig(native, late=late, delay=latency)
    slot = rig.attach(0, block, latency, lambda x: -x)
    sound = noise(block * turns)
    stop, heard = 20, []
    for turn in range(turns):
        heard.append(rig.block(sound[turn * block : (turn + 1) * block]))
        if not stop <= turn < stop + away:
            rig.work()
    # In turn t the blocks up to t - 1 are done, and block t - 2 is heard: one may be missed.
    missing = range((stop + 1 + 1) * block, (stop + away + 1) * block)
    expected, steps, fading, last = np.zeros_like(sound, np.float64), 0, False, np.zeros(2)
    dry = delayed(sound, latency).astype(np.float64)
    for p in range(len(sound)):
        there = p >= latency and p not in missing
        # A fade goes to its end, from the last frame before the gap, even if sound comes again.
        fading = not there or (fading and steps > 0)
        steps = max(0, steps - 1) if fading else min(FADE, steps + 1)
        last = last if fading else -dry[p]
        presence = steps / FADE
        expected[p] = presence * last + (late == "dry") * (1 - presence) * dry[p]
    np.testing.assert_allclose(np.concatenate(heard), expected, atol=1e-6)
    counters = rig.strip.counters()
    # The slot was audible before its first frame had come, too.
    assert counters.underruns == away - 1 + latency // block
    slot_counters = rig.strip.slot_counters(0)
    assert slot_counters.late_frames == len(missing) + latency
    assert slot_counters.gaps == 1 + (away > 1)
    assert slot.behind == 0


@pytest.mark.parametrize("late", ["silent", "dry"])
@pytest.mark.parametrize(("block", "device_block"), [(64, 64), (96, 64), (64, 512)])
def test_no_gap_clicks_however_short(
    block: int, device_block: int, late: str, native: bool
) -> None:
    """A slow wave with gaps in it never moves faster than itself and the fade together."""
    rig = Rig(native, late=late, delay=device_block + block)
    rig.attach(0, block, device_block + block, lambda x: 0.8 * x)
    p = np.arange(48000)
    sound = np.repeat(0.5 * np.cos(2 * np.pi * p / 4800), 2).reshape(-1, 2).astype(np.float32)
    rng, heard = np.random.default_rng(0), []
    for start in range(0, len(sound) - device_block, device_block):
        heard.append(rig.block(sound[start : start + device_block]))
        if rng.random() < 0.7:
            rig.work()
    assert rig.strip.slot_counters(0).gaps > 5
    steepest = 0.5 * 2 * np.pi / 4800 + 0.5 / FADE
    fixed = slice(device_block + block + FADE, None)  # the dry sound begins at once
    assert np.abs(np.diff(np.concatenate(heard)[fixed], axis=0)).max() <= 1.01 * steepest


def test_a_gap_is_counted_once_and_only_where_it_would_be_heard(native: bool) -> None:
    rig = Rig(native)
    slot = rig.attach(0, 64, 0, level=0)
    counts = []
    for turn in range(12):
        if turn == 2:
            rig.strip.fade({0: 1}, seconds=0)  # frames 128 to 319 are not there: one gap
        if turn == 5:
            slot.memory.header.slot[0].valid_until = 6 * 64  # and 384 to 767: another
        rig.block(noise(64))
        counts.append(rig.strip.slot_counters(0).gaps)
    assert counts == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]
    assert rig.strip.slot_counters(0).late_blocks == 3 + 6


def test_a_slot_that_is_not_heard_is_never_late(native: bool) -> None:
    rig = Rig(native)
    rig.attach(0, 64, 0, level=0)
    rig.block(noise(640))
    assert rig.strip.counters().underruns == 0


def test_a_worker_that_left_is_silent(native: bool) -> None:
    rig = Rig(native)
    slot = rig.attach(0, 64, 128)
    sound = noise(64 * 20)
    rig.play(sound, 64)
    slot.detach()
    del rig.workers[0]
    assert not rig.play(sound, 64)[FADE:].any()


# -- slots ---------------------------------------------------------------------------------
@pytest.mark.parametrize("curve", ["linear", "power"])
def test_two_slots_cross_fade(curve: str, native: bool) -> None:
    rig = Rig(native)
    one = np.full((64, 2), 0.25, np.float32)
    rig.attach(0, 64, 64, lambda x: one)
    rig.attach(1, 64, 64, lambda x: -2 * one, level=0)
    silence = np.zeros((64 * 10, 2), np.float32)
    rig.play(silence, 64)
    frames = 480
    rig.strip.fade({0: 0, 1: 1}, seconds=frames / 48000, curve=curve)
    heard = rig.play(silence, 64)
    x = np.minimum(np.arange(1, 641), frames)[:, None] / frames
    if curve == "power":
        expected = 0.25 * np.cos(np.pi / 2 * x) - 0.5 * np.sin(np.pi / 2 * x)
    else:
        expected = 0.25 * (1 - x) - 0.5 * x
    np.testing.assert_allclose(heard, np.broadcast_to(expected, heard.shape), atol=1e-6)
    assert rig.strip.counters().underruns == 1  # before the first frame of slot 0


def test_all_slots_are_heard_together(native: bool) -> None:
    rig = Rig(native, limiter=False)
    for index in range(4):
        rig.attach(index, 32, 32, lambda x, i=index: x * np.float32(i + 1))
    sound = noise(640)
    heard = rig.play(sound, 32)
    np.testing.assert_allclose(heard[FADE + 32 :], 10 * delayed(sound, 32)[FADE + 32 :], rtol=1e-6)


# -- the dry path --------------------------------------------------------------------------
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (2, 2), (1, 3), (3, 2), (2, 4), (0, 2)])
def test_dry_is_delayed_exactly(inputs: int, outputs: int, native: bool) -> None:
    rig = Rig(native, inputs=inputs, outputs=outputs, mix=0, delay=77)
    sound = noise(640, inputs)
    wide = np.zeros((640, outputs), np.float32)
    if inputs == 1:
        wide[:] = sound  # mono is heard on every channel
    else:
        both = min(inputs, outputs)
        wide[:, :both] = sound[:, :both]
    np.testing.assert_array_equal(rig.play(sound, 64), delayed(wide, 77))


def test_wet_and_dry_of_a_neutral_model_are_the_same_sound(native: bool) -> None:
    rig = Rig(native, mix=0.3, delay=128)
    rig.attach(0, 64, 128)
    sound = noise(2048)
    fixed = slice(128 + FADE, None)
    heard = rig.play(sound, 64)
    np.testing.assert_allclose(heard[fixed], delayed(sound, 128)[fixed], atol=1e-6)


def test_another_delay_is_faded_to(native: bool) -> None:
    rig = Rig(native, mix=0, delay=10)
    sound = noise(1280)
    rig.play(sound[:640], 64)
    rig.strip.set(delay=50)
    heard = rig.play(sound[640:], 64)
    x = toward(0, 1, RAMP, 640)
    expected = (x * delayed(sound, 50)[640:]) + (1 - x) * delayed(sound, 10)[640:]
    np.testing.assert_allclose(heard, expected, atol=1e-6)


def test_a_delay_that_changes_during_a_fade_waits_for_its_end(native: bool) -> None:
    rig = Rig(native, mix=0, delay=10)
    sound = noise(1280)
    heard = rig.play(sound[:640], 64)
    rig.strip.set(delay=50)
    heard = np.concatenate([heard, rig.play(sound[640:704], 64)])
    rig.strip.set(delay=90)
    heard = np.concatenate([heard, rig.play(sound[704:], 64)])
    # The first fade is from 640 to 740; the block after that begins at 768.
    one, two = np.zeros((1280, 1)), np.zeros((1280, 1))
    one[640:], two[768:] = toward(0, 1, RAMP, 640), toward(0, 1, RAMP, 512)
    expected = (1 - one) * delayed(sound, 10) + one * (1 - two) * delayed(sound, 50)
    expected += one * two * delayed(sound, 90)
    np.testing.assert_allclose(heard, expected, atol=1e-6)


# -- bad calls -----------------------------------------------------------------------------
def test_a_call_by_hand_is_checked(native: bool) -> None:
    rig = Rig(native)
    with pytest.raises(LiveError, match="2 channels"):
        rig.block(noise(10, 3))
    with pytest.raises(LiveError, match="how many frames"):
        play_block(rig.memory)
    with pytest.raises(LiveError, match="how many frames"):
        play_block(rig.memory, noise(10), 11)
    assert play_block(rig.memory, frames=5, use_native=native).shape == (5, 2)
    assert rig.memory.position == 5
