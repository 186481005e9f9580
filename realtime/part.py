"""One chain of models in one slot: its worker, its values, its latency."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from torchbend.description import FileInfo
from torchbend.errors import LiveError
from torchbend.realtime.audio.layout import constant
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.audio.slot import latency_frames
from torchbend.realtime.audio.strip import Strip
from torchbend.realtime.control.controls import Values as Controls
from torchbend.realtime.opening import Prepared
from torchbend.realtime.part_values import PartValues
from torchbend.realtime.status import ModelStatus
from torchbend.realtime.takes import TakeWriter
from torchbend.realtime.worker.chain import Step
from torchbend.realtime.worker.inside import InsideWorker
from torchbend.realtime.worker.offline import OfflineWorker
from torchbend.realtime.worker.probing import granted_blocks
from torchbend.realtime.worker.process import ChainSettings, Loaded, Measured, Worker
from torchbend.realtime.worker.twins import CROSS_FADE, STEPS

__all__ = ["Chosen", "Part"]

ROOM = 0.9  # of a block's time that a turn may take
MARGIN = 2.0  # what is granted, of the longest turn in some seconds: a set lasts an hour
HASTE = 0.7  # of a block's time: what takes more gets longer blocks
MOST_BLOCK_FRAMES = 8192
LEAST_BLOCK_FRAMES = 512  # fewer would cost more in calls than they are heard
MOST_GRANTED_SECONDS = 0.5

AnyWorker = Worker | InsideWorker | OfflineWorker


@dataclass(frozen=True)
class Chosen:
    """What somebody chose about how models are played.

    Attributes:
        steps: what plays after what; without it the method of each model.
        block: frames of a turn, at the model's rate; None for the least that serves.
        latency: frames from what is read to where it is heard; None to measure.
        knobs: ``"cross-fade"`` or ``"steps"``.
        cuda: whether to play on a GPU.
    """

    steps: tuple[Step, ...] | None = None
    block: int | None = None
    latency: int | None = None
    knobs: str = CROSS_FADE
    cuda: bool = False


class Part:
    """A chain that plays, or is about to.

    Args:
        memory: the shared memory.
        slot: where it plays.
        chain: its models.
        device_block: frames of a device block.
        chosen: how to play it.
        say: told what people should know.
        take: what to write a take to.

    Attributes:
        state: see `ModelStatus`.
        latency: frames from what is read to where it is heard; 0 before `begin`.
        resampler: frames, at the device's rate.
        own_delay: frames, at the device's rate, if it was found.
        losses: how often its worker was lost lately.
        bad_seen: how many blocks were bad when they were last seen to be more, and when that was.
        back_at: when it was attached last, in monotonic seconds.
        reviver: what brings it back, if it was ever lost.
    """

    def __init__(
        self,
        memory: AudioMemory,
        slot: int,
        chain: Sequence[Prepared],
        device_block: int,
        chosen: Chosen,
        say: Callable[[str], object],
        take: TakeWriter | None = None,
    ) -> None:
        self.memory, self.slot, self.chain = memory, slot, tuple(chain)
        self.chosen = chosen
        self.name = " + ".join(model.name for model in chain)
        self.steps = steps_of(chain, chosen)
        self.state = "starting"
        self.latency = 0
        self.own_delay: int | None = None
        self.worker: AnyWorker | None = None
        self.loaded: Loaded | None = None
        self.measured: Measured | None = None
        self._say = say
        self._take = take
        self._taken: tuple[AnyWorker, int] | None = None  # in the take: a worker, and its number
        self._device_block = device_block
        self._granted = 0.0
        self._knobs = chosen.knobs
        self._bad_blocks = 0
        self.bad_seen = (0, -math.inf)
        self.losses = 0
        self.back_at = 0.0
        self.reviver: threading.Thread | None = None
        infos = [model.info for model in chain]
        labels = latent_labels(chain, self.steps)
        self._values = PartValues(memory, slot, self.models, len(labels))
        self._settings = ChainSettings(
            memory.path,
            tuple(str(take.kept(model.path) if take else model.path) for model in chain),
            self.steps,
            memory.inputs,
            memory.sample_rate,
            next((info.sample_rate for info in infos if info.sample_rate), None),
            chosen.block,
            max(LEAST_BLOCK_FRAMES, 2 * device_block),
            chosen.cuda,
            chosen.knobs,
        )

    @property
    def models(self) -> list[tuple[str, FileInfo]]:
        """Names and descriptions, as the control surface takes them."""
        return [(model.name, model.info) for model in self.chain]

    # -- starting -------------------------------------------------------------------------------

    @property
    def plays_inside(self) -> bool:
        """Whether it plays in this process: it could not be written as a file."""
        return self.chain[0].live is not None

    def load(self, worker: AnyWorker) -> None:
        """Let a worker load it.

        Raises:
            LiveError: it cannot be played.
        """
        self.worker = worker
        settings = dataclasses.replace(self._settings, knobs=self._knobs)
        self.loaded = worker.load(settings)
        self._values.tell(worker)
        if self.loaded.note:
            self._say(self.loaded.note)

    def begin(self, worker: AnyWorker, seconds: float) -> None:
        """Load it, measure how long a turn takes, and choose block and latency by it.

        Args:
            worker: what is to play it.
            seconds: how long to measure.

        Raises:
            LiveError: it cannot be played, is slower than real time, or the latency that was
                asked for is too short for any model with this block.
        """
        self.load(worker)
        while self.chosen.block is None and self._is_hasty(worker, seconds / 6):
            _, loaded = self._running()
            self._settings = dataclasses.replace(self._settings, least_block=2 * loaded.model_block)
            self.load(worker)
        self._settle_latency(worker.measure(seconds))

    def _is_hasty(self, worker: AnyWorker, seconds: float) -> bool:
        """Whether larger blocks would make it easier: calls cost, whatever their length."""
        _, loaded = self._running()
        if 2 * loaded.block > MOST_BLOCK_FRAMES:
            return False
        measured = worker.measure(seconds, delay=False)
        return measured.usual_double > HASTE * loaded.block / self.memory.sample_rate

    def _settle_latency(self, measured: Measured) -> None:
        worker, loaded = self._running()
        rate = self.memory.sample_rate
        block_seconds = loaded.block / rate
        self.measured = measured
        if measured.usual >= ROOM * block_seconds:
            raise LiveError(
                f"{self.name} is slower than real time here: it takes {1000 * measured.usual:.1f} "
                f"ms for a block of {1000 * block_seconds:.1f} ms. A larger --model-block, a "
                "smaller model, or --cuda may help"
            )
        if measured.own_delay is not None:
            scale = loaded.block / loaded.model_block
            self.own_delay = round(measured.own_delay * scale)
        turn = self._choose_knobs(worker, measured, block_seconds)
        self._choose_latency(turn, loaded.block)
        self._say(
            f"{self.name}: {1000 * measured.usual:.1f} ms for a block of "
            f"{1000 * block_seconds:.1f} ms, {1000 * turn:.1f} at the most of {measured.count} "
            f"under load; its answer comes after {1000 * self.latency / rate:.1f} ms"
        )

    def _choose_knobs(self, worker: AnyWorker, measured: Measured, block_seconds: float) -> float:
        """Cross-fade jumps of weights if there is time for it; returns how long a turn may take."""
        if self._knobs == CROSS_FADE and measured.usual_double < ROOM * block_seconds:
            return measured.double
        if self._knobs == CROSS_FADE:
            self._say(
                f"{self.name} takes {1000 * measured.usual_double:.1f} ms to cross-fade a knob, of "
                f"{1000 * block_seconds:.1f} that there are: knobs on weights move in steps"
            )
            self._knobs = STEPS
            worker.play_alone()
        return measured.turn

    def _choose_latency(self, turn: float, block: int) -> None:
        """The one that was asked for, or the least at which a turn has twice the time it needs.

        Args:
            turn: seconds that one may take.
            block: its frames.
        """
        least, rate = latency_frames(block, self._device_block), self.memory.sample_rate
        if self.chosen.latency is None:
            granted = min(MARGIN * turn, block / rate, MOST_GRANTED_SECONDS)
            blocks = granted_blocks(granted, block, self._device_block, rate)
            self._grant(latency_frames(block, self._device_block, blocks))
            return
        if self.chosen.latency < least:
            raise LiveError(
                f"a latency of {self.chosen.latency} frames is too short for blocks of {block}: "
                f"it is {least} at least"
            )
        self._grant(self.chosen.latency)
        if self._granted < turn:
            self._say(
                f"the latency grants a turn {1000 * self._granted:.1f} ms, and it may take "
                f"{1000 * turn:.1f}: some sound may be missing"
            )

    def attach(self, start: int | None = None) -> int:
        """Begin to play, at the slot's level; returns the position at which it begins."""
        worker, loaded = self._running()
        number = self._number_in_take(worker, loaded)
        begun = worker.attach(self.slot, self.latency, self._granted, start)
        if self._take is not None:
            self._take.attached(number, self.slot, begun, self.latency)
        self.back_at = time.monotonic()
        self.state = "playing"
        return begun

    def revive(self, worker: AnyWorker) -> None:
        """Play on with another worker, as loaded and measured before.

        Raises:
            LiveError: it cannot be played.
        """
        self._bad_blocks = self.bad_blocks
        self._end_in_take()
        self.load(worker)
        self.attach()

    def grow(self) -> None:
        """Grant one device block more to each turn; a moment of sound is missing meanwhile.

        Raises:
            LiveError: the worker does not do it; the latency is then as before.
        """
        before = self.latency
        self._grant(before + self._device_block)
        try:
            self.attach()
        except LiveError:
            self._grant(before)
            raise

    @property
    def can_grow(self) -> bool:
        """Whether a longer latency could help."""
        _, loaded = self._running()
        longest = latency_frames(loaded.block, self._device_block) + 2 * loaded.block
        return self.chosen.latency is None and self.latency + self._device_block <= longest

    def _number_in_take(self, worker: AnyWorker, loaded: Loaded) -> int:
        """The number of a worker in the take, which hears its account from now on."""
        if self._take is None:
            return 0
        if self._taken is None or self._taken[0] is not worker:
            why = self.chain[0].why_in_process
            number = self._take.opened(self._settings, loaded, self._knobs, why)
            self._taken = worker, number
            if isinstance(worker, Worker):
                worker.keep_account(self._take.account(number))
        return self._taken[1]

    def _end_in_take(self) -> None:
        if self._take is not None and self._taken is not None:
            self._take.ended(self.slot)
            self._taken = None

    def _grant(self, latency: int) -> None:
        _, loaded = self._running()
        self.latency = latency
        least = latency_frames(loaded.block, self._device_block)
        self._granted = (latency - least) / self.memory.sample_rate

    def _running(self) -> tuple[AnyWorker, Loaded]:
        if self.worker is None or self.loaded is None:
            raise LiveError(f"{self.name} is not loaded")
        return self.worker, self.loaded

    # -- values ---------------------------------------------------------------------------------

    def set_all(self, values: Mapping[str, Controls]) -> None:
        """Set everything it knows of, and the rest to how the files start."""
        self._values.set_all(values)

    def set(self, address: str, values: Controls) -> None:
        """Set a value by its address, if it has one there."""
        self._values.set(address, values)

    # -- how it does ----------------------------------------------------------------------------

    @property
    def resampler_frames(self) -> int:
        """Delay of the resampler."""
        return self.loaded.resampler_frames if self.loaded else 0

    @property
    def delay_frames(self) -> int:
        """From a frame that comes in to its answer: what the dry path must wait, as far as it can.

        A model may answer before it is asked, within a block, or later than the memory lasts.
        """
        frames = self.latency + self.resampler_frames + (self.own_delay or 0)
        return min(max(0, frames), self.memory.capacity - constant("MOST_FRAMES"))

    @property
    def bad_blocks(self) -> int:
        """Blocks that came out as no sound."""
        worker = self.worker  # which another thread may take away
        return self._bad_blocks + (worker.bad_blocks if worker else 0)

    def status(self, strip: Strip) -> ModelStatus:
        """How it does."""
        counters = strip.slot_counters(self.slot)
        turns = strip.turns(self.slot)
        usual = float(np.median(turns)) / 1e6 if len(turns) else math.nan
        loaded = self.loaded
        block = loaded.block if loaded else 0
        load = usual / 1000 * self.memory.sample_rate / block if block else 0.0
        return ModelStatus(
            name=self.name,
            methods=tuple(step.method for step in self.steps),
            state=self.state,
            where=loaded.device if loaded else "",
            block=block,
            latency_frames=self.latency,
            turn_ms=usual,
            turn_ms_most=counters.turn_ns_most / 1e6,
            load=load,
            late_blocks=counters.late_blocks,
            skipped_frames=counters.skipped,
            bad_blocks=self.bad_blocks,
            knobs=self._knobs,
        )

    def stop(self) -> None:
        """End its worker."""
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.stop()
            self._end_in_take()


def steps_of(chain: Sequence[Prepared], chosen: Chosen) -> tuple[Step, ...]:
    """What plays after what."""
    return chosen.steps or tuple(Step(n, model.method.name) for n, model in enumerate(chain))


def latent_labels(chain: Sequence[Prepared], steps: Sequence[Step]) -> tuple[str, ...]:
    """Names of the latents that a desk moves; none where no latents go into a model."""
    for step in steps:
        methods = {method.name: method for method in chain[step.model].info.methods}
        method = methods.get(step.method)
        if method is not None and method.in_ratio > 1:
            found = method.input_labels
            return (
                found
                if len(found) == method.in_channels
                else tuple(f"latent {n}" for n in range(method.in_channels))
            )
    return ()
