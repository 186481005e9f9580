"""RAVE's adaptive instance normalization, as a layer that plays in a graph.

The layer learns the statistics of a source and of a target sound, and from then on moves
the one to the other. What it does at a block depends on four switches and on what it has
learned: decisions that a graph would keep as they were when it was traced. So its working
is one scripted leaf, which decides anew at each block.
"""

import warnings

import torch
from torch import Tensor, nn

__all__ = ["Adain", "AdainSwitches"]


class AdainSwitches(nn.Module):
    """What a performer sets, for all layers of a model at once; a buffer of 0 or 1 each.

    ``learn_source`` and ``learn_target`` learn while they are on; ``reset_source`` and
    ``reset_target`` forget at the next block, and go off.
    """

    names = ("learn_target", "reset_target", "learn_source", "reset_source")

    learn_target: Tensor
    reset_target: Tensor
    learn_source: Tensor
    reset_source: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in self.names:
            self.register_buffer(name, torch.zeros(1, dtype=torch.int64))


class Adain(nn.Module):
    """One layer; its statistics are those of RAVE's ``AdaptiveInstanceNormalization``.

    Attributes:
        learn: whether to learn from the source, and from the target.
        reset: whether to forget what was learned of either, before the next block.
        norm: the scripted leaf with the statistics.
    """

    learn: Tensor
    reset: Tensor

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.register_buffer("learn", torch.zeros(2, dtype=torch.bool))
        self.register_buffer("reset", torch.zeros(2, dtype=torch.bool))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.norm = torch.jit.script(_Statistics(original))

    def follow(self, learn: Tensor, reset: Tensor) -> None:
        """Take over the switches; a reset stays due until the layer plays."""
        self.learn.copy_(learn)
        self.reset.logical_or_(reset)

    def forward(self, x: Tensor) -> Tensor:
        """Play a block ``(batch, channels, frames)``."""
        out: Tensor = self.norm(x, self.learn, self.reset)
        return out


class _Statistics(nn.Module):
    """Means and deviations of source (x) and target (y), one a batch row and channel."""

    mean_x: Tensor
    std_x: Tensor
    num_update_x: Tensor
    mean_y: Tensor
    std_y: Tensor
    num_update_y: Tensor

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        for side in "xy":
            for name in ("mean", "std", "num_update"):
                value = getattr(original, f"{name}_{side}")
                self.register_buffer(f"{name}_{side}", value.detach().clone())

    def forward(self, x: Tensor, learn: Tensor, reset: Tensor) -> Tensor:
        if bool(reset[0]):
            self.mean_x.zero_()
            self.std_x.fill_(1.0)
            self.num_update_x.zero_()
        if bool(reset[1]):
            self.mean_y.zero_()
            self.std_y.fill_(1.0)
            self.num_update_y.zero_()
        reset.zero_()
        batch = x.shape[0]
        if bool(learn[1]):
            mean, std = self.mean_y[:batch], self.std_y[:batch]
            mean += (x.mean(-1, keepdim=True) - mean) / (self.num_update_y + 1)
            std += (x.std(-1, keepdim=True) - std) / (self.num_update_y + 1)
            self.num_update_y += 1
            return x
        if bool(learn[0]):
            mean, std = self.mean_x[:batch], self.std_x[:batch]
            mean += (x.mean(-1, keepdim=True) - mean) / (self.num_update_x + 1)
            std += (x.std(-1, keepdim=True) - std) / (self.num_update_x + 1)
            self.num_update_x += 1
        if bool(self.num_update_x) and bool(self.num_update_y):
            x = (x - self.mean_x[:batch]) / (self.std_x[:batch] + 1e-5)
            x = x * self.std_y[:batch] + self.mean_y[:batch]
        return x
