"""A tree to move, what it told, and a surface that is not ours to move it by."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from torchbend.description import PARTS, AttributeInfo, FileInfo, MethodInfo
from torchbend.realtime.control import Control, ControlTree, Values, bends, outputs, strip

INFO = FileInfo(
    "net",
    (MethodInfo("forward", 1, 1, 1, 1),),
    (
        AttributeInfo("drive", "float", ("float",), (0.5,), 0.0, 2.0, bends=("Scale on net.0",)),
        AttributeInfo("steps", "int", ("int",), (3,), 0, 8),
        AttributeInfo("on", "bool", ("int",), (1,), 0, 1),
        AttributeInfo("shape", "choice", ("str",), ("soft",), choices=("soft", "hard", "fold")),
        AttributeInfo("mix", "vector", ("float",) * 3, (0.0, 0.5, 1.0), 0.0, 1.0),
        AttributeInfo("free", "float", ("float",), (0.0,)),
        AttributeInfo("long", "vector", ("buffer",), (0.0,) * 40, -1.0, 1.0),
    ),
)


def named(bend: str) -> tuple[AttributeInfo, ...]:
    """What a name gives a bend: its amount and its switches."""
    amount, *switches = (f"{bend}_{part}" for part in PARTS)
    moved = (f"Fold on {bend}",)
    found = [
        AttributeInfo(amount, "float", ("float",), (1.0,), 0.0, 1.0, bends=moved, neutral=(0.0,))
    ]
    found += [AttributeInfo(n, "bool", ("int",), (0,), 0, 1, bends=moved) for n in switches]
    return tuple(
        replace(each, bend=bend, part=part, glides=True)
        for each, part in zip(found, PARTS, strict=True)
    )


EDGE = AttributeInfo(
    "edge", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(2.0,), bend="fold"
)
LIMIT_AMOUNT = AttributeInfo(
    "limit_amount", "float", ("float",), (0.5,), 0.0, 1.0, neutral=(0.0,)
)
BENT = FileInfo(
    "bent",
    (MethodInfo("forward", 1, 1, 1, 1),),
    (*named("fold"), LIMIT_AMOUNT, EDGE, *named("worn")),
)
"""Two named bends, one with a knob; and a control that is only called as if it were of one."""


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Values, int]] = []

    def __call__(self, address: str, values: Values, time: int) -> None:
        self.all.append((address, values, time))

    @property
    def moves(self) -> list[tuple[str, Values]]:
        return [(address, values) for address, values, _ in self.all]


@dataclass
class Clock:
    """Seconds that pass when told to."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


def make_tree(
    *more: Control, now: Callable[[], float] = time.monotonic
) -> tuple[ControlTree, Heard]:
    heard = Heard()
    controls = [*strip(), *outputs(), *bends(INFO), *more]
    return ControlTree(controls, sink=heard, clock=lambda: 7, now=now), heard


class Surface:
    """A surface that sends and hears OSC by python-osc alone."""

    def __init__(self, place: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.place = place

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def send(self, address: str, *arguments: Any) -> None:
        self.raw(build_msg(address, list(arguments)).dgram)

    def raw(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.place)

    def hear(self) -> tuple[str, tuple[Any, ...]]:
        message = OscMessage(self.socket.recv(65_536))
        return message.address, tuple(message)

    def hear_of(self, address: str) -> tuple[Any, ...]:
        """The next message to an address; others are passed over."""
        while True:
            heard, arguments = self.hear()
            if heard == address:
                return arguments

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Surface:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def padded(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


def bundle(tag: bytes, elements: Sequence[bytes]) -> bytes:
    sized = (len(each).to_bytes(4, "big", signed=True) + each for each in elements)
    return b"#bundle\0" + tag + b"".join(sized)


NOW = b"\0" * 7 + b"\1"
