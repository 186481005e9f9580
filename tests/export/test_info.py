"""What a file says of itself is read without running it; others are opened and asked."""

import json
from dataclasses import fields, replace

import pytest
import torch
from small_file import ENCODE_INFO, FORWARD_INFO, GAIN_INFO, INFO, small_file, with_gain

from torchbend.archive import ArchiveError
from torchbend.cli import main
from torchbend.contents import ask, read_info
from torchbend.description import (
    FORMAT,
    AttributeInfo,
    DescriptionError,
    FileInfo,
    MethodInfo,
)
from torchbend.export.info import info_json, info_text

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FULL = FileInfo(
    model="bent rave",
    methods=(FORWARD_INFO, replace(ENCODE_INFO, least_block=2048, finite=False)),
    attributes=(
        GAIN_INFO,
        AttributeInfo("mode", "choice", ("str",), ("soft",), choices=("soft", "loud"), kept=True,
                      neutral=("soft",), glides=True),
        AttributeInfo("each", "vector", ("float",) * 6, (0.0, 1.0, 2.0, 3.0, 4.0, 5.0), 0.0),
        AttributeInfo("on", "bool", ("int",), (1,), 0.0, 1.0),
        AttributeInfo("wet_amount", "float", ("float",), (1.0,), bend="wet", part="amount"),
    ),
    sample_rate=48000,
    state=("_model.cache",),
    bending={"bends": [{"callback": "Scale", "settings": {"scale": {"parameter": "gain"}},
                        "patterns": ["net.0.weight"]}]},
    source={"name": "rave.ckpt", "sha256": "abc"},
    made_with={"torchbend": "0.1.0", "torch": "2.13.0"},
)  # fmt: skip


# -- the description -----------------------------------------------------------------------
def test_a_description_survives_json():
    again = FileInfo.from_dict(json.loads(json.dumps(FULL.to_dict())))
    assert again == FULL
    assert FileInfo.from_dict(json.loads(json.dumps(INFO.to_dict()))) == INFO


def test_every_field_is_written_and_read():
    """A field that from_dict forgets would come back as its default."""
    for kind, values in (
        (FileInfo, (FULL,)),
        (MethodInfo, FULL.methods),
        (AttributeInfo, FULL.attributes),
    ):
        for field in fields(kind):
            assert any(getattr(v, field.name) != field.default for v in values), field.name


def spoiled(**changes):
    data = json.loads(json.dumps(FULL.to_dict()))
    for path, value in changes.items():
        *steps, last = [int(s) if s.isdigit() else s for s in path.split("__")]
        place = data
        for step in steps:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return data


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": FORMAT + 1}, "newer torchbend"),
        ({"format": "1"}, "'format' must be int"),
        ({"format": ...}, "no 'format'"),
        ({"model": 3}, "'model' must be str, not int"),
        ({"methods": {}}, "'methods' must be list"),
        ({"methods": ["forward"]}, r"methods\[0\] of the description is no object"),
        ({"methods__1__in_ratio": 0}, "at least 1"),
        ({"methods__1__in_ratio": 1.5}, "'in_ratio' must be int, not float"),
        ({"methods__1__in_ratio": True}, "'in_ratio' must be int, not bool"),
        ({"methods__0__name": ...}, "no 'name'"),
        ({"methods__0__input_labels": ["a", 1]}, "each of 'input_labels' must be str"),
        ({"methods__0__least_block": "big"}, "'least_block'"),
        ({"attributes__0__default": [None]}, "each of 'default'"),
        ({"attributes__0__low": "deep"}, "'low' must be float or int"),
        ({"attributes__0__types": "float"}, "'types' must be list"),
        ({"sample_rate": 44.1}, "'sample_rate' must be int"),
        ({"state": [1]}, "each of 'state'"),
        ({"bending": []}, "'bending' must be dict"),
        ({"source": {"name": 1}}, "each of 'source'"),
    ],
)
def test_a_spoiled_description_says_what_is_wrong(changes, said):
    with pytest.raises(DescriptionError, match=said):
        FileInfo.from_dict(spoiled(**changes))


def test_what_may_be_left_out_may_be_left_out():
    """A description of an earlier torchbend has not all of it."""
    data = spoiled(sample_rate=..., bending=..., source=..., made_with=...)
    data = {**data, "surprise": 1}
    del data["methods"][0]["least_block"]
    info = FileInfo.from_dict(data)
    assert info.sample_rate is None and info.bending is None and info.source is None
    assert info.methods[0].least_block is None


@pytest.mark.parametrize(
    ("bend", "part", "read"),
    [
        ("wet", "amount", ("wet", "amount")),
        ("dry", "amount", ("dry", "")),  # its name names another
        ("wet", "smell", ("wet", "")),
        ("wet", None, ("wet", "")),
        ("wet/on", "amount", ("", "")),
        (None, None, ("", "")),
    ],
)
def test_only_what_a_bends_name_named_is_a_part_of_it(bend, part, read):
    data = spoiled(attributes__4__bend=bend, attributes__4__part=part)
    attribute = FileInfo.from_dict(data).attributes[4]
    assert (attribute.bend, attribute.part) == read


@pytest.mark.parametrize("data", [None, 3, "x", [], {}])
def test_what_is_no_description(data):
    with pytest.raises(DescriptionError):
        FileInfo.from_dict(data)


# -- reading it ----------------------------------------------------------------------------
def test_ours_is_read_and_nothing_runs(tmp_path, monkeypatch):
    path = small_file(tmp_path / "x.ts", ours=FULL)

    def load(*args, **kwargs):
        raise AssertionError("the file was opened")

    monkeypatch.setattr(torch.jit, "load", load)
    assert read_info(path) == FULL
    text = info_text(path)
    assert "bent rave" in text and "0 .. 2" in text and "Scale(scale=gain) on net.0.weight" in text
    found = json.loads(info_json(path))
    assert found["asked"] is False and FileInfo.from_dict(found) == FULL


def test_others_are_asked(tmp_path):
    path = small_file(tmp_path / "x.ts")
    assert read_info(path) is None
    text = info_text(path)
    assert "Not made by torchbend" in text and "plus, minus" in text and "48000 Hz" in text
    found = json.loads(info_json(path))
    assert found["asked"] is True and found["problems"] == []
    assert [m["name"] for m in found["methods"]] == ["forward", "encode"]


def test_asking_finds_what_the_description_says(tmp_path):
    asked = ask(torch.jit.load(str(small_file(tmp_path / "x.ts"))), "small")
    assert asked.problems == {}
    assert asked.info.methods == INFO.methods
    assert asked.info.sample_rate == INFO.sample_rate
    (gain,) = asked.info.attributes
    assert (gain.name, gain.kind, gain.types, gain.default) == ("gain", "float", ("float",), (1.0,))


def test_without_get_methods_nn_looks_for_params(tmp_path):
    path = small_file(tmp_path / "x.ts", {"get_methods": None})
    asked = ask(torch.jit.load(str(path)), "small")
    assert {m.name for m in asked.info.methods} == {"forward", "encode"}


def test_problems_are_told(tmp_path):
    parts = {"get_gain": "def get_gain(self) -> float:\n    return float(self.gain)\n"}
    path = small_file(tmp_path / "x.ts", parts)
    assert "bare float" in info_text(path)
    assert json.loads(info_json(path))["problems"]


def test_an_unreadable_description_names_the_file(tmp_path):
    for text in ("{", '{"format": 99}', "[" * 100_000):
        path = small_file(tmp_path / "x.ts", ours=text)
        with pytest.raises(DescriptionError, match=r"x\.ts"):
            read_info(path)


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    info = replace(INFO, model="red\x1b[31m\x07", attributes=())
    path = small_file(tmp_path / "x.ts", ours=info)
    assert "\x1b" not in info_text(path) and "\x07" not in info_text(path)


def test_odd_bending_is_shown_as_far_as_it_goes(tmp_path):
    for bending in ({}, {"bends": 3}, {"bends": [3, {"settings": [], "patterns": 1}]}):
        assert "Bends" in info_text(
            small_file(tmp_path / "x.ts", ours=replace(INFO, bending=bending))
        )


# -- the commands --------------------------------------------------------------------------
def test_the_info_command(tmp_path, capsys):
    path = small_file(tmp_path / "x.ts", ours=FULL)
    assert main(["info", str(path)]) == 0
    assert "bent rave" in capsys.readouterr().out
    assert main(["info", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "bent rave"
    (tmp_path / "y.ts").write_text("no")
    assert main(["info", str(tmp_path / "y.ts")]) == 1
    assert "no TorchScript file" in capsys.readouterr().err


@pytest.mark.slow
def test_the_check_command(tmp_path, capsys):
    path = small_file(tmp_path / "x.ts", ours=INFO)
    assert main(["check", str(path)]) == 0
    assert f"{path} passes." in capsys.readouterr().out
    path = small_file(tmp_path / "y.ts", ours=with_gain(default=(0.5,)))
    assert main(["check", "--json", str(path)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [r["what"] for r in found["rows"] if r["result"] == "fail"] == ["gain: read"]


def test_a_missing_file(tmp_path):
    with pytest.raises(ArchiveError):
        info_text(tmp_path / "gone.ts")
