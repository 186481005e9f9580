"""The OSC server: one thread, one socket, and a tree that is moved.

python-osc's blocking server owns the socket. All waiting packets are taken at once and make
one tick, so that a flood reaches the audio side as the latest value of each address. A time
tag in the future is kept in our own schedule; the server never sleeps for it.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_server import BlockingOSCUDPServer

from torchbend.realtime.control.clients import Client, Clients, Place
from torchbend.realtime.control.controls import Control, Values
from torchbend.realtime.control.errors import ControlError, RefusedError
from torchbend.realtime.control.packets import Message, read, start_of
from torchbend.realtime.control.tree import ControlTree

__all__ = ["OscServer", "encode"]

logger = logging.getLogger(__name__)

LARGEST_PACKET = 65_536
MOST_AT_ONCE = 4096  # packets in one tick
PRESSURE = 256  # more than so many at once is a flood
MOST_SCHEDULED = 4096
FARTHEST_SECONDS = 60.0
RELAY_SECONDS = 1 / 60
ERRORS_A_SECOND = 50
MOST_ERRORS = 32  # that everyone is told, and were not sent yet
REPORT_SECONDS = 10.0
RECEIVE_BUFFER = 2**20  # more would keep old packets, less would lose new ones


class _Server(BlockingOSCUDPServer):
    """python-osc's server, of which each packet comes to us whole and unread."""

    max_packet_size = LARGEST_PACKET

    def __init__(self, place: Place, take: Callable[[bytes, Place], None]) -> None:
        self._take = take
        self._faults = 0
        super().__init__(place, Dispatcher(strict_timing=False))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        except OSError:  # macOS refuses what is above its limit; the default will do
            pass

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._take(request[0], client_address[:2])

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Reached only by a fault of the sink's or ours: its trace once, not at each packet.
        self._faults += 1
        if self._faults == 1:
            logger.exception("A packet could not be handled; more of these are not told.")


class OscServer:
    """Moves a tree by OSC, and tells what changes.

    Besides the tree's addresses there are ``/subscribe [host] port [seconds]``,
    ``/unsubscribe [host] port`` and ``/refresh``; and a message without arguments to a control
    that has a value is answered with it; but ``/panic`` alone is a panic. A pattern without
    arguments only asks. What is refused is counted, and answered on ``/error`` with the address
    and the reason.

    Args:
        tree: what is moved.
        host: to listen at. The default hears this computer only.
        port: of UDP; 0 takes a free one.

    Raises:
        ControlError: the port cannot be had.
    """

    def __init__(self, tree: ControlTree, host: str = "127.0.0.1", port: int = 9000) -> None:
        self.tree = tree
        self.counts: Counter[str] = Counter()
        self.clients = Clients(tree)
        try:
            self._server = _Server((host, port), self._take)
        except OSError as error:
            raise ControlError(
                f"OSC cannot listen at {host} port {port}: {error.strerror or error}. "
                "Is it running twice? Give another port, or 0 for a free one."
            ) from error
        self._schedule: list[tuple[float, int, Message, Place]] = []
        self._errors: deque[bytes] = deque(maxlen=MOST_ERRORS)
        self._order = itertools.count()
        self._relayed = self._answered = self._reported = tree.now()
        self._answers = 0
        self._said: Counter[str] = Counter()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def place(self) -> Place:
        """The host and the port it listens at."""
        found = self._server.socket.getsockname()
        return found[0], found[1]

    @property
    def refused(self) -> int:
        """How many messages could not be taken."""
        return sum(self.counts[reason] for reason in _REASONS)

    def start(self) -> OscServer:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="torchbend-osc", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop, and free the port."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self.clients.close()
        self._server.server_close()

    def __enter__(self) -> OscServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.step(self._wait())
            except Exception:  # noqa: BLE001  a sink's fault must not end the control
                self._server.handle_error(None, self.place)

    def step(self, timeout: float = 0.0) -> None:
        """Take the packets that wait, do what is due, and tell what changed.

        Args:
            timeout: how long to wait for a first packet, in seconds.
        """
        self._server.timeout = timeout
        with_schedule = bool(self._schedule)
        self._server.handle_request()  # the rest of the queue is taken with the first
        now = self.tree.now()
        if with_schedule or self._schedule:
            self._do_due(now)
        if now - self._relayed >= RELAY_SECONDS:
            self._relayed = now
            self._relay(now)
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            self._report()

    def _wait(self) -> float:
        wait = RELAY_SECONDS if len(self.clients) else 0.1
        if self._schedule:
            wait = min(wait, self._schedule[0][0] - self.tree.now())
        return max(wait, 0.0)

    def _take(self, packet: bytes, place: Place) -> None:
        """One packet, and all that came since it was waited for, as one tick."""
        came = [(packet, place)]
        receive = self._server.socket.recvfrom
        try:
            for _ in range(MOST_AT_ONCE - 1):
                packet, sender = receive(LARGEST_PACKET, socket.MSG_DONTWAIT)
                came.append((packet, sender[:2]))
        except OSError:
            pass  # no more
        if len(came) > PRESSURE:
            came = self._latest(came)
        with self.tree.tick():
            for packet, place in came:
                self.receive(packet, place)

    def _latest(self, came: list[tuple[bytes, Place]]) -> list[tuple[bytes, Place]]:
        """Under a flood: without what a later packet of the same kind makes void.

        A trigger, a bundle, or what we do not know, is kept with all that was set before it.
        """
        kept = []
        later: set[bytes] = set()
        controls = self.tree.controls
        for packet, place in reversed(came):
            address, head = start_of(packet)
            control = controls.get(address)
            if control is None or control.acts:
                later.clear()
            elif head in later:
                continue
            elif _would_set(control, packet):
                later.add(head)
            kept.append((packet, place))
        self.counts["superseded"] += len(came) - len(kept)
        self.counts["packets"] += len(came) - len(kept)
        return kept[::-1]

    def receive(self, packet: bytes, place: Place) -> None:
        """Do what one packet says, as if it had come from a place."""
        self.counts["packets"] += 1
        try:
            messages = read(packet)
        except RefusedError as error:
            self._refuse(error, "packet", place)
            return
        now, clock = self.tree.now(), time.time()
        client = self.clients.heard(place, now)
        for message in messages:
            if message.due is not None and message.due > clock:
                self._keep(message, now, message.due - clock, place)
            else:
                self._do(message, client)

    def _do(self, message: Message, client: Client) -> None:
        _, address, arguments = message
        try:
            if address in self.tree.controls:
                self._move(address, arguments, client)
            elif address in _COMMANDS:
                _COMMANDS[address](self, arguments, client)
            else:
                matched = self.tree.match(address)
                for each in matched:
                    if arguments or not self.tree.controls[each].acts:
                        self._move(each, arguments, client)
                if not matched:
                    self.tree.value(address)  # says what there is
        except RefusedError as error:
            self._refuse(error, address, client.place)

    def _move(self, address: str, arguments: tuple[Any, ...], client: Client) -> None:
        control = self.tree.controls[address]
        if not arguments and not control.acts:
            client.changes.mark(address)  # asked for
        else:
            self.tree.set(address, arguments, client.changes)

    def _keep(self, message: Message, now: float, seconds: float, place: Place) -> None:
        if seconds > FARTHEST_SECONDS or len(self._schedule) >= MOST_SCHEDULED:
            self._refuse(
                RefusedError(
                    "time",
                    f"at most {MOST_SCHEDULED} messages are kept, for at most "
                    f"{FARTHEST_SECONDS:g} s; this one is meant in {seconds:.1f} s",
                ),
                message.address,
                place,
            )
            return
        heapq.heappush(self._schedule, (now + seconds, next(self._order), message, place))

    def _do_due(self, now: float) -> None:
        with self.tree.tick():
            while self._schedule and self._schedule[0][0] <= now:
                _, _, message, place = heapq.heappop(self._schedule)
                self._do(message, self.clients.heard(place, now))

    def tell_error(self, address: str, why: str) -> None:
        """Tell everyone who listens, on ``/error``, that something went wrong. From any thread."""
        self._errors.append(encode("/error", (address[:200], why[:400])))

    def _relay(self, now: float) -> None:
        self.clients.expire(now)
        while self._errors:
            packet = self._errors.popleft()
            for client in self.clients.all():
                self._send(packet, client.place)
        for client in self.clients.all():
            for address, values in client.changes.take(now):
                self.counts["told"] += 1
                self._send(encode(address, values), client.place)

    def _refuse(self, error: RefusedError, address: str, place: Place) -> None:
        self.counts[error.reason] += 1
        now = self.tree.now()
        if now - self._answered >= 1:
            self._answered, self._answers = now, 0
        self._answers += 1
        if self._answers <= ERRORS_A_SECOND:
            self._send(encode("/error", (address[:200], str(error)[:400])), place)

    def _send(self, packet: bytes, place: Place) -> None:
        try:
            self._server.socket.sendto(packet, place)
        except OSError:
            self.counts["unsent"] += 1

    def _report(self) -> None:
        """One line for all that was refused, however much it was."""
        refused = Counter({reason: self.counts[reason] for reason in _REASONS}) - self._said
        if refused:
            self._said += refused
            said = ", ".join(f"{number} for {reason}" for reason, number in refused.items())
            logger.warning("OSC refused since the last report: %s", said)

    def _subscribe(self, arguments: tuple[Any, ...], client: Client) -> None:
        place, rest = _place(arguments, client)
        seconds = float(rest[0]) if rest and isinstance(rest[0], (int, float)) else None
        self.clients.subscribe(place, self.tree.now(), seconds)

    def _unsubscribe(self, arguments: tuple[Any, ...], client: Client) -> None:
        self.clients.leave(_place(arguments, client)[0])

    def _refresh(self, _: tuple[Any, ...], client: Client) -> None:
        self.tree.refresh(client.changes)


def _would_set(control: Control, packet: bytes) -> bool:
    try:
        ((_, _, arguments),) = read(packet)
        control.accept(arguments)
    except RefusedError:
        return False
    return True


_REASONS = ("unknown", "type", "count", "number", "access", "packet", "time")
_COMMANDS: dict[str, Callable[[OscServer, tuple[Any, ...], Client], None]] = {
    "/subscribe": OscServer._subscribe,
    "/unsubscribe": OscServer._unsubscribe,
    "/refresh": OscServer._refresh,
}


def _place(arguments: tuple[Any, ...], client: Client) -> tuple[Place, tuple[Any, ...]]:
    """A place that a message names: a host and a port, a port at the sender, or the sender."""
    host, port = client.place
    if arguments and isinstance(arguments[0], str):
        host, arguments = arguments[0], arguments[1:]
        if not arguments:
            raise RefusedError("count", "a host comes with a port")
    if arguments:
        if not isinstance(arguments[0], (int, float)) or arguments[0] != arguments[0] // 1:
            raise RefusedError("type", "a port is a whole number")
        port, arguments = int(arguments[0]), arguments[1:]
    return (host, port), arguments


def encode(address: str, values: Values, *, booleans: bool = False) -> bytes:
    """A message's bytes.

    Args:
        address: of OSC.
        values: its arguments.
        booleans: as OSC's true and false; otherwise as 1 and 0, which every surface knows.
    """
    plain = [int(v) if isinstance(v, bool) and not booleans else v for v in values]
    return build_msg(address, plain).dgram
