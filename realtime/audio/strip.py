"""The channel strip, as the control process sees it: parameters to set, meters to read."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torchbend.errors import LiveError, suggest
from torchbend.realtime.audio.layout import constant
from torchbend.realtime.audio.memory import AudioMemory, fence

__all__ = ["PARAMETERS", "Counters", "Meters", "Parameter", "SlotCounters", "Strip"]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A value of the strip: its range, what it is at first, and the names of its choices."""

    low: float
    high: float
    default: float
    choices: tuple[str, ...] = ()


def _switch(default: bool) -> Parameter:
    return Parameter(0, 1, float(default), ("off", "on"))


PARAMETERS = {
    "input_gain": Parameter(0, 16, 1),
    "output_gain": Parameter(0, 16, 1),
    "mix": Parameter(0, 1, 1),
    "width": Parameter(0, 2, 1),
    "gate": Parameter(0, 1, 0),
    "ceiling": Parameter(0.01, 1, 0.97),
    "limiter": _switch(True),
    "dc_block": _switch(True),
    "bypass": _switch(False),
    "panic": _switch(False),
    "source": Parameter(0, 2, 1, ("none", "device", "feed")),
    "late": Parameter(0, 1, 0, ("silent", "dry")),
    "delay": Parameter(0, 1 << 30, 0),
    "ramp_frames": Parameter(0, 1 << 20, 480),
}
"""What `Strip.set` takes: gains and thresholds are amplitudes, times are frames.

``width`` is of the wet sound's first two channels: 0 mono, 1 as it is, 2 wide (twice the side).
"""

_CURVES = ("linear", "power")


@dataclasses.dataclass(frozen=True)
class Counters:
    """What the callback has counted since the memory was made.

    Attributes:
        blocks: calls of the callback; its heartbeat.
        underruns: device blocks that an audible slot had no sound for.
        bad_inputs: samples that came in and were not finite.
        bad_outputs: samples that were not finite at the very end.
        limited_frames: frames that the limiter turned down.
        block_frames: the size of the last device block.
        busy_ns: nanoseconds spent in the callback.
        busy_ns_most: the longest single call.
        input_underflows: xruns as PortAudio flagged them, of four kinds.
        input_overflows: see there.
        output_underflows: see there.
        output_overflows: see there.
    """

    blocks: int
    underruns: int
    bad_inputs: int
    bad_outputs: int
    limited_frames: int
    block_frames: int
    busy_ns: int
    busy_ns_most: int
    input_underflows: int
    input_overflows: int
    output_underflows: int
    output_overflows: int

    @property
    def xruns(self) -> int:
        """All flagged xruns together."""
        flagged = self.input_underflows + self.input_overflows
        return flagged + self.output_underflows + self.output_overflows


@dataclasses.dataclass(frozen=True)
class SlotCounters:
    """How a slot and its worker do.

    Attributes:
        attached: 0 when nobody is there; another number for each worker that comes.
        block: frames of one turn of the worker.
        latency: frames from what it reads to where that is heard.
        turns: blocks that it has worked through.
        turn_ns: nanoseconds from input ready to output ready, in the last turn.
        turn_ns_most: the longest turn.
        skipped: frames that it passed over to catch up.
        late_blocks: device blocks that lacked some of its sound while it was audible.
        late_frames: the frames that were missing then.
        gaps: how often it began to lack sound while it was audible.
        bad_samples: samples of it that were not finite.
    """

    attached: int
    block: int
    latency: int
    turns: int
    turn_ns: int
    turn_ns_most: int
    skipped: int
    late_blocks: int
    late_frames: int
    gaps: int
    bad_samples: int


@dataclasses.dataclass(frozen=True)
class Meters:
    """Levels by channel, as amplitudes.

    Attributes:
        input_peak: of the input after its gain; falls to 1/e in 0.5 s.
        input_rms: the same, averaged over 0.3 s.
        output_peak: of what is heard.
        output_rms: of what is heard.
        reduction: how much the limiter takes off, from 0 to 1.
    """

    input_peak: tuple[float, ...]
    input_rms: tuple[float, ...]
    output_peak: tuple[float, ...]
    output_rms: tuple[float, ...]
    reduction: float


class Strip:
    """Sets the parameters of the callback, several at one moment, and reads what it measures.

    There is one writer: make one `Strip` in the control process; its threads may share it.
    A new one puts every parameter at its default.

    Attributes:
        account: of each change its sequence number, and what was called: ``set`` or ``fade``,
            and the arguments; None if nobody keeps it. Who does takes them from its left.
    """

    def __init__(self, memory: AudioMemory) -> None:
        self.memory = memory
        self.account: deque[tuple[int, str, dict[str, Any]]] | None = None
        self._lock = threading.Lock()
        # A writer that was killed half way may have left an odd number.
        memory.header.parameters_sequence &= ~1 & 0xFFFFFFFF
        defaults: dict[str, float] = {name: p.default for name, p in PARAMETERS.items()}
        defaults["ramp_frames"] = memory.sample_rate // 100
        self.set(**defaults)
        with self._writing() as parameters:
            for index in range(constant("SLOTS")):
                parameters.slot[index].level = 0

    def set(self, **values: float | bool | str) -> int:
        """Set parameters by name (see `PARAMETERS`); all of them arrive in the same block.

        Returns:
            The sequence number of the change, for the `Journal`.

        Raises:
            LiveError: an unknown name, or a value that is out of range or not finite. Then
                nothing was changed.
        """
        checked = {name: self._checked(name, value) for name, value in values.items()}
        with self._writing() as parameters:
            for name, value in checked.items():
                whole = isinstance(getattr(parameters, name), int)
                setattr(parameters, name, int(value) if whole else value)
            return self._noted("set", checked)

    def get(self, name: str) -> float:
        """A parameter as it was last set."""
        self._known(name)
        return float(getattr(self.memory.header.parameters, name))

    def fade(self, levels: dict[int, float], *, seconds: float, curve: str = "power") -> int:
        """Start fading slots to levels from 0 to 1, all in the same block.

        A cross-fade is one slot to 0 and another to 1: ``strip.fade({0: 0, 1: 1}, seconds=1)``.

        Args:
            levels: the level of each slot that is to move.
            seconds: how long.
            curve: ``"power"`` for different sounds, ``"linear"`` for two versions of one.

        Returns:
            The sequence number of the change, for the `Journal`.

        Raises:
            LiveError: no such slot or curve, or a level or time out of range. Then nothing was
                changed.
        """
        if curve not in _CURVES:
            raise LiveError(f"no fade is called {curve!r}. {suggest(curve, _CURVES)}")
        if not 0 <= seconds <= 600:
            raise LiveError(f"a fade takes 0 to 600 seconds, not {seconds}")
        for slot, level in levels.items():
            self._known_slot(slot)
            if not 0 <= level <= 1:
                raise LiveError(f"slot {slot} cannot go to level {level}: from 0 to 1")
        with self._writing() as parameters:
            for slot, level in levels.items():
                parameters.slot[slot].level = level
                parameters.slot[slot].fade_frames = round(seconds * self.memory.sample_rate)
                parameters.slot[slot].fade_curve = _CURVES.index(curve)
            called = {"levels": dict(levels), "seconds": seconds, "curve": curve}
            return self._noted("fade", called)

    def counters(self) -> Counters:
        """What has been counted."""
        return Counters(**_read(Counters, self.memory.header))

    def slot_counters(self, index: int) -> SlotCounters:
        """What has been counted of one slot."""
        self._known_slot(index)
        return SlotCounters(**_read(SlotCounters, self.memory.header.slot[index]))

    def turns(self, index: int) -> list[int]:
        """Nanoseconds from input ready to output ready in a worker's last turns, up to 1024."""
        self._known_slot(index)
        slot, room = self.memory.header.slot[index], constant("ENTRIES")
        done = int(slot.turns)
        fence()
        return [int(slot.recent_turn_ns[n % room]) for n in range(max(0, done - room), done)]

    def meters(self) -> Meters:
        """The levels now."""
        header = self.memory.header
        ins, outs = range(self.memory.inputs), range(self.memory.outputs)
        return Meters(
            input_peak=tuple(float(header.input_meter.peak[c]) for c in ins),
            input_rms=tuple(math.sqrt(header.input_meter.mean_square[c]) for c in ins),
            output_peak=tuple(float(header.output_meter.peak[c]) for c in outs),
            output_rms=tuple(math.sqrt(header.output_meter.mean_square[c]) for c in outs),
            reduction=float(header.reduction),
        )

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """The parameters, while the sequence number is odd."""
        header = self.memory.header
        with self._lock:
            header.parameters_sequence |= 1
            fence()
            try:
                yield header.parameters
            finally:
                fence()
                header.parameters_sequence = (header.parameters_sequence + 1) & 0xFFFFFFFF

    def _noted(self, called: str, given: dict[str, Any]) -> int:
        """The number of the change that is being written."""
        number = int(self.memory.header.parameters_sequence + 1) & 0xFFFFFFFF
        if self.account is not None:
            self.account.append((number, called, given))
        return number

    def _known(self, name: str) -> Parameter:
        if name not in PARAMETERS:
            raise LiveError(f"the strip has no {name!r}. {suggest(name, PARAMETERS)}")
        return PARAMETERS[name]

    def _known_slot(self, index: int) -> None:
        if not 0 <= index < self.memory.header.slots:
            last = self.memory.header.slots - 1
            raise LiveError(f"there is no slot {index}; there are slots 0 to {last}")

    def _checked(self, name: str, value: float | bool | str) -> float:
        parameter = self._known(name)
        if isinstance(value, str):
            if value not in parameter.choices:
                raise LiveError(f"{name} cannot be {value!r}. {suggest(value, parameter.choices)}")
            return parameter.choices.index(value)
        high = parameter.high
        if name == "delay":
            high = self.memory.capacity - constant("MOST_FRAMES")
        # NaN fails the comparison, too.
        if not parameter.low <= value <= high:
            raise LiveError(f"{name} cannot be {value}: it goes from {parameter.low:g} to {high:g}")
        return float(value)


def _read(kind: type[Counters] | type[SlotCounters], struct: Any) -> dict[str, int]:
    return {field.name: int(getattr(struct, field.name)) for field in dataclasses.fields(kind)}
