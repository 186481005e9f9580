"""What nn~'s libtorch 2.5 lacks is found, by name and place, wherever it hides.

Most tests take an operator out of the table, or change it there, so that they hold under
every torch; scripts/guard_corpus.py compares the guard with a real torch 2.5.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchbend.archive import ArchiveError
from torchbend.export import guard as guarding
from torchbend.export.guard import GuardError, guard, refuse


def free(x: torch.Tensor) -> torch.Tensor:
    return torch.sinh(x)


@torch.jit.script
class Helper:
    def __init__(self, n: int):
        self.n = n

    def warp(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cosh(x) + self.n


@torch.jit.interface
class Face(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class Inner(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.erf(x)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.tan = nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tan(free(x))


class Net(nn.Module):
    inner: Face

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block())
        self.inner = Inner()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(2):
            if x.sum() > 0:
                x = torch.atan(x)
        return self.inner(Helper(2).warp(self.blocks(x)))

    @torch.jit.export
    def set_gain(self, v: float) -> int:
        return int(torch.acos(torch.tensor(v)))


@pytest.fixture
def net():
    return torch.jit.script(Net())


@pytest.fixture
def table(monkeypatch):
    changed = dict(guarding.operators())
    monkeypatch.setattr(guarding, "operators", lambda: changed)
    return changed


# -- where operators hide -------------------------------------------------------------
def test_an_ordinary_net_has_no_problem(net, tmp_path):
    assert guard(net) == []
    refuse(net)
    net.save(str(tmp_path / "net.ts"))
    assert guard(tmp_path / "net.ts") == []


@pytest.mark.parametrize(
    ("operator", "place"),
    [
        ("aten::tanh", "forward of blocks.0.tan, blocks.1.tan"),  # a submodule
        ("aten::atan", "forward of the model itself"),  # in a loop, in a branch
        ("aten::acos", "set_gain of the model itself"),  # an exported method
        ("aten::erf", "forward of inner"),  # behind an interface
        ("aten::sinh", "free of blocks.0, blocks.1"),  # a free function
        ("aten::cosh", "warp"),  # a class that is no module
    ],
)
def test_a_missing_operator_is_named_with_its_place(net, table, tmp_path, operator, place):
    del table[operator]
    (problem,) = guard(net)
    assert (problem.operator, problem.what, problem.place) == (operator, "is not there", place)
    assert "test_guard.py:" in problem.source or "activation.py:" in problem.source
    net.save(str(tmp_path / "net.ts"))
    assert guard(tmp_path / "net.ts") == [problem]
    with pytest.raises(GuardError, match=operator) as caught:
        refuse(net)
    assert "2.5" in str(caught.value) and place in str(caught.value)


def test_every_missing_operator_is_named(net, table):
    for name in ("tanh", "erf", "acos"):
        del table[f"aten::{name}"]
    assert [p.operator for p in guard(net)] == ["aten::acos", "aten::erf", "aten::tanh"]


def test_an_overload_counts_as_an_operator(table):
    class Add(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

    del table["aten::add.Scalar"]
    (problem,) = guard(torch.jit.script(Add()))
    assert problem.operator == "aten::add.Scalar"


# -- arguments ---------------------------------------------------------------------------
class Softmax(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, 1)


class Softmax64(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, 1, dtype=torch.float64)


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.add(x, x, alpha=2)


class Plain(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.add(x, x)


def test_a_new_argument_matters_only_when_given(table):
    table["aten::softmax.int"] = [a for a in table["aten::softmax.int"] if a[0] != "dtype"]
    table["aten::add.Tensor"] = [a for a in table["aten::add.Tensor"] if a[0] != "alpha"]
    assert guard(torch.jit.script(Softmax())) == []
    assert guard(torch.jit.script(Plain())) == []
    (problem,) = guard(torch.jit.script(Softmax64()))
    assert problem.what == "has no argument 'dtype'"
    (problem,) = guard(torch.jit.script(Scaled()))
    assert problem.what == "has no argument 'alpha'"


def test_an_argument_that_had_no_default_must_be_given(table):
    """What is at its default is left out of the file's text."""
    table["aten::add.Tensor"] = [
        [name, kind, False, keyword] for name, kind, _, keyword in table["aten::add.Tensor"]
    ]
    (problem,) = guard(torch.jit.script(Plain()))
    assert problem.what == "must be given 'alpha'"
    assert guard(torch.jit.script(Scaled())) == []


def test_an_argument_that_has_gone_must_be_given(table):
    table["aten::add.Tensor"] = [*table["aten::add.Tensor"], ["beta", "float", False, True]]
    (problem,) = guard(torch.jit.script(Plain()))
    assert problem.what == "must be given 'beta'"


def test_none_where_none_was_not_taken(table):
    table["aten::softmax.int"] = [
        [name, kind.replace("Optional[int]", "int"), default, keyword]
        for name, kind, default, keyword in table["aten::softmax.int"]
    ]
    (problem,) = guard(torch.jit.script(Softmax()))
    assert problem.what == "takes no None as 'dtype'"
    assert guard(torch.jit.script(Softmax64())) == []


# -- the data ------------------------------------------------------------------------------
class Holder(nn.Module):
    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.register_buffer("held", torch.zeros(3).to(dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.int64, torch.bool, torch.uint16, torch.complex64]
)
def test_types_of_number_that_2_5_knows(tmp_path, dtype):
    torch.jit.script(Holder(dtype)).save(str(tmp_path / "x.ts"))
    assert guard(tmp_path / "x.ts") == []


def test_a_type_of_number_that_came_later(tmp_path, monkeypatch):
    monkeypatch.setattr(guarding, "_STORAGES", guarding._STORAGES - {"Half"})
    torch.jit.script(Holder(torch.float16)).save(str(tmp_path / "x.ts"))
    (problem,) = guard(tmp_path / "x.ts")
    assert problem.operator == "torch.HalfStorage"


def test_a_newer_archive_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(guarding, "_NEWEST_ARCHIVE", 2)
    torch.jit.script(Plain()).save(str(tmp_path / "x.ts"))
    (problem,) = guard(tmp_path / "x.ts")
    assert problem.operator == "the archive" and "format 3" in problem.what


def test_what_does_not_open_here_is_refused(tmp_path):
    (tmp_path / "x.ts").write_bytes(b"no")
    with pytest.raises(ArchiveError):
        guard(tmp_path / "x.ts")


# -- what is known to fail -----------------------------------------------------------------
class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Upsample(scale_factor=2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(x)


class Spectrum(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stft(x, 64, return_complex=True).abs()


class Interpolated(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=2.0)


class Careful(nn.Module):
    """The ways around that the hints name."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.ops.aten.stft(x[0], 64, 16, 64, None, False, True, True)
        y = torch.ops.aten.istft(y, 64, 16, 64)
        y = torch.ops.aten.upsample_linear1d(y.unsqueeze(0), [8], False, None)
        return y.repeat_interleave(2, -1)


def brings_along(operator: str, argument: str = "") -> bool:
    """Whether this torch's own code would write something newer into a file."""
    schemas = torch._C._jit_get_schemas_for_operator(operator)
    return any(not argument or argument in [a.name for a in s.arguments] for s in schemas)


@pytest.mark.parametrize(
    ("model", "newer", "hint"),
    [
        (Up, ("aten::_upsample_lanczos2d_aa",), "nn.Upsample"),
        (Interpolated, ("aten::_upsample_lanczos2d_aa",), "F.interpolate"),
        (Spectrum, ("aten::stft", "align_to_window"), "torch.stft"),
    ],
)
def test_what_is_known_to_fail_comes_with_a_hint(model, newer, hint):
    problems = guard(torch.jit.script(model()))
    assert [newer[0] in p.operator and hint in str(p) for p in problems] == [True] * len(problems)
    assert bool(problems) == brings_along(*newer)


def test_the_hints_hold():
    assert guard(torch.jit.script(Careful())) == []


def test_the_table_is_of_the_release_it_says():
    table = guarding.operators()
    assert len(table) > 4000
    assert [a[0] for a in table["aten::lerp.Scalar"]] == ["self", "end", "weight"]
    assert "aten::_upsample_lanczos2d_aa" not in table
