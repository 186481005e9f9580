"""Playing a model offline, as fast as it goes: ``torchbend render``.

It is the live host without a device: the same callback, the same turns, the same files, in
lockstep. So what is rendered is what would be heard::

    from torchbend.realtime.render import render

    render("model.ts", "drums.wav", "bent.wav", values={"gain": 0.5})
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchbend.errors import LiveError
from torchbend.realtime.audio.callback import play_block
from torchbend.realtime.audio.memory import AudioMemory, Frames
from torchbend.realtime.audio.strip import Strip
from torchbend.realtime.control.controls import Values
from torchbend.realtime.control.surface import ControlSurface
from torchbend.realtime.feeding import LOOP, Sound, Source
from torchbend.realtime.mixing import strip_settings
from torchbend.realtime.part import Chosen, Part, latent_labels
from torchbend.realtime.request import bus_channels, prepare_asked, sample_rate_of
from torchbend.realtime.retake import render_take
from torchbend.realtime.wav import WavFile
from torchbend.realtime.worker.execution import live_torch
from torchbend.realtime.worker.offline import offline_worker
from torchbend.realtime.worker.twins import STEPS

__all__ = ["render", "render_take"]

DEVICE_BLOCK = 256
_TELL_FRAMES = 8192  # between two calls of `progress`

Progress = Callable[[int, int], object]
Say = Callable[[str], object]


def render(
    model: Any = None,
    input: Source | str = LOOP,
    out: str | os.PathLike[str] = "rendered.wav",
    *,
    method: str | Sequence[str] | None = None,
    bend: Any = None,
    python: str | None = None,
    seconds: float | None = None,
    values: Mapping[str, Any] | None = None,
    model_block: int | None = None,
    device_block: int = DEVICE_BLOCK,
    channels: int | None = None,
    cuda: bool = False,
    trim: bool = True,
    say: Say = lambda line: None,
    progress: Progress = lambda done, of: None,
    **rave: Any,
) -> Path:
    """Play a sound through a model into a file.

    Args:
        model: as for `Host`.
        input: a sound file, ``"loop"``, ``"none"``, an array ``(frames, channels)`` at the
            model's rate, or a tensor ``(channels, frames)``.
        out: the WAV file, of 32 bit floats.
        method: as for `Host`.
        bend: the same.
        python: the same.
        seconds: how much of it; without it all. A file that is shorter is followed by silence.
        values: controls and what they are set to from the start, by the name of a bend or by an
            address such as ``"/gain/out"``.
        model_block: as for `Host`.
        device_block: frames that the callback plays at a time.
        channels: as for `Host`.
        cuda: the same.
        trim: begin where the answer to the first frame does; otherwise as late as it comes
            live. What the model itself is late stays.
        say: told what people should know, a line at a time.
        progress: told how many frames are done, and of how many.
        **rave: as for `Host`.

    Returns:
        The file.

    Raises:
        TorchbendError: the model or the sound cannot be played, or the file not written.
    """
    asked = {"models": model, "method": method, "bend": bend, "python": python, **rave}
    chosen = Chosen(block=model_block, knobs=STEPS, cuda=cuda)
    with tempfile.TemporaryDirectory(prefix="torchbend-") as folder, live_torch():
        chain, chosen = prepare_asked(asked, chosen, folder=folder, say=say)
        rate = sample_rate_of(chain)
        inputs, outputs = bus_channels(chain, chosen, channels)
        sound, frames = _sound(input, rate, inputs, seconds)
        with AudioMemory.create(rate, inputs=inputs, outputs=outputs, slots=1) as memory:
            strip = Strip(memory)
            strip.set(ramp_frames=rate // 50)
            part = Part(memory, 0, chain, device_block, chosen, lambda line: None)
            worker = offline_worker(chain[0], say)
            part.begin(worker, 0.0)
            if worker.loaded is not None and worker.loaded.note:
                say(worker.loaded.note)
            part.set_all(_set(strip, part, values or {}))
            part.attach(0)
            _be_there(memory, part.slot)
            delay = part.latency + part.resampler_frames
            strip.set(delay=part.delay_frames)
            strip.fade({part.slot: 1.0}, seconds=0)
            with WavFile(out, rate, outputs) as file:
                total = frames + delay
                for start in range(0, total, device_block):
                    count = min(device_block, total - start)
                    made = play_block(memory, _next(sound, count, inputs))
                    worker.work()
                    heard = made[max(0, delay - start) :] if trim else made
                    if len(heard):
                        file.write(heard)
                    if start % _TELL_FRAMES < device_block:
                        progress(max(0, start - delay), frames)
            progress(frames, frames)
        if worker.bad_blocks:
            say(f"{worker.bad_blocks} blocks of {part.name} came out with NaN or infinities")
        if sound is not None:
            sound.close()
    return Path(out)


def _sound(
    source: Source | str, rate: int, channels: int, seconds: float | None
) -> tuple[Sound | None, int]:
    """What comes in, and how many frames are to be heard."""
    wanted = None if seconds is None else round(seconds * rate)
    if isinstance(source, str) and source == "none":
        if wanted is None:
            raise LiveError("nothing comes in that would have an end: say how many seconds")
        return None, wanted
    endless = isinstance(source, str) and source == LOOP and wanted is not None
    sound = Sound(source, rate, max(1, channels), loop=endless)
    frames = sound.frames if wanted is None else wanted
    return (sound if channels else None), frames or 0


def _next(sound: Sound | None, count: int, channels: int) -> Frames:
    """The next frames that come in; silence after the end."""
    frames = np.zeros((count, channels), np.float32)
    if sound is not None:
        read = sound.read(count)
        frames[: len(read)] = read
    return frames


def _set(strip: Strip, part: Part, values: Mapping[str, Any]) -> dict[str, Values]:
    """Set the strip; returns what the models are to have."""
    labels = latent_labels(part.chain, part.steps)

    def sink(address: str, given: Values, time: int) -> None:
        settings = strip_settings(address, given)
        if settings:
            strip.set(**settings)

    surface = ControlSurface(part.models, latents=labels, sink=sink, osc_port=None, query_port=None)
    for name, given in values.items():
        each = given if isinstance(given, (list, tuple)) else (given,)
        surface.tree.set(surface.address_of(name), each)
    return {address: surface.effective(address) for address in surface.tree.values()}


def _be_there(memory: AudioMemory, slot: int) -> None:
    """Let the silence before the first answer count as sound, so that nothing is faded in."""
    memory.header.slot[slot].valid_from = 0
    memory.header.slot[slot].presence = 1.0
