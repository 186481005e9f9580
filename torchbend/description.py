"""What is inside an exported file: its methods, its attributes, its bends.

A file made here carries this as JSON beside its code (the archive member
``extra/torchbend.json``), so that it can be read without running anything. Of a file made
elsewhere the same is found by asking it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torchbend.errors import TorchbendError

__all__ = [
    "EXTRA_FILE",
    "FORMAT",
    "PARTS",
    "TYPE_CODES",
    "AttributeInfo",
    "DescriptionError",
    "FileInfo",
    "MethodInfo",
]

FORMAT = 1
EXTRA_FILE = "torchbend.json"  # `torch.jit.save` writes it as <archive>/extra/torchbend.json

# nn~'s codes. A bool is exported as an int: Pd sends "0.000000", which nn~ reads as true.
TYPE_CODES = {"bool": 0, "int": 1, "float": 2, "str": 3, "tensor": 4, "buffer": 5}

PARTS = ("amount", "bypass", "solo")  # of a bend; its name names them: fold_amount

Value = float | int | str


class DescriptionError(TorchbendError):
    """A description inside a file that cannot be read."""


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
        finite: False of a method that gives NaN or infinities without any bend, such as that of a
            spherical RAVE in silence.
    """

    name: str
    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int
    input_labels: tuple[str, ...] = ()
    output_labels: tuple[str, ...] = ()
    least_block: int | None = None
    finite: bool = True


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
        kept: whether the file had it before torchbend bent it.
        neutral: the values at which it does nothing, one for each of ``types`` (all elements
            of a tensor or buffer), or where all attributes of one bend have theirs; None if
            there are none, or they are not known.
        glides: whether the file glides to a new value within one block, so that a jump does
            not click. Not known, and False, of attributes that came with the file of others.
        bend: the name of the bend that it belongs to, alone; empty if there is none.
        part: what of that bend it moves: ``"amount"``, ``"bypass"`` or ``"solo"``; empty for a
            knob of what is bent with.
    """

    name: str
    kind: str
    types: tuple[str, ...]
    default: tuple[Value, ...]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    bends: tuple[str, ...] = ()
    kept: bool = False
    neutral: tuple[Value, ...] | None = None
    glides: bool = False
    bend: str = ""
    part: str = ""


@dataclass(frozen=True)
class FileInfo:
    """An exported file.

    Attributes:
        model: a name for people.
        methods: what it plays.
        attributes: what it lets one move.
        sample_rate: in Hz; None if the model has none.
        state: names of the buffers that hold the streaming state; None where that is not known
            (of a file that came without its source).
        bending: the bending configuration, as ``BendingConfig.save`` writes it.
        source: name and sha256 of the model the file was made from.
        made_with: versions of torchbend and torch.
    """

    model: str
    methods: tuple[MethodInfo, ...]
    attributes: tuple[AttributeInfo, ...] = ()
    sample_rate: int | None = None
    state: tuple[str, ...] | None = ()
    bending: Mapping[str, Any] | None = None
    source: Mapping[str, str] | None = None
    made_with: Mapping[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, data: object) -> FileInfo:
        """Read what :meth:`to_dict` gave, after a trip through JSON.

        Raises:
            DescriptionError: if anything in it is missing or of the wrong type, or a later
                torchbend wrote it.
        """
        found = _Found(data, "the description")
        written = found.take("format", int)
        if written > FORMAT:
            raise DescriptionError(
                f"the description has format {written} and this torchbend reads up to {FORMAT}: "
                "install a newer torchbend"
            )
        return cls(
            model=found.take("model", str),
            methods=tuple(_method(each) for each in found.each("methods")),
            attributes=tuple(_attribute(each) for each in found.each("attributes")),
            sample_rate=found.maybe("sample_rate", int),
            state=None if found.get("state") is None else found.several("state", str),
            bending=found.maybe("bending", dict),
            source=found.words("source"),
            made_with=found.words("made_with"),
        )


def _method(found: _Found) -> MethodInfo:
    return MethodInfo(
        name=found.take("name", str),
        in_channels=found.count("in_channels"),
        in_ratio=found.count("in_ratio"),
        out_channels=found.count("out_channels"),
        out_ratio=found.count("out_ratio"),
        input_labels=found.several("input_labels", str),
        output_labels=found.several("output_labels", str),
        least_block=None if found.get("least_block") is None else found.count("least_block"),
        finite=found.flag("finite", otherwise=True),
    )


def _attribute(found: _Found) -> AttributeInfo:
    name = found.take("name", str)
    bend, part = found.maybe("bend", str) or "", found.maybe("part", str) or ""
    if not bend.isidentifier():
        bend = ""
    if part not in PARTS or name != f"{bend}_{part}":
        part = ""
    return AttributeInfo(
        name=name,
        kind=found.take("kind", str),
        types=found.several("types", str),
        default=found.several("default", float, int, str),
        low=found.maybe("low", float, int),
        high=found.maybe("high", float, int),
        choices=found.several("choices", str),
        bends=found.several("bends", str),
        kept=found.flag("kept"),
        neutral=None
        if found.get("neutral") is None
        else found.several("neutral", float, int, str),
        glides=found.flag("glides"),
        bend=bend,
        part=part,
    )


class _Found:
    """A JSON object of which each value's type is checked when it is taken."""

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise DescriptionError(f"{where} is no object but {type(data).__name__}")
        self._data = data
        self._where = where

    def get(self, key: str) -> Any:
        return self._data.get(key)

    def take(self, key: str, *types: type) -> Any:
        if key not in self._data:
            raise DescriptionError(f"{self._where} has no {key!r}")
        return self._checked(self._data[key], repr(key), types)

    def maybe(self, key: str, *types: type) -> Any:
        return None if self.get(key) is None else self.take(key, *types)

    def flag(self, key: str, *, otherwise: bool = False) -> bool:
        value = self.get(key)
        if not isinstance(value, (bool, type(None))):
            raise DescriptionError(f"{self._where}: {key!r} must be true or false")
        return otherwise if value is None else value

    def count(self, key: str) -> int:
        value: int = self.take(key, int)
        if value < 1:
            raise DescriptionError(f"{self._where}: {key!r} is {value}, and must be at least 1")
        return value

    def several(self, key: str, *types: type) -> tuple[Any, ...]:
        values = self.take(key, list)
        return tuple(self._checked(v, f"each of {key!r}", types) for v in values)

    def each(self, key: str) -> Iterator[_Found]:
        for number, value in enumerate(self.take(key, list)):
            yield _Found(value, f"{key}[{number}] of {self._where}")

    def words(self, key: str) -> dict[str, str] | None:
        value = self.maybe(key, dict)
        if value is not None:
            for word in value.values():
                self._checked(word, f"each of {key!r}", (str,))
        found: dict[str, str] | None = value
        return found

    def _checked(self, value: Any, what: str, types: tuple[type, ...]) -> Any:
        # Python takes True for an int; JSON does not.
        if not isinstance(value, types) or isinstance(value, bool):
            wanted = " or ".join(t.__name__ for t in types)
            raise DescriptionError(
                f"{self._where}: {what} must be {wanted}, not {type(value).__name__}"
            )
        return value
