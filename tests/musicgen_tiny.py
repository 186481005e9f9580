"""A tiny MusicGen in AudioCraft's own classes and file format: real layers, random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from torchbend.interfaces._audiocraft_import import import_audiocraft

SAMPLE_RATE, RATIO, CODEBOOKS = 1600, 32, 4
FRAME_RATE = SAMPLE_RATE // RATIO

# The settings of MusicGen's own configurations, in a small size; words are read from a table
# in place of T5, whose weights would have to be downloaded.
LM = """
lm_model: transformer_lm
codebooks_pattern:
  modeling: delay
  delay: {delays: [0, 1, 2, 3], flatten_first: 0, empty_initial: 0}
transformer_lm:
  dim: 32
  num_heads: 4
  num_layers: 3
  hidden_scale: 2
  n_q: 4
  card: 256
  dropout: 0.
  activation: gelu
  norm_first: true
  bias_ff: false
  bias_attn: false
  bias_proj: false
  causal: true
  custom: false
  memory_efficient: true
  attention_as_float32: false
  positional_embedding: sin
  weight_init: gaussian
  depthwise_init: current
  zero_bias_init: true
  cross_attention: true
classifier_free_guidance: {training_dropout: 0.3, inference_coef: 3.0}
attribute_dropout: {}
fuser:
  cross_attention_pos_emb: false
  cross_attention_pos_emb_scale: 1
  sum: []
  prepend: []
  cross: [description]
  input_interpolate: []
conditioners:
  description:
    model: lut
    lut: {n_bins: 128, dim: 16, tokenizer: whitespace}
dataset: {segment_duration: 30}
"""
CODEC = """
compression_model: encodec
channels: 1
sample_rate: 1600
encodec:
  autoencoder: seanet
  quantizer: rvq
  sample_rate: ${sample_rate}
  channels: ${channels}
  causal: false
  renormalize: false
seanet:
  dimension: 16
  channels: ${channels}
  causal: ${encodec.causal}
  n_filters: 4
  n_residual_layers: 1
  ratios: [4, 4, 2]
  activation: ELU
  activation_params: {alpha: 1.}
  norm: weight_norm
  norm_params: {}
  kernel_size: 7
  residual_kernel_size: 3
  last_kernel_size: 7
  dilation_base: 2
  pad_mode: constant
  true_skip: true
  compress: 2
  lstm: 2
  decoder: {trim_right_ratio: 1.0, final_activation: null, final_activation_params: null}
  encoder: {}
rvq:
  n_q: 4
  q_dropout: false
  bins: 256
  decay: 0.99
  kmeans_init: false
  threshold_ema_dead_code: 2
"""


def save_tiny(folder: Path, seed: int = 0, lm: str = LM, codec: str = CODEC) -> Path:
    """Write a tiny MusicGen as ``audiocraft.utils.export`` writes one."""
    folder.mkdir(parents=True, exist_ok=True)
    for text, name in ((lm, "state_dict.bin"), (codec, "compression_state_dict.bin")):
        model = built(text, seed)
        package = {
            "best_state": model.state_dict(),
            "xp.cfg": text,
            "version": "1.3.0",
            "exported": True,
        }
        torch.save(package, folder / name)
    return folder


def built(text: str, seed: int = 0) -> Any:
    """A model of AudioCraft's, in eval mode, from a configuration."""
    builders = import_audiocraft().builders
    from omegaconf import OmegaConf

    config = OmegaConf.create(text)
    config.device, config.dtype = "cpu", "float32"
    is_lm = "lm_model" in config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = builders.get_lm_model(config) if is_lm else builders.get_compression_model(config)
        for name, value in model.state_dict().items():
            if name.endswith(("bias", ".embed")) and not is_lm:  # silent, or coarse, otherwise
                value.copy_(torch.randn_like(value) * 0.3)
    return model.eval()


def plain(folder: Path) -> Any:
    """What AudioCraft itself opens from the folder."""
    return import_audiocraft().MusicGen.get_pretrained(str(folder), device="cpu")
