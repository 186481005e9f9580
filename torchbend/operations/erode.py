"""Erode and dilate: the least or the greatest of the last frames."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..bending.kernel import Kernel
from ..bending.operation import Operation
from ..bending.past import Past
from ..bending.timewise import Timewise, whole_number
from ..places import Place

__all__ = ["Dilate", "Erode"]


class MorphologyKernel(Kernel):
    """The least of the last frames, or the greatest."""

    glides = True

    def __init__(self, past: Past, least: bool) -> None:
        super().__init__()
        self.past = past
        self.time = past.time
        self.frames = past.frames + 1
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        windows: Tensor = self.past(x)
        done = 1  # frames of the window so far; twice as many each time
        while done < self.frames:
            further = min(done, self.frames - done)
            size = windows.size(self.time) - further
            before = windows.narrow(self.time, 0, size)
            behind = windows.narrow(self.time, further, size)
            windows = torch.minimum(before, behind) if self.least else torch.maximum(before, behind)
            done = done + further
        return windows


class _Morphology(Timewise):
    least = False

    def __init__(self, frames: int = 4, time: int | None = None) -> None:
        super().__init__(time)
        self.frames = whole_number(frames, "frames", self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the window of one place."""
        self.check(place)
        return MorphologyKernel(self.past(place, self.frames - 1), self.least)


class Erode(_Morphology):
    """The least of the last ``frames`` frames: ``y[t] = min(x[t - frames + 1 .. t])``.

    ``(batch, channels, frames)`` or any shape with a dimension of time. Causal, with a state of
    ``frames - 1`` frames: blocks of any size give the same, and no delay is brought, though what
    rises is heard to rise ``frames - 1`` later. Before the first frame there is silence. Of a
    weight, along its last dimension. 1 leaves ``x`` as it is. Mathematical morphology on
    activations: Broad et al. 2020.
    """

    least = True

    def __init__(self, frames: int = 4, time: int | None = None) -> None:
        """Make an erosion.

        Args:
            frames: of the window.
            time: the dimension of frames; by default the last one that is not the channels'.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has no
                frames that follow each other.
        """
        super().__init__(frames, time)


class Dilate(_Morphology):
    """The greatest of the last ``frames`` frames: ``y[t] = max(x[t - frames + 1 .. t])``.

    Shapes, state and silence as for :class:`Erode`; what falls is heard to fall ``frames - 1``
    later. Broad et al. 2020.
    """

    def __init__(self, frames: int = 4, time: int | None = None) -> None:
        """Make a dilation; arguments and errors as for :class:`Erode`."""
        super().__init__(frames, time)


def _windows(x: Tensor, frames: int) -> Tensor:
    padded = F.pad(x, (frames - 1, 0))
    return torch.stack([padded[..., i : i + x.size(-1)] for i in range(frames)])


def plain_erode(x: Tensor, place: Place, *, frames: int) -> Tensor:
    """The least of shifted copies."""
    return _windows(x, frames).min(0)[0]


def plain_dilate(x: Tensor, place: Place, *, frames: int) -> Tensor:
    """The greatest of shifted copies."""
    return _windows(x, frames).max(0)[0]


def _dilate_by_hand(place: Place, frames: int) -> Callable[[Tensor], Tensor]:
    """By pooling, without a past."""
    return lambda x: F.max_pool1d(F.pad(x, (frames - 1, 0)), frames, 1)


def _erode_by_hand(place: Place, frames: int) -> Callable[[Tensor], Tensor]:
    """By pooling, without a past."""
    return lambda x: -F.max_pool1d(F.pad(-x, (frames - 1, 0)), frames, 1)


OPERATIONS = (
    Operation(
        Erode,
        family="time",
        formula="y[t] = min(x[t - frames + 1], ..., x[t])",
        source="Broad et al. 2020",
        plain=plain_erode,
        examples=({"frames": 4}, {"frames": 1}, {"frames": 80}),
        neutral={"frames": 1},
        picture={"frames": 20},
        by_hand=_erode_by_hand,
    ),
    Operation(
        Dilate,
        family="time",
        formula="y[t] = max(x[t - frames + 1], ..., x[t])",
        source="Broad et al. 2020",
        plain=plain_dilate,
        examples=({"frames": 4},),
        neutral={"frames": 1},
        picture={"frames": 24},
        by_hand=_dilate_by_hand,
    ),
)
