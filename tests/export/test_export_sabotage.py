"""A file that is wrong on purpose is not handed over."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.bending import scripting
from torchbend.bending.fade import FadeKernel, GainKernel
from torchbend.errors import ExportError
from torchbend.tracing import script
from torchbend.tracing.fold import Fold


class Jumps(FadeKernel):
    """Takes a new setting at once."""

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = self.kernel(x)
        self.catch_up()
        return bent


class Reverses(FadeKernel):
    """Glides from the new setting to the old one."""

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = self.kernel(x)
        if self.moved():
            left: Tensor = self.before(x)
            self.catch_up()
            up = torch.arange(1, x.size(-1) + 1) / x.size(-1)
            return bent + (left - bent) * up
        return bent


class StartsAfresh(FadeKernel):
    """Glides from the file's first setting, whatever was set meanwhile."""

    def catch_up(self) -> None:
        for a, b in zip(self.now, self.then):  # noqa: B905
            b.stamp = a.stamp


class GainJumps(GainKernel):
    """Takes a new gain at once."""

    def forward(self, y: Tensor, b: Tensor | None = None) -> Tensor:
        g = 1.0
        for operand in self.weight:
            g *= float(operand.value)
        if b is not None:
            return (y - b[:, None]) * g + b[:, None]
        return y * g


class FoldsNearly(Fold):
    """Computes a weight a little wrong."""

    base: Tensor
    weight: Tensor

    @torch.jit.export
    def fold(self) -> None:
        with torch.no_grad():
            for kernel in self.kernels:
                kernel.into(self.base, self.weight)
            self.weight.mul_(1.001)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Conv1d(1, 4, 3, padding=1)
        self.b = nn.Conv1d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.tanh(self.a(x)))


def bent() -> tb.BendedModule:
    bended = tb.BendedModule(Net().eval())
    bended.trace("forward", torch.randn(1, 1, 64))
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "a.weight")
    bended.bend(tb.Bias(tb.BendingParameter("lift", 0.0, range=[-1, 1])), "b.weight")
    bended.bend(tb.Scale(tb.BendingParameter("drive", 1.0, range=[0, 2])), "tanh$")
    # moved together with all others it silences them: each is compared alone, too
    bended.bend(tb.Scale(tb.BendingParameter("on", True)), "b$")
    return bended


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "wrong", "told"),
    [
        (scripting, "FadeKernel", Jumps, "as drive moves"),
        (scripting, "FadeKernel", Reverses, "as drive moves"),
        (scripting, "FadeKernel", StartsAfresh, "as drive moves"),
        (scripting, "GainKernel", GainJumps, "as gain moves"),
        (script, "Fold", FoldsNearly, "lift"),
        (scripting, "FadeKernel", FadeKernel, ""),
    ],
    ids=["jumps", "reverses", "starts afresh", "gain jumps", "folds nearly", "right"],
)
def test_wrong_knobs_are_found_out(module, name, wrong, told, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(module, name, wrong)
    bended = bent()
    if not told:
        bended.export(tmp_path / "x.ts", patches=False)
        return
    with pytest.raises(ExportError, match=f"(?s)as the live model *fail.*{told}"):
        bended.export(tmp_path / "x.ts", patches=False)
    assert list(tmp_path.iterdir()) == []
