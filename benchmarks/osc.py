"""What the OSC server takes, and how long a message needs to the audio side.

Beside nothing, and beside a thread that keeps Python busy. Run: python benchmarks/osc.py
"""

from __future__ import annotations

import multiprocessing
import socket
import statistics
import threading
import time

from tabulate import tabulate

from torchbend.realtime.control import Control, ControlTree, Values
from torchbend.realtime.control.osc import OscServer, encode

SECONDS = 3
CONTROLS = 64
RATES = (2_000, 20_000, 50_000)


def send(place: tuple[str, int], rate: int, sent: object) -> None:
    """Send so many messages a second; the last of each hundred tells when it was sent."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets = [encode(f"/bend/p{n % CONTROLS}", (n / 1000,)) for n in range(1000)]
    start = time.monotonic()
    total = rate * SECONDS
    for n in range(total):
        line.sendto(packets[n % 1000], place)
        if n % 100 == 99:
            line.sendto(encode("/clock", (str(time.monotonic()),)), place)
            wait = start + n / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
    sent.put((total * 1.01, time.monotonic() - start))  # type: ignore[attr-defined]


def measure(rate: int, busy: bool) -> tuple[object, ...]:
    """One row of the table."""
    delays: list[float] = []

    def sink(address: str, values: Values, _: int) -> None:
        if address == "/clock":
            delays.append(1000 * (time.monotonic() - float(values[0])))

    controls = [Control(f"/bend/p{n}", "float", (0.0,), low=0.0, high=1.0) for n in range(CONTROLS)]
    tree = ControlTree([*controls, Control("/clock", "text", ("",))], sink=sink)
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    if busy:
        threading.Thread(target=spin, daemon=True).start()
    context = multiprocessing.get_context("spawn")
    sent = context.Queue()
    with OscServer(tree, port=0) as server:
        sender = context.Process(target=send, args=(server.place, rate, sent))
        sender.start()
        total, seconds = sent.get()
        sender.join()
        time.sleep(0.3)
        taken = server.counts["packets"]
    stop.set()
    return (
        f"{total / seconds:,.0f}",
        "busy" if busy else "idle",
        f"{100 * min(taken / total, 1):.1f} %",
        f"{statistics.median(delays):.2f}",
        f"{statistics.quantiles(delays, n=100)[98]:.2f}",
    )


if __name__ == "__main__":
    rows = [measure(rate, busy) for busy in (False, True) for rate in RATES]
    headers = ["messages/s", "beside", "taken", "median ms", "p99 ms"]
    print(tabulate(rows, headers, disable_numparse=True))
