"""WAV files that can be played whatever ended them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_support import noise

from torchbend.errors import LiveError
from torchbend.realtime import wav
from torchbend.realtime.wav import WavFile


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_it_can_be_read_after_every_write(channels: int, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    given = noise(1000, channels, peak=3.0)
    with WavFile(path, 44100, channels) as file:
        assert soundfile.info(path).frames == 0
        for at in range(0, 1000, 250):
            file.write(given[at : at + 250])
            read, rate = soundfile.read(path, dtype="float32", always_2d=True)
            np.testing.assert_array_equal(read, given[: at + 250])
            assert rate == 44100 and file.frames == at + 250
        with pytest.raises(LiveError, match="does not fit"):
            file.write(noise(10, channels + 1))
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.channels) == ("WAV", "FLOAT", channels)


def test_past_4_gb_it_is_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "_MOST_32_BIT", 5000)
    path, given = tmp_path / "a.wav", noise(1000)
    with WavFile(path, 48000, 2) as file:
        file.write(given[:500])
        assert soundfile.info(path).format == "WAV"
        file.write(given[500:])
    monkeypatch.undo()
    head = bytearray(path.read_bytes())
    assert head[4:8] == head[90:94] == (5000).to_bytes(4, "little")
    head[4:8] = head[90:94] = b"\xff" * 4  # as it stands there past 4 GB
    path.write_bytes(head)
    assert soundfile.info(path).format == "RF64"
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], given)


def test_a_file_that_large(tmp_path: Path) -> None:
    """Without writing all of it: the system keeps no room for what was never written."""
    path, frames = tmp_path / "a.wav", 2**30
    with WavFile(path, 48000, 2) as file:
        file.frames = frames
        file.write(noise(100))
    with soundfile.SoundFile(path) as read:
        assert (read.format, read.frames) == ("RF64", frames + 100)
        read.seek(frames)
        np.testing.assert_array_equal(read.read(dtype="float32"), noise(100))


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for length in (100, 200):
        with WavFile(path, 48000, 2) as file:
            file.write(noise(length))
    assert soundfile.info(path).frames == 200
    assert soundfile.info(tmp_path / "a.wav~", verbose=True).frames == 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such/a.wav", "no such folder"),
        ("file/a.wav", "no such folder"),
        ("folder.wav", "it is a folder"),
        ("a.flac", "must end in .wav"),
    ],
)
def test_where_it_cannot_be_written(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(LiveError, match=message):
        WavFile(tmp_path / name, 48000, 2)


FULL = """
import resource, sys
import numpy as np
from torchbend.errors import LiveError
from torchbend.realtime.wav import WavFile
resource.setrlimit(resource.RLIMIT_FSIZE, (1003, resource.RLIM_INFINITY))
with WavFile(sys.argv[1], 48000, 2) as file:
    try:
        for k in range(100):
            file.write(np.full((7, 2), 0.5, np.float32))
    except LiveError as error:
        print(file.frames, error)
"""


def test_a_full_disk_leaves_what_was_written(tmp_path: Path) -> None:
    """The system refuses what would make the file longer than 1003 bytes."""
    path = tmp_path / "a.wav"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"113 {path} cannot be written: the file may not become larger\n"
    read, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(read, np.full((113, 2), 0.5, np.float32))
    assert path.stat().st_size == 94 + 113 * 8
