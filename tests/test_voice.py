"""The built-in instrument: that it sounds, streams, means what it says and stays in bounds."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import torchbend as tb
from torchbend.threads import one_thread
from torchbend.voice import (
    HOP,
    LATENTS,
    SAMPLE_RATE,
    gesture,
    load_voice,
    loop,
    performance,
    render_voice,
    voice,
    voice_bends,
)
from torchbend.voice.instrument import WEIGHTS
from torchbend.voice.sound import degree_hz, make_tone, render

ROOT = Path(__file__).parents[1]
KNOBS = {"tune", "metal", "haze", "scramble", "thin", "breath", "tail", "drive"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread(), torch.no_grad():
        yield


@pytest.fixture(scope="module")
def sound() -> Tensor:
    """Two bars of the loop, from the third on: ``(1, 1, frames)``."""
    start = 2 * SAMPLE_RATE * 60 * 4 // 92
    return loop()[None, :, start : start + 100 * 2048]


@pytest.fixture(scope="module")
def plain(sound: Tensor) -> Tensor:
    """The same, through the voice unbent."""
    return play(load_voice(), sound)


@pytest.fixture(scope="module")
def made() -> Any:
    """A bent voice, made once."""
    return voice()


@pytest.fixture
def bent(made: Any) -> Any:
    """The same with its knobs at neutral; its past is another test's."""
    for name, value in gesture(0.0).items():
        made.update(name, value)
    return made


def play(model: Any, given: Tensor, frames: int = 2048, method: str = "forward") -> Tensor:
    return torch.cat([getattr(model, method)(block) for block in given.split(frames, -1)], -1)


def level_db(x: Tensor) -> float:
    return 10 * float(x.square().mean().log10())


def spectrum(x: Tensor) -> Tensor:
    """Magnitudes ``(bins, frames)``."""
    window = torch.hann_window(2048)
    return torch.stft(x.flatten(), 2048, 512, window=window, return_complex=True).abs()


def centroid_hz(x: Tensor) -> float:
    bins = spectrum(x).sum(-1)
    return float((bins * torch.arange(1025)).sum() / bins.sum()) * SAMPLE_RATE / 2048


def flatness(x: Tensor) -> float:
    bins = spectrum(x)[20:900] + 1e-7
    return float((bins.log().mean(0).exp() / bins.mean(0)).mean())


def apart_db(x: Tensor, y: Tensor) -> float:
    """How far two sounds are from each other, as the mean over 60 dB of spectrum."""
    floor = 1e-3 * spectrum(x).max()
    return float((20 * ((spectrum(x) + floor) / (spectrum(y) + floor)).log10()).abs().mean())


def turned(bent: Any, values: dict[str, float], sound: Tensor) -> Tensor:
    """Play with knobs turned."""
    for name, value in values.items():
        bent.update(name, value)
    return play(bent, sound)


# -- the network ---------------------------------------------------------------------------
def test_the_weights_are_small_and_only_what_was_learnt() -> None:
    assert WEIGHTS.stat().st_size < 4e6
    learnt = load_file(WEIGHTS)
    assert {name.split(".")[0] for name in learnt} == {"listen", "imagine"}
    net = load_voice()
    for name, value in learnt.items():
        assert torch.equal(net.get_parameter(name), value)


def test_loading_moves_no_random_numbers() -> None:
    before = torch.random.get_rng_state()
    first, second = load_voice().state_dict(), load_voice().state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("content", [None, b"", b"not weights", "other"])
def test_weights_that_are_missing_or_others_are_named(
    content: bytes | str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "voice.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        save_file({"listen.last.bias": torch.zeros(3)}, path)
    monkeypatch.setattr("torchbend.voice.instrument.WEIGHTS", path)
    with pytest.raises(tb.TorchbendError, match=r"voice\.safetensors.*make_voice"):
        load_voice()


def test_shapes_and_batches_do_not_mix() -> None:
    x = torch.stack([loop()[:, :4096], torch.zeros(1, 4096)])
    net = load_voice()
    z = net.encode(x)
    assert z.shape == (2, len(LATENTS), 4096 // HOP)
    assert float(z.abs().max()) <= 3
    both = load_voice().forward(x)
    assert both.shape == (2, 1, 4096)
    alone = load_voice().forward(x[:1])
    torch.testing.assert_close(both[:1], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", [512, 1536, 8192])
def test_blocks_of_any_size_make_the_same_sound(sound: Tensor, frames: int) -> None:
    given = sound[..., : 24 * 2048]
    whole = load_voice()(given)
    torch.testing.assert_close(play(load_voice(), given, frames), whole, rtol=0, atol=2e-5)


def test_a_phase_does_not_slip() -> None:
    """The oscillators keep time: after ten seconds a sine is where its frequency says."""
    net = load_voice()
    sines = net.sines
    amps, still = torch.zeros(1, 96, 150), torch.zeros(1, 1, 150)
    start = float(sines.phase[0, 40, 0]) / 2**24
    blocks = 6
    for _ in range(blocks):
        sines(amps, still)
    turns = float(sines.hz[40]) * blocks * 150 * HOP / SAMPLE_RATE
    off = (float(sines.phase[0, 40, 0]) / 2**24 - start - turns) % 1
    assert min(off, 1 - off) < 0.01


# -- how it sounds -------------------------------------------------------------------------
def test_what_goes_in_is_recognised_in_what_comes_out(sound: Tensor, plain: Tensor) -> None:
    """The notes of the output follow those of the input, and not those of another bar."""
    first, later = load_voice().ear(sound), load_voice().ear(plain)
    there, here = first[0, :, 20:-2], later[0, :, 22:]
    shifted = there.roll(there.shape[-1] // 4, -1)

    def alike(x: Tensor, y: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1])

    assert alike(there, here) > 0.75
    assert alike(there, here) > alike(shifted, here) + 0.2
    assert -26 < level_db(plain) < -14
    assert float(plain.abs().max()) < 0.9


def test_the_latents_mean_what_they_are_called(sound: Tensor) -> None:
    z = load_voice().encode(sound[..., : 48 * 2048])

    def with_more(name: str, by: float) -> Tensor:
        moved = z.clone()
        moved[:, LATENTS.index(name)] += by
        return load_voice().decode(moved)

    plain = load_voice().decode(z)
    assert level_db(with_more("level", 0.8)) > level_db(plain) + 4
    assert level_db(with_more("level", -0.8)) < level_db(plain) - 4
    assert centroid_hz(with_more("bright", 1)) > 1.15 * centroid_hz(plain)
    assert centroid_hz(with_more("bright", -1)) < 0.85 * centroid_hz(plain)
    assert flatness(with_more("noise", 1)) > 1.3 * flatness(plain)


def test_pitch_moves_the_notes_by_about_an_octave() -> None:
    down, up = [], []
    for degree in (4, 7, 9, 11):
        string = render([make_tone("string", 0, 0.5, degree_hz(degree), 0.3)], 1.0)
        z = load_voice().encode(string[None, None, : 40 * HOP])[..., 20:]
        middles = []
        for by in (-1.0, 0.0, 1.0):
            moved = z.clone()
            moved[:, LATENTS.index("pitch")] += by
            power = load_voice().imagine(moved)[0][0, :, -1] ** 6
            middles.append(float((power * torch.arange(96.0)).sum() / power.sum()))
        down.append(middles[1] - middles[0])
        up.append(middles[2] - middles[1])
    assert min(down) > 0 and min(up) > 0
    assert 6 < sum(down) / 4 < 20 and 6 < sum(up) / 4 < 20  # semitones


def test_the_loop_is_music_to_go_round_in() -> None:
    first = loop()
    assert torch.equal(first, loop())
    assert not torch.equal(first, loop(seed=1))
    assert first.shape[-1] % 2048 == 0
    assert first.abs().max() == pytest.approx(0.8, abs=1e-3)
    seam = (first[0, 0] - first[0, -1]).abs()
    assert float(seam) < 0.1
    for second in first[0].split(SAMPLE_RATE)[:-1]:
        assert -30 < level_db(second) < -8


def test_it_plays_by_itself() -> None:
    z = performance(94 * 4)
    assert torch.equal(z, performance(94 * 4))
    assert not torch.equal(z, performance(94 * 4, seed=1))
    heard = play(load_voice(), z, 4, "decode")
    for second in heard.split(SAMPLE_RATE, -1):
        assert -32 < level_db(second) < -10
    assert float(heard.abs().max()) < 0.95
    assert float(spectrum(heard).sum(0).std() / spectrum(heard).sum(0).mean()) > 0.2  # a pulse


# -- bent ----------------------------------------------------------------------------------
def test_neutral_is_the_voice_to_the_bit(sound: Tensor, plain: Tensor) -> None:
    assert torch.equal(play(voice(), sound), plain)


def test_every_knob_has_a_name_a_range_and_a_neutral_start(bent: Any) -> None:
    assert set(bent.controllables) == KNOBS
    assert gesture(0.0) == gesture(1.0)
    for name, value in gesture(0.0).items():
        assert bent.controllables[name].get_value() == value
    for at in range(101):
        for name, value in gesture(at / 100).items():
            low, high = bent.controllables[name].range
            assert low <= value <= high


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_a_knob_is_heard_and_stays_in_bounds(
    name: str, bent: Any, sound: Tensor, plain: Tensor
) -> None:
    given = sound[..., : 32 * 2048]
    low, high = bent.controllables[name].range
    for value in {low, high} - {gesture(0.0)[name]}:
        heard = turned(bent, {name: value}, given)
        assert float(heard.abs().max()) <= 1
        assert -40 < level_db(heard) < -6
        assert apart_db(heard, plain[..., : 32 * 2048]) > 0.5


def test_all_knobs_at_once_stay_in_bounds(bent: Any, sound: Tensor) -> None:
    rng = random.Random(0)
    for _ in range(8):
        values = {}
        for name, knob in bent.controllables.items():
            low, high = knob.range
            values[name] = rng.choice([low, high, rng.uniform(low, high)])
        heard = turned(bent, values, sound[..., : 12 * 2048])
        assert bool(heard.isfinite().all()) and float(heard.abs().max()) <= 1
        assert level_db(heard) < -3


@pytest.mark.parametrize("method", ["forward", "decode"])
def test_ten_seconds_with_moving_knobs(bent: Any, method: str) -> None:
    heard = render_voice(10.0, method, bent)
    assert heard.shape == (1, 10 * SAMPLE_RATE // 2048 * 2048)
    assert float(heard.abs().max()) <= 1
    for second in heard.split(SAMPLE_RATE, -1)[:-1]:
        assert -40 < level_db(second) < -6


def test_scripted_it_sounds_the_same(sound: Tensor) -> None:
    bent = voice()
    bent.update("haze", 0.05)
    bent.update("thin", 0.5)
    bent.update("tune", 0.9)
    scripted = bent.script()
    given = sound[..., : 8 * 2048]
    torch.testing.assert_close(play(scripted, given), play(bent, given), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_exported_it_passes_every_check(tmp_path: Path) -> None:
    done = voice().export(tmp_path / "voice.ts")
    assert done.info.sample_rate == SAMPLE_RATE
    assert {m.name: (m.in_channels, m.in_ratio, m.out_channels) for m in done.info.methods} == {
        "encode": (1, 1, 8),
        "decode": (8, HOP, 1),
        "forward": (1, 1, 1),
    }
    assert {a.name for a in done.info.attributes} == KNOBS
    assert next(m for m in done.info.methods if m.name == "decode").input_labels == LATENTS


def test_the_bends_are_kept_as_text(tmp_path: Path, sound: Tensor) -> None:
    voice_bends().save(tmp_path / "voice.json")
    again = tb.BendedModule(load_voice())
    again.trace("forward", x=torch.zeros(1, 1, 2048))
    again.bend(tb.BendingConfig.load(tmp_path / "voice.json", again))
    ours = voice()
    for model in (again, ours):
        model.update("scramble", 0.6)
    given = sound[..., : 6 * 2048]
    assert torch.equal(play(again, given), play(ours, given))


# -- how it was made -----------------------------------------------------------------------
def test_it_is_made_by_a_script_the_same_way_twice(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_voice", ROOT / "scripts/make_voice.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules["make_voice"] = script
    try:
        spec.loader.exec_module(script)
        with torch.enable_grad():
            made = [script.make(tmp_path / f"{k}.safetensors", clips=2, steps=3) for k in "ab"]
    finally:
        del sys.modules["make_voice"]
    first, second = (load_file(path) for path in made)
    kept = load_file(WEIGHTS)
    assert {n: t.shape for n, t in first.items()} == {n: t.shape for n, t in kept.items()}
    assert all(torch.equal(first[name], second[name]) for name in first)
