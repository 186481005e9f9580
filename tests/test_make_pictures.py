"""The script that makes what README.md shows: the table is in step, a picture has what plays."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

from torchbend.voice import gesture

ROOT = Path(__file__).parents[1]
KNOBS = sorted(gesture(0.0))


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """With the folder of the manual elsewhere, and README.md beside it."""
    path = ROOT / "scripts" / "make_pictures.py"
    spec = importlib.util.spec_from_file_location("make_pictures", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    docs = tmp_path / "docs"
    docs.mkdir()
    monkeypatch.setattr(found, "DOCS", docs)
    return found


@pytest.mark.slow
def test_the_table_in_the_readme_is_the_one_that_is_made(
    script: ModuleType, tmp_path: Path
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    copy = tmp_path / "README.md"
    copy.write_text(text.replace("/bend/drive", "/bend/spoilt"), encoding="utf-8")
    script.addresses()
    new, marks = copy.read_text(encoding="utf-8"), script.TABLE
    assert marks.search(new)[0] == marks.search(text)[0]
    assert "| `/bend/drive` " in new


@pytest.mark.slow
def test_the_picture_is_of_a_host_that_plays(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "PLAYED_SECONDS", 1.0)
    monkeypatch.setattr("torchbend.realtime.lineup.MEASURE_SECONDS", 0.2)
    script.live(osc_port=0)
    for picture in (script.DOCS / "live.svg", ROOT / "docs" / "live.svg"):
        drawn = ET.parse(picture).getroot()
        words = " ".join("".join(drawn.itertext()).replace("\xa0", " ").split())
        for word in (*KNOBS, "voice", "playing", "running", "latency", "underruns", "OSC"):
            assert word in words, (picture, word)
        for knob, value in script.KNOBS.items():
            assert f"{value:g}" in words, (picture, knob)


@pytest.mark.slow
def test_the_spectrograms_are_small_enough_to_keep(script: ModuleType) -> None:
    script.demo()
    made = (script.DOCS / "demo.png").read_bytes()
    assert made[:4] == b"\x89PNG"
    assert 50_000 < len(made) < 300_000
