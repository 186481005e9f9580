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
from .source import contents_of, put_back
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
    spots = survey(Operation(runner.source.open_bare()), fn)
    runner.sites[fn] = {spot.name: spot.site for spot in spots}
    seen: dict[str, torch.Tensor] = {}
    names = [spot.name for spot in spots if not spot.state]
    with plain_tensors(), noise_kept():
        torch.manual_seed(_SEED)
        module, _taps = _noting(runner, fn, names, seen.setdefault)
        before = contents_of(runner.source, module)
        out = _call(runner, fn, module, arguments)
        written = _changed(before, contents_of(runner.source, module))
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
    runner: FileRunner, fn: str, names: Sequence[str], runs: Sequence[Mapping[str, Any]]
) -> list[dict[str, torch.Size]]:
    """The shapes of activations in runs of a copy, each from the same state.

    Returns:
        Of each run, those of the activations that it came by.
    """
    if not names:
        return [{} for _ in runs]
    found: list[dict[str, torch.Size]] = []
    with plain_tensors(), noise_kept():
        module, _taps = _noting(
            runner, fn, names, lambda name, x: found[-1].setdefault(name, x.shape)
        )
        before = contents_of(runner.source, module)
        # a second run would be worth optimizing, if there were many more
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            for arguments in runs:
                found.append({})
                put_back(module, before)
                torch.manual_seed(_SEED)
                _call(runner, fn, module, arguments)
    return found


def _noting(
    runner: FileRunner,
    fn: str,
    names: Sequence[str],
    note: Callable[[str, torch.Tensor], Any],
) -> tuple[torch.jit.ScriptModule, Taps]:
    """A copy that notes activations of a method, with the present weights and state.

    Returns:
        The copy, and what it calls, which must live as long.
    """

    def noting(name: str) -> Function:
        def see(x: torch.Tensor) -> torch.Tensor:
            note(name, x)
            return x

        return see

    taps = Taps()
    module = runner.operate({fn: {name: noting(name) for name in names}}, taps)
    runner.bank.make_twin(module, bent=False)
    return module, taps


def _call(
    runner: FileRunner, fn: str, module: torch.jit.ScriptModule, arguments: Mapping[str, Any]
) -> Any:
    try:
        return runner.method(fn, module)(**arguments)
    except Exception as error:
        raise TracingError(
            f"{fn} fails on these inputs ({describe((), arguments)}): {script_line(error)}"
        ) from error


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
