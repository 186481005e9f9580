"""Which controls there are: of a model's file, of the strip around it, and what is told.

The addresses are a promise to those who made a surface for them; :func:`address_table`
prints them for the manual.
"""

from __future__ import annotations

from collections.abc import Iterable

from tabulate import tabulate

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control.controls import SILENCE_DB, Control, Values
from torchbend.realtime.control.errors import ControlError

__all__ = [
    "BENDS",
    "MOST_ELEMENTS",
    "address_table",
    "bends",
    "elements",
    "outputs",
    "strip",
]

BENDS = "/bend"
MOST_ELEMENTS = 16  # of a vector that has an address for each of its elements
_TYPES = {"tensor": "float", "buffer": "float", "str": "text"}
RAMP_MS = 20.0


def bends(info: FileInfo) -> list[Control]:
    """The controls of a model: ``/bend/<name>`` for each of its attributes.

    Args:
        info: what is inside its file.

    Raises:
        ControlError: an attribute cannot be a control.
    """
    return [_bend(attribute) for attribute in info.attributes]


def _bend(attribute: AttributeInfo) -> Control:
    kind = attribute.kind
    default: Values = tuple(attribute.default)
    types = tuple(_TYPES.get(t, t) for t in attribute.types)
    if kind in ("vector", "complex"):
        kind, types = "vector", ("float",) * len(default)
    elif kind == "choice":
        types = ("choice",)
    elif kind == "bool":
        default, types = tuple(bool(value) for value in default), ("bool",)
    elif kind == "str":
        kind = "text"
    elif kind not in ("float", "int"):
        kind = "list"  # several types in one attribute, of a file made elsewhere
    numeric = not set(types) & {"text", "choice", "bool"}
    low, high = (attribute.low, attribute.high) if numeric else (None, None)
    try:
        return Control(
            f"{BENDS}/{attribute.name}",
            kind,  # type: ignore[arg-type]
            default,
            low=low,
            high=high,
            choices=attribute.choices,
            ramp_ms=RAMP_MS if set(types) == {"float"} else 0.0,
            description="; ".join(attribute.bends) or f"{attribute.name} of the model",
            types=types,
            stored=True,
        )
    except ControlError as error:
        raise ControlError(f"attribute {attribute.name!r} cannot be a control: {error}") from error


def strip() -> list[Control]:
    """The controls around the model, which are always there."""
    level = {"low": SILENCE_DB, "high": 24.0, "unit": "dB", "ramp_ms": RAMP_MS, "stored": True}
    return [
        Control("/gain/in", "float", (0.0,), description="input gain; -90 is silence", **level),  # type: ignore[arg-type]
        Control("/gain/out", "float", (0.0,), description="output gain; -90 is silence", **level),  # type: ignore[arg-type]
        Control(
            "/gate",
            "float",
            (SILENCE_DB,),
            low=SILENCE_DB,
            high=0.0,
            unit="dB",
            description="input below this level is silenced; -90 is off",
            stored=True,
        ),
        Control(
            "/drywet",
            "float",
            (1.0,),
            low=0.0,
            high=1.0,
            ramp_ms=RAMP_MS,
            description="0: the input, delayed as the model is; 1: the model",
            stored=True,
        ),
        Control("/limiter", "bool", (True,), description="the limiter at the output"),
        Control("/bypass", "bool", (False,), description="the input, without the model"),
        Control("/rec", "bool", (False,), description="record what is heard"),
        _does("/panic", "silence, and every bend to where it started"),
        _does("/model/load", "play another model", "text"),
        _does("/preset/store", "store under a name or number", "text"),
        _does("/preset/recall", "recall by name or number", "text"),
        _does("/preset/morph", "glide to a preset in so many seconds", "text", "float", optional=1),
        _does("/midi/learn", "the next MIDI control moves this address", "text"),
        _does("/midi/forget", "no MIDI control moves this address", "text"),
    ]


def _does(address: str, description: str, *types: str, optional: int = 0) -> Control:
    return Control(
        address,
        "trigger",
        description=description,
        access="w",
        types=types,
        optional=optional,
        low=0.0 if "float" in types else None,
        high=3600.0 if "float" in types else None,
    )


def outputs(in_channels: int = 1, out_channels: int = 1) -> list[Control]:
    """What the host tells, and nobody sets.

    Args:
        in_channels: of the input's meter.
        out_channels: of the output's.
    """
    told: list[tuple[str, str, Values, str, str]] = [
        ("/meter/in", "vector", (SILENCE_DB,) * in_channels, "dB", "peak of each input channel"),
        ("/meter/out", "vector", (SILENCE_DB,) * out_channels, "dB", "peak of each output channel"),
        ("/cpu", "float", (0.0,), "percent", "the models' time, of the time there is"),
        ("/xruns", "int", (0,), "", "device blocks that had no sound"),
        ("/latency", "float", (0.0,), "ms", "from the input to the output"),
    ]
    return [
        Control(address, kind, default, unit=unit, description=what, access="r")  # type: ignore[arg-type]
        for address, kind, default, unit, what in told
    ]


def elements(control: Control) -> list[Control]:
    """An address for each element of a short vector: ``/bend/drive/0``."""
    if control.kind != "vector" or not 2 <= len(control.default) <= MOST_ELEMENTS:
        return []
    return [
        Control(
            f"{control.address}/{n}",
            "float",
            (value,),
            low=control.low,
            high=control.high,
            curve=control.curve,
            ramp_ms=control.ramp_ms,
            unit=control.unit,
            description=f"element {n} of {control.address}",
            access=control.access,
        )
        for n, value in enumerate(control.default)
    ]


def address_table(controls: Iterable[Control], *, markdown: bool = True) -> str:
    """The addresses as a table, for a manual or a terminal.

    Args:
        controls: in the order of the rows.
        markdown: as in a ``.md`` file; otherwise as plain text.
    """
    rows = [
        (
            f"`{c.address}`" if markdown else c.address,
            _arguments(c),
            _range(c),
            ", ".join(_plain(v) for v in c.default[:4]) + (", ..." if len(c.default) > 4 else ""),
            {"rw": "set and told", "r": "told", "w": "done"}[c.access],
            c.description,
        )
        for c in controls
    ]
    headers = ["address", "values", "range", "default", "", "what it does"]
    style = "github" if markdown else "simple"
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def _arguments(control: Control) -> str:
    if control.kind == "vector":
        return f"{len(control.types)} float" if len(control.types) > 1 else "float"
    needed = len(control.types) - control.optional
    words = [t if n < needed else f"[{t}]" for n, t in enumerate(control.types)]
    return " ".join(words)


def _range(control: Control) -> str:
    if control.choices:
        return ", ".join(control.choices)
    if control.low is None and control.high is None:
        return control.unit
    low = "" if control.low is None else f"{control.low:g}"
    high = "" if control.high is None else f"{control.high:g}"
    curve = " log" if control.curve == "log" else ""
    return f"{low} .. {high} {control.unit}".rstrip() + curve


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
