"""The built-in instrument on a sound device: it moves by itself, and under OSC meanwhile."""

from __future__ import annotations

import contextlib
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torchbend.errors import LiveError, TorchbendError
from torchbend.voice import gesture

from .hand import Hand
from .output import say

__all__ = ["play"]

OSC_PORT = 9000
ROUND_SECONDS = 40.0
LOOK_SECONDS = 5.0  # that a sound server is given to name its devices


def play(out: Path, *, device: str | int | None, seconds: float) -> bool:
    """Play until the time is over, or somebody ends it.

    Args:
        out: where what is heard is recorded to.
        device: by name or number; without it the default one, if there is any.
        seconds: to play, at most.

    Returns:
        Whether it played.

    Raises:
        TorchbendError: the device that was asked for cannot be had.
    """
    if device is None:
        missing = _missing_device()
        if missing:
            say("Nothing is heard here: %s. Ten seconds are written instead.", missing)
            return False
    say("The built-in voice plays for %g s, and its bends move by themselves.", seconds)
    say("Ctrl-C (or q) ends it earlier. The first start takes longest.\n")
    try:
        _play(out / "live.wav", device, seconds)
    except LiveError as error:
        if device is not None:
            raise
        say("It cannot be heard here: %s. Ten seconds are written instead.", error)
        return False
    return True


def _missing_device() -> str:
    """Why nothing can be heard; empty if something can."""
    try:
        devices = import_module("torchbend.realtime").list_devices(LOOK_SECONDS)
    except TorchbendError as error:
        return str(error)
    if not any(device["outputs"] for device in devices):
        return "there is no sound device"
    return ""


def _play(record: Path, device: str | int | None, seconds: float) -> None:
    realtime = import_module("torchbend.realtime")
    control = import_module("torchbend.realtime.control")
    drawn = threading.Event()  # while the view has the screen, nothing is written over it

    def tell(line: str) -> None:
        if not drawn.is_set():
            say("%s", line)

    settings: dict[str, Any] = {
        "input": "loop",
        "device": realtime.Device(device, "none"),
        "presets": record.parent / "presets",
        "query_port": 0 if find_spec("websockets") else None,
        "say": tell,
    }
    with contextlib.ExitStack() as stack:
        try:
            host = stack.enter_context(realtime.Host(osc_port=OSC_PORT, **settings))
        except control.ControlError as error:  # somebody has the port
            say("%s: a free one is taken", error)
            host = stack.enter_context(realtime.Host(osc_port=0, **settings))
        host.record(record)
        stack.enter_context(Hand(host.surface.tree, _curves, ROUND_SECONDS))
        say("Move a knob yourself: send /bend/drive 4.0 to %s", host.surface.listening)
        view = import_module("torchbend.realtime.terminal").stage_view(host)
        if view.draws:
            drawn.set()
        view.run(seconds)
        drawn.clear()
    say("\nWhat was heard is in %s.", record)


def _curves(at: float) -> dict[str, float]:
    return {f"/bend/{name}": value for name, value in gesture(at).items()}
