"""Chains and twins: what comes out is what the files give, and knobs move without a click."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from torchbend.errors import LiveError
from torchbend.realtime.worker.chain import Chain, Step
from torchbend.realtime.worker.layout import ValueLayout, as_numbers, as_values
from torchbend.realtime.worker.twins import MOST_WAITING, STEP_COUNT, Twins

FORWARD = [Step(0, "forward")]


def noise(frames, channels=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, channels, generator=generator) * 0.3


def played(twins, x, start=0):
    blocks = torch.split(x, twins.block)
    return torch.cat([twins.play(b, start + n * twins.block) for n, b in enumerate(blocks)])


def reference(path, x, block, **settings):
    """The file alone, by torch."""
    module = torch.jit.load(str(path))
    for name, value in settings.items():
        assert getattr(module, f"set_{name}")(value) == 0
    with torch.inference_mode():
        blocks = [module.forward(b.T[None])[0].T.clone() for b in torch.split(x, block)]
    return torch.cat(blocks)


def twins_of(path, knobs="cross-fade", **options):
    twins = Twins(lambda: Chain([path], FORWARD, **options), 48000, knobs=knobs)
    twins.warm_up()
    return twins


def numbers_of(twins, **values):
    numbers = twins.layout.defaults()
    for place in twins.layout.places:
        if place.attribute.name in values:
            numbers[place.start] = values[place.attribute.name]
    return numbers


@pytest.mark.parametrize("knobs", ["cross-fade", "steps"])
@pytest.mark.parametrize("block", [64, 256])
def test_unmoved_is_the_file_bit_for_bit(echo_file, knobs, block):
    twins = twins_of(echo_file, knobs, block=block)
    x = noise(1024)
    assert torch.equal(played(twins, x), reference(echo_file, x, block))


def test_settled_values_are_those_of_the_file_bit_for_bit(echo_file):
    twins = twins_of(echo_file, block=64)
    twins.want(numbers_of(twins, gain=2.0, haze=0.5))
    twins.settle()
    x = noise(512)
    expected = reference(echo_file, x, 64, gain=2.0, haze=0.5)
    # The file glides to a new gain in its first block; here nobody had heard the old one.
    assert torch.equal(played(twins, x)[64:], expected[64:])


def test_a_weight_jump_is_a_cross_fade_of_both_from_the_same_state(echo_file):
    twins = twins_of(echo_file, block=64)
    x = noise(320)
    before, after = played(twins, x[:128]), None
    twins.want(numbers_of(twins, haze=0.7))
    assert twins.waiting
    twins.prepare(1.0)
    after = played(twins, x[128:], 128)
    old = reference(echo_file, x, 64)
    new = reference(echo_file, x, 64, haze=0.7)
    ramp = torch.arange(1, 65)[:, None] / 64
    # Its memory holds the sound that came in, which does not depend on the knob.
    assert torch.equal(before, old[:128])
    torch.testing.assert_close(after[:64], torch.lerp(old[128:192], new[128:192], ramp))
    assert torch.equal(after[64:], new[192:])


def test_a_knob_that_comes_back_comes_back(echo_file):
    twins = twins_of(echo_file, block=64)
    x = noise(64)
    start = played(twins, x)
    for value in (0.3, 0.9, 0.3, 0.0):
        twins.want(numbers_of(twins, haze=value))
        twins.prepare(1.0)
        twins.play(x, 0)
    now = played(twins, torch.cat([x, x]))[64:]
    twins_again = twins_of(echo_file, block=64)
    assert torch.equal(now, played(twins_again, torch.cat([x, x]))[64:])
    assert not torch.equal(start, torch.zeros_like(start))


def test_every_block_follows_a_knob_that_keeps_moving(echo_file):
    twins = twins_of(echo_file, block=64)
    x = noise(64)
    for n in range(1, 30):
        twins.want(numbers_of(twins, haze=n / 30))
        twins.prepare(1.0)
        twins.play(x, 64 * n)
        assert twins.playing.given[1] == (n / 30,)


def test_without_time_a_value_waits_but_not_for_ever(echo_file):
    twins = twins_of(echo_file, block=64)
    x = noise(64)
    twins.want(numbers_of(twins, haze=0.2))
    twins.prepare(1.0)  # learns how long it takes
    twins.play(x, 0)
    twins.want(numbers_of(twins, haze=0.7))
    blocks = 0
    while twins.playing.given[1] != (0.7,):
        twins.prepare(-1.0)
        twins.play(x, 0)
        blocks += 1
        assert blocks < 50
    assert blocks > MOST_WAITING


def test_steps_go_there_in_so_many_blocks(echo_file):
    twins = twins_of(echo_file, "steps", block=64)
    x, seen = noise(64), []
    twins.want(numbers_of(twins, haze=0.8))
    for _ in range(STEP_COUNT + 2):
        twins.play(x, 0)
        seen.append(twins.playing.given[1][0])
    np.testing.assert_allclose(np.diff([0.0, *seen])[:STEP_COUNT], 0.8 / STEP_COUNT)
    assert seen[STEP_COUNT - 1 :] == [0.8] * 3


def test_what_glides_moves_at_once_without_the_second_copy(echo_file):
    twins = twins_of(echo_file, block=64)
    first = twins.playing
    assert [place.attribute.glides for place in twins.layout.places] == [True, False]
    twins.want(numbers_of(twins, gain=3.0))
    twins.prepare(1.0)
    twins.play(noise(64), 0)
    assert twins.playing is first
    assert twins.playing.given[0] == (3.0,)


@pytest.mark.parametrize("knobs", ["cross-fade", "steps"])
def test_the_account_plays_the_same_again(echo_file, knobs):
    """A take: knobs that move at any time, played again sample for sample."""
    twins = twins_of(echo_file, knobs, block=64)
    x = noise(64 * 40)
    random = np.random.default_rng(0)
    twins.account = []
    heard = []
    for n, block in enumerate(torch.split(x, 64)):
        if random.random() < 0.4:
            value, gain = random.random(2)
            twins.want(numbers_of(twins, haze=value, gain=gain))
        if random.random() < 0.6:
            twins.prepare(1.0)
        heard.append(twins.play(block, 64 * n))
    again = twins_of(echo_file, knobs, block=64)
    account = {position: (both, doings) for position, both, doings in twins.account}
    assert len(account) > 10
    rendered = [
        again.replay(block, 64 * n, *account.get(64 * n, (False, [])))
        for n, block in enumerate(torch.split(x, 64))
    ]
    assert torch.equal(torch.cat(rendered), torch.cat(heard))


def test_a_block_that_is_no_sound_fades_out_and_the_state_comes_back(echo_file):
    twins = twins_of(echo_file, block=512)
    x = noise(512)
    last = twins.play(x, 0)[-1]
    broken = x.clone()
    broken[3] = float("nan")
    bad = twins.play(broken, 512)
    fade = (1 - torch.arange(1, 513) / 240).clamp(min=0)[:, None]
    torch.testing.assert_close(bad, fade * last)
    assert twins.bad_blocks == 1
    good = twins.play(x, 1024)
    rise = (torch.arange(1, 513) / 240).clamp(max=1)[:, None]
    torch.testing.assert_close(good, reference(echo_file, x, 512) * rise)
    assert torch.isfinite(good).all()


def test_voices_are_a_batch(coder_file):
    chain = Chain([coder_file], FORWARD, block=64, inputs=3)
    x = noise(64, 3)
    with torch.inference_mode():
        made = chain.play(x, 0)
    for voice in range(3):
        alone = reference(coder_file, x[:, voice, None], 64)
        torch.testing.assert_close(made[:, voice, None], alone)


def test_encode_and_decode_in_a_chain_are_forward(coder_file):
    chain = Chain([coder_file], [Step(0, "encode"), Step(0, "decode")], block=128)
    x = noise(128)
    with torch.inference_mode():
        assert torch.equal(chain.play(x, 0), reference(coder_file, x, 128))


def test_two_files_in_a_chain_with_the_desk_between(coder_file):
    chain = Chain([coder_file] * 2, [Step(0, "encode"), Step(1, "decode")], block=64)
    x = noise(64)
    chain.desk.aim([2.0, 0.0, 0.25, -0.5])
    chain.desk.settle()
    cut = x.reshape(4, 16)
    z = torch.stack([cut.mean(1), cut.abs().amax(1)], 1) * 2 + torch.tensor([0.25, -0.5])
    expected = (z[:, 0] + 0.5 * z[:, 1]).repeat_interleave(16)[:, None]
    with torch.inference_mode():
        torch.testing.assert_close(chain.play(x, 0), expected)


def test_a_decoder_alone_is_played_from_the_desk(coder_file):
    chain = Chain([coder_file], [Step(0, "decode")], block=64, inputs=0)
    chain.desk.aim([1.0, 0.0, 0.5, 1.0])
    chain.desk.settle()
    with torch.inference_mode():
        made = chain.play(torch.zeros(64, 0), 0)
    torch.testing.assert_close(made, torch.ones(64, 1))


def test_an_encoder_alone_holds_its_latents(coder_file):
    chain = Chain([coder_file], [Step(0, "encode")], block=64)
    x = noise(64)
    with torch.inference_mode():
        made = chain.play(x, 0)
    expected = x.reshape(4, 16).mean(1).repeat_interleave(16)
    torch.testing.assert_close(made[:, 0], expected)


def test_what_does_not_fit_is_refused(coder_file):
    with pytest.raises(LiveError, match="do not fit together"):
        Chain([coder_file] * 2, [Step(0, "decode"), Step(1, "decode")])
    with pytest.raises(LiveError, match="16, 32, 64"):
        Chain([coder_file], FORWARD, block=40)
    with pytest.raises(LiveError, match="no method 'sing'"):
        Chain([coder_file], [Step(0, "sing")])


def test_a_refusal_is_said_once_until_it_is_over(echo_file, monkeypatch):
    lines = []
    twins = Twins(lambda: Chain([echo_file], FORWARD, block=64), 48000, say=lines.append)
    monkeypatch.setattr(Chain, "set", lambda *given: "no" if given[2][0] > 1 else "")
    for value in (2.0, 3.0, 4.0, 0.5, 2.0):
        twins.want([value, 0.0])
        for chain in (twins.playing, twins.resting):
            twins._give(chain, 0, (value,))
    assert lines == ["no", "no"]


def test_values_go_through_numbers_and_back(echo_file):
    info = Chain([echo_file], FORWARD).nets[0].info
    layout = ValueLayout([info, info], latents=3)
    assert [place.start for place in layout.places] == [0, 1, 2, 3]
    assert layout.defaults() == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    gain = info.attributes[0]
    assert as_values(gain, as_numbers(gain, (2.5,))) == (2.5,)


def test_without_a_gpu_there_is_no_graph_and_it_plays_on(echo_file):
    twins = twins_of(echo_file, block=64)
    x = noise(128)
    assert "CUDA graph" in twins.record()
    assert torch.equal(played(twins, x), reference(echo_file, x, 64))


def test_setters_are_called_before_they_are_needed(echo_file, monkeypatch):
    called = []
    real = Chain.set

    def told(self, number, values, stamp):
        called.append((number, values))
        return real(self, number, values, stamp)

    monkeypatch.setattr(Chain, "set", told)
    twins_of(echo_file, "steps", block=64)
    assert called == [(0, (1.0,))] * 2 + [(1, (0.0,))] * 2
