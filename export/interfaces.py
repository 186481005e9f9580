"""What the file's face knows of the model behind it.

TorchScript compiles a method together with every class it can see, at its first two calls.
A setter that saw a whole RAVE would need tens of milliseconds for them; behind an interface
it sees one method.
"""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import torch
from torch import Tensor, nn

__all__ = ["Folds", "Plays"]


@torch.jit.interface
class Plays(nn.Module):
    """A model with numbered methods from sound to sound."""

    def play(self, method: int, x: Tensor) -> Tensor:  # type: ignore[empty-body]
        """Run a method on ``(batch, channels, frames)``."""
        pass


@torch.jit.interface
class Folds(nn.Module):
    """What is computed anew when a control moves."""

    def fold(self) -> None:
        """Compute it."""
        pass
