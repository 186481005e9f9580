"""The OSC server, by a surface of python-osc's over real sockets."""

from __future__ import annotations

import logging
import math
import random
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from control_support import NOW, Heard, Surface, bundle, make_tree, padded, until
from pythonosc import osc_bundle_builder
from pythonosc.osc_message_builder import build_msg

from torchbend.realtime.control import ControlError, ControlTree, Values
from torchbend.realtime.control.osc import ERRORS_A_SECOND, MOST_SCHEDULED, OscServer


@pytest.fixture
def tree_heard() -> tuple[ControlTree, Heard]:
    return make_tree()


@pytest.fixture
def server(tree_heard: tuple[ControlTree, Heard]) -> Iterator[OscServer]:
    with OscServer(tree_heard[0], port=0) as server:
        yield server


@pytest.fixture
def still(tree_heard: tuple[ControlTree, Heard]) -> Iterator[OscServer]:
    """A server without a thread, that moves when it is told to."""
    server = OscServer(tree_heard[0], port=0)
    yield server
    server.close()


def later(seconds: float, *messages: tuple[str, Any]) -> bytes:
    builder = osc_bundle_builder.OscBundleBuilder(time.time() + seconds)
    for address, value in messages:
        builder.add_content(build_msg(address, [value]))
    return bytes(builder.build().dgram)


def test_a_message_moves_a_control(server: OscServer, tree_heard: Any) -> None:
    tree, heard = tree_heard
    with Surface(server.place) as surface:
        surface.send("/bend/drive", 1.25)
        until(lambda: heard.all)
        assert heard.moves == [("/bend/drive", (1.25,))]
        surface.send("/bend/shape", "fold")
        surface.send("/bend/mix", 0.5, 0.25, 0.125)
        surface.send("/bend/on", False)
        until(lambda: len(heard.all) == 4)
    assert tree.value("/bend/mix") == (0.5, 0.25, 0.125)
    assert tree.value("/bend/on") == (False,)


def test_two_surfaces_stay_in_step(server: OscServer, tree_heard: Any) -> None:
    with Surface(server.place) as left, Surface(server.place) as right:
        left.send("/bend/steps", 3)  # no change, but now it is known
        right.send("/bend/drive", 1.5)
        assert left.hear_of("/bend/drive") == (1.5,)
        left.send("/bend/drive", 9.0)  # more than there is
        assert left.hear_of("/bend/drive") == (2.0,)
        assert right.hear_of("/bend/drive")[0] in (1.5, 2.0)  # its own, once it rests
        tree_heard[0].set("/bend/on", (False,))
        assert left.hear_of("/bend/on") == right.hear_of("/bend/on") == (0,)


def test_a_subscriber_is_told_everything_and_then_each_change(
    server: OscServer, tree_heard: Any
) -> None:
    tree, _ = tree_heard
    with Surface(server.place) as knobs, Surface(server.place) as screen:
        knobs.send("/subscribe", "127.0.0.1", screen.port)
        told = dict(
            screen.hear() for _ in range(sum(not c.is_trigger for c in tree.controls.values()))
        )
        assert told["/bend/drive"] == (0.5,)
        assert told["/bend/mix/2"] == (1.0,)
        assert "/xruns" in told
        knobs.send("/bend/drive", 1.0)
        assert screen.hear() == ("/bend/drive", (1.0,))
        tree.publish("/meter/out", (-12.0,))
        assert screen.hear() == ("/meter/out", (-12.0,))
        knobs.send("/unsubscribe", "127.0.0.1", screen.port)
        until(lambda: all(c.place[1] != screen.port for c in server.clients.all()))


def test_a_message_without_arguments_asks(server: OscServer) -> None:
    with Surface(server.place) as surface:
        surface.send("/drywet")
        assert surface.hear() == ("/drywet", (1.0,))
        surface.send("/refresh")
        assert surface.hear_of("/gain/out") == (0.0,)


def test_changes_are_told_at_most_sixty_times_a_second(server: OscServer) -> None:
    with Surface(server.place) as left, Surface(server.place) as right:
        right.send("/subscribe", right.port)
        right.hear_of("/latency")
        start = time.monotonic()
        for n in range(2000):
            left.send("/bend/drive", n / 1000)
        left.send("/bend/drive", 0.125)
        told = 1
        while right.hear_of("/bend/drive") != (0.125,):
            told += 1
        # Each telling is a sixtieth of a second after the one before.
        assert told <= 2 + 60 * (time.monotonic() - start)


@pytest.mark.parametrize(
    ("address", "arguments", "reason", "said"),
    [
        ("/bend/driv", (1.0,), "unknown", "Nearest: '/bend/drive'"),
        ("/nothing/*", (1.0,), "unknown", "no '/nothing/*'"),
        ("/bend/drive", (math.nan,), "number", "finite"),
        ("/bend/drive", (math.inf,), "number", "finite"),
        ("/bend/drive", ("loud",), "type", "numbers"),
        ("/bend/drive", (b"blob",), "type", "numbers"),
        ("/bend/mix", (1.0, 2.0), "count", "3 values"),
        ("/bend/shape", ("square",), "type", "soft, hard, fold"),
        ("/cpu", (1.0,), "access", "cannot be set"),
        ("/subscribe", ("example.org", 9000), "type", "numeric"),
        ("/subscribe", ("127.0.0.1",), "count", "port"),
        ("/subscribe", (math.nan,), "type", "port"),
        ("/subscribe", (math.inf,), "type", "port"),
        ("/subscribe", (0,), "type", "port"),
    ],
)
def test_what_is_refused_is_answered_and_counted(
    server: OscServer, address: str, arguments: tuple[Any, ...], reason: str, said: str
) -> None:
    with Surface(server.place) as surface:
        surface.send(address, *arguments)
        about, why = surface.hear_of("/error")
        assert about == address
        assert said in why
    assert server.counts[reason] == 1


def test_a_pattern_moves_all_that_it_matches(server: OscServer, tree_heard: Any) -> None:
    tree, heard = tree_heard
    with Surface(server.place) as surface:
        surface.send("/gain/*", -12.0)
        until(lambda: len(heard.all) == 2)
    assert tree.value("/gain/in") == tree.value("/gain/out") == (-12.0,)


def test_a_bundle_is_one_tick(still: OscServer, tree_heard: Any) -> None:
    _, heard = tree_heard
    sent = [build_msg("/bend/drive", [n / 10]).dgram for n in range(5)]
    with Surface(still.place) as surface:
        surface.raw(bundle(NOW, sent))
        still.step(1.0)
    assert heard.moves == [("/bend/drive", (pytest.approx(0.4),))]


def test_a_flood_reaches_the_audio_side_as_its_latest_values(
    still: OscServer, tree_heard: Any
) -> None:
    _, heard = tree_heard
    with Surface(still.place) as surface:
        for n in range(100):
            surface.send("/bend/drive", n / 100)
            surface.send("/drywet", n / 100)
        still.step(1.0)
    assert still.counts["packets"] == 200
    assert heard.moves == [
        ("/bend/drive", (pytest.approx(0.99),)),
        ("/drywet", (pytest.approx(0.99),)),
    ]


def flood_of(still: OscServer, packets: list[bytes]) -> None:
    """So many packets waiting at once, as if they had come by the socket."""
    waiting = iter(packets)
    real = still._server.socket

    class Line:
        def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, tuple[str, int]]:
            try:
                return next(waiting), ("127.0.0.1", 9)
            except StopIteration:
                raise BlockingIOError from None

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    still._server.socket = Line()  # type: ignore[assignment]
    still._take(next(waiting), ("127.0.0.1", 9))
    still._server.socket = real


def test_a_great_flood_is_not_read_where_later_packets_void_it(
    still: OscServer, tree_heard: Any
) -> None:
    _, heard = tree_heard
    sets = [build_msg("/bend/drive", [n / 1000]).dgram for n in range(1000)]
    mixed = [build_msg("/drywet", [n / 10]).dgram for n in range(10)]
    trigger = build_msg("/preset/store", ["x"]).dgram
    flood_of(still, [*sets[:500], *mixed, trigger, *sets[500:], b"junk", mixed[3]])
    assert heard.moves == [
        ("/bend/drive", (pytest.approx(0.499),)),
        ("/drywet", (pytest.approx(0.9),)),
        ("/preset/store", ("x",)),
        ("/bend/drive", (pytest.approx(0.999),)),
        ("/drywet", (pytest.approx(0.3),)),
    ]
    assert still.counts["packets"] == 1013
    assert still.counts["superseded"] == 499 + 9 + 499
    assert still.counts["packet"] == 1


@pytest.mark.parametrize(
    "last",
    [
        build_msg("/drywet", [0.5]).dgram[:-4],
        build_msg("/drywet", [math.nan]).dgram,
        build_msg("/drywet", ["x"]).dgram,
        build_msg("/drywet", []).dgram,
        padded(b"/drywet") + b",f\0",
        b"/drywet\0",
        b"/drywet",
        b"/",
    ],
)
def test_what_sets_nothing_makes_nothing_void(
    still: OscServer, tree_heard: Any, last: bytes
) -> None:
    _, heard = tree_heard
    flood_of(still, [build_msg("/drywet", [0.25]).dgram] * 300 + [last] * 300)
    assert heard.moves == [("/drywet", (0.25,))]


def test_a_time_to_come_is_waited_for_and_holds_up_nobody(
    server: OscServer, tree_heard: Any
) -> None:
    _, heard = tree_heard
    with Surface(server.place) as surface:
        start = time.monotonic()
        surface.raw(later(0.8, ("/bend/drive", 1.0), ("/bend/steps", 5)))
        surface.send("/drywet", 0.5)
        until(lambda: heard.all)
        assert heard.moves == [("/drywet", (0.5,))]
        assert time.monotonic() - start < 0.7
        until(lambda: len(heard.all) == 3)
        assert time.monotonic() - start >= 0.799
    assert heard.moves[1:] == [("/bend/drive", (1.0,)), ("/bend/steps", (5,))]


def test_times_that_are_past_are_now_and_times_too_far_are_refused(
    still: OscServer, tree_heard: Any
) -> None:
    _, heard = tree_heard
    with Surface(still.place) as surface:
        surface.raw(later(-3600, ("/drywet", 0.5)))
        surface.raw(bundle(bytes(8), [build_msg("/gate", [-40.0]).dgram]))
        for far in (3600, 1e8):
            surface.raw(later(far, ("/drywet", 0.25)))
        surface.raw(bundle(b"\xff" * 8, [build_msg("/drywet", [0.25]).dgram]))
        still.step(1.0)
        assert surface.hear_of("/error")[0] == "/drywet"
    assert heard.moves == [("/drywet", (0.5,)), ("/gate", (-40.0,))]
    assert still.counts["time"] == 3


def test_the_schedule_does_not_grow_for_ever(still: OscServer) -> None:
    packet = later(30, *[("/drywet", 0.5)] * 100)
    for _ in range(60):
        still.receive(packet, ("127.0.0.1", 9))
    assert still.counts["time"] == 6000 - MOST_SCHEDULED


HOSTILE = [
    b"",
    b"\0",
    b"/",
    bytes(65_507),
    b"/" * 65_507,
    padded(b"/" + b"x" * 65_000),
    padded(b"/a") + padded(b"," + b"[" * 65_000),
    padded(b"/a") + padded(b"," + b"T" * 65_000),
    padded(b"/bend/drive") + padded(b",b") + struct.pack(">i", -1),
    b"#bundle\0" + NOW + struct.pack(">i", -4) * 1000,
    b"#bundle\0" * 8000,
    bundle(NOW, [b"#bundle\0" + NOW] * 3000),
    build_msg("/bend/*", ["x" * 60_000]).dgram,
    build_msg("/" + "{a,b}" * 40, [1]).dgram,
    build_msg("/" + "*" * 250, [1]).dgram,
    build_msg("/bend/mix", [math.nan] * 3).dgram,
    build_msg("/subscribe", ["x" * 1000, -1, math.nan]).dgram,
    build_msg("/subscribe", [2**60]).dgram,
    build_msg("/bend/drive", [2**62]).dgram,
]


def test_twenty_thousand_hostile_packets_leave_it_as_it_was(
    still: OscServer, tree_heard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tree, _ = tree_heard
    draw = random.Random(3)
    controls = dict(tree.controls)
    small = [each for each in HOSTILE if len(each) < 1000]
    with caplog.at_level(logging.DEBUG):
        start = time.perf_counter()
        for packet in HOSTILE:
            still.receive(packet, ("127.0.0.1", 9))
        for n in range(20_000):
            packet = draw.choice(small) if n % 2 else draw.choice((b"/", b"#bundle\0", b""))
            packet += draw.randbytes(draw.randrange(64))
            still.receive(packet, ("127.0.0.1", 1 + n % 60_000))
        took = time.perf_counter() - start
    assert took < 5
    assert caplog.records == []
    assert dict(tree.controls) == controls
    assert tree.value("/bend/drive") == (2.0,)
    assert still.counts["packets"] == 20_000 + len(HOSTILE)
    assert len(still.clients) <= 48


def test_memory_does_not_grow_under_a_flood(still: OscServer, tree_heard: Any) -> None:
    still.tree.remove_sink(tree_heard[1])  # it remembers everything
    draw = random.Random(4)

    def flood() -> None:
        for n in range(600):
            address = "/" + "".join(draw.choices("abc/*", k=12))
            still.receive(build_msg(address, [draw.random()]).dgram, ("127.0.0.1", 1 + n))
            still.receive(build_msg("/bend/drive", [draw.random()]).dgram, ("127.0.0.1", 1 + n))

    tracemalloc.start()
    flood()  # fills what is kept of addresses
    flood()
    before = tracemalloc.get_traced_memory()[0]
    flood()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000


def test_errors_are_answered_so_many_times_a_second_and_all_are_counted(still: OscServer) -> None:
    with Surface(still.place) as surface:
        surface.socket.setblocking(False)
        for _ in range(400):
            still.receive(b"/x\0\0,f\0\0" + struct.pack(">f", 1), ("127.0.0.1", surface.port))
        answers = 0
        with pytest.raises(BlockingIOError):
            while surface.socket.recv(65_536):
                answers += 1
    assert 1 <= answers <= 2 * ERRORS_A_SECOND
    assert still.counts["unknown"] == 400


def test_what_was_refused_is_one_line_in_the_log(
    still: OscServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(300):
        still.receive(b"junk", ("127.0.0.1", 9))
        still.receive(build_msg("/nowhere", [1]).dgram, ("127.0.0.1", 9))
    still._report()
    still._report()
    (record,) = caplog.records
    assert "300 for unknown" in record.getMessage()
    assert "300 for packet" in record.getMessage()


def test_a_sink_that_raises_ends_nothing_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def sink(address: str, values: Values, when: int) -> None:
        raise RuntimeError("of the sink")

    tree = make_tree()[0]
    tree.add_sink(sink)
    with OscServer(tree, port=0) as server, Surface(server.place) as surface:
        for n in range(20):
            surface.send("/bend/drive", n / 20)
            surface.raw(later(0.01, ("/drywet", n / 20)))
        surface.send("/refresh")
        assert surface.hear_of("/latency") == (0.0,)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_it_answers_beside_a_busy_thread(server: OscServer) -> None:
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=busy, daemon=True)
    thread.start()
    try:
        with Surface(server.place) as surface:
            for _ in range(5):
                surface.send("/drywet")
                assert surface.hear_of("/drywet") == (1.0,)
    finally:
        stop.set()
        thread.join()


def test_a_port_that_is_taken_is_said(server: OscServer) -> None:
    with pytest.raises(ControlError, match=rf"port {server.place[1]}.*another port"):
        OscServer(make_tree()[0], port=server.place[1])


def test_it_hears_this_computer_only_and_frees_its_port() -> None:
    server = OscServer(make_tree()[0], port=0).start()
    place = server.place
    assert place[0] == "127.0.0.1"
    server.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(place)
