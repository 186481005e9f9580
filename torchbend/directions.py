"""Directions in a model: what the activations of some sounds have and those of others have not.

A difference of means, as in "activation addition" (Turner et al. 2023, arXiv 2308.10248), where
it is the difference of two prompts. :class:`~torchbend.operations.steer.Steer` adds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .bending.placing import channel_dim
from .errors import BendingError, suggest
from .places import Place
from .tracing import BendedModule
from .tracing.looking import names_of

__all__ = ["direction"]

Sound = Tensor | Mapping[str, Any]


def direction(
    bended: BendedModule,
    place: str,
    a: Sound | Sequence[Sound],
    b: Sound | Sequence[Sound],
    fn: str | None = None,
    dim: int | None = None,
) -> Tensor:
    """The mean activation of a place over some sounds, less that over others.

    Each sound counts the same, however long it is, and each frame in it. Bends are left out. The
    difference is not scaled: ``Steer`` with strength 1 moves the mean of ``b`` to that of ``a``.

    Args:
        bended: a bent module, with the method traced.
        place: name of an activation, ``fn:name``, or a pattern that reaches one alone.
        a: a sound or several, each the method's first input, or its inputs by name.
        b: likewise.
        fn: the method; by default the place's own, or ``forward``.
        dim: the channels' dimension at the place; by default 1.

    Returns:
        ``(channels,)``, float32, on the CPU.

    Raises:
        BendingError: there is no such place, or several; a list of sounds is empty; or what
            passes the place is not finite.
    """
    there = _place(bended, place, fn)
    channels = channel_dim(there, dim, "a direction")
    means = [_mean(bended, there, sounds, channels) for sounds in (a, b)]
    return (means[0] - means[1]).to("cpu", torch.float32)


def _place(bended: BendedModule, text: str, fn: str | None) -> Place:
    """The activation that a text names."""
    prefix, colon, name = text.partition(":")
    if colon and prefix in bended.traced_methods and fn in (None, prefix):
        fn, text = prefix, name
    trace = bended._trace_of(fn or "forward")
    found = trace.place(text)
    if found is None:
        names = names_of(trace, [text])
        if len(names) > 1:
            raise BendingError(
                f"{text!r} reaches {len(names)} places of {trace.fn}, and a direction is found at "
                f"one. {suggest(text, names)}"
            )
        found = trace.place(names[0])
    if found is None or not found.tensor:
        raise BendingError(f"the value of {text!r} in {trace.fn} is not a tensor")
    return found


def _mean(
    bended: BendedModule, place: Place, sounds: Sound | Sequence[Sound], channels: int
) -> Tensor:
    """The mean over all sounds, one number a channel, in float64."""
    each = [sounds] if isinstance(sounds, (Tensor, Mapping)) else list(sounds)
    if not each:
        raise BendingError("a direction takes at least one sound on either side; got an empty list")
    fn = str(place.fn)
    first = bended._trace_of(fn).inputs[0]
    means = []
    for sound in each:
        inputs = dict(sound) if isinstance(sound, Mapping) else {first: sound}
        pattern = f"{re.escape(place.name)}$"
        found = bended.get_activations(pattern, fn=fn, bended=False, **inputs)
        value = found[place.name].detach().double()
        others = [d for d in range(value.dim()) if d != channels]
        mean = value.mean(others) if others else value
        if not bool(torch.isfinite(mean).all()):
            raise BendingError(
                f"what passes {place.key!r} in one of the sounds is not finite, or is empty"
            )
        means.append(mean)
    return torch.stack(means).mean(0)
