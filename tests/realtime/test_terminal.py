"""The terminal view: on a terminal that is given back, and where there is none."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from control_support import make_tree, until
from status_support import MODEL, make_status

from torchbend.realtime.control import ControlTree
from torchbend.realtime.keyboard import Keyboard
from torchbend.realtime.status import Status
from torchbend.realtime.terminal import (
    LINE_SECONDS,
    TerminalView,
    control_rows,
    picture,
    stage_keys,
    status_line,
)

NO_KEYS = Keyboard(None)


class Pipe(io.StringIO):
    """Standard output that nobody looks at."""


class Screen(io.StringIO):
    """One that somebody does."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def a_known_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "30")


def counted(status: Status) -> tuple[Callable[[], Status], list[int]]:
    calls = [0]

    def tell() -> Status:
        calls[0] += 1
        return status

    return tell, calls


def test_where_there_is_no_terminal_it_writes_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torchbend.realtime.terminal.LINE_SECONDS", 0.05)
    assert LINE_SECONDS == 5.0
    out = Pipe()
    evil = replace(MODEL, name="raspberry.ts\x1b[2J\n")
    status = make_status(models=(evil, MODEL), xruns=3)
    TerminalView(lambda: status, file=out, keyboard=NO_KEYS).run(0.4)
    lines = out.getvalue().splitlines()
    assert 2 <= len(lines) <= 8
    assert set(lines) == {status_line(status)}
    assert lines[0].isprintable()
    for part in ("12:34", "running", ", raspberry.ts playing 17 %", "in -12.3", "xruns 3"):
        assert part in lines[0]
    assert "out -7.0" in lines[0]
    assert "no model" in status_line(make_status(models=(), input_db=(), output_db=()))


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_that_cannot_draw_gets_lines(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)
    view = TerminalView(make_status, file=Screen(), keyboard=NO_KEYS)
    assert not view.draws
    view.run(0.0)


def test_a_reader_that_hangs_up_does_not_end_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchbend.realtime.terminal.LINE_SECONDS", 0.01)

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    tell, calls = counted(make_status())
    view = TerminalView(tell, file=Closed(), keyboard=NO_KEYS)
    start = time.monotonic()
    view.run(0.3)
    assert time.monotonic() - start >= 0.3
    assert calls[0] == 1
    thread = threading.Thread(target=view.run)
    thread.start()
    view.end()
    thread.join(5)
    assert not thread.is_alive()


def test_it_draws_in_place_and_gives_the_screen_back() -> None:
    out = Screen()
    tree, _ = make_tree()
    tell, calls = counted(make_status())
    view = TerminalView(
        tell, lambda: control_rows(tree), listening="OSC 127.0.0.1:9000", file=out, keyboard=NO_KEYS
    )
    assert view.draws
    view.run(0.5)
    assert 3 <= calls[0] <= 8
    text = out.getvalue()
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    for part in ("drive", "latency", "OSC 127.0.0.1:9000", "Ctrl-C ends"):
        assert part in text
    # The last line is left for who looks up later.
    assert text.endswith(status_line(make_status()) + "\n")


def test_a_screen_that_fails_is_given_back() -> None:
    out = Screen()
    calls = [0]

    def status() -> Status:
        calls[0] += 1
        if calls[0] == 3:
            raise RuntimeError("of the host")
        return make_status()

    with pytest.raises(RuntimeError, match="of the host"):
        TerminalView(status, file=out, keyboard=NO_KEYS).run(5)
    assert out.getvalue().count("\x1b[?1049l") == 1
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_warnings_are_shown_and_not_written_over_the_screen() -> None:
    out = Screen()
    logger = logging.getLogger("torchbend.realtime.control.surface")
    before = list(logging.getLogger("torchbend").handlers)

    def status() -> Status:
        logger.warning("no preset %s", "nothing\x1b[2J")
        logger.info("too much")
        return make_status(messages=("a message",))

    TerminalView(status, file=out, keyboard=NO_KEYS).run(0.3)
    text = out.getvalue()
    assert "no preset nothing [2J" in text
    assert "a message" in text
    assert "too much" not in text
    assert logging.getLogger("torchbend").handlers == before


def test_an_ascii_screen_gets_ascii() -> None:
    class Ascii(Screen):
        encoding = "ascii"  # type: ignore[assignment]

    for out in (Ascii(), type("AsciiPipe", (Pipe,), {"encoding": "ascii"})()):
        german = replace(MODEL, name="ü")
        status = make_status(models=(german,), messages=("ü",), recording=Path("你好.wav"))
        rows = control_rows(make_tree()[0])
        TerminalView(lambda s=status: s, lambda r=rows: r, file=out, keyboard=NO_KEYS).run(0.05)
        assert out.getvalue().isascii()


def test_it_ends_when_it_is_asked_to() -> None:
    before = signal.getsignal(signal.SIGTERM)
    tell, calls = counted(make_status())
    view = TerminalView(tell, file=Pipe(), keyboard=NO_KEYS)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    start = time.monotonic()
    view.run(20)
    assert time.monotonic() - start < 10
    assert signal.getsignal(signal.SIGTERM) is before


class Typing(Keyboard):
    """Somebody at the keys."""

    works = True
    reading = True

    def __init__(self, typed: str) -> None:
        super().__init__(None)
        self.typed = list(typed)

    def pressed(self, seconds: float) -> str:
        return self.typed.pop(0) if self.typed else ""


def test_keys_do_what_they_say(caplog: pytest.LogCaptureFixture) -> None:
    tree, heard = make_tree()
    keys, help = stage_keys(tree)
    out = Screen()
    TerminalView(make_status, keys=keys, help=help, file=out, keyboard=Typing("xbppr7 \x00q")).run(
        5
    )
    assert heard.moves == [
        ("/bypass", (True,)),
        ("/panic", (True,)),
        ("/panic", (False,)),
        ("/rec", (True,)),
        ("/preset/recall", ("7",)),
    ]
    assert "q quit  p panic  b bypass" in out.getvalue()
    assert caplog.records == []
    gone, _ = stage_keys(ControlTree())
    TerminalView(make_status, keys=gone, file=Screen(), keyboard=Typing("bq")).run(5)
    (record,) = caplog.records
    assert "Key b: there is no '/bypass'" in record.getMessage()


@pytest.mark.parametrize("width", [60, 100])
def test_a_picture_needs_nothing_from_the_network(width: int) -> None:
    rows = control_rows(make_tree()[0])
    svg = picture(make_status(), rows, listening="OSC 127.0.0.1:9000", width=width)
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = "".join(root.itertext()).replace("\xa0", " ")
    for part in ("torchbend live", "raspberry.ts", "latency", "drive", "OSC 127.0.0.1:9000"):
        assert part in text
    assert "@font-face" not in svg
    links = set(re.findall(r"https?://[^\"\s<)]+", svg)) - {"http://www.w3.org/2000/svg"}
    assert not [link for link in links if "font" in link or "cdn" in link]
    higher = picture(make_status(models=(MODEL,) * 9), rows, width=width)
    assert higher != svg
    assert picture(make_status(), rows, width=width, height=8).count("\n") < svg.count("\n")


PROGRAM = """
import fcntl, sys, termios
sys.path.insert(0, {tests!r})
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from control_support import make_tree
from status_support import make_status
from torchbend.realtime.terminal import TerminalView, control_rows, stage_keys
tree, heard = make_tree()
keys, help = stage_keys(tree)
asked = []
def status():
    asked.append(1)
    if len(asked) == 4 and {fails}:
        raise RuntimeError("of the host")
    return make_status(messages=tuple(f"did {{address}}" for address, _ in heard.moves))
TerminalView(status, lambda: control_rows(tree), keys=keys, help=help).run(30)
print("ended in order")
"""


class Stage:
    """A real terminal, and a program on it."""

    def __init__(self, fails: bool) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        here = Path(__file__).resolve()
        program = PROGRAM.format(tests=str(here.parents[1]), fails=fails)
        environment = {**os.environ, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1"}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=here.parents[2],
            env=environment,
        )
        self.shown = ""

    def see(self, text: str) -> None:
        def found() -> bool:
            while select.select([self.master], [], [], 0)[0]:
                self.shown += os.read(self.master, 65_536).decode("utf-8", "replace")
            return text in self.shown

        until(found, 30)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.slave)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = Stage(request.param)
    yield stage
    stage.close()


@pytest.mark.slow
@pytest.mark.parametrize("stage", [False], indirect=True)
@pytest.mark.parametrize("end", ["q", "\x03", "SIGTERM"])
def test_a_real_terminal_is_given_back(stage: Stage, end: str) -> None:
    stage.see("drive")
    assert stage.modes() != stage.before  # keys come at once, and are not shown
    stage.type("\x1b[A\x1bOBp\x1b[1;5b")  # arrows and the like are no keys of ours
    stage.see("did /panic")
    stage.see("PANIC")
    if end == "SIGTERM":
        stage.process.send_signal(signal.SIGTERM)
    else:
        stage.type(end)
    stage.see("ended in order")
    assert stage.process.wait(30) == 0
    assert stage.modes() == stage.before
    assert stage.shown.count("\x1b[?1049h") == stage.shown.count("\x1b[?1049l") == 1
    assert "did /bypass" not in stage.shown


@pytest.mark.slow
@pytest.mark.parametrize("stage", [True], indirect=True)
def test_a_real_terminal_is_given_back_by_what_fails(stage: Stage) -> None:
    stage.see("RuntimeError: of the host")
    assert stage.process.wait(30) == 1
    assert stage.modes() == stage.before
    assert stage.shown.index("\x1b[?1049l") < stage.shown.index("RuntimeError")
