"""What benchmarks/live.py compares, each in a process of its own; the result is a line of JSON.

    empty   a C callback that does nothing: what the machine and the server allow
    naive   the model inside a Python callback, OSC in a thread beside it
    ours    torchbend's host

Hostile means a loop that keeps Python busy in the process that takes OSC, and 2000 messages a
second, from another process, that move knobs.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchbend.contents import read_info
from torchbend.realtime.audio import AudioMemory, Device, Strip
from torchbend.realtime.audio.light import light_command
from torchbend.realtime.control.controls import Control, Values
from torchbend.realtime.control.osc import OscServer, encode
from torchbend.realtime.control.tree import ControlTree
from torchbend.voice import loop

MESSAGES_A_SECOND = 2000
SETTLE_SECONDS = 5.0  # before anything counts
COLLECT_SECONDS = 5.0  # between two looks at the turns: the memory holds 1024 of them

Knobs = Sequence[tuple[str, float, float]]  # address, low, high

_EMPTY = """
import sys, sounddevice
from torchbend.realtime.audio import AudioMemory
from torchbend.realtime.audio.layout import ffi, native
memory = AudioMemory.attach(sys.argv[1])
memory.set_device(0, 2)
address = lambda pointer: int(ffi().cast("uintptr_t", pointer))
stream = sounddevice._StreamBase(
    kind="output", samplerate=memory.sample_rate, blocksize=int(sys.argv[2]), channels=2,
    dtype="float32", latency="low", device=None, wrap_callback=None,
    callback=sounddevice._ffi.cast(
        "PaStreamCallback *", address(ffi().addressof(native(), "tb_empty_callback"))
    ),
    userdata=sounddevice._ffi.cast("void *", address(memory.header)),
)
stream.start()
print(stream.latency, flush=True)
sys.stdin.read()
"""


def empty(options: dict[str, Any]) -> dict[str, Any]:
    """The callback that does nothing, beside the same load."""
    knobs = [(f"/bend/{n}", 0.0, 1.0) for n in range(8)]
    with AudioMemory.create(options["rate"], inputs=0) as memory:
        command = light_command(_EMPTY, memory.path, str(options["block"]))
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            told = child.stdout.readline() if child.stdout else ""
            strip = Strip(memory)
            with served(knobs, lambda *_: None) as server, hostile(options, server.place[1], knobs):
                time.sleep(SETTLE_SECONDS)
                before = strip.counters()
                started = sizes({"control": os.getpid(), "I/O": child.pid})
                time.sleep(options["seconds"])
                after = strip.counters()
                ended = sizes({"control": os.getpid(), "I/O": child.pid})
        finally:
            child.kill()
            child.communicate()
    return {
        "xruns": after.xruns - before.xruns,
        "underruns": None,
        "blocks": after.blocks - before.blocks,
        "turns_ns": [],
        "latency_ms": 1000 * float(told),
        "sizes": [started, ended],
        "notes": [],
    }


def naive(options: dict[str, Any]) -> dict[str, Any]:
    """The model in the callback."""
    import sounddevice

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    model = torch.jit.load(options["model"]).eval()  # type: ignore[no-untyped-call]
    info = read_info(options["model"])
    block, rate = options["model_block"], options["rate"]
    sound = loop()[0].numpy()
    turns: list[int] = []
    state = {"xruns": 0, "blocks": 0, "at": 0}
    given = np.zeros(0, np.float32)
    # What is heard before the first answer: the latency of a callback that computes at once.
    made = np.zeros(block - int(np.gcd(block, options["block"])), np.float32)

    def play(out: Any, frames: int, _: Any, status: Any) -> None:
        nonlocal given, made
        state["blocks"] += 1
        state["xruns"] += bool(status)
        at = (state["at"] + np.arange(frames)) % len(sound)
        state["at"] += frames
        given = np.concatenate([given, sound[at]])
        while len(given) >= block:
            began = time.monotonic_ns()
            with torch.inference_mode():
                answer = model.forward(torch.from_numpy(given[:block])[None, None])
            turns.append(time.monotonic_ns() - began)
            given, made = given[block:], np.concatenate([made, answer[0, 0].numpy()])
        out[:] = made[:frames, None]
        made = made[frames:]

    def move(address: str, values: Values, _: int) -> None:
        getattr(model, f"set_{address.rpartition('/')[2]}")(float(values[0]))

    for _ in range(5):
        model.forward(torch.zeros(1, 1, block))
    knobs = knobs_of(info)
    stream = sounddevice.OutputStream(
        samplerate=rate, blocksize=options["block"], channels=2, latency="low", callback=play
    )
    with served(knobs, move) as server, stream, hostile(options, server.place[1], knobs):
        latency = stream.latency + (block - np.gcd(block, options["block"])) / rate
        time.sleep(SETTLE_SECONDS)
        before, first = dict(state), len(turns)
        started = sizes({"control": os.getpid()})
        time.sleep(options["seconds"])
        after, last = dict(state), len(turns)
        ended = sizes({"control": os.getpid()})
    return {
        "xruns": after["xruns"] - before["xruns"],
        "underruns": None,
        "blocks": after["blocks"] - before["blocks"],
        "turns_ns": turns[first:last],
        "latency_ms": 1000 * float(latency),
        "sizes": [started, ended],
        "notes": [],
    }


def ours(options: dict[str, Any]) -> dict[str, Any]:
    """Torchbend's host: three processes."""
    from torchbend.realtime.host import Host

    said: list[str] = []
    knobs = knobs_of(read_info(options["model"]))
    with (
        tempfile.TemporaryDirectory() as presets,
        Host(
            options["model"],
            method="forward",
            input="loop",
            device=Device(block=options["block"]),
            model_block=options["model_block"],
            osc_port=0,
            query_port=None,
            presets=presets,
            say=said.append,
        ) as host,
    ):
        server = host.surface.osc
        with hostile(options, server.place[1], knobs) as sent:
            time.sleep(SETTLE_SECONDS)
            part = host.status().models[0]
            slot = host.memory.header.slot[0]
            strip, seen = host.strip, int(slot.turns)
            before, gaps = strip.counters(), strip.slot_counters(0).gaps
            started = sizes(pids(host.audio.pid))
            turns: list[int] = []
            end = time.monotonic() + options["seconds"]
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(left, COLLECT_SECONDS))
                done = int(slot.turns)
                turns += strip.turns(0)[-(done - seen) :] if done > seen else []
                seen = done
            after = strip.counters()
            gaps = strip.slot_counters(0).gaps - gaps
            ended = sizes(pids(host.audio.pid))
            latency = host.latency()
        time.sleep(0.2)
        taken = server.counts["packets"]
    return {
        "xruns": after.xruns - before.xruns,
        "underruns": after.underruns - before.underruns,
        "blocks": after.blocks - before.blocks,
        "turns_ns": turns,
        "latency_ms": latency.total_ms,
        "sizes": [started, ended],
        "notes": [
            f"block {part.block}, ring {latency.ring} frames, knobs by {part.knobs}, "
            f"{gaps} gaps, {taken} of {sum(sent)} messages taken, callback's longest "
            f"{after.busy_ns_most / 1e6:.2f} ms",
            *said,
        ],
    }


# -- what goes on beside -------------------------------------------------------------------------
@contextmanager
def hostile(options: dict[str, Any], port: int, knobs: Knobs) -> Iterator[list[int]]:
    """A busy loop here, and messages from elsewhere; nothing of it if not asked for.

    What it gives holds, in the end, how many messages were sent.
    """
    sent: list[int] = []
    if not options["hostile"]:
        yield sent
        return
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    threading.Thread(target=spin, daemon=True).start()
    command = [sys.executable, "-c", _FLOOD, str(port), json.dumps(list(knobs))]
    sender = subprocess.Popen(
        command, cwd=Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if sender.stdout:
        sender.stdout.readline()  # it has begun
    try:
        yield sent
    finally:
        stop.set()
        sent += [int(word) for word in sender.communicate()[0].split()]


_FLOOD = (
    "import sys, live_rows; live_rows.flood(int(sys.argv[1]), live_rows.json.loads(sys.argv[2]))"
)


def flood(port: int, knobs: Knobs) -> None:
    """Send messages evenly, over each knob's whole range, until standard input ends."""
    print("begun", flush=True)
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rng, start, sent = random.Random(0), time.monotonic(), 0
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        while sent < (time.monotonic() - start) * MESSAGES_A_SECOND:
            address, low, high = rng.choice(knobs)
            line.sendto(encode(address, (rng.uniform(low, high),)), ("127.0.0.1", port))
            sent += 1
    print(sent)


@contextmanager
def served(knobs: Knobs, sink: Callable[[str, Values, int], object]) -> Iterator[OscServer]:
    """An OSC server that moves knobs."""
    controls = [Control(name, "float", (low,), low=low, high=high) for name, low, high in knobs]
    with OscServer(ControlTree(controls, sink=sink), port=0) as server:  # type: ignore[arg-type]
        yield server


def knobs_of(info: Any) -> Knobs:
    """The knobs of a file that are numbers with a range."""
    return [
        (f"/bend/{a.name}", float(a.low), float(a.high))
        for a in (info.attributes if info else ())
        if a.kind == "float" and a.low is not None and a.high is not None and len(a.default) == 1
    ]


def pids(audio: int | None) -> dict[str, int]:
    """The processes of a host, by what they are: the I/O process is known, workers are not."""
    found = {"control": os.getpid(), "I/O": audio or 0}
    others = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = sorted(int(pid) for path in others for pid in path.read_text().split())
    workers = [pid for pid in children if "worker.child" in told_of(pid, "cmdline")]
    return {**found, **{f"worker {n + 1}": pid for n, pid in enumerate(workers)}}


def sizes(processes: dict[str, int]) -> dict[str, float]:
    """Resident memory of each process, in MB."""
    found = {}
    for name, pid in processes.items():
        lines = told_of(pid, "status").splitlines()
        found[name] = next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmRSS")), 0.0)
    return found


def told_of(pid: int, what: str) -> str:
    """What the system tells of a process."""
    try:
        return Path(f"/proc/{pid}/{what}").read_text(errors="replace")
    except OSError:
        return ""


def main() -> None:
    """Run one row."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    row = {"empty": empty, "naive": naive, "ours": ours}[sys.argv[1]]
    out.write(json.dumps(row(json.loads(sys.argv[2]))) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
