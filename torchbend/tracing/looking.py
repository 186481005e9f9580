"""Looking inside a run: inner values out, and inner values in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from ..bending import BendingCallback
from ..bending.callback import walk
from ..errors import BendingError, TorchbendError, suggest
from ..places import Place, match
from .bends import PlacedBend, place_kernels, tell
from .chains import Link, quiet, through
from .faults import explain
from .hooks import bending_hooks, recording_hooks
from .inputs import describe
from .lower import (
    SUFFIX,
    compile_graph,
    copy_graph,
    cut_before,
    insert_bends,
    with_outputs,
)
from .record import Trace, TracedGraph
from .runner import Runner

if TYPE_CHECKING:
    from .core import Core

__all__ = ["bent_once", "from_activations", "get_activations", "names_of"]


# -- inner values out ------------------------------------------------------------------
def get_activations(
    bended: Core,
    patterns: Sequence[str],
    fn: str,
    with_bends: bool,
    bent_only: bool,
    save_as: str | None,
    inputs: dict[str, Any],
) -> dict[str, torch.Tensor]:
    """See :meth:`BendedModule.get_activations`."""
    trace = bended._trace_of(fn)
    names = names_of(trace, patterns)
    if save_as is not None:
        _save_outputs(bended, trace, names, save_as)
    runner = bended._runner
    twin = runner.bank.twin(bent=with_bends)
    with torch.no_grad():
        try:
            look = _by_hooks if trace.graph is None else _by_graph
            found = look(runner, twin, trace, names, inputs, with_bends)
        except TorchbendError:
            raise
        except Exception as error:
            plan = runner.plans.get(fn) or runner._plan(fn)
            raise explain(runner, plan, (), inputs, error) from error
    return bent_once(found) if bent_only else found


def bent_once(found: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each value once, under its own name, and as it is after its bends."""
    bent = {n.removesuffix(SUFFIX): v for n, v in found.items() if n.endswith(SUFFIX)}
    return {n: bent.get(n, v) for n, v in found.items() if not n.endswith(SUFFIX)}


def names_of(trace: Trace, patterns: Sequence[str]) -> list[str]:
    """Names of the activations that patterns reach, in order.

    Raises:
        BendingError: there is no pattern, or one reaches nothing.
    """
    if not patterns:
        raise BendingError("name at least one activation, or a pattern such as '.*'")
    wanted: set[str] = set()
    for pattern, places in match(patterns, trace.places, lambda m: m == trace.fn).items():
        if not places:
            there = [p.name for p in trace.places]
            raise BendingError(
                f"the pattern {pattern!r} matches no activation of {trace.fn}. "
                f"{suggest(pattern, there)}"
            )
        wanted.update(p.name for p in places)
    return [p.name for p in trace.places if p.name in wanted]


def _by_graph(
    runner: Runner,
    twin: nn.Module,
    trace: Trace,
    names: Sequence[str],
    inputs: dict[str, Any],
    bends: bool,
) -> dict[str, torch.Tensor]:
    graph: fx.Graph = trace.graph  # type: ignore[assignment]
    chains = runner.chains(trace) if bends else {}
    named, arguments = runner.arguments(chains)
    graph = insert_bends(graph, quiet(named))
    labels: list[str] = []
    for name in names:
        labels += [name, name + SUFFIX] if name in chains else [name]
    shared = trace.shared | {label + SUFFIX for label in trace.shared}
    run = compile_graph(with_outputs(graph, labels, shared), twin, trace.constants)
    rest = dict(inputs)
    given = runner.given(arguments, rest)
    _, values = run(*runner.ordered(trace, (), rest), **given)
    found = dict(zip(labels, values, strict=True))
    if not bends:
        return found
    out: dict[str, torch.Tensor] = {}
    for label, value in found.items():
        place = trace.place(label)
        weight = place.target if place is not None and place.op == "get_attr" else None
        if weight is not None and runner.bank.is_changed(weight):
            out[label] = runner.bank.base(weight, runner.bank.version).detach()
            out[label + SUFFIX] = value
        else:
            out[label] = value
    return out


def _by_hooks(
    runner: Runner,
    twin: nn.Module,
    trace: Trace,
    names: Sequence[str],
    inputs: dict[str, Any],
    bends: bool,
) -> dict[str, torch.Tensor]:
    named, arguments = runner.arguments(runner.chains(trace) if bends else {})
    rest = dict(inputs)
    given = runner.given(arguments, rest)
    found: dict[str, torch.Tensor] = {}

    def bend_of(name: str, chain: Sequence[Link]) -> Any:
        bend = through(chain, given)

        def bend_and_note(value: torch.Tensor) -> torch.Tensor:
            found[name] = value.clone()
            value = bend(value)
            found[name + SUFFIX] = value.clone()
            return value

        return bend_and_note

    def note(name: str, value: torch.Tensor) -> None:
        if name not in named:
            found[name] = value.clone()

    hooks = {name: bend_of(name, chain) for name, chain in quiet(named).items()}
    with bending_hooks(twin, hooks), recording_hooks(twin, note):
        runner.method(trace.fn, twin)(**rest)
    labels = [label for name in names for label in (name, name + SUFFIX)]
    return {label: found[label] for label in labels if label in found}


# -- inner values in -------------------------------------------------------------------
def from_activations(
    bended: Core,
    patterns: Sequence[str],
    callbacks: Sequence[BendingCallback] | None,
    fn: str,
    save_as: str | None,
    values: dict[str, Any],
) -> Any:
    """See :meth:`BendedModule.from_activations`."""
    trace = bended._trace_of(fn)
    if trace.graph is None:
        raise BendingError(
            f"{fn} cannot be started from an inner value: it was recorded by hooks ({trace.reason})"
        )
    runner = bended._runner
    extra = list(callbacks or ())
    placed = [c for c in extra if any(b.callback is c for b in bended._book.active)]
    if patterns:
        names = names_of(trace, patterns)
    else:
        there = bended._book.bent_activations(fn)
        names = [n for n, used in there.items() if any(c is u for c in placed for u in used)]
        if not names:
            raise BendingError(
                "from_activations needs the names of the activations to start from, or "
                "callbacks that bend some"
            )
    fresh = [c for c in extra if not any(c is p for p in placed)]
    places = {p.key: p for p in trace.places if p.name in names}
    temporary = [
        PlacedBend(
            callback=c,
            patterns=tuple(names),
            saved=tuple(names),
            version=bended._bank.version,
            kernels=_kernels(bended, c, places, values),
            places=places,
        )
        for c in fresh
    ]
    missing = [n for n in names if n not in values]
    if missing:
        raise BendingError(
            f"from_activations({', '.join(map(repr, names))}) needs a value for each: "
            f"pass {missing[0]}=..., of shape {places[f'{fn}:{missing[0]}'].shape} or another batch"
        )
    if save_as is not None:
        given_names = [n for n in trace.inputs if n in values]
        derived = _derive(
            trace, cut_before(trace.graph, names, given_names, trace.writers, fn), save_as
        )
        _keep_method(bended, trace, derived)
    bended._book.active.extend(temporary)
    try:
        _tell_solos(bended)
        return _continue(runner, trace, names, values)
    finally:
        for bend in temporary:
            bended._book.active.remove(bend)
        _tell_solos(bended)


def _tell_solos(bended: Core) -> None:
    for wire in bended._book.tell_solos(bended._knobs)[1]:
        tell(wire)


def _kernels(
    bended: Core,
    callback: BendingCallback,
    places: Mapping[str, Place],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    shaped = {}
    for key, place in places.items():
        value = values.get(place.name)
        shaped[key] = (
            replace(place, shape=tuple(value.shape)) if isinstance(value, torch.Tensor) else place
        )
        callback.check(shaped[key])
    return place_kernels(callback, shaped, bended._value, bended.device, bended._knobs)


def _continue(runner: Runner, trace: Trace, names: Sequence[str], values: dict[str, Any]) -> Any:
    graph: fx.Graph = trace.graph  # type: ignore[assignment]
    named, arguments = runner.arguments(runner.chains(trace))
    rest = dict(values)
    given = runner.given(arguments, rest)
    unknown = [n for n in rest if n not in names and n not in trace.inputs]
    if unknown:
        raise BendingError(
            f"{trace.fn} has no activation, input or callback argument {unknown[0]!r} here. "
            f"{suggest(unknown[0], [*names, *trace.inputs, *arguments])}"
        )
    cut = cut_before(insert_bends(graph, quiet(named)), names, list(rest), trace.writers, trace.fn)
    inputs = [str(n.target) for n in cut.nodes if n.op == "placeholder"]
    run = compile_graph(cut, runner.bank.twin(bent=True), trace.constants)
    try:
        return run(**{n: (rest | given)[n] for n in inputs if n in rest or n in given})
    except TorchbendError:
        raise
    except Exception as error:
        raise BendingError(
            f"{trace.fn} cannot go on from {describe((), values)}: {error}"
        ) from error


# -- methods cut out of others ---------------------------------------------------------
def _save_outputs(bended: Core, trace: Trace, names: Sequence[str], save_as: str) -> None:
    if trace.graph is None:
        raise BendingError(f"{trace.fn} has no graph to cut a method out of: {trace.reason}")
    new, nodes = copy_graph(trace.graph)
    for name in names:
        if name in trace.shared:
            with new.inserting_after(nodes[name]):
                nodes[name] = new.call_method("clone", (nodes[name],))
    (output,) = [n for n in new.nodes if n.op == "output"]
    output.args = ({name: nodes[name] for name in names},)
    _keep_method(bended, trace, _derive(trace, new, save_as))


def _derive(trace: Trace, graph: fx.Graph, name: str) -> Trace:
    inputs = tuple(str(n.target) for n in graph.nodes if n.op == "placeholder")
    left = {n.name for n in graph.nodes}
    places = tuple(
        replace(p, fn=name, op="placeholder" if p.name in inputs else p.op)
        for p in trace.places
        if p.name in left
    )
    traced = TracedGraph()
    output: Any = traced.graph_copy(graph, {}, return_output_node=True)
    traced.output(output[0])
    if trace.graph is not None:
        traced.flow_steps = trace.graph.flow_steps
    return replace(
        trace, fn=name, places=places, inputs=inputs, graph=traced, signature=None, source=trace.fn
    )


def _keep_method(bended: Core, trace: Trace, derived: Trace) -> None:
    name = derived.fn
    if not name.isidentifier() or name.startswith("_"):
        raise BendingError(f"a method's name is an identifier; got {name!r}")
    there = bended._runner.traces.get(name)
    if (there is None or there.source is None) and (
        hasattr(type(bended), name) or hasattr(bended._shadow, name)
    ):
        raise BendingError(f"{name!r} is taken: {type(bended._module).__name__} has it already")
    bended._runner.traces[name] = derived
    for bend in bended._book.active:
        for place in list(bend.places.values()):
            if place.fn == trace.fn and derived.place(place.name) is not None:
                key = f"{name}:{place.name}"
                bend.places[key] = replace(place, fn=name)
                bend.kernels[key] = bend.kernels[place.key]
    bended._runner.rebuild({name})


# -- small things ----------------------------------------------------------------------
def filtered(
    names: Iterable[str],
    flt: str | Sequence[str] | None,
    exclude: str | Sequence[str] | None,
) -> list[str]:
    """Names that a pattern of ``flt`` matches and none of ``exclude`` does.

    Raises:
        BendingError: a pattern is no regular expression, or ``flt`` matches nothing.
    """
    wanted = [flt] if isinstance(flt, str) else list(flt or [".*"])
    unwanted = [exclude] if isinstance(exclude, str) else list(exclude or [])
    for pattern in (*wanted, *unwanted):
        try:
            re.compile(pattern)
        except re.error as error:
            raise BendingError(
                f"the pattern {pattern!r} is not a regular expression: {error}"
            ) from error
    there = list(names)
    found = [name for name in there if any(re.match(p, name) for p in wanted)]
    if flt is not None and there and not found:
        raise BendingError(f"nothing matches {flt!r}. {suggest(wanted[0], there)}")
    return [name for name in found if not any(re.match(p, name) for p in unwanted)]


def target_name(node: fx.Node) -> str:
    """What a node calls or reads, as text that is the same in every run."""
    if isinstance(node.target, str):
        return node.target
    return re.sub(r"( of type object)? at 0x[0-9a-f]+", "", repr(node.target))


def with_buffers(trace: Trace, patterns: Sequence[str]) -> Trace:
    """Keep buffers among the places only where they were asked for."""

    def asked(place: Place) -> bool:
        return place.op != "buffer" or any(re.match(p, place.target) for p in patterns)

    return replace(trace, places=tuple(p for p in trace.places if asked(p)))


def written_buffers(runner: Runner) -> frozenset[str]:
    """Buffers that some traced method writes: streaming state, of no version."""
    return frozenset().union(*(t.written_buffers for t in runner.traces.values()))


def members(callbacks: Iterable[BendingCallback]) -> list[BendingCallback]:
    """Callbacks, and those inside others."""
    return [each for callback in callbacks for each in walk(callback)]
