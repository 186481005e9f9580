"""Plays every ``.ts`` of some folders through bend-probe.

Of each file: what it says of itself can be read; each method renders sound that is finite and
as long as what went in, in place, and buffered in two batches; each number that can be set
reads back. What a file made here says of an attribute's range is held against it: its ends are
reached and not passed, and what is no number is refused and changes nothing. What nn~ could not
use of a file that was made elsewhere is printed, and is no failure.

    python check_models.py BEND_PROBE FOLDER...
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 0.5
NUMBERS = {"bool", "int", "float"}


class Failure(Exception):
    """What is wrong with a file."""


def probe(program: str, *arguments: object) -> list[Any]:
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}{done.stdout}")
    if arguments[0] == "info":
        return [json.loads(done.stdout)]
    return [json.loads(line) for line in done.stdout.splitlines()]


def expect(ok: bool, what: str) -> None:
    if not ok:
        raise Failure(what)


def check_sound(program: str, model: Path, method: str, wav: Path, *more: object) -> None:
    lines = probe(
        program, "render", model, "--noise", SECONDS, wav, "--method", method, "--seed", 1, *more
    )
    done = lines[-1]
    what = f"{method} {' '.join(map(str, more))}"
    expect(done["frames"] == round(SECONDS * done["sample_rate"]), f"{what}: too short")
    expect(done["finite"], f"{what}: the sound is not finite")
    size = done["frames"] * done["channels"] * 4
    expect(size <= wav.stat().st_size < size + 200, f"{what}: the file has the wrong length")


def settings(attribute: dict[str, Any], said: dict[str, Any]) -> list[tuple[list[Any], list[Any]]]:
    """What to set, and what should then be read."""
    value = attribute["value"]
    wanted = [(value, value)]
    numbers = [not isinstance(v, (bool, str, dict)) for v in value]
    if not all(numbers):
        return wanted
    if said.get("low") is not None:
        ends = [said["low"]] * len(value)
        wanted += [(ends, ends), ([said["low"] - 1] * len(value), ends)]
    if said.get("high") is not None:
        ends = [said["high"]] * len(value)
        wanted += [(ends, ends), ([said["high"] + 1] * len(value), ends)]
    return [*wanted, (value, value)]


def as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def close(got: list[Any], want: list[Any]) -> bool:
    return len(got) == len(want) and all(
        math.isclose(g, w, rel_tol=1e-6, abs_tol=1e-6) for g, w in zip(got, want, strict=True)
    )


def check_attributes(
    program: str,
    model: Path,
    method: str,
    attributes: list[dict[str, Any]],
    said: dict[str, dict[str, Any]],
    wav: Path,
) -> int:
    """Set each one in turn, in one run: to open a model takes longer than all of it."""
    todo: list[tuple[str, list[Any], list[Any]]] = []
    for attribute in attributes:
        name = attribute["name"]
        if attribute["value"] is None or not set(attribute["types"]) <= NUMBERS:
            continue
        known = said.get(name, {})
        todo += [(name, values, wanted) for values, wanted in settings(attribute, known)]
        if known and "float" in attribute["types"]:
            todo.append((name, [math.nan] * len(attribute["types"]), attribute["value"]))
    arguments: list[object] = []
    for name, values, _ in todo:
        arguments += ["--set", f"0:{name}={','.join(map(as_text, values))}"]
    lines = probe(program, "render", model, "--noise", 0.01, wav, "--method", method, *arguments)
    for (name, values, wanted), line in zip(todo, lines[:-1], strict=True):
        refused = any(isinstance(v, float) and math.isnan(v) for v in values)
        expect((line["code"] not in (0, None)) == refused, f"{name} {values}: {line}")
        got = line["value"]
        expect(close(got, wanted), f"{name} {values}: reads {got}, not {wanted}")
    expect(lines[-1]["finite"], "the sound is not finite")
    return len(todo)


def check_file(program: str, model: Path, folder: Path) -> str:
    (info,) = probe(program, "info", model)
    ours = info["torchbend"] is not None
    expect(not ours or not info["problems"], f"problems: {info['problems']}")
    methods = [method["name"] for method in info["methods"]]
    wav = folder / "out.wav"
    for method in methods:
        check_sound(program, model, method, wav)
        check_sound(program, model, method, wav, "--buffered", "--batch", 2)
    said = {a["name"]: a for a in (info["torchbend"] or {}).get("attributes", [])}
    known = {a["name"] for a in info["attributes"]}
    expect(set(said) <= known, f"attributes that it does not have: {set(said) - known}")
    count = check_attributes(program, model, methods[-1], info["attributes"], said, wav)
    told = f"{len(methods)} methods, {len(known)} attributes, {count} settings"
    return "; ".join([told, *info["problems"]])


def told(program: str, model: Path) -> tuple[bool, str]:
    """Whether a file is as it should be, and a line about it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return True, f"{model}: {check_file(program, model, Path(folder))}"
        except Failure as failure:
            return False, f"{model}: FAILED: {failure}"


def main(program: str, *folders: str) -> int:
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.ts"))
    files = [file for file in files if file.parent.name != "faulty"]
    # A file for each core, and each with one thread of libtorch.
    os.environ["OMP_NUM_THREADS"] = "1"
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        rows = list(pool.map(lambda file: told(program, file), files))
    for _, line in rows:
        print(line)  # noqa: T201
    if not files:
        print(f"there is no .ts in {', '.join(folders)}")  # noqa: T201
    return 0 if rows and all(ok for ok, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
