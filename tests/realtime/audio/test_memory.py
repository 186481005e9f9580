"""The shared memory: made, opened, refused, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from torchbend.errors import LiveError
from torchbend.realtime.audio import AudioMemory
from torchbend.realtime.audio.light import light_command
from torchbend.realtime.audio.memory import copy_frames, put_frames


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(light_command(code, *arguments), capture_output=True, text=True)


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 2), (0, 1), (32, 32), (1, 5)])
def test_what_one_writes_the_other_reads(inputs: int, outputs: int) -> None:
    with AudioMemory.create(44100, inputs=inputs, outputs=outputs, slots=5) as memory:
        other = AudioMemory.attach(memory.path)
        assert (other.sample_rate, other.inputs, other.outputs) == (44100, inputs, outputs)
        assert len(other.slots) == 5
        rings = ["captured", "bus", "feed", "heard"]
        mine = [*(getattr(memory, name) for name in rings), *memory.slots]
        theirs = [*(getattr(other, name) for name in rings), *other.slots]
        for number, ring in enumerate(mine):
            ring[:] = number
        for number, ring in enumerate(theirs):
            assert ring.shape == (memory.capacity, inputs if number < 3 else outputs)
            assert (ring == number).all()  # no ring lies over another


def test_the_file_is_gone_when_its_maker_is_done() -> None:
    with AudioMemory.create(48000) as memory:
        path = Path(memory.path)
        assert path.stat().st_mode & 0o777 == 0o600
        AudioMemory.attach(path).close()
        assert path.exists()
    assert not path.exists()
    memory.heard[:] = 1  # what is mapped stays


def test_a_maker_that_ends_leaves_nothing_and_says_nothing() -> None:
    code = (
        "from torchbend.realtime.audio import AudioMemory\n"
        "memory = AudioMemory.create(48000)\n"
        "print(memory.path)"
    )
    done = run(code)
    assert done.returncode == 0
    assert done.stderr == ""
    assert not Path(done.stdout.strip()).exists()


def test_what_a_killed_maker_left_is_swept_away() -> None:
    code = (
        "import os, signal\n"
        "from torchbend.realtime.audio import AudioMemory\n"
        "print(AudioMemory.create(48000).path, flush=True)\n"
        "memory = AudioMemory.create(48000)\n"
        "print(memory.path, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = run(code)
    assert done.returncode == -signal.SIGKILL
    left = Path(done.stdout.split()[-1])
    assert left.exists()
    with AudioMemory.create(48000) as memory:
        assert not left.exists()
        with AudioMemory.create(48000):
            assert Path(memory.path).exists()  # its maker lives


def test_a_child_by_fork_does_not_remove_it() -> None:
    with AudioMemory.create(48000) as memory:
        child = os.fork()
        if child == 0:
            memory.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert Path(memory.path).exists()


def test_what_is_no_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="cannot be opened"):
        AudioMemory.attach(tmp_path / "nothing")
    for name, content in {"empty": b"", "short": b"x", "long": bytes(1 << 20)}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LiveError, match="cannot be opened|no shared memory"):
            AudioMemory.attach(tmp_path / name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 99),
        ("header_bytes", 8),
        ("total_bytes", 1 << 40),
        ("capacity", 1 << 30),
        ("capacity", 65537),
        ("outputs", 33),
        ("heard_at", 1 << 63),
        ("bus_at", 4),
    ],
)
def test_a_header_that_lies_is_refused(field: str, value: int) -> None:
    with AudioMemory.create(48000) as memory:
        setattr(memory.header, field, value)
        with pytest.raises(LiveError, match="no shared memory of this version"):
            AudioMemory.attach(memory.path)


@pytest.mark.parametrize(
    "sizes", [{"inputs": 33}, {"outputs": 0}, {"slots": 0}, {"slots": 9}, {"most_block": 0}]
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(LiveError, match="must be from"):
        AudioMemory.create(48000, **sizes)
    with pytest.raises(LiveError, match="sample rate is 0"):
        AudioMemory.create(0)


def test_the_rings_hold_four_of_the_largest_block() -> None:
    with AudioMemory.create(48000, outputs=1, most_block=30000) as memory:
        assert memory.capacity == 131072


@pytest.mark.parametrize("position", [0, 5, 14, 15, 16, 31, 1600 + 9, -3])
@pytest.mark.parametrize("count", [0, 1, 7, 16])
def test_frames_go_around_the_end_of_a_ring(position: int, count: int) -> None:
    ring = np.zeros((16, 2), np.float32)
    frames = np.arange(1, 2 * count + 1, dtype=np.float32).reshape(count, 2)
    put_frames(ring, position, frames)
    assert np.count_nonzero(ring) == 2 * count
    np.testing.assert_array_equal(copy_frames(ring, position, count), frames)
    for index in range(count):
        np.testing.assert_array_equal(ring[(position + index) % 16], frames[index])
