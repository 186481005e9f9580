"""Writes the exports that ctest plays in the C++ host and `make compat` in torch 2.5.

    python scripts/make_exports.py FOLDER

Small nets with an attribute of every type, every operation on weights and on activations, a bend
of every family, and methods of several ratios and ranks; a RAVE v2_small with seven knobs; a
small RAVE of every kind. Files that are in the folder already are written anew.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import torchbend as tb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

P = tb.BendingParameter


# -- small nets ---------------------------------------------------------------------------
class Net(nn.Module):
    """Two convolutions; the state is a delay of three frames before them."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv1d(2, 6, 3, padding=1)
        self.b = nn.Conv1d(6, 2, 1)
        self.register_buffer("past", torch.zeros(64, 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Sound ``(batch, 2, frames)`` to the same."""
        y = torch.cat([self.past[: x.shape[0]], x], -1)
        self.past[: x.shape[0]].copy_(y[..., -3:])
        return self.b(torch.tanh(self.a(y[..., : x.shape[-1]])))


class Deep(nn.Module):
    """As many layers as there are callbacks to put on them."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """Sound ``(batch, 1, frames)`` to the same."""
        x = x.expand(-1, 8, -1)
        for layer in self.layers:
            x = torch.tanh(layer(x)) + x
        return x.mean(1, keepdim=True)


class Spin(nn.Module):
    """Two channels as one complex signal."""

    def forward(self, x: Tensor) -> Tensor:
        """Sound ``(batch, 2, frames)`` to the same."""
        turned = torch.complex(x[:, :1], x[:, 1:])
        return torch.cat([turned.real, turned.imag], 1)


class Codec(nn.Module):
    """Eight frames become three latents, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv1d(1, 3, 8, stride=8)
        self.up = nn.ConvTranspose1d(3, 1, 8, stride=8)

    def encode(self, x: Tensor) -> Tensor:
        """Latents of sound."""
        return self.down(x)

    def decode(self, z: Tensor) -> Tensor:
        """Sound of latents."""
        return self.up(z)

    def forward(self, x: Tensor) -> Tensor:
        """Both."""
        return self.decode(torch.tanh(self.encode(x)))


class Pair(nn.Module):
    """Two inputs without a dimension for channels, two outputs; one of them draws noise."""

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Sound ``(batch, frames)`` twice to the same."""
        return torch.relu(x * y), x + 0.01 * torch.rand_like(y)


def knobs() -> tb.BendedModule:
    """A knob of every type that is a number or a word."""
    bended = wrapped(Net(), 2)
    bended.bend(tb.Scale(P("gain", 1.0, range=[0.5, 2])), "a.weight")
    bended.bend(tb.Scale(P("count", 1, range=[0, 3])), "b$")
    bended.bend(tb.Scale(P("on", True)), "tanh$")
    bended.bend(tb.Normal(0.1, seed=1, op=P("how", "add", choices=["add", "mul"])), "b.weight")
    bended.bend(tb.Scale(P("eq", [1.0] * 6, range=[0, 2]), dim=1), "a$")
    bended.bend(tb.Bias(P("free", 0.0)), "b.bias")
    return bended


def turn() -> tb.BendedModule:
    """A complex knob."""
    bended = wrapped(Spin(), 2)
    bended.bend(tb.Scale(P("turn", 1 + 0j)), "complex.*")
    return bended


def vectors() -> tb.BendedModule:
    """One value a channel, on a weight and on an activation."""
    bended = wrapped(Net(), 2)
    bended.bend(tb.Scale(P("eq", [1.0] * 6, range=[0, 2]), dim=1), "tanh$")
    bended.bend(tb.Bias(P("shift", [0.0] * 6, range=[-1, 1]), dim=0), "a.weight")
    return bended


EVERY: list[Callable[[str], tb.BendingCallback]] = [
    lambda n: tb.Scale(P(n, 1.0, range=[0, 2])),
    lambda n: tb.Bias(P(n, 0.0, range=[-1, 1])),
    lambda n: tb.Affine(0.25, P(n, 1.0, range=[0, 2])),
    lambda n: tb.Normal(P(n, 0.0, range=[0, 0.5]), seed=1, dim=1),
    lambda n: tb.Mask(P(n, 1.0, range=[0, 1]), seed=2, dim=1),
    lambda n: tb.OrderedMask(P(n, 1.0, range=[0, 1]), seed=3, dim=1),
    lambda n: tb.ThresholdActivation(P(n, 1.0, range=[0, 1])),
    lambda n: tb.ThresholdPermute(P(n, 1.0, range=[0, 1]), seed=4, dim=1),
    lambda n: tb.Permute(dim=1, seed=5) >> tb.Scale(P(n, 1.0, range=[0, 2])),
]


def callbacks(fixed: str) -> tb.BendedModule:
    """Every callback, each on a layer's weight or on what comes out of one."""
    bended = wrapped(Deep(len(EVERY)), 1)
    for i, make in enumerate(EVERY):
        where = f"layers.{i}.weight" if fixed == "weights" else f"layers_{i}$"
        bended.bend(make(f"knob{i}"), where)
    return bended


def function() -> tb.BendedModule:
    """A function; no configuration can hold it, so the file carries none."""
    bended = wrapped(Deep(1), 1)
    bended.bend(tb.Lambda(torch.abs) >> tb.Scale(P("gain", 1.0, range=[0, 2])), "layers_0$")
    return bended


def codec() -> tb.BendedModule:
    """Three methods of two ratios."""
    bended = tb.BendedModule(Codec().eval())
    bended.trace("encode", torch.randn(1, 1, 64))
    bended.trace("decode", torch.randn(1, 3, 8))
    bended.trace("forward", torch.randn(1, 1, 64))
    bended.bend(tb.Scale(P("gain", 1.0, range=[0, 2])), "up.weight")
    bended.bend(tb.Bias(P("offset", 0.0, range=[-1, 1])), "encode:down$", "forward:down$")
    return bended


def pair() -> tb.BendedModule:
    """Inputs and outputs of other shapes than nn~'s."""
    bended = tb.BendedModule(Pair())
    bended.trace("forward", torch.rand(2, 32), torch.rand(2, 32))
    bended.bend(tb.Scale(P("gain", 1.0, range=[0, 2])), "relu$")
    return bended


def operations(kind: str) -> tb.BendedModule:
    """Every operation with every example."""
    from operation_nets import any_length, bent_activations, bent_weights, cases

    return bent_weights(cases(kind)) if kind == "weight" else bent_activations(any_length()[0])


def families() -> tb.BendedModule:
    """A bend of every family, with an amount, a bypass, a solo and a knob each."""
    from operation_nets import bent_families

    return bent_families()


def wrapped(module: nn.Module, channels: int) -> tb.BendedModule:
    """A module whose method forward is traced."""
    bended = tb.BendedModule(module.eval())
    bended.trace("forward", torch.randn(1, channels, 64))
    return bended


Made = tuple[tb.BendedModule, dict[str, object]]
NETS: dict[str, Callable[[], Made]] = {
    "knobs": lambda: (knobs(), {}),
    "complex": lambda: (turn(), {}),
    "vectors": lambda: (vectors(), {}),
    "tensors": lambda: (vectors(), {"vectors": {"eq": "tensor", "shift": "tensor"}}),
    "buffers": lambda: (vectors(), {"vectors": {"eq": "buffer", "shift": "buffer"}}),
    "weights": lambda: (callbacks("weights"), {}),
    "activations": lambda: (callbacks("activations"), {}),
    "operations_activations": lambda: (operations("activation"), {}),
    "operations_weights": lambda: (operations("weight"), {}),
    "families": lambda: (families(), {}),
    "function": lambda: (function(), {}),
    "codec": lambda: (codec(), {"sample_rate": 48000}),
    "pair": lambda: (pair(), {}),
}


# -- RAVE -----------------------------------------------------------------------------------
def raves(runs: Path) -> dict[str, Callable[[], Made]]:
    """What makes each RAVE, its run in a folder."""
    from rave_bends import KINDS, bent, bent_by_seven

    from torchbend.interfaces._rave_build import save_run

    made: dict[str, Callable[[], Made]] = {
        f"rave_{name}": lambda name=name, kind=kind: (bent(kind.save(runs / name)), {})
        for name, kind in KINDS.items()
    }
    made["rave_seven"] = lambda: (bent_by_seven(save_run(runs / "seven", "v2_small")), {})
    return made


def main() -> int:
    """Write the files. Those of small nets are checked, as every export is by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of the files")
    parser.add_argument("--check", action="store_true", help="those of RAVEs, too")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    # What is written must not depend on the machine's cores.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as runs:
        for name, make in {**NETS, **raves(Path(runs))}.items():
            if options.only and name not in options.only:
                continue
            began = time.perf_counter()
            torch.manual_seed(0)
            bended, settings = make()
            path = options.folder / f"{name}.ts"
            check = options.check or name in NETS
            bended.export(path, check=check, patches=False, **settings)
            print(f"{path}: {time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
