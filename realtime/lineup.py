"""Who plays: the models that sound, the one that comes in, and the worker that waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from torchbend.errors import TorchbendError
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.audio.strip import Strip
from torchbend.realtime.control.controls import Values
from torchbend.realtime.opening import Prepared
from torchbend.realtime.part import Chosen, Part
from torchbend.realtime.takes import TakeWriter
from torchbend.realtime.worker.inside import InsideWorker
from torchbend.realtime.worker.probing import Load
from torchbend.realtime.worker.process import Worker

__all__ = ["SLOTS", "Lineup"]

SLOTS = 4
MEASURE_SECONDS = 3.0
PREROLL_SECONDS = 1.0  # that a new model plays before it is heard
FIRST_FADE_SECONDS = 0.05
PATIENCE_SECONDS = 5.0
SETTLED_SECONDS = 3.0  # after which a model that was brought back counts as back
LONGEST_PAUSE = 4.0  # seconds between two attempts to bring it back
MOST_GAPS = 4  # in so many seconds, after which a turn is granted more time


class Lineup:
    """The chains that play, each a `Part` with a slot and a worker.

    Args:
        memory: the shared memory.
        strip: of the callback.
        device_block: frames of a device block.
        values: all controls' values as models are to have them.
        say: told what people should know.
        spare: a worker that waits.
        take: what to write a take to.

    Attributes:
        parts: what plays, the newest first.
    """

    def __init__(
        self,
        memory: AudioMemory,
        strip: Strip,
        device_block: int,
        values: Callable[[], dict[str, Values]],
        say: Callable[[str], object],
        spare: Worker | None = None,
        take: TakeWriter | None = None,
    ) -> None:
        self.parts: tuple[Part, ...] = ()
        self._memory, self._strip, self._device_block = memory, strip, device_block
        self._values = values
        self._say = say
        self._spare = spare
        self._take = take
        self._gaps: deque[tuple[float, int]] = deque()
        self._closing = threading.Event()

    def begin(self, chain: Sequence[Prepared], chosen: Chosen) -> Part:
        """Load, measure and attach the first chain; `fade_in` makes it heard.

        Raises:
            LiveError: it cannot be played.
        """
        part = self._part(chain, chosen)
        self.parts = (part,)
        self._say(f"loading {part.name}")
        with Load():
            part.begin(self._worker(part), MEASURE_SECONDS)
        part.set_all(self._values())
        return part

    def fade_in(self, part: Part) -> None:
        """Play the first chain from now on."""
        self._wait_for(part.attach() + part.latency)
        self._strip.set(delay=part.delay_frames)
        self._strip.fade({part.slot: 1.0}, seconds=FIRST_FADE_SECONDS)
        self._refill()

    def swap(
        self,
        chain: Sequence[Prepared],
        chosen: Chosen,
        seconds: float,
        take_over: Callable[[Part], object],
    ) -> None:
        """Bring in another chain, and let those that play leave.

        Args:
            chain: what comes in.
            chosen: how it plays.
            seconds: of the cross-fade.
            take_over: called when it is ready, before it is heard: its controls come now.

        Raises:
            LiveError: it cannot be played; what plays goes on.
        """
        new = self._part(chain, chosen)
        try:
            new.begin(self._worker(new), MEASURE_SECONDS / 3)
            new.set_all(self._values())
            self._wait_for(new.attach() + new.latency)
            time.sleep(PREROLL_SECONDS)
            take_over(new)
        except BaseException:
            new.stop()
            self._refill()
            raise
        old = self.parts
        self.parts = (new, *old)
        new.set_all(self._values())
        levels = {new.slot: 1.0, **{part.slot: 0.0 for part in old}}
        for part in old:
            part.state = "leaving"
        self._strip.fade(levels, seconds=seconds)
        self._strip.set(delay=new.delay_frames)
        self._say(f"{new.name} comes in")
        time.sleep(seconds + 0.1)
        self.parts = (new,)
        self._gaps.clear()
        for part in old:
            part.stop()
        self._refill()

    def set(self, address: str, values: Values) -> None:
        """Move a control of whatever plays and has it."""
        for part in self.parts:
            part.set(address, values)

    def look_after(self, *, device_runs: bool) -> None:
        """Bring back what died, and give more time to what is late; call it some 20 times a second.

        Args:
            device_runs: whether blocks are asked for at all.
        """
        for part in self.parts:
            worker = part.worker
            if worker is None or part.state != "playing":
                continue
            for line in worker.listen():
                self._say(f"{part.name}: {line}")
            if not worker.is_alive or worker.stopped:
                self._lost(part, worker.stopped or "its process ended")
                continue
            if part.losses and time.monotonic() - part.back_at > SETTLED_SECONDS:
                if part.losses > 1:
                    self._say(f"{part.name} plays again, and to stay")
                part.losses = 0
            if len(self.parts) == 1 and device_runs:
                self._look_for_gaps(part)

    def close(self) -> None:
        """End all workers."""
        self._closing.set()
        for part in self.parts:
            part.stop()
        if self._spare is not None:
            self._spare.kill()

    def _part(self, chain: Sequence[Prepared], chosen: Chosen) -> Part:
        used = {part.slot for part in self.parts}
        slot = next(n for n in range(SLOTS) if n not in used)
        say, take = self._say, self._take
        return Part(self._memory, slot, chain, self._device_block, chosen, say, take)

    def _worker(self, part: Part) -> Worker | InsideWorker:
        """The worker that waits, or a new one."""
        model = part.chain[0]
        if model.live is not None:
            self._say(f"{model.name} plays in this process: {model.why_in_process}")
            return InsideWorker(model.live, model.info, model.method)
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.is_alive else Worker()

    def _refill(self) -> None:
        if self._spare is None and not self._closing.is_set():
            self._spare = Worker()

    def _lost(self, part: Part, why: str) -> None:
        """Have it brought back: at once, or after a pause where that did not help."""
        part.state = "lost"
        part.losses += 1
        if part.losses == 1:
            self._say(f"{part.name} plays no more: {why}; it is brought back")
        elif part.losses == 2:
            self._say(f"{part.name} plays no more, and again: {why}. It is tried now and then")
        pause = min(2.0 ** (part.losses - 2), LONGEST_PAUSE) if part.losses > 1 else 0.0
        threading.Thread(target=self._revive, args=(part, pause), daemon=True).start()

    def _revive(self, part: Part, pause: float) -> None:
        began = time.monotonic()
        if part.worker is not None:
            part.worker.kill()
        if self._closing.wait(pause):
            return
        try:
            part.revive(self._worker(part))
        except TorchbendError as error:
            part.state = "silent"
            self._say(f"{part.name} cannot be brought back: {error}")
        else:
            part.back_at = time.monotonic()
            if part.losses == 1:
                self._say(f"{part.name} plays again after {part.back_at - began:.1f} s")
        if self._closing.is_set() or part not in self.parts:
            part.stop()
        self._refill()

    def _look_for_gaps(self, part: Part) -> None:
        """A model that is late again and again gets more time, as long as that may help."""
        now, gaps = time.monotonic(), self._strip.slot_counters(part.slot).gaps
        self._gaps.append((now, gaps))
        while now - self._gaps[0][0] > PATIENCE_SECONDS:
            self._gaps.popleft()
        if gaps - self._gaps[0][1] < MOST_GAPS:
            return
        self._gaps.clear()
        if part.can_grow:
            part.grow()
            self._strip.set(delay=part.delay_frames)
            ms = 1000 * part.latency / self._memory.sample_rate
            self._say(f"{part.name} was late again and again: its latency is {ms:.1f} ms now")
        else:
            self._say(f"{part.name} is late again and again: this machine is too slow for it now")

    def _wait_for(self, position: int) -> None:
        """Wait until the clock is there: a model is not faded in before it has made a sound."""
        missing = position - self._memory.position
        end = time.monotonic() + 2.0 + missing / self._memory.sample_rate
        while self._memory.position < position and time.monotonic() < end:
            time.sleep(0.005)
