"""``torchbend export``: from a training run and a configuration to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torchbend.bending import BendingConfig
from torchbend.errors import ExportError
from torchbend.export.exporter import export

__all__ = ["run"]


def run(
    model: Path,
    out: Path,
    *,
    bend: Path | None,
    methods: Sequence[str] | None,
    name: str | None,
    check: bool,
    patches: bool,
) -> None:
    """Open a model, bend it, write it, and say what was written.

    Args:
        model: a RAVE run.
        out: the ``.ts`` file.
        bend: a bending configuration; none leaves the model as it is.
        methods: some of the model's; else all.
        name: of the model, for people.
        check: compare the file with the model.
        patches: write patches beside it.

    Raises:
        TorchbendError: anything is not as it must be; says what.
    """
    from torchbend.interfaces.rave import BendedRAVE

    if bend is not None and not bend.is_file():
        raise ExportError(f"there is no configuration {bend}")
    bended = BendedRAVE(model)
    if bend is not None:
        bended.bend(BendingConfig.load(bend, bended))
    done = export(bended, out, methods=methods, name=name, check=check, patches=patches)
    for path in (done.path, *done.patches, *([done.config] if done.config else [])):
        print(path)  # noqa: T201
    for attribute in done.info.attributes:
        bounds = "" if attribute.low is None else f" {attribute.low:g} to {attribute.high:g}"
        words = f" one of {', '.join(attribute.choices)}" if attribute.choices else bounds
        moves = "; ".join(attribute.bends)
        print(f"  set {attribute.name}{words}  ({moves})")  # noqa: T201
