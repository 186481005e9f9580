"""Configurations: sequence behaviour, and JSON there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchbend.bending import (
    Affine,
    Bend,
    BendingCallback,
    BendingConfig,
    BendingParameter,
    Bias,
    Capture,
    Channels,
    Clusters,
    DuringSteps,
    Fraction,
    InterpolateActivation,
    InterpolationFromCapture,
    Lambda,
    Mask,
    Normal,
    OrderedMask,
    Permute,
    Scale,
    Span,
    ThresholdActivation,
    ThresholdPermute,
)
from torchbend.bending.cluster import Group
from torchbend.bending.registry import builtin_callbacks
from torchbend.errors import BendingCallbackException, ConfigError
from torchbend.places import Place

DATA = Path(__file__).parents[1] / "data"


class FakeModule:
    """Has the places that the patterns are checked against."""

    names = ("conv.0.weight", "conv.0.bias", "lin.weight")

    def __init__(self):
        self.bent = []

    def bend(self, config):
        self.bent.append(config)
        return "undo"

    def bendable_keys(self, *patterns):
        return list(self.names)

    def _match(self, pattern):
        import re

        return [name for name in self.names if re.match(pattern, name)]


CLUSTERS = Clusters(
    "decode:act",
    4,
    "0123456789abcdef",
    (Group("c0", (0, 2), {"level": -20.5, "centroid": 0.1}), Group("dark", (1, 3))),
    ("level", "centroid"),
    10,
)
OTHERS = CLUSTERS.rename({"c0": "bright"})  # of the same place


def everything():
    p = BendingParameter("amount", 0.25, range=[0, 1], clamp=True)
    q = BendingParameter("shift", 0.5, weight=2.0, bias=-1)
    op = BendingParameter("op", "mul", choices=["add", "mul"])
    v = BendingParameter("gains", [0.1, 0.2, 0.3], range=[None, 3])
    n = BendingParameter("n", 3, range=[0, 9])
    z = BendingParameter("z", 1 + 2j)
    b = BendingParameter("b", True)
    return BendingConfig(
        (Scale(2.0 * p + 1), "conv.*", "lin"),
        (Scale(2 * n), "a"),
        (Scale(n / 2), "a"),
        (Bias(z), "b"),
        (Bias(b), "b"),
        (Affine(bias=[1.0, 2.0, 0.1], scale=v, dim=-1), "decode:act"),
        (Bias(0.5 - 1j), "b"),
        (Scale(float("inf")), "b"),
        (Mask(p, seed=12), "m"),
        (OrderedMask(1 - p, seed=13, dim=1), "m"),
        (Normal(q, seed=1, op=op) >> Permute(dim=0, seed=3) >> Scale(q), "n", "o"),
        (ThresholdActivation(0.5, dim=1, invert=True), "t"),
        (ThresholdPermute(p, seed=4), "t"),
        (Normal(0.5, seed=7, dim=0), "n"),
        (Permute(seed=8), "n"),
        (Capture(), "c"),
        (DuringSteps(Scale(p) >> Bias(0.5), 3, 9), "s"),
        (DuringSteps(Mask(0.5, seed=2)), "s"),
        (InterpolateActivation(softmax=True), "i"),
        (InterpolationFromCapture(), "i"),
        (Bend(Scale(p), p, channels=CLUSTERS["dark"], restore="channel"), "decode:act$"),
        (Bend(Bias(q), channels=OTHERS["bright"], bypass=b), "decode:act$"),
        (Bend(Bias(q) >> Bend(Scale(2.0), channels=CLUSTERS["c0"]), solo=True), "decode:act$"),
        (Bend(Scale(p), channels=Fraction(0.5, seed=3), dim=0), "s"),
        (Bend(Scale(p), channels=Span(1, None, 2)), "s"),
        (Bend(Scale(p), channels=Channels(0, -1)), "s"),
    )


def test_there_and_back(tmp_path):
    config = everything()
    path = tmp_path / "bend.json"
    config.save(path)
    loaded = BendingConfig.load(path)
    assert loaded == config
    assert repr(loaded) == repr(config)
    assert [entry[1:] for entry in loaded] == [entry[1:] for entry in config]
    later = "torchbend.operations."  # those have a test of their own, all of them
    first = {n for n, c in builtin_callbacks().items() if not c.__module__.startswith(later)}
    assert {type(entry[0]).__name__ for entry in config} == first
    names = ["decode:act", "decode:act (2)"]
    assert list(json.loads(path.read_text())["clusters"]) == names
    assert loaded[20][0].channels == CLUSTERS["dark"]
    assert loaded[21][0].channels == OTHERS["bright"]
    # the same draws
    x = torch.linspace(-1, 1, 24).reshape(4, 6)
    place = Place("w", "weight", (4, 6), x.dtype)
    for one, other in zip(config, loaded, strict=True):
        if one[0].weight_compatible and not isinstance(one[0], (Affine, Bend)):
            assert torch.equal(one[0].kernel(place, x)(x), other[0].kernel(place, x)(x))
    # a second trip writes the same file
    again = tmp_path / "again.json"
    loaded.save(again)
    assert again.read_text() == path.read_text()


def test_infinite_and_complex_settings():
    for number in (float("inf"), float("-inf"), complex(0.5, float("-inf")), 1 - 2j):
        config = BendingConfig((Scale(number), "a"))
        assert BendingConfig.from_json(config.to_json())[0][0].get("scale") == number


def test_what_shared_a_control_shares_it_again(tmp_path):
    config = everything()
    config.save(tmp_path / "c.json")
    loaded = BendingConfig.load(tmp_path / "c.json")
    p = loaded.parameters["amount"]
    assert set(loaded.parameters) == {"amount", "shift", "op", "gains", "n", "z", "b"}
    p.set_value(2.0)
    assert p.get_python_value() == 1.0
    assert loaded[0][0].get("scale") == 3.0
    assert loaded[8][0].get("prob") == 1.0
    assert loaded[9][0].get("prob") == 0.0
    assert config.parameters["amount"].get_python_value() == 0.25
    chain = loaded[10][0]
    assert chain.controls == {n: loaded.parameters[n] for n in ("shift", "op")}
    assert isinstance(loaded[1][0].get("scale"), int)
    assert isinstance(loaded[2][0].get("scale"), float)


@given(
    numbers=st.lists(
        st.one_of(
            st.floats(allow_nan=False),
            st.integers(-(2**62), 2**62),
            st.booleans(),
            st.complex_numbers(allow_nan=False),
        ),
        max_size=5,
    ),
    patterns=st.lists(st.text(max_size=8).map(lambda t: t.replace("\\", "/")), min_size=1),
)
def test_any_numbers_and_words(numbers, patterns):
    import re

    safe = [re.escape(pattern) for pattern in patterns]
    config = BendingConfig(*[(Scale(number), *safe) for number in numbers])
    loaded = BendingConfig.from_json(config.to_json())
    assert [entry[1:] for entry in loaded] == [entry[1:] for entry in config]
    for one, other in zip(config, loaded, strict=True):
        a, b = one[0].get("scale"), other[0].get("scale")
        assert type(a) is type(b)
        assert a == b


def test_not_a_number_is_no_setting(tmp_path):
    with pytest.raises(BendingCallbackException, match="nan"):
        Scale(float("nan"))
    path = tmp_path / "c.json"
    config = BendingConfig((Scale(1.0), "a")).to_json()
    config["bends"][0]["settings"]["scale"] = {"float": "nan"}
    path.write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="nan"):
        BendingConfig.load(path)


def test_nothing_in_a_file_runs(tmp_path):
    path = tmp_path / "c.json"
    for name in ("os.system", "__import__", "Lambda", "BendingCallback", "Kernel", "object", ""):
        config = BendingConfig((Scale(1.0), "a")).to_json()
        config["bends"][0]["callback"] = name
        path.write_text(json.dumps(config))
        with pytest.raises(ConfigError, match="there is no callback"):
            BendingConfig.load(path)


MISTAKES = [
    ('"Mask"', '"Msak"', "'Msak'.*Nearest: 'Mask'"),
    ('"prob"', '"porb"', "no 'porb'.*Nearest: 'prob'"),
    ('"seed": 12', '"seed": 1.5', "seed is an int"),
    ('"seed": 12', '"seed": "x"', "seed is an int"),
    ('"invert": true', '"invert": 1', "invert is True or False"),
    ('"dim": -1', '"dim": "last"', "dim is an int"),
    ('"conv.*"', '"conv.*("', "not a regular expression"),
    ('"conv.*"', "7", "pattern is a string"),
    ('"parameter": "shift"', '"parameter": "shfit"', "'shfit'.*Nearest: 'shift'"),
    ('"rsub"', '"modulo"', "no arithmetic step 'modulo'"),
    ('"kind": "int"', '"kind": "bool"', "called a 'bool'.*makes it a 'int'"),
    ('"value": 0.25', '"value": "loud"', "needs its choices"),
    ('"value": 0.25', '"value": [', "not JSON"),
    ('"value": "mul"', '"value": "div"', "one of"),
    ('"clamp": true', '"clamp": "yes"', "clamp is true or false"),
    ('"version": 2', '"version": 3', "is 3, and .* reads up to 2.*Update torchbend"),
    ('"version": 2', '"version": 0', "there are versions 1 to 2"),
    ('"version": 2', '"version": true', "there are versions 1 to 2"),
    ('"clusters": "decode:act"', '"clusters": "decode:art"', "no clusters.*'decode:act'"),
    ('"clusters": "decode:act"', '"clusters": 3', "no clusters 3 in this file"),
    ('"cluster": "dark"', '"cluster": "drak"', "no cluster 'drak' at.*Nearest: 'dark'"),
    ('"cluster": "dark"', '"cluster": ["dark"]', "no cluster"),
    ('"cluster": "dark"', '"which": "dark"', "no 'which'"),
    ('"select": "cluster"', '"select": "clusters"', "no selector 'clusters'"),
    ('"clusters": {', '"clusters": [], "c": {', "no 'c'"),
    ('"dark": {', '"dark": 3, "x": {', "clusters.decode:act.clusters.dark is an object"),
    ('"sounds": 10', '"sounds": -1', "sounds is a whole number from 0"),
    ('"format": "torchbend-config"', '"format": "pickle"', "format"),
    ('"bends": [', '"bens": [', "no 'bens'.*Nearest: 'bends'"),
    ('"seed": 12', '"seed": 12, "seed": 13', "'seed' is given twice"),
    ('"seed": 12', '"seed": NaN', "NaN is not JSON"),
    ('"complex": [', '"complexx": [', "a setting is"),
    ('"float": "inf"', '"float": "inff"', "a setting is"),
    ('"amount": {', '"a mount": {', "identifier"),
    ('"value": 0.25', f'"value": {10**400}', "'amount': 1000.* is not a finite number"),
    ('"weight": 2.0', f'"weight": {10**400}', "too large"),
    ('"complex": [\n            0.5,', f'"complex": [\n            {10**400},', "a setting is"),
    ('"level": -20.5', f'"level": {10**400}', "a mean is a finite number"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_says_file_line_and_what_would_fit(right, wrong, message, tmp_path):
    text = json.dumps(everything().to_json(), indent=2)
    if right not in text:
        pytest.fail(f"{right} is not in the file")
    start = text.index(right)
    path = tmp_path / "stage.json"
    path.write_text(text[:start] + wrong + text[start + len(right) :])
    with pytest.raises(ConfigError, match=message) as caught:
        BendingConfig.load(path)
    assert "stage.json" in str(caught.value)
    if "NaN" not in wrong:
        line = text.count("\n", 0, start) + 1
        said = int(str(caught.value).split("line ")[1].split(":")[0])
        # at the place itself, or at the beginning of the object around it
        assert 0 <= line - said <= 8, (line, str(caught.value))


def test_numbers_and_words_that_nobody_writes():
    data = everything().to_json()
    for change, message in (
        ({"op": {**data["parameters"]["op"], "choices": 5}}, "choices is a list of words; got 5"),
        ({"op": {**data["parameters"]["op"], "choices": {}}}, "choices is a list of words"),
        ({"z": {"kind": "complex", "value": {"complex": [10**400, 0]}}}, "a setting is a number"),
        ({"n": {"kind": "int", "value": 3, "range": [0, 10**400]}}, "too large"),
    ):
        changed = {**data, "parameters": {**data["parameters"], **change}}
        with pytest.raises(ConfigError, match=rf"configuration, line \d+: .*{message}"):
            BendingConfig.from_json(changed)
    steps = {"parameter": "shift", "steps": [["mul", 10**400]]}
    data["bends"][0]["settings"]["scale"] = steps
    with pytest.raises(ConfigError, match=r"line \d+: .*too large"):
        BendingConfig.from_json(data)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", "3", "\x00", "{" * 5000, "[" * 5000 + "]" * 5000, '{"format": 1}'],
)
def test_files_that_are_no_configurations(text, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"c\.json"):
        BendingConfig.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text file"):
        BendingConfig.load(path)


def test_a_file_of_the_first_version_opens_as_before(tmp_path):
    """It was written before there was a second one: all callbacks and kinds of controls."""
    old = DATA / "config_version_1.json"
    config = BendingConfig.load(old)
    assert json.loads(old.read_text())["version"] == 1
    first = everything()
    assert config == BendingConfig(*list(first)[:20])
    config.save(tmp_path / "new.json")
    data = json.loads((tmp_path / "new.json").read_text())
    assert data["version"] == 2
    assert {**data, "version": 1} == json.loads(old.read_text())
    assert BendingConfig.load(tmp_path / "new.json") == config


def test_a_mistake_in_a_file_of_the_first_version_has_its_line(tmp_path):
    lines = (DATA / "config_version_1.json").read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if '"seed": 12' in line)
    lines[number] = lines[number].replace("12", "1.5")
    (tmp_path / "old.json").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=rf"line {number + 1}: a seed is an int"):
        BendingConfig.load(tmp_path / "old.json")


def test_a_file_of_the_future_asks_for_an_update(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{\n"format": "torchbend-config",\n"version": 12,\n"scenes": {}}')
    with pytest.raises(ConfigError, match=r"c.json, line 3: the version is 12.*Update torchbend"):
        BendingConfig.load(path)


def test_what_shares_clusters_is_written_once():
    more = CLUSTERS.rename({"c0": "c0"})  # equal, and another object
    config = BendingConfig(
        (Bend(Scale(1.0), channels=CLUSTERS["c0"]), "a"),
        (Bend(Scale(1.0), channels=more["c0"]), "b"),
    )
    assert list(config.to_json()["clusters"]) == ["decode:act"]
    other = BendingConfig(
        (Bend(Scale(1.0), channels=CLUSTERS["dark"]), "a"),
        (Bend(Scale(1.0), channels=more["c0"]), "b"),
    )
    assert config != other
    assert "clusters" not in BendingConfig((Bend(Scale(1.0), channels=[0, 2]), "a")).to_json()
    moved = BendingConfig(*((e[0], *e[1:]) for e in config))
    assert moved == config
    renamed = CLUSTERS.rename({"dark": "dim"})
    third = BendingConfig(
        (Bend(Scale(1.0), channels=renamed["c0"]), "a"),
        (Bend(Scale(1.0), channels=more["c0"]), "b"),
    )
    assert third != config  # the other clusters of the same names are others


def test_lines_are_exact(tmp_path):
    path = tmp_path / "c.json"
    BendingConfig((Scale(1.0), "a"), (Mask(0.5, seed=1), "b")).save(path)
    lines = path.read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if '"prob"' in line)
    lines[number] = lines[number].replace("0.5", "1.5")
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=rf"line {number + 1}: Mask: prob"):
        BendingConfig.load(path)


def test_with_a_module_each_pattern_reaches_something(tmp_path):
    path = tmp_path / "c.json"
    BendingConfig((Scale(1.0), "conv.*", "lin.weight$")).save(path)
    module = FakeModule()
    loaded = BendingConfig.load(path, module)
    assert loaded.bind(module) == "undo"
    assert module.bent == [loaded]
    BendingConfig((Scale(1.0), "conv.*"), (Bias(1.0), "lin.wieght")).save(path)
    with pytest.raises(ConfigError, match=r"'lin.wieght' reaches nothing\. Nearest: 'lin.weight'"):
        BendingConfig.load(path, module)


class Mine(BendingCallback):
    activation_compatible = True
    controllable_params = ("threshold",)

    def __init__(self, threshold, times=3):
        super().__init__()
        self.threshold = threshold
        self.times = times

    def bend_input(self, x, name=None):
        return x * self.times * (x > self.get("threshold"))


def test_a_callback_of_your_own(tmp_path):
    p = BendingParameter("t", 0.5)
    config = BendingConfig((Mine(2 * p, times=4), "a"))
    path = tmp_path / "c.json"
    config.save(path)
    with pytest.raises(ConfigError, match=r"'Mine'.*callbacks=\{name: class\}"):
        BendingConfig.load(path)
    loaded = BendingConfig.load(path, callbacks={"Mine": Mine})
    assert loaded == config
    assert loaded[0][0].times == 4
    data = config.to_json()
    del data["bends"][0]["settings"]["threshold"]
    with pytest.raises(ConfigError, match="lacks 'threshold'"):
        BendingConfig.from_json(data, callbacks={"Mine": Mine})


def test_a_function_cannot_be_saved(tmp_path):
    def waveshape(x):
        return x

    for callback in (Lambda(waveshape), Scale(2.0) >> Lambda(waveshape)):
        with pytest.raises(ConfigError, match=r"Lambda\(waveshape\) cannot be saved"):
            BendingConfig((callback, "a")).save(tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()
    assert BendingConfig((Lambda(waveshape), "a")) == BendingConfig((Lambda(waveshape), "a"))
    assert BendingConfig((Lambda(waveshape), "a")) != BendingConfig((Lambda(torch.tanh), "a"))


def test_as_a_sequence():
    a, b = Scale(2.0), Mask(0.5, seed=1)
    config = BendingConfig((a, "x", "y"))
    config.append(b, "z")
    config.append((a, "w"))
    config.extend([(b, "v")])
    assert list(config) == [(a, "x", "y"), (b, "z"), (a, "w"), (b, "v")]
    assert len(config) == 4
    both = config + BendingConfig((b, "u"))
    assert len(both) == 5
    assert len(config) == 4
    assert both[4] == (b, "u")
    assert config == BendingConfig(*config)
    assert config != BendingConfig((a, "x", "y"))
    assert config != BendingConfig((Scale(2.5), "x", "y"), *list(config)[1:])
    assert BendingConfig((Scale(2.0), "a")) == BendingConfig((Scale(2.0), "a"))
    assert BendingConfig((Scale(2.0), "a")) != BendingConfig((Scale(2.0), "b"))
    assert BendingConfig((Scale(2.0), "a")) != BendingConfig((Bias(2.0), "a"))
    assert config != 3


def test_equal_controls_are_compared_by_what_they_are():
    def made(value, high):
        return BendingConfig((Scale(2 * BendingParameter("p", value, range=[0, high])), "a"))

    assert made(0.5, 1) == made(0.5, 1)
    assert made(0.5, 1) != made(0.6, 1)
    assert made(0.5, 1) != made(0.5, 2)


@pytest.mark.parametrize(
    "entry", [(), ("a",), (Scale(1.0),), (Scale(1.0), 3), (Scale(1.0), ["a"]), ("a", Scale(1.0)), 5]
)
def test_entries_that_are_none(entry):
    config = BendingConfig((Scale(1.0), "x"))
    with pytest.raises(ConfigError, match="entry|patterns"):
        config.append(entry)
    with pytest.raises(ConfigError, match="entry|patterns"):
        config.extend([(Scale(1.0), "y"), entry])
    assert len(config) == 1


def test_two_controls_of_one_name():
    p, q = BendingParameter("p", 0.5), BendingParameter("p", 0.5)
    with pytest.raises(ConfigError, match="two different controls are named 'p'"):
        BendingConfig((Scale(p), "a"), (Bias(q), "b"))
    BendingConfig((Scale(p), "a"), (Bias(2 * p), "b"))


def test_op_from_key():
    a, b, c = Scale(1.0), Scale(2.0), Scale(3.0)
    config = BendingConfig((a, "conv.*", "lin$"), (b, "decode:act"), (c, "act"))
    assert config.op_from_key("conv.0.weight") == [a]
    assert config.op_from_key("lin") == [a]
    assert config.op_from_key("lin.weight") == []
    assert config.op_from_key("decode:act_1") == [b, c]
    assert config.op_from_key("encode:act") == [c]
    assert config.op_from_key("act") == [c]
    assert config.op_from_key("x.conv") == []
