"""The notebooks in docs/: executed anew, they say what the committed ones say.

The expected values are those of the tutorial that this tool's users know.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

from torchbend.bending.operation import FAMILIES
from torchbend.bending.registry import operations

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.glob("*.ipynb"))

WEIGHTS = [
    "f0 torch.Size([1, 1, 1]) torch.int64 110 110 110 nan",
    "f_mult torch.Size([4, 1]) torch.int64 1 4 2.5 1.29099",
    "amps torch.Size([1, 4, 1]) torch.float32 1 1 1 0",
]
GRAPH = [
    "placeholder t t () {}",
    "call_method unsqueeze unsqueeze (t, -2) {}",
    "get_attr f0 f0 () {}",
    "get_attr f_mult f_mult () {}",
    "call_function mul <built-in function mul> (f0, f_mult) {}",
    "call_function mul_1 <built-in function mul> (6.283185307179586, mul) {}",
    "call_function mul_2 <built-in function mul> (mul_1, unsqueeze) {}",
    "call_function mul_3 <built-in function mul> (sin, softmax) {}",
    "call_method sum_1 sum (mul_3, -2) {}",
    "output output output (sum_1,) {}",
]
ACTIVATIONS = [
    "unsqueeze call_method unsqueeze torch.Size([1, 88200]) torch.float32",
    "mul call_function mul torch.Size([1, 4, 1]) torch.int64",
    "sin call_function sin torch.Size([1, 4, 88200]) torch.float32",
    "mul_3 call_function mul torch.Size([1, 4, 88200]) torch.float32",
    "sum_1 call_method sum torch.Size([1, 88200]) torch.float32",
]

ATTRIBUTES = [
    "push float 0 .. 2 1 Scale on 6 places: decoder.net.(17|18|19).*weight",
    "grain float 0 .. 0.1 0 Normal on 4 places: decoder.net.(3|4).*weight",
    "how choice (str) add, mul add Normal on 4 places: decoder.net.(3|4).*weight",
    "around bool (int) 0 .. 1 1 Scale on 6 places:",
    "bands vector (16 float) 0 .. 2 1, 1, 1, 1, ... Scale on 2 places: tanh$",
]


def executed(path: Path, folder: Path) -> Any:
    """The notebook as it comes out now, run by this Python whatever kernels are installed."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    manager = AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    resources = {"metadata": {"path": str(folder)}}
    # tqdm, which some models bring, says where there are no widgets for its bars
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore:IProgress not found"}
    client = NotebookClient(notebook, km=manager, timeout=300, resources=resources)
    client.execute(env=quiet)
    return notebook


def said(notebook: Any) -> list[str]:
    """What each code cell prints."""
    return [
        "".join(out["text"] for out in cell.outputs if out.output_type == "stream")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def shown(notebook: Any) -> list[str]:
    """The kinds of what the cells show, in order: ``audio``, ``image/png``."""
    data = [out.data for cell in notebook.cells for out in cell.get("outputs", []) if "data" in out]
    return ["audio" if "<audio" in d.get("text/html", "") else sorted(d)[0] for d in data]


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def committed(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks() -> None:
    names = [path.stem for path in NOTEBOOKS]
    assert names == ["bends", "export", "files", "image", "musicgen", "quickstart", "text"]


def test_a_committed_notebook_was_executed_from_top_to_bottom(committed: Any) -> None:
    cells = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells)
    kinds = {out.output_type for cell in cells for out in cell.outputs}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert {out.name for cell in cells for out in cell.outputs if "name" in out} == {"stdout"}


def test_a_committed_notebook_is_small_and_tells_nothing_of_where_it_ran(committed: Any) -> None:
    text = json.dumps(committed)
    assert len(text) < 3e6
    assert sorted(committed.metadata) == ["kernelspec", "language_info"]
    assert all(not cell.metadata for cell in committed.cells)
    without_media = re.sub(r"[A-Za-z0-9+/=]{200,}", "", text)
    assert (
        re.findall(r"0x[0-9a-f]{6,}|/home/|/root/|/tmp/|/Users/|site-packages", without_media) == []
    )


def check_quickstart(notebook: Any) -> None:
    printed = said(notebook)
    lines = rows("\n".join(printed))
    for row in [*WEIGHTS, *GRAPH, *ACTIVATIONS]:
        assert row in lines, row
    everything = "\n".join(printed)
    assert "output keys: ['mul', 'sin', 'mul_3', 'sum_1']" in everything
    assert "mul activation: tensor([110, 220, 330, 440])" in everything
    assert (
        "The size of tensor a (5) must match the size of tensor b (4) at non-singleton dimension 1"
        in everything
    )
    assert shown(notebook).count("image/png") == 2
    assert shown(notebook).count("audio") >= 5


def test_the_committed_quickstart_says_what_it_should() -> None:
    check_quickstart(nbformat.read(DOCS / "quickstart.ipynb", as_version=4))


def test_the_quickstart_runs_and_says_the_same_again(tmp_path: Path) -> None:
    before = nbformat.read(DOCS / "quickstart.ipynb", as_version=4)
    now = executed(DOCS / "quickstart.ipynb", tmp_path)
    check_quickstart(now)
    assert said(now) == said(before)
    assert shown(now) == shown(before)
    assert list(tmp_path.iterdir()) == []  # nothing is left in the reader's folder


def test_the_frequencies_named_in_the_quickstart_are_right() -> None:
    expected = (110 * 1.3 * torch.arange(1, 5)).round().int().tolist()
    text = (DOCS / "quickstart.ipynb").read_text(encoding="utf-8")
    named = re.search(r"proportions: (\d+), (\d+), (\d+) and (\d+) Hz", text)
    assert named is not None
    assert [int(hz) for hz in named.groups()] == expected


# -- from a RAVE run to a patch ------------------------------------------------------------
def check_export(notebook: Any) -> None:
    everything = "\n".join(said(notebook))
    lines = rows(everything)
    for row in ATTRIBUTES:
        assert row in lines, row
    for name in ("choir.ts", "choir.pd", "choir.maxpat", "choir.json"):
        assert name in lines, name
    for name in ("push", "keep", "grain", "how", "around", "features", "bands"):
        assert re.search(rf"^{name}: heard +ok .* in decode, forward$", everything, re.MULTILINE)
        assert re.search(rf"^{name}: returns +ok .* to the bit$", everything, re.MULTILINE)
    assert "FAIL" not in everything.upper()
    assert "choir.ts passes." in lines
    assert "the file takes longer by about a block: True" in lines
    assert "back: push keep grain how around features bands" in lines
    assert shown(notebook).count("image/png") == 2
    assert shown(notebook).count("audio") >= 5


def repeatable(notebook: Any) -> list[list[str]]:
    """What the cells print, without what differs from one machine to the next."""
    of_the_machine = re.compile(r"made with|made from|opens|plays on the GPU|what |[- ]+$")
    return [
        [row for row in rows(text) if row and not of_the_machine.match(row)]
        for text in said(notebook)
    ]


def test_the_committed_export_says_what_it_should() -> None:
    check_export(nbformat.read(DOCS / "export.ipynb", as_version=4))


@pytest.mark.rave
@pytest.mark.slow
def test_the_export_runs_and_says_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = nbformat.read(DOCS / "export.ipynb", as_version=4)
    now = executed(DOCS / "export.ipynb", tmp_path)
    check_export(now)
    assert repeatable(now) == repeatable(before)
    assert shown(now) == shown(before)
    assert list(tmp_path.iterdir()) == []


# -- all that a bend has ----------------------------------------------------------------------
def check_bends(notebook: Any) -> None:
    everything = "\n".join(said(notebook))
    for part in ("at 0 as it was", "all bypassed, as it was", "the same sound"):
        assert f"{part}: True" in everything, part
    assert "controls: fifth_amount fifth_bypass fifth_solo" in everything
    families = re.findall(r"^(\w+) +(\w+) +at \S+$", everything, re.MULTILINE)
    assert [family for family, _ in families] == list(FAMILIES)
    for family, name in families:
        assert operations()[name].family == family
    assert shown(notebook) == ["audio", "image/png", *["audio"] * 6]


def test_the_committed_bends_say_what_they_should() -> None:
    check_bends(nbformat.read(DOCS / "bends.ipynb", as_version=4))


@pytest.mark.slow
def test_the_bends_run_and_say_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = nbformat.read(DOCS / "bends.ipynb", as_version=4)
    now = executed(DOCS / "bends.ipynb", tmp_path)
    check_bends(now)
    assert said(now) == said(before)
    assert shown(now) == shown(before)
    assert list(tmp_path.iterdir()) == []


# -- a file without its source --------------------------------------------------------------
FILE_ATTRIBUTES = [
    "push float 0 .. 2 1 Scale on 6 places:",
    r"features float 0 .. 1 1 OrderedMask on 2 places: decoder\.net\.1$",
    "around bool (int) 0 .. 1 1 Scale on 6 places:",
    "bands vector (16 float) 0 .. 2 1, 1, 1, 1, ... Scale on 2 places: decoder/tanh$",
]


def check_files(notebook: Any) -> None:
    everything = "\n".join(said(notebook))
    lines = rows(everything)
    for row in FILE_ATTRIBUTES:
        assert row in lines, row
    for name in ("choir.ts", "choir.pd", "choir.maxpat", "choir.json"):
        assert name in lines, name
    assert "methods: forward, decode, encode" in lines
    assert any(line.startswith("decoder/tanh call_function aten::tanh") for line in lines)
    assert "at home to the bit as it was: True" in lines
    assert "['push', 'features', 'around', 'bands', 'tide']" in lines
    assert "checkpoint.ts is a checkpoint that torch.save wrote" in everything
    assert "half.ts is cut short or damaged" in everything
    assert shown(notebook).count("image/png") == 1
    assert shown(notebook).count("audio") == 4


def test_the_committed_files_notebook_says_what_it_should() -> None:
    check_files(nbformat.read(DOCS / "files.ipynb", as_version=4))


@pytest.mark.rave
@pytest.mark.slow
def test_the_files_notebook_runs_and_says_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = nbformat.read(DOCS / "files.ipynb", as_version=4)
    now = executed(DOCS / "files.ipynb", tmp_path)
    check_files(now)
    assert repeatable(now) == repeatable(before)
    assert shown(now) == shown(before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("bends", []),
        ("export", ["export", "info", "check"]),
        ("files", ["places", "export", "info", "check"]),
    ],
)
def test_what_a_notebook_points_to_is_there(name: str, used: list[str]) -> None:
    notebook = nbformat.read(DOCS / f"{name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (DOCS / link).is_file(), link
    for path in re.findall(r"`((?:docs|patches)/[\w./]+)`", text):
        assert (DOCS.parent / path).is_file(), path
    commands = re.findall(r"^torchbend (\w+)", text, re.MULTILINE)
    assert commands == used


# -- MusicGen ------------------------------------------------------------------------------
def check_musicgen(notebook: Any) -> None:
    everything = "\n".join(said(notebook))
    assert "BendedMusicGen(MusicGen, 0 places bent)" in everything
    for layer, bent in ((2, "convtr.convtr"), (3, "block.1.conv.conv"), (5, "convtr.convtr")):
        name = f"compression_model.decoder.model.{layer}.{bent}.weight"
        assert f"layer {layer} bent: {name}" in everything
    for part in ("as before", "changed after it", "at rest, as before", "from the file"):
        assert f"{part}: True" in everything, part
    assert re.search(r"changed before step \d+ : 0 codes", everything)
    assert "4 codebooks, blocks of 1280 frames, late by 9820 frames" in everything
    assert shown(notebook).count("audio") == 8


def test_the_committed_musicgen_says_what_it_should() -> None:
    check_musicgen(nbformat.read(DOCS / "musicgen.ipynb", as_version=4))


def test_one_name_makes_the_musicgen_notebook_play_another_model() -> None:
    notebook = nbformat.read(DOCS / "musicgen.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert code.count('NAME = "debug"  # "facebook/musicgen-small"') == 1
    assert code.count("debug") == 1


@pytest.mark.musicgen
@pytest.mark.slow
def test_musicgen_runs_and_says_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = nbformat.read(DOCS / "musicgen.ipynb", as_version=4)
    now = executed(DOCS / "musicgen.ipynb", tmp_path)
    check_musicgen(now)

    def without_statistics(notebook: Any) -> list[str]:
        """Their last digits depend on the machine."""
        return [re.sub(r"(torch\.float32).*", r"\1", text) for text in said(notebook)]

    assert without_statistics(now) == without_statistics(before)
    assert shown(now) == shown(before)
    assert list(tmp_path.iterdir()) == []


# -- pictures and text ---------------------------------------------------------------------
IMAGE_ACTIVATIONS = [
    "relu call_function relu torch.Size([8, 48, 4, 4]) torch.float32",
    "relu_3 call_function relu torch.Size([8, 16, 32, 32]) torch.float32",
]
TEXT_ACTIVATIONS = [
    "softmax_1 call_function softmax torch.Size([1, 4, 32, 32]) torch.float32",
    "relu_1 call_function relu torch.Size([1, 32, 144]) torch.float32",
]


def check_image(notebook: Any) -> None:
    everything = "\n".join(said(notebook))
    for row in IMAGE_ACTIVATIONS:
        assert row in rows(everything), row
    for part in ("learnt well enough", "unbent again", "all features", "the same pictures"):
        assert f"{part}: True" in everything, part
    assert "bent: ['relu_2']" in everything
    assert shown(notebook) == ["image/png"] * 11


def check_text(notebook: Any) -> None:
    everything = "\n".join(said(notebook))
    for row in TEXT_ACTIVATIONS:
        assert row in rows(everything), row
    for part in (
        *("learnt well enough", "it knows its words", "as before", "fewer of its words"),
        *("not an e in it", "at 1 as learnt", "the same text"),
    ):
        assert f"{part}: True" in everything, part
    texts = dict(re.findall(r"^ *(\S.*?) \| (.*)$", everything, re.MULTILINE))
    unbent = texts.pop("unbent")
    assert texts.pop("focus 1.0") == unbent
    assert len(texts) == 16
    assert unbent not in texts.values()
    assert "bent: ['truediv', 'truediv_1']" in everything
    assert shown(notebook) == ["image/png"]


def without_texts(notebook: Any) -> list[str]:
    """What is written depends, in the end, on the last digits of what was learnt."""
    return [re.sub(r"^.* \| .*$", "", text, flags=re.MULTILINE) for text in said(notebook)]


@pytest.mark.parametrize(("name", "check"), [("image", check_image), ("text", check_text)])
def test_the_committed_small_ones_say_what_they_should(name: str, check: Any) -> None:
    check(nbformat.read(DOCS / f"{name}.ipynb", as_version=4))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "check"), [("image", check_image), ("text", check_text)])
def test_the_small_ones_run_and_say_the_same_again(
    name: str, check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = nbformat.read(DOCS / f"{name}.ipynb", as_version=4)
    now = executed(DOCS / f"{name}.ipynb", tmp_path)
    check(now)
    assert without_texts(now) == without_texts(before)
    assert shown(now) == shown(before)
    assert list(tmp_path.iterdir()) == []
