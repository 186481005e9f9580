"""What is inside an exported file: its methods, its attributes, its bends.

A file made here carries this as JSON beside its code (the archive member
``extra/torchbend.json``), so that it can be read without running anything. Of a file made
elsewhere the same is found by asking it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["EXTRA_FILE", "FORMAT", "AttributeInfo", "FileInfo", "MethodInfo"]

FORMAT = 1
EXTRA_FILE = "torchbend.json"  # `torch.jit.save` writes it as <archive>/extra/torchbend.json

Value = float | int | str


@dataclass(frozen=True)
class MethodInfo:
    """One playable method.

    Attributes:
        name: as nn~ calls it.
        in_channels: signal inlets.
        in_ratio: frames of sound for one frame of input.
        out_channels: signal outlets.
        out_ratio: frames of sound for one frame of output.
        input_labels: one for each inlet.
        output_labels: one for each outlet.
        least_block: frames of sound in the least block that it plays; others are a power of
            two times as long. The largest ratio in the file, if None.
    """

    name: str
    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int
    input_labels: tuple[str, ...] = ()
    output_labels: tuple[str, ...] = ()
    least_block: int | None = None


@dataclass(frozen=True)
class AttributeInfo:
    """One settable attribute.

    Attributes:
        name: as nn~ sets it.
        kind: ``"float"``, ``"int"``, ``"bool"``, ``"choice"``, ``"vector"`` or ``"complex"``;
            for the files of others what can be told from the types.
        types: nn~'s type of each value: ``"bool"``, ``"int"``, ``"float"``, ``"str"``,
            ``"tensor"`` or ``"buffer"``. A bool of ours is an ``"int"``; a vector is as many
            ``"float"``, or one ``"tensor"`` or ``"buffer"`` of ``len(default)`` elements.
        default: the values that the file starts with, one for each of ``types`` (all
            elements of a tensor or buffer).
        low: least value that is taken; what is less is clamped. None: not bounded.
        high: greatest value.
        choices: of a choice.
        bends: what the attribute moves, for people: ``"Scale(gain) on decoder.net.0"``.
    """

    name: str
    kind: str
    types: tuple[str, ...]
    default: tuple[Value, ...]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    bends: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileInfo:
    """An exported file.

    Attributes:
        model: a name for people.
        methods: what it plays.
        attributes: what it lets one move.
        sample_rate: in Hz; None if the model has none.
        state: names of the buffers that hold the streaming state.
        bending: the bending configuration, as ``BendingConfig.save`` writes it.
        source: name and sha256 of the model the file was made from.
        made_with: versions of torchbend and torch.
    """

    model: str
    methods: tuple[MethodInfo, ...]
    attributes: tuple[AttributeInfo, ...] = ()
    sample_rate: int | None = None
    state: tuple[str, ...] = ()
    bending: Mapping[str, Any] | None = None
    source: Mapping[str, str] | None = None
    made_with: Mapping[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return {"format": FORMAT, **asdict(self)}
