"""Single keys from a terminal, which is given back as it was."""

from __future__ import annotations

import os
import re
import select
import time
from typing import Any, TextIO

__all__ = ["Keyboard"]

# An arrow or function key comes as an escape and letters, which are nobody's keys.
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]?|O?.?)", re.DOTALL)


class Keyboard:
    """Reads keys while it is entered, where there are any to read.

    That is: on a POSIX terminal, in the foreground. Elsewhere it does nothing.

    Args:
        file: such as standard input; None has no keys.
    """

    def __init__(self, file: TextIO | None) -> None:
        self._number = _terminal(file)
        self._before: Any = None

    @property
    def works(self) -> bool:
        """Whether keys can be read."""
        return self._number is not None

    @property
    def reading(self) -> bool:
        """Whether keys are being read."""
        return self._before is not None

    def __enter__(self) -> Keyboard:
        if self._number is not None:
            import termios
            import tty

            self._before = termios.tcgetattr(self._number)
            tty.setcbreak(self._number)  # Ctrl-C stays Ctrl-C
        return self

    def __exit__(self, *_: object) -> None:
        if self._number is not None and self._before is not None:
            import termios

            before, self._before = self._before, None
            termios.tcsetattr(self._number, termios.TCSADRAIN, before)

    def pressed(self, seconds: float) -> str:
        """The keys that were pressed, after at most so long."""
        if self._number is None or not self.reading:
            return ""
        ready, _, _ = select.select([self._number], [], [], seconds)
        if not ready:
            return ""
        try:
            found = os.read(self._number, 64)
        except OSError:
            found = b""
        if not found:
            time.sleep(seconds)  # the terminal is gone; let nobody turn in circles
        return _SEQUENCE.sub("", found.decode("ascii", "ignore"))


def _terminal(file: TextIO | None) -> int | None:
    """The number of a terminal in whose foreground we are."""
    try:
        import termios  # noqa: F401
    except ImportError:
        return None  # no POSIX
    try:
        if file is None or not file.isatty():
            return None
        number = file.fileno()
        # Who changes a terminal from the background is stopped by the system.
        return number if os.tcgetpgrp(number) == os.getpgrp() else None
    except (OSError, ValueError):
        return None
