"""What an exported file costs: a block against RAVE's own export, and the move of a knob.

The files are loaded into one process and played in turn, block by block, with the caches of
both running; the bounds are the product's promise, and the script fails above them.

    python benchmarks/export.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from measure import Report, ratio

import torchbend as tb
from torchbend.interfaces._rave_build import save_run
from torchbend.interfaces._rave_open import find_run, open_run
from torchbend.interfaces.rave import BendedRAVE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from rave_export import rave_exported  # noqa: E402

WEIGHTS_ONLY, FIVE_ACTIVATIONS = 1.02, 1.05
SCALE_MS, SETTER_MS, FIRST_MS = 0.1, 5.0, 10.0

BLOCK = 2048  # frames of sound

Bend = Callable[[tb.BendingParameter], tb.BendingCallback]
EVERY_WEIGHT = r"decoder.*weight$"
# each operation on every weight of the decoder, and the range that its knob moves in
OPERATIONS: Mapping[str, tuple[Bend, tuple[float, float]]] = {
    "Scale": (lambda p: tb.Scale(p), (0.0, 2.0)),
    "Bias": (lambda p: tb.Bias(p), (-0.1, 0.1)),
    "Affine": (lambda p: tb.Affine(0.01, p), (0.0, 2.0)),
    "Mask": (lambda p: tb.Mask(p, seed=1), (0.0, 1.0)),
    "OrderedMask": (lambda p: tb.OrderedMask(p, seed=1), (0.0, 1.0)),
    "Mask, a channel": (lambda p: tb.Mask(p, seed=1, dim=0), (0.0, 1.0)),
    "Normal": (lambda p: tb.Normal(p, seed=1), (0.0, 0.1)),
    "ThresholdActivation": (lambda p: tb.ThresholdActivation(p), (0.0, 1.0)),
    "ThresholdPermute": (lambda p: tb.ThresholdPermute(p, seed=1), (0.0, 1.0)),
}


def blocks(report: Report, run: Path, folder: Path, seconds: float) -> None:
    """A block of 2048 frames: weights bent, and five activations bent."""
    bended = BendedRAVE(run)
    model = open_run(find_run(run), strict=True, ema=False, streaming=True)
    theirs = rave_exported(model, folder / "theirs.ts")
    rave = torch.jit.load(str(theirs))
    gain = tb.BendingParameter("gain", 0.9, range=[0, 2])
    keep = tb.BendingParameter("keep", 0.9, range=[0, 1])
    with bended.bend(tb.Mask(keep, seed=1) >> tb.Scale(gain), EVERY_WEIGHT):
        weights = load(bended, folder / "weights.ts")
    where = [f"decode:conv1d_{i}$" for i in (3, 9, 15, 21, 25)]
    bended.bend(tb.Scale(gain), *where[:3])
    bended.bend(tb.Bias(tb.BendingParameter("offset", 0.1, range=[-1, 1])), *where[3:])
    activations = load(bended, folder / "activations.ts")
    z = torch.randn(1, bended.latent_size, BLOCK // bended.ratio)
    x = torch.randn(1, bended.channels, BLOCK) * 0.1
    for fn, given in (("decode", z), ("forward", x)):
        theirs_fn = getattr(rave, fn)
        for what, file, bound in (
            ("weights bent", weights, WEIGHTS_ONLY),
            ("five activations bent", activations, FIVE_ACTIVATIONS),
        ):
            ours_fn = getattr(file, fn)
            value, ms = ratio(
                lambda f=ours_fn, g=given: f(g),  # type: ignore[misc]
                lambda f=theirs_fn, g=given: f(g),  # type: ignore[misc]
                seconds,
            )
            report.row(f"RAVE {fn}, {what} / RAVE's own export", value, bound, f"{ms:.2f} ms")


def setters(report: Report, run: Path, folder: Path) -> None:
    """The move of a knob that bends every weight of the decoder, in ms of processor time.

    The time that other programs take meanwhile is not counted; there is one thread.
    """
    for name, (make, (low, high)) in OPERATIONS.items():
        bended = BendedRAVE(run)
        bended.bend(make(tb.BendingParameter("p", high, range=[low, high])), EVERY_WEIGHT)
        load(bended, path := folder / "setter.ts")
        firsts, seconds_, later = [], [], []
        for _ in range(5):
            file = torch.jit.load(str(path))
            z = torch.randn(1, bended.latent_size, 1)
            taken = []
            for i in range(20):
                with torch.inference_mode():
                    file.decode(z)
                began = time.thread_time()
                file.set_p(low + (high - low) * (i + 1) / 21)
                taken.append((time.thread_time() - began) * 1e3)
            firsts.append(taken[0])
            seconds_.append(taken[1])
            later += taken[2:]
        first = statistics.median(firsts)
        second = statistics.median(seconds_)
        bound = SCALE_MS if name == "Scale" else SETTER_MS
        report.row(f"set {name} on the decoder, ms", statistics.median(later), bound)
        report.row("    its first call (second beside), ms", first, FIRST_MS, f"{second:.2f}")


def load(bended: tb.BendedModule, path: Path) -> torch.jit.ScriptModule:
    """Export and open again; the checks of an export are not what is measured here."""
    bended.export(path, check=False, patches=False)
    return torch.jit.load(str(path))  # type: ignore[no-any-return, no-untyped-call]


def main() -> int:
    """Run everything; 1 if a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="per comparison")
    parser.add_argument("--only", choices=["blocks", "setters"], help="a part of it")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        run = save_run(Path(folder) / "run", "v2_small")
        if options.only != "setters":
            blocks(report, run, Path(folder), options.seconds)
        if options.only != "blocks":
            setters(report, run, Path(folder))
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
