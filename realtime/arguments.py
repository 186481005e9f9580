"""What ``torchbend live`` and ``torchbend render`` take on the command line.

Nothing but argparse is imported here: the ``torchbend`` command reads this whatever it is to do.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

__all__ = ["add_live", "add_render"]

_LIVE = """Play a model live, its bends moved by OSC, MIDI or a preset. MODEL is a .ts file, bent
already or not, or a RAVE run; several play one after the other, such as an encoder and a decoder.
Without any, the built-in voice plays the built-in loop. On a terminal, q ends it."""

_RENDER = """Play a sound through a model as fast as it goes, and write what is heard. Or play a
recorded take (torchbend live --take FOLDER) again: the same, sample for sample."""


def add_live(commands: Any) -> argparse.ArgumentParser:
    """Add ``live`` to the subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "live", help="play a model live, under OSC", description=_LIVE
    )
    _add_models(parser)
    sound = parser.add_argument_group("sound")
    sound.add_argument(
        "--input",
        metavar="mic|FILE|none|loop",
        help="what the model hears: the device, a sound file over and over, nothing, or the "
        "built-in loop (mic; loop where there is no MODEL or no device)",
    )
    sound.add_argument("--once", action="store_true", help="the sound file once, then silence")
    sound.add_argument(
        "--device", metavar="NAME|N|none", type=_name_or_number, help="to play on; see below"
    )
    sound.add_argument("--input-device", metavar="NAME|N", type=_name_or_number, help="to hear")
    sound.add_argument(
        "--list-devices", action="store_true", help="show the devices, and MIDI inputs, and end"
    )
    sound.add_argument(
        "--block",
        metavar="N",
        type=_number(0, 8192),
        default=256,
        help="frames of a device block (256; 0 lets the device choose)",
    )
    sound.add_argument(
        "--model-block",
        metavar="N",
        type=_number(1, 65536),
        help="frames of a model's turn (the least that serves)",
    )
    sound.add_argument("--channels", metavar="N", type=_number(1, 32), help="of the input")
    sound.add_argument("--cuda", action="store_true", help="play on the GPU, if there is one")
    sound.add_argument(
        "--latency",
        metavar="FRAMES",
        type=_number(0, 1_000_000),
        help="from a sound to the model's answer, of the device's rate (measured at the start)",
    )
    sound.add_argument(
        "--late", choices=["silent", "dry"], default="silent", help="heard while a model is late"
    )
    sound.add_argument(
        "--knobs",
        choices=["cross-fade", "steps"],
        default="cross-fade",
        help="how weights move: cross-faded where there is time for it, or in small steps",
    )
    control = parser.add_argument_group("control")
    control.add_argument("--osc", metavar="PORT", type=_number(0, 65535), help="of UDP (9000)")
    control.add_argument(
        "--host", metavar="ADDR", default="127.0.0.1", help="to listen at; see below"
    )
    control.add_argument("--no-osc", action="store_true", help="neither OSC nor OSCQuery")
    control.add_argument("--query", metavar="PORT", type=_number(0, 65535), help="of OSCQuery")
    control.add_argument(
        "--zeroconf", action=argparse.BooleanOptionalAction, help="announce both in the network"
    )
    control.add_argument("--midi", metavar="PORT", type=_name_or_number, help="name or number")
    control.add_argument(
        "--presets", metavar="DIR", type=Path, default=Path("presets"), help="their folder"
    )
    control.add_argument("--preset", metavar="NAME", help="to begin with")
    control.add_argument(
        "--layout", metavar="FILE.json", type=Path, help="write a surface for Open Stage Control"
    )
    end = parser.add_argument_group("what stays")
    end.add_argument("--record", metavar="OUT.wav", type=Path, help="what is heard")
    end.add_argument(
        "--take", metavar="FOLDER", type=Path, help="all that `torchbend render` needs to repeat it"
    )
    end.add_argument("--seconds", metavar="S", type=_seconds, help="to play, and end")
    end.add_argument("--quiet", action="store_true", help="show nothing while it plays")
    parser.epilog = (
        "--device none plays on no device: against an internal clock, to be recorded. "
        "OSC is heard from this computer alone, unless --host says otherwise (0.0.0.0: from all)."
    )
    return parser


def add_render(commands: Any) -> argparse.ArgumentParser:
    """Add ``render`` to the subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "render", help="play a sound through a model into a file", description=_RENDER
    )
    _add_models(parser, "MODEL|TAKE")
    parser.add_argument(
        "--input", metavar="FILE|none|loop", help="a sound file, nothing, or the built-in loop"
    )
    parser.add_argument("-o", "--out", metavar="OUT.wav", type=Path, required=True)
    parser.add_argument("--seconds", metavar="S", type=_seconds, help="of it (all)")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_setting,
        help="a control, from the start; several numbers with commas between (may be repeated)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _add_models(parser: argparse.ArgumentParser, metavar: str = "MODEL") -> None:
    parser.add_argument("models", metavar=metavar, nargs="*", type=Path)
    parser.add_argument(
        "--method",
        metavar="NAME",
        action="append",
        help="to play: forward, decode, ...; one for each MODEL. Several of one model play one "
        "after the other",
    )
    parser.add_argument(
        "--bend",
        metavar="CONFIG.json",
        action="append",
        help="bends to put on; one for each MODEL, - for none",
    )
    parser.add_argument(
        "--python",
        metavar="FILE[:NAME]",
        help="run this file, and play the module in it that is called NAME (model)",
    )


def _number(low: int, high: int) -> Any:
    def whole(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low} to {high}")
        return int(text)

    return whole


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds over 0")
    return seconds


def _name_or_number(text: str) -> str | int:
    if not text:
        raise argparse.ArgumentTypeError("it has no name")
    return int(text) if text.isdecimal() else text


def _setting(text: str) -> tuple[str, tuple[float | int | bool | str, ...]]:
    name, equals, values = text.partition("=")
    if not (name and equals and values):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as gain=0.5")
    return name, tuple(_value(each) for each in values.split(","))


def _value(text: str) -> float | int | bool | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
