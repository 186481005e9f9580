"""Files written by older torch releases open, and play what they played then."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

import torchbend as tb
from torchbend.archive import Archive, ArchiveError, open_script

ROOT = Path(__file__).resolve().parents[1]
OLD = Path(__file__).parent / "data" / "old_torch"
# Before torch 1.12 the layer was put together by code while it loaded.
RUN_WHILE_LOADING = [OLD / release / "quantized.ts" for release in ("1.3.1", "1.4.0", "1.8.1")]
REFUSED = [OLD / "1.2.0" / "integers.ts", *RUN_WHILE_LOADING]
FILES = sorted(set(OLD.glob("*/*.ts")) - set(REFUSED))

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def old_files(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import old_files

    return old_files


def replay(old_files, path: Path) -> tuple[list, list]:
    """What the file plays now, and what it played when it was made."""
    archive = Archive(path)
    played = json.loads(archive.read("extra/played.json"))
    calls = [(method, old_files.unplain(arguments)) for method, arguments in played["calls"]]
    return old_files.play(open_script(archive), calls), played["results"]


def furthest(a, b) -> float:
    """The largest difference between two nested results; anything but floats must be equal."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b)
    if isinstance(a, list) and isinstance(b, list):
        assert len(a) == len(b)
        return max((furthest(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if isinstance(a, dict) and isinstance(b, dict):
        return furthest(*[[d[key] for key in sorted(d)] for d in (a, b)])
    assert type(a) is type(b) and a == b
    return 0.0


def test_differences_are_seen():
    assert furthest([{"tensor": [1.0, 2.5]}], [{"tensor": [1.0, 2.0]}]) == 0.5
    for other in ([1], [1.0, 2.0], [True], [{"tensor": 1.0}]):
        with pytest.raises(AssertionError):
            furthest([1.0], other)


def test_the_files_are_there():
    made = {folder.name: len(list(folder.glob("*.ts"))) for folder in OLD.iterdir()}
    made.pop("README.md")
    assert made == {"1.2.0": 1, "1.3.1": 4, "1.4.0": 8, "1.8.1": 21, "1.13.1": 19, "2.3.1": 10}


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_an_old_file_plays_as_it_did(old_files, path):
    now, then = replay(old_files, path)
    assert len(then) > 0
    assert furthest(now, then) <= 1e-6


def test_the_format_before_torch_1_3_is_refused():
    with pytest.raises(ArchiveError, match=r"a torch before 1\.3.*Export it"):
        open_script(OLD / "1.2.0" / "integers.ts")


@pytest.mark.parametrize("path", RUN_WHILE_LOADING, ids=lambda p: p.parent.name)
def test_quantized_layers_that_run_code_while_loading_are_refused(path):
    with pytest.raises(ArchiveError, match="__setstate__.*before it was quantized"):
        open_script(path)


def test_this_release_writes_and_plays_every_kind_but_those_it_has_lost(old_files, tmp_path):
    with torch.random.fork_rng(devices=[]):
        old_files.main(tmp_path, [])
    made = {path.stem: path for path in tmp_path.iterdir()}
    assert made.keys() == old_files.KINDS.keys() - {"upgraded_default"}
    for path in made.values():
        now, then = replay(old_files, path)
        assert furthest(now, then) <= 1e-6


def test_operators_mean_what_they_meant():
    """Integers were divided to integers before torch 1.6, and `full` made floats."""
    x = torch.tensor([[[0.1, 0.5, -0.5]]])
    for release in ("1.3.1", "1.4.0"):
        quotient, filled = open_script(OLD / release / "integers.ts")(x, 3)
        assert quotient.tolist() == [[[3, 16, -16]]] and filled.tolist() == [3.0, 3.0]
        assert filled.dtype == torch.float32
    quotient, filled = open_script(OLD / "1.8.1" / "integers.ts")(x, 3)
    torch.testing.assert_close(quotient, torch.tensor([[[10.0, 50.0, -50.0]]]) / 3)
    assert filled.dtype == torch.int64
    # linspace had 100 steps where none were asked for.
    y = open_script(OLD / "1.8.1" / "upgraded_default.ts")(torch.ones(1, 1, 2))
    torch.testing.assert_close(y, torch.full((1, 1, 2), 0.5))


def test_state_goes_on_from_block_to_block():
    for release in ("1.4.0", "1.8.1", "1.13.1", "2.3.1"):
        whole = open_script(OLD / release / "scripted_in_place.ts")
        halves = open_script(OLD / release / "scripted_in_place.ts")
        x = torch.linspace(-1, 1, 32).view(1, 1, -1)
        joined = torch.cat([halves(x[..., :16]), halves(x[..., 16:])], -1)
        torch.testing.assert_close(joined, whole(x))


def test_a_getter_of_an_old_file_answers_a_bare_value(old_files):
    """What nn~ cannot read, and a re-export has to repair."""
    for release in ("1.8.1", "1.13.1", "2.3.1"):
        module = open_script(OLD / release / "instrument.ts")
        assert module.get_gain() == 1.0 and module.get_mute() is False
        assert module.set_gain(0.5) == 0 and module.get_gain() == 0.5


def test_frozen_files_have_no_parameters():
    for release in ("1.8.1", "1.13.1", "2.3.1"):
        module = open_script(OLD / release / "frozen.ts")
        assert list(module.parameters()) == []
        assert {"forward", "encode", "decode"} <= set(module._c._method_names())


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_bent_by_nothing_everywhere_an_old_file_plays_as_it_did(old_files, path):
    played = json.loads(Archive(path).read("extra/played.json"))
    calls = [(method, old_files.unplain(arguments)) for method, arguments in played["calls"]]
    expected = old_files.play(open_script(path), calls)
    bended = tb.load(path)
    for method, arguments in calls:
        if any(isinstance(a, torch.Tensor) for a in arguments) and not bended.is_traced(method):
            bended.trace(method, *arguments)
    everywhere = [f"{re.escape(name)}$" for name in bended.weight_names]
    for fn in bended.traced_methods:
        places = bended.activations(fn, op=("call_module", "call_function")).values()
        everywhere += [
            f"{fn}:{re.escape(p.name)}$"
            for p in places
            if p.dtype.is_floating_point and not p.state
        ]
    bended.bend(tb.Scale(tb.BendingParameter("amount", 1.0, range=(0.0, 2.0))), *everywhere)
    assert len(bended.bended_keys()) >= 1
    scripted = bended.script()
    assert old_files.play(bended, calls) == expected
    assert old_files.play(scripted, calls) == expected
    assert scripted.set_amount(0.5) == 0
    bended.update("amount", 0.5)
    bent = [old_files.play(each, calls[:1]) for each in (bended, scripted)]
    assert furthest(*bent) <= 1e-6
