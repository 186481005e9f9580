"""Generated Pd patches, read back by a reader of their own."""

import re
from itertools import takewhile

import pytest
from control_support import BENT, LIMIT_AMOUNT
from hypothesis import given, settings
from hypothesis import strategies as st
from pd_patch import area, literal, ports, read

from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.errors import TorchbendError
from torchbend.export.patches import receive_name, write_patches
from torchbend.export.patches.controls import slug
from torchbend.export.patches.pd_export import pd_patch
from torchbend.export.patches.pd_help import pd_help
from torchbend.export.patches.pd_performance import pd_performance

RAVE = (
    MethodInfo("encode", 1, 1, 8, 2048),
    MethodInfo("decode", 8, 2048, 1, 1),
    MethodInfo("forward", 1, 1, 1, 1),
)
FORWARD = (MethodInfo("forward", 1, 1, 1, 1),)

numbers = st.floats(-100, 100, width=32).map(lambda value: round(value, 3))
spans = st.one_of(st.none(), st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1]))
words = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12
)
names = st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,20}", fullmatch=True)
bends = st.lists(st.sampled_from(("Scale(gain) on decoder.net.0", "x" * 90)), max_size=3).map(tuple)


@st.composite
def attributes(draw, name):
    kind = draw(st.sampled_from(("float", "int", "bool", "choice", "vector", "complex", "tensor")))
    low, high = draw(spans) or (None, None)
    note = draw(bends)

    def inside():
        value = draw(numbers)
        return value if low is None else min(max(value, low), high)

    if kind == "choice":
        choices = tuple(draw(st.lists(words, min_size=1, max_size=5, unique=True)))
        start = (draw(st.sampled_from(choices)),)
        return AttributeInfo(name, kind, ("str",), start, choices=choices, bends=note)
    if kind == "bool":
        start = (draw(st.integers(0, 1)),)
        return AttributeInfo(name, kind, (draw(st.sampled_from(("int", "bool"))),), start)
    if kind == "int":
        whole = low is not None and int(low) < int(high)
        ends = (int(low), int(high)) if whole else (None, None)
        start = draw(st.integers(*ends)) if whole else draw(st.integers(-9, 9))
        return AttributeInfo(name, kind, ("int",), (start,), *ends, bends=note)
    count = {"float": 1, "complex": 2}.get(kind) or draw(st.integers(1, 40))
    start = tuple(inside() for _ in range(count))
    if kind == "tensor":
        types = (draw(st.sampled_from(("tensor", "buffer"))),)
        return AttributeInfo(name, "vector", types, start, low, high, bends=note)
    return AttributeInfo(name, kind, ("float",) * count, start, low, high, bends=note)


@st.composite
def files(draw):
    methods = draw(
        st.sampled_from((RAVE, FORWARD, RAVE[1:2], RAVE[:1], (MethodInfo("play", 0, 1, 2, 1),)))
    )
    chosen = draw(st.lists(names, max_size=5, unique=True))
    bent = draw(st.sampled_from(((), BENT.attributes)))
    given = {each.name: each for each in (*(draw(attributes(n)) for n in chosen), *bent)}
    return FileInfo(
        draw(words), methods, tuple(given.values()),
        draw(st.sampled_from((None, 44100))),
    )  # fmt: skip


def nn_shapes(info):
    return {m.name: (max(1, m.in_channels), m.out_channels + 1) for m in info.methods}


def check_wires(window, shapes):
    """Every wire leaves an outlet that is there, for an inlet that is there."""
    for inner in window.every():
        for source, outlet, sink, inlet in inner.wires:
            for box, port, side in ((source, outlet, 1), (sink, inlet, 0)):
                words = inner.boxes[box].words
                nn = words[:1] == ["nn~"] and inner.boxes[box].kind == "obj"
                have = shapes[words[2]] if nn else ports(inner.boxes[box])
                assert port < have[side], (inner.name, inner.boxes[box], port)


def check_places(window):
    """Nothing lies on anything else; all of the panel is in its window."""
    for box in window.boxes:
        if area(box) is not None:
            left, top, right, bottom = area(box)
            assert left >= 0 and top >= 0, box
            assert right <= window.width and bottom <= window.height, box
    for inner in window.every():
        # From top to bottom, each with those that begin before it ends.
        placed = [(area(box), box) for box in inner.boxes if area(box) is not None]
        placed.sort(key=lambda pair: pair[0][1])
        for number, (a, one) in enumerate(placed):
            for b, two in takewhile(lambda pair, a=a: pair[0][1] < a[3], placed[number + 1 :]):
                assert a[2] <= b[0] or b[2] <= a[0], (inner.name, one, two)


def widgets(window):
    """The widgets of a panel by the name they receive under."""
    places = {"hsl": 8, "vsl": 8, "tgl": 4, "bng": 6, "hradio": 6, "vradio": 6}
    found = {}
    for box in window.boxes:
        if box.kind == "obj" and box.words[0] in places:
            found[box.words[places[box.words[0]]]] = box
        if box.kind == "symbolatom":
            found[box.words[5]] = box
    return found


def told(window, kind):
    """What is sent by name when the patch opens (show) or on reset: name to words."""
    (logic,) = [box.inside for box in window.boxes if box.words == ["controls"]]
    said = {}
    for source, _, sink, _ in logic.wires:
        begin, message = logic.boxes[source], logic.boxes[sink]
        if begin.words != ["r", f"$0-{kind}"] or message.kind != "msg":
            continue
        for part in " ".join(message.words).split(";")[1:]:
            name, *value = part.split()
            said[name] = value
    return said


def check_attribute(window, attribute, stem):
    shown, reset, found = told(window, "show"), told(window, "reset"), widgets(window)
    several = len(attribute.types) > 1 or attribute.types[0] in ("tensor", "buffer")
    for place, default in enumerate(attribute.default):
        name = receive_name(stem, attribute.name, place if several else None)
        widget = found[name]
        if attribute.kind == "choice":
            assert widget.words[0] == "vradio"
            assert int(widget.words[4]) == len(attribute.choices)
            expected = attribute.choices.index(default)
        else:
            expected = default
        if attribute.kind == "bool":
            assert widget.words[0] == "tgl"
        assert float(reset[name][0]) == pytest.approx(float(expected), rel=1e-6)
        assert shown[name][0] == "set"
        assert float(shown[name][1]) == pytest.approx(float(expected), rel=1e-6)
        if widget.words[0] in ("hsl", "vsl"):
            low, high = float(widget.words[3]), float(widget.words[4])
            assert low < high
            if attribute.low is not None:
                assert (low, high) == pytest.approx((attribute.low, attribute.high), rel=1e-6)
            else:
                assert low < float(default) < high
    labels = [literal(b.words[6]) for b in window.boxes if b.words[:1] == ["cnv"]]
    name = attribute.part or attribute.name[:44]
    assert any(label.strip() == name for label in labels)


@settings(max_examples=60, deadline=None)
@given(files(), st.sampled_from(("choir", "dark choir (v2), $1; x")))
def test_any_file_has_a_sound_patch(info, stem):
    window = read(pd_patch(info, stem))
    check_wires(window, nn_shapes(info))
    check_places(window)
    for attribute in info.attributes:
        check_attribute(window, attribute, stem)
    made = [
        (literal(box.words[1]), box.words[2])
        for inner in window.every()
        for box in inner.boxes
        if box.kind == "obj" and box.words[0] == "nn~"
    ]
    assert sorted(made) == sorted((f"{stem}.ts", method.name) for method in info.methods)


def test_a_bend_is_one_card():
    """Its knobs below each other, its switches beside each other, under its name alone."""
    choice = AttributeInfo("way", "choice", ("str",), ("up",), choices=("up", "down"), bend="fold")
    many = AttributeInfo("each", "vector", ("float",) * 6, (0.5,) * 6, 0.0, 1.0, bend="fold")
    info = FileInfo("m", FORWARD, (*BENT.attributes, many, choice))
    window = read(pd_patch(info, "m"))
    check_wires(window, nn_shapes(info))
    check_places(window)
    # an attribute of no bend has a card of its own
    check_attribute(window, LIMIT_AMOUNT, "m")
    cards = [b for b in window.boxes if b.words[:1] == ["cnv"] and b.words[2:3] == ["400"]]
    assert len(cards) == 3
    card = cards[0]
    end = card.y + int(card.words[3])
    found = widgets(window)
    shown = {name.removeprefix("tb/m/"): box for name, box in found.items() if ":" not in name}
    inside = [n for n, b in shown.items() if card.x <= b.x < card.x + 400 and card.y <= b.y < end]
    assert sorted(inside) == sorted(
        ["edge", *(f"each/{n}" for n in range(6)), "way", "fold_amount", "fold_bypass", "fold_solo"]
    )
    assert shown["edge"].y < shown["each/0"].y < shown["way"].y < shown["fold_amount"].y
    assert shown["fold_amount"].y < shown["fold_bypass"].y == shown["fold_solo"].y
    labels = [literal(b.words[6]) for b in window.boxes if b.words[:1] == ["cnv"]]
    for label in ("fold", "worn", "edge", "each", "way", "amount", "bypass", "solo"):
        assert label in labels
    sent = {" ".join(b.words) for w in window.every() for b in w.boxes if b.kind == "msg"}
    for name in ("fold_amount", "fold_bypass", "worn_solo"):
        assert any(f"set {name} $1" in text for text in sent)


def test_choices_are_sent_as_they_are_written():
    choices = ("soft", "0.5", "a b;c,$1", "-", "", "x")
    info = FileInfo(
        "m", FORWARD, (AttributeInfo("mode", "choice", ("str",), ("soft",), choices=choices),)
    )
    (logic,) = [b.inside for b in read(pd_patch(info, "m")).boxes if b.words == ["controls"]]
    (choose,) = [
        i for i, b in enumerate(logic.boxes) if b.words == ["sel", "0", "1", "2", "3", "4", "5"]
    ]
    sent = {}
    for source, outlet, sink, _ in logic.wires:
        if source == choose and outlet < len(choices):
            message = logic.boxes[sink].words
            if message[0] == "symbol":
                sent[outlet] = literal(message[1])
            elif message == ["bang"]:
                sent[outlet] = ""
            else:
                sent[outlet] = bytes(map(int, message)).decode()
    assert tuple(sent[place] for place in range(len(choices))) == choices


def test_a_long_vector_is_drawn_into_an_array():
    start = tuple(i / 500 for i in range(500))
    attribute = AttributeInfo("shape", "vector", ("buffer",), start, 0.0, 1.0)
    window = read(pd_patch(FileInfo("m", FORWARD, (attribute,)), "m"))
    (graph,) = [box for box in window.boxes if box.kind == "graph"]
    assert graph.inside.arrays == [("$0-c0-t", 500)]
    assert graph.inside.coords[1] == 1.0 and graph.inside.coords[3] == 0.0
    assert "tb/m/shape:send" in widgets(window)
    check_places(window)


@pytest.mark.parametrize("text", [pd_help, pd_performance], ids=["help", "performance"])
def test_the_patches_for_any_file_are_sound(text):
    window = read(text())
    check_wires(window, {})
    check_places(window)


def test_only_the_main_method_plays_when_the_patch_opens():
    window = read(pd_patch(FileInfo("m", RAVE), "m"))
    for box in window.boxes:
        if box.kind == "sub" and box.words[0] in ("encode", "decode", "audio"):
            rests = any(b.words == ["enable", "0"] for b in box.inside.boxes if b.kind == "msg")
            assert rests == (box.words[0] != "audio")


def test_names_in_two_patches_differ():
    assert slug("choir") == "choir"
    assert slug("dark choir") != slug("dark-choir") != slug("dark_choir")
    one, two = (pd_patch(FileInfo("m", RAVE), stem) for stem in ("a b", "a-b"))
    public = [set(re.findall(r"tb/\S+", text)) for text in (one, two)]
    assert public[0] and not public[0] & public[1]


def test_both_are_written_beside_the_file(tmp_path):
    paths = write_patches(FileInfo("m", FORWARD), tmp_path / "x.y.ts")
    assert [path.name for path in paths] == ["x.y.pd", "x.y.maxpat"]
    assert all(path.parent == tmp_path and path.read_text() for path in paths)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (FileInfo("m", ()), "no method"),
        (FileInfo("m", FORWARD, (AttributeInfo("a b", "float", ("float",), (1.0,)),)), "a b"),
        (FileInfo("m", FORWARD, (AttributeInfo("a", "x", ("float",) * 2, (1.0,)),)), "defaults"),
        (FileInfo("m", FORWARD, (AttributeInfo("a", "x", ("tensor", "int"), (1.0, 1)),)), "tensor"),
        (FileInfo("m", FORWARD, (AttributeInfo("a", "float", ("float",), (1.0,)),) * 2), "Two"),
    ],
)  # fmt: skip
def test_what_cannot_be_patched_is_refused(tmp_path, info, words):
    with pytest.raises(TorchbendError, match=words):
        write_patches(info, tmp_path / "x.ts")
    assert not list(tmp_path.iterdir())
