"""Running a TorchScript module with bends.

Bends on activations are taps in the graphs of a copy that never ran. A new set of bends
builds a new copy; the next call hands over weights and streaming state, and plays it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ..bending import BendingParameter
from ..bending.kernel import Kernel
from ..errors import BendingError, TorchbendError, script_line, suggest
from ..tracing.bends import BendBook, Wire, made_by
from ..tracing.chains import forwards, through
from ..tracing.inputs import describe
from ..tracing.knobs import Knobs
from ..tracing.record import Trace
from ..tracing.runner import Plan, Runner, shape_key
from ..tracing.shadow import restore
from .bank import FileBank
from .source import Contents, Source, contents_of, hand_over, put_back
from .surgery import Operation, Site
from .taps import Function, Taps

__all__ = ["FileRunner", "Stage"]


@dataclass
class Stage:
    """A copy of the model that plays.

    Attributes:
        module: the copy.
        taps: what is in it; none where nothing is bent.
        taken: what the taps take from a call: by method and keyword, the names.
        changed: places whose shape a bend changed: before, after, and the bend.
    """

    module: torch.jit.ScriptModule
    taps: Taps = field(default_factory=Taps)
    taken: dict[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    changed: dict[str, tuple[torch.Size, torch.Size, str]] = field(default_factory=dict)


class FileRunner(Runner):
    """Runs the methods of copies of a file.

    Args:
        source: opens copies.
        first: the copy that plays first.
        bank: the weights.
        book: the bends.
        knobs: the model's own operands.
        look: traces what can be traced without being told how; called once, when the traces
            are first asked for.
    """

    shadow: torch.jit.ScriptModule
    bank: FileBank

    def __init__(
        self,
        source: Source,
        first: torch.jit.ScriptModule,
        bank: FileBank,
        book: BendBook,
        knobs: Knobs,
        look: Callable[[], None],
    ) -> None:
        self._look: Callable[[], None] | None = None
        super().__init__(first, bank, book, knobs)
        self.source = source
        self.stage = Stage(first)
        self.coming: Stage | None = None
        self.sites: dict[str, Mapping[str, Site]] = {}
        self._look = look

    @property
    def traces(self) -> dict[str, Trace]:
        """What was traced; nn~'s methods trace themselves."""
        if self._look is not None:
            look, self._look = self._look, None
            look()
        return self._traces

    @traces.setter
    def traces(self, traces: dict[str, Trace]) -> None:
        self._traces = traces

    # -- stages --------------------------------------------------------------------
    def build(self, methods: Iterable[str]) -> dict[str, Any]:
        """Operate the present bends into a new copy, if methods changed; nothing is changed."""
        bent = bool(self.all_chains()) or len((self.coming or self.stage).taps)
        if not bent or not set(methods) & set(self.traces):
            return {}
        return {"": self.bent_stage()}

    def bent_stage(self) -> Stage:
        """A new copy with the present bends on activations in it."""
        taps = Taps()
        stage = Stage(self.stage.module, taps)
        functions: dict[str, dict[str, Function]] = {}
        for fn, chains in self.all_chains().items():
            named, stage.taken[fn] = self.arguments(chains)
            links = forwards(named)
            functions[fn] = {
                name: _watched(f"{fn}:{name}", through(links[name], taps.given), chain, stage)
                for name, chain in chains.items()
            }
        stage.module = self.operate(functions, taps)
        return stage

    def all_chains(self) -> dict[str, dict[str, list[Kernel]]]:
        """The kernels on the bent activations of every traced method."""
        chains = {fn: self.chains(trace) for fn, trace in self.traces.items()}
        return {fn: found for fn, found in chains.items() if found}

    def operate(
        self, functions: Mapping[str, Mapping[str, Function]], taps: Taps
    ) -> torch.jit.ScriptModule:
        """Open a copy and put functions into it.

        Args:
            functions: by method and activation.
            taps: knows the functions from then on, as long as it lives.

        Returns:
            The copy; its weights and state are those of the file.
        """
        operation = Operation(self.source.open_bare())
        for fn, named in functions.items():
            for name, function in named.items():
                operation.insert(self.sites[fn][name], taps.module, (taps.add(function),))
        return operation.finish()

    # -- calls ---------------------------------------------------------------------
    def _plan(self, fn: str) -> Plan:
        return Plan(fn, self.method(fn))

    def method(self, fn: str, holder: Any = None) -> Callable[..., Any]:
        """A method of the copy that plays, or of another.

        Raises:
            BendingError: there is none of that name.
        """
        module = self.shadow if holder is None else holder
        there = list(module._c._method_names())
        if fn not in there:
            raise BendingError(f"the file has no method {fn!r}. {suggest(fn, there)}")
        method: Callable[..., Any] = module if fn == "forward" else getattr(module, fn)
        return method

    def run(self, fn: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a method; see :meth:`Runner.run`.

        Raises:
            BendingError: no such method, inputs that do not fit, or a bend that breaks the
                run. On shapes that have not run before, the state is put back then.
        """
        if fn not in self.plans:
            self.plans[fn] = self._plan(fn)
        with self.bank.gate:
            if not self.running:
                self._take_over()
            self.running += 1
            plan, stage = self.plans[fn], self.stage
        try:
            key = shape_key(args), shape_key(kwargs)
            if key in plan.seen:
                return self._play(plan, stage, args, kwargs)
            state = self.keep()
            try:
                out = self._play(plan, stage, args, kwargs)
            except BaseException:
                self.put_back(state)
                raise
            plan.remember(key)
            return out
        finally:
            with self.bank.gate:
                self.running -= 1

    def keep(self) -> Any:
        """Copy all that a run may write."""
        return contents_of(self.source, self.stage.module), self.keep_past()

    def put_back(self, state: Any) -> None:
        """Put back what :meth:`keep` copied."""
        contents, past = state
        put_back(self.stage.module, contents)
        restore(self.stage.module, past)

    def start_again(self, module: torch.jit.ScriptModule, contents: Contents) -> None:
        """Put all that a run may write to what the file starts with."""
        put_back(module, contents)

    def _play(
        self, plan: Plan, stage: Stage, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        taken = stage.taken.get(plan.fn)
        if taken:
            kwargs = dict(kwargs)
            stage.taps.given.update(self.given(taken, kwargs))
        try:
            with torch.no_grad():
                return plan.function(*args, **kwargs)
        except Exception as error:
            failure, stage.taps.failure = stage.taps.failure, None
            if isinstance(failure, TorchbendError):
                raise failure from None
            text = f"{plan.fn}({describe(args, kwargs)}) failed: {script_line(failure or error)}"
            for name, (before, after, who) in stage.changed.items():
                text += (
                    f"\nThe bend {who} on {name!r} changes its shape from {tuple(before)} to "
                    f"{tuple(after)}; what comes after it was made for the first."
                )
            raise BendingError(text) from error
        finally:
            stage.taps.given.clear()

    def commit(
        self,
        weights: Mapping[str, Any],
        plans: Mapping[str, Any] | None = None,
        moved: Sequence[BendingParameter] = (),
        wires: Sequence[Wire] = (),
    ) -> None:
        """Hand over a change as one; see :meth:`Runner.commit`."""
        for stage in (plans or {}).values():
            self.coming = stage
        super().commit(weights, {}, moved, wires)

    def _take_over(self) -> None:
        if self.coming is not None:
            stage, self.coming = self.coming, None
            hand_over(self.source, self.stage.module, stage.module, share=True)
            stage.module.train(self.stage.module.training)
            self.stage = stage
            self.shadow = self.bank.shadow = stage.module
            self.plans = {fn: self._plan(fn) for fn in self.plans}
        super()._take_over()


def _watched(key: str, bend: Function, chain: Sequence[Kernel], stage: Stage) -> Function:
    """A bend that writes down when it changes the shape."""

    def watched(x: torch.Tensor) -> torch.Tensor:
        out = bend(x)
        if out.shape != x.shape:
            stage.changed[key] = x.shape, out.shape, made_by(chain[-1])
        return out

    return watched
