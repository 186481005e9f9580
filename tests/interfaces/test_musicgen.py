"""BendedMusicGen on AudioCraft's own classes: unbent it is AudioCraft's, bit for bit."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from musicgen_tiny import CODEBOOKS, FRAME_RATE, RATIO, SAMPLE_RATE, built, plain, save_tiny
from torch import Tensor, nn

import torchbend as tb
from torchbend.interfaces._audiocraft_import import import_audiocraft
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
    with torch.no_grad():  # what weight norm computes could not be copied otherwise
        model = plain(folder)
    model.set_generation_params(duration=SECONDS)
    return model


@pytest.fixture(scope="module")
def opened(folder: Path) -> BendedMusicGen:
    bended = BendedMusicGen(folder, device="cpu")
    bended.set_generation_params(duration=SECONDS)
    return bended


@pytest.fixture
def ours(opened: BendedMusicGen) -> Iterator[BendedMusicGen]:
    yield opened
    opened.reset()
    opened.set_generation_params(duration=SECONDS)


def seeded(run: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    torch.manual_seed(7)
    return run(*arguments, **options)


def prompt(rows: int = 1) -> Tensor:
    return torch.randn(rows, 1, 5 * RATIO, generator=torch.Generator().manual_seed(1)) * 0.3


# -- unbent ------------------------------------------------------------------------------
CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("generate", (TEXT,)),
    ("generate", (["one", "two three"],)),
    ("generate_unconditional", (2,)),
    ("generate_continuation", (prompt(2), SAMPLE_RATE, ["one", None])),
    ("generate_continuation", (prompt()[0], 2 * SAMPLE_RATE)),
]


@pytest.mark.parametrize(("method", "arguments"), CALLS)
def test_unbent_it_is_audiocrafts(
    ours: BendedMusicGen, theirs: Any, method: str, arguments: tuple[Any, ...]
) -> None:
    want, codes = seeded(getattr(theirs, method), *arguments, return_tokens=True)
    got, our_codes = seeded(getattr(ours, method), *arguments, return_tokens=True)
    assert torch.equal(our_codes, codes)
    assert torch.equal(got, want)
    assert got.shape[1:] == (1, FRAMES * RATIO)
    assert codes.shape[1:] == (CODEBOOKS, FRAMES)
    assert want.std() > 1e-3  # it is sound
    assert torch.equal(ours.generate_audio(codes), theirs.generate_audio(codes))


@pytest.mark.parametrize(
    "settings",
    [
        {"use_sampling": False},
        {"top_k": 3, "temperature": 0.5, "cfg_coef": 1.5},
        {"top_p": 0.5, "two_step_cfg": True},
        {"duration": 1.5, "extend_stride": 0.3},
    ],
)
def test_settings_are_audiocrafts(folder: Path, settings: dict[str, Any]) -> None:
    model, bended = plain(folder), BendedMusicGen(folder, device="cpu")
    for each in (model, bended):
        each.max_duration = 1.0  # so that the last is longer than one window
        each.set_generation_params(**{"duration": 0.3, "extend_stride": 0.5, **settings})
    want = seeded(model.generate, TEXT)
    assert torch.equal(seeded(bended.generate, TEXT), want)
    assert want.shape[-1] == int(settings.get("duration", 0.3) * FRAME_RATE) * RATIO


def test_calling_it_is_to_generate(ours: BendedMusicGen, theirs: Any) -> None:
    want = seeded(theirs.generate, TEXT)
    assert torch.equal(seeded(ours, TEXT), want)
    assert torch.equal(seeded(ours, TEXT[0]), want)
    assert torch.equal(seeded(ours.forward, TEXT), want)


@pytest.mark.parametrize(
    ("ours", "kind"), [(BendedMusicGen, "MusicGen"), (BendedAudioGen, "AudioGen")]
)
def test_the_debug_models(ours: type[BendedMusicGen], kind: str) -> None:
    bended = seeded(ours, "debug", device="cpu")
    model = seeded(getattr(import_audiocraft(), kind).get_pretrained, "debug", device="cpu")
    for each in (bended, model):
        each.set_generation_params(duration=0.4)
    assert torch.equal(seeded(bended.generate, TEXT), seeded(model.generate, TEXT))
    assert bended.sample_rate == model.sample_rate
    assert kind in repr(bended)


def test_what_audiocrafts_object_has_is_here(ours: BendedMusicGen, theirs: Any) -> None:
    for name in ("sample_rate", "frame_rate", "audio_channels", "max_duration", "duration"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.weight_names == [
        f"{part}.{name}"
        for part in ("compression_model", "lm")
        for name, _ in getattr(theirs, part).named_parameters()
    ]
    table = ours.print_weights(flt=r"lm.transformer.layers.1")
    assert "lm.transformer.layers.1.self_attn.in_proj_weight" in table


def test_a_seed_leaves_torchs_own_random_numbers_alone(ours: BendedMusicGen, theirs: Any) -> None:
    before = torch.get_rng_state()
    assert torch.equal(ours.generate(TEXT, seed=7), seeded(theirs.generate, TEXT))
    torch.set_rng_state(before)
    ours.generate_unconditional(seed=7)
    ours.generate_continuation(prompt(), SAMPLE_RATE, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(ours.generate(TEXT, seed=7), ours.generate(TEXT, seed=8))


def test_progress_is_told(ours: BendedMusicGen, capsys: pytest.CaptureFixture[str]) -> None:
    ours.generate(TEXT, progress=True)
    assert capsys.readouterr().out
    told: list[tuple[int, int]] = []
    ours.set_custom_progress_callback(lambda done, all_: told.append((done, all_)))
    ours.generate(TEXT, progress=True)
    ours.set_custom_progress_callback(None)
    steps = FRAMES + CODEBOOKS - 1
    assert told == [(i + 1, steps) for i in range(steps)]


# -- weights bent ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "pattern",
    [
        r"compression_model.*4.*weight.*",
        r"compression_model.decoder.*bias",
        r"lm.transformer.layers.1.*weight",
        r"lm.emb.0.weight",
        r"lm.condition_provider.*",
    ],
)
def test_a_bent_weight_is_heard_and_taken_back(
    ours: BendedMusicGen, theirs: Any, pattern: str
) -> None:
    want = seeded(theirs.generate, TEXT)
    ours.bend(tb.Scale(1.5), pattern, bend_graph=False)
    bent = copy.deepcopy(theirs)
    changed = 0
    for part in ("compression_model", "lm"):
        for name, parameter in getattr(bent, part).named_parameters():
            if f"{part}.{name}" in ours.bended_keys():
                parameter.data.mul_(1.5)
                changed += parameter.numel() * 4
    got = seeded(ours.generate, TEXT)
    assert torch.equal(got, seeded(bent.generate, TEXT))
    assert not torch.equal(got, want)
    assert ours.bent_bytes() == changed > 0
    ours.reset()
    assert ours.bended_keys() == []
    assert ours.bent_bytes() == 0
    assert torch.equal(seeded(ours.generate, TEXT), want)
    assert torch.equal(seeded(theirs.generate, TEXT), want)


def test_the_quickstarts_masks(ours: BendedMusicGen) -> None:
    unbent, heard = ours.generate(TEXT, seed=0), []
    for layer in (3, 4, 7):
        ours.reset()
        where = f"compression_model.*{layer}.*"
        ours.bend(tb.Mask(0.4, seed=0), f"{where}weight.*", f"{where}bias.*")
        heard.append(ours(TEXT, seed=0))
        assert all(str(layer) in key for key in ours.bended_keys())
    for layer in (0, 1, 2):
        ours.reset()
        ours.bend(tb.Mask(0.4, seed=0), rf"lm.transformer.layers.{layer}.*weight")
        heard.append(ours(TEXT, seed=0))
    for i, sound in enumerate(heard):
        assert not any(torch.equal(sound, other) for other in (unbent, *heard[:i]))


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_layer_as_the_quickstart_names_it(ours: BendedMusicGen, layer: int) -> None:
    ours.bend(tb.Scale(0.5), rf"lm.transformer.{layer}.weight", rf"lm.transformer.{layer}.bias")
    found = set(ours.bended_keys())
    start = f"lm.transformer.layers.{layer}."
    weights = {n for n in ours.weight_names if n.startswith(start)}
    assert found == {n for n in weights if n.endswith(("weight", "bias"))} == weights
    assert f"{start}self_attn.in_proj_weight" in found


def test_a_knob_a_configuration_and_a_version(
    folder: Path, ours: BendedMusicGen, tmp_path: Path
) -> None:
    knob = tb.BendingParameter("push", 1.0, range=[0.0, 3.0])
    unbent = ours.generate(TEXT, seed=0)
    ours.bend(tb.Scale(knob), r"lm.transformer.layers.1.linear1.weight")
    ours.bend(tb.Scale(knob), r"lm.transformer.layers.2$", steps=(3, 9))
    assert torch.equal(ours.generate(TEXT, seed=0), unbent)
    knob.set_value(2.5)
    bent = ours.generate(TEXT, seed=0)
    assert not torch.equal(bent, unbent)

    ours.bending_config().save(tmp_path / "bends.json")
    config = tb.BendingConfig.load(tmp_path / "bends.json")
    again = BendedMusicGen(folder, device="cpu")
    again.set_generation_params(duration=SECONDS)
    again.bend(config)
    assert torch.equal(again.generate(TEXT, seed=0), bent)
    ours.reset()

    other = built(json.loads(json.dumps(plain_lm())), seed=5).state_dict()
    state = {f"lm.{name}": value for name, value in other.items()}
    ours.create_version("other", state, strict=False)
    with ours.set_version("other"):
        changed = ours.generate(TEXT, seed=0)
    assert not torch.equal(changed, unbent)
    assert torch.equal(ours.generate(TEXT, seed=0), unbent)


def plain_lm() -> str:
    from musicgen_tiny import LM

    return LM


# -- activations bent --------------------------------------------------------------------
@pytest.mark.parametrize(
    "place",
    [
        "lm.emb.1",
        "lm.transformer.layers.1",
        "lm.transformer.layers.0.self_attn.out_proj",
        "lm.linears.2",
        "lm.condition_provider.conditioners.description.output_proj",
        "compression_model.decoder.model.1",
        "compression_model.decoder.model.4.block.1.conv.conv",
        "compression_model.quantizer.vq.layers.0.project_out",
    ],
)
def test_a_bent_module_output_is_bent_at_every_step(
    ours: BendedMusicGen, theirs: Any, place: str
) -> None:
    want = seeded(theirs.generate, TEXT)
    hooked = copy.deepcopy(theirs)
    part, _, path = place.partition(".")
    module: nn.Module = getattr(hooked, part).get_submodule(path)
    module.register_forward_hook(lambda _, __, out: out * 1.75)
    ours.bend(tb.Scale(1.75), f"{place}$")
    assert ours.bended_keys() == [place]
    got = seeded(ours.generate, TEXT)
    assert torch.equal(got, seeded(hooked.generate, TEXT))
    assert not torch.equal(got, want)
    ours.reset()
    assert torch.equal(seeded(ours.generate, TEXT), want)


def test_the_encoder_is_bent_where_a_sound_goes_on(ours: BendedMusicGen, theirs: Any) -> None:
    place = "compression_model.encoder.model.3"
    want = seeded(theirs.generate_continuation, prompt(), SAMPLE_RATE)
    text = seeded(theirs.generate, TEXT)
    ours.bend(tb.Bias(0.5), f"{place}$")
    assert not torch.equal(seeded(ours.generate_continuation, prompt(), SAMPLE_RATE), want)
    assert torch.equal(seeded(ours.generate, TEXT), text)


@pytest.mark.parametrize("place", ["lm.transformer.layers.1", "lm"])
@pytest.mark.parametrize(("start", "stop"), [(0, 4), (5, 9), (12, None), (100, None)])
def test_a_bend_of_some_steps(
    ours: BendedMusicGen, theirs: Any, place: str, start: int, stop: int | None
) -> None:
    hooked, calls = copy.deepcopy(theirs), []

    def bend(_: nn.Module, __: Any, out: Tensor) -> Tensor:
        calls.append(len(calls))  # without a prompt, one call is one step
        return out * -2.0 if start <= calls[-1] < (stop or 10**6) else out

    hooked.lm.get_submodule(place[3:]).register_forward_hook(bend)
    ours.bend(tb.Scale(-2.0), f"{place}$", steps=(start, stop))
    got, codes = seeded(ours.generate, TEXT, return_tokens=True)
    want, want_codes = seeded(hooked.generate, TEXT, return_tokens=True)
    _, unbent = seeded(theirs.generate, TEXT, return_tokens=True)
    assert torch.equal(codes, want_codes)
    assert torch.equal(got, want)
    assert torch.equal(codes, unbent) == (start > FRAMES + CODEBOOKS)
    assert torch.equal(codes[:, 0, :start], unbent[:, 0, :start])


def test_the_codec_is_in_no_step(ours: BendedMusicGen) -> None:
    unbent = ours.generate(TEXT, seed=0)
    ours.bend(tb.Scale(0.0), r"compression_model\..*", steps=(0, None))
    assert torch.equal(ours.generate(TEXT, seed=0), unbent)


def test_steps_go_on_after_a_prompt(ours: BendedMusicGen) -> None:
    """Five frames are given, so the first step that is run makes frame 5."""
    unbent = ours.generate_continuation(prompt(), SAMPLE_RATE, seed=0)
    for steps, heard in (((0, 5), False), ((5, 6), True)):
        with ours.bend(tb.Scale(-2.0), "lm.transformer.layers.1$", steps=steps):
            sound = ours.generate_continuation(prompt(), SAMPLE_RATE, seed=0)
        assert torch.equal(sound, unbent) != heard


def test_a_mask_of_channels_follows_any_number_of_texts(ours: BendedMusicGen) -> None:
    one = ours.generate(["a"], seed=0)
    ours.bend(tb.Mask(0.5, seed=1, dim=-1), r"lm.transformer.layers.\d$")
    assert not torch.equal(ours.generate(["a"], seed=0), one)
    assert ours.generate(["a", "b", "c"], seed=0).shape[0] == 3


def test_a_capture_holds_every_step(ours: BendedMusicGen) -> None:
    capture = tb.Capture()
    ours.bend(capture, "generate:lm.transformer.layers.0$")
    with ours.capture(capture):
        ours.generate(TEXT)
    (recorded,) = capture.captures.values()
    rows = 2  # with and without the text
    assert recorded.shape == (rows * (FRAMES + CODEBOOKS - 1), 1, 32)


def test_looking_inside(ours: BendedMusicGen) -> None:
    assert "lm.transformer.layers.0.linear1" in ours.activation_names()
    assert ours.activation_shape("compression_model.decoder.model.4") == (1, 16, 8)
    values = ours.get_activations("lm.out_norm", descriptions=TEXT)
    assert values["lm.out_norm"].shape == (2, 1, 32)


# -- bad input ---------------------------------------------------------------------------
@pytest.mark.parametrize("duration", [0, -1, 0.01, 1e6, float("nan"), float("inf"), "5", True])
def test_a_duration_that_does_not_fit(ours: BendedMusicGen, duration: Any) -> None:
    with pytest.raises(tb.BendingError, match="duration is .*give seconds from 0.02.* to 600"):
        ours.set_generation_params(duration=duration)
    ours.duration = duration
    with pytest.raises(tb.BendingError, match="duration is"):
        ours.generate(TEXT)


@pytest.mark.parametrize("texts", [[], "", " ", [""], ["a", ""], [None], [3], None, 3])
def test_texts_that_are_none(ours: BendedMusicGen, texts: Any) -> None:
    with pytest.raises(tb.BendingError, match="give a text|says nothing"):
        ours.generate(texts)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.bend(tb.Scale(1.0), "lm.nothing"), "'lm.nothing' matches no weight and no"),
        (lambda m: m.bend(tb.Scale(1.0), "lm.emb.0.weight", steps=(0, 3)), "bends activations"),
        (lambda m: m.bend(tb.Scale(1.0), 3), "a pattern is text such as"),
        (lambda m: m.bend(tb.BendingConfig(), steps=(0, 3)), "brings its own steps"),
        (lambda m: m.generate_unconditional(0), "num_samples"),
        (lambda m: m.generate_audio(torch.zeros(1, 4)), r"codes are .*not torch.Size\(\[1, 4\]\)"),
        (lambda m: m.generate_audio(torch.zeros(1, 4, 2)), "whole numbers"),
        (lambda m: m.generate_audio(torch.full((1, 4, 2), 256)), "from 0 to 255.*256 to 256"),
        (lambda m: m.generate_continuation(torch.zeros(1, 1, 0), 100), "a prompt is sound"),
        (lambda m: m.generate_continuation(torch.zeros(1, 900), 1600), "the prompt lasts 0.5625 s"),
        (lambda m: m.generate_continuation(prompt(), 0), "rate in Hz"),
        (lambda m: m.generate_continuation(prompt(), 1600, ["a", "b"]), "1 prompts and 2 texts"),
        (lambda m: m.set_generation_params(durations=3), "no setting 'durations'.*'duration'"),
        (lambda m: m.set_generation_params(top_k=257), "top_k is 257.*256 codes"),
        (lambda m: m.set_generation_params(extend_stride=30), "less than max_duration, 30 s"),
        (lambda m: m.export("x.ts"), "export compression_model"),
    ],
)
def test_bad_input_is_refused(
    ours: BendedMusicGen, call: Callable[[BendedMusicGen], Any], said: str
) -> None:
    with pytest.raises(tb.BendingError, match=said):
        call(ours)


def test_a_bend_that_changes_a_shape_is_named(ours: BendedMusicGen) -> None:
    unbent = ours.generate(TEXT, seed=0)
    ours.bend(tb.Lambda(lambda x: torch.cat([x, x], -1)), "lm.transformer.layers.1.norm2$")
    with pytest.raises(tb.BendingError, match="lm.transformer.layers.1.norm2"):
        ours.generate(TEXT)
    ours.reset()
    assert torch.equal(ours.generate(TEXT, seed=0), unbent)


def test_moving_it(folder: Path) -> None:
    bended = BendedMusicGen(folder, device="cpu")
    bended.set_generation_params(duration=0.1)
    bended.to(torch.float64)
    assert bended.generate(TEXT, seed=0).dtype == torch.float64
    bended.to("cpu", torch.float32)
    bended.bend(tb.Scale(0.5), "lm.emb.*weight")
    assert bended.generate(TEXT, seed=0).dtype == torch.float32
    assert next(bended.wrapped_module.lm.parameters()).dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_it_plays_on_a_gpu(folder: Path) -> None:
    bended = BendedMusicGen(folder, device="cpu")
    bended.set_generation_params(duration=0.2, use_sampling=False)
    there = bended.to("cuda").generate(TEXT)
    assert there.device.type == "cuda"
    bended.bend(tb.Scale(-2.0), "lm.transformer.layers.1$", steps=(2, 4))
    assert not torch.equal(bended.generate(TEXT), there)
    bended.reset()
    assert torch.equal(bended.generate(TEXT), there)
    assert BendedMusicGen(folder).device.type == "cuda"
