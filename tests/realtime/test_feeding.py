"""Files, arrays and the built-in loop, played in place of the device's input."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from audio_support import Rig, noise

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import Frames
from torchbend.realtime.feeding import LOOP, FilePlayer, Sound
from torchbend.voice import loop

RATE = 48000


def write(path: Path, sound: Frames, rate: int = RATE) -> Path:
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return path


def sine(frames: int, rate: int, channels: int = 1) -> Frames:
    """Of 440 Hz, whole turns in tenths of a second."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(frames) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def all_of(sound: Sound, chunk: int = 1000) -> Frames:
    parts = []
    while len(part := sound.read(chunk)):
        parts.append(part)
    return np.concatenate(parts)


# -- reading -------------------------------------------------------------------------------
def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    given = noise(20_000)
    sound = Sound(write(tmp_path / "a.wav", given), RATE, 2)
    assert (sound.name, sound.frames) == ("a.wav", 20_000)
    np.testing.assert_array_equal(all_of(sound, 777), given)
    assert sound.read(10).shape == (0, 2)


def test_arrays_and_tensors() -> None:
    given = noise(100, 3)
    np.testing.assert_array_equal(all_of(Sound(given, RATE, 3)), given)
    np.testing.assert_array_equal(all_of(Sound(torch.tensor(given.T), RATE, 3)), given)
    np.testing.assert_array_equal(all_of(Sound(given[:, 0], RATE, 1)), given[:, :1])
    np.testing.assert_array_equal(Sound(LOOP, RATE, 1).read(999), loop()[:, :999].numpy().T)
    with pytest.raises(LiveError, match=r"shape \(1, 2, 3\)"):
        Sound(np.zeros((1, 2, 3)), RATE, 1)
    with pytest.raises(LiveError, match="no sound"):
        Sound(np.zeros(5, complex), RATE, 1)


def test_channels_are_fitted() -> None:
    mono, stereo = noise(50, 1), noise(50, 2)
    np.testing.assert_array_equal(all_of(Sound(mono, RATE, 3)), np.repeat(mono, 3, 1))
    np.testing.assert_allclose(
        all_of(Sound(stereo, RATE, 1)), (stereo[:, :1] + stereo[:, 1:]) / 2, atol=1e-7
    )
    fitted = all_of(Sound(stereo, RATE, 3))
    np.testing.assert_array_equal(fitted[:, :2], stereo)
    assert not fitted[:, 2].any()
    assert all_of(Sound(stereo, RATE, 0)).shape == (50, 0)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_another_rate_is_resampled_in_place(rate: int, tmp_path: Path) -> None:
    sound = Sound(write(tmp_path / "a.wav", sine(rate, rate, 2), rate), RATE, 2)
    heard = all_of(sound)
    assert sound.frames == len(heard) == RATE
    inner = slice(2000, -2000)  # not the ends, where the sound begins and stops
    np.testing.assert_allclose(heard[inner], sine(RATE, RATE, 2)[inner], atol=1e-3)


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_loop_has_no_seam(rate: int) -> None:
    sound = Sound(sine(rate // 10, rate), RATE, 1, loop=True, source_rate=rate)
    assert sound.frames is None
    heard = np.concatenate([sound.read(n) for n in (5, 30_000, 1, 65_000)])
    np.testing.assert_allclose(heard[2000:], sine(len(heard), RATE)[2000:], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.wav", None, "no such file"),
        ("text.wav", b"hello there, this is no sound at all", "Format not recognised"),
        ("bare.raw", b"\0" * 100, "bare samples"),
        ("cut.wav", b"RIFF\0\0\0\0WAVE", "cut.wav"),
        (".", None, "a folder"),
    ],
)
def test_what_cannot_be_played_is_refused(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LiveError, match=message):
        Sound(tmp_path / name, RATE, 1)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="0 frames"):
        Sound(write(tmp_path / "empty.wav", noise(0)), RATE, 2)
    with pytest.raises(LiveError, match="0 frames"):
        Sound(np.zeros(0), RATE, 2)


# -- playing -------------------------------------------------------------------------------
def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def heard(rig: Rig, frames: int, block: int = 256) -> Frames:
    silence = np.zeros((block, 2), np.float32)
    return np.concatenate([rig.block(silence) for _ in range(frames // block)])


def test_frame_k_is_heard_at_the_start_plus_k(tmp_path: Path) -> None:
    rig = Rig(True, mix=0, source="feed")
    given = noise(200_000)
    heard(rig, 1024)
    with FilePlayer(rig.memory, write(tmp_path / "a.wav", given), loop=True) as player:
        assert player.first == 1024 + 4800
        assert not heard(rig, 4608).any()
        assert not rig.block(np.zeros((192, 2), np.float32)).any()
        first = heard(rig, 40_960)
        until(lambda: player._feed.room < 1000)
        second = heard(rig, 40_960)
        np.testing.assert_array_equal(np.concatenate([first, second]), given[:81_920])
    assert not heard(rig, 1024).any()


def test_what_was_not_written_in_time_is_missing_and_nothing_moves() -> None:
    rig = Rig(True, mix=0, source="feed")
    given = noise(400_000)
    player = FilePlayer(rig.memory, given, loop=True)
    assert player.start(lead=0) == 0
    lost = heard(rig, 256 * 1000)  # faster than the thread wakes up
    right = (lost == given[: len(lost)]).all(axis=1)
    assert right[:50_000].all() and not lost[~right].any()
    until(lambda: player._next > rig.memory.position + 40_000)
    at = rig.memory.position
    np.testing.assert_array_equal(heard(rig, 10_240), given[at : at + 10_240])
    player.close()


def test_once_is_followed_by_silence_and_one_line(tmp_path: Path) -> None:
    rig = Rig(True, mix=0, source="feed")
    lines: list[str] = []
    given = noise(1000)
    path = write(tmp_path / "short.wav", given)
    with FilePlayer(rig.memory, path, loop=False, say=lines.append) as player:
        whole = heard(rig, 4864)
        assert not lines  # though all of it was written long ago
        whole = np.concatenate([whole, heard(rig, 2560)])
        until(lambda: lines)
    assert player.first is not None
    np.testing.assert_array_equal(whole[player.first :][:1000], given)
    assert not whole[player.first + 1000 :].any()
    assert lines == ["short.wav has ended: silence from here on"]


@pytest.mark.parametrize("loop", [True, False])
def test_a_file_that_breaks_while_it_plays_is_told(loop: bool, tmp_path: Path) -> None:
    rig = Rig(True, mix=0, source="feed")
    path = write(tmp_path / "a.wav", noise(400_000))
    lines: list[str] = []
    with FilePlayer(rig.memory, path, loop=loop, say=lines.append) as player:
        path.write_bytes(path.read_bytes()[:20])  # a sample editor saves over it
        until(lambda: heard(rig, 2560) is None or lines)
        until(lambda: not player._thread.is_alive())
    assert len(lines) == 1 and "a.wav" in lines[0]
    assert not heard(rig, 2560).any()
