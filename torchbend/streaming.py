"""The streaming state of an opened file: what one block leaves behind for the next.

Caches of convolutions, phases, flags, a delay line kept as a list. A file that torchbend made
tells which buffers these are; of any other, what a block changes shows it. The state can be
kept, put back, and copied from one instance of a file to another, always in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from torchbend.description import FileInfo
from torchbend.scripts.graphs import attributes_of, parameters_of, parts_of
from torchbend.scripts.values import copied, fits, put, same

__all__ = ["Saved", "StreamingState"]


@dataclass(frozen=True)
class Saved:
    """A streaming state at one moment; copies of everything, by path in the file."""

    values: dict[str, Any]


class StreamingState:
    """The streaming state of one opened file.

    Of a file of which it is not known, all that is no parameter counts as state until
    :meth:`find` tells more.

    Args:
        module: the file, opened.
        info: what is inside, as torchbend wrote it; None for the file of somebody else.
    """

    def __init__(self, module: torch.jit.ScriptModule, info: FileInfo | None) -> None:
        told = None if info is None else info.state
        self.known = told is not None
        self._slots = dict(_slots(module._c) if told is None else _slots_of(module._c, told))
        self._names = tuple(self._slots)

    @property
    def names(self) -> tuple[str, ...]:
        """What counts as state now, by path in the file."""
        return self._names

    def find(self, play: Callable[[], object]) -> None:
        """Find out what the state of an unknown file is: what playing changes.

        Nothing is played where the file tells. Otherwise the state is afterwards as it was.

        Args:
            play: plays a block, or a block with every method; it is called twice, as the
                first one may make what only the second one changes.
        """
        if self.known:
            return
        before = self.save()
        try:
            for _ in range(2):
                play()
            self._names = tuple(
                n for n, value in before.values.items() if not same(self._slots[n].value, value)
            )
            self.known = True
        finally:
            self.restore(before)

    def save(self) -> Saved:
        """Copy the state."""
        return Saved({name: copied(self._slots[name].value) for name in self._names})

    def restore(self, saved: Saved) -> None:
        """Put back what :meth:`save` gave, of this instance or of another, as far as it is state.

        It is written in place where shapes agree.
        """
        for name in self._names:
            if name in saved.values:
                self._slots[name].put(saved.values[name])

    def copy_from(self, other: StreamingState) -> None:
        """Take over the state of another instance of the same file.

        Nothing is allocated where shapes agree, as they do between two blocks.

        Args:
            other: it is left as it is.
        """
        mine: list[torch.Tensor] = []
        theirs: list[torch.Tensor] = []
        # one of the two may not have looked for its state
        for name in self._names if self.known else other._names:
            slot, value = self._slots[name], other._slots[name].value
            now = slot.value
            if fits(now, value):
                mine.append(now)
                theirs.append(value)
            else:
                slot.put(value)
        if mine:
            with torch.inference_mode():  # a block may have left inference tensors
                torch._foreach_copy_(mine, theirs)


class _Slot:
    """One attribute of one object in the file: a buffer, or a plain value."""

    __slots__ = ("_holder", "_name")

    def __init__(self, holder: Any, name: str) -> None:
        self._holder = holder
        self._name = name

    @property
    def value(self) -> Any:
        return self._holder.getattr(self._name)

    def put(self, value: Any) -> None:
        put(self._holder, self._name, value)


_Named = tuple[str, _Slot]


def _slots(holder: Any, path: str = "", seen: set[Any] | None = None) -> Iterator[_Named]:
    """All that an object and those below it hold, other than objects and parameters."""
    seen = set() if seen is None else seen
    if holder in seen:  # it has two names in the file
        return
    seen.add(holder)
    parameters = parameters_of(holder)
    for name in attributes_of(holder):
        if name not in parameters:
            yield path + name, _Slot(holder, name)
    for name, part in parts_of(holder).items():
        yield from _slots(part, f"{path}{name}.", seen)


def _slots_of(root: Any, names: Iterable[str]) -> Iterator[_Named]:
    """Those of these names that are there."""
    for path in names:
        *owners, name = path.split(".")
        holder = root
        for owner in owners:
            holder = holder.getattr(owner) if holder is not None and holder.hasattr(owner) else None
        if holder is not None and holder.hasattr(name):
            yield path, _Slot(holder, name)
