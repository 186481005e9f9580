"""Rendering offline: what the file alone plays, bit for bit, with the strip around it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from audio_support import delayed, noise
from small_file import small_file
from torch import nn

import torchbend as tb
from torchbend.errors import LiveError, TorchbendError
from torchbend.realtime.render import render
from torchbend.realtime.worker.execution import live_torch

PLAIN = {"/dc": False, "/limiter": False}
ONE = """
def forward(self, x: Tensor) -> Tensor:
    return x * self.gain
"""
GRAIN = """
def forward(self, x: Tensor) -> Tensor:
    return x * self.gain + 0.01 * torch.randn_like(x)
"""


class Squashed(nn.Module):
    def forward(self, x):
        return torch.tanh(2 * x)


def clip(x):
    return torch.tensor(x.detach().numpy().clip(-0.1, 0.1))  # numpy: no TorchScript


def read(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def alone(path, sound, block, **settings):
    """The file by itself, by torch."""
    module = torch.jit.load(str(path))
    for name, value in settings.items():
        assert getattr(module, f"set_{name}")(value) == 0
    padded = np.pad(sound, ((0, -len(sound) % block), (0, 0)))
    with torch.inference_mode(), live_torch():
        blocks = torch.split(torch.from_numpy(padded), block)
        made = [module.forward(b.T[None])[0].T.clone() for b in blocks]
    return torch.cat(made).numpy()[: len(sound)]


def rendered(path, sound, out, **settings):
    values = {**PLAIN, **settings.pop("values", {})}
    return read(render(path, sound, out / "out.wav", values=values, **settings))


@pytest.mark.parametrize("device_block", [64, 256, 480])
@pytest.mark.parametrize("model_block", [64, 1024])
def test_it_is_the_file_bit_for_bit(echo_file, tmp_path, device_block, model_block):
    sound = noise(5000, 1)
    made = rendered(echo_file, sound, tmp_path, device_block=device_block, model_block=model_block)
    assert made.shape == (5000, 2)
    assert np.array_equal(made[:, 0], made[:, 1])
    assert np.array_equal(made[:, :1], alone(echo_file, sound, model_block))


def test_as_late_as_live(echo_file, tmp_path):
    sound, blocks = noise(5000, 1), {"device_block": 256, "model_block": 1024}
    made = rendered(echo_file, sound, tmp_path, trim=False, **blocks)
    late = 1024 - 256 + 256  # one device block is granted
    assert len(made) == 5000 + late
    expected = delayed(np.pad(alone(echo_file, sound, 1024), ((0, late), (0, 0))), late)
    assert np.array_equal(made[:, :1], expected)


def test_controls_are_set_from_the_first_frame(echo_file, tmp_path):
    sound = noise(4096, 1)
    values = {"haze": 0.5, "/gain/out": -6.0, "/gain/in": (-12.0,)}
    made = rendered(echo_file, sound, tmp_path, values=values, model_block=512)
    quiet = (sound * np.float32(10 ** (-12 / 20))).astype(np.float32)
    expected = alone(echo_file, quiet, 512, haze=0.5) * 10 ** (-6 / 20)
    np.testing.assert_allclose(made[:, :1], expected, atol=1e-6)


def test_bends_are_set_by_what_python_calls_them_or_where_they_are(bends_file, tmp_path):
    sound = noise(4096, 1)
    moved = {"fold_amount": 0.25, "worn_bypass": 1, "echo_amount": 0.0, "edge": 0.5}
    values = {"fold_amount": 0.25, "/bend/worn/bypass": True, "echo/amount": 0.0, "edge": 0.5}
    made = rendered(bends_file, sound, tmp_path, values=values, model_block=512)
    expected = alone(bends_file, sound, 512, **moved)
    # The file glides to them in its first block; here nobody had heard the old ones.
    np.testing.assert_allclose(made[512:, :1], expected[512:], atol=1e-6)
    assert not np.allclose(expected, alone(bends_file, sound, 512), atol=1e-3)


def test_dry_lies_under_wet_where_the_model_answers(tmp_path):
    """A file that is only a gain: dry and wet are the same sound at the same time."""
    gain = small_file(tmp_path / "gain.ts", {"forward": ONE})
    sound = noise(4096, 1)
    made = rendered(gain, sound, tmp_path, values={"/drywet": 0.5}, model_block=512)
    np.testing.assert_allclose(made[:, :1], sound, atol=1e-6)


def test_noise_in_the_model_is_the_same_each_time(tmp_path):
    grain = small_file(tmp_path / "grain.ts", {"forward": GRAIN})
    sound = noise(3000, 1)
    torch.manual_seed(1)
    first = rendered(grain, sound, tmp_path, model_block=512)
    torch.manual_seed(2)
    again = rendered(grain, sound, tmp_path, model_block=512)
    assert np.array_equal(first, again)
    assert not np.allclose(first[:, :1], sound, atol=1e-3)


def test_torch_is_left_as_it_was(echo_file, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        rendered(echo_file, noise(1000, 1), tmp_path)
        assert torch.get_num_threads() == 2
        assert torch._C._jit_set_profiling_mode(True) is True
        assert float(torch.tensor(1e-40) * torch.tensor(1.0)) > 0
        assert torch.equal(torch.rand(3), expected)
    finally:
        torch.set_num_threads(threads)


def test_so_many_seconds(echo_file, tmp_path):
    sound = noise(4800, 1)
    longer = rendered(echo_file, sound, tmp_path, seconds=0.2, model_block=512)
    assert len(longer) == 9600
    assert np.array_equal(longer[:4800], rendered(echo_file, sound, tmp_path, model_block=512))
    assert not longer[4900:].any()
    assert len(rendered(echo_file, sound, tmp_path, seconds=0.05)) == 2400
    assert len(rendered(echo_file, "none", tmp_path, seconds=0.1)) == 4800


def test_a_decoder_alone_needs_no_input(coder_file, tmp_path):
    values = {"/latent/0": 0.5, "/latent/1": 1.0}
    asked = {"method": "decode", "values": values, "seconds": 0.05}
    made = rendered(coder_file, "none", tmp_path, **asked)
    np.testing.assert_allclose(made, np.ones((2400, 2)), atol=1e-6)


def test_methods_one_after_the_other(coder_file, tmp_path):
    sound = noise(2000, 1)
    both = rendered(coder_file, sound, tmp_path, method=["encode", "decode"], model_block=512)
    assert np.array_equal(both[:, :1], alone(coder_file, sound, 512))


def test_two_voices_of_a_mono_file(tmp_path):
    one = small_file(tmp_path / "one.ts", {"forward": ONE})
    sound = noise(3000, 2)
    made = rendered(one, sound, tmp_path, channels=2, values={"gain": 0.5}, model_block=512)
    assert np.array_equal(made[512:], (0.5 * sound)[512:])


def test_what_cannot_be_written_as_a_file_is_rendered_too(tmp_path):
    bended = tb.BendedModule(Squashed().eval())
    bended.trace("forward", torch.zeros(1, 1, 64))
    bended.bend(tb.Lambda(clip), "tanh")
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 2])), "tanh")
    sound = noise(3000, 1)
    made = rendered(bended, sound, tmp_path, values={"gain": 0.5})
    np.testing.assert_allclose(made[:, :1], 0.5 * np.tanh(2 * sound).clip(-0.1, 0.1), atol=1e-6)


def test_it_tells_how_far_it_is(echo_file, tmp_path):
    told = []
    sound = noise(50_000, 1)
    render(echo_file, sound, tmp_path / "a.wav", progress=lambda *now: told.append(now))
    assert told[-1] == (50_000, 50_000) and len(told) > 4
    assert told == sorted(told)


def test_what_does_not_serve_is_refused(echo_file, tmp_path):
    with pytest.raises(LiveError, match="how many seconds"):
        render(echo_file, "none", tmp_path / "a.wav")
    with pytest.raises(TorchbendError, match="hays"):
        render(echo_file, noise(100, 1), tmp_path / "a.wav", values={"hays": 1.0})
    with pytest.raises(LiveError, match="no such file"):
        render(echo_file, str(tmp_path / "none.wav"), tmp_path / "a.wav")
    assert not (tmp_path / "a.wav").exists()
