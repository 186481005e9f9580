"""What a new root before an opened file adds, and what its setters cost."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from files_of_others import (
    Layer,
    Net,
    Player,
    Two,
    info_of,
    knob,
    names,
    opened,
    operate,
    play,
    reface,
    with_knob,
)
from support import noise, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.archive import Archive
from torchbend.contents import read_info
from torchbend.errors import ExportError
from torchbend.export.check import check
from torchbend.export.file_face import build_file_face

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[nn.Module], Path]:
    def save(module: nn.Module) -> Path:
        path = tmp_path / "theirs.ts"
        torch.jit.save(torch.jit.script(module.eval()), str(path))
        return path

    return save


@pytest.fixture
def theirs(saved: Callable[[nn.Module], Path]) -> Path:
    return saved(Net())


# -- what is added -------------------------------------------------------------------------
def test_a_new_attribute_is_heard_and_the_old_ones_still_are(theirs):
    x = noise(1, 1, 64)
    a, b = opened(theirs), opened(with_knob(theirs))
    assert b.get_attributes() == ["on", "gain", "pair", "loud"]
    assert b.loud_params.tolist() == [2]
    assert torch.equal(play(a, "forward", x), play(b, "forward", x))
    assert b.set_loud(0.5) == 0
    assert b.set_loud(float("nan")) == -1
    assert b.get_loud() == [0.5]
    assert torch.equal(play(a, "forward", x) * 0.5, play(b, "forward", x))
    assert a.set_gain(0.0) == b.set_gain(0.0) == 0
    assert torch.equal(play(a, "forward", x) * 0.5, play(b, "forward", x))


def test_a_face_before_a_face_before_a_file(theirs):
    x = noise(1, 1, 64)
    once = with_knob(theirs)
    twice = with_knob(once, "louder", out="twice.ts")
    thrice = with_knob(twice, "loudest", "shifted", out="thrice.ts")
    a, b = opened(theirs), opened(thrice)
    assert b.get_attributes() == ["on", "gain", "pair", "loud", "louder", "loudest"]
    assert torch.equal(play(a, "forward", x), play(b, "forward", x))
    for number, name in enumerate(("loud", "louder")):
        assert getattr(b, f"set_{name}")(0.5) == 0
        assert torch.equal(play(a, "forward", x) * 0.5 ** (number + 1), play(b, "forward", x))
    assert b.set_on(False) == 0
    assert not torch.count_nonzero(play(b, "forward", x))
    assert {"layer.weight", "layer.last", "bias", "mean"} <= names(b)
    assert not [row for row in check(thrice) if row.result == "FAIL"]


def test_a_face_before_a_file_of_ours(tmp_path):
    """Made from a module with source: its knobs move on, through two roots."""
    x = noise(1, 1, 64)
    net = seeded(Two)
    bended = tb.BendedModule(net)
    bended.trace("forward", x)
    bended.bend(tb.Scale(tb.BendingParameter("first", 1.0, range=[0, 4])), "one.weight")
    bended.bend(tb.Bias(tb.BendingParameter("second", 0.0, range=[-1, 1])), "forward:tanh$")
    made = bended.export(tmp_path / "theirs.ts", check=False, patches=False)
    attribute, kernel = knob("third")
    model = opened(made.path)
    operate(model, "forward", kernel, "_bend0")
    ours = opened(reface(made.path, [attribute], model=model, info=read_info(made.path)))
    assert ours.get_attributes() == ["first", "second", "third"]
    values = {"first": 2.5, "second": 0.25, "third": 0.5}
    theirs = opened(made.path)
    for name, value in values.items():
        assert getattr(ours, f"set_{name}")(value) == 0
        assert getattr(ours, f"get_{name}")() == [value]
        if name != "third":
            assert getattr(theirs, f"set_{name}")(value) == 0
    a, b = (play(module, "forward", x, block=32) for module in (theirs, ours))
    assert torch.equal(a * 0.5, b)
    assert ours.set_first(float("nan")) == -1
    inner = torch.tanh(nn.functional.conv1d(x, 2.5 * net.one.weight, net.one.bias)) + 0.25
    want = 0.5 * net.two(inner)
    assert torch.allclose(b[..., 32:], want[..., 32:], atol=1e-5)


def test_two_faces_in_one_process_do_not_meet(theirs):
    first, second = opened(theirs), opened(theirs)
    info = info_of(theirs)
    with_one, without = (
        build_file_face(first, info, [knob()[0]], None),
        build_file_face(second, info, [], None),
    )
    assert with_one.get_attributes() == ["on", "gain", "pair", "loud"]
    assert without.get_attributes() == ["on", "gain", "pair"]
    assert not hasattr(without, "set_loud")


def test_arrays_of_ours_beside_those_of_the_file(saved):
    class Arrays(Player):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.zeros(4))

        @torch.jit.export
        def get_buffer_attributes(self) -> list[str]:
            return ["wave"]

        @torch.jit.export
        def set_buffer_attribute(self, buffer_name: str, buffer: Tensor, sr: int) -> int:
            self.kept[0] = sr
            return 3 if buffer_name == "wave" else -5

        @torch.jit.export
        def clear_buffer_attribute(self, buffer_name: str) -> None:
            self.kept.zero_()

        @torch.jit.export
        def is_buffer_empty(self, buffer_name: str) -> bool:
            return bool(self.kept[0] == 0)

    path = saved(Arrays())
    alone = opened(reface(path))
    assert alone.clear_buffer_attribute("wave") == 0
    values = torch.tensor([0.0, 1.0])
    face = opened(reface(path, [knob("curve", values, vector="buffer")[0]]))
    assert face.get_buffer_attributes() == ["wave", "curve#0"]
    assert face.is_buffer_empty("wave")
    assert face.set_buffer_attribute("wave", values, 5) == 3
    assert face.set_buffer_attribute("other", values, 5) == -5
    assert not face.is_buffer_empty("wave")
    assert face.clear_buffer_attribute("wave") == 0
    assert face.is_buffer_empty("wave")
    assert not face.is_buffer_empty("curve#0")
    assert face.set_buffer_attribute("curve#0", values[:1], 5) == -1
    assert face.set_buffer_attribute("curve#0", values / 2, 5) == 0
    assert face.get_curve() == ["2 values from 0. to 0.5"]
    assert face.clear_buffer_attribute("curve#0") == 0
    assert face.get_curve() == ["2 values from 0. to 1."]


def test_arrays_of_a_file_that_nn_does_not_know(saved):
    class Odd(Player):
        @torch.jit.export
        def set_buffer_attribute(self, values: Tensor) -> int:
            return 0

    path = saved(Odd())
    assert opened(reface(path)).set_buffer_attribute(torch.zeros(1)) == 0
    curve = knob("curve", torch.zeros(2), vector="buffer")[0]
    with pytest.raises(ExportError, match=r"curve.*set_buffer_attribute.*as \"floats\""):
        reface(path, [curve])


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("gain", "the attribute 'gain' of the file"),
        ("methods", "get_methods"),
        ("mean", "'mean' of the file"),
        ("layer", "'layer' of the file"),
        ("hop", "'hop' of the file"),
        ("forward", "the method 'forward' of the file"),
        ("shifted_output_labels", "the method 'shifted' of the file"),
        ("sample_rate", "nn~, torch or Python"),
        ("parameters", "nn~, torch or Python"),
    ],
)
def test_names_that_are_taken(theirs, name, owner):
    with pytest.raises(ExportError) as error:
        reface(theirs, [knob(name)[0]])
    assert f"the attribute {name!r}" in str(error.value)
    assert owner in str(error.value)


def test_settings_that_several_methods_share(saved):
    """A value is one thing, whoever reads or sets it, and from wherever."""

    class Shared(Player):
        def __init__(self) -> None:
            super().__init__()
            self.level = 1.0
            self.seen: list[int] = [0]
            self.layer = Layer()
            self.register_buffer("level_params", torch.tensor([2]))

        def forward(self, x: Tensor) -> Tensor:
            self.seen.append(x.size(-1))
            if self.level > 2.0:
                self.level = 2.0
            return self.layer(x)[:, :1] * self.level

        @torch.jit.export
        def get_attributes(self) -> list[str]:
            return ["level"]

        @torch.jit.export
        def get_level(self) -> float:
            if self.level > 0:
                return self.level
            return -1.0

        @torch.jit.export
        def set_level(self, level: float) -> int:
            self.level = level
            return len(self.seen)

        @torch.jit.export
        def get_seen(self) -> list[int]:
            return self.seen

        @torch.jit.export
        def twice(self) -> float:
            return self.get_level() * 2

    path = saved(Shared())
    once = reface(path)
    for file in (path, once, reface(once, [knob()[0]], name="twice.ts")):
        plain = file == path
        module = opened(file)
        x = noise(1, 1, 8)
        one = play(opened(path), "forward", x)
        assert module.set_level(5.0) == 1
        assert module.twice() == 10.0
        assert torch.equal(play(module, "forward", x), one * 2)
        assert module.get_level() == (2.0 if plain else [2.0])
        assert module.get_seen() == [0, 8]
        assert module.set_level(-3.0) == 2
        assert module.get_level() == (-1.0 if plain else [-1.0])


def test_setters_see_no_class_of_the_model(theirs):
    """What TorchScript would compile with a setter at its first two calls."""
    attribute, kernel = knob()
    model = opened(theirs)
    operate(model, "forward", kernel, "_bend")
    path = reface(theirs, [attribute], model=model)
    code = {p: text for p, text in Archive(path).code.items() if "class BentFile" in text}
    (text,) = code.values()
    (face,) = re.findall(r"class BentFile\(Module\):.*?(?=^class |\Z)", text, re.DOTALL | re.M)
    children = dict(re.findall(r"^  (\w+) : (__torch__\.\S+)$", face, re.M))
    assert children.keys() == {"layer", "table", "_model", "_settings", "_controls"}
    for name in ("layer", "table", "_model"):
        assert children[name].rpartition(".")[2].startswith("Seen_"), children
    # the file's own setters, and getters, reach its values past the model
    for name in ("set_on", "get_on", "set_gain", "get_gain", "set_pair", "get_pair"):
        (body,) = re.findall(rf"def {name}\(.*?(?=^  def |\Z)", face, re.DOTALL | re.M)
        assert "_settings" in body and "_model" not in body, body
