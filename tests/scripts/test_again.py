"""A file that torchbend exported, opened, bent further and exported again: all knobs work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from script_nets import Late, Plays, reopened
from support import noise, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.contents import ask
from torchbend.scripts import BendedScript

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


# first generation: gain, keep, off; second: tilt, lift, amp; third: more, late
NEUTRAL = {"gain": 1.0, "keep": 1.0, "off": 0.0}
SECOND = {"tilt": 1.0, "lift": 0.0, "amp": 1.0}
THIRD = {"more": 1.0, "late": 0.0}


class Plain:
    """What the file plays, in plain torch, block by block."""

    def __init__(self, **knobs: float) -> None:
        self.net = seeded(Late)
        self.knobs = {**NEUTRAL, **SECOND, **THIRD, **knobs}
        self.past = torch.zeros(1, 1, 2)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        k, net = self.knobs, self.net
        y = torch.cat([self.past, x], -1)
        self.past = y[..., -2:]
        weight = net.one.weight * k["gain"] * k["more"]
        y = F.conv1d(y[..., : x.shape[-1]], weight, net.one.bias * k["tilt"], padding=1)
        y = (torch.tanh(y + k["lift"]) + k["off"]) * k["amp"] + k["late"]
        return F.conv1d(y, net.two.weight * k["keep"], net.two.bias * k["tilt"])


def knob(name: str, value: float) -> tb.BendingParameter:
    return tb.BendingParameter(name, value, range=[-2, 2])


def unchecked(bended: tb.BendedModule, path: Path) -> Path:
    bended.export(path, check=False, patches=False)
    return path


def first(path: Path, *, source: bool) -> Path:
    """Export with three knobs, from the module or from a .ts of it."""
    net = seeded(Late)
    bended = tb.BendedModule(net if source else torch.jit.script(net))
    bended.trace("forward", noise(1, 1, 64))
    bended.bend(tb.Scale(knob("gain", 1.0)), "one.weight")
    keep = tb.BendingParameter("keep", 1.0, range=[0, 1])
    bended.bend(tb.Mask(keep, seed=1), "two.weight")
    bended.bend(tb.Bias(knob("off", 0.0)), "tanh$")
    return unchecked(bended, path)


def second(opened: BendedScript, path: Path) -> Path:
    """Bend further: also what the first knobs move."""
    opened.bend(tb.Scale(knob("tilt", 1.0)), r"one\.bias", r"two\.bias")
    layer = "one$" if "one" in opened.activation_names() else "conv1d$"
    opened.bend(tb.Bias(knob("lift", 0.0)), layer)
    opened.bend(tb.Scale(knob("amp", 1.0)), "tanh$")
    return unchecked(opened, path)


def third(opened: BendedScript, path: Path) -> Path:
    opened.bend(tb.Scale(knob("more", 1.0)), r"one\.weight")
    opened.bend(tb.Bias(knob("late", 0.0)), "tanh$")
    return unchecked(opened, path)


@pytest.fixture(scope="module", params=[True, False], ids=["module", "ts"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The three generations."""
    folder = tmp_path_factory.mktemp("again")
    made = [first(folder / "first.ts", source=request.param)]
    made.append(second(tb.load(made[0]), folder / "second.ts"))
    made.append(third(tb.load(made[1]), folder / "third.ts"))
    return made


def opened(path: Path) -> Any:
    return torch.jit.load(str(path))


@torch.no_grad()
def played(module: Any, knobs: Mapping[str, float], blocks: int = 3) -> list[Tensor]:
    """Set knobs; blocks of sound behind the one that glides there."""
    for name, value in knobs.items():
        assert getattr(module, f"set_{name}")(value) == 0
        assert getattr(module, f"get_{name}")() == [pytest.approx(value)]
    module.forward(torch.zeros(1, 1, 16))
    return [module.forward(noise(1, 1, 16, seed=k)).clone() for k in range(blocks)]


def expected(knobs: Mapping[str, float], blocks: int = 3) -> list[Tensor]:
    plain = Plain(**knobs)
    plain(torch.zeros(1, 1, 16))
    return [plain(noise(1, 1, 16, seed=k)) for k in range(blocks)]


MOVES = [
    {},
    {"gain": 0.5},
    {"keep": 0.0},
    {"off": -0.3, "gain": 2.0},
    {"tilt": 0.25},
    {"lift": 0.4, "off": 0.2},
    {"amp": -1.5, "off": 0.5},
    {"gain": 0.5, "tilt": -2.0, "keep": 0.0},
    {"more": 0.5, "gain": 0.5, "late": 0.1},
    {"more": -1.0, "tilt": 2.0, "amp": 0.5, "off": 1.0, "late": -1.0},
]
GENERATIONS = [NEUTRAL, {**NEUTRAL, **SECOND}, {**NEUTRAL, **SECOND, **THIRD}]


HEARD = [(k, moves) for k in range(3) for moves in MOVES if moves.keys() <= GENERATIONS[k].keys()]


@pytest.mark.slow
@pytest.mark.parametrize(("generation", "moves"), HEARD)
def test_all_knobs_do_what_the_formula_says(
    files: list[Path], generation: int, moves: dict[str, float]
) -> None:
    got = played(opened(files[generation]), moves)
    torch.testing.assert_close(got, expected(moves), rtol=1e-5, atol=1e-5)
    if moves:
        unmoved = played(opened(files[generation]), {})
        assert not any(torch.allclose(g, u, atol=1e-3) for g, u in zip(got, unmoved, strict=True))


def test_every_knob_is_listed_in_the_order_in_which_it_was_made(files: list[Path]) -> None:
    for path, knobs in zip(files, GENERATIONS, strict=True):
        module = opened(path)
        assert module.get_attributes() == list(knobs)
        asked = ask(module, "x")
        assert not asked.problems
        assert {a.name: a.default for a in asked.info.attributes} == {
            name: (value,) for name, value in knobs.items()
        }


def test_names_are_those_of_the_model(files: list[Path]) -> None:
    weights = [name for name, _ in seeded(Late).named_parameters()]
    for path in files:
        bended = tb.load(path)
        assert sorted(bended.weight_names) == sorted(weights)
        assert bended.traced_methods == ["forward"]
        names = bended.bendable_keys("(.*/)?.*")
        assert {"tanh", "one.weight"} <= set(names)
        assert not [n for n in names if n.startswith(("_", "forward_"))], names


@torch.no_grad()
def test_first_knobs_are_moved_and_heard_live(files: list[Path]) -> None:
    """Also while bends are made: what was set stays set."""
    bended = tb.load(files[0])
    bended.set_gain(0.5)
    bended.forward(torch.zeros(1, 1, 16))
    bended.bend(tb.Scale(knob("amp", 1.0)), "tanh$")
    assert bended.get_gain() == [0.5]
    bended.set_off(0.25)
    bended.update("amp", -2.0)
    plain = Plain(gain=0.5, off=0.25, amp=-2.0)
    for module in (bended, plain):
        module(torch.zeros(1, 1, 16))
    for seed in range(3):
        x = noise(1, 1, 16, seed=seed)
        torch.testing.assert_close(bended(x), plain(x), rtol=1e-5, atol=1e-6)


def test_a_weight_that_a_knob_computes_is_shown_and_refused(files: list[Path]) -> None:
    for path in files:
        bended = tb.load(path)
        before = bended.bended_keys()
        assert bended.weight_shape("two.weight") == (1, 4, 1)
        with pytest.raises(tb.BendingError, match=r"'two\.weight' is computed anew by a knob"):
            bended.bend(tb.Scale(2.0), r"two\.weight")
        bended.bend(tb.Scale(2.0), r".*\.weight")  # the others are taken
        assert bended.bended_keys() == [*before, "one.weight"]


def test_a_knob_of_a_name_that_the_file_has_is_refused(files: list[Path], tmp_path: Path) -> None:
    bended = tb.load(files[0])
    bended.bend(tb.Scale(knob("gain", 1.0)), "tanh$")
    with pytest.raises(tb.TorchbendError, match="'gain'"):
        bended.export(tmp_path / "x.ts", check=False, patches=False)
    assert not list(tmp_path.iterdir())


def test_states_have_the_names_of_the_model(files: list[Path]) -> None:
    net = seeded(Late, seed=5)
    bended = tb.load(files[1])
    assert set(dict(net.named_parameters())) <= set(bended.state_dict())
    assert bended.create_version("same", bended.state_dict()) == []
    bended.create_version("other", net.state_dict(), strict=False)
    bended.bend(tb.Scale(2.0), r"one\.weight")
    state, bent = bended.state_dict(), bended.bended_state_dict()
    assert torch.equal(bent["one.weight"], state["one.weight"] * 2.0)
    assert [n for n in state if not torch.equal(bent[n], state[n])] == ["one.weight"]
    bended.reset()
    bended.version = "other"
    x = noise(1, 1, 16)
    with torch.no_grad():
        torch.testing.assert_close(bended(x), net(x), rtol=1e-5, atol=1e-6)


# -- the whole way, with the exporter's own check ------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("source", [True, False], ids=["module", "ts"])
def test_each_generation_passes_its_check(source: bool, tmp_path: Path) -> None:
    path = first(tmp_path / "a.ts", source=source)
    for number, more in enumerate((second, third)):
        bended = tb.load(path)
        path = more(bended, tmp_path / f"{number}.ts")
        bended.export(tmp_path / "checked.ts")
    assert opened(tmp_path / "checked.ts").get_attributes() == list(GENERATIONS[2])


# -- files with and without what nn~ reads -------------------------------------------------
def test_a_net_with_what_nn_reads_keeps_it(tmp_path: Path) -> None:
    module = torch.jit.script(seeded(Plays))
    module.save(str(tmp_path / "theirs.ts"))
    bended = tb.load(tmp_path / "theirs.ts")
    assert bended.traced_methods == ["forward", "shaped"]
    bended.bend(tb.Scale(knob("loud", 1.0)), r"body\.1$", fn="shaped")
    bended.export(tmp_path / "ours.ts", check=False, patches=False)
    ours, theirs = opened(tmp_path / "ours.ts"), reopened(module)
    assert ours.get_methods() == theirs.get_methods()
    assert ours.get_attributes() == ["mix", "loud"]
    assert ours.shaped_output_labels == ["(signal) left", "(signal) right"]
    with torch.inference_mode():
        for seed in range(3):
            x = noise(1, 1, 32, seed=seed)
            assert torch.equal(ours.forward(x), theirs.forward(x))
            assert torch.equal(ours.shaped(x), theirs.shaped(x))
        ours.set_mix(0.25), ours.set_loud(0.0)
        theirs.set_mix(0.25)
        x = noise(1, 1, 32, seed=9)
        assert torch.equal(ours.forward(x), theirs.forward(x)), "its knob, and not ours"
        ours.shaped(x)
        net = seeded(Plays)
        want = torch.cat([net.body[2](torch.zeros(1, 3, 32)), torch.sin(x)], 1)
        torch.testing.assert_close(ours.shaped(x), want, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scripted", "traced", "frozen"])
def test_a_net_without_it_is_exported_for_nn(kind: str, tmp_path: Path) -> None:
    net = seeded(Late)
    script = torch.jit.trace(net, noise(1, 1, 64)) if kind == "traced" else torch.jit.script(net)
    script = torch.jit.freeze(script) if kind == "frozen" else script
    script.save(str(tmp_path / "theirs.ts"))
    bended = tb.load(tmp_path / "theirs.ts")
    assert bended.traced_methods == []
    bended.trace("forward", noise(1, 1, 64))
    bended.bend(tb.Bias(knob("off", 0.0)), "tanh$")
    weight = "conv1d.weight" if kind == "frozen" else "one.weight"
    bended.bend(tb.Scale(knob("gain", 1.0)), weight.replace(".", r"\."))
    made = bended.export(tmp_path / "ours.ts")
    assert [m.name for m in made.info.methods] == ["forward"]
    for moves in ({}, {"off": 0.5}, {"gain": 0.5}):
        got = played(opened(made.path), moves)
        torch.testing.assert_close(got, expected(moves), rtol=1e-5, atol=1e-5)


class Nested(nn.Module):
    """Modules in modules, one of them called twice; a pair comes out of one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Sequential(nn.Conv1d(1, 3, 3, padding=1), nn.Tanh()), nn.Conv1d(3, 3, 1), nn.Tanh()
        )
        self.pair = Pair()
        self.last = nn.Conv1d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        low, high = self.pair(y)
        return self.last(low + high) + self.last(y)


class Pair(nn.Module):
    """Two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.act(x), x * 0.5


def test_modules_keep_their_names_in_files_that_are_opened_again(tmp_path):
    bended = tb.BendedModule(torch.jit.script(seeded(Nested)))
    x = noise(1, 1, 64)
    bended.trace("forward", x)
    names = bended.activation_names()
    assert {"body", "body.0", "body.0.0", "body.0.1", "pair.0", "pair.1", "last", "last_1"} <= set(
        names
    )
    inside = [r"body\.0\.0$", "pair.act$", "body.2/tanh", r"last\.weight", "pair/mul"]
    plain = bended.get_activations(".*", x=x)
    for generation, place in enumerate(inside):
        control = tb.BendingParameter(f"knob_{generation}", 1.0, range=[0, 2])
        bended.bend(tb.Scale(control), place)
        path = unchecked(bended, tmp_path / f"{generation}.ts")
        bended = tb.load(path)
        assert bended.activation_names() == names
        again = bended.get_activations(".*", x=x)
        assert all(torch.equal(again[name], plain[name]) for name in names)
    assert torch.equal(bended(x), seeded(Nested)(x))
