"""Opens transformers' MusicGen: from a folder in its own format, or from the hub.

Weights are read from safetensors alone, and no code that a folder may bring is run.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from torchbend.errors import TorchbendError, first_line
from torchbend.interfaces._hub import HUB_NAME, NO_NETWORK, online
from torchbend.interfaces._torchaudio import import_torchaudio
from torchbend.interfaces._transformers_musicgen import MusicGen

__all__ = ["CONFIG_FILE", "import_transformers", "installed", "open_generator"]

CONFIG_FILE = "config.json"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_TOKENIZERS = ("tokenizer.json", "spiece.model")
_FROM_THE_HUB = ["*.json", "*.safetensors", "*.model"]


def installed() -> bool:
    """Whether transformers can be imported."""
    return importlib.util.find_spec("transformers") is not None


def open_generator(name_or_path: str | Path, cache_dir: str | Path | None, device: str) -> MusicGen:
    """Open a model.

    Args:
        name_or_path: a name on the hub, or a folder.
        cache_dir: where to keep what comes from the hub; the hub's own place where None.
        device: to put it on.

    Returns:
        A :class:`MusicGen`.

    Raises:
        TorchbendError: transformers is not installed, there is no such model, or its files
            cannot be read.
    """
    transformers = import_transformers()
    folder = Path(name_or_path).expanduser()
    if not folder.is_dir():
        folder = _fetched(str(name_or_path), cache_dir)
    _check(folder)
    here = {"local_files_only": True, "trust_remote_code": False}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*weight_norm", FutureWarning)
            model = transformers.MusicgenForConditionalGeneration.from_pretrained(
                str(folder), use_safetensors=True, **here
            )
    except Exception as error:  # whatever wrong settings or weights lead to
        raise TorchbendError(f"{str(folder)!r} cannot be opened: {first_line(error)}") from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **here)
    except Exception as error:  # whatever a damaged one leads to
        raise TorchbendError(
            f"the tokenizer in {str(folder)!r}, which reads the texts: {first_line(error)}"
        ) from error
    return MusicGen(model.float().eval().to(device), tokenizer)


def import_transformers() -> Any:
    """Import the package ``transformers``.

    Raises:
        TorchbendError: it is not installed.
    """
    if not installed():
        raise TorchbendError(
            "transformers is not installed. Install it with: "
            f"{sys.executable} -m pip install transformers sentencepiece protobuf"
        )
    if importlib.util.find_spec("torchaudio") is not None:
        import_torchaudio()  # which transformers imports, and which may not load otherwise
    return importlib.import_module("transformers")


def _fetched(name: str, cache_dir: str | Path | None) -> Path:
    if not HUB_NAME.fullmatch(name):
        raise TorchbendError(
            f"there is no folder {name!r}, and a name on the hub is such as "
            "'facebook/musicgen-small'"
        )
    hub: Any = importlib.import_module("huggingface_hub")
    there = online()
    try:
        return Path(
            hub.snapshot_download(
                name,
                cache_dir=cache_dir,
                allow_patterns=_FROM_THE_HUB,
                local_files_only=not there,
            )
        )
    except Exception as error:  # no network, no such model, no right to it
        why = first_line(error) if there else NO_NETWORK
        raise TorchbendError(
            f"{name!r} is no folder here, and the hub's {name!r} could not be had: {why}"
        ) from error


def _check(folder: Path) -> None:
    """Say what a folder lacks, or that it holds another model.

    Raises:
        TorchbendError: it does.
    """
    groups = ((CONFIG_FILE,), _WEIGHTS, _TOKENIZERS)
    missing = [g[0] for g in groups if not any((folder / name).is_file() for name in g)]
    if missing:
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise TorchbendError(
            f"{str(folder)!r} is no MusicGen of transformers: it lacks {' and '.join(missing)}. "
            f"It holds {there}. save_pretrained, of the model and of the tokenizer, writes "
            "them; pickled weights are not opened."
        )
    try:
        kind = json.loads((folder / CONFIG_FILE).read_text("utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise TorchbendError(f"{str(folder / CONFIG_FILE)!r} names no model_type") from error
    if kind != "musicgen":
        raise TorchbendError(
            f"{str(folder)!r} holds a model of type {kind!r}, and only 'musicgen' is played "
            "through transformers; one that follows a melody needs AudioCraft"
        )
