"""Checks of the sound against a reference that the live model rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from torchbend.description import AttributeInfo
from torchbend.errors import script_line
from torchbend.export.reference import Case
from torchbend.export.report import FAIL, OK, Row
from torchbend.export.sound import difference, peak, same
from torchbend.export.subject import Subject, noise

__all__ = ["check_replay"]


@dataclass
class _Tally:
    """Of the cases of one method."""

    exact: int = 0
    near: int = 0
    worst: float = 0.0
    wrong: str = ""


def check_replay(subject: Subject, cases: Sequence[Case]) -> Iterator[Row]:
    """Replay a reference, case by case.

    Args:
        subject: its streaming state is put back before each case; its attributes return to
            what they are now after each.
        cases: see :class:`~torchbend.export.reference.Case`.
    """
    attributes = {a.name: a for a in subject.info.attributes}
    start = {name: _settable(subject, a) for name, a in attributes.items()}
    tallies: dict[str, _Tally] = {}
    for case in cases:
        tally = tallies.setdefault(case.method, _Tally())
        if tally.wrong:
            continue
        try:
            _replay(subject, case, tally)
        except Exception as error:  # noqa: BLE001 - a file may raise anything
            tally.wrong = f"{_named(case)}: raises: {script_line(error)}"
        try:
            for name in case.settings:
                if name in attributes:
                    subject.set(attributes[name], start[name])
        except Exception as error:  # noqa: BLE001
            tally.wrong = tally.wrong or f"{_named(case)}: cannot go back: {script_line(error)}"
    _settle(subject)
    for name, tally in tallies.items():
        yield Row(f"{name}: as the live model", FAIL if tally.wrong else OK, _summary(tally))


def _settle(subject: Subject) -> None:
    """Let every method glide back to where it started, for the checks that follow."""
    for method in subject.info.methods:
        block = subject.least_block(method)
        try:
            subject.settle(method, noise(method, 1, block), block)
        except Exception:  # noqa: BLE001 - the check of the method will tell
            continue
    subject.restore()


def _replay(subject: Subject, case: Case, tally: _Tally) -> None:
    method = next((m for m in subject.info.methods if m.name == case.method), None)
    if method is None:
        raise ValueError(f"the file has no method {case.method!r}")
    subject.set_all(case.settings)
    subject.settle(method, case.input, case.block)
    out = subject.play_again(method, case.input, case.block, case.seed)
    if out.shape != case.output.shape:
        tally.wrong = (
            f"{_named(case)}: gives {tuple(out.shape)}, the live model {tuple(case.output.shape)}"
        )
        return
    if case.tolerance == 0.0:
        if same(out, case.output):
            tally.exact += 1
        else:
            tally.wrong = f"{_named(case)}: not bit-identical, {_where(out, case)}"
        return
    error = _error(out, case.output)
    tally.worst = max(tally.worst, error)
    if error <= case.tolerance:
        tally.near += 1
    else:
        tally.wrong = f"{_named(case)}: more than {case.tolerance:g}, {_where(out, case)}"


def _settable(subject: Subject, attribute: AttributeInfo) -> tuple[object, ...]:
    """The values of an attribute now, as the setter takes them."""
    # The getter of an array tells its size, not its values.
    return attribute.default if attribute.types == ("buffer",) else subject.get(attribute)


def _error(out: torch.Tensor, expected: torch.Tensor) -> float:
    """The greatest difference, relative to the peak of what is expected."""
    off, level = difference(out, expected), peak(expected)
    if off == 0.0:
        return 0.0
    return off / level if level > 0.0 else float("inf")


def _where(out: torch.Tensor, case: Case) -> str:
    off = (out - case.output).abs().nan_to_num(nan=float("inf"))
    off[out.isnan() & case.output.isnan()] = 0.0
    at = int(off.flatten().argmax())
    frame = at % off.shape[-1]
    return (
        f"off by {_error(out, case.output):.3g} of the peak, most at frame {frame} "
        f"({float(out.flatten()[at]):.6g} for {float(case.output.flatten()[at]):.6g})"
    )


def _named(case: Case) -> str:
    settings = ", ".join(f"{name}={_short(values)}" for name, values in case.settings.items())
    return f"batch {case.batch}, blocks of {case.block}{f', {settings}' if settings else ''}"


def _short(values: tuple[object, ...]) -> str:
    text = ", ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values[:3])
    return f"({text}, ...)" if len(values) > 3 else text


def _summary(tally: _Tally) -> str:
    if tally.wrong:
        return tally.wrong
    parts = []
    if tally.exact:
        parts.append(f"{tally.exact} bit-identical")
    if tally.near:
        parts.append(f"{tally.near} within tolerance, at worst {tally.worst:.2g} of the peak")
    return "; ".join(parts)
