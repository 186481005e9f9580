"""Starts the I/O process, listens to it, and starts it again when it is gone or hangs."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from typing import Any

from torchbend.errors import LiveError
from torchbend.realtime.audio.callback import is_native
from torchbend.realtime.audio.light import light_command
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.offspring import Event, Offspring

__all__ = ["AudioProcess", "Device", "Playing", "SampleRateError", "list_devices"]

_log = logging.getLogger(__name__)

_CHILD = "from torchbend.realtime.audio.child import main; main()"
_MOST_BLOCK = 8192
_LEAST_STALL = 0.1  # seconds without a block after which the device counts as gone


class SampleRateError(LiveError):
    """The device does not run at the rate of the memory.

    Attributes:
        sample_rate: at which it runs, in Hz.
    """

    def __init__(self, message: str, sample_rate: int) -> None:
        super().__init__(message)
        self.sample_rate = sample_rate


@dataclasses.dataclass(frozen=True)
class Device:
    """Which device to open, and how.

    Attributes:
        output: its name or number, None for the default one, or ``"none"`` for no device at all:
            an internal clock, and what is heard is only recorded.
        input: the same; ``"none"`` opens an output alone.
        block: frames of a device block; 0 lets the device choose.
        latency: what to ask of the device: ``"low"``, ``"high"`` or seconds.
        input_map: for each channel of the bus the device channel it takes, from 0, or -1.
        output_map: for each channel that is heard the device channel that plays it, or -1.
    """

    output: str | int | None = None
    input: str | int | None = None
    block: int = 256
    latency: str | float = "low"
    input_map: tuple[int, ...] | None = None
    output_map: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.block <= _MOST_BLOCK:
            raise LiveError(f"a device block has 0 to {_MOST_BLOCK} frames, not {self.block}")
        if isinstance(self.latency, str) and self.latency not in ("low", "high"):
            raise LiveError(f"a latency is 'low', 'high' or seconds, not {self.latency!r}")


@dataclasses.dataclass(frozen=True)
class Playing:
    """What was opened.

    Attributes:
        input: the device's name, or ``"none"``.
        output: the same.
        host_api: such as ``"ALSA"`` or ``"JACK Audio Connection Kit"``.
        input_latency: in seconds, as the device claims.
        output_latency: in seconds, as the device claims.
        sample_rate: in Hz.
        block: frames of a device block; 0 where they may differ.
        native: whether the compiled callback runs, or its slower twin in Python.
        locked: whether the memory is kept out of the swap.
    """

    input: str
    output: str
    host_api: str
    input_latency: float
    output_latency: float
    sample_rate: int
    block: int
    native: bool
    locked: bool


class AudioProcess:
    """The process that plays. It may be killed and started again while the workers go on.

    Args:
        memory: what to play; the process goes on wherever its clock stands.
        device: on what.
        use_native: which callback; without it the compiled one where there is one.

    Attributes:
        playing: what was opened, while it runs.
        errors: the messages of errors since the start.
    """

    def __init__(
        self, memory: AudioMemory, device: Device | None = None, *, use_native: bool | None = None
    ) -> None:
        self.memory = memory
        self.device = device or Device()
        self.use_native = is_native() if use_native is None else use_native
        if self.use_native and not is_native():
            raise LiveError("the audio callback was not compiled; install with a C compiler")
        self.playing: Playing | None = None
        self.errors: list[str] = []
        self._child: Offspring | None = None
        self._seen = (0, 0.0)

    def __enter__(self) -> AudioProcess:
        if self.playing is None:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        child = self._child
        return None if child is None else child.pid

    def start(self, timeout: float = 10.0) -> Playing:
        """Open the device and play.

        Args:
            timeout: seconds that the device is given to open.

        Raises:
            SampleRateError: the device runs at another rate.
            LiveError: no such device, or no answer in time.
        """
        if self._child is not None:
            raise LiveError("the I/O process runs already; stop it first")
        self.errors.clear()
        settings = dataclasses.asdict(self.device)
        settings.update(memory=self.memory.path, native=self.use_native)
        child = self._child = _spawn(settings)
        event = child.first(timeout, "started")
        if event is None or event["event"] != "started":
            self.kill()
            raise _error(event, timeout)
        del event["event"]
        self.playing = Playing(**event)
        self._seen = (int(self.memory.header.blocks), time.monotonic())
        return self.playing

    def state(self) -> str:
        """How it goes: ``"stopped"``, ``"running"``, ``"stalled"`` or ``"died"``.

        Stalled means that the device has not asked for sound since an earlier call, for longer
        than its blocks last: it hangs or is gone. Ask some ten times a second. A process that is
        stalled or died is brought back by `restart`.
        """
        if self._child is None or self.playing is None:
            return "stopped"
        self._listen()
        if not self._child.is_alive:
            return "died"
        blocks, now = int(self.memory.header.blocks), time.monotonic()
        if blocks != self._seen[0]:
            self._seen = (blocks, now)
        period = int(self.memory.header.block_frames) / self.memory.sample_rate
        return "stalled" if now - self._seen[1] > max(_LEAST_STALL, 4 * period) else "running"

    def restart(self, timeout: float = 10.0) -> Playing:
        """Kill it and start it again; the workers notice nothing but a pause."""
        self.kill()
        return self.start(timeout)

    def stop(self, timeout: float = 2.0) -> None:
        """Close the device and end the process, by force if it hangs."""
        if self._child is not None:
            self._child.stop(timeout)
        self._child = self.playing = None

    def kill(self) -> None:
        """End the process at once: closing a device whose server is gone may hang for minutes."""
        if self._child is not None:
            self._child.kill()
        self._child = self.playing = None

    def _listen(self) -> None:
        for event in self._child.take() if self._child is not None else ():
            if event["event"] == "xruns":
                _log.info("xruns so far: %s", event)
            elif "message" in event:
                self.errors.append(str(event["message"]))
                _log.warning("the I/O process: %s", event["message"])


def list_devices(timeout: float = 10.0) -> list[dict[str, Any]]:
    """The devices there are: index, name, host_api, inputs, outputs, sample_rate.

    They are looked up in a process of their own: a sound server that hangs hangs that.

    Raises:
        LiveError: no PortAudio, or no answer in time.
    """
    child = _spawn({"list": True})
    try:
        event = child.first(timeout, "devices")
    finally:
        child.kill()
    if event is None or event["event"] != "devices":
        raise _error(event, timeout)
    devices: list[dict[str, Any]] = event["devices"]
    return devices


def _spawn(settings: dict[str, Any]) -> Offspring:
    command = light_command(_CHILD, json.dumps({**settings, "parent": os.getpid()}))
    # Looking for devices must not start a sound server.
    return Offspring(command, "I/O process", {"JACK_NO_START_SERVER": "1"})


def _error(event: Event | None, timeout: float) -> LiveError:
    if event is None:
        return LiveError(f"the sound device did not answer within {timeout:g} s")
    why = f"the sound device cannot be opened: {event['message']}"
    if event.get("kind") == "sample_rate":
        return SampleRateError(why, round(event["sample_rate"]))
    return LiveError(why)
