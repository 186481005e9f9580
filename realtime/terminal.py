"""The terminal view: meters, load, latency, counts and controls, drawn in place while it plays.

On a terminal it takes the whole screen and gives it back at the end, whatever ends it. Where
there is none (a pipe, a file, a service) it writes a line now and then.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group
from rich.live import Live

from torchbend.realtime.control import ControlError, ControlTree
from torchbend.realtime.keyboard import Keyboard
from torchbend.realtime.screen import Screen, report_latency
from torchbend.realtime.screen_parts import Row, as_ascii, number, plain
from torchbend.realtime.status import Status

if TYPE_CHECKING:
    from torchbend.realtime.host import Host

__all__ = [
    "TerminalView",
    "control_rows",
    "picture",
    "report_latency",
    "stage_keys",
    "stage_view",
    "status_line",
]

logger = logging.getLogger(__name__)

DRAW_SECONDS = 0.1
LINE_SECONDS = 5.0
WARNING_SECONDS = 30.0
MOST_WARNINGS = 4
_FONT = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


class TerminalView:
    """Shows how the host stands, until somebody ends it.

    ::

        with Host(bended) as host:
            TerminalView(host.status, lambda: control_rows(host.tree)).run()

    Args:
        status: a moment of the host; asked for at each drawing.
        controls: what can be moved, with its values.
        listening: where OSC and OSCQuery are heard.
        keys: what a key does, beside ``q``, which ends the view; see `stage_keys`. They work
            on a terminal only.
        help: which key does what, for people.
        file: what is written to; standard output, if None.
        keyboard: where keys come from; standard input, if None.
    """

    def __init__(
        self,
        status: Callable[[], Status],
        controls: Callable[[], Sequence[Row]] = lambda: (),
        *,
        listening: str = "",
        keys: Mapping[str, Callable[[], object]] | None = None,
        help: str = "",
        file: TextIO | None = None,
        keyboard: Keyboard | None = None,
    ) -> None:
        self._status = status
        self._controls = controls
        self._keys = dict(keys or {})
        self._console = Console(file=file, highlight=False, emoji=False, markup=False)
        self._keyboard = keyboard or Keyboard(sys.stdin)
        hint = "q quit" + (f"  {help}" if help else "") if self._keyboard.works else "Ctrl-C ends"
        self._screen = Screen(listening, hint)
        self._warnings = _Warnings()
        self._ended = threading.Event()

    @property
    def draws(self) -> bool:
        """Whether it draws in place; otherwise it writes lines."""
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def end(self) -> None:
        """Let :meth:`run` return soon. From any thread."""
        self._ended.set()

    def run(self, seconds: float | None = None) -> None:
        """Show it until ``q``, Ctrl-C, the system's wish to end, or :meth:`end`.

        Args:
            seconds: how long at most.
        """
        end = None if seconds is None else time.monotonic() + seconds
        with _asked_to_end(self._ended), contextlib.suppress(KeyboardInterrupt):
            if self.draws:
                self._draw_until(end)
            else:
                self._write_until(end)

    def _draw_until(self, end: float | None) -> None:
        live = Live(console=self._console, screen=True, auto_refresh=False)
        with self._warnings, live, self._keyboard:
            while True:
                live.update(self._drawn(), refresh=True)
                if self._rest(DRAW_SECONDS, end):
                    break
        # The screen is as it was before; this stays.
        self._write_line()

    def _drawn(self) -> Group:
        width, height = self._console.size
        status = self._status()
        status = replace(status, messages=(*status.messages, *self._warnings.lately()))
        lines = self._screen.lines(status, self._controls(), width, height)
        if self._console.options.ascii_only:
            lines = [as_ascii(line) for line in lines]
        return Group(*lines)

    def _write_until(self, end: float | None) -> None:
        while not self._rest(LINE_SECONDS, end):
            if not self._write_line():
                self._ended.wait(None if end is None else max(end - time.monotonic(), 0))
                return

    def _write_line(self) -> bool:
        """Write a line; whether that was possible."""
        text = status_line(self._status())
        if self._console.options.ascii_only:
            text = text.encode("ascii", "replace").decode()
        try:
            self._console.file.write(text + "\n")
            self._console.file.flush()
        except OSError:  # nobody reads it any more; the sound goes on
            return False
        return True

    def _rest(self, seconds: float, end: float | None) -> bool:
        """Wait, and do what keys say; whether it is over."""
        until = time.monotonic() + seconds
        if end is not None:
            until = min(until, end)
        while not self._ended.is_set():
            left = until - time.monotonic()
            if left <= 0:
                break
            if self._keyboard.reading:
                for key in self._keyboard.pressed(min(left, DRAW_SECONDS)):
                    self._press(key)
            else:
                self._ended.wait(left)
        return self._ended.is_set() or (end is not None and time.monotonic() >= end)

    def _press(self, key: str) -> None:
        if key in ("q", "Q"):
            self._ended.set()
        elif key in self._keys:
            try:
                self._keys[key]()
            except ControlError as error:
                logger.warning("Key %s: %s", key, error)


def stage_keys(tree: ControlTree) -> tuple[dict[str, Callable[[], object]], str]:
    """What the keys do on stage, for a tree of controls, and a line that tells it.

    ``p`` is panic and its end, ``b`` the bypass, ``r`` the recording, a digit recalls a preset.
    """

    def toggle(address: str) -> Callable[[], object]:
        return lambda: tree.set(address, (not tree.value(address)[0],))

    def recall(digit: str) -> Callable[[], object]:
        return lambda: tree.set("/preset/recall", (digit,))

    keys = {"p": toggle("/panic"), "b": toggle("/bypass"), "r": toggle("/rec")}
    keys.update({digit: recall(digit) for digit in "0123456789"})
    return keys, "p panic  b bypass  r record  0-9 preset"


def stage_view(host: Host) -> TerminalView:
    """The view of a host that plays, with the keys for the stage."""
    surface = host.surface
    keys, told = stage_keys(surface.tree)
    return TerminalView(
        host.status,
        lambda: control_rows(surface.tree),
        listening=surface.listening or "no OSC",
        keys=keys,
        help=told,
    )


def control_rows(tree: ControlTree) -> list[Row]:
    """The controls that have a value, the bends first, as they are now."""
    values, controls = tree.values(), tree.controls
    rows = [(controls[address], each) for address, each in values.items() if address in controls]
    order = ("/bend/", "/latent/")
    return sorted(rows, key=lambda row: [not row[0].address.startswith(each) for each in order])


def status_line(status: Status) -> str:
    """How the host stands, on one line."""
    seconds = int(status.seconds)
    models = ", ".join(
        f"{model.name} {model.state} {number(100 * model.load, '.0f')} %" for model in status.models
    )
    loudest = {"in": status.input_db, "out": status.output_db}
    levels = " ".join(f"{name} {number(max(db))}" for name, db in loudest.items() if db)
    late = sum(model.late_blocks for model in status.models)
    return plain(
        f"{seconds // 60}:{seconds % 60:02}  {status.audio}  {models or 'no model'}  {levels} dB  "
        f"latency {status.latency.total_ms:.1f} ms  xruns {status.xruns}  "
        f"underruns {status.underruns}  late {late}"
    )


def picture(
    status: Status,
    controls: Sequence[Row] = (),
    *,
    listening: str = "",
    width: int = 100,
    height: int | None = None,
    title: str = "torchbend live",
) -> str:
    """The terminal view as a picture.

    Args:
        status: the moment to show.
        controls: with their values.
        listening: where OSC and OSCQuery are heard.
        width: in cells.
        height: in lines; as many as it takes, if None.
        title: above it.

    Returns:
        SVG, which needs nothing from the network.
    """
    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        height=height or 1000,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in Screen(listening).lines(status, controls, width, height):
        console.print(line, no_wrap=True, crop=True)
    return _FONT.sub("", console.export_svg(title=title))


class _Warnings(logging.Handler):
    """What is logged while the screen is drawn: written over it, nobody could read it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: deque[tuple[float, str]] = deque(maxlen=MOST_WARNINGS)

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append((time.monotonic(), record.getMessage()))

    def lately(self) -> list[str]:
        oldest = time.monotonic() - WARNING_SECONDS
        return [text for when, text in list(self._said) if when > oldest]

    def __enter__(self) -> _Warnings:
        logging.getLogger("torchbend").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("torchbend").removeHandler(self)


@contextlib.contextmanager
def _asked_to_end(ended: threading.Event) -> Iterator[None]:
    """End in order when the system asks, so that the terminal is given back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    wanted = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    before = {each: signal.signal(each, end) for each in wanted if each is not None}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
