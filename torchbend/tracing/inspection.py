"""Looking at a module: its weights, its graphs, its activations, and values inside a run."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import torch
from torch import fx, nn

from ..bending import BendingCallback
from ..errors import BendingError, TracingError, suggest
from ..output import (
    ACTIVATION_COLUMNS,
    WEIGHT_COLUMNS,
    activation_rows,
    show_table,
    weight_rows,
)
from ..places import Place
from . import looking
from .bends import PlacedBend, place_kernels
from .chains import forwards
from .core import Core
from .inputs import bind, signature_of
from .lower import insert_bends, keep_constants
from .record import Trace, TracedGraph, trace_method
from .shadow import bring_up

__all__ = ["Inspection"]

log = logging.getLogger(__name__)


class Inspection(Core):
    """The part of a bent module that looks and traces."""

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
        """Names and values of the original's parameters, unbent, where ``to`` moved them."""
        return iter(self._bank.original.items())

    def parameters(self) -> Iterator[nn.Parameter]:
        """The original's parameters, unbent, where ``to`` moved them."""
        return iter(self._bank.original.values())

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
        method = self._shadow.forward if fn == "forward" else self._runner.method(fn)
        signature = signature_of(method)
        arguments = bind(name, signature, args, inputs)
        known = [n for n, _ in self._shadow.named_buffers()]
        for pattern in _proxied_buffers:
            if not any(re.match(pattern, n) for n in known):
                raise TracingError(f"no buffer matches {pattern!r}. {suggest(pattern, known)}")
        with self._changing:
            twin = self._bank.twin(bent=False)
            record, out = trace_method(twin, fn, arguments, signature)
            bring_up(twin, self._shadow)
            keep_constants(record.constants, self._shadow)
            record = looking.with_buffers(record, _proxied_buffers)
            self._adopt(record)
        return (record.graph, out) if _return_out else record.graph

    def _adopt(self, record: Trace) -> None:
        """Take a new trace of a method; bends on places that still fit stay.

        Raises:
            BendingError: a bend cannot sit on a place any more; nothing is changed then.
        """
        fn = record.fn
        before = self._runner.traces.get(fn)
        bends = [bend for config in self._book.configs.values() for bend in config]
        kept = [(bend, dict(bend.places), dict(bend.kernels)) for bend in bends]
        configs = {name: list(config) for name, config in self._book.configs.items()}
        try:
            self._runner.traces[fn] = record
            for bend in bends:
                self._follow(bend, record)
            for config in self._book.configs.values():
                config[:] = [bend for bend in config if bend.places]
            self._rebuild([], {fn})
        except BaseException:
            for bend, places, kernels in kept:
                bend.places, bend.kernels = places, kernels
            self._book.configs.update(configs)
            if before is None:
                del self._runner.traces[fn]
            else:
                self._runner.traces[fn] = before
            raise

    def _follow(self, bend: PlacedBend, record: Trace) -> None:
        """Let a bend sit on the same places of a new trace."""
        for key, place in list(bend.places.items()):
            if place.fn != record.fn:
                continue
            now = record.place(place.name)
            if now is None or now.state:
                log.warning("%r is gone from %s: the bend on it ends", place.name, record.fn)
                del bend.places[key], bend.kernels[key]
            elif now.shape != place.shape or now.dtype != place.dtype:
                fresh = place_kernels(
                    bend.callback, {key: now}, self._value, self.device, self._knobs
                )
                bend.places[key] = now
                bend.kernels.update(fresh)

    def is_traced(self, fn: str = "forward") -> bool:
        """Whether a method was traced."""
        return fn in self._runner.traces

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
            forwards(named),
        )

    def graph_module(self, fn: str = "forward") -> fx.GraphModule:
        """A ``torch.fx.GraphModule`` of a method, bends included."""
        self._runner.settle()
        graph = self.graph(fn, bended=True)
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
        inside = any("/" in pattern for pattern in ([flt] if isinstance(flt, str) else flt or ()))
        places = {
            p.name: p
            for p in self._trace_of(fn).places
            if p.tensor
            if (p.op in ops if ops else p.op != "placeholder" and (inside or not p.inner))
        }
        if ops and not places:
            there = dict.fromkeys(p.op for p in self._trace_of(fn).places)
            raise BendingError(f"{fn!r} has no operation {op!r}. {suggest(str(op), there)}")
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
