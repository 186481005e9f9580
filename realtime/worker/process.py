"""A worker process, seen from the control process."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable

from torchbend.errors import LiveError
from torchbend.realtime.offspring import Event, Offspring
from torchbend.realtime.worker.chain import Step

__all__ = ["ChainSettings", "Loaded", "Measured", "Worker"]

_LOAD_SECONDS = 120.0
_CHILD = "import sys; sys.path[:] = {path!r}; import {module} as child; child.main()"


@dataclasses.dataclass(frozen=True)
class ChainSettings:
    """What a worker is to play, and how.

    Attributes:
        memory: the path of the shared memory.
        paths: of the ``.ts`` files.
        steps: what plays after what.
        inputs: channels of the bus.
        device_rate: in Hz.
        model_rate: in Hz; None if the models do not say, and play at the device's.
        block: frames of a turn at the model's rate, or None for the least that serves.
        least_block: below which it does not go by itself.
        cuda: whether to play on a GPU.
        knobs: ``"cross-fade"`` or ``"steps"``.
        seed: of the noise in the models.
    """

    memory: str
    paths: tuple[str, ...]
    steps: tuple[Step, ...]
    inputs: int
    device_rate: int
    model_rate: int | None = None
    block: int | None = None
    least_block: int = 1
    cuda: bool = False
    knobs: str = "cross-fade"
    seed: int = 0x70BE


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A chain that a worker has loaded.

    Attributes:
        block: frames of a turn at the device's rate.
        in_channels: of the bus.
        out_channels: of what comes out.
        model_block: frames of a turn at the model's rate.
        resampler_frames: delay of the resampler, at the device's rate.
        device: where it plays.
        note: why not elsewhere; empty if nothing is to be said.
        knobs: as asked.
        bad_blocks: blocks that were no sound while it warmed up.
    """

    block: int
    in_channels: int
    out_channels: int
    model_block: int
    resampler_frames: int
    device: str
    note: str
    knobs: str
    bad_blocks: int


@dataclasses.dataclass(frozen=True)
class Measured:
    """How long a chain takes.

    Attributes:
        turn: seconds of a turn, the 99.9th percentile.
        usual: the median.
        double: the 99.9th percentile of a turn that cross-fades.
        usual_double: the median.
        count: of the turns that were measured.
        own_delay: frames at the model's rate by which it answers late, if that was found.
    """

    turn: float
    usual: float
    double: float
    usual_double: float
    count: int
    own_delay: int | None


class Worker:
    """A process that plays one chain in one slot.

    It is up in a second or two without a model: start one ahead to have it at hand.

    Attributes:
        loaded: what it has loaded, if it has.
        bad_blocks: blocks of it that were no sound.
        stopped: why it plays no more, if the model raised.
    """

    def __init__(self) -> None:
        module = f"{__package__}.child"
        code = _CHILD.format(path=sys.path, module=module)
        self._child = Offspring(
            [sys.executable, "-c", code, str(os.getpid())],
            "worker",
            {"OMP_NUM_THREADS": "1"},
            aside={"account": self._told_account},
        )
        self._account: Callable[[Event], object] | None = None
        self.loaded: Loaded | None = None
        self.bad_blocks = 0
        self.stopped = ""

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._child.is_alive

    def load(self, settings: ChainSettings, timeout: float = _LOAD_SECONDS) -> Loaded:
        """Load a chain and warm it up.

        Raises:
            LiveError: it cannot be played, with the reason.
        """
        self._child.send(do="load", chain=dataclasses.asdict(settings))
        self.loaded = Loaded(**self._answer("loaded", timeout))
        return self.loaded

    def measure(self, seconds: float, *, delay: bool = True) -> Measured:
        """Play blocks that nobody hears, and see how long they take.

        Args:
            seconds: how long to try.
            delay: whether to find the model's own delay, too.

        Raises:
            LiveError: it failed.
        """
        self._child.send(do="measure", seconds=seconds, delay=delay)
        return Measured(**self._answer("measured", _LOAD_SECONDS))

    def attach(self, slot: int, latency: int, granted: float, start: int | None = None) -> int:
        """Begin to play in a slot.

        Args:
            slot: which.
            latency: frames from what it reads to where that is heard.
            granted: seconds that a turn may take.
            start: the position to begin at; without it, now.

        Returns:
            The position at which it begins.

        Raises:
            LiveError: it failed.
        """
        told = {"slot": slot, "latency": latency, "granted": granted, "start": start}
        self._child.send(do="attach", account=self._account is not None, **told)
        return int(self._answer("attached", 10.0)["start"])

    def keep_account(self, account: Callable[[Event], object]) -> None:
        """Let it tell what it sets and plays, from the next `attach` on.

        Args:
            account: told ``{"blocks": ..., "jumps": ..., "late": ...}`` as `Twins` and `Turns` have
                them, from a thread of its own.
        """
        self._account = account

    def _told_account(self, event: Event) -> None:
        if self._account is not None:
            self._account(event)

    def play_alone(self) -> None:
        """Give up the second copy: jumps of weights go in steps from now on."""
        self._child.send(do="alone")

    def set_text(self, number: int, text: str) -> None:
        """Set an attribute that is text, by the number of its place in the layout."""
        self._child.send(do="text", number=number, text=text)

    def detach(self) -> None:
        """Leave the slot."""
        self._child.send(do="detach")

    def listen(self) -> list[str]:
        """What it has to say for people since the last call."""
        lines = []
        for event in self._child.take():
            if event["event"] == "report":
                self.bad_blocks = int(event["bad_blocks"])
            elif event["event"] == "stopped":
                self.stopped = str(event["message"])
            elif "message" in event:
                lines.append(str(event["message"]))
        return lines

    def stop(self) -> None:
        """End the process."""
        self._child.stop(0.5)

    def kill(self) -> None:
        """End the process at once."""
        self._child.kill()

    def _answer(self, wanted: str, timeout: float) -> Event:
        event = self._child.first(timeout, wanted)
        if event is None:
            why = f"no answer within {timeout:g} s" if self.is_alive else "its process ended"
            raise LiveError(f"the model cannot be played: {why}")
        if event["event"] != wanted:
            raise LiveError(f"the model cannot be played: {event['message']}")
        del event["event"]
        return event
