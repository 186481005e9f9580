"""Child processes: what they are told arrives in order, and one that hangs holds nobody up."""

from __future__ import annotations

import sys
import threading

from torchbend.realtime.offspring import Offspring

ECHO = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"event": "heard", "n": json.loads(line)["n"]}), flush=True)
print(json.dumps({"event": "ended"}), flush=True)
"""
DEAF = 'import time; print(\'{"event": "up"}\', flush=True); time.sleep(600)'


def test_what_is_sent_arrives_in_order_and_all_of_it_before_the_end():
    child = Offspring([sys.executable, "-c", ECHO], "echo")
    for n in range(500):
        child.send(n=n)
    child.stop(10.0)
    told = child.take()
    assert [event["n"] for event in told[:-1]] == list(range(500))
    assert told[-1] == {"event": "ended"} and not child.is_alive


def test_a_child_that_does_not_listen_holds_nobody_up():
    child = Offspring([sys.executable, "-c", DEAF], "deaf")
    assert child.first(20.0, "up") == {"event": "up"}
    threads = threading.active_count()

    def flood() -> None:
        for _ in range(3000):
            child.send(text="x" * 1000)  # far more than a pipe holds
        child.stop(0.1)

    flooding = threading.Thread(target=flood, daemon=True)
    flooding.start()
    flooding.join(20.0)
    assert not flooding.is_alive() and not child.is_alive
    assert threading.active_count() < threads
    child.send(text="to nobody")
