"""scripts/fuzz_archives.py: what it must see is seen."""

import collections
import importlib.util
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "fuzz_archives.py"
GOOD = Path(__file__).parent / "data" / "old_torch" / "1.8.1" / "pair.ts"


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_archives", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_two_hundred_spoiled_files_are_refused_or_open():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--count", "200"], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("200 cases, 0 that must not be\n")
    counts = [line.split(maxsplit=2) for line in done.stdout.splitlines()[:-1]]
    assert sum(int(count) for count, _, _ in counts) == 200
    assert {outcome for _, _, outcome in counts} == {
        "refused unread", "refused by torch", "opened"
    }  # fmt: skip


def test_every_kind_spoils_and_the_same_number_makes_the_same_file(fuzz):
    good = fuzz.packed(members(GOOD))
    for kind in fuzz.KINDS:
        made = [fuzz.case(number, [GOOD], kind)[2] for number in range(12)]
        assert sum(data != good for data in made) >= 6, kind
        assert made == [fuzz.case(number, [GOOD], kind)[2] for number in range(12)]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("print('case 3', flush=True); import os; os.abort()", "ended with status -6"),
        ("print('case 3', flush=True); import time; time.sleep(60)", "did not end within 2 s"),
        ("print('case 3'); print('done rename | opened'); exit('wrote')", "ended with status 1"),
        ("print('case 3'); print('done rename | opened')", ""),
    ],
)
def test_a_crash_a_hang_and_a_complaint_are_told(fuzz, monkeypatch, code, how):
    monkeypatch.setattr(fuzz, "SECONDS_A_CASE", 2)
    counts = collections.Counter()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert fuzz.follow(process, counts) == (3, how)
    assert counts == ({("rename", "opened"): 1} if "done" in code else {})


def test_a_written_file_is_told(fuzz, monkeypatch, tmp_path):
    def thief(archive):
        Path("stolen").write_text("")
        return torch.jit.script(torch.nn.Tanh())

    monkeypatch.setattr("torchbend.archive.open_script", thief)
    # Limits would stay on the process that runs the tests.
    monkeypatch.setattr(fuzz.resource, "setrlimit", lambda *limits: None)
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")
    with pytest.raises(SystemExit, match="opened, and wrote .*stolen"):
        fuzz.work(0, 50, [GOOD], "version")


def test_a_hostile_line_is_in_the_file(fuzz):
    contents = members(GOOD)
    fuzz.hostile(contents, random.Random(1))
    assert any(b"stolen" in data for data in contents.values())
