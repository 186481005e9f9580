"""The C++ host and Pd against Python: the same file, the same libtorch, the same bits."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import native_support
import pytest
import torch
from native.make_models import DESCRIPTION, RATIO, write_models
from native_support import PD_BLOCK, SAMPLE_RATE, probe, read_wav, run_pd, run_probe, write_wav
from support import noise
from torch import Tensor

Change = Callable[[Any], object]

FORWARD = """#N canvas 0 0 400 300 10;
#X obj 10 10 adc~ 1;
#X obj 10 50 nn~ {nn};
#X obj 10 90 dac~ 1;
#X obj 90 10 r nn;
#X obj 90 90 print info;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 3 0 1 0;
#X connect 1 1 4 0;
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    return folder


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums of convolutions may be ordered otherwise on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


def play(
    path: Path,
    x: Tensor,
    block: int,
    method: str = "forward",
    changes: Sequence[tuple[int, Change]] = (),
) -> Tensor:
    """What nn~ should play of ``(batch, channels, frames)``: whole blocks, outputs repeated."""
    model = torch.jit.load(str(path))
    in_ratio, out_ratio = getattr(model, f"{method}_params")[[1, 3]].tolist()
    done, out = 0, []
    for at in range(0, x.shape[-1] - block + 1, block):
        while done < len(changes) and changes[done][0] <= at:
            changes[done][1](model)
            done += 1
        with torch.inference_mode():
            heard = x[..., at + in_ratio - 1 : at + block : in_ratio].contiguous()
            out.append(getattr(model, method)(heard).repeat_interleave(out_ratio, -1))
    return torch.cat(out, -1)


def wav(folder: Path, x: Tensor) -> Path:
    return write_wav(folder / "in.wav", x)


# -- info --------------------------------------------------------------------------------
def test_info_says_what_a_file_offers(models: Path) -> None:
    info = probe("info", models / "attributes.ts")
    assert info["torch"] == torch.__version__.partition("+")[0], "built against another torch"
    assert info["sample_rate"] == 48000
    assert info["torchbend"] == json.loads(DESCRIPTION)
    assert info["problems"] == []
    assert info["methods"] == [
        {
            "name": "forward",
            "in_channels": 1,
            "in_ratio": 1,
            "out_channels": 1,
            "out_ratio": 1,
            "input_labels": ["(signal) sound in"],
            "output_labels": ["(signal) sound out"],
        }
    ]
    assert {a["name"]: (a["types"], a["value"], a["text"]) for a in info["attributes"]} == {
        "gain": (["float"], [1.0], "1.000000"),
        "steps": (["int"], [0], "0"),
        "flip": (["bool"], [False], "false"),
        "shape": (["str"], ["hard"], "hard"),
        "pan": (["float", "float"], [0.5, 0.5], "0.500000 0.500000"),
        "curve": (["tensor"], [{"shape": [4], "data": [0.0] * 4}], "Tensor(dim: 4)"),
        "table": (["buffer"], ["table#0"], "table#0"),
    }


def test_info_tells_what_nn_could_not_use(models: Path) -> None:
    info = probe("info", models / "faulty/faulty.ts")
    assert [method["name"] for method in info["methods"]] == ["forward"]
    assert info["torchbend"] is None
    problems = "\n".join(info["problems"])
    for part in ("absent", "could not access method get_bare", "setter for attribute missing"):
        assert part in problems


# -- render ------------------------------------------------------------------------------
@pytest.mark.parametrize("block", [64, 1000, 4096])
@pytest.mark.parametrize("batches", [1, 4])
def test_render_is_what_python_plays(
    models: Path, tmp_path: Path, block: int, batches: int
) -> None:
    x = noise(batches, 3 * 4096)
    file, out = models / "attributes.ts", tmp_path / "out.wav"
    more = ["--block", block, "--batch", batches]
    lines = probe("render", file, wav(tmp_path, x), out, *more, "--set", "0.1:gain=0.3")
    frames = x.shape[-1] - x.shape[-1] % block
    at = round(0.1 * SAMPLE_RATE)
    want = play(file, x[:, None], block, changes=[(at, lambda m: m.set_gain(0.3))])
    assert torch.equal(read_wav(out)[:, :frames], want[:, 0])
    done = lines[-1]
    assert (done["frames"], done["channels"]) == (x.shape[-1], batches)
    assert (done["errors"], done["finite"]) == (0, True)
    assert done["peak"] == pytest.approx(float(read_wav(out).abs().max()))


@pytest.mark.parametrize(("method", "channels"), [("encode", 1), ("decode", 2), ("forward", 1)])
def test_every_ratio_is_what_python_plays(
    models: Path, tmp_path: Path, method: str, channels: int
) -> None:
    x = noise(channels, 50 * RATIO)
    file, out = models / "ratios.ts", tmp_path / "out.wav"
    probe("render", file, wav(tmp_path, x), out, "--method", method, "--block", 2 * RATIO)
    assert torch.equal(read_wav(out), play(file, x[None], 2 * RATIO, method)[0])


@pytest.mark.parametrize(("block", "vector"), [(512, 64), (512, 512), (4096, 256)])
def test_a_buffer_makes_it_late_by_two(
    models: Path, tmp_path: Path, block: int, vector: int
) -> None:
    x = noise(1, 6 * block)
    file, out = models / "attributes.ts", tmp_path / "out.wav"
    more = ["--buffered", "--block", block, "--vector", vector]
    probe("render", file, wav(tmp_path, x), out, *more)
    got, late = read_wav(out), 2 * block - vector
    assert not got[:, :late].any()
    assert torch.equal(got[:, late:], play(file, x[None], block)[0][:, : 6 * block - late])


def test_every_message_is_answered(models: Path, tmp_path: Path) -> None:
    array = write_wav(tmp_path / "array.wav", torch.tensor([[1.0, 3.0], [5.0, 7.0]]))
    sets = {
        "gain=9": (0, [2.0]),
        "gain=nan": (-1, [2.0]),
        "steps=2.9": (0, [2]),
        "flip=1": (0, [True]),
        "flip=false": (0, [False]),
        "shape=soft": (0, ["soft"]),
        "shape=square": (-1, ["soft"]),
        "pan=0.25,0.75": (0, [0.25, 0.75]),
        "pan=1": (None, [0.25, 0.75]),
        "gain=loud": (None, [2.0]),
        "curve=[1 2 3 4]": (0, [{"shape": [4], "data": [1.0, 2.0, 3.0, 4.0]}]),
        "curve=[1 2]": (-1, [{"shape": [4], "data": [1.0, 2.0, 3.0, 4.0]}]),
        "curve=1": (None, [{"shape": [4], "data": [1.0, 2.0, 3.0, 4.0]}]),
        f"table=@{array}": (0, ["table#0"]),
        "nothing=1": (None, None),
    }
    arguments = [word for text in sets for word in ("--set", f"0:{text}")]
    out = tmp_path / "o.wav"
    lines = probe("render", models / "attributes.ts", "--silence", 0.1, out, *arguments)
    assert [(line["code"], line["value"]) for line in lines[:-1]] == list(sets.values())
    errors = [line["error"] for line in lines[:-1]]
    assert [error is None for error in errors] == [code == 0 for code, _ in sets.values()]
    assert "wrong number of elements" in errors[list(sets).index("pan=1")]
    # Silence, 2 steps up, tanh; then the means of the curve and the table.
    want = torch.tensor(2.0).tanh() + 2.5 + 4.0
    torch.testing.assert_close(read_wav(out), want.expand(1, 4800))


def test_sets_wait_for_their_time(models: Path, tmp_path: Path) -> None:
    x = torch.ones(1, 4096)
    times = ["--set", "0.03:gain=0", "--set", "0.01:gain=0.5", "--set", "9:gain=1"]
    arguments = [models / "attributes.ts", wav(tmp_path, x), tmp_path / "o.wav", "--block", 512]
    lines = probe("render", *arguments, *times)
    assert [line["frame"] for line in lines[:-1]] == [512, 1536]
    assert lines[-1]["late_messages"] == 1
    steady = read_wav(tmp_path / "o.wav")[0, 1::512]  # a half of the frame before is added
    assert steady.tolist() == [1.5] + [1.0] * 2 + [0.5] * 5


def test_numbers_reach_the_model_as_pd_writes_them(models: Path, tmp_path: Path) -> None:
    arguments = ["render", models / "attributes.ts", "--silence", 0.1, tmp_path / "o.wav"]
    sets = ["--set", "0:flip=0", "--set", "0:gain=1e-7", "--set", "0:steps=3"]
    assert [line.get("value") for line in probe(*arguments, *sets)[:-1]] == [
        [False],
        [pytest.approx(1e-7)],
        [3],
    ]
    assert [line.get("value") for line in probe(*arguments, *sets, "--pd")[:-1]] == [
        [True],
        [0.0],
        [3],
    ]


def test_reload_enable_method_and_load(models: Path, tmp_path: Path) -> None:
    x = torch.ones(1, 2048)
    arguments = [models / "attributes.ts", wav(tmp_path, x), tmp_path / "o.wav", "--block", 256]
    moments = ["--set", "0:gain=2", "--at", "0.01:enable=0", "--at", "0.02:enable=1"]
    moments += ["--at", "0.03:reload", "--at", "0.035:method=nonsense", "--at", "0.035:gpu=0"]
    done = probe("render", *arguments, *moments)[-1]
    steady = read_wav(tmp_path / "o.wav")[0, 1::256].tolist()
    assert steady == [2.5, 2.5, 0.0, 0.0, 2.5, 2.5, 1.5, 1.5]
    assert done["notes"] == ["method nonsense not found in model, using forward instead"]

    other = ["--at", f"0.01:load={models / 'ratios.ts'}", "--at", "0.03:bufsize=512"]
    probe("render", *arguments, *other)
    want = 10 * RATIO + 1 + torch.arange(256.0) % RATIO
    assert torch.equal(read_wav(tmp_path / "o.wav")[0, 1024:1280], want)


def test_what_a_file_can_hold_is_read(models: Path, tmp_path: Path) -> None:
    samples = [0, 16384, -32768, 32767, 1, -1, 8192, -8192]
    data = b"".join(struct.pack("<h", sample) for sample in samples)
    head = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head
    body += b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "in.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    out = tmp_path / "o.wav"
    probe("render", models / "attributes.ts", tmp_path / "in.wav", out, "--block", 8)
    x = torch.tensor([samples]) / 32768
    assert torch.equal(read_wav(out), play(models / "attributes.ts", x[None], 8)[0])


def test_noise_depends_on_the_seed_alone(models: Path, tmp_path: Path) -> None:
    sounds = []
    for seed in (1, 1, 2):
        probe("render", models / "legacy.ts", "--noise", 0.1, tmp_path / "o.wav", "--seed", seed)
        sounds.append(read_wav(tmp_path / "o.wav"))
    assert torch.equal(sounds[0], sounds[1])
    assert not torch.equal(sounds[0], sounds[2])
    assert 0.3 < float(sounds[0].std()) < 0.5  # two inlets that differ: 1 / sqrt(6)


def test_a_model_that_raises_leaves_the_sound_as_it_was(models: Path, tmp_path: Path) -> None:
    x = torch.full((1, 1024), 0.5)
    x[:, 256:512] = 2.0
    out = tmp_path / "o.wav"
    done = run_probe("render", models / "faulty/faulty.ts", wav(tmp_path, x), out, "--block", 128)
    assert done.returncode == 2
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["errors"] == 2
    assert "the block starts too high" in last["first_errors"][0]
    assert torch.equal(read_wav(out), torch.full((1, 1024), 0.5))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["info", "nowhere.ts"], "problem loading model nowhere.ts"),
        (["render", "{m}/ratios.ts", "--noise", 1, "{t}/o.wav", "--method", "x"], "encode, decode"),
        (["render", "{m}/ratios.ts", "--noise", 1, "o.wav", "--method", "decode", "--block", 12],
         "a block of 12 frames is no multiple of the ratios 8 and 1"),
        (["render", "{m}/ratios.ts", "{m}/ratios.ts", "{t}/o.wav"], "no RIFF/WAVE file"),
        (["render", "{m}/ratios.ts", "{t}/o.wav"], "render takes 3 files, and 2 were given"),
        (["render", "{m}/ratios.ts", "--noise", 1, "{t}/x/o.wav"], "cannot write"),
        (["render", "{m}/ratios.ts", "--noise", 1, "{t}/o.wav", "--set", "gain=1"], "SECONDS:NAME"),
        (["render", "{m}/ratios.ts", "--noise", 1, "{t}/o.wav", "--at", "0:method=encode"],
         "changes the numbers of inlets and outlets"),
        (["time", "{m}/attributes.ts", "--set", "gain=nan"], "setter for gain failed"),
        (["time", "{m}/attributes.ts", "--blocks", 0], "--blocks takes a number from 1"),
        (["time", "{m}/attributes.ts", "--blcks", 9], "there is no option --blcks"),
        (["play"], "there is no command play; there are info, render and time"),
        ([], "info, render or time"),
    ],
)  # fmt: skip
def test_an_error_says_what_is_wrong(
    models: Path, tmp_path: Path, arguments: list[object], said: str
) -> None:
    filled = [str(word).format(m=models, t=tmp_path) for word in arguments]
    done = run_probe(*filled)
    assert done.returncode == 1
    assert said in done.stderr
    assert "frame #" not in done.stderr


def test_time_measures_blocks_and_setters(models: Path) -> None:
    sets = ["--set", "gain=0.5", "--set", "gain=0.6", "--set", "pan=0.1,0.2"]
    told = probe("time", models / "attributes.ts", "--blocks", 40, "--block", 512, *sets)
    assert (told["method"], told["block"], told["load_ms"] > 0) == ("forward", 512, True)
    assert len(told["first_blocks_ms"]) == 5
    for costs in (told["block_ms"], told["block_between_sets_ms"]):
        assert 0 < costs["p50"] <= costs["p90"] <= costs["p99"] <= costs["max"]
        assert costs["count"] == 40
    counts = {s["name"]: s["later_ms"]["count"] for s in told["sets"]}
    assert counts == {"gain": 18, "pan": 18}
    assert all(s["first_ms"] > 0 and s["second_ms"] > 0 for s in told["sets"])


# -- Pd ----------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [256, 4096])
def test_pd_plays_what_python_plays_two_buffers_late(models: Path, size: int) -> None:
    x = noise(1, SAMPLE_RATE // 2)
    nn = f"attributes forward {size}"
    run = run_pd(FORWARD.format(nn=nn), 0.5, folder=models, sound=x)
    assert run.errors == []
    late = 2 * size - PD_BLOCK
    assert not run.sound[:, :late].any()
    want = play(models / "attributes.ts", x[None], size)[0][:, : run.sound.shape[1] - late]
    assert torch.equal(run.sound[:, late : late + want.shape[1]], want)


def test_a_setting_is_heard_in_pd(models: Path) -> None:
    x = noise(1, SAMPLE_RATE // 2)
    messages = [(0.1, "nn set gain 0.25"), (0.2, "nn set steps 2"), (0.3, "nn set pan 0.1 0.2")]
    messages += [(0.4, "nn set shape soft")]
    # In place and in the buffer of a vector: what is set is in the next vector's sound.
    run = run_pd(
        FORWARD.format(nn="attributes.ts forward 0"),
        0.5,
        folder=models,
        sound=x,
        messages=[(0.0, f"nn bufsize {PD_BLOCK}"), *messages],
    )
    assert run.errors == []
    changes: list[tuple[int, Change]] = [
        (round(0.1 * SAMPLE_RATE), lambda m: m.set_gain(0.25)),
        (round(0.2 * SAMPLE_RATE), lambda m: m.set_steps(2)),
        (round(0.3 * SAMPLE_RATE), lambda m: m.set_pan(*torch.tensor([0.1, 0.2]).tolist())),
        (round(0.4 * SAMPLE_RATE), lambda m: m.set_shape("soft")),
    ]
    want = play(models / "attributes.ts", x[None], PD_BLOCK, changes=changes)[0]
    assert torch.equal(run.sound, want)


def test_a_bool_cannot_be_switched_off_in_pd(models: Path) -> None:
    messages = [(0.0, "nn set flip 0"), (0.01, "nn get flip"), (0.02, "nn set flip false")]
    messages += [(0.03, "nn get flip")]
    run = run_pd(FORWARD.format(nn="attributes"), 0.1, folder=models, messages=messages)
    assert [line for line in run.log if "flip" in line] == ["nn~: flip: true", "nn~: flip: false"]


def test_arrays_of_pd_are_samples(models: Path) -> None:
    arrays = "#X obj 9 200 array define up 4;\n#X obj 9 200 array define flat 9;\n"
    messages = [(0.0, "up 1 2 3 6"), (0.0, "flat const 5"), (0.0, "up 0 1 2 3 6")]
    messages += [(0.1, "nn set curve up"), (0.2, "nn set table flat"), (0.25, "nn get curve")]
    patch = FORWARD.format(nn="attributes forward 0") + arrays
    run = run_pd(patch, 0.3, folder=models, messages=[(0.0, "nn bufsize 64"), *messages])
    assert run.errors == []
    assert "nn~: curve: Tensor(dim: 4)" in run.log
    heard = run.sound[0, [4000, 9000, 14000]].tolist()
    assert heard == [0.0, 3.0, 8.0]
    run = run_pd(FORWARD.format(nn="attributes"), 0.1, folder=models,
                 messages=[(0.0, "nn set curve nowhere")])  # fmt: skip
    assert run.errors == ["error: nn~: table nowhere not found"]


def test_inlets_and_outlets_follow_the_method(models: Path) -> None:
    x = noise(1, 24000)
    patch = """#N canvas 0 0 400 300 10;
#X obj 10 10 adc~ 1;
#X obj 10 50 nn~ ratios encode 64;
#X obj 10 90 nn~ ratios decode 64;
#X obj 10 130 dac~;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 1 1 2 1;
#X connect 2 0 3 0;
#X connect 1 1 3 1;
"""
    run = run_pd(patch, 0.5, folder=models, sound=x)
    assert run.errors == []
    z = play(models / "ratios.ts", x[None], 64, "encode")
    y = play(models / "ratios.ts", z, 64, "decode")[0]
    assert torch.equal(run.sound[1, 64:], z[0, 1, : 24000 - 64])
    assert torch.equal(run.sound[0, 128:], y[0, : 24000 - 128])


def test_enable_and_reload_in_pd(models: Path) -> None:
    messages = [(0.0, "nn bufsize 64"), (0.1, "nn set gain 2"), (0.2, "nn enable 0")]
    messages += [(0.3, "nn enable 1"), (0.4, "nn reload")]
    run = run_pd(
        FORWARD.format(nn="attributes forward 0"),
        0.5,
        folder=models,
        sound=torch.ones(1, 24000),
        messages=messages,
    )
    assert run.errors == []
    heard = run.sound[0, [2400, 7200, 12000, 16800, 21600]].tolist()
    assert heard == [1.5, 2.5, 0.0, 2.5, 1.5]


def test_a_bang_tells_what_is_loaded(models: Path) -> None:
    run = run_pd(
        FORWARD.format(nn="ratios forward 100"), 0.1, folder=models, messages=[(0.0, "nn bang")]
    )
    assert [line.strip() for line in run.log if line.startswith("info: ")] == [
        "info: loaded 1",
        "info: enabled 1",
        "info: gpu 0",
        f"info: model {(models / 'ratios.ts').resolve()}",
        "info: methods encode decode forward",
        "info: method forward",
        "info: attributes",
        "info: bufsize 128",
        "info: dim 1 1",
        "info: ratio 1 1",
    ]


def test_a_model_is_found_beside_the_patch_and_on_the_path(models: Path, tmp_path: Path) -> None:
    patch = tmp_path / "x.pd"
    patch.write_text(FORWARD.format(nn="attributes"))
    assert any("could not find file 'attributes.ts'" in e for e in run_pd(patch, 0.1).errors)
    assert run_pd(patch, 0.1, path=[models]).errors == []
    patch.write_text(FORWARD.format(nn=models / "attributes.ts"))
    assert run_pd(patch, 0.1).errors == []
    assert [file.name for file in tmp_path.iterdir()] == ["x.pd"]


@pytest.mark.parametrize(
    ("nn", "message", "said"),
    [
        ("attributes", "set nothing 1", "argument name not settable in current model"),
        ("attributes", "set gain", "set needs at least 2 arguments"),
        ("attributes", "set gain loud", "stof"),
        ("attributes", "set shape square", "setter for shape failed"),
        ("attributes", "set pan 1", "wrong number of elements : setter seems to have 2, but 1"),
        ("attributes", "method forward", "only supported in multichannel mode"),
        ("attributes", "load ratios", "only supported in multichannel mode"),
        ("attributes forward 8192", "bang", "the real nn~ writes past its memory here"),
        ("faulty/faulty", "set raising 1", "not today"),
        ("", "gpu 1", "no model loaded"),
    ],
)
def test_pd_prints_what_is_wrong(models: Path, nn: str, message: str, said: str) -> None:
    patch = FORWARD.format(nn=nn)
    run = run_pd(patch, 0.1, folder=models, messages=[(0.05, f"nn {message}")])
    assert any(said in line for line in run.errors), run.log


def test_a_model_that_raises_in_pd_is_told_of(models: Path) -> None:
    x = torch.full((1, 4800), 2.0)
    run = run_pd(FORWARD.format(nn="faulty/faulty forward 64"), 0.1, folder=models, sound=x)
    assert any("the block starts too high" in line for line in run.log)
    assert run.errors
    assert not run.sound.any()


@pytest.mark.rave
def test_a_rave_plays_in_the_probe_and_in_pd_as_in_python(
    tmp_path: Path, one_thread: None
) -> None:
    from rave_export import rave_exported

    from torchbend.interfaces._rave_build import build_rave

    file = rave_exported(build_rave("v2_small", seed=0), tmp_path / "rave.ts")
    block, x = 4096, 0.3 * noise(1, SAMPLE_RATE)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        want = play(file, x[None], block)[0]
    assert want.abs().max() > 1e-3
    seeded = ["--block", block, "--seed", 3, "--threads", 1]
    probe("render", file, wav(tmp_path, x), tmp_path / "o.wav", *seeded, "--method", "forward")
    assert torch.equal(read_wav(tmp_path / "o.wav")[:, : want.shape[1]], want)
    patch = FORWARD.format(nn=f"rave forward {block}")
    run = run_pd(patch, 1.0, folder=tmp_path, sound=x, seed=3)
    assert run.errors == []
    late = 2 * block - PD_BLOCK
    assert torch.equal(run.sound[:, late:], want[:, : SAMPLE_RATE - late])


# -- what the tests themselves rest on -----------------------------------------------------
def test_run_pd_notices_what_pd_cannot_make(tmp_path: Path) -> None:
    patch = "#N canvas 0 0 400 300 10;\n#X obj 10 10 no_such_object;\n"
    assert any("couldn't create" in line for line in run_pd(patch, 0.1, folder=tmp_path).errors)
    patch = "#N canvas 0 0 400 300 10;\n#X obj 9 9 f;\n#X obj 9 9 r x;\n#X connect 1 0 0 0;\n"
    run = run_pd(patch, 0.1, folder=tmp_path, messages=[(0.0, "x nonsense")])
    assert len(run.errors) == 1 and "no method for 'nonsense'" in run.errors[0]


def test_run_pd_records_every_dac_and_feeds_every_adc(tmp_path: Path) -> None:
    patch = """#N canvas 0 0 400 300 10;
#X obj 10 10 adc~;
#X obj 10 90 dac~;
#X obj 10 90 dac~ 2;
#X connect 0 0 1 0;
#X connect 0 0 2 0;
#X connect 0 1 1 1;
"""
    x = noise(2, 4800)
    run = run_pd(patch, 0.1, folder=tmp_path, sound=x)
    assert run.log == []
    assert torch.equal(run.sound, torch.stack([x[0], x[1] + x[0]]))


def test_without_the_build_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_support, "BUILD", tmp_path)
    with pytest.raises(FileNotFoundError, match="make native"):
        probe("info", "x.ts")
    with pytest.raises(FileNotFoundError, match="make native"):
        run_pd("#N canvas 0 0 400 300 10;\n", 0.1)
