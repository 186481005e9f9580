"""Opens what ``rave train`` leaves behind: finds the files of a run, and builds its model.

A run is a folder with ``config.gin`` and, below it, checkpoints of PyTorch Lightning
(``version_0/checkpoints/best.ckpt``). Nothing of a run is executed: its configuration is
checked before gin reads it, and checkpoints are loaded as data alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from torchbend.archive import is_torchscript
from torchbend.checkpoint import are_weights, read_checkpoint
from torchbend.errors import TorchbendError, first_line
from torchbend.interfaces._rave_build import build_from_config, without_weight_norm
from torchbend.interfaces._rave_gin import check_config
from torchbend.interfaces._rave_import import import_rave

__all__ = ["Run", "find_run", "open_run"]

log = logging.getLogger(__name__)

_CONFIG = "config.gin"
_LEVELS_ABOVE = 3  # run/version_0/checkpoints/best.ckpt

# What plays. A run also holds what only training uses, such as discriminators.
_PLAYING = ("encoder.", "decoder.", "pqmf.", "spectrogram.")
_BUFFERS = ("latent_pca", "latent_mean", "fidelity", "receptive_field")


@dataclass(frozen=True)
class Run:
    """The files of a training run that make a model.

    Attributes:
        config: ``config.gin``.
        checkpoint: the weights.
    """

    config: Path
    checkpoint: Path


def find_run(path: str | Path) -> Run:
    """Find a run's configuration and checkpoint.

    Of several checkpoints the newest is taken, as RAVE's own exporter does; of equally new
    ones, the last by name.

    Args:
        path: a run's folder, one of its version folders, or a checkpoint.

    Raises:
        TorchbendError: there is nothing there, or something is missing; says what.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise TorchbendError(f"there is no {str(path)!r}: give a RAVE run's folder or checkpoint")
    if path.is_file():
        _refuse_torchscript(path)
        return Run(_config_of(path, path.parent), path)
    checkpoints = sorted(path.rglob("*.ckpt"), key=lambda p: (p.stat().st_mtime_ns, str(p)))
    config = _config_of(path, path)
    if not checkpoints:
        scripted = sorted(p.name for p in path.rglob("*.ts"))
        exported = "which is an exported model: tb.load opens it."
        hint = f" It holds {scripted[0]}, {exported}" if scripted else ""
        raise TorchbendError(f"{str(path)!r} holds no checkpoint (*.ckpt).{hint}")
    log.info("opening %s, the newest of %d checkpoints", checkpoints[-1], len(checkpoints))
    return Run(config, checkpoints[-1])


def open_run(run: Run, *, strict: bool, ema: bool, streaming: bool) -> nn.Module:
    """Build the model of a run, with its weights.

    Args:
        run: see :func:`find_run`.
        strict: refuse a checkpoint that has not every weight of the model, or has more.
        ema: use the averaged weights that training with ``--ema`` keeps.
        streaming: build it to play block by block.

    Returns:
        A ``rave.RAVE`` in eval mode, without weight norm.

    Raises:
        TorchbendError: RAVE is not installed; the configuration or the checkpoint cannot be
            read, or they do not fit each other.
    """
    import_rave()
    try:
        text = run.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TorchbendError(f"{str(run.config)!r} cannot be read: {error}") from error
    check_config(text, str(run.config))
    weights = _weights(run.checkpoint, ema)
    model = _built(run.config, text, None, streaming)
    channels = _channels(model, weights)
    if channels != model.n_channels:  # training does not write this into config.gin
        model = _built(run.config, text, channels, streaming)
    _load(model, weights, run, strict)
    return without_weight_norm(model)


# -- files -----------------------------------------------------------------------------
def _config_of(asked: Path, folder: Path) -> Path:
    folder = folder.resolve()
    for place in (folder, *folder.parents[:_LEVELS_ABOVE]):
        if (place / _CONFIG).is_file():
            return place / _CONFIG
    below = sorted(folder.rglob(_CONFIG)) if asked.is_dir() else []
    if len(below) == 1:
        return below[0]
    if below:
        runs = ", ".join(str(p.parent.relative_to(folder)) for p in below[:5])
        raise TorchbendError(f"{str(asked)!r} holds {len(below)} runs: open one of {runs}")
    raise TorchbendError(
        f"{str(asked)!r} is no RAVE run: there is no {_CONFIG} in it or up to {_LEVELS_ABOVE} "
        "folders above. `rave train` writes one beside its version folders."
    )


def _refuse_torchscript(path: Path) -> None:
    if is_torchscript(path):
        raise TorchbendError(
            f"{str(path)!r} is TorchScript: a model that was exported, without its source. "
            "BendedRAVE opens the run it was made from, a folder with config.gin and a "
            "checkpoint; tb.load opens the file itself."
        )


def _weights(path: Path, ema: bool) -> dict[str, Tensor]:
    """The weights in a checkpoint, read as data.

    Raises:
        TorchbendError: it is no checkpoint of Lightning's, or holds more than data.
    """
    checkpoint = read_checkpoint(path)
    state: Any = checkpoint.get("state_dict") if isinstance(checkpoint, Mapping) else None
    if not are_weights(state):
        raise TorchbendError(
            f"{str(path)!r} has no weights under 'state_dict': it is no checkpoint of `rave train`"
        )
    weights = dict(state)
    if ema:
        callbacks = checkpoint.get("callbacks")
        averaged = callbacks.get("EMA") if isinstance(callbacks, Mapping) else None
        if not averaged or not are_weights(averaged):
            raise TorchbendError(
                f"{str(path)!r} has no averaged weights: the run was trained without --ema. "
                "Open it with ema=False."
            )
        weights.update(averaged)  # of the parameters; buffers are not averaged
    return weights


# -- the model -------------------------------------------------------------------------
def _built(config: Path, text: str, channels: int | None, streaming: bool) -> Any:
    try:
        return build_from_config(text, channels=channels, streaming=streaming)
    except Exception as error:  # whatever gin and RAVE make of wrong settings
        raise TorchbendError(
            f"no RAVE can be built from {str(config)!r}: {first_line(error)}. Was it trained "
            "with another release of acids-rave?"
        ) from error


def _channels(model: Any, weights: Mapping[str, Tensor]) -> int:
    """How many channels the weights are for: the first layer takes all of them at once."""
    channels = int(model.n_channels)
    own = model.state_dict()
    for name in ("encoder.encoder.net.0.weight", "encoder.encoder.net.0.weight_v"):
        if name in own and name in weights and weights[name].ndim == own[name].ndim:
            times, rest = divmod(weights[name].shape[1], own[name].shape[1])
            if times > 1 and rest == 0:
                return channels * int(times)
    return channels


def _load(model: nn.Module, weights: Mapping[str, Tensor], run: Run, strict: bool) -> None:
    own = {name: v for name, v in model.state_dict().items() if _plays(name)}
    given = {name: v for name, v in weights.items() if _plays(name)}
    other = [n for n in own if n in given and given[n].shape != own[n].shape]
    missing = [n for n in own if n not in given]
    more = [n for n in given if n not in own]
    files = f"{str(run.checkpoint)!r} and {str(run.config)!r}"
    if other:
        shapes = ", ".join(
            f"{n} is {tuple(given[n].shape)} and not {tuple(own[n].shape)}" for n in other[:3]
        )
        raise TorchbendError(
            f"{files} are of different models: in the checkpoint {shapes}{_rest(other, 3)}"
        )
    if len(missing) == len(own):
        raise TorchbendError(
            f"{files} are of different models: the checkpoint has {_named(weights)} and none of "
            f"{_named(own)}"
        )
    if missing or more:
        lacks = f" lacks {_named(missing)}" if missing else ""
        adds = f" has {_named(more)}, which the model does not" if more else ""
        message = f"{files} do not fit: the checkpoint{lacks}{' and' * bool(lacks and adds)}{adds}"
        if strict:
            raise TorchbendError(f"{message}. strict=False opens it with what fits.")
        log.warning("%s", message)
    model.load_state_dict({n: v for n, v in given.items() if n in own}, strict=False)


def _plays(name: str) -> bool:
    # A run that was trained in streaming mode holds its caches too.
    return (name.startswith(_PLAYING) or name in _BUFFERS) and not name.endswith((".pad", ".cache"))


def _named(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    return ", ".join(names[:most]) + _rest(names, most)


def _rest(names: list[str], most: int) -> str:
    return f" and {len(names) - most} more" if len(names) > most else ""
