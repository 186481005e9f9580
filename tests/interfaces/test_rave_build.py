"""Building RAVE models from acids-rave's own configurations, and leaving no trace of it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from torchbend.errors import TorchbendError
from torchbend.interfaces._rave_build import build_rave
from torchbend.interfaces._rave_import import import_rave

pytestmark = pytest.mark.rave

FRAMES = 8192

# Configuration: (what encode gives, what decode takes, frames of audio a latent frame).
CONFIGS = {
    "v1": (256, 128, 2048),
    "v2": (256, 128, 2048),
    "v2_small": (256, 128, 512),
    "v3": (256, 128, 2048),
    "discrete": (128, 256, 1024),
    "raspberry": (256, 128, 2048),
    "v2_small+wasserstein": (16, 144, 512),
    "v2_small+spherical": (16, 16, 512),
    "v2_small+adain": (256, 128, 512),
}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("config", CONFIGS)
@torch.no_grad()
def test_each_configuration_encodes_and_decodes(config: str) -> None:
    encoded, decoded, ratio = CONFIGS[config]
    model = build_rave(config)
    assert not model.training
    assert not [name for name, _ in model.named_parameters() if name.endswith("weight_g")]
    # The first block of a streaming model starts from silence, which a spherical latent
    # divides by; so the values are looked at in the second.
    for seed in (0, 1):
        codes = model.encode(noise(1, 1, FRAMES, seed=seed))
        assert codes.shape == (1, encoded, FRAMES // ratio)
        latents = model.encoder.reparametrize(codes)[0]
        assert latents.shape == (1, decoded, FRAMES // ratio)
        sound = model.decode(latents)
        assert sound.shape == (1, 1, FRAMES)
    assert codes.isfinite().all()
    assert model.decode(noise(2, decoded, 4)).isfinite().all()


@pytest.mark.parametrize("config", ["v2_small", "discrete"])
def test_the_same_seed_gives_the_same_model(config: str) -> None:
    first, second = build_rave(config, seed=3).state_dict(), build_rave(config, seed=3).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = build_rave(config, seed=4).state_dict()
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_streaming_is_a_choice() -> None:
    def caches(streaming: bool) -> int:
        model = build_rave("v2_small", streaming=streaming)
        with torch.no_grad():
            model(noise(1, 1, FRAMES))
        return sum(name.endswith(".pad") for name, _ in model.named_buffers())

    assert caches(streaming=True) > 0
    assert caches(streaming=False) == 0


def test_overrides_are_applied_last() -> None:
    assert build_rave("v2_small", overrides=["LATENT_SIZE = 8"]).latent_size == 8


@pytest.mark.parametrize("fails", [False, True])
def test_global_state_is_left_as_it_was(fails: bool) -> None:
    rave = import_rave()
    import cached_conv
    import gin

    gin.clear_config()
    gin.bind_parameter("rave.core.mean_difference.relative", True)
    gin.config._set_config_is_locked(True)
    cached_conv.use_cached_conv(False)
    before = (
        gin.config_str(),
        gin.operative_config_str(),
        list(gin.config._LOCATION_PREFIXES),
        dict(rave.model._default_loss_weights),
        torch.get_rng_state().tolist(),
    )
    try:
        if fails:
            with pytest.raises(Exception, match="LATENT_SIZE|latent|str"):
                build_rave("v2_small", overrides=["LATENT_SIZE = 'none'"])
        else:
            model = build_rave("v2_small+wasserstein")
            assert model.weights["fullband_spectral_distance"] == 2
        assert not cached_conv.USE_BUFFER_CONV
        assert gin.config_is_locked()
        assert before == (
            gin.config_str(),
            gin.operative_config_str(),
            list(gin.config._LOCATION_PREFIXES),
            dict(rave.model._default_loss_weights),
            torch.get_rng_state().tolist(),
        )
    finally:
        gin.clear_config()


def test_an_unknown_configuration_names_the_nearest() -> None:
    with pytest.raises(TorchbendError, match="'v2_smal'.*Nearest: 'v2_small'"):
        build_rave("v2_smal")


def test_the_import_leaves_scipy_and_the_import_system_alone() -> None:
    import scipy

    finders = list(sys.meta_path)
    import_rave()
    assert sys.meta_path == finders
    if tuple(int(part) for part in scipy.__version__.split(".")[:2]) >= (1, 13):
        assert not hasattr(scipy.signal, "kaiser")


@pytest.mark.parametrize("cutoff", [0.2, np.array([0.2])])
def test_the_mended_filter_is_a_windowed_sinc(cutoff: float | np.ndarray) -> None:
    taps = import_rave().pqmf.kaiser_filter(cutoff, 60.0, 65)
    steps = np.arange(65) - 32
    beta = 0.1102 * (60.0 - 8.7)  # Kaiser's own formula, above 50 dB
    expected = 0.2 / np.pi * np.sinc(0.2 / np.pi * steps) * np.kaiser(65, beta)
    np.testing.assert_allclose(taps, expected, atol=1e-15)


def test_a_missing_rave_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import_rave()
    monkeypatch.setitem(sys.modules, "rave", None)
    with pytest.raises(TorchbendError, match="torchbend install rave"):
        import_rave()
