"""Controls out of a model's description; the table of addresses."""

from __future__ import annotations

import pytest
from control_support import INFO, make_tree

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import (
    Control,
    ControlError,
    ControlTree,
    address_table,
    bend_addresses,
    bends,
    latents,
    model_names,
    outputs,
    strip,
)
from torchbend.realtime.control.building import neutral_values


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
    promised = "/gain/in /gain/out /gate /drywet /width /ceiling /limiter /dc /late /bypass /rec"
    promised += " /panic /model/load /preset/store /preset/recall /preset/morph"
    promised += " /midi/learn /midi/forget"
    assert [c.address for c in strip()] == promised.split()
    told = "/meter/in /meter/out /limiter/reduction /cpu /xruns /underruns /latency /device"
    assert [c.address for c in outputs()] == [*told.split(), "/model/name"]
    assert {c.access for c in outputs()} == {"r"}


def test_the_strip_starts_where_it_changes_nothing_and_has_the_promised_ranges() -> None:
    found = {c.address: c for c in strip()}
    numbers = {"/ceiling": (-24, 0, -0.3), "/width": (0, 2, 1), "/gain/in": (-90, 24, 0)}
    for address, (low, high, default) in numbers.items():
        control = found[address]
        assert (control.low, control.high, control.default) == (low, high, (default,))
    assert found["/late"].choices == ("silent", "dry")
    assert found["/late"].default == ("silent",)
    assert found["/dc"].default == found["/limiter"].default == (True,)
    assert found["/panic"].default == found["/rec"].default == (False,)
    assert found["/model/load"].accept(("a.ts",)) == ("a.ts",)
    assert found["/model/load"].accept(("a.ts", 2)) == ("a.ts", 2.0)


CHAIN = [("enc", INFO), ("my dec.3", FileInfo("other", (), INFO.attributes[:1]))]


def test_a_chain_has_its_models_in_its_addresses() -> None:
    found = bend_addresses(CHAIN)
    assert found["/bend/enc/drive"] == (0, INFO.attributes[0])
    assert found["/bend/my-dec.3/drive"] == (1, INFO.attributes[0])
    assert list(found) == [c.address for c in bends(CHAIN)]
    assert len(found) == len(INFO.attributes) + 1
    alone = bend_addresses(CHAIN[:1])
    assert alone == bend_addresses(INFO)
    assert alone["/bend/drive"] == (0, INFO.attributes[0])
    assert bend_addresses(None) == {}
    assert bends(None) == []


def test_names_of_models_are_parts_of_addresses_and_no_two_the_same() -> None:
    names = ["a", "a", "a-2", "my model (1)", "#*?", "", "été", "a/b"]
    found = model_names(names)
    assert found == ["a", "a-2", "a-2-2", "my-model-1", "model", "model-2", "t", "a-b"]
    for name in found:
        Control(f"/bend/{name}/x", "float", (0.0,))
    assert model_names(found) == found


def test_what_has_a_neutral_value_can_be_bypassed() -> None:
    gain = AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(1.0,))
    named = AttributeInfo("bypass", "bool", ("int",), (1,), 0, 1, neutral=(0,))
    mix = AttributeInfo("mix", "vector", ("float",) * 2, (0.5, 0.5), 0.0, 1.0, neutral=(1.0, 0.0))
    outside = AttributeInfo("far", "float", ("float",), (3.0,), 2.0, 4.0, neutral=(1.0,))
    wrong = AttributeInfo("odd", "float", ("float",), (3.0,), neutral=(1.0, 2.0))
    unknown = AttributeInfo("free", "float", ("float",), (3.0,))
    info = FileInfo("m", (), (gain, named, mix, outside, wrong, unknown))
    tree = ControlTree(bends(info))
    assert [a for a in tree.controls if a.endswith("/bypass")] == [
        "/bend/gain/bypass",
        "/bend/bypass",
        "/bend/bypass/bypass",
        "/bend/mix/bypass",
    ]
    assert neutral_values(info) == {
        "/bend/gain": (1.0,),
        "/bend/bypass": (False,),
        "/bend/mix": (1.0, 0.0),
    }
    bypass = tree.controls["/bend/gain/bypass"]
    assert (bypass.kind, bypass.default, bypass.stored) == ("bool", (False,), True)
    assert set(neutral_values([("a", info), ("b", info)])) == {
        f"/bend/{model}/{name}" for model in "ab" for name in ("gain", "bypass", "mix")
    }


def test_the_latent_desk() -> None:
    assert latents([]) == []
    found = {c.address: c for c in latents(["pitch", ""])}
    spans = {a: (c.low, c.high, c.default[0]) for a, c in found.items()}
    assert spans == {
        "/latent/0": (-4.0, 4.0, 0.0),
        "/latent/1": (-4.0, 4.0, 0.0),
        "/latent/scale": (0.0, 4.0, 1.0),
        "/latent/jitter": (0.0, 2.0, 0.0),
    }
    assert all(c.stored for c in found.values())
    assert "pitch" in found["/latent/0"].description
    assert "latent 1" in found["/latent/1"].description


def test_the_table_has_a_row_for_each_control() -> None:
    gain = AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(1.0,))
    file = FileInfo("m", (), (gain,))
    controls = [*strip(), *outputs(2, 2), *bends(INFO), *bends([("a", file), ("b", file)])]
    controls += latents(["a", "b"])
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
    for address in ("/bend/a/gain/bypass", "/latent/jitter", "/underruns", "/width", "/device"):
        assert f"`{address}`" in "\n".join(lines)
    bar = Control("/bend/a|b", "choice", ("x|y",), choices=("x|y",), description="a | b")
    assert address_table([bar]).splitlines()[-1].count(r"\|") == 4
    assert "\\" not in address_table([bar], markdown=False)
    (late,) = [line for line in lines if "`/late`" in line]
    assert "silent, dry" in late
