"""What it costs to bend a file that came without its source, against that file as it is.

A RAVE v2_small, exported by RAVE's own code, is opened, bent live, and exported again. All
files are played in one process, in turn, block by block; the bounds are the product's promise,
and the script fails above them.

    python benchmarks/files.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measure import Report, ratio

import torchbend as tb
from torchbend.interfaces._rave_build import build_rave

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from rave_export import rave_exported  # noqa: E402

LIVE, EXPORTED, FIVE_ACTIVATIONS = 1.05, 1.02, 1.05
SETTER_MS, FIRST_MS = 0.1, 5.0
LOAD_S, LOOK_S, BEND_S, UPDATE_MS, BYTES = 5.0, 15.0, 2.0, 5.0, 1.10

BLOCK = 2048  # frames of sound
EVERY_WEIGHT = r"decoder.*weight$"
LAYERS = tuple(rf"decoder.net.{i}$" for i in (1, 4, 9, 14, 19))
OURS, THEIRS = "gain", "learn_target"  # attributes: of the bends, and of the file


def activations(bended: tb.BendedModule, gain: float) -> None:
    """Bend five layers of the decoder, wherever it is called."""
    bended.bend(tb.Scale(tb.BendingParameter(OURS, gain, range=[0, 2])), *LAYERS)


def weights(bended: tb.BendedModule, gain: float) -> None:
    """Bend every weight of the decoder."""
    bended.bend(tb.Scale(tb.BendingParameter(OURS, gain, range=[0, 2])), EVERY_WEIGHT)


def blocks(report: Report, theirs: Path, made: dict[str, Path], seconds: float) -> None:
    """A block of 2048 frames: of the file, of the file bent here, and of what it became."""
    live = tb.load(theirs)
    activations(live, 0.9)
    file = opened(theirs)
    latents, step = (int(n) for n in file.decode_params[:2])
    given = {
        "decode": torch.randn(1, latents, BLOCK // step),
        "forward": torch.randn(1, int(file.forward_params[0]), BLOCK) * 0.1,
    }
    players = {
        "five activations bent live": (live, LIVE),
        "exported, five activations bent": (opened(made["activations"]), FIVE_ACTIVATIONS),
        "exported, weights scaled": (opened(made["weights"]), EXPORTED),
        "exported, weights scaled by 1": (opened(made["neutral"]), EXPORTED),
    }
    for fn, x in given.items():
        for what, (player, bound) in players.items():
            ours_fn, theirs_fn = getattr(player, fn), getattr(file, fn)
            value, ms = ratio(
                lambda f=ours_fn, x=x: f(x),  # type: ignore[misc]
                lambda f=theirs_fn, x=x: f(x),  # type: ignore[misc]
                seconds,
            )
            report.row(f"RAVE {fn}, {what} / the file", value, bound, f"{ms:.2f} ms")


def setters(report: Report, theirs: Path, made: dict[str, Path]) -> None:
    """The move of an attribute between two blocks: ours, and one that the file came with."""
    for what, path, name, values, bound in (
        ("the file's own, in the file", theirs, THEIRS, (True, False), None),
        ("the file's own, exported", made["activations"], THEIRS, (True, False), SETTER_MS),
        ("ours, on five activations", made["activations"], OURS, (0.5, 1.5), SETTER_MS),
        ("ours, on every weight", made["weights"], OURS, (0.5, 1.5), SETTER_MS),
    ):
        first, second, later = moves(path, name, values)
        firsts = None if bound is None else FIRST_MS
        report.row(f"set, {what}, ms", later, bound)
        report.row("    its first call (second beside), ms", first, firsts, f"{second:.2f}")


def moves(path: Path, name: str, values: tuple[Any, Any]) -> tuple[float, float, float]:
    """The first, the second and a later call of a setter, in ms of processor time.

    The time that other programs take meanwhile is not counted; there is one thread.
    """
    taken: list[list[float]] = []
    for _ in range(5):
        file = opened(path)
        z = torch.randn(1, int(file.decode_params[0]), 1)
        taken.append([])
        for i in range(20):
            with torch.inference_mode():
                file.decode(z)
            began = time.thread_time()
            getattr(file, f"set_{name}")(values[i % 2])
            taken[-1].append((time.thread_time() - began) * 1e3)
    firsts, seconds, *later = zip(*taken, strict=True)
    flat = [ms for each in later for ms in each]
    return statistics.median(firsts), statistics.median(seconds), statistics.median(flat)


def work(report: Report, theirs: Path, made: dict[str, Path]) -> None:
    """What one waits for at the desk."""
    bended, s = timed(lambda: tb.load(theirs))
    report.row("tb.load, s", s, LOAD_S)
    _, s = timed(lambda: bended.activations("decode"))
    report.row("the first look at activations, three methods, s", s, LOOK_S)
    _, s = timed(lambda: activations(bended, 0.9))
    report.row("bend of five activations, s", s, BEND_S)
    z = torch.randn(1, int(opened(theirs).decode_params[0]), 1)
    _, s = timed(lambda: bended.decode(z))
    report.row("    its first block, ms", s * 1e3, None)
    row_of_updates(report, bended, "update on five activations, ms")
    bended.reset()
    _, s = timed(lambda: weights(bended, 0.9))
    report.row("bend of every weight of the decoder, s", s, BEND_S)
    row_of_updates(report, bended, "update on every weight of the decoder, ms")
    for what in ("activations", "weights"):
        size = made[what].stat().st_size / theirs.stat().st_size
        report.row(f"bytes, exported, {what} bent / the file", size, BYTES)


def row_of_updates(report: Report, bended: tb.BendedModule, what: str) -> None:
    """The median time of moving a control."""
    taken = [timed(lambda v=0.5 + i / 100: bended.update(OURS, v))[1] for i in range(50)]  # type: ignore[misc]
    report.row(what, statistics.median(taken) * 1e3, UPDATE_MS)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and the seconds of processor time that it takes."""
    began = time.thread_time()
    given = work()
    return given, time.thread_time() - began


def opened(path: Path) -> torch.jit.ScriptModule:
    """Open a file, to play."""
    return torch.jit.load(str(path)).eval()  # type: ignore[no-any-return, no-untyped-call]


def exports(theirs: Path, folder: Path) -> dict[str, Path]:
    """The file, bent and written again; the checks of an export are not what is measured."""
    made = {}
    for name, bend, gain in (
        ("activations", activations, 0.9),
        ("weights", weights, 0.9),
        ("neutral", weights, 1.0),
    ):
        bended = tb.load(theirs)
        bend(bended, gain)
        made[name] = folder / f"{name}.ts"
        bended.export(made[name], check=False, patches=False)
    return made


def main() -> int:
    """Run everything; 1 if a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="per comparison")
    parser.add_argument("--only", choices=["blocks", "setters", "work"], help="a part of it")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        theirs = rave_exported(build_rave("v2_small"), Path(folder) / "theirs.ts")
        made = exports(theirs, Path(folder))
        if options.only in (None, "blocks"):
            blocks(report, theirs, made, options.seconds)
        if options.only in (None, "setters"):
            setters(report, theirs, made)
        if options.only in (None, "work"):
            work(report, theirs, made)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
