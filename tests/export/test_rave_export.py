"""Bent RAVEs as exported files: in torch, in the C++ host and in Pd, beside RAVE's own export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from native_support import SAMPLE_RATE, probe, read_wav, run_pd, write_wav
from rave_bends import KINDS, SEVEN, bent, bent_by_seven
from rave_export import rave_exported, rave_model, rave_scripted, silence
from support import noise
from torch import Tensor

from torchbend.interfaces._rave_build import save_run

pytestmark = [
    pytest.mark.rave,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

METHODS = ("encode", "decode", "forward")
BLOCK = 4096
HELD = 0.5  # seconds that a knob is away from its neutral value
TURN = 2.0  # seconds for each knob; it is back for the rest of them
# The decoder hears what was before for 11 blocks of 2048 frames: its caches, one behind the
# other. In Pd come two buffers, and the block in which the knob glides back.
MEMORY = 1.0


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums of convolutions may be ordered otherwise on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("run"), "v2_small", seed=1)


@pytest.fixture(scope="module")
def seven(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported with its own check and its patches."""
    path = tmp_path_factory.mktemp("seven") / "seven.ts"
    bent_by_seven(run).export(path)
    return path


@pytest.fixture(scope="module")
def theirs(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAVE's own export of the same run, without what its warm-up left in the caches."""
    path = tmp_path_factory.mktemp("theirs") / "theirs.ts"
    return silent(rave_exported(rave_model(run), path))


def silent(path: Path) -> Path:
    module: Any = torch.jit.load(str(path))
    silence(module)
    torch.jit.save(module, str(path))
    return path


def same_bits(ours: Tensor, theirs: Tensor) -> bool:
    """A spherical RAVE makes NaN of the silence that it starts from, and here there is none."""
    return ours.shape == theirs.shape and bool(
        ((ours == theirs) | (ours.isfinite() & theirs.isnan())).all()
    )


def given(file: Any, fn: str, rows: int, frames: int, seed: int, loud: float = 1.0) -> Tensor:
    channels, ratio = getattr(file, f"{fn}_params")[:2].tolist()
    return noise(rows, channels, frames // ratio, seed=seed) * (loud if fn == "decode" else 0.3)


def play(file: Any, fn: str, x: Tensor, seed: int) -> Tensor:
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        out: Tensor = getattr(file, fn)(x).clone()
    return out


# -- a performance of seven knobs ----------------------------------------------------------
def moments(start: float) -> list[tuple[float, str, float]]:
    """When each knob is moved, alone, and when it is put back."""
    found = []
    for i, (name, (neutral, other)) in enumerate(SEVEN.items()):
        at = start + TURN * i
        found += [(at, name, other), (at + HELD, name, neutral)]
    return found


def expect_each_heard_and_taken_back(moved: Tensor, still: Tensor, start: float) -> None:
    """Each knob changes the sound while it is moved; afterwards there are the same bits."""
    assert still.isfinite().all() and still.abs().max() > 1e-3
    assert torch.equal(moved[:, : int(start * SAMPLE_RATE)], still[:, : int(start * SAMPLE_RATE)])
    for i, name in enumerate(SEVEN):
        at = start + TURN * i
        here = slice(int(at * SAMPLE_RATE), int((at + HELD + MEMORY) * SAMPLE_RATE))
        back = slice(int((at + HELD + MEMORY) * SAMPLE_RATE), int((at + TURN) * SAMPLE_RATE))
        heard = (moved[:, here] - still[:, here]).abs().max() / still[:, here].abs().max()
        assert heard > 1e-3, name
        assert back.stop - back.start > SAMPLE_RATE // 3
        assert torch.equal(moved[:, back], still[:, back]), name


def test_each_knob_is_heard_and_taken_back_in_the_probe(seven: Path, tmp_path: Path) -> None:
    start = 0.25
    seconds = start + TURN * len(SEVEN)
    x = write_wav(tmp_path / "in.wav", noise(1, int(seconds * SAMPLE_RATE)) * 0.3)
    options = ["--method", "forward", "--block", 2048, "--seed", 3, "--threads", 1]
    probe("render", seven, x, tmp_path / "still.wav", *options)
    for at, name, value in moments(start):
        options += ["--set", f"{at}:{name}={value}"]
    lines = probe("render", seven, x, tmp_path / "moved.wav", *options)
    assert [(line["code"], line["value"]) for line in lines[:-1]] == [
        (0, [pytest.approx(value)]) for _, _, value in moments(start)
    ]
    assert (lines[-1]["errors"], lines[-1]["finite"]) == (0, True)
    still, moved = read_wav(tmp_path / "still.wav"), read_wav(tmp_path / "moved.wav")
    expect_each_heard_and_taken_back(moved, still, start)


def test_each_knob_is_heard_and_taken_back_in_pd(seven: Path) -> None:
    start = 0.6
    seconds = start + TURN * len(SEVEN)
    x = noise(1, int(seconds * SAMPLE_RATE)) * 0.3
    messages = [(at, f"tb/seven/{name} {value}") for at, name, value in moments(start)]
    patch = seven.with_suffix(".pd")
    still = run_pd(patch, seconds, sound=x, seed=3)
    moved = run_pd(patch, seconds, sound=x, seed=3, messages=messages)
    assert still.errors == moved.errors == []
    expect_each_heard_and_taken_back(moved.sound, still.sound, start)


def test_until_its_caches_forget_a_decoder_sounds_otherwise(seven: Path, tmp_path: Path) -> None:
    """Equal bits can come no sooner: what was bent is still in the caches."""
    file: Any = torch.jit.load(str(seven))
    other: Any = torch.jit.load(str(seven))
    z = [given(file, "decode", 1, 2048, seed=i) for i in range(24)]
    play(file, "decode", z[0], 0), play(other, "decode", z[0], 0)
    other.set_gain(0.5)
    play(file, "decode", z[1], 1), play(other, "decode", z[1], 1)
    other.set_gain(1.0)
    # The first of these blocks is the one in which it glides back.
    same = [
        torch.equal(play(file, "decode", x, i), play(other, "decode", x, i))
        for i, x in enumerate(z[2:])
    ]
    forgotten = same.index(True)
    assert 1 < forgotten <= 12
    assert all(same[forgotten:])
    # Emptied, they are equal at once.
    other.set_gain(0.5), play(other, "decode", z[0], 0)
    other.set_gain(1.0), play(other, "decode", z[0], 0)
    silence(file), silence(other)
    assert torch.equal(play(file, "decode", z[1], 0), play(other, "decode", z[1], 0))


# -- at neutral, RAVE's own export ---------------------------------------------------------
@pytest.mark.parametrize("rows", [1, 4, 64])
def test_at_neutral_it_has_the_bits_of_raves_own(seven: Path, theirs: Path, rows: int) -> None:
    ours, own = torch.jit.load(str(seven)), torch.jit.load(str(theirs))
    for fn in METHODS:
        for seed, frames in enumerate((2048, 512, 4096, 2048)):
            x = given(own, fn, rows, frames, seed)
            want = play(own, fn, x, seed)
            assert want.isfinite().all() and want.any()
            assert torch.equal(play(ours, fn, x, seed), want), (fn, frames)


@pytest.mark.parametrize("rows", [1, 4, 64])
def test_at_neutral_it_has_those_bits_in_the_probe(
    seven: Path, theirs: Path, tmp_path: Path, rows: int
) -> None:
    seconds = 0.2 if rows == 64 else 1.0
    for fn in METHODS:
        sounds = []
        for file in (seven, theirs):
            options = ["--noise", seconds, tmp_path / "o.wav", "--batch", rows, "--method", fn]
            options += ["--block", 2048, "--seed", 5, "--threads", 1, "--rate", SAMPLE_RATE]
            assert probe("render", file, *options)[-1]["errors"] == 0
            sounds.append(read_wav(tmp_path / "o.wav"))
        assert sounds[1].any()
        assert torch.equal(*sounds), fn


# -- what nn~ can be told ------------------------------------------------------------------
def test_every_message_of_nn_in_the_probe(seven: Path, theirs: Path, tmp_path: Path) -> None:
    x = write_wav(tmp_path / "in.wav", noise(1, 2 * SAMPLE_RATE) * 0.3)
    options = ["--method", "forward", "--block", BLOCK, "--seed", 3, "--threads", 1]

    def render(*more: object) -> tuple[Tensor, list[Any]]:
        lines = probe("render", seven, x, tmp_path / "o.wav", *options, *more)
        assert (lines[-1]["errors"], lines[-1]["finite"]) == (0, True)
        return read_wav(tmp_path / "o.wav"), lines

    still, _ = render()
    # Where there is no CUDA, asking for it changes nothing; nor does the method that plays.
    told, lines = render("--at", "0.5:gpu=1", "--at", "1:gpu=0", "--at", "1:method=forward")
    assert lines[0]["error"] == (None if torch.cuda.is_available() else "GPU mode not available")
    if not torch.cuda.is_available():
        assert torch.equal(told, still)
    off = slice(6 * BLOCK, 12 * BLOCK)
    times = [block / SAMPLE_RATE for block in (off.start, off.stop)]
    told, lines = render("--at", f"{times[0]}:enable=0", "--at", f"{times[1]}:enable=1")
    assert torch.equal(told[:, : off.start], still[:, : off.start])
    assert not told[:, off].any()
    assert told[:, off.stop :].any()
    # Opened again, it starts anew: its knobs and its caches.
    at = 12 * BLOCK
    seconds = at / SAMPLE_RATE
    first, lines = render("--set", "0:gain=0.25", "--set", "0:offset=0.5", "--at",
                          f"{seconds}:reload", "--set", f"{seconds}:drive=1")  # fmt: skip
    assert lines[-2]["value"] == [1.0]
    again, _ = render("--at", f"{seconds}:load={seven}")
    assert not torch.equal(first[:, :at], again[:, :at])
    assert torch.equal(again[:, :at], still[:, :at])
    # What is drawn goes on from where it was.
    assert torch.equal(first[:, at:], again[:, at:])
    other, _ = render("--at", f"{seconds}:load={theirs}")
    assert torch.equal(other, again)
    resized, lines = render("--at", f"{seconds}:bufsize=1024")
    assert lines[-1]["block"] == 1024
    assert resized.isfinite().all()


PATCH = """#N canvas 0 0 400 300 10;
#X obj 10 10 adc~ 1;
#X obj 10 50 nn~ seven forward 4096;
#X obj 10 90 dac~ 1;
#X obj 90 10 r nn;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 3 0 1 0;
"""


def test_every_message_of_nn_in_pd(seven: Path) -> None:
    x = noise(1, 3 * SAMPLE_RATE) * 0.3
    messages = [(0.5, "nn set gain 0.25"), (0.6, "nn get gain"), (1.0, "nn enable 0")]
    messages += [(1.5, "nn enable 1"), (2.0, "nn reload"), (2.1, "nn get gain")]
    messages += [(2.2, "nn bufsize 2048"), (2.3, "nn bang")]
    run = run_pd(PATCH, 3.0, folder=seven.parent, sound=x, seed=3, messages=messages)
    assert run.errors == []
    told = [line for line in run.log if line.startswith("nn~: gain:")]
    assert told == ["nn~: gain: 0.250000", "nn~: gain: 1.000000"]
    assert run.sound.isfinite().all()
    for when, sounds in ((0.5, True), (0.99, True), (1.4, False), (1.95, True), (2.95, True)):
        here = run.sound[:, int((when - 0.05) * SAMPLE_RATE) : int(when * SAMPLE_RATE)]
        assert bool(here.any()) == sounds, when


def test_what_pd_cannot_do_is_said_and_does_no_harm(seven: Path) -> None:
    x = noise(1, SAMPLE_RATE) * 0.3
    still = run_pd(PATCH, 1.0, folder=seven.parent, sound=x, seed=3)
    messages = [(0.3, "nn gpu 1"), (0.4, "nn method decode"), (0.5, "nn load seven")]
    messages += [(0.6, "nn set gain loud"), (0.7, "nn set nothing 1"), (0.8, "nn set gain nan")]
    run = run_pd(PATCH, 1.0, folder=seven.parent, sound=x, seed=3, messages=messages)
    said = "\n".join(run.errors)
    words = ["method change is only", "loading models is only", "stof", "not settable"]
    for part in words:
        assert part in said
    if not torch.cuda.is_available():
        assert torch.equal(run.sound, still.sound)


# -- every kind ----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_passes_its_check_and_has_raves_bits(kind: str, tmp_path: Path) -> None:
    run = KINDS[kind].save(tmp_path / "run")
    bended = bent(run)
    bended.export(tmp_path / "x.ts", patches=False)  # with its own check: every knob is heard
    ours: Any = torch.jit.load(str(tmp_path / "x.ts"))
    model = rave_model(run, channels=KINDS[kind].channels)
    theirs: Any = torch.jit.load(str(silent(rave_exported(model, tmp_path / "theirs.ts"))))
    assert ours.get_methods() == list(METHODS)
    assert set(ours.get_methods()) <= set(theirs.get_methods())
    assert ours.get_sample_rate() == bended.sample_rate
    loud = 300.0 if kind == "discrete" else 1.0  # numbers of entries of codebooks
    for fn in METHODS:
        for what in ("params", "input_labels", "output_labels"):
            got, want = (getattr(file, f"{fn}_{what}") for file in (ours, theirs))
            assert list(got) == list(want), (fn, what)
        for seed, (rows, frames) in enumerate([(1, 2048), (4, 4096), (1, 8192), (4, 2048)]):
            x = given(theirs, fn, rows, frames, seed, loud)
            want = play(theirs, fn, x, seed)
            assert same_bits(play(ours, fn, x, seed), want), (fn, rows, frames)
        assert want.isfinite().all() and want.any()
    switches = ["learn_target", "reset_target", "learn_source", "reset_source"]
    learns = any(name.endswith("num_update_x") for name, _ in model.named_buffers())
    assert ours.get_attributes() == ["noise", "gain", "drive", "channels"] + switches * learns
    assert learns == (kind in ("adain", "v3"))


# A performance: what is switched, and then played.
STEPS = [
    ("forward", {}),
    ("forward", {"learn_target": 1}),
    ("forward", {}),
    ("forward", {"learn_target": 0, "learn_source": 1}),
    ("encode", {}),
    ("decode", {"learn_source": 0}),
    ("forward", {}),
    ("encode", {"reset_source": 1}),
    ("decode", {}),
    ("forward", {"learn_source": 1}),
    ("forward", {"learn_source": 0, "reset_target": 1}),
    ("forward", {}),
]


def test_adain_learns_and_forgets_as_raves_own(tmp_path: Path) -> None:
    run = KINDS["adain"].save(tmp_path / "run")
    bent(run).export(tmp_path / "x.ts", check=False, patches=False)
    # RAVE 2.3.1 looks for the layers before it has them: what it exports has the switches, and
    # they do nothing. Its own class, told that the layers are there:
    theirs = rave_scripted(rave_model(run))
    theirs.is_using_adain = True
    silence(theirs)
    ours: Any = torch.jit.load(str(tmp_path / "x.ts"))
    idle: Any = torch.jit.load(str(tmp_path / "x.ts"))
    differ = []
    for i, (fn, switched) in enumerate(STEPS):
        for name, on in switched.items():
            getattr(theirs, f"set_{name}")(bool(on))
            assert getattr(ours, f"set_{name}")(on) == 0
            assert getattr(ours, f"get_{name}")() == [on]
        rows = (1, 4, 2)[i % 3]
        x = given(ours, fn, rows, 2048, i)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(i)
            want = getattr(theirs, fn)(x)
        got = play(ours, fn, x, i)
        assert torch.equal(got, want), (i, fn)
        differ.append(not torch.equal(got, play(idle, fn, x, i)))
        assert (ours.get_reset_target(), ours.get_reset_source()) == ([0], [0])
    # The target alone changes nothing; from the source's first block on it is played.
    assert differ[:7] == [False] * 3 + [True] * 4, differ
    # Both are forgotten. What is left is in the caches.
    silence(ours), silence(idle)
    x = given(ours, "forward", 1, 2048, 0)
    assert torch.equal(play(ours, "forward", x, 0), play(idle, "forward", x, 0))
