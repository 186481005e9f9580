"""Who plays: the models that sound, the one that comes in, and the worker that waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from torchbend.errors import LiveError, TorchbendError
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

_log = logging.getLogger(__name__)

SLOTS = 4
MEASURE_SECONDS = 3.0
PREROLL_SECONDS = 1.0  # that a new model plays before it is heard
FIRST_FADE_SECONDS = 0.05
LONGEST_FADE = 600.0  # seconds
PATIENCE_SECONDS = 5.0
SETTLED_SECONDS = 3.0  # after which a model that was brought back counts as back
LONGEST_PAUSE = 4.0  # seconds between two attempts to bring it back
MOST_GAPS, GAPS_SECONDS = 3, 60.0  # so many in so long, and a turn is granted more time
HANGING_SECONDS = 4.0  # without a turn, while blocks come, after which a worker hangs


class Lineup:
    """The chains that play, each a `Part` with a slot and a worker.

    Models come in one at a time; whoever calls `swap` sees to that. Everything else may be
    called from any thread.

    Args:
        memory: the shared memory.
        strip: of the callback.
        device_block: frames of a device block.
        set_all: gives a part all values as they are; nothing else may be set meanwhile.
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
        set_all: Callable[[Part], object],
        say: Callable[[str], object],
        spare: Worker | None = None,
        take: TakeWriter | None = None,
    ) -> None:
        self.parts: tuple[Part, ...] = ()
        self._memory, self._strip, self._device_block = memory, strip, device_block
        self._set_all = set_all
        self._say = say
        self._spare = spare
        self._take = take
        self._coming: Part | None = None
        self._watched: _Watched | None = None
        self._lock = threading.Lock()
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
        self._set_all(part)
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
        if not 0 <= seconds <= LONGEST_FADE:
            raise LiveError(f"a fade takes 0 to {LONGEST_FADE:g} seconds, not {seconds}")
        self._coming = new = self._part(chain, chosen)
        try:
            new.begin(self._worker(new), MEASURE_SECONDS / 3)
            self._set_all(new)
            self._wait_for(new.attach() + new.latency)
            self._closing.wait(PREROLL_SECONDS)
            self._check_open()
            take_over(new)
        except BaseException:
            new.stop()
            self._refill()
            raise
        finally:
            self._coming = None
        old = self.parts
        self.parts = (new, *old)
        # What was moved between the last time and now went to those that leave alone.
        self._set_all(new)
        for part in old:
            part.state = "leaving"
        self._strip.fade({new.slot: 1.0, **{part.slot: 0.0 for part in old}}, seconds=seconds)
        self._strip.set(delay=new.delay_frames)
        self._say(f"{new.name} comes in")
        self._closing.wait(seconds + 0.1)
        for part in old:
            _end(part)
        self.parts = (new,)
        self._refill()

    def set(self, address: str, values: Values) -> None:
        """Move a control of whatever plays and has it; returns at once."""
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
            self._look_at_blocks(part)
            if not worker.is_alive or worker.stopped:
                self._lost(part, worker.stopped or "its process ended")
                continue
            if part.losses and time.monotonic() - part.back_at > SETTLED_SECONDS:
                if part.losses > 1:
                    self._say(f"{part.name} plays again, and to stay")
                part.losses = 0
            if len(self.parts) == 1 and device_runs:
                self._look_at_turns(part)

    def break_off(self) -> None:
        """Let nobody come in any more, and bring nobody back: what is under way is refused."""
        with self._lock:
            self._closing.set()
        coming = self._coming
        if coming is not None:
            coming.stop()

    def close(self) -> None:
        """End all workers."""
        self.break_off()
        with self._lock:
            spare, self._spare = self._spare, None
        for part in self.parts:
            _end(part)
        if spare is not None:
            spare.kill()

    def _part(self, chain: Sequence[Prepared], chosen: Chosen) -> Part:
        used = {part.slot for part in self.parts}
        slot = next(n for n in range(SLOTS) if n not in used)
        say, take = self._say, self._take
        return Part(self._memory, slot, chain, self._device_block, chosen, say, take)

    def _worker(self, part: Part) -> Worker | InsideWorker:
        """The worker that waits, or a new one."""
        model = part.chain[0]
        if model.live is not None:
            if not part.losses:
                self._say(f"{model.name} plays in this process: {model.why_in_process}")
            return InsideWorker(model.live, model.info, model.method)
        with self._lock:
            self._check_open()
            spare, self._spare = self._spare, None
        return spare if spare is not None and spare.is_alive else Worker()

    def _refill(self) -> None:
        with self._lock:
            if self._spare is None and not self._closing.is_set():
                self._spare = Worker()

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise LiveError("the host is being closed")

    # -- in trouble -----------------------------------------------------------------------------

    def _lost(self, part: Part, why: str) -> None:
        """Have it brought back: at once, or after a pause where that did not help."""
        part.state = "lost"
        part.losses += 1
        if part.losses == 1:
            self._say(f"{part.name} plays no more: {why}; it is brought back")
        elif part.losses == 2:
            self._say(f"{part.name} plays no more, and again: {why}. It is tried now and then")
        pause = min(2.0 ** (part.losses - 2), LONGEST_PAUSE) if part.losses > 1 else 0.0
        part.reviver = threading.Thread(
            target=self._revive, args=(part, pause), name="torchbend-revive", daemon=True
        )
        part.reviver.start()

    def _revive(self, part: Part, pause: float) -> None:
        began, losses, said = time.monotonic(), part.losses, ""
        while True:
            old = part.worker
            if old is None:
                return  # it was stopped meanwhile
            old.kill()
            if self._closing.wait(pause) or part.worker is None:
                return
            try:
                part.revive(self._worker(part))
                break
            # Whatever goes wrong, the next attempt may go well.
            except Exception as error:  # noqa: BLE001
                part.state = "lost"
                if self._closing.is_set():
                    return
                if not isinstance(error, TorchbendError):
                    _log.exception("%s could not be brought back", part.name)
                if str(error) != said:
                    said = str(error)
                    self._say(f"{part.name} is not back yet: {said}. It is tried now and then")
            pause = LONGEST_PAUSE
        if self.parts[0] is part:
            self._strip.set(delay=part.delay_frames)
        if losses == 1:
            self._say(f"{part.name} plays again after {part.back_at - began:.1f} s")
        self._refill()

    def _look_at_blocks(self, part: Part) -> None:
        """Say that it gives no sound, once for as long as it does."""
        bad, now = part.bad_blocks, time.monotonic()
        if bad > part.bad_seen[0]:
            if now - part.bad_seen[1] > PATIENCE_SECONDS:
                self._say(
                    f"{part.name} gives NaN or infinities: such blocks are silent, and its state "
                    "is put back"
                )
            part.bad_seen = bad, now

    def _look_at_turns(self, part: Part) -> None:
        """One that makes no more turns is lost; one that is often late gets more time."""
        counters = self._strip.slot_counters(part.slot)
        watched = self._watched
        if watched is None or watched.part is not part or watched.worker is not part.worker:
            watched = self._watched = _Watched(part, self._memory, counters.gaps)
        if not part.plays_inside and watched.hangs(counters.turns, self._memory):
            self._lost(part, "it does not answer")
        elif watched.is_late(counters.gaps):
            self._grant_more(part)

    def _grant_more(self, part: Part) -> None:
        if not part.can_grow:
            self._say(f"{part.name} is late again and again: this machine is too slow for it now")
            return
        try:
            part.grow()
        except LiveError as error:
            self._lost(part, str(error))
            return
        self._strip.set(delay=part.delay_frames)
        ms = 1000 * part.latency / self._memory.sample_rate
        self._say(f"{part.name} was late again and again: its latency is {ms:.1f} ms now")

    def _wait_for(self, position: int) -> None:
        """Wait until the clock is there: a model is not faded in before it has made a sound."""
        missing = position - self._memory.position
        end = time.monotonic() + 2.0 + missing / self._memory.sample_rate
        while self._memory.position < position and time.monotonic() < end:
            if self._closing.wait(0.005):
                return


def _end(part: Part) -> None:
    """Stop a part for good; whatever was bringing it back would attach to a slot that is free."""
    part.stop()
    if part.reviver is not None:
        part.reviver.join()
        part.stop()


class _Watched:
    """What was seen of a part's worker lately."""

    def __init__(self, part: Part, memory: AudioMemory, gaps: int) -> None:
        self.part, self.worker = part, part.worker
        self._gaps, self._late = gaps, list[float]()
        self._turns = -1
        self._turned_at = memory.position
        block = part.loaded.block if part.loaded else 0
        self._patience = round(HANGING_SECONDS * memory.sample_rate) + 4 * block

    def hangs(self, turns: int, memory: AudioMemory) -> bool:
        """Whether blocks come and go, and it plays none of them."""
        position = memory.position
        if turns != self._turns:
            self._turns, self._turned_at = turns, position
        return position - self._turned_at > self._patience

    def is_late(self, gaps: int) -> bool:
        """Whether it was late so often that it needs more time; then it is counted anew."""
        now = time.monotonic()
        self._late += [now] * min(gaps - self._gaps, MOST_GAPS)
        self._gaps = gaps
        self._late = [when for when in self._late if now - when <= GAPS_SECONDS]
        if len(self._late) < MOST_GAPS:
            return False
        self._late.clear()
        return True
