"""A take: a folder from which a concert can be rendered again, sample for sample.

What is heard follows from what came in, from the files, and from what was set at which frame. All
of it is written down while it plays::

    take.json       what was played on: rates, channels, blocks, how the strip stood at first
    models/         the files that played, by the hash of what is in them
    played.jsonl    what was set, and the frame of the clock from which on it was heard
    gestures.jsonl  how the controls were moved (of no use here; it plays other models, too)
    input.wav       what came in, as 32 bit floats, from the first frame on
    heard.wav       what was heard

A line of ``played.jsonl`` has one of these: ``worker``, something that plays, by a number;
``attach``, from where on it does, and in which slot; ``account``, what it set before which of its
blocks (see `Twins.replay`), what it passed over and where it was late (see `Turns`); ``end``, where
a slot's worker ended; ``strip``, what was set of the strip, or faded; and ``missing``, where sound
was. `render_take` reads them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from torchbend.errors import LiveError, TorchbendError
from torchbend.realtime.audio.journal import Journal
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.audio.strip import PARAMETERS, Strip
from torchbend.realtime.control.files import write_json
from torchbend.realtime.recording import WavWriter
from torchbend.realtime.worker.process import ChainSettings, Loaded

__all__ = [
    "GESTURES",
    "HEAD",
    "HEARD",
    "INPUT",
    "KIND",
    "MODELS",
    "PLAYED",
    "VERSION",
    "TakeWriter",
]

HEAD, PLAYED, GESTURES = "take.json", "played.jsonl", "gestures.jsonl"
INPUT, HEARD, MODELS = "input.wav", "heard.wav", "models"
KIND = "take"
VERSION = 1

_PERIOD_SECONDS = 0.1
_CHUNK = 1 << 20


class TakeWriter:
    """Writes a take. It has its own thread; whoever tells it something is not held up.

    When the disk is full it says so, and the sound goes on.

    Args:
        folder: where to; it may not hold a take yet.
        say: told what people should know.

    Attributes:
        folder: as given.
        first: the position of the take's first frame, once it has begun.

    Raises:
        LiveError: it cannot be written there.
    """

    def __init__(self, folder: str | os.PathLike[str], say: Callable[[str], object]) -> None:
        self.folder = Path(folder)
        self.first = 0
        self._say = say
        self._lock = threading.Lock()
        self._workers = 0
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._file: IO[str] | None = None
        self._wavs: list[WavWriter] = []
        self._head: dict[str, Any] = {}
        self._codes: dict[str, str] = {}
        self._lost = 0
        if (self.folder / HEAD).exists():
            raise LiveError(f"there is a take in {self.folder} already: name another folder")
        try:
            (self.folder / MODELS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(error) from error

    # -- models ---------------------------------------------------------------------------------

    def kept(self, path: str | os.PathLike[str]) -> Path:
        """A copy of a file in the take, which is what should be played from now on.

        Raises:
            LiveError: it cannot be written.
        """
        source = Path(path)
        try:
            beside = self.folder / MODELS / f".{source.stem[:80]}.part"
            code = _copy(source, beside)
            copy = self.folder / MODELS / f"{source.stem[:80]}-{code[:16]}.ts"
            os.replace(beside, copy)
            self._codes[copy.name] = code
        except OSError as error:
            raise self._error(error) from error
        return copy

    def opened(
        self, settings: ChainSettings, loaded: Loaded, knobs: str, inside: str | None = None
    ) -> int:
        """Note that there is something that plays; returns its number.

        Args:
            settings: of its chain; its files were `kept`.
            loaded: what it was loaded as.
            knobs: how it moves them.
            inside: why it plays in this process, if it does: no rendering can do that again.
        """
        with self._lock:
            self._workers += 1
            number = self._workers
        chain = dataclasses.asdict(settings)
        for name in ("memory", "least_block", "paths"):
            del chain[name]
        chain.update(block=loaded.model_block, knobs=knobs)
        names = [Path(path).name for path in settings.paths]
        files = [[name, self._codes[name]] for name in names]
        where = {"where": loaded.device, "inside": inside}
        self._write({"worker": number, **where, "files": files, "chain": chain})
        return number

    def attached(self, number: int, slot: int, start: int, latency: int) -> None:
        """Note from where on a worker plays, and where.

        Args:
            number: of the worker.
            slot: of the memory.
            start: the position of the first frame that it reads.
            latency: in frames.
        """
        self._write({"attach": number, "slot": slot, "frame": start, "latency": latency})

    def account(self, number: int) -> Callable[[dict[str, Any]], None]:
        """What a worker is to tell its account to."""
        return functools.partial(self._account, number)

    def ended(self, slot: int) -> None:
        """Note that the worker of a slot plays no more."""
        if self._thread is not None:
            until = int(self._memory.header.slot[slot].valid_until)
            self._write({"end": slot, "until": until})

    # -- sound ----------------------------------------------------------------------------------

    def begin(
        self, memory: AudioMemory, strip: Strip, device_block: int, *, native: bool
    ) -> TakeWriter:
        """Begin the take; before that nothing may have come in or have been heard.

        Args:
            memory: the shared memory.
            strip: of its callback.
            device_block: frames of a device block.
            native: whether the compiled callback plays.

        Raises:
            LiveError: it cannot be written.
        """
        self._memory, self._strip = memory, strip
        self._journal = Journal(memory)
        self._journal.read()
        self._waiting: deque[tuple[int, str, dict[str, Any]]] = deque()
        strip.account = self._waiting
        self._late = [0] * int(memory.header.slots)
        self.first = memory.position
        self._head = {
            "torchbend": KIND,
            "version": VERSION,
            "torch": torch.__version__,
            "sample_rate": memory.sample_rate,
            "inputs": memory.inputs,
            "outputs": memory.outputs,
            "slots": int(memory.header.slots),
            "most_block": memory.capacity // 4,
            "device_block": device_block,
            "native": native,
            "first": self.first,
            "frames": None,  # known in the end
            "strip": {name: strip.get(name) for name in PARAMETERS},
        }
        write_json(self.folder / HEAD, self._head)
        try:
            self._file = (self.folder / PLAYED).open("w", encoding="utf-8")
        except OSError as error:
            raise self._error(error) from error
        for name, what in ((HEARD, "heard"), (INPUT, "captured")):
            if what == "heard" or memory.inputs:
                path = self.folder / name
                self._wavs.append(WavWriter(memory, path, what, self.first, say=self._say))
        self._thread = threading.Thread(target=self._run, name="torchbend take", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Finish the take, when all that plays has ended; once closed, do nothing."""
        if self._thread is None or self._ends.is_set():
            return
        self._ends.set()
        self._thread.join()
        for wav in self._wavs:
            wav.close()
        self._look()
        self._strip.account = None
        with self._lock:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
        self._head["frames"] = self._wavs[0].frames
        try:
            write_json(self.folder / HEAD, self._head)
        except TorchbendError as error:
            self._say(f"the take is not whole: {error}")

    def _run(self) -> None:
        while not self._ends.wait(_PERIOD_SECONDS):
            self._look()

    def _look(self) -> None:
        """Write what has been set since the last look, with the frame from which it was heard."""
        before = self._memory.position
        for number, frame in self._journal.read():
            while self._waiting and self._waiting[0][0] <= number:
                _, called, given = self._waiting.popleft()
                self._write({"strip": called, "frame": frame, "given": given})
        if self._journal.lost != self._lost:
            self._write({"missing": None, "frame": before, "frames": 0})
            self._lost = self._journal.lost
        for slot, known in enumerate(self._late):
            frames = int(self._memory.header.slot[slot].late_frames)
            if frames != known:
                self._late[slot] = frames
                self._write({"missing": slot, "frame": before, "frames": frames - known})

    def _account(self, number: int, event: dict[str, Any]) -> None:
        told = {name: event[name] for name in ("blocks", "jumps", "late")}
        self._write({"account": number, **told})

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line) + "\n"
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(text)
                self._file.flush()
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._file.close()
                self._file = None
                self._say(f"{self._error(error)}. The take ends here; the sound goes on")

    def _error(self, error: OSError) -> LiveError:
        return LiveError(f"the take {self.folder} cannot be written: {error.strerror or error}")


def _copy(source: Path, to: Path) -> str:
    """Copy a file; returns the SHA-256 of what is in it."""
    code = hashlib.sha256()
    with source.open("rb") as read, to.open("wb") as written:
        while chunk := read.read(_CHUNK):
            code.update(chunk)
            written.write(chunk)
    return code.hexdigest()
