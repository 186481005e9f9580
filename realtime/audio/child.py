"""The I/O process: opens the device, hands it the callback, and watches over both.

`AudioProcess` starts it, and without torch: see ``light.py``. It takes its settings as JSON in its
one argument, answers on standard output in lines of JSON, and ends when its standard input does or
when its parent is gone::

    {"event": "started", ...}    what `Playing` holds
    {"event": "xruns", ...}      how many there were, each time there are more
    {"event": "error", "kind": "device" | "sample_rate" | "memory" | "callback", "message": ...,
     "sample_rate": ...}
    {"event": "devices", ...}    the answer to {"list": true}
"""

from __future__ import annotations

import gc
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.callback import play_block
from torchbend.realtime.audio.layout import ffi, native
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.offspring import leave_with, take_stdout

_XRUNS = ("input_underflows", "input_overflows", "output_underflows", "output_overflows")
_INVALID_SAMPLE_RATE = -9997  # paInvalidSampleRate
_PATIENCE = 1.0  # seconds that a device is given to close, before the process just ends


def main() -> NoReturn:
    """Run until told to stop; never returns, for a hung device may hang Python's own exit."""
    send = take_stdout()
    try:
        settings = json.loads(sys.argv[1])
        leave_with(settings["parent"])
        _run(settings, send)
    except LiveError as error:
        send(event="error", kind="memory", message=str(error))
    except _DeviceError as error:
        send(event="error", kind=error.kind, message=str(error), sample_rate=error.sample_rate)
    os._exit(0)


class _DeviceError(Exception):
    def __init__(self, kind: str, message: str, sample_rate: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.sample_rate = sample_rate


def _run(settings: dict[str, Any], send: Callable[..., None]) -> None:
    if settings.get("list"):
        send(event="devices", devices=_devices())
        return
    memory = AudioMemory.attach(settings["memory"])
    compiled = native() if settings["native"] else None
    locked = bool(compiled and compiled.tb_lock(memory.header, memory.size))
    clock = settings["output"] == "none"
    sound = (_Clock if clock else _Stream)(memory, settings, send)
    gc.collect()
    gc.freeze()
    gc.disable()
    sound.start()
    send(event="started", native=compiled is not None, locked=locked, **sound.facts())
    seen = 0
    while not _told_to_stop(settings["parent"]):
        xruns = {name: int(getattr(memory.header, name)) for name in _XRUNS}
        if sum(xruns.values()) > seen:
            seen = sum(xruns.values())
            send(event="xruns", **xruns)
    watchdog = threading.Timer(_PATIENCE, os._exit, [0])
    watchdog.daemon = True
    watchdog.start()
    sound.stop()


def _told_to_stop(parent: int) -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0.25)
    return bool(readable) or os.getppid() != parent


class _Clock:
    """No device: the callback is called when a device would have called it."""

    def __init__(
        self, memory: AudioMemory, settings: dict[str, Any], send: Callable[..., None]
    ) -> None:
        self._memory = memory
        self._send = send
        self._block: int = settings["block"] or 256
        self._native: bool = settings["native"]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        memory.set_device(0, 0)

    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = dict.fromkeys(("input", "output", "host_api"), "none")
        facts.update(input_latency=0.0, output_latency=0.0, block=self._block)
        return {**facts, "sample_rate": self._memory.sample_rate}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        period = self._block / self._memory.sample_rate
        due = time.monotonic()
        while not self._stopped.is_set():
            try:
                play_block(self._memory, frames=self._block, use_native=self._native)
            except Exception as error:
                self._send(event="error", kind="callback", message=str(error))
                raise
            # After a pause of the whole machine time goes on from now, as a device's would.
            due = max(due + period, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))


class _Stream:
    """A PortAudio stream whose callback is ours, compiled or not."""

    def __init__(
        self, memory: AudioMemory, settings: dict[str, Any], send: Callable[..., None]
    ) -> None:
        self._sd = _sounddevice()
        self._memory = memory
        self._send = send
        self._rate = memory.sample_rate
        with_input = memory.inputs > 0 and settings["input"] != "none"
        self._output = self._device(settings["output"], "output")
        self._input = self._device(settings["input"], "input") if with_input else None
        outs = self._channels(self._output, "output", settings["output_map"], memory.outputs)
        ins = 0
        if self._input is not None:
            ins = self._channels(self._input, "input", settings["input_map"], memory.inputs)
        maps = settings["input_map"] if with_input else None, settings["output_map"]
        memory.set_device(ins, outs, *maps)
        try:
            self._stream = self._open(settings, ins, outs)
        except (self._sd.PortAudioError, ValueError) as error:
            raise self._explained(error) from None

    def facts(self) -> dict[str, object]:
        latency = self._stream.latency
        into, out = latency if isinstance(latency, tuple) else (0.0, latency)
        api = self._sd.query_hostapis(self._output["hostapi"])["name"]
        return {
            "input": self._input["name"] if self._input else "none",
            "output": self._output["name"],
            "host_api": api,
            "input_latency": into,
            "output_latency": out,
            "block": self._stream.blocksize,
            "sample_rate": round(self._stream.samplerate),
        }

    def start(self) -> None:
        try:
            self._stream.start()
        except self._sd.PortAudioError as error:
            raise self._explained(error) from None

    def stop(self) -> None:
        self._stream.abort()
        self._stream.close()

    def _open(self, settings: dict[str, Any], ins: int, outs: int) -> Any:
        sd, duplex = self._sd, self._input is not None
        index = self._output["index"]
        both: dict[str, Any] = {
            "samplerate": self._rate,
            "blocksize": settings["block"],
            "dtype": "float32",
            "latency": settings["latency"],
            "device": (self._input["index"], index) if self._input else index,
            "channels": (ins, outs) if duplex else outs,
            "clip_off": True,
            "dither_off": True,
        }
        if not settings["native"]:
            kind = sd.RawStream if duplex else sd.RawOutputStream
            return kind(callback=self._python_callback(ins, outs), **both)
        # sounddevice has a cffi of its own, which knows this pointer as a bare address.
        pointer = int(ffi().cast("uintptr_t", ffi().addressof(native(), "tb_callback")))
        memory = int(ffi().cast("uintptr_t", self._memory.header))
        return sd._StreamBase(
            kind="duplex" if duplex else "output",
            callback=sd._ffi.cast("PaStreamCallback *", pointer),
            userdata=sd._ffi.cast("void *", memory),
            wrap_callback=None,
            **both,
        )

    def _python_callback(self, ins: int, outs: int) -> Callable[..., None]:
        memory, send = self._memory, self._send

        def play(given: Any, out: Any, frames: int, status: Any) -> None:
            flags = status.input_underflow | status.input_overflow << 1
            flags |= status.output_underflow << 2 | status.output_overflow << 3
            sound = None
            if given is not None:
                sound = np.frombuffer(given, np.float32).reshape(frames, ins)
            played = np.frombuffer(out, np.float32).reshape(frames, outs)
            try:
                played[:] = play_block(memory, sound, frames, flags=flags, use_native=False)
            except Exception as error:
                send(event="error", kind="callback", message=str(error))
                raise

        if ins:
            return lambda given, out, frames, time, status: play(given, out, frames, status)
        return lambda out, frames, time, status: play(None, out, frames, status)

    def _device(self, asked: Any, kind: str) -> Any:
        try:
            return self._sd.query_devices(asked, kind)
        except (self._sd.PortAudioError, ValueError) as error:
            names = [f"{d['index']} {d['name']}" for d in self._sd.query_devices()]
            there = f"There are: {', '.join(names)}." if names else "There is none at all."
            what = f"{kind} device {asked!r}" if asked is not None else f"default {kind} device"
            raise _DeviceError("device", f"no {what}: {_text(error)}. {there}") from None

    def _channels(self, device: Any, kind: str, asked: list[int] | None, wanted: int) -> int:
        """How many channels to open, for those that are used."""
        have = device[f"max_{kind}_channels"]
        need = max(asked) + 1 if asked else min(wanted, have)
        if not 0 < need <= have:
            raise _DeviceError(
                "device",
                f"{kind} device {device['name']!r} has {have} {kind} channels, not {max(1, need)}",
            )
        return int(need)

    def _explained(self, error: Exception) -> _DeviceError:
        code = error.args[1] if len(error.args) > 1 else None
        rate = self._output["default_samplerate"]
        if code == _INVALID_SAMPLE_RATE:
            return _DeviceError(
                "sample_rate",
                f"device {self._output['name']!r} does not run at {self._rate} Hz; it runs at "
                f"{rate:g}",
                rate,
            )
        return _DeviceError("device", f"device {self._output['name']!r}: {_text(error)}")


def _text(error: Exception) -> str:
    return str(error.args[0] if error.args else error).strip().rstrip(".").splitlines()[0]


def _devices() -> list[dict[str, object]]:
    sd = _sounddevice()
    apis = sd.query_hostapis()
    return [
        {
            "index": device["index"],
            "name": device["name"],
            "host_api": apis[device["hostapi"]]["name"],
            "inputs": device["max_input_channels"],
            "outputs": device["max_output_channels"],
            "sample_rate": device["default_samplerate"],
        }
        for device in sd.query_devices()
    ]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise _DeviceError(
            "device", "sounddevice is not installed; pip install sounddevice"
        ) from None
    except OSError as error:
        raise _DeviceError(
            "device",
            f"PortAudio is missing ({error}); on Debian: apt-get install libportaudio2. Without "
            "it there is the device 'none', an internal clock",
        ) from None
    return sounddevice
