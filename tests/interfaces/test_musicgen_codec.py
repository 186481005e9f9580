"""The codec by itself: block by block it gives what AudioCraft's gives of a whole sound."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from musicgen_tiny import CODEC, built, save_tiny
from native_support import probe, read_wav, write_wav
from torch import Tensor, nn

import torchbend as tb
from torchbend.errors import TorchbendError
from torchbend.interfaces._audiocraft_codec import CodecPlayer
from torchbend.interfaces.audiocraft import BendedCodec, BendedMusicGen

pytestmark = [
    pytest.mark.musicgen,
    pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

CAUSAL = ("causal: false", "causal: true")
LAYOUTS: dict[str, list[tuple[str, str]]] = {
    "musicgen": [],
    "odd strides": [("ratios: [4, 4, 2]", "ratios: [5, 3]")],
    "two dilations": [("n_residual_layers: 1", "n_residual_layers: 2")],
    "wide kernels": [("residual_kernel_size: 3", "residual_kernel_size: 5")],
    "shortcuts": [("true_skip: true", "true_skip: false")],
    "no norm, no lstm": [("norm: weight_norm", "norm: none"), ("lstm: 2", "lstm: 0")],
    "tanh": [("final_activation: null", "final_activation: Tanh")],
    "causal": [CAUSAL],
    "causal, odd strides": [CAUSAL, ("ratios: [4, 4, 2]", "ratios: [5, 3]")],
    "causal, trimmed left": [CAUSAL, ("trim_right_ratio: 1.0", "trim_right_ratio: 0.5")],
    "causal, no lstm": [CAUSAL, ("lstm: 2", "lstm: 0")],
}
FRAMES, FIRST, LAST = 96, 48, 12  # of codes; those at the ends that a delay reaches


def text_of(changes: list[tuple[str, str]]) -> str:
    text = CODEC
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


@cache
def codec_of(layout: str) -> Any:
    return built(text_of(LAYOUTS[layout]), seed=3)


@pytest.fixture(autouse=True)
def without_gradients() -> Any:
    with torch.no_grad():
        yield


def sound(rows: int, frames: int) -> Tensor:
    return torch.randn(rows, 1, frames, generator=torch.Generator().manual_seed(5)) * 0.3


def played(method: Any, x: Tensor, block: int) -> Tensor:
    return torch.cat([method(part) for part in x.split(block, -1)], -1)


@pytest.mark.parametrize("block", [1, 3, 8])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_block_by_block_it_is_the_codec_offline(layout: str, block: int) -> None:
    codec, ours = codec_of(layout), CodecPlayer(codec_of(layout))
    x = sound(2, FRAMES * ours.ratio)
    codes, _ = codec.encode(x)
    want = codec.decode(codes)
    causal = layout.startswith("causal")
    # what is trimmed on the left makes even a causal decoder late
    exact = causal and "trimmed" not in layout
    first = 0 if exact else FIRST

    late = ours.encode_delay
    got = played(ours.encode, x, block * ours.ratio)
    assert got.shape == codes.shape
    assert got.is_floating_point()
    until = FRAMES - max(late, 0 if causal else LAST)
    assert torch.equal(got[..., first + late : until + late], codes[..., first:until].float())

    late = ours.decode_delay
    out = played(ours.decode, codes.float(), block)
    assert out.shape == want.shape
    assert (late == 0) == exact
    begin, end = first * ours.ratio, (FRAMES - (0 if causal else LAST)) * ours.ratio
    error = (out[..., begin + late : end] - want[..., begin : end - late]).abs().max()
    assert error <= 1e-5 * want.abs().max()
    assert want.std() > 1e-3


def test_through_both() -> None:
    ours, again = (BendedCodec(codec_of("causal")) for _ in range(2))
    x = sound(1, 24 * ours.ratio)
    assert torch.equal(ours(x), again.decode(again.encode(x)))


def test_the_rows_of_a_batch_are_apart() -> None:
    ours, one = (BendedCodec(codec_of("musicgen")) for _ in range(2))
    x = sound(3, 24 * ours.ratio)
    together = played(ours.encode, x, 4 * ours.ratio)
    alone = played(one.encode, x[:1], 4 * ours.ratio)
    assert torch.equal(together[:1], alone)


def test_any_number_is_a_code() -> None:
    ours, tidy = (BendedCodec(codec_of("causal")) for _ in range(2))
    wild = torch.tensor([float("nan"), -7.0, 1e30, 3.4, float("-inf"), 254.6, 0.49, float("inf")])
    kept = torch.tensor([0.0, 0.0, 255.0, 3.0, 0.0, 255.0, 0.0, 255.0])
    z, want = (values.expand(1, 4, 8).contiguous() for values in (wild, kept))
    assert torch.equal(ours.decode(z), tidy.decode(want))


def test_the_weights_are_audiocrafts_and_the_codebooks_too() -> None:
    codec = copy.deepcopy(codec_of("musicgen"))
    for module in codec.modules():
        if hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
    names = {name for name, _ in codec.named_parameters()}
    names |= {f"quantizer.vq.layers.{i}._codebook.embed" for i in range(4)}
    assert set(BendedCodec(codec).weight_names) == names


@pytest.mark.parametrize(
    ("callback", "pattern"),
    [
        (tb.Scale(1.4), r"decoder.model.4.*weight"),
        (tb.Mask(0.5, seed=1), r"quantizer.*embed"),
        (tb.Scale(0.2), r"decode:decoder_model_5$"),
    ],
)
def test_a_bent_codec_is_heard_and_taken_back(callback: tb.BendingCallback, pattern: str) -> None:
    ours, theirs = BendedCodec(codec_of("causal")), codec_of("causal")
    codes, _ = theirs.encode(sound(1, 8 * ours.ratio))
    silence = torch.zeros(1, 4, 300)
    for bent in (False, True, False):
        if bent:
            ours.bend(callback, pattern)
        ours.decode(silence)  # forget what was played
        out = ours.decode(codes.float())
        want = theirs.decode(torch.cat([silence.long(), codes], -1))[..., -out.shape[-1] :]
        close = (out - want).abs().max() <= 1e-5 * want.abs().max()
        assert close != bent
        ours.reset()
    assert torch.equal(theirs.encode(sound(1, 8 * ours.ratio))[0], codes)


def test_the_codec_of_a_model_that_never_ran(tmp_path: Path) -> None:
    with torch.enable_grad():
        codec = built(CODEC)
        assert codec.decoder.model[0].conv.conv.weight.grad_fn is not None
        before = {name: value.clone() for name, value in codec.state_dict().items()}
        ours = BendedCodec(codec)
        opened = BendedMusicGen(save_tiny(tmp_path / "tiny"), device="cpu")
        assert opened.compression_model.codebooks == 4
    assert not any(p.requires_grad for p in ours.parameters())
    assert all(p.requires_grad for p in codec.parameters())
    assert all(torch.equal(value, before[name]) for name, value in codec.state_dict().items())
    shared = {p.data_ptr() for p in codec.parameters()}
    lstm = "decoder.model.1.lstm.weight_hh_l0"
    assert dict(ours.named_parameters())[lstm].data_ptr() in shared


def test_a_musicgens_own_codec(tmp_path: Path) -> None:
    bended = BendedMusicGen(save_tiny(tmp_path / "tiny"), device="cpu")
    codec = bended.compression_model
    assert codec is bended.compression_model
    assert (codec.sample_rate, codec.ratio, codec.codebooks) == (1600, 32, 4)
    bended.set_generation_params(duration=1.0)
    out, codes = bended.generate("rain", return_tokens=True, seed=0)
    late = codec.decode_delay
    live = codec.decode(torch.cat([codes.float(), torch.zeros(1, 4, 12)], -1))
    rest, want = live[..., FIRST * 20 + late :], out[..., FIRST * 20 : -12 * 32]
    assert (rest[..., : want.shape[-1]] - want).abs().max() <= 1e-5 * out.abs().max()
    codec.bend(tb.Scale(0.0), "decoder.*")
    assert torch.equal(bended.generate("rain", seed=0), out)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("renormalize: false", "renormalize: true")], "loudness of all of it"),
        ([("norm: weight_norm", "norm: time_group_norm")], "GroupNorm looks at all of a sound"),
        ([("quantizer: rvq", "quantizer: no_quant"), ("rvq:", "no_quant: {}\nrvq:")], "no codes"),
    ],
)
def test_codecs_that_need_all_of_a_sound(changes: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(TorchbendError, match=said):
        BendedCodec(built(text_of(changes)))


def test_another_kind_of_codec() -> None:
    from torchbend.interfaces._audiocraft_import import import_audiocraft

    stereo = import_audiocraft().encodec.InterleaveStereoCompressionModel(codec_of("musicgen"))
    with pytest.raises(TorchbendError, match="InterleaveStereoCompressionModel does not play"):
        BendedCodec(stereo)


# EnCodec's layout for 24 kHz, with few channels.
ENCODEC_24 = [
    CAUSAL,
    ("sample_rate: 1600", "sample_rate: 24000"),
    ("ratios: [4, 4, 2]", "ratios: [8, 5, 4, 2]"),
    ("n_filters: 4", "n_filters: 2"),
]


@pytest.mark.slow
def test_an_exported_codec_plays_in_bend_probe(tmp_path: Path) -> None:
    codec = built(text_of(ENCODEC_24), seed=3)
    ours = BendedCodec(codec)
    assert ours.ratio == 320
    push = tb.BendingParameter("push", 1.0, range=[0.0, 2.0])
    ours.bend(tb.Scale(push), r"decoder.model.3.*weight")
    exported = ours.export(tmp_path / "codec.ts", patches=False)
    assert exported.info.sample_rate == 24000
    methods = {m.name: (m.in_channels, m.in_ratio, m.out_channels) for m in exported.info.methods}
    assert methods == {"encode": (1, 1, 4), "decode": (4, 320, 1), "forward": (1, 1, 1)}

    x = sound(1, 60 * ours.ratio)
    codes, _ = codec.encode(x)
    want = codec.decode(codes)
    wav, out = write_wav(tmp_path / "x.wav", x[0], 24000), tmp_path / "out.wav"
    probe("render", exported.path, wav, out, "--method", "forward", "--block", 640)
    got = read_wav(out)
    assert (got - want[0]).abs().max() <= 1e-5 * want.abs().max()
    probe(
        *("render", exported.path, wav, out, "--method", "forward", "--block", 640),
        *("--set", "0.0:push=0.3"),
    )
    assert not torch.allclose(read_wav(out), got, atol=1e-2 * float(want.abs().max()))


@pytest.mark.slow
def test_an_exported_codec_plays_live(tmp_path: Path) -> None:
    """As on stage: its codes go from ``encode`` to ``decode``, and a desk could move them."""
    from torchbend.realtime.render import render

    codec = built(text_of(ENCODEC_24), seed=3)
    ours = BendedCodec(codec)
    push = tb.BendingParameter("push", 1.0, range=[0.0, 2.0])
    ours.bend(tb.Scale(push), r"decoder.model.3.*weight")
    path = ours.export(tmp_path / "codec.ts", check=False, patches=False).path
    x = sound(1, 60 * ours.ratio)
    codes, _ = codec.encode(x)
    want = codec.decode(codes)[0, 0]
    wav = write_wav(tmp_path / "x.wav", x[0], 24000)
    flat = {"/limiter": False, "/dc": False}
    options: dict[str, Any] = {"method": ["encode", "decode"], "model_block": 640}
    plain = render(path, wav, tmp_path / "plain.wav", values=flat, **options)
    heard = read_wav(plain)[0, : len(want)]
    assert (heard - want).abs().max() <= 1e-5 * want.abs().max()
    bent = render(path, wav, tmp_path / "bent.wav", values={**flat, "push": 0.3}, **options)
    heard = read_wav(bent)[0, : len(want)]
    assert not torch.allclose(heard, want, atol=1e-2 * float(want.abs().max()))
