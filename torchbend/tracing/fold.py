"""What is computed anew when a control of a scripted module moves."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Fold", "Refresh"]


class Fold(nn.Module):
    """Computes a bent weight from the unbent one, in place, when a control moved."""

    base: Tensor
    weight: Tensor

    def __init__(
        self, base: Tensor, kernels: Sequence[nn.Module], weight: nn.Parameter
    ) -> None:
        super().__init__()
        self.register_buffer("base", base.detach().clone())
        self.kernels = nn.ModuleList(kernels)
        self.weight = weight

    @torch.jit.export
    def fold(self) -> None:
        """Compute the weight anew."""
        with torch.no_grad():
            x = self.base
            last = len(self.kernels) - 1
            for i, kernel in enumerate(self.kernels):
                kernel.update()  # type: ignore[operator]
                if i < last:
                    x = kernel(x)
                else:
                    kernel.into(x, self.weight)  # type: ignore[operator]


class Refresh(nn.Module):
    """Lets a user's callback on activations follow its controls."""

    def __init__(self, kernel: nn.Module) -> None:
        super().__init__()
        self.kernel = kernel

    @torch.jit.export
    def fold(self) -> None:
        """Recompute what the callback keeps."""
        with torch.no_grad():
            self.kernel.update()  # type: ignore[operator]
