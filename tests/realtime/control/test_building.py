"""Controls out of a model's description; the table of addresses."""

from __future__ import annotations

import pytest
from control_support import INFO, make_tree

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import ControlError, address_table, bends, outputs, strip


def test_each_attribute_becomes_a_control_of_its_kind() -> None:
    found = {control.address: control for control in bends(INFO)}
    assert [(c.kind, c.types) for c in found.values()] == [
        ("float", ("float",)),
        ("int", ("int",)),
        ("bool", ("bool",)),
        ("choice", ("choice",)),
        ("vector", ("float",) * 3),
        ("float", ("float",)),
        ("vector", ("float",) * 40),
    ]
    drive = found["/bend/drive"]
    assert (drive.low, drive.high, drive.default) == (0.0, 2.0, (0.5,))
    assert drive.description == "Scale on net.0"
    assert drive.ramp_ms > 0
    assert found["/bend/on"].default == (True,)


def test_attributes_of_other_peoples_files_become_controls() -> None:
    several = AttributeInfo("pair", "float str", ("float", "str"), (1.0, "a"), kept=True)
    word = AttributeInfo("word", "str", ("str",), ("x",))
    flag = AttributeInfo("flag", "bool", ("bool",), (0,))
    pair, text, on = bends(FileInfo("m", (), (several, word, flag)))
    assert (pair.kind, pair.types) == ("list", ("float", "text"))
    assert pair.accept((2, "b")) == (2.0, "b")
    assert text.kind == "text"
    assert on.accept((1,)) == (True,)


def test_an_attribute_that_cannot_be_a_control_is_named() -> None:
    odd = AttributeInfo("odd one", "float", ("float",), (1.0,))
    with pytest.raises(ControlError, match="'odd one'"):
        bends(FileInfo("m", (), (odd,)))


def test_a_short_vector_has_an_address_for_each_element() -> None:
    tree, _ = make_tree()
    assert "/bend/mix/2" in tree.controls
    assert "/bend/mix/3" not in tree.controls
    assert "/bend/long/0" not in tree.controls
    assert tree.controls["/bend/mix/1"].default == (0.5,)
    assert tree.controls["/bend/mix"] in tree.owners
    assert tree.controls["/bend/mix/1"] not in tree.owners


def test_the_strip_has_the_promised_addresses() -> None:
    promised = "/gain/in /gain/out /gate /drywet /limiter /bypass /panic /rec /model/load"
    promised += " /preset/store /preset/recall /preset/morph"
    assert set(promised.split()) <= {c.address for c in strip()}
    told = [c.address for c in outputs()]
    assert told == ["/meter/in", "/meter/out", "/cpu", "/xruns", "/latency"]


def test_the_table_has_a_row_for_each_control() -> None:
    controls = [*strip(), *outputs(2, 2), *bends(INFO)]
    lines = address_table(controls).splitlines()
    assert len(lines) == 2 + len(controls)
    assert len({len(line) for line in lines}) == 1
    (row,) = [line for line in lines if "`/bend/drive`" in line]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "`/bend/drive`",
        "float",
        "0 .. 2",
        "0.5",
        "set and told",
        "Scale on net.0",
    ]
    (morph,) = [line for line in lines if "/preset/morph" in line]
    assert "text [float]" in morph
