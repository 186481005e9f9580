"""RAVE's own exports behind a new root: in torch, in the C++ host and in Pd, as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from files_of_others import info_of, opened, operate
from native_support import SAMPLE_RATE, probe, read_wav, run_pd, write_wav
from rave_export import rave_exported
from support import noise
from torch import Tensor

import torchbend as tb
from torchbend.bending.scripting import Scripter
from torchbend.export.attributes import of_control
from torchbend.export.check import check_in_fresh_process
from torchbend.export.file_face import build_file_face
from torchbend.interfaces._rave_build import build_rave
from torchbend.places import Place

pytestmark = [
    pytest.mark.rave,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

BLOCK = 4096
OWN = ["learn_target", "reset_target", "learn_source", "reset_source"]
PATCH = """#N canvas 0 0 400 300 10;
#X obj 10 10 adc~;
#X obj 10 50 nn~ ours forward 4096;
#X obj 10 90 dac~ 1;
#X obj 90 10 r nn;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 3 0 1 0;
"""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums of convolutions may be ordered otherwise on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["v2_small", "v2_small+adain"])
def files(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """RAVE's own export, and the same with a knob on the output of forward."""
    folder = tmp_path_factory.mktemp(request.param)
    theirs = rave_exported(build_rave(request.param, seed=0), folder / "theirs.ts")
    return theirs, with_knob(theirs, folder / "ours.ts")


def with_knob(theirs: Path, ours: Path) -> Path:
    parameter = tb.BendingParameter("loud", 1.0, range=[0, 2])
    scripter = Scripter([parameter])
    place = Place("y", "activation", (1, 1, BLOCK), torch.float32, "forward", "call_module")
    kernel = scripter.kernel(tb.Scale(parameter).kernel(place))
    model = opened(theirs)
    operate(model, "forward", kernel, "_bend0")
    info = info_of(theirs)
    control = of_control(parameter, scripter.controls()["loud"], (), ("Scale",), None)
    torch.jit.save(build_file_face(model, info, [control], None), str(ours))
    return ours


def play(module: Any, method: str, x: Tensor, seed: int = 3) -> Tensor:
    torch.default_generator.manual_seed(seed)
    with torch.inference_mode():
        outs = [getattr(module, method)(part.clone()).clone() for part in x.split(BLOCK, -1)]
    return torch.cat(outs, -1).clone()


def test_sound_state_and_names_are_the_same(files):
    a, b = map(opened, files)
    assert b.get_methods() == ["encode", "decode", "forward"]
    for method in b.get_methods():
        channels = int(getattr(a, f"{method}_params")[0])
        x = 0.3 * noise(1, channels, 3 * BLOCK if method != "decode" else 12)
        assert torch.equal(play(a, method, x), play(b, method, x)), method
    mine, kept = dict(a.named_buffers()), dict(b.named_buffers())
    assert kept.keys() - mine.keys() == {"loud_params"}
    assert all(torch.equal(mine[name], kept[name]) for name in mine)
    assert [n for n, _ in a.named_parameters()] == [n for n, _ in b.named_parameters()]
    assert files[1].stat().st_size < 1.01 * files[0].stat().st_size


def test_every_knob_old_and_new(files):
    module = opened(files[1])
    assert module.get_attributes() == [*OWN, "loud"]
    for name in OWN:
        for value in (True, False):
            assert getattr(module, f"set_{name}")(value) == 0
            assert getattr(module, f"get_{name}")() == [value]
    assert module.set_loud(0.5) == 0
    x = 0.3 * noise(1, 1, 2 * BLOCK)
    assert torch.equal(play(module, "forward", x), 0.5 * play(opened(files[0]), "forward", x))


def test_settings_act_on_the_model_and_the_model_on_them(files):
    a, b = map(opened, files)
    x = 0.3 * noise(1, 1, 2 * BLOCK)
    learning = []
    for name, value in (("learn_source", True), ("learn_source", False), ("reset_source", True)):
        for module in (a, b):
            assert getattr(module, f"set_{name}")(value) == 0
            module.update_adain()
        learning.append(float(b.fake_adain.learn_x))
        assert torch.equal(play(a, "forward", x), play(b, "forward", x))
        kept = dict(b.named_buffers())
        assert all(torch.equal(buffer, kept[n]) for n, buffer in a.named_buffers())
    assert learning == [1.0, 0.0, 0.0]
    assert b.get_reset_source() == [False]  # the model took it back


def test_it_passes_the_check(files):
    report = check_in_fresh_process(files[1])
    assert report.ok, str(report)


def test_it_plays_in_the_probe_and_in_pd(files, tmp_path):
    theirs, ours = files
    x = 0.3 * noise(1, SAMPLE_RATE)
    whole = SAMPLE_RATE // BLOCK * BLOCK
    want = play(opened(theirs), "forward", x[None, :, :whole])[0]
    options = ["--block", BLOCK, "--seed", 3, "--threads", 1, "--method", "forward"]
    sound = write_wav(tmp_path / "x.wav", x)
    probe("render", ours, sound, tmp_path / "y.wav", *options)
    assert torch.equal(read_wav(tmp_path / "y.wav")[:, :whole], want)
    run = run_pd(PATCH, 1.0, folder=ours.parent, sound=x, seed=3)
    assert run.errors == []
    late = 2 * BLOCK - 64
    heard = run.sound[:, late:]
    assert want.abs().max() > 1e-3
    assert torch.equal(heard, want[:, : heard.shape[1]])
    halved = run_pd(
        PATCH, 1.0, folder=ours.parent, sound=x, seed=3, messages=[(0.0, "nn set loud 0.5")]
    )
    assert halved.errors == []
    assert torch.equal(halved.sound[:, 2 * late :], 0.5 * run.sound[:, 2 * late :])
    said = run_pd(PATCH, 0.5, folder=ours.parent, messages=[(0.1, "nn set learn_target 1")])
    assert said.errors == []
