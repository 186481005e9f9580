"""What a file tells of its knobs: where they do nothing, and whether they glide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.contents import read_info
from torchbend.description import AttributeInfo
from torchbend.export.neutral import neutral_value_of_each, neutral_values
from torchbend.voice import voice

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def knob(value: object, name: str = "k", **options: object) -> tb.BendingParameter:
    return tb.BendingParameter(name, value, **options)


class Ours(tb.BendingCallback):
    """Says nothing about where it is neutral."""

    activation_compatible = True
    controllable_params = ("amount",)

    def __init__(self, amount: object) -> None:
        super().__init__(amount=amount)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda: [tb.Scale(knob(0.5))], 1.0),
        (lambda: [tb.Bias(knob(0.5))], 0.0),
        (lambda: [tb.Mask(knob(0.5))], 1.0),
        (lambda: [tb.Normal(knob(0.5))], 0.0),
        (lambda: [tb.ThresholdPermute(knob(0.5))], 0.0),
        (lambda: [tb.Scale(knob(3))], 1),
        (lambda: [tb.Scale(knob(False))], True),
        (lambda: [tb.Scale(knob(1j))], 1 + 0j),
        (lambda: [tb.Scale(knob([0.5, 2.0, 3.0]))], [1.0, 1.0, 1.0]),
        (lambda: [tb.Affine(scale=knob(0.5), bias=0.5)], 1.0),  # what is fixed is not its business
        (lambda: [tb.Scale(knob(0.5)), tb.Mask(knob(0.5, "other"))], 1.0),
        (lambda: [tb.Scale(knob(0.5)) >> tb.Bias(knob(0.5, "other"))], 1.0),
        # mapped
        (lambda: [tb.Mask(1 - knob(0.5))], 0.0),
        (lambda: [tb.Scale(2 * knob(0.5))], 0.5),
        (lambda: [tb.Scale(knob(2.0) / 4 - 1)], 8.0),
        (lambda: [tb.Scale(knob(2.0) ** -0.65)], 1.0),
        (lambda: [tb.Scale(8 / knob(2.0))], 8.0),
        (lambda: [tb.Bias(-knob(2.0))], 0.0),
        (lambda: [tb.Scale(abs(knob(2.0)))], 1.0),
        (lambda: [tb.Scale(knob([2.0, 3.0]) * 4)], [0.25, 0.25]),
        # there is none
        (lambda: [tb.Scale(knob(3.0, range=[2, 4]))], None),
        (lambda: [tb.Scale(knob(2.0) * 0.0)], None),
        (lambda: [tb.Scale(2 * knob(3))], None),  # half of a whole number
        (lambda: [tb.Normal(knob(0.5), op="mul")], None),
        (lambda: [Ours(knob(0.5))], None),
        (lambda: (lambda k: [tb.Scale(k), tb.Bias(k)])(knob(0.5)), None),
        (lambda: (lambda k: [tb.Bias(k), Ours(k)])(knob(0.5)), None),
        (lambda: (lambda k: [tb.Scale(k), tb.Bias(1 - k)])(knob(0.5)), 1.0),
    ],
)  # fmt: skip
def test_a_knob_is_neutral_where_what_it_moves_does_nothing(make, value):
    found = neutral_value_of_each(make())["k"]
    assert found == value
    assert type(found) is type(value)


def test_all_are_neutral_together_only_if_what_is_fixed_is():
    fixed = [tb.Scale(knob(0.5)), tb.Bias(0.5)]
    assert neutral_values(fixed, [knob(0.5)]) is None
    free = [tb.Scale(knob(0.5)), tb.Bias(0.0)]
    assert neutral_values(free, [knob(0.5), knob(7.0, "idle")]) == {"k": 1.0, "idle": 7.0}
    assert neutral_values([*free, Ours(1.0)], [knob(0.5)]) is None
    assert neutral_values([tb.Mask(1 - knob(0.5))], [knob(0.5)]) == {"k": 0.0}


class Net(nn.Module):
    """A layer, an activation, a weight that no layer reads, a layer behind which no time runs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv1d(2, 2, 1)
        self.free = nn.Parameter(torch.ones(2, 1))
        self.still = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.layer(x)) * self.free
        return y + self.still(x.mean(-1))[..., None]


def bent(*bends: tuple[tb.BendingCallback, str]) -> tb.BendedModule:
    bended = tb.BendedModule(Net().eval())
    bended.trace("forward", torch.rand(1, 2, 64))
    for callback, pattern in bends:
        bended.bend(callback, pattern)
    return bended


def told(bended: tb.BendedModule, path: Path) -> dict[str, AttributeInfo]:
    bended.export(path, check=False, patches=False)
    info = read_info(path)
    assert info is not None
    return {a.name: a for a in info.attributes}


class Counting(tb.BendingCallback):
    """Has a state of its own, so it is not computed twice a block."""

    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True
    controllable_params = ("amount",)

    def __init__(self, amount: object) -> None:
        super().__init__(amount=amount)

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        return x * self.get("amount")


@pytest.mark.parametrize(
    ("bends", "glides"),
    [
        (lambda k: [(tb.Scale(k), "tanh$")], True),
        (lambda k: [(tb.OrderedMask(k, seed=0, dim=1), "tanh$")], True),
        (lambda k: [(tb.Scale(k), "layer.weight")], True),
        (lambda k: [(tb.Scale(k), "layer.*"), (tb.Scale(k), "tanh$")], True),
        (lambda k: [(tb.Bias(k), "layer.weight")], False),
        (lambda k: [(tb.Scale(k), "free")], False),
        (lambda k: [(tb.Scale(k), "still.weight")], False),
        (lambda k: [(tb.Scale(k), "tanh$"), (tb.Bias(k), "layer.bias")], False),
        (lambda k: [(Counting(k), "tanh$")], False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("opened", [False, True], ids=["module", "file"])
def test_it_glides_where_the_next_block_starts_as_the_last_one_ended(
    bends: Callable[..., list[tuple[tb.BendingCallback, str]]],
    glides: bool,
    opened: bool,
    tmp_path: Path,
):
    bended = bent(*([] if opened else bends(knob(0.25))))
    if opened:
        bended.export(tmp_path / "bare.ts", check=False, patches=False)
        bended = tb.load(tmp_path / "bare.ts")
        for callback, pattern in bends(knob(0.25)):
            bended.bend(callback, pattern)
    (attribute,) = told(bended, tmp_path / "x.ts").values()
    assert attribute.glides is glides
    file = torch.jit.load(str(tmp_path / "x.ts"))
    x = torch.rand(1, 2, 1, generator=torch.Generator().manual_seed(1)).expand(1, 2, 1000)
    with torch.inference_mode():
        before = file.forward(x).clone()
        file.set_k(0.75)
        moving = file.forward(x).clone()
        after = file.forward(x).clone()
    step = (after[..., 0] - before[..., -1]).abs().max()
    assert step > 0.01
    first = (moving[..., 0] - before[..., -1]).abs().max()
    assert bool(first < 0.01 * step) is glides


def test_a_knob_of_a_later_export_glides_too(tmp_path):
    """Its gain sits between the layer and the bends that the file has on it."""
    told(bent((tb.Scale(knob(0.25)), "layer.*"), (tb.Bias(knob(0.1, "b")), "layer$")),
         tmp_path / "one.ts")  # fmt: skip
    again = tb.load(tmp_path / "one.ts")
    again.bend(tb.Scale(knob(0.5, "more")), r"layer\.weight")
    assert told(again, tmp_path / "two.ts")["more"].glides
    file = torch.jit.load(str(tmp_path / "two.ts"))
    x = torch.ones(1, 2, 1000)
    with torch.inference_mode():
        before = file.forward(x)[..., -1].clone()
        file.set_more(1.5)
        moving, after = file.forward(x).clone(), file.forward(x)[..., -1].clone()
    step = (after - before).abs().max()
    assert step > 0.01
    assert (moving[..., 0] - before).abs().max() < 0.01 * step


def test_every_attribute_at_neutral_gives_the_bits_of_the_module(tmp_path):
    bended = bent(
        (tb.Scale(2 * knob(0.3, "gain")), "layer.weight"),
        (tb.Mask(1 - knob(0.3, "thin", range=[0, 1]), seed=1), "free"),
        (tb.Bias(knob([0.1, 0.2], "offsets")), "tanh$"),
    )
    attributes = told(bended, tmp_path / "x.ts")
    assert {n: a.neutral for n, a in attributes.items()} == {
        "gain": (0.5,),
        "thin": (0.0,),
        "offsets": (0.0, 0.0),
    }
    file = torch.jit.load(str(tmp_path / "x.ts"))
    x = torch.rand(1, 2, 32)
    with torch.inference_mode():
        wanted = Net().eval()(x)
        assert not torch.equal(file.forward(x), wanted)
        for name, attribute in attributes.items():
            getattr(file, f"set_{name}")(*attribute.neutral)
        file.forward(x)  # in which they glide
        assert torch.equal(file.forward(x), wanted)


def test_a_long_vector_is_told_element_by_element(tmp_path):
    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x)

    bended = tb.BendedModule(Wide())
    bended.trace("forward", torch.rand(1, 20, 8))
    bended.bend(tb.Scale(knob([0.5] * 20)), "tanh$")
    (attribute,) = told(bended, tmp_path / "x.ts").values()
    assert attribute.types == ("buffer",)
    assert attribute.neutral == (1.0,) * 20


def test_a_file_of_others_keeps_its_attributes_untold(tmp_path):
    gained = bent((tb.Scale(knob(0.25)), "tanh$"))
    first = told(gained, tmp_path / "one.ts")
    again = tb.load(tmp_path / "one.ts")
    again.bend(tb.Bias(knob(0.25, "b")), "tanh$")
    attributes = told(again, tmp_path / "two.ts")
    assert attributes["k"].kept
    assert (attributes["k"].neutral, attributes["k"].glides) == ((1.0,), True)
    assert attributes["k"].neutral == first["k"].neutral
    # the same file, saved by somebody else: the description is lost
    torch.jit.load(str(tmp_path / "one.ts")).save(str(tmp_path / "other.ts"))
    other = tb.load(tmp_path / "other.ts")
    other.bend(tb.Bias(knob(0.25, "b")), "tanh$")
    attributes = told(other, tmp_path / "three.ts")
    assert (attributes["k"].neutral, attributes["k"].glides) == (None, False)
    assert (attributes["b"].neutral, attributes["b"].glides) == ((0.0,), True)


def test_the_voice_tells_sensible_values(tmp_path):
    attributes = told(voice(), tmp_path / "voice.ts")
    assert {n: a.neutral for n, a in attributes.items()} == {
        "tune": (1.0,), "metal": (0.0,), "haze": (0.0,), "scramble": (0.0,),
        "thin": (0.0,), "breath": (0.0,), "tail": (1.0,), "drive": (1.0,),
    }  # fmt: skip
    # the frequencies are no weights of a layer, noise and order belong to a whole weight
    jumping = {n for n, a in attributes.items() if not a.glides}
    assert jumping == {"tune", "metal", "haze", "scramble"}


def test_a_knob_tells_which_bend_it_is_of(tmp_path):
    """So does one that a file had before it was bent again."""
    pushed = tb.Bend(tb.Scale(knob(0.5, "push")), name="wide")
    told(bent((pushed, "tanh$"), (tb.Scale(knob(0.5)), "layer.weight")), tmp_path / "one.ts")
    again = tb.load(tmp_path / "one.ts")
    again.bend(tb.Bend(tb.Bias(0.5), name="up"), "tanh$")
    found = told(again, tmp_path / "two.ts")
    of_bends = {n: (a.bend, a.part, a.kept) for n, a in found.items()}
    assert of_bends == {
        "push": ("wide", "", True),
        "wide_amount": ("wide", "amount", True),
        "wide_bypass": ("wide", "bypass", True),
        "wide_solo": ("wide", "solo", True),
        "k": ("", "", True),
        "up_amount": ("up", "amount", False),
        "up_bypass": ("up", "bypass", False),
        "up_solo": ("up", "solo", False),
    }
    assert found["wide_amount"].neutral == (0.0,) and found["wide_bypass"].neutral is None
    assert found["wide_amount"].glides and found["wide_bypass"].glides
    assert found["wide_amount"].bends == ("Scale on forward:tanh",)
