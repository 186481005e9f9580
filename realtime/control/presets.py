"""Presets: stored, recalled, and glided to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torchbend.errors import suggest
from torchbend.realtime.control.controls import Control, Value, Values
from torchbend.realtime.control.errors import FileError, RefusedError
from torchbend.realtime.control.files import plain_values, read_json, write_json
from torchbend.realtime.control.tree import ControlTree

__all__ = ["Morph", "Preset", "Presets", "recall"]

VERSION = 1
KIND = "preset"
MOST_PRESETS = 10_000
_NAME = re.compile(r"\w(?:[\w .+-]{0,62}\w)?")


@dataclass(frozen=True)
class Preset:
    """One preset.

    Attributes:
        name: its file is called so.
        number: by which it is recalled, too; no two have the same.
        values: by address.
        model: what it was made with, for people.
    """

    name: str
    number: int
    values: Mapping[str, Values]
    model: str = ""


class Presets:
    """The presets of one folder, a JSON file each.

    Args:
        folder: made when the first is stored.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def list(self) -> list[Preset]:
        """All that can be read, by number; what cannot be read is left out."""
        found = []
        paths = sorted(self.folder.glob("*.json"))[:MOST_PRESETS]
        for path in paths:
            try:
                found.append(self._read(path))
            except FileError:
                continue
        return sorted(found, key=lambda preset: (preset.number, preset.name))

    def store(self, which: str, values: Mapping[str, Values], model: str = "") -> Preset:
        """Store values, over a preset of that name or number where there is one.

        Args:
            which: a name, or a number in digits.
            values: by address.
            model: what it is made with, for people.

        Raises:
            FileError: the name cannot be a file's, or the file cannot be written.
        """
        there = self.list()
        before = _pick(there, which)
        if before is not None:
            name, number = before.name, before.number
        elif which.isdecimal() and which.isascii():
            name, number = f"preset {int(which)}", int(which)
        else:
            name, number = which, max((p.number for p in there), default=0) + 1
        preset = Preset(name, number, dict(values), model)
        write_json(
            self._path(name),
            {
                "torchbend": KIND,
                "version": VERSION,
                "name": name,
                "number": number,
                "model": model,
                "values": {address: list(each) for address, each in values.items()},
            },
        )
        return preset

    def load(self, which: str) -> Preset:
        """Read a preset.

        Args:
            which: its name, or its number in digits.

        Raises:
            FileError: there is none, or it cannot be read.
        """
        path = self._path(which)
        if path.is_file():
            return self._read(path)
        there = self.list()
        found = _pick(there, which)
        if found is None:
            near = suggest(which, [p.name for p in there])
            raise FileError(f"there is no preset {which[:80]!r} in {self.folder}. {near}")
        return found

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise FileError(
                f"a preset cannot be called {name[:80]!r}: up to 64 letters, digits, spaces, "
                "and . + - _ between them"
            )
        return self.folder / f"{name}.json"

    def _read(self, path: Path) -> Preset:
        data = read_json(path, KIND, VERSION)
        number, values, model = data.get("number"), data.get("values"), data.get("model", "")
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(values, dict):
            raise FileError(f"{path} has no number, or no values")
        return Preset(
            path.stem,
            number,
            {address: plain_values(v, f"{path}: {address}") for address, v in values.items()},
            str(model),
        )


def _pick(presets: list[Preset], which: str) -> Preset | None:
    if which.isdecimal() and which.isascii() and len(which) < 10:
        return next((p for p in presets if p.number == int(which)), None)
    return next((p for p in presets if p.name == which), None)


def recall(tree: ControlTree, preset: Preset) -> list[str]:
    """Set what a preset holds, at once.

    Args:
        tree: what is set.
        preset: what to.

    Returns:
        The addresses that are not there, or take no such values: another model's.
    """
    left = []
    with tree.tick():
        for address, values in preset.values.items():
            try:
                if not tree.value(address):  # pragma: no cover  every value has elements
                    continue
                tree.set(address, values)
            except RefusedError:
                left.append(address)
    return left


class Morph:
    """A glide from how the controls stand to a preset.

    Numbers go along their control's curve, everything else jumps half-way. A control that is
    moved by hand meanwhile stays where the hand leaves it.

    Args:
        tree: what is moved.
        preset: where to.
        seconds: how long it takes.
        now: when it starts, in the caller's seconds.
    """

    def __init__(self, tree: ControlTree, preset: Preset, seconds: float, now: float) -> None:
        self._tree = tree
        self._start = now
        self._seconds = max(seconds, 0.0)
        self._ways: dict[str, tuple[Control, Values, Values]] = {}
        self._last: dict[str, Values] = {}
        self.left: list[str] = []
        for address, values in preset.values.items():
            try:
                control = tree.controls[address]
                end, start = control.accept(values), tree.value(address)
            except (RefusedError, KeyError):
                self.left.append(address)
                continue
            if not control.is_trigger and start != end:
                self._ways[address] = (control, start, end)
                self._last[address] = start

    def step(self, now: float) -> bool:
        """Move everything to where it is meant to be by now.

        Args:
            now: in the caller's seconds.

        Returns:
            Whether there is more to come.
        """
        part = 1.0 if self._seconds == 0 else (now - self._start) / self._seconds
        part = min(max(part, 0.0), 1.0)
        with self._tree.tick():
            for address, (control, start, end) in list(self._ways.items()):
                try:
                    if self._tree.value(address) != self._last[address]:
                        del self._ways[address]  # a hand is on it
                        continue
                    between = _between(control, start, end, part)
                    self._last[address] = self._tree.set(address, between)
                except RefusedError:  # another model came
                    del self._ways[address]
        return part < 1 and bool(self._ways)


def _between(control: Control, start: Values, end: Values, part: float) -> Values:
    moved: list[Value] = []
    for kind, a, b in zip(control.types, start, end, strict=True):
        if kind == "float" or kind == "int":
            moved.append(control.between(float(a), float(b), part) if part < 1 else b)
        else:
            moved.append(a if part < 0.5 else b)
    return tuple(moved)
