"""``BendedModule``: a module that can be looked into and bent.

The pieces behind it are files of this folder: a trace (:mod:`.record`), the book of bends
(:mod:`.bends`), the weights (:mod:`.weights`) and what runs (:mod:`.runner`). This file is
the face that users know.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import torch
from torch import fx, nn

from ..bending import BendingCallback, BendingConfig, BendingParameter
from ..bending.capture import Recorder
from ..errors import BendingError, TracingError, suggest
from ..output import (
    ACTIVATION_COLUMNS,
    WEIGHT_COLUMNS,
    activation_rows,
    show_table,
    weight_rows,
)
from ..places import Place, match
from . import looking
from .bends import Bend, BendBook, place_kernels, resolve
from .inputs import bind, signature_of
from .lower import insert_bends
from .record import Trace, TracedGraph, trace_method
from .runner import Runner
from .shadow import restore, shadow_of, snapshot
from .weights import DEFAULT, WeightBank

__all__ = ["BendedModule", "BendHandle"]

log = logging.getLogger(__name__)


class BendHandle:
    """What ``bend`` returns: ends that bend at the end of a ``with``, or at ``undo()``."""

    def __init__(self, owner: BendedModule, bends: Sequence[Bend], config: str | None) -> None:
        self._owner = owner
        self._bends = list(bends)
        self._config = config

    def undo(self) -> None:
        """Take the bend back; the others stay."""
        self._owner._remove(self._bends, self._config)
        self._bends = []

    def __enter__(self) -> BendHandle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()


class BendedModule:
    """A module whose weights and activations can be bent.

    The module itself is never changed: calls run its shadow, which shares every unbent
    weight with it and has a streaming state of its own. Attributes and methods of the
    module are reachable on this object; called here, they run bent.

    Args:
        module: any ``torch.nn.Module``.

    Raises:
        BendingError: ``module`` is something else.
    """

    def __init__(self, module: nn.Module) -> None:
        if not isinstance(module, nn.Module):
            raise BendingError(
                f"BendedModule takes a torch.nn.Module, not {type(module).__name__}. "
                "BendedWrapper takes an object that holds modules."
            )
        self._module = module
        self._shadow = shadow_of(module)
        self._book = BendBook()
        self._bank = WeightBank(self._shadow, self._book.weight_chain)
        self._runner = Runner(self._shadow, self._bank, self._book)
        self._subscribed: dict[int, BendingParameter] = {}

    # -- the module ----------------------------------------------------------------
    @property
    def module(self) -> nn.Module:
        """The wrapped module, as it was given."""
        return self._module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_runner" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name in self._runner.traces:
            return self._method(name)
        try:
            value = getattr(self._shadow, name)
        except AttributeError:
            raise AttributeError(
                f"neither {type(self).__name__} nor {type(self._shadow).__name__} has an "
                f"attribute {name!r}. {suggest(name, [n for n in dir(self) if n[0] != '_'])}"
            ) from None
        if self._calls_shadow(value) and not hasattr(nn.Module, name):
            return self._method(name)
        return value

    def _calls_shadow(self, value: Any) -> bool:
        return callable(value) and getattr(value, "__self__", None) is self._shadow

    def _method(self, name: str) -> Any:
        def method(*args: Any, **kwargs: Any) -> Any:
            return self._runner.run(name, args, kwargs)

        method.__name__ = name
        method.__doc__ = getattr(getattr(self._shadow, name, None), "__doc__", None)
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._shadow), *self._runner.traces})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the bent ``forward``."""
        return self._runner.run("forward", args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the bent ``forward``."""
        return self._runner.run("forward", args, kwargs)

    def __repr__(self) -> str:
        bent = len(self.bended_keys())
        return f"{type(self).__name__}({type(self._module).__name__}, {bent} places bent)"

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Any:
        """Move everything: weights, state, versions, bends. The wrapped module stays.

        Args:
            device: where to.
            dtype: for the floating-point weights and state.

        Returns:
            This object.
        """
        target = torch.device(device) if device is not None else None
        self._bank.to(target, dtype)
        for bends in self._book.configs.values():
            for bend in bends:
                for kernel in bend.kernels.values():
                    kernel.to(target) if target is not None else None
        self._bank.refresh()
        self._runner.rebuild(set(self._runner.traces))
        return self

    def cuda(self) -> Any:
        """``to("cuda")``."""
        return self.to("cuda")

    def cpu(self) -> Any:
        """``to("cpu")``."""
        return self.to("cpu")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        tensors = [*self._bank.original.values(), *self._shadow.buffers()]
        return tensors[0].device if tensors else torch.device("cpu")

    # -- weights -------------------------------------------------------------------
    @property
    def weight_names(self) -> list[str]:
        """Names of the weights, in the module's order."""
        return list(self._bank.original)

    def weight_shape(self, name: str) -> torch.Size:
        """The shape of a weight.

        Raises:
            BendingError: there is no weight of that name.
        """
        if name not in self._bank.original:
            raise BendingError(f"there is no weight {name!r}. {suggest(name, self._bank.original)}")
        return self._bank.original[name].shape

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and values of the wrapped module's parameters, unbent."""
        return self._module.named_parameters()

    def parameters(self) -> Iterator[nn.Parameter]:
        """The wrapped module's parameters, unbent."""
        return self._module.parameters()

    def print_weights(
        self,
        flt: str | Sequence[str] = ".*",
        exclude: str | Sequence[str] | None = None,
        out: str | Path | IO[str] | None = None,
    ) -> str:
        """Print the weights with their shape, dtype and statistics.

        Args:
            flt: a pattern, or several; a weight is shown where one matches.
            exclude: patterns of weights to leave out.
            out: a path or an open file to write to instead.

        Returns:
            The table as text.
        """
        rows = weight_rows(
            (name, self._bank.base(name, self._bank.version))
            for name in looking.filtered(self.weight_names, flt, exclude)
        )
        return show_table(rows, WEIGHT_COLUMNS, out)

    def state_dict(
        self, version: str | None = None, with_versions: bool = False
    ) -> dict[str, Any]:
        """The unbent state of a version, or of all.

        Args:
            version: the current one if left out; ``"_default"`` is the original.
            with_versions: return ``{version: state dict}``.
        """
        if with_versions:
            if version is not None:
                raise BendingError("state_dict takes a version or with_versions=True, not both")
            return {v or DEFAULT: self.state_dict(v or DEFAULT) for v in self._bank.versions}
        return self._state(version, bent=False)

    def bended_state_dict(self, version: str | None = None) -> dict[str, Any]:
        """The state of a version with its bends applied."""
        return self._state(version, bent=True)

    def _state(self, version: str | None, bent: bool) -> dict[str, Any]:
        chosen = self._bank.version if version is None else self._bank.check_version(version)
        state = dict(self._module.state_dict())
        ties = {n: names[0] for names in self._bank._ties().values() for n in names}
        for name in state:
            if name in self._bank.buffers[chosen]:
                state[name] = self._bank.buffers[chosen][name]
            first = ties.get(name, name)
            if first in self._bank.original:
                if bent and version is None and self._bank.mix is not None:
                    state[name] = self._bank.wanted(first).detach()
                elif bent:
                    state[name] = self._bank.bent(first, chosen).detach()
                else:
                    state[name] = self._bank.base(first, chosen).detach()
        return state

    # -- tracing -------------------------------------------------------------------
    def trace(
        self,
        fn: Any = "forward",
        *args: Any,
        _return_out: bool = False,
        _proxied_buffers: Sequence[str] = (),
        **inputs: Any,
    ) -> Any:
        """Run a method once on real inputs, and record its graph and every value's shape.

        Neither the module nor the state of this object changes.

        Args:
            fn: the method's name.
            *args: its inputs.
            _return_out: return what the method gave, too.
            _proxied_buffers: patterns of buffers that are to appear among the activations.
            **inputs: its inputs by name.

        Returns:
            The graph, whose ``flow_steps`` lists the decisions taken on values (None where
            hooks had to do); with ``_return_out``, the graph and the outputs.

        Raises:
            BendingError: there is no such method, or the inputs do not fit it.
            TracingError: the method fails on these inputs.
        """
        if not isinstance(fn, str):
            fn, args = "forward", (fn, *args)
        trace = self._runner.traces.get(fn)
        if trace is not None and trace.source is not None:
            raise TracingError(f"{fn!r} was cut out of {trace.source!r}: trace that one")
        name = fn
        method = self._shadow.forward if fn == "forward" else self._runner._method(fn)
        signature = signature_of(method)
        arguments = bind(name, signature, args, inputs)
        known = [n for n, _ in self._shadow.named_buffers()]
        for pattern in _proxied_buffers:
            if not any(re.match(pattern, n) for n in known):
                raise TracingError(f"no buffer matches {pattern!r}. {suggest(pattern, known)}")
        with self._bank.unbent():
            record, out = trace_method(self._shadow, fn, arguments, signature)
        record = looking.with_buffers(record, _proxied_buffers)
        self._adopt(record)
        return (record.graph, out) if _return_out else record.graph

    def _adopt(self, record: Trace) -> None:
        """Take a new trace of a method; bends on places that still fit stay."""
        fn = record.fn
        before = self._runner.traces.get(fn)
        self._runner.traces[fn] = record
        for bends in self._book.configs.values():
            for bend in bends:
                for key, place in list(bend.places.items()):
                    if place.fn != fn:
                        continue
                    now = record.place(place.name)
                    if now is None or now.state:
                        log.warning("%r is gone from %s: the bend on it ends", place.name, fn)
                        del bend.places[key], bend.kernels[key]
                    elif now.shape != place.shape or now.dtype != place.dtype:
                        fresh = place_kernels(bend.callback, {key: now}, self._value, self.device)
                        bend.places[key] = now
                        bend.kernels.update(fresh)
        try:
            self._runner.rebuild({fn})
        except BendingError:
            if before is not None:
                self._runner.traces[fn] = before
            raise

    def _value(self, name: str) -> torch.Tensor:
        return self._bank.bent(name, self._bank.version).detach()

    @property
    def traced_methods(self) -> list[str]:
        """The methods that were traced."""
        return list(self._runner.traces)

    def is_traced(self, fn: str = "forward") -> bool:
        """Whether a method was traced."""
        return fn in self._runner.traces

    def _trace_of(self, fn: str) -> Trace:
        trace = self._runner.traces.get(fn)
        if trace is None:
            there = f" Traced: {', '.join(self.traced_methods)}." if self.traced_methods else ""
            raise TracingError(
                f"{fn!r} is not traced yet: call trace({fn!r}, ...) with real inputs first.{there}"
            )
        return trace

    def graph(self, fn: str = "forward", bended: bool = False) -> TracedGraph:
        """The graph of a traced method.

        Args:
            fn: the method.
            bended: with the bends in it, behind the places they bend.
        """
        trace = self._trace_of(fn)
        if trace.graph is None:
            raise TracingError(f"{fn!r} has no graph, it was recorded by hooks: {trace.reason}")
        if not bended:
            return trace.graph
        named, _ = self._runner.arguments(self._runner.chains(trace))
        return insert_bends(  # type: ignore[return-value]
            trace.graph,
            {n: [(k.forward, arguments) for k, arguments in chain] for n, chain in named.items()},
        )

    def graph_module(self, fn: str = "forward") -> fx.GraphModule:
        """A ``torch.fx.GraphModule`` of a method, bends included."""
        self._bank.swap()
        graph = self.graph(fn, bended=True)
        for path, value in self._trace_of(fn).constants.items():
            if path not in self._shadow._buffers:
                self._shadow.register_buffer(path, value.clone(), persistent=False)
        return fx.GraphModule(self._shadow, graph)

    def print_graph(self, fn: str = "forward", bended: bool = False, out: Any = None) -> str:
        """Print a method's graph, one row an operation, and return the table."""
        rows = [
            [n.op, n.name, looking.target_name(n), str(n.args), str(n.kwargs)]
            for n in self.graph(fn, bended).nodes
        ]
        return show_table(rows, ("opcode", "name", "target", "args", "kwargs"), out)

    def activations(
        self,
        fn: str = "forward",
        op: str | Sequence[str] | None = None,
        flt: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
    ) -> dict[str, Place]:
        """The activations of a traced method, in the order in which they are computed.

        Args:
            fn: the method.
            op: only these kinds of operation (``"call_module"``, ``"call_function"``,
                ``"call_method"``, ``"get_attr"``, ``"placeholder"`` for the inputs).
            flt: only what one of these patterns matches.
            exclude: leave out what one of these matches.
        """
        ops = [op] if isinstance(op, str) else op
        places = {
            p.name: p
            for p in self._trace_of(fn).places
            if (p.op in ops if ops else p.op != "placeholder")
        }
        return {name: places[name] for name in looking.filtered(list(places), flt, exclude)}

    def activation_names(self, fn: str = "forward") -> list[str]:
        """Names of a traced method's activations, in order."""
        return list(self.activations(fn))

    def activation_shape(self, name: str, fn: str = "forward") -> torch.Size:
        """The shape of an activation in the traced run.

        Raises:
            BendingError: there is no activation of that name.
        """
        place = self._trace_of(fn).place(name)
        if place is None or place.shape is None:
            raise BendingError(
                f"{fn!r} has no activation {name!r}. {suggest(name, self.activation_names(fn))}"
            )
        return torch.Size(place.shape)

    def print_activations(
        self,
        fn: str = "forward",
        op: str | Sequence[str] | None = None,
        flt: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        out: str | Path | IO[str] | None = None,
    ) -> str:
        """Print a traced method's activations: name, operation, target, shape, module.

        See :meth:`activations` for the arguments; ``out`` is a path or an open file.
        """
        rows = activation_rows(self.activations(fn, op, flt, exclude).values())
        return show_table(rows, ACTIVATION_COLUMNS, out)

    # -- bending -------------------------------------------------------------------
    def _places(
        self, fn: Sequence[str] | None = None, weights: bool = True, activations: bool = True
    ) -> list[Place]:
        places = self._bank.places() if weights else []
        if activations:
            for name, trace in self._runner.traces.items():
                if fn is None or name in fn:
                    places += trace.places
        return places

    def bend(
        self,
        callback: BendingCallback | BendingConfig,
        *patterns: str,
        fn: str | Sequence[str] | None = None,
        config: str | None = None,
        verbose: bool = False,
        bend_param: bool = True,
        bend_graph: bool = True,
    ) -> BendHandle:
        r"""Put a callback on every place that a pattern reaches.

        Bends on one place apply in the order in which they were made.

        Args:
            callback: what to do there; or a configuration, all of whose bends are made.
            *patterns: regular expressions matched from the start of a name (``f.*``,
                ``mul$``, ``conv.\d.weight``); ``fn:pattern`` restricts one to a method.
            fn: bend the activations of these traced methods only.
            config: the configuration that the bend belongs to; the current one if left out.
            verbose: log each place.
            bend_param: let patterns reach weights.
            bend_graph: let patterns reach activations.

        Returns:
            A handle: ``with m.bend(...):`` undoes the bend at the end; without ``with``
            it stays.

        Raises:
            BendingError: a pattern reaches nothing, the callback cannot sit on what it
                reaches, or a second control of one name comes in. Nothing is bent then.
        """
        name = self._book.current if config is None else self._book.check(config)
        if isinstance(callback, BendingConfig):
            if patterns:
                raise BendingError("a configuration brings its own patterns: bend(config)")
            entries = [(entry[0], entry[1:]) for entry in callback]
        else:
            if not isinstance(callback, BendingCallback):
                raise BendingError(
                    f"bend takes a callback such as Scale(2.) and patterns, not {callback!r}"
                )
            entries = [(callback, patterns)]
        methods = (fn,) if isinstance(fn, str) else tuple(fn) if fn is not None else None
        for method in methods or ():
            self._trace_of(method)
        made: list[Bend] = []
        try:
            for each, where in entries:
                made.append(self._bend(each, where, methods, name, bend_param, bend_graph))
        except BaseException:
            self._remove(made, name)
            raise
        if verbose:
            for bend in made:
                for key in bend.places:
                    log.warning("bending %s with %r", key, bend.callback)
        return BendHandle(self, made, name)

    def _bend(
        self,
        callback: BendingCallback,
        patterns: Sequence[str],
        methods: tuple[str, ...] | None,
        config: str | None,
        bend_param: bool,
        bend_graph: bool,
    ) -> Bend:
        if not patterns:
            raise BendingError(f"bend({callback!r}) needs a pattern such as '.*weight'")
        places = self._places(methods, weights=bend_param, activations=bend_graph)
        if methods is not None:  # a weight is reached through a method that reads it
            places = [p for p in places if p.kind == "activation" or p.fn is not None] + [
                p for p in places if p.kind == "weight" and self._read_by(p.name, methods)
            ]
        found = resolve(
            callback, patterns, places, self.traced_methods, self._runner.traces.__contains__
        )
        self._book.check_controls(callback)
        kernels = place_kernels(callback, found, self._value, self.device)
        bend = Bend(callback, tuple(patterns), methods, self._bank.version, kernels, found)
        self._book.configs[config].append(bend)
        try:
            self._apply([bend], config)
        except BaseException:
            self._book.configs[config].remove(bend)
            self._apply([bend], config)
            raise
        for control in callback.controls.values():
            if id(control) not in self._subscribed:
                control.subscribe(self)
                self._subscribed[id(control)] = control
        return bend

    def _read_by(self, weight: str, methods: Sequence[str]) -> bool:
        return any(
            p.op == "get_attr" and p.target == weight
            for fn in methods
            for p in self._runner.traces[fn].places
        )

    def _apply(self, bends: Sequence[Bend], config: str | None) -> None:
        """Rebuild what these bends touch, and nothing else."""
        if config != self._book.current:
            return
        self._bank.refresh({name for b in bends for name in b.weights})
        self._runner.rebuild({fn for b in bends for fn in b.methods})

    def _remove(self, bends: Sequence[Bend], config: str | None) -> None:
        there = self._book.configs.get(config, [])
        gone = [b for b in bends if b in there]
        for bend in gone:
            there.remove(bend)
        self._apply(gone, config)

    def bendable_keys(self, *patterns: str) -> list[str]:
        """Names of the weights and activations that patterns reach; all without any."""
        places = [p for p in self._places() if not p.state and p.op != "placeholder"]
        found = match(patterns or (".*",), places, self._runner.traces.__contains__)
        return list(dict.fromkeys(p.name for matched in found.values() for p in matched))

    def _match(self, pattern: str) -> list[str]:
        """Keys of the places that a pattern reaches."""
        found = match((pattern,), self._places(), self._runner.traces.__contains__)
        return [p.key for p in found[pattern]]

    def bended_keys(self, fn: str | None = None, version: str | None = None) -> list[str]:
        """Names of what is bent: weights of a version, then activations of a method (or all)."""
        chosen = self._bank.version if version is None else self._bank.check_version(version)
        names = list(self._book.bent_weights(chosen))
        for method in [fn] if fn is not None else self.traced_methods:
            names += self._book.bent_activations(method)
        return list(dict.fromkeys(names))

    @property
    def bended_params(self) -> dict[str, list[BendingCallback]]:
        """Callbacks by bent weight, for the current version."""
        return self._book.bent_weights(self._bank.version)

    def bended_activations(self, fn: str = "forward") -> dict[str, list[BendingCallback]]:
        """Callbacks by bent activation of a method."""
        return self._book.bent_activations(fn)

    @property
    def bending_callbacks(self) -> list[BendingCallback]:
        """The callbacks in use, each once."""
        return self._book.callbacks()

    def reset(self, version: str | None = None) -> None:
        """Take back every bend of the current configuration.

        Args:
            version: only the weight bends of this version.
        """
        bends = list(self._book.active)
        if version is not None:
            chosen = self._bank.check_version(version)
            bends = [b for b in bends if b.version == chosen and b.weights]
        self._remove(bends, self._book.current)

    def reset_bending(self) -> None:
        """The same as :meth:`reset`."""
        self.reset()

    # -- controls ------------------------------------------------------------------
    @property
    def controllables(self) -> dict[str, BendingParameter]:
        """The controls in use, by name."""
        return self._book.controls()

    def update(self, name: str, value: Any) -> None:
        """Move a control, and with it every place it reaches.

        Args:
            name: of the control.
            value: of its kind and in its range.

        Raises:
            BendingError: no control of that name is in use.
            BendingParameterException: the value does not fit; nothing moves then.
        """
        controls = self.controllables
        if name not in controls:
            raise BendingError(f"there is no control {name!r}. {suggest(name, controls)}")
        controls[name].set_value(value)

    def _control_moved(self, parameter: BendingParameter) -> None:
        weights: set[str] = set()
        for bend in self._book.moved_by(parameter):
            for kernel in bend.kernels.values():
                kernel.update()
            weights.update(bend.weights)
        if weights:
            self._bank.refresh(weights)

    # -- looking inside a run --------------------------------------------------------
    def get_activations(
        self,
        *patterns: str,
        fn: str = "forward",
        bended: bool = True,
        _filter_bended: bool = False,
        _save_as_method: str | None = None,
        **inputs: Any,
    ) -> dict[str, torch.Tensor]:
        """Run a traced method and return inner values, in the order they are computed.

        Looking does not touch: a streaming model's state is afterwards what it was.

        Args:
            *patterns: which activations.
            fn: the method.
            bended: run with the bends; then a bent activation ``x`` is given as ``x``, as
                it was before its bends, and as ``x_bended``.
            _filter_bended: give a bent activation once, under its own name, bent.
            _save_as_method: keep this as a method of that name, which does advance state.
            **inputs: of the method, and of callbacks.

        Raises:
            BendingError: a pattern reaches nothing, or the run fails.
        """
        return looking.get_activations(
            self, patterns, fn, bended, _filter_bended, _save_as_method, inputs
        )

    def from_activations(
        self,
        *patterns: str,
        callbacks: Sequence[BendingCallback] | None = None,
        fn: str = "forward",
        _save_as_method: str | None = None,
        **values: Any,
    ) -> Any:
        """Run the rest of a traced method from given values, bends included.

        A streaming model's state is afterwards what it was.

        Args:
            *patterns: the activations to start from; without any, those that
                ``callbacks`` bend.
            callbacks: bends for this run; one that is in use already stays where it is,
                any other is put on the given activations.
            fn: the method.
            _save_as_method: keep this as a method of that name, which does advance state.
            **values: the activations' values by name, of any batch size; further inputs
                of the method that the rest needs; arguments of callbacks.

        Raises:
            BendingError: a value is missing, or the rest needs more than is given.
        """
        return looking.from_activations(self, patterns, callbacks, fn, _save_as_method, values)

    # -- capture -------------------------------------------------------------------
    def enable_capture(self, *callbacks: BendingCallback) -> None:
        """Let capturing callbacks record from now on; all of them if none is named."""
        for callback in self._capturing(callbacks):
            callback.capture()

    def disable_capture(self, *callbacks: BendingCallback) -> None:
        """Let capturing callbacks stop recording; all of them if none is named."""
        for callback in self._capturing(callbacks):
            callback.stop()

    @contextlib.contextmanager
    def capture(self, *callbacks: BendingCallback) -> Iterator[BendedModule]:
        """Record meanwhile; see :meth:`enable_capture`."""
        self.enable_capture(*callbacks)
        try:
            yield self
        finally:
            self.disable_capture(*callbacks)

    def _capturing(self, callbacks: Sequence[BendingCallback]) -> list[Recorder]:
        there = [c for c in looking.members(self._book.callbacks()) if isinstance(c, Recorder)]
        for callback in callbacks:
            if not any(c is callback for c in there):
                raise BendingError(f"{callback!r} is not a capturing callback in use: {there!r}")
        return [c for c in callbacks if isinstance(c, Recorder)] or there

    # -- versions ------------------------------------------------------------------
    @property
    def version(self) -> str | None:
        """The current version of the weights; None is the original."""
        return self._bank.version

    @version.setter
    def version(self, name: str | None) -> None:
        self._bank.set_version(self._bank.check_version(name))

    @property
    def versions(self) -> list[str | None]:
        """All versions, the original (None) first."""
        return list(self._bank.versions)

    def create_version(
        self, name: str, module_or_state_dict: nn.Module | Mapping[str, Any], strict: bool = True
    ) -> list[str]:
        """Keep another training's weights as a version.

        Args:
            name: of the version.
            module_or_state_dict: where the weights come from.
            strict: refuse names that are missing or unknown; otherwise take what fits.

        Returns:
            Names that the module does not have.
        """
        if not isinstance(name, str) or not name or name == DEFAULT:
            raise BendingError(f"a version's name is text other than {DEFAULT!r}; got {name!r}")
        if name in self._bank.versions:
            raise BendingError(f"version {name!r} exists already")
        source = module_or_state_dict
        tensors = source.state_dict() if isinstance(source, nn.Module) else dict(source)
        return self._bank.add(name, tensors, looking.written_buffers(self._runner), strict)

    def write(self, name: str, force: bool = False) -> None:
        """Keep the bent weights as a version, and change to it.

        The weight bends of the version that was current are in the weights now, and end.

        Args:
            name: of the version.
            force: replace a version of that name.
        """
        if name in self._bank.versions and not force:
            raise BendingError(f"version {name!r} exists already; force=True replaces it")
        if name in (None, DEFAULT) or not isinstance(name, str):
            raise BendingError(f"a version's name is text other than {DEFAULT!r}; got {name!r}")
        base = dict(self._bank.versions[self._bank.version])
        for key in self._bank.touched():
            base[key] = self._bank.wanted(key).detach()
        spent = [b for b in self._book.active if b.version == self._bank.version]
        for bend in spent:
            for key in bend.weights:
                del bend.places[key], bend.kernels[key]
            if not bend.places:
                self._book.active.remove(bend)
        self._bank.versions[name] = base
        self._bank.buffers[name] = dict(self._bank.buffers[self._bank.version])
        self._bank.mix = None
        self._bank.set_version(name)

    @contextlib.contextmanager
    def set_version(self, name: str | None) -> Iterator[BendedModule]:
        """Meanwhile, play another version."""
        before = self.version
        self.version = name
        try:
            yield self
        finally:
            self.version = before

    @contextlib.contextmanager
    def interpolate(self, *default: float, **weights: float) -> Iterator[BendedModule]:
        """Meanwhile, play a weighted mean of versions.

        ``interpolate(1.0, other=0.5)`` is ``(1.0 * original + 0.5 * other) / 1.5``, each
        version with its own bends.

        Args:
            *default: the original's share.
            **weights: the shares of versions by name.
        """
        if len(default) > 1:
            raise BendingError("interpolate takes one number for the original; name the others")
        mix = {None: float(default[0])} if default else {}
        mix |= {self._bank.check_version(name): float(w) for name, w in weights.items()}
        total = sum(mix.values())
        if not mix or total == 0 or total != total:
            raise BendingError(f"the shares of an interpolation add up to {total}: {mix}")
        before = self._bank.mix
        self._bank.set_mix(mix)
        try:
            yield self
        finally:
            self._bank.set_mix(before)

    # -- configurations ------------------------------------------------------------
    @property
    def config(self) -> str | None:
        """The current configuration's name; None is the default one."""
        return self._book.current

    @config.setter
    def config(self, name: str | None) -> None:
        self.set_config(name)

    @property
    def configs(self) -> list[str | None]:
        """Names of all configurations, the default (None) first."""
        return list(self._book.configs)

    def bending_config(self, config: str | None = None) -> BendingConfig:
        """A configuration's bends, ready to be saved; the current one's if left out."""
        return self._book.config(self._book.current if config is None else config)

    def save_config_as(self, name: str, force: bool = False) -> None:
        """Keep the current bends as a configuration.

        Args:
            name: of the configuration.
            force: replace one of that name.
        """
        if name in self._book.configs and not force:
            raise BendingError(f"configuration {name!r} exists already; force=True replaces it")
        self._book.configs[name] = list(self._book.active)

    def set_config(self, name: str | None) -> None:
        """Change to another configuration: its bends are heard, the others are kept."""
        self._book.check(name)
        leaving = self._book.active
        self._book.current = name
        self._apply([*leaving, *self._book.active], name)

    # -- leaving -------------------------------------------------------------------
    def script(self) -> torch.jit.ScriptModule:
        """A ``ScriptModule`` of every traced method, bends and controls included.

        It has ``set_<name>(value) -> int`` (0 done, -1 refused) and ``get_<name>()`` for
        every BendingParameter, and is independent of this object.

        Raises:
            ScriptError: something in it cannot be scripted; the message names it.
        """
        from .script import script

        return script(self._runner, self._book)

    def bent_bytes(self) -> int:
        """Bytes that bends, versions and interpolation own beyond the original's."""
        return self._bank.owned_bytes()

    @contextlib.contextmanager
    def _untouched(self) -> Iterator[None]:
        """Put the state of the shadow back at the end."""
        state = snapshot(self._shadow)
        try:
            yield
        finally:
            restore(self._shadow, state)
