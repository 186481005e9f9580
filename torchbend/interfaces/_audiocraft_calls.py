"""What the calls of a MusicGen are given, and the steps that they run through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from torchbend.bending.steps import tell_step
from torchbend.errors import BendingError
from torchbend.tracing.shadow import noise_kept

__all__ = ["seeded", "tell_steps", "texts_of"]


def texts_of(descriptions: Any, none: bool = False) -> list[Any]:
    """The texts as a list.

    Raises:
        BendingError: there is none, or one is empty.
    """
    texts = [descriptions] if isinstance(descriptions, str) else descriptions
    if not isinstance(texts, (list, tuple)) or not texts:
        raise BendingError(f"give a text, or a list of texts; got {descriptions!r}")
    for text in texts:
        if none and text is None:
            continue
        if not isinstance(text, str) or not text.strip():
            raise BendingError(
                f"{text!r} among the texts says nothing: generate_unconditional(n) needs none"
            )
    return list(texts)


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Draw from a seed meanwhile, and leave torch's own random numbers where they were."""
    if seed is None:
        yield
        return
    with noise_kept():
        torch.manual_seed(seed)
        yield


def tell_steps(model: Any) -> None:
    """Let one of AudioCraft's generators tell, as it runs, which frame of the codes it makes.

    Its language model tells the step when it is called, and the generator, when it goes over to
    the sound, that the steps are over. A hook behind the language model could not: the bends of
    its own output come after it.
    """
    kind = type(model)

    def generate_audio(self: Any, gen_tokens: Tensor) -> Any:
        tell_step(None)
        return kind.generate_audio(self, gen_tokens)

    model.__class__ = type(kind.__name__, (kind,), {"generate_audio": generate_audio})
    model.lm.register_forward_pre_hook(_enter_step, with_kwargs=True)


def _enter_step(lm: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    sequence = args[0] if args else kwargs["sequence"]
    offsets = lm.transformer._streaming_state.get("offsets")
    before = 0 if offsets is None else int(offsets[0])
    tell_step(before + sequence.shape[-1] - 1)
