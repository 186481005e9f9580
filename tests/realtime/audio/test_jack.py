"""A real sound server: the device is opened, played, lost and found again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
from audio_support import noise
from jack_support import DEVICE_BLOCK, Jack, jack, until

from torchbend.errors import LiveError
from torchbend.realtime.audio import (
    AudioKeeper,
    AudioMemory,
    AudioProcess,
    Device,
    Feed,
    Recorder,
    Slot,
    Strip,
    latency_frames,
    list_devices,
)
from torchbend.realtime.audio.light import light_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="jackd's dummy driver is Linux's"),
]
BLOCK = 2048

__all__ = ["jack"]  # a fixture


WORKER = """
import sys
from torchbend.realtime.audio import AudioMemory, Slot
slot = Slot(AudioMemory.attach(sys.argv[1]), 0)
slot.attach(block=int(sys.argv[2]), latency=int(sys.argv[3]))
print("attached", flush=True)
while True:
    if slot.wait(0.1):
        slot.write(slot.read())
"""


def test_a_file_is_heard_after_the_reported_latency(jack: Jack, native: bool) -> None:
    """Through a trivial worker, and out and in again through the server's own wires."""
    with AudioMemory.create(48000) as memory:
        strip = Strip(memory)
        strip.set(source="feed", dc_block=False)
        # Plenty of time for the worker: this is about frames, not about speed.
        latency = latency_frames(BLOCK, DEVICE_BLOCK, 60)
        device = Device(block=DEVICE_BLOCK)
        with AudioProcess(memory, device, use_native=native) as process:
            assert process.playing is not None
            assert process.playing.host_api == "JACK Audio Connection Kit"
            assert process.playing.native == native
            command = light_command(WORKER, memory.path, str(BLOCK), str(latency))
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            try:
                assert worker.stdout is not None and worker.stdout.readline() == "attached\n"
                slot = memory.header.slot[0]
                assert slot.latency == latency
                assert until(lambda: memory.position > slot.valid_from + 4800)
                strip.fade({0: 1}, seconds=0)
                sound = noise(40000)
                begin = Feed(memory)
                first = begin.start(lead=9600)
                assert begin.write(sound) == len(sound)
                heard = Recorder(memory, start=first + latency)
                until(lambda: memory.position > first + latency + len(sound))
                recorded = heard.read(most=len(sound))
            finally:
                worker.kill()
                worker.communicate()
        assert heard.lost == 0
        assert strip.counters().underruns == 0
        np.testing.assert_array_equal(recorded, sound)


def test_what_is_heard_leaves_through_the_server(jack: Jack) -> None:
    """A second host is wired to the outputs of the first, and records what comes."""
    device, sound = Device(block=DEVICE_BLOCK), noise(24000)
    with AudioMemory.create(48000) as memory, AudioMemory.create(48000) as other:
        strips = Strip(memory), Strip(other)
        strips[0].set(source="feed", dc_block=False, mix=0)
        strips[1].set(output_gain=0)
        with AudioProcess(memory, device):
            outs = jack.ports("out")
            with AudioProcess(other, device):
                ins = sorted(set(jack.ports("in")) - {o.replace("out", "in") for o in outs})
                assert len(outs) == len(ins) == 2
                for out, into in zip(outs, ins, strict=True):
                    jack.run("jack_connect", out, into)
                # A busy machine makes the server drop blocks between the two; it tells when.
                for _ in range(10):
                    xruns = [strip.counters().xruns for strip in strips]
                    feed, recorder = Feed(memory), Recorder(other, "captured")
                    first = feed.start(lead=9600)
                    feed.write(sound)
                    assert until(lambda: memory.position > first + 30000)  # noqa: B023
                    came = recorder.read()
                    if xruns == [strip.counters().xruns for strip in strips]:
                        break
    assert recorder.lost == 0
    begin = int(np.flatnonzero(came[:, 0])[0])
    np.testing.assert_array_equal(came[begin : begin + len(sound)], sound)
    assert not came[begin + len(sound) :].any()


def test_the_server_goes_and_comes_back(jack: Jack, native: bool) -> None:
    with AudioMemory.create(48000) as memory:
        Slot(memory, 0).attach(block=BLOCK, latency=BLOCK)
        with AudioProcess(memory, Device(block=DEVICE_BLOCK), use_native=native) as process:
            assert until(lambda: memory.position > 4800)
            jack.kill()
            began = time.monotonic()
            assert until(lambda: process.state() != "running")
            assert time.monotonic() - began < 5
            with pytest.raises(LiveError, match="no default"):
                process.restart()
            position = memory.position
            jack.start()
            process.restart()
            assert until(lambda: memory.position > position + 4800)
            assert process.state() == "running"


def test_the_keeper_has_sound_again_as_soon_as_the_server_is_back(jack: Jack) -> None:
    lines: list[str] = []
    with AudioMemory.create(48000) as memory:
        slot = Slot(memory, 0)
        slot.attach(block=BLOCK, latency=BLOCK)
        with AudioProcess(memory, Device(block=DEVICE_BLOCK)) as process:
            keeper = AudioKeeper(process, lines.append)

            def watched(condition: Callable[[], bool]) -> Callable[[], bool]:
                def look() -> bool:
                    keeper.watch()
                    return condition()

                return look

            assert until(watched(lambda: memory.position > 4800))
            for _ in range(2):
                jack.kill()
                assert until(watched(lambda: keeper.state == "reopening"))
                position = memory.position
                jack.start()
                assert until(watched(lambda: memory.position > position + 4800))  # noqa: B023
            assert keeper.state == "running" and slot.is_ours()
            keeper.close()
    assert lines[0].startswith("The sound device is gone")
    assert any(line.startswith("There is sound again") for line in lines)


def test_what_the_server_cannot_do_is_said_in_words(jack: Jack) -> None:
    (device,) = list_devices()
    assert (device["name"], device["outputs"]) == ("system", 2)
    with AudioMemory.create(44100) as memory:
        with pytest.raises(LiveError, match="does not run at 44100 Hz; it runs at 48000"):
            AudioProcess(memory, Device(block=DEVICE_BLOCK)).start()
    with AudioMemory.create(48000) as memory:
        with pytest.raises(LiveError, match="no output device 'sistem'.*There are: 0 system"):
            AudioProcess(memory, Device(output="sistem")).start()
        with pytest.raises(LiveError, match="has 2 output channels, not 4"):
            AudioProcess(memory, Device(output_map=(0, 3))).start()
        with AudioProcess(memory, Device(input="none", output_map=(1, 1))) as process:
            assert process.playing is not None and process.playing.input == "none"
            assert until(lambda: memory.position > 0)
