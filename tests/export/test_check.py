"""Files broken on purpose: each must fail in the row that is about it, and in no other."""

import math
from dataclasses import replace

import pytest
import torch
from small_file import FORWARD, INFO, SET_GAIN, small_file, with_gain
from torch import nn

from torchbend.export.check import check, check_in_fresh_process
from torchbend.export.reference import Case, write_reference
from torchbend.export.report import FAIL, NOTE, OK, Report

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def checked(path, reference=None):
    return Report(str(path), list(check(path, reference)))


def failed(report):
    return {row.what: row.detail for row in report.failures}


def noted(report):
    return {row.what: row.detail for row in report.rows if row.result == NOTE}


# -- good files ------------------------------------------------------------------------
def test_a_good_file_of_ours_passes_in_every_row(tmp_path):
    report = checked(small_file(tmp_path / "x.ts", ours=INFO))
    assert {row.result for row in report.rows} == {OK}, str(report)
    assert [row.what for row in report.rows] == [
        "opens", "libtorch 2.5 of nn~ 1.6", "methods", "labels", "attributes", "getters",
        "setters", "sample rate", "arrays", "description", "moves to a GPU", "saved on the CPU",
        "forward: plays", "forward: repeats itself", "encode: plays", "encode: repeats itself",
        "state", "gain: set and read", "gain: heard", "gain: clamped", "gain: refuses NaN",
        "gain: survives", "gain: returns",
    ]  # fmt: skip
    assert report.ok and "passes" in str(report)


def test_a_good_file_of_others_passes_too(tmp_path):
    report = checked(small_file(tmp_path / "x.ts"))
    assert report.ok, str(report)
    # It clamps where nobody said that it does: a note.
    assert set(noted(report)) <= {"gain: set and read"}


@pytest.mark.slow
def test_block_sizes_are_the_ratio_doubled(tmp_path):
    heard = "def forward(self, x: Tensor) -> Tensor:\n    print('n', x.shape)\n    return x\n"
    path = small_file(tmp_path / "x.ts", {"forward": heard})
    report = check_in_fresh_process(path)
    (row,) = [row for row in report.rows if row.what == "forward: plays"]
    assert (row.result, row.detail) == (OK, "blocks of 4 to 8192, batches 1 to 64")


# -- nn~'s contract ----------------------------------------------------------------------
CONTRACT = {
    "no methods": ("methods", "nothing to play", {"parts": {
        "get_methods": "def get_methods(self) -> List[str]:\n"
                       "    return torch.jit.annotate(List[str], [])\n"}}),
    "a method that is not there": ("methods", "'gone' is listed", {"parts": {
        "get_methods": "def get_methods(self) -> List[str]:\n    return ['forward', 'gone']\n"}}),
    "methods that raise": ("methods", "get_methods raises", {"parts": {
        "get_methods": "def get_methods(self) -> List[str]:\n    raise ValueError('no')\n"}}),
    "methods that are no list": ("methods", "no list of strings", {"parts": {
        "get_methods": "def get_methods(self) -> str:\n    return 'forward'\n"}}),
    "no params": ("methods", "forward_params is missing", {"gone": ("forward_params",)}),
    "params that are no buffer": ("methods", "no registered buffer", {
        "held": {"forward_params": [1, 1, 1, 1]}}),
    "params of floats": ("methods", "no integers", {
        "held": {"forward_params": nn.Buffer(torch.ones(4))}}),
    "three params": ("methods", "four numbers", {
        "held": {"forward_params": nn.Buffer(torch.tensor([1, 1, 1]))}}),
    "a ratio of nought": ("methods", "four numbers", {
        "held": {"forward_params": nn.Buffer(torch.tensor([1, 0, 1, 1]))}}),
    "too few labels": ("labels", "1 labels for 2", {"held": {"encode_output_labels": ["one"]}}),
    "no labels": ("labels", "is missing", {"gone": ("encode_output_labels",)}),
    "an unknown type": ("attributes", "[9]", {
        "held": {"gain_params": nn.Buffer(torch.tensor([9]))}}),
    "no type": ("attributes", "gain_params is missing", {"gone": ("gain_params",)}),
    "a bare value": ("getters", "bare float", {"parts": {
        "get_gain": "def get_gain(self) -> float:\n    return float(self.gain)\n"}}),
    "a getter that raises": ("getters", "get_gain raises: ValueError: no", {"parts": {
        "get_gain": "def get_gain(self) -> List[float]:\n    raise ValueError('no')\n"}}),
    "no getter": ("getters", "get_gain is missing", {"parts": {"get_gain": None}}),
    "two values of one": ("getters", "2 of 1", {"parts": {
        "get_gain": "def get_gain(self) -> List[float]:\n    g = float(self.gain)\n"
                    "    return [g, g]\n"}}),
    "no setter": ("setters", "set_gain is missing", {"parts": {"set_gain": None}}),
    "a setter of two values": ("setters", "takes 2 values", {"parts": {
        "set_gain": "def set_gain(self, v: float, w: float) -> int:\n    return 0\n"}}),
    "a setter without an answer": ("setters", "returns NoneType", {"parts": {
        "set_gain": "def set_gain(self, v: float) -> None:\n    self.gain.fill_(v)\n"}}),
    "a rate that is none": ("sample rate", "0", {"parts": {
        "get_sample_rate": "def get_sample_rate(self) -> int:\n    return 0\n"}}),
    "a plain tensor": ("moves to a GPU", "wave", {"held": {"wave": torch.ones(3)}}),
    "a list of tensors": ("moves to a GPU", "waves", {"held": {"waves": [torch.ones(3)]}}),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRACT)
def test_what_breaks_the_contract_fails_in_its_row(tmp_path, case):
    row, detail, changes = CONTRACT[case]
    found = failed(checked(small_file(tmp_path / "x.ts", **changes)))
    assert detail in found.pop(row)
    # A broken setter or getter shows again where it is used, and nowhere else.
    assert all(what.startswith("gain: ") for what in found), found


def test_a_registered_tensor_in_a_list_too_moves(tmp_path):
    root = nn.LSTM(1, 1, batch_first=True)
    net = torch.jit.script(root)
    net.save(str(tmp_path / "x.ts"))
    assert "moves to a GPU" not in failed(checked(tmp_path / "x.ts"))


def test_frozen_constants_and_gradients_are_noted(tmp_path):
    parts = {"forward": FORWARD.replace("* self.gain", "* self.gain * self.weight")}
    path = small_file(tmp_path / "x.ts", parts, {"weight": nn.Parameter(torch.ones(1))})
    assert "1 require a gradient" in noted(checked(path))["parameters"]
    frozen = torch.jit.freeze(torch.jit.script(nn.Conv1d(1, 1, 1).eval()), optimize_numerics=False)
    frozen.save(str(tmp_path / "y.ts"))
    assert "part of the code" in noted(checked(tmp_path / "y.ts"))["constants"]


def test_an_operator_that_nn_does_not_have(tmp_path, monkeypatch):
    from torchbend.export import guard

    table = {name: a for name, a in guard.operators().items() if name != "aten::neg"}
    monkeypatch.setattr(guard, "operators", lambda: table)
    found = failed(checked(small_file(tmp_path / "x.ts")))
    assert set(found) == {"libtorch 2.5 of nn~ 1.6"} and "aten::neg" in str(found)


@pytest.mark.parametrize(
    ("info", "detail"),
    [
        (replace(INFO, sample_rate=44100), "sample rate 44100"),
        (replace(INFO, methods=INFO.methods[:1]), "methods forward;"),
        (replace(INFO, attributes=()), "attributes ;"),
        (replace(INFO, state=("cash",)), "state cash"),
        (with_gain(types=("int",), default=(1,)), "types of gain"),
        (replace(INFO, methods=(replace(INFO.methods[0], input_labels=("i",)), INFO.methods[1])),
         "input_labels of forward"),
    ],
)  # fmt: skip
def test_a_description_must_say_what_the_file_answers(tmp_path, info, detail):
    found = failed(checked(small_file(tmp_path / "x.ts", ours=info)))
    assert detail in found["description"]


def test_a_description_that_cannot_be_read(tmp_path):
    for text in ("{", "[]", '{"format": 99}', '{"format": 1}'):
        (row,) = checked(small_file(tmp_path / "x.ts", ours=text)).rows
        assert (row.what, row.result) == ("opens", FAIL) and "torchbend.json" in row.detail


# -- methods -----------------------------------------------------------------------------
def forward(body: str) -> dict[str, str]:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return {"forward": f"def forward(self, x: Tensor) -> Tensor:\n{lines}"}


METHODS = {
    "a wrong ratio": ("forward: plays", "promise (1, 1, 8)", forward("return x[:, :, ::2]")),
    "a wrong channel count": ("forward: plays", "gives (1, 2, 8)", forward(
        "return torch.cat([x, x], 1)")),
    "no batch": ("forward: plays", "batch 4", forward("return x.reshape(1, 1, -1)")),
    "no large batch": ("forward: plays", "batch 64, blocks of 4: raises: RuntimeError: large",
        forward("if x.size(0) > 8:\n    raise RuntimeError('large')\nreturn x")),
    "no large block": ("forward: plays", "blocks of 8192: raises", forward(
        "if x.size(2) > 4096:\n    raise RuntimeError('long')\nreturn x")),
    "doubles": ("forward: plays", "float64", forward("return x.double()")),
    "not a number": ("forward: plays", "no finite", forward("return torch.log(x - x)/0.0")),
    "a second block that raises": ("forward: plays", "raises", forward(
        "if float(self.cache[0, 0, 0]) != 0.0:\n    raise RuntimeError('again')\n"
        "self.cache[0, 0, 0] = 1.0\nreturn x")),
    "a clock of its own": ("forward: repeats itself", "off by", forward(
        "self.gain.add_(0.01)\nreturn x * torch.sin(self.gain)")),
}  # fmt: skip


@pytest.mark.parametrize("case", METHODS)
def test_a_method_that_does_not_play_fails_in_its_row(tmp_path, case):
    row, detail, parts = METHODS[case]
    # Of ours: `gain` is not among the state that is put back.
    found = failed(checked(small_file(tmp_path / "x.ts", parts, ours=INFO)))
    assert detail in found.pop(row)
    assert all(what.startswith("gain: ") for what in found), found


def test_noise_that_follows_the_seed_repeats_itself(tmp_path):
    path = small_file(tmp_path / "x.ts", forward("return x * self.gain + torch.randn_like(x)"))
    assert checked(path).ok


def test_unknown_state_is_found_and_put_back(tmp_path):
    """A counter in a plain attribute, and a buffer that each block replaces."""
    body = (
        "self.count = self.count + 1\n"
        "self.last = torch.cat([self.last, x[:1, :1, -1:]], -1)[:, :, -3:]\n"
        "return x * self.gain + self.last.sum() + float(self.count)"
    )
    held = {"count": 0, "last": nn.Buffer(torch.zeros(1, 1, 3))}
    report = checked(small_file(tmp_path / "x.ts", forward(body), held))
    assert report.ok, str(report)
    assert "last: replaced while playing" in noted(report)["state"]
    theirs = replace(INFO, state=("cache", "last"))
    ours = checked(small_file(tmp_path / "y.ts", forward(body), held, ours=theirs))
    assert "last: replaced" in failed(ours)["state"]


def test_the_trap_of_inference_tensors(tmp_path):
    """A setter that writes into what a block made."""
    parts = forward("self.gain = self.gain * 1.0\nreturn x * self.gain")
    found = failed(checked(small_file(tmp_path / "x.ts", parts, ours=INFO)))
    assert "nference tensor" in found["gain: set and read"]
    assert "gain: replaced" in found["state"]


# -- attributes --------------------------------------------------------------------------
def setter(body: str) -> dict[str, str]:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return {"set_gain": f"def set_gain(self, v: float) -> int:\n{lines}"}


NAN = "if not (v <= 0.0 or v >= 0.0):\n"
ATTRIBUTES = {
    "raises": ("gain: set and read", "raises: RuntimeError: no", setter(
        "raise RuntimeError('no')\nreturn 0")),
    "refuses": ("gain: set and read", "refuses", setter("return 1")),
    "reads back otherwise": ("gain: set and read", "reads 0.35", setter(
        NAN + "    return -1\nself.gain.fill_(min(max(v, 0.0), 2.0) * 0.5)\nreturn 0")),
    "is not heard": ("gain: heard", "in no method", {
        "forward": "def forward(self, x: Tensor) -> Tensor:\n    return x\n",
        "encode": "def encode(self, x: Tensor) -> Tensor:\n"
                  "    return torch.cat([x, x], 1)[:, :, ::4]\n"}),
    "is not clamped": ("gain: clamped", "not 0", setter(
        NAN + "    return -1\nself.gain.fill_(min(v, 2.0))\nreturn 0")),
    "refuses what it should clamp": ("gain: clamped", "refuses 4 with -1", setter(
        NAN + "    return -1\nif v > 2.0:\n    return -1\nself.gain.fill_(max(v, 0.0))\nreturn 0")),
    "takes NaN": ("gain: refuses NaN", "reads nan", setter(
        "self.gain.fill_(v)\nself.gain.clamp_(0.0, 2.0)\nreturn 0")),
    "ignores NaN in silence": ("gain: refuses NaN", "answers 0", setter(
        NAN + "    return 0\nself.gain.fill_(min(max(v, 0.0), 2.0))\nreturn 0")),
    "asks whether v != v, which TorchScript takes for False": ("gain: refuses NaN", "reads 0",
        setter("if v != v:\n    return -1\nself.gain.fill_(min(max(v, 0.0), 2.0))\nreturn 0")),
    "refuses NaN too late": ("gain: refuses NaN", "answers -1 to NaN, and reads 1", setter(
        NAN + "    self.gain.fill_(1.5)\n    return -1\n"
        "self.gain.fill_(min(max(v, 0.0), 2.0))\nreturn 0")),
    "raises at infinity": ("gain: survives", "inf: raises: RuntimeError: oh", setter(
        NAN + "    return -1\nif v > 1e30:\n    raise RuntimeError('oh')\n"
        "self.gain.fill_(min(max(v, 0.0), 2.0))\nreturn 0")),
    "leaves a trace": ("gain: returns", "off by", {
        "set_gain": SET_GAIN.replace("    return 0", "    self.gain_moves += 1\n    return 0"),
        "encode": "def encode(self, x: Tensor) -> Tensor:\n"
                  "    return torch.cat([x, x], 1)[:, :, ::4] + 1e-3 * float(self.gain_moves)\n"}),
}  # fmt: skip


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_an_attribute_that_misbehaves_fails_in_its_row(tmp_path, case):
    row, detail, parts = ATTRIBUTES[case]
    held = {"gain_moves": nn.Buffer(torch.tensor(0))}
    found = failed(checked(small_file(tmp_path / "x.ts", parts, held, ours=INFO)))
    assert detail in found[row]
    if case in ("is not heard", "is not clamped", "refuses what it should clamp", "leaves a trace"):
        assert set(found) - {"gain: survives"} == {row}


def test_a_start_that_is_not_the_default_said(tmp_path):
    found = failed(checked(small_file(tmp_path / "x.ts", ours=with_gain(default=(0.5,)))))
    assert found == {"gain: read": "starts at 1"}


def test_an_unheard_attribute_of_others_is_a_note(tmp_path):
    _, _, parts = ATTRIBUTES["is not heard"]
    report = checked(small_file(tmp_path / "x.ts", parts))
    assert report.ok and "in no method" in noted(report)["gain: heard"]
    # So is one of ours that moves no bend, but is a setting of the model's own.
    report = checked(small_file(tmp_path / "y.ts", parts, ours=with_gain(bends=())))
    assert report.ok and "gain: heard" in noted(report)


def test_a_gliding_attribute_settles_before_it_is_heard(tmp_path):
    body = """
n = x.size(-1)
up = torch.arange(1, n + 1) / n
now = self.before + (self.gain - self.before) * up
self.before.copy_(self.gain)
return x * now
"""
    held = {"before": nn.Buffer(torch.tensor(1.0))}
    report = checked(small_file(tmp_path / "x.ts", forward(body), held, ours=INFO))
    assert report.ok, str(report)


# -- other types of attribute -------------------------------------------------------------
INT = {"set_gain": "def set_gain(self, v: int) -> int:\n"
                   "    self.gain.fill_(min(max(v, 0), 2))\n    return 0\n",
       "get_gain": "def get_gain(self) -> List[int]:\n    return [int(self.gain)]\n"}  # fmt: skip
CHOICE = {
    "set_gain": "def set_gain(self, v: str) -> int:\n"
    "    if v not in self.names:\n        return -1\n"
    "    self.gain.fill_(float(self.names.index(v)))\n    return 0\n",
    "get_gain": "def get_gain(self) -> List[str]:\n    return [self.names[int(self.gain)]]\n",
}
VECTOR = {
    "forward": FORWARD.replace("self.gain", "self.gains.sum()"),
    "encode": "def encode(self, x: Tensor) -> Tensor:\n"
    "    return torch.cat([x, x], 1)[:, :, ::4] * self.gains[1]\n",
    "set_gain": "def set_gain(self, v0: float, v1: float) -> int:\n"
    "    if not (v0 <= 0.0 or v0 >= 0.0) or not (v1 <= 0.0 or v1 >= 0.0):\n        return -1\n"
    "    self.gains.copy_(torch.tensor([v0, v1]).clamp(0.0, 2.0))\n    return 0\n",
    "get_gain": "def get_gain(self) -> Tuple[float, float]:\n"
    "    return (float(self.gains[0]), float(self.gains[1]))\n",
}
TENSOR = VECTOR | {
    "set_gain": "def set_gain(self, v: Tensor) -> int:\n"
    "    if v.numel() != 2 or bool(torch.isnan(v).any()):\n        return -1\n"
    "    self.gains.copy_(v.clamp(0.0, 2.0))\n    return 0\n",
    "get_gain": "def get_gain(self) -> List[Tensor]:\n    return [self.gains]\n",
}
ARRAY = TENSOR | {
    "set_gain": "def set_gain(self, v: str) -> int:\n    return 0\n",
    "get_gain": "def get_gain(self) -> List[str]:\n    return [str(self.gains.sum())]\n",
    "get_buffer_attributes": "def get_buffer_attributes(self) -> List[str]:\n"
    "    return ['gain#0']\n",
    "set_buffer_attribute": "def set_buffer_attribute(self, n: str, v: Tensor, sr: int) -> int:\n"
    "    if v.numel() != 2 or bool(torch.isnan(v).any()):\n        return -1\n"
    "    self.gains.copy_(v.flatten().clamp(0.0, 2.0))\n    return 0\n",
    "clear_buffer_attribute": "def clear_buffer_attribute(self, n: str) -> int:\n    return 0\n",
    "is_buffer_empty": "def is_buffer_empty(self, n: str) -> bool:\n    return False\n",
}


def codes(*numbers):
    return {
        "gain_params": nn.Buffer(torch.tensor(numbers)),
        "gains": nn.Buffer(torch.ones(2)),
        "names": ["soft", "loud"],
    }


TYPES = {
    "int": (INT, codes(1), {"kind": "int", "types": ("int",), "default": (1,)}),
    "choice": (CHOICE, codes(3), {"kind": "choice", "types": ("str",), "default": ("loud",),
        "low": None, "high": None, "choices": ("soft", "loud")}),
    "floats": (VECTOR, codes(2, 2), {"kind": "vector", "types": ("float", "float"),
        "default": (1.0, 1.0)}),
    "tensor": (TENSOR, codes(4), {"kind": "vector", "types": ("tensor",), "default": (1.0, 1.0)}),
    "array": (ARRAY, codes(5), {"kind": "vector", "types": ("buffer",), "default": (1.0, 1.0)}),
}  # fmt: skip


@pytest.mark.parametrize("case", TYPES)
def test_every_type_of_attribute_passes_when_right(tmp_path, case):
    parts, held, changes = TYPES[case]
    report = checked(small_file(tmp_path / "x.ts", parts, held, ours=with_gain(**changes)))
    assert {row.result for row in report.rows} == {OK}, str(report)


WRONG = {
    "int": ("gain: survives", ("self.gain.fill_(min(max(v, 0), 2))",
        "if v > 2147483647:\n        raise ValueError('overflow')\n"
        "    self.gain.fill_(min(max(v, 0), 2))")),
    "choice": ("gain: survives", ("if v not in self.names:\n        return -1\n    ", "")),
    "floats": ("gain: refuses NaN", (" or not (v1 <= 0.0 or v1 >= 0.0)", "")),
    "tensor": ("gain: survives", ("v.numel() != 2 or ", "")),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_every_type_of_attribute_fails_when_wrong(tmp_path, case):
    parts, held, changes = TYPES[case]
    row, (old, new) = WRONG[case]
    assert old in parts["set_gain"]
    parts = parts | {"set_gain": parts["set_gain"].replace(old, new)}
    found = failed(checked(small_file(tmp_path / "x.ts", parts, held, ours=with_gain(**changes))))
    assert row in found


def test_arrays_need_their_methods(tmp_path):
    parts, held, changes = TYPES["array"]
    parts = {k: v for k, v in parts.items() if k != "is_buffer_empty"}
    found = failed(checked(small_file(tmp_path / "x.ts", parts, held, ours=with_gain(**changes))))
    assert found == {"arrays": "is_buffer_empty is missing"}


# -- replay ------------------------------------------------------------------------------
def late(x, gain):
    """What `forward` plays, from silence."""
    before = torch.cat([torch.zeros_like(x[..., :1]), x[..., :-1]], -1)
    return (x + 0.5 * before) * gain


def case_of(batch=1, block=64, gain=None, off=0.0, tolerance=0.0, **changes):
    x = torch.randn(batch, 1, 4 * block, generator=torch.Generator().manual_seed(batch))
    out = late(x, 1.0 if gain is None else gain)
    out = out + off * out.abs().max() * torch.nn.functional.one_hot(torch.tensor(5), out.shape[-1])
    settings = {} if gain is None else {"gain": (gain,)}
    case = Case("forward", batch, block, 3, x, out, settings, tolerance)
    return replace(case, **changes)


def replayed(tmp_path, cases, parts=None):
    path = small_file(tmp_path / "x.ts", parts, ours=INFO)
    write_reference(tmp_path / "ref.safetensors", cases)
    report = checked(path, tmp_path / "ref.safetensors")
    return {row.what: row for row in report.rows}


def test_a_file_that_sounds_as_it_should(tmp_path):
    cases = [
        case_of(batch, block, gain, tolerance=tolerance)
        for batch in (1, 4)
        for block in (4, 64, 256)
        for gain, tolerance in ((None, 0.0), (0.5, 0.0), (1.25, 1e-5))
    ]
    rows = replayed(tmp_path, cases)
    assert rows["forward: as the live model"].result == OK
    assert rows["forward: as the live model"].detail.startswith(
        "12 bit-identical; 6 within tolerance, at worst"
    )
    # Each setting was taken back: the attribute starts where it should.
    assert rows["gain: set and read"].result == OK


@pytest.mark.parametrize(
    ("case", "detail"),
    [
        (case_of(4, 64, 0.5, off=1e-3, tolerance=1e-5),
         "batch 4, blocks of 64, gain=0.5: more than 1e-05, off by 0.001 of the peak, most at "
         "frame 5"),
        (case_of(off=1e-6), "batch 1, blocks of 64: not bit-identical"),
        (case_of(gain=0.5, settings={"gain": (0.25,)}, tolerance=1e-5), "more than 1e-05"),
        (case_of(settings={"tone": (1.0,)}), "no attribute 'tone'"),
        (case_of(settings={"gain": (math.nan,)}), "refuses [nan] with -1"),
        (case_of(output=torch.zeros(1, 1, 3)), "the live model (1, 1, 3)"),
        (case_of(input=torch.zeros(1, 1, 1, 1)), "raises"),
    ],
)  # fmt: skip
def test_a_file_that_sounds_otherwise(tmp_path, case, detail):
    rows = replayed(tmp_path, [case_of(), case, case_of(4)])
    row = rows["forward: as the live model"]
    assert row.result == FAIL and detail in row.detail


def test_what_is_no_number_is_never_within_tolerance(tmp_path):
    parts = {"forward": FORWARD.replace("* self.gain", "* self.gain + torch.log(x - x - 1.0)")}
    rows = replayed(tmp_path, [case_of(tolerance=1e9)], parts)
    assert "off by inf" in rows["forward: as the live model"].detail


def test_a_method_that_is_not_there(tmp_path):
    rows = replayed(tmp_path, [case_of(method="gone")])
    assert rows["gone: as the live model"].result == FAIL


def test_block_by_block_is_not_all_at_once(tmp_path):
    """A file that forgets its cache between blocks."""
    parts = {"forward": FORWARD.replace("    self.cache[:n].copy_(x[:, :, -1:])\n", "")}
    rows = replayed(tmp_path, [case_of()], parts)
    assert "most at frame" in rows["forward: as the live model"].detail


def test_a_case_follows_its_seed(tmp_path):
    parts = forward("return x + torch.rand_like(x)")
    x = torch.zeros(1, 1, 32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        out = torch.cat([torch.rand(1, 1, 16), torch.rand(1, 1, 16)], -1)
    good = Case("forward", 1, 16, 3, x, out)
    assert replayed(tmp_path, [good], parts)["forward: as the live model"].result == OK
    wrong = replace(good, seed=4)
    assert replayed(tmp_path, [wrong], parts)["forward: as the live model"].result == FAIL


def test_what_a_failed_case_left_behind_is_not_held_against_the_file(tmp_path):
    """A gliding file, whose last case was not replayed to its end."""
    held = {"before": nn.Buffer(torch.tensor(1.0))}
    glides = (
        "n = x.size(-1)\n"
        "now = self.before + (self.gain - self.before) * torch.arange(1, n + 1) / n\n"
        "self.before.copy_(self.gain)\n"
        "return x * now"
    )
    path = small_file(tmp_path / "x.ts", forward(glides), held, ours=INFO)
    write_reference(tmp_path / "ref.safetensors", [case_of(gain=0.5, tolerance=1e-5)])
    assert set(failed(checked(path, tmp_path / "ref.safetensors"))) == {
        "forward: as the live model"
    }


def test_a_reference_that_cannot_be_read(tmp_path):
    path = small_file(tmp_path / "x.ts", ours=INFO)
    found = failed(checked(path, tmp_path / "gone.safetensors"))
    assert set(found) == {"reference"}


# -- a process of its own ------------------------------------------------------------------
@pytest.mark.slow
def test_a_fresh_process_finds_the_same(tmp_path):
    path = small_file(tmp_path / "x.ts", ours=INFO)
    write_reference(tmp_path / "ref.safetensors", [case_of(), case_of(off=1e-3)])
    here = checked(path, tmp_path / "ref.safetensors")
    fresh = check_in_fresh_process(path, tmp_path / "ref.safetensors")
    assert fresh == here and not fresh.ok
    assert set(failed(fresh)) == {"forward: as the live model"}


def test_a_file_that_is_none_is_a_row(tmp_path):
    (tmp_path / "x.ts").write_bytes(b"no")
    report = check_in_fresh_process(tmp_path / "x.ts")
    assert [(row.what, row.result) for row in report.rows] == [("opens", FAIL)]
    assert not report.ok


@pytest.mark.slow
def test_a_file_that_never_ends_is_a_row(tmp_path):
    parts = forward("while x.size(0) > 0:\n    x = x + 1\nreturn x")
    report = check_in_fresh_process(small_file(tmp_path / "x.ts", parts), timeout_seconds=8)
    assert report.failures[-1].what == "in time" and "8 s" in report.failures[-1].detail


def test_a_file_that_ends_the_process_is_a_row(tmp_path, monkeypatch):
    """The rows up to there are kept."""
    hook = "import os, torch\ntorch.jit.ScriptModule.named_modules = lambda *_, **__: os.abort()\n"
    (tmp_path / "sitecustomize.py").write_text(hook)
    path = small_file(tmp_path / "x.ts")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = check_in_fresh_process(path)
    last = report.failures[-1]
    assert last.what == "no crash" and "signal 6 after 'opens'" in last.detail
