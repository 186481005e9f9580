"""The ``torchbend`` command.

Each subcommand is a function that takes the parsed arguments and returns an exit status;
what it needs is imported inside it, so that one broken package never stops another command.
"""

from __future__ import annotations

import argparse
import importlib
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

    demo = commands.add_parser("demo", help="bend a synthesizer and a RAVE, and write the sounds")
    demo.add_argument("-o", "--out", metavar="DIR", type=Path, default=Path("out"))
    demo.set_defaults(run=_demo)

    install = commands.add_parser("install", help="install a model family beside this torch")
    install.add_argument("what", choices=["rave"])
    install.add_argument(
        "--print", action="store_true", dest="show", help="print the pip lines, run nothing"
    )
    install.set_defaults(run=_install)
    return parser


def _demo(args: argparse.Namespace) -> int:
    try:
        importlib.import_module("torchbend.demo").main(args.out)
    except ModuleNotFoundError as error:
        raise TorchbendError(
            f"The demo needs {error.name!r}, which is missing: pip install 'torchbend[demo]'"
        ) from error
    return 0


def _install(args: argparse.Namespace) -> int:
    from torchbend.interfaces import _install

    if args.show:
        print("\n".join(_install.shell_lines(args.what)))
    else:
        _install.install(args.what)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
