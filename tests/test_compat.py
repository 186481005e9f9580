"""scripts/compat.py: what plays elsewhere must sound as it does here."""

import importlib.util
import math
from pathlib import Path

import pytest
from small_file import INFO, small_file

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "compat.py"


@pytest.fixture(scope="module")
def compat():
    spec = importlib.util.spec_from_file_location("compat", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_method_is_rendered_at_every_setting(compat, tmp_path):
    path = small_file(tmp_path / "x.ts", ours=INFO)
    found = compat.render(str(path))
    sounds = found["sounds"]
    assert list(sounds) == ["forward", "encode", "forward, gain=[0.7]", "encode, gain=[0.7]"]
    assert sounds["forward"] != sounds["forward, gain=[0.7]"]
    assert all(len(out) == 2 * 512 for name, out in sounds.items() if "forward" in name)
    assert compat.compare(path, found, found)[0]


@pytest.mark.parametrize(
    ("theirs", "good"),
    [
        ({"forward": [0.5, -1.0]}, True),
        ({"forward": [0.5, -1.0 + 9e-6]}, True),
        ({"forward": [0.5, -1.0 + 2e-5]}, False),
        ({"forward": [0.5]}, False),
        ({"forward": [0.5, math.nan]}, False),
        ({"other": [0.5, -1.0]}, False),
        (None, False),
    ],
)
def test_what_counts_as_the_same(compat, theirs, good):
    here = {"sounds": {"forward": [0.5, -1.0]}}
    there = {"error": "Unknown builtin op"} if theirs is None else {"sounds": theirs}
    assert compat.compare(Path("x.ts"), here, there)[0] == good


def test_a_file_that_does_not_open_is_told(compat, tmp_path):
    (tmp_path / "x.ts").write_bytes(b"no")
    assert "error" in compat.render(str(tmp_path / "x.ts"))
