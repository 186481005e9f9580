"""Does a ``.ts`` play in nn~? Each point of its contract is tried, ours or not.

``python -m torchbend.export.check x.ts --rows rows.jsonl`` checks in this process and writes
each row as it is found. `check_in_fresh_process` runs that, so that a file which crashes or
hangs is a row in a table, not the end of the program.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from torchbend.archive import Archive, open_script
from torchbend.contents import ask, read_info
from torchbend.errors import TorchbendError, script_line
from torchbend.export.check_attributes import check_attributes
from torchbend.export.check_contract import check_contract
from torchbend.export.check_methods import check_methods
from torchbend.export.check_replay import check_replay
from torchbend.export.reference import read_reference
from torchbend.export.report import FAIL, OK, Report, Row
from torchbend.export.sound import is_finite
from torchbend.export.subject import Subject, noise

__all__ = ["check", "check_in_fresh_process"]

TIMEOUT_SECONDS = 900.0
_DONE = "done"
# Not `-m`: that imports from the current folder first, whatever somebody put there.
_START = "import sys; del sys.path[0]; from torchbend.export.check import main; sys.exit(main())"


def check_in_fresh_process(
    path: str | Path,
    reference: str | Path | None = None,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Report:
    """Check a file in a process of its own.

    Args:
        path: of the ``.ts`` file.
        reference: what it must sound like, as ``write_reference`` wrote it.
        timeout_seconds: after so long the check counts as failed.

    Returns:
        What was found; a crash or a time-out is a row that failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        command = [sys.executable, "-W", "ignore", "-c", _START, str(path)]
        command += ["--rows", str(rows)]
        if reference is not None:
            command += ["--reference", str(reference)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=timeout_seconds
            )
            ended, said = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            ended, said = None, ""
        lines = rows.read_text().splitlines() if rows.exists() else []
    report = Report(str(path))
    finished = False
    for line in lines:
        if line == json.dumps(_DONE):
            finished = True
        else:
            report.rows.append(Row(**json.loads(line)))
    if not finished:
        report.rows.append(_cut_off(ended, said, report, timeout_seconds))
    return report


def _cut_off(ended: int | None, said: str, report: Report, timeout_seconds: float) -> Row:
    after = f" after {report.rows[-1].what!r}" if report.rows else ""
    if ended is None:
        return Row("in time", FAIL, f"not done after {timeout_seconds:g} s, stuck{after}")
    how = f"signal {-ended}" if ended < 0 else f"status {ended}"
    last = said.strip().splitlines()[-1:] or [""]
    return Row("no crash", FAIL, f"the process ended with {how}{after}. {last[0]}".strip())


def check(path: str | Path, reference: str | Path | None = None) -> Iterator[Row]:
    """Check a file in this process.

    Args:
        path: of the ``.ts`` file.
        reference: what it must sound like, as ``write_reference`` wrote it.

    Yields:
        Each row when it is found.
    """
    try:
        archive = Archive(path)
        told = read_info(archive)
        module = open_script(archive)
    except TorchbendError as error:
        yield Row("opens", FAIL, str(error))
        return
    yield Row("opens", OK, f"in torch {torch.__version__}")
    module.eval()
    asked = ask(module, Path(path).stem)
    subject = Subject(module, told or asked.info, ours=told is not None)
    yield from check_contract(archive, subject, asked)
    subject.find_state(after=subject.info.methods)
    odd = {method.name for method in subject.info.methods if not method.finite}
    if reference is not None:
        try:
            cases = read_reference(reference)
        except TorchbendError as error:
            cases = []
            yield Row("reference", FAIL, str(error))
        yield from check_replay(subject, cases)
        odd |= {c.method for c in cases if c.tolerance == 0.0 and not is_finite(c.output)}
    yield from check_methods(subject, odd)
    yield from check_attributes(subject, odd)
    if torch.cuda.is_available():
        yield from _on_gpu(subject)


def _on_gpu(subject: Subject) -> Iterator[Row]:
    """Nn~'s ``gpu 1``, and back; the last check, as a failure may leave anything behind."""
    try:
        subject.module.to("cuda")
        for method in subject.info.methods:
            with torch.inference_mode():
                x = noise(method, 1, subject.least_block(method)).to("cuda")
                getattr(subject.module, method.name)(x)
        subject.module.to("cpu")
        yield Row("plays on the GPU", OK)
    except Exception as error:  # noqa: BLE001 - a file may raise anything
        yield Row("plays on the GPU", FAIL, f"raises: {script_line(error)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Check in this process, and write the rows to a file, a JSON object a line."""
    parser = argparse.ArgumentParser(prog="python -m torchbend.export.check")
    parser.add_argument("path")
    parser.add_argument("--reference")
    parser.add_argument("--rows", required=True)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # as the reference was made: more of them sum in another order
    with open(args.rows, "w") as file:
        for row in check(args.path, args.reference):
            row = replace(row, detail=row.detail[:2000])
            file.write(json.dumps(asdict(row)) + "\n")
            file.flush()
        file.write(json.dumps(_DONE) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
