"""Looking into a TorchScript module: what its methods compute, by running copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ..errors import BendingError, TorchbendError, TracingError, script_line
from ..places import Place
from ..tracing.chains import quiet, through
from ..tracing.inputs import describe
from ..tracing.lower import SUFFIX
from ..tracing.record import Trace, bounds_of
from ..tracing.shadow import noise_kept, plain_tensors
from ..tracing.tracer import has_tensor
from .runner import FileRunner
from .source import contents_of
from .surgery import Operation
from .survey import survey
from .taps import Function, Taps

__all__ = ["look_inside", "record", "values_in"]

_SEED = 0x70BE


def record(
    runner: FileRunner, fn: str, arguments: Mapping[str, Any], signature: Any
) -> tuple[Trace, Any]:
    """Find the places of a method and their shapes, by one run of a copy.

    Returns:
        The record, and what the method gave. The runner knows where each place is.

    Raises:
        TracingError: the method fails on these inputs.
    """
    spots = survey(Operation(runner.source.open()), fn)
    runner.sites[fn] = {spot.name: spot.site for spot in spots}
    seen: dict[str, torch.Tensor] = {}
    names = [spot.name for spot in spots if not spot.state]
    written: set[str] = set()
    out = _run(runner, fn, names, lambda name, x: seen.setdefault(name, x), arguments, written)
    modules = any(spot.op == "call_module" for spot in spots)
    places = tuple(
        Place(
            spot.name,
            "activation",
            tuple(seen[spot.name].shape) if spot.name in seen else None,
            seen[spot.name].dtype if spot.name in seen else None,
            fn,
            spot.op,
            spot.target,
            spot.module,
            state=spot.state,
            inner=modules and spot.op in ("call_function", "call_method"),
        )
        for spot in spots
        if spot.state or spot.name in seen
    )
    inputs = tuple(name for name, value in arguments.items() if has_tensor(value))
    trace = Trace(
        fn,
        "script",
        places,
        inputs,
        {name: value for name, value in arguments.items() if name not in inputs},
        signature,
        written_buffers=frozenset(written),
        reason="it is TorchScript",
        bounds=bounds_of({name: arguments[name] for name in inputs}),
    )
    return trace, out


def values_in(
    runner: FileRunner, fn: str, names: Sequence[str], arguments: Mapping[str, Any]
) -> dict[str, torch.Size]:
    """The shapes of activations in a run of a copy; of those that it came by."""
    shapes: dict[str, torch.Size] = {}
    _run(runner, fn, names, lambda name, x: shapes.setdefault(name, x.shape), arguments)
    return shapes


def _run(
    runner: FileRunner,
    fn: str,
    names: Sequence[str],
    note: Callable[[str, torch.Tensor], Any],
    arguments: Mapping[str, Any],
    written: set[str] | None = None,
) -> Any:
    def noting(name: str) -> Function:
        def see(x: torch.Tensor) -> torch.Tensor:
            note(name, x)
            return x

        return see

    taps = Taps()
    with plain_tensors(), noise_kept():
        torch.manual_seed(_SEED)
        module = runner.operate({fn: {name: noting(name) for name in names}}, taps)
        runner.bank.make_twin(module, bent=False)
        before = contents_of(runner.source, module) if written is not None else {}
        try:
            out = runner.method(fn, module)(**arguments)
        except Exception as error:
            raise TracingError(
                f"{fn} fails on these inputs ({describe((), arguments)}): {script_line(error)}"
            ) from error
        if written is not None:
            written.update(_changed(before, contents_of(runner.source, module)))
    return out


def _changed(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> set[str]:
    """Names of the tensors that a run wrote."""
    return {
        ".".join((*path, name))
        for (path, name), old in before.items()
        for new in [after[path, name]]
        if isinstance(old, torch.Tensor)
        and not (old.shape == new.shape and torch.equal(old.nan_to_num(), new.nan_to_num()))
    }


def look_inside(
    runner: FileRunner,
    trace: Trace,
    names: Sequence[str],
    inputs: Mapping[str, Any],
    bent: bool,
) -> dict[str, torch.Tensor]:
    """Run a copy, with the bends or without, and return inner values.

    Returns:
        By name, in order; a bent value as it was before, and after with ``_bended`` behind
        its name.

    Raises:
        BendingError: the run fails.
    """
    found: dict[str, torch.Tensor] = {}
    taps = Taps()
    functions: dict[str, dict[str, Function]] = {trace.fn: {}}
    taken: Mapping[str, Sequence[str]] = {}
    for fn, chains in (runner.all_chains() if bent else {}).items():
        named, words = runner.arguments(chains)
        taken = words if fn == trace.fn else taken
        links = quiet(named)
        functions.setdefault(fn, {}).update(
            {name: through(links[name], taps.given) for name in chains}
        )
    for name in names:
        functions[trace.fn][name] = _seen(name, functions[trace.fn].get(name), found)
    with plain_tensors():
        module = runner.operate(functions, taps)
        runner.bank.make_twin(module, bent=bent)
        arguments = dict(inputs)
        taps.given.update(runner.given(taken, arguments))
        try:
            runner.method(trace.fn, module)(**arguments)
        except Exception as error:
            if isinstance(taps.failure, TorchbendError):
                raise taps.failure from None
            raise BendingError(
                f"{trace.fn}({describe((), arguments)}) failed: "
                f"{script_line(taps.failure or error)}"
            ) from error
    labels = [label for name in names for label in (name, name + SUFFIX)]
    return {label: found[label] for label in labels if label in found}


def _seen(name: str, bend: Function | None, found: dict[str, torch.Tensor]) -> Function:
    def see(x: torch.Tensor) -> torch.Tensor:
        found[name] = x.detach().clone()
        if bend is None:
            return x
        x = bend(x)
        found[name + SUFFIX] = x.detach().clone()
        return x

    return see
