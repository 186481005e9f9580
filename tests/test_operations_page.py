"""The manual's page on operations, and the list of their names: as the generator writes them."""

from __future__ import annotations

import importlib
import importlib.util
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import torchbend as tb
import torchbend.operations
from torchbend.bending.registry import operations

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PICTURES = ROOT / "docs" / "operations"


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return loaded(ROOT / "scripts" / "make_operations.py")


@pytest.fixture
def ripple(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page's example in the folder of operations, for a while."""
    name = "torchbend.operations.ripple"
    (tmp_path / "ripple.py").write_text(BLOCKS[-1], encoding="utf-8")
    there = list(torchbend.operations.__path__)
    monkeypatch.setattr(torchbend.operations, "__path__", [*there, str(tmp_path)])
    operations.cache_clear()
    yield "Ripple"
    operations.cache_clear()
    sys.modules.pop(name, None)
    torchbend.operations.__dict__.pop("ripple", None)


# -- what is generated ---------------------------------------------------------------------
def test_the_names_are_those_that_there_are(script: ModuleType) -> None:
    written = script.NAMES.read_text(encoding="utf-8")
    assert script.names_text(operations().values()) == written, "run: make operations"
    for name, operation in operations().items():
        assert getattr(tb, name) is operation.callback


def test_the_page_has_every_operation(script: ModuleType) -> None:
    assert script.page_text(PAGE, operations().values()) == PAGE, "run: make operations"
    rows = re.findall(r"^\| \*\*(\w+)\*\*", PAGE, re.MULTILINE)
    assert rows == list(operations())


def test_a_row_says_what_one_has_to_know(script: ModuleType) -> None:
    erode = script.row(operations()["Erode"]).split(" | ")
    assert erode[0] == "| **Erode**<br>`frames=4, time=None`"
    assert erode[2:4] == ["activations, weights; along time", "state"]
    assert erode[5] == "![Erode](operations/Erode.png)<br>`frames=20` at `sigmoid` |"
    mask = script.row(operations()["ThresholdActivation"])
    assert "<br>knob: `threshold` |" in mask
    assert "| per block |" in mask
    assert "| per block with some settings |" in script.row(operations()["Normal"])
    fold = script.row(operations()["Fold"])
    assert r"x where \|x\| <= limit" in fold
    assert "by value |  |" in fold


def test_no_cell_breaks_its_row() -> None:
    for line in PAGE.splitlines():
        if line.startswith("| **"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 7, line


def test_long_lists_of_names_are_wrapped_as_ruff_does(script: ModuleType) -> None:
    names = [f"Operation{i:02}" for i in range(10)]
    wrapped = script._import("many", names)
    assert wrapped[0] == "from .many import ("
    assert wrapped[1:-1] == [f"    {name}," for name in names]
    assert wrapped[-1] == ")"
    assert script._import("few", names[:2]) == ["from .few import Operation00, Operation01"]


def test_every_operation_has_a_small_picture() -> None:
    from PIL import Image

    pictures = {path.stem: path for path in PICTURES.iterdir()}
    assert set(pictures) == {"unbent", *operations()}
    assert sum(path.stat().st_size for path in pictures.values()) < 1_500_000
    for path in pictures.values():
        assert path.suffix == ".png"
        assert path.stat().st_size < 20_000
        with Image.open(path) as picture:
            assert picture.size == (240, 96)
    contents = [path.read_bytes() for path in pictures.values()]
    assert contents.count((PICTURES / "unbent.png").read_bytes()) == 1


@pytest.mark.slow
def test_a_picture_that_is_made_again_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    pictures = importlib.import_module("operation_pictures")
    some = [operations()[name] for name in ("Erode", "Fold", "Normal")]
    (tmp_path / "Gone.png").write_bytes(b"")
    pictures.draw_all(tmp_path, some)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(made) == ["Erode.png", "Fold.png", "Normal.png", "unbent.png"]
    assert len(set(made.values())) == 4
    for path in tmp_path.iterdir():
        path.unlink()
    pictures.draw_all(tmp_path, some)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made
    # another torch rounds otherwise; the committed ones stay as they are then
    for name in made:
        (tmp_path / name).write_bytes((PICTURES / name).read_bytes())
    pictures.draw_all(tmp_path, some)
    for name in made:
        assert (tmp_path / name).read_bytes() == (PICTURES / name).read_bytes()


# -- what is written -----------------------------------------------------------------------
@pytest.mark.slow
def test_the_page_runs(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text("\n".join(BLOCKS[:-1]), encoding="utf-8")
    space = runpy.run_path(str(tmp_path / "page.py"))
    sound = space["sound"]
    assert isinstance(sound, torch.Tensor)
    assert sound.shape == (1, 1, 94 * 512)
    plain = tb.BendedModule(space["voice"].module)
    z = space["performance"](94)
    assert not torch.equal(plain.decode(z), sound)


def test_the_page_names_what_exists() -> None:
    for name in re.findall(r"tb\.(\w+)", PAGE):
        assert hasattr(tb, name) or name == "Ripple", name
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
    for path in re.findall(r"`(torchbend/[\w./]+)`", PAGE):
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", PAGE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_example_is_an_operation_as_the_others_are(
    ripple: str, script: ModuleType, tmp_path: Path
) -> None:
    operation = operations()[ripple]
    assert "from .ripple import Ripple\n" in script.names_text(operations().values())
    assert "`x + depth sin(6 x)`" in script.row(operation)
    checks = loaded(ROOT / "tests" / "operations" / "test_operations.py")
    for kind in operation.places:
        checks.test_it_is_its_formula(operation, 0, kind)
        checks.test_its_neutral_setting_keeps_the_bits(operation, 0, kind)
        checks.test_the_amount_fades_between_plain_and_bent(operation, 0, kind)
        checks.test_a_selector_leaves_the_other_channels_alone(operation, 0, kind)
        checks.test_scripted_it_gives_the_same_bits(operation, 0, kind, tmp_path)
        checks.test_a_configuration_carries_it(operation, 0, kind, tmp_path)
    checks.test_it_does_something(operation)
    checks.test_blocks_of_any_size_give_what_the_whole_gives(operation, (7, 9, 16, 32))
    checks.test_it_is_described(operation)


def test_the_example_is_as_short_as_it_says() -> None:
    lines = [line for line in BLOCKS[-1].splitlines() if line and "import" not in line]
    assert 30 < len(lines) < 50
