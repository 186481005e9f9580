"""What operations along time have in common: the dimension of frames, and what came before."""

from __future__ import annotations

from typing import Any

from ..errors import BendingCallbackException
from ..places import Place
from .numeric import Numeric
from .past import Past
from .placing import checked_dim, time_dim

__all__ = ["Timewise", "whole_number"]

MOST_FRAMES = 2**20  # that are remembered: at 48 kHz 21 seconds


class Timewise(Numeric):
    """A callback along time, for places whose frames follow each other.

    Of an activation, time is the last dimension that is not the channels'; of a weight the last.
    """

    def __init__(self, time: int | None, **settings: Any) -> None:
        """Keep the settings.

        Raises:
            BendingCallbackException: ``time`` is no dimension, or a setting no such number.
        """
        super().__init__(**settings)
        self.time = checked_dim(time)

    def check(self, place: Place) -> None:
        """Check that the place has frames that follow each other.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        self.frames_dim(place)

    def frames_dim(self, place: Place) -> int:
        """The dimension of frames at a place, from 0 up."""
        return time_dim(place, self.time, self)

    def past(self, place: Place, frames: int) -> Past:
        """What a kernel remembers there; nothing of a weight, which has no next block."""
        kept = place.kind == "activation"
        return Past(place.shape or (), place.dtype, self.frames_dim(place), frames, keep=kept)


def whole_number(
    value: object, name: str, who: object, least: int = 1, most: int = MOST_FRAMES
) -> int:
    """Return a setting that counts frames.

    Raises:
        BendingCallbackException: it is no whole number from ``least`` to ``most``.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BendingCallbackException(
            f"{type(who).__name__}: {name} is a whole number from {least} up; got {value!r}"
        )
    if value > most:
        raise BendingCallbackException(
            f"{type(who).__name__}: {name} is {most} frames at the most, which are remembered; "
            f"got {value!r}"
        )
    return value
