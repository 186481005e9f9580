"""A model at its own rate behind a device at another.

    device  ->  soxr  ->  queue  ->  model, a block at a time  ->  soxr  ->  queue  ->  device

soxr streams: it takes any number of frames, gives what it has ready, and loses nothing. Its
filters have linear phase and it drops their delay at the start, so that its output lies where the
input lay. What it gives comes in bursts, though, about every 800 frames of its input, so that it
owes up to a *lag* of frames. So does the queue before the model: up to a block less one frame. The
queue to the device therefore starts with as much silence as all of them can owe together::

    silence = (lag of the first soxr + block - 1) in device frames + lag of the second soxr

and never runs dry after that. That silence is the delay.

Why it is enough. After n turns of b frames each, the first soxr has given at least n b r - lag_1
frames, r being the model's rate over the device's. b r is a block or less, so that one run of the
model a turn keeps up: by then at least n b r - lag_1 - (block - 1) frames have been played. The
second soxr has given at least that, in device frames, less lag_2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import Frames

__all__ = ["Resampled"]

_QUALITY = "HQ"  # 20 bits: errors of -120 dB. The next better one lags twice as long going down.
_Play = Callable[[Frames], Frames]


class _Player(Protocol):
    block: int
    in_channels: int
    out_channels: int

    def play(self, frames: Frames) -> Frames: ...


class Resampled:
    """A player at the device's rate around one at the model's.

    Not every turn runs the model: it runs when a block has come together, and never twice in
    one turn.

    Args:
        player: what plays at the model's rate.
        device_rate: in Hz.
        model_rate: in Hz.
        block: frames of a turn at the device's rate. Without it the longest in which the model
            never has to run twice; a shorter one shortens what the ring outside adds to the
            latency, but then a turn in which the model runs may take longer than the turn lasts.

    Attributes:
        block: frames of a turn, at the device's rate.
        in_channels: as the player's.
        out_channels: as the player's.
        latency_frames: the delay that resampling adds, at the device's rate.

    Raises:
        LiveError: the block does not fit.
    """

    def __init__(
        self, player: _Player, device_rate: int, model_rate: int, *, block: int | None = None
    ) -> None:
        longest = player.block * device_rate // model_rate
        self.block = longest if block is None else block
        if not 0 < self.block <= longest:
            raise LiveError(
                f"a block of {self.block} frames at {device_rate} Hz does not fit around a model "
                f"block of {player.block} at {model_rate} Hz: it may be 1 to {longest} frames"
            )
        self.in_channels, self.out_channels = player.in_channels, player.out_channels
        rates = _Rates(device_rate, model_rate, player.block)
        self._way = _Way(rates, player.play, player.in_channels, player.out_channels)
        self.latency_frames = _measured(rates, self.block)

    def play(self, frames: Frames) -> Frames:
        """Play ``(block, in_channels)``; gives ``(block, out_channels)``, ``latency_frames`` late.

        Raises:
            LiveError: another shape.
        """
        if frames.shape != (self.block, self.in_channels):
            raise LiveError(
                f"a block of shape {frames.shape} was given; it is (frames, channels) = "
                f"{(self.block, self.in_channels)}"
            )
        return self._way.play(frames)

    def clear(self) -> None:
        """Forget all sound that is under way; the delay stays what it is."""
        self._way.clear()


class _Rates:
    """What a way to a model and back is made from.

    Attributes:
        device: in Hz.
        model: in Hz.
        model_block: frames of the model's block.
        silence: how many device frames the way owes at most.
    """

    def __init__(self, device: int, model: int, model_block: int) -> None:
        self.device, self.model, self.model_block = device, model, model_block
        waiting = _lag(device, model) + model_block - 1
        self.silence = math.ceil(waiting * Fraction(device, model) + _lag(model, device))


class _Way:
    """From the device through both resamplers, with queues before the model and behind it."""

    def __init__(self, rates: _Rates, run: _Play, ins: int, outs: int) -> None:
        self._rates, self._run = rates, run
        self._ins, self._outs = ins, outs
        # soxr counts frames by their samples; a model without inputs still needs the count.
        self._to_model = _stream(rates.device, rates.model, max(1, ins))
        self._to_device = _stream(rates.model, rates.device, outs)
        self.clear()

    def clear(self) -> None:
        self._to_model.clear()
        self._to_device.clear()
        self._before = np.zeros((0, max(1, self._ins)), np.float32)
        self._behind = np.zeros((self._rates.silence, self._outs), np.float32)

    def play(self, frames: Frames) -> Frames:
        count, block = len(frames), self._rates.model_block
        if not self._ins:
            frames = np.zeros((count, 1), np.float32)
        came = self._to_model.resample_chunk(np.ascontiguousarray(frames, np.float32))
        self._before = np.concatenate([self._before, came])
        if len(self._before) >= block:
            made = self._run(self._before[:block, : self._ins])
            self._before = self._before[block:]
            went = self._to_device.resample_chunk(np.ascontiguousarray(made, np.float32))
            self._behind = np.concatenate([self._behind, went])
        played, self._behind = self._behind[:count], self._behind[count:]
        return played


def _measured(rates: _Rates, block: int) -> int:
    """The delay as an impulse shows it that goes through with no model inside."""
    way = _Way(rates, lambda frames: frames, 1, 1)
    frames = rates.silence + 2 * max(block, rates.silence)
    sound = np.zeros((-(-frames // block) * block, 1), np.float32)
    at = rates.silence  # beyond where it starts
    sound[at] = 1
    played = [way.play(sound[start : start + block]) for start in range(0, len(sound), block)]
    return int(np.abs(np.concatenate(played)).argmax()) - at


@functools.cache
def _lag(from_rate: int, to_rate: int) -> Fraction:
    """The most frames that a resampler owes, after any number of frames that it was given.

    What it has given depends on how many it was given, not on the pieces in which they came, and
    its bursts repeat; so half a second, frame by frame, shows it up to a fraction of a frame.
    """
    stream, frame = _stream(from_rate, to_rate, 1), np.zeros((1, 1), np.float32)
    most, given = Fraction(0), 0
    for taken in range(from_rate // 2):
        given += len(stream.resample_chunk(frame))
        most = max(most, Fraction((taken + 1) * to_rate - given * from_rate, from_rate))
    return most + 1


def _stream(from_rate: int, to_rate: int, channels: int) -> Any:
    import soxr

    return soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality=_QUALITY)
