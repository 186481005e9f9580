"""Moving a knob without a click: exported kernels glide to a new setting within one block.

A kernel whose operands moved is computed once as it was and once as it is, and the two are
cross-faded over the block, sample by sample; of a gain this is a linear ramp. While nothing
moves, it costs a comparison. Live in Python a call gives the new setting alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Factor", "FadeKernel", "GainKernel", "ramp"]


def ramp(x: Tensor, dim: int) -> Tensor:
    """Return ``1/n, 2/n, ..., 1`` along a dimension of length n, shaped to broadcast over ``x``.

    It has the dtype of ``x``, and is complex where that is.
    """
    n = x.size(dim)
    shape = [1] * x.dim()
    shape[dim] = n
    steps = torch.arange(1, n + 1, device=x.device).to(x.dtype)
    return (steps / n).reshape(shape)


def bounded(gain: float) -> float:
    """Keep a product of gains where float32 has it; torch raises for a number beyond."""
    return min(max(gain, -1e38), 1e38)


class FadeKernel(nn.Module):
    """A kernel that cross-fades over the block after one of its operands moved.

    ``out = before + (now - before) * k/n`` for the k-th of n samples along ``dim``: the last
    sample is ``now`` exactly.
    """

    def __init__(
        self,
        kernel: nn.Module,
        before: nn.Module,
        now: Sequence[nn.Module],
        then: Sequence[nn.Module],
        dim: int,
    ) -> None:
        """Let ``kernel`` fade.

        Args:
            kernel: what runs; it reads the operands ``now``.
            before: the same, reading ``then``.
            now: operands that follow the controls.
            then: copies of them that nothing else moves.
            dim: time.
        """
        super().__init__()
        self.kernel = kernel
        self.before = before
        self.now = nn.ModuleList(now)
        self.then = nn.ModuleList(then)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Return the bent value of ``x``, a tensor of any shape that has the dimension."""
        bent: Tensor = self.kernel(x)
        if self.moved():
            left: Tensor = self.before(x)
            self.catch_up()
            smooth = left.is_floating_point() or left.is_complex()
            if left.shape == bent.shape and self.dim < bent.dim() and smooth:
                bent = torch.lerp(left, bent, ramp(bent, self.dim))
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        """Write the bent value of ``x`` into ``out``; what may hold a fade has this method, too."""
        out.copy_(self.forward(x))

    @torch.jit.export
    def update(self) -> None:
        """Recompute what depends on the controls; how it was stays until it has faded out."""
        self.kernel.update()  # type: ignore[operator]

    def moved(self) -> bool:
        """Whether an operand moved since the last block."""
        moved = False
        for a, b in zip(self.now, self.then):  # noqa: B905  TorchScript's has no `strict`
            moved = moved or a.stamp != b.stamp
        return moved

    def catch_up(self) -> None:
        """Take the operands' values over: what is now is what was before, at the next block."""
        for a, b in zip(self.now, self.then):  # noqa: B905
            b.value = a.value
            b.stamp = a.stamp
        self.before.update()  # type: ignore[operator]


class Factor(nn.Module):
    """The number that an operand holds."""

    def __init__(self, operand: nn.Module) -> None:
        """Read ``operand``, which holds a float or an int."""
        super().__init__()
        self.operand = operand

    def forward(self) -> float:
        """Return the number."""
        return float(self.operand.value)  # type: ignore[arg-type]


class GainKernel(nn.Module):
    """Scales of a layer's weight and bias, applied to the layer's output.

    With ``y = W x + b``, the layer with weight ``g W`` and bias ``h b`` gives
    ``g W x + h b = g y + (h - g) b``: exact, and free to move. g and h glide along ``dim``
    over the block after they moved (they jump if it is None). With g = h = 1 it returns ``y``
    untouched; else it writes into ``y``, which a layer has just made.
    """

    def __init__(
        self,
        weight: Sequence[nn.Module],
        bias: Sequence[nn.Module],
        g: float,
        h: float,
        channels: int,
        dim: int | None,
    ) -> None:
        """Make a gain.

        Args:
            weight: the factors of g: modules that give a float.
            bias: those of h.
            g: their product now.
            h: their product now.
            channels: dimension of the outputs that ``b`` has one value for.
            dim: time.
        """
        super().__init__()
        self.weight = nn.ModuleList(weight)
        self.bias = nn.ModuleList(bias)
        self.channels = channels
        self.dim = 0 if dim is None else dim
        self.glides = dim is not None
        self.g = float(g)
        self.h = float(h)

    def forward(self, y: Tensor, b: Tensor | None = None) -> Tensor:
        """Return the layer's output with the gains.

        Args:
            y: ``(..., channels, frames)`` of a convolution, ``(..., channels)`` of a linear
                layer. It is written into: all that reads the layer reads this kernel instead.
            b: the layer's bias ``(channels,)``, if it has one.
        """
        g = 1.0
        for factor in self.weight:
            g = bounded(g * factor())
        h = 1.0
        for factor in self.bias:
            h = bounded(h * factor())
        if g == self.g and h == self.h:
            return self._steady(y, b, g, h)
        if not self.glides:
            self.g = g
            self.h = h
            return self._steady(y, b, g, h)
        up = ramp(y, self.dim)
        gain = self.g + (g - self.g) * up
        rest = (self.h - self.g) + ((h - g) - (self.h - self.g)) * up
        self.g = g
        self.h = h
        y = y * gain
        if b is not None:
            y = y + self._along(b, y) * rest
        return y

    def _steady(self, y: Tensor, b: Tensor | None, g: float, h: float) -> Tensor:
        if g != 1.0:
            y = y.mul_(g)
        if b is not None and h != g:
            y = y.add_(self._along(b, y), alpha=h - g)
        return y

    def _along(self, b: Tensor, y: Tensor) -> Tensor:
        shape = [1] * y.dim()
        shape[self.channels] = b.numel()
        return b.reshape(shape)
