"""Exports at the edges: numbers beyond float32, codes, names, files that are there already."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.errors import ExportError
from torchbend.export.check import check, check_in_fresh_process
from torchbend.export.report import FAIL


class Conv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.c = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.c(x))


def bent(callback: tb.BendingCallback, *patterns: str) -> tb.BendedModule:
    bended = tb.BendedModule(Conv().eval())
    bended.trace("forward", torch.randn(1, 1, 16))
    bended.bend(callback, *patterns)
    return bended


def exported(bended: tb.BendedModule, folder: Path, **options: object) -> torch.jit.ScriptModule:
    bended.export(folder / "x.ts", **{"check": False, "patches": False, **options})
    return torch.jit.load(str(folder / "x.ts"))


def play(file: torch.jit.ScriptModule, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return file(x).clone()


X = torch.randn(1, 1, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("value", [1e20, 1e38, 1e300, -1e300])
def test_gains_beyond_float32_do_not_raise(value, tmp_path):
    a, b = tb.BendingParameter("a", 1.0), tb.BendingParameter("b", 1.0)
    bended = bent(tb.Scale(a), "c.weight", "c.bias")
    bended.bend(tb.Scale(b), "c.weight")
    file = exported(bended, tmp_path)
    file.set_a(value), file.set_b(abs(value))
    for _ in range(3):
        assert play(file, X).shape == X.shape
    file.set_a(1.0), file.set_b(1.0)
    play(file, X)
    assert torch.equal(play(file, X), Conv()(X).detach())


@pytest.mark.parametrize("make", [tb.OrderedMask, tb.ThresholdActivation, tb.ThresholdPermute])
@pytest.mark.parametrize("where", ["c.weight", "tanh$"])
def test_shares_beyond_0_and_1_are_cut_off(make, where, tmp_path):
    p = tb.BendingParameter("p", 0.5)
    seed = {} if make is tb.ThresholdActivation else {"seed": 1}
    file = exported(bent(make(p, dim=1, **seed), where), tmp_path)
    sounds = []
    for value in (1e38, 1.0, -1e300, 0.0):
        assert file.set_p(value) == 0
        play(file, X)
        sounds.append(play(file, X))
    assert torch.equal(sounds[0], sounds[1])
    assert torch.equal(sounds[2], sounds[3])


class Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rows = nn.Embedding(5, 2)

    def decode(self, codes: Tensor) -> Tensor:  # (batch, 1, frames) of 0 to 4
        return self.rows(codes[:, 0]).transpose(1, 2)


@pytest.mark.slow
def test_codes_beyond_the_table_are_kept_inside(tmp_path):
    bended = tb.BendedModule(Table())
    bended.trace("decode", torch.tensor([[[0, 1, 2, 3, 4, 0, 1, 2]]]))
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "transpose$")
    file = exported(bended, tmp_path, check=True)
    codes = torch.tensor([[[-3.0, 0.4, 0.6, 4.0, 99.0, 2.0, 2.0, 2.0]]])
    expected = Table().decode(torch.tensor([[[0, 0, 1, 4, 4, 2, 2, 2]]])).detach()
    with torch.inference_mode():
        assert torch.equal(file.decode(codes), expected)


@pytest.mark.parametrize(
    "name", ["in", "class", "None", "training", "buffer_attribute", "sample_rate"]
)
def test_names_that_a_file_cannot_have_are_refused(name, tmp_path):
    bended = bent(tb.Scale(tb.BendingParameter(name, 1.0)), "tanh$")
    with pytest.raises(ExportError, match=f"{name}.*another name"):
        exported(bended, tmp_path)


def test_an_attribute_called_as_torchs_own_method_is_refused(tmp_path):
    class Only(nn.Module):
        def decode(self, x: Tensor) -> Tensor:
            return torch.tanh(x)

    bended = tb.BendedModule(Only())
    bended.trace("decode", torch.randn(1, 1, 8))
    bended.bend(tb.Scale(tb.BendingParameter("forward", 1.0)), "tanh$")
    with pytest.raises(ExportError, match="another name"):
        exported(bended, tmp_path)


def test_an_array_that_is_refused_is_not_called_done(tmp_path):
    eq = tb.BendingParameter("eq", [1.0], range=[0, 2])
    file = exported(bent(tb.Scale(eq, dim=0), "c.weight"), tmp_path, vectors={"eq": "buffer"})
    for wrong in (torch.ones(1, 3), torch.full((1, 1), float("nan")), torch.zeros(0)):
        assert file.set_buffer_attribute("eq#0", wrong, 44100) == -1
        assert file.set_eq("array") == -1
    assert file.get_eq() == ["1 values from 1. to 1."]
    assert file.set_buffer_attribute("eq#0", torch.zeros(1, 1), 44100) == 0
    assert file.set_eq("array") == 0


def test_a_complex_gain_glides(tmp_path):
    class Spin(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            turned = torch.complex(x[:, :1], x[:, 1:])
            return torch.cat([turned.real, turned.imag], 1)

    bended = tb.BendedModule(Spin())
    bended.trace("forward", torch.rand(1, 2, 8))
    bended.bend(tb.Scale(tb.BendingParameter("turn", 1 + 0j)), "complex.*")
    file = exported(bended, tmp_path)
    x = torch.ones(1, 2, 8)
    file.set_turn(3.0, 0.0)
    expected = (1 + 2 * torch.arange(1, 9) / 8).expand(1, 2, 8)
    torch.testing.assert_close(play(file, x), expected)


def test_what_mixes_time_with_the_batch_does_not_glide(tmp_path):
    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            rows = torch.relu(x.transpose(1, 2).reshape(-1, 1))
            return rows.reshape(x.shape[0], x.shape[2], 1).transpose(1, 2)

    bended = tb.BendedModule(Flat())
    bended.trace("forward", torch.rand(1, 1, 8))
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "relu$")
    file = exported(bended, tmp_path)
    file.set_gain(0.5)
    x = torch.rand(2, 1, 8)
    moving = play(file, x)
    assert torch.equal(moving[0] / x[0], moving[1] / x[1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_model_that_is_not_float32_is_refused_with_what_to_do(dtype, tmp_path):
    bended = bent(tb.Scale(tb.BendingParameter("gain", 1.0)), "tanh$")
    bended.to(dtype)
    with pytest.raises(ExportError, match=r"\.to\(.cpu., torch.float32\)"):
        exported(bended, tmp_path)
    bended.to("cpu", torch.float32)
    exported(bended, tmp_path)


def test_a_patch_that_somebody_changed_is_kept(tmp_path):
    bended = bent(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "tanh$")
    done = bended.export(tmp_path / "x.ts", check=False)
    assert {p.name for p in tmp_path.iterdir()} == {"x.ts", "x.pd", "x.maxpat", "x.json"}
    assert [p.name for p in done.patches] == ["x.pd", "x.maxpat"]
    assert done.config == tmp_path / "x.json"
    written = (tmp_path / "x.pd").read_text()
    (tmp_path / "x.pd").write_text("mine")
    bended.export(tmp_path / "x.ts", check=False)
    assert (tmp_path / "x.pd~").read_text() == "mine"
    assert (tmp_path / "x.pd").read_text() == written
    assert not (tmp_path / "x.maxpat~").exists()


def test_a_folder_in_the_way_is_refused_before_anything_is_done(tmp_path):
    (tmp_path / "x.ts").mkdir()
    bended = bent(tb.Scale(tb.BendingParameter("gain", 1.0)), "tanh$")
    with pytest.raises(ExportError, match="is a folder"):
        bended.export(tmp_path / "x.ts")


@pytest.mark.slow
def test_the_check_runs_nothing_that_lies_about(tmp_path, monkeypatch):
    bended = bent(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "tanh$")
    bended.export(tmp_path / "x.ts", check=False, patches=False)
    for module in ("tabulate", "json", "safetensors"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('this was run')")
    monkeypatch.chdir(tmp_path)
    report = check_in_fresh_process(tmp_path / "x.ts")
    assert report.ok, report


@pytest.mark.slow
def test_one_method_of_several_has_its_own_state_alone(tmp_path):
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("a", torch.zeros(64, 1, 1))
            self.register_buffer("b", torch.zeros(64, 1, 1))

        def first(self, x: Tensor) -> Tensor:
            out = x + self.a[: x.shape[0]]
            self.a[: x.shape[0]].copy_(x[..., -1:])
            return out

        def second(self, x: Tensor) -> Tensor:
            out = x - self.b[: x.shape[0]]
            self.b[: x.shape[0]].copy_(x[..., -1:])
            return out

    bended = tb.BendedModule(Two())
    bended.trace("first", torch.randn(1, 1, 8))
    bended.trace("second", torch.randn(1, 1, 8))
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "second:sub$")
    done = bended.export(tmp_path / "x.ts", methods=["second"], check=False, patches=False)
    assert done.info.state == ("_model.b",)
    assert [m.name for m in done.info.methods] == ["second"]
    assert [a.name for a in done.info.attributes] == ["gain"]
    done = bended.export(tmp_path / "y.ts", methods=["first"], patches=False)
    assert done.info.attributes == ()


class Loud(nn.Module):
    """Divides by the level of a block, which is nothing in silence."""

    def forward(self, x: Tensor) -> Tensor:
        return x / x.abs().amax((1, 2), keepdim=True)

    def encode(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


@pytest.mark.parametrize("form", ["module", "ts of others", "ts of ours"])
def test_a_model_that_is_no_number_in_silence_says_so_and_passes(form, tmp_path):
    module: nn.Module = Loud()
    if form != "module":
        traced = {fn: torch.zeros(1, 1, 16) for fn in ("forward", "encode")}
        module = torch.jit.trace_module(Loud(), traced, check_trace=False)
    bended = tb.BendedModule(module)
    for fn in ("forward", "encode"):
        bended.trace(fn, torch.rand(1, 1, 64))
    if form == "ts of ours":
        bended.export(tmp_path / "first.ts", check=False, patches=False)
        bended = tb.load(tmp_path / "first.ts")
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "encode:tanh$")
    made = bended.export(tmp_path / "x.ts", check=False, patches=False)
    assert {m.name: m.finite for m in made.info.methods} == {"forward": False, "encode": True}
    rows = list(check(made.path))
    assert [r for r in rows if r.result == FAIL] == []
    assert [r.what for r in rows if r.what.endswith("numbers")] == ["forward: numbers"]


@pytest.mark.slow
def test_an_input_may_be_called_like_a_builtin(tmp_path):
    """As in torch's own layers; torch.fx names its place otherwise."""
    bended = tb.BendedModule(nn.Sequential(Conv().eval().c, nn.Tanh()))
    bended.trace("forward", input=torch.randn(1, 1, 16))
    gain = tb.BendingParameter("gain", 0.5, range=[0.0, 1.0])
    bended.bend(tb.Scale(gain), "0.weight")
    file = exported(bended, tmp_path, check=True)
    torch.testing.assert_close(play(file, X), bended(X))
