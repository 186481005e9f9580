"""What plays in the control process: where it begins, and what it does with no sound."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.realtime.opening import prepare
from torchbend.realtime.worker.inside import LiveBends

BLOCK, LATE = 64, 100


class Wire(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 1.0


def halved(x: Tensor) -> Tensor:
    return torch.from_numpy(x.numpy() / 2)


def test_bends_remember_neither_what_was_before_nor_what_was_no_sound(tmp_path):
    bended = tb.BendedModule(Wire())
    bended.trace("forward", torch.zeros(1, 1, BLOCK))
    bended.bend(tb.Lambda(halved), "mul")
    bended.bend(tb.Delay(LATE), "mul")
    bended(torch.ones(1, 1, 4 * BLOCK))  # played by its owner
    made = prepare(bended, folder=tmp_path)
    assert made.live is bended
    bends = LiveBends(bended, made.info, made.method, BLOCK, print)
    bends.begin()
    x = torch.rand(4 * BLOCK, 1)

    def played() -> Tensor:
        return torch.cat([bends.play(block, 0) for block in torch.split(x, BLOCK)])

    expected = torch.cat([torch.zeros(LATE, 1), x[:-LATE] / 2])
    torch.testing.assert_close(played(), expected)
    bends.play(torch.full((BLOCK, 1), float("nan")), 0)
    quiet = torch.zeros(BLOCK, 1)
    while not bends.bad_blocks:  # it comes out when it is due
        assert torch.isfinite(bends.play(quiet, 0)).all()
    torch.testing.assert_close(played(), expected)
    assert bends.bad_blocks == 1
