"""``torchbend info``: what is inside a ``.ts``, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from torchbend.archive import Archive, open_script
from torchbend.contents import ask, read_info
from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.output import printable

__all__ = ["info_json", "info_text"]

_ASKED = "Not made by torchbend: it was opened, and its methods and getters were asked."


def info_text(path: str | Path) -> str:
    """What is inside a file, as tables.

    Nothing in a file that torchbend made is executed; any other is opened and asked.

    Args:
        path: of the ``.ts`` file.

    Raises:
        ArchiveError: if the file is no TorchScript, is damaged or hostile.
        DescriptionError: if its description cannot be read.
    """
    info, problems = _look(path)
    parts = [_head(Path(path), info), _methods(info.methods)]
    parts.append(_attributes(info.attributes))
    if info.bending is not None:
        parts.append("\n".join(["Bends", *(f"  {line}" for line in _bends(info.bending))]))
    if problems is not None:
        # `torchbend check` says the same in its rows.
        parts.append("\n".join([_ASKED, *(f"  {each}" for each in problems)]))
    return printable("\n\n".join(parts))


def info_json(path: str | Path) -> str:
    """The same as JSON: what the file says of itself, ``asked``, and the ``problems`` met.

    Args:
        path: of the ``.ts`` file.

    Raises:
        ArchiveError: if the file is no TorchScript, is damaged or hostile.
        DescriptionError: if its description cannot be read.
    """
    info, problems = _look(path)
    found = {**info.to_dict(), "asked": problems is not None, "problems": problems or []}
    return json.dumps(found, indent=2)


def _look(path: str | Path) -> tuple[FileInfo, list[str] | None]:
    """What is inside, and what was amiss in the answers; None if none were asked for."""
    archive = Archive(path)
    told = read_info(archive)
    if told is not None:
        return told, None
    asked = ask(open_script(archive).eval(), archive.path.stem)
    return asked.info, [each for found in asked.problems.values() for each in found]


def _head(path: Path, info: FileInfo) -> str:
    lines = [f"{path.name}: {info.model}"]
    if info.made_with:
        lines.append(f"  made with    {_pairs(info.made_with)}")
    if info.source:
        lines.append(f"  made from    {_pairs(info.source)}")
    rate = "not told" if info.sample_rate is None else f"{info.sample_rate} Hz"
    lines.append(f"  sample rate  {rate}")
    return "\n".join(lines)


def _pairs(words: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in words.items())


def _methods(methods: tuple[MethodInfo, ...]) -> str:
    if not methods:
        return "No method that nn~ could play."
    rows = [
        (
            method.name,
            f"{method.in_channels} x 1/{method.in_ratio}",
            f"{method.out_channels} x 1/{method.out_ratio}",
            _labels(method.input_labels),
            _labels(method.output_labels),
        )
        for method in methods
    ]
    headers = ["method", "in", "out", "inlets", "outlets"]
    table = tabulate(rows, headers, disable_numparse=True, maxcolwidths=[None, None, None, 34, 34])
    return f"{table}\n(channels x frames for one frame of sound)"


def _labels(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:4])
    return f"{shown} and {len(labels) - 4} more" if len(labels) > 4 else shown


def _attributes(attributes: tuple[AttributeInfo, ...]) -> str:
    if not attributes:
        return "No attributes."
    rows = [(a.name, _types(a), _range(a), _default(a), "; ".join(a.bends)) for a in attributes]
    headers = ["attribute", "type", "range", "default", "bends"]
    return tabulate(rows, headers, disable_numparse=True, maxcolwidths=[None, None, 30, None, 50])


def _types(attribute: AttributeInfo) -> str:
    kinds = attribute.types
    many = f"{len(kinds)} {kinds[0]}" if len(kinds) > 1 and len(set(kinds)) == 1 else ""
    types = many or ", ".join(kinds)
    # A choice is sent as text, an on or off as a whole number.
    return types if types == attribute.kind else f"{attribute.kind} ({types})"


def _range(attribute: AttributeInfo) -> str:
    if attribute.choices:
        return ", ".join(attribute.choices)
    if attribute.low is None and attribute.high is None:
        return ""
    low = "" if attribute.low is None else f"{attribute.low:g}"
    high = "" if attribute.high is None else f"{attribute.high:g}"
    return f"{low} .. {high}"


def _default(attribute: AttributeInfo) -> str:
    words = [v if isinstance(v, str) else f"{v:g}" for v in attribute.default[:4]]
    more = ", ..." if len(attribute.default) > 4 else ""
    return ", ".join(words) + more


def _bends(bending: Mapping[str, Any]) -> Iterator[str]:
    """A line for each bend of a configuration, whatever else it holds."""
    bends = bending.get("bends")
    if not isinstance(bends, list) or not bends:
        yield "none"
        return
    for bend in bends:
        bend = bend if isinstance(bend, dict) else {}
        settings = bend.get("settings")
        patterns = bend.get("patterns")
        said = ", ".join(
            f"{key}={_setting(value)}"
            for key, value in (settings if isinstance(settings, dict) else {}).items()
            if value is not None
        )
        where = ", ".join(map(str, patterns)) if isinstance(patterns, list) else "?"
        yield f"{bend.get('callback', '?')}({said}) on {where}"


def _setting(value: Any) -> str:
    """A setting in short: the name of a control or of a cluster, where it has one."""
    if isinstance(value, dict) and "parameter" in value:
        return str(value["parameter"])
    if isinstance(value, dict) and value.get("select") == "cluster":
        return str(value.get("cluster"))
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:36]}..."
