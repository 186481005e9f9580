"""The errors of the control surface."""

from __future__ import annotations

from collections.abc import Callable

from torchbend.errors import LiveError

__all__ = ["ControlError", "FileError", "RefusedError"]


class ControlError(LiveError):
    """A control surface that cannot be built or started."""


class FileError(ControlError):
    """A preset, take or MIDI map that cannot be read or written."""


class RefusedError(ControlError):
    """A message that moves nothing.

    Attributes:
        reason: one word to count by: ``"unknown"``, ``"type"``, ``"count"``, ``"number"``
            (NaN or infinite), ``"access"``, ``"packet"`` or ``"time"``.
    """

    def __init__(self, reason: str, message: str, hint: Callable[[], str] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        # Looked for only when somebody reads it: most of a flood's errors are only counted.
        self._hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return message if self._hint is None else f"{message} {self._hint()}"
