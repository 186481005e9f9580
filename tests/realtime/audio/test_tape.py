"""Sound that is fed in place of the device's, and sound that is recorded."""

from __future__ import annotations

import numpy as np
import pytest
from audio_support import Rig, noise

from torchbend.errors import LiveError
from torchbend.realtime.audio import Feed, Recorder


def test_a_fed_sound_is_heard_where_it_was_promised(native: bool) -> None:
    rig = Rig(native, mix=0, source="feed")
    feed, silence = Feed(rig.memory), np.zeros((64, 2), np.float32)
    rig.block(silence)
    sound, left = noise(300), noise(300)
    begin = feed.start(lead=100)
    assert begin == 164
    assert feed.write(left) == 300
    heard = np.concatenate([rig.block(silence) for _ in range(10)])
    np.testing.assert_array_equal(heard[100:400], sound)
    assert not heard[:100].any() and not heard[400:].any()
    again = feed.start(lead=0)
    assert again == rig.memory.position
    assert not rig.block(silence).any()  # nothing of the last time
    feed.write(sound)
    np.testing.assert_array_equal(rig.block(silence), sound[64:128])
    feed.start(lead=64)
    assert not rig.block(silence).any()  # though there is something in the ring
    feed.write(sound)
    np.testing.assert_array_equal(rig.block(silence), sound[:64])


@pytest.mark.parametrize("lead", [0, 1, 64, 1000])
def test_a_feed_that_starts_before_the_device_is_heard_from_its_first_frame(
    lead: int, native: bool
) -> None:
    rig = Rig(native, mix=0, source="feed")
    feed, sound = Feed(rig.memory), noise(3000)
    begin = feed.start(lead)
    assert begin == lead
    assert feed.write(sound[:1000]) == 1000
    assert feed.write(sound[1000:]) == 2000
    heard, captured = Recorder(rig.memory, start=0), Recorder(rig.memory, "captured", start=0)
    while rig.memory.position < lead + 3000:
        rig.block(np.ones((100, 2), np.float32))
    expected = np.concatenate([np.zeros((lead, 2), np.float32), sound])
    for recorder in (heard, captured):
        np.testing.assert_array_equal(recorder.read(most=len(expected)), expected)
        assert not recorder.read().any()


def test_a_feed_takes_no_more_than_there_is_room_for(native: bool) -> None:
    rig = Rig(native, mix=0, source="feed")
    feed = Feed(rig.memory)
    feed.start(lead=10)
    sound = noise(rig.memory.capacity + 5)
    taken = feed.write(sound)
    assert taken == rig.memory.capacity - 8192 - 10
    assert feed.room == 0 == feed.write(sound)
    rig.block(np.zeros((100, 2), np.float32))
    assert feed.room == 100
    with pytest.raises(LiveError, match="2 channels"):
        feed.write(noise(10, 3))


def test_a_recorder_misses_nothing(native: bool) -> None:
    rig = Rig(native, mix=0, output_gain=0.5)
    sound = noise(1000)
    heard, came = Recorder(rig.memory), Recorder(rig.memory, "captured")
    parts = []
    for at in range(0, 1000, 100):
        rig.block(sound[at : at + 100])
        parts.append(heard.read(most=70))
    parts.append(heard.read())
    assert len(heard.read()) == 0
    np.testing.assert_array_equal(np.concatenate(parts), rig.memory.heard[:1000])
    np.testing.assert_array_equal(came.read(), sound)
    assert heard.lost == came.lost == 0
    with pytest.raises(LiveError, match="heard, captured, bus"):
        Recorder(rig.memory, "herd")


def test_a_recorder_that_came_too_late_knows_what_it_lost(native: bool) -> None:
    rig = Rig(native, mix=0)
    recorder = Recorder(rig.memory)
    frames = rig.memory.capacity + 100
    sound = noise(frames)
    for at in range(0, frames, 8192):
        rig.block(sound[at : at + 8192])
    read = recorder.read()
    assert recorder.lost == frames - len(read) == 8192 + 100
    np.testing.assert_array_equal(read, sound[-len(read) :])
