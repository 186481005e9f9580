"""Every block of the README runs, every command of it exists, every link leads somewhere.

A block's marker says how: ``<!-- test: run -->``, ``<!-- test: rave -->`` for what needs a run of
RAVE, ``<!-- test: file -->`` for what needs a ``.ts``, or, for what ``make -n`` checks,
``<!-- test: make -->``. Python blocks go on from each other, as a reader runs them. What would
install something is run as pip's or our own rehearsal of it.

What is marked ``<!-- test: live -->`` is written there as an artist types it. Here it plays for a
moment on the internal clock, with small files under the names of the README's (see
``stage_support.play_lines``).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from stage_support import play_lines, prepare_files

from torchbend.realtime.control import address_table, outputs, strip
from torchbend.voice import voice

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- test: (\w+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(README)]
COMMANDS = [
    line
    for marker, kind, text in BLOCKS
    if kind == "sh" and marker not in ("rave", "file", "live")
    for line in text.splitlines()
]


def run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_block_is_tested() -> None:
    assert [(kind, text) for marker, kind, text in BLOCKS if not marker and kind != "text"] == []
    assert {marker for marker, _, _ in BLOCKS} == {"run", "rave", "file", "live", "make", None}
    assert README.count("```") == 2 * len(BLOCKS)


def test_the_python_blocks_run_one_after_the_other(tmp_path: Path) -> None:
    code = "\n".join(text for how, kind, text in BLOCKS if (how, kind) == ("run", "python"))
    (tmp_path / "readme.py").write_text(code, encoding="utf-8")
    said = run([sys.executable, "readme.py"], tmp_path)
    assert re.search(r"^f_mult +torch\.Size\(\[4, 1\]\)", said, re.MULTILINE)
    assert re.search(
        r"^sin +call_function +sin +torch\.Size\(\[1, 4, 88200\]\)", said, re.MULTILINE
    )
    assert (tmp_path / "bends.json").is_file()
    with wave.open(str(tmp_path / "bent.wav"), "rb") as file:
        assert (file.getframerate(), file.getnframes()) == (44100, 88200)
        assert len(set(file.readframes(1000))) > 100


def test_the_first_bend_is_ten_lines_and_does_what_it_says(tmp_path: Path) -> None:
    first = next(text for _, kind, text in BLOCKS if kind == "python")
    assert len([line for line in first.splitlines() if line and "import" not in line]) <= 10
    check = """
sines = sum(torch.sin(2 * torch.pi * 440 * k * t) for k in (3, 4)) / 4
assert torch.allclose(wave, sines, atol=1e-2), (wave - sines).abs().max()
"""
    run([sys.executable, "-c", first + check], tmp_path)


@pytest.mark.rave
@pytest.mark.slow
def test_a_first_export(tmp_path: Path) -> None:
    from torchbend.practice import practice_run

    practice_run(tmp_path / "my_run")
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes(bytes(range(200)) * 2 * 333)
    python, shell = (text for marker, _, text in BLOCKS if marker == "rave")
    run([sys.executable, "-c", python], tmp_path)
    assert (tmp_path / "bent.wav").stat().st_size > 4 * 40_000
    export, info, check = (shlex.split(line) for line in shell.splitlines())
    made = run([sys.executable, "-m", *export], tmp_path)
    for name in ("choir.ts", "choir.pd", "choir.maxpat", "choir.json"):
        assert name in made
        assert (tmp_path / name).is_file()
    told = run([sys.executable, "-m", *info], tmp_path)
    assert re.search(r"^push +float +0 \.\. 2 +1 +Scale", told, re.MULTILINE)
    assert re.search(r"^keep +float +0 \.\. 1 +1 +OrderedMask", told, re.MULTILINE)
    checked = run([sys.executable, "-m", *check], tmp_path)
    assert re.search(r"^keep: heard +ok", checked, re.MULTILINE)
    assert checked.endswith("choir.ts passes.\n")


@pytest.mark.rave
@pytest.mark.slow
def test_a_file_from_a_model_page(tmp_path: Path) -> None:
    from torchbend.practice import practice_file

    practice_file(tmp_path / "rave.ts")
    shell, python = (text for marker, _, text in BLOCKS if marker == "file")
    (places,) = (shlex.split(line) for line in shell.splitlines())
    told = run([sys.executable, "-m", *places], tmp_path)
    assert re.search(r"^decoder\.net\.2\.weight +256 x 128 x 4$", told, re.MULTILINE)
    assert re.search(r"^decoder\.net\.1 +LeakyReLU +1 x 256 x \d+ ", told, re.MULTILINE)
    run([sys.executable, "-c", python], tmp_path)
    told = run([sys.executable, "-m", "torchbend", "info", "choir.ts"], tmp_path)
    assert re.search(r"^push +float +0 \.\. 2 +1 +Scale", told, re.MULTILINE)
    assert re.search(r"^shine +float +0 \.\. 4 +1 +Scale", told, re.MULTILINE)


@pytest.mark.slow
def test_on_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_files(tmp_path)
    lines = [line for marker, _, text in BLOCKS if marker == "live" for line in text.splitlines()]
    assert len(lines) > 8
    play_lines(lines, monkeypatch, capsys)
    assert json.loads(Path("surface.json").read_text())["createdWith"] == "Open Stage Control"


def test_the_addresses_are_those_that_there_are() -> None:
    """The rows of the strip, of what is told, and of the bends that the text names."""
    rows = dict(re.findall(r"^\| `(/[\w/]+)` *\|(.*)\|$", README, re.MULTILINE))
    controls = [*strip(), *outputs()]
    named = {"/bend/drive", "/bend/drive/bypass"}
    named |= {f"/bend/fold/{part}" for part in ("amount", "bypass", "solo")}
    assert set(rows) == named | {control.address for control in controls}
    table = address_table(controls)
    for address, row in rows.items():
        if address not in named:
            cells = [cell.strip() for cell in row.split("|")]
            (there,) = (line for line in table.splitlines() if f"`{address}`" in line)
            assert [cell.strip() for cell in there.split("|")[2:-1]] == cells
    knob = voice().controllables["drive"]
    low, high = knob.range
    assert [cell.strip() for cell in rows["/bend/drive"].split("|")][:3] == [
        "float",
        f"{low:g} .. {high:g}",
        f"{knob.raw:g}",
    ]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme(line: str, tmp_path: Path) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        run(["make", "-n", *words[1:]], ROOT)
    elif words[:2] == ["pip", "install"]:
        _rehearse(words[2:])
    elif words[:2] == ["torchbend", "install"]:
        assert "pip install" in run([sys.executable, "-m", *words, "--print"], tmp_path)
    elif words[:2] == ["torchbend", "demo"]:  # test_demo.py runs it
        assert "-o" in run([sys.executable, "-m", "torchbend", "demo", "--help"], tmp_path)
    else:
        pytest.fail(f"nobody knows how to test {line!r}")


def _rehearse(words: list[str]) -> None:
    rehearsal = ["--dry-run", "--no-deps", "--no-build-isolation", "--quiet"]
    run([sys.executable, "-m", "pip", "install", *rehearsal, *words], ROOT)


def test_extras_and_make_targets_in_the_text_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"'\.\[([\w,]+)\]'", README):
        for each in extra.split(","):
            assert re.search(rf"^{each} = \[", project, re.MULTILINE), each
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([\w-]+)`", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_what_the_readme_points_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    paths = re.findall(
        r"`((?:docs|torchbend|benchmarks|export|realtime|patches)/[\w./-]*)`", README
    )
    assert links
    assert paths
    for path in links + paths:
        assert (ROOT / path).exists(), path
    for picture in links:
        assert (ROOT / picture).stat().st_size < 300_000, picture
