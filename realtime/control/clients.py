"""Who is told what changes: those who subscribed, and those who spoke last."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeAlias

from torchbend.realtime.control.errors import RefusedError
from torchbend.realtime.control.tree import Changes, ControlTree

__all__ = ["Client", "Clients", "Place"]

Place: TypeAlias = tuple[str, int]

MOST_SENDERS = 16
MOST_SUBSCRIBERS = 32
SENDER_SECONDS = 60.0
SUBSCRIBER_SECONDS = 3600.0


@dataclass
class Client:
    """One listener.

    Attributes:
        place: its numeric host and its port.
        changes: what it has not been told yet.
        expires: in monotonic seconds.
    """

    place: Place
    changes: Changes = field(repr=False)
    expires: float


class Clients:
    """The listeners of one OSC server, of which there are never too many.

    Args:
        tree: what they listen to.
    """

    def __init__(self, tree: ControlTree) -> None:
        self._tree = tree
        self._senders: OrderedDict[Place, Client] = OrderedDict()
        self._subscribers: OrderedDict[Place, Client] = OrderedDict()

    def heard(self, place: Place, now: float) -> Client:
        """The client at a place that just sent something; it is told changes for a minute."""
        client = self._subscribers.get(place)
        if client is not None:
            return client
        client = self._senders.get(place)
        if client is None:
            client = self._new(self._senders, place, MOST_SENDERS)
        client.expires = now + SENDER_SECONDS
        self._senders.move_to_end(place)
        return client

    def subscribe(self, place: Place, now: float, seconds: float | None = None) -> Client:
        """Tell a place all changes, for an hour if not told otherwise; and first everything.

        Raises:
            RefusedError: the host is no numeric address, or the port no port.
        """
        place = _checked(place)
        self.leave(place)
        client = self._new(self._subscribers, place, MOST_SUBSCRIBERS)
        wanted = SUBSCRIBER_SECONDS
        if seconds is not None and math.isfinite(seconds):
            wanted = min(max(seconds, 0.0), SUBSCRIBER_SECONDS * 24)
        client.expires = now + wanted
        self._tree.refresh(client.changes)
        return client

    def leave(self, place: Place) -> None:
        """Tell a place nothing any more."""
        for group in (self._senders, self._subscribers):
            client = group.pop(place, None)
            if client is not None:
                self._tree.unwatch(client.changes)

    def expire(self, now: float) -> None:
        """Drop those whose time is over."""
        for client in self.all():
            if client.expires <= now:
                self.leave(client.place)

    def all(self) -> list[Client]:
        """Every client once."""
        return [*self._subscribers.values(), *self._senders.values()]

    def close(self) -> None:
        """Drop all."""
        for client in self.all():
            self.leave(client.place)

    def __len__(self) -> int:
        return len(self._senders) + len(self._subscribers)

    def _new(self, group: OrderedDict[Place, Client], place: Place, most: int) -> Client:
        if len(group) >= most:
            _, oldest = group.popitem(last=False)
            self._tree.unwatch(oldest.changes)
        client = group[place] = Client(place, self._tree.watch(), 0.0)
        return client


def _checked(place: Place) -> Place:
    host, port = place
    host = "127.0.0.1" if host == "localhost" else host
    try:
        # A name would be looked up in the network, and the server would wait for it.
        address = ipaddress.ip_address(host)
    except ValueError:
        raise RefusedError("type", f"a subscriber's host is numeric, not {host[:40]!r}") from None
    if address.is_multicast or address.is_unspecified or not 1 <= port <= 65535:
        raise RefusedError("type", f"nobody can be told at {host} port {port}")
    return str(address), port
