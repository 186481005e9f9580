"""A hand that moves knobs by itself, and lets go of those that somebody else moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torchbend.realtime.control import ControlTree, Values

__all__ = ["Hand"]

STEP_SECONDS = 0.02
HELD_SECONDS = 6.0  # that a knob is left alone after somebody else moved it
BACK_SECONDS = 3.0  # in which it goes back to where it would be


class Hand:
    """Moves controls along curves, over and over.

    Whoever else moves one of them (OSC, MIDI, a preset) has it for some seconds; then it glides
    back. During a panic nothing moves.

    Args:
        tree: of the controls.
        curves: where each control is, by address, at a moment of a round from 0 to 1.
        seconds: of a round.
        now: monotonic seconds.
    """

    def __init__(
        self,
        tree: ControlTree,
        curves: Callable[[float], Mapping[str, float]],
        seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tree, self._curves, self._seconds, self._now = tree, curves, seconds, now
        self._begun = now()
        self._mine: dict[str, Values] = {}
        self._held: dict[str, tuple[float, Values]] = {}  # since when, and where it was left
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="torchbend-hand", daemon=True)

    def __enter__(self) -> Hand:
        self._tree.add_sink(self._heard)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._tree.remove_sink(self._heard)

    def step(self) -> None:
        """Move everything that nobody else has to where it is now."""
        now = self._now()
        at = (now - self._begun) / self._seconds % 1
        with self._tree.tick():  # its lock is held: nobody moves anything in between
            if self._tree.value("/panic")[0]:
                return
            for address, value in self._curves(at).items():
                since, left = self._held.get(address, (-1e9, (value,)))
                part = (now - since - HELD_SECONDS) / BACK_SECONDS
                if part < 0:
                    continue
                if part < 1:
                    value = float(left[0]) + part * (value - float(left[0]))
                else:
                    self._held.pop(address, None)
                self._mine[address] = self._tree.set(address, (value,))

    def _heard(self, address: str, values: Values, _: int) -> None:
        """A sink: told each change, its own as well."""
        if address in self._mine and values != self._mine[address]:
            self._held[address] = (self._now(), values)

    def _run(self) -> None:
        while not self._ended.wait(STEP_SECONDS):
            self.step()
