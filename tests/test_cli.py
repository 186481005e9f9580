"""The ``torchbend`` command."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
from pathlib import Path

import pytest

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


def test_install_prints_lines_that_a_shell_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["install", "rave", "--print"]) == 0
    needs, packages = (shlex.split(line) for line in capsys.readouterr().out.splitlines())
    assert needs[:2] == packages[:2] == ["pip", "install"]
    assert needs[2:] == _install.pip_commands("rave")[0]
    assert packages[2] == "--no-deps"
    assert packages[3].startswith("acids-rave==")
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
