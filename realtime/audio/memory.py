"""The memory that the audio callback, the workers and the control process share.

It is a mapped file: in memory where the system has a folder for that, and gone when its maker
is. Another process opens it by its path. ``native/layout.h`` tells what lies in it::

    with AudioMemory.create(48000, inputs=2, outputs=2) as memory:
        child = subprocess.Popen([..., memory.path])
        memory.heard[memory.position - 1 & memory.mask]   # the last frame that was played
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import secrets
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from torchbend.errors import LiveError
from torchbend.realtime.audio.layout import constant, ffi, native

__all__ = ["AudioMemory", "Frames", "copy_frames", "fence", "fit_channels", "put_frames"]

Frames = npt.NDArray[np.float32]
"""Sound as ``(frames, channels)``."""

_Float = TypeVar("_Float", bound=np.floating[Any])

_PREFIX = "torchbend-"
_LEAST_CAPACITY = 65536  # frames: 1.4 s at 48 kHz
_lock = threading.Lock()


class AudioMemory:
    """The shared memory: rings of sound, parameters, meters and counters.

    Attributes:
        path: the file; give it to the processes that are to open it.
        header: the cffi pointer to the ``tb_header``.
        captured: what came in, cleaned, ``(capacity, inputs)``; like all rings, frame ``p`` of
            the clock is at row ``p & mask``.
        bus: the same after input gain and gate; what workers read.
        feed: sound to take instead of the device's.
        heard: what went out, ``(capacity, outputs)``.
        slots: for each slot, what its worker made, ``(capacity, outputs)``.
        values: for each slot, the values of its model's attributes; see `Values`.
    """

    def __init__(self, path: str, *, owner: bool) -> None:
        """Use `create` or `attach`."""
        self.path = path
        try:
            with open(path, "r+b") as file:
                mapped = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise LiveError(f"the shared memory {path} cannot be opened: {error}") from None
        self._mapped = mapped
        self._buffer: Any = ffi().from_buffer(mapped)
        self.header: Any = ffi().cast("tb_header *", self._buffer)
        self.size = len(self._buffer)
        if owner:
            self._finish = weakref.finalize(self, _remove, path, os.getpid())
            return
        self._check()
        self._view()

    @classmethod
    def create(
        cls,
        sample_rate: int,
        *,
        inputs: int = 2,
        outputs: int = 2,
        slots: int = 4,
        most_block: int = 8192,
    ) -> AudioMemory:
        """Make a new memory, silent, at position 0.

        Args:
            sample_rate: in Hz.
            inputs: channels that come in; 0 for none.
            outputs: channels that are heard.
            slots: how many workers can be attached at once.
            most_block: the largest block of a model, in frames; the rings hold four.

        Raises:
            LiveError: for sizes that the memory cannot have.
        """
        _within("sample rate", sample_rate, 1000, 1_000_000)
        _within("number of inputs", inputs, 0, constant("CHANNELS"))
        _within("number of outputs", outputs, 1, constant("CHANNELS"))
        _within("number of slots", slots, 1, constant("SLOTS"))
        _within("largest block", most_block, 1, 1 << 20)
        capacity = max(_LEAST_CAPACITY, 1 << (4 * most_block - 1).bit_length())
        offset = -(-int(ffi().sizeof("tb_header")) // 64) * 64
        offsets = []
        for channels in (inputs, inputs, inputs, outputs, *[outputs] * slots):
            offsets.append(offset)
            offset += capacity * channels * 4
        memory = cls(_make_file(offset), owner=True)
        header = memory.header
        header.version = constant("VERSION")
        header.header_bytes = ffi().sizeof("tb_header")
        header.total_bytes = offset
        header.sample_rate, header.inputs, header.outputs = sample_rate, inputs, outputs
        header.slots, header.capacity = slots, capacity
        header.captured_at, header.bus_at, header.feed_at, header.heard_at = offsets[:4]
        for index, at in enumerate(offsets[4:]):
            header.slot[index].output_at = at
        _set_constants(header, sample_rate)
        memory.set_device(inputs, outputs)
        # Last, so that nobody takes half a memory for a whole one.
        header.magic = constant("MAGIC")
        memory._view()
        return memory

    @classmethod
    def attach(cls, path: str | os.PathLike[str]) -> AudioMemory:
        """Open the memory that another process made.

        Raises:
            LiveError: it is not there, or not of this version.
        """
        return cls(os.fspath(path), owner=False)

    def __enter__(self) -> AudioMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file, if this process made it; it stays mapped while views of it live."""
        if hasattr(self, "_finish"):
            self._finish()

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return int(self.header.sample_rate)

    @property
    def inputs(self) -> int:
        """How many channels come in."""
        return int(self.header.inputs)

    @property
    def outputs(self) -> int:
        """How many channels are heard."""
        return int(self.header.outputs)

    @property
    def capacity(self) -> int:
        """Frames in each ring, a power of two."""
        return int(self.header.capacity)

    @property
    def mask(self) -> int:
        """What to mask a position with to get a row of a ring."""
        return self.capacity - 1

    @property
    def position(self) -> int:
        """How many frames the callback has played; they may all be read."""
        position = int(self.header.position)
        fence()
        return position

    def set_device(
        self,
        inputs: int,
        outputs: int,
        input_map: list[int] | None = None,
        output_map: list[int] | None = None,
    ) -> None:
        """Say how many channels the device has and which of them are used; before it starts.

        Args:
            inputs: channels in a frame of the device's input.
            outputs: the same for its output.
            input_map: for each channel of the bus the device channel that it takes, from 0, -1
                for none; without it the first ones, in order.
            output_map: for each channel that is heard the device channel that plays it.
        """
        header = self.header
        header.device_inputs, header.device_outputs = inputs, outputs
        for channels, used, given, have, what in (
            (header.input_map, self.inputs, input_map, inputs, "input"),
            (header.output_map, self.outputs, output_map, outputs, "output"),
        ):
            asked = [c if c < have else -1 for c in range(used)] if given is None else given
            if len(asked) != used or not all(-1 <= c < have for c in asked):
                raise LiveError(
                    f"the {what} channels {asked} do not fit: {used} are needed, each from 0 to "
                    f"{have - 1}, or -1 for none"
                )
            for index in range(constant("CHANNELS")):
                channels[index] = asked[index] if index < used else -1

    def _check(self) -> None:
        header = self.header
        right = self.size >= int(ffi().sizeof("tb_header")) and (
            header.magic == constant("MAGIC")
            and header.version == constant("VERSION")
            and header.header_bytes == ffi().sizeof("tb_header")
            and header.total_bytes == self.size
        )
        compiled = native()
        if not right or (compiled and not compiled.tb_check(header, self.size)):
            raise LiveError(f"{self.path} is no shared memory of this version of torchbend")

    def _view(self) -> None:
        header = self.header
        self.captured = self._ring(header.captured_at, self.inputs)
        self.bus = self._ring(header.bus_at, self.inputs)
        self.feed = self._ring(header.feed_at, self.inputs)
        self.heard = self._ring(header.heard_at, self.outputs)
        offsets = [header.slot[index].output_at for index in range(header.slots)]
        self.slots = [self._ring(at, self.outputs) for at in offsets]
        self.values = []
        for index in range(header.slots):
            at = ffi().offsetof("tb_header", "slot", index, "values")
            self.values.append(np.frombuffer(self._mapped, np.float64, constant("PARAMETERS"), at))

    def _ring(self, offset: int, channels: int) -> Frames:
        flat = np.frombuffer(self._mapped, np.float32, self.capacity * channels, int(offset))
        return flat.reshape(self.capacity, channels)


def fence() -> None:
    """Between a counter and the sound it speaks of, in either order of use.

    Without the compiled part a lock is the only barrier that Python has.
    """
    compiled = native()
    if compiled:
        compiled.tb_fence()
    else:
        with _lock:
            pass


def copy_frames(ring: Frames, position: int, count: int) -> Frames:
    """A copy of frames ``[position, position + count)`` of a ring."""
    start = position & (len(ring) - 1)
    first = ring[start : start + count]
    return np.concatenate([first, ring[: count - len(first)]])


def put_frames(ring: Frames, position: int, frames: Frames) -> None:
    """Write frames into a ring, the first of them at a position."""
    start = position & (len(ring) - 1)
    first = min(len(frames), len(ring) - start)
    ring[start : start + first] = frames[:first]
    ring[: len(frames) - first] = frames[first:]


def fit_channels(frames: npt.NDArray[_Float], channels: int) -> npt.NDArray[_Float]:
    """Sound in so many channels: mono on every one, otherwise each in its place or silent.

    The callback treats its dry sound so; a worker may do the same around its model.
    """
    if frames.shape[1] == 1:
        return np.repeat(frames, channels, axis=1)
    fitted = np.zeros((len(frames), channels), frames.dtype)
    both = min(channels, frames.shape[1])
    fitted[:, :both] = frames[:, :both]
    return fitted


def _set_constants(header: Any, rate: int) -> None:
    def decay(seconds: float) -> float:
        """What is left after one frame of what loses a factor e in so many seconds."""
        return math.exp(-1 / (seconds * rate))

    header.presence_step = 1 / (0.005 * rate)
    header.gate_decay = decay(0.05)
    header.gate_open_step = 1 / (0.002 * rate)
    header.gate_close_step = 1 / (0.05 * rate)
    header.dc_pole = math.exp(-2 * math.pi * 8 / rate)  # -3 dB at 8 Hz
    header.limiter_decay = decay(0.08)
    header.peak_decay = decay(0.5)
    header.meter_decay = decay(0.3)
    header.gate_gain = header.gate_is_open = 1


def _within(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise LiveError(f"the {what} is {value}; it must be from {low} to {high}")


def _folder() -> Path:
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


def _make_file(size: int) -> str:
    folder = _folder()
    _sweep(folder)
    path = folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(6)}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            # Now, rather than a bus error in the callback when the folder is full.
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.truncate(descriptor, size)
    except OSError as error:
        path.unlink()
        raise LiveError(f"no room for {size >> 20} MB of shared memory: {error}") from None
    finally:
        os.close(descriptor)
    return str(path)


def _sweep(folder: Path) -> None:
    """Remove what makers that were killed have left behind."""
    for path in folder.glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and path.stat().st_uid == os.getuid() and not _alive(int(pid)):
                path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path: str, maker: int) -> None:
    if os.getpid() == maker:
        Path(path).unlink(missing_ok=True)
