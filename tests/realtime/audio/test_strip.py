"""The strip: gains, gate, limiter, DC block, guards, meters; each against its own formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from audio_support import RATE, Rig, delayed, noise

from torchbend.errors import LiveError
from torchbend.realtime.audio import AudioMemory, Strip
from torchbend.realtime.audio.memory import Frames
from torchbend.realtime.audio.strip import PARAMETERS

RAMP = 100


def ramp(start: float, end: float, length: int) -> np.ndarray:
    return start + (end - start) * np.minimum(np.arange(1, length + 1), RAMP)[:, None] / RAMP


def steady(value: float, frames: int = 512, channels: int = 2) -> Frames:
    return np.full((frames, channels), value, np.float32)


def tone(hertz: float, frames: int, peak: float = 0.5) -> Frames:
    wave = peak * np.sin(2 * np.pi * hertz * np.arange(frames) / RATE)
    return np.stack([wave, wave], axis=1).astype(np.float32)


# -- gains ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["input_gain", "output_gain"])
@pytest.mark.parametrize("block", [1, 64, 512])
def test_gains_go_sample_by_sample(name: str, block: int, native: bool) -> None:
    rig = Rig(native, mix=0)
    rig.play(steady(0.25), 64)
    rig.strip.set(**{name: 2})
    heard = rig.play(steady(0.25), block)
    np.testing.assert_allclose(heard, 0.25 * ramp(1, 2, 512) + 0 * heard, atol=1e-6)
    assert (heard[RAMP:] == 0.5).all()


def test_a_gain_that_turns_back_half_way_does_not_jump(native: bool) -> None:
    rig = Rig(native, mix=0)
    rig.play(steady(0.25), 64)
    rig.strip.set(output_gain=3)
    there = rig.play(steady(0.25, RAMP // 2), RAMP // 2)
    assert there[-1, 0] == pytest.approx(0.5)
    rig.strip.set(output_gain=0)
    back = rig.play(steady(0.25), 64)
    np.testing.assert_allclose(back, 0.25 * ramp(2, 0, 512) + 0 * back, atol=1e-6)


def test_mix_ramps_between_dry_and_wet(native: bool) -> None:
    rig = Rig(native, mix=1)
    rig.attach(0, 64, 64, lambda x: -x)
    rig.play(steady(0.25), 64)
    rig.strip.set(mix=0)
    heard = rig.play(steady(0.25), 64)
    np.testing.assert_allclose(heard, 0.25 * ramp(-1, 1, 512) + 0 * heard, atol=1e-6)


@pytest.mark.parametrize("width", [0, 0.5, 2])
def test_width_moves_the_side_of_the_wet_sound(width: float, native: bool) -> None:
    rig = Rig(native, outputs=3, inputs=3, limiter=False)
    rig.attach(0, 64, 64)
    sound = noise(2048, 3)
    before = rig.play(sound[:1024], 64)
    np.testing.assert_array_equal(before[64 + 240 :], delayed(sound, 64)[64 + 240 : 1024])
    rig.strip.set(width=width)
    heard = rig.play(sound[1024:], 64)
    x = delayed(sound, 64)[1024:].astype(np.float64)
    part = ramp(1, width, 1024)[:, 0]
    # Left and right by their shares of one another: at 0 the mean of both.
    own, other = (1 + part) / 2, (1 - part) / 2
    expected = np.stack(
        [own * x[:, 0] + other * x[:, 1], own * x[:, 1] + other * x[:, 0], x[:, 2]], axis=1
    )
    np.testing.assert_allclose(heard, expected, atol=1e-6)
    rig.strip.set(width=1)
    rig.play(sound[:128], 64)
    again = rig.play(sound, 64)
    np.testing.assert_array_equal(again[64:], sound[:-64])


def test_width_leaves_dry_and_mono_alone(native: bool) -> None:
    sound = noise(640)
    rig = Rig(native, mix=0, width=0)
    np.testing.assert_array_equal(rig.play(sound, 64), sound)
    rig = Rig(native, mix=1, width=0, inputs=1, outputs=1)
    rig.attach(0, 64, 64)
    heard = rig.play(sound[:, :1], 64)
    np.testing.assert_array_equal(heard[304:], sound[240:-64, :1])


def test_bypass_is_what_came_in_at_the_same_latency(native: bool) -> None:
    rig = Rig(native, input_gain=0.5, output_gain=0.5, gate=0.9, delay=64)
    rig.attach(0, 64, 64)
    sound = noise(2048)
    assert not rig.play(sound[:1024], 64)[RATE // 10 :].any()
    rig.strip.set(bypass=True)
    heard = rig.play(sound[1024:], 64)
    np.testing.assert_array_equal(heard[RAMP:], delayed(sound, 64)[1024 + RAMP :])


def test_panic_fades_to_silence_and_back(native: bool) -> None:
    rig = Rig(native, mix=0)
    rig.play(steady(0.25), 64)
    rig.strip.set(panic=True)
    heard = rig.play(steady(0.25), 64)
    np.testing.assert_allclose(heard, 0.25 * ramp(1, 0, 512) + 0 * heard, atol=1e-6)
    assert not heard[RAMP:].any()
    rig.strip.set(panic=False)
    heard = rig.play(steady(0.25), 64)
    np.testing.assert_allclose(heard, 0.25 * ramp(0, 1, 512) + 0 * heard, atol=1e-6)


# -- guards --------------------------------------------------------------------------------
def test_what_is_not_finite_is_cleaned_on_its_way_in(native: bool) -> None:
    rig = Rig(native, mix=0)
    sound = noise(256)
    sound[10, 0], sound[11, 1], sound[12, 0] = np.nan, np.inf, -np.inf
    heard = rig.play(sound, 64)
    clean = np.nan_to_num(sound, nan=0, posinf=0, neginf=0)
    np.testing.assert_array_equal(heard, clean)
    np.testing.assert_array_equal(rig.memory.bus[:256], clean)
    assert rig.strip.counters().bad_inputs == 3


def test_what_is_not_finite_is_cleaned_on_its_way_out(native: bool) -> None:
    rig = Rig(native, dc_block=True)

    def spoil(sound: Frames) -> Frames:
        sound = sound.copy()
        sound[5] = np.nan, np.inf
        return sound

    rig.attach(0, 64, 64, spoil)
    rig.attach(1, 64, 64)
    heard = rig.play(noise(640), 64)
    assert np.isfinite(heard).all()
    assert heard[-1].all()
    bad = [rig.strip.slot_counters(index).bad_samples for index in (0, 1)]
    assert bad == [2 * 9, 0]


def test_a_sound_beyond_all_measure_does_not_stay(native: bool) -> None:
    rig = Rig(native, limiter=False, dc_block=True, output_gain=16)
    huge = np.full((64, 2), 3e38, np.float32)
    plays = [huge, np.zeros_like(huge)]
    rig.attach(0, 64, 64, lambda x: plays[rig.memory.position > 640])
    heard = rig.play(steady(0, 48000), 64)
    assert np.isfinite(heard).all()
    assert rig.strip.counters().bad_outputs > 0
    assert np.abs(heard[24000:]).max() < 1e-3 * np.abs(heard).max()


def test_a_gain_that_is_no_number_is_forgotten(native: bool) -> None:
    """The strip refuses such a gain; this one is written past it."""
    rig = Rig(native, mix=0, dc_block=True)
    rig.memory.header.parameters.output_gain = math.nan
    assert not rig.play(steady(0.25), 64)[RAMP:].any()
    rig.strip.set(output_gain=1, dc_block=False)
    rig.play(steady(0.25), 64)
    sound = noise(512)
    np.testing.assert_array_equal(rig.play(sound, 64), sound)


# -- limiter, DC, gate -----------------------------------------------------------------------
def test_the_limiter_holds_the_ceiling_and_lets_go(native: bool) -> None:
    rig = Rig(native, mix=0, ceiling=0.5)
    sound = noise(4800, peak=0.4)
    sound[1000:1100] *= 5
    heard = rig.play(sound, 100)
    assert np.abs(heard).max() <= 0.5 + 1e-7
    np.testing.assert_array_equal(heard[:1000], sound[:1000])
    # An independent reckoning: the gain gets 1/e nearer to 1 in each 80 ms.
    reduction, expected = 0.0, []
    for frame in sound:
        loudest = float(np.abs(frame).max())  # newer numpy would go on in single precision
        reduction = max(reduction * math.exp(-1 / 3840), 1 - 0.5 / max(0.5, loudest))
        expected.append(frame * (1 - reduction))
    np.testing.assert_allclose(heard, expected, atol=1e-6)
    assert rig.strip.counters().limited_frames > 20
    assert rig.strip.meters().reduction == pytest.approx(reduction)


def test_without_the_limiter_nothing_is_touched(native: bool) -> None:
    rig = Rig(native, mix=0, limiter=False)
    sound = noise(256, peak=3)
    np.testing.assert_array_equal(rig.play(sound, 64), sound)


def test_the_dc_block_takes_dc_and_leaves_the_bass(native: bool) -> None:
    rig = Rig(native, mix=0)
    rig.strip.set(dc_block=True)
    heard = rig.play(steady(0.5, RATE // 2), 256)
    assert abs(heard[-1, 0]) < 0.5e-3 * 0.5
    bass = tone(40, RATE)
    heard = rig.play(bass, 256)[RATE // 2 :]
    assert np.abs(heard).max() == pytest.approx(np.abs(bass).max(), rel=0.03)
    assert abs(heard.mean()) < 1e-3


def test_the_gate_shuts_what_is_soft_and_opens_for_what_is_loud(native: bool) -> None:
    rig = Rig(native, mix=0, gate=0.1)
    soft, loud = tone(1000, RATE, 0.04), tone(1000, RATE // 4, 0.5)
    assert not rig.play(soft, 256)[RATE // 2 :].any()
    heard = rig.play(loud, 256)
    np.testing.assert_array_equal(heard[RATE // 100 :], loud[RATE // 100 :])
    after = rig.play(soft, 256)
    assert not after[RATE // 2 :].any()
    assert np.abs(np.diff(after[:, 0])).max() < 1.1 * np.abs(np.diff(soft[:, 0])).max()


def test_the_gate_goes_by_its_own_reckoning(native: bool) -> None:
    """Opens at 0.2 in 2 ms, closes under 0.1 in 50 ms; the envelope falls to 1/e in 50 ms."""
    rig = Rig(native, mix=0, gate=0.2)
    levels = np.repeat([0.02, 0.15, 0.25, 0.15, 0.02, 0.25], 9600)
    sound = noise(len(levels), 2, peak=1) * levels[:, None].astype(np.float32)
    heard = rig.play(sound, 480)
    envelope, is_open, gain, gains = 0.0, True, 1.0, []
    for peak in np.abs(sound).max(axis=1):
        envelope = max(float(peak), envelope * math.exp(-1 / 2400))
        is_open = envelope >= 0.2 or (is_open and envelope >= 0.1)
        gain = min(1, gain + 1 / 96) if is_open else max(0, gain - 1 / 2400)
        gains.append(gain)
    assert min(gains) == 0
    np.testing.assert_allclose(heard, sound * np.array(gains)[:, None], atol=1e-6)


def test_what_workers_read_has_gone_through_the_gain(native: bool) -> None:
    rig = Rig(native, input_gain=2)
    sound = noise(256)
    rig.play(sound, 64)
    np.testing.assert_array_equal(rig.memory.captured[:256], sound)
    np.testing.assert_array_equal(rig.memory.bus[:256], 2 * sound)


# -- meters and counters ---------------------------------------------------------------------
def test_meters_show_peak_and_rms(native: bool) -> None:
    rig = Rig(native, mix=0, output_gain=0.5)
    rig.play(tone(480, 3 * RATE), 256)
    meters = rig.strip.meters()
    assert meters.input_peak == pytest.approx((0.5, 0.5), rel=1e-3)
    assert meters.input_rms == pytest.approx((0.5 / math.sqrt(2),) * 2, rel=1e-2)
    assert meters.output_peak == pytest.approx((0.25, 0.25), rel=1e-3)
    assert meters.output_rms == pytest.approx((0.25 / math.sqrt(2),) * 2, rel=1e-2)
    rig.play(steady(0, RATE // 2), 250)
    assert rig.strip.meters().input_peak[0] == pytest.approx(0.5 / math.e, rel=1e-2)


def test_xruns_are_counted_as_portaudio_flags_them(native: bool) -> None:
    rig = Rig(native)
    for flags in (0, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 15, 16):
        rig.block(noise(8), flags=flags)
    counters = rig.strip.counters()
    kinds = (counters.input_underflows, counters.input_overflows)
    assert (*kinds, counters.output_underflows, counters.output_overflows) == (2, 3, 4, 5)
    assert counters.xruns == 14
    assert counters.blocks == 13
    assert counters.block_frames == 8
    assert 0 < counters.busy_ns_most <= counters.busy_ns


# -- the device's channels -------------------------------------------------------------------
def test_channels_are_taken_and_given_as_mapped(native: bool) -> None:
    rig = Rig(native, mix=0)
    rig.memory.set_device(4, 3, [3, -1], [2, 0])
    sound = noise(64, 4)
    heard = rig.block(sound)
    np.testing.assert_array_equal(heard[:, 2], sound[:, 3])
    assert not heard[:, :2].any()
    rig.memory.set_device(4, 3, [3, -1], [-1, 0])
    heard = rig.block(sound)
    assert not heard.any()
    rig.memory.set_device(4, 3, [3, 1], [-1, 0])
    heard = rig.block(sound)
    np.testing.assert_array_equal(heard[:, 0], sound[:, 1])
    assert not heard[:, 1:].any()
    with pytest.raises(LiveError, match="from 0 to 2, or -1"):
        rig.memory.set_device(4, 3, None, [0, 3])


def test_the_source_may_be_nothing(native: bool) -> None:
    rig = Rig(native, mix=0, source="none")
    assert not rig.play(noise(64), 64).any()


# -- setting ---------------------------------------------------------------------------------
def test_while_parameters_are_being_written_the_old_ones_hold(native: bool) -> None:
    rig = Rig(native, mix=0)
    rig.block(steady(0.25))
    rig.memory.header.parameters_sequence += 1
    rig.memory.header.parameters.output_gain = 0
    assert (rig.block(steady(0.25)) == 0.25).all()
    rig.memory.header.parameters_sequence += 1
    assert not rig.block(steady(0.25))[RAMP:].any()


def test_a_writer_that_was_killed_half_way_is_no_obstacle(native: bool) -> None:
    rig = Rig(native)
    rig.memory.header.parameters_sequence += 1
    Strip(rig.memory).set(mix=0, ramp_frames=0, dc_block=False)
    assert (rig.block(steady(0.25))[-1] == 0.25).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 17])
def test_values_out_of_range_change_nothing(value: float) -> None:
    with AudioMemory.create(RATE) as memory:
        strip = Strip(memory)
        with pytest.raises(LiveError, match="from 0 to 16"):
            strip.set(mix=0.5, output_gain=value)
        assert strip.get("mix") == 1


def test_wrong_names_are_told_the_right_ones() -> None:
    with AudioMemory.create(RATE) as memory:
        strip = Strip(memory)
        with pytest.raises(LiveError, match="'output_gain'"):
            strip.set(output_gian=1)
        with pytest.raises(LiveError, match="'dry'"):
            strip.set(late="drye")
        with pytest.raises(LiveError, match="slots 0 to 3"):
            strip.fade({0: 0.5, 4: 1}, seconds=1)
        with pytest.raises(LiveError, match="'power'"):
            strip.fade({0: 1}, seconds=1, curve="powr")
        with pytest.raises(LiveError, match="600 seconds"):
            strip.fade({0: 1}, seconds=math.nan)
        with pytest.raises(LiveError, match="goes from 0 to"):
            strip.set(delay=memory.capacity)
        assert memory.header.parameters.slot[0].level == 0


def test_every_parameter_starts_at_its_default() -> None:
    with AudioMemory.create(RATE) as memory:
        strip = Strip(memory)
        for name, parameter in PARAMETERS.items():
            assert strip.get(name) == pytest.approx(parameter.default)
