"""Reading a take: each value is checked, as the folder may come from anywhere."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchbend.errors import LiveError
from torchbend.realtime.control.files import read_json
from torchbend.realtime.takes import HEAD, KIND, MODELS, PLAYED, VERSION
from torchbend.realtime.worker.chain import Step
from torchbend.realtime.worker.layout import ValueLayout
from torchbend.realtime.worker.process import ChainSettings
from torchbend.realtime.worker.twins import CROSS_FADE, DESK, PLAYING, RESTING, SETTLED, STEPS

__all__ = ["Attachment", "Block", "Change", "Take", "TakenWorker", "check_blocks", "read_take"]

_LONGEST_LINE = 1 << 24
_LARGEST_FILE = 1 << 29
_MOST_FRAMES = 1 << 48
_CHUNK = 1 << 20

Block = tuple[bool, list[tuple[str, int, tuple[Any, ...]]]]
"""How a block was played: whether as a cross-fade, and what was set before it."""


@dataclass(frozen=True)
class Change:
    """Something that was set of the strip.

    Attributes:
        frame: from which on it was heard.
        called: ``"set"`` or ``"fade"``, of the `Strip`.
        given: its arguments.
    """

    frame: int
    called: str
    given: dict[str, Any]


@dataclass
class Attachment:
    """From where on a worker plays in a slot.

    Attributes:
        frame: the position of the first frame that it reads.
        worker: its number.
        slot: where.
        latency: in frames.
        until: the position before which all that it made is heard; None to the end of the take.
    """

    frame: int
    worker: int
    slot: int
    latency: int
    until: int | None = None


@dataclass
class TakenWorker:
    """Something that plays.

    Attributes:
        settings: of its chain, without the path of a memory.
        where: it played.
        blocks: by position how a block was played; all others were simply played.
        jumps: what it passed over: from which position to which.
        late: blocks of which some was missing, and where the clock stood when they were there.
    """

    settings: ChainSettings
    where: str
    blocks: dict[int, Block] = field(default_factory=dict)
    jumps: dict[int, int] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Take:
    """A take, read.

    Attributes:
        folder: where it is.
        torch: the version that it was played with.
        sample_rate: in Hz.
        inputs: channels that came in.
        outputs: channels that were heard.
        slots: of the memory.
        most_block: of the memory.
        device_block: frames that the callback played at a time.
        native: whether the compiled callback played.
        first: the position of the first frame.
        frames: how many there are; None if the take was cut off.
        strip: how it stood at first.
        changes: of the strip, in their order.
        workers: what played, by number.
        attachments: in their order.
        missing: where sound was missing, as frames of the take.
    """

    folder: Path
    torch: str
    sample_rate: int
    inputs: int
    outputs: int
    slots: int
    most_block: int
    device_block: int
    native: bool
    first: int
    frames: int | None
    strip: dict[str, float]
    changes: tuple[Change, ...]
    workers: dict[int, TakenWorker]
    attachments: tuple[Attachment, ...]
    missing: tuple[int, ...]


def read_take(folder: str | os.PathLike[str]) -> Take:
    """Read a take.

    Raises:
        LiveError: it is none, it is damaged, or it cannot be played again; says why.
    """
    folder = Path(folder)
    head = read_json(folder / HEAD, KIND, VERSION)
    try:
        reader = _Reader(folder, head)
        for line in _lines(folder / PLAYED):
            reader.take(line)
        return reader.done()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error


class _Reader:
    def __init__(self, folder: Path, head: dict[str, Any]) -> None:
        self._folder = folder
        self._head: dict[str, Any] = {
            "torch": str(head["torch"])[:40],
            "sample_rate": _whole(head["sample_rate"], 1000, 1_000_000),
            "inputs": _whole(head["inputs"], 0, 1024),
            "outputs": _whole(head["outputs"], 1, 1024),
            "slots": _whole(head["slots"], 1, 1024),
            "most_block": _whole(head["most_block"], 1, 1 << 20),
            "device_block": _whole(head["device_block"], 0, 8192),
            "native": bool(head["native"]),
            "first": _whole(head["first"], 0, _MOST_FRAMES),
            "strip": {str(name): _number(value) for name, value in head["strip"].items()},
            "frames": None,
        }
        if head["frames"] is not None:
            self._head["frames"] = _whole(head["frames"], 0, _MOST_FRAMES)
        self._changes: list[Change] = []
        self._workers: dict[int, TakenWorker] = {}
        self._attachments: list[Attachment] = []
        self._missing: list[int] = []

    def take(self, line: dict[str, Any]) -> None:
        readers = {
            "worker": self._worker,
            "attach": self._attach,
            "account": self._account,
            "end": self._end,
            "strip": self._strip,
            "missing": self._miss,
        }
        for kind, read in readers.items():
            if kind in line:
                read(line)
                return

    def done(self) -> Take:
        if not self._attachments:
            raise ValueError("nothing plays in it")
        self._attachments.sort(key=lambda each: each.frame)
        return Take(
            folder=self._folder,
            changes=tuple(self._changes),
            workers=self._workers,
            attachments=tuple(self._attachments),
            missing=tuple(self._missing),
            **self._head,
        )

    def _worker(self, line: dict[str, Any]) -> None:
        if line["inside"] is not None:
            raise LiveError(
                f"the take {self._folder} cannot be rendered: its model played in the host's own "
                f"process ({line['inside']}), so there is no file of it"
            )
        chain = line["chain"]
        rate, block = chain["model_rate"], chain["block"]
        settings = ChainSettings(
            memory="",
            paths=tuple(str(self._file(*each)) for each in line["files"]),
            steps=tuple(
                Step(_whole(step["model"], 0, len(line["files"]) - 1), str(step["method"]))
                for step in chain["steps"]
            ),
            inputs=_whole(chain["inputs"], 0, 1024),
            device_rate=_whole(chain["device_rate"], 1000, 1_000_000),
            model_rate=None if rate is None else _whole(rate, 1000, 1_000_000),
            block=_whole(block, 1, 1 << 20),
            cuda=bool(chain["cuda"]),
            knobs={CROSS_FADE: CROSS_FADE, STEPS: STEPS}[chain["knobs"]],
            seed=_whole(chain["seed"], 0, 1 << 31),
        )
        if not settings.steps:
            raise ValueError("a worker plays nothing")
        self._workers[int(line["worker"])] = TakenWorker(settings, str(line["where"]))

    def _file(self, name: str, code: str) -> Path:
        """A file of a model, if it is in the take and is what it was."""
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".ts"):
            raise ValueError(f"{name!r} is no name of a model")
        path = self._folder / MODELS / name
        if not path.is_file():
            raise LiveError(f"the take {self._folder} is not whole: {MODELS}/{name} is missing")
        found = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
        if found.hexdigest() != code:
            raise LiveError(
                f"the take {self._folder} cannot be rendered: {MODELS}/{name} is not the file "
                "that was played"
            )
        return path

    def _attach(self, line: dict[str, Any]) -> None:
        attachment = Attachment(
            frame=_whole(line["frame"], self._head["first"], _MOST_FRAMES),
            worker=int(line["attach"]),
            slot=_whole(line["slot"], 0, self._head["slots"] - 1),
            latency=_whole(line["latency"], 0, 1 << 30),
        )
        if attachment.worker not in self._workers:
            raise ValueError(f"there is no worker {attachment.worker}")
        self._attachments.append(attachment)

    def _account(self, line: dict[str, Any]) -> None:
        worker = self._workers[int(line["account"])]
        for position, both, doings in line["blocks"]:
            told = [(str(who), int(number), tuple(values)) for who, number, values in doings]
            worker.blocks[int(position)] = (bool(both), told)
        for due, played in line["jumps"]:
            worker.jumps[int(due)] = _whole(played, int(due) + 1, _MOST_FRAMES)
        for start, position in line["late"]:
            worker.late[int(start)] = _whole(position, 0, _MOST_FRAMES)

    def _end(self, line: dict[str, Any]) -> None:
        for attachment in reversed(self._attachments):
            if attachment.slot == line["end"]:
                attachment.until = _whole(line["until"], 0, _MOST_FRAMES)
                return

    def _strip(self, line: dict[str, Any]) -> None:
        given, called = dict(line["given"]), line["strip"]
        if called == "fade":
            levels = {int(slot): _number(level) for slot, level in given["levels"].items()}
            given = {
                "levels": levels,
                "seconds": _number(given["seconds"]),
                "curve": str(given["curve"]),
            }
        elif called == "set":
            given = {str(name): _number(value) for name, value in given.items()}
        else:
            raise ValueError(f"nothing of the strip is called {called!r}")
        frame = _whole(line["frame"], self._head["first"], _MOST_FRAMES)
        self._changes.append(Change(frame, called, given))

    def _miss(self, line: dict[str, Any]) -> None:
        self._missing.append(int(line["frame"]) - self._head["first"])


def check_blocks(worker: TakenWorker, layout: ValueLayout) -> None:
    """See that what was set fits the files.

    Raises:
        LiveError: it does not.
    """
    numbers = layout.latents.stop - layout.latents.start
    for _, doings in worker.blocks.values():
        for who, number, values in doings:
            if who in (DESK, SETTLED):
                right = len(values) == (numbers if who == DESK else 0)
                right = right and all(isinstance(v, (int, float)) for v in values)
            else:
                right = who in (PLAYING, RESTING) and 0 <= number < len(layout.places)
                right = right and _fits(values, layout.places[number].attribute.default)
            if not right:
                raise LiveError(f"a take sets what its files do not have: {who}, {number}")


def _fits(values: tuple[Any, ...], default: tuple[Any, ...]) -> bool:
    def kind(value: Any) -> str:
        return "text" if isinstance(value, str) else "number"

    plain = all(isinstance(value, (int, float, str)) for value in values)
    return plain and [kind(v) for v in values] == [kind(v) for v in default]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise _damaged(path, "it is too large")
        with path.open(encoding="utf-8", errors="replace") as file:
            while line := file.readline(_LONGEST_LINE):
                if not line.endswith("\n"):
                    return  # cut off while it was written
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise _damaged(path, "a line is no change")
                yield found
    except OSError as error:
        raise LiveError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def _whole(value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{value!r} is no number from {low} to {high}")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _damaged(path: Path, why: str) -> LiveError:
    return LiveError(f"{path} is no whole take: {why[:200]}")
