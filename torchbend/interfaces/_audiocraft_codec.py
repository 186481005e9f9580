"""AudioCraft's codec (EnCodec) as it plays live: block by block, each layer keeping its past.

What AudioCraft runs on a whole sound, with zeros around it, is cut into blocks here: every
convolution keeps the end of its input for the next block, and the LSTM its state. A causal
codec gives the very frames that it gives offline. One that looks ahead gives them later, by a
fixed number of frames: each layer waits until it has seen what it looks at, and what goes around
it waits as long. Its first moments differ, because silence came before them and not nothing.

In the comments, ``delay`` is how many frames a layer's input comes later than offline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from torchbend.errors import TorchbendError
from torchbend.tracing.shadow import shadow_of

__all__ = ["MOST_ROWS", "CodecPlayer"]

MOST_ROWS = 64  # of a batch; each has a state of its own


class CodecPlayer(nn.Module):
    """Plays sound to codes and codes to sound, block by block.

    Codes are whole numbers in float, one channel a codebook. Weights have the names that they
    have in AudioCraft's codec, without weight norm (``decoder.model.0.conv.conv.weight``); the
    codebooks are weights, too.

    Args:
        codec: an ``EncodecModel`` of AudioCraft's. It stays as it is.

    Attributes:
        sample_rate: of the sound, in Hz.
        channels: of the sound.
        codebooks: how many there are.
        ratio: frames of sound for one frame of codes.
        encode_delay: frames of codes by which ``encode`` is later than offline.
        decode_delay: frames of sound by which ``decode`` is later than offline.

    Raises:
        TorchbendError: it is another kind of codec, or has layers that need all of a sound.
    """

    def __init__(self, codec: Any) -> None:
        super().__init__()
        kind = type(codec).__name__
        if kind != "EncodecModel":
            raise TorchbendError(
                f"a {kind} does not play block by block; only AudioCraft's EncodecModel does"
            )
        if codec.renormalize:
            raise TorchbendError(
                "this codec scales a sound by the loudness of all of it, which no block knows"
            )
        codec = _own(codec)
        self.quantizer = _Quantizer(codec.quantizer)
        self.sample_rate = int(codec.sample_rate)
        self.channels = int(codec.channels)
        self.ratio = int(codec.encoder.hop_length)
        self.codebooks = int(codec.num_codebooks)
        self.bins = int(codec.cardinality)
        self.encoder, self.encode_delay = _network(codec.encoder)
        self.decoder, self.decode_delay = _network(codec.decoder)
        self.eval()

    def encode(self, x: Tensor) -> Tensor:
        """Codes ``(batch, codebooks, frames / ratio)`` of sound ``(batch, channels, frames)``."""
        codes: Tensor = self.quantizer.encode(self.encoder(x), self.codebooks)
        return codes.to(x.dtype)

    def decode(self, z: Tensor) -> Tensor:
        """Sound ``(batch, channels, frames * ratio)`` of codes ``(batch, codebooks, frames)``.

        Codes are rounded, and kept among those that there are.
        """
        # nn~ may send anything, and an index outside of a table would end the sound
        codes = torch.nan_to_num(z).round().clamp(0, self.bins - 1).long()
        sound: Tensor = self.decoder(self.quantizer.decode(codes))
        return sound

    def forward(self, x: Tensor) -> Tensor:
        """Sound through both."""
        return self.decode(self.encode(x))


def _own(codec: Any) -> Any:
    """A copy without weight norm and without gradients, which shares what it can."""
    codec = shadow_of(codec)
    for module in codec.modules():
        if hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(parameter.detach(), requires_grad=False))
    return codec


# -- layers ----------------------------------------------------------------------------
class _Conv(nn.Module):
    """A convolution that keeps the end of its input.

    Offline, frame j of the output sees the input from ``j * stride - left`` on, with ``total``
    zeros around it, ``left + right``. Here it sees ``total + wait`` frames of the past, and so
    comes ``right + wait`` frames of the input later; ``wait`` makes that, with the input's own
    delay, whole frames of the output.
    """

    cache: Tensor

    def __init__(self, layer: Any, delay: int) -> None:
        super().__init__()
        self.conv = layer.conv  # with its norm, which does nothing where there is weight norm
        inner = layer.conv.conv
        _check_norm(layer.conv.norm)
        stride = int(inner.stride[0])
        total = (int(inner.kernel_size[0]) - 1) * int(inner.dilation[0]) + 1 - stride
        right = 0 if layer.causal else total // 2
        wait = -(delay + right) % stride
        self.delay = (delay + right + wait) // stride
        self.past = total + wait
        self.register_buffer("cache", torch.zeros(MOST_ROWS, inner.in_channels, self.past))

    def forward(self, x: Tensor) -> Tensor:
        if self.past > 0:
            rows = x.shape[0]
            x = torch.cat([self.cache[:rows], x], -1)
            self.cache[:rows].copy_(x[..., -self.past :])
        out: Tensor = self.conv(x)
        return out


class _Transposed(nn.Module):
    """A transposed convolution that keeps the input frames which still sound in the next block.

    Offline, ``total - right`` frames are cut off the beginning of its output; here they come.
    """

    cache: Tensor

    def __init__(self, layer: Any, delay: int) -> None:
        super().__init__()
        self.convtr = layer.convtr
        inner = layer.convtr.convtr
        _check_norm(layer.convtr.norm)
        stride = int(inner.stride[0])
        total = int(inner.kernel_size[0]) - stride
        right = math.ceil(total * layer.trim_right_ratio) if layer.causal else total // 2
        self.delay = delay * stride + total - right
        self.past = math.ceil(total / stride)
        self.start = self.past * stride
        self.over = total
        self.register_buffer("cache", torch.zeros(MOST_ROWS, inner.in_channels, self.past))

    def forward(self, x: Tensor) -> Tensor:
        if self.past > 0:
            rows = x.shape[0]
            x = torch.cat([self.cache[:rows], x], -1)
            self.cache[:rows].copy_(x[..., -self.past :])
        out: Tensor = self.convtr(x)
        return out[..., self.start : out.shape[-1] - self.over]


class _LSTM(nn.Module):
    """An LSTM that goes on where the last block ended."""

    h: Tensor
    c: Tensor

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.lstm = layer.lstm
        self.skip = bool(getattr(layer, "skip", True))
        shape = (layer.lstm.num_layers, MOST_ROWS, layer.lstm.hidden_size)
        self.register_buffer("h", torch.zeros(shape))
        self.register_buffer("c", torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.shape[0]
        x = x.permute(2, 0, 1)
        state = (self.h[:, :rows].contiguous(), self.c[:, :rows].contiguous())
        y, (h, c) = self.lstm(x, state)
        self.h[:, :rows].copy_(h)
        self.c[:, :rows].copy_(c)
        if self.skip:
            y = y + x
        out: Tensor = y.permute(1, 2, 0)
        return out


class _Later(nn.Module):
    """Gives its input some frames later."""

    cache: Tensor

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("cache", torch.zeros(MOST_ROWS, channels, frames))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.shape[0]
        x = torch.cat([self.cache[:rows], x], -1)
        self.cache[:rows].copy_(x[..., -self.frames :])
        return x[..., : -self.frames]


class _Residual(nn.Module):
    """Layers, and a way around them that waits as long as they do."""

    def __init__(self, layer: Any, delay: int) -> None:
        super().__init__()
        self.block, self.delay = _sequence(layer.block, delay)
        self.shortcut = layer.shortcut
        if not isinstance(layer.shortcut, nn.Identity):
            self.shortcut = _Conv(layer.shortcut, delay)
        channels = next(m for m in layer.block.modules() if isinstance(m, nn.Conv1d)).in_channels
        wait = self.delay - delay
        self.later: nn.Module = _Later(channels, wait) if wait else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.later(self.shortcut(x)) + self.block(x)
        return out


class _Network(nn.Module):
    """An encoder or a decoder."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x)
        return out


_POINTWISE = (nn.ELU, nn.Identity, nn.LeakyReLU, nn.ReLU, nn.Tanh)


def _network(network: Any) -> tuple[nn.Module, int]:
    model, delay = _sequence(network.model, 0)
    return _Network(model), delay


def _sequence(layers: Sequence[nn.Module], delay: int) -> tuple[nn.Module, int]:
    """The layers, playing live, and the delay behind the last of them."""
    playing: list[nn.Module] = []
    for layer in layers:
        kind = type(layer).__name__
        if isinstance(layer, _POINTWISE):
            playing.append(layer)
        elif kind in ("EncodecLSTM", "StreamableLSTM"):
            playing.append(_LSTM(layer))
        elif kind in _KINDS:
            made = _KINDS[kind](layer, delay)
            delay = made.delay
            playing.append(made)
        else:
            raise TorchbendError(f"a {kind} in a codec does not play block by block")
    return nn.Sequential(*playing), delay


# AudioCraft's classes, and transformers', whose modules have AudioCraft's names by now
_KINDS: dict[str, Any] = {
    "EncodecConv1d": _Conv,
    "EncodecConvTranspose1d": _Transposed,
    "EncodecResnetBlock": _Residual,
    "SEANetResnetBlock": _Residual,
    "StreamableConv1d": _Conv,
    "StreamableConvTranspose1d": _Transposed,
}


def _check_norm(norm: nn.Module) -> None:
    if not isinstance(norm, nn.Identity):
        raise TorchbendError(
            f"a {type(norm).__name__} looks at all of a sound: this codec does not play live"
        )


# -- codes -----------------------------------------------------------------------------
class _Codebook(nn.Module):
    """The vectors of one codebook, ``(bins, channels)``."""

    def __init__(self, embed: Tensor) -> None:
        super().__init__()
        self.embed = nn.Parameter(embed.detach().clone(), requires_grad=False)


class _Level(nn.Module):
    """One codebook, with the projections around it where its vectors are narrower."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._codebook = _Codebook(layer._codebook.embed)
        self.project_in = layer.project_in
        self.project_out = layer.project_out

    def encode(self, x: Tensor) -> Tensor:
        """The nearest vectors' numbers ``(batch, frames)`` for ``(batch, frames, channels)``."""
        x = self.project_in(x)
        embed = self._codebook.embed.t()
        flat = x.reshape(-1, x.shape[-1])
        far: Tensor = (
            flat.pow(2).sum(1, keepdim=True) - 2 * flat @ embed + embed.pow(2).sum(0, keepdim=True)
        )
        return far.min(dim=-1).indices.view(x.shape[0], x.shape[1])

    def decode(self, codes: Tensor) -> Tensor:
        out: Tensor = self.project_out(F.embedding(codes, self._codebook.embed))
        return out


class _Levels(nn.Module):
    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Level(layer) for layer in layers])


class _Quantizer(nn.Module):
    """Codebooks, each for what those before it left."""

    def __init__(self, quantizer: Any) -> None:
        super().__init__()
        if not type(quantizer).__name__.endswith("ResidualVectorQuantizer"):
            raise TorchbendError(
                f"a codec with a {type(quantizer).__name__} has no codes to play from"
            )
        self.vq = _Levels(list(quantizer.vq.layers)[: int(quantizer.num_codebooks)])

    def encode(self, z: Tensor, count: int) -> Tensor:
        """Codes ``(batch, codebooks, frames)`` of ``(batch, channels, frames)``."""
        rest = z.transpose(1, 2)
        codes = []
        for i in range(count):
            level: Any = self.vq.layers[i]
            found = level.encode(rest)
            rest = rest - level.decode(found)
            codes.append(found)
        return torch.stack(codes, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """The sum of the codes' vectors ``(batch, channels, frames)``."""
        levels: Any = self.vq.layers
        parts: list[Tensor] = [levels[i].decode(codes[:, i]) for i in range(len(levels))]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total.transpose(1, 2)
