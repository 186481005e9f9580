"""The latent desk: what it does to latents, how it glides, its noise."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from torchbend.errors import LiveError
from torchbend.realtime.worker.latents import Latents

RATIO = 2048


def latents(frames: int = 8, *, batch: int = 2, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(batch, channels, frames, generator=torch.Generator().manual_seed(seed))


def settled(*numbers: float, seed: int = 0) -> Latents:
    desk = Latents(len(numbers) - 2, RATIO, seed=seed)
    desk.aim(numbers)
    desk.settle()
    return desk


def noise(frames: int, *, start: int = 0, seed: int = 0, channels: int = 3) -> Tensor:
    desk = settled(0, 1, *[0] * channels, seed=seed)
    return desk.play(torch.zeros(1, channels, frames), start * RATIO)[0]


def test_neutral_passes_every_bit() -> None:
    z = torch.tensor([[[-0.0, 1e-42, math.nan, math.inf]]])
    desk = Latents(1, RATIO)
    assert desk.is_neutral
    assert desk.play(z, 0) is z
    desk.aim(desk.neutral)
    assert desk.play(z, 0) is z


def test_neutral_is_reached_again_after_a_move() -> None:
    desk = settled(2, 0.5, 1, 2, 3)
    z = latents()
    desk.aim(desk.neutral)
    assert not desk.is_neutral
    moved = desk.play(z, 0)
    assert not torch.equal(moved, z)
    torch.testing.assert_close(moved[..., -1], z[..., -1])
    assert desk.play(z, 0) is z


def test_scale_and_bias_move_the_latents() -> None:
    z = latents()
    before = z.clone()
    moved = settled(0.5, 0, 1, -2, 0.25).play(z, 0)
    torch.testing.assert_close(moved, 0.5 * z + torch.tensor([1.0, -2.0, 0.25])[:, None])
    assert torch.equal(z, before)
    assert moved.dtype == z.dtype


def test_a_decoder_is_played_from_the_desk_alone() -> None:
    made = settled(7, 0, 1, -2, 0.25).play(torch.zeros(1, 3, 4), 0)
    assert torch.equal(made, torch.tensor([1.0, -2.0, 0.25])[:, None].expand(1, 3, 4))


# -- gliding -----------------------------------------------------------------------------------
def test_a_move_glides_over_one_block() -> None:
    desk = settled(1, 0, 0, 0, 0)
    desk.aim([3, 0, 1, 0, -1])
    moved = desk.play(torch.ones(1, 3, 4), 0)[0]
    expected = [[1.75, 2.5, 3.25, 4], [1.5, 2, 2.5, 3], [1.25, 1.5, 1.75, 2]]
    torch.testing.assert_close(moved, torch.tensor(expected))
    torch.testing.assert_close(desk.play(torch.ones(1, 3, 4), 0)[0, :, 0], moved[:, -1])


def test_a_block_of_one_frame_has_the_new_values_at_once() -> None:
    desk = settled(1, 0, 0, 0, 0)
    desk.aim([1, 0, 5, 6, 7])
    assert desk.play(torch.zeros(1, 3, 1), 0)[0, :, 0].tolist() == [5, 6, 7]


def test_what_settled_does_not_glide() -> None:
    desk = Latents(1, RATIO)
    desk.aim([1, 0, 4])
    desk.settle()
    assert desk.play(torch.zeros(1, 1, 2), 0).tolist() == [[[4, 4]]]


def test_a_copy_goes_on_where_the_other_was() -> None:
    one, other = settled(1, 0, 0), settled(9, 9, 9)
    one.aim([1, 0, 8])
    other.copy_from(one)
    z = torch.zeros(1, 1, 4)
    assert torch.equal(one.play(z, 0), other.play(z, 0))


@pytest.mark.parametrize("count", [0, 4, 6])
def test_another_count_of_values_is_refused(count: int) -> None:
    with pytest.raises(LiveError, match=f"{count} values.*3 channels; it has 5"):
        Latents(3, RATIO).aim([0.0] * count)


# -- noise -------------------------------------------------------------------------------------
def test_noise_has_its_level_at_all_times() -> None:
    made = noise(4000, channels=32)
    assert abs(float(made.mean())) < 0.02
    # a value of its own every 4 frames, and three between: each has the same level
    for phase in range(4):
        assert float(made[:, phase::4].std()) == pytest.approx(1, abs=0.02)


def test_jitter_is_how_much_of_it_is_added() -> None:
    z = latents(8)
    moved = settled(1, 0.3, 1, 1, 1).play(z, 5 * RATIO)
    torch.testing.assert_close(moved, z + 1 + 0.3 * noise(8, start=5))


def test_noise_is_slow() -> None:
    made = noise(4000, channels=8)

    def likeness(shift: int) -> float:
        return float((made[:, :-shift] * made[:, shift:]).mean())

    assert likeness(1) > 0.8
    # What two frames share that are one value apart: the average of sin(a) cos(a).
    shared = sum(math.sin(2 * a * math.pi / 8) / 2 for a in range(4)) / 4
    assert likeness(4) == pytest.approx(shared, abs=0.05)
    assert likeness(8) == pytest.approx(0, abs=0.05)


def test_its_pace_is_that_of_the_sound_not_of_the_latents() -> None:
    def likeness(ratio: int, shift: int) -> float:
        desk = Latents(16, ratio)
        desk.aim([0, 1, *[0] * 16])
        desk.settle()
        made = desk.play(torch.zeros(1, 16, 4000), 0)[0]
        return float((made[:, :-shift] * made[:, shift:]).mean())

    assert likeness(512, 8) == pytest.approx(likeness(2048, 2), abs=0.05)
    assert likeness(512, 2) > 0.9 > likeness(2048, 2)


def test_channels_and_seeds_have_noise_of_their_own() -> None:
    made = noise(4000, channels=4)
    others = noise(4000, channels=4, seed=1)
    for n in range(4):
        for m in range(4):
            if n != m:
                assert abs(float((made[n] * made[m]).mean())) < 0.1
            assert abs(float((made[n] * others[m]).mean())) < 0.1


def test_voices_share_their_noise() -> None:
    moved = settled(0, 1, 0, 0, 0).play(latents(5, batch=2), 0)
    assert torch.equal(moved[0], moved[1])


def test_no_other_randomness_is_touched() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    noise(8)
    assert torch.equal(torch.rand(4), expected)


@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=12), start=st.integers(0, 10**9))
def test_noise_follows_from_the_position_in_blocks_of_any_size(cuts: list[int], start: int) -> None:
    whole = noise(sum(cuts), start=start)
    parts, at = [], start
    for cut in cuts:
        parts.append(noise(cut, start=at))
        at += cut
    assert torch.equal(torch.cat(parts, -1), whole)
