"""BendedRAVE plays what RAVE's own exporter makes of the same run, bit for bit."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rave_export import rave_exported, rave_model, rave_scripted, silence
from support import equal, noise
from torch import Tensor

import torchbend as tb
from torchbend.errors import TorchbendError
from torchbend.interfaces._rave_build import save_run
from torchbend.interfaces.rave import BendedRAVE

pytestmark = [
    pytest.mark.rave,
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

METHODS = ("encode", "decode", "forward")
BLOCKS = [(1, 4), (4, 2), (1, 1), (2, 4), (1, 8)]  # rows, frames of latents

Runs = Callable[..., Path]


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    @cache
    def make(config: str, channels: int) -> Path:
        return save_run(tmp_path_factory.mktemp("run"), config, channels=channels, seed=1)

    return lambda config, channels=1: make(config, channels)


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def opened(run_of: Runs) -> Callable[..., BendedRAVE]:
    """Runs opened once, for tests that neither play nor bend."""
    return cache(lambda config="v2_small", channels=1: BendedRAVE(run_of(config, channels)))


def reloaded(module: torch.jit.ScriptModule) -> Any:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


def block(m: BendedRAVE, fn: str, rows: int, frames: int, seed: int) -> Tensor:
    if fn == "decode":
        loud = 300.0 if type(m.module).__name__ == "DiscreteRAVE" else 1.0  # up to 1023
        return noise(rows, m.latent_size, frames, seed=seed) * loud
    return noise(rows, m.channels, frames * m.ratio, seed=seed) * 0.3


def same_bits(a: Tensor, b: Tensor) -> bool:
    """A spherical RAVE makes NaN of the silence that it starts from, and here there is none."""
    return a.shape == b.shape and bool(((a == b) | (a.isfinite() & b.isnan())).all())


def play(m: BendedRAVE, theirs: Any, *ours: Any) -> None:
    for seed, (rows, frames) in enumerate(BLOCKS):
        for fn in METHODS:
            x = block(m, fn, rows, frames, seed)
            torch.manual_seed(seed)
            want = getattr(theirs, fn)(x)
            for who in (m, *ours):
                torch.manual_seed(seed)
                got = getattr(who, fn)(x)
                assert same_bits(got, want), (fn, rows, frames, type(who).__name__)
    assert want.isfinite().all() and bool(want.any())


FAST = {
    "v2_small": ("v2_small", 1, {}),
}
SLOW = {
    "adain": ("v2_small+adain", 1, {}),
    "stereo": ("v2_small", 2, {}),
    "wasserstein": ("v2_small+wasserstein", 1, {}),
    "spherical": ("v2_small+spherical", 1, {}),
    "v1": ("v1", 1, {}),
    "raspberry": ("raspberry", 1, {}),
    "v2": ("v2", 1, {}),
    "v3": ("v3", 1, {}),
    "discrete": ("discrete", 1, {}),
    "discrete stereo": ("discrete", 2, {}),
    "adain stereo": ("v2_small+adain", 2, {}),
    "mel": ("v2_with_augs", 1, {}),
    "stereo to mono": ("v2_small", 2, {"channels": 1}),
    "resampled": ("v2_small", 1, {"sample_rate": 88200}),
    "fewer latents": ("v2_small", 1, {"fidelity": 0.5}),
}


@pytest.mark.parametrize(
    ("config", "channels", "settings"),
    [
        *(pytest.param(*case, id=name) for name, case in FAST.items()),
        *(pytest.param(*case, id=name, marks=pytest.mark.slow) for name, case in SLOW.items()),
    ],
)
def test_it_plays_what_raves_exporter_plays(
    config: str, channels: int, settings: dict[str, Any], run_of: Runs, tmp_path: Path
) -> None:
    run = run_of(config, channels)
    m = BendedRAVE(run, **settings)
    assert m.traced_methods == list(METHODS)
    assert [m.graph(fn).flow_steps is not None for fn in METHODS]  # graphs, not hooks
    file = rave_exported(rave_model(run, channels=channels), tmp_path / "theirs.ts", **settings)
    theirs: Any = torch.jit.load(str(file))
    silence(theirs)
    for fn in METHODS:
        own = [m.channels, 1, m.output_channels, 1]
        if fn == "encode":
            own[2:] = [m.latent_size, m.ratio]
        if fn == "decode":
            own[:2] = [m.latent_size, m.ratio]
        assert getattr(theirs, f"{fn}_params").tolist() == own
        labels = m.export_hints().labels[fn]
        assert list(labels[0]) == getattr(theirs, f"{fn}_input_labels")
        assert list(labels[1]) == getattr(theirs, f"{fn}_output_labels")
    # The graphs themselves too, which run where something is bent.
    bent = BendedRAVE(run, **settings)
    for fn in METHODS:
        last = [n for n, p in bent.activations(fn).items() if not p.state][-1]
        bent.bend(tb.Scale(1.0), f"{fn}:{last}$")
        assert bent.bended_keys(fn)
    play(m, theirs, reloaded(m.script()), bent)


@pytest.mark.slow
def test_recurrent_decoders_play_as_raves(run_of: Runs) -> None:
    # A GRU multiplies in another order where its weights want gradients, as RAVE's still do.
    theirs = rave_scripted(rave_model(run_of("hybrid"))).requires_grad_(False)
    silence(theirs)
    m = BendedRAVE(run_of("hybrid"))
    assert "decoder.net.0.gru.weight_ih_l0" in m.weight_names
    play(m, theirs, reloaded(m.script()))


# Where RAVE's exporter fails, the model itself is the reference.
@pytest.mark.slow
def test_a_decoder_without_filter_bank(run_of: Runs) -> None:
    run = run_of("v2_nopqmf")
    with pytest.raises(RuntimeError, match="channels"):
        rave_scripted(rave_model(run))
    m, model = BendedRAVE(run), rave_model(run)
    for seed, rows in enumerate((1, 3, 1)):
        z = noise(rows, m.latent_size, 4, seed=seed)
        torch.manual_seed(seed)
        rest = torch.randn(rows, 128 - m.latent_size, 4)
        inner = torch.einsum("ij,bit->bjt", model.latent_pca, torch.cat([z, rest], 1))
        want = model.decode(inner + model.latent_mean[:, None])
        torch.manual_seed(seed)
        got = m.decode(z)
        assert got.shape == (rows, 1, 4 * m.ratio)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)
    assert m(block(m, "forward", 2, 4, 0)).shape == (2, 1, 4 * m.ratio)


def test_a_mono_model_fills_several_channels_with_different_noise(run_of: Runs) -> None:
    run = run_of("v2_small")
    with pytest.raises(ValueError, match="4 batch"):
        rave_scripted(rave_model(run), channels=2)
    m, model = BendedRAVE(run, channels=3), rave_model(run)
    assert (m.channels, m.output_channels) == (1, 3)
    z = noise(2, m.latent_size, 4)
    torch.manual_seed(0)
    rest = torch.randn(6, 128 - m.latent_size, 4)
    inner = torch.einsum("ij,bit->bjt", model.latent_pca, torch.cat([z.repeat(3, 1, 1), rest], 1))
    rows = model.decode(inner + model.latent_mean[:, None])  # by channel, then by row of z
    torch.manual_seed(0)
    got = m.decode(z)
    want = torch.stack([torch.cat([rows[c * 2 + b] for c in range(3)]) for b in range(2)])
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)
    assert not torch.equal(got[:, 0], got[:, 1])
    assert m(noise(64, 1, m.ratio)).shape == (64, 3, m.ratio)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
def test_64_rows_play_as_64_models(channels: int, run_of: Runs) -> None:
    # Wasserstein: no noise in encode, so rows do not share a draw.
    run = run_of("v2_small+wasserstein", channels)
    m = BendedRAVE(run)
    first = [noise(64, channels, 2 * m.ratio, seed=s) for s in (0, 1)]
    alone = {}
    for row in (0, 31, 32, 63):
        one = BendedRAVE(run)
        alone[row] = [one.encode(x[row : row + 1]) for x in first]
    for i, x in enumerate(first):
        z = m.encode(x)
        for row, want in alone.items():
            torch.testing.assert_close(z[row : row + 1], want[i], rtol=1e-4, atol=1e-5)
        assert m.decode(z).shape == (64, channels, 2 * m.ratio)


def test_not_streaming(run_of: Runs) -> None:
    m = BendedRAVE(run_of("v2_small"), streaming=False)
    assert not [n for n, _ in m.named_buffers() if n.endswith((".pad", ".cache"))]
    x = block(m, "encode", 1, 8, 0)
    outs = []
    for _ in range(2):
        torch.manual_seed(0)
        outs.append(m(x))
    assert torch.equal(*outs)


def test_opening_leaves_the_process_as_it_was(run_of: Runs) -> None:
    import cached_conv
    import gin

    before = (
        torch.get_rng_state().tolist(),
        cached_conv.USE_BUFFER_CONV,
        gin.config_str(),
        torch.is_grad_enabled(),
    )
    m = BendedRAVE(run_of("v2_small"))
    assert before == (
        torch.get_rng_state().tolist(),
        cached_conv.USE_BUFFER_CONV,
        gin.config_str(),
        torch.is_grad_enabled(),
    )
    assert not any(bool(b.any()) for n, b in m.named_buffers() if n.endswith((".pad", ".cache")))
    with torch.enable_grad():  # a performer forgets to switch it off: nothing piles up
        assert not m(block(m, "forward", 1, 4, 0)).requires_grad


# -- bending ---------------------------------------------------------------------------
def test_weights_have_raves_names_and_bend(run_of: Runs) -> None:
    run = run_of("v2_small")
    m, model = BendedRAVE(run), rave_model(run)
    playing = ("encoder.", "decoder.", "pqmf.")
    assert set(m.weight_names) == {n for n, _ in model.named_parameters() if n.startswith(playing)}
    for name in m.weight_names:
        assert torch.equal(m.state_dict()[name], model.state_dict()[name])
    p = tb.BendingParameter("p", 0.5)
    m.bend(tb.Scale(p), r"decoder\.net\.0\.weight")
    model.get_parameter("decoder.net.0.weight").mul_(0.5)
    theirs = rave_scripted(model)
    silence(theirs)
    play(m, theirs, reloaded(m.script()))


def test_activations_bend_in_streams_of_any_batch(run_of: Runs) -> None:
    run = run_of("v2_small")
    m, plain = BendedRAVE(run, batch_size=2), BendedRAVE(run)
    name = m.activation_names("decode")[-1]
    assert m.activation_shape(name, "decode") == (2, 1, 4 * m.ratio)
    m.bend(tb.Scale(-2.0), f"decode:{name}$")
    for seed, (rows, frames) in enumerate(BLOCKS):
        z = block(m, "decode", rows, frames, seed)
        outs = []
        for who in (m, plain):
            torch.manual_seed(seed)
            outs.append(who.decode(z))
        assert torch.equal(outs[0], outs[1] * -2.0)
    m.reset()


# -- facts -----------------------------------------------------------------------------
def test_facts(run_of: Runs, opened: Callable[..., BendedRAVE]) -> None:
    m = opened()
    assert (m.sample_rate, m.channels, m.output_channels, m.ratio) == (44100, 1, 1, 512)
    assert m.receptive_field == (0, 0)
    assert m.checkpoint == run_of("v2_small") / "version_0" / "checkpoints" / "best.ckpt"
    assert m.export_hints().source == m.checkpoint
    assert m.export_hints().sample_rate == 44100
    assert m.export_hints().attributes == ()
    # The saved fidelities are 1 - exp(-n / 4), by the geometric series.
    for dims in (1, 4, 16, 128):
        assert m.get_fidelity_for_dims(dims) == pytest.approx(1 - np.exp(-dims / 4), abs=1e-6)
    # More than 0.95 from 4 ln 20 = 11.98 on: 12 dimensions are the entry of index 11.
    assert m.latent_size == m.get_dims_for_fidelity(0.95) == 16
    assert m.get_dims_for_fidelity(0.5) == 2  # 4 ln 2 = 2.8: 3 dimensions, index 2
    assert m.get_dims_for_fidelity(0.1) == 1
    assert m.get_dims_for_fidelity(0.999) == 32
    with pytest.raises(TorchbendError, match="dims is 129"):
        m.get_fidelity_for_dims(129)


def test_latents_without_fidelities_say_so(opened: Callable[..., BendedRAVE]) -> None:
    m = opened("v2_small+spherical")
    assert m.latent_size == 15
    with pytest.raises(TorchbendError, match="SphericalEncoder"):
        m.get_dims_for_fidelity(0.9)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 65}, "batch_size is 65"),
        ({"fidelity": 1.5}, "fidelity is 1.5"),
        ({"channels": 0}, "channels is 0"),
        ({"sample_rate": 48000}, "44100, 88200, 176400"),
        ({"sample_rate": 22050}, "power of two"),
        ({"ema": True}, "without --ema"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str, run_of: Runs) -> None:
    with pytest.raises(TorchbendError, match=words):
        BendedRAVE(run_of("v2_small"), **settings)


# -- sound files -----------------------------------------------------------------------
def test_sound_files(opened: Callable[..., BendedRAVE], tmp_path: Path) -> None:
    m, stereo = opened(), opened("v2_small", 2)
    sound = noise(1, 4410) * 2.0  # louder than full scale: kept in a WAV
    m.write_audio(tmp_path / "x.wav", sound)
    assert torch.equal(m.load_audio(tmp_path / "x.wav"), sound)
    assert torch.equal(stereo.load_audio(tmp_path / "x.wav"), sound.repeat(2, 1))
    two = noise(2, 4410) * 0.1
    stereo.write_audio(tmp_path / "two.wav", two[None])
    assert torch.equal(stereo.load_audio(tmp_path / "two.wav"), two)
    torch.testing.assert_close(m.load_audio(tmp_path / "two.wav"), two.mean(0, keepdim=True))
    stereo.write_audio(tmp_path / "two.flac", two)
    assert (stereo.load_audio(str(tmp_path / "two.flac")) - two).abs().max() < 1e-4
    m.write_audio(tmp_path / "flat.wav", sound[0])
    assert equal(m.load_audio(tmp_path / "flat.wav"), sound)


def test_a_file_of_another_rate_keeps_its_pitch(
    opened: Callable[..., BendedRAVE], tmp_path: Path
) -> None:
    import soundfile

    m = opened()
    seconds = np.arange(22050) / 22050
    soundfile.write(tmp_path / "a.wav", np.sin(2 * np.pi * 1000 * seconds), 22050, subtype="FLOAT")
    audio = m.load_audio(tmp_path / "a.wav")
    assert audio.shape == (1, 44100) and audio.dtype == torch.float32
    want = torch.sin(2 * torch.pi * 1000 * torch.arange(44100) / 44100)
    assert (audio[0] - want)[2000:-2000].abs().max() < 1e-3


def test_sound_files_that_cannot_be(opened: Callable[..., BendedRAVE], tmp_path: Path) -> None:
    stereo = opened("v2_small", 2)
    with pytest.raises(TorchbendError, match="cannot be read"):
        stereo.load_audio(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(TorchbendError, match="cannot be read"):
        stereo.load_audio(tmp_path / "text.wav")
    stereo.write_audio(tmp_path / "three.wav", noise(3, 100))
    with pytest.raises(TorchbendError, match="3 channels, and this RAVE takes 2"):
        stereo.load_audio(tmp_path / "three.wav")
    with pytest.raises(TorchbendError, match="one row"):
        stereo.write_audio(tmp_path / "x.wav", noise(2, 2, 100))
    with pytest.raises(TorchbendError, match="cannot be written"):
        stereo.write_audio(tmp_path / "x.nothing", noise(2, 100))
