"""How the live host stands: what its terminal view, its OSC outputs and Python callers read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["LatencyReport", "ModelStatus", "Status"]


@dataclass(frozen=True)
class LatencyReport:
    """Where the time between a sound and its answer goes, in frames at the device's rate.

    Attributes:
        device_in: as the device claims.
        device_out: as the device claims.
        ring: from a frame that came in to where the model's answer to it is played: the model's
            block, and the time granted to its computation.
        resampler: where the device runs at another rate than the model.
        model: the model's own delay, as an impulse measured it; None if it did not answer one.
        sample_rate: of the frames, in Hz.
    """

    device_in: int
    device_out: int
    ring: int
    resampler: int
    model: int | None
    sample_rate: int

    @property
    def total_frames(self) -> int:
        """All parts together."""
        whole = self.device_in + self.device_out + self.ring + self.resampler
        return whole + (self.model or 0)

    @property
    def total_ms(self) -> float:
        """All parts together, in milliseconds."""
        return 1000 * self.total_frames / self.sample_rate


@dataclass(frozen=True)
class ModelStatus:
    """How a model does that sounds, or is about to.

    Attributes:
        name: its file.
        methods: what is played of it, one for each model of a chain.
        state: ``"starting"``, ``"playing"``, ``"leaving"`` or ``"lost"`` (its process died or
            hangs, or the model raised; it is being brought back).
        where: ``"cpu"``, ``"cuda"``, with ``" graph"`` behind it where CUDA graphs play, or
            ``"in process"``.
        block: frames of a turn, at the device's rate.
        latency_frames: from what it reads to where that is heard.
        turn_ms: from input ready to output ready, the median of the last turns.
        turn_ms_most: the longest of them.
        load: ``turn_ms`` as a share of the block.
        late_blocks: device blocks that lacked some of its sound.
        skipped_frames: passed over to catch up.
        bad_blocks: blocks that came out with NaN or infinities, after which its state was put back.
        knobs: how jumps of weights are made smooth: ``"cross-fade"`` or ``"steps"``.
    """

    name: str
    methods: tuple[str, ...]
    state: str
    where: str
    block: int
    latency_frames: int
    turn_ms: float
    turn_ms_most: float
    load: float
    late_blocks: int
    skipped_frames: int
    bad_blocks: int
    knobs: str


@dataclass(frozen=True)
class Status:
    """A moment of the host.

    Attributes:
        seconds: since it started to play.
        audio: ``"running"``, ``"reopening"`` or ``"stopped"``.
        input: the device's name, the file's, or ``"none"``.
        output: the device's name, or ``"none"`` for the internal clock.
        host_api: such as ``"ALSA"``.
        sample_rate: of the device, in Hz.
        device_block: frames.
        callback: ``"C"`` or ``"Python"``.
        models: those that sound first.
        latency: its parts.
        input_db: peaks by channel.
        output_db: peaks by channel.
        reduction_db: what the limiter takes off, 0 or less.
        underruns: device blocks that a sounding model had nothing for.
        xruns: as the device flagged them.
        bad_inputs: samples that came in and were no numbers.
        bad_outputs: samples that were no numbers at the very end.
        dropped_messages: OSC messages that could not be taken.
        recording: the file that is being written, or None.
        messages: what was said lately, the newest last.
    """

    seconds: float
    audio: str
    input: str
    output: str
    host_api: str
    sample_rate: int
    device_block: int
    callback: str
    models: tuple[ModelStatus, ...]
    latency: LatencyReport
    input_db: tuple[float, ...]
    output_db: tuple[float, ...]
    reduction_db: float
    underruns: int
    xruns: int
    bad_inputs: int
    bad_outputs: int
    dropped_messages: int
    recording: Path | None
    messages: tuple[str, ...]
