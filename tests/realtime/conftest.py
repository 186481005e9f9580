"""Small exported files for the worker's tests."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.hints import ExportHints


class Echo(nn.Module):
    """A filter with a memory: each block begins with the end of the last one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.near = nn.Conv1d(1, 4, 9, bias=False)
        self.far = nn.Conv1d(4, 1, 1, bias=False)
        self.register_buffer("past", torch.zeros(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.past.expand(x.shape[0], -1, -1), x], -1)
        self.past[:] = joined[:1, :, -8:]
        return self.far(torch.tanh(self.near(joined)))


class Coder(nn.Module):
    """Sound to two latents a block of 16 frames, and back."""

    def encode(self, x: Tensor) -> Tensor:
        cut = x.reshape(x.shape[0], -1, 16)
        return torch.stack([cut.mean(-1), cut.abs().amax(-1)], 1)

    def decode(self, z: Tensor) -> Tensor:
        return (z[:, :1] + 0.5 * z[:, 1:]).repeat_interleave(16, -1)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class BendedCoder(tb.BendedModule):
    def export_hints(self) -> ExportHints:
        return ExportHints(sample_rate=48000)


@pytest.fixture(scope="session")
def echo_file(tmp_path_factory):
    """`Echo` with a gain that glides (on an activation) and noise on its weights, that jumps."""
    bended = tb.BendedModule(Echo().eval())
    bended.trace("forward", torch.rand(1, 1, 64))
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 4])), "tanh")
    bended.bend(tb.Normal(tb.BendingParameter("haze", 0.0, range=[0, 1]), seed=1), "near.weight")
    path = tmp_path_factory.mktemp("echo") / "echo.ts"
    bended.export(path, check=False, patches=False)
    return path


@pytest.fixture(scope="session")
def bends_file(tmp_path_factory):
    """`Echo` with named bends: one with a knob, one with a memory, one on weights."""
    bended = tb.BendedModule(Echo().eval())
    bended.trace("forward", torch.rand(1, 1, 64))
    edge = tb.BendingParameter("edge", 0.2, range=[0.05, 1])
    bended.bend(tb.Bend(tb.Fold(edge), name="fold"), "tanh")
    bended.bend(tb.Bend(tb.Erode(4), name="worn"), "tanh")
    half = tb.BendingParameter("echo_amount", 0.5, range=[0, 1], clamp=True)
    bended.bend(tb.Bend(tb.Delay(2000), half, name="echo"), "far$")
    bended.bend(tb.Bend(tb.Normal(0.3, seed=1), name="haze"), "near.weight")
    path = tmp_path_factory.mktemp("bends") / "bends.ts"
    bended.export(path, check=False, patches=False)
    return path


@pytest.fixture(scope="session")
def coder_file(tmp_path_factory):
    """`Coder` with a gain on its latents."""
    bended = BendedCoder(Coder().eval())
    bended.trace("encode", torch.rand(1, 1, 64))
    bended.trace("decode", torch.rand(1, 2, 4))
    bended.trace("forward", torch.rand(1, 1, 64))
    bended.bend(tb.Scale(tb.BendingParameter("mix", 1.0, range=[0, 4])), "repeat_interleave")
    path = tmp_path_factory.mktemp("coder") / "coder.ts"
    bended.export(path, check=False, patches=False)
    return path
