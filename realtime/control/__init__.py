"""The control surface: whatever moves the live host, and whatever shows how it stands.

Nothing here knows of audio. A :class:`ControlTree` holds the values, and hands each change to
a sink; OSC, OSCQuery, MIDI, presets and recorded gestures are ways to move it.
"""

from __future__ import annotations

from torchbend.realtime.control.building import (
    Models,
    bend_addresses,
    bends,
    latents,
    model_names,
)
from torchbend.realtime.control.controls import Control, Value, Values, amplitude
from torchbend.realtime.control.desk import outputs, strip
from torchbend.realtime.control.errors import ControlError, FileError, RefusedError
from torchbend.realtime.control.table import address_table
from torchbend.realtime.control.tree import Changes, ControlTree, Sink

__all__ = [
    "Changes",
    "Control",
    "ControlError",
    "ControlTree",
    "FileError",
    "Models",
    "RefusedError",
    "Sink",
    "Value",
    "Values",
    "address_table",
    "amplitude",
    "bend_addresses",
    "bends",
    "latents",
    "model_names",
    "outputs",
    "strip",
]
