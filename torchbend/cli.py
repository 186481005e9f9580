"""The ``torchbend`` command.

Each subcommand is a function that takes the parsed arguments and returns an exit status;
what it needs is imported inside it, so that one broken package never stops another command.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from torchbend.errors import TorchbendError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the command's name; ``sys.argv`` without them.

    Returns:
        The exit status: 0, or 1 after an error was printed.
    """
    args = _parser().parse_args(argv)
    try:
        status: int = args.run(args)
    except TorchbendError as error:
        print(f"torchbend: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="torchbend", description="Open a trained neural audio model and bend it."
    )
    parser.add_argument("--version", action="version", version=f"torchbend {version('torchbend')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser(
        "demo", help="play the built-in voice, and write its files", description=_DEMO
    )
    demo.add_argument("-o", "--out", metavar="DIR", type=Path, default=Path("demo"))
    demo.add_argument("--device", metavar="NAME|N|none", help="to play on (the default one)")
    demo.add_argument("--seconds", metavar="S", type=float, default=60.0, help="to play (60)")
    demo.add_argument(
        "--tour", action="store_true", help="write a synthesizer and a RAVE instead, bent"
    )
    demo.set_defaults(run=_demo)

    export = commands.add_parser(
        "export", help="write a RAVE run or a .ts file for nn~, bent", description=_EXPORT
    )
    export.add_argument("model", metavar="MODEL", type=Path)
    export.add_argument("-o", "--out", metavar="FILE.ts", type=Path, required=True)
    export.add_argument("--bend", metavar="CONFIG.json", type=Path, help="the bends")
    export.add_argument(
        "--method", metavar="NAME", action="append", help="a method of it (all; may be repeated)"
    )
    export.add_argument(
        "--vector",
        metavar="NAME=FORM",
        action="append",
        default=[],
        help="set a vector control as floats, tensor or buffer",
    )
    export.add_argument("--channels", type=int, metavar="N", help="of the sound that comes out")
    export.add_argument("--fidelity", type=float, metavar="F", help="of the latents (0.95)")
    export.add_argument("--sample-rate", type=int, metavar="HZ", help="to resample to")
    export.add_argument(
        "--ema", action="store_true", default=None, help="the averaged weights of the training"
    )
    export.add_argument("--name", help="of the model, for people (that of the file)")
    export.add_argument("--no-check", action="store_true", help="hand over without comparing")
    export.add_argument("--no-patches", action="store_true", help="write the .ts alone")
    export.set_defaults(run=_export)

    places = commands.add_parser(
        "places", help="show what can be bent in a RAVE run or a .ts file", description=_PLACES
    )
    places.add_argument("model", metavar="MODEL", type=Path)
    places.add_argument("patterns", metavar="PATTERN", nargs="*", help="of names, as in a bend")
    places.add_argument("--method", metavar="NAME", help="activations of this method alone")
    places.set_defaults(run=_places)

    info = commands.add_parser("info", help="show what is inside a .ts file")
    info.add_argument("file", metavar="FILE.ts", type=Path)
    info.add_argument("--json", action="store_true", help="as JSON")
    info.set_defaults(run=_info)

    check = commands.add_parser(
        "check", help="try whether a .ts file plays in nn~, ours or not", description=_CHECK
    )
    check.add_argument("file", metavar="FILE.ts", type=Path)
    check.add_argument("--json", action="store_true", help="as JSON")
    check.add_argument("--timeout", metavar="SECONDS", type=float, default=900.0)
    check.set_defaults(run=_check)

    live = importlib.import_module("torchbend.realtime.arguments")
    live.add_live(commands).set_defaults(run=_live)
    live.add_render(commands).set_defaults(run=_render)

    install = commands.add_parser("install", help="install a model family beside this torch")
    install.add_argument("what", choices=["musicgen", "rave"])
    install.add_argument(
        "--print", action="store_true", dest="show", help="print the pip lines, run nothing"
    )
    install.set_defaults(run=_install)
    return parser


_DEMO = """Where there is a sound device, the built-in voice plays while its bends move by
themselves, and by OSC. Then, and where there is none, ten seconds of it are written to DIR, with
a picture, its OSC addresses, and the files for Max and Pure Data."""


def _demo(args: argparse.Namespace) -> int:
    try:
        demo = importlib.import_module("torchbend.demo")
        if args.tour:
            demo.tour.main(args.out)
        else:
            device = args.device
            if device is not None and device.isdecimal():
                device = int(device)
            demo.main(args.out, device=device, seconds=args.seconds)
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        raise TorchbendError(
            f"The demo needs {error.name!r}, which is missing: pip install 'torchbend[demo]'"
        ) from error
    return 0


_EXPORT = """Write a model as TorchScript for nn~ (Max/MSP, Pure Data), every control of the bends
an attribute of it, with a Pd and a Max patch beside. MODEL is a RAVE run (its folder, one of its
version folders, or a checkpoint), or a .ts file that was exported before, by RAVE or by torchbend.
The file is compared with the model before it gets its name."""


def _export(args: argparse.Namespace) -> int:
    lines = importlib.import_module("torchbend.export.command").run(
        args.model,
        args.out,
        bend=args.bend,
        vectors=args.vector,
        rave={
            "channels": args.channels,
            "fidelity": args.fidelity,
            "sample_rate": args.sample_rate,
            "ema": args.ema,
        },
        methods=args.method,
        name=args.name,
        check=not args.no_check,
        patches=not args.no_patches,
    )
    print("\n".join(lines))
    return 0


_PLACES = """Show the weights and activations of a model, by the names that bends find them by.
MODEL is a RAVE run or a .ts file. Without a PATTERN, of a .ts file the outputs of its modules are
shown; one with a / in it, such as '.*/', shows the operations inside, too."""


def _places(args: argparse.Namespace) -> int:
    opening = importlib.import_module("torchbend.opening")
    print(opening.places_text(opening.open_model(args.model), args.patterns, args.method))
    return 0


def _info(args: argparse.Namespace) -> int:
    info = importlib.import_module("torchbend.export.info")
    print(info.info_json(args.file) if args.json else info.info_text(args.file))
    return 0


_CHECK = """Play every method at every block size and batch, set every attribute to what it should
take and to what it should not, and look for operators that nn~'s libtorch does not know. The
status is 1 if anything fails."""


def _check(args: argparse.Namespace) -> int:
    checking = importlib.import_module("torchbend.export.check")
    report = checking.check_in_fresh_process(args.file, timeout_seconds=args.timeout)
    print(json.dumps(report.to_dict(), indent=2) if args.json else report)
    return 0 if report.ok else 1


def _live(args: argparse.Namespace) -> int:
    status: int = importlib.import_module("torchbend.realtime.command").live(args)
    return status


def _render(args: argparse.Namespace) -> int:
    status: int = importlib.import_module("torchbend.realtime.command_render").render(args)
    return status


def _install(args: argparse.Namespace) -> int:
    from torchbend.interfaces import _install

    if args.show:
        print("\n".join(_install.shell_lines(args.what)))
    else:
        _install.install(args.what)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
