"""What takes long is done in a thread of its own, one thing after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["Errands"]


class Errands:
    """Does what it is asked for, in order.

    ::

        errands = Errands()
        errands.run(load).result()         # whoever asks may wait for it
        errands.latest("load", load)       # a flood of these costs no memory
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "torchbend-errands")
        self._lock = threading.Lock()
        self._waiting: dict[str, Callable[[], object]] = {}

    def run(self, do: Callable[[], object]) -> Future[object]:
        """Do something when its turn comes; the answer, or the error, is in what is returned."""
        return self._pool.submit(do)

    def latest(self, kind: str, do: Callable[[], object]) -> None:
        """The same for what comes from outside: what waits already of its kind is forgotten.

        Args:
            kind: a name for what replaces what.
            do: what to do; what it raises is lost, so it tells by itself.
        """
        with self._lock:
            waits = kind in self._waiting
            self._waiting[kind] = do
        if not waits:
            self._pool.submit(self._next, kind)

    def close(self) -> None:
        """Finish what is under way, and forget the rest."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _next(self, kind: str) -> None:
        with self._lock:
            do = self._waiting.pop(kind)
        do()
