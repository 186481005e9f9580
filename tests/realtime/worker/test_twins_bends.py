"""Twins of files with bends that remember, and that glide by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import torchbend as tb
from torchbend.realtime.worker.chain import Chain, Step
from torchbend.realtime.worker.glides import Glides
from torchbend.realtime.worker.twins import Twins

BLOCK = 256
RATE = 48000


def noise(frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, 1, generator=generator) * 0.3


def twins_of(path, knobs="cross-fade"):
    twins = Twins(lambda: Chain([path], [Step(0, "forward")], block=BLOCK), RATE, knobs=knobs)
    twins.warm_up()
    return twins


def want(twins, **values):
    numbers = twins.layout.defaults()
    for place in twins.layout.places:
        numbers[place.start] = values.pop(place.attribute.name, numbers[place.start])
    assert not values
    twins.want(numbers)


def reference(path, x, **settings):
    """The file alone, by torch, with values that it has from the start."""
    module = torch.jit.load(str(path))
    for name, value in settings.items():
        assert getattr(module, f"set_{name}")(value) == 0
    with torch.inference_mode():
        return torch.cat([module.forward(b.T[None])[0].T.clone() for b in torch.split(x, BLOCK)])


def played(twins, x, start=0):
    blocks = torch.split(x, BLOCK)
    return torch.cat([twins.play(b, start + n * BLOCK) for n, b in enumerate(blocks)])


@pytest.mark.parametrize("knobs", ["cross-fade", pytest.param("steps", marks=pytest.mark.slow)])
def test_what_bends_remember_starts_from_silence(bends_file, knobs):
    """Warming up leaves nothing behind; nor does another copy that played before."""
    info = Chain([bends_file], [Step(0, "forward")]).nets[0].info
    assert sum("state_" in name for name in info.state) == 2
    x = noise(16 * BLOCK)
    for _ in range(2):
        assert torch.equal(played(twins_of(bends_file, knobs), x), reference(bends_file, x))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.near, self.far = nn.Conv1d(1, 4, 1), nn.Conv1d(4, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.far(torch.tanh(self.near(x)))


@pytest.mark.parametrize("source", ["module", pytest.param("file", marks=pytest.mark.slow)])
def test_both_copies_go_on_from_where_knobs_stood(tmp_path, source):
    """A gain, a bend's amount and a clip were moved long ago; then a weight jumps.

    The copy that rested then heard of it, and has not played since.
    """
    bended = tb.BendedModule(Net())
    bended.trace("forward", torch.rand(1, 1, 64))
    if source == "file":
        bended.export(tmp_path / "plain.ts", check=False, patches=False)
        bended = tb.load(tmp_path / "plain.ts")
    knob = tb.BendingParameter
    bended.bend(tb.Scale(knob("gain", 1.0)), "far.weight")
    bended.bend(tb.Bend(tb.Fold(0.2), name="fold"), "tanh$")
    bended.bend(tb.Bend(tb.Erode(4), name="worn"), "tanh$")
    bended.bend(tb.Bend(tb.Normal(0.3, seed=1), name="haze"), "near.weight")
    bended.export(path := tmp_path / "x.ts", check=False, patches=False)
    moved = {"gain": 0.25, "fold_amount": 0.0, "worn_bypass": 1}
    twins, x = twins_of(path), noise(10 * BLOCK)
    want(twins, **moved)
    twins.prepare(1.0)
    played(twins, x[: 4 * BLOCK])
    want(twins, **moved, haze_amount=0.0)
    twins.prepare(1.0)
    found = played(twins, x[4 * BLOCK :], 4 * BLOCK)
    old, new = reference(path, x, **moved), reference(path, x, **moved, haze_amount=0.0)
    old, new = old[4 * BLOCK :], new[4 * BLOCK :]
    ramp = torch.arange(1, BLOCK + 1)[:, None] / BLOCK
    faded = torch.lerp(old[:BLOCK], new[:BLOCK], ramp)
    assert (old[:BLOCK] - new[:BLOCK]).abs().max() > 0.001
    torch.testing.assert_close(found[:BLOCK], faded)
    assert torch.equal(found[BLOCK:], new[BLOCK:])


def test_no_sound_is_forgotten_where_bends_remember(bends_file):
    twins, x = twins_of(bends_file), noise(12 * BLOCK)
    broken = x[:BLOCK].clone()
    broken[-3:] = float("nan")  # in what the erosion and the delay remember
    played(twins, x)
    twins.play(broken, 12 * BLOCK)
    assert twins.bad_blocks == 1
    again = played(twins, x, 13 * BLOCK)
    assert twins.bad_blocks == 1
    rise = (torch.arange(1, BLOCK + 1) / 240).clamp(max=1)[:, None]
    fresh = reference(bends_file, x)
    torch.testing.assert_close(again[:BLOCK], fresh[:BLOCK] * rise)
    assert torch.equal(again[BLOCK:], fresh[BLOCK:])


@pytest.mark.parametrize("knobs", ["cross-fade", pytest.param("steps", marks=pytest.mark.slow)])
def test_the_account_plays_bends_the_same_again(bends_file, knobs):
    twins, x = twins_of(bends_file, knobs), noise(60 * BLOCK)
    twins.account, heard = [], []
    chance = np.random.default_rng(0)
    values = {place.attribute.name: place.attribute for place in twins.layout.places}
    state = {}
    for n, block in enumerate(torch.split(x, BLOCK)):
        if chance.random() < 0.6:
            name = str(chance.choice(list(values)))
            switch = values[name].kind == "bool"
            state[name] = int(chance.integers(2)) if switch else float(chance.random())
            want(twins, **state)
        if chance.random() < 0.6:
            twins.prepare(1.0)
        heard.append(twins.play(block, BLOCK * n))
    account = {position: (both, doings) for position, both, doings in twins.account}
    assert len(account) > 10
    assert any(both for both, _ in account.values()) == (knobs == "cross-fade")
    again = twins_of(bends_file, knobs)
    for n, block in enumerate(torch.split(x, BLOCK)):
        played_again = again.replay(block, BLOCK * n, *account.get(BLOCK * n, (False, [])))
        assert torch.equal(played_again, heard[n]), n


def test_files_of_others_have_no_glides():
    module = torch.jit.trace(nn.Tanh(), torch.zeros(1, 1, 8))
    glides = Glides(module)
    assert not glides._numbers and not glides._fades
    glides.rehearse()
    glides.take_over(Glides(module))
