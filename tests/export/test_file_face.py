"""A new root before an opened file: everything that it had, by the same names."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from files_of_others import (
    Layer,
    Net,
    Player,
    info_of,
    names,
    opened,
    play,
    reface,
)
from support import noise
from torch import Tensor, nn

from torchbend.contents import ask
from torchbend.description import FileInfo, MethodInfo
from torchbend.errors import ExportError

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
            self.layer(self.forward_params.view(1, 1, 4).to(torch.float32))
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
    info = FileInfo("net", (MethodInfo("forward", 1, 1, 1, 1),))
    face = opened(reface(path, info=info))
    assert names(plain) == names(face)
    assert torch.equal(plain(noise(1, 1, 8)), face(noise(1, 1, 8)))


def test_traced_and_frozen_files(saved, tmp_path):
    x = noise(1, 1, 8)
    info = FileInfo("net", (MethodInfo("forward", 1, 1, 2, 1),))
    traced = torch.jit.trace(nn.Conv1d(1, 2, 1).eval(), x, check_trace=False)
    frozen = torch.jit.freeze(torch.jit.script(nn.Conv1d(1, 2, 1).eval()))
    for number, script in enumerate((traced, frozen)):
        path = tmp_path / f"{number}.ts"
        torch.jit.save(script, str(path))
        face = opened(reface(path, info=info, name=f"ours{number}.ts"))
        assert torch.equal(opened(path)(x), face(x))
        assert face.forward_output_labels == ["(signal) Output 1", "(signal) Output 2"]
