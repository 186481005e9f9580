"""Who is told: few, for a time, and only where a numeric address is."""

from __future__ import annotations

import math

import pytest
from control_support import make_tree

from torchbend.realtime.control import RefusedError
from torchbend.realtime.control.clients import (
    MOST_SENDERS,
    MOST_SUBSCRIBERS,
    SENDER_SECONDS,
    SUBSCRIBER_SECONDS,
    Clients,
)


def test_the_last_senders_are_kept_and_older_ones_go() -> None:
    clients = Clients(make_tree()[0])
    for port in range(1, 1000):
        clients.heard(("127.0.0.1", port), 0.0)
    assert [c.place[1] for c in clients.all()] == list(range(1000 - MOST_SENDERS, 1000))
    clients.heard(("127.0.0.1", 1000 - MOST_SENDERS), 0.0)  # spoke again
    clients.heard(("127.0.0.1", 1000), 0.0)
    assert clients.all()[-2].place[1] == 1000 - MOST_SENDERS


def test_who_is_silent_is_forgotten_and_no_longer_watched() -> None:
    tree, _ = make_tree()
    clients = Clients(tree)
    client = clients.heard(("127.0.0.1", 5), 0.0)
    clients.subscribe(("127.0.0.1", 6), 0.0, 10.0)
    clients.subscribe(("127.0.0.1", 7), 0.0)
    clients.expire(SENDER_SECONDS - 0.1)
    assert [c.place[1] for c in clients.all()] == [7, 5]
    clients.expire(SENDER_SECONDS)
    assert [c.place[1] for c in clients.all()] == [7]
    clients.expire(SUBSCRIBER_SECONDS)
    assert len(clients) == 0
    tree.set("/bend/drive", (1.0,))
    assert len(client.changes) == 0


def test_a_sender_that_subscribes_is_there_once() -> None:
    clients = Clients(make_tree()[0])
    clients.heard(("127.0.0.1", 5), 0.0)
    clients.subscribe(("localhost", 5), 0.0)
    assert clients.heard(("127.0.0.1", 5), 0.0) is clients.all()[0]
    assert len(clients) == 1


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -5.0, 1e300])
def test_no_subscription_is_for_ever(seconds: float) -> None:
    clients = Clients(make_tree()[0])
    clients.subscribe(("127.0.0.1", 5), 0.0, seconds)
    clients.expire(25 * SUBSCRIBER_SECONDS)
    assert len(clients) == 0


def test_there_are_never_too_many_subscribers() -> None:
    clients = Clients(make_tree()[0])
    for port in range(1, 200):
        clients.subscribe(("127.0.0.1", port), 0.0)
    assert len(clients) == MOST_SUBSCRIBERS


@pytest.mark.parametrize(
    "place",
    [("example.org", 9000), ("", 9), ("224.0.0.1", 9), ("0.0.0.0", 9), ("127.0.0.1", 0)],
)
def test_nobody_is_looked_up_and_no_group_is_told(place: tuple[str, int]) -> None:
    clients = Clients(make_tree()[0])
    with pytest.raises(RefusedError):
        clients.subscribe(place, 0.0)
    assert len(clients) == 0
