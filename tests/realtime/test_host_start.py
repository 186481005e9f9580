"""Live hosts that start, end, and cannot start: nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import tempfile

import pytest
from host_support import (
    SLOW,
    SOUND,
    is_heard,
    left_behind,
    plain_file,
    playing,
    until,
    wide_file,
)
from small_file import small_file

from torchbend.errors import LiveError, TorchbendError


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path, monkeypatch):
    """No process, no thread, no shared memory, no folder."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = left_behind()
    yield
    until(lambda: left_behind() == before)


@pytest.mark.slow
def test_two_hosts_at_once(tmp_path):
    models = [plain_file(tmp_path / f"{name}.ts", 0.5) for name in ("one", "other")]
    with playing(models[0], tmp_path, input=SOUND, osc_port=0) as one:
        with playing(models[1], tmp_path, input=SOUND[:3000], osc_port=0) as other:
            alive = left_behind()
            assert len(alive["children"]) >= 4 and len(alive["memory"]) == 2
            assert one.host.surface.osc.place != other.host.surface.osc.place
            one.host.set("gain", 0.5)
            until(is_heard(one, 0.25))
            assert is_heard(other, 0.5)()
            os.kill(one.host.parts[0].worker.pid, signal.SIGKILL)
            until(lambda: one.said("plays no more"))
            assert is_heard(other, 0.5)()
        # The other ends while this one is still being brought back, or is back.
        until(is_heard(one, 0.25), 60)
        os.kill(one.host.parts[0].worker.pid, signal.SIGKILL)
        until(lambda: one.status.models[0].state == "lost")
    one.host.close()  # again does no harm


@pytest.mark.slow
def test_it_ends_while_another_model_is_being_loaded(tmp_path):
    other = plain_file(tmp_path / "other.ts", 0.5)
    with playing(plain_file(tmp_path / "plain.ts", 1.0), tmp_path, input=SOUND) as session:
        coming = session.host.load(other, 0.1)
        until(coming.running)
    assert coming.done()
    with pytest.raises(LiveError):
        coming.result()


CASES = {
    "a model block": ({"model_block": 300, "method": "encode"}, "300 frames does not fit"),
    "a latency": ({"model_block": 2048, "latency": 100}, "latency of 100 frames is too short"),
    "a sound": ({"input": "nothing.wav"}, "nothing.wav.*no such file"),
    "a recording": ({"record": "no/such/folder.wav"}, "no such folder"),
    "channels": ({"channels": 40}, "number of inputs is 40; it must be from 0 to 32"),
    "a method": ({"method": "forwards"}, "no method 'forwards'.*forward"),
}


QUICK = ("channels", "a method", "a sound")


@pytest.mark.parametrize(
    "what", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_what_cannot_be_had_is_told(what, tmp_path):
    settings, why = CASES[what]
    with pytest.raises(LiveError, match=why):
        with playing(plain_file(tmp_path / "plain.ts", 1.0), tmp_path, **settings):
            pass


def test_a_port_in_use_is_told(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(LiveError, match=str(port)):
            with playing(plain_file(tmp_path / "plain.ts", 1.0), tmp_path, osc_port=port):
                pass


@pytest.mark.slow
def test_a_model_slower_than_real_time_is_told(tmp_path):
    model = small_file(tmp_path / "slow.ts", {"forward": SLOW})
    with pytest.raises(LiveError, match="slow is slower than real time here: it takes"):
        with playing(model, tmp_path, model_block=256):
            pass


@pytest.mark.slow
def test_models_that_do_not_fit_are_told(tmp_path):
    models = [plain_file(tmp_path / "plain.ts", 1.0), wide_file(tmp_path / "wide.ts")]
    with pytest.raises(LiveError, match="gives 1 channels.*takes 2.*do not fit together"):
        with playing(models, tmp_path):
            pass


@pytest.mark.parametrize("name", ["text.ts", "nothing.ts", "nothing"])
def test_what_is_no_model_is_told(name, tmp_path):
    (tmp_path / "text.ts").write_text("not a model\n")
    with pytest.raises(TorchbendError, match=name):
        with playing(tmp_path / name, tmp_path):
            pass
