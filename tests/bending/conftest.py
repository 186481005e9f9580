"""What the tests of callbacks share: places, and a trip through a saved script."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from torchbend.bending import BendingParameter, Kernel
from torchbend.bending.scripting import script_kernels
from torchbend.places import Place

PlaceMaker = Callable[..., Place]


@pytest.fixture
def weight() -> PlaceMaker:
    def make(x: Tensor, name: str = "w") -> Place:
        return Place(name, "weight", tuple(x.shape), x.dtype)

    return make


@pytest.fixture
def activation() -> PlaceMaker:
    def make(x: Tensor, name: str = "a", fn: str = "forward") -> Place:
        return Place(name, "activation", tuple(x.shape), x.dtype, fn, "call_module")

    return make


class _Top(nn.Module):
    def __init__(self, kernels: list[nn.Module], controls: dict[str, nn.Module]) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(kernels)
        self.controls = nn.ModuleDict(controls)

    def forward(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def update(self) -> None:
        for kernel in self.kernels:
            kernel.update()


@dataclass
class Exported:
    """Kernels and controls that were scripted, saved and loaded."""

    top: torch.jit.ScriptModule

    @property
    def kernels(self) -> list[torch.jit.ScriptModule]:
        return list(self.top.kernels.children())

    def set(self, name: str, *value: object) -> int:
        done = getattr(self.top.controls, name).set(*value)
        self.top.update()
        return done

    def get(self, name: str) -> object:
        return getattr(self.top.controls, name).get()


def save_and_load(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


@pytest.fixture
def export() -> Callable[..., Exported]:
    def run(kernels: Sequence[Kernel], parameters: Sequence[BendingParameter] = ()) -> Exported:
        scripted, controls = script_kernels(kernels, parameters)
        return Exported(save_and_load(torch.jit.script(_Top(scripted, controls))))

    return run


@pytest.fixture
def same_everywhere() -> Callable[..., Tensor]:
    """Run a kernel eagerly, scripted, and from a file; return what all three gave."""

    def run(kernel: Kernel, x: Tensor, *more: Tensor) -> Tensor:
        before = x.clone()
        out = kernel.forward(x)
        scripted, controls = script_kernels([kernel], [])
        loaded = Exported(save_and_load(torch.jit.script(_Top(scripted, controls)))).kernels
        for other in (*scripted, *loaded):
            # twice, and at other inputs between: TorchScript optimizes after some runs
            for _ in range(3):
                for each in more:
                    assert identical(other(each), kernel.forward(each))
                assert identical(other(x), out)
        assert identical(x, before), "the input was written into"
        return out

    return run


def identical(a: Tensor, b: Tensor) -> bool:
    """Same dtype, shape and bits, but for the sign of zeros; NaN equals NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(), b.nan_to_num())


@pytest.fixture(name="identical")
def _identical() -> Callable[[Tensor, Tensor], bool]:
    return identical


@pytest.fixture
def global_rng_untouched() -> Callable[[Callable[[], object]], None]:
    def check(action: Callable[[], object]) -> None:
        torch.manual_seed(11)
        before = torch.get_rng_state()
        action()
        assert torch.equal(torch.get_rng_state(), before)

    return check
