"""The user's sounds, as what a method takes; and what a place makes of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..errors import BendingError, TorchbendError
from ..places import Place
from ..scripts.runner import FileRunner
from ..scripts.source import contents_of
from ..tracing.core import Core
from ..tracing.record import Trace
from ..tracing.shadow import State, noise_kept, part_of, restore

__all__ = ["Sound", "from_the_start", "heard", "inputs_of"]

Sound = Tensor | str | os.PathLike[str] | Mapping[str, Tensor]

_SILENT = 1e-5  # the peak of a sound; -100 dB


def inputs_of(bended: Any, trace: Trace, sounds: Sequence[Sound]) -> list[dict[str, Tensor]]:
    """Make the inputs of a method of each sound.

    Args:
        bended: the model.
        trace: of the method.
        sounds: tensors, names of sound files, or inputs by name.

    Raises:
        BendingError: one is silent, or does not fit; says which.
    """
    if isinstance(sounds, (Tensor, str, os.PathLike, Mapping)) or not len(sounds):
        raise BendingError(
            "cluster takes a list of sounds, tensors or names of sound files, ten or so; "
            f"got {_named(sounds)}"
        )
    found = []
    for number, sound in enumerate(sounds):
        try:
            found.append(_inputs(bended, trace, sound))
        except TorchbendError as error:
            raise BendingError(f"sound {number}: {error}") from error
    return found


def _inputs(bended: Any, trace: Trace, sound: Sound) -> dict[str, Tensor]:
    first = trace.inputs[0]
    if isinstance(sound, (str, os.PathLike)):
        sound = _read(bended, trace, sound)
    if isinstance(sound, Tensor):
        if len(trace.inputs) > 1:
            raise BendingError(
                f"{trace.fn} takes several inputs: give a sound as "
                f"{{{', '.join(f'{name!r}: ...' for name in trace.inputs)}}}"
            )
        sound = {first: sound}
    if not isinstance(sound, Mapping) or sorted(sound) != sorted(trace.inputs):
        raise BendingError(
            f"a sound is a tensor, the name of a file, or the inputs of {trace.fn} by name "
            f"({', '.join(trace.inputs)}); got {_named(sound)}"
        )
    taken = {name: _fitted(bended, trace, name, sound[name]) for name in trace.inputs}
    if not any(float(x.abs().max()) > _SILENT for x in taken.values()):
        raise BendingError("it is silent, and tells nothing about any channel")
    return taken


def _fitted(bended: Any, trace: Trace, name: str, x: object) -> Tensor:
    """An input in the shape of the traced one, of any length."""
    place = trace.place_of_input(name)
    if not isinstance(x, Tensor) or x.numel() == 0:
        raise BendingError(f"{name} is a tensor with something in it; got {_named(x)}")
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise BendingError(f"{name} has values that are no numbers (NaN or infinite)")
    if place is None or place.shape is None or place.dtype is None:
        return x.to(bended.device)
    shape = place.shape
    while x.ndim < len(shape):
        x = x[None]
    if x.ndim > len(shape) or (len(shape) > 2 and x.shape[1:-1] != shape[1:-1]):
        raise BendingError(
            f"{trace.fn} was traced with {name} of shape {shape}, whose last dimension may be of "
            f"any length; got {tuple(x.shape)}"
        )
    x = x.detach().to(bended.device, place.dtype)
    missing = -x.shape[-1] % _least_block(bended, trace.fn)
    return torch.nn.functional.pad(x, (0, missing)) if missing else x


def _least_block(bended: Any, fn: str) -> int:
    """What the frames of a sound are a multiple of; they are filled up with silence."""
    if not _takes_sound(bended, fn):
        return 1
    params = _params(bended)
    known = getattr(bended, "ratio", 1)
    ratios = [int(ratio) for p in params.values() for ratio in (p[1], p[3])]
    return max([known if isinstance(known, int) else 1, *ratios])


def _takes_sound(bended: Any, fn: str) -> bool:
    """Whether the inputs of a method are frames of sound, and not of latents."""
    params = _params(bended).get(fn)
    return fn != "decode" if params is None else int(params[1]) == 1


def _params(bended: Any) -> dict[str, Tensor]:
    """What nn~ reads of each method of a file: channels and ratio, in and out."""
    found = dict(bended._shadow.named_buffers())
    return {
        name.removesuffix("_params"): buffer
        for name, buffer in found.items()
        if name.endswith("_params") and "." not in name and buffer.numel() == 4
    }


def _read(bended: Any, trace: Trace, path: str | os.PathLike[str]) -> Tensor:
    """A sound file at the model's rate, in its channels."""
    from ..realtime.feeding import Sound as SoundFile

    if not _takes_sound(bended, trace.fn):
        raise BendingError(
            f"{trace.fn} takes no sound: give it what encode makes of {os.fspath(path)!r}"
        )
    rate = getattr(bended, "sample_rate", None) or bended.export_hints().sample_rate
    if rate is None and hasattr(bended, "get_sample_rate"):
        rate = bended.get_sample_rate()
    if not isinstance(rate, int):
        raise BendingError(
            f"{os.fspath(path)!r}: this model has no sample rate to read a file at: give tensors"
        )
    place = trace.place_of_input(trace.inputs[0])
    shape = (1,) if place is None or place.shape is None else place.shape
    file = SoundFile(path, rate, shape[-2] if len(shape) > 2 else 1)
    try:
        sound = torch.from_numpy(file.read(file.frames or 0).T.copy())
    finally:
        file.close()
    return sound if len(shape) > 1 else sound[0]


def heard(
    bended: Core, trace: Trace, place: Place, inputs: Mapping[str, Tensor], bends: bool, seed: int
) -> Tensor:
    """What a place gives for a sound; neither the state nor anybody's random numbers change.

    Args:
        bended: the model.
        trace: of the method.
        place: which.
        inputs: of the method.
        bends: whether it is heard bent.
        seed: of the noise in the model.
    """
    with noise_kept():
        torch.manual_seed(seed)
        found: Tensor = bended.get_activations(
            f"{re.escape(place.name)}$",
            fn=trace.fn,
            bended=bends,
            _filter_bended=True,
            **{**trace.fixed, **inputs},
        )[place.name]
    return found.detach()


@contextmanager
def from_the_start(bended: Core, trace: Trace) -> Iterator[None]:
    """Meanwhile, the streaming state that the model was opened with; then as it was."""
    runner = bended._runner
    with bended._changing:
        kept = runner.keep()
        try:
            if isinstance(runner, FileRunner):
                opened = contents_of(runner.source, runner.source.open())
                runner.start_again(runner.stage.module, opened)
            else:
                restore(bended._shadow, _first_state(bended, trace))
            runner.forget()
            yield
        finally:
            runner.put_back(kept)


def _first_state(bended: Core, trace: Trace) -> State:
    """What a method writes, as the wrapped module has it, which never plays."""
    first = dict(bended.module.named_buffers())
    found = {}
    for name, now in bended._shadow.named_buffers():
        if name in trace.written_buffers:
            path, _, last = name.rpartition(".")
            fresh = first.get(name)
            if fresh is None or fresh.shape != now.shape:  # made, or enlarged, when it first ran
                fresh = torch.zeros_like(now)
            found[part_of(bended._shadow, path), last] = fresh.detach().to(now)
    return found


def _named(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
