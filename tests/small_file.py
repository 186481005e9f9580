"""A tiny file that plays in nn~, of which any part can be broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchbend.description import EXTRA_FILE, AttributeInfo, FileInfo, MethodInfo

FORWARD = """
def forward(self, x: Tensor) -> Tensor:
    n = x.size(0)
    late = torch.cat([self.cache[:n], x[:, :, :-1]], -1)
    self.cache[:n].copy_(x[:, :, -1:])
    return (x + 0.5 * late) * self.gain
"""
ENCODE = """
def encode(self, x: Tensor) -> Tensor:
    return torch.cat([x[:, :, ::4], -x[:, :, ::4]], 1) * self.gain
"""
SET_GAIN = """
def set_gain(self, v: float) -> int:
    if not (v <= 0.0 or v >= 0.0):
        return -1
    self.gain.fill_(min(max(v, 0.0), 2.0))
    return 0
"""
PARTS = {
    "forward": FORWARD,
    "encode": ENCODE,
    "get_methods": "def get_methods(self) -> List[str]:\n    return ['forward', 'encode']\n",
    "get_attributes": "def get_attributes(self) -> List[str]:\n    return ['gain']\n",
    "get_gain": "def get_gain(self) -> List[float]:\n    return [float(self.gain)]\n",
    "set_gain": SET_GAIN,
    "get_sample_rate": "def get_sample_rate(self) -> int:\n    return 48000\n",
}
FORWARD_INFO = MethodInfo("forward", 1, 1, 1, 1, ("in",), ("out",))
ENCODE_INFO = MethodInfo("encode", 1, 1, 2, 4, ("in",), ("plus", "minus"))
GAIN_INFO = AttributeInfo("gain", "float", ("float",), (1.0,), 0.0, 2.0, (), ("Scale on x",))
INFO = FileInfo("small", (FORWARD_INFO, ENCODE_INFO), (GAIN_INFO,), 48000, ("cache",))


def small_module(
    parts: Mapping[str, str | None] | None = None,
    held: Mapping[str, Any] | None = None,
    gone: tuple[str, ...] = (),
) -> torch.jit.ScriptModule:
    """Make the module.

    Args:
        parts: source of methods to exchange or add; None takes one away.
        held: attributes and buffers to exchange or add; a ``nn.Buffer`` is registered.
        gone: attributes and buffers to take away.
    """
    root = type("Small", (nn.Module,), {})()
    things: dict[str, Any] = {
        "cache": nn.Buffer(torch.zeros(64, 1, 1)),
        "gain": nn.Buffer(torch.tensor(1.0)),
        "gain_params": nn.Buffer(torch.tensor([2])),
    }
    for info in (FORWARD_INFO, ENCODE_INFO):
        params = [info.in_channels, info.in_ratio, info.out_channels, info.out_ratio]
        things[f"{info.name}_params"] = nn.Buffer(torch.tensor(params))
        things[f"{info.name}_input_labels"] = list(info.input_labels)
        things[f"{info.name}_output_labels"] = list(info.output_labels)
    for name, value in {**things, **(held or {})}.items():
        if name not in gone:
            setattr(root, name, value)
    scripted = torch.jit.script(root)
    for source in {**PARTS, **(parts or {})}.values():
        if source is not None:
            scripted.define(source)
    return scripted


def small_file(
    path: Path,
    parts: Mapping[str, str | None] | None = None,
    held: Mapping[str, Any] | None = None,
    gone: tuple[str, ...] = (),
    ours: FileInfo | None | str = None,
) -> Path:
    """Save the module; with ``ours``, a description or its text, as if torchbend made it."""
    extra = {}
    if ours is not None:
        text = ours if isinstance(ours, str) else json.dumps(ours.to_dict())
        extra = {EXTRA_FILE: text}
    torch.jit.save(small_module(parts, held, gone), str(path), _extra_files=extra)
    return path


def with_gain(**changes: Any) -> FileInfo:
    """The description, with the attribute changed."""
    return replace(INFO, attributes=(replace(GAIN_INFO, **changes),))
