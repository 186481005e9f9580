"""The tree of controls: one value each, told to everyone who listens.

Whoever moves a control (OSC, a browser, MIDI, Python) calls :meth:`ControlTree.set`. The
audio side hears of it through the *sink*, the surfaces through their own :class:`Changes`.
Both keep the latest value of an address and no queue, so neither a flood nor a slow listener
costs memory.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeAlias

from torchbend.errors import suggest
from torchbend.realtime.control.building import elements
from torchbend.realtime.control.controls import Control, Value, Values
from torchbend.realtime.control.errors import ControlError, RefusedError
from torchbend.realtime.control.patterns import matching

__all__ = ["SETTLE_SECONDS", "Changes", "ControlTree", "Sink"]

Sink: TypeAlias = Callable[[str, Values, int], None]

# One who moves a fader is told its value only when it rests: an echo on the way would pull
# the fader back under the finger.
SETTLE_SECONDS = 0.1


class Changes:
    """What one listener has not been told yet; made by :meth:`ControlTree.watch`."""

    def __init__(self, lock: threading.RLock, told: Callable[[str], Values]) -> None:
        self._lock = lock
        self._told = told
        self._due: dict[str, float] = {}

    def mark(self, address: str, due: float = 0.0) -> None:
        """Tell this listener of an address, from a moment on (monotonic seconds)."""
        self._due[address] = due

    def take(self, now: float) -> list[tuple[str, Values]]:
        """The addresses that changed, with their values as they are now.

        Args:
            now: in monotonic seconds.
        """
        if not self._due:
            return []
        with self._lock:
            taken = [address for address, due in self._due.items() if due <= now]
            for address in taken:
                del self._due[address]
            return [(address, self._told(address)) for address in taken]

    def forget(self, known: Mapping[str, Control]) -> None:
        """Drop addresses that are no more."""
        for address in [a for a in self._due if a not in known]:
            del self._due[address]

    def __len__(self) -> int:
        return len(self._due)


class ControlTree:
    """All controls with their values.

    Safe to use from any thread.

    Args:
        controls: to begin with.
        sink: told each change, and each trigger, in their order: ``(address, values, time)``.
            It must return at once: everyone else waits.
        clock: the time in frames that the sink is given; frames at 48 kHz since the start,
            if None.
        now: monotonic seconds, of the listeners.
    """

    def __init__(
        self,
        controls: Iterable[Control] = (),
        *,
        sink: Sink | None = None,
        clock: Callable[[], int] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        started = now()
        self._lock = threading.RLock()
        self._sinks: list[Sink] = [] if sink is None else [sink]
        self._clock = clock or (lambda: int((now() - started) * 48_000))
        self.now = now
        self._controls: dict[str, Control] = {}
        self._values: dict[str, Values] = {}
        self._parents: dict[str, tuple[str, int]] = {}
        self._pending: dict[str, int] = {}
        self._ticks = 0
        self._handing = False
        self._watchers: list[Changes] = []
        self._replaced: list[Callable[[str], None]] = []
        self.counts: Counter[str] = Counter()
        self.add(controls)

    @property
    def controls(self) -> Mapping[str, Control]:
        """The controls by address, elements of vectors among them; as they are now."""
        return MappingProxyType(self._controls)

    @property
    def owners(self) -> list[Control]:
        """The controls that have a value of their own, or do something: without elements."""
        with self._lock:
            return [c for a, c in self._controls.items() if a not in self._parents]

    def add(self, controls: Iterable[Control]) -> None:
        """Add controls, each with its default.

        Raises:
            ControlError: an address is there already.
        """
        with self._lock:
            # A copy takes the place of the old: others may be reading that one.
            there = dict(self._controls)
            values, parents = dict(self._values), dict(self._parents)
            for control in controls:
                parts = elements(control)
                for each in (control, *parts):
                    if each.address in there:
                        raise ControlError(f"there are two controls at {each.address}")
                    there[each.address] = each
                values[control.address] = control.default
                for index, part in enumerate(parts):
                    parents[part.address] = (control.address, index)
            self._controls, self._values, self._parents = there, values, parents

    def replace(self, controls: Iterable[Control], *prefixes: str) -> None:
        """Put other controls where those of some prefixes were: another model was loaded.

        A control that is there before and after, with the same kind and number of values,
        keeps its value, clamped to its new range.

        Args:
            controls: the new ones.
            prefixes: such as ``"/bend"``.

        Raises:
            ControlError: an address is there twice; the tree is then as before.
        """
        controls = list(controls)
        with self._lock:
            kept = (self._controls, self._values, self._parents)
            gone = {a for a in self._controls if any(_below(a, prefix) for prefix in prefixes)}
            self._controls = {a: c for a, c in self._controls.items() if a not in gone}
            self._values = {a: v for a, v in self._values.items() if a not in gone}
            self._parents = {a: p for a, p in self._parents.items() if a not in gone}
            try:
                self.add(controls)
            except ControlError:
                self._controls, self._values, self._parents = kept
                raise
            for address in gone:
                self._pending.pop(address, None)
            for control in controls:
                before = kept[0].get(control.address)
                if before is not None and before.types == control.types and control.types:
                    self._keep(control, kept[1].get(control.address, ()))
            if self._ticks == 0:
                self._deliver()
            for watcher in self._watchers:
                watcher.forget(self._controls)
                for control in controls:
                    watcher.mark(control.address)
            callbacks = list(self._replaced)
        for callback in callbacks:
            for prefix in prefixes:
                callback(prefix)

    def _keep(self, control: Control, values: Values) -> None:
        try:
            taken = control.accept(values)
        except RefusedError:
            return  # such as a choice that the new one has not
        if taken != control.default:
            self._values[control.address] = taken
            self._pending[control.address] = self._clock()

    def on_replace(self, callback: Callable[[str], None]) -> None:
        """Call back with each prefix below which :meth:`replace` changed what there is."""
        self._replaced.append(callback)

    def add_sink(self, sink: Sink) -> None:
        """One more that is told all that the audio side is told, such as a recording."""
        with self._lock:
            self._sinks.append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Undo :meth:`add_sink`."""
        with self._lock:
            self._sinks.remove(sink)

    def value(self, address: str) -> Values:
        """The values of a control as they are now.

        Raises:
            RefusedError: there is no such control.
        """
        with self._lock:
            parent = self._parents.get(address)
            if parent is not None:
                return (self._values[parent[0]][parent[1]],)
            if address not in self._values:
                self._find(address)
            return self._values[address]

    def values(self, *, stored: bool = False) -> dict[str, Values]:
        """All values by address, without triggers and outputs.

        Args:
            stored: only those that a preset holds.
        """
        with self._lock:
            return {
                address: self._values[address]
                for address, control in self._controls.items()
                if address in self._values
                and control.access == "rw"
                and (control.stored or not stored)
            }

    def set(self, address: str, sent: Sequence[Any], source: Changes | None = None) -> Values:
        """Move a control, or set off a trigger.

        Args:
            address: of a control, or of one element of a vector.
            sent: a message's arguments.
            source: who moves it, and need not be told at once what it knows.

        Returns:
            The values that were taken, after clamping.

        Raises:
            RefusedError: unknown, read-only, of the wrong number or type, or not finite.
        """
        with self._lock:
            control = self._controls.get(address) or self._find(address)
            if control.access == "r":
                raise RefusedError("access", f"{address} is told, and cannot be set")
            if control.is_trigger:
                return self._fire(control, sent)
            if control.urgent and not sent:
                sent = (True,)
            taken = control.accept(sent)
            self.counts["set"] += 1
            parent = self._parents.get(address)
            if control.urgent:
                self._change(address, taken)
                self._act(address, taken)
            elif parent is None:
                self._store(address, taken)
            else:
                whole = list(self._values[parent[0]])
                whole[parent[1]] = taken[0]
                self._store(parent[0], tuple(whole))
            if source is not None:
                altered = tuple(sent) != taken
                source.mark(address, 0.0 if altered else self.now() + SETTLE_SECONDS)
            return taken

    def publish(self, address: str, values: Sequence[Any]) -> None:
        """Tell an output's value: for the host, which alone may.

        Raises:
            RefusedError: unknown, or of the wrong number or type.
        """
        with self._lock:
            control = self._controls.get(address) or self._find(address)
            self._change(address, control.accept(values))

    @contextmanager
    def tick(self) -> Iterator[None]:
        """Hand over at the end what is set inside, each address once; others wait."""
        # Held throughout, so that nobody else's change comes in between.
        with self._lock:
            self._ticks += 1
            try:
                yield
            finally:
                self._ticks -= 1
                if self._ticks == 0:
                    self._deliver()

    def reset(self, prefix: str) -> None:
        """Put every control below a prefix to its default."""
        with self.tick():
            for control in self.owners:
                if _below(control.address, prefix) and control.access == "rw":
                    self.set(control.address, control.default)

    def watch(self) -> Changes:
        """Listen: a place that gathers what changed until it is taken."""
        with self._lock:
            watcher = Changes(self._lock, self.value)
            self._watchers.append(watcher)
            return watcher

    def unwatch(self, watcher: Changes) -> None:
        """Undo :meth:`watch`."""
        with self._lock:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def refresh(self, watcher: Changes) -> None:
        """Tell one listener everything that can be told."""
        with self._lock:
            for address, control in self._controls.items():
                if not control.is_trigger:
                    watcher.mark(address)

    def match(self, pattern: str) -> list[str]:
        """The addresses that a pattern of OSC stands for, without those that are only told.

        ``?``, ``*``, ``[a-c]``, ``[!a]`` and ``{one,two}`` match within one part.
        """
        with self._lock:
            return matching(pattern, [a for a, c in self._controls.items() if c.access != "r"])

    def _find(self, address: str) -> Control:
        control = self._controls.get(address)
        if control is None:
            raise RefusedError(
                "unknown",
                f"there is no {address[:80]!r}.",
                lambda: suggest(address[:80], list(self._controls)),
            )
        return control

    def _fire(self, control: Control, sent: Sequence[Any]) -> Values:
        if len(control.types) == 0 and len(sent) == 1 and isinstance(sent[0], (float, int)):
            if not sent[0]:
                return ()  # a button that is let go
            sent = ()
        taken = control.accept(sent)
        self.counts["set"] += 1
        self._act(control.address, taken)
        return taken

    def _act(self, address: str, taken: Values) -> None:
        # What was set before it came must be there when it does what it does.
        self._deliver()
        handing, self._handing = self._handing, True
        try:
            self._hand(address, taken, self._clock())
        finally:
            self._handing = handing
        if self._ticks == 0:
            self._deliver()

    def _store(self, address: str, taken: Values) -> None:
        if self._change(address, taken):
            self._pending[address] = self._clock()
            if self._ticks == 0:
                self._deliver()

    def _change(self, address: str, taken: Values) -> bool:
        before = self._values[address]
        if taken == before:
            return False
        self._values[address] = taken
        # Only a vector's own elements have addresses below it.
        moved = [f"{address}/{n}" for n in _differ(before, taken)] if len(taken) > 1 else []
        for watcher in self._watchers:
            watcher.mark(address)
            for element in moved:
                if element in self._parents:
                    watcher.mark(element)
        return True

    def _deliver(self) -> None:
        if self._handing:
            return  # what a sink sets is handed over when every sink has heard the last
        self._handing = True
        try:
            while self._pending:
                address, when = next(iter(self._pending.items()))
                del self._pending[address]
                self._hand(address, self._values[address], when)
        finally:
            self._handing = False

    def _hand(self, address: str, values: Values, when: int) -> None:
        for sink in self._sinks:
            sink(address, values, when)


def _below(address: str, prefix: str) -> bool:
    return address == prefix or address.startswith(prefix.rstrip("/") + "/")


def _differ(before: Sequence[Value], after: Sequence[Value]) -> Iterator[int]:
    pairs = zip(before, after, strict=True)
    return (n for n, (old, new) in enumerate(pairs) if old != new)
