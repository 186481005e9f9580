"""Packets of OSC: python-osc's are read, anything else is refused and nothing more."""

from __future__ import annotations

import math
import random
import struct
import time
from typing import Any

import pytest
from control_support import NOW, bundle, padded
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc import osc_bundle_builder, osc_message_builder
from pythonosc.osc_message_builder import build_msg

from torchbend.realtime.control import RefusedError
from torchbend.realtime.control.packets import MOST_NESTED, Message, read

ADDRESSES = st.text("abc/_1", min_size=1, max_size=20).map("/{}".format)
ARGUMENTS = st.lists(
    st.one_of(
        st.floats(width=32),
        st.integers(-(2**63), 2**63 - 1),
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
        st.binary(min_size=1),
        st.booleans(),
        st.none(),
    )
)


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(
        a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
        for a, b in zip(one, other, strict=True)
    )


@given(ADDRESSES, ARGUMENTS)
def test_what_python_osc_writes_is_read(address: str, arguments: list[Any]) -> None:
    ((due, found, values),) = read(build_msg(address, arguments).dgram)
    assert (due, found) == (None, address)
    assert same(values, tuple(arguments))


def test_doubles_arrays_and_times_are_read() -> None:
    builder = osc_message_builder.OscMessageBuilder("/x")
    builder.add_arg(0.1, "d")
    builder.add_arg([1.0, [2, "s"]])
    assert read(builder.build().dgram) == [Message(None, "/x", (0.1, 1.0, 2, "s"))]
    every = padded(b"/x") + padded(b",tcrmI") + bytes(8) + b"\0\0\0a" + bytes(4) + b"\0\x90\x40\x7f"
    assert read(every)[0].arguments == (0, 97, 0, 0x90407F, True)


def test_a_message_without_types_has_no_arguments() -> None:
    assert read(padded(b"/bare")) == [Message(None, "/bare", ())]


def test_bundles_keep_their_order_and_their_times() -> None:
    outer = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
    inner = osc_bundle_builder.OscBundleBuilder(1_700_000_000.5)
    outer.add_content(build_msg("/a", [1]))
    inner.add_content(build_msg("/b", [2]))
    inner.add_content(build_msg("/c", [3]))
    outer.add_content(inner.build())
    outer.add_content(build_msg("/d", [4]))
    found = read(outer.build().dgram)
    assert [m.address for m in found] == ["/a", "/b", "/c", "/d"]
    assert [m.due for m in found] == [
        None,
        pytest.approx(1_700_000_000.5, abs=1e-6),
        pytest.approx(1_700_000_000.5, abs=1e-6),
        None,
    ]


def nested(depth: int) -> bytes:
    packet = build_msg("/deep", [1]).dgram
    for _ in range(depth):
        packet = bundle(NOW, [packet])
    return packet


def test_bundles_are_nested_so_deep_and_no_deeper() -> None:
    assert read(nested(MOST_NESTED))[0].address == "/deep"
    for depth in (MOST_NESTED + 1, 3000):
        with pytest.raises(RefusedError, match="nested"):
            read(nested(depth))


GOOD = build_msg("/bend/drive", [0.5]).dgram
BAD = {
    "nothing": b"",
    "no OSC": b"hello",
    "an address that does not end": b"/abcd",
    "an address without its padding": b"/abcd\0",
    "not UTF-8": padded(b"/\xff\xfe") + padded(b",f") + bytes(4),
    "no comma": padded(b"/a") + padded(b"f") + bytes(4),
    "an unknown type": padded(b"/a") + padded(b",Q") + bytes(8),
    "too few bytes": GOOD[:-1],
    "a text that does not end": padded(b"/a") + padded(b",s") + b"abcd",
    "a blob of negative size": padded(b"/a") + padded(b",b") + struct.pack(">i", -4),
    "a blob larger than the packet": padded(b"/a") + padded(b",b") + struct.pack(">i", 2**31 - 1),
    "a blob without a size": padded(b"/a") + padded(b",b"),
    "an array that does not end": padded(b"/a") + padded(b",[f") + bytes(4),
    "an array that did not start": padded(b"/a") + padded(b",]"),
    "a bundle without a time": b"#bundle\0" + bytes(4),
    "an element of no bytes": bundle(NOW, [b""]),
    "an element of negative size": b"#bundle\0" + NOW + struct.pack(">i", -4),
    "an element of odd size": b"#bundle\0" + NOW + struct.pack(">i", 3) + b"/a\0",
    "an element larger than the packet": b"#bundle\0" + NOW + struct.pack(">i", 64) + GOOD,
    "an element that is neither": bundle(NOW, [b"abcd"]),
    "a size that is cut off": b"#bundle\0" + NOW + b"\0\0",
    "one bad message among good ones": bundle(NOW, [GOOD, padded(b"/a") + padded(b",f"), GOOD]),
    "brackets without end": padded(b"/a") + padded(b"," + b"[" * 60_000),
    "64 KB of one type": padded(b"/a") + padded(b"," + b"s" * 65_000),
    "64 KB of zeros": bytes(65_507),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_packets_are_refused_quickly(what: str) -> None:
    start = time.perf_counter()
    with pytest.raises(RefusedError) as refused:
        read(BAD[what])
    assert refused.value.reason == "packet"
    assert time.perf_counter() - start < 1


def test_large_packets_are_read_in_time_that_grows_with_their_size() -> None:
    many = bundle(NOW, [GOOD] * 2100)
    assert len(many) > 50_000
    assert len(read(many)) == 2100
    floats = [n / 7 for n in range(13_000)]
    ((_, _, values),) = read(build_msg("/v", floats).dgram)
    assert len(values) == 13_000


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_random_bytes_are_read_or_refused(packet: bytes) -> None:
    for start in (b"", b"/", b"#bundle\0", padded(b"/a") + b","):
        try:
            assert isinstance(read(start + packet), list)
        except RefusedError as refused:
            assert refused.reason == "packet"


def test_twenty_thousand_broken_packets_in_five_seconds() -> None:
    draw = random.Random(5)
    good = [GOOD, nested(3), bundle(NOW, [GOOD, nested(2), GOOD])]
    seeds = [each for each in (*good * 8, *BAD.values()) if len(each) < 2000]
    counts = {"read": 0, "refused": 0}
    start = time.perf_counter()
    for _ in range(20_000):
        packet = bytearray(draw.choice(seeds))
        for _ in range(draw.randrange(4)):
            if packet:
                packet[draw.randrange(len(packet))] = draw.randrange(256)
        cut = packet[: draw.randrange(len(packet) + 1)] if draw.random() < 0.3 else packet
        try:
            read(bytes(cut))
            counts["read"] += 1
        except RefusedError:
            counts["refused"] += 1
    assert time.perf_counter() - start < 5
    assert min(counts.values()) > 1000
