"""Operations and bends in a file without its source: live, exported, opened and bent again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from operation_nets import INPUTS, TAPS, Branches, Case, any_length, cases
from operation_places import CHANNELS, FRAMES
from script_nets import Late
from support import noise, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.bending.kernel import Kernel, forget
from torchbend.contents import read_info
from torchbend.scripts import BendedScript

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

BLOCKS = (7, 1, 40, 16, 16)
Make = Callable[[], tb.BendingCallback]


class Plain:
    """What the net plays with its layers' output and first weight changed, block by block."""

    def __init__(self, one: Any = None, tanh: Any = None, weight: Any = None) -> None:
        self.net = seeded(Late, CHANNELS)
        self.one, self.tanh, self.weight = (
            f if f is not None else lambda x: x for f in (one, tanh, weight)
        )
        self.past = torch.zeros(1, 1, 2)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        y = torch.cat([self.past, x], -1)
        self.past = y[..., -2:]
        weight = self.weight(self.net.one.weight)
        y = F.conv1d(y[..., : x.shape[-1]], weight, self.net.one.bias, padding=1)
        return self.net.two(self.tanh(torch.tanh(self.one(y))))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The net as a file of somebody."""
    path = tmp_path_factory.mktemp("files") / "theirs.ts"
    torch.jit.script(seeded(Late, CHANNELS)).save(str(path))
    return path


def opened(path: Path) -> BendedScript:
    bended = tb.load(path)
    bended.trace("forward", noise(1, 1, FRAMES))
    return bended


def blocks(seed: int = 0) -> list[Tensor]:
    return list(torch.split(noise(1, 1, sum(BLOCKS), seed=seed), list(BLOCKS), -1))


@torch.no_grad()
def play(module: Any, parts: Sequence[Tensor]) -> list[Tensor]:
    return [module(part.clone()).clone() for part in parts]


def kernel_at(bended: tb.BendedModule, callback: tb.BendingCallback, key: str) -> Kernel:
    """What a callback is at a place, made anew and without a past."""
    (place,) = (p for p in bended._places() if p.key == key)
    if place.kind == "activation":
        return callback.kernel(place)
    weights = dict(seeded(Late, CHANNELS).named_parameters())
    return callback.kernel(place, weights[key].detach())


def near(a: list[Tensor], b: list[Tensor]) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


ON_ACTIVATIONS: dict[str, Make] = {
    "fold": lambda: tb.Fold(0.3),
    "erode": lambda: tb.Erode(5),
    "delay": lambda: tb.Delay(9),
    "flip": lambda: tb.Flip(window=16),
    "gradient and delay": lambda: tb.Gradient() >> tb.Delay(3),
    "some of it": lambda: tb.Bend(tb.Delay(5), 0.4, channels=[0, 2, 3]),
    "level kept": lambda: tb.Bend(tb.Fold(0.1), 0.9, restore="channel"),
    "whole level kept": lambda: tb.Bend(tb.Erode(3), channels=slice(1, None, 2), restore="whole"),
}
ON_WEIGHTS: dict[str, Make] = {
    "fold": lambda: tb.Fold(0.1),
    "erode": lambda: tb.Erode(2),
    "delay": lambda: tb.Delay(1),
    "some of it": lambda: tb.Bend(tb.Normal(0.5, seed=2), 0.4, channels=[0, 2, 3]),
    "level kept": lambda: tb.Bend(tb.Mask(0.5, seed=1), restore="channel"),
}


@pytest.mark.parametrize("name", ON_ACTIVATIONS)
def test_on_activations_live_and_exported(name: str, file: Path, tmp_path: Path) -> None:
    bended = opened(file)
    bended.bend(ON_ACTIVATIONS[name](), "one$", "tanh$")
    one, tanh = (
        kernel_at(bended, ON_ACTIVATIONS[name](), key) for key in ("forward:one", "forward:tanh")
    )
    want = play(Plain(one=one, tanh=tanh), blocks())
    near(play(bended, blocks()), want)
    bended.export(tmp_path / "ours.ts", check=False, patches=False)
    near(play(torch.jit.load(str(tmp_path / "ours.ts")), blocks()), want)  # from the start
    assert not torch.allclose(torch.cat(want, -1), torch.cat(play(Plain(), blocks()), -1))


@pytest.mark.parametrize("name", ON_WEIGHTS)
def test_on_weights_live_and_exported(name: str, file: Path, tmp_path: Path) -> None:
    bended = opened(file)
    bended.bend(ON_WEIGHTS[name](), r"one\.weight")
    weight = kernel_at(bended, ON_WEIGHTS[name](), "one.weight")
    want = play(Plain(weight=weight), blocks())
    near(play(bended, blocks()), want)
    bended.export(tmp_path / "ours.ts", check=False, patches=False)
    near(play(torch.jit.load(str(tmp_path / "ours.ts")), blocks()), want)
    assert not torch.allclose(torch.cat(want, -1), torch.cat(play(Plain(), blocks()), -1))


def test_what_a_bend_remembers_survives_another_bend(file: Path) -> None:
    """A new set of bends is operated into a new copy of the file."""
    bended = opened(file)
    bended.bend(tb.Delay(9), "one$")
    late = kernel_at(bended, tb.Delay(9), "forward:one")
    plain = Plain(one=late)
    first, *rest = blocks()
    near(play(bended, [first]), play(plain, [first]))
    handle = bended.bend(tb.Erode(5), "tanh$")
    plain.tanh = kernel_at(bended, tb.Erode(5), "forward:tanh")
    near(play(bended, rest[:2]), play(plain, rest[:2]))
    handle.undo()
    plain.tanh = lambda x: x
    near(play(bended, rest[2:]), play(plain, rest[2:]))


def test_a_script_goes_on_where_the_live_module_is(file: Path) -> None:
    bended = opened(file)
    bended.bend(tb.Delay(9) >> tb.Fold(0.3), "one$")
    first, *rest = blocks()
    play(bended, [first])
    scripted = bended.script()
    near(play(scripted, rest), play(bended, rest))


def test_a_call_that_fails_leaves_no_trace(file: Path) -> None:
    bended = opened(file)
    bended.bend(tb.Delay(9), "one$")
    first, *rest = blocks()
    play(bended, [first])
    with pytest.raises(tb.BendingError):
        bended(torch.zeros(1, 3, 5))
    plain = Plain(one=kernel_at(bended, tb.Delay(9), "forward:one"))
    play(plain, [first])
    near(play(bended, rest), play(plain, rest))


# -- knobs, generation after generation ----------------------------------------------------
def named() -> list[tuple[tb.BendingCallback, str]]:
    """Bends with a name, silent at first."""
    bends = [
        (tb.Bend(tb.Delay(5), name="late", channels=[0, 2, 3]), "one$"),
        (tb.Bend(tb.Fold(0.3), name="fold", restore="channel"), "tanh$"),
        (tb.Bend(tb.Scale(0.25), name="less"), r"one\.weight"),
        (tb.Bend(tb.Normal(0.5, seed=2), name="rough", channels=[1, 4], dim=1), r"two\.weight"),
    ]
    for bend, _ in bends:
        bend.amount.set_value(0.0)
    return bends


@pytest.fixture(scope="module")
def generations(file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The file with bends; with more bends, on what the first ones gave it."""
    folder = tmp_path_factory.mktemp("generations")
    first = opened(file)
    for bend, where in named():
        first.bend(bend, where)
    first.export(folder / "first.ts", check=False, patches=False)
    second = tb.load(folder / "first.ts")
    more = tb.Bend(tb.Flip(window=8), name="back")
    more.amount.set_value(0.0)
    second.bend(more, "one$")
    again = tb.Bend(tb.Fold(0.2), name="again")
    again.amount.set_value(0.0)
    second.bend(again, "tanh$")
    second.export(folder / "second.ts", check=False, patches=False)
    return [folder / "first.ts", folder / "second.ts"]


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("generation", [0, 1])
def test_silent_bends_leave_every_bit(generation: int, generations: list[Path]) -> None:
    module, net = torch.jit.load(str(generations[generation])), seeded(Late, CHANNELS)
    for part in blocks():
        assert torch.equal(module(part.clone()), net(part.clone()))
    for name in module.get_attributes():  # and so they do when they have been heard
        if name.endswith("_amount"):
            getattr(module, f"set_{name}")(1.0)
    heard = [module(part.clone()) for part in blocks(1)]
    plain = [net(part.clone()) for part in blocks(1)]
    assert not torch.allclose(torch.cat(heard, -1), torch.cat(plain, -1), atol=1e-2)
    for name in module.get_attributes():
        if name.endswith("_amount"):
            getattr(module, f"set_{name}")(0.0)
    module(blocks()[0].clone()), net(blocks()[0].clone())
    for part in blocks(2):
        assert torch.equal(module(part.clone()), net(part.clone()))


@pytest.mark.slow
def test_each_knob_of_each_generation(generations: list[Path], file: Path) -> None:
    """After a knob has moved and settled, it plays what the formula says."""
    source = opened(file)
    for generation, path in enumerate(generations):
        moves: dict[str, dict[str, Callable[[], Any]]] = {
            "late": {"one": lambda: tb.Bend(tb.Delay(5), 0.6, channels=[0, 2, 3])},
            "fold": {"tanh": lambda: tb.Bend(tb.Fold(0.3), 0.6, restore="channel")},
            "less": {"one.weight": lambda: tb.Bend(tb.Scale(0.25), 0.6)},
        }
        if generation == 1:
            moves["back"] = {"one": lambda: tb.Bend(tb.Flip(window=8), 0.6)}
            moves["again"] = {"tanh": lambda: tb.Bend(tb.Fold(0.2), 0.6)}
        for name, where in moves.items():
            ((place, make),) = where.items()
            key = place if place.endswith("weight") else f"forward:{place}"
            kernel = kernel_at(source, make(), key)
            plain = Plain(**{"weight" if place == "one.weight" else place: kernel})
            module: Any = torch.jit.load(str(path))
            long = noise(1, 1, 400, seed=9)  # it glides, and what measures a level has run in
            play(module, [long]), play(plain, [long])
            assert getattr(module, f"set_{name}_amount")(0.6) == 0
            play(module, [long]), play(plain, [long])
            near(play(module, blocks(3)), play(plain, blocks(3)))
            for switch in ("bypass", "solo"):
                assert f"{name}_{switch}" in module.get_attributes()


@pytest.mark.slow
def test_the_file_tells_which_knob_is_of_which_bend(generations: list[Path]) -> None:
    info = read_info(generations[1])
    assert info is not None
    parts = {a.name: (a.bend, a.part) for a in info.attributes}
    for name in ("late", "fold", "less", "rough", "back", "again"):
        for part in ("amount", "bypass", "solo"):
            assert parts[f"{name}_{part}"] == (name, part)
    assert all(a.glides for a in info.attributes if a.part == "amount" and a.bend != "rough")


@pytest.mark.slow
def test_each_generation_passes_its_check(file: Path, tmp_path: Path) -> None:
    first = opened(file)
    for bend, where in named():
        first.bend(bend, where)
    first.export(tmp_path / "first.ts", patches=False)
    second = tb.load(tmp_path / "first.ts")
    second.bend(tb.Bend(tb.Flip(window=8), name="back"), "one$")
    second.export(tmp_path / "second.ts", patches=False)


# -- every operation -----------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["activation", "weight"])
def test_every_operation_in_a_file(kind: str, tmp_path: Path) -> None:
    chosen = any_length()[0] if kind == "activation" else cases("weight")
    net = seeded(Branches, len(chosen), 1 if kind == "activation" else TAPS)
    torch.jit.script(net).save(str(tmp_path / "theirs.ts"))
    bended = tb.load(tmp_path / "theirs.ts")
    bended.trace("forward", noise(1, INPUTS, FRAMES))
    kernels = [_bend(bended, case, i, kind, net) for i, case in enumerate(chosen)]
    bended.export(tmp_path / "ours.ts", check=False, patches=False)
    file: Any = torch.jit.load(str(tmp_path / "ours.ts"))
    for kernel in kernels:
        forget(kernel)
    for k, frames in enumerate(BLOCKS):
        x = 0.5 * noise(1, INPUTS, frames, seed=k)
        with torch.no_grad():
            live, played = bended(x.clone()), file(x.clone())
            for i, (case, kernel) in enumerate(zip(chosen, kernels, strict=True)):
                layer = net.layers[i]
                if kind == "activation":
                    want = kernel(layer(x))
                else:
                    bent = kernel(layer.weight)
                    want = F.conv1d(x, bent, layer.bias, padding=TAPS // 2)
                own = slice(i * CHANNELS, (i + 1) * CHANNELS)
                for who, got in (("live", live), ("file", played)):
                    off = float((got[:, own] - want).abs().max()) / float(want.abs().max() + 1e-9)
                    assert off <= 1e-5, (who, case.operation.name, case.number, off)


def _bend(
    bended: BendedScript, case: Case, i: int, kind: str, net: nn.Module
) -> Kernel:
    """Bend one branch, and return another kernel of the same."""
    name = f"layers.{i}" if kind == "activation" else f"layers.{i}.weight"
    (place,) = (p for p in bended._places() if p.name == name)
    callback = case.callback(place)
    bended.bend(callback, rf"{name}$".replace(".", r"\."))
    value = net.layers[i].weight.detach() if kind == "weight" else None
    return callback.kernel(place, value)
