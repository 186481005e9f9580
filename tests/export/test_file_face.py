"""A new root before an opened file: everything that it had, by the same names, and more."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple  # noqa: UP035

import pytest
import torch
from support import noise, seeded
from torch import Tensor, nn

import torchbend as tb
from torchbend.archive import Archive
from torchbend.bending.scripting import Scripter
from torchbend.errors import ExportError
from torchbend.export.attributes import Attribute, of_control
from torchbend.export.check import check
from torchbend.export.contents import ask, read_info
from torchbend.export.description import FileInfo
from torchbend.export.file_face import build_file_face
from torchbend.places import Place

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

Script = torch.jit.ScriptModule


# -- files ---------------------------------------------------------------------------------
class Layer(nn.Module):
    """Keeps the last frame: a streaming state below the root."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[[0.3, 0.6]], [[-0.2, 0.5]]]))
        self.register_buffer("last", torch.zeros(1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        padded = torch.cat([self.last, x], -1)
        self.last.copy_(x[..., -1:])
        return torch.nn.functional.conv1d(padded, self.weight)


class Table(nn.Module):
    """Has a tensor and no method at all."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.arange(4.0))


class Net(nn.Module):
    """What others export: settings with bare getters, labels, odd methods."""

    hop: Final[int]

    def __init__(self) -> None:
        super().__init__()
        self.layer = Layer()
        self.table = Table()
        self.hop = 1
        self.bias = nn.Parameter(torch.tensor([[[0.1]]]))
        self.register_buffer("mean", torch.tensor([0.25]))
        self.register_buffer("phase", torch.zeros(1))
        self.register_buffer("forward_params", torch.tensor([1, 1, 2, 1]))
        self.forward_input_labels = ["in"]
        self.forward_output_labels = ["left", "right"]
        self.register_buffer("shifted_params", torch.tensor([1, 1, 2, 1]))
        self.shifted_input_labels = ["the one"]
        self.register_buffer("on_params", torch.tensor([0]))
        self.on = True
        self.register_buffer("gain_params", torch.tensor([2]))
        self.gain = 1.0
        self.register_buffer("pair_params", torch.tensor([1, 2]))
        self.pair = (3, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x) * self.gain + self.bias + self.mean
        self.phase += x.size(-1)
        return y + self.table.rows[0] if self.on else y * 0

    @torch.jit.export
    def shifted(self, x: Tensor, by: float = 0.5, times: int = 2) -> Tensor:
        return self.forward(x) + by * times

    @torch.jit.export
    def mixed(
        self, a: dict[str, Tensor], b: list[int] | None = None, c: str = "é'\n"
    ) -> tuple[int, str]:
        return len(a) + (0 if b is None else len(b)), c

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "shifted"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["on", "gain", "pair"]

    @torch.jit.export
    def get_on(self) -> bool:
        return self.on

    @torch.jit.export
    def set_on(self, on: bool) -> None:
        self.on = on

    @torch.jit.export
    def get_gain(self) -> list[float]:
        return [self.gain]

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        if gain < 0:
            return 7
        self.gain = gain
        return 0

    @torch.jit.export
    def get_pair(self) -> tuple[int, float]:
        return self.pair

    @torch.jit.export
    def set_pair(self, a: int, b: float) -> int:
        self.pair = (a, b)
        return 0


class Two(nn.Module):
    """With source."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv1d(1, 4, 1)
        self.two = nn.Conv1d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(torch.tanh(self.one(x)))


class Player(nn.Module):
    """The least that plays; others are built on it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.forward_input_labels = ["in"]
        self.forward_output_labels = ["out"]

    def forward(self, x: Tensor) -> Tensor:
        return x


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


def opened(path: Path) -> Any:
    return torch.jit.load(str(path), map_location="cpu").eval()


def info_of(path: Path) -> FileInfo:
    return ask(opened(path), "theirs").info


def knob(name: str = "loud", value: object = 1.0, **kwargs: Any) -> tuple[Attribute, Script]:
    """An attribute, and the kernel that it moves."""
    parameter = tb.BendingParameter(name, value, range=[0, 2])
    scripter = Scripter([parameter])
    place = Place("y", "activation", (1, 2, 8), torch.float32, "forward", "call_module")
    kernel = scripter.kernel(tb.Scale(parameter).kernel(place))
    control = scripter.controls()[name]
    return of_control(parameter, control, (), (), kwargs.get("vector")), kernel


def operate(model: Any, method: str, kernel: Script, name: str) -> None:
    """Put a kernel behind the output of a method, in its graph."""
    model._c._register_attribute(name, kernel._c._type(), kernel._c)
    graph = model._c._get_method(method).graph
    held = graph.create("prim::GetAttr", [next(iter(graph.inputs()))], 1)
    held.s_("name", name)
    held.output().setType(kernel._c._type())
    call = graph.create("prim::CallMethod", [held.output(), next(iter(graph.outputs()))], 1)
    call.s_("name", "forward")
    call.output().setType(torch._C.TensorType.get())
    graph.appendNode(held)
    graph.appendNode(call)
    graph.eraseOutput(0)
    graph.registerOutput(call.output())


def reface(
    path: Path,
    attributes: Sequence[Attribute] = (),
    *,
    model: Any = None,
    info: FileInfo | None = None,
    sample_rate: int | None = None,
    name: str = "ours.ts",
) -> Path:
    """The file of a face before a file, or before a model opened from it."""
    face = build_file_face(
        opened(path) if model is None else model, info or info_of(path), attributes, sample_rate
    )
    out = path.with_name(name)
    torch.jit.save(face, str(out))
    return out


def with_knob(
    path: Path, name: str = "loud", method: str = "forward", out: str = "ours.ts"
) -> Path:
    attribute, kernel = knob(name)
    model = opened(path)
    operate(model, method, kernel, f"_bend_{name}")
    return reface(path, [attribute], model=model, name=out)


def play(module: Any, method: str, x: Tensor, block: int = 16) -> Tensor:
    torch.default_generator.manual_seed(3)
    with torch.inference_mode():
        outs = [getattr(module, method)(part.clone()).clone() for part in x.split(block, -1)]
    return torch.cat(outs, -1).clone()


def names(module: Any) -> set[str]:
    return {n for n, _ in (*module.named_buffers(), *module.named_parameters())}


# -- what is kept --------------------------------------------------------------------------
def test_sound_and_state_are_the_same_to_the_bit(theirs):
    x = noise(1, 1, 64)
    a, b = opened(theirs), opened(reface(theirs))
    for method in ("forward", "shifted"):
        assert torch.equal(play(a, method, x), play(b, method, x))
    assert torch.equal(a.layer.last, x[..., -1:])  # there is a state
    assert torch.equal(a.layer.last, b.layer.last)
    assert torch.equal(a.phase, b._model.phase)
    assert float(b._model.phase) == 128


def test_names_of_tensors_are_kept(theirs):
    a, b = opened(theirs), opened(reface(theirs))
    assert names(a) - names(b) == {"phase"}  # changed by a method of the root
    assert names(b) - names(a) == {"_model.phase"}
    assert dict(b.named_parameters()).keys() == dict(a.named_parameters()).keys()
    assert b.hop == 1
    assert b.forward_output_labels == ["left", "right"]
    assert b.table.rows.data_ptr() == b._model.table.rows.data_ptr()


def test_every_method_has_its_arguments_and_defaults(theirs):
    a, b = opened(theirs), opened(reface(theirs))
    for name in a._c._method_names():
        mine, kept = (str(m._c._get_method(name).schema) for m in (a, b))
        if name not in ("get_on", "set_on"):
            assert mine.partition(",")[2:] == kept.partition(",")[2:], name
    assert b.mixed({"a": torch.zeros(1)}) == (1, "é'\n")
    assert b.mixed({}, b=[1, 2], c="x") == (2, "x")
    x = noise(1, 1, 8)
    assert torch.equal(a.shifted(x, times=5), b.shifted(x, times=5))


def test_moved_to_double_it_goes_on_from_the_same_state(theirs):
    x = noise(1, 1, 64)
    a, b = opened(theirs), opened(reface(theirs))
    for module in (a, b):
        play(module, "forward", x)
        module.to(torch.float64)
    y = x.to(torch.float64)
    first = play(a, "forward", y)
    assert first.dtype == torch.float64
    assert torch.equal(first, play(b, "forward", y))
    assert torch.equal(b.bias, b._model.bias)
    assert torch.equal(b.layer.last, b._model.layer.last)
    assert torch.equal(b.layer.last, y[..., -1:])


def test_the_file_does_not_grow_by_its_weights(saved):
    net = Net()
    net.big = nn.Linear(300, 300)
    net.register_buffer("large", torch.zeros(100_000))
    path = saved(net)
    assert reface(path).stat().st_size < path.stat().st_size + 40_000


def test_tensors_that_a_method_replaces_are_not_held_twice(saved):
    class Writes(Player):
        def __init__(self) -> None:
            super().__init__()
            for name in ("added", "put", "viewed", "listed", "given", "read", "returned"):
                self.register_buffer(name, torch.zeros(2))
            self.layer = Layer()

        def forward(self, x: Tensor) -> Tensor:
            self.added.add_(1)
            self.put = self.put + 1
            self.viewed[0] = 1.0
            for tensor in [self.listed]:
                tensor.mul_(2)
            x = self.layer(x + torch.cat([self.read, self.read.view(2)]).sum())
            return x + self.layer(self.given.view(1, 1, 2)).sum()

        @torch.jit.export
        def get_returned(self) -> list[Tensor]:
            return [self.returned]

    path = saved(Writes())
    face = opened(reface(path))
    held = {n for n, _ in face.named_buffers() if "." not in n}
    assert held == {"forward_params", "read", "returned"}
    assert names(opened(path)) <= {n.removeprefix("_model.") for n in names(face)}


# -- what is mended ------------------------------------------------------------------------
def test_what_nn_cannot_read_is_mended(theirs):
    assert set(ask(opened(theirs), "x").problems) == {"labels", "getters", "setters"}
    face = opened(reface(theirs))
    assert ask(face, "x").problems == {}
    assert face.get_on() == [True]
    assert face.set_on(False) == 0
    assert face.get_on() == [False]
    assert not torch.count_nonzero(face.forward(noise(1, 1, 8)))
    assert face.shifted_input_labels == ["the one"]
    assert face.shifted_output_labels == ["(signal) Output 1", "(signal) Output 2"]


def test_what_is_right_is_left_alone(theirs):
    face = opened(reface(theirs))
    assert face.get_gain() == [1.0]
    assert face.set_gain(-1.0) == 7
    assert face.set_gain(0.5) == 0
    assert face.get_gain() == [0.5]
    assert face.set_pair(4, 0.25) == 0
    assert face.get_pair() == (4, 0.25)
    assert face.get_methods() == ["forward", "shifted"]
    assert face.get_attributes() == ["on", "gain", "pair"]
    assert not hasattr(face, "get_sample_rate")


def test_a_file_without_lists_gets_them(saved):
    path = saved(Player())
    face = opened(reface(path, sample_rate=48000))
    assert face.get_methods() == ["forward"]
    assert face.get_attributes() == []
    assert face.get_sample_rate() == 48000
    assert face.set_sample_rate(44100) is None


def test_the_file_knows_its_sample_rate_best(saved):
    class Rated(Player):
        @torch.jit.export
        def get_sample_rate(self) -> int:
            return 22050

    assert opened(reface(saved(Rated()), sample_rate=48000)).get_sample_rate() == 22050


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


# -- odd files -----------------------------------------------------------------------------
def test_signatures_of_every_kind(saved):
    class Kinds(Player):
        @torch.jit.export
        def one(self, a: Any, b: torch.device, *, c: int, d: float) -> tuple[str, float]:
            return f"{isinstance(a, int)} {b}", c + d

        @torch.jit.export
        def two(
            self,
            a: int | str,
            b: float = float("inf"),
            c: complex = 2 - 1j,
            d: tuple[int, str] = (1, "x"),
            e: dict[str, list[Tensor]] | None = None,
        ) -> tuple[int | str, float, complex, tuple[int, str], bool]:
            return a, b, c, d, e is None

        @torch.jit.export
        def three(self) -> None:
            pass

    face = opened(reface(saved(Kinds())))
    assert face.one(3, torch.device("cpu"), c=2, d=0.5) == ("True cpu", 2.5)
    assert face.two("y") == ("y", float("inf"), 2 - 1j, (1, "x"), True)
    assert face.two(4, 1.0, 0j, (2, "z"), {"k": []}) == (4, 1.0, 0j, (2, "z"), False)
    assert face.three() is None


def test_a_list_for_a_default(tmp_path):
    class Listed(Player):
        pass

    script = torch.jit.script(Listed().eval())
    script.define("def four(self, a: List[int] = [1, 2]) -> int:\n    return len(a)\n")
    path = tmp_path / "theirs.ts"
    torch.jit.save(script, str(path))
    face = opened(reface(path))
    assert face.four() == 2
    assert face.four([1, 2, 3]) == 3


class Pair(NamedTuple):
    a: Tensor
    b: int


class Odder(Player):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("named_params", torch.tensor([1, 1, 1, 1]))
        self.named_input_labels = ["in"]
        self.named_output_labels = ["out"]

    @torch.jit.export
    def named(self, x: Tensor, pair: Pair | None = None) -> Tensor:
        return x if pair is None else x * pair.a

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "named"]


def test_a_type_of_the_files_own_is_left_out_and_told(saved, caplog):
    path = saved(Odder())
    info = info_of(path)
    assert [m.name for m in info.methods] == ["forward", "named"]
    with caplog.at_level(logging.WARNING):
        face = opened(reface(path))
    assert [r.getMessage().partition(":")[0] for r in caplog.records] == ["named"]
    assert not hasattr(face, "named")
    assert face.get_methods() == ["forward"]


def test_nothing_left_to_play(saved):
    path = saved(Odder())
    info = info_of(path)
    alone = FileInfo("odd", info.methods[1:])
    with pytest.raises(ExportError, match=r"odd has no method.*forward, get_methods, named"):
        reface(path, info=alone)


def test_a_file_whose_children_are_numbers(tmp_path):
    net = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Tanh())
    script = torch.jit.script(net.eval())
    path = tmp_path / "theirs.ts"
    torch.jit.save(script, str(path))
    plain = opened(path)
    info = FileInfo("net", (info_of_method("forward", 1),))
    face = opened(reface(path, info=info))
    assert names(plain) == names(face)
    assert torch.equal(plain(noise(1, 1, 8)), face(noise(1, 1, 8)))


def test_traced_and_frozen_files(saved, tmp_path):
    x = noise(1, 1, 8)
    info = FileInfo("net", (info_of_method("forward", 2),))
    traced = torch.jit.trace(nn.Conv1d(1, 2, 1).eval(), x, check_trace=False)
    frozen = torch.jit.freeze(torch.jit.script(nn.Conv1d(1, 2, 1).eval()))
    for number, script in enumerate((traced, frozen)):
        path = tmp_path / f"{number}.ts"
        torch.jit.save(script, str(path))
        face = opened(reface(path, info=info, name=f"ours{number}.ts"))
        assert torch.equal(opened(path)(x), face(x))
        assert face.forward_output_labels == ["(signal) Output 1", "(signal) Output 2"]


def info_of_method(name: str, outs: int) -> Any:
    from torchbend.export.description import MethodInfo

    return MethodInfo(name, 1, 1, outs, 1)


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
