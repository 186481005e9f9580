"""A model that is late again and again gets more time, and the sound goes on."""

from __future__ import annotations

from host_support import SOUND, is_heard, plain_file, playing, until


def late(session, times):
    """As if the callback had found so many gaps."""
    session.host.memory.header.slot[session.host.parts[0].slot].gaps += times


def test_more_time_for_what_is_late_again_and_again(tmp_path):
    path = plain_file(tmp_path / "plain.ts", 0.5)
    with playing(path, tmp_path, input=SOUND, latency=None, model_block=2048) as session:
        until(is_heard(session, 0.5))
        block = session.status.device_block
        for times in (2, 1):  # one or two may happen to anybody
            before = session.latency
            late(session, times)
        until(lambda: session.said("was late again and again"))
        assert session.latency == before + block
        until(is_heard(session, 0.5))
        assert session.host.strip.get("delay") == session.host.parts[0].delay_frames


def test_a_latency_that_was_chosen_stays(tmp_path):
    path = plain_file(tmp_path / "plain.ts", 0.5)
    with playing(path, tmp_path, input=SOUND) as session:
        until(is_heard(session, 0.5))
        before = session.latency
        late(session, 3)
        until(lambda: session.said("too slow for it now"))
        assert session.latency == before
