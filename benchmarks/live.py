"""Sound that is lost, side by side: an empty callback, a naive one, and torchbend's host.

All play in turn through a JACK server without a device, which this starts itself (jackd2), at
the same block. The model is a RAVE ``raspberry``, untrained, bent by four knobs: two on
activations, two on weights.

    python benchmarks/live.py                      # some ten minutes
    python benchmarks/live.py --minutes 30         # our host for half an hour, all hostile

*xruns* are what the server flagged; *underruns* are device blocks that our model had no sound
for. A *turn* is the time from input ready to output ready. The script fails if our host had an
underrun, or if its memory grew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

import torchbend as tb

ROWS = Path(__file__).with_name("live_rows.py")
MODEL_BLOCK = 2048
GROWTH_MB = 8.0  # of one process; buffers of the first minutes are not yet a leak
TRIES = 200  # to see the server, 50 ms apart


@dataclass
class Row:
    """Several runs of one kind, under the same conditions."""

    seconds: float = 0.0
    xruns: int = 0
    underruns: int | None = None
    blocks: int = 0
    latency_ms: float = 0.0
    turns_ms: list[float] = field(default_factory=list)
    growth: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, result: dict[str, Any], seconds: float) -> None:
        """Take one run in."""
        self.seconds += seconds
        self.xruns += result["xruns"]
        if result["underruns"] is not None:
            self.underruns = (self.underruns or 0) + result["underruns"]
        self.blocks += result["blocks"]
        self.latency_ms = max(self.latency_ms, result["latency_ms"])
        self.turns_ms += [ns / 1e6 for ns in result["turns_ns"]]
        started, ended = result["sizes"]
        for name, size in ended.items():
            if name in started:
                self.growth.setdefault(name, []).append((started[name], size))

    def cells(self) -> list[str]:
        """As the table shows them."""
        turns = ["", "", "", ""]
        if self.turns_ms:
            turns = [f"{ms:.1f}" for ms in np.percentile(self.turns_ms, [50, 99, 99.9, 100])]
        lost = "" if self.underruns is None else str(self.underruns)
        rate = f"{self.xruns / self.seconds * 60:.1f}"
        return [f"{self.blocks}", f"{self.xruns}", rate, lost, *turns, f"{self.latency_ms:.0f}"]


@contextmanager
def jack(rate: int, block: int, realtime: bool) -> Iterator[str]:
    """A server of our own, with the dummy driver; gives its name."""
    if shutil.which("jackd") is None:
        raise SystemExit("jackd is missing: apt-get install jackd2")
    name = f"torchbend-bench-{os.getpid()}"
    priority = "--realtime" if realtime else "--no-realtime"
    command = ["jackd", priority, "-n", name, "-d", "dummy", "-r", str(rate), "-p", str(block)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
    try:
        for _ in range(TRIES):
            ports = subprocess.run(["jack_lsp", "-s", name], capture_output=True, text=True)
            if "system:playback_1" in ports.stdout:
                break
            if server.poll() is not None:
                raise SystemExit("jackd ended at once")
            time.sleep(0.05)
        yield name
    finally:
        server.terminate()
        server.wait()


def bent(path: Path, folder: Path) -> Path:
    """The file with four knobs, or as it is if it has some."""
    from live_rows import knobs_of

    from torchbend.contents import read_info

    if knobs_of(read_info(path)):
        return path
    bended = tb.load(path)
    knob = tb.BendingParameter
    layers = [name for name, _ in bended.named_modules() if name.count(".") == 2]
    layers = [name for name in layers if name.startswith("decoder.net.")]
    bended.bend(tb.Scale(knob("drive", 1.0, range=[0, 2])), *[f"{n}$" for n in layers[1:6:2]])
    bended.bend(tb.Bias(knob("offset", 0.0, range=[-1, 1])), f"{layers[2]}$")
    bended.bend(tb.Scale(knob("gain", 1.0, range=[0, 2])), r"decoder.*weight$")
    bended.bend(tb.Mask(knob("keep", 1.0, range=[0, 1]), seed=1), r"decoder.net.[0-3]\..*weight$")
    bended.export(folder / "bent.ts", check=False, patches=False)
    return folder / "bent.ts"


def raspberry(folder: Path, rate: int) -> Path:
    """A RAVE ``raspberry`` at the server's rate, exported by RAVE's own code."""
    sys.path.insert(0, str(ROWS.parents[1] / "tests"))
    from rave_export import rave_exported

    from torchbend.interfaces._rave_build import build_rave

    model = build_rave("raspberry", overrides=[f"SAMPLING_RATE = {rate}"])
    return rave_exported(model, folder / "raspberry.ts")


def run(kind: str, options: dict[str, Any], server: str) -> dict[str, Any]:
    """One run in a process of its own."""
    environment = {**os.environ, "JACK_DEFAULT_SERVER": server, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROWS), kind, json.dumps(options)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the run {kind!r} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def plan(options: argparse.Namespace) -> list[tuple[str, bool, float]]:
    """What is run, in order: (kind, whether hostile, seconds)."""
    if options.minutes:
        hostile, seconds = not options.idle, 60 * options.minutes
        floor = ("empty", hostile, seconds / 6)
        return [floor, ("ours", hostile, seconds), floor]
    conditions = [False] if options.idle else [True] if options.hostile else [False, True]
    kinds = [kind for kind in ("empty", "naive", "ours") if kind in options.rows]
    return [
        (kind, hostile, options.seconds)
        for _ in range(options.rounds)
        for hostile in conditions
        for kind in kinds
    ]


def tell(kind: str, hostile: bool, seconds: float, result: dict[str, Any]) -> None:
    """One line about a run, and what was said in it."""
    lost = "" if result["underruns"] is None else f", {result['underruns']} underruns"
    when = "hostile" if hostile else "idle"
    print(f"{kind:6} {when:8} {seconds:6.0f} s: {result['xruns']} xruns{lost}", flush=True)
    for note in result["notes"]:
        print(f"       {note}", flush=True)


def failures(row: Row) -> list[str]:
    """What our host promised and did not hold."""
    found = [f"{row.underruns} underruns"] if row.underruns else []
    for name, sizes in row.growth.items():
        grown = max(end - start for start, end in sizes)
        if grown > GROWTH_MB:
            found.append(f"{name} grew by {grown:.1f} MB")
    return found


def main() -> int:
    """Run everything; 1 if our host lost something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=2, help="how often each kind has its turn")
    parser.add_argument("--minutes", type=float, help="of one run of our host; a third more beside")
    parser.add_argument("--block", type=int, default=256, help="of the device, in frames")
    parser.add_argument("--rate", type=int, default=48000, help="of the server, in Hz")
    parser.add_argument("--model", type=Path, help="a .ts file in place of the raspberry")
    parser.add_argument("--model-block", type=int, default=MODEL_BLOCK)
    parser.add_argument("--rows", nargs="+", default=["empty", "naive", "ours"])
    parser.add_argument("--realtime", action="store_true", help="let the server have priority")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--idle", action="store_true", help="only beside nothing")
    only.add_argument("--hostile", action="store_true", help="only beside a busy loop and messages")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server must not stay behind

    rows: dict[tuple[str, bool], Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = bent(options.model or raspberry(Path(folder), options.rate), Path(folder))
        with jack(options.rate, options.block, options.realtime) as server:
            for kind, hostile, seconds in plan(options):
                settings = {
                    "model": str(model),
                    "model_block": options.model_block,
                    "block": options.block,
                    "rate": options.rate,
                    "hostile": hostile,
                    "seconds": seconds,
                }
                result = run(kind, settings, server)
                tell(kind, hostile, seconds, result)
                rows.setdefault((kind, hostile), Row()).add(result, seconds)

    headers = ["", "", "blocks", "xruns", "a minute", "underruns"]
    headers += ["turn p50 ms", "p99", "p99.9", "most", "latency ms"]
    table = [
        [kind, "hostile" if hostile else "idle", *row.cells()]
        for (kind, hostile), row in sorted(rows.items(), key=lambda item: item[0][1])
    ]
    print("\n" + tabulate(table, headers, disable_numparse=True))
    sizes = [
        [kind, "hostile" if hostile else "idle", name]
        + [f"{start:.0f} -> {end:.0f}" for start, end in each]
        for (kind, hostile), row in rows.items()
        for name, each in row.growth.items()
    ]
    print("\nMemory of each process in MB, at the start and the end of each run\n")
    print(tabulate(sizes, disable_numparse=True))
    broken = [why for (kind, _), row in rows.items() if kind == "ours" for why in failures(row)]
    for why in broken:
        print(f"\nFAIL: {why}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
