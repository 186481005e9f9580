"""After a failed call: which bend was at fault, in the performer's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ..bending.kernel import Kernel
from ..errors import BendingError
from .bends import made_by
from .chains import Link, is_recording, through
from .hooks import bending_hooks
from .inputs import describe
from .lower import compile_graph, insert_bends
from .record import Trace
from .runner import Plan, Runner
from .shadow import noise_kept

__all__ = ["explain"]

Change = tuple[tuple[int, ...], tuple[int, ...], str]


def explain(
    runner: Runner, plan: Plan, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: Exception
) -> BendingError:
    """Say what failed: the method, its inputs, torch's words, and the bends at fault."""
    text = f"{plan.fn}({describe(args, kwargs)}) failed: {str(error).strip()}"
    for name, (before, after, callback) in _changed_shapes(runner, plan, args, kwargs).items():
        text += (
            f"\nThe bend {callback} on {name!r} changes its shape from {before} to {after}; "
            "what comes after it was made for the first."
        )
    trace = plan.trace
    if trace is not None and trace.sized:
        traced = {p.name: p.shape for p in trace.places if p.op == "placeholder"}
        places = sorted({step.where for step in trace.sized})
        text += (
            f"\nIt was traced for {traced}, and decided on sizes at {', '.join(places)}: "
            "trace it again for other sizes."
        )
    return BendingError(text)


def _changed_shapes(
    runner: Runner, plan: Plan, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Change]:
    """Run once more, on a copy, watching the shapes that go in and out of the bends."""
    changed: dict[str, Change] = {}
    for bend in runner.book.active:
        for key, place in bend.places.items():
            if place.kind == "weight" and place.shape is not None:
                new = tuple(runner.bank.wanted(place.name).shape)
                if new != place.shape:
                    changed[key] = (place.shape, new, repr(bend.callback))
    trace = plan.trace
    if trace is None:
        return changed
    named, inputs = runner.arguments(runner.chains(trace))
    watched: dict[str, list[Link]] = {
        name: [(_watch(name, kernel, changed), words) for kernel, words in chain]
        for name, chain in named.items()
    }
    rest = dict(kwargs)
    try:
        given = runner.given(inputs, rest)
        with noise_kept():
            _run_again(runner, trace, watched, given, args, rest)
    except Exception:  # noqa: BLE001, S110  it fails again: the shapes are what we came for
        pass
    return changed


def _run_again(
    runner: Runner,
    trace: Trace,
    watched: Mapping[str, list[Link]],
    given: Mapping[str, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    twin = runner.bank.twin(bent=True)
    if trace.graph is not None:
        run = compile_graph(insert_bends(trace.graph, watched), twin, trace.constants)
        run(*runner.ordered(trace, args, kwargs), **given)
    else:
        hooks = {name: through(chain, given) for name, chain in watched.items()}
        with bending_hooks(twin, hooks):
            runner.method(trace.fn, twin)(*args, **kwargs)


def _watch(name: str, kernel: Kernel, changed: dict[str, Change]) -> Callable[..., torch.Tensor]:
    def watched(x: torch.Tensor, **call: Any) -> torch.Tensor:
        out = x if is_recording(kernel) else kernel.forward(x, **call)
        if out.shape != x.shape:
            changed[name] = (tuple(x.shape), tuple(out.shape), made_by(kernel))
        return out

    return watched
