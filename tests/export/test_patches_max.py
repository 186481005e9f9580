"""Generated Max patches against Max's own reference (py2max) and the file's attributes."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from control_support import BENT
from hypothesis import given, settings
from hypothesis import strategies as st
from py2max import Patcher
from py2max.lint import lint
from py2max.maxref import get_object_info

from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.export.patches import receive_name
from torchbend.export.patches.max_export import max_patch
from torchbend.export.patches.max_stage import max_help, max_performance
from torchbend.export.patches.maxpat import number, quoted

RAVE = (
    MethodInfo("encode", 1, 1, 8, 2048),
    MethodInfo("decode", 8, 2048, 1, 1),
    MethodInfo("forward", 1, 1, 1, 1),
)
A = AttributeInfo
ALL = (
    A("gain", "float", ("float",), (1.0,), 0.0, 4.0, bends=("Scale(gain) on decoder.net.0",)),
    A("drive", "float", ("float",), (-3.0,)),
    A("steps", "int", ("int",), (3,), 0, 12),
    A("freeze", "bool", ("int",), (0,)),
    A("hold", "bool", ("bool",), (1,)),
    A("mode", "choice", ("str",), ("hard;clip, $1",), choices=("low pass", "hard;clip, $1", "0.5")),
    A("spin", "complex", ("float", "float"), (1.0, 0.0), -2.0, 2.0),
    A("gains", "vector", ("float",) * 16, (1.0,) * 16, 0.0, 2.0),
    A("mask", "vector", ("tensor",), (0.5,) * 64, 0.0, 1.0),
    A("shape", "vector", ("buffer",), tuple(i / 300 for i in range(300)), 0.0, 1.0),
    A("word", "str", ("str",), ("hello you",)),
    *BENT.attributes,
    A("way", "choice", ("str",), ("up",), choices=("up", "down"), bend="fold"),
    A("each", "vector", ("float",) * 6, (0.5,) * 6, 0.0, 1.0, bend="fold"),
    A("what", "str", ("str",), ("hello you",), bend="worn"),
)
INFO = FileInfo("Dark Choir", RAVE, ALL, 48000)

METHODS = {
    "rave": RAVE, "forward": RAVE[2:], "decode": RAVE[1:2], "encode": RAVE[:1],
    "generator": (MethodInfo("play", 0, 1, 2, 1),), "stereo": (MethodInfo("forward", 2, 1, 2, 1),),
    "few latents": (MethodInfo("decode", 3, 512, 2, 1, ("a", "b", "a long one")),),
}  # fmt: skip


class Read:
    """A patch, from its JSON."""

    def __init__(self, text):
        self.patcher = json.loads(text)["patcher"]
        self.boxes = {b["box"]["id"]: b["box"] for b in self.patcher["boxes"]}
        self.lines = [
            (*line["patchline"]["source"], *line["patchline"]["destination"])
            for line in self.patcher["lines"]
        ]

    def texts(self, start):
        return [b for b in self.boxes.values() if b.get("text", "").startswith(start)]

    def after(self, box, outlet=None):
        """The boxes that a box's outlet goes to."""
        return [
            self.boxes[sink]
            for source, port, sink, _ in self.lines
            if source == box["id"] and outlet in (None, port)
        ]

    def before(self, box):
        return [self.boxes[source] for source, _, sink, _ in self.lines if sink == box["id"]]

    def parameter(self, name):
        (box,) = [b for b in self.boxes.values() if b.get("varname") == name]
        return box, box["saved_attribute_attributes"]["valueof"]


def findings(text, tmp_path):
    path = tmp_path / "x.maxpat"
    path.write_text(text)
    return lint(Patcher.from_file(path))


def check_format(text, tmp_path):
    """Only objects that Max has, every cord from an outlet to an inlet that takes it."""
    for finding in findings(text, tmp_path):
        if finding.code == "W-UNKNOWN-OBJECT":
            assert "'nn~'" in finding.message
        else:
            assert finding.code in ("W-OFFCANVAS", "W-OVERLAP"), str(finding)


def apart(a, b):
    return a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]


def check_panel(read):
    width, height = read.patcher["rect"][2:]
    shown = [b for b in read.boxes.values() if b.get("presentation")]
    assert shown and read.patcher["openinpresentation"] == 1
    for box in shown:
        x, y, w, h = box["presentation_rect"]
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height, box
    for one, two in combinations([b for b in shown if b["maxclass"] != "panel"], 2):
        assert apart(one["presentation_rect"], two["presentation_rect"]), (one, two)


def check_names(read):
    """A parameter's long name is taken once, or Max renames it."""
    names = [
        b["saved_attribute_attributes"]["valueof"]["parameter_longname"]
        for b in read.boxes.values()
        if b.get("parameter_enable")
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("methods", METHODS.values(), ids=METHODS)
def test_any_methods_make_a_sound_patch(tmp_path, methods):
    info = FileInfo("m", methods, ALL)
    text = max_patch(info, "m")
    check_format(text, tmp_path)
    read = Read(text)
    check_panel(read)
    check_names(read)
    found = [read, *(Sub(b["patcher"]) for b in read.boxes.values() if "patcher" in b)]
    nn = [box for patch in found for box in patch.texts("nn~")]
    shapes = {b["text"].split()[2]: (b["numinlets"], b["numoutlets"]) for b in nn}
    assert shapes == {m.name: (max(1, m.in_channels), m.out_channels) for m in methods}
    assert all(b["text"].split()[1] == "m.ts" for b in nn)


class Sub(Read):
    def __init__(self, patcher):
        super().__init__(json.dumps({"patcher": patcher}))


@pytest.mark.parametrize("text", [max_help, max_performance], ids=["help", "performance"])
def test_the_patches_for_any_file_are_sound(tmp_path, text):
    check_format(text(), tmp_path)
    if text is max_performance:
        check_panel(Read(text()))
        check_names(Read(text()))
    for box in Read(text()).texts("nn~"):
        assert (box["numinlets"], box["numoutlets"]) == (2, 2)


def test_the_help_patch_has_no_box_on_another(tmp_path):
    boxes = list(Read(max_help()).boxes.values())
    for one, two in combinations(boxes, 2):
        assert apart(one["patching_rect"], two["patching_rect"]), (one["text"], two["text"])


def test_every_attribute_reaches_nn():
    read = Read(max_patch(INFO, "dark"))
    for attribute in ALL:
        (setter,) = [
            b for b in read.texts("prepend set ") if b["text"] == f"prepend set {attribute.name}"
        ]
        assert [b["text"] for b in read.after(setter)] == ["s tb/dark/:nn"]
        assert read.before(setter), attribute.name
    assert len(read.texts("r tb/dark/:nn")) == 1


def test_ranges_and_defaults():
    read = Read(max_patch(INFO, "dark"))
    box, value = read.parameter("gain")
    assert box["maxclass"] == "live.slider" and value["parameter_initial"] == [1.0]
    assert (value["parameter_mmin"], value["parameter_mmax"]) == (0.0, 4.0)
    _, value = read.parameter("drive")
    assert value["parameter_mmin"] < -3.0 < value["parameter_mmax"]
    _, value = read.parameter("steps")
    assert (value["parameter_mmin"], value["parameter_mmax"]) == (0, 12)
    assert value["parameter_unitstyle"] == 0 and value["parameter_initial"] == [3.0]
    box, value = read.parameter("freeze")
    assert box["maxclass"] == "live.toggle" and value["parameter_initial"] == [0]
    _, value = read.parameter("hold")
    assert value["parameter_initial"] == [1]
    box, value = read.parameter("mode")
    assert box["maxclass"] == "live.menu" and value["parameter_initial"] == [1]
    assert value["parameter_enum"] == list(ALL[5].choices)
    assert [b["text"] for b in read.after(box, 1)] == ["prepend set mode"]
    for name, default in (("spin real", 1.0), ("spin imag", 0.0)):
        _, value = read.parameter(name)
        assert value["parameter_initial"] == [default]
    for attribute in ALL[7:10]:
        (box,) = [b for b in read.boxes.values() if b.get("varname") == attribute.name]
        assert box["maxclass"] == "multislider" and box["size"] == len(attribute.default)
        assert box["setminmax"] == [attribute.low, attribute.high]
        given = [list(map(float, b["text"].split())) for b in read.before(box)
                 if b["maxclass"] == "message" and b["text"][0].isdigit()]  # fmt: skip
        assert given == [pytest.approx(attribute.default)]


def test_a_bool_is_named_and_a_buffer_has_its_size():
    read = Read(max_patch(INFO, "dark"))
    switch, _ = read.parameter("hold")
    (choose,) = [b for b in read.after(switch) if b["text"] == "sel 0 1"]
    assert [[b["text"] for b in read.after(choose, i)] for i in (0, 1)] == [["false"], ["true"]]
    assert {b["text"] for b in read.texts("buffer~")} == {
        "buffer~ tb/dark/mask @samps 64", "buffer~ tb/dark/shape @samps 300"
    }  # fmt: skip
    named = [b for b in read.boxes.values() if b.get("text") == "tb/dark/mask"]
    assert [b["text"] for b in read.after(named[0])] == ["prepend set mask"]


def test_a_bend_is_one_card():
    read = Read(max_patch(INFO, "dark"))
    grounds = [b["presentation_rect"] for b in read.boxes.values() if b["maxclass"] == "panel"]

    def place(name):
        (box,) = [b for b in read.boxes.values() if b.get("varname") == name]
        return box["presentation_rect"]

    def ground(name):
        x, y, *_ = place(name)
        inside = [g for g in grounds if g[0] <= x < g[0] + g[2] and g[1] <= y < g[1] + g[3]]
        return min(inside, key=lambda g: g[3])

    fold = ["edge", "way", "each", "fold_amount", "fold_bypass"]
    assert [ground(n) for n in (*fold, "fold_solo")] == [ground("edge")] * 6
    assert ground("worn_solo") == ground("worn_amount") != ground("edge")
    assert ground("limit_amount") not in (ground("worn_amount"), ground("edge"))
    tops = [place(name)[1] for name in fold]
    assert tops == sorted(tops) and len(set(tops)) == 5
    assert place("fold_bypass")[1] == place("fold_solo")[1]
    words = {b["text"] for b in read.boxes.values() if b.get("presentation") and "text" in b}
    assert {"fold", "worn", "edge", "way", "each", "amount", "bypass", "solo"} <= words


def test_reset_reaches_every_control():
    read = Read(max_patch(INFO, "dark"))
    (init,) = [b for b in read.boxes.values() if b.get("text") == "init"]
    reached = {b["id"] for b in read.after(init)}
    for name in ("gain", "drive", "steps", "freeze", "hold", "mode", "spin real", "spin imag"):
        box, _ = read.parameter(name)
        assert box["id"] in reached, name
        assert "init" in get_object_info(box["maxclass"])["methods"]
        assert "outputvalue" in get_object_info(box["maxclass"])["methods"]
    lists = [b for b in read.after(init) if b["maxclass"] == "message"]
    assert len(lists) == 6  # gains, mask, shape, word, each, what


def test_controls_listen_to_their_names():
    read = Read(max_patch(INFO, "dark choir"))
    listens = {b["text"][2:] for b in read.texts("r ")}
    for name, index in (("gain", None), ("mode", None), ("spin", 1), ("gains", None)):
        assert receive_name("dark choir", name, index) in listens
    (nn,) = read.texts("nn~")
    assert nn["text"] == 'nn~ "dark choir.ts" forward 4096'


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e6, 1e6, width=32))
def test_a_float_is_written_as_one(value):
    assert float(number(value)) == pytest.approx(value, rel=1e-7)
    assert any(letter in number(value) for letter in ".e")


def test_words_are_quoted_where_max_would_cut_or_change_them():
    assert quoted("soft") == "soft"
    assert quoted("a b") == '"a b"'
    assert quoted("0.5") == '"0.5"'
    assert quoted("") == '""'
    assert quoted('a"b') == 'a\\"b'


def test_the_patches_in_the_folder_open():
    for path in (Path(__file__).parents[2] / "patches").glob("*.maxpat"):
        assert Patcher.from_file(path)._boxes
