"""A worker process: what it loads, plays and says, and how it ends."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from torchbend.errors import LiveError
from torchbend.realtime.audio import AudioMemory, Values, latency_frames, play_block
from torchbend.realtime.worker.chain import Step
from torchbend.realtime.worker.process import ChainSettings, Worker

BLOCK, DEVICE_BLOCK = 256, 64


@pytest.fixture
def memory():
    with AudioMemory.create(48000, inputs=1, outputs=1) as memory:
        memory.set_device(1, 1)
        yield memory


@pytest.fixture(scope="module")
def worker():
    """One for all but the last test: it takes a while to be up."""
    worker = Worker()
    yield worker
    worker.kill()


def settings(memory, path, **changes):
    given = {"block": BLOCK, "device_rate": 48000, "inputs": 1, **changes}
    return ChainSettings(memory.path, (str(path),), (Step(0, "forward"),), **given)


def played(memory, sound):
    """Play it in device blocks, at the pace of the worker."""
    heard = []
    for at in range(0, len(sound), DEVICE_BLOCK):
        heard.append(play_block(memory, sound[at : at + DEVICE_BLOCK]))
        if memory.position % BLOCK == 0:
            end = time.monotonic() + 10
            turns = memory.position // BLOCK
            while int(memory.header.slot[0].turns) < turns and time.monotonic() < end:
                time.sleep(0.001)
    return np.concatenate(heard)


def test_a_worker_plays_the_file_after_its_latency(memory, worker, echo_file):
    loaded = worker.load(settings(memory, echo_file))
    assert (loaded.block, loaded.in_channels, loaded.out_channels) == (BLOCK, 1, 1)
    latency = latency_frames(BLOCK, DEVICE_BLOCK, 1)
    Values(memory, 0).write([2.0, 0.0])
    assert worker.attach(0, latency, 0.01) == 0
    memory.header.parameters.slot[0].level = 1.0
    memory.header.parameters.limiter = memory.header.parameters.dc_block = 0
    for name in ("input_gain", "output_gain", "mix", "source"):
        setattr(memory.header.parameters, name, 1)
    x = np.random.default_rng(0).standard_normal((2048, 1)).astype(np.float32) * 0.1
    heard = played(memory, x)
    module = torch.jit.load(str(echo_file))
    module.set_gain(2.0)
    with torch.inference_mode():
        blocks = torch.from_numpy(x).split(BLOCK)
        expected = torch.cat([module.forward(b.T[None])[0].T.clone() for b in blocks]).numpy()
    # In its first block the file alone glides to the gain.
    start = latency + BLOCK
    np.testing.assert_array_equal(heard[start:], expected[BLOCK : len(x) - latency])


def test_a_gpu_that_is_not_there_is_said(memory, worker, echo_file):
    if torch.cuda.is_available():
        assert worker.load(settings(memory, echo_file, cuda=True)).device.startswith("cuda")
        return
    loaded = worker.load(settings(memory, echo_file, cuda=True))
    assert loaded.device == "cpu" and "no GPU" in loaded.note and "CPU" in loaded.note


def test_what_cannot_be_loaded_says_why_and_another_can(memory, worker, echo_file, tmp_path):
    broken = tmp_path / "broken.ts"
    broken.write_bytes(b"no model")
    with pytest.raises(LiveError, match="no zip archive"):
        worker.load(settings(memory, broken))
    with pytest.raises(LiveError, match="no method 'sing'"):
        wrong = settings(memory, echo_file)
        worker.load(ChainSettings(wrong.memory, wrong.paths, (Step(0, "sing"),), 1, 48000))
    assert worker.load(settings(memory, echo_file)).block == BLOCK


def test_it_is_measured_as_it_plays(memory, worker, echo_file):
    worker.load(settings(memory, echo_file))
    measured = worker.measure(0.2)
    assert 0 < measured.usual <= measured.turn
    assert 0 < measured.usual_double <= measured.double
    assert measured.count >= 20 and measured.own_delay is not None


def test_a_killed_worker_is_noticed_and_asked_in_vain(memory, worker, echo_file):
    worker.load(settings(memory, echo_file))
    worker.kill()
    assert not worker.is_alive
    worker.set_text(0, "nobody hears this")
    with pytest.raises(LiveError, match="ended|answer"):
        worker.measure(0.1)
