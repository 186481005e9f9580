"""Child processes that talk in lines of JSON: both ends of the pipe.

A child takes commands on standard input and tells events on standard output. It ends when its
parent does. Nothing here imports torch: the I/O process is such a child, too.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

__all__ = ["Event", "Offspring", "commands", "leave_with", "take_stdout"]

_log = logging.getLogger(__name__)

Event = dict[str, Any]

_PATIENCE = 1.0  # seconds that a child is given to end in order when its parent is gone
_MOST_WAITING = 1024  # commands to a child that does not read; the oldest are lost


class Offspring:
    """A child process, seen from its parent.

    Args:
        command: what to run.
        name: of it, in the log.
        env: of its environment, what differs.
        aside: kinds of events that are not for `events`, and who is told them at once.

    Attributes:
        events: what else it told, in order; None when it has ended, after an event ``"died"`` if
            it ended badly.
    """

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        env: Mapping[str, str] | None = None,
        *,
        aside: Mapping[str, Callable[[Event], object]] | None = None,
    ) -> None:
        self.name = name
        self._aside = dict(aside or {})
        self.events: queue.Queue[Event | None] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**(env or {}), **os.environ},
            # Ctrl-C is for the control process, which ends the others in order.
            start_new_session=True,
        )
        self._unsent: deque[str] = deque(maxlen=_MOST_WAITING)
        self._wake = threading.Event()
        self._stopping = False
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()
        last: deque[str] = deque(maxlen=20)
        noise = threading.Thread(target=self._drain, args=(last,), daemon=True)
        noise.start()
        self._reader = threading.Thread(target=self._read, args=(noise, last), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def send(self, **command: Any) -> None:
        """Tell it something, and go on at once, even where it hangs; a dead child hears nothing."""
        self._unsent.append(json.dumps(command) + "\n")
        self._wake.set()

    def first(self, timeout: float, *wanted: str) -> Event | None:
        """The first event that is wanted, or an error; None if there was none in time.

        Args:
            timeout: in seconds.
            wanted: kinds of events; ``"error"`` and ``"died"`` are always wanted.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                event = self.events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return None
            if event is None:
                self.events.put(None)  # whoever asks next need not wait, either
            if event is None or event["event"] in (*wanted, "error", "died"):
                return event

    def take(self) -> list[Event]:
        """What it told since the last call."""
        told = []
        with contextlib.suppress(queue.Empty):
            while (event := self.events.get_nowait()) is not None:
                told.append(event)
            self.events.put(None)
        return told

    def stop(self, timeout: float) -> None:
        """Let it end by closing its standard input, and end it if it does not."""
        self._stopping = True
        self._wake.set()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._stopping = True
        self._wake.set()
        self._writer.join(_PATIENCE)
        self._reader.join(_PATIENCE)  # what it told last is not lost

    def _write(self) -> None:
        """Whoever sends does not wait: the pipe to a child that hangs is full one day."""
        with contextlib.suppress(OSError), self._process.stdin as stdin:  # type: ignore[union-attr]
            while True:
                self._wake.wait()
                self._wake.clear()
                stopping = self._stopping
                while self._unsent:
                    stdin.write(self._unsent.popleft())
                    stdin.flush()
                if stopping:
                    return

    def _drain(self, last: deque[str]) -> None:
        """Sound libraries talk a lot on standard error; it matters when the process dies."""
        with self._process.stderr as stderr:  # type: ignore[union-attr]
            for line in stderr:
                last.append(line.strip())
                _log.debug("%s: %s", self.name, line.rstrip())

    def _read(self, noise: threading.Thread, last: deque[str]) -> None:
        with self._process.stdout as stdout:  # type: ignore[union-attr]
            for line in stdout:
                with contextlib.suppress(json.JSONDecodeError):
                    event = json.loads(line)
                    self._aside.get(event["event"], self.events.put)(event)
        noise.join(1)
        if self._process.wait():
            status = f"exit status {self._process.returncode}"
            why = next((line for line in reversed(last) if line), status)
            self.events.put({"event": "died", "message": f"it ended: {why}"})
        self.events.put(None)


def take_stdout() -> Callable[..., None]:
    """In the child: the way to the parent; what libraries print goes to standard error.

    Returns:
        A function that tells an event: ``send(event="started", block=256)``.
    """
    out: IO[str] = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    lock = threading.Lock()

    def send(**event: object) -> None:
        with lock:
            try:
                out.write(json.dumps(event) + "\n")
            except OSError:
                os._exit(1)  # nobody listens any more

    return send


def leave_with(parent: int) -> None:
    """In the child: end with the parent, even while the main thread hangs in a driver."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        time.sleep(_PATIENCE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def commands() -> queue.SimpleQueue[Event | None]:
    """In the child: what it is told, from now on; None when there will be no more."""
    told: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            with contextlib.suppress(json.JSONDecodeError):
                told.put(json.loads(line))
        told.put(None)

    threading.Thread(target=read, daemon=True).start()
    return told
