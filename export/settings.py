"""Controls of a file that the engine has no need of: the model's own settings, and arrays."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
from typing import Final

import torch
from torch import Tensor, nn

__all__ = ["Array", "TensorArray", "setting"]


class Setting(nn.Module):
    """A setting that the model's methods read from a buffer of one element.

    It holds the module of the buffer, not the buffer: moved to another device, a module gets
    other tensors.
    """

    # Constants: settings that differ in one have TorchScript classes of their own.
    buffer: Final[str]
    low: Final[float]
    high: Final[float]

    def __init__(self, holder: nn.Module, buffer: str, low: float, high: float) -> None:
        """Stand before a buffer of ``holder``; see :func:`setting`."""
        super().__init__()
        self.holder = holder
        self.buffer = buffer
        self.low = low
        self.high = high


def setting(holder: nn.Module, buffer: str, low: float, high: float) -> torch.jit.ScriptModule:
    """Make the control of a setting.

    Args:
        holder: the scripted module that has the buffer.
        buffer: its name there, a Python identifier.
        low: least value.
        high: greatest value.

    Returns:
        A module with ``set(v) -> int`` (0, or -1 and nothing changes, for what is no number)
        and ``get() -> float``.
    """
    control: torch.jit.ScriptModule = torch.jit.script(Setting(holder, buffer, low, high))
    if hasattr(control, "set"):  # the class is that of an export before, in this process
        return control
    control.define(
        "def set(self, v: float) -> int:\n"
        "    if not (v <= 0.0 or v >= 0.0):\n"
        "        return -1\n"
        "    v = min(max(v, self.low), self.high)\n"
        "    with torch.no_grad():\n"
        f"        self.holder.{buffer}.fill_(v)\n"
        "    return 0\n\n"
        "def get(self) -> float:\n"
        f"    return float(self.holder.{buffer}.item())\n"
    )
    return control


class Array(nn.Module):
    """A vector that is set from an array of Pd or a buffer~ of Max; shown as text."""

    first: Tensor

    def __init__(self, control: nn.Module, value: Tensor) -> None:
        """Stand before the control of a vector, which starts at ``value``."""
        super().__init__()
        self.control = control
        self.loaded = 0
        self.register_buffer("first", value.detach().clone())

    @torch.jit.export
    def set(self, name: str) -> int:
        """Hear the name of an array, whose content came by :meth:`load`; say how that went."""
        return self.loaded

    @torch.jit.export
    def load(self, values: Tensor) -> int:
        """Take over the first channel of an array; -1 if its length is another."""
        if values.dim() > 1 and values.numel() > 0:
            values = values.reshape(-1, values.size(-1))[0]
        self.loaded = self.control.set(values)  # type: ignore[operator]
        return self.loaded

    @torch.jit.export
    def clear(self) -> int:
        """Return to the values that the file started with."""
        self.loaded = self.control.set(self.first)  # type: ignore[operator]
        return self.loaded

    @torch.jit.export
    def get(self) -> str:
        """Say what is there; nn~ shows it."""
        values = self.control.get()  # type: ignore[operator]
        return f"{values.numel()} values from {float(values.min())} to {float(values.max())}"


class TensorArray(Array):
    """The same, set and read as a tensor."""

    first: Tensor

    @torch.jit.export
    def set(self, values: Tensor) -> int:  # type: ignore[override]
        """Take over the first channel of a tensor; -1 if its length is another."""
        return self.load(values)

    @torch.jit.export
    def get(self) -> Tensor:  # type: ignore[override]
        """Return the values."""
        values: Tensor = self.control.get()  # type: ignore[operator]
        return values
