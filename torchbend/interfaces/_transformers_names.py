"""Gives the modules of transformers' MusicGen the names that they have in AudioCraft's.

A module is registered under its new name, and what transformers' code reads stays an ordinary
attribute, the same object: the code runs as it is. ``_MODEL`` and ``_PARTS`` are the whole
translation. Four things are not only renamed:

- The three projections of an attention become one weight, ``in_proj_weight``, query, key and
  value below each other, as in AudioCraft; what computes with them reads its third.
- A layer of the decoder gives a tensor, not a tuple of one, to what bends it.
- A convolution's weight norm is written the older way, ``weight_g`` and ``weight_v``.
- A codebook has projections before and behind it, which do nothing.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

__all__ = ["renamed"]

# transformers' name -> AudioCraft's, below the language model and, second, the codec
_MODEL = {
    "enc_to_dec_proj": "condition_provider.conditioners.description.output_proj",
    "decoder.model.decoder.embed_tokens": "emb",
    "decoder.model.decoder": "transformer",
    "decoder.model.decoder.layer_norm": "out_norm",
    "decoder.lm_heads": "linears",
}
_PARTS: dict[str, dict[str, str]] = {
    "MusicgenDecoderLayer": {
        "self_attn": "self_attn",
        "fc1": "linear1",
        "fc2": "linear2",
        "self_attn_layer_norm": "norm1",
        "final_layer_norm": "norm2",
        "encoder_attn": "cross_attention",
        "encoder_attn_layer_norm": "norm_cross",
    },
    "EncodecEncoder": {"layers": "model"},
    "EncodecDecoder": {"layers": "model"},
    "EncodecResidualVectorQuantizer": {"layers": "vq.layers"},
    "EncodecVectorQuantization": {"codebook": "_codebook"},
    "EncodecConv1d": {"conv": "conv.conv"},
    "EncodecConvTranspose1d": {"conv": "convtr.convtr"},
}


def renamed(model: Any) -> tuple[nn.Module, nn.Module]:
    """Rename the modules inside a ``MusicgenForConditionalGeneration``, in place.

    Args:
        model: what transformers opened. Its parts become ordinary attributes of it.

    Returns:
        The codec and the language model, with AudioCraft's names below them.
    """
    for module in list(model.modules()):
        kind = type(module).__name__
        if kind == "MusicgenAttention":
            _fuse(module)
        elif kind == "MusicgenDecoder":
            layers = _Layers(module.layers)
            for layer in layers._modules.values():
                _become(layer, _layer_class)
            module.layers = layers
        elif kind == "EncodecVectorQuantization":
            _become(module, _level_class)
            module.project_in, module.project_out = nn.Identity(), nn.Identity()
        elif kind in ("EncodecConv1d", "EncodecConvTranspose1d"):
            _older_weight_norm(module.conv)
            module.conv = _Norm(module.conv, _PARTS[kind]["conv"].rpartition(".")[2])
            names = {"conv": _PARTS[kind]["conv"].partition(".")[0]}
            _rename(module, names, module)
            continue
        _rename(module, _PARTS.get(kind, {}), module)
    lm, codec = model.decoder, model.audio_encoder
    _rename(model, _MODEL, lm)
    for owner, name in ((lm, "model"), (model, "decoder"), (model, "audio_encoder")):
        owner.__dict__[name] = owner._modules.pop(name)
    # The text's encoder is no part of what is bent, as in AudioCraft.
    model.__dict__["text_encoder"] = model._modules.pop("text_encoder")
    return codec, lm


def _rename(top: nn.Module, names: Mapping[str, str], root: nn.Module) -> None:
    """Register submodules of ``top`` below ``root``, in the order of the table."""
    found = []
    for old, new in names.items():
        path, _, name = old.rpartition(".")
        owner = top.get_submodule(path) if path else top
        if name in owner._modules:  # not every model projects its text
            found.append((owner, name, new))
    taken = []
    for owner, name, new in found:
        module: Any = owner._modules.pop(name)
        owner.__dict__[name] = module
        taken.append((new, module))
    for new, module in taken:
        path, _, name = new.rpartition(".")
        place = root
        for part in path.split(".") if path else ():
            if part not in place._modules:
                place.add_module(part, nn.Module())
            place = place.get_submodule(part)
        place.__dict__.pop(name, None)
        place.add_module(name, module)


def _become(module: nn.Module, made: Callable[[Any], type]) -> None:
    """Let a module be of the class that is made from its own."""
    module.__class__ = made(type(module))


# -- attention -------------------------------------------------------------------------
def _fuse(attention: Any) -> None:
    parts = [attention._modules.pop(name) for name in ("q_proj", "k_proj", "v_proj")]
    for name in ("weight", "bias"):
        values = [getattr(part, name) for part in parts]
        if values[0] is not None:
            fused = nn.Parameter(torch.cat([v.detach() for v in values]), requires_grad=False)
            attention.register_parameter(f"in_proj_{name}", fused)
    _become(attention, _attention_class)


@functools.cache
def _attention_class(kind: Any) -> type:
    def third(number: int) -> property:
        def project(self: Any, x: Tensor) -> Tensor:
            rows = slice(number * self.embed_dim, (number + 1) * self.embed_dim)
            bias = getattr(self, "in_proj_bias", None)
            return F.linear(x, self.in_proj_weight[rows], None if bias is None else bias[rows])

        return property(lambda self: functools.partial(project, self))

    thirds = {name: third(i) for i, name in enumerate(("q_proj", "k_proj", "v_proj"))}
    return type(kind.__name__, (kind,), thirds)


# -- layers ----------------------------------------------------------------------------
@functools.cache
def _layer_class(kind: Any) -> type:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = kind.forward(self, *args, **kwargs)
        self.__dict__["gave_tuple"] = isinstance(out, tuple)
        return out[0] if isinstance(out, tuple) else out

    return type(kind.__name__, (kind,), {"forward": forward})


class _Layers(nn.ModuleList):
    """Layers that, run one after the other, give what transformers' own do."""

    def __iter__(self) -> Iterator[Any]:
        for layer in super().__iter__():
            yield functools.partial(_as_theirs, layer)


def _as_theirs(layer: Any, *args: Any, **kwargs: Any) -> Any:
    out = layer(*args, **kwargs)
    return (out,) if layer.gave_tuple else out


# -- codec -----------------------------------------------------------------------------
class _Norm(nn.Module):
    """A convolution below the module that is its norm in AudioCraft."""

    def __init__(self, conv: Any, name: str) -> None:
        super().__init__()
        self.add_module(name, conv)
        self.norm = nn.Identity()
        self.__dict__["inner"] = conv
        self.kernel_size, self.stride = conv.kernel_size, conv.stride

    def forward(self, x: Tensor) -> Tensor:
        inner: Any = self.inner
        out: Tensor = self.norm(inner(x))
        return out


def _older_weight_norm(conv: Any) -> None:
    if not parametrize.is_parametrized(conv, "weight"):
        return
    magnitude, direction = (p.detach().clone() for p in conv.parametrizations.weight.parameters())
    parametrize.remove_parametrizations(conv, "weight")
    conv._load_state_dict_pre_hooks.clear()  # it would give the newer names to what is loaded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the newer one has other names
        nn.utils.weight_norm(conv)
    with torch.no_grad():
        conv.weight_g.copy_(magnitude)
        conv.weight_v.copy_(direction)


@functools.cache
def _level_class(kind: Any) -> type:
    def encode(self: Any, x: Tensor) -> Any:
        return self.codebook.encode(self.project_in(x.permute(0, 2, 1)))

    def decode(self: Any, codes: Tensor) -> Any:
        return self.project_out(self.codebook.decode(codes)).permute(0, 2, 1)

    return type(kind.__name__, (kind,), {"encode": encode, "decode": decode})
