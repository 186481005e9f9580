"""Which change was heard from which frame on."""

from __future__ import annotations

import subprocess
import time

import numpy as np
import pytest
from audio_support import Rig, noise

from torchbend.realtime.audio import AudioMemory, Journal
from torchbend.realtime.audio.journal import note
from torchbend.realtime.audio.light import light_command


def test_the_callback_writes_down_from_where_it_plays_a_change(native: bool) -> None:
    rig = Rig(native, mix=0, ramp_frames=0)
    journal = Journal(rig.memory)
    assert journal.read() == []
    numbers = {}
    heard = []
    for turn in range(12):
        if turn in (3, 4, 9):
            gain = 1 + turn / 16
            numbers[turn] = rig.strip.set(output_gain=gain)
        if turn == 7:
            rig.strip.set(output_gain=0)
            rig.strip.set(output_gain=0.5)  # two before one block: only the last is heard
            numbers[turn] = rig.strip.fade({1: 0.25}, seconds=0)
        heard.append(rig.block(np.full((50, 2), 0.25, np.float32)))
    first, *others = journal.read()
    assert first[1] == 0
    assert others == [(numbers[turn], 50 * turn) for turn in (3, 4, 7, 9)]
    assert journal.read() == []
    assert sorted(numbers.values()) == list(numbers.values())
    steps = np.flatnonzero(np.diff(np.concatenate(heard)[:, 0])) + 1
    assert steps.tolist() == [frame for _, frame in others]


def test_parameters_that_are_being_written_are_not_written_down(native: bool) -> None:
    rig = Rig(native)
    journal = Journal(rig.memory)
    rig.block(noise(10))
    journal.read()
    rig.memory.header.parameters_sequence += 1
    rig.block(noise(10))
    assert journal.read() == []
    number = rig.strip.set(mix=0.5)
    rig.block(noise(10))
    assert journal.read() == [(number, 20)]


@pytest.mark.parametrize(
    ("written", "lost"), [(0, 0), (1, 0), (1023, 0), (1024, 1), (1025, 2), (5000, 3977)]
)
def test_what_was_written_over_counts_as_lost(written: int, lost: int) -> None:
    with AudioMemory.create(48000) as memory:
        journal = Journal(memory)
        for _ in range(2):
            for n in range(written):
                note(memory.header.journal, n, 10 * n)
            assert journal.read() == [(n, 10 * n) for n in range(lost, written)]
        assert journal.lost == 2 * lost


WRITER = """
import sys
from torchbend.realtime.audio import AudioMemory, play_block
memory = AudioMemory.attach(sys.argv[1])
print("ready", flush=True)
while True:
    memory.header.parameters_sequence += 2
    play_block(memory, frames=8)
"""


def test_a_reader_is_never_given_half_of_an_entry() -> None:
    """The compiled callback writes as fast as it goes, while this end reads."""
    with AudioMemory.create(48000) as memory:
        command = light_command(WRITER, memory.path)
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
            journal, seen = Journal(memory), 0
            give_up = time.monotonic() + 20
            while seen < 20000 and time.monotonic() < give_up:
                for sequence, frame in journal.read():
                    assert frame == (sequence // 2 - 1) * 8
                    seen += 1
        finally:
            writer.kill()
            writer.communicate()
        assert seen >= 20000
