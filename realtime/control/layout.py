"""A ready surface for the loaded model: a session of Open Stage Control.

Only what differs from a widget's defaults is written; the program fills in the rest. The same
controls give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from torchbend.realtime.control.building import BENDS, LATENTS, MOST_ELEMENTS
from torchbend.realtime.control.controls import Control
from torchbend.realtime.control.errors import FileError

__all__ = ["session", "write_session"]

# The program converts what older versions wrote; nothing after 1.24.2 needs it.
VERSION = "1.27.0"
_WIDTH, _HEIGHT, _BUTTON = 90, 260, 60
_TITLE, _EDGE = 30, 4


def session(controls: Iterable[Control], title: str = "torchbend") -> dict[str, Any]:
    """The session as data.

    Args:
        controls: a tree's owners. A vector of more than 16 values has no widget.
        title: of the model.
    """
    controls = list(controls)
    bends = [c for c in controls if c.address.startswith(BENDS + "/")]
    latents = [c for c in controls if c.address.startswith(LATENTS + "/")]
    told = [c for c in controls if c.access == "r"]
    rest = [c for c in controls if c not in (*bends, *latents, *told)]
    tabs = [
        _tab("strip", [*_panel("strip_controls", rest), *_panel("strip_told", told)]),
        _tab(title or "model", _panel("bends", bends)),
    ]
    if latents:
        tabs.append(_tab("latent desk", _panel("latents", latents)))
    root = {
        "type": "root",
        "id": "root",
        # On opening: the values as they are, and from then on each change.
        "onCreate": "send('/refresh')",
        "tabs": tabs,
    }
    return {
        "createdWith": "Open Stage Control",
        "version": VERSION,
        "type": "session",
        "content": root,
    }


def write_session(path: str | Path, controls: Iterable[Control], title: str = "torchbend") -> None:
    """Write the session to a file, to be opened in Open Stage Control.

    Raises:
        FileError: it cannot be written.
    """
    text = json.dumps(session(controls, title), indent=2, allow_nan=False) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}") from error


def _tab(label: str, widgets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "tab",
        "id": f"tab_{label}",
        "label": label,
        "layout": "vertical",
        "widgets": list(widgets),
    }


def _panel(name: str, controls: Iterable[Control]) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = []
    for group, members in groupby(controls, key=lambda control: control.group):
        shown = [w for c in members if (w := _widget(c)) is not None]
        widgets += [_bend(group, shown)] if group and shown else shown
    if not widgets:
        return []
    return [{"type": "panel", "id": name, "expand": True, "layout": "default", "widgets": widgets}]


def _bend(group: str, widgets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All of one bend, under its name: what moves beside each other, then the switches."""
    moved = [w for w in widgets if w["type"] != "button"]
    switches = [w for w in widgets if w["type"] == "button"]
    if switches:
        moved.append(_group(f"{group} switches", switches, "vertical", _WIDTH + 2 * _EDGE))
    width = sum(w["width"] for w in moved) + _EDGE * (len(moved) + 1)
    title = {
        "type": "text",
        "id": f"{group} title",
        "width": width,
        "height": _TITLE,
        "default": group.removeprefix(BENDS + "/"),
        "bypass": True,
    }
    row = _group(f"{group} row", moved, "horizontal", width)
    more = _TITLE + 4 * _EDGE
    return _group(f"{group} panel", [title, row], "vertical", width + 2 * _EDGE, more)


def _group(
    name: str, widgets: Sequence[dict[str, Any]], layout: str, width: int, more: int = 0
) -> dict[str, Any]:
    """A panel in a panel; ``more`` is what it is higher than a fader, in pixels."""
    return {
        "type": "panel",
        "id": name,
        "width": width,
        "height": _HEIGHT + more + 4 * _EDGE,
        "layout": layout,
        "widgets": list(widgets),
    }


def _widget(control: Control) -> dict[str, Any] | None:
    """A control's widget; None where there is none for it."""
    if control.access == "r":
        return _shown(control)
    if control.is_trigger:
        return _doing(control)
    if control.kind == "bool":
        return _button(control, mode="toggle")
    if control.kind == "choice":
        found = _base(control, "switch", _WIDTH + 40, _HEIGHT)
        found |= {"values": list(control.choices), "default": control.default[0], "typeTags": "s"}
        return found
    if control.kind == "text":
        return _base(control, "input", 200, _BUTTON) | {"default": control.default[0]}
    if control.kind == "vector":
        return _vector(control)
    if control.kind in ("float", "int"):
        return _fader(control)
    return None


def _base(control: Control, kind: str, width: int, height: int) -> dict[str, Any]:
    return {
        "type": kind,
        "id": control.address,
        "comments": control.description,
        "width": width,
        "height": height,
        "html": f"<div style='text-align:center'>{_label(control)}</div>",
        "address": control.address,
    }


def _label(control: Control) -> str:
    name = control.address
    if control.group:
        name = name.removeprefix(control.group + "/")
    name = name.removeprefix(BENDS + "/").lstrip("/")
    return name.replace("&", "&amp;").replace("<", "&lt;")


def _range(control: Control) -> dict[str, float]:
    """A fader's ends; a control without a bound gets one around its default."""
    value = max((abs(float(v)) for v in control.default), default=0.0)
    reach = max(1.0, 2 * value)
    low = -reach if control.low is None else control.low
    high = reach if control.high is None else control.high
    return {"min": min(low, high), "max": max(low, high)}


def _fader(control: Control) -> dict[str, Any]:
    whole = control.kind == "int"
    found = _base(control, "fader", _WIDTH, _HEIGHT)
    found |= {
        "range": _range(control),
        "default": control.default[0],
        "decimals": 0 if whole else 5,
        "typeTags": "i" if whole else "f",
        "doubleTap": True,
    }
    if control.curve == "log":
        found["logScale"] = True
    return found


def _vector(control: Control) -> dict[str, Any] | None:
    size = len(control.default)
    if size > MOST_ELEMENTS:
        return None
    found = _base(control, "matrix", _WIDTH * min(size, 8), _HEIGHT)
    if size == 1:
        return _fader(control)
    # Its widgets are called as our elements are: the matrix's address, and their number.
    return found | {
        "layout": "horizontal",
        "widgetType": "fader",
        "quantity": size,
        "decimals": 5,
        "props": {
            "range": _range(control),
            "typeTags": "f",
            "default": f"#{{{json.dumps(list(control.default))}[$]}}",
        },
    }


def _button(control: Control, mode: str) -> dict[str, Any]:
    found = _base(control, "button", _WIDTH, _BUTTON)
    del found["html"]  # a button has a label of its own
    found |= {"label": _label(control), "mode": mode, "typeTags": "i"}
    if mode == "toggle":
        found |= {"on": 1, "off": 0, "default": int(bool(control.default[0]))}
    return found


def _doing(control: Control) -> dict[str, Any]:
    if not control.types:
        return _button(control, mode="momentary")
    found = _base(control, "input", 200, _BUTTON)
    return found | {"typeTags": "s"}


def _shown(control: Control) -> dict[str, Any]:
    if control.unit != "dB":
        return _base(control, "text", _WIDTH, _BUTTON) | {"decimals": 2, "bypass": True}
    size = len(control.default)
    meter = {"design": "compact", "range": {"min": -60, "max": 0}, "interaction": False}
    if size == 1:
        return _base(control, "fader", 40, _HEIGHT) | meter | {"bypass": True}
    found = _base(control, "matrix", 40 * min(size, 8), _HEIGHT)
    props = meter | {"default": -60}
    return found | {
        "layout": "horizontal",
        "widgetType": "fader",
        "quantity": size,
        "bypass": True,
        "props": props,
    }
