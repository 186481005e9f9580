"""The live host: plays a bent model through the sound card, under OSC.

    import torchbend as tb

    with tb.realtime.Host(bended, input="mic") as host:
        host.set("gain", 0.5)

Import it as ``torchbend.realtime``; this folder is that package's source. What is named here is
imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchbend.realtime.audio import Device, list_devices
    from torchbend.realtime.host import Host
    from torchbend.realtime.status import LatencyReport, ModelStatus, Status

__all__ = ["Device", "Host", "LatencyReport", "ModelStatus", "Status", "list_devices"]

_HOMES = {
    "Device": "audio",
    "Host": "host",
    "LatencyReport": "status",
    "ModelStatus": "status",
    "Status": "status",
    "list_devices": "audio",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
