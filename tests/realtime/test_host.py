"""The live host as a whole, on the internal clock: what is heard is what the files give."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from audio_support import RATE, delayed, noise
from control_support import Surface
from host_support import coder_file, playing, until, wide_file
from small_file import small_file
from torch import Tensor, nn

import torchbend as tb
from torchbend.realtime.audio import AudioProcess
from torchbend.realtime.audio.io_process import SampleRateError

FRAMES = 12000


def repeats(part, sound) -> bool:
    """Whether it is the sound, begun anywhere and again at its end."""
    twice = np.concatenate([sound] * 3)
    (begins,) = np.flatnonzero((sound == part[0]).all(1))[:1]
    return np.array_equal(part, twice[begins : begins + len(part)])


def one_late(sound):
    """Each frame with half of the one before it, as the small file plays."""
    return sound + 0.5 * delayed(sound, 1)


@pytest.mark.slow
def test_a_filter_with_a_memory_in_the_smallest_device_block(echo_file, tmp_path):
    sound = noise(5000, 1)
    settings = {"device_block": 64, "model_block": 512, "input": sound}
    with playing(echo_file, tmp_path, **settings) as session:
        came, heard = session.next(FRAMES)
    assert repeats(came, sound)
    torch.manual_seed(3)  # as the fixture
    near = nn.Conv1d(1, 4, 9, bias=False)
    far = nn.Conv1d(4, 1, 1, bias=False)
    with torch.inference_mode():
        expected = far(torch.tanh(near(torch.from_numpy(came.T)[None])))[0].T
    assert heard.shape == (FRAMES, 2)
    for channel in heard.T:
        np.testing.assert_allclose(channel[8:], expected[:, 0], atol=2e-6)
    assert session.status.underruns == 0


@pytest.mark.slow
def test_a_stereo_sound_file_is_two_voices_of_a_mono_model(tmp_path):
    sound = noise(7000)
    soundfile.write(tmp_path / "drums.wav", sound, RATE, subtype="FLOAT")
    model = small_file(tmp_path / "small.ts")
    settings = {"channels": 2, "model_block": 2048, "input": str(tmp_path / "drums.wav")}
    with playing(model, tmp_path, **settings) as session:
        came, heard = session.next(FRAMES)
        (state,) = session.status.models
    assert repeats(came, sound)
    np.testing.assert_array_equal(heard[1:], one_late(came)[1:])
    assert (state.name, state.block, state.methods) == ("small", 2048, ("forward",))


@pytest.mark.slow
def test_four_channels_in_a_large_device_block(tmp_path):
    """They are two voices of a model with two channels, in and out."""
    sound = noise(9000, 4)
    settings = {"channels": 4, "device_block": 1024, "model_block": 256, "input": sound}
    with playing(wide_file(tmp_path / "wide.ts"), tmp_path, **settings) as session:
        came, heard = session.next(FRAMES)
    assert repeats(came, sound)
    expected = np.stack([came[:, 1], came[:, 0] / 2, came[:, 3], came[:, 2] / 2], 1)
    np.testing.assert_array_equal(heard, expected)


def test_latents_moved_by_osc_are_heard(tmp_path):
    model = coder_file(tmp_path / "coder.ts")
    with playing(model, tmp_path, method="decode", osc_port=0) as session:
        assert not session.heard_now().any()
        with Surface(session.host.surface.osc.place) as knobs:
            knobs.send("/latent/0", 0.5)
            knobs.send("/latent/1", -0.5)
            until(lambda: session.heard_now(256)[-1, 0] == 0.25)
            knobs.send("/latent/scale", 0.0)  # of the latents that came: there are none
            knobs.send("/bend/gain", 2.0)
            until(lambda: session.heard_now(256)[-1, 0] == 0.5)
    assert session.host.surface.tree.controls["/latent/1"].description == "added to minus"


@pytest.mark.parametrize(
    "together", [pytest.param("two files", marks=pytest.mark.slow), "two methods"]
)
def test_an_encoder_before_a_decoder_with_the_desk_between(together, tmp_path):
    models = coder_file(tmp_path / "coder.ts")
    if together == "two files":
        models = [models, models]
    settings = {"method": ("encode", "decode"), "model_block": 256, "input": noise(5000, 1)}
    with playing(models, tmp_path, **settings) as session:
        start = session.origin + 64 * 256
        came, heard = session.next(FRAMES, start)
        taken = came[::4, 0].repeat(4)
        np.testing.assert_allclose(heard[:, 0], taken - 0.5 * taken, atol=1e-7)
        bend = "/bend/coder-2/gain" if together == "two files" else "/bend/gain"
        session.host.set(bend, 0.5)
        session.host.set("/latent/0", 0.125)
        gain = 0.25 if together == "two methods" else 0.5  # that of both methods, or of one
        bias = 0.125 * 0.5
        position = session.host.memory.position

        def is_bent() -> bool:
            begin = session.origin + (session.host.memory.position - session.origin) // 256 * 256
            came, heard = session.next(1024, begin)
            taken = came[::4, 0].repeat(4)
            return np.allclose(heard[:, 0], gain * taken / 2 + bias, atol=1e-6)

        until(is_bent)
        assert session.host.memory.position - position < 5 * RATE
        assert session.status.models[0].methods == ("encode", "decode")


class Shaper(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


def fold(x: Tensor, name: str | None = None) -> Tensor:
    return torch.from_numpy(np.abs(x.numpy()))


def test_what_cannot_be_scripted_plays_in_this_process(tmp_path):
    bended = tb.BendedModule(Shaper())
    bended.trace(x=torch.zeros(1, 1, 64))
    bended.bend(tb.Bend(tb.Lambda(fold), name="up"), "tanh")
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0, range=[0, 4])), "tanh")
    with playing(bended, tmp_path, input=noise(5000, 1)) as session:
        came, heard = session.next(FRAMES)
        np.testing.assert_allclose(heard[:, 0], np.abs(np.tanh(came[:, 0])), atol=1e-6)
        assert session.said("plays in this process")
        assert session.status.models[0].where == "in process"
        session.host.set("gain", 0.5)
        session.host.set("up_amount", 0.5)

        def is_bent(amount: float) -> bool:
            came, heard = session.next(512)
            plain = np.tanh(came[:, 0])
            bent = plain + amount * (np.abs(plain) - plain)
            return np.allclose(heard[:, 0], 0.5 * bent, atol=1e-6)

        until(lambda: is_bent(0.5))
        session.host.set("/bend/up/bypass", True)
        until(lambda: is_bent(0.0))


class At44100(AudioProcess):
    """A device that has one rate."""

    def start(self, timeout=10.0):
        if self.memory.sample_rate != 44100:
            raise SampleRateError("device 'Old' runs at 44100", 44100)
        return super().start(timeout)


@pytest.mark.slow
def test_a_device_at_another_rate_than_the_model(tmp_path, monkeypatch):
    monkeypatch.setattr("torchbend.realtime.stage.AudioProcess", At44100)
    at = np.arange(44100)[:, None] / 44100
    tones = 0.2 * sum(np.sin(2 * np.pi * f * at + f) for f in (110, 1000, 9000))
    model = small_file(tmp_path / "small.ts", {"forward": LOUDER})
    with playing(model, tmp_path, input=tones.astype(np.float32)) as session:
        came, heard = session.next(FRAMES)
        assert session.said("resampled")
        report = session.host.latency()
    assert report.sample_rate == 44100 and report.resampler > 0
    np.testing.assert_allclose(heard[:, 0], 1.5 * came[:, 0], atol=1e-3)


LOUDER = """
def forward(self, x: Tensor) -> Tensor:
    return 1.5 * x * self.gain
"""
