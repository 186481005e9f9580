"""Checks that play nothing: nn~'s contract, what moves to another device, what 2.5 loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch

from torchbend.archive import Archive
from torchbend.contents import Asked
from torchbend.description import FileInfo
from torchbend.export.guard import LIBTORCH, guard
from torchbend.export.report import FAIL, NOTE, OK, Row, problems
from torchbend.export.subject import Subject
from torchbend.scripts.graphs import attributes_of, parameters_of

__all__ = ["check_contract"]


def check_contract(archive: Archive, subject: Subject, asked: Asked) -> Iterator[Row]:
    """Check what can be seen without playing.

    Args:
        archive: the file as data.
        subject: the file, opened and not yet played.
        asked: what it answered.
    """
    found = guard(archive)
    yield problems(
        f"libtorch {LIBTORCH} of nn~ 1.6", map(str, found), "every operator is known there"
    )
    info = asked.info
    fine = {
        "methods": ", ".join(m.name for m in info.methods),
        "labels": "one for each channel",
        "attributes": ", ".join(a.name for a in info.attributes) or "none",
        "getters": "each answers with a list or a tuple",
        "setters": "each takes its values and returns an int",
        "sample rate": f"{info.sample_rate} Hz" if info.sample_rate else "not told",
    }
    for topic, detail in fine.items():
        yield problems(topic, asked.problems.get(topic, ()), detail)
    yield _buffers(subject, info)
    if subject.ours:
        yield problems("description", _differences(subject, info), "as the file answers")
    yield from _devices(archive, subject)


def _buffers(subject: Subject, asked: FileInfo) -> Row:
    """Nn~ 1.6 hands arrays over by methods of their own."""
    wanted = [a.name for a in asked.attributes if "buffer" in a.types]
    defined = set(subject.module._c._method_names())
    names = (
        "get_buffer_attributes", "set_buffer_attribute", "clear_buffer_attribute",
        "is_buffer_empty",
    )  # fmt: skip
    missing = [f"{name} is missing" for name in names if wanted and name not in defined]
    return problems("arrays", missing, ", ".join(wanted) or "none")


def _differences(subject: Subject, asked: FileInfo) -> Iterator[str]:
    """Where a file of ours answers otherwise than its description says."""
    said = subject.info
    if said.sample_rate != asked.sample_rate:
        yield f"sample rate {said.sample_rate}, the file answers {asked.sample_rate}"
    for topic, ours, theirs in (
        ("methods", said.methods, asked.methods),
        ("attributes", said.attributes, asked.attributes),
    ):
        answered: dict[str, Any] = {each.name: each for each in theirs}
        if [each.name for each in ours] != list(answered):
            yield (
                f"{topic} {', '.join(e.name for e in ours)}; "
                f"the file answers {', '.join(answered) or 'none'}"
            )
            continue
        fields = (
            ("in_channels", "in_ratio", "out_channels", "out_ratio", "input_labels",
             "output_labels")
            if topic == "methods"
            else ("types",)
        )  # fmt: skip
        for each in ours:
            for name in fields:
                a, b = getattr(each, name), getattr(answered[each.name], name)
                if a != b:
                    yield f"{name} of {each.name} is {a}, the file answers {b}"
    buffers = dict(subject.module.named_buffers())
    gone = [name for name in said.state or () if name not in buffers]
    if gone:
        yield f"state {', '.join(gone[:3])} is no registered buffer of the file"


def _devices(archive: Archive, subject: Subject) -> Iterator[Row]:
    held = sorted(_unregistered(subject.module))
    some = f"{', '.join(held[:4])}{f' and {len(held) - 4} more' if len(held) > 4 else ''}"
    yield problems(
        "moves to a GPU",
        [f"{some}: tensors that are no registered buffers, and stay behind"] if held else [],
        "every tensor is a parameter or a registered buffer",
    )
    constants = {c for text in archive.code.values() for c in re.findall(r"CONSTANTS\.c\d+", text)}
    if constants:
        yield Row(
            "constants", NOTE, f"{len(constants)} tensors are part of the code and stay on the CPU"
        )
    devices = set(re.findall(rb"(?:cuda|mps|xpu):\d+", archive.read("data.pkl") or b""))
    yield Row(
        "saved on the CPU",
        FAIL if devices else OK,
        f"tensors lie on {b', '.join(sorted(devices)).decode()}: nn~ opens it nowhere else"
        if devices
        else "",
    )
    learning = [name for name, p in subject.module.named_parameters() if p.requires_grad]
    if learning and subject.info.attributes:
        yield Row(
            "parameters",
            NOTE,
            f"{len(learning)} require a gradient: a setter may write in them only under "
            "torch.no_grad()",
        )


def _unregistered(module: torch.jit.ScriptModule) -> Iterator[str]:
    """Paths of tensors that lie outside of parameters and registered buffers."""
    native: Any = torch._C
    # A list may hold the very tensors that are registered too, as an LSTM's does: they move.
    registered = {t._cdata for t in (*module.parameters(), *module.buffers())}
    for path, sub in module.named_modules():
        owner: Any = sub._c
        names = {*parameters_of(owner), *dict(native.BufferDict(owner).items())}
        for name in attributes_of(owner):
            held = () if name in names else _tensors(owner.getattr(name))
            if any(tensor._cdata not in registered for tensor in held):
                yield f"{path}.{name}" if path else name


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
