"""Checks that callbacks share: settings, dimensions and shapes of places."""

import os

from ..errors import BendingCallbackException
from ..places import Place

__all__ = [
    "channel_dim",
    "checked_dim",
    "checked_flag",
    "checked_seed",
    "known_shape",
    "time_dim",
]


def fresh_seed() -> int:
    """Draw a seed for a callback that was given none; the global generator is not used."""
    return int.from_bytes(os.urandom(4), "little")


def checked_seed(seed: object) -> int:
    """Return ``seed``, or a fresh one for None.

    Raises:
        BendingCallbackException: it is not an int.
    """
    if seed is None:
        return fresh_seed()
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise BendingCallbackException(f"a seed is an int or None; got {seed!r}")
    return seed


def checked_dim(dim: object) -> int | None:
    """Return ``dim``.

    Raises:
        BendingCallbackException: it is neither an int nor None.
    """
    if dim is None or (isinstance(dim, int) and not isinstance(dim, bool)):
        return dim
    raise BendingCallbackException(f"a dim is an int or None; got {dim!r}")


def checked_flag(value: object, name: str) -> bool:
    """Return a setting that is True or False.

    Raises:
        BendingCallbackException: it is something else.
    """
    if not isinstance(value, bool):
        raise BendingCallbackException(f"{name} is True or False; got {value!r}")
    return value


def channel_dim(place: Place, dim: int | None, who: object) -> int:
    """Return the dimension that counts as channels at a place, from 0 up.

    Args:
        place: where; its shape must be known.
        dim: as the user gave it (negative counts from the end); None for the default: 0
            for a weight, 1 for an activation of two or more dimensions, else 0.
        who: the callback, for the message.

    Raises:
        BendingCallbackException: the place has no such dimension, or no known shape.
    """
    shape = known_shape(place, who)
    if dim is None:
        dim = 1 if place.kind == "activation" and len(shape) >= 2 else 0
    if not -len(shape) <= dim < len(shape):
        there = f"dims 0 to {len(shape) - 1}" if shape else "none: it is a single number"
        raise BendingCallbackException(
            f"{who!r} cannot sit on {place.key!r} of shape {shape}: no dim {dim}, there are {there}"
            if shape
            else f"{who!r} cannot sit on {place.key!r}: it needs a dim, and there are {there}"
        )
    return dim % len(shape)


def known_shape(place: Place, who: object) -> tuple[int, ...]:
    """Return the place's shape.

    Raises:
        BendingCallbackException: it is not known.
    """
    if place.shape is None:
        raise BendingCallbackException(
            f"{who!r} cannot sit on {place.key!r}: its shape is not known, "
            "or it is not a tensor. Trace the method with real inputs first."
        )
    return tuple(place.shape)


def time_dim(place: Place, time: int | None, who: object, channels: int | None = None) -> int:
    """Return the dimension along which frames follow each other at a place, from 0 up.

    Args:
        place: where; its shape must be known.
        time: as the user gave it (negative counts from the end); None for the last one that
            is not the channels'.
        who: the callback, for the message.
        channels: the dimension of the channels; by default that of :func:`channel_dim`.

    Raises:
        BendingCallbackException: the place has no such dimension.
    """
    shape = known_shape(place, who)
    if time is not None:
        return channel_dim(place, time, who)
    if channels is None:
        channels = channel_dim(place, None, who)
    first = 1 if place.kind == "activation" else 0  # an activation's dim 0 is the batch
    found = [d for d in range(first, len(shape)) if d != channels]
    if not found:
        raise BendingCallbackException(
            f"{who!r} cannot sit on {place.key!r} of shape {shape}: it has no frames that follow "
            "each other. It bends values such as (batch, channels, frames), or says which "
            "dimension is time with time="
        )
    return found[-1]
