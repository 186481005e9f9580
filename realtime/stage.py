"""The memory, the strip and the device: what is there before any model plays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torchbend.realtime.audio.io_process import AudioProcess, Device, SampleRateError
from torchbend.realtime.audio.keeper import AudioKeeper
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.audio.strip import Strip
from torchbend.realtime.lineup import SLOTS
from torchbend.realtime.mixing import RAMP_SECONDS
from torchbend.realtime.status import LatencyReport

__all__ = ["Stage"]


class Stage:
    """A device that plays a memory, with nothing on it yet.

    Args:
        device: which.
        rate: the models', in Hz. Where the device refuses it, the memory has the device's.
        channels: that come in, and that are heard.
        source: ``"device"``, ``"feed"`` or ``"none"``.
        late: what is heard while a model is late.
        say: told what people should know.

    Attributes:
        memory: the shared memory.
        strip: of the callback.
        audio: the I/O process.
        keeper: watches over it.

    Raises:
        LiveError: the device cannot be had.
    """

    def __init__(
        self,
        device: Device,
        rate: int,
        channels: tuple[int, int],
        source: str,
        late: str,
        say: Callable[[str], None],
    ) -> None:
        self._device = device if source == "device" else replace(device, input="none")
        self._late = late
        try:
            self._open(rate, channels)
        except SampleRateError as error:
            say(f"{error}: the model's sound is resampled")
            self._open(error.sample_rate, channels)
        self.keeper = AudioKeeper(self.audio, say)

    def _open(self, rate: int, channels: tuple[int, int]) -> None:
        inputs, outputs = channels
        self.memory = AudioMemory.create(rate, inputs=inputs, outputs=outputs, slots=SLOTS)
        self.strip = Strip(self.memory)
        # Nothing comes in before everything is there.
        ramp = round(RAMP_SECONDS * rate)
        self.strip.set(ramp_frames=ramp, source="none", late=self._late)
        self.audio = AudioProcess(self.memory, self._device)
        try:
            self.audio.start()
        except BaseException:
            self.memory.close()
            raise

    @property
    def device_block(self) -> int:
        """Frames of a device block; what was asked for where they may differ."""
        playing = self.audio.playing
        return (playing.block if playing else 0) or self._device.block

    def latency(self, ring: int, resampler: int, model: int | None) -> LatencyReport:
        """Where the time goes, with what the device claims for itself.

        Args:
            ring: in frames, as the others; see `LatencyReport`.
            resampler: see there.
            model: see there.
        """
        playing, rate = self.audio.playing, self.memory.sample_rate
        return LatencyReport(
            device_in=round(playing.input_latency * rate) if playing else 0,
            device_out=round(playing.output_latency * rate) if playing else 0,
            ring=ring,
            resampler=resampler,
            model=model,
            sample_rate=rate,
        )

    def close(self) -> None:
        """Close the device, and remove the memory."""
        self.keeper.close()
        self.audio.stop()
        self.memory.close()
