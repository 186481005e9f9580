"""A moment of a host that plays, for what shows it."""

from __future__ import annotations

from typing import Any

from torchbend.realtime.status import LatencyReport, ModelStatus, Status

MODEL = ModelStatus(
    name="raspberry.ts",
    methods=("decode",),
    state="playing",
    where="cpu",
    block=2048,
    latency_frames=2560,
    turn_ms=7.1,
    turn_ms_most=20.3,
    load=0.17,
    late_blocks=0,
    skipped_frames=0,
    bad_blocks=0,
    knobs="cross-fade",
)


def make_status(**changes: Any) -> Status:
    """A stereo host with one model, and what is to be different of it."""
    found: dict[str, Any] = {
        "seconds": 754.2,
        "audio": "running",
        "input": "hw:0 Microphone",
        "output": "hw:0 Headphones",
        "host_api": "ALSA",
        "sample_rate": 48000,
        "device_block": 256,
        "callback": "C",
        "models": (MODEL,),
        "latency": LatencyReport(256, 512, 2560, 0, 64, 48000),
        "input_db": (-12.3, -90.0),
        "output_db": (-8.0, -7.0),
        "reduction_db": 0.0,
        "underruns": 0,
        "xruns": 0,
        "bad_inputs": 0,
        "bad_outputs": 0,
        "dropped_messages": 0,
        "recording": None,
        "messages": (),
    }
    return Status(**{**found, **changes})
