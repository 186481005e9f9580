"""Whether files have changed since they were read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["FileWatch"]

_REST_SECONDS = 0.5  # that a file has been left alone: it may be written in several goes


class FileWatch:
    """Tells once of each change. Safe to use from any thread."""

    def __init__(self) -> None:
        self._files: dict[Path, float] = {}
        self._lock = threading.Lock()

    def remember(self, paths: Iterable[Path], read: float) -> None:
        """Watch these files from now on, and no others.

        Args:
            paths: of the files.
            read: when they were about to be read, as `time.time`; what changed since has changed.
        """
        with self._lock:
            self._files = {path: min(_changed(path), read) for path in paths}

    def has_changed(self) -> bool:
        """Whether something changed since the last time, and all files are there and at rest."""
        with self._lock:
            now = {path: _changed(path) for path in self._files}
            if now == self._files or time.time() - max(now.values()) <= _REST_SECONDS:
                return False
            self._files = now
            return all(now.values())


def _changed(path: Path) -> float:
    """When a file changed last; 0 while it is not there, as in the middle of a save."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
