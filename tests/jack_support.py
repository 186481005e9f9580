"""A sound server of our own, with jackd's dummy driver."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

DEVICE_BLOCK = 256


class Jack:
    """A server of our own, which no other sees.

    Args:
        rate: in Hz.
        sync: whether it waits for its programs; otherwise it drops the block of one that is late.
    """

    def __init__(self, rate: int = 48000, *, sync: bool = False) -> None:
        self.name = f"torchbend-{os.getpid()}"
        self.rate, self.sync = rate, sync
        self.start()

    def start(self) -> None:
        command = ["jackd", "--no-realtime", *["-S"] * self.sync, "-n", self.name, "-d", "dummy"]
        self.server = subprocess.Popen(
            [*command, "-r", str(self.rate), "-p", str(DEVICE_BLOCK)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert until(lambda: "system:playback_1" in self.run("jack_lsp"))

    def run(self, *command: str) -> str:
        name, *arguments = command
        done = subprocess.run(
            [name, "-s", self.name, *arguments], capture_output=True, text=True, timeout=20
        )
        return done.stdout

    def ports(self, kind: str) -> list[str]:
        """Those of programs, by ``"in"`` or ``"out"``; the server's own are left out."""
        ports = [line for line in self.run("jack_lsp").splitlines() if ":" in line]
        return sorted(p for p in ports if p.partition(":")[2].startswith(kind))

    def kill(self) -> None:
        self.server.kill()
        self.server.wait()


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture
def jack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jack]:
    """A server that is the default one; the fixture's parameter is how it is, if any."""
    assert shutil.which("jackd"), "apt-get install jackd2"
    server = Jack(**getattr(request, "param", {}))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    yield server
    server.server.terminate()  # in order, so that it takes its files along
    server.server.wait(20)
