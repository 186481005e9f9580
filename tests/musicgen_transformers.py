"""A tiny MusicGen in transformers' own classes and file format, the size of ``musicgen_tiny``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from torchbend.interfaces._transformers_open import import_transformers

SAMPLE_RATE, RATIO, CODEBOOKS, CARD = 1600, 32, 4, 256
FRAME_RATE = SAMPLE_RATE // RATIO
WORDS = ["[PAD]", "[UNK]", *"elevator music from the 50s one two three rain".split()]


def save_tiny(folder: Path, seed: int = 0, channels: int = 1) -> Path:
    """Write a tiny MusicGen with ``save_pretrained``."""
    built(seed, channels).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def built(seed: int = 0, channels: int = 1) -> Any:
    theirs = import_transformers()
    text = theirs.T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        pad_token_id=0, decoder_start_token_id=0,
    )  # fmt: skip
    codec = theirs.EncodecConfig(
        target_bandwidths=[FRAME_RATE * 8 * CODEBOOKS / 1000], sampling_rate=SAMPLE_RATE,
        audio_channels=1, normalize=False, hidden_size=16, num_filters=4, num_residual_layers=1,
        upsampling_ratios=[4, 4, 2], codebook_size=CARD, codebook_dim=16,
        use_causal_conv=False, pad_mode="constant", use_conv_shortcut=False,
    )  # fmt: skip
    lm = theirs.MusicgenDecoderConfig(
        vocab_size=CARD, hidden_size=32, ffn_dim=64, num_hidden_layers=3, num_attention_heads=4,
        num_codebooks=CODEBOOKS * channels, audio_channels=channels, dropout=0.0,
        pad_token_id=CARD, bos_token_id=CARD, initializer_factor=0.2,
    )  # fmt: skip
    config = theirs.MusicgenConfig(
        text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder=lm.to_dict()
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = theirs.MusicgenForConditionalGeneration(config)
        for name, value in model.state_dict().items():
            if name.endswith(("bias", ".embed")):  # silent, or coarse, otherwise
                value.copy_(torch.randn_like(value) * 0.3)
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.bos_token_id = CARD
    settings.guidance_scale = 3.0
    return model.eval()


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return import_transformers().PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", model_input_names=
        ["input_ids", "attention_mask"],
    )  # fmt: skip


def plain(folder: Path) -> Any:
    """What transformers itself opens from the folder."""
    kind = import_transformers().MusicgenForConditionalGeneration
    return kind.from_pretrained(folder, use_safetensors=True).eval()
