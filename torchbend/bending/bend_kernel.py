"""The kernel around a kernel: amount, bypass, solo, chosen channels, restored level."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .fade import ramp
from .glide import Glide
from .kernel import Kernel, remembers
from .levels import Restore
from .operand import Operand

__all__ = ["BendFactor", "BendKernel"]


class _AsItIs(nn.Module):
    """Restores nothing."""

    def forward(self, bent: Tensor, plain: Tensor) -> Tensor:
        return bent


class BendKernel(Kernel):
    """``x[chosen] = x[chosen] + amount * (kernel(x[chosen]) - x[chosen])``.

    Attributes:
        others: the solo switches of the other bends of the model.
        kin: those of the bends that this one is in, or that are in it.
    """

    glides = True

    chosen: Tensor

    def __init__(
        self,
        kernel: Kernel,
        amount: Operand,
        bypass: Operand,
        solo: Operand,
        chosen: Tensor | None,
        dim: int,
        restore: Restore | None,
    ) -> None:
        """Wrap ``kernel``, which takes the chosen channels of ``dim``; all if it is None."""
        super().__init__()
        self.kernel = kernel
        self.amount = amount
        self.bypass = bypass
        self.solo = solo
        self.others = nn.ModuleList()
        self.kin = nn.ModuleList()
        self.part = chosen is not None
        self.dim = dim
        self.restore: nn.Module = _AsItIs() if restore is None else restore
        self.register_buffer(
            "chosen", torch.zeros(0, dtype=torch.int64) if chosen is None else chosen
        )
        self.plainly = restore is None
        self.remembers = remembers(self)
        self.homogeneous = kernel.homogeneous and restore is None
        self.glide = Glide()
        self.gliding = False  # asked first: a call of a module costs as much as a small bend

    def hear_others(self, others: Sequence[Operand], kin: Sequence[Operand]) -> None:
        """Know the solo switches of the other bends of the model, and of its kin."""
        self.others, self.kin = nn.ModuleList(others), nn.ModuleList(kin)

    def glide_along(self, time: int) -> None:
        """Let the amount glide along a dimension; the kernel inside does so by itself."""
        self.gliding = True
        self.glide.along = time

    def level(self) -> float:
        """How much is heard now, 0 to 1."""
        heard = not bool(self.bypass.value)
        soloed = bool(self.solo.value)
        for switch in self.kin:
            soloed = soloed or bool(switch.value)
        if not soloed:
            for other in self.others:
                heard = heard and not bool(other.value)
        if not heard:
            return 0.0
        return min(max(float(self.amount.value), 0.0), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with its chosen channels bent as much as it is heard."""
        now = self.level()
        before = now
        if self.gliding:
            before = self.glide(now)
        if now == 0.0 and before == 0.0 and not self.remembers:
            return x
        plain = x
        if self.part:
            plain = x.index_select(self.dim, self.chosen)
        bent: Tensor = self.restore(self.kernel(plain), plain)
        if now == 0.0 and before == 0.0:
            return x
        if now != before:
            amount = before + (now - before) * ramp(plain, self.glide.along)
            bent = plain + (bent - plain) * amount
        elif now != 1.0:
            bent = torch.lerp(plain, bent, now)
        if self.part:
            return x.index_copy(self.dim, self.chosen, bent.to(x.dtype))
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        """Write the bent weight ``x`` into ``out``."""
        now = self.level()
        if now == 0.0 or self.part:
            out.copy_(x)
        if now == 0.0:
            return
        plain = x
        bent = out
        if self.part:
            plain = x.index_select(self.dim, self.chosen)
            bent = torch.empty_like(plain)
        self.kernel.into(plain, bent)
        if not self.plainly:
            bent.copy_(self.restore(bent, plain))
        if now != 1.0:
            torch.lerp(plain, bent, now, out=bent)
        if self.part:
            out.index_copy_(self.dim, self.chosen, bent)

    def parts(self) -> list[Kernel]:
        """The kernel inside."""
        return [self.kernel]

    def refreshes(self) -> bool:
        """Whether ``update`` does anything inside."""
        return self.kernel.refreshes()

    @torch.jit.export
    def update(self) -> None:
        """Update the kernel inside."""
        self.kernel.update()


class BendFactor(nn.Module):
    """What a bend multiplies with, where all it does is a Scale: ``1 + level * (scale - 1)``."""

    def __init__(self, bend: BendKernel, scale: nn.Module) -> None:
        """Take the kernel of such a bend, and what gives its scale."""
        super().__init__()
        self.bend = bend
        self.scale = scale

    def forward(self) -> float:
        """Return the factor."""
        scale: float = self.scale()
        return 1.0 + self.bend.level() * (scale - 1.0)
