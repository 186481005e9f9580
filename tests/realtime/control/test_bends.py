"""Named bends on the control side: their addresses, and that they stand together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest
from control_support import BENT, EDGE, Heard, named

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import (
    ControlTree,
    RefusedError,
    address_table,
    bend_addresses,
    bends,
)
from torchbend.realtime.control.building import bypasses, neutral_values
from torchbend.realtime.control.layout import session
from torchbend.realtime.control.midi import MidiMap
from torchbend.realtime.control.presets import Morph, Preset, recall
from torchbend.realtime.control.query_tree import node
from torchbend.realtime.control.surface import ControlSurface

FOLD = ["/bend/edge", "/bend/edge/bypass"]
FOLD += ["/bend/fold/amount", "/bend/fold/bypass", "/bend/fold/solo"]
WORN = ["/bend/worn/amount", "/bend/worn/bypass", "/bend/worn/solo"]
LIMIT = ["/bend/limit_amount", "/bend/limit_amount/bypass"]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def surface(tmp_path: Path, heard: Heard) -> ControlSurface:
    return ControlSurface(BENT, sink=heard, osc_port=None, query_port=None, presets=tmp_path)


def test_a_bend_stands_together_below_its_name() -> None:
    controls = bends(BENT)
    assert [c.address for c in controls] == [*FOLD, *LIMIT, *WORN]
    assert [c.group for c in controls] == ["/bend/fold"] * 5 + [""] * 2 + ["/bend/worn"] * 3
    found = {c.address: c for c in controls}
    amount = found["/bend/fold/amount"]
    assert (amount.kind, amount.low, amount.high, amount.default) == ("float", 0.0, 1.0, (1.0,))
    assert amount.ramp_ms > 0 and amount.curve == "linear"
    assert amount.description == "how much of fold is heard: Fold on fold"
    for switch in ("bypass", "solo"):
        control = found[f"/bend/fold/{switch}"]
        assert (control.kind, control.default, control.stored) == ("bool", (False,), True)
    assert found["/bend/fold/bypass"].description == "the model plays as if fold were not there"
    where = {address: a.name for address, (_, a) in bend_addresses(BENT).items()}
    assert where["/bend/fold/solo"] == "fold_solo"
    assert where["/bend/limit_amount"] == "limit_amount"
    assert "/bend/edge/bypass" not in where  # of which the model does not hear


def test_in_a_chain_each_model_has_its_own() -> None:
    found = bend_addresses([("a", BENT), ("b", BENT)])
    assert found["/bend/b/fold/amount"][0] == 1
    controls = {c.address: c for c in bends([("a", BENT), ("b", BENT)])}
    assert controls["/bend/b/fold/amount"].group == "/bend/b/fold"


def test_the_bends_own_bypass_wins() -> None:
    """A knob of the bend's own name is at its address, and has no bypass of its own there."""
    gain = AttributeInfo("fold", "float", ("float",), (2.0,), 0.0, 4.0, neutral=(1.0,))
    for of in ("fold", ""):
        info = FileInfo("m", (), (replace(gain, bend=of), *named("fold")))
        addresses = [c.address for c in bends(info)]
        assert addresses == ["/bend/fold", *FOLD[2:]]
        assert bypasses(info) == {}
        assert neutral_values(info) == {"/bend/fold": (1.0,), "/bend/fold/amount": (0.0,)}


def test_files_of_others_are_as_they_were() -> None:
    """A name alone is no mark."""
    plain = [replace(each, bend="", part="") for each in named("fold")]
    info = FileInfo("m", (), (*plain, replace(EDGE, bend="")))
    found = bends(info)
    assert [c.address for c in found] == [
        "/bend/fold_amount",
        "/bend/fold_amount/bypass",
        "/bend/fold_bypass",
        "/bend/fold_solo",
        "/bend/edge",
        "/bend/edge/bypass",
    ]
    assert {c.group for c in found} == {""}


def test_the_model_hears_a_bends_own_bypass_and_not_that_of_a_knob(
    surface: ControlSurface, heard: Heard
) -> None:
    tree = surface.tree
    tree.set("/bend/fold/bypass", (1,))
    tree.set("/bend/fold/amount", (0.5,))
    tree.set("/bend/edge/bypass", (1,))
    assert heard.moves == [
        ("/bend/fold/bypass", (True,)),
        ("/bend/fold/amount", (0.5,)),
        ("/bend/edge", (2.0,)),
    ]
    assert surface.effective("/bend/fold/amount") == (0.5,)
    assert surface.effective("/bend/edge") == (2.0,)


def test_a_panic_takes_all_amounts_to_nothing(surface: ControlSurface, heard: Heard) -> None:
    tree = surface.tree
    for address in ("/bend/fold/bypass", "/bend/worn/solo"):
        tree.set(address, (1,))
    heard.all.clear()
    tree.set("/panic", ())
    assert heard.moves[0] == ("/panic", (True,))
    assert dict(heard.moves[1:]) == {
        "/bend/fold/amount": (0.0,),
        "/bend/fold/bypass": (False,),
        "/bend/worn/amount": (0.0,),
        "/bend/worn/solo": (False,),
        "/bend/edge": (2.0,),
        "/bend/limit_amount": (0.0,),
    }


def test_python_names_them_as_it_knows_them(surface: ControlSurface) -> None:
    names = {
        "fold_amount": "/bend/fold/amount",
        "fold/amount": "/bend/fold/amount",
        "limit_amount": "/bend/limit_amount",
        "edge": "/bend/edge",
        "nothing": "/bend/nothing",
        "/bend/fold_amount": "/bend/fold_amount",
    }
    assert {name: surface.address_of(name) for name in names} == names
    surface.load([("a", BENT), ("b", BENT)])
    assert surface.address_of("b/fold_solo") == "/bend/b/fold/solo"
    with pytest.raises(RefusedError, match="fold/amount"):
        surface.tree.set("/bend/a/fold/amout", (1.0,))


def test_another_model_with_a_bend_of_that_name_keeps_how_it_stands(
    surface: ControlSurface,
) -> None:
    surface.tree.set("/bend/fold/amount", (0.25,))
    surface.load(FileInfo("other", (), named("fold")))
    assert surface.tree.value("/bend/fold/amount") == (0.25,)
    assert "/bend/worn/amount" not in surface.tree.controls


def test_amounts_glide_in_a_morph_and_switches_jump() -> None:
    tree = ControlTree(bends(BENT))
    tree.set("/bend/fold/amount", (0.0,))
    end = Preset("p", 1, {"/bend/fold/amount": (1.0,), "/bend/fold/solo": (True,)})
    morph = Morph(tree, end, 10.0, 0.0)
    assert morph.step(4.0)
    found = [tree.value("/bend/fold/amount")[0], tree.value("/bend/fold/solo")[0]]
    assert found == [pytest.approx(0.4), False]
    assert morph.step(6.0)
    assert tree.value("/bend/fold/solo") == (True,)
    assert not morph.step(10.0)
    assert tree.value("/bend/fold/amount") == (1.0,)
    assert recall(tree, Preset("q", 2, {"/bend/worn/bypass": (True,)})) == []
    assert set(tree.values(stored=True)) == {*FOLD, *LIMIT, *WORN}


def test_oscquery_has_a_container_for_a_bend() -> None:
    tree = ControlTree(bends(BENT))
    told = node(tree, "/bend/fold")
    assert told is not None
    assert list(told["CONTENTS"]) == ["amount", "bypass", "solo"]
    amount = told["CONTENTS"]["amount"]
    assert (amount["TYPE"], amount["RANGE"]) == ("f", [{"MIN": 0.0, "MAX": 1.0}])
    assert told["CONTENTS"]["solo"]["TYPE"] == "T"
    both = ControlTree(bends(FileInfo("m", (), (replace(EDGE, name="fold"), *named("fold")))))
    told = node(both, "/bend/fold")
    assert told is not None
    assert told["TYPE"] == "f" and list(told["CONTENTS"]) == ["amount", "bypass", "solo"]
    json.dumps(node(both))


def test_midi_learns_them() -> None:
    tree = ControlTree(bends(BENT))
    midi = MidiMap(tree)
    midi.learn("/bend/fold/amount")
    midi.feed(mido.Message("control_change", control=7, value=0))
    midi.feed(mido.Message("control_change", control=7, value=127))
    midi.feed(mido.Message("control_change", control=7, value=0))
    assert tree.value("/bend/fold/amount") == (0.0,)
    midi.learn("/bend/fold/solo")
    midi.feed(mido.Message("note_on", note=60, velocity=100))
    assert tree.value("/bend/fold/solo") == (True,)
    midi.feed(mido.Message("note_on", note=60, velocity=100))
    assert tree.value("/bend/fold/solo") == (False,)


def panel_of(found: dict[str, Any], name: str) -> dict[str, Any]:
    """The panel with an id, wherever it is."""
    waiting = [found["content"]]
    while waiting:
        widget = waiting.pop()
        if widget["id"] == name:
            return widget
        waiting += [*widget.get("tabs", ()), *widget.get("widgets", ())]
    raise AssertionError(f"there is no {name}")


def test_a_bend_is_one_panel_of_the_surface() -> None:
    tree = ControlTree(bends(BENT))
    found = session(tree.owners)
    title, row = panel_of(found, "/bend/fold panel")["widgets"]
    assert title["default"] == "fold"
    *faders, switches = row["widgets"]
    assert [w["address"] for w in faders] == ["/bend/edge", "/bend/fold/amount"]
    assert "amount<" in faders[1]["html"]
    assert [(w["address"], w["label"]) for w in switches["widgets"]] == [
        ("/bend/edge/bypass", "edge/bypass"),
        ("/bend/fold/bypass", "bypass"),
        ("/bend/fold/solo", "solo"),
    ]
    outer = panel_of(found, "bends")
    assert [w["id"] for w in outer["widgets"]] == [
        "/bend/fold panel",
        "/bend/limit_amount",
        "/bend/limit_amount/bypass",
        "/bend/worn panel",
    ]
    for panel in outer["widgets"]:
        inside = [w for each in panel.get("widgets", ()) for w in each.get("widgets", ())]
        assert sum(w["width"] for w in inside) <= panel["width"]
        assert all(w["height"] <= panel["height"] for w in inside)


def test_the_table_has_them() -> None:
    table = address_table(bends(BENT))
    assert [line.split("`")[1] for line in table.splitlines()[2:]] == [*FOLD, *LIMIT, *WORN]
