"""Do exported files play in the libtorch of nn~ 1.6, and sound the same?

    make compat                                  exports of scripts/make_exports.py
    make compat EXPORTS="a.ts folder/of/exports"

Each file is opened by the torch of .venv and by a real torch 2.5 (in build/compat, or the
Python that TORCHBEND_COMPAT_PYTHON names). Every method plays two blocks, as the file starts
and with each attribute set to another value; the two torches must agree within 1e-5 of the
peak. Then scripts/guard_corpus.py asks both what the export's guard answered.

The part that runs in torch 2.5 needs nothing but torch.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

TOLERANCE = 1e-5  # of the peak
BLOCKS = 2
LEAST_BLOCK = 512  # frames of sound
SEED = 7
PYTHON = Path("build/compat/bin/python")


# -- what runs in both torches ----------------------------------------------------------
def render(path: str) -> dict[str, Any]:
    """Play a file: for each method and setting the samples, or what it raised."""
    try:
        module = torch.jit.load(path).eval()
        methods, settings = described(path, module)
        rendered = {}
        for name, values in [("", []), *settings]:
            if name:
                home = getattr(module, f"get_{name}")()
                done = setter(module, name)(*values)
                if done != 0:
                    raise ValueError(f"set_{name} answers {done} to {values}")
            for method, params in methods.items():
                key = f"{method}, {name}={values}" if name else method
                rendered[key] = play(module, method, params)
            if name and not isinstance(home[0], (str, torch.Tensor)):
                setter(module, name)(*home)
    except Exception as error:  # noqa: BLE001 - reported
        return {"torch": torch.__version__, "error": " ".join(str(error).split())[:300]}
    return {"torch": torch.__version__, "sounds": rendered}


def described(path: str, module: Any) -> tuple[dict[str, list[int]], list[tuple[str, list[Any]]]]:
    """The methods with their params, and for each attribute another value than its default."""
    methods = {name: getattr(module, f"{name}_params").tolist() for name in module.get_methods()}
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith("/extra/torchbend.json")]
        info = json.loads(archive.read(names[0])) if names else {"attributes": []}
    return methods, [(a["name"], another(a)) for a in info["attributes"]]


def another(attribute: dict[str, Any]) -> list[Any]:
    """Values that the attribute can have, and has not at first."""
    default, low, high = attribute["default"], attribute["low"], attribute["high"]
    if attribute["choices"]:
        return [next(c for c in attribute["choices"] if c != default[0])]
    whole = attribute["types"][0] in ("int", "bool")
    values = []
    for value in default:
        other = value + 1 if whole else value * 0.5 + 0.125
        if low is not None and high is not None:
            other = low + 0.35 * (high - low)
            other = other if abs(other - value) > 0.01 * (high - low) else high
        values.append(round(other) if whole else other)
    if attribute["types"][0] in ("tensor", "buffer"):
        return [torch.tensor(values)]
    return values


def setter(module: Any, name: str) -> Any:
    """What sets an attribute: its setter, or for an array the file's method for all of them."""
    if getattr(module, f"{name}_params").tolist() != [5]:
        return getattr(module, f"set_{name}")
    return lambda values: module.set_buffer_attribute(f"{name}#0", values.reshape(1, -1), 44100)


def play(module: Any, method: str, params: list[int]) -> list[float]:
    """Two blocks after one in which settings settle."""
    in_channels, in_ratio, _, out_ratio = params
    block = max(in_ratio, out_ratio)
    while block < LEAST_BLOCK:
        block *= 2
    # Only the generator's numbers must agree between releases, and uniform ones do.
    generator = torch.Generator().manual_seed(SEED)
    shape = (1, in_channels, block // in_ratio)
    out = []
    torch.manual_seed(SEED)
    with torch.inference_mode():
        for number in range(1 + BLOCKS):
            y = getattr(module, method)(torch.rand(shape, generator=generator) * 0.6 - 0.3)
            if number:
                out += y.flatten().tolist()
    return out


# -- what compares them ---------------------------------------------------------------------
def compare(path: Path, here: dict[str, Any], there: dict[str, Any]) -> tuple[bool, list[Any]]:
    """A row of the table, and whether it is good."""
    for told, found in (("here", here), ("in 2.5", there)):
        if "error" in found:
            return False, [path.name, "", "", f"{told}: {found['error']}"]
    if here["sounds"].keys() != there["sounds"].keys():
        return False, [path.name, "", "", "other methods and attributes than here"]
    worst, where = 0.0, ""
    for key, ours in here["sounds"].items():
        theirs = there["sounds"][key]
        peak = max(map(abs, ours), default=0.0)
        off = max((abs(a - b) for a, b in zip(ours, theirs, strict=False)), default=0.0)
        error = off / peak if peak else off
        if len(ours) != len(theirs) or not all(map(math.isfinite, (*ours, *theirs))):
            error = math.inf
        if error > worst:
            worst, where = error, key
    good = worst <= TOLERANCE
    return good, [path.name, len(here["sounds"]), f"{worst:.2g}", where]


def files(given: list[str], folder: str) -> Iterator[Path]:
    """The ``.ts`` files that are named, or in a folder that is named; else made in ``folder``."""
    if not given:
        make = Path(__file__).with_name("make_exports.py")
        if not make.exists():
            raise SystemExit(f"{make} is missing: name the exports to compare")
        subprocess.run([sys.executable, "-W", "ignore", str(make), folder], check=True)
        given = [folder]
    for name in given:
        path = Path(name)
        yield from sorted(path.rglob("*.ts")) if path.is_dir() else [path]


def main() -> int:
    """Compare and print the table; the status is 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exports", nargs="*", help=".ts files, or folders of them")
    parser.add_argument("--render", metavar="OUT.json", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.render:
        torch.set_num_threads(1)
        Path(args.render).write_text(json.dumps({p: render(p) for p in args.exports}))
        return 0

    from tabulate import tabulate

    older = os.environ.get("TORCHBEND_COMPAT_PYTHON") or str(PYTHON)
    with tempfile.TemporaryDirectory() as folder:
        paths = list(files(args.exports, folder))
        found = []
        for python in (sys.executable, older):
            out = Path(folder) / "sounds.json"
            subprocess.run(
                [python, "-W", "ignore", __file__, "--render", str(out), *map(str, paths)],
                check=True,
            )
            found.append(json.loads(out.read_text()))
    results = [compare(path, found[0][str(path)], found[1][str(path)]) for path in paths]
    releases = [next(iter(f.values()))["torch"] for f in found] if paths else []
    print(f"{len(paths)} files, torch {' against '.join(releases)}")
    print(tabulate([row for _, row in results], ["file", "runs", "worst / peak", "where"]))
    wrong = sum(not good for good, _ in results)
    print(f"{wrong} of {len(paths)} files differ by more than {TOLERANCE:g} of the peak\n")
    corpus = Path(__file__).with_name("guard_corpus.py")
    judged = subprocess.run([sys.executable, "-W", "ignore", str(corpus), older])
    return 1 if wrong or judged.returncode or not paths else 0


if __name__ == "__main__":
    raise SystemExit(main())
