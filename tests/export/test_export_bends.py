"""Bends with an amount in exported files: how knobs move, what is neutral, what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support import noise, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.contents import read_info
from torchbend.export.neutral import all_heard, neutral_value_of_each, neutral_values

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


class Through(nn.Module):
    """Passes sound: what the bend does is what comes out."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + 0.0)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv1d(1, 6, 3, padding=1)
        self.b = nn.Conv1d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.tanh(self.a(x)))


def bent(module: nn.Module, *bends: tuple[tb.BendingCallback, str]) -> tb.BendedModule:
    bended = tb.BendedModule(module)
    bended.trace("forward", noise(1, 1, 64).abs())
    for callback, pattern in bends:
        bended.bend(callback, pattern)
    return bended


def exported(bended: tb.BendedModule, folder: Path) -> Any:
    bended.export(folder / "x.ts", check=False, patches=False)
    return torch.jit.load(str(folder / "x.ts"))


def play(file: Any, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return file.forward(x.clone()).clone()


# -- knobs that move -----------------------------------------------------------------------
AMOUNTS = (0.25, 1.0, 0.0, 0.5)


@pytest.mark.parametrize(
    ("module", "callback", "pattern", "formula"),
    [
        (Through, lambda: tb.Fold(0.3), "relu$", lambda x, _: _folded(x, 0.3)),
        (Through, lambda: tb.Scale(3.0), "relu$", lambda x, _: 3 * x),
        (Layer, lambda: tb.Scale(3.0), "layer.weight", lambda x, _: 3 * x),
        (Through, lambda: tb.Erode(3), "relu$", lambda x, past: _least_of_three(x, past)),
    ],
    ids=["stateless", "gain", "weight", "state"],
)
def test_an_amount_moves_sample_by_sample_over_the_next_block(
    module: Any, callback: Any, pattern: str, formula: Any, tmp_path: Path
) -> None:
    net = seeded(module)
    file = exported(bent(net, (tb.Bend(callback(), name="it"), pattern)), tmp_path)
    before, past = 1.0, torch.zeros(1, 1, 64)
    play(file, past)
    for i, amount in enumerate(AMOUNTS):
        assert file.set_it_amount(amount) == 0
        for up in (torch.arange(1, 65) / 64, torch.ones(64)):
            x = noise(1, 1, 64, seed=i).abs()
            plain = net(x).detach()
            full = formula(plain, net(past).detach())
            now = before + (amount - before) * up
            torch.testing.assert_close(
                play(file, x), plain + now * (full - plain), rtol=1e-5, atol=1e-6
            )
            past = x
        before = amount


def _folded(x: Tensor, limit: float) -> Tensor:
    return torch.asin(torch.sin(x.double() * torch.pi / 2 / limit)).float() * 2 * limit / torch.pi


def _least_of_three(x: Tensor, past: Tensor) -> Tensor:
    joined = torch.cat([past, x], -1)
    shifted = [joined[..., joined.size(-1) - 64 - k : joined.size(-1) - k] for k in range(3)]
    return torch.stack(shifted).min(0)[0]


@pytest.mark.parametrize("restore", [None, "whole"], ids=["stateless", "state"])
def test_what_is_inside_a_bend_glides_too(restore: str | None, tmp_path: Path) -> None:
    gain = tb.BendingParameter("gain", 1.0, range=[0, 4])
    bend = tb.Bend(tb.Erode(1) >> tb.Scale(gain), 0.5, restore=restore)
    file = exported(bent(Through(), (bend, "relu$")), tmp_path)
    x = torch.ones(1, 1, 1000)
    play(file, x)
    file.set_gain(3.0)
    moving, after = play(file, x), play(file, x)
    if restore is None:
        up = torch.arange(1, 1001) / 1000
        torch.testing.assert_close(moving[0, 0], 1 + up, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(after, 2 * x)
    else:  # a constant at a constant level, once what was before is forgotten
        torch.testing.assert_close(after[..., 256:], x[..., 256:])
        assert float((moving - x).abs().max()) < 0.3
    info = read_info(tmp_path / "x.ts")
    assert info is not None and info.attributes[0].glides


def test_a_bend_that_scales_a_weight_keeps_no_second_weight(tmp_path: Path) -> None:
    inside = tb.Bend(tb.Scale(tb.BendingParameter("by", 0.5)), name="inside")
    bend = tb.Bend(inside, name="outside")
    file = exported(bent(seeded(Two), (bend, r"a\.weight")), tmp_path)
    assert not [n for n, _ in file.named_buffers() if n.endswith("base")]
    x, net = noise(1, 1, 64), seeded(Two)
    play(file, x)
    for by, inner, outer in ((0.5, 1.0, 1.0), (3.0, 0.5, 1.0), (3.0, 0.5, 0.25), (2.0, 0.0, 1.0)):
        file.set_by(by), file.set_inside_amount(inner), file.set_outside_amount(outer)
        play(file, x)
        scale = 1 + outer * (inner * (by - 1))
        weight = net.a.weight * scale
        a = torch.conv1d(x, weight, net.a.bias, padding=1)
        want = net.b(torch.tanh(a)).detach()
        torch.testing.assert_close(play(file, x), want, rtol=1e-5, atol=1e-6)
    file.set_outside_bypass(1)
    play(file, x)
    assert torch.equal(play(file, x), net(x))


@pytest.mark.parametrize("more", [{"channels": [0, 3]}, {"restore": "channel"}], ids=str)
def test_a_bend_that_does_more_than_scale_is_folded(more: dict[str, Any], tmp_path: Path) -> None:
    bend = tb.Bend(tb.Normal(0.5, seed=1) >> tb.Scale(2.0), name="it", **more)
    bended = bent(seeded(Two), (bend, r"a\.weight"))
    file = exported(bended, tmp_path)
    x = noise(1, 1, 64)
    for amount in AMOUNTS:
        file.set_it_amount(amount)
        bended.update("it_amount", amount)
        torch.testing.assert_close(play(file, x), bended(x).detach(), rtol=1e-5, atol=1e-6)


def test_solo_reaches_weights_and_activations(tmp_path: Path) -> None:
    bended = bent(
        seeded(Two),
        (tb.Bend(tb.Scale(0.5), name="first"), r"a\.weight"),
        (tb.Bend(tb.Normal(0.5, seed=1), name="second"), r"b\.weight"),
        (tb.Bend(tb.Fold(0.2), name="third"), "tanh$"),
        (tb.Bend(tb.Bias(0.3)), "a$"),  # without a name: it has no knobs, and is silenced
    )
    file = exported(bended, tmp_path)
    x = noise(1, 1, 64)
    sounds = []
    for solo in (None, "first", "second", "third"):
        for name in ("first", "second", "third"):
            getattr(file, f"set_{name}_solo")(int(name == solo))
            bended.update(f"{name}_solo", name == solo)
        play(file, x)
        sounds.append(play(file, x))
        torch.testing.assert_close(sounds[-1], bended(x).detach(), rtol=1e-5, atol=1e-6)
    for i, sound in enumerate(sounds):
        assert not any(torch.allclose(sound, other, atol=1e-3) for other in sounds[:i])


# -- what is stored ------------------------------------------------------------------------
def test_what_was_drawn_is_in_the_file_once(tmp_path: Path) -> None:
    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x.repeat(1, 256, 1)).mean(1, keepdim=True)

    sizes = []
    for prob in (0.5, tb.BendingParameter("prob", 0.5, range=[0, 1])):
        bended = tb.BendedModule(Wide())
        bended.trace("forward", torch.rand(1, 1, 1024))
        bended.bend(tb.Bend(tb.OrderedMask(prob, seed=1), name="it"), "relu$")
        exported(bended, tmp_path)
        sizes.append((tmp_path / "x.ts").stat().st_size)
    assert max(sizes) < 1.5 * 256 * 1024 * 4


def test_a_file_starts_without_a_past(tmp_path: Path) -> None:
    bended = bent(Through(), (tb.Bend(tb.Delay(9), name="it"), "relu$"))
    bended(noise(1, 1, 64))
    file = exported(bended, tmp_path)
    assert torch.equal(play(file, torch.ones(1, 1, 16))[..., :9], torch.zeros(1, 1, 9))
    info = read_info(tmp_path / "x.ts")
    assert info is not None and info.state
    buffers = dict(file.named_buffers())
    assert all(buffers[name].any() for name in info.state)  # it remembers the ones now


# -- neutral -------------------------------------------------------------------------------
def knob(value: Any, name: str = "k", **options: Any) -> tb.BendingParameter:
    return tb.BendingParameter(name, value, **options)


@pytest.mark.parametrize(
    ("make", "each", "together"),
    [
        # an amount of 0 is enough, whatever is inside
        (lambda: tb.Bend(tb.Fold(knob(0.5)), name="b"), {"b_amount": 0.0}, {"b_amount": 0.0}),
        (
            lambda: tb.Bend(tb.Scale(knob(0.5)), name="b"),
            {"b_amount": 0.0, "k": 1.0},
            {"b_amount": 0.0},
        ),
        # without a knob for it, what is inside decides, or the bypass
        (lambda: tb.Bend(tb.Scale(knob(0.5)), 0.5), {"k": 1.0}, {"k": 1.0}),
        (lambda: tb.Bend(tb.Fold(0.5), 0.5, bypass=knob(False)), {}, {"k": True}),
        (lambda: tb.Bend(tb.Fold(knob(0.5)), 0.5), {}, None),
        (lambda: tb.Bend(tb.Fold(knob(0.5)), knob(0.6, "a", range=[0.5, 1])), {}, None),
        # what is never heard asks for nothing
        (lambda: tb.Bend(tb.Fold(knob(0.5)), 0.0), {}, {}),
        (lambda: tb.Bend(tb.Fold(knob(0.5)), bypass=True), {}, {}),
        (
            lambda: tb.Bend(tb.Fold(0.5), name="a") >> tb.Bend(tb.Sine(), name="b"),
            {"a_amount": 0.0, "b_amount": 0.0},
            {"a_amount": 0.0, "b_amount": 0.0},
        ),
    ],
)
def test_where_a_bend_is_neutral(make: Any, each: Any, together: Any) -> None:
    bend = make()
    told = neutral_value_of_each([bend])
    assert not any(name.endswith(("bypass", "solo")) for name in told)
    assert {name: value for name, value in told.items() if value is not None} == each
    found = neutral_values([bend], list(bend.controls.values()))
    if together is None:
        assert found is None
    else:
        now = {name: c.get_python_value() for name, c in bend.controls.items()}
        assert found == {**now, **together}


def test_the_switches_that_would_silence_a_bend() -> None:
    bends = [tb.Bend(tb.Fold(0.5), name="a") >> tb.Bend(tb.Sine(), name="b"), tb.Scale(knob(1.0))]
    assert all_heard(bends) == dict.fromkeys(("a_bypass", "a_solo", "b_bypass", "b_solo"), False)


# -- the exporter's check ------------------------------------------------------------------
@pytest.mark.slow
def test_bends_that_start_silent_pass_the_check(tmp_path: Path) -> None:
    limit = knob(0.3, "limit", range=[0.1, 1])
    bends = [
        (tb.Bend(tb.Fold(limit), name="fold"), "tanh$"),
        (tb.Bend(tb.Erode(4), name="erode", bypass=knob(True, "off")), "a$"),
    ]
    for bend, _ in bends:
        bend.amount.set_value(0.0)
    bent(seeded(Two), *bends[:1]).export(tmp_path / "alone.ts", patches=False)
    bent(seeded(Two), *bends).export(tmp_path / "both.ts", patches=False)
    for name, heard in (("alone", False), ("both", True)):  # a solo beside nothing is no knob
        info = read_info(tmp_path / f"{name}.ts")
        assert info is not None
        (solo,) = (a for a in info.attributes if a.name == "fold_solo")
        assert bool(solo.bends) == heard
