"""A session of Open Stage Control: its format, and a widget for each control."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from control_support import make_tree

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import Control, FileError, bends, latents
from torchbend.realtime.control.layout import session, write_session

# What each widget of the program knows, of all that we write (its documentation, 1.27).
COMMON = {"type", "id", "comments", "width", "height", "expand", "html", "address", "interaction"}
COMMON |= {"default", "decimals", "typeTags", "bypass", "onCreate"}
KNOWN = {
    "root": {"tabs"},
    "tab": {"label", "layout", "widgets"},
    "panel": {"layout", "widgets"},
    "fader": {"range", "logScale", "doubleTap", "design"},
    "button": {"label", "mode", "on", "off"},
    "switch": {"values"},
    "input": set(),
    "text": set(),
    "matrix": {"layout", "widgetType", "quantity", "props"},
}


def widgets(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in (*node.get("tabs", ()), *node.get("widgets", ())):
        yield from widgets(below)


def by_address(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {w["address"]: w for w in widgets(found["content"]) if "address" in w}


def test_the_file_is_a_session_by_its_format(tmp_path: Path) -> None:
    tree, _ = make_tree()
    write_session(tmp_path / "a.json", tree.owners)
    write_session(tmp_path / "b.json", tree.owners)
    text = (tmp_path / "a.json").read_text()
    assert text == (tmp_path / "b.json").read_text()
    found = json.loads(text)
    assert found["createdWith"] == "Open Stage Control"
    assert found["type"] == "session"
    assert found["content"]["type"] == "root"
    ids = [w["id"] for w in widgets(found["content"])]
    assert len(set(ids)) == len(ids)
    for widget in widgets(found["content"]):
        assert set(widget) - COMMON <= KNOWN[widget["type"]], widget["id"]
        assert not (widget.get("tabs") and widget.get("widgets"))


def test_each_control_has_a_widget_in_its_range() -> None:
    log = Control("/bend/cutoff", "float", (100.0,), low=20.0, high=20_000.0, curve="log")
    tree, _ = make_tree(log)
    found = by_address(session(tree.owners))
    assert set(found) == {c.address for c in tree.owners} - {"/bend/long"}
    drive = found["/bend/drive"]
    assert (drive["type"], drive["range"], drive["default"]) == (
        "fader",
        {"min": 0.0, "max": 2.0},
        0.5,
    )
    assert found["/bend/cutoff"]["logScale"] is True
    assert found["/bend/steps"]["typeTags"] == "i"
    assert (found["/bend/on"]["mode"], found["/bend/on"]["default"]) == ("toggle", 1)
    assert found["/bend/shape"]["values"] == ["soft", "hard", "fold"]
    assert (found["/bend/mix"]["type"], found["/bend/mix"]["quantity"]) == ("matrix", 3)
    assert found["/bend/free"]["range"] == {"min": -1.0, "max": 1.0}
    assert found["/panic"]["mode"] == "toggle"
    assert by_address(session([Control("/go", "trigger")]))["/go"]["mode"] == "momentary"
    assert found["/preset/recall"]["type"] == "input"
    assert found["/meter/out"]["interaction"] is False
    for widget in found.values():
        if widget["type"] == "fader":
            low, high = widget["range"]["min"], widget["range"]["max"]
            assert low < high
            assert widget.get("interaction") is False or low <= widget["default"] <= high


GAIN = AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(1.0,))
CHAIN = [("enc", FileInfo("m", (), (GAIN,))), ("dec", FileInfo("m", (), (GAIN,)))]
MORE = [*bends(CHAIN), *latents(["a", "b"])]


def test_a_chain_its_bypasses_and_the_latent_desk_have_their_widgets() -> None:
    tree, _ = make_tree(*MORE)
    found = session(tree.owners, "my model")
    (desk,) = [tab for tab in found["content"]["tabs"] if tab["label"] == "latent desk"]
    addresses = [w["address"] for w in widgets(desk) if "address" in w]
    assert addresses == ["/latent/0", "/latent/1", "/latent/scale", "/latent/jitter"]
    shown = by_address(found)
    assert shown["/bend/dec/gain"]["type"] == "fader"
    assert shown["/bend/dec/gain/bypass"]["mode"] == "toggle"
    assert shown["/late"]["values"] == ["silent", "dry"]
    assert shown["/ceiling"]["range"] == {"min": -24.0, "max": 0.0}
    for told in ("/device", "/model/name", "/underruns"):
        assert shown[told]["type"] == "text"
    labels = [tab["label"] for tab in session(make_tree()[0].owners)["content"]["tabs"]]
    assert labels == ["strip", "torchbend"]


def test_what_a_widget_sends_is_taken() -> None:
    """A button's 1 and 0, a switch's text, a fader's ends, as the program sends them."""
    tree, _ = make_tree(*MORE)
    for address, widget in by_address(session(tree.owners)).items():
        if tree.controls[address].access == "r":
            continue
        sent: list[tuple[Any, ...]] = [()]
        if widget["type"] == "fader":
            sent = [(widget["range"]["min"],), (widget["range"]["max"],)]
        elif widget["type"] == "switch":
            sent = [(value,) for value in widget["values"]]
        elif widget["type"] == "input":
            sent = [("some text",)]
        elif widget["type"] == "button" and widget["mode"] == "toggle":
            sent = [(widget["on"],), (widget["off"],)]
        elif widget["type"] == "matrix":
            address, sent = f"{address}/{widget['quantity'] - 1}", [(1.0,)]
        for arguments in sent:
            if address != "/bend/free" or arguments:
                tree.set(address, arguments)


def test_a_name_is_no_html() -> None:
    (widget,) = by_address(session([Control("/bend/a<b>&", "float", (0.0,))])).values()
    assert "a&lt;b>&amp;" in widget["html"]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        write_session(tmp_path / "none" / "a.json", [])
