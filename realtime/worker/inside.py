"""What cannot be written as a file plays in a thread of the control process.

Slower, and whatever else this process does may make it late; the host says so. It stands in the
place of a `Worker`.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torchbend.description import FileInfo, MethodInfo
from torchbend.errors import LiveError, TorchbendError, first_line
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.worker.layout import Value, ValueLayout, as_values
from torchbend.realtime.worker.probing import percentile, turn_times
from torchbend.realtime.worker.process import ChainSettings, Loaded, Measured
from torchbend.realtime.worker.turn import Blocks, Turns
from torchbend.realtime.worker.twins import STEPS
from torchbend.tracing import BendedModule

__all__ = ["InsideWorker", "LiveBends"]

_PATIENCE = 5.0  # seconds that a turn is given to end; a thread cannot be ended by force


class LiveBends:
    """A bent module, played as `Twins` play a file.

    A call hears a moved control at once and whole; there is no cross-fade of weights.

    Args:
        bended: the module.
        info: its methods and controls.
        method: what is played.
        block: frames of a turn.
        say: told what a control refused.
    """

    def __init__(
        self,
        bended: BendedModule,
        info: FileInfo,
        method: MethodInfo,
        block: int,
        say: Callable[[str], object],
    ) -> None:
        self._bended = bended
        self._say = say
        self._method = method
        self._input = bended._trace_of(method.name).inputs[0]
        self.layout = ValueLayout([info])
        self.block = block
        self.in_channels, self.out_channels = method.in_channels, method.out_channels
        self.knobs = STEPS
        self.bad_blocks = 0
        self.waiting = False
        self._given = [tuple(place.attribute.default) for place in self.layout.places]
        self._fresh: Any = None

    def begin(self) -> None:
        """Play a few quiet blocks, and forget what bends remember of the sound."""
        quiet = torch.zeros(self.block, self.in_channels)
        for _ in range(3):
            self.play(quiet, 0)
        self._bended._runner.forget()
        self._fresh = self._bended._runner.keep()

    def forget(self) -> None:
        """Put the streaming state, and what bends remember, back to where they began."""
        if self._fresh is not None:
            self._bended._runner.put_back(self._fresh)

    def want(self, numbers: Sequence[float]) -> None:
        """Say where all values should be; they are there at once."""
        for number, place in enumerate(self.layout.places):
            if place.count:
                found = numbers[place.start : place.start + place.count]
                self._set(number, as_values(place.attribute, found))

    def want_text(self, number: int, text: str) -> None:
        """The same for an attribute that is text."""
        self._set(number, (text,))

    def settle(self) -> None:
        """Nothing is left to be done."""

    def prepare(self, seconds: float) -> None:
        """Nothing is left to be done."""

    def play(self, frames: Tensor, position: int) -> Tensor:
        """Play one block, ``(block, in_channels)`` to ``(block, out_channels)``."""
        x = frames.T[None, :, :: self._method.in_ratio].contiguous()
        with torch.inference_mode():
            made: Tensor = getattr(self._bended, self._method.name)(**{self._input: x})
            if self._method.out_ratio > 1:
                made = made.repeat_interleave(self._method.out_ratio, -1)
        made = made[0].T
        if not bool(torch.isfinite(made).all()):
            self.bad_blocks += 1
            made = torch.zeros_like(made)
            self.forget()
        return made

    def _set(self, number: int, values: tuple[Value, ...]) -> None:
        if values != self._given[number]:
            self._given[number] = values
            attribute = self.layout.places[number].attribute
            try:
                self._bended.update(attribute.name, _python_value(attribute.kind, values))
            except TorchbendError as error:  # the sound goes on
                self._say(str(error))


class InsideWorker:
    """Plays a bent module in a thread, in the place of a `Worker`.

    Args:
        bended: the module.
        info: its methods and controls.
        method: what is played.
    """

    def __init__(self, bended: BendedModule, info: FileInfo, method: MethodInfo) -> None:
        self._bended, self._info, self._method = bended, info, method
        self._memory: AudioMemory | None = None
        self._bends: LiveBends | None = None
        self._lines: deque[str] = deque(maxlen=20)
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self.loaded: Loaded | None = None
        self.stopped = ""
        self.pid = os.getpid()
        self.is_alive = True

    @property
    def bad_blocks(self) -> int:
        """Blocks that came out as no sound."""
        return self._bends.bad_blocks if self._bends else 0

    def load(self, settings: ChainSettings, timeout: float = 0.0) -> Loaded:
        """Make ready to play.

        Raises:
            LiveError: the device runs at another rate than the model.
        """
        if settings.model_rate not in (None, settings.device_rate):
            raise LiveError(
                f"{self._info.model} plays in this process, at {settings.model_rate} Hz alone: "
                f"there is no resampler here, and the device runs at {settings.device_rate}"
            )
        ratios = [r for m in self._info.methods for r in (m.in_ratio, m.out_ratio)]
        block = settings.block or self._method.least_block or max(ratios)
        while settings.block is None and block < settings.least_block:
            block *= 2
        self._memory = AudioMemory.attach(settings.memory)
        self._bends = LiveBends(self._bended, self._info, self._method, block, self._lines.append)
        self._bends.begin()
        self.loaded = Loaded(
            block=block,
            in_channels=self._bends.in_channels,
            out_channels=self._bends.out_channels,
            model_block=block,
            resampler_frames=0,
            device="in process",
            note="",
            knobs=STEPS,
            bad_blocks=self._bends.bad_blocks,
        )
        return self.loaded

    def measure(self, seconds: float, *, delay: bool = True) -> Measured:
        """See how long a turn takes."""
        bends = self._ready()
        noise = torch.randn(bends.block, bends.in_channels) * 0.1
        times = turn_times(lambda: bends.play(noise, 0), seconds)
        bends.forget()
        most, usual = percentile(times, 99.9), percentile(times, 50)
        return Measured(most, usual, most, usual, len(times), None)

    def attach(self, slot: int, latency: int, granted: float, start: int | None = None) -> int:
        """Begin to play in a slot; returns the position at which it begins."""
        bends = self._ready()
        self.detach()
        if self._memory is None:
            raise LiveError("nothing is loaded")
        turns = Turns(self._memory, slot, bends, Blocks(bends))
        turns.attach(latency, granted, start)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(turns, self._ends), daemon=True)
        self._thread.start()
        return turns.slot.next

    def play_alone(self) -> None:
        """There is one copy anyway."""

    def set_text(self, number: int, text: str) -> None:
        """Set an attribute that is text, by the number of its place."""
        self._ready().want_text(number, text)

    def detach(self) -> None:
        """Leave the slot."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            self._thread = None

    def listen(self) -> list[str]:
        """What it has to say for people since the last call."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def stop(self) -> None:
        """End the thread."""
        self.detach()
        self.is_alive = False

    def kill(self) -> None:
        """The same."""
        self.stop()

    def _run(self, turns: Turns, ends: threading.Event) -> None:
        while not ends.is_set():
            try:
                turns.turn(0.1)
            # Whatever the model raises: the slot falls silent, and the host hears why.
            except Exception as error:  # noqa: BLE001
                self.stopped = first_line(error)
                return
        turns.slot.detach()

    def _ready(self) -> LiveBends:
        if self._bends is None:
            raise LiveError("nothing is loaded")
        return self._bends


def _python_value(kind: str, values: tuple[Value, ...]) -> object:
    """What the control of a bent module takes."""
    if kind == "bool":
        return bool(values[0])
    if kind == "complex":
        return complex(float(values[0]), float(values[1]))
    return list(values) if kind == "vector" else values[0]
