"""Running a bent model at the speed of the unbent one.

What runs is decided when the set of bends changes: a method whose activations are not
bent is the shadow's own method, any other its traced graph with kernels in it. A call
then only swaps in weights that were computed meanwhile, and runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from ..bending import BendingParameter
from ..bending.kernel import STATE, Kernel, forget
from ..errors import BendingError, TorchbendError, suggest
from ..places import Place
from .bends import BendBook, Wire, tell
from .chains import NamedChains, forwards, through
from .hooks import bending_hooks
from .inputs import bind, describe
from .knobs import Knobs
from .lower import CallArgument, compile_graph, insert_bends, with_outputs
from .record import Trace
from .shadow import State, noise_kept, plain_tensors, restore, snapshot
from .weights import WeightBank

__all__ = ["Plan", "Runner", "shape_key"]


_MOST_SHAPES = 256


@dataclass
class Plan:
    """How one method runs.

    Attributes:
        fn: the method.
        function: runs it.
        trace: its record, where the bent graph or hooks run; None for the method itself.
        arguments: what kernels take from the call: input of the plan by keyword.
        seen: shapes that it has run on since it was made.
    """

    fn: str
    function: Callable[..., Any]
    trace: Trace | None = None
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seen: set[Any] = field(default_factory=set)

    @cached_property
    def direct(self) -> bool:
        """Whether a call's positional arguments are the graph's inputs as they stand."""
        if self.trace is None or self.trace.kind == "hooks":
            return False
        if self.trace.fixed or self.arguments:
            return False
        if self.trace.signature is None:
            return True
        first = list(self.trace.signature.parameters.values())[: len(self.trace.inputs)]
        return tuple(p.name for p in first) == self.trace.inputs and all(
            p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in first
        )

    def remember(self, key: Any) -> None:
        """Note shapes that it has run on."""
        if len(self.seen) >= _MOST_SHAPES:
            self.seen.clear()
        self.seen.add(key)


class Runner:
    """Runs the methods of a shadow with the bends of a book.

    A change is heard by the next call that starts while no other runs: bend and move knobs
    from any thread, and let one thread play.

    Args:
        shadow: the model.
        bank: its weights.
        book: its bends.
        knobs: its own operands.
    """

    shadow: nn.Module
    bank: WeightBank

    def __init__(self, shadow: nn.Module, bank: WeightBank, book: BendBook, knobs: Knobs) -> None:
        self.shadow = shadow
        self.bank = bank
        self.book = book
        self.knobs = knobs
        self.traces: dict[str, Trace] = {}
        self.plans: dict[str, Plan] = {}
        self.wires: list[Wire] = []
        self.running = 0

    # -- plans -------------------------------------------------------------------
    def build(self, methods: Iterable[str]) -> dict[str, Plan]:
        """Decide how these methods run, by their present bends; nothing is changed."""
        return {fn: self._plan(fn) for fn in methods if fn in self.traces}

    def rebuild(self, methods: Iterable[str]) -> None:
        """Decide anew how these methods run; the others stay as they are."""
        self.commit({}, self.build(methods))

    def chains(self, trace: Trace) -> dict[str, list[Kernel]]:
        """The kernels on each bent activation of a traced method, in order."""
        found = {p.name: self.book.activation_chain(p.key) for p in trace.places}
        return {name: kernels for name, kernels in found.items() if kernels}

    def arguments(
        self, chains: Mapping[str, Sequence[Kernel]]
    ) -> tuple[dict[str, list[tuple[Kernel, list[CallArgument]]]], dict[str, list[str]]]:
        """Name the inputs through which kernels take arguments from the call.

        Returns:
            The chains with each kernel's arguments, and for each keyword the inputs that
            take it: one of the keyword's own name, or ``keyword_0``, ``keyword_1``, ...
        """
        takers: dict[str, int] = {}
        for chain in chains.values():
            for kernel in chain:
                for keyword in kernel.call_args:
                    takers[keyword] = takers.get(keyword, 0) + 1
        inputs = {
            keyword: [keyword] if n == 1 else [f"{keyword}_{i}" for i in range(n)]
            for keyword, n in takers.items()
        }
        free = {keyword: iter(names) for keyword, names in inputs.items()}
        named = {
            name: [(k, [CallArgument((w, next(free[w]))) for w in k.call_args]) for k in chain]
            for name, chain in chains.items()
        }
        return named, inputs

    def _plan(self, fn: str) -> Plan:
        trace = self.traces.get(fn)
        chains = self.chains(trace) if trace else {}
        if trace is None or (not chains and trace.source is None):
            return Plan(fn, self.method(fn))
        named, inputs = self.arguments(chains)
        taken = set(trace.inputs) & {i for names in inputs.values() for i in names}
        if taken:
            raise BendingError(
                f"{fn} has an input {sorted(taken)[0]!r}, and a callback takes an argument of "
                "that name from the call: rename one"
            )
        if trace.kind == "hooks":
            return Plan(fn, self._hooked(fn, named), trace, inputs)
        graph = trace.graph
        if graph is None:
            raise BendingError(f"{fn} has no graph")
        function = compile_graph(insert_bends(graph, forwards(named)), self.shadow, trace.constants)
        return Plan(fn, function, trace, inputs)

    def method(self, fn: str, holder: nn.Module | None = None) -> Callable[..., Any]:
        """The method itself, of the shadow or of a copy of it.

        Raises:
            BendingError: there is none of that name.
        """
        holder = self.shadow if holder is None else holder
        if fn == "forward":
            return holder
        method = getattr(holder, fn, None)
        if not callable(method):
            there = [n for n in dir(type(self.shadow)) if not n.startswith("_")]
            own = [n for n in there if n not in dir(nn.Module)]
            raise BendingError(
                f"{type(self.shadow).__name__} has no method {fn!r}. "
                f"{suggest(fn, ['forward', *own, *self.traces])}"
            )
        return method  # type: ignore[no-any-return]

    def _hooked(self, fn: str, named: NamedChains) -> Callable[..., Any]:
        method, chains = self.method(fn), forwards(named)

        def run(given: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
            bends = {name: through(chain, given) for name, chain in chains.items()}
            with bending_hooks(self.shadow, bends):
                return method(*args, **kwargs)

        return run

    # -- calls -------------------------------------------------------------------
    def run(self, fn: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a method.

        Raises:
            BendingError: no such method, inputs that do not fit, or a bend that breaks
                the run. On shapes that have not run before, the state of the model is put
                back then.
        """
        if fn not in self.plans:
            self.plans[fn] = self._plan(fn)
        with self.bank.gate:
            if not self.running:
                self._take_over()
            self.running += 1
            plan = self.plans[fn]
        try:
            key = shape_key(args), shape_key(kwargs)
            if key in plan.seen:
                return self._call(plan, args, kwargs)
            self._check_sizes(plan, args, kwargs)
            state = self.keep()
            try:
                out = self._call(plan, args, kwargs)
            except BaseException:
                self.put_back(state)
                raise
            plan.remember(key)
            return out
        except TorchbendError:
            raise
        except Exception as error:
            from .faults import explain

            raise explain(self, plan, args, kwargs, error) from error
        finally:
            with self.bank.gate:
                self.running -= 1

    def kernels(self) -> Iterator[Kernel]:
        """The kernels on all bent activations."""
        for trace in self.traces.values():
            for chain in self.chains(trace).values():
                yield from chain

    def forget(self) -> None:
        """Let bends on activations forget what they remember of earlier blocks."""
        for kernel in self.kernels():
            forget(kernel)

    def keep_past(self) -> State:
        """Copy what bends on activations remember of earlier blocks."""
        found: State = {}
        for kernel in self.kernels():
            found.update(snapshot(kernel, STATE))
        return found

    def keep(self) -> Any:
        """Copy the streaming state, and what bends remember."""
        return {**snapshot(self.shadow), **self.keep_past()}

    def put_back(self, state: Any) -> None:
        """Put back what :meth:`keep` copied."""
        restore(self.shadow, state)

    def _take_over(self) -> None:
        """Let the next call hear what changed. The gate is held, and nothing runs."""
        if self.bank.pending:
            self.bank.swap()
        wires, self.wires = self.wires, []
        for wire in wires:
            tell(wire)
        if self.knobs.moved:
            self.knobs.hear()

    def settle(self) -> None:
        """Put what waits for the next call in its place now, unless a call is running."""
        with self.bank.gate:
            if not self.running:
                self._take_over()

    def commit(
        self,
        weights: Mapping[str, nn.Parameter],
        plans: Mapping[str, Plan] | None = None,
        moved: Sequence[BendingParameter] = (),
        wires: Sequence[Wire] = (),
    ) -> None:
        """Hand over a change as one: the next call hears all of it, a running one nothing.

        Args:
            weights: computed anew.
            plans: how methods run from now on.
            moved: controls that moved.
            wires: which solos kernels on activations hear.
        """
        with self.bank.gate:
            self.bank.pending.update(weights)
            self.wires += wires
            for parameter in moved:
                self.knobs.note(parameter)
            self.plans.update(plans or {})
            if not moved:  # a knob keeps the shapes; anything else may break a run
                for plan in self.plans.values():
                    plan.seen.clear()
            if not self.running:
                self._take_over()

    def _call(self, plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        trace = plan.trace
        if trace is None:
            return plan.function(*args, **kwargs)
        if not kwargs and plan.direct and len(args) == len(trace.inputs):
            return plan.function(*args)
        given = self.given(plan.arguments, kwargs)
        if trace.kind == "hooks":
            return plan.function(given, *args, **kwargs)
        return plan.function(*self.ordered(trace, args, kwargs), **given)

    @staticmethod
    def given(arguments: Mapping[str, Sequence[str]], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Take the kernels' arguments out of a call's.

        Raises:
            BendingError: a list does not have one value for each callback.
        """
        given: dict[str, Any] = {}
        for keyword, inputs in arguments.items():
            if keyword not in kwargs:
                continue
            value = kwargs.pop(keyword)
            if isinstance(value, (list, tuple)) and not (len(inputs) == 1 and _numbers(value)):
                if len(value) != len(inputs):
                    raise BendingError(
                        f"{keyword!r} goes to {len(inputs)} callbacks, and {len(value)} values "
                        "were given: pass one for all, or a list with one for each"
                    )
                values = list(value)
            else:
                values = [value] * len(inputs)
            given.update({i: _tensor(v) for i, v in zip(inputs, values, strict=True)})
        return given

    @staticmethod
    def ordered(trace: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """A call's arguments in the order of the graph's inputs.

        Raises:
            BendingError: one is missing, or the graph was traced for another value.
        """
        if trace.signature is None:
            named = dict(zip(trace.inputs, args, strict=False)) | kwargs
        else:
            named = bind(trace.fn, trace.signature, args, kwargs)
        missing = [name for name in trace.inputs if name not in named]
        if missing:
            raise BendingError(
                f"{trace.fn} was traced with {', '.join(trace.inputs)}; {missing[0]!r} is missing"
            )
        parameters = {} if trace.signature is None else trace.signature.parameters
        for name in [n for n in (*named, *trace.fixed) if n not in trace.inputs]:
            default = parameters[name].default if name in parameters else None
            value, traced = named.get(name, default), trace.fixed.get(name, default)
            if value is not traced and (isinstance(value, torch.Tensor) or value != traced):
                raise BendingError(
                    f"{trace.fn} was traced with {name}={traced!r} and its activations are "
                    f"bent for that: trace it again with {name}={describe((value,), {})}"
                )
        return [named[name] for name in trace.inputs]

    def _check_sizes(self, plan: Plan, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Refuse inputs whose sizes would have led the program another way.

        Raises:
            BendingError: names where the program decided, and on what.
        """
        trace = plan.trace
        if trace is None or trace.graph is None or not trace.sized or trace.source is not None:
            return
        rest = dict(kwargs)
        self.given(plan.arguments, rest)
        inputs = self.ordered(trace, args, rest)
        traced = [trace.place_of_input(name) for name in trace.inputs]
        if all(
            p is not None and isinstance(x, torch.Tensor) and tuple(x.shape) == p.shape
            for p, x in zip(traced, inputs, strict=True)
        ):
            return
        graph = with_outputs(trace.graph, [step.node for step in trace.sized], trace.shared)
        with plain_tensors():
            run = compile_graph(graph, self.bank.twin(bent=False), trace.constants)
            try:
                with noise_kept():
                    _, values = run(*inputs)
            except Exception:  # noqa: BLE001  the run itself fails next, and is explained
                return
        for step, value in zip(trace.sized, values, strict=True):
            now = len(value) if step.kind in ("loop", "length") else type(step.value)(value)  # type: ignore[call-arg]
            if now != step.value:
                raise BendingError(
                    f"{trace.fn} was traced for {_shapes(traced)} and its activations are bent "
                    f"for that: at {step.where} it went by {step.value}, and "
                    f"({describe(args, kwargs)}) would make that {now}. Trace it again with "
                    "inputs of this size."
                )


def _shapes(places: Sequence[Place | None]) -> str:
    return ", ".join(f"{p.name} {p.shape}" for p in places if p is not None)


def shape_key(value: Any) -> Any:
    """What a run may depend on beside the values: a key for the shapes that have played."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype, value.device
    if isinstance(value, (tuple, list)):
        return tuple([shape_key(v) for v in value])
    if isinstance(value, dict):
        return tuple([(k, shape_key(v)) for k, v in value.items()])
    return None


def _numbers(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(v, (int, float)) for v in values)


def _tensor(value: Any) -> Any:
    if isinstance(value, (int, float, list, tuple)) and not isinstance(value, bool):
        return torch.as_tensor(value, dtype=torch.get_default_dtype())
    return value
