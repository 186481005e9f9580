"""What is heard, written to a file while it plays."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_support import Rig, noise

from torchbend.errors import LiveError
from torchbend.realtime.audio.memory import Frames
from torchbend.realtime.recording import WavWriter


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def play(rig: Rig, sound: Frames, block: int = 500) -> None:
    for at in range(0, len(sound), block):
        rig.block(sound[at : at + block])


def read(path: Path) -> Frames:
    found: Frames = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return found


def test_what_is_heard_and_what_came_in(tmp_path: Path) -> None:
    rig = Rig(True, mix=0, output_gain=0.5, limiter=False)
    sound = noise(30_000)
    play(rig, sound[:10_000])
    heard = WavWriter(rig.memory, tmp_path / "heard.wav")
    came = WavWriter(rig.memory, tmp_path / "came.wav", "captured", start=2000)
    with heard, came:
        play(rig, sound[10_000:20_000])
        until(lambda: heard.frames == 10_000 and came.frames == 18_000)
        assert len(read(heard.path)) == 10_000  # while it is written
        play(rig, sound[20_000:])
    np.testing.assert_array_equal(read(heard.path), rig.memory.heard[10_000:30_000])
    np.testing.assert_array_equal(read(came.path), sound[2000:])
    assert heard.seconds == 20_000 / 48000 and heard.problem is None and heard.lost == 0


def test_what_the_disk_was_too_slow_for_is_silent_and_in_its_place(
    tmp_path: Path,
) -> None:
    rig = Rig(True, mix=0, limiter=False)
    lines: list[str] = []
    sound = noise(4 * rig.memory.capacity)
    play(rig, sound, 8192)
    writer = WavWriter(rig.memory, tmp_path / "a.wav", start=0, say=lines.append)
    writer.close()
    writer.close()
    kept = rig.memory.capacity - 8192
    assert writer.lost == len(sound) - kept and len(lines) == 1
    assert f"{writer.lost} frames are missing" in lines[0]
    written = read(writer.path)
    np.testing.assert_array_equal(written[-kept:], sound[-kept:])
    assert len(written) == len(sound) and not written[:-kept].any()


def test_a_file_that_is_removed_ends_the_recording(tmp_path: Path) -> None:
    rig = Rig(True)
    lines: list[str] = []
    folder = tmp_path / "stick"
    folder.mkdir()
    with WavWriter(rig.memory, folder / "a.wav", say=lines.append) as writer:
        shutil.rmtree(folder)
        until(lambda: writer.problem)
        play(rig, noise(1000))
    assert len(lines) == 1 and "has been removed" in lines[0]
    assert "the sound goes on" in lines[0]


def test_it_refuses_before_the_start(tmp_path: Path) -> None:
    rig = Rig(True, inputs=0)
    with pytest.raises(LiveError, match="nothing comes in"):
        WavWriter(rig.memory, tmp_path / "a.wav", "captured")
    with pytest.raises(LiveError, match="no such folder"):
        WavWriter(rig.memory, tmp_path / "no" / "a.wav")


FULL = """
import resource, sys
import numpy as np
from audio_support import Rig, noise
from torchbend.realtime.recording import WavWriter

rig = Rig(True, mix=0, limiter=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
sound = noise(20_000)
with WavWriter(rig.memory, sys.argv[1], say=print) as writer:
    for at in range(0, 10_000, 500):
        rig.block(sound[at : at + 500])
    writer._thread.join(0.3)
    for at in range(10_000, 20_000, 500):
        rig.block(sound[at : at + 500])
    writer._thread.join(20)
assert (rig.memory.heard[:20_000] == sound).all()
print(writer.frames)
"""


def test_a_full_disk_ends_the_recording_and_not_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    line, figures = done.stdout.splitlines()
    assert "may not become larger" in line and "after 0.3 s; the sound goes on" in line
    assert figures == "12488"
    np.testing.assert_array_equal(read(path), noise(20_000)[:12_488])
