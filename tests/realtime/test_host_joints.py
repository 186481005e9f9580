"""Where the parts of a live host meet: what hangs, what is tried again, what ends early."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from host_support import SOUND, is_heard, plain_file, playing, until

from torchbend.errors import LiveError, TorchbendError


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("joints")
    model = plain_file(folder / "plain.ts", 1.0)
    settings = {"input": SOUND, "model_block": 512, "record": folder / "heard.wav"}
    with playing(model, folder, **settings) as session:
        session.folder = folder
        yield session


def test_a_host_plays_once_and_shows_that_it_records(session):
    assert session.host.surface.tree.value("/rec") == (True,)
    assert session.status.recording == session.folder / "heard.wav"
    with pytest.raises(LiveError, match="plays once"):
        session.host.start()
    session.host.set("/rec", False)
    until(lambda: session.status.recording is None)
    assert session.host.surface.tree.value("/rec") == (False,)
    until(is_heard(session, 1.0))


@pytest.mark.slow
def test_a_worker_that_hangs_holds_nobody_up_and_is_replaced(session):
    (part,) = session.host.parts
    worker = part.worker
    os.kill(worker.pid, signal.SIGSTOP)
    for _ in range(3000):
        worker.set_text(0, "x" * 100)  # as a control that is a text does
    session.host.set("gain", 0.5)
    until(lambda: session.said("does not answer"), 60)
    until(is_heard(session, 0.5), 60)
    assert part.worker is not worker and not worker.is_alive


@pytest.mark.slow
def test_what_cannot_be_brought_back_is_tried_again(session, monkeypatch):
    monkeypatch.setattr("torchbend.realtime.lineup.LONGEST_PAUSE", 0.2)
    session.host.set("gain", 0.5)
    until(is_heard(session, 0.5))
    away = session.folder / "away"
    (session.folder / "plain.ts").rename(away)
    os.kill(session.host.parts[0].worker.pid, signal.SIGKILL)
    until(lambda: session.said("not back yet"), 60)
    away.rename(session.folder / "plain.ts")
    until(is_heard(session, 0.5), 60)
    assert len(session.said("not back yet")) == 1


@pytest.mark.slow
def test_a_host_that_is_closed_while_a_model_comes_in(tmp_path):
    model = plain_file(tmp_path / "plain.ts", 1.0)
    with playing(model, tmp_path, input=SOUND, model_block=512) as session:
        until(is_heard(session, 1.0))
        coming = session.host.load(plain_file(tmp_path / "other.ts", 0.5), 600.0)
        until(lambda: session.host._lineup._coming is not None)
    with pytest.raises(TorchbendError):
        coming.result(0)
    assert not session.said("plays on")
    with pytest.raises(LiveError, match="does not play"):
        session.host.load(model)
    with pytest.raises(LiveError, match="plays once"):
        session.host.start()


def test_a_fade_that_is_too_long_is_refused_before_anything_changes(session):
    with pytest.raises(LiveError, match="0 to 600"):
        session.host.load(session.folder / "plain.ts", 1000.0).result(60)
    assert [model.state for model in session.status.models] == ["playing"]


def test_what_is_moved_while_a_model_comes_in_is_where_it_should_be(session):
    """Moved all the time: what was set last is what is heard, whoever had it first."""
    ends = threading.Event()

    def move() -> None:
        n = 0
        while not ends.is_set():
            n += 1
            session.host.set("gain", 0.5 + n % 100 / 200)

    moving = threading.Thread(target=move)
    moving.start()
    try:
        session.host.load(session.folder / "plain.ts", 0.1).result(120)
    finally:
        ends.set()
        moving.join()
    (gain,) = session.host.surface.tree.value("/bend/gain")
    until(is_heard(session, gain))
