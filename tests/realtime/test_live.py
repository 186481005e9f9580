"""``torchbend live`` from end to end, against its internal clock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pythonosc.udp_client import SimpleUDPClient

pytestmark = pytest.mark.slow

LIVE = [sys.executable, "-m", "torchbend", "live", "--device", "none", "--no-zeroconf"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder, with the cache beside it that all of these tests share."""
    yield tmp_path_factory.mktemp("live")


def start(place: Path, *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "XDG_CACHE_HOME": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*LIVE, *words], cwd=place, env=env, stdout=pipe, stderr=pipe, text=True
    )


def until(true: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def frames(path: Path) -> int:
    return soundfile.info(path).frames if path.exists() else 0


def left_behind(process: subprocess.Popen[str]) -> list[Path]:
    """Shared memory of a process, wherever it is kept."""
    folders = [Path("/dev/shm"), Path(tempfile.gettempdir())]
    return [found for each in folders for found in each.glob(f"torchbend-{process.pid}-*")]


def test_it_plays_and_records_by_itself(place: Path) -> None:
    process = start(place, "--no-osc", "--seconds", "3", "--record", "a.wav", "--quiet")
    out, err = process.communicate(timeout=180)
    assert (process.returncode, out, err) == (0, "", "")
    sound, rate = soundfile.read(place / "a.wav", dtype="float32")
    assert rate == 48000 and len(sound) >= 3 * rate and sound.shape[1] == 2
    assert np.isfinite(sound).all() and 0.05 < np.abs(sound).max() <= 1
    # through all of it, not at its beginning alone
    assert all(np.abs(part).max() > 0.01 for part in np.array_split(sound[rate // 2 :], 5))
    assert not left_behind(process)


def test_it_is_moved_by_osc_and_ends_in_order(place: Path) -> None:
    process = start(place, "--osc", "0", "--record", "b.wav", "--layout", "page.json")
    assert process.stdout is not None
    try:
        until(lambda: frames(place / "b.wav") > 48000, process)
        port = next(_port(line) for line in process.stdout if "OSC" in line)
        client = SimpleUDPClient("127.0.0.1", port)
        client.send_message("/gain/out", -90.0)
        client.send_message("/no/such", 1.0)
        silenced = frames(place / "b.wav")
        until(lambda: frames(place / "b.wav") > silenced + 72_000, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and err == ""
    sound, rate = soundfile.read(place / "b.wav", dtype="float32")
    assert np.abs(sound[:silenced]).max() > 0.05
    assert np.abs(sound[-rate:]).max() < 0.01
    assert (place / "page.json").stat().st_size > 1000
    assert "what was heard is in b.wav" in out
    assert not left_behind(process)


def _port(line: str) -> int:
    words = line.split()
    return int(words[words.index("OSC") + 1].rpartition(":")[2])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_ended_while_it_loads(number: int, place: Path) -> None:
    process = start(place, "--no-osc")
    assert process.stdout is not None
    try:
        assert any("loading" in line for line in process.stdout)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number and err == ""
    assert not left_behind(process)


def test_a_port_that_is_taken_is_one_line(place: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        process = start(place, "--osc", str(taken.getsockname()[1]), "--quiet")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1 and out == ""
    assert err.startswith("torchbend: ") and err.count("\n") == 1
    assert not left_behind(process)


def test_the_voice_is_rendered(place: Path) -> None:
    render = [sys.executable, "-m", "torchbend", "render", "--seconds", "2", "-o"]
    env = {**os.environ, "XDG_CACHE_HOME": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    for out, *words in (("plain.wav",), ("bent.wav", "--set", "haze=0.1")):
        subprocess.run([*render, out, *words], cwd=place, env=env, check=True, timeout=180)
    plain, rate = soundfile.read(place / "plain.wav", dtype="float32")
    bent, _ = soundfile.read(place / "bent.wav", dtype="float32")
    assert len(plain) == len(bent) == 2 * rate
    assert min(np.abs(plain).max(), np.abs(bent).max(), np.abs(plain - bent).max()) > 0.05
