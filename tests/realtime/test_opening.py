"""Whatever a model comes as, a file that a worker can play."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_file import INFO, small_file
from support import Codec, ConvNet, seeded
from torch import Tensor

import torchbend as tb
from torchbend.archive import open_script
from torchbend.errors import LiveError, TorchbendError
from torchbend.realtime import voice_file
from torchbend.realtime.opening import Prepared, prepare, prepare_chain
from torchbend.realtime.part import Chosen
from torchbend.realtime.request import prepare_asked

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody's own, and shared by the tests, so that the voice is exported once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def codec() -> tb.BendedModule:
    bended: tb.BendedModule = tb.BendedModule(seeded(Codec))
    bended.trace("encode", torch.zeros(1, 1, 64))
    bended.trace("decode", torch.zeros(1, 2, 64))
    return bended


def squash(x: Tensor) -> Tensor:
    return torch.tensor(x.detach().numpy().clip(-0.1, 0.1))  # numpy: no TorchScript


def play(made: Prepared, x: Tensor) -> Tensor:
    with torch.no_grad():
        out: Tensor = getattr(open_script(made.path), made.method.name)(x)
    return out


# -- the built-in voice --------------------------------------------------------------------
def test_the_voice_is_exported_once_and_found_again(folder: Path, cache: Path) -> None:
    first = prepare(folder=folder)
    written = first.path.stat().st_mtime_ns
    assert first.path.parent == cache / "torchbend"
    assert first.method.name == "forward" and first.name == "voice" and first.watch == ()
    assert "haze" in [a.name for a in first.info.attributes]
    again = prepare(folder=folder, method="decode")
    assert again.path == first.path and again.path.stat().st_mtime_ns == written
    assert again.method.in_ratio == 512
    assert play(first, torch.zeros(1, 1, 1024)).shape == (1, 1, 1024)


def test_half_a_voice_in_the_cache_is_exchanged(folder: Path) -> None:
    path = prepare(folder=folder).path
    path.write_bytes(path.read_bytes()[:100_000])
    again = prepare(folder=folder)
    assert again.path == path
    assert play(again, torch.zeros(1, 1, 512)).shape == (1, 1, 512)


def test_a_cache_that_cannot_be_written_is_done_without(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert prepare(folder=folder).path.parent == folder


def test_the_voices_name_follows_what_it_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    key = voice_file._key()
    assert key == voice_file._key()
    monkeypatch.setattr(torch, "__version__", "9.9")
    assert voice_file._key() != key


def test_the_voice_takes_other_bends(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "bends.json"
    level = tb.BendingParameter("level", 1.0, range=[0.0, 2.0])
    tb.BendingConfig((tb.Scale(level), r"^tail\.conv\.weight$")).save(config)
    made = prepare(bend=config, folder=folder)
    assert [a.name for a in made.info.attributes] == ["level"]
    assert made.watch == (config,) and made.path.parent == folder


# -- files ---------------------------------------------------------------------------------
def test_a_file_of_ours_plays_as_it_is(folder: Path, tmp_path: Path) -> None:
    file = small_file(tmp_path / "small.ts", ours=INFO)
    made = prepare(file, folder=folder)
    assert made.path == file and made.info == INFO and made.watch == (file,)
    assert made.method.name == "forward" and made.live is None
    assert not list(folder.iterdir())


def test_another_file_is_asked(folder: Path, tmp_path: Path) -> None:
    file = small_file(tmp_path / "a b#c.ts")
    lines: list[str] = []
    made = prepare(str(file), method="encode", folder=folder, say=lines.append)
    assert made.name == "a_b_c"
    assert (made.method.name, made.method.out_channels, made.method.out_ratio) == ("encode", 2, 4)
    assert [a.name for a in made.info.attributes] == ["gain"]
    assert made.info.state is None  # not known
    assert len(lines) == 1 and "a b#c.ts" in lines[0]


@pytest.mark.parametrize(
    "setter", [None, "def set_gain(self, a: float, b: float) -> int:\n    return 0\n"]
)
def test_an_attribute_that_cannot_be_set_is_left_out(
    setter: str | None, folder: Path, tmp_path: Path
) -> None:
    file = small_file(tmp_path / "deaf.ts", {"set_gain": setter})
    lines: list[str] = []
    assert prepare(file, folder=folder, say=lines.append).info.attributes == ()
    assert "gain" in lines[-1]


def test_a_file_is_bent(folder: Path, tmp_path: Path) -> None:
    codec().export(tmp_path / "codec.ts", check=False, patches=False)
    config = tmp_path / "bends.json"
    gain = tb.BendingParameter("gain", 0.5, range=[0.0, 2.0])
    tb.BendingConfig((tb.Scale(gain), r".*dec.*weight")).save(config)
    plain = prepare(tmp_path / "codec.ts", folder=folder)
    made = prepare(tmp_path / "codec.ts", bend=config, folder=folder)
    again = prepare(tmp_path / "codec.ts", bend=config, folder=folder)
    assert plain.method.name == made.method.name == "decode"
    assert made.watch == (tmp_path / "codec.ts", config)
    assert [a.name for a in made.info.attributes] == ["gain"]
    assert made.path != again.path  # the first may be playing
    z = torch.ones(1, 2, 16)
    assert not torch.allclose(play(plain, z), play(made, z))
    torch.testing.assert_close(play(made, z), play(again, z))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.ts", None, "there is no model"),
        ("text.ts", "hello", "no TorchScript"),
        ("gone", None, "there is no model"),
        ("net.py", "model = 1", "--python"),
        ("sound.wav", "RIFF", "no RAVE run"),
    ],
)
def test_what_is_no_model_is_refused(
    name: str, content: str | None, message: str, folder: Path, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(TorchbendError, match=message):
        prepare(tmp_path / name, folder=folder)


def test_a_wrong_method_or_configuration_is_refused(folder: Path, tmp_path: Path) -> None:
    file = small_file(tmp_path / "small.ts", ours=INFO)
    with pytest.raises(LiveError, match="no method 'encod'. Nearest: 'encode'"):
        prepare(file, method="encod", folder=folder)
    mute = small_file(tmp_path / "mute.ts", ours=replace(INFO, methods=()))
    with pytest.raises(LiveError, match="no method that can be played"):
        prepare(mute, folder=folder)
    with pytest.raises(LiveError, match=r"no bending configuration .*x\.json"):
        prepare(file, bend=tmp_path / "x.json", folder=folder)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(TorchbendError):
        prepare(file, bend=tmp_path / "x.json", folder=folder)


# -- modules -------------------------------------------------------------------------------
def test_a_bent_module_is_exported(folder: Path) -> None:
    bended = codec()
    bended.bend(tb.Scale(tb.BendingParameter("gain", 0.5, range=[0.0, 2.0])), ".*dec.*weight")
    made = prepare(bended, folder=folder)
    assert made.method.name == "decode" and made.name == "Codec" and made.watch == ()
    z = torch.ones(1, 2, 16)
    torch.testing.assert_close(play(made, z), bended.decode(z))
    with pytest.raises(TorchbendError, match="traced"):
        prepare(tb.BendedModule(seeded(Codec)), folder=folder)


def test_what_cannot_be_scripted_plays_in_process(folder: Path) -> None:
    bended = codec()
    handle = bended.bend(tb.Lambda(squash), "decode:tanh")
    bended.bend(tb.Scale(tb.BendingParameter("mix", [0.5, 0.25])), "bottleneck$")
    z = torch.ones(1, 2, 16)
    heard = bended.decode(z)
    made = prepare(bended, folder=folder)
    assert made.live is bended and "squash" in str(made.why_in_process)
    assert [m.name for m in made.info.methods] == ["encode", "decode"]
    (mix,) = made.info.attributes
    assert (mix.kind, mix.types, mix.default) == ("vector", ("float", "float"), (0.5, 0.25))
    # as it was, and what was bent can still be taken back
    torch.testing.assert_close(bended.decode(z), heard)
    handle.undo()
    assert not torch.allclose(bended.decode(z), heard)


def test_a_named_bend_that_plays_in_process_is_marked_as_one(folder: Path) -> None:
    bended = codec()
    bended.bend(tb.Bend(tb.Lambda(squash), name="flat"), "decode:tanh")
    made = prepare(bended, folder=folder)
    assert made.live is bended
    found = {a.name: (a.bend, a.part) for a in made.info.attributes}
    assert found == {f"flat_{part}": ("flat", part) for part in ("amount", "bypass", "solo")}


def test_a_module_that_is_not_bent_is_tried_with_sound(folder: Path) -> None:
    made = prepare(seeded(ConvNet, 2), folder=folder)
    assert made.method.in_channels == 2 and made.name == "ConvNet"
    with pytest.raises(TorchbendError, match="plays no sound"):
        prepare(torch.nn.Conv1d(5, 5, 1), folder=folder)


# -- Python files --------------------------------------------------------------------------
FILE = """
import torch
import torchbend as tb
import beside

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = torch.nn.Conv1d(1, 1, 1)
    def forward(self, x):
        return torch.tanh(self.lin(x))

def fold(x: torch.Tensor) -> torch.Tensor:
    return x.abs()

net = Net()
model = tb.BendedModule(net)
model.trace(x=torch.zeros(1, 1, 64))
model.bend(tb.Lambda(fold), "tanh")
number = beside.NUMBER
if __name__ == "__main__":
    raise SystemExit("run as a program")
"""


def test_a_python_file_is_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NUMBER = 3\n")
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    made = prepare(python=str(file), folder=folder)
    assert made.name == "mine" and made.watch == (file,) and made.live is None
    assert play(made, torch.randn(1, 1, 32)).min() >= 0
    plain = prepare(python=f"{file}:net", folder=folder)
    assert play(plain, torch.linspace(-9, 9, 64)[None, None]).min() < 0
    file.write_text(FILE.replace("x.abs()", "-x.abs()"))
    assert play(prepare(python=str(file), folder=folder), torch.randn(1, 1, 32)).max() <= 0


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("", "x = 1\nraise ValueError('none')\n", r"mine\.py, line 2: ValueError: none"),
        ("", "def broken(:\n", r"mine\.py, line 1"),
        ("", "import sys\nsys.exit(3)\n", r"line 2: SystemExit"),
        ("", "import torch\nnet = torch.nn.Identity()\n", r"no 'model'.*There are: 'net'"),
        (":nett", "import torch\nnet = torch.nn.Identity()\n", r"no 'nett'.*Nearest: 'net'"),
        ("", "model = 3\n", r"it is int"),
        ("", "import no_such_thing\n", r"line 1: ModuleNotFoundError"),
    ],
)
def test_a_python_file_that_does_not_serve(
    name: str, code: str, message: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(LiveError, match=message):
        prepare(python=f"{tmp_path / 'mine.py'}{name}", folder=folder)


def test_a_python_file_in_place_of_a_model(folder: Path) -> None:
    with pytest.raises(LiveError, match="no Python file"):
        prepare(python="gone.py", folder=folder)
    with pytest.raises(LiveError, match="one of them"):
        prepare("a.ts", python="b.py", folder=folder)


# -- chains --------------------------------------------------------------------------------
def test_a_chain(folder: Path, tmp_path: Path) -> None:
    (one,) = prepare_chain(folder=folder)
    assert one.name == "voice"
    names = [p.name for p in prepare_chain([None] * 3, folder=folder)]
    assert names == ["voice", "voice-2", "voice-3"]
    first, then = prepare_chain([None, None], method=["encode", "decode"], folder=folder)
    assert (first.method.name, then.method.name) == ("encode", "decode")
    small_file(tmp_path / "v.ts", ours=INFO)
    small_file(tmp_path / "v-2.ts", ours=INFO)
    files: list[Any] = [tmp_path / "v.ts", tmp_path / "v-2.ts", tmp_path / "v.ts"]
    assert len({p.name for p in prepare_chain(files, folder=folder)}) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "decode"}, "1 methods for 2 models"),
        ({"method": ["encode", "forward"]}, "one frame for 512.*Methods of it that fit: decode"),
        ({"method": ["forward", "decode"]}, "one frame for 1 .*takes one for 512"),
        ({"bend": ["a.json"] * 3}, "3 bending configurations for 2 models"),
        ({"python": "x.py"}, "one model"),
    ],
)
def test_a_chain_that_does_not_fit(options: dict[str, Any], message: str, folder: Path) -> None:
    with pytest.raises(LiveError, match=message):
        prepare_chain([None, None], folder=folder, **options)


def test_every_method_of_one_model_is_looked_for(folder: Path, tmp_path: Path) -> None:
    asked = {"models": small_file(tmp_path / "v.ts", ours=INFO), "method": ["encode", "forwar"]}
    with pytest.raises(LiveError, match="no method 'forwar'. Nearest: 'forward'"):
        prepare_asked(asked, Chosen(), folder=folder, say=lambda line: None)


@pytest.mark.rave
def test_a_rave_run(folder: Path, tmp_path: Path) -> None:
    from torchbend.interfaces._rave_build import save_run

    made = prepare(save_run(tmp_path, "v2_small", seed=1), folder=folder, fidelity=None)
    assert made.method.name == "forward"
    assert {m.name for m in made.info.methods} == {"encode", "decode", "forward"}
