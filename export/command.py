"""``torchbend export``: from a training run and a configuration to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torchbend.bending import BendingConfig
from torchbend.description import AttributeInfo
from torchbend.errors import ExportError
from torchbend.export.exporter import export
from torchbend.opening import open_model

__all__ = ["run"]


def run(
    model: Path,
    out: Path,
    *,
    bend: Path | None,
    vectors: Sequence[str],
    rave: Mapping[str, Any],
    **options: Any,
) -> list[str]:
    """Open a model, bend it, and write it.

    Args:
        model: a RAVE run, or a TorchScript file.
        out: the ``.ts`` file.
        bend: a bending configuration; none leaves the model as it is.
        vectors: for vector controls, ``NAME=FORM``.
        rave: how to open a run, as ``BendedRAVE`` takes it; None leaves it as it is there.
        **options: those of :func:`~torchbend.export.export`.

    Returns:
        Lines that say what was written, and what nn~ can set.

    Raises:
        TorchbendError: anything is not as it must be; says what.
    """
    if bend is not None and not bend.is_file():
        raise ExportError(f"there is no configuration {bend}")
    forms = [text.partition("=") for text in vectors]
    for control, equals, form in forms:
        if not (control and equals and form):
            raise ExportError(f"--vector takes NAME=FORM, such as eq=buffer; got {control!r}")
    bended = open_model(model, **{name: v for name, v in rave.items() if v is not None})
    if bend is not None:
        bended.bend(BendingConfig.load(bend, bended))
    done = export(bended, out, vectors={name: form for name, _, form in forms}, **options)
    written = [done.path, *done.patches, *([done.config] if done.config else [])]
    return [*map(str, written), *map(_line, done.info.attributes)]


def _line(attribute: AttributeInfo) -> str:
    words = f"one of {', '.join(attribute.choices)}" if attribute.choices else ""
    if attribute.low is not None:
        words += f"from {attribute.low:g} "
    if attribute.high is not None:
        words += f"to {attribute.high:g}"
    moves = f"({'; '.join(attribute.bends)})" if attribute.bends else ""
    return " ".join(text for text in ("  set", attribute.name, words.strip(), moves) if text)
