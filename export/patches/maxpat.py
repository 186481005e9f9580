"""Max patches as data: boxes, patch cords, parameters.

A ``.maxpat`` is JSON. Each box has an id, a class and the number of its inlets and outlets;
a cord joins two ids. What is shown in presentation mode has a second rectangle for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Patcher", "Rect", "number", "quoted"]

Rect = tuple[float, float, float, float]

_SIGNAL = "signal"


def number(value: float) -> str:
    """A float in the text of a box, where Max tells it from an int by its point."""
    text = format(float(value), ".9g")
    return text if any(letter in text for letter in ".en") else text + "."


def quoted(word: str) -> str:
    """A word in the text of a box: in quotes where Max would cut or change it."""
    escaped = "".join("\\" + letter if letter in '\\"' else letter for letter in word)
    for letter in ",;$":
        escaped = escaped.replace(letter, "\\" + letter)
    plain = bool(word) and not any(letter.isspace() for letter in word)
    try:
        float(word)
        plain = False
    except ValueError:
        pass
    return escaped if plain else f'"{escaped}"'


@dataclass
class Patcher:
    """One Max window. Every method that makes a box returns its id, for ``connect``."""

    width: float
    height: float
    presentation: bool = True
    _boxes: list[dict[str, Any]] = field(default_factory=list)
    _lines: list[dict[str, Any]] = field(default_factory=list)

    def box(
        self, maxclass: str, rect: Rect, inlets: int, outlets: list[str], shown: Rect | None = None,
        **attributes: Any,
    ) -> str:  # fmt: skip
        """A box of any class.

        Args:
            maxclass: its class.
            rect: x, y, width and height in the patch.
            inlets: how many it has.
            outlets: the type of each; ``""`` for messages of any type.
            shown: its place in presentation mode; None hides it there.
            **attributes: as the file has them.
        """
        name = f"obj-{len(self._boxes) + 1}"
        body: dict[str, Any] = {
            "id": name,
            "maxclass": maxclass,
            "numinlets": inlets,
            "numoutlets": len(outlets),
            "patching_rect": [float(value) for value in rect],
        }
        if outlets:
            body["outlettype"] = outlets
        if shown is not None:
            body["presentation"] = 1
            body["presentation_rect"] = [float(value) for value in shown]
        body.update(attributes)
        self._boxes.append({"box": body})
        return name

    def obj(self, x: float, y: float, text: str, inlets: int, *outlets: str) -> str:
        """An object box."""
        rect = (x, y, max(40.0, 7.0 * len(text) + 14), 22.0)
        return self.box("newobj", rect, inlets, list(outlets), text=text)

    def message(self, x: float, y: float, text: str, shown: Rect | None = None) -> str:
        """A message box."""
        rect = (x, y, min(600.0, max(40.0, 7.0 * len(text) + 14)), 22.0)
        return self.box("message", rect, 2, [""], shown, text=text)

    def words(
        self, x: float, y: float, text: str, size: float = 12, *, shown: Rect | None = None,
        color: tuple[float, float, float, float] | None = None, bold: bool = False,
    ) -> str:  # fmt: skip
        """A line of words."""
        extra: dict[str, Any] = {"fontsize": float(size), "text": text}
        if color is not None:
            extra["textcolor"] = list(color)
        if bold:
            extra["fontface"] = 1
        rect = (x, y, max(60.0, 0.62 * size * len(text) + 12), 1.4 * size + 5)
        return self.box("comment", rect, 1, [], shown, **extra)

    def panel(self, shown: Rect, color: tuple[float, float, float, float]) -> str:
        """A coloured ground in presentation mode, behind all else."""
        # In the patch itself the grounds stand off to the left, out of the way.
        rect = (shown[0] - 2400, shown[1], shown[2], shown[3])
        return self.box(
            "panel", rect, 1, [], shown, background=1, bgcolor=list(color), mode=0, border=0,
            rounded=6,
        )  # fmt: skip

    def connect(self, source: str, outlet: int, sink: str, inlet: int) -> None:
        """A cord from an outlet to an inlet, both counted from 0."""
        self._lines.append(
            {"patchline": {"source": [source, outlet], "destination": [sink, inlet]}}
        )

    def chain(self, *boxes: str) -> str:
        """Cords from each box's first outlet to the next one's first inlet; returns the last."""
        for source, sink in zip(boxes, boxes[1:], strict=False):
            self.connect(source, 0, sink, 0)
        return boxes[-1]

    def sub(
        self, x: float, y: float, name: str, patcher: Patcher, shown: Rect | None = None
    ) -> str:
        """A subpatch without inlets and outlets."""
        rect = (x, y, 7.0 * len(name) + 34, 22.0)
        return self.box(
            "newobj", rect, 0, [], shown, text=f"p {name}", patcher=patcher.to_dict()
        )

    def to_dict(self) -> dict[str, Any]:
        """The patcher as JSON has it."""
        # What comes first in the list is in front, so the grounds go last, the lowest at the end.
        grounds = [box for box in self._boxes if box["box"]["maxclass"] == "panel"]
        others = [box for box in self._boxes if box["box"]["maxclass"] != "panel"]
        return {
            "fileversion": 1,
            "appversion": {
                "major": 8, "minor": 6, "revision": 0, "architecture": "x64", "modernui": 1,
            },
            "classnamespace": "box",
            "rect": [60.0, 80.0, float(self.width), float(self.height)],
            "openinpresentation": int(self.presentation),
            "default_fontsize": 12.0,
            "default_fontname": "Arial",
            "gridsize": [15.0, 15.0],
            "boxes": others + grounds[::-1],
            "lines": self._lines,
        }  # fmt: skip

    def file(self) -> str:
        """The whole patch, as it is saved."""
        return json.dumps({"patcher": self.to_dict()}, indent=2, ensure_ascii=False) + "\n"
