"""``torchbend live``: from the command line to a host that plays."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import signal
import threading
from typing import Any

from tabulate import tabulate

from torchbend.errors import LiveError, TorchbendError, suggest
from torchbend.realtime.command_parts import (
    bends_of,
    check_models,
    check_out,
    checked_input,
    ending_in_order,
    module,
    one_or_many,
    write_line,
)

__all__ = ["device_table", "host_settings", "live", "midi_table"]

_NO_DEVICE = "the sound device"  # how a message about one begins
_NO_DEVICE_HINT = "torchbend live --device none plays without one"


def live(args: argparse.Namespace) -> int:
    """Play, as the command line asks.

    Args:
        args: as `arguments.add_live` parses them.

    Returns:
        The exit status: 0, or 128 and the signal's number where one came before the sound.

    Raises:
        TorchbendError: an argument does not serve, or it cannot play.
    """
    if args.list_devices:
        for table in filter(None, (device_table(), midi_table())):
            write_line(table)
        return 0
    settings = host_settings(args)
    _check_files(args)
    with ending_in_order() as asked:
        try:
            _play(args, settings)
        except KeyboardInterrupt:
            return 128 + (asked[0] if asked else signal.SIGINT)
        except LiveError as error:
            if str(error).startswith(_NO_DEVICE) and args.device != "none":
                raise LiveError(f"{error}. {_NO_DEVICE_HINT}") from error
            raise
    return 0


def device_table() -> str:
    """The sound devices there are, as a table.

    Raises:
        LiveError: there is no PortAudio, or no device.
    """
    try:
        devices = module("audio").list_devices()
    except LiveError as error:
        raise LiveError(f"{error}. {_NO_DEVICE_HINT}") from error
    if not devices:
        raise LiveError(f"there is no sound device. {_NO_DEVICE_HINT}")
    names = ("index", "name", "host_api", "inputs", "outputs", "sample_rate")
    rows = [[device[name] for name in names] for device in devices]
    headers = ["", "device", "system", "in", "out", "Hz"]
    return tabulate(rows, headers=headers, floatfmt=".0f")


def midi_table() -> str:
    """The MIDI inputs there are, as a table; empty where MIDI is not installed, or has none."""
    try:
        names = module("control.midi_port").midi_inputs()
    except TorchbendError:
        return ""
    rows = list(enumerate(names))
    return "\n" + tabulate(rows, headers=["", "MIDI input"]) if rows else ""


def host_settings(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line's arguments are for a `Host`.

    Raises:
        LiveError: they do not go together.
    """
    check_models(args)
    if args.no_osc and (args.osc is not None or args.query is not None):
        raise LiveError("--no-osc and a port of it: choose one")
    source = _live_input(args)
    query = args.query
    if query is None and _installed("websockets"):
        query = 0
    zeroconf = args.zeroconf
    if zeroconf is None:
        zeroconf = query is not None and _installed("zeroconf")
    settings = {
        "method": one_or_many(args.method),
        "bend": bends_of(args),
        "python": args.python,
        "input": source,
        "device": module("audio").Device(args.device, args.input_device, args.block),
        "model_block": args.model_block,
        "channels": args.channels,
        "loop": not args.once,
        "cuda": args.cuda,
        "host": args.host,
        "osc_port": None if args.no_osc else 9000 if args.osc is None else args.osc,
        "query_port": None if args.no_osc else query,
        "zeroconf": bool(zeroconf) and not args.no_osc,
        "midi": args.midi,
        "record": args.record,
        "latency": args.latency,
        "knobs": args.knobs,
        "presets": args.presets,
        "late": args.late,
    }
    if args.take is not None:
        settings["take"] = args.take
    return settings


# -- playing -------------------------------------------------------------------------------
def _play(args: argparse.Namespace, settings: dict[str, Any]) -> None:
    speaking = threading.Event()  # while no view is drawn over it
    if not args.quiet:
        speaking.set()

    def say(line: str) -> None:
        if speaking.is_set():
            write_line(line)

    host = module("host").Host(one_or_many(args.models), say=say, **settings)
    with host:
        if args.preset is not None:
            host.surface.tree.set("/preset/recall", (args.preset,))
        if args.layout is not None:
            host.surface.write_layout(args.layout)
            say(f"a surface for Open Stage Control is in {args.layout}")
        if args.quiet:
            with contextlib.suppress(KeyboardInterrupt):
                _wait_for(args.seconds)
            return
        say(host.surface.listening or "no OSC")
        view = module("terminal").stage_view(host)
        if view.draws:
            speaking.clear()
        view.run(args.seconds)
        speaking.set()
    if args.record is not None:
        say(f"what was heard is in {args.record}")


def _wait_for(seconds: float | None) -> None:
    threading.Event().wait(seconds)


# -- arguments -----------------------------------------------------------------------------
def _live_input(args: argparse.Namespace) -> str:
    if args.device == "none" and args.input_device is not None:
        raise LiveError("--device none opens no device, and --input-device asks for one")
    none_given = not args.models and args.python is None
    if args.input is None:
        return "loop" if args.device == "none" or none_given else "mic"
    if args.input == "mic" and args.device == "none":
        raise LiveError("--device none has no microphone: --input FILE, loop or none")
    return checked_input(args.input)


def _check_files(args: argparse.Namespace) -> None:
    """Find out before the model is loaded what would end the evening after it."""
    if args.record is not None:
        check_out(args.record, "--record")
    if args.layout is not None and not args.layout.parent.is_dir():
        raise LiveError(f"there is no folder {args.layout.parent} for --layout")
    if args.preset is not None:
        presets = module("control.presets").Presets(args.presets).list()
        names = [preset.name for preset in presets]
        if args.preset not in (*names, *(str(preset.number) for preset in presets)):
            raise LiveError(
                f"there is no preset {args.preset!r} in {args.presets}. "
                f"{suggest(args.preset, names)}"
            )


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
