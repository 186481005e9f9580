"""Builds real, untrained RAVE models from acids-rave's own configurations.

What comes out has the layers, shapes, states and cost of a trained model of that
configuration; only its weights are random. Tests, the demo and benchmarks play on these.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from torchbend.errors import TorchbendError, suggest
from torchbend.interfaces._rave_import import import_rave

__all__ = ["build_rave"]


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
    rave = import_rave()
    files = [_config_file(rave, name) for name in config.split("+")]
    gin = importlib.import_module("gin")
    with (
        _cleared_gin(Path(files[0]).parents[1]),
        _cached_conv(streaming),
        _kept_loss_weights(),
        _without_old_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        torch.default_generator.manual_seed(seed)
        gin.parse_config_files_and_bindings(files, list(overrides), finalize_config=False)
        model: nn.Module = rave.RAVE()
        model.weights = dict(model.weights)  # type: ignore[arg-type, assignment]
    for module in model.modules():
        if hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
    return model.eval()


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
def _cached_conv(streaming: bool) -> Iterator[None]:
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
