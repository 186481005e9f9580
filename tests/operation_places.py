"""The places that every operation is tested on, and values of them."""

from __future__ import annotations

import torch
from support import noise

from torchbend.places import Place

CHANNELS = 6
FRAMES = 64

PLACES = {
    "activation": Place(
        "conv",
        "activation",
        (2, CHANNELS, FRAMES),
        torch.float32,
        fn="forward",
        op="call_module",
        target="conv",
    ),
    "weight": Place("conv.weight", "weight", (CHANNELS, 4, 7), torch.float32, op="parameter"),
}


def places_of(kind: str) -> Place:
    """The place of a kind."""
    return PLACES[kind]


def sound(place: Place) -> torch.Tensor:
    """A value of a place."""
    return noise(*(place.shape or ()), seed=11)
