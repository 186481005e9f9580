"""Bending a module: putting callbacks on places, moving controls, recording."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

from ..bending import BendingCallback, BendingConfig, BendingParameter
from ..bending.capture import Recorder
from ..bending.cluster import check_clusters
from ..errors import BendingError, suggest
from ..output import show_table
from ..places import match
from . import looking
from .bends import PlacedBend, place_kernels, resolve, saved_patterns
from .core import Core

__all__ = ["BendHandle", "Bending"]


class BendHandle:
    """What ``bend`` returns: ends that bend at the end of a ``with``, or at ``undo()``."""

    def __init__(self, owner: Bending, bends: Sequence[PlacedBend], config: str | None) -> None:
        self._owner = owner
        self._bends = list(bends)
        self._config = config

    def undo(self) -> None:
        """Take the bend back; the others stay."""
        self._owner._remove(self._bends, self._config)
        self._bends = []

    def __repr__(self) -> str:
        keys = [key for bend in self._bends for key in bend.places]
        shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        made = ", ".join(repr(bend.callback) for bend in self._bends)
        return f"<{made or 'undone'} on {shown or 'nothing'}>"

    def __enter__(self) -> BendHandle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()


class Bending(Core):
    """The part of a bent module that bends."""

    # -- bending -------------------------------------------------------------------
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
            verbose: print each place.
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
        made: list[PlacedBend] = []
        with self._changing:
            try:
                for each, where in entries:
                    made.append(self._place(each, where, methods, name, bend_param, bend_graph))
                self._apply(made, name)
            except BaseException:
                self._remove(made, name)
                raise
        if verbose:
            rows = [[key, repr(bend.callback)] for bend in made for key in bend.places]
            show_table(rows, ("bent", "with"), None)
        return BendHandle(self, made, name)

    def _place(
        self,
        callback: BendingCallback,
        patterns: Sequence[str],
        methods: tuple[str, ...] | None,
        config: str | None,
        bend_param: bool,
        bend_graph: bool,
    ) -> PlacedBend:
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
        check_clusters(callback, self._fingerprint)
        self._book.check_controls(callback, config)
        kernels = place_kernels(callback, found, self._value, self.device, self._knobs)
        saved = saved_patterns(patterns, found, methods, bend_param, bend_graph)
        bend = PlacedBend(callback, tuple(patterns), saved, self._bank.version, kernels, found)
        self._book.configs[config].append(bend)
        for control in callback.controls.values():
            control.subscribe(self)
        return bend

    def _read_by(self, weight: str, methods: Sequence[str]) -> bool:
        return any(
            (p.op == "get_attr" and p.target == weight)
            or (p.op == "call_module" and weight.startswith(f"{p.target}."))
            for fn in methods
            for p in self._runner.traces[fn].places
        )

    def _apply(self, bends: Sequence[PlacedBend], config: str | None) -> None:
        """Rebuild what these bends touch, and nothing else."""
        if config == self._book.current:
            self._rebuild(bends)

    def _remove(self, bends: Sequence[PlacedBend], config: str | None) -> None:
        with self._changing:
            there = self._book.configs.get(config, [])
            gone = [b for b in bends if b in there]
            for bend in gone:
                there.remove(bend)
            self._apply(gone, config)

    def bendable_keys(self, *patterns: str) -> list[str]:
        """Names of the weights and activations that patterns reach; all without any."""
        weights = set(self._bank.original)
        places = [
            p
            for p in self._places()
            if not p.state and p.op != "placeholder"
            if not (p.op == "get_attr" and p.target in weights)  # the weight itself
        ]
        found = match(patterns or (".*",), places, self._runner.traces.__contains__)
        return list(dict.fromkeys(p.name for matched in found.values() for p in matched))

    def _match(self, pattern: str) -> list[str]:
        """Keys of the places that a pattern reaches."""
        found = match((pattern,), self._places(), self._runner.traces.__contains__)
        return [p.key for p in found[pattern]]

    def bended_keys(self, fn: str | None = None, version: str | None = None) -> list[str]:
        """Names of what is bent: weights of a version, then activations of a method (or all)."""
        chosen = self._bank.version if version is None else self._bank.check_version(version)
        if fn is not None:
            self._trace_of(fn)
        names = list(self._book.bent_weights(chosen))
        for method in [fn] if fn is not None else self.traced_methods:
            names += self._book.bent_activations(method)
        return list(dict.fromkeys(names))

    @property
    def bended_params(self) -> dict[str, list[BendingCallback]]:
        """Callbacks by bent weight, for the current version."""
        return self._book.bent_weights(self._bank.version)

    def bended_activations(self, fn: str = "forward") -> dict[str, list[BendingCallback]]:
        """Callbacks by bent activation of a traced method."""
        self._trace_of(fn)
        return self._book.bent_activations(fn)

    @property
    def bending_callbacks(self) -> list[BendingCallback]:
        """The callbacks in use, each once."""
        return self._book.callbacks()

    def reset(self, version: str | None = None) -> None:
        """Take back every bend of the current configuration.

        Args:
            version: only the weight bends of this version.

        Raises:
            BendingError: there is no such version.
        """
        if version is None:
            self._remove(list(self._book.active), self._book.current)
            return
        with self._changing:
            ended = self._book.end_weight_bends(self._bank.check_version(version))
            self._apply(ended, self._book.current)

    def reset_bending(self) -> None:
        """The same as :meth:`reset`."""
        self.reset()

    # -- controls ------------------------------------------------------------------
    @property
    def controllables(self) -> dict[str, BendingParameter]:
        """The controls in use, by name."""
        return self._book.controls(self._book.current)

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
        with self._changing:
            self._knobs.stage(parameter)
            weights: set[str] = set()
            active = self._book.active
            for bend in self._book.moved_by(parameter):
                for key, kernel in bend.kernels.items():
                    try:
                        kernel.update()
                    except Exception as error:
                        raise BendingError(
                            f"{bend.callback!r} on {key!r} cannot follow {parameter!r}: {error}"
                        ) from error
                if any(bend is b for b in active):
                    weights.update(bend.weights)
            self._runner.commit(self._bank.compute(weights), moved=[parameter])

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
    def capture(self, *callbacks: BendingCallback) -> Iterator[Bending]:
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
