"""A model's own settings, in files that are exported one after the other."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn

from torchbend.export.settings import setting


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.ones(1))


@pytest.mark.parametrize("high", [2.0, 3.0])
def test_a_process_can_make_several_of_a_kind(high: float) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.knobs = torch.jit.script(Holder())
            self.first = setting(self.knobs, "level", 0.0, high)
            self.second = setting(self.knobs, "level", 0.0, high)

    stored = io.BytesIO()
    torch.jit.save(torch.jit.script(Both()), stored)
    stored.seek(0)
    both = torch.jit.load(stored)
    assert (both.first.set(9.0), both.second.get()) == (0, high)
    assert (both.second.set(0.25), both.first.get()) == (0, 0.25)
    assert (both.first.set(float("nan")), both.first.get()) == (-1, 0.25)
    assert float(both.knobs.level) == 0.25
