"""A knob of the live host: how soon it is heard, and that it does not click."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from audio_support import RATE
from control_support import Surface
from host_support import playing, until
from small_file import INFO, small_file
from torch import nn

import torchbend as tb
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


def move(session, address, value):
    """Move a knob while it sounds.

    Returns:
        How far above the steady states before and after it was, in dB of the peak; and by how
        much these differ.
    """
    memory = session.host.memory
    before = session.heard_now(6000)[:, 0]
    start = memory.position
    session.host.set(address, value)
    frames = session.latency + 24 * 512
    until(lambda: memory.position > start + frames)
    moving = copy_frames(memory.heard, start, frames)[:, 0]
    after = session.heard_now(6000)[:, 0]
    steady = max(energy_by_window(before).max(), energy_by_window(after).max())
    excess = max(0.0, energy_by_window(moving).max() - steady)
    peak = max(np.abs(each).max() for each in (before, moving, after))
    return decibels(np.sqrt(excess) / peak), abs(np.std(before) - np.std(after))


@pytest.mark.parametrize(
    ("knobs", "limit_db"), [("cross-fade", -60), pytest.param("steps", -40, marks=pytest.mark.slow)]
)
def test_a_weight_that_jumps_does_not_click(echo_file, tmp_path, knobs, limit_db):
    """From one end of its range to the other and back, against both steady states."""
    settings = {"input": tone(RATE // 2), "model_block": 512, "knobs": knobs}
    with playing(echo_file, tmp_path, **settings) as session:
        session.heard_now(24000)  # until it has been faded in
        found = [move(session, "haze", value) for value in (1.0, 0.0, 1.0, 0.0)]
        (model,) = session.status.models
    print(f"{knobs}: clicks {[round(click) for click, _ in found]} dB")  # noqa: T201
    assert model.knobs == knobs and model.late_blocks == 0
    assert min(differ for _, differ in found) > 0.01, "the knob did nothing"
    assert max(click for click, _ in found) < limit_db


class Tube(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.near, self.far = nn.Conv1d(1, 4, 1), nn.Conv1d(4, 1, 1)

    def forward(self, x):
        return self.far(torch.tanh(self.near(x)))


def bent_tube(folder):
    """A bend of each kind: computed twice to fade, with a memory, a gain, a weight that jumps."""
    bended = tb.BendedModule(Tube().eval())
    bended.trace("forward", torch.zeros(1, 1, 64))
    bended.bend(tb.Bend(tb.Scale(0.4), name="push"), "tanh")
    half = tb.BendingParameter("comb_amount", 0.5, range=[0.0, 1.0], clamp=True)
    bended.bend(tb.Bend(tb.Delay(37), half, name="comb"), "tanh")
    bended.bend(tb.Bend(tb.Scale(0.5), name="soft"), "far.weight")
    bended.bend(tb.Bend(tb.Normal(2.0, seed=1), name="haze"), "near.weight")
    bended.export(folder / "tube.ts", check=False, patches=False)
    return folder / "tube.ts"


@pytest.mark.parametrize(("knobs", "limit_db"), [("cross-fade", -60), ("steps", -40)])
def test_the_amounts_and_switches_of_bends_do_not_click(tmp_path, knobs, limit_db):
    settings = {"input": tone(RATE // 2), "model_block": 512, "knobs": knobs}
    moves = {
        "push/amount": (0.0, 1.0),
        "push/bypass": (True, False),
        "comb/amount": (0.0, 0.5),
        "comb/bypass": (True, False),
        "comb/solo": (True, False),
        "soft/amount": (0.0, 1.0),
        "soft/bypass": (True, False),
        "haze/amount": (0.0, 1.0),
        "haze/bypass": (True, False),
        "haze/solo": (True, False),
    }
    with playing(bent_tube(tmp_path), tmp_path, **settings) as session:
        session.heard_now(24000)
        found = {
            f"{name} {value:g}": move(session, name, value)
            for name, values in moves.items()
            for value in values
        }
        (model,) = session.status.models
    told = ", ".join(f"{which}: {click:.0f}" for which, (click, _) in found.items())
    print(f"{knobs}: clicks in dB: {told}")  # noqa: T201
    assert model.late_blocks == 0
    for which, (click, differ) in found.items():
        assert differ > 0.004, which
        assert click < limit_db, which


def test_the_measure_of_clicks_finds_one():
    """The same jump, from one frame to the next."""
    sound = tone(12000)[:, 0] * np.where(np.arange(12000) < 6027, 1.0, 0.5)
    steady = energy_by_window(sound[:5000]).max()
    excess = energy_by_window(sound).max() - steady
    assert decibels(np.sqrt(excess) / 0.4) > -40


class Wire(nn.Module):
    def forward(self, x):
        return x * 1.0


def gain_file(folder):
    return small_file(folder / "gain.ts", {"forward": GAIN}, ours=INFO)


def bent_wire(folder):
    """Half a unit is added by a bend that remembers, and an eighth is taken off by another."""
    bended = tb.BendedModule(Wire())
    bended.trace("forward", torch.zeros(1, 1, 64))
    bended.bend(tb.Bend(tb.Erode(4) >> tb.Bias(0.5), name="up"), "mul")
    bended.bend(tb.Bend(tb.Bias(-0.125), name="down"), "mul")
    bended.export(folder / "wire.ts", check=False, patches=False)
    return folder / "wire.ts"


@pytest.mark.parametrize(
    ("model", "address", "values", "levels"),
    [
        (gain_file, "/bend/gain", (2.0, 0.5), (0.5, 0.125)),
        (bent_wire, "/bend/up/amount", (0.0, 1.0), (0.125, 0.625)),
        (bent_wire, "/bend/up/bypass", (1, 0), (0.125, 0.625)),
        (bent_wire, "/bend/up/solo", (1, 0), (0.75, 0.625)),
    ],
)
def test_a_knob_is_heard_within_a_block_and_the_delay_of_the_ring(
    tmp_path, model, address, values, levels
):
    """From the moment when its message is sent, in frames of the clock, to the sound."""
    constant = np.full((4800, 1), 0.25, np.float32)
    settings = {"input": constant, "model_block": BLOCK, "device_block": DEVICE_BLOCK}
    with playing(model(tmp_path), tmp_path, osc_port=0, **settings) as session:
        memory, latency = session.host.memory, session.latency
        took = []
        session.heard_now(24000)  # until it has been faded in
        with Surface(session.host.surface.osc.place) as knobs:
            for value, level in [*zip(values, levels, strict=True)] * 6:
                before = session.heard_now(256)[-1, 0]
                start = memory.position
                knobs.send(address, value)
                until(lambda: memory.position > start + latency + 4 * BLOCK)  # noqa: B023
                heard = copy_frames(memory.heard, start, latency + 4 * BLOCK)[:, 0]
                assert heard[-1] == level
                took.append(int(np.flatnonzero(heard != before)[0]))
    took.sort()
    print(f"{address}: block {BLOCK}, ring {latency}: {took[0]} to {took[-1]}")  # noqa: T201
    # A knob is heard from the beginning of a block, of which most may have come before it.
    assert took[0] >= latency - BLOCK - DEVICE_BLOCK, "heard before a model could have played it"
    # Half of them, that is: the machine may be busy when a message is read.
    assert took[len(took) // 2] <= latency + BLOCK
