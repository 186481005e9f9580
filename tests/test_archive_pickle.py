"""The object tree of a file is read as data: tensors fit their bytes, or nothing is opened."""

from __future__ import annotations

import re
import zipfile

import pytest
import torch
from torch import nn

from torchbend.archive import Archive, ArchiveError, open_script
from torchbend.archive_code import forbidden_code
from torchbend.archive_pickle import misshapen_pickle

pytestmark = pytest.mark.filterwarnings("ignore")


class Held(nn.Module):
    """Tensors of every form that a module holds."""

    def __init__(self):
        super().__init__()
        for dtype in (torch.bool, torch.uint8, torch.int16, torch.int64, torch.float16):
            self.register_buffer(f"of_{dtype}".replace(".", "_"), torch.ones(3, dtype=dtype))
        self.register_buffer("bfloat", torch.ones(2, dtype=torch.bfloat16))
        self.register_buffer("complex", torch.ones(2, dtype=torch.complex64))
        self.register_buffer("scalar", torch.tensor(2.0, dtype=torch.float64))
        self.register_buffer("empty", torch.zeros(0, 4))
        self.register_buffer("view", torch.arange(12.0).view(3, 4).t()[1:3])
        self.register_buffer("expanded", torch.ones(1).expand(1000))
        self.weight = nn.Parameter(torch.arange(4.0))
        self.tied = self.weight
        self.listed = torch.jit.Attribute([self.weight, torch.zeros(2)], list[torch.Tensor])
        self.named = torch.jit.Attribute({"a": torch.zeros(2)}, dict[str, torch.Tensor])
        self.numbers = [1, 2, 3]
        self.words = torch.jit.Attribute({"a": [("b", 1.5)]}, dict[str, list[tuple[str, float]]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight + self.view.sum() + self.listed[1].sum() + self.named["a"].sum()

    @torch.jit.export
    def asked(self):
        return self.numbers, self.words


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    path = tmp_path_factory.mktemp("held") / "held.ts"
    torch.jit.script(Held()).save(str(path))
    return path


def changed(path, to, member, change):
    """A copy in which one member is another, with the checksum that it should have."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        assert sum(name.endswith(member) for name in old.namelist()) == 1, old.namelist()
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name.endswith(member) else data)
    return to


def test_every_form_of_tensor_opens_as_torch_opens_it(held):
    ours, theirs = open_script(held), torch.jit.load(str(held))
    tensors = dict(theirs.named_buffers()) | dict(theirs.named_parameters())
    assert len(tensors) >= 12
    for name, tensor in (dict(ours.named_buffers()) | dict(ours.named_parameters())).items():
        assert torch.equal(tensor, tensors.pop(name)) and not tensors.get(name)
    assert tensors == {}
    x = torch.ones(4)
    assert torch.equal(ours(x), theirs(x)) and ours.asked() == theirs.asked()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x04tQ", b"J\xff\xff\xff\x7ftQ"),  # 2**31 - 1 numbers are stored
        (b"K\x04tQ", b"J\xff\xff\xff\xfftQ"),  # -1
        (b"(K\x04t", b"(J\xff\xff\xff\x7ft"),  # of that shape
        (b"(K\x04t", b"(K\x05t"),
        (b"(K\x04t", b"(J\xfc\xff\xff\xfft"),  # -4
        (b"(K\x04t", b"(K\x02K\x02t"),  # two sizes, one stride
        (b"(K\x01t", b"(K\x02t"),  # every second number
        (b"(K\x01t", b"(J\xff\xff\xff\xfft"),  # backwards
        (b"K\x00(K\x04", b"K\x01(K\x04"),  # from the second number on
        (b"K\x00(K\x04", b"J\xff\xff\xff\xff(K\x04"),  # from before the first
    ],
)
def test_a_tensor_larger_than_its_bytes_is_refused(tmp_path, old, new):
    """Torch opens most such files, and reads past the end when they play."""
    module, path = nn.Module(), tmp_path / "x.ts"
    module.weight = nn.Parameter(torch.arange(4.0))
    torch.jit.script(module).save(str(path))
    assert (Archive(path).read("data.pkl") or b"").count(old) == 1
    bad = changed(path, tmp_path / "bad.ts", "data.pkl", lambda tree: tree.replace(old, new))
    with pytest.raises(ArchiveError, match="was not opened: data.pkl"):
        open_script(bad)


def test_a_tensor_smaller_than_its_bytes_opens(tmp_path):
    """A view of a part is no damage."""
    module, path = nn.Module(), tmp_path / "x.ts"
    module.weight = nn.Parameter(torch.arange(4.0))
    torch.jit.script(module).save(str(path))
    part = changed(
        path,
        tmp_path / "part.ts",
        "data.pkl",
        lambda tree: tree.replace(b"K\x00(K\x04t", b"K\x01(K\x03t"),
    )
    assert open_script(part).weight.tolist() == [1.0, 2.0, 3.0]


def test_bytes_cut_from_a_tensor_are_missed(held, tmp_path):
    bad = changed(held, tmp_path / "bad.ts", "data/0", lambda d: d[:-1])
    with pytest.raises(ArchiveError, match="says that data/0 holds"):
        open_script(bad)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16,
        torch.uint32, torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64,
        torch.complex32, torch.complex64, torch.complex128, torch.float8_e5m2,
        torch.float8_e4m3fn,
    ],
)  # fmt: skip
def test_numbers_of_every_size_are_measured(tmp_path, dtype):
    module, path = nn.Module(), tmp_path / "x.ts"
    module.register_buffer("numbers", torch.empty(3, dtype=dtype))
    torch.jit.script(module).save(str(path))
    assert open_script(path).numbers.dtype == dtype
    bad = changed(path, tmp_path / "bad.ts", "data/0", lambda numbers: numbers[:-1])
    with pytest.raises(ArchiveError, match="says that data/0 holds 3 numbers"):
        open_script(bad)


def test_a_constant_is_measured_too(tmp_path):
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.arange(64.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.weight

    path = tmp_path / "x.ts"
    torch.jit.freeze(torch.jit.script(Constant().eval())).save(str(path))
    assert open_script(path)(torch.zeros(1)).shape == (64,)
    bad = changed(path, tmp_path / "bad.ts", "constants/0", lambda d: d[:100])
    with pytest.raises(ArchiveError, match="says that constants/0 holds 64 numbers; it has 100"):
        open_script(bad)


def test_a_huge_tensor_of_one_number_is_refused(tmp_path):
    module, path = nn.Module(), tmp_path / "x.ts"
    module.register_buffer("huge", torch.ones(1).expand(2**30))
    torch.jit.script(module).save(str(path))
    with pytest.raises(ArchiveError, match=r"shape \[1073741824\], for which 1 numbers"):
        open_script(path)


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (b"\x80\x02" + b"]" * 400 + b"a" * 399 + b".", "nests"),
        (b"\x80\x02)" + b"\x85" * 100_000 + b".", "nests"),
        (b"\x80\x02]q\x00h\x00a.", "into itself"),
        (b"\x80\x02]q\x00(]h\x00ae.", "into itself"),
        (b"\x80\x02h\x07.", "does not hold"),
        (b"\x80\x02K\x01K\x02.", "in the middle"),
        (b"\x80\x02(K\x01.", "in the middle"),
        (b"\x80\x02a.", "damaged"),
        (b"\x80\x02t.", "damaged"),
        (b"\x80\x02(0t.", "POP"),
        (b"\x80\x02X\xff\xff\xff\xffab.", "damaged"),
        (b"\x80\x02K\x01", "damaged"),
        (b"", "damaged"),
        (b"\x80\x02cos\nsystem\n", "damaged"),
        (b"\x80\x02\x8c\x01a.", "SHORT_BINUNICODE"),
        (b"\x80\x02(X\x07\x00\x00\x00storageK\x01tQ.", "not handled"),
        (b"\x80\x02ctorch._utils\n_rebuild_sparse_tensor\n)R.", "not handled"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "without numbers"),
    ],
)
def test_what_torchscript_does_not_write_is_refused(tree, why):
    assert why in next(misshapen_pickle(tree, "data", {}))


@pytest.mark.parametrize(
    "tree",
    # The last takes one finished list twice, as shared attributes do.
    [b"\x80\x02).", b"\x80\x02N.", b"\x80\x02}(K\x01K\x02u.", b"\x80\x02(]q\x00h\x00t."],
)
def test_small_trees_pass(tree):
    assert list(misshapen_pickle(tree, "data", {})) == []


@pytest.mark.parametrize(
    "nested",
    [
        "(" * 20_000 + "1" + ")" * 20_000,
        "[" * 20_000 + "]" * 20_000,
        "1 + " * 20_000 + "1",
        "not " * 20_000 + "True",
        "a" + "[0]" * 20_000,
        "f(" + "1 + \n    " * 20_000 + "1)",
    ],
)
def test_code_that_would_overflow_the_stack_is_refused(tmp_path, nested):
    path = tmp_path / "x.ts"
    torch.jit.script(nn.Tanh()).save(str(path))

    def nest(code: bytes) -> bytes:
        return re.sub(rb"(?m)^    return ", f"    deep = {nested}\n    return ".encode(), code)

    bad = changed(path, tmp_path / "bad.ts", "activation.py", nest)
    with pytest.raises(ArchiveError, match="nests code"):
        open_script(bad)


def test_blocks_that_would_overflow_the_stack_are_refused(tmp_path):
    blocks = "".join(" " * (4 + i) + "if True:\n" for i in range(5000)) + " " * 5004 + "pass\n"
    path = tmp_path / "x.ts"
    torch.jit.script(nn.Tanh()).save(str(path))
    bad = changed(
        path,
        tmp_path / "bad.ts",
        "activation.py",
        lambda code: code.replace(b"    return", blocks.encode() + b"    return"),
    )
    with pytest.raises(ArchiveError, match="nests code"):
        open_script(bad)


def chained(kind: str, count: int) -> str:
    """Code of an identity whose classes, methods or functions need one another in a chain."""
    head = "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n"
    run = "  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n    return "
    if kind == "methods":
        links = [
            f"  def f{i}(self: __torch__.M, x: Tensor) -> Tensor:\n"
            f"    return (self).f{i + 1}(x, )\n"
            for i in range(count)
        ]
        last = f"  def f{count}(self: __torch__.M, x: Tensor) -> Tensor:\n    return x\n"
        return head + run + "(self).f0(x, )\n" + "".join(links) + last
    if kind == "methods by name":
        code = chained("methods", count)
        return re.sub(r"\(self\)\.(f\d+)\(", r'getattr(self, "\1")(', code)
    if kind == "functions":
        links = [
            f"def f{i}(x: Tensor) -> Tensor:\n  return __torch__.f{i + 1}(x, )\n"
            for i in range(count)
        ]
        last = f"def f{count}(x: Tensor) -> Tensor:\n  return x\n"
        return head + run + "__torch__.f0(x, )\n" + "".join(links) + last
    if kind == "classes":
        links = [
            f"class C{i}(Module):\n  __parameters__ = []\n  a : __torch__.C{i + 1}\n"
            for i in range(count)
        ]
        return head + "  a : __torch__.C0\n" + run + "x\n" + "".join(links)
    knobs = [
        f"  def set_k{i}(self: __torch__.M, x: Tensor) -> Tensor:\n    return x\n"
        for i in range(count)
    ]
    return head + run + "x\n" + "".join(knobs)


@pytest.mark.parametrize("kind", ["methods", "methods by name", "functions", "classes"])
def test_a_chain_that_would_overflow_the_stack_is_refused(kind):
    files = {"code/__torch__.py": chained(kind, 3000)}
    assert any("inside the other" in what for what in forbidden_code(files))
    # Found by torch under any spelling of the member's name.
    files = {"code/__TORCH__.py": chained(kind, 3000)}
    assert any("inside the other" in what for what in forbidden_code(files))


def test_a_chain_over_many_files_is_refused():
    function = "def f(x: Tensor) -> Tensor:\n  return __torch__.m{}.f(x, )\n"
    files = {f"code/__torch__/m{i}.py": function.format(i + 1) for i in range(600)}
    assert any("inside the other" in what for what in forbidden_code(files))
    files["code/__torch__/m300.py"] = "def f(x: Tensor) -> Tensor:\n  return x\n"
    del files["code/__torch__/m599.py"]
    assert [what for what in forbidden_code(files) if "inside" in what] != []
    for i in range(100, 600, 100):
        files[f"code/__torch__/m{i}.py"] = "def f(x: Tensor) -> Tensor:\n  return x\n"
    assert list(forbidden_code(files)) == []


def test_definitions_in_a_circle_are_refused():
    code = (
        "def f(x: Tensor) -> Tensor:\n  return __torch__.g(x, )\n"
        "def g(x: Tensor) -> Tensor:\n  return __torch__.f(x, )\n"
    )
    assert any("inside the other" in what for what in forbidden_code({"code/__torch__.py": code}))


@pytest.mark.parametrize("kind", ["methods", "functions", "knobs"])
def test_short_chains_and_many_knobs_open(tmp_path, kind):
    code = chained(kind, 2000 if kind == "knobs" else 100)
    code = code.replace("  __buffers__ = []\n", "  __buffers__ = []\n  training : bool\n")
    tree = b"\x80\x02c__torch__\nM\n)\x81}X\x08\x00\x00\x00training\x89sb."
    path = tmp_path / "x.ts"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/code/__torch__.py", code)
        archive.writestr("x/data.pkl", tree)
        archive.writestr("x/constants.pkl", b"\x80\x02).")
        archive.writestr("x/version", b"3")
    module = open_script(path)
    assert len(module._c._method_names()) == {"methods": 102, "functions": 1, "knobs": 2001}[kind]
    assert module(torch.ones(2)).tolist() == [1.0, 1.0]


def test_long_lists_and_long_files_are_not_deep(tmp_path):
    path = tmp_path / "x.ts"
    scripted = torch.jit.script(nn.Module())
    numbers = ", ".join(map(str, range(5000)))
    lines = "".join(f"    a{i} = {i}\n" for i in range(5000))
    scripted.define(f"def forward(self):\n    listed = [{numbers}]\n{lines}    return listed[7]\n")
    scripted.save(str(path))
    assert open_script(path)() == 7


def test_notes_on_python_lines_are_not_handed_to_torch_unless_asked_for(held, tmp_path):
    """Torch reads them late, when an error or a graph is printed."""

    def notes_of(archive: Archive, kept: bool) -> list[str]:
        with zipfile.ZipFile(archive.copy(notes=kept)) as copied:
            return [name for name in copied.namelist() if name.endswith(".debug_pkl")]

    assert len(notes_of(Archive(held), True)) == 1
    assert notes_of(Archive(held), False) == []
    for junk in (b"junk", b"\x80\x02" + b"]" * 9999 + b"a" * 9998 + b"."):
        bad = changed(held, tmp_path / "bad.ts", ".debug_pkl", lambda _, junk=junk: junk)
        assert notes_of(Archive(bad), True) == []
        assert "mul" in str(open_script(bad).graph)
