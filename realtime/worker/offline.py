"""Workers that are turned by hand, in this process: for rendering, as fast as it goes.

Each stands in the place of the worker that it is named after, and plays with the same parts. Let
them work after every device block, and what they make is there in time, however long it takes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.opening import Prepared
from torchbend.realtime.worker.inside import InsideWorker
from torchbend.realtime.worker.playable import Playable
from torchbend.realtime.worker.probing import own_delay
from torchbend.realtime.worker.process import ChainSettings, Loaded, Measured
from torchbend.realtime.worker.turn import Blocks, Turns

__all__ = ["OfflineInside", "OfflineWorker", "offline_worker"]


class OfflineWorker:
    """Plays files; a `Worker` that is turned by hand.

    Args:
        say: told what an attribute refused.

    Attributes:
        loaded: what it has loaded, if it has.
        stopped: empty; who turns it hears what a model raises.
    """

    def __init__(self, say: Callable[[str], object] = lambda line: None) -> None:
        self.loaded: Loaded | None = None
        self.stopped = ""
        self.pid = os.getpid()
        self.is_alive = True
        self._say = say
        self._playable: Playable | None = None
        self._memory: AudioMemory | None = None
        self._turns: Turns | None = None

    @property
    def bad_blocks(self) -> int:
        """Blocks that came out as no sound."""
        return self._playable.twins.bad_blocks if self._playable else 0

    def load(self, settings: ChainSettings, timeout: float = 0.0) -> Loaded:
        """Load a chain and warm it up.

        Raises:
            TorchbendError: it cannot be played.
        """
        self._memory = AudioMemory.attach(settings.memory)
        self._playable = playable = Playable(dataclasses.asdict(settings), self._say)
        self.loaded = playable.loaded()
        return self.loaded

    def measure(self, seconds: float, *, delay: bool = True) -> Measured:
        """Nothing takes time here; the model's own delay is found."""
        found = own_delay(self._ready()[0].twins) if delay else None
        return Measured(0.0, 0.0, 0.0, 0.0, 0, found)

    def attach(self, slot: int, latency: int, granted: float, start: int | None = None) -> int:
        """Begin to play in a slot; returns the position at which it begins."""
        playable, memory = self._ready()
        turns = Turns(memory, slot, playable.twins, playable.player)
        turns.attach(latency, granted, start)
        self._turns = turns
        return turns.slot.next

    def work(self) -> None:
        """Play all blocks that have come."""
        _work(self._turns)

    def play_alone(self) -> None:
        """Give up the second copy."""
        self._ready()[0].twins.play_alone()

    def set_text(self, number: int, text: str) -> None:
        """Set an attribute that is text, by the number of its place in the layout."""
        self._ready()[0].twins.want_text(number, text)

    def detach(self) -> None:
        """Leave the slot."""
        if self._turns is not None:
            self._turns.slot.detach()
            self._turns = None

    def listen(self) -> list[str]:
        """Nothing: it says what it has to say at once."""
        return []

    def stop(self) -> None:
        """Play no more."""
        self.detach()
        self.is_alive = False

    def kill(self) -> None:
        """The same."""
        self.stop()

    def _ready(self) -> tuple[Playable, AudioMemory]:
        if self._playable is None or self._memory is None:
            raise LiveError("nothing is loaded")
        return self._playable, self._memory


class OfflineInside(InsideWorker):
    """Plays what cannot be written as a file; an `InsideWorker` that is turned by hand."""

    _turns: Turns | None = None

    def measure(self, seconds: float, *, delay: bool = True) -> Measured:
        """Nothing takes time here."""
        return Measured(0.0, 0.0, 0.0, 0.0, 0, None)

    def attach(self, slot: int, latency: int, granted: float, start: int | None = None) -> int:
        """Begin to play in a slot; returns the position at which it begins."""
        bends = self._ready()
        if self._memory is None:
            raise LiveError("nothing is loaded")
        turns = Turns(self._memory, slot, bends, Blocks(bends))
        turns.attach(latency, granted, start)
        self._turns = turns
        return turns.slot.next

    def work(self) -> None:
        """Play all blocks that have come."""
        _work(self._turns)


def offline_worker(
    model: Prepared, say: Callable[[str], object] = lambda line: None
) -> OfflineWorker | OfflineInside:
    """What plays a chain that begins with a model.

    Args:
        model: the first of the chain.
        say: told what an attribute refused.
    """
    if model.live is not None:
        return OfflineInside(model.live, model.info, model.method)
    return OfflineWorker(say)


def _work(turns: Turns | None) -> None:
    while turns is not None and turns.slot.wait(0.0):
        turns.turn(0.0)
