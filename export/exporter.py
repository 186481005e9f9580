"""From a bent module to a file that nn~ plays, checked before it is handed over."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from torchbend.bending import Bend, BendingCallback, BendingConfig, BendingParameter
from torchbend.bending.callback import walk
from torchbend.bending.membership import memberships
from torchbend.description import EXTRA_FILE, FileInfo
from torchbend.errors import ConfigError, ExportError, suggest
from torchbend.export.attributes import Attribute, of_control, of_model
from torchbend.export.drafts import Draft, draft_of
from torchbend.export.face import check_names
from torchbend.export.guard import refuse
from torchbend.export.live import reference_cases
from torchbend.export.neutral import neutral_value_of_each
from torchbend.export.patches import write_patches
from torchbend.export.reference import write_reference
from torchbend.export.report import Report
from torchbend.export.shapes import Method, Ratios, look_at, times_of, with_least_block
from torchbend.hints import ExportHints
from torchbend.tracing.script import Scripted
from torchbend.tracing.shadow import plain_tensors

if TYPE_CHECKING:
    from torchbend.tracing import BendedModule

__all__ = ["Export", "export"]

log = logging.getLogger(__name__)

Labels = Mapping[str, tuple[Sequence[str], Sequence[str]]]


@dataclass(frozen=True)
class Export:
    """What an export wrote.

    Attributes:
        path: the TorchScript file.
        info: what is inside.
        patches: a Pd and a Max patch that play it.
        config: the bending configuration as JSON; None where a callback cannot be saved.
    """

    path: Path
    info: FileInfo
    patches: tuple[Path, ...] = ()
    config: Path | None = None


def export(
    bended: BendedModule,
    path: str | os.PathLike[str],
    *,
    methods: Iterable[str] | None = None,
    ratios: Mapping[str, Ratios] | None = None,
    labels: Labels | None = None,
    sample_rate: int | None = None,
    vectors: Mapping[str, str] | None = None,
    name: str | None = None,
    check: bool = True,
    patches: bool = True,
    timeout_seconds: float = 900.0,
) -> Export:
    """Write a bent module as a file for nn~ (Max, Pd) and NN.ar (SuperCollider).

    Each control becomes an attribute of nn~: clamped to its range, deaf to NaN, and gliding
    within a block where it moves an activation or scales a layer's weight. The file starts
    with the controls as they are and with a fresh streaming state.

    Before it gets its name, the file is opened in a fresh process and compared with the bent
    module: block by block, at every block size up to 8192 frames, for one signal and for
    four; every attribute is set, read and heard. The bent module's own controls and state
    are moved meanwhile and put back; do not play it at the same time. It must have the bits of
    the unbent module where all controls are neutral, and be within 1e-5 of the peak elsewhere
    (more, with a warning, where the bends make the model itself move by more than that when
    the last bit of its input changes).

    An input of whole numbers is rounded, and kept in the range that it had when traced.

    Args:
        bended: with the methods traced that the file shall have.
        path: of the file, which ends in ``.ts``.
        methods: some of the traced ones; all by default.
        ratios: for a method, the frames of sound for one frame of its input and of its
            output, where these are not to be found by running it.
        labels: for a method, the labels of its inlets and its outlets.
        sample_rate: in Hz; by default the model's, if it has one.
        vectors: for a vector control, ``"floats"`` (up to 16 values by default),
            ``"tensor"`` or ``"buffer"`` (an array of Pd, a buffer~ of Max).
        name: of the model, for people; by default that of the file.
        check: compare before handing over.
        patches: write a Pd and a Max patch, and the configuration as JSON, beside the file.
            What is there under their names and differs is kept, with a ``~`` behind its name.
        timeout_seconds: for the check; many attributes on a slow machine may want more.

    Returns:
        What was written.

    Raises:
        ExportError: a method cannot be played by nn~, or a check failed; nothing is left
            behind then.
        TorchbendError: the file needs an operator that nn~'s libtorch has not, or a name that
            a patch cannot have; nothing is left behind, either.
        ScriptError: something cannot become TorchScript; names it.
    """
    target = _target(Path(path))
    _check_place(bended)
    with plain_tensors(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch.jit")
        hints = _hints(bended, labels or {}, sample_rate)
        chosen = _chosen(bended, methods)
        draft = draft_of(bended, chosen)
        if draft.kept is None:
            check_names(chosen, list(bended.controllables))
        looked = _look(draft, chosen, hints, ratios or {})
        times = {m.info.name: _times(draft, m) for m in looked}
        parts = draft.parts(times, chosen)
        attributes = _attributes(bended, parts, hints, vectors or {})
        label = name or target.stem
        info = _describe(draft, parts, looked, attributes, hints, label, target.parent)
        face = draft.face(parts, looked, attributes, hints.sample_rate).to("cpu")
        refuse(face)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".torchbend-") as folder:
            made = Path(folder) / target.name
            extra = {EXTRA_FILE: json.dumps(info.to_dict())}
            torch.jit.save(face, str(made), _extra_files=extra)
            if check:
                _check(draft, made, looked, attributes, timeout_seconds)
            written = [*write_patches(info, made), _write_config(bended, made)] if patches else []
            beside = [target.with_name(each.name) for each in written if each is not None]
            for each in beside:
                _replace(made.with_name(each.name), each)
            os.replace(made, target)
    config = [each for each in beside if each.suffix == ".json"]
    played = tuple(each for each in beside if each.suffix != ".json")
    return Export(target, info, played, config[0] if config else None)


def _target(target: Path) -> Path:
    if target.suffix != ".ts":
        raise ExportError(f"an exported file ends in .ts; got {str(target)!r}")
    if not target.parent.is_dir():
        raise ExportError(f"there is no folder {target.parent} to write {target.name} into")
    if not os.access(target.parent, os.W_OK):
        raise ExportError(f"the folder {target.parent} cannot be written to")
    if target.is_dir():
        raise ExportError(f"{target} is a folder: give the file another name")
    return target


def _check_place(bended: BendedModule) -> None:
    """A file is written for the CPU and for float32, nn~'s sound; so is the model compared."""
    for name, parameter in bended._shadow.named_parameters():
        half = parameter.dtype.is_floating_point and parameter.dtype != torch.float32
        if parameter.device.type != "cpu" or half:
            raise ExportError(
                f"{name} is {parameter.dtype} on {parameter.device}: a file is made of the model "
                'on the CPU in float32. Call .to("cpu", torch.float32) on the bent model first; '
                "nn~ moves the file to a GPU by itself"
            )


def _replace(new: Path, old: Path) -> None:
    """Put a file where another may be that somebody changed: that one is kept, with a ``~``."""
    if old.exists() and old.read_bytes() != new.read_bytes():
        os.replace(old, old.with_name(f"{old.name}~"))
    os.replace(new, old)


def _hints(bended: BendedModule, labels: Labels, sample_rate: int | None) -> ExportHints:
    hints = bended.export_hints()
    given = {fn: (tuple(ins), tuple(outs)) for fn, (ins, outs) in labels.items()}
    return replace(
        hints,
        labels={**hints.labels, **given},
        sample_rate=hints.sample_rate if sample_rate is None else int(sample_rate),
    )


def _chosen(bended: BendedModule, methods: Iterable[str] | None) -> list[str]:
    traced = list(bended._runner.traces)
    if not traced:
        raise ExportError("nothing is traced yet: call trace(fn, ...) for the methods to export")
    chosen = traced if methods is None else list(dict.fromkeys(methods))
    for fn in chosen:
        if fn not in traced:
            raise ExportError(f"the method {fn!r} is not traced. {suggest(fn, traced)}")
    if not chosen:
        raise ExportError(f"there is no method to export; traced are {traced}")
    return chosen


def _look(
    draft: Draft, chosen: Sequence[str], hints: ExportHints, ratios: Mapping[str, Ratios]
) -> list[Method]:
    traces = draft.bended._runner.traces

    def twin() -> nn.Module:
        return draft.bended._bank.twin(bent=False)

    played = cache(twin)  # one for all: only the length of what comes out is looked at

    looked = [
        draft.known(fn) or look_at(traces[fn], twin(), hints, ratios.get(fn)) for fn in chosen
    ]
    largest = _largest_ratio(looked)
    whole = [
        method
        if method.info.least_block is not None
        else with_least_block(method, played(), traces[method.info.name], largest)
        for method in looked
    ]
    return [replace(m, info=replace(m.info, finite=draft.is_finite(m))) for m in whole]


def _largest_ratio(methods: Sequence[Method]) -> int:
    return max(max(m.info.in_ratio, m.info.out_ratio) for m in methods)


def _times(draft: Draft, method: Method) -> dict[str, int]:
    return times_of(method, lambda runs: draft.shapes_in(method.info.name, runs))


def _attributes(
    bended: BendedModule, parts: Scripted, hints: ExportHints, vectors: Mapping[str, str]
) -> list[Attribute]:
    """Every control, then the model's own settings that the exported methods read."""
    for name in vectors:
        if name not in parts.controls:
            raise ExportError(f"there is no control {name!r}. {suggest(name, parts.controls)}")
    moved = _what_moves(bended)
    callbacks = [bend.callback for bend in bended._book.active]
    neutral, owners = neutral_value_of_each(callbacks), memberships(callbacks)
    found = [
        of_control(
            parameter,
            parts.controls[parameter.name],
            parts.folds[parameter.name],
            moved.get(parameter.name, ()),
            vectors.get(parameter.name),
        ).told(
            neutral.get(parameter.name),
            glides=parameter.name not in parts.jumping,
            owner=owners.get(parameter.name, ("", "")),
        )
        for parameter in parts.parameters
        if parameter.name in parts.reached
    ]
    for name in sorted(set(parts.controls) - parts.reached):
        log.warning("%r moves nothing in the exported methods: it is not in the file", name)
    buffers = dict(parts.module.named_buffers())
    return found + [of_model(a, parts.module) for a in hints.attributes if a.buffer in buffers]


def _what_moves(bended: BendedModule) -> dict[str, list[str]]:
    """What each control moves, in words; nothing for the solo of a bend that is alone."""
    texts: dict[str, list[str]] = {}
    active = bended._book.active
    heard = {o.__dict__["parameter"] for bend in active for o in bend.solos}
    for bend in active:
        count = len(bend.places)
        first = next(iter(bend.places))
        where = first if count == 1 else f"{count} places: {bend.patterns[0]}"
        alone = _solos(bend.callback) - heard
        for name, control in bend.callback.controls.items():
            if control not in alone:
                texts.setdefault(name, []).append(f"{_kind(bend.callback)} on {where}")
    return texts


def _solos(callback: BendingCallback) -> set[BendingParameter]:
    """The controls that are solo switches."""
    bends = (each for each in walk(callback) if isinstance(each, Bend))
    return {bend.operand("solo").__dict__["parameter"] for bend in bends} - {None}


def _kind(callback: BendingCallback) -> str:
    """What a callback is called for people: of a bend, what it bends with."""
    return _kind(callback.callback) if isinstance(callback, Bend) else type(callback).__name__


def _describe(
    draft: Draft,
    parts: Scripted,
    methods: Sequence[Method],
    attributes: Sequence[Attribute],
    hints: ExportHints,
    name: str,
    folder: Path,
) -> FileInfo:
    bended, kept = draft.bended, draft.kept
    try:
        bending = bended.bending_config().to_json(folder)
    except ConfigError as error:
        log.warning("the file will not carry its bending configuration: %s", error)
        bending = None
    played = {m.info.name: m.info for m in methods}
    there = {m.name: m for m in kept.methods} if kept is not None else {}
    return FileInfo(
        model=name,
        methods=tuple((there | played).values()),
        attributes=(*(kept.attributes if kept else ()), *(a.info for a in attributes)),
        sample_rate=kept.sample_rate if kept and kept.sample_rate else hints.sample_rate,
        state=draft.state_names(parts),
        bending=bending,
        source=_source(bended, hints),
        made_with={"torchbend": version("torchbend"), "torch": torch.__version__},
    )


def _source(bended: BendedModule, hints: ExportHints) -> dict[str, str]:
    """Name and hash of what the file was made from: a file, or the module's weights."""
    if hints.source is not None and hints.source.is_file():
        sha = hashlib.sha256()
        with hints.source.open("rb") as file:
            while chunk := file.read(1 << 20):
                sha.update(chunk)
        return {"name": hints.source.name, "sha256": sha.hexdigest()}
    sha = hashlib.sha256()
    for key, tensor in bended.module.state_dict().items():
        sha.update(key.encode())
        sha.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return {"name": type(bended.module).__name__, "sha256": sha.hexdigest()}


def _check(
    draft: Draft,
    made: Path,
    methods: Sequence[Method],
    attributes: Sequence[Attribute],
    timeout_seconds: float,
) -> None:
    # not at the top: the package must not import what is run by `python -m`
    from torchbend.export.check import check_in_fresh_process

    reference = made.with_suffix(".safetensors")
    arrays = [a.name for a in attributes if a.is_array]
    names = [a.name for a in attributes]
    write_reference(
        reference, reference_cases(draft, methods, _largest_ratio(methods), names, arrays)
    )
    report = check_in_fresh_process(made, reference, timeout_seconds=timeout_seconds)
    reference.unlink()
    if not report.ok:
        report = Report(made.name, report.rows)
        raise ExportError(f"{made.name} does not pass its check, and was not kept:\n{report}")


def _write_config(bended: BendedModule, target: Path) -> Path | None:
    config: BendingConfig = bended.bending_config()
    path = target.with_suffix(".json")
    try:
        config.save(path)
    except ConfigError:
        return None  # logged when the file was described
    return path
