"""Files are read as data; what is no TorchScript, damaged or hostile is never opened."""

from __future__ import annotations

import io
import pickle
import random
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from torchbend.archive import Archive, ArchiveError, open_script
from torchbend.archive_code import forbidden_code

CODE = "code/__torch__/archives.py"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.register_buffer("forward_params", torch.tensor([1, 1, 2, 1]))
        self.words = ["save", "from_file"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)

    @torch.jit.export
    def get_words(self):
        return self.words


class Thief(nn.Module):
    """Writes a file while it loads."""

    def __init__(self, target: str):
        super().__init__()
        self.target = target
        self.training = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self):
        return self.target

    @torch.jit.export
    def __setstate__(self, state: str):
        self.target = state
        self.training = False
        torch.ops.aten.save(torch.zeros(1), state)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "net.ts"
    torch.jit.script(Net()).save(str(path))
    return path


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """An empty current folder: whatever appears there was written by what was opened."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")
    yield tmp_path
    assert list((tmp_path / "scratch").iterdir()) == []


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def with_code(good: Path, to: Path, line: str) -> Path:
    """The good file with one more line in its forward method."""
    contents = members(good)
    name = next(n for n in contents if n.endswith(".py") and b"class Net" in contents[n])
    text = contents[name].decode()
    assert text.count("    conv = self.conv\n") == 1
    line = f"    {line}\n    conv = self.conv\n"
    contents[name] = text.replace("    conv = self.conv\n", line).encode()
    return rewritten(to, contents)


# -- good files --------------------------------------------------------------------------
def test_a_good_file_opens_and_plays_as_torch_opens_it(good):
    x = torch.randn(2, 1, 16)
    assert torch.equal(open_script(good)(x), torch.jit.load(str(good))(x))


def test_members_are_named_without_the_archives_own_name(good):
    archive = Archive(good)
    assert {"data.pkl", "constants.pkl", "version"} <= set(archive.names)
    assert archive.read("no/such") is None
    assert any("class Net(Module)" in text for text in archive.code.values())


def test_extra_files_are_read(tmp_path):
    path = tmp_path / "net.ts"
    torch.jit.save(torch.jit.script(Net()), str(path), _extra_files={"note.txt": "hello"})
    assert Archive(path).read("extra/note.txt") == b"hello"


def test_a_file_that_was_packed_again_and_compressed_opens(good, tmp_path):
    packed = rewritten(tmp_path / "p.ts", members(good), zipfile.ZIP_DEFLATED)
    x = torch.randn(1, 1, 8)
    assert torch.equal(open_script(packed)(x), open_script(good)(x))


@pytest.mark.filterwarnings("ignore")
def test_packed_quantized_weights_open(tmp_path):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).eval()
    with torch.random.fork_rng(devices=[]):
        quantized = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
    path = tmp_path / "q.ts"
    torch.jit.script(quantized).save(str(path))
    x = torch.randn(2, 3)
    assert torch.equal(open_script(path)(x), quantized(x))


# -- what is no TorchScript -----------------------------------------------------------
def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ArchiveError, match="No such file"):
        open_script(tmp_path / "gone.ts")
    with pytest.raises(ArchiveError, match="cannot be read"):
        open_script(tmp_path)


class Bomb:
    def __reduce__(self):
        return (Path.write_text, (Path("boom"), "executed"))


def test_pickles_are_refused_and_not_executed(scratch):
    path = scratch / "x.ts"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ArchiveError, match="pickle"):
        open_script(path)
    torch.save({"bomb": Bomb()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ArchiveError, match="pickle"):
        open_script(path)
    torch.save({"bomb": Bomb()}, path)
    with pytest.raises(ArchiveError, match="checkpoint"):
        open_script(path)


def test_other_kinds_of_file_are_named(tmp_path):
    path = tmp_path / "x.ts"
    path.write_bytes(b"")
    with pytest.raises(ArchiveError, match="empty"):
        open_script(path)
    path.write_text("RIFF....WAVE")
    with pytest.raises(ArchiveError, match="no zip"):
        open_script(path)
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    with pytest.raises(ArchiveError, match="tar"):
        open_script(path)
    rewritten(path, {"a/b.txt": b"hello"})
    with pytest.raises(ArchiveError, match="no TorchScript"):
        open_script(path)
    rewritten(path, {"a/model.json": b"{}"})
    with pytest.raises(ArchiveError, match=r"before 1\.3"):
        open_script(path)


def test_a_file_cut_short_anywhere_is_refused(good, tmp_path):
    data = good.read_bytes()
    path = tmp_path / "cut.ts"
    for keep in [*range(1, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:keep])
        with pytest.raises(ArchiveError):
            open_script(path)


def test_damaged_weights_are_refused(good, tmp_path):
    """Torch itself does not look at the checksum, and would play the wrong weights."""
    weight = next(v for n, v in members(good).items() if n.endswith("data/0"))
    data = bytearray(good.read_bytes())
    data[data.index(weight) + 1] ^= 0xFF
    path = tmp_path / "bad.ts"
    path.write_bytes(data)
    torch.jit.load(str(path))
    with pytest.raises(ArchiveError, match="damaged"):
        open_script(path)


# -- hostile archives -------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    ["../evil", "net/../../evil", "/etc/evil", "net//evil", "net/./evil", "net\\evil",
     "net/c:evil", "other/evil", "evil", "net/DATA.PKL", "net/a\x07"],
)  # fmt: skip
def test_odd_member_names_are_refused(good, scratch, name):
    contents = members(good) | {name: b"x"}
    with pytest.raises(ArchiveError):
        open_script(rewritten(scratch / "x.ts", contents))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(good, tmp_path):
    path = rewritten(tmp_path / "x.ts", members(good))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/data.pkl", b"x")
    with pytest.raises(ArchiveError, match="two members"):
        open_script(path)


def test_a_zip_bomb_is_refused_unread(good, tmp_path):
    contents = members(good) | {"net/data/bomb": bytes(300 * 2**20)}
    path = rewritten(tmp_path / "bomb.ts", contents, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    with pytest.raises(ArchiveError, match="unpack to"):
        open_script(path)


def test_declared_sizes_must_fit_the_file(good, tmp_path):
    path = rewritten(tmp_path / "x.ts", members(good))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    for offset in (20, 24):  # compressed and plain size in the central directory
        data[entry + offset : entry + offset + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="more data than it holds"):
        open_script(path)
    data[entry + 20 : entry + 24] = (7).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="two sizes"):
        open_script(path)


def test_what_runs_while_loading_is_not_opened(scratch):
    path, target = scratch / "thief.ts", scratch / "stolen"
    torch.jit.script(Thief(str(target))).save(str(path))
    torch.jit.load(str(path))
    assert target.exists()  # torch alone does write it
    target.unlink()
    with pytest.raises(ArchiveError, match="'save'|__setstate__"):
        open_script(path)
    assert not target.exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('torch.save(x, "f")', "'save'"),
        ('ops.aten.save(x, "f")', "'save'"),
        ('(x).save("f")', "'save'"),
        ('torch . save(x, "f")', "'save'"),
        ('torch.\\\n      save(x, "f")', "'save'"),
        ('t = torch; t.save(x, "f")', "'save'"),
        ('3.save("f")', "'save'"),
        ('a = "#"; torch.save(x, "f")', "'save'"),
        ('a = "\\""; torch.save(x, "f")', "'save'"),
        ('a = """\n"""; torch.save(x, "f")', "'save'"),
        ('y = torch.from_file("f", False, 4)', "'from_file'"),
        ('getattr(torch, "save")(x, "f")', "by name"),
        ("getattr(torch, 'sa\\166e')(x, 'f')", "by name"),
        ('ops.image.write_file("f", x)', "ops.image"),
        ("o = ops", "operators of ops,"),
        ('getattr(ops, "image")', "operators of ops,"),
        ("ops.prim.rpc_sync()", "rpc_sync"),
        ('__torch__.torch.classes.dist_c10d.FileStore("f", 1)', "dist_c10d"),
        ("n = __torch__.torch", "as a value"),
        ("n = __torch__", "as a value"),
        ("n = __torch__.torch.classes", "native class"),
        ("n = __torch__.torch.classes.quantized", "native class"),
    ],
)
def test_code_that_reaches_outside_is_refused(good, scratch, line, why):
    path = with_code(good, scratch / "x.ts", line)
    with pytest.raises(ArchiveError, match="was not opened") as caught:
        open_script(path)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ['a = "save it"', "a = 1  # save", "ops.prim.RaiseException", 'a = "ops"', "saved = 1",
     "a = self.ops", "__torch__.torch.classes.quantized.LinearPackedParamsBase",
     'getattr(self, "0")', "a = '__setstate__'", "import __torch__"],
)  # fmt: skip
def test_code_that_only_looks_like_it_is_not(line):
    assert list(forbidden_code({CODE: f"class A(Module):\n  def f(self):\n    {line}\n"})) == []


@pytest.mark.parametrize(
    "member",
    [CODE, "code/__torch__.py", "code/__torch__/torch/ao/nn/quantized/modules/linear.py"],
)
def test_no_setstate_is_run(member):
    """Not even under a library class's name, which anyone can give to a loop without end."""
    text = "class A(Module):\n  def __setstate__(self, s: int):\n    while True:\n      pass\n"
    assert "__setstate__" in next(forbidden_code({member: text}))


def test_a_code_member_hides_behind_no_spelling(good, scratch):
    """Torch finds CODE/X.PY when it looks for code/x.py."""
    contents = members(good)
    name = next(n for n in contents if n.endswith(".py") and b"class Net" in contents[n])
    contents[name.upper().replace("NET/", "net/", 1)] = contents.pop(name).replace(
        b"    conv = self.conv\n", b'    torch.save(x, "f")\n    conv = self.conv\n'
    )
    path = rewritten(scratch / "x.ts", contents)
    torch.jit.load(str(path))
    with pytest.raises(ArchiveError, match="'save'"):
        open_script(path)


def test_a_native_class_in_the_pickle_is_refused(good, tmp_path):
    contents = members(good)
    name = next(n for n in contents if n.endswith("/data.pkl"))
    contents[name] = b"\x80\x02c__torch__.torch.classes\ndist_c10d.FileStore\n."
    with pytest.raises(ArchiveError, match="dist_c10d"):
        open_script(rewritten(tmp_path / "x.ts", contents))


def test_what_is_hidden_from_one_zip_reader_is_hidden_from_torch(good, tmp_path):
    """Torch is given a copy of the checked members, so bytes around them do not count."""
    path = tmp_path / "x.ts"
    evil = with_code(good, tmp_path / "evil.ts", 'torch.save(x, "f")').read_bytes()
    path.write_bytes(evil + good.read_bytes())
    module = open_script(path)
    assert "save" not in module.code
    with pytest.raises(ArchiveError):
        open_script(tmp_path / "evil.ts")


# -- mutations ---------------------------------------------------------------------------
def mutate(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 2, 8])):
        at = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.choice([1, 4, 50])]
            case _:
                data[at:at] = rng.randbytes(rng.choice([1, 4]))
        if not data:
            return


def test_mutated_archives_open_or_are_refused(good, scratch):
    data, contents = good.read_bytes(), members(good)
    inside = [n for n in contents if n.endswith((".py", ".pkl", "version"))]
    path, refused = scratch / "x.ts", 0
    for seed in range(400):
        rng = random.Random(seed)
        if seed % 2:
            whole = bytearray(data)
            mutate(whole, rng)
            path.write_bytes(whole)
        else:  # the zip itself stays sound
            name = rng.choice(inside)
            member = bytearray(contents[name])
            mutate(member, rng)
            rewritten(path, contents | {name: bytes(member)})
        try:
            assert isinstance(open_script(path), torch.jit.ScriptModule)
        except ArchiveError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 200


def test_reading_is_of_bytes_alone(good):
    archive = Archive(good)
    assert isinstance(archive.copy(), io.BytesIO)
