"""Keeps the sound going: a device that is lost is opened again as soon as it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from torchbend.errors import LiveError
from torchbend.realtime.audio.io_process import AudioProcess

__all__ = ["AudioKeeper"]

_DOUBT = 0.2  # seconds that a stall may last: the whole machine may have paused
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5  # seconds between two attempts
_LEAST_TIMEOUT, _MOST_TIMEOUT = 2.0, 10.0  # seconds that an attempt may take
_SETTLED = 3.0  # seconds after which a device that is back counts as back


class AudioKeeper:
    """Watches over an `AudioProcess`, and opens its device again, for as long as it takes.

    The memory, its clock and the workers are not touched: when the device is back, sound goes
    on from the frame at which it stopped.

    Args:
        process: what to watch; the owner starts and stops it.
        say: takes a line for the user at each turn of events; called from any thread.
        clock: the time in seconds.
        sleep: waits for so many seconds, or until `close`.
    """

    def __init__(
        self,
        process: AudioProcess,
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._process = process
        self._say = say
        self._clock = clock
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._helper: threading.Thread | None = None
        self._stalled_at: float | None = None
        # Of the outage; it ends when the device has been back for a while.
        self._lost_at: float | None = None
        self._back_at = 0.0
        self._losses = 0
        self._pause = _SHORTEST_PAUSE
        self._reasons: set[str] = set()

    @property
    def state(self) -> str:
        """``"running"``, ``"reopening"`` or ``"stopped"``."""
        if self._helper is not None and self._helper.is_alive():
            return "reopening"
        return "stopped" if self._process.playing is None else "running"

    def watch(self) -> None:
        """Look how the process does, and act; returns at once. Call it some 20 times a second."""
        if self._closed.is_set() or self.state == "reopening":
            return
        state, now = self._process.state(), self._clock()
        if state == "stalled":
            self._stalled_at = now if self._stalled_at is None else self._stalled_at
            if now - self._stalled_at >= _DOUBT:
                self._lost(self._stalled_at, "the sound device is gone: it asks for no more sound")
        elif state == "died":
            why = "".join(f": {error}" for error in self._process.errors[-1:])
            self._lost(now, f"the I/O process died{why}")
        else:
            self._stalled_at = None
            if self._lost_at is not None and now - self._back_at >= _SETTLED:
                self._settle()

    def close(self) -> None:
        """Open nothing any more. What runs goes on; an attempt under way is broken off."""
        self._closed.set()
        while self._helper is not None and self._helper.is_alive():
            self._process.kill()
            self._helper.join(0.05)

    def _lost(self, since: float, why: str) -> None:
        self._stalled_at = None
        self._losses += 1
        if self._lost_at is None:
            self._lost_at = since
            self._say(f"{_sentence(why)}. It is opened again as soon as that works")
        elif self._losses == 2:
            self._say(f"{_sentence(why)}, and again. When it is back to stay, that will be said")
        self._helper = threading.Thread(target=self._reopen, daemon=True)
        self._helper.start()

    def _settle(self) -> None:
        """The outage is over."""
        if self._losses > 1 and self._lost_at is not None:
            took = self._back_at - self._lost_at
            self._say(f"There is sound again after {took:.1f} s; it was lost {self._losses} times")
        self._lost_at, self._losses = None, 0
        self._pause = _SHORTEST_PAUSE
        self._reasons.clear()

    def _reopen(self) -> None:
        self._process.kill()
        timeout = _LEAST_TIMEOUT
        if self._losses > 1:
            self._rest()
        while not self._closed.is_set():
            began = self._clock()
            try:
                playing = self._process.start(timeout)
            except (LiveError, OSError) as error:
                self._explain(str(error))
                if self._clock() - began >= timeout:
                    timeout = min(2 * timeout, _MOST_TIMEOUT)
                self._rest()
                continue
            self._back_at = self._clock()
            if self._losses == 1 and self._lost_at is not None:
                took = self._back_at - self._lost_at
                self._say(f"There is sound again after {took:.1f} s, on {playing.output!r}")
            return

    def _rest(self) -> None:
        self._sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _explain(self, why: str) -> None:
        """Say why it does not work: each reason once, for there are several attempts a second."""
        if why not in self._reasons and not self._closed.is_set():
            self._reasons.add(why)
            self._say(f"No sound yet: {why}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
