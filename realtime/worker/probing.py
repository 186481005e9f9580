"""What a model is measured for before it is heard: its time, the latency that needs, its delay."""

from __future__ import annotations

import math
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from torchbend.errors import LiveError, first_line
from torchbend.realtime.audio.light import light_command

__all__ = ["Load", "granted_blocks", "own_delay", "percentile", "too_slow", "turn_times"]

_POLL_SECONDS = 0.0005  # until a worker sees that a block has come: it looks every 0.2 ms
_LOAD_START_SECONDS = 20.0

_SEED = 11
_LEAD = 2  # blocks before the impulse
_BACKGROUND = 0.01  # peak of the noise that the impulse stands in
_IMPULSE = 0.5
_ANSWER_FRAMES = 32768  # how long an answer is waited for,
_ANSWER_BLOCKS = 1000  # but not for more blocks than these
_WINDOW = 65  # frames over which an answer's energy is taken together: 1.4 ms
_LEAST_ANSWER = 1e-6
_LEAST_RATIO = 100.0  # of the energy of an answer to that of what comes without any


# -- time --------------------------------------------------------------------------------------
def turn_times(
    play: Callable[[], object], seconds: float, least: int = 20, *, rest: float = 0.0
) -> list[float]:
    """How long turns take, one after the other.

    Args:
        play: plays one turn.
        seconds: how long to go on.
        least: how many to play in any case.
        rest: how long to wait after each, as a share of what it took: others want to play, too.

    Returns:
        Seconds of each.
    """
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        began = time.perf_counter()
        play()
        times.append(time.perf_counter() - began)
        time.sleep(rest * times[-1])
    return times


def percentile(times: Sequence[float], percent: float) -> float:
    """The time that so many percent of turns stay within (the nearest rank).

    Of fewer than 1000 turns the 99.9th is the longest.
    """
    rank = math.ceil(percent / 100 * len(times) - 1e-9)
    return sorted(times)[max(0, rank - 1)]


def too_slow(turn_seconds: float, block: int, rate: int) -> bool:
    """Whether a turn takes as long as its block lasts, or longer.

    Args:
        turn_seconds: of a turn.
        block: frames of a turn.
        rate: of these frames, in Hz.
    """
    return turn_seconds >= block / rate


def granted_blocks(
    turn_seconds: float,
    block: int,
    device_block: int,
    rate: int,
    *,
    poll_seconds: float = _POLL_SECONDS,
) -> int:
    """The least s for which the latency ``B - gcd(B, b) + s * b`` never runs dry.

    What a worker makes of a block is due s device blocks after that block came. Blocks do not
    come evenly, as the device hands over b frames at a time: beyond the first, m more come with
    at least ``floor(m * B / b)`` device blocks in which to play them all. So s device blocks must
    hold the turns that are left over, for the worst m, and the moment until the worker looks.

    It holds from a start at a device block's border on, for turns that do not take longer than
    their block lasts; beyond that there is no latency long enough.

    Args:
        turn_seconds: what a turn takes at most.
        block: frames of a turn, B.
        device_block: frames that the device takes at a time, b.
        rate: of both, in Hz.
        poll_seconds: until a worker notices a block.
    """
    device_seconds = device_block / rate
    period = device_block // math.gcd(block, device_block)
    needed = max(
        (m + 1) * turn_seconds - m * block // device_block * device_seconds for m in range(period)
    )
    # What fits exactly does fit, whatever the last digit says.
    return math.ceil((needed + poll_seconds) / device_seconds - 1e-9)


class Load:
    """Loads the machine as a busy control process does, while something is measured.

    ::

        with Load():
            times = turn_times(play, 2.0)

    It is one Python process that never rests, at normal priority. It ends with the block, or
    with the process that started it.

    Raises:
        LiveError: it does not start.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Load:
        try:
            self._process = process = subprocess.Popen(
                light_command(_BUSY),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is not for it
            )
        except OSError as error:
            raise LiveError(f"the machine cannot be loaded: {first_line(error)}") from error
        # It says a word when it is up; a process that fails closes its output without one.
        if process.stdout is None or not process.stdout.readline():
            self.stop()
            raise LiveError("the machine cannot be loaded: the process that should do it ended")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Of the process; None before it starts and after it ended."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


_BUSY = """
import os, sys, threading

def leave():
    sys.stdin.buffer.read()  # until the parent closes it, or is gone
    os._exit(0)

threading.Thread(target=leave, daemon=True).start()
print("busy", flush=True)
values = {}
while True:
    for n in range(1000):
        values[n] = str(n * 0.5)
"""


# -- delay -------------------------------------------------------------------------------------
class _Subject(Protocol):
    @property
    def block(self) -> int: ...

    @property
    def in_channels(self) -> int: ...

    def play(self, frames: Tensor, position: int) -> Tensor: ...

    def save_state(self) -> Any: ...

    def restore_state(self, saved: Any, /) -> None: ...


def own_delay(subject: _Subject) -> int | None:
    """By how many frames a model's answer comes late.

    It plays quiet noise with and without an impulse, from the same state, and what differs is
    the answer. Where it lies is where its energy, taken over 1.4 ms, is greatest: that is what an
    ear takes for the answer. (Its centre of gravity would be dragged along by a long tail.) A
    model that hears in frames of latents answers as of the frame, so four places in the block are
    tried, and the middle of what they say is taken; it may be negative where such a model
    answers before the impulse in the same block.

    Args:
        subject: plays ``(block, in_channels)`` to ``(block, out_channels)`` from a position on.
            Its state is afterwards as it was.

    Returns:
        Frames at its rate; None if it does not answer, or nothing that stands out from what it
        does by chance.
    """
    block = subject.block
    blocks = _LEAD + 1 + min(math.ceil(_ANSWER_FRAMES / block), _ANSWER_BLOCKS)
    if not subject.in_channels:
        return None
    generator = torch.Generator().manual_seed(_SEED)
    noise = torch.rand(blocks * block, subject.in_channels, generator=generator)
    quiet = (2 * noise - 1) * _BACKGROUND
    plain = _played(subject, quiet)
    chance = _energy(_played(subject, quiet) - plain).max()
    delays = []
    for eighth in (1, 3, 5, 7):
        at = _LEAD * block + eighth * block // 8
        sound = quiet.clone()
        sound[at] += _IMPULSE
        energy = _energy(_played(subject, sound) - plain)
        if not energy.max() > max(_LEAST_ANSWER**2, _LEAST_RATIO * chance):
            return None  # or it is no number
        delays.append(int(energy.argmax()) - at)
    return round(statistics.median(delays))


def _played(subject: _Subject, sound: Tensor) -> Tensor:
    """A whole sound, from the present state and with the same noise each time."""
    saved = subject.save_state()
    made = []
    try:
        # Other randomness of this process goes on as if nothing had been drawn.
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(_SEED)
            for at in range(0, len(sound), subject.block):
                made.append(subject.play(sound[at : at + subject.block], at).cpu().clone())
    finally:
        subject.restore_state(saved)
    return torch.cat(made)


def _energy(answer: Tensor) -> Any:
    """The energy around each frame, of all channels together."""
    power = answer.double().square().sum(1).numpy()
    window = np.hanning(_WINDOW + 2)[1:-1]  # 1 in its middle
    return np.convolve(power, window, mode="same")
