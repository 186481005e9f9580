"""Opens AudioCraft's models: from the hub, from a folder in its own format, or its "debug" one.

A model is two files, as ``audiocraft.utils.export`` writes them: ``state_dict.bin``, the language
model, and ``compression_state_dict.bin``, the codec. Each holds weights and the text of a
configuration. Nothing in them is executed: they are read as data alone, and what a
configuration may name is limited.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from torchbend.checkpoint import read_checkpoint
from torchbend.errors import TorchbendError, first_line, suggest
from torchbend.interfaces._audiocraft_calls import tell_steps
from torchbend.interfaces._audiocraft_import import import_audiocraft, plain_words
from torchbend.interfaces._hub import HUB_NAME, NO_NETWORK, online

__all__ = ["CODEC_FILE", "LM_FILE", "open_generator"]

_log = logging.getLogger(__name__)

LM_FILE, CODEC_FILE = "state_dict.bin", "compression_state_dict.bin"

_KNOWN = {
    "MusicGen": [
        *(f"facebook/musicgen-{size}" for size in ("small", "medium", "large", "melody")),
        *(f"facebook/musicgen-stereo-{size}" for size in ("small", "medium", "large", "melody")),
        "debug",
    ],
    "AudioGen": ["facebook/audiogen-medium", "debug"],
}

# Codecs that a file may name instead of holding one; others would be unpickled.
_NAMED_CODECS = ("facebook/encodec_24khz", "facebook/encodec_32khz")

# Conditioners that load no file which the configuration names.
_CONDITIONERS = ("t5", "lut", "chroma_stem")


def open_generator(
    kind: str, name_or_path: str | Path, cache_dir: str | Path | None, device: str
) -> Any:
    """Open a model.

    Args:
        kind: ``"MusicGen"`` or ``"AudioGen"``.
        name_or_path: a name on the hub, a folder, or ``"debug"``.
        cache_dir: where to keep what comes from the hub; the hub's own place where None.
        device: to put it on.

    Returns:
        AudioCraft's object of that class.

    Raises:
        TorchbendError: AudioCraft is not installed, there is no such model, or its files cannot
            be read or do not fit each other.
    """
    models: Any = import_audiocraft()
    with warnings.catch_warnings():
        # torch would have weight norm written otherwise; AudioCraft's files name its weights so
        warnings.filterwarnings("ignore", ".*weight_norm", FutureWarning)
        model = _opened(models, kind, name_or_path, cache_dir, device)
    tell_steps(model)
    return model


def _opened(
    models: Any, kind: str, name_or_path: str | Path, cache_dir: str | Path | None, device: str
) -> Any:
    if str(name_or_path) == "debug":
        return getattr(models, kind).get_pretrained("debug", device)
    lm_file, codec_file = _files(kind, name_or_path, cache_dir)
    lm = _language_model(lm_file, device)
    codec = _codec(codec_file, device, cache_dir)
    if "self_wav" in lm.condition_provider.conditioners:
        if kind == "AudioGen":
            raise TorchbendError(f"{str(lm_file)!r} follows a melody: open it as a BendedMusicGen")
        melody = lm.condition_provider.conditioners["self_wav"]
        melody.match_len_on_eval = True
        melody._use_masking = False
    try:
        return getattr(models, kind)(str(name_or_path), codec, lm)
    except Exception as error:  # whatever a configuration that lacks something leads to
        raise TorchbendError(
            f"{str(lm_file)!r} and {str(codec_file)!r} make no {kind}: {first_line(error)}"
        ) from error


# -- files -----------------------------------------------------------------------------
def _files(kind: str, name: str | Path, cache_dir: str | Path | None) -> tuple[Path, Path]:
    folder = Path(name).expanduser()
    if folder.is_dir():
        missing = [f for f in (LM_FILE, CODEC_FILE) if not (folder / f).is_file()]
        if missing:
            there = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
            raise TorchbendError(
                f"{str(folder)!r} is no {kind}: it lacks {' and '.join(missing)}. It holds "
                f"{there}. AudioCraft's own export writes both ({LM_FILE}, the language model; "
                f"{CODEC_FILE}, the codec)."
            )
        return folder / LM_FILE, folder / CODEC_FILE
    if folder.is_file():
        raise TorchbendError(
            f"{str(folder)!r} is a file: give the folder with {LM_FILE} and {CODEC_FILE}"
        )
    text = str(name)
    if not HUB_NAME.fullmatch(text):
        raise TorchbendError(
            f"there is no folder {text!r}, and a name on the hub is such as "
            f"{_KNOWN[kind][0]!r}. {suggest(text, _KNOWN[kind])}"
        )
    return _fetched(kind, text, LM_FILE, cache_dir), _fetched(kind, text, CODEC_FILE, cache_dir)


def _fetched(kind: str, name: str, file: str, cache_dir: str | Path | None) -> Path:
    loaders: Any = importlib.import_module("audiocraft.models.loaders")
    where: dict[str, Any] = {"repo_id": name, "filename": file}
    where["cache_dir"] = cache_dir or loaders.get_audiocraft_cache_dir()
    there = online()
    try:
        return Path(loaders.hf_hub_download(**where, local_files_only=not there))
    except Exception as error:  # no network, no such model, no right to it
        why = first_line(error) if there else NO_NETWORK
        raise TorchbendError(
            f"{name!r} is no folder here, and {file} of the hub's {name!r} could not be had: "
            f"{why}. {suggest(name, _KNOWN[kind])}"
        ) from error


def _package(path: Path) -> dict[str, Any]:
    """What a file holds, read as data.

    Raises:
        TorchbendError: it cannot be read, or holds more than data.
    """
    package = read_checkpoint(
        path, "A checkpoint of the training is exported first, with audiocraft.utils.export"
    )
    if not isinstance(package, dict):
        raise TorchbendError(f"{str(path)!r} holds a {type(package).__name__}, not a model")
    return package


def _parts(path: Path, package: Mapping[str, Any]) -> tuple[Any, dict[str, Tensor]]:
    """The configuration and the weights in a file."""
    text, state = package.get("xp.cfg"), package.get("best_state")
    if not isinstance(text, str) or not isinstance(state, Mapping):
        raise TorchbendError(
            f"{str(path)!r} has no configuration under 'xp.cfg' or no weights under "
            f"'best_state'; it has {', '.join(map(repr, package)) or 'nothing'}"
        )
    omegaconf: Any = importlib.import_module("omegaconf")
    try:
        config = omegaconf.OmegaConf.create(text)
    except Exception as error:  # whatever YAML makes of wrong text
        raise TorchbendError(f"the configuration in {str(path)!r}: {first_line(error)}") from error
    return config, dict(state)


# -- models ----------------------------------------------------------------------------
def _language_model(path: Path, device: str) -> Any:
    config, state = _parts(path, _package(path))
    loaders: Any = importlib.import_module("audiocraft.models.loaders")
    for conditioner, settings in (config.get("conditioners") or {}).items():
        model = settings.get("model") if hasattr(settings, "get") else None
        if model is not None and model not in _CONDITIONERS:
            raise TorchbendError(
                f"{str(path)!r} conditions {conditioner!r} on {model!r}, which loads a further "
                f"file by running what is in it; known are {', '.join(_CONDITIONERS)}"
            )
    config.device = device
    config.dtype = "float32" if device == "cpu" else "float16"
    for name in (  # settings of the training
        "conditioners.self_wav.chroma_stem.cache_path",
        "conditioners.args.merge_text_conditions_p",
        "conditioners.args.drop_desc_p",
    ):
        loaders._delete_param(config, name)
    lm = _built(path, loaders.builders.get_lm_model, config, state)
    lm.cfg = config
    for conditioner in lm.condition_provider.conditioners.values():
        for reader in ("tokenizer", "text_normalizer"):
            if getattr(getattr(conditioner, reader, None), "nlp", None) is plain_words:
                _log.warning(
                    "%r reads words with spaCy's English, which is not installed: it is given "
                    "other words than in its training",
                    str(path),
                )
    return lm


def _codec(path: Path, device: str, cache_dir: str | Path | None) -> Any:
    package = _package(path)
    if "pretrained" in package:
        return _named_codec(path, package["pretrained"], cache_dir).to(device).eval()
    config, state = _parts(path, package)
    config.device = device
    loaders: Any = importlib.import_module("audiocraft.models.loaders")
    return _built(path, loaders.builders.get_compression_model, config, state)


def _named_codec(path: Path, name: Any, cache_dir: str | Path | None) -> nn.Module:
    if name not in _NAMED_CODECS:
        raise TorchbendError(
            f"{str(path)!r} holds no codec, it names {name!r}. Known names are "
            f"{', '.join(_NAMED_CODECS)}; another codec can be exported into the folder."
        )
    encodec: Any = importlib.import_module("audiocraft.models.encodec")
    try:
        model = encodec.HFEncodecModel.from_pretrained(name, cache_dir=cache_dir)
    except Exception as error:  # no network
        raise TorchbendError(
            f"{str(path)!r} names the codec {name!r}, which could not be had: {first_line(error)}"
        ) from error
    codec: nn.Module = encodec.HFEncodecCompressionModel(model)
    return codec


def _built(path: Path, build: Any, config: Any, state: dict[str, Tensor]) -> Any:
    try:
        model = build(config)
    except Exception as error:  # whatever AudioCraft makes of wrong settings
        raise TorchbendError(
            f"no model can be built from the configuration in {str(path)!r}: {first_line(error)}"
        ) from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise TorchbendError(
            f"the weights in {str(path)!r} do not fit its configuration: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    return model.eval()
