"""Makes ``import audiocraft`` work beside a current torch, without xformers and spaCy's models.

Each thing in its way is moved aside only as far as AudioCraft needs it:

- ``audiocraft/modules/transformer.py`` imports ``xformers.ops``, whose binaries fit one release
  of torch each. Of it AudioCraft runs one function, which torch has too: its attention is
  torch's own unless told otherwise. Where xformers does not load, a module of that name is
  there while AudioCraft is imported, and two functions of that file stop asking for it.
- ``audiocraft/modules/conditioners.py`` imports spaCy and downloads a model of English, for
  models that read prompts word by word (AudioCraft's tiny ``"debug"`` model; MusicGen reads
  with T5). Where there is no such model, words are split at spaces, inside that file alone.
- torchaudio's compiled part may not load; see :mod:`._torchaudio`.

Nothing on disk is changed, and nothing is downloaded.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from torchbend.errors import TorchbendError
from torchbend.interfaces._torchaudio import import_torchaudio

__all__ = ["import_audiocraft", "plain_words"]

_log = logging.getLogger(__name__)


def import_audiocraft() -> ModuleType:
    """Import the package ``audiocraft``.

    Returns:
        The module ``audiocraft.models``.

    Raises:
        TorchbendError: if it, or something it needs, is not installed.
    """
    there = sys.modules.get("audiocraft.models")
    if there is not None:
        return there
    absent = [name for name in ("xformers.ops", "spacy") if not _loads(name)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages about packages
            import_torchaudio()
            importlib.import_module("transformers")  # looks for both: must find what is there
            with _stand_ins(absent):
                models = importlib.import_module("audiocraft.models")
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        missing = "AudioCraft" if name == "audiocraft" else f"AudioCraft's requirement {name!r}"
        command = f"{sys.executable} -m torchbend install musicgen"
        raise TorchbendError(f"{missing} is not installed. Install it with: {command}") from error
    if "xformers.ops" in absent:
        _attend_without_xformers(importlib.import_module("audiocraft.modules.transformer"))
    conditioners: Any = importlib.import_module("audiocraft.modules.conditioners")
    conditioners.spacy = _Languages(None if "spacy" in absent else conditioners.spacy)
    return models


def _loads(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001  a binary that does not fit fails in its own way
        _log.info("%s is not used, it does not load: %s", name, error)
        return False
    return True


@contextmanager
def _stand_ins(names: Sequence[str]) -> Iterator[None]:
    """Let ``from xformers import ops`` and ``import spacy`` succeed meanwhile."""
    made: dict[str, Any] = {}
    for name in names:
        package, _, part = name.partition(".")
        made[package] = ModuleType(package)
        if part:
            made[name] = ModuleType(name)
            made[name].unbind = torch.unbind
            setattr(made[package], part, made[name])
    before = {name: sys.modules.pop(name, None) for name in made}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


# -- attention -------------------------------------------------------------------------
def _attend_without_xformers(transformer: Any) -> None:
    """Let memory-efficient attention run on torch's, for which any mask means "causal"."""
    ordinary = transformer.StreamingMultiheadAttention._get_mask

    def mask(self: Any, current_steps: int, device: torch.device, dtype: torch.dtype) -> Any:
        if not self.memory_efficient:
            return ordinary(self, current_steps, device, dtype)
        if current_steps == 1:
            return None  # one step sees all of the past
        if "past_keys" in self._streaming_state:
            raise TorchbendError("memory-efficient attention takes later steps one at a time")
        return _CAUSAL

    transformer.StreamingMultiheadAttention._get_mask = mask
    transformer._verify_xformers_memory_efficient_compat = lambda: None


_CAUSAL = object()


# -- words -----------------------------------------------------------------------------
@dataclass(frozen=True)
class _Word:
    """A word as AudioCraft asks spaCy for it."""

    text: str
    is_stop: bool = False

    @property
    def lemma_(self) -> str:
        return self.text.lower()


def plain_words(text: str) -> list[_Word]:
    """The words and signs of a text, as AudioCraft asks spaCy for them."""
    return [_Word(found) for found in re.findall(r"\w+|[^\w\s]", text)]


class _Languages:
    """What ``conditioners.py`` knows as ``spacy``: the language there is, or plain words."""

    def __init__(self, spacy: Any) -> None:
        self._spacy = spacy

    def load(self, name: str) -> Any:
        """A function from text to words."""
        if self._spacy is not None:
            try:
                return self._spacy.load(name)
            except OSError:
                pass
        _log.info("spaCy's %s is not installed: prompts are split at spaces", name)
        return plain_words
