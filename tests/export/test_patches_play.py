"""Generated patches in real Pd: no error line, and every control heard and taken back.

The model answers a constant of 1 with a sum that each attribute moves by its own amount, so
what is heard tells which was set to what.
"""

import re
from pathlib import Path

import pytest
import torch
from native_support import SAMPLE_RATE, run_pd
from torch import Tensor, nn

from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.export.patches import write_patches, write_stage_patches

RATIO = 16
LEVEL = 0.8  # of the patch when it opens


class Dummy(nn.Module):
    """A conforming nn~ model with an attribute of every type."""

    def __init__(self):
        super().__init__()
        for name, shape in {
            "forward": (1, 1, 1, 1),
            "encode": (1, 1, 2, RATIO),
            "decode": (2, RATIO, 1, 1),
        }.items():
            self.register_buffer(f"{name}_params", torch.tensor(shape))
        for name, codes in {
            "gain": (2,), "steps": (1,), "freeze": (1,), "hold": (0,), "mode": (3,),
            "spin": (2, 2), "gains": (2,) * 6, "mask": (4,),
        }.items():  # fmt: skip
            self.register_buffer(f"{name}_params", torch.tensor(codes))
        self.register_buffer("state", torch.zeros(8))
        self.state[0] = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return x * self.state.sum()

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        y = x[:, :, ::16]
        return torch.cat((y, 2 * y), 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return (z[:, :1] + 10 * z[:, 1:]).repeat_interleave(16, -1)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["gain", "steps", "freeze", "hold", "mode", "spin", "gains", "mask"]

    @torch.jit.export
    def get_buffer_attributes(self) -> list[str]:
        return ["mask#0"]

    def _put(self, place: int, value: float) -> int:
        self.state[place] = value
        return 0

    @torch.jit.export
    def set_gain(self, v: float) -> int:
        return self._put(0, v)

    @torch.jit.export
    def set_steps(self, v: int) -> int:
        return self._put(1, float(v - 3) / 16)

    @torch.jit.export
    def set_freeze(self, v: int) -> int:
        return self._put(2, float(v) / 32)

    @torch.jit.export
    def set_hold(self, v: bool) -> int:
        return self._put(3, float(v) / 64)

    @torch.jit.export
    def set_mode(self, v: str) -> int:
        known = ["low pass", "0.5", "a;b,$1"]
        if v not in known:
            return -1
        return self._put(4, float(known.index(v)) / 128)

    @torch.jit.export
    def set_spin(self, a: float, b: float) -> int:
        return self._put(5, (a - 1) + 8 * b)

    @torch.jit.export
    def set_gains(self, a: float, b: float, c: float, d: float, e: float, f: float) -> int:
        return self._put(6, (a - 1) + 2 * (b - 1) + 3 * (c - 1) + 4 * (d - 1) + 5 * (e - 1) + f - 1)

    @torch.jit.export
    def set_mask(self, v: Tensor) -> int:
        if v.numel() != 6:
            return -1
        return self._put(7, float((v.flatten() - 1).sum()) * 4)


CHOICES = ("low pass", "0.5", "a;b,$1")
INFO = FileInfo(
    "dummy",
    (
        MethodInfo("encode", 1, 1, 2, RATIO),
        MethodInfo("decode", 2, RATIO, 1, 1),
        MethodInfo("forward", 1, 1, 1, 1),
    ),
    (
        AttributeInfo("gain", "float", ("float",), (1.0,), 0.0, 4.0, bends=("Scale on a",)),
        # one card for a bend with a slider, two switches and a menu
        AttributeInfo("steps", "int", ("int",), (3,), 0, 12, bend="wet"),
        AttributeInfo("freeze", "bool", ("int",), (0,), bend="wet"),
        AttributeInfo("hold", "bool", ("bool",), (0,), bend="wet"),
        AttributeInfo("mode", "choice", ("str",), ("low pass",), choices=CHOICES, bend="wet"),
        AttributeInfo("spin", "complex", ("float", "float"), (1.0, 0.0)),
        AttributeInfo("gains", "vector", ("float",) * 6, (1.0,) * 6, 0.0, 2.0),
        AttributeInfo("mask", "vector", ("tensor",), (1.0,) * 6, 0.0, 1.0),
    ),
    SAMPLE_RATE,
)
ODD = "dark choir (v2), $1; x"
MOVES = {
    "gain 2.5": 1.5, "gain 99": 3.0, "steps 5": 2 / 16, "steps 5.4": 2 / 16, "freeze 1": 1 / 32,
    "hold 1": 1 / 64, "mode 1": 1 / 128, "mode 2": 2 / 128, "spin/0 1.5": 0.5, "spin/1 0.25": 2.0,
    "gains/3 0.5": -2.0, "gains 1 1 0 1 1 0": -4.0, "mask/2 0.5": -2.0, "mask 1 1 1 0 1 1": -4.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def dummy():
    return torch.jit.script(Dummy().eval())


def ones(seconds):
    return torch.ones(1, int(seconds * SAMPLE_RATE))


def at(run, seconds):
    return run.sound[:, int(seconds * SAMPLE_RATE)]


@pytest.mark.parametrize("stem", ["dummy", ODD], ids=["plain", "odd"])
def test_every_control_is_heard_and_reset_takes_it_back(dummy, tmp_path, stem):
    dummy.save(str(tmp_path / f"{stem}.ts"))
    patch, _ = write_patches(INFO, tmp_path / f"{stem}.ts")
    text = patch.read_text()
    base = re.search(r"(tb/[^/ ]+)/:reset", text)[1]
    messages = []
    for place, move in enumerate(MOVES):
        messages += [(0.3 + 0.4 * place, f"{base}/{move}")]
        messages += [(0.5 + 0.4 * place, f"{base}/:reset bang")]
    seconds = 0.7 + 0.4 * len(MOVES)
    run = run_pd(patch, seconds, sound=ones(seconds), messages=messages)
    assert not run.errors
    neutral = at(run, 0.29)
    assert neutral == pytest.approx([LEVEL, LEVEL], abs=1e-6)
    for place, (move, amount) in enumerate(MOVES.items()):
        heard = at(run, 0.49 + 0.4 * place)
        assert heard.tolist() == pytest.approx([LEVEL * (1 + amount)] * 2, abs=1e-4), move
        assert torch.equal(at(run, 0.69 + 0.4 * place), neutral), move


def test_the_column_on_the_left(dummy, tmp_path):
    dummy.save(str(tmp_path / "dummy.ts"))
    patch, _ = write_patches(INFO, tmp_path / "dummy.ts")
    steps = [
        (0.3, "tb/dummy/gain 3", LEVEL * 3),
        (0.6, "tb/dummy/:mix 0.5", LEVEL * 2),
        (0.9, "tb/dummy/:level 0.5", 0.5 * 2),
        (1.2, "tb/dummy/:reload bang", 0.5 * 2),  # and the gain is said again
        (1.5, "tb/dummy/:buffer 3", 0.5 * 2),
        (1.8, "tb/dummy/:enable 0", 0.5 * 0.5),  # only the dry half
        (2.1, "tb/dummy/:mic 0", 0.0),
    ]
    run = run_pd(patch, 2.5, sound=ones(2.5), messages=[step[:2] for step in steps])
    assert not run.errors
    for when, name, level in steps:
        heard = at(run, when + 0.28).tolist()
        assert heard == pytest.approx([level] * 2, abs=1e-4), name


def test_encoded_latents_are_moved_and_decoded(dummy, tmp_path):
    dummy.save(str(tmp_path / "dummy.ts"))
    patch, _ = write_patches(INFO, tmp_path / "dummy.ts")
    steps = [
        (0.3, "tb/dummy/:enable 0", 0.0),
        (0.6, "tb/dummy/decode:enable 1", 0.0),
        (0.9, "tb/dummy/decode:in/1 0.25", 2.5),
        (1.2, "tb/dummy/encode:enable 1", 2.5 + 1 + 20),
        (1.5, "tb/dummy/:reset bang", 21.0),
        (1.8, "tb/dummy/encode:enable 0", 0.0),
    ]
    run = run_pd(patch, 2.2, sound=ones(2.2), messages=[step[:2] for step in steps])
    assert not run.errors
    for when, name, sound in steps:
        heard = at(run, when + 0.28).tolist()
        assert heard == pytest.approx([LEVEL * sound] * 2, rel=1e-4), name


def test_a_file_that_only_decodes_has_its_latents_on_the_panel(dummy, tmp_path):
    dummy.save(str(tmp_path / "dummy.ts"))
    info = FileInfo("dummy", INFO.methods[1:2], INFO.attributes)
    patch, _ = write_patches(info, tmp_path / "dummy.ts")
    run = run_pd(patch, 1.0, messages=[(0.3, "tb/dummy/decode:in/0 0.5")])
    assert not run.errors
    assert at(run, 0.29).tolist() == [0.0, 0.0]
    assert at(run, 0.9).tolist() == pytest.approx([LEVEL * 0.5] * 2)


def test_two_exports_at_once_and_the_names_for_other_patches(dummy, tmp_path):
    for stem in ("one", "two"):
        dummy.save(str(tmp_path / f"{stem}.ts"))
        write_patches(INFO, tmp_path / f"{stem}.ts")
    lines = ["#N canvas 0 0 300 300 12;", "#X obj 10 10 one;", "#X obj 10 60 two;",
             "#X obj 10 110 dac~ 1 2;", "#X obj 10 160 sig~ 1;"]  # fmt: skip
    for place, stem in enumerate(("one", "two")):
        lines += [f"#X obj 10 210 throw~ tb/{stem}/:in/0;", f"#X obj 10 260 r~ tb/{stem}/:out/0;"]
        lines += [f"#X connect 3 0 {4 + 2 * place} 0;", f"#X connect {5 + 2 * place} 0 2 {place};"]
    messages = [(0.3, "tb/two/gain 3"), (0.6, "tb/one/:reset bang"), (0.9, "tb/two/:reset bang")]
    run = run_pd("\n".join(lines) + "\n", 1.2, folder=tmp_path, messages=messages)
    assert not run.errors
    for when, heard in ((0.29, (1, 1)), (0.59, (1, 3)), (0.89, (1, 3)), (1.19, (1, 1))):
        assert at(run, when).tolist() == pytest.approx([LEVEL * x for x in heard], abs=1e-6)


def test_help_and_performance_open(tmp_path):
    for path in write_stage_patches(tmp_path):
        if path.suffix == ".pd":
            assert not run_pd(path, 0.3).errors


def test_the_performance_patch_plays_a_chosen_file(dummy, tmp_path):
    dummy.save(str(tmp_path / "my dummy.ts"))
    patch = next(p for p in write_stage_patches(tmp_path) if p.name == "torchbend-performance.pd")
    file = str(tmp_path / "my\\ dummy.ts")
    steps = [
        (0.2, f"tb/performance/:file symbol {file}", LEVEL),
        (0.5, "tb/performance/knob:name/1 symbol gain", LEVEL),
        (0.6, "tb/performance/knob:high/1 4", LEVEL * 0),
        (0.9, "tb/performance/knob/1 0.5", LEVEL * 2),
        (1.2, "tb/performance/:store 3", LEVEL * 2),
        (1.5, "tb/performance/knob/1 0.25", LEVEL),
        (1.8, "tb/performance/knob:name/1 symbol -", LEVEL),
        (2.1, "tb/performance/knob/1 1", LEVEL),
        (2.4, "tb/performance/:recall 3", LEVEL * 2),
        (2.7, "tb/performance/:recall 6", LEVEL * 2),  # an empty one
    ]
    run = run_pd(patch, 3.1, sound=ones(3.1), messages=[step[:2] for step in steps])
    assert not run.errors
    for (_, name, level), following in zip(steps, [*steps[1:], (3.0,)], strict=True):
        heard = at(run, following[0] - 0.02).tolist()
        assert heard == pytest.approx([level] * 2, abs=1e-4), name


def test_the_folder_has_what_the_code_writes(tmp_path):
    folder = Path(__file__).parents[2] / "patches"
    for path in write_stage_patches(tmp_path):
        assert (folder / path.name).read_text() == path.read_text(), path.name
