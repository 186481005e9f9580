"""Places in TorchScript: their names, their shapes, what can be bent and what is memory."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
from typing import Any

import pytest
import torch
from script_nets import Convs, Loops, Lstm, make, net_of
from support import noise
from torch import Tensor, nn

import torchbend as tb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def bent(module: nn.Module, *inputs: Any) -> tb.BendedScript:
    """Scripted and traced as torchbend traces."""
    made = tb.BendedModule(torch.jit.script(module.eval()))
    made.trace("forward", *inputs)
    return made


def names(bended: tb.BendedScript, *, inner: bool, fn: str = "forward") -> list[str]:
    places = bended._trace_of(fn).places
    return [p.name for p in places if p.inner == inner and p.op != "placeholder"]


# -- names ---------------------------------------------------------------------------------
def test_modules_are_shown_and_operations_are_there() -> None:
    bended = tb.BendedModule(make("instances", "scripted"))
    bended.trace("forward", noise(1, 2, 4))
    blocks = [name for k in range(3) for name in (f"blocks.{k}.conv", f"blocks.{k}")]
    again = ["blocks.1.conv_1", "blocks.1_1", "blocks.1.half"]
    last = ["last.conv", "last", "last.conv_1", "last_1"]
    assert names(bended, inner=False) == blocks + again + last
    assert list(bended.activations()) == blocks + again + last
    inside = names(bended, inner=True)
    assert inside[:4] == [
        "blocks.0.conv/conv1d",
        "blocks.0.conv/_conv_forward",
        "blocks.0/tanh",
        "blocks.0/mul",
    ]
    assert "blocks.1.half/mul" in inside and "last/tanh_1" in inside and "add_2" in inside


def test_a_traced_net_has_the_same_names() -> None:
    """Torch numbers the further calls of a module there: ``forward1``."""
    scripted, other = (tb.BendedModule(make("convs", kind)) for kind in ("scripted", "traced"))
    for bended in (scripted, other):
        bended.trace("forward", noise(1, 2, 8))
    assert names(scripted, inner=False) == ["first", "act", "second", "act_1", "up"]
    assert names(other, inner=False) == names(scripted, inner=False)
    assert [n for n in names(other, inner=True) if n.startswith("first")] == ["first/convolution"]


def test_outputs_of_a_module_are_numbered() -> None:
    bended = bent(Lstm(), noise(6, 2, 3))
    shown = ["lstm.0", "lstm.1.0", "lstm.1.1"]
    assert names(bended, inner=False) == [*shown, *(f"{n}_1" for n in shown), "out"]
    y, (h, c) = net_of("lstm").lstm(noise(6, 2, 3))
    shapes = [bended.activation_shape(name) for name in shown]
    assert shapes == [y.shape, h.shape, c.shape]


def test_shapes_and_kinds_are_those_of_a_run() -> None:
    module = Convs()
    bended = bent(module, noise(3, 2, 10))
    seen: dict[str, Tensor] = {}
    for name, part in module.named_children():

        def see(_module: Any, _inputs: Any, out: Tensor, name: str = name) -> None:
            seen.setdefault(name, out)

        part.register_forward_hook(see)
    module(noise(3, 2, 10))
    for name, value in seen.items():
        assert bended.activation_shape(name) == value.shape
    table = bended.print_activations(out=None)
    for name in ("first", "act_1", "up"):
        (row,) = [line for line in table.splitlines() if line.startswith(f"{name} ")]
        assert str(bended.activation_shape(name)) in row
    assert "conv1d" not in table
    assert "first/conv1d" in bended.print_activations(flt=".*/")
    with pytest.raises(tb.BendingError, match="'thrid'.*"):
        bended.activation_shape("thrid")


def test_a_loop_is_one_place_that_is_bent_in_each_turn() -> None:
    x = torch.full((1, 3), 0.9)
    bended = bent(Loops(), x)
    turns: list[Tensor] = []

    def note(value: Tensor) -> Tensor:
        turns.append(value.clone())
        return value

    bended.bend(tb.Lambda(note), "step$")
    bended(x)
    assert len(turns) == int(x.abs().sum()) % 3 + 1


def test_a_branch_that_was_not_taken_is_found_by_another_trace() -> None:
    bended = tb.BendedModule(make("ifs", "scripted"))
    bended.trace("forward", -noise(1, 3).abs() - 3)
    first = set(bended.activation_names())
    bended.trace("forward", noise(1, 3).abs() + 3)
    assert set(bended.activation_names()) != first


# -- memory --------------------------------------------------------------------------------
class Kept(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("c", torch.zeros(4, 3))

    def forward(self, n: int) -> Tensor:
        return self.c[:n]


class Acts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x)


class Memories(nn.Module):
    """Views come out of modules and lists, and are written through."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.kept = Kept()
        self.acts = Acts()

    def forward(self, x: Tensor) -> Tensor:
        y = self.acts(self.lin(x))
        late = self.kept(x.size(0)).clone()
        now = self.kept(x.size(0))
        now.copy_(x)
        a, b = y.chunk(2)
        a.add_(1.0)
        for part in y.split(1):
            part.mul_(2.0)
        on = (y > 0) & (y < 9)
        return torch.where(on, y, b) + late


@pytest.mark.parametrize("name", ["kept_1", r"chunk\.0", "getitem", "add", "mul"])
def test_memory_that_is_written_is_refused(name: str) -> None:
    bended = bent(Memories(), noise(2, 3))
    with pytest.raises(tb.BendingError, match="memory that is written again later"):
        bended.bend(tb.Scale(2.0), f"{name}$")


@torch.no_grad()
def test_all_else_is_taken_and_neutral() -> None:
    module = Memories().eval()
    bended = bent(module, noise(2, 3))
    keys = [k for k in bended.bendable_keys("(.*/)?.*") if k not in bended.weight_names]
    assert {"lin", "acts", "acts.act", "and", "clone", "where", "add_1"} <= set(keys)
    bended.bend(tb.Lambda(torch.clone), *(f"{key}$" for key in keys))
    for seed in range(3):
        x = noise(2, 3, seed=seed)
        assert torch.equal(bended(x), module(x))
        assert torch.equal(bended._shadow.kept.c, module.kept.c)
