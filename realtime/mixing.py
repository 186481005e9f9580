"""What the strip is set to by the controls around the models."""

from __future__ import annotations

import math

from torchbend.realtime.control.controls import SILENCE_DB, Values, amplitude

__all__ = ["RAMP_SECONDS", "decibels", "strip_settings"]

RAMP_SECONDS = 0.02  # that the strip takes to follow a control

_LEVELS = {
    "/gain/in": "input_gain",
    "/gain/out": "output_gain",
    "/gate": "gate",
    "/ceiling": "ceiling",
}
_PLAIN = {
    "/drywet": "mix",
    "/width": "width",
    "/limiter": "limiter",
    "/dc": "dc_block",
    "/late": "late",
    "/bypass": "bypass",
    "/panic": "panic",
}


def strip_settings(address: str, values: Values) -> dict[str, float | bool | str]:
    """What `Strip.set` takes for a control; nothing for one that is not the strip's."""
    if address in _LEVELS:
        return {_LEVELS[address]: amplitude(float(values[0]))}
    if address in _PLAIN:
        return {_PLAIN[address]: values[0]}
    return {}


def decibels(level: float) -> float:
    """A level in dB; silence is -90."""
    return max(SILENCE_DB, 20 * math.log10(level)) if level > 0 else SILENCE_DB
