"""The sound of the live host: shared memory, the audio callback, and the process it runs in.

`AudioMemory` is what everybody shares; `Strip` moves its gains and reads its meters; `Slot` is a
worker's end of it; `AudioProcess` opens the device and plays, and `AudioKeeper` opens it again
when it is lost. Nothing in this folder imports torch: the I/O process must be up in a moment.
"""

from __future__ import annotations

from torchbend.realtime.audio.callback import is_native, play_block
from torchbend.realtime.audio.io_process import AudioProcess, Device, Playing, list_devices
from torchbend.realtime.audio.journal import Journal
from torchbend.realtime.audio.keeper import AudioKeeper
from torchbend.realtime.audio.memory import AudioMemory, fit_channels
from torchbend.realtime.audio.slot import Slot, Values, latency_frames
from torchbend.realtime.audio.strip import Counters, Meters, SlotCounters, Strip
from torchbend.realtime.audio.tape import Feed, Recorder

__all__ = [
    "AudioKeeper",
    "AudioMemory",
    "AudioProcess",
    "Counters",
    "Device",
    "Feed",
    "Journal",
    "Meters",
    "Playing",
    "Recorder",
    "Slot",
    "SlotCounters",
    "Strip",
    "Values",
    "fit_channels",
    "is_native",
    "latency_frames",
    "list_devices",
    "play_block",
]
