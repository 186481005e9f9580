"""Anything to any address: nothing raises, and no control has a value that it cannot have."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from control_support import INFO, NOW, Heard, bundle, padded
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message_builder import OscMessageBuilder

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control.building import neutral_values
from torchbend.realtime.control.controls import LARGEST
from torchbend.realtime.control.surface import ControlSurface

NEUTRAL = (
    AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(1.0,)),
    AttributeInfo("bypass", "bool", ("int",), (1,), 0, 1, neutral=(0,)),
    AttributeInfo("turn", "vector", ("float",) * 3, (0.5,) * 3, -1.0, 1.0, neutral=(1.0, 0.0, 0.0)),
    AttributeInfo("mode", "choice", ("str",), ("a",), choices=("a", "b"), neutral=("b",)),
    AttributeInfo("open", "int", ("int",), (3,), neutral=(1,)),
    AttributeInfo("word", "str", ("str",), ("x",)),
)
CHAIN = [("enc", INFO), ("dec", FileInfo("dec", (), NEUTRAL))]
PLACE = ("127.0.0.1", 9)

SURFACE = ControlSurface(CHAIN, latents=["a", "b", "c"], osc_port=None, query_port=None)
ADDRESSES = sorted(SURFACE.tree.controls)
STARTED = {a: c.default for a, c in SURFACE.tree.controls.items() if c.access == "rw"}
SURFACE.close()


class Stage:
    """A surface that moves when it is told to, and all that its sink heard."""

    def __init__(self, folder: Path) -> None:
        self.heard = Heard()
        self.folder = folder
        self.surface = ControlSurface(
            CHAIN,
            latents=["a", "b", "c"],
            sink=self.heard,
            osc_port=0,
            query_port=None,
            presets=folder / "presets",
            midi_map=folder / "midi.json",
        )

    def send(self, packet: bytes) -> None:
        assert self.surface.osc is not None
        self.surface.osc.receive(packet, PLACE)
        self.surface.step(0.0)
        self.surface.osc.step()

    def check(self) -> None:
        controls = self.surface.tree.controls
        for address, control in controls.items():
            if not control.is_trigger:
                values = self.surface.tree.value(address)
                assert control.accept(values) == values
        for address, values in self.heard.moves:
            assert controls[address].accept(values) == values
            numbers = [value for value in values if not isinstance(value, str)]
            assert all(math.isfinite(v) and abs(v) <= LARGEST for v in numbers)
        self.heard.all.clear()
        assert {path.name for path in self.folder.iterdir()} <= {"presets", "midi.json"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.surface.close()


def message(address: str, *arguments: tuple[str, Any]) -> bytes:
    builder = OscMessageBuilder(address)
    for kind, value in arguments:
        builder.add_arg(value, kind)
    return builder.build().dgram


HUGE = 2**63 - 1
WRONG: list[tuple[tuple[str, Any], ...]] = [
    (("f", math.nan),),
    (("d", math.nan),),
    (("f", math.inf),),
    (("d", -math.inf),),
    (("d", 1e308),),
    (("h", HUGE),),
    (("h", -HUGE),),
    (("i", -(2**31)),),
    (("b", b"\0" * 1000),),
    (("s", "x" * 5000),),
    (("s", "../../up"),),
    (("s", "\x1b[2J\r\n\0"),),
    (("N", None),),
    (("T", True),),
    (("F", False),),
    (),
    (("f", 1.0),) * 50,
    (("s", "p"), ("f", math.nan)),
    (("s", "p"), ("s", "p")),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_takes_anything(
    stage: Stage, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    empty_blob = padded(address.encode()) + padded(b",b") + bytes(4)
    for packet in (*(message(address, *arguments) for arguments in WRONG), empty_blob):
        stage.send(packet)
        stage.send(bundle(NOW, [packet, bundle(NOW, [packet])]))
        stage.check()
    assert all(record.levelno < logging.ERROR for record in caplog.records)
    assert all(record.exc_info is None for record in caplog.records)


numbers = st.one_of(
    st.floats(width=32).map(lambda v: ("f", v)),
    st.floats().map(lambda v: ("d", v)),
    st.integers(-(2**31), 2**31 - 1).map(lambda v: ("i", v)),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: ("h", v)),
)
others = st.one_of(
    st.text(max_size=40).map(lambda v: ("s", v.replace("\0", ""))),
    st.binary(min_size=1, max_size=40).map(lambda v: ("b", v)),
    st.sampled_from([("T", True), ("F", False), ("N", None), ("s", "p"), ("s", "/bend/dec/gain")]),
)
arguments = st.one_of(st.lists(numbers, max_size=4), st.lists(st.one_of(numbers, others)))
addresses = st.one_of(
    st.sampled_from(ADDRESSES),
    st.sampled_from(["/*", "/bend/*/*", "/bend/*/*/bypass", "/latent/[0-9]", "/{panic,rec}"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(addresses, arguments), max_size=6), st.integers(0, 20), st.booleans())
def test_anything_in_any_bundle_and_then_a_panic(
    stage: Stage, sent: list[tuple[str, list[tuple[str, Any]]]], depth: int, together: bool
) -> None:
    packets = [message(address, *values) for address, values in sent]
    if together:
        packets = [bundle(NOW, packets)]
    for packet in packets:
        for _ in range(depth if together else 0):
            packet = bundle(NOW, [packet])
        stage.send(packet)
        stage.check()
    stage.send(message("/panic"))
    tree = stage.surface.tree
    neutral = neutral_values(CHAIN)
    for address, start in STARTED.items():
        if address.startswith(("/bend/", "/latent/")) and address in tree.values():
            assert tree.value(address) == neutral.get(address, start)
            assert stage.surface.effective(address) == tree.value(address)
    assert stage.heard.moves[0] == ("/panic", (True,))
    stage.check()
