"""The manual pages, on exporting and on files: what they name exists."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import inspect
import re
import runpy
import shlex
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend import cli
from torchbend.export import export

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "export.md").read_text(encoding="utf-8")
FILES = (DOCS / "files.md").read_text(encoding="utf-8")


class Player(nn.Module):
    """What a file without source may hold, with the names of a RAVE."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Module()
        self.decoder.net = nn.Sequential(nn.Conv1d(1, 4, 1), nn.Tanh(), nn.Conv1d(4, 1, 1))
        for name in ("decode_params", "forward_params"):
            self.register_buffer(name, torch.tensor([1, 1, 1, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(x)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.decoder.net(z)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["decode", "forward"]


def test_every_option_is_one_and_none_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["export", "--help"])
    flags = set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out)) - {"--help", "--out"}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", PAGE)) - {"--json"} == flags
    options = inspect.signature(export).parameters
    given = set(re.findall(r"`(\w+)=", PAGE)) - {"dim"}
    assert given == set(options) - {"bended", "path"}


@pytest.mark.parametrize(
    "words",
    re.findall(r"^\| \*(.+?)\* \|", PAGE + FILES, re.MULTILINE),
)
def test_an_error_in_the_table_is_one_that_exists(words: str) -> None:
    root = DOCS.parent
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("export", "torchbend")
        for path in sorted((root / folder).rglob("*.py"))
    )
    joined = re.sub(r"[\"']\s*\n\s*f?[\"']", "", source)  # a message over several lines
    # names and numbers stand for what differs from one error to the next
    parts = re.split(r"\.\.\.|\bn\b|'x'|\b\d+\b", words)
    pattern = r".{0,40}?".join(re.escape(part.strip()) for part in parts if part.strip())
    assert re.search(pattern, joined), pattern


@pytest.mark.parametrize("page", [PAGE, FILES], ids=["export", "files"])
def test_what_it_points_to_is_there(page: str) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", page):
        assert (DOCS / link).exists(), link
    for path in re.findall(r"`(patches/[\w./-]+)`", page):
        assert (DOCS.parent / path).exists(), path
    for name in re.findall(r"tb\.(\w+)", page):
        assert hasattr(tb, name), name


def test_the_files_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python on a small file, its commands after it."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.jit.script(Player()).save("rave.ts")
    python, shell = re.findall(r"^```(?:python|sh)\n(.*?)^```$", FILES, re.MULTILINE | re.DOTALL)
    Path("page.py").write_text(python, encoding="utf-8")
    x = torch.randn(1, 1, 64)
    page = runpy.run_path("page.py", {"x": x})
    file = torch.jit.load("choir.ts")
    assert file.set_gain(0.5) == 0
    file(x)  # the knob glides
    assert torch.allclose(file(x), page["y"], atol=1e-6)
    tb.BendingConfig((tb.Scale(tb.BendingParameter("tide", 1.0)), "decoder.net.1$")).save(
        "bends.json"
    )
    for line in shell.splitlines():
        _, *words = shlex.split(line, comments=True)
        assert cli.main(words) == 0
    assert torch.jit.load("choir.ts").get_attributes() == ["tide"]
