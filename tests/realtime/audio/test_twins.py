"""The compiled callback and its twin in Python, side by side through everything at once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from audio_support import Rig

from torchbend.realtime.audio import Journal, layout

NATIVE = Path(layout.__file__).parent / "native"


def perform(native: bool, seed: int) -> tuple[Rig, np.ndarray]:
    """A seeded minute of everything: moves, late workers, bad samples, changing blocks."""
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    rig = Rig(native, inputs=inputs, outputs=outputs)
    rig.attach(0, 96, 200)
    rig.attach(1, 64, 128, lambda x: -2 * x, level=0)
    if inputs != outputs:
        wide = np.ones((inputs, outputs), np.float32)
        rig.workers = {i: (slot, lambda x: x @ wide) for i, (slot, _) in rig.workers.items()}
    heard = []
    for _ in range(300):
        sound = rng.normal(size=(int(rng.integers(1, 129)), inputs)) * rng.choice([0, 0.01, 0.5])
        if rng.random() < 0.05:
            sound[0, 0] = rng.choice([np.nan, np.inf])
        heard.append(rig.block(sound.astype(np.float32), flags=int(rng.integers(16))))
        if rng.random() < 0.8:
            rig.work()
        if rng.random() < 0.15:
            moves = {
                "input_gain": rng.uniform(0, 2),
                "output_gain": rng.uniform(0, 2),
                "mix": rng.uniform(),
                "width": rng.choice([0, 0.4, 1, 2]),
                "gate": rng.choice([0, 0.1]),
                "ceiling": rng.uniform(0.2, 1),
                "limiter": rng.random() < 0.8,
                "dc_block": rng.random() < 0.5,
                "bypass": rng.random() < 0.2,
                "panic": rng.random() < 0.1,
                "late": rng.choice([0, 1]),
                "delay": int(rng.integers(500)),
                "ramp_frames": int(rng.integers(200)),
            }
            name = rng.choice(list(moves))
            rig.strip.set(**{str(name): moves[str(name)]})
        if rng.random() < 0.1:
            levels = {0: rng.uniform(), 1: rng.uniform()}
            curve = "power" if rng.random() < 0.5 else "linear"
            rig.strip.fade(levels, seconds=rng.uniform(0, 0.02), curve=curve)
    return rig, np.concatenate(heard)


@pytest.mark.parametrize("seed", range(5))
def test_both_callbacks_play_and_count_the_same(seed: int) -> None:
    (one, compiled), (two, python) = perform(True, seed), perform(False, seed)
    assert np.abs(compiled).max() > 0.1
    np.testing.assert_allclose(compiled, python, atol=1e-6)
    np.testing.assert_allclose(one.memory.bus, two.memory.bus, atol=1e-6)
    np.testing.assert_array_equal(one.memory.captured, two.memory.captured)
    counts = [vars(rig.strip.counters()) for rig in (one, two)]
    for count in counts:
        assert count.pop("busy_ns") >= count.pop("busy_ns_most") > 0
    assert counts[0] == counts[1]
    assert counts[0]["underruns"] > 0
    for name, values in vars(one.strip.meters()).items():
        assert values == pytest.approx(getattr(two.strip.meters(), name), abs=1e-6)
    assert Journal(one.memory).read() == Journal(two.memory).read() != []
    for index in (0, 1):
        slots = [vars(rig.strip.slot_counters(index)) for rig in (one, two)]
        for slot in slots:
            del slot["turn_ns"], slot["turn_ns_most"]
        assert slots[0] == slots[1]
        assert slots[0]["gaps"] > 2


def test_they_may_take_turns_in_one_memory() -> None:
    rig = Rig(True, mix=0, output_gain=0.5, dc_block=True)
    whole = Rig(True, mix=0, output_gain=0.5, dc_block=True)
    rng = np.random.default_rng(0)
    for turn in range(50):
        sound = rng.uniform(-1, 1, (64, 2)).astype(np.float32)
        rig.native = bool(turn % 2)
        np.testing.assert_allclose(rig.block(sound), whole.block(sound), atol=1e-6)


def test_without_a_compiler_the_layout_is_the_same() -> None:
    assert layout.native() is not None
    compiled, parsed = layout.ffi(), layout._parsed()
    for name in ("tb_header", "tb_slot", "tb_parameters", "tb_slot_parameters", "tb_journal"):
        assert compiled.sizeof(name) == parsed.sizeof(name)
        fields = compiled.typeof(name).fields
        assert [field for field, _ in fields] == [f for f, _ in parsed.typeof(name).fields]
        for field, _ in fields:
            assert compiled.offsetof(name, field) == parsed.offsetof(name, field), field


@pytest.mark.parametrize("name", ["MAGIC", "SLOTS", "CHANNELS", "MOST_FRAMES", "LATE_DRY"])
def test_numbers_of_the_layout_are_those_of_the_compiler(name: str) -> None:
    assert layout.constant(name) == getattr(layout.native(), f"TB_{name}")


def test_the_core_compiles_without_a_warning(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    assert compiler is not None
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
    subprocess.run(
        [compiler, *flags, "-O2", "-c", NATIVE / "strip.c", "-o", tmp_path / "strip.o"], check=True
    )
