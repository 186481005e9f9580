"""The tree of controls as OSCQuery's JSON (the proposal of Vidvox, third revision)."""

from __future__ import annotations

from typing import Any

from torchbend.realtime.control.controls import Control, Value
from torchbend.realtime.control.errors import RefusedError
from torchbend.realtime.control.tree import ControlTree

__all__ = ["ATTRIBUTES", "host_info", "node"]

_TYPES = {"float": "f", "int": "i", "bool": "T", "choice": "s", "text": "s"}
_ACCESS = {"r": 1, "w": 2, "rw": 3}
_UNITS = {
    "dB": "gain.db",
    "ms": "time.millisecond",
}
# What can be asked for alone, as in /gain/in?VALUE.
ATTRIBUTES = (
    "ACCESS",
    "CLIPMODE",
    "CONTENTS",
    "DESCRIPTION",
    "FULL_PATH",
    "RANGE",
    "TYPE",
    "UNIT",
    "VALUE",
)


def node(tree: ControlTree, path: str = "/") -> dict[str, Any] | None:
    """A control or a container of controls, with all below it.

    Args:
        tree: the controls.
        path: of the node.

    Returns:
        Data for JSON, or None where there is no such node.
    """
    path = "/" + path.strip("/")
    found: dict[str, Any] | None = None
    for address, control in tree.controls.items():
        if path not in ("/", address) and not address.startswith(path + "/"):
            continue
        if found is None:
            found = _container(path)
        here = found
        for name in address[len(path.rstrip("/")) :].strip("/").split("/"):
            if name:
                below = f"{here['FULL_PATH'].rstrip('/')}/{name}"
                here = here.setdefault("CONTENTS", {}).setdefault(name, _container(below))
        try:
            here.update(_described(tree, control))
        except RefusedError:
            continue  # another model was loaded meanwhile
    return found


def host_info(name: str, osc: tuple[str, int], query: tuple[str, int]) -> dict[str, Any]:
    """What this server can do, and where OSC is heard.

    Args:
        name: of the application.
        osc: host and port of the OSC server.
        query: of this one.
    """
    can = ("ACCESS", "CLIPMODE", "DESCRIPTION", "LISTEN", "PATH_CHANGED", "RANGE", "TYPE")
    found = {
        "NAME": name,
        "EXTENSIONS": dict.fromkeys((*can, "UNIT", "VALUE"), True),
        "OSC_PORT": osc[1],
        "OSC_TRANSPORT": "UDP",
        "WS_PORT": query[1],
    }
    # Without an address, it is the one that was asked: of all interfaces, that is the one.
    for key, (host, _) in {"OSC_IP": osc, "WS_IP": query}.items():
        if host not in ("0.0.0.0", "::"):
            found[key] = host
    return found


def _container(path: str) -> dict[str, Any]:
    return {"FULL_PATH": path, "DESCRIPTION": "torchbend" if path == "/" else "", "ACCESS": 0}


def _described(tree: ControlTree, control: Control) -> dict[str, Any]:
    found: dict[str, Any] = {
        "DESCRIPTION": control.description,
        "ACCESS": _ACCESS[control.access],
        "TYPE": "".join(_TYPES[kind] for kind in control.types) or "N",
    }
    if control.types:
        found["RANGE"] = [_range(control, kind) for kind in control.types]
        found["CLIPMODE"] = [_clips(control)] * len(control.types)
    if control.unit:
        unit = _UNITS.get(control.unit, control.unit)
        found["UNIT"] = [unit] * len(control.types)
    if not control.is_trigger:
        found["VALUE"] = list(tree.value(control.address))
    return found


def _range(control: Control, kind: str) -> dict[str, Any] | None:
    if kind == "choice":
        return {"VALS": list(control.choices)}
    if kind not in ("float", "int"):
        return None
    bounds: dict[str, Value | None] = {"MIN": control.low, "MAX": control.high}
    return {key: value for key, value in bounds.items() if value is not None} or None


def _clips(control: Control) -> str:
    if control.low is None:
        return "none" if control.high is None else "high"
    return "low" if control.high is None else "both"
