"""The values of one part: from the addresses of its controls to what its worker reads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from torchbend.description import FileInfo
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.audio.slot import Values
from torchbend.realtime.control.building import LATENTS, bend_addresses
from torchbend.realtime.control.controls import Values as Controls
from torchbend.realtime.worker.layout import Place, ValueLayout, as_numbers

__all__ = ["PartValues"]


class _Listener(Protocol):
    def set_text(self, number: int, text: str) -> None: ...


class PartValues:
    """Sets the attributes of a chain, and its latent desk, by the addresses of controls.

    Numbers go through the shared memory, and are there for whichever worker comes. Texts go to
    the worker itself, so they are kept for the next one. Safe to use from any thread.

    Args:
        memory: the shared memory.
        slot: of the chain.
        models: names and descriptions of its files.
        latents: how many latents its desk moves.

    Raises:
        LiveError: there are more values than a slot holds.
    """

    def __init__(
        self,
        memory: AudioMemory,
        slot: int,
        models: Sequence[tuple[str, FileInfo]],
        latents: int,
    ) -> None:
        self._layout = ValueLayout([info for _, info in models], 2 + latents if latents else 0)
        self._values = Values(memory, slot)
        self._places: dict[str, Place | int] = {}  # of the desk the number alone
        self._texts: dict[str, int] = {}
        self._set_texts: dict[int, str] = {}
        self._listener: _Listener | None = None
        self._lock = threading.Lock()
        self._find_places(models)

    def tell(self, worker: _Listener) -> None:
        """Let a worker have the texts: those that were set until now, and all that follow."""
        with self._lock:
            self._listener = worker
            for number, text in self._set_texts.items():
                worker.set_text(number, text)

    def set_all(self, values: Mapping[str, Controls]) -> None:
        """Set everything that is known, and the rest to how the files start."""
        numbers = self._layout.defaults()
        for address, each in values.items():
            for at, number in self._numbers(address, each).items():
                numbers[at] = number
            self._set_text(address, each)
        self._values.write(numbers)

    def set(self, address: str, values: Controls) -> None:
        """Set a value by its address, if it is one of these; returns at once."""
        numbers = self._numbers(address, values)
        if numbers:
            self._values.write(numbers)
        self._set_text(address, values)

    def _set_text(self, address: str, values: Controls) -> None:
        number = self._texts.get(address)
        if number is None:
            return
        with self._lock:
            self._set_texts[number] = text = str(values[0])
            if self._listener is not None:
                self._listener.set_text(number, text)

    def _numbers(self, address: str, values: Controls) -> dict[int, float]:
        place = self._places.get(address)
        if isinstance(place, Place):
            try:
                given = as_numbers(place.attribute, values)
            except ValueError:
                given = []
            if len(given) != place.count:
                return {}  # they are meant for another model's control of that name
            return {place.start + n: number for n, number in enumerate(given)}
        return {} if place is None else {place: float(values[0])}

    def _find_places(self, models: Sequence[tuple[str, FileInfo]]) -> None:
        """Where each address leads."""
        places = {
            (place.model, place.attribute.name): (number, place)
            for number, place in enumerate(self._layout.places)
        }
        for address, (model, attribute) in bend_addresses(models).items():
            number, place = places[model, attribute.name]
            if place.count:
                self._places[address] = place
            else:
                self._texts[address] = number
        desk = self._layout.latents
        names = ["scale", "jitter", *range(desk.stop - desk.start - 2)]
        for name, at in zip(names, range(desk.start, desk.stop), strict=False):
            self._places[f"{LATENTS}/{name}"] = at
