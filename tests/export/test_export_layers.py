"""Exports of layers that compute in more than one way pass their own check."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb


class Recurrent(nn.Module):
    """A GRU: torch multiplies matrices in an order that depends on layout and gradients."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gru = nn.GRU(2, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.gru(x.transpose(1, 2))
        return self.out(y).transpose(1, 2)


@pytest.mark.slow
def test_a_recurrent_net_is_exported_and_neutral_to_the_bit(tmp_path):
    bended = tb.BendedModule(Recurrent().eval())
    bended.trace("forward", torch.randn(1, 2, 64))
    gain = tb.BendingParameter("gain", 1.0, range=[0, 2])
    bended.bend(tb.Scale(gain), "gru.weight_ih_l0", bend_graph=False)
    bended.export(tmp_path / "x.ts", patches=False)  # raises if its check fails
    file = torch.jit.load(str(tmp_path / "x.ts"))
    module = Recurrent().requires_grad_(False).eval()
    x = torch.randn(4, 2, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(file.forward(x), module(x))
