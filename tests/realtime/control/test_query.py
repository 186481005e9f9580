"""OSCQuery, read and moved by clients that are not ours: aiohttp, and python-osc."""

from __future__ import annotations

import asyncio
import builtins
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from control_support import Heard, Surface, make_tree, until
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import Control, ControlError, ControlTree, bends
from torchbend.realtime.control.osc import OscServer
from torchbend.realtime.control.query import MOST_CONNECTIONS, QueryServer
from torchbend.realtime.control.query_tree import host_info, node


@pytest.fixture
def tree_heard() -> tuple[ControlTree, Heard]:
    log = Control("/cutoff", "float", (100.0,), low=20.0, high=20_000.0, curve="log", unit="hz")
    return make_tree(log)


@pytest.fixture
def server(tree_heard: tuple[ControlTree, Heard]) -> Iterator[QueryServer]:
    with QueryServer(tree_heard[0], ("127.0.0.1", 9000)) as server:
        yield server


def get(server: QueryServer, target: str, **more: Any) -> tuple[int, Any]:
    """Status and JSON of a request."""

    async def ask() -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session:
            async with session.get(url(server, target), **more) as answer:
                found = await answer.json() if answer.status == 200 else await answer.text()
                return answer.status, found

    return asyncio.run(ask())


def url(server: QueryServer, target: str = "/") -> str:
    return f"http://127.0.0.1:{server.place[1]}{target}"


@asynccontextmanager
async def connected(server: QueryServer) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url(server)) as connection:
        yield connection


async def hear(connection: aiohttp.ClientWebSocketResponse) -> tuple[str, tuple[Any, ...]]:
    message = OscMessage(await asyncio.wait_for(connection.receive_bytes(), 5))
    return message.address, tuple(message)


def test_the_whole_tree_is_told_as_the_proposal_has_it(server: QueryServer) -> None:
    status, root = get(server, "/")
    assert status == 200
    assert (root["FULL_PATH"], root["ACCESS"]) == ("/", 0)
    bend = root["CONTENTS"]["bend"]
    assert bend["FULL_PATH"] == "/bend"
    assert bend["CONTENTS"]["drive"] == {
        "FULL_PATH": "/bend/drive",
        "DESCRIPTION": "Scale on net.0",
        "ACCESS": 3,
        "TYPE": "f",
        "RANGE": [{"MIN": 0.0, "MAX": 2.0}],
        "CLIPMODE": ["both"],
        "VALUE": [0.5],
    }
    shape = bend["CONTENTS"]["shape"]
    assert (shape["TYPE"], shape["VALUE"]) == ("s", ["soft"])
    assert shape["RANGE"] == [{"VALS": ["soft", "hard", "fold"]}]
    on = bend["CONTENTS"]["on"]
    assert (on["TYPE"], on["VALUE"], on["RANGE"]) == ("T", [True], [None])
    mix = bend["CONTENTS"]["mix"]
    assert (mix["TYPE"], len(mix["RANGE"]), mix["VALUE"]) == ("fff", 3, [0.0, 0.5, 1.0])
    assert mix["CONTENTS"]["1"]["VALUE"] == [0.5]
    gain = root["CONTENTS"]["gain"]["CONTENTS"]["in"]
    assert gain["UNIT"] == ["gain.db"]
    assert root["CONTENTS"]["cpu"]["ACCESS"] == 1
    panic = root["CONTENTS"]["panic"]
    assert (panic["ACCESS"], panic["TYPE"], panic["VALUE"]) == (3, "T", [False])
    store = root["CONTENTS"]["preset"]["CONTENTS"]["store"]
    assert (store["ACCESS"], store["TYPE"]) == (2, "s")
    assert root["CONTENTS"]["limiter"]["CONTENTS"]["reduction"]["VALUE"] == [0.0]
    assert root["CONTENTS"]["device"]["TYPE"] == "s"
    assert "VALUE" not in store


def test_every_node_names_itself_and_every_control_is_there(
    server: QueryServer, tree_heard: Any
) -> None:
    _, root = get(server, "/")
    found = {}

    def walk(node: dict[str, Any], path: str) -> None:
        assert node["FULL_PATH"] == (path or "/")
        if "TYPE" in node:
            found[path] = node
        for name, below in node.get("CONTENTS", {}).items():
            walk(below, f"{path}/{name}")

    walk(root, "")
    assert set(found) == set(tree_heard[0].controls)
    for told in found.values():
        for each in ("VALUE", "RANGE", "CLIPMODE", "UNIT"):
            assert len(told.get(each, told["TYPE"])) == len(told["TYPE"])


def test_a_node_and_an_attribute_are_told_alone(server: QueryServer, tree_heard: Any) -> None:
    tree_heard[0].set("/bend/drive", (1.5,))
    assert get(server, "/bend/drive?VALUE") == (200, {"VALUE": [1.5]})
    assert get(server, "/bend/shape?TYPE") == (200, {"TYPE": "s"})
    assert get(server, "/gain")[1]["CONTENTS"].keys() == {"in", "out"}
    assert get(server, "/bend/drive/")[1]["VALUE"] == [1.5]


def test_the_host_tells_about_itself(server: QueryServer) -> None:
    status, info = get(server, "/?HOST_INFO")
    assert status == 200
    assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == ("127.0.0.1", 9000, "UDP")
    assert (info["WS_IP"], info["WS_PORT"]) == server.place
    assert info["NAME"] == "torchbend"
    assert info["EXTENSIONS"]["LISTEN"] is True


def test_of_all_interfaces_the_one_that_was_asked_is_meant() -> None:
    info = host_info("x", ("0.0.0.0", 9000), ("0.0.0.0", 5678))
    assert (info["OSC_PORT"], info["WS_PORT"]) == (9000, 5678)
    assert not {"OSC_IP", "WS_IP"} & set(info)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/nothing", 404),
        ("/bend/dri", 404),
        ("/bend?VALUE", 204),
        ("/preset/store?VALUE", 204),
        ("/bend/drive?COLOUR", 400),
        ("/../../etc/passwd", 404),
        ("/%00", 404),
        ("/" + "x" * 4000, 404),
    ],
)
def test_what_is_not_there_has_the_proposals_status(
    server: QueryServer, target: str, status: int
) -> None:
    assert get(server, target)[0] == status


def test_a_listener_hears_what_it_listens_to(server: QueryServer, tree_heard: Any) -> None:
    tree, heard = tree_heard

    async def talk() -> None:
        async with connected(server) as connection:
            await connection.send_json({"COMMAND": "LISTEN", "DATA": "/bend/drive"})
            await connection.send_json({"COMMAND": "LISTEN", "DATA": "/bend/on"})
            # Its own move shows that the server has read so far.
            await connection.send_bytes(build_msg("/drywet", [0.5]).dgram)
            await asyncio.to_thread(until, lambda: heard.all)
            tree.set("/bend/steps", (1,))
            tree.set("/bend/drive", (1.25,))
            assert await hear(connection) == ("/bend/drive", (1.25,))
            tree.set("/bend/on", (False,))
            assert await hear(connection) == ("/bend/on", (False,))
            await connection.send_json({"COMMAND": "IGNORE", "DATA": "/bend/drive"})
            await connection.send_bytes(build_msg("/drywet", [0.25]).dgram)
            await asyncio.to_thread(until, lambda: len(heard.all) >= 5)
            tree.set("/bend/drive", (0.0,))
            tree.set("/bend/on", (True,))
            assert await hear(connection) == ("/bend/on", (True,))

    asyncio.run(talk())
    assert ("/drywet", (0.25,)) in heard.moves


def test_it_is_found_read_and_moved_by_others_alone(tree_heard: Any) -> None:
    tree, heard = tree_heard

    async def talk(query: QueryServer) -> None:
        async with connected(query) as connection:
            async with aiohttp.ClientSession() as session:
                async with session.get(url(query, "/?HOST_INFO")) as answer:
                    info = await answer.json()
                async with session.get(url(query, "/bend/drive")) as answer:
                    node = await answer.json()
            await connection.send_json({"COMMAND": "LISTEN", "DATA": node["FULL_PATH"]})
            await connection.send_bytes(build_msg("/drywet", [0.5]).dgram)
            await asyncio.to_thread(until, lambda: heard.all)
            middle = (node["RANGE"][0]["MIN"] + node["RANGE"][0]["MAX"]) / 2
            with Surface((info["OSC_IP"], info["OSC_PORT"])) as surface:
                surface.send(node["FULL_PATH"], middle)
                assert await hear(connection) == ("/bend/drive", (middle,))
        assert tree.value("/bend/drive") == (middle,)

    with OscServer(tree, port=0) as osc, QueryServer(tree, osc.place) as query:
        asyncio.run(talk(query))


def test_another_model_is_told_to_all(server: QueryServer, tree_heard: Any) -> None:
    async def talk() -> None:
        async with connected(server) as connection:
            new = AttributeInfo("new", "float", ("float",), (0.0,), 0.0, 1.0)
            await asyncio.to_thread(until, lambda: server.connections)
            tree_heard[0].replace(bends(FileInfo("m", (), (new,))), "/bend")
            told = await asyncio.wait_for(connection.receive_json(), 5)
            assert told == {"COMMAND": "PATH_CHANGED", "DATA": "/bend"}

    asyncio.run(talk())
    assert get(server, "/bend")[1]["CONTENTS"].keys() == {"new"}


def test_it_is_read_while_models_come_and_go(tree_heard: Any) -> None:
    tree, _ = tree_heard
    stop = threading.Event()
    lots = [Control(f"/bend/x{n}", "float", (0.0,)) for n in range(200)]

    def swap() -> None:
        while not stop.is_set():
            tree.replace(lots, "/bend")
            tree.replace([], "/bend")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(200):
            found = node(tree)
            assert found is not None
            assert found["CONTENTS"]["drywet"]["VALUE"] == [1.0]
    finally:
        stop.set()
        thread.join()


def test_hostile_clients_are_counted_and_the_rest_goes_on(
    server: QueryServer, tree_heard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tree, _ = tree_heard
    bad_text = ["", "[]", "null", "{", "[" * 60_000, '{"COMMAND": "LISTEN"}', '{"COMMAND": 1}']
    bad_text += [
        json.dumps({"COMMAND": "LISTEN", "DATA": data}) for data in ([], {}, None, 3, "/x")
    ]
    bad_bytes = [b"", b"junk", bytes(60_000), build_msg("/bend/drive", [float("nan")]).dgram]

    async def talk() -> None:
        async with connected(server) as connection:
            for text in bad_text:
                await connection.send_str(text)
            for packet in bad_bytes:
                await connection.send_bytes(packet)
            await connection.send_bytes(build_msg("/bend/drive", [1.5]).dgram)
            await asyncio.to_thread(until, lambda: tree.value("/bend/drive") == (1.5,))

    with caplog.at_level(logging.DEBUG, "torchbend"):
        asyncio.run(talk())
        for junk in (b"\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"\xff" * 5000):
            with socket.create_connection(server.place) as line:
                line.sendall(junk)
                line.shutdown(socket.SHUT_WR)
                while line.recv(4096):
                    pass
        with socket.create_connection(server.place):
            pass
    assert tree.counts["query"] == len(bad_text)
    assert tree.counts["packet"] == 3
    assert tree.counts["number"] == 1
    assert get(server, "/bend/drive?VALUE") == (200, {"VALUE": [1.5]})
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_pages_from_elsewhere_cannot_move_the_sound(server: QueryServer) -> None:
    async def knock(origin: str) -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(url(server), headers={"Origin": origin}):
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    assert asyncio.run(knock("http://example.org")) == 403
    assert asyncio.run(knock("http://localhost:8080")) == 101
    assert asyncio.run(knock("file://")) == 101


def test_there_are_never_too_many_listeners(server: QueryServer) -> None:
    async def crowd() -> int:
        async with aiohttp.ClientSession() as session:
            held = [await session.ws_connect(url(server)) for _ in range(MOST_CONNECTIONS)]
            await asyncio.to_thread(until, lambda: server.connections == MOST_CONNECTIONS)
            try:
                await session.ws_connect(url(server))
                return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status
            finally:
                for each in held:
                    await each.close()

    assert asyncio.run(crowd()) == 503
    until(lambda: server.connections == 0)


def test_a_port_that_is_taken_is_said(server: QueryServer) -> None:
    with pytest.raises(ControlError, match=rf"port {server.place[1]}.*another port"):
        QueryServer(make_tree()[0], ("127.0.0.1", 9), port=server.place[1]).start()


def test_it_frees_its_port(server: QueryServer) -> None:
    server.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(server.place)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("websockets"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ControlError, match=r"pip install 'torchbend\[live\]'"):
        QueryServer(make_tree()[0], ("127.0.0.1", 9))
