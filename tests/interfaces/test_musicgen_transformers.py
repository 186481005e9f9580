"""BendedMusicGen on transformers' own classes: unbent it is transformers', bit for bit."""

from __future__ import annotations

import copy
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import musicgen_tiny
import pytest
import torch
from musicgen_transformers import (
    CARD,
    CODEBOOKS,
    FRAME_RATE,
    RATIO,
    SAMPLE_RATE,
    built,
    plain,
    save_tiny,
    tokenizer,
)
from torch import Tensor, nn

import torchbend as tb
from torchbend.errors import TorchbendError
from torchbend.interfaces import _audiocraft_import, _hub, _transformers_open, audiocraft
from torchbend.interfaces._transformers_musicgen import MusicGen
from torchbend.interfaces.audiocraft import BendedAudioGen, BendedMusicGen

pytestmark = [
    pytest.mark.musicgen,
    pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning"),
]

SECONDS = 0.5
FRAMES = int(SECONDS * FRAME_RATE)
TEXT = ["elevator music from the 50s"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny") / "musicgen")


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    return plain(folder)


@pytest.fixture(scope="module")
def opened(folder: Path) -> BendedMusicGen:
    return BendedMusicGen(folder, device="cpu")


@pytest.fixture
def ours(opened: BendedMusicGen) -> Iterator[BendedMusicGen]:
    opened.set_generation_params(duration=SECONDS)
    yield opened
    opened.reset()


def seeded(run: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    torch.manual_seed(7)
    with torch.no_grad():
        return run(*arguments, **options)


def their_sound(model: Any, texts: list[str] | None = TEXT, **settings: Any) -> Tensor:
    """What transformers gives by itself."""
    conditions = (
        {**tokenizer()(texts, padding=True, return_tensors="pt"), "guidance_scale": 3.0}
        if texts
        else dict(model.get_unconditional_inputs(2))
    )
    given = {"do_sample": True, "top_k": 250, "max_new_tokens": FRAMES + CODEBOOKS - 1}
    sound: Tensor = seeded(model.generate, **{**conditions, **given, **settings})
    return sound


def prompt(rows: int = 1) -> Tensor:
    return torch.randn(rows, 1, 5 * RATIO, generator=torch.Generator().manual_seed(1)) * 0.3


# -- unbent ------------------------------------------------------------------------------
@pytest.mark.parametrize("texts", [TEXT, ["one", "two three rain"], None])
def test_unbent_it_is_transformers(
    ours: BendedMusicGen, theirs: Any, texts: list[str] | None
) -> None:
    want = their_sound(theirs, texts)
    call = (ours.generate, texts) if texts else (ours.generate_unconditional, 2)
    got, codes = seeded(*call, return_tokens=True)
    assert torch.equal(got, want)
    assert got.shape[1:] == (1, FRAMES * RATIO)
    assert codes.shape[1:] == (CODEBOOKS, FRAMES)
    assert 0 <= int(codes.min()) < int(codes.max()) < CARD
    assert want.std() > 1e-3  # it is sound
    assert torch.equal(ours.generate_audio(codes), want)


def test_a_sound_goes_on_as_in_transformers(ours: BendedMusicGen, theirs: Any) -> None:
    read = tokenizer()(["one", "two"], padding=True, return_tensors="pt")
    want = seeded(
        theirs.generate, **read, input_values=prompt(2), do_sample=True, top_k=250,
        guidance_scale=3.0, max_new_tokens=FRAMES - 5 + CODEBOOKS - 1,
    )  # fmt: skip
    got, codes = seeded(
        ours.generate_continuation, prompt(2), SAMPLE_RATE, ["one", "two"], return_tokens=True
    )
    assert torch.equal(got, want)
    with torch.no_grad():
        known = theirs.audio_encoder.encode(prompt(2)).audio_codes[0]
    assert torch.equal(codes[..., :5], known)
    other = ours.generate_continuation(prompt()[0], 2 * SAMPLE_RATE, seed=0)
    assert other.shape == (1, 1, FRAMES * RATIO)  # resampled, without a text
    mixed = ours.generate_continuation(prompt(2), SAMPLE_RATE, ["one", None], seed=0)
    assert not torch.equal(mixed[0], mixed[1])


@pytest.mark.parametrize(
    ("settings", "their_settings"),
    [
        ({"use_sampling": False}, {"do_sample": False}),
        ({"temperature": 0}, {"do_sample": False}),
        (
            {"top_k": 3, "temperature": 0.5, "cfg_coef": 1.5},
            {"top_k": 3, "temperature": 0.5, "guidance_scale": 1.5},
        ),
        ({"top_p": 0.5}, {"top_p": 0.5, "top_k": 0}),
        ({"top_k": 0, "cfg_coef": 1}, {"top_k": 0, "guidance_scale": 1.0}),
    ],
)
def test_settings_reach_transformers(
    ours: BendedMusicGen, theirs: Any, settings: dict[str, Any], their_settings: dict[str, Any]
) -> None:
    ours.set_generation_params(duration=SECONDS, **settings)
    want = their_sound(theirs, **their_settings)
    assert torch.equal(seeded(ours.generate, TEXT), want)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_the_shortest_sounds_are_beginnings(ours: BendedMusicGen, frames: int) -> None:
    ours.set_generation_params(duration=frames / FRAME_RATE, use_sampling=False)
    _, short = ours.generate(TEXT, return_tokens=True)
    ours.set_generation_params(duration=SECONDS, use_sampling=False)
    _, long = ours.generate(TEXT, return_tokens=True)
    assert short.shape[-1] == frames
    # the first codebook's; the others end while it is silent
    assert torch.equal(short[:, 0], long[:, 0, :frames])


def test_a_sound_longer_than_a_window(folder: Path) -> None:
    bended = BendedMusicGen(folder, device="cpu")
    bended.max_duration = 0.4  # 20 frames
    bended.set_generation_params(duration=0.7, extend_stride=0.2, use_sampling=False)
    sound, codes = bended.generate(TEXT, return_tokens=True)
    assert sound.shape[-1] == 35 * RATIO
    bended.set_generation_params(duration=0.4, extend_stride=0.2, use_sampling=False)
    _, first = bended.generate(TEXT, return_tokens=True)
    assert torch.equal(codes[..., :20], first)
    # each window goes on from the last half of the one before
    rest = bended._held._window(bended._held._conditions(TEXT), codes[..., 10:20], 20, None)
    assert torch.equal(codes[..., 10:30], rest)


def test_progress_and_seeds(ours: BendedMusicGen, capsys: pytest.CaptureFixture[str]) -> None:
    ours.generate(TEXT, progress=True)
    assert f"{FRAMES + 3: 6d} / {FRAMES + 3: 6d}" in capsys.readouterr().out
    told: list[tuple[int, int]] = []
    ours.set_custom_progress_callback(lambda done, all_: told.append((done, all_)))
    before = torch.get_rng_state()
    first = ours.generate(TEXT, progress=True, seed=1)
    ours.set_custom_progress_callback(None)
    assert torch.equal(torch.get_rng_state(), before)
    assert told == [(i + 1, FRAMES + 3) for i in range(FRAMES + 3)]
    assert torch.equal(ours(TEXT[0], seed=1), first)
    assert not torch.equal(ours(TEXT, seed=2), first)


def test_two_channels(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "stereo", channels=2)
    bended, model = BendedMusicGen(folder, device="cpu"), plain(folder)
    bended.set_generation_params(duration=SECONDS)
    want = their_sound(model)
    got, codes = seeded(bended.generate, TEXT, return_tokens=True)
    assert torch.equal(got, want)
    assert got.shape == (1, 2, FRAMES * RATIO)
    assert codes.shape == (1, 2 * CODEBOOKS, FRAMES)
    known = prompt().expand(1, 2, -1) * torch.tensor([[[1.0], [-0.5]]])
    read = tokenizer()(TEXT, padding=True, return_tensors="pt")
    want = seeded(
        model.generate, **read, input_values=known, do_sample=True, top_k=250,
        guidance_scale=3.0, max_new_tokens=FRAMES - 5 + CODEBOOKS - 1,
    )  # fmt: skip
    assert torch.equal(seeded(bended.generate_continuation, known, SAMPLE_RATE, TEXT), want)


# -- the names are AudioCraft's ----------------------------------------------------------
@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[BendedMusicGen, BendedMusicGen]:
    """The same weights in both packages, AudioCraft's first."""
    place = musicgen_tiny.save_tiny(tmp_path_factory.mktemp("both") / "audiocraft")
    first = BendedMusicGen(place, device="cpu", backend="audiocraft")
    folder = save_tiny(place.parent / "transformers")
    filled = _transformers_open.open_generator(folder, None, "cpu")
    for part in ("lm", "compression_model"):
        source = getattr(first.wrapped_module, part).state_dict()
        state = {n: v for n, v in source.items() if "description.embed" not in n}
        target = getattr(filled, part)
        assert sorted(state) == sorted(target.state_dict())
        target.load_state_dict(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audiocraft, "open_generator", lambda *_: filled)
        second = BendedMusicGen(folder, device="cpu")
    for each in (first, second):
        each.set_generation_params(duration=SECONDS, use_sampling=False)
    return first, second


def test_weights_have_audiocrafts_names_and_shapes(
    pair: tuple[BendedMusicGen, BendedMusicGen],
) -> None:
    shapes = [
        {name: each.weight_shape(name) for name in each.weight_names if "n.embed" not in name}
        for each in pair
    ]
    assert shapes[0] == shapes[1]
    assert list(shapes[0]) == list(shapes[1])
    assert "lm.transformer.layers.1.self_attn.in_proj_weight" in shapes[1]


def test_activations_have_audiocrafts_names(pair: tuple[BendedMusicGen, BendedMusicGen]) -> None:
    first, second = (set(each.activation_names("generate_continuation")) for each in pair)
    # modules that do nothing, sequences as wholes, and how a text reaches the transformer
    other = re.compile(
        r".*(dropout\w*|layer_scale_\w+|\.block|coder\.model|fuser/.|description\W.*)$"
    )
    assert {name for name in first - second if not other.match(name)} == {"lm", "lm.transformer"}
    assert {name.rpartition(".")[2] for name in second - first} == {
        "embed_positions", "activation_fn",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "bend_graph"),
    [
        (None, True),
        (r"lm.transformer.layers.1.*weight", False),
        (r"lm.transformer.2.weight", False),
        (r"lm.transformer.layers.0.self_attn.in_proj_weight", False),
        (r"lm.transformer.layers.0.self_attn.out_proj$", True),
        (r"lm.transformer.layers.1$", True),
        (r"lm.emb.2$", True),
        (r"lm.linears.1$", True),
        (r"compression_model.*4.*weight.*", False),
        (r"compression_model.decoder.model.1$", True),
        (r"compression_model.quantizer.vq.layers.0.project_out$", True),
    ],
)
def test_one_bend_is_the_same_bend_in_both(
    pair: tuple[BendedMusicGen, BendedMusicGen], pattern: str | None, bend_graph: bool
) -> None:
    unbent = pair[1].generate_continuation(prompt(), SAMPLE_RATE)
    sounds, keys = [], []
    for each in pair:
        if pattern is not None:
            callback = tb.Scale(-1.5) if bend_graph else tb.Mask(0.6, seed=3)
            each.bend(callback, pattern, bend_graph=bend_graph)
        keys.append(each.bended_keys())
        sounds.append(each.generate_continuation(prompt(), SAMPLE_RATE))
        each.reset()
    assert keys[0] == keys[1]
    assert sounds[0].std() > 1e-3
    assert torch.allclose(sounds[0], sounds[1], atol=1e-5)
    assert torch.equal(sounds[1], unbent) == (pattern is None)


# -- bends -------------------------------------------------------------------------------
def test_a_bent_attention_is_three_bent_projections(ours: BendedMusicGen, theirs: Any) -> None:
    want = their_sound(theirs)
    bent = copy.deepcopy(theirs)
    attention = bent.decoder.model.decoder.layers[1].encoder_attn
    for part in (attention.q_proj, attention.k_proj, attention.v_proj):
        part.weight.data.mul_(-1.5)
    ours.bend(tb.Scale(-1.5), "lm.transformer.layers.1.cross_attention.in_proj_weight")
    got = seeded(ours.generate, TEXT)
    assert torch.equal(got, their_sound(bent))
    assert not torch.equal(got, want)
    assert ours.bent_bytes() == 3 * 32 * 32 * 4
    ours.reset()
    assert torch.equal(seeded(ours.generate, TEXT), want)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("lm.emb.1", "decoder.model.decoder.embed_tokens.1"),
        ("lm.transformer.layers.1.linear1", "decoder.model.decoder.layers.1.fc1"),
        ("lm.out_norm", "decoder.model.decoder.layer_norm"),
        ("lm.linears.2", "decoder.lm_heads.2"),
        ("lm.condition_provider.conditioners.description.output_proj", "enc_to_dec_proj"),
        ("compression_model.decoder.model.1", "audio_encoder.decoder.layers.1"),
    ],
)
def test_a_bent_module_output(ours: BendedMusicGen, theirs: Any, place: str, path: str) -> None:
    hooked = copy.deepcopy(theirs)
    module: nn.Module = hooked.get_submodule(path)
    module.register_forward_hook(lambda _, __, out: out * 1.75)
    with ours.bend(tb.Scale(1.75), f"{place}$"):
        assert ours.bended_keys() == [place]
        got = seeded(ours.generate, TEXT)
    assert torch.equal(got, their_sound(hooked))
    want = their_sound(theirs)
    assert not torch.equal(got, want)
    assert torch.equal(seeded(ours.generate, TEXT), want)


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (5, 9), (12, None), (100, None)])
def test_a_bend_of_some_steps(
    ours: BendedMusicGen, theirs: Any, start: int, stop: int | None
) -> None:
    hooked, step = copy.deepcopy(theirs), [0]
    decoder = hooked.decoder.model.decoder

    def note(_: nn.Module, given: tuple[Any, ...]) -> None:
        step[0] = given[1] + given[0].shape[-1] - 1  # codes before this call, and in it

    def bend(_: nn.Module, __: Any, out: Any) -> Any:
        if not start <= step[0] < (stop or 10**6):
            return out
        return (out[0] * -2.0, *out[1:]) if isinstance(out, tuple) else out * -2.0

    decoder.embed_positions.register_forward_pre_hook(note)
    decoder.layers[1].register_forward_hook(bend)
    _, unbent = seeded(ours.generate, TEXT, return_tokens=True)
    ours.bend(tb.Scale(-2.0), "lm.transformer.layers.1$", steps=(start, stop))
    got, codes = seeded(ours.generate, TEXT, return_tokens=True)
    assert torch.equal(got, their_sound(hooked))
    assert torch.equal(codes, unbent) == (start == 100)
    assert torch.equal(codes[:, 0, :start], unbent[:, 0, :start])


def test_steps_go_on_after_a_prompt_and_end_at_the_codec(ours: BendedMusicGen) -> None:
    unbent = ours.generate_continuation(prompt(), SAMPLE_RATE, seed=0)
    for where, steps, heard in (
        ("lm.transformer.layers.1$", (0, 5), False),
        ("lm.transformer.layers.1$", (5, 6), True),
        (r"compression_model\..*", (0, None), False),
    ):
        with ours.bend(tb.Scale(-2.0), where, steps=steps):
            sound = ours.generate_continuation(prompt(), SAMPLE_RATE, seed=0)
        assert torch.equal(sound, unbent) != heard


def test_the_codec_by_itself(ours: BendedMusicGen) -> None:
    sound, codes = ours.generate(TEXT, seed=0, return_tokens=True)
    codec = ours.compression_model
    assert (codec.sample_rate, codec.ratio, codec.codebooks) == (SAMPLE_RATE, RATIO, CODEBOOKS)
    late = codec.decode_delay
    blocks = torch.cat([codes.float(), torch.zeros(1, CODEBOOKS, 20)], -1).split(5, -1)
    live = torch.cat([codec.decode(block) for block in blocks], -1)[..., late:]
    # once what came before the sound, silence instead of nothing, is over
    inside = slice(10 * RATIO, 15 * RATIO)
    assert torch.allclose(live[..., inside], sound[..., inside], atol=1e-2 * sound.abs().max())


def test_moving_it(folder: Path) -> None:
    bended = BendedMusicGen(folder, device="cpu")
    bended.set_generation_params(duration=0.1)
    bended.to(torch.float64)
    assert bended.generate(TEXT, seed=0).dtype == torch.float64
    bended.to("cpu", torch.float32)
    assert bended.generate(TEXT, seed=0).dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_it_plays_on_a_gpu(folder: Path) -> None:
    bended = BendedMusicGen(folder, device="cpu")
    bended.set_generation_params(duration=0.2, use_sampling=False)
    there = bended.to("cuda").generate(TEXT)
    assert there.device.type == "cuda"
    with bended.bend(tb.Scale(-2.0), "lm.transformer.layers.1$", steps=(2, 4)):
        assert not torch.equal(bended.generate(TEXT), there)
    assert torch.equal(bended.generate(TEXT), there)


# -- which package -----------------------------------------------------------------------
@pytest.fixture
def no_audiocraft(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "audiocraft"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "audiocraft", None)
    monkeypatch.setattr(_audiocraft_import, "import_torchaudio", lambda: None)


def refused(said: str, name: Any, opens: type = BendedMusicGen, **options: Any) -> None:
    with pytest.raises(TorchbendError, match=said):
        opens(name, device="cpu", **options)


def test_a_folder_says_by_its_format_which_package(folder: Path, tmp_path: Path) -> None:
    other = musicgen_tiny.save_tiny(tmp_path / "audiocraft")
    opened = [BendedMusicGen(f, device="cpu").wrapped_module for f in (folder, other)]
    assert [isinstance(each, MusicGen) for each in opened] == [True, False]
    refused("lacks state_dict.bin", folder, backend="audiocraft")
    refused(
        "lacks config.json and model.safetensors and tokenizer.json", other, backend="transformers"
    )
    refused("no backend 'keras'.*'audiocraft'", folder, backend="keras")


@pytest.mark.usefixtures("no_audiocraft")
def test_without_audiocraft(
    folder: Path, ours: BendedMusicGen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bended = BendedMusicGen(folder, device="cpu")
    bended.set_generation_params(duration=SECONDS)
    assert torch.equal(bended.generate(TEXT, seed=0), ours.generate(TEXT, seed=0))
    for name in ("debug", tmp_path):  # those are AudioCraft's
        refused("AudioCraft.* not installed.*torchbend install musicgen", name)
    refused("AudioCraft.* not installed.*torchbend install musicgen", "a/b", BendedAudioGen)
    refused("transformers has no AudioGen", folder, BendedAudioGen, backend="transformers")

    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(_transformers_open, "online", lambda: True)
    monkeypatch.setattr(hub, "snapshot_download", lambda name, **_: str(folder))
    named = BendedMusicGen("facebook/musicgen-small", device="cpu")
    named.set_generation_params(duration=SECONDS)
    assert torch.equal(named.generate(TEXT, seed=0), ours.generate(TEXT, seed=0))
    monkeypatch.setattr(_transformers_open.importlib.util, "find_spec", lambda _: None)
    refused("not installed.*torchbend install musicgen", "facebook/musicgen-small")
    refused("transformers is not installed.*pip install", folder)


@pytest.mark.parametrize("backend", ["audiocraft", "transformers"])
def test_a_name_without_network_is_refused_soon(
    backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("torchbend.interfaces._hub.socket.create_connection", _no_network)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    refused("no network", "facebook/musicgen-smal", backend=backend, cache_dir=tmp_path)
    start = time.monotonic()
    refused("no network", "facebook/musicgen-smal", backend=backend, cache_dir=tmp_path)
    assert time.monotonic() - start < 5
    for name in ("musicgen-smal", "/no/such/folder", "./nothing", "", "a b/c"):
        refused("lacks|there is no folder", name, backend=backend)


def _no_network(*_: Any) -> Any:
    raise OSError("Name or service not known")


def test_a_network_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any) -> None:
        time.sleep(2)
        raise OSError("too late")

    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(_hub, "_SECONDS", 0.05)
    monkeypatch.setattr(_hub.socket, "create_connection", slow)
    start = time.monotonic()
    assert not _hub.online()
    assert time.monotonic() - start < 1


# -- bad files ---------------------------------------------------------------------------
def test_files_that_are_no_musicgen(folder: Path, tmp_path: Path) -> None:
    def copied(name: str) -> Path:
        return Path(shutil.copytree(folder, tmp_path / name))

    place = copied("pickled")
    (place / "model.safetensors").rename(place / "pytorch_model.bin")
    refused("lacks model.safetensors.*pickled weights are not opened", place)
    place = copied("mute")
    for file in place.glob("tokenizer*"):
        file.unlink()
    refused("lacks tokenizer.json", place)
    (place / "tokenizer.json").write_text("{", "utf-8")
    refused("the tokenizer in", place)
    place = copied("other")
    (place / "config.json").write_text('{"model_type": "musicgen_melody"}', "utf-8")
    refused("type 'musicgen_melody'.*needs AudioCraft", place)
    (place / "config.json").write_text("[", "utf-8")
    refused("names no model_type", place)
    place = copied("cut")
    whole = (place / "model.safetensors").read_bytes()
    (place / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused("cannot be opened", place)
    place = copied("narrow")
    text = (place / "config.json").read_text("utf-8").replace('"ffn_dim": 64', '"ffn_dim": 48')
    (place / "config.json").write_text(text, "utf-8")
    refused("cannot be opened", place)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.set_generation_params(two_step_cfg=True), "two_step_cfg"),
        (lambda m: m.set_generation_params(cfg_coef=0.5), "cfg_coef is 0.5"),
        (lambda m: m.set_generation_params(top_k=257), "top_k is 257.*256 codes"),
        (lambda m: m.set_generation_params(durations=3), "no setting 'durations'"),
        (lambda m: m.generate([""]), "says nothing"),
        (lambda m: m.generate_audio(torch.full((1, 4, 2), 256)), "from 0 to 255.*256 to 256"),
        (lambda m: m.generate_continuation(torch.zeros(1, 900), 1600), "the prompt lasts 0.5625 s"),
        (lambda m: m.bend(tb.Scale(1.0), "lm.nothing"), "'lm.nothing' matches no weight and no"),
    ],
)
def test_bad_input_is_refused(
    ours: BendedMusicGen, call: Callable[[BendedMusicGen], Any], said: str
) -> None:
    with pytest.raises(tb.BendingError, match=said):
        call(ours)


def test_what_was_given_stays_as_it_was(tmp_path: Path) -> None:
    from torchbend.interfaces._transformers_names import renamed

    model = built()
    before = {n: v.clone() for n, v in model.decoder.state_dict().items()}
    _, lm = renamed(model)
    rows = before["model.decoder.layers.0.self_attn.k_proj.weight"]
    assert torch.equal(lm.transformer.layers[0].self_attn.in_proj_weight[32:64], rows)
    total = sum(p.numel() for p in lm.parameters())
    assert total == sum(v.numel() for v in before.values()) + 32 * 16 + 32  # and the projection
