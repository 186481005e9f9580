"""OSCQuery: what can be moved, told over HTTP, and what moves, over a websocket.

One port serves both, by the package websockets, in a thread and an event loop of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import urllib.parse
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from torchbend.realtime.control.errors import ControlError, RefusedError
from torchbend.realtime.control.osc import RELAY_SECONDS, encode
from torchbend.realtime.control.packets import read
from torchbend.realtime.control.query_tree import ATTRIBUTES, host_info, node
from torchbend.realtime.control.tree import Changes, ControlTree

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

__all__ = ["QueryServer"]

logger = logging.getLogger(__name__)

LARGEST_MESSAGE = 65_536
MOST_LISTENED = 4096
MOST_CONNECTIONS = 32
_LOCAL = {"localhost", "127.0.0.1", "::1", "null", ""}


class QueryServer:
    """Tells the tree to OSCQuery's clients, and is moved by them.

    Args:
        tree: what is told.
        osc: host and port of the OSC server beside it.
        host: to listen at.
        port: of TCP; 0 takes a free one.
        name: of the application.

    Raises:
        ControlError: websockets is not installed.
    """

    def __init__(
        self,
        tree: ControlTree,
        osc: tuple[str, int],
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "torchbend",
    ) -> None:
        try:
            import websockets.asyncio.server  # noqa: F401
        except ImportError as error:
            raise ControlError(
                "OSCQuery needs the package websockets: pip install 'torchbend[live]'"
            ) from error
        self.tree = tree
        self.name = name
        self.connections = 0
        self._osc = osc
        self._wanted = (host, port)
        self._place = self._wanted
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failed: OSError | None = None
        self._server: Server | None = None

    @property
    def place(self) -> tuple[str, int]:
        """The host and the port it listens at."""
        return self._place

    def start(self) -> QueryServer:
        """Serve from a thread of its own.

        Raises:
            ControlError: the port cannot be had.
        """
        self._thread = threading.Thread(target=self._run, name="torchbend-query", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            raise ControlError(
                f"OSCQuery cannot listen at {self._wanted[0]} port {self._wanted[1]}: "
                f"{self._failed.strerror or self._failed}. Give another port, or 0 for a free one."
            ) from self._failed
        return self

    def close(self) -> None:
        """Stop, and close every connection."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> QueryServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        quiet = logging.getLogger(f"{__name__}.websockets")
        quiet.setLevel(logging.CRITICAL)  # each client that hangs up would be a trace
        host, port = self._wanted
        try:
            server = await serve(
                self._talk,
                host,
                port,
                process_request=self._answer,
                max_size=LARGEST_MESSAGE,
                max_queue=16,
                compression=None,
                server_header="torchbend",
                logger=quiet,
            )
        except OSError as error:
            self._failed = error
            self._ready.set()
            return
        self._server = server
        self._place = server.sockets[0].getsockname()[:2]
        self.tree.on_replace(self._tell_replaced)
        self._ready.set()
        async with server:
            await self._stop.wait()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request over HTTP; None lets it become a websocket."""
        if "websocket" in request.headers.get("Upgrade", "").lower():
            return self._admit(connection, request)
        status, found = self.look(request.path)
        if found is None:
            return connection.respond(status, "" if status == 204 else f"{status.phrase}\n")
        response = connection.respond(status, json.dumps(found))
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        # Any page in a browser on this computer could otherwise move the sound.
        origin = urllib.parse.urlsplit(request.headers.get("Origin", ""))
        if (origin.hostname or "") not in _LOCAL | {self._wanted[0]}:
            return connection.respond(HTTPStatus.FORBIDDEN, "Not from this page.\n")
        if self.connections >= MOST_CONNECTIONS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many listeners.\n")
        return None

    def look(self, target: str) -> tuple[HTTPStatus, dict[str, Any] | None]:
        """What a request is answered with.

        Args:
            target: path and query, such as ``"/gain/in?VALUE"``.
        """
        path, _, asked = target.partition("?")
        if asked == "HOST_INFO":
            return HTTPStatus.OK, host_info(self.name, self._osc, self._place)
        found = node(self.tree, urllib.parse.unquote(path))
        if found is None:
            return HTTPStatus.NOT_FOUND, None
        if not asked:
            return HTTPStatus.OK, found
        if asked not in ATTRIBUTES:
            return HTTPStatus.BAD_REQUEST, None
        if asked not in found:
            return HTTPStatus.NO_CONTENT, None
        return HTTPStatus.OK, {asked: found[asked]}

    async def _talk(self, connection: ServerConnection) -> None:
        """One client, as long as it stays."""
        from websockets.exceptions import ConnectionClosed

        changes = self.tree.watch()
        listened: set[str] = set()
        self.connections += 1
        teller = asyncio.create_task(self._tell(connection, changes, listened))
        try:
            async for message in connection:
                if isinstance(message, bytes):
                    self._move(message, changes)
                else:
                    self._command(message, changes, listened)
        except ConnectionClosed:
            pass
        finally:
            teller.cancel()
            self.connections -= 1
            self.tree.unwatch(changes)

    async def _tell(
        self, connection: ServerConnection, changes: Changes, listened: set[str]
    ) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                # A client that is slow to read holds up this loop, and nothing is queued.
                for address, values in changes.take(self.tree.now()):
                    if address in listened:
                        await connection.send(encode(address, values, booleans=True))
                await asyncio.sleep(RELAY_SECONDS)
        except ConnectionClosed:
            pass

    def _command(self, text: str, changes: Changes, listened: set[str]) -> None:
        try:
            said = json.loads(text)
            command, path = said["COMMAND"], said["DATA"]
        except (ValueError, TypeError, KeyError, RecursionError):
            self.tree.counts["query"] += 1
            return
        known = isinstance(path, str) and path in self.tree.controls
        if command == "LISTEN" and known and len(listened) < MOST_LISTENED:
            listened.add(path)
        elif command == "IGNORE" and isinstance(path, str):
            listened.discard(path)
        else:
            self.tree.counts["query"] += 1

    def _move(self, packet: bytes, changes: Changes) -> None:
        try:
            with self.tree.tick():
                for _, address, arguments in read(packet):
                    self.tree.set(address, arguments, changes)
        except RefusedError as error:
            self.tree.counts[error.reason] += 1

    def _tell_replaced(self, prefix: str) -> None:
        """Another model: every client is to read the tree again."""
        if self._loop is None or self._server is None or self._loop.is_closed():
            return
        text = json.dumps({"COMMAND": "PATH_CHANGED", "DATA": prefix})
        server = self._server

        def tell() -> None:
            from websockets.asyncio.server import broadcast

            broadcast(server.connections, text)

        self._loop.call_soon_threadsafe(tell)
