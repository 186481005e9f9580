"""Errands: in order, the latest of a kind, and errors that reach who asked."""

from __future__ import annotations

import threading

import pytest

from torchbend.realtime.errands import Errands


def test_one_after_the_other_and_a_flood_is_one():
    errands, done, go = Errands(), [], threading.Event()
    errands.run(go.wait)
    for n in range(10_000):
        errands.latest("load", lambda n=n: done.append(n))
    errands.latest("rec", lambda: done.append("rec"))
    last = errands.run(lambda: done.append("last"))
    go.set()
    last.result(5)
    errands.close()
    assert done == [9_999, "rec", "last"]


def test_an_error_reaches_who_asked_and_nobody_else():
    errands = Errands()
    errands.latest("load", lambda: 1 / 0)
    failed = errands.run(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert errands.run(lambda: "goes on").result(5) == "goes on"
    errands.close()


def test_closing_forgets_what_waits():
    errands, go, done = Errands(), threading.Event(), []
    under_way = errands.run(go.wait)
    errands.latest("load", lambda: done.append(1))
    closing = threading.Thread(target=errands.close)
    closing.start()
    go.set()
    closing.join(5)
    assert under_way.result(0) and not closing.is_alive()
