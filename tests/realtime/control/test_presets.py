"""Presets: stored whole, checked on reading, recalled, and glided to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from control_support import make_tree

from torchbend.realtime.control import Control, FileError
from torchbend.realtime.control.presets import Morph, Preset, Presets, recall


def test_a_preset_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    tree, heard = make_tree()
    presets = Presets(tmp_path / "new" / "folder")
    tree.set("/bend/drive", (1.25,))
    tree.set("/bend/shape", ("fold",))
    tree.set("/bend/mix/1", (0.75,))
    tree.set("/bend/on", (False,))
    tree.set("/bypass", (True,))
    stored = presets.store("warm one", tree.values(stored=True), "net")
    assert (stored.name, stored.number) == ("warm one", 1)
    before = tree.values()
    tree.reset("/bend")
    tree.set("/drywet", (0.0,))
    heard.all.clear()
    assert recall(tree, presets.load("warm one")) == []
    assert tree.values() == before
    assert len(heard.all) == len({address for address, _ in heard.moves}) == 5
    assert presets.load("warm one") == presets.load("1") == stored


def test_names_and_numbers(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    values = {"/drywet": (0.5,)}
    assert presets.store("7", values).number == 7
    assert presets.store("b", values).number == 8
    assert presets.store("7", {"/drywet": (0.25,)}).name == "preset 7"
    assert presets.load("7").values == {"/drywet": (0.25,)}
    assert presets.store("b", values).number == 8
    assert [(p.number, p.name) for p in presets.list()] == [(7, "preset 7"), (8, "b")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.json", "preset 7.json"]


def test_a_preset_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    presets.store("warm", {})
    with pytest.raises(FileError, match="no preset 'worm'.*'warm'"):
        presets.load("worm")
    with pytest.raises(FileError, match="no preset '9'"):
        presets.load("9")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a\0b", "x" * 70, "end.", "a\nb"])
def test_a_name_that_is_no_files_is_refused(tmp_path: Path, name: str) -> None:
    for act in (lambda: Presets(tmp_path).store(name, {}), lambda: Presets(tmp_path).load(name)):
        with pytest.raises(FileError, match="cannot be called"):
            act()
    assert list(tmp_path.iterdir()) == []


GOOD = {"torchbend": "preset", "version": 1, "number": 1, "values": {"/drywet": [0.5]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no preset of torchbend"),
        (json.dumps({**GOOD, "torchbend": "midi map"}), "no preset of torchbend"),
        (json.dumps({**GOOD, "version": 2}), "install a newer"),
        (json.dumps({**GOOD, "version": "1"}), "no version"),
        (json.dumps({**GOOD, "number": "1"}), "no number"),
        (json.dumps({**GOOD, "values": []}), "no number, or no values"),
        (json.dumps({**GOOD, "values": {"/a": 1}}), "list of numbers"),
        (json.dumps({**GOOD, "values": {"/a": [[1]]}}), "list of numbers"),
        ('{"torchbend": "preset", "version": 1, "number": 1, "values": {"/a": [NaN]}}', None),
    ],
)
def test_a_file_that_is_no_preset_is_refused(tmp_path: Path, text: str, said: str | None) -> None:
    (tmp_path / "x.json").write_text(text)
    presets = Presets(tmp_path)
    if said is None:
        assert recall(make_tree()[0], presets.load("x")) == ["/a"]
        return
    with pytest.raises(FileError, match=said):
        presets.load("x")
    assert presets.list() == []
    presets.store("y", {})  # one bad file does not stop the others


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    presets = Presets(tmp_path)
    presets.store("a", {"/drywet": (0.5,)})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"):
        presets.store("a", {"/drywet": (0.25,)})
    assert presets.load("a").values == {"/drywet": (0.5,)}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_another_model_stored_is_left_out_and_named() -> None:
    tree, _ = make_tree()
    preset = Preset(
        "x", 1, {"/bend/gone": (1.0,), "/bend/shape": ("square",), "/bend/drive": (9.0,)}
    )
    assert recall(tree, preset) == ["/bend/gone", "/bend/shape"]
    assert tree.value("/bend/drive") == (2.0,)


def glide(tree: Any, morph: Morph, address: str, times: list[float]) -> list[Any]:
    found = []
    for now in times:
        more = morph.step(now)
        found.append(tree.value(address)[0])
        assert more == (now < times[-1])
    return found


def test_numbers_glide_along_their_curve_and_choices_jump_half_way() -> None:
    log = Control("/bend/cutoff", "float", (20.0,), low=20.0, high=20_000.0, curve="log")
    end = {
        "/bend/drive": (1.5,),
        "/bend/cutoff": (20_000.0,),
        "/bend/shape": ("fold",),
        "/bend/steps": (8,),
        "/bend/mix": (1.0, 0.5, 0.0),
    }
    times = [10.0, 12.0, 14.0, 16.0, 18.0]
    wanted = {
        "/bend/drive": [0.5, 0.75, 1.0, 1.25, 1.5],
        "/bend/cutoff": [20 * 1000**part for part in (0, 0.25, 0.5, 0.75, 1)],
        "/bend/shape": ["soft", "soft", "fold", "fold", "fold"],
        "/bend/steps": [3, 4, 6, 7, 8],
        "/bend/mix": [0.0, 0.25, 0.5, 0.75, 1.0],
    }
    for address, way in wanted.items():
        tree, _ = make_tree(log)
        found = glide(tree, Morph(tree, Preset("x", 1, end), 8.0, 10.0), address, times)
        if isinstance(way[0], float):
            assert found == pytest.approx(way)
        else:
            assert found == way
        assert tree.value(address) == end[address]


def test_a_hand_on_a_control_ends_its_glide_only() -> None:
    tree, _ = make_tree()
    preset = Preset("x", 1, {"/bend/drive": (1.5,), "/drywet": (0.0,), "/gone": (1.0,)})
    morph = Morph(tree, preset, 1.0, 0.0)
    assert morph.left == ["/gone"]
    morph.step(0.25)
    tree.set("/bend/drive", (0.125,))
    morph.step(0.5)
    assert not morph.step(1.0)
    assert tree.value("/bend/drive") == (0.125,)
    assert tree.value("/drywet") == (0.0,)


def test_a_glide_of_no_time_is_a_jump_and_a_late_one_ends() -> None:
    tree, _ = make_tree()
    preset = Preset("x", 1, {"/drywet": (0.25,)})
    assert not Morph(tree, preset, 0.0, 0.0).step(0.0)
    assert tree.value("/drywet") == (0.25,)
    tree.set("/drywet", (1.0,))
    assert not Morph(tree, preset, 1.0, 0.0).step(99.0)
    assert tree.value("/drywet") == (0.25,)


def test_another_model_in_the_middle_of_a_glide_is_no_harm() -> None:
    tree, _ = make_tree()
    morph = Morph(tree, Preset("x", 1, {"/bend/drive": (1.5,), "/drywet": (0.0,)}), 1.0, 0.0)
    morph.step(0.5)
    tree.replace([], "/bend")
    assert not morph.step(1.0)
    assert tree.value("/drywet") == (0.0,)
