"""The C++ host from Python: bend-probe, and patches played in real Pd.

Both are built by ``make native``. A patch is played faster than real time, with no sound
card: each ``adc~`` in it yields a given sound, each ``dac~`` is recorded, from the sample at
which the DSP starts to the last. Nothing else of the patch is changed.

    run = run_pd(folder / "x.pd", seconds=2.0, sound=noise(1, 96000),
                 messages=[(0.5, "gain 0.3"), (1.0, "reset bang")])
    assert not run.errors
    run.sound  # (channels, frames)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

BUILD = Path(os.environ.get("TORCHBEND_NATIVE", Path(__file__).parents[1] / "build/native"))
SAMPLE_RATE = 48000
PD_BLOCK = 64


# -- bend-probe ------------------------------------------------------------------------
def built(name: str) -> Path:
    """A product of the native build; fails with what to do if it is not there."""
    path = BUILD / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: build the C++ host first, with `make native` (what is for Pd is"
            " left out where the headers of Pd are not: Debian's puredata-dev)."
        )
    return path


def run_probe(*arguments: object) -> subprocess.CompletedProcess[str]:
    """bend-probe with these arguments, whatever comes of it."""
    command = [str(built("bend-probe")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def probe(*arguments: object) -> Any:
    """What bend-probe prints, read: an object, or for ``render`` the list of its lines."""
    done = run_probe(*arguments)
    if done.returncode != 0:
        said = done.stderr + done.stdout
        raise AssertionError(f"bend-probe {arguments}: {done.returncode}\n{said}")
    if arguments[0] == "render":
        return [json.loads(line) for line in done.stdout.splitlines()]
    return json.loads(done.stdout)


# -- WAV -------------------------------------------------------------------------------
def write_wav(path: Path, sound: Tensor, sample_rate: int = SAMPLE_RATE) -> Path:
    """32-bit float, from ``(channels, frames)``."""
    channels = sound.shape[0]
    data = sound.detach().to(torch.float32).T.contiguous().numpy().tobytes()
    frame = channels * 4
    head = struct.pack("<HHIIHH", 3, channels, sample_rate, sample_rate * frame, frame, 32)
    body = b"WAVE"
    for name, chunk in ((b"fmt ", head), (b"data", data)):
        body += name + struct.pack("<I", len(chunk)) + chunk
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def read_wav(path: Path) -> Tensor:
    """``(channels, frames)`` of a 32-bit float file."""
    data = path.read_bytes()
    at, channels = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt ":
            code, channels = struct.unpack_from("<HH", data, at)
            if code == 0xFFFE:
                code = struct.unpack_from("<H", data, at + 24)[0]
            if code != 3:
                raise ValueError(f"{path} is not 32-bit float")
        elif name == b"data":
            samples = torch.frombuffer(bytearray(data[at : at + size]), dtype=torch.float32)
            return samples.reshape(-1, channels).T.contiguous()
        at += size + size % 2
    raise ValueError(f"{path} has no data")


# -- Pd --------------------------------------------------------------------------------
@dataclass(frozen=True)
class PdRun:
    """What came of a patch.

    Attributes:
        log: what Pd printed, line by line.
        sound: ``(channels, frames)`` that reached ``dac~``, all of them summed.
    """

    log: list[str]
    sound: Tensor

    @property
    def errors(self) -> list[str]:
        """Lines of the log that tell of something wrong."""
        return [line for line in self.log if WRONG.search(line)]


WRONG = re.compile(
    r"error|couldn't create|no such|can't|failed|too (small|many)|not found|bad |no method",
    re.IGNORECASE,
)
IO_OBJECT = re.compile(r"^(#X obj -?\d+ -?\d+) (adc|dac)~((?: \d+)*)", re.MULTILINE)


def run_pd(
    patch: Path | str,
    seconds: float,
    *,
    folder: Path | None = None,
    sound: Tensor | None = None,
    messages: Sequence[tuple[float, str]] = (),
    path: Sequence[Path] = (),
    seed: int = 0,
    timeout: float = 300.0,
) -> PdRun:
    """Play a patch in real Pd, with the ``nn~`` of the native build.

    Args:
        patch: a file, or the text of a patch.
        seconds: to play, of Pd's own time at ``SAMPLE_RATE`` Hz.
        folder: where the text is opened, for files that it names; that of the file else.
        sound: ``(channels, frames)`` that ``adc~`` yields; silence without, and afterwards.
        messages: seconds and what a Pd message box would hold after ``;``: a receiver and
            its message, such as ``"gain 0.3"``.
        path: more folders where Pd looks for objects and files.
        seed: of what models draw at random.
        timeout: seconds of the clock on the wall.
    """
    external = built("pd").resolve()
    apps = sorted(Path("/Applications").glob("Pd*.app/Contents/Resources/bin/pd"))
    pd = shutil.which("pd") or next(map(str, apps), None)
    if pd is None:
        raise FileNotFoundError("Pd is missing: `make native` installs it, or says how to.")
    text = patch.read_text() if isinstance(patch, Path) else patch
    home = (folder or (patch.parent if isinstance(patch, Path) else Path())).resolve()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        frames = -(-round(seconds * SAMPLE_RATE) // PD_BLOCK) * PD_BLOCK
        heard = torch.zeros(1, frames) if sound is None else sound
        write_wav(work / "in.wav", heard)
        text = IO_OBJECT.sub(lambda m: _stand_in(m, work, heard, frames), text)
        # Beside the original, so that relative names of files are found.
        copy = home / f"tb-{work.name}.pd"
        copy.write_text(text)
        (work / "driver.pd").write_text(_driver(seconds, messages, copy.name))
        command = [pd, "-nogui", "-nrt", "-noaudio", "-batch", "-stderr", "-noprefs"]
        command += ["-r", str(SAMPLE_RATE)]
        for place in (external, work, *path):
            command += ["-path", str(place)]
        command += ["-open", str(copy), "-open", str(work / "driver.pd")]
        try:
            env = {**os.environ, "NN_SEED": str(seed)}
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"Pd did not end: {late.stderr!r}") from late
        finally:
            copy.unlink()
        # All but what the recorders say of their own files.
        log = [line for line in (done.stdout + done.stderr).splitlines() if str(work) not in line]
        if done.returncode != 0:
            raise AssertionError(f"Pd ended with {done.returncode}:\n" + "\n".join(log))
        return PdRun(log, _recorded(work, frames))


def _stand_in(match: re.Match[str], work: Path, sound: Tensor, frames: int) -> str:
    """Writes the abstraction that replaces an ``adc~`` or a ``dac~``; returns its box."""
    place, kind, numbers = match.groups()
    channels = [int(number) for number in numbers.split()] or [1, 2]
    name = f"tb-{kind}-{'-'.join(map(str, channels))}"
    lines = ["#N canvas 0 0 400 300 10;"]
    connections = []

    def box(text: str, kind: str = "obj") -> int:
        # To the right of the last one: Pd orders inlets and outlets from left to right.
        lines.append(f"#X {kind} {20 * len(lines)} 10 {text};")
        return len(lines) - 2

    def connect(source: int, sink: int, inlet: int = 0) -> None:
        connections.append(f"#X connect {source} 0 {sink} {inlet};")

    number = box("f \\$0")
    soundfiler = box("soundfiler")
    if kind == "dac":
        names = [f"\\$1-tb{i}" for i in channels]
        finish = box("r tb-finish")
        write = box(f"write -wave -bytes 4 {work}/{name}-\\$1.wav {' '.join(names)}", "msg")
        connect(finish, number)
        connect(number, write)
        connect(write, soundfiler)
        start = box("loadbang")
        for i in channels:
            box(f"array define \\$0-tb{i} {frames}")
            inlet = box("inlet~")
            record = box(f"tabwrite~ \\$0-tb{i}")
            connect(inlet, record)
            connect(start, record)
    else:
        # A channel that the sound does not have stays silent.
        order = box("t b b")
        start = box("loadbang")
        names = [f"\\$1-tb{i}" for i in range(1, sound.shape[0] + 1)]
        read = box(f"read -resize {work}/in.wav {' '.join(names)}", "msg")
        connect(start, order)
        connections.append(f"#X connect {order} 1 {number} 0;")
        connect(number, read)
        connect(read, soundfiler)
        for i in range(1, sound.shape[0] + 1):
            box(f"array define \\$0-tb{i} 100")
        for i in channels:
            outlet = box("outlet~")
            if i <= sound.shape[0]:
                play = box(f"tabplay~ \\$0-tb{i}")
                connect(order, play)
                connect(play, outlet)
    (work / f"{name}.pd").write_text("\n".join([*lines, *connections]) + "\n")
    return f"{place} {name}"


def _driver(seconds: float, messages: Sequence[tuple[float, str]], patch: str) -> str:
    """A patch that starts the DSP, sends the messages, closes the patch, and ends Pd."""
    # Where nothing records, tb-finish must not be a receiver that is not there.
    lines = ["#N canvas 0 0 400 300 10;", "#X obj 10 10 loadbang;", "#X obj 10 10 r tb-finish;"]
    connections = []
    todo = [(0.0, "pd dsp 1"), *messages, (seconds, "tb-finish bang")]
    todo += [(seconds + 0.01, f"pd-{patch} menuclose 1"), (seconds + 0.02, "pd quit")]
    for when, text in todo:
        escaped = re.sub(r"([,;$])", r"\\\1", text)
        box = len(lines) - 1
        if when > 0:
            lines += [f"#X obj 10 10 delay {when * 1000:.6f};", f"#X msg 10 10 \\; {escaped};"]
            connections += [f"#X connect 0 0 {box} 0;", f"#X connect {box} 0 {box + 1} 0;"]
        else:
            lines += [f"#X msg 10 10 \\; {escaped};"]
            connections += [f"#X connect 0 0 {box} 0;"]
    return "\n".join([*lines, *connections]) + "\n"


def _recorded(work: Path, frames: int) -> Tensor:
    """The sum of what each ``dac~`` heard, in the channels that it named."""
    total = torch.zeros(0, frames)
    for file in sorted(work.glob("tb-dac-*.wav")):
        numbers = file.stem.split("-")[2:-1]  # tb-dac-1-2-1005.wav
        for number, samples in zip(numbers, read_wav(file), strict=True):
            if int(number) > len(total):
                total = torch.cat([total, torch.zeros(int(number) - len(total), frames)])
            total[int(number) - 1] += samples
    return total
