"""A model behind a device at another rate: delay, fidelity, and never a frame too few."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from audio_support import delayed, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import Frames
from torchbend.realtime.worker.resampling import Resampled

RATES = [
    (44100, 48000),
    (48000, 44100),
    (96000, 48000),
    (48000, 96000),
    (22050, 48000),
    (48000, 32000),
    (192000, 44100),
]
BLOCKS = [512, 2048, 2229, 4096]


class Through:
    """A player that changes nothing; it keeps what it was given."""

    def __init__(self, block: int, channels: int = 1, outs: int | None = None) -> None:
        self.block = block
        self.in_channels = channels
        self.out_channels = channels if outs is None else outs
        self.given: list[Frames] = []

    def play(self, frames: Frames) -> Frames:
        assert frames.shape == (self.block, self.in_channels)
        assert frames.dtype == np.float32
        self.given.append(frames.copy())
        if self.out_channels != self.in_channels:
            return np.zeros((self.block, self.out_channels), np.float32)
        return frames


def played(player: Resampled, sound: Frames) -> Frames:
    """The sound through the player, in whole turns."""
    block = player.block
    turns = [player.play(sound[at : at + block]) for at in range(0, len(sound) - block + 1, block)]
    return np.concatenate(turns)


def sine(hz: float, rate: int, seconds: float) -> Frames:
    t = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32)[:, None]


def error_db(made: Frames, wanted: Frames, rate: int) -> float:
    """The greatest difference to a sine of 0.5 once it has begun."""
    begun = slice(rate // 2, len(made))
    return float(20 * np.log10(np.abs(made[begun] - wanted[: len(made)][begun]).max() / 0.5))


# -- delay -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("device", "model"), RATES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_sine_comes_out_with_the_declared_delay(device: int, model: int, block: int) -> None:
    player = Resampled(Through(block), device, model)
    for part in (0.02, 0.2):  # of the lower rate
        sound = sine(part * min(device, model), device, 1.5)
        player.clear()
        made = played(player, sound)
        assert error_db(made, delayed(sound, player.latency_frames), device) < -90
    # Near the edge of what the filters let pass they begin to close.
    sound = sine(0.4 * min(device, model), device, 1.5)
    player.clear()
    assert error_db(played(player, sound), delayed(sound, player.latency_frames), device) < -60


@pytest.mark.parametrize(("device", "model"), RATES)
def test_what_the_lower_rate_cannot_hold_is_left_out(device: int, model: int) -> None:
    if device <= model:
        return
    sound = sine(0.55 * model, device, 1.5)
    made = played(Resampled(Through(2048), device, model), sound)
    assert np.abs(made[device // 2 :]).max() < 0.5e-5  # -100 dB


def test_before_the_delay_there_is_silence() -> None:
    player = Resampled(Through(512), 44100, 48000)
    made = played(player, sine(1000, 44100, 1))
    assert np.abs(made[: player.latency_frames - 500]).max() == 0
    assert np.abs(made[player.latency_frames : player.latency_frames + 50]).max() > 0.4


def test_the_model_hears_the_sound_at_its_own_rate() -> None:
    through = Through(2048)
    played(Resampled(through, 44100, 48000), sine(1000, 44100, 1))
    heard = np.concatenate(through.given)
    wanted = sine(1000, 48000, 1)[: len(heard)]
    assert len(heard) > 40000
    middle = slice(5000, len(heard))
    assert np.abs(heard[middle] - wanted[middle]).max() < 0.5e-4


def test_the_delay_adds_little_to_the_models_block() -> None:
    """Not much more than the bursts of both resamplers, and the model's block."""
    for device, model in RATES:
        player = Resampled(Through(2048), device, model)
        slower = min(device, model)
        bursts = 2 * 930 / slower
        assert player.latency_frames / device < 2048 / model + bursts * 1.2


@pytest.mark.parametrize("block", [1, 64, 256, 1881])
def test_shorter_turns_have_the_same_delay(block: int) -> None:
    whole = Resampled(Through(2048), 44100, 48000)
    player = Resampled(Through(2048), 44100, 48000, block=block)
    assert player.latency_frames == whole.latency_frames
    sound = noise(22050, 1)
    made = played(player, sound)
    np.testing.assert_array_equal(made[:20000], played(whole, sound)[:20000])


# -- never dry -------------------------------------------------------------------------------
@pytest.mark.parametrize(("device", "model"), RATES)
def test_no_turn_lacks_a_frame(device: int, model: int) -> None:
    for block in BLOCKS:
        longest = block * device // model
        for turn in (longest, longest // 3, 250):
            if turn > longest:
                continue
            player = Resampled(Through(block), device, model, block=turn)
            sound = np.zeros((turn, 1), np.float32)
            for _ in range(20 * device // turn):
                assert player.play(sound).shape == (turn, 1)


@given(
    device=st.integers(8000, 96000),
    model=st.integers(8000, 96000),
    block=st.integers(64, 5000),
    share=st.floats(0.01, 1),
    channels=st.integers(1, 3),
)
@settings(max_examples=30, deadline=None)
def test_any_rates_and_blocks(
    device: int, model: int, block: int, share: float, channels: int
) -> None:
    longest = block * device // model
    turn = max(1, round(share * longest))
    player = Resampled(Through(block, channels), device, model, block=turn)
    sound = noise(4 * turn * (1 + player.latency_frames // turn), channels)
    made = played(player, sound)
    assert made.shape == sound.shape
    assert np.isfinite(made).all()
    # What comes back is like what went in at the declared delay and nowhere near it.
    late, went = made[player.latency_frames :, 0], sound[: len(sound) - player.latency_frames, 0]
    likeness = [float(np.dot(late[2:-2], np.roll(went, n)[2:-2])) for n in (-2, -1, 0, 1, 2)]
    assert np.argmax(likeness) == 2


def test_memory_does_not_grow() -> None:
    player = Resampled(Silent(2048), 44100, 48000)
    sound = noise(player.block, 2)

    def used_after(turns: int) -> int:
        for _ in range(turns):
            player.play(sound)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        # The queues fill and empty over some hundred turns.
        early = max(used_after(10) for _ in range(400))
        late = max(used_after(10) for _ in range(400))
    finally:
        tracemalloc.stop()
    assert late - early < 20_000


class Silent(Through):
    """Keeps nothing."""

    def __init__(self, block: int) -> None:
        super().__init__(block, 2)

    def play(self, frames: Frames) -> Frames:
        return np.zeros_like(frames)


# -- channels, clearing, refusals --------------------------------------------------------------
def test_channels_stay_apart() -> None:
    player = Resampled(Through(512, 3), 48000, 44100)
    sound = np.zeros((20 * player.block, 3), np.float32)
    sound[:, 1] = noise(len(sound), 1)[:, 0]
    made = played(player, sound)
    assert np.abs(made[:, 1]).max() > 0.1
    assert np.abs(made[:, [0, 2]]).max() == 0


def test_a_model_with_no_inputs_is_played_as_often() -> None:
    through = Through(512, 0, outs=2)
    player = Resampled(through, 44100, 48000)
    turns = 1000
    for _ in range(turns):
        assert player.play(np.zeros((player.block, 0), np.float32)).shape == (player.block, 2)
    lasted = turns * player.block * 48000 / 44100
    assert len(through.given) == pytest.approx(lasted / 512, abs=4)


def test_cleared_it_plays_as_when_new() -> None:
    player = Resampled(Through(512), 44100, 48000)
    sound = noise(20 * player.block, 1)
    first = played(player, sound)
    player.clear()
    np.testing.assert_array_equal(played(player, sound), first)


@pytest.mark.parametrize("shape", [(469, 2), (471, 2), (470, 1), (2, 470)])
def test_blocks_of_another_shape_are_refused(shape: tuple[int, int]) -> None:
    player = Resampled(Through(512, 2), 44100, 48000)
    with pytest.raises(LiveError, match=r"\(470, 2\)"):
        player.play(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("model_block", "block"), [(2048, 1882), (2048, 0), (1, None)])
def test_blocks_that_do_not_fit_are_refused(model_block: int, block: int | None) -> None:
    with pytest.raises(LiveError, match=r"it may be 1 to \d+ frames"):
        Resampled(Through(model_block), 44100, 48000, block=block)
