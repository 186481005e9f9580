"""The manual pages, on exporting, on files and on playing live: what they name exists."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import inspect
import re
import runpy
import shlex
from pathlib import Path

import pytest
import soundfile
import torch
from stage_support import play_lines, prepare_files
from torch import Tensor, nn

import torchbend as tb
from torchbend import cli
from torchbend.export import export

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "export.md").read_text(encoding="utf-8")
FILES = (DOCS / "files.md").read_text(encoding="utf-8")
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
LIVE = (DOCS / "live.md").read_text(encoding="utf-8")


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
    [
        *re.findall(r"^\| \*(.+?)\* \|", PAGE + FILES, re.MULTILINE),
        *re.findall(r"\| \*(.+?)\* \|$", LIVE, re.MULTILINE),
    ],
)
def test_an_error_in_the_table_is_one_that_exists(words: str) -> None:
    root = DOCS.parent
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("export", "realtime", "torchbend")
        for path in sorted((root / folder).rglob("*.py"))
    )
    joined = re.sub(r"[\"']\s*\n\s*f?[\"']", "", source)  # a message over several lines
    # names and numbers stand for what differs from one error to the next
    parts = re.split(r"\.\.\.|\bn\b|'x'|\b\d+\b", words)
    pattern = r".{0,40}?".join(re.escape(part.strip()) for part in parts if part.strip())
    assert re.search(pattern, joined), pattern


@pytest.mark.parametrize("page", [PAGE, FILES, LIVE], ids=["export", "files", "live"])
def test_what_it_points_to_is_there(page: str) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)(?:#[\w-]+)?\)", page):
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


# -- live.md -------------------------------------------------------------------------------
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```$", LIVE, re.MULTILINE | re.DOTALL)


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    return set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out))


def command(line: str) -> str:
    return line.split(" #")[0].rstrip()


def test_the_live_page_names_options_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    there = help_of("live", capsys) | help_of("render", capsys)
    ours = re.sub(r"`benchmarks/[^`]*`", "", LIVE)  # which have options of their own
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", ours))
    assert named <= there, named - there
    explained = {"--help", "--seconds", "--quiet", "--set", "--out", "--query", "--zeroconf"}
    assert there - named <= explained | {"--no-zeroconf", "--bend", "--midi"}, there - named


def test_the_worked_example_of_a_latency_is_right() -> None:
    from torchbend.realtime.audio.slot import latency_frames

    for granted, least in ((0, "1792 frames (37.3 ms)"), (3, "2560 frames (53.3 ms)")):
        frames = latency_frames(2048, 256, granted)
        assert f"{frames} frames ({frames / 48:.1f} ms)" == least
        assert least in LIVE


def test_the_addresses_and_messages_of_the_live_page_exist() -> None:
    from torchbend.realtime.control import latents, outputs, strip
    from torchbend.realtime.control.osc import _COMMANDS

    there = {control.address for control in [*strip(), *outputs(), *latents(["a", "b"])]}
    there |= {*_COMMANDS, "/error"}
    named = set(re.findall(r"`(/[a-z/]+)[` ]", LIVE)) | set(re.findall(r"(/latent/[a-z]+)", LIVE))
    named = {name for name in named if not name.startswith(("/bend", "/latent/n"))}
    assert named
    assert named <= there, named - there


@pytest.mark.slow
def test_the_commands_of_the_live_page_play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_files(tmp_path)
    known = {command(line) for line in README.splitlines()}  # test_readme.py plays those
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    mine = [line for line in lines if command(line) not in known]
    assert len(mine) > 8
    play_lines(mine, monkeypatch, capsys)


@pytest.mark.slow
def test_the_python_of_the_live_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the internal clock, at a free port, and for a shorter while."""
    from torchbend.realtime import Device, host

    monkeypatch.chdir(tmp_path)
    prepare_files(tmp_path)
    monkeypatch.setattr("torchbend.realtime.lineup.MEASURE_SECONDS", 0.2)
    monkeypatch.setattr(host, "Device", lambda: Device(output="none"))
    code = "".join(text for kind, text in BLOCKS if kind == "python")
    code = code.replace("time.sleep(60)", "time.sleep(1)")
    code = code.replace('record="heard.wav"', 'record="heard.wav", osc_port=0')
    Path("page.py").write_text(code, encoding="utf-8")
    runpy.run_path("page.py")
    sound, rate = soundfile.read("heard.wav")
    assert rate == 48000
    assert abs(sound).max() > 0.01
