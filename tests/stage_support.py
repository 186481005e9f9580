"""The commands of a manual that play live, each for a moment and without a device."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_rave import tiny_rave

import torchbend as tb
from torchbend import cli

RATE = 48000


def prepare_files(folder: Path) -> None:
    """What a reader has: models, sounds, and bends."""
    tiny_rave(folder / "rave.ts")
    tiny_rave(folder / "choir.ts", seed=1)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE)
    for name in ("voice.wav", "drums.wav"):
        soundfile.write(folder / name, noise, RATE)
    push = tb.BendingParameter("push", 1.0, range=[0.0, 2.0])
    tb.BendingConfig((tb.Scale(push), r"decoder.*weight")).save(folder / "bends.json")


def play_lines(
    lines: Iterable[str], patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run them in the working folder, one after the other, and look at what they leave.

    To a line of ``torchbend live`` is added ``--device none --seconds 1 --quiet --osc 0``, and a
    file to record to.
    """
    patch.setattr("torchbend.realtime.lineup.MEASURE_SECONDS", 0.2)
    for number, line in enumerate(lines):
        _, *words = shlex.split(line, comments=True)
        record = [] if "--record" in words else ["--record", f"heard-{number}.wav"]
        added = ["--device", "none", "--seconds", "1", "--quiet", "--osc", "0", *record]
        if "--input-device" in words:  # which no clock has
            del words[(at := words.index("--input-device")) : at + 2]
        status = cli.main([*words, *([] if words[0] == "render" else added)])
        said = capsys.readouterr()
        if "--list-devices" in words:  # where there is one, and where there is none
            assert "Hz" in said.out if status == 0 else "sound device" in said.err
        elif "--midi" in words:  # nobody has this keyboard here
            assert (status, "MIDI" in said.err) == (1, True), said.err
        else:
            assert status == 0, f"{line}\n{said.err}"
            _check_sound(words, f"heard-{number}.wav")


def _check_sound(words: list[str], recorded: str) -> None:
    out = next((words[words.index(o) + 1] for o in ("--record", "-o") if o in words), recorded)
    sound, rate = soundfile.read(out)
    assert rate == RATE
    assert len(sound) > 0.8 * rate, words
    if "none" not in words:  # latents that nobody moves are a tone that stands still
        assert np.abs(sound).max() > 0.01, words
