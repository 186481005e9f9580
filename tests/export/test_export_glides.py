"""A knob that moves again and again: each glide starts where the last one ended."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb


class Through(nn.Module):
    """Passes sound: what the bend does is what comes out."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + 0.0)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv1d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def exported(module: nn.Module, pattern: str, folder: Path) -> torch.jit.ScriptModule:
    bended = tb.BendedModule(module.eval())
    bended.trace("forward", torch.rand(1, 1, 32))
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 4])), pattern)
    bended.export(folder / "x.ts", check=False, patches=False)
    return torch.jit.load(str(folder / "x.ts"))


@pytest.mark.parametrize(
    ("module", "pattern"),
    [(Through(), "relu$"), (Layer(), "layer.weight"), (Layer(), "layer$")],
    ids=["activation", "weight", "layer"],
)
def test_every_glide_starts_where_the_last_one_ended(module, pattern, tmp_path):
    file = exported(module, pattern, tmp_path)
    bias = module.layer.bias.detach()[:, None] if isinstance(module, Layer) else torch.zeros(1)
    kept = bias if pattern == "layer.weight" else torch.zeros(1)  # what the gain leaves alone
    now = 1.0
    for i, value in enumerate((3.0, 0.5, 4.0, 1.0, 0.0, 2.0)):
        n = (16, 1, 64)[i % 3]
        x = torch.rand(1, 1, n, generator=torch.Generator().manual_seed(i))
        with torch.inference_mode():
            whole = module(x) - kept
            file.set_gain(value)
            up = torch.arange(1, n + 1) / n
            moving = whole * (now + (value - now) * up) + kept
            torch.testing.assert_close(file.forward(x), moving, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(file.forward(x), whole * value + kept, rtol=1e-5, atol=1e-6)
        now = value
