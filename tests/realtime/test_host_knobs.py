"""A knob of the live host: how soon it is heard, and that it does not click."""

from __future__ import annotations

import numpy as np
import pytest
from audio_support import RATE
from control_support import Surface
from host_support import playing, until
from small_file import INFO, small_file

from torchbend.realtime.audio.memory import copy_frames

pytestmark = pytest.mark.slow

BLOCK, DEVICE_BLOCK = 2048, 256
GAIN = """
def forward(self, x: Tensor) -> Tensor:
    return x * self.gain
"""
CUTOFF = 6000.0


def above_cutoff(sound):
    """What is above 6 kHz, by a filter with linear phase, without the ends where it has less."""
    taps = 511
    at = np.arange(taps) - taps // 2
    low = np.sinc(2 * CUTOFF / RATE * at) * 2 * CUTOFF / RATE * np.blackman(taps)
    high = (at == 0) - low / low.sum()
    return np.convolve(sound, high, "valid")


def energy_by_window(sound, frames=256):
    """The mean energy above 6 kHz in each window."""
    high = above_cutoff(sound)
    high = high[: len(high) // frames * frames].reshape(-1, frames)
    return (high**2).mean(1)


def decibels(ratio):
    return 20 * np.log10(max(ratio, 1e-12))


def tone(frames, frequency=440.0):
    at = np.arange(frames)[:, None] / RATE
    return (0.4 * np.sin(2 * np.pi * frequency * at)).astype(np.float32)


@pytest.mark.parametrize(
    ("knobs", "limit_db"), [("cross-fade", -60), pytest.param("steps", -40, marks=pytest.mark.slow)]
)
def test_a_weight_that_jumps_does_not_click(echo_file, tmp_path, knobs, limit_db):
    """From one end of its range to the other and back, against both steady states."""
    settings = {"input": tone(RATE // 2), "model_block": 512, "knobs": knobs}
    with playing(echo_file, tmp_path, **settings) as session:
        memory, host = session.host.memory, session.host
        clicks, peaks, differ = [], [], []
        session.heard_now(24000)  # until it has been faded in
        for haze in (1.0, 0.0, 1.0, 0.0):
            before = session.heard_now(6000)[:, 0]
            start = memory.position
            host.set("haze", haze)
            frames = session.latency + 24 * 512
            until(lambda: memory.position > start + frames)  # noqa: B023
            moving = copy_frames(memory.heard, start, frames)[:, 0]
            after = session.heard_now(6000)[:, 0]
            steady = max(energy_by_window(before).max(), energy_by_window(after).max())
            excess = max(0.0, energy_by_window(moving).max() - steady)
            peaks.append(max(np.abs(each).max() for each in (before, moving, after)))
            clicks.append(decibels(np.sqrt(excess) / peaks[-1]))
            differ.append(abs(np.abs(before).max() - np.abs(after).max()))
        (model,) = session.status.models
    print(f"{knobs}: clicks {[round(c) for c in clicks]} dB")  # noqa: T201
    assert model.knobs == knobs and model.late_blocks == 0
    assert min(differ) > 0.01, "the knob did nothing"
    assert max(clicks) < limit_db


def test_the_measure_of_clicks_finds_one():
    """The same jump, from one frame to the next."""
    sound = tone(12000)[:, 0] * np.where(np.arange(12000) < 6027, 1.0, 0.5)
    steady = energy_by_window(sound[:5000]).max()
    excess = energy_by_window(sound).max() - steady
    assert decibels(np.sqrt(excess) / 0.4) > -40


def test_a_knob_is_heard_within_a_block_and_the_delay_of_the_ring(tmp_path):
    """From the moment when its message is sent, in frames of the clock, to the sound."""
    model = small_file(tmp_path / "gain.ts", {"forward": GAIN}, ours=INFO)
    constant = np.full((4800, 1), 0.25, np.float32)
    settings = {"input": constant, "model_block": BLOCK, "device_block": DEVICE_BLOCK}
    with playing(model, tmp_path, osc_port=0, **settings) as session:
        memory, latency = session.host.memory, session.latency
        took = []
        session.heard_now(24000)  # until it has been faded in
        with Surface(session.host.surface.osc.place) as knobs:
            for gain in (2.0, 0.5) * 6:
                before = session.heard_now(256)[-1, 0]
                start = memory.position
                knobs.send("/bend/gain", gain)
                until(lambda: memory.position > start + latency + 4 * BLOCK)  # noqa: B023
                heard = copy_frames(memory.heard, start, latency + 4 * BLOCK)[:, 0]
                assert heard[-1] == gain / 4
                took.append(int(np.flatnonzero(heard != before)[0]))
    took.sort()
    print(f"block {BLOCK}, ring {latency}: {took[0]} to {took[-1]}")  # noqa: T201
    # A knob is heard from the beginning of a block, of which most may have come before it.
    assert took[0] >= latency - BLOCK - DEVICE_BLOCK, "heard before a model could have played it"
    # Half of them, that is: the machine may be busy when a message is read.
    assert took[len(took) // 2] <= latency + BLOCK
