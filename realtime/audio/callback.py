"""The audio callback called by hand: for tests, for rendering, and for an internal clock."""

from __future__ import annotations

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.layout import ffi, native
from torchbend.realtime.audio.memory import AudioMemory, Frames
from torchbend.realtime.audio.python_callback import python_callback

__all__ = ["is_native", "play_block"]


def is_native() -> bool:
    """Whether the compiled callback runs here; otherwise its slower twin in Python does."""
    return native() is not None


def play_block(
    memory: AudioMemory,
    device_in: Frames | None = None,
    frames: int | None = None,
    *,
    flags: int = 0,
    use_native: bool | None = None,
) -> Frames:
    """Play one device block and return what the device would be given.

    Args:
        memory: the shared memory; its clock moves on by the block.
        device_in: what the device gave, ``(frames, device_inputs)``; None for an output alone.
        frames: the size of the block; without it that of ``device_in``.
        flags: xrun flags as PortAudio sets them.
        use_native: which callback; without it the compiled one where there is one.

    Returns:
        ``(frames, device_outputs)``.

    Raises:
        LiveError: an input of another shape, or no compiled callback where one was asked for.
    """
    header = memory.header
    if device_in is not None:
        device_in = np.ascontiguousarray(device_in, np.float32)
        if device_in.ndim != 2 or device_in.shape[1] != header.device_inputs:
            raise LiveError(
                f"an input of shape {device_in.shape} was given; it is (frames, channels) with "
                f"{header.device_inputs} channels"
            )
    if frames is None or (device_in is not None and frames != len(device_in)):
        if device_in is None or frames is not None:
            raise LiveError("say how many frames to play: those of the input, or a number")
        frames = len(device_in)
    # A device's buffer may hold anything, and must be overwritten.
    out = np.full((frames, header.device_outputs), np.nan, np.float32)
    compiled = native() if use_native is None or use_native else None
    if use_native and compiled is None:
        raise LiveError("the audio callback was not compiled; install torchbend with a C compiler")
    if compiled is None:
        python_callback(memory, device_in, out, frames, flags)
        return out
    null = ffi().NULL
    given = null if device_in is None else ffi().from_buffer("float[]", device_in)
    taken = ffi().from_buffer("float[]", out, require_writable=True)
    compiled.tb_callback(given, taken, frames, null, flags, header)
    return out
