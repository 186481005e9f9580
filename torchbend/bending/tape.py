"""Tapes: noise drawn once, that a place reads on and on, block after block.

A tape is one long loop for all values of a place: each channel starts somewhere else on it. So it
takes a megabyte, however many channels there are, and no ear hears it come round.
"""

import torch
from torch import Tensor, nn

from ..places import Place
from .fade import ramp
from .glide import Glide
from .kernel import Kernel
from .operand import Operand

__all__ = ["AHEAD", "LENGTH", "Position", "TapeKernel", "starts"]

LENGTH = 2**18  # frames: 5 s at 48 kHz, and more where a place has fewer frames a second
AHEAD = 2**13  # frames of the beginning that are kept behind the end, too
ITEM = 100_003  # frames from where one item of a batch starts to where the next one does


def starts(place: Place, time: int, generator: torch.Generator | None) -> Tensor:
    """Draw where on the tape each value of a frame starts.

    Args:
        place: an activation.
        time: its dimension of frames.
        generator: None: all start at the beginning.

    Returns:
        Whole numbers that broadcast over the place; one item of a batch.
    """
    shape = list(place.shape or ())
    shape[0] = shape[time] = 1
    if generator is None:
        return torch.zeros([1] * len(shape), dtype=torch.int64)
    return torch.randint(LENGTH, shape, generator=generator, device="cpu")


class Position(nn.Module):
    """Where on the tape each channel of a block is; it goes on from block to block."""

    state_position: Tensor
    starts: Tensor

    def __init__(self, starts: Tensor, time: int, items: bool) -> None:
        """Start at the beginning.

        Args:
            starts: where each value of a frame starts, to broadcast over a block.
            time: the dimension of frames.
            items: whether dim 0 counts items, each of which has noise of its own.
        """
        super().__init__()
        self.time = time
        self.items = items
        self.apart = ITEM
        self.mask = LENGTH - 1  # a power of two: what is beyond the end is at the beginning
        self.register_buffer("starts", starts)
        self.register_buffer("state_position", torch.zeros(1, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Return where a block's first frame is, and go on behind its last.

        Args:
            x: the block.

        Returns:
            Indices of the tape that broadcast over a frame of ``x``.
        """
        first = self.starts + self.state_position
        if self.items and x.size(0) > 1:
            shape = [1] * x.dim()
            shape[0] = x.size(0)
            first = first + (torch.arange(x.size(0), device=x.device) * self.apart).reshape(shape)
        self.go_on(x.size(self.time))
        return torch.bitwise_and(first, self.mask)

    def go_on(self, frames: int) -> None:
        """Move by so many frames, in place, for those who hold the buffer (a CUDA graph)."""
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            # what was made under inference_mode cannot be written outside of it
            if self.state_position.is_inference() and not torch.is_inference_mode_enabled():
                self.state_position = self.state_position.clone()
        self.state_position.add_(frames).bitwise_and_(self.mask)


class TapeKernel(Kernel):
    """``x + std * noise``, or that where ``draw < density``, both read from tapes."""

    glides = True

    noise: Tensor
    draw: Tensor

    def __init__(
        self,
        std: Operand,
        density: Operand,
        noise: Tensor,
        draw: Tensor | None,
        position: Position,
    ) -> None:
        """Add noise.

        Args:
            std: its level.
            density: how much of it there is, 0 to 1; read with ``draw`` only.
            noise: the tape, ``(LENGTH,)``.
            draw: likewise, uniform from 0 to 1; None: every value is hit.
            position: where on both.
        """
        super().__init__()
        self.std = std
        self.density = density
        self.position = position
        self.sparse = draw is not None
        self.ahead = AHEAD
        self.register_buffer("noise", torch.cat([noise, noise[:AHEAD]]))
        self.register_buffer(
            "draw", torch.zeros(0) if draw is None else torch.cat([draw, draw[:AHEAD]])
        )
        self.level = Glide()
        self.hits = Glide()

    def glide_along(self, time: int) -> None:
        """Let level and density glide along a dimension."""
        self.level.along = time
        self.hits.along = time

    def read(self, tape: Tensor, first: Tensor, x: Tensor) -> Tensor:
        """What a tape has for a block: runs of frames, which is faster than one by one."""
        time = self.position.time
        frames = x.size(time)
        if frames > self.ahead:
            length = tape.size(0) - self.ahead
            tape = tape[:length].repeat(frames // length + 2)
        runs = tape.unfold(0, frames, 1).index_select(0, first.flatten())
        size = list(first.shape)
        size.pop(time)
        size.append(frames)
        return runs.reshape(size).movedim(-1, time)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with the noise that follows that of the block before."""
        now = max(float(self.std.value), 0.0)
        hit = min(max(float(self.density.value), 0.0), 1.0)
        before: float = self.level(now)
        hit_before: float = self.hits(hit)
        first: Tensor = self.position(x)
        if now == 0.0 and before == 0.0:
            return x
        noise = self.read(self.noise, first, x).to(x.dtype)
        if self.sparse:
            draw = self.read(self.draw, first, x)
            if hit == hit_before:
                noise = noise * (draw < hit).to(x.dtype)
            else:
                edge = hit_before + (hit - hit_before) * ramp(draw, self.hits.along)
                noise = noise * (draw < edge).to(x.dtype)
        if now == before:
            return x + now * noise
        return x + (before + (now - before) * ramp(x, self.level.along)) * noise
