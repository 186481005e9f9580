"""What a model knows about itself that an exported file should say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ExportHints", "ModelAttribute"]


@dataclass(frozen=True)
class ModelAttribute:
    """A setting of the model's own, kept in a buffer of one element that its methods read.

    Attributes:
        name: of the attribute in the exported file.
        buffer: the buffer's name in the module, such as ``"adain.learn_target"``.
        kind: ``"bool"``, ``"int"`` or ``"float"``.
        low: least value; None for no bound. A bool has none.
        high: greatest value.
    """

    name: str
    buffer: str
    kind: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ExportHints:
    """What the exporter need not find out by running the model.

    Attributes:
        sample_rate: in Hz; None if the model has none.
        labels: for a method, the labels of its inputs and of its outputs, one a channel.
        attributes: settings of the model's own.
        source: the file or folder that the model came from, named and hashed in the export.
    """

    sample_rate: int | None = None
    labels: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    attributes: tuple[ModelAttribute, ...] = ()
    source: Path | None = None
