"""The ``torchbend`` command."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import torchbend as tb
from torchbend import cli
from torchbend.errors import TorchbendError
from torchbend.interfaces import _install


def test_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"torchbend {importlib.metadata.version('torchbend')}\n"


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main([])
    assert "COMMAND" in capsys.readouterr().err


PACKAGES = {"rave": "acids-rave", "musicgen": "audiocraft"}


@pytest.mark.parametrize(("family", "package"), PACKAGES.items())
def test_install_prints_lines_that_a_shell_reads_back(
    family: str, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["install", family, "--print"]) == 0
    needs, packages = (shlex.split(line) for line in capsys.readouterr().out.splitlines())
    assert needs[:2] == packages[:2] == ["pip", "install"]
    assert needs[2:] == _install.pip_commands(family)[0]
    assert packages[2] == "--no-deps"
    assert packages[3].startswith(f"{package}==")
    # torch must never be named: what is installed stays.
    named = [word.split("=")[0].split(">")[0] for word in needs + packages]
    assert "torch" not in named


@pytest.mark.parametrize(
    ("torch_version", "torchaudio"),
    [("2.5.1+cu124", "2.5"), ("2.11.0", "2.11"), ("2.13.0+cpu", "2.11"), ("2.20.0a0", "2.11")],
)
def test_torchaudio_follows_torch_as_far_as_it_goes(torch_version: str, torchaudio: str) -> None:
    assert _install._torchaudio_requirement(torch_version) == f"torchaudio=={torchaudio}.*"


def test_our_errors_are_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(family: str) -> None:
        raise TorchbendError(f"no {family} today")

    monkeypatch.setattr(_install, "install", fail)
    assert cli.main(["install", "rave"]) == 1
    assert capsys.readouterr().err == "torchbend: no rave today\n"


def test_the_demo_names_what_it_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torchbend.demo", None)
    assert cli.main(["demo", "-o", str(tmp_path)]) == 1
    assert "torchbend.demo" in capsys.readouterr().err


def test_without_pip_the_lines_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_install.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TorchbendError, match="has no pip.*\n.*pip install .*\n.*--no-deps"):
        _install.install("rave")


# -- export --------------------------------------------------------------------------------
def test_export_asks_for_a_file_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["export", "my_run"])
    assert "-o" in capsys.readouterr().err


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Several wait for each other in every small convolution where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def run(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RAVE run, as small as one can be."""
    from torchbend.interfaces._rave_build import save_run

    tiny = ["CAPACITY = 4", "LATENT_SIZE = 4", "NOISE_AUGMENTATION = 0"]
    folder = tmp_path_factory.mktemp("cli") / "my_run"
    return save_run(folder, "v2_small+wasserstein", overrides=tiny)


@pytest.fixture
def bends(tmp_path: Path) -> Path:
    """A configuration with a knob on a weight and one on an activation."""
    push = tb.BendingParameter("push", 1.0, range=[0.0, 2.0])
    skip = tb.BendingParameter("skip", True)
    config = tb.BendingConfig(
        (tb.Scale(push), r"decoder.net.17.*weight"),
        (tb.Scale(skip), r"decoder_net_17_aligned_branches_1$"),
    )
    path = tmp_path / "bends.json"
    config.save(path)
    return path


def decoded(file: torch.jit.ScriptModule) -> torch.Tensor:
    """The file's next block of a held latent; RAVE's noise is seeded."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.default_generator.manual_seed(0)
        sound: torch.Tensor = file.decode(torch.ones(1, 4, 4)).clone()
    return sound


def failed(capsys: pytest.CaptureFixture[str], out: Path, *words: str | Path) -> str:
    """What `torchbend export` says when it fails; it must leave nothing behind."""
    before = sorted(out.parent.iterdir())
    assert cli.main(["export", *map(str, words), "-o", str(out)]) == 1
    assert sorted(out.parent.iterdir()) == before
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("torchbend: ")
    return said.err


@pytest.mark.rave
def test_a_run_is_exported_bent_and_what_was_written_is_said(
    run: Path, bends: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "choir.ts"
    options = ["--bend", str(bends), "--method", "decode", "--name", "Choir", "--no-check"]
    assert cli.main(["export", str(run), "-o", str(out), *options]) == 0
    said = capsys.readouterr().out.splitlines()
    written = [str(out.with_suffix(s)) for s in (".ts", ".pd", ".maxpat", ".json")]
    assert said[:4] == written
    assert said[4].startswith("  set push from 0 to 2 (Scale on ")
    assert said[5].startswith("  set skip from 0 to 1 (Scale on ")
    assert all(Path(path).is_file() for path in written)

    file, same, moved = (torch.jit.load(str(out)) for _ in range(3))
    assert file.get_methods() == ["decode"]
    assert moved.set_skip(0) == 0
    assert (file.get_skip(), moved.get_skip()) == ([1], [0])
    assert torch.equal(decoded(file), decoded(same))
    assert not torch.equal(decoded(same), decoded(moved))

    assert cli.main(["info", "--json", str(out)]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["model"] == "Choir"
    assert info["source"]["name"] == "best.ckpt"
    saved = json.loads(bends.read_text(encoding="utf-8"))
    assert info["bending"]["bends"] == saved["bends"]
    again = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert again["bends"] == saved["bends"]


@pytest.mark.rave
@pytest.mark.slow
def test_an_exported_run_was_checked(
    run: Path, bends: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "choir.ts"
    assert cli.main(["export", str(run), "-o", str(out), "--bend", str(bends)]) == 0
    assert torch.jit.load(str(out)).get_methods() == ["encode", "decode", "forward"]
    capsys.readouterr()
    assert cli.main(["check", str(out)]) == 0
    assert capsys.readouterr().out.endswith("choir.ts passes.\n")


@pytest.mark.rave
def test_the_file_can_come_alone(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain.ts"
    options = ["--method", "encode", "--no-check", "--no-patches"]
    assert cli.main(["export", str(run), "-o", str(out), *options]) == 0
    assert list(tmp_path.iterdir()) == [out]
    assert torch.jit.load(str(out)).get_attributes() == []


@pytest.mark.rave
def test_what_export_cannot_open_it_names(
    run: Path, bends: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "choir.ts"
    said = failed(capsys, out, tmp_path / "no_run")
    assert "no_run" in said
    assert "RAVE run's folder or checkpoint" in said
    nothing = tmp_path / "nothing.json"
    assert str(nothing) in failed(capsys, out, run, "--bend", nothing)
    torch.jit.script(torch.nn.Conv1d(1, 1, 1)).save(str(tmp_path / "other.ts"))
    assert "nothing is traced" in failed(capsys, out, tmp_path / "other.ts")
    assert "'decode'" in failed(capsys, out, run, "--method", "decod")


@pytest.mark.rave
def test_what_export_cannot_write_it_names(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ends in .ts" in failed(capsys, tmp_path / "choir.pt", run)
    assert cli.main(["export", str(run), "-o", str(tmp_path / "gone" / "choir.ts")]) == 1
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.rave
def test_a_configuration_that_does_not_fit_the_model_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "joseph.json"
    tb.BendingConfig((tb.Scale(2.0), "f_mult")).save(path)
    said = failed(capsys, tmp_path / "choir.ts", run, "--bend", path)
    assert "'f_mult'" in said
    path.write_text("{}", encoding="utf-8")
    assert "joseph.json" in failed(capsys, tmp_path / "choir.ts", run, "--bend", path)


@pytest.mark.rave
def test_a_vector_can_be_an_array(run: Path, tmp_path: Path) -> None:
    bands = tb.BendingParameter("bands", [1.0] * 16, range=[0.0, 2.0])
    tb.BendingConfig((tb.Scale(bands, dim=1), "tanh$")).save(tmp_path / "bends.json")
    out = tmp_path / "eq.ts"
    words = [str(run), "-o", str(out), "--bend", str(tmp_path / "bends.json"), "--no-check"]
    assert cli.main(["export", *words, "--method", "decode", "--vector", "bands=buffer"]) == 0
    file = torch.jit.load(str(out))
    assert file.get_buffer_attributes() == ["bands#0"]
    decoded(file)
    assert float(decoded(file).abs().max()) > 0
    assert file.set_buffer_attribute("bands#0", torch.zeros(1, 16), 44100) == 0
    decoded(file)  # the knob glides; what is left of that in the last filter takes 12 ms
    assert float(decoded(file)[..., 1024:].abs().max()) == 0


@pytest.mark.rave
def test_a_vector_in_no_form_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "NAME=FORM" in failed(capsys, tmp_path / "eq.ts", run, "--vector", "bands")
