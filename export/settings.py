"""Controls of a file that the engine has no need of: the model's own settings, and arrays."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import torch
from torch import Tensor, nn

__all__ = ["Array", "Setting", "TensorArray"]


class Setting(nn.Module):
    """A setting that the model's methods read from a buffer of one element."""

    value: Tensor

    def __init__(self, value: Tensor, low: float, high: float) -> None:
        """Hold the model's own buffer, and its bounds."""
        super().__init__()
        self.register_buffer("value", value)
        self.low = float(low)
        self.high = float(high)

    @torch.jit.export
    def set(self, v: float) -> int:
        """Move it, clamped; -1, and nothing changes, if ``v`` is not a number."""
        if not (v <= 0.0 or v >= 0.0):
            return -1
        v = min(max(v, self.low), self.high)
        if abs(v) > 3.4e38:
            return -1
        with torch.no_grad():
            self.value.fill_(v)
        return 0

    @torch.jit.export
    def get(self) -> float:
        """Return the value as the model reads it."""
        return float(self.value.item())


class Array(nn.Module):
    """A vector that is set from an array of Pd or a buffer~ of Max; shown as text."""

    first: Tensor

    def __init__(self, control: nn.Module, value: Tensor) -> None:
        """Stand before the control of a vector, which starts at ``value``."""
        super().__init__()
        self.control = control
        self.register_buffer("first", value.detach().clone())

    @torch.jit.export
    def set(self, name: str) -> int:
        """Hear the name of an array; its content comes by :meth:`load`."""
        return 0

    @torch.jit.export
    def load(self, values: Tensor) -> int:
        """Take over the first channel of an array; -1 if its length is another."""
        if values.dim() > 1:
            values = values.reshape(-1, values.size(-1))[0]
        done: int = self.control.set(values)  # type: ignore[operator]
        return done

    @torch.jit.export
    def clear(self) -> int:
        """Return to the values that the file started with."""
        done: int = self.control.set(self.first)  # type: ignore[operator]
        return done

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
