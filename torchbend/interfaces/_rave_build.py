"""Builds real, untrained RAVE models from acids-rave's own configurations.

What comes out has the layers, shapes, states and cost of a trained model of that
configuration; only its weights are random. Tests, the demo and benchmarks play on these.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from torchbend.errors import TorchbendError, suggest
from torchbend.interfaces._rave_import import import_rave

__all__ = [
    "build_from_config",
    "build_rave",
    "cached_conv_mode",
    "save_run",
    "without_weight_norm",
]


def build_rave(
    config: str, *, seed: int = 0, streaming: bool = True, overrides: Sequence[str] = ()
) -> nn.Module:
    """Build ``rave.RAVE()`` from a configuration that comes with acids-rave.

    gin's configuration, the mode of ``cached_conv`` and torch's random state are as they
    were afterwards. All three are global to the process: build in one thread at a time.

    Args:
        config: a configuration's name, such as ``"v2_small"``, or several joined by ``+``
            as RAVE's trainer stacks them: ``"v2_small+wasserstein"``.
        seed: the seed of the weights. The same seed gives the same weights.
        streaming: whether convolutions keep the end of each block for the next
            (``cached_conv``), as they must to play live.
        overrides: gin bindings applied last, such as ``"CAPACITY = 8"``.

    Returns:
        The model on the CPU, in eval mode, without weight norm: ``encode`` takes audio
        ``(batch, channels, frames)``, ``decode`` latents ``(batch, latents, frames)``.

    Raises:
        TorchbendError: if RAVE is not installed, or has no such configuration.
    """
    model, _ = _build(_parser(config, overrides), seed, streaming)
    return without_weight_norm(model)


def build_from_config(
    text: str, *, channels: int | None = None, streaming: bool = True
) -> nn.Module:
    """Build ``rave.RAVE()`` from the text of a run's ``config.gin``.

    gin imports what the text says and calls what it names: check a text of others first
    (:func:`torchbend.interfaces._rave_gin.check_config`).

    Args:
        text: the configuration.
        channels: of the sound; as the configuration says, or 1, where None.
        streaming: as for :func:`build_rave`.

    Returns:
        The model in eval mode, with weight norm, as its weights are saved.
    """
    model, _ = _build(lambda gin: gin.parse_config(text), 0, streaming, channels)
    return model.eval()


def save_run(
    folder: str | Path,
    config: str,
    *,
    seed: int = 0,
    channels: int = 1,
    overrides: Sequence[str] = (),
) -> Path:
    """Leave behind what ``rave train`` would: a folder that RAVE's tools open as a run.

    The model is not trained. What training would find out is set to values that play: a
    latent space with a mean, axes and fidelities, and codebooks that are no longer empty.

    Args:
        folder: of the run; it is made.
        config: as for :func:`build_rave`.
        seed: of the weights and of those values.
        channels: of the sound.
        overrides: as for :func:`build_rave`.

    Returns:
        The folder: ``config.gin``, and a checkpoint in ``version_0/checkpoints/``.
    """
    model, text = _build(_parser(config, overrides), seed, streaming=False, channels=channels)
    _as_after_training(model, seed)
    folder = Path(folder)
    checkpoint = folder / "version_0" / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    (folder / "config.gin").write_text(text, encoding="utf-8")
    saved = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": importlib.import_module("pytorch_lightning").__version__,
        "state_dict": model.state_dict(),
        "loops": {},
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
    }
    torch.save(saved, checkpoint)
    return folder


def without_weight_norm(model: nn.Module) -> nn.Module:
    """Turn a model's normed weights into plain ones, in place, and set it to play."""
    for module in model.modules():
        if hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
    return model.eval()


def _as_after_training(model: Any, seed: int) -> None:
    """Give the buffers that training fills values of the kind that it leaves."""
    draw = torch.Generator().manual_seed(seed)
    size = model.latent_size
    axes, _ = torch.linalg.qr(torch.randn(size, size, generator=draw))
    model.latent_pca.copy_(axes)
    model.latent_mean.copy_(torch.randn(size, generator=draw))
    variance = torch.exp(-torch.arange(size) / 4.0)
    model.fidelity.copy_((variance / variance.sum()).cumsum(0))
    for module in model.modules():
        if hasattr(module, "warmed_up") and isinstance(module.warmed_up, torch.Tensor):
            module.warmed_up.fill_(1)  # past the first phase; v1 has noise from then on
        if hasattr(module, "inited") and hasattr(module, "embed"):
            module.embed.copy_(torch.randn(module.embed.shape, generator=draw))
            module.inited.fill_(1)


def _parser(config: str, overrides: Sequence[str]) -> Callable[[Any], object]:
    rave = import_rave()
    files = [_config_file(rave, name) for name in config.split("+")]
    return lambda gin: gin.parse_config_files_and_bindings(
        files, list(overrides), finalize_config=False
    )


def _build(
    parse: Callable[[Any], object], seed: int, streaming: bool, channels: int | None = None
) -> tuple[nn.Module, str]:
    """Build the model that gin is told about; also give what a run's ``config.gin`` says."""
    rave = import_rave()
    gin = importlib.import_module("gin")
    with (
        _cleared_gin(Path(str(rave.__file__)).parent),
        cached_conv_mode(streaming),
        _kept_loss_weights(),
        _without_old_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        torch.default_generator.manual_seed(seed)
        parse(gin)
        model: nn.Module = rave.RAVE() if channels is None else rave.RAVE(n_channels=channels)
        model.weights = dict(model.weights)  # type: ignore[arg-type, assignment]
        text: str = gin.operative_config_str()
    return model, text


def _config_file(rave: ModuleType, name: str) -> str:
    folder = Path(str(rave.__file__)).parent / "configs"
    if not (folder / f"{name}.gin").is_file():
        existing = sorted(path.stem for path in folder.glob("*.gin"))
        raise TorchbendError(f"RAVE has no configuration {name!r}. {suggest(name, existing)}")
    return str(folder / f"{name}.gin")


@contextmanager
def _cleared_gin(search_path: Path) -> Iterator[None]:
    """Run with gin's configuration empty, and put back what was there.

    gin has a public way to clear its configuration and none to save it, so this reaches
    for the dictionaries that ``gin.clear_config`` empties. Included files are looked for in
    ``search_path`` alone: gin logs an error for every other place it tries first.
    """
    config = importlib.import_module("gin.config")
    stores = [config._CONFIG, config._SINGLETONS, config._IMPORTS, config._OPERATIVE_CONFIG]
    saved = [store.copy() for store in stores]
    locked, search_paths = config.config_is_locked(), config._LOCATION_PREFIXES[:]
    config.clear_config()
    config._LOCATION_PREFIXES[:] = [str(search_path)]
    try:
        yield
    finally:
        config.clear_config()
        config._LOCATION_PREFIXES[:] = search_paths
        for store, content in zip(stores, saved, strict=True):
            store.clear()
            store.update(content)
        config._set_config_is_locked(locked)


@contextmanager
def cached_conv_mode(streaming: bool) -> Iterator[None]:
    """Build streaming convolutions meanwhile, or plain ones."""
    cached_conv = importlib.import_module("cached_conv")
    before = cached_conv.USE_BUFFER_CONV
    cached_conv.use_cached_conv(streaming)
    try:
        yield
    finally:
        cached_conv.use_cached_conv(before)


@contextmanager
def _without_old_warnings() -> Iterator[None]:
    """Leave out what RAVE's own use of torch and torchaudio warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weight_norm", FutureWarning)
        warnings.filterwarnings("ignore", ".*return_complex", UserWarning)
        yield


@contextmanager
def _kept_loss_weights() -> Iterator[None]:
    """Each ``RAVE()`` writes its loss weights into a dictionary that all of them share."""
    shared = importlib.import_module("rave.model")._default_loss_weights
    saved = dict(shared)
    try:
        yield
    finally:
        shared.clear()
        shared.update(saved)
