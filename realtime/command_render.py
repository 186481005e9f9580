"""``torchbend render``: from the command line to a file."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from torchbend.errors import LiveError
from torchbend.realtime.command_parts import (
    bends_of,
    check_models,
    check_out,
    checked_input,
    ending_in_order,
    module,
    one_or_many,
)

__all__ = ["render"]


def render(args: argparse.Namespace) -> int:
    """Play offline, as the command line asks.

    Args:
        args: as `arguments.add_render` parses them.

    Returns:
        The exit status.

    Raises:
        TorchbendError: an argument does not serve, or it cannot be rendered.
    """
    check_out(args.out, "-o")
    rendering, take = module("render"), _take(args)
    with ending_in_order() as asked, _progress(args.quiet) as (say, progress):
        try:
            if take is not None:
                rendering.render_take(take, args.out, say=say, progress=progress)
                return 0
            rendering.render(
                one_or_many(args.models),
                _rendered_input(args),
                args.out,
                method=one_or_many(args.method),
                bend=bends_of(args),
                python=args.python,
                seconds=args.seconds,
                values=dict(args.set),
                say=say,
                progress=progress,
            )
        except KeyboardInterrupt:
            return 128 + (asked[0] if asked else signal.SIGINT)
    return 0


def _take(args: argparse.Namespace) -> Path | None:
    """The take that is to be played again, if it is one; otherwise the models are checked."""
    takes = [model for model in args.models if (model / "take.json").is_file()]
    if not takes:
        check_models(args)
        return None
    options = ("method", "bend", "python", "input", "seconds", "set")
    more = [f"--{name}" for name in options if getattr(args, name)]
    more += [str(model) for model in args.models if model != takes[0]]
    if more:
        raise LiveError(
            f"{takes[0]} is a take, which is played as it was. It goes without {', '.join(more)}"
        )
    take: Path = takes[0]
    return take


def _rendered_input(args: argparse.Namespace) -> str:
    none_given = not args.models and args.python is None
    if args.input is None and not none_given:
        raise LiveError("nothing to play through the model: --input FILE, loop or none")
    source = args.input or "loop"
    if source == "mic":
        raise LiveError("what is rendered is read from a file: --input FILE, loop or none")
    if source == "none" and args.seconds is None:
        raise LiveError("--input none has no end: say --seconds S, too")
    return checked_input(source)


@contextlib.contextmanager
def _progress(
    quiet: bool,
) -> Iterator[tuple[Callable[[str], object], Callable[[int, int], object]]]:
    """A bar on standard error: what is told a line, and what is told ``(done, of)``."""
    if quiet:
        yield (lambda line: None), (lambda done, of: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %")
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:

        def advance(done: int, of: int) -> None:
            if not bar.task_ids:  # no bar over an error before the first frame
                bar.add_task("rendering")
            bar.update(bar.task_ids[0], completed=done, total=of)

        yield console.print, advance
