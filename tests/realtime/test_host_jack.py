"""The live host at a real sound server: wired, measured, killed, flooded."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from audio_support import noise
from host_support import SOUND, is_heard, plain_file, playing, until
from jack_support import DEVICE_BLOCK, Jack, jack
from small_file import INFO, small_file
from torch import nn

from torchbend.realtime import Device
from torchbend.realtime.audio import AudioMemory, AudioProcess, Feed, Recorder, Strip

__all__ = ["jack"]  # a fixture
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="jackd's dummy driver is Linux's"),
]
LATE = 40  # frames of the model's own delay
DELAY = f"""
def forward(self, x: Tensor) -> Tensor:
    n = x.size(0)
    joined = torch.cat([self.cache[:n], x], -1)
    self.cache[:n].copy_(joined[:, :, -{LATE}:])
    return (joined[:, :, :-{LATE}] + 0.5 * joined[:, :, 1:{1 - LATE}]) * self.gain
"""


class Bench:
    """A player before the host and a recorder behind it, both programs of the server."""

    def __init__(self, player: AudioMemory, recorder: AudioMemory) -> None:
        self.player, self.recorder = player, recorder

    def through(self, sound):
        """Play a sound; gives what came to the host, and what left it, at the same time."""
        feed, recorder = Feed(self.player), Recorder(self.recorder, "captured")
        first = feed.start(lead=4800)
        feed.write(sound)
        until(lambda: self.player.position > first + len(sound) + 24000)
        came, left = recorder.read().T
        assert recorder.lost == 0 and came.any()
        begin = int(np.flatnonzero(came)[0])
        return came[begin:], left[begin:]


@contextmanager
def bench(jack: Jack):
    """Wire a player to the host that runs, and both to a recorder."""
    device = Device(block=DEVICE_BLOCK)
    (host_in,) = jack.ports("in")
    host_out = jack.ports("out")[0]
    with AudioMemory.create(48000, inputs=1, outputs=1) as player:
        Strip(player).set(source="feed", dc_block=False, mix=0)
        with AudioProcess(player, Device(block=DEVICE_BLOCK, input="none")):
            (player_out,) = set(jack.ports("out")) - set(known := jack_names(jack, host_out))
            assert known
            with AudioMemory.create(48000, inputs=2, outputs=1) as recorder:
                Strip(recorder).set(output_gain=0)
                with AudioProcess(recorder, device):
                    first, second = [p for p in jack.ports("in") if p != host_in]
                    wires = [(player_out, host_in), (player_out, first), (host_out, second)]
                    for out, into in wires:
                        jack.run("jack_connect", out, into)
                    yield Bench(player, recorder)


def jack_names(jack: Jack, port: str) -> list[str]:
    """The output ports of the program that has this one."""
    program = port.partition(":")[0]
    return [p for p in jack.ports("out") if p.startswith(program + ":")]


def delay_of(came, left) -> int:
    """Where the greatest sample of a lone impulse came out, after where it went in."""
    return int(np.abs(left).argmax()) - int(np.abs(came).argmax())


# Of a server that waits for its programs: one that drops blocks would be no measure.
@pytest.mark.parametrize("jack", [{"sync": True}], indirect=True)
def test_what_leaves_is_what_the_file_gives_as_late_as_reported(jack, tmp_path):
    held = {"cache": nn.Buffer(torch.zeros(64, 1, LATE))}
    model = small_file(tmp_path / "small.ts", {"forward": DELAY}, held, ours=INFO)
    settings = {"device": Device(block=DEVICE_BLOCK), "input": "mic", "model_block": 2048}
    impulse, sound = np.zeros((8, 1), np.float32), noise(8000, 1)
    impulse[0] = 0.5
    with playing(model, tmp_path, **settings) as session, bench(jack) as wired:
        report = session.host.latency()
        assert session.status.host_api == "JACK Audio Connection Kit"
        # What the server adds on the way through a program shows without the model. An impulse is
        # answered by half of it, and a frame later by all of it: that one counts.
        delays = []
        for _ in range(5):
            for mix, delay in ((0, 0), (1, report.ring + LATE)):
                session.host.strip.set(mix=mix, delay=delay)
                time.sleep(0.1)
                delays.append(delay_of(*wired.through(impulse)))
        took = int(np.median(np.diff(delays)[::2]))
        print(f"reported {report.ring} + {report.model}, measured {took}")  # noqa: T201
        assert abs(took - report.ring - report.model) <= 1
        # The sound itself, sample by sample; it is moved by whole blocks where the server orders
        # its programs anew, and played again where it was interrupted all the same.
        for _ in range(20):
            came, left = wired.through(sound)
            expected = came[: len(sound) - 1] + 0.5 * came[1 : len(sound)]
            lags = range(took, took + 4 * DEVICE_BLOCK, DEVICE_BLOCK)
            same = [np.array_equal(left[n : n + len(expected)], expected) for n in lags]
            if any(same) and np.array_equal(came[: len(sound)], sound[:, 0]):
                break
        else:
            raise AssertionError("it was never the same")


@pytest.mark.parametrize("jack", [{"rate": 44100}], indirect=True)
def test_a_model_at_48000_in_a_server_at_44100(jack, tmp_path):
    at = np.arange(44100)[:, None] / 44100
    tones = 0.2 * sum(np.sin(2 * np.pi * f * at + f) for f in (110, 1000, 9000))
    settings = {"device": Device(block=DEVICE_BLOCK), "input": tones.astype(np.float32)}
    with playing(plain_file(tmp_path / "plain.ts", 1.5), tmp_path, **settings) as session:
        assert session.said("44100") and session.said("resampled")
        came, heard = session.next(12000)
        status = session.status
    assert (status.sample_rate, status.latency.resampler > 0) == (44100, True)
    np.testing.assert_allclose(heard[:, 0], 1.5 * came[:, 0], atol=2e-3)


def test_the_server_is_killed_and_started_again(jack, tmp_path):
    settings = {"device": Device(block=DEVICE_BLOCK), "input": SOUND}
    with playing(plain_file(tmp_path / "plain.ts", 1.0), tmp_path, **settings) as session:
        until(is_heard(session, 1.0))
        worker = session.host.parts[0].worker.pid
        jack.kill()
        until(lambda: session.status.audio == "reopening")
        memory, position = session.host.memory, session.host.memory.position
        session.host.set("gain", 0.5)  # moved while there is no sound
        jack.start()
        began = time.monotonic()
        until(lambda: memory.position > position + DEVICE_BLOCK)
        took = time.monotonic() - began
        until(is_heard(session, 0.5))
        print(f"sound again {took:.2f} s after the server was back")  # noqa: T201
        assert took < 10
        assert session.host.parts[0].worker.pid == worker
        assert session.status.models[0].state == "playing"
        assert any("gone" in line for line in session.lines)
        jack.kill()
        until(lambda: session.status.audio == "reopening")
        # And it ends while there is no server.
    jack.start()  # which takes its files along when it ends in order


FLOOD = """
import os, random, socket, sys, time
place = ("127.0.0.1", int(sys.argv[1]))
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
random.seed(1)
def message(address, number):
    import struct
    padded = address + b"\\0" * (4 - len(address) % 4)
    return padded + b",f\\0\\0" + struct.pack(">f", number)
packets = [message(b"/bend/gain", 0.5 + random.random()) for _ in range(50)]
packets += [message(b"/nothing/%d" % n, n) for n in range(20)]
packets += [message(b"/bend/gain", float("nan")), message(b"/latent/0", float("inf"))]
packets += [os.urandom(random.randrange(1, 200)) for _ in range(20)]
packets += [b"#bundle\\0" * 40, os.urandom(60000), b"", packets[0][:-3]]
sent, end = 0, time.monotonic() + 5
while time.monotonic() < end:
    for _ in range(500):
        out.sendto(packets[sent % len(packets)], place)
        sent += 1
    ahead = sent / 50000 - (time.monotonic() - end + 5)
    time.sleep(max(0, ahead))
print(sent)
"""


def test_a_flood_of_garbage_is_not_heard(jack, tmp_path, caplog):
    settings = {"device": Device(block=DEVICE_BLOCK), "input": SOUND, "osc_port": 0}
    with playing(plain_file(tmp_path / "plain.ts", 1.0), tmp_path, **settings) as session:
        host = session.host
        until(is_heard(session, 1.0))
        before, caught_up = host.memory.position, session.status.underruns
        command = [sys.executable, "-c", FLOOD, str(host.surface.osc.place[1])]
        began = time.monotonic()
        flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        quietest = []
        while flood.poll() is None:
            quietest.append(float(np.abs(session.heard_now(4096)).max()))
        took = time.monotonic() - began
        sent = int(flood.communicate()[0])
        # When what is left of it has been read, it is heard and moved as ever.
        counts = host.surface.osc.counts
        until(lambda: counts["packets"] == (time.sleep(0.5), counts["packets"])[1], 60)
        host.set("gain", 0.25)
        until(is_heard(session, 0.25))
        status = session.status
        played = host.memory.position - before
    print(f"{sent} packets, {status.underruns - caught_up} underruns")  # noqa: T201
    assert sent > 20000 and flood.returncode == 0
    assert min(quietest) > 0.05, "the sound stopped"
    assert played > 0.8 * took * 48000
    assert status.dropped_messages > 100
    # There is plenty of latency for this worker, so that nothing may be missing.
    assert status.underruns == caught_up and status.bad_outputs == 0
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
