"""A live host on the internal clock, small files to play in it, and what is heard of them."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from audio_support import noise
from small_file import GAIN_INFO, INFO, small_file
from torch import nn

from torchbend.realtime import Device, Host, Status
from torchbend.realtime.audio.memory import Frames, copy_frames

SOUND = noise(5000, 1, peak=0.2)
ROOMY = 16384  # frames of latency, so that nothing is late on a machine that is busy
MOST_FRAMES = 8192  # that a callback may be writing
QUICK_SECONDS = 0.1

DECODE = """
def decode(self, z: Tensor) -> Tensor:
    return (z[:, :1] + 0.5 * z[:, 1:]).repeat_interleave(4, -1) * self.gain
"""
BOTH = "def get_methods(self) -> List[str]:\n    return ['forward', 'encode', 'decode']\n"
PLAIN = "def forward(self, x: Tensor) -> Tensor:\n    return {} * x * self.gain\n"
SLOW = """
def forward(self, x: Tensor) -> Tensor:
    y = torch.full([300, 300], 1e-3)
    for i in range(40):
        y = torch.mm(y, y)
    return x * self.gain + 0.0 * y[0, 0]
"""
WIDE = """
def forward(self, x: Tensor) -> Tensor:
    return torch.cat([x[:, 1:], 0.5 * x[:, :1]], 1) * self.gain
"""


def parameters(*numbers: int) -> nn.Buffer:
    """What nn~ reads of a method: channels and ratio that go in, and that come out."""
    return nn.Buffer(torch.tensor(numbers))


def coder_file(path: Path) -> Path:
    """A file with `encode`, two latents every four frames, and the way back."""
    held: dict[str, Any] = {"decode_params": parameters(2, 4, 1, 1)}
    held |= {"decode_input_labels": ["plus", "minus"], "decode_output_labels": ["out"]}
    return small_file(path, {"decode": DECODE, "get_methods": BOTH}, held)


def wide_file(path: Path) -> Path:
    """A file that exchanges two channels, and halves one of them."""
    labels = {f"forward_{kind}_labels": ["left", "right"] for kind in ("input", "output")}
    return small_file(path, {"forward": WIDE}, {"forward_params": parameters(2, 1, 2, 1), **labels})


def plain_file(path: Path, factor: float, **changes: Any) -> Path:
    """A file that takes its input times a factor and a gain; written whole, or not at all."""
    info = replace(INFO, attributes=(replace(GAIN_INFO, **changes),), state=())
    made = small_file(path.with_suffix(".new"), {"forward": PLAIN.format(factor)}, ours=info)
    made.rename(path)
    return path


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


class Session:
    """A host that plays, and what it said."""

    def __init__(self, host: Host, lines: list[str]) -> None:
        self.host = host
        self.lines = lines

    @property
    def status(self) -> Status:
        return self.host.status()

    @property
    def latency(self) -> int:
        """From what the model reads to where it is heard, in frames."""
        report = self.host.latency()
        return report.ring + report.resampler

    @property
    def origin(self) -> int:
        """Where the model that plays alone read its first block, from which others follow."""
        slots = self.host.memory.header.slot
        (slot,) = (slots[n] for n in range(len(self.host.memory.slots)) if slots[n].attached)
        return int(slot.valid_from) - int(slot.latency)

    def said(self, text: str) -> list[str]:
        """The lines with a text in them."""
        return [line for line in self.lines if text in line]

    def next(self, frames: int, start: int | None = None) -> tuple[Frames, Frames]:
        """Sound as the model read it, and as it was heard when its answer was due.

        Args:
            frames: how many.
            start: the position of the first; without it the next.
        """
        memory, latency = self.host.memory, self.latency
        start = memory.position if start is None else start
        until(lambda: memory.position >= start + frames + latency)
        assert memory.position - start < memory.capacity - MOST_FRAMES, "the ring went on"
        return (
            copy_frames(memory.bus, start, frames),
            copy_frames(memory.heard, start + latency, frames),
        )

    def heard_now(self, frames: int = 2048) -> Frames:
        """What is heard from now on."""
        memory = self.host.memory
        start = memory.position
        until(lambda: memory.position >= start + frames)
        return copy_frames(memory.heard, start, frames)


def is_heard(session: Session, gain: float, late: int = 0) -> Callable[[], bool]:
    """Asks whether what is heard now is what came, times the gain.

    Args:
        session: the host.
        gain: what it should be.
        late: frames by which the model itself is late.
    """

    def is_it() -> bool:
        came, heard = session.next(1024)
        return np.allclose(heard[late:, 0], gain * came[: 1024 - late, 0], atol=1e-6)

    return is_it


def left_behind() -> dict[str, set[str]]:
    """Children of this process, and threads and files of hosts in it."""
    tasks = Path("/proc/self/task").glob("*/children")
    mine = f"torchbend-{os.getpid()}-"
    return {
        "children": {pid for task in tasks for pid in task.read_text().split()},
        "threads": {t.name for t in threading.enumerate() if t.name.startswith("torchbend")},
        "memory": {path.name for path in Path("/dev/shm").glob(mine + "*")},
        "folders": {path.name for path in Path(tempfile.gettempdir()).glob("torchbend-*")},
    }


@contextmanager
def playing(model: Any, folder: Path, **settings: Any) -> Iterator[Session]:
    """Play a model until the end of the block.

    It is heard as it is: of the strip, what takes out a constant offset is off.

    Args:
        model: as for `Host`.
        folder: for presets.
        **settings: as for `Host`.
    """
    from torchbend.realtime import lineup as module

    lines: list[str] = []
    block = settings.pop("device_block", 256)
    given = {
        "device": Device(output="none", block=block),
        "input": "none",
        "osc_port": None,
        "query_port": None,
        "latency": ROOMY,
        "presets": folder / "presets",
        **settings,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MEASURE_SECONDS", "PREROLL_SECONDS"):
            patch.setattr(module, name, QUICK_SECONDS)
        with Host(model, say=lines.append, **given) as host:
            host.set("/dc", False)
            yield Session(host, lines)
