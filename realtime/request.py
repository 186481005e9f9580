"""What somebody asked to be played: its files, what plays after what, and the bus that it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torchbend.description import MethodInfo
from torchbend.realtime.opening import Prepared, choose_method, prepare_chain
from torchbend.realtime.part import Chosen, steps_of
from torchbend.realtime.worker.chain import Step

__all__ = ["bus_channels", "prepare_asked", "sample_rate_of"]

_RATE = 48000  # of models that do not say


def prepare_asked(
    asked: dict[str, Any],
    chosen: Chosen,
    *,
    folder: str | os.PathLike[str],
    say: Callable[[str], object],
) -> tuple[tuple[Prepared, ...], Chosen]:
    """Prepare the models; several methods of one model play one after the other.

    Args:
        asked: ``models`` and the other arguments of `prepare_chain`.
        chosen: how they are to be played.
        folder: for `prepare_chain`.
        say: the same.

    Returns:
        The models, and how they are played with the steps set.

    Raises:
        TorchbendError: they cannot be played.
    """
    asked, steps = dict(asked), None
    methods = asked.get("method")
    models = asked.pop("models", None)
    alone = not isinstance(models, (list, tuple)) or len(models) == 1
    if alone and isinstance(methods, (list, tuple)) and len(methods) > 1:
        steps = tuple(Step(0, name) for name in methods)
        asked["method"] = methods[0]
    chain = prepare_chain(models, folder=folder, say=say, **asked)
    for step in steps or ():
        choose_method(chain[0].info, step.method, chain[0].name)
    return chain, replace(chosen, steps=steps)


def sample_rate_of(chain: Sequence[Prepared]) -> int:
    """The rate that a chain is made for, in Hz."""
    return next((m.info.sample_rate for m in chain if m.info.sample_rate), _RATE)


def bus_channels(
    chain: Sequence[Prepared], chosen: Chosen, channels: int | None
) -> tuple[int, int]:
    """How many channels come in, and how many are heard.

    Args:
        chain: what plays.
        chosen: how.
        channels: of the input, if somebody chose them.
    """
    steps = steps_of(chain, chosen)
    first, last = (_method(chain, step) for step in (steps[0], steps[-1]))
    inputs = channels or (first.in_channels if first.in_ratio == 1 else 0)
    voices = inputs // first.in_channels if inputs and inputs % first.in_channels == 0 else 1
    return inputs, max(2, voices * last.out_channels)


def _method(chain: Sequence[Prepared], step: Step) -> MethodInfo:
    methods = chain[step.model].info.methods
    return next(method for method in methods if method.name == step.method)
