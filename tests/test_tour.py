"""The demo's tour: what it writes, and that it is what it says."""

from __future__ import annotations

import copy
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.demo import output, tour
from torchbend.threads import one_thread

SYNTH = ["synth-plain", "synth-f0", "synth-fmult", "synth-shaper", "synth-mask", "synth-bell"]
RAVE = ["rave-plain", "rave-scale", "rave-mask", "rave-permute", "rave-bands", "rave-tide"]


def sines(*hz: float) -> Tensor:
    t = torch.arange(3 * 44100) / 44100
    return torch.stack([torch.sin(2 * torch.pi * f * t) for f in hz]).sum(0) / 4


def read(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 44100)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


@pytest.fixture(scope="module")
def synth() -> dict[str, Tensor]:
    return {take.setup.stem: take.sound for take in tour._synthesizer()}


@pytest.fixture
def no_rave(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise tb.TorchbendError("RAVE is not installed. Install it with: torchbend install rave")

    monkeypatch.setattr(tour, "_rave", missing)


@pytest.mark.parametrize(
    ("stem", "hz"),
    [
        ("synth-plain", (110, 220, 330, 440)),
        ("synth-f0", (440, 880, 1320, 1760)),
        ("synth-fmult", (143, 286, 429, 572)),
        ("synth-mask", (330, 440)),
    ],
)
def test_the_synthesizer_bent_is_the_sum_of_sines_that_it_says(
    stem: str, hz: tuple[float, ...], synth: dict[str, Tensor]
) -> None:
    torch.testing.assert_close(synth[stem], sines(*hz), atol=5e-3, rtol=0)


def test_without_rave_it_says_how_to_install_it_and_plays_the_rest(
    no_rave: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tour.main(tmp_path / "new" / "folder")
    written = sorted(p.name for p in (tmp_path / "new" / "folder").iterdir())
    assert written == sorted(["spectrograms.png", *(f"{stem}.wav" for stem in SYNTH)])
    said = capsys.readouterr().out
    assert "torchbend install rave" in said
    assert "Scale(scale=4.0) on f0" in said
    assert "docs/quickstart.ipynb" in said


def test_without_matplotlib_nothing_is_written(
    no_rave: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match="matplotlib"):
        tour.main(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_is_at_minus_1_db_whatever_the_level(tmp_path: Path) -> None:
    for level in (1e-4, 1.0, 50.0):
        output.write_wav(tmp_path / "a.wav", level * sines(440), 44100)
        assert np.abs(read(tmp_path / "a.wav")).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    output.write_wav(tmp_path / "a.wav", torch.zeros(44100), 44100)
    assert not read(tmp_path / "a.wav").any()


def test_the_pattern_is_whole_blocks_and_always_the_same() -> None:
    before = torch.random.get_rng_state()
    pattern = tour._pattern(2.0)
    assert len(pattern) % tour.BLOCK_FRAMES == 0
    assert pattern.abs().max() == 1
    assert torch.equal(pattern, tour._pattern(2.0))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.rave
@pytest.mark.slow
def test_the_whole_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.random.get_rng_state()
    tour.main(tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())

    stems = [*SYNTH, *RAVE, "rave-input"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["spectrograms.png", *(f"{stem}.wav" for stem in stems)]
    )
    sounds = {stem: read(tmp_path / f"{stem}.wav") for stem in stems}
    for stem, sound in sounds.items():
        assert len(sound) / 44100 == pytest.approx(3 if stem in SYNTH else 6, abs=0.05), stem
        assert np.abs(sound).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3), stem
        assert sound.std() > 0.05, stem
    for stems in (SYNTH, RAVE):
        plain = sounds[stems[0]]
        for stem in stems[1:]:
            assert (sounds[stem] - plain).std() > 0.3 * plain.std(), stem

    said = capsys.readouterr().out
    assert all(f"{stem}.wav" in said for stem in sounds)
    assert "Bias(bias=1.5 * tide) on decode:conv1d$" in said
    assert (tmp_path / "spectrograms.png").read_bytes()[:4] == b"\x89PNG"


@pytest.fixture(scope="module")
def played() -> tuple[nn.Module, Tensor]:
    """A RAVE with its levels set, and a second to play through it."""
    model, sound = tour._rave(), tour._pattern(1.0)
    tour._level_layers(model, sound)
    return model, sound


@pytest.mark.rave
def test_rave_through_the_demo_is_the_model_itself_played_in_blocks(
    played: tuple[nn.Module, Tensor],
) -> None:
    model, sound = copy.deepcopy(played[0]), played[1]
    plain = tour.Setup("", "", "")
    with tour._seeded(), one_thread(), torch.no_grad():
        heard = tour._stream(model, sound, plain)
    with tour._seeded(), one_thread(), torch.no_grad():
        again = tour._stream(model, sound, plain)
    blocks = sound.reshape(-1, 1, 1, tour.BLOCK_FRAMES)
    with tour._seeded(), one_thread(), torch.no_grad():
        expected = torch.cat([model.decode(model.encode(b)[:, :128]) for b in blocks], -1).flatten()
    assert torch.equal(heard, again)
    assert expected.std() > 0.01
    assert (heard - expected).std() < 0.02 * expected.std()  # apart from the noise drawn


@pytest.mark.rave
def test_the_live_control_moves_the_bands(played: tuple[nn.Module, Tensor]) -> None:
    """As many of the 16 bands are silent as the control says, by a transform of our own."""
    model, sound = played
    setups = {setup.stem: setup for setup in tour._rave_setups()}
    with tour._seeded(), one_thread(), torch.no_grad():
        plain = tour._stream(model, sound, setups["rave-plain"])
        bent = tour._stream(model, sound, setups["rave-bands"])
    middle = slice(len(plain) * 4 // 10, len(plain) * 6 // 10)

    def bands(wave: Tensor) -> Tensor:
        wave = wave * torch.hann_window(len(wave), periodic=False)
        energy = torch.fft.rfft(wave).abs().square()
        band = torch.linspace(0, 16, len(energy))
        return torch.stack([energy[(band - k - 0.5).abs() < 0.25].mean() for k in range(16)])

    # 16 bands, of which floor(16 * p) are open, p at most 0.2 + 0.8 * 0.2 here.
    silent = bands(bent[middle]) < 1e-3 * bands(plain[middle])
    assert silent.sum() == 16 - 5
