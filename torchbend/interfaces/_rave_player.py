"""A RAVE as it plays: what RAVE's own exporter computes, as a module that can be traced.

The exporter (``scripts/export.py`` in acids-rave) wraps a trained model in a TorchScript
class that puts its latent space in order: the axes of greatest variance first, only as many
as a fidelity asks for, the rest filled with noise. The players here compute the same, bit for
bit, and draw the same random numbers; no decision in them depends on a block's size.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from torchbend.errors import TorchbendError
from torchbend.interfaces._rave_adain import Adain, AdainSwitches

__all__ = ["MOST_BATCHES", "RAVEPlayer", "dims_for_fidelity", "player_of"]

MOST_BATCHES = 64  # rows of the caches of cached_conv
_WARM_UP_FRAMES = 2**14


def player_of(
    model: Any, *, fidelity: float, channels: int | None, resampler: nn.Module | None
) -> RAVEPlayer:
    """Make a player of an opened model.

    Args:
        model: a ``rave.RAVE`` in eval mode, without weight norm. The player takes over its
            modules.
        fidelity: how much of the variance the latents keep, for a variational model.
        channels: of the sound that comes out; the model's where None.
        resampler: RAVE's, to and from another sample rate.

    Raises:
        TorchbendError: RAVE's exporter has no such kind of model either.
    """
    kind = type(model.encoder).__name__
    if kind not in _KINDS:
        raise TorchbendError(
            f"a RAVE with a {kind} cannot be played. Those that can: {', '.join(_KINDS)}."
        )
    player = _KINDS[kind](model, fidelity, channels, resampler).eval()
    player.warm_up()
    return player


def dims_for_fidelity(fidelities: Tensor, fidelity: float) -> int:
    """How many latents RAVE's exporter keeps: the next power of two.

    Args:
        fidelities: the part of the variance that the first 1, 2, ... latents hold.
        fidelity: the part to keep.
    """
    enough = torch.nonzero(fidelities > fidelity)
    index = int(enough[0]) if len(enough) else 0
    return int(2 ** math.ceil(math.log2(max(index, 1))))


class RAVEPlayer(nn.Module):
    """Plays sound to latents and latents to sound, block by block.

    Children and buffers are named as RAVE's own, so weights are ``decoder.net.0.weight`` and
    so on.

    Attributes:
        sample_rate: in Hz, of the sound that goes in and comes out.
        n_channels: of the sound that goes in.
        target_channels: of the sound that comes out.
        latent_size: latents that ``encode`` gives and ``decode`` takes.
        ratio: frames of sound for one frame of latents.
    """

    pqmf: Any
    spectrogram: Any
    encoder: Any
    decoder: Any
    resampler: Any
    adain: AdainSwitches
    latent_pca: Tensor
    latent_mean: Tensor
    fidelity: Tensor
    receptive_field: Tensor

    def __init__(
        self, model: Any, fidelity: float, channels: int | None, resampler: nn.Module | None
    ) -> None:
        super().__init__()
        self.sample_rate = int(model.sr)
        self.n_channels = int(model.n_channels)
        self.target_channels = int(channels or self.n_channels)
        self.full_latent_size = int(model.latent_size)
        self.input_mode = model.input_mode
        self.output_mode = model.output_mode
        self.ratio = 1
        if "pqmf" in (self.input_mode, self.output_mode):
            self.pqmf = model.pqmf
        if self.input_mode == "mel":
            self.spectrogram = model.spectrogram
        self.encoder = model.encoder
        self.decoder = model.decoder
        for name in ("latent_pca", "latent_mean", "fidelity", "receptive_field"):
            self.register_buffer(name, getattr(model, name).detach().clone())
        self.resampler = resampler
        if resampler is not None:
            self.sample_rate = int(self.resampler.taget_sr)  # RAVE's spelling
        # As many copies of the latents are decoded as it takes to fill the channels.
        self.copies = math.ceil(self.target_channels / self.n_channels)
        self.latent_size = self._latent_size(fidelity)
        self._take_over_adain()

    def encode(self, x: Tensor) -> Tensor:
        """Latents ``(batch, latent_size, frames / ratio)`` of sound ``(batch, channels, frames)``.

        A batch has 1 to 64 rows, each with a streaming state of its own.
        """
        self._hear_switches()
        return self._encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """Sound ``(batch, channels, frames * ratio)`` of latents ``(batch, latent_size, frames)``.

        Latents that the fidelity left out are drawn from torch's global generator.
        """
        self._hear_switches()
        return self._decode(z)

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode a block ``(batch, channels, frames)``."""
        self._hear_switches()
        return self._decode(self._encode(x))

    def _encode(self, x: Tensor) -> Tensor:
        if self.resampler is not None:
            x = self.resampler.to_model_sampling_rate(x)
        batch = x.shape[0]
        if self.input_mode == "pqmf":
            x = self.pqmf(x.reshape(-1, 1, x.shape[-1]))
            x = x.reshape(batch, -1, x.shape[-1])
        elif self.input_mode == "mel":
            x = self.spectrogram(x)[..., :-1]
            x = torch.log1p(x).reshape(batch, -1, x.shape[-1])
        return self.to_latents(self.encoder(x))

    def _decode(self, z: Tensor) -> Tensor:
        if self.copies > 1:
            z = z.repeat(self.copies, 1, 1)
        z = self.from_latents(z)
        y: Tensor = self.decoder(z)
        batch = z.shape[0]
        if self.output_mode == "pqmf":
            y = self.pqmf.inverse(y.reshape(batch * self.n_channels, -1, y.shape[-1]))
            y = y.reshape(batch, self.n_channels, -1)
        if self.resampler is not None:
            y = self.resampler.from_model_sampling_rate(y)
        y = y[..., : z.shape[-1] * self.ratio]  # some layers give more than their share
        if self.copies > 1:
            y = torch.cat(y.chunk(self.copies, 0), 1)
        if self.target_channels < self.copies * self.n_channels:
            y = y[:, : self.target_channels]
        return y

    # -- what differs from kind to kind --------------------------------------------
    def to_latents(self, z: Tensor) -> Tensor:
        """From what the encoder gives to what is played."""
        raise NotImplementedError

    def from_latents(self, z: Tensor) -> Tensor:
        """From what is played to what the decoder takes."""
        raise NotImplementedError

    def _latent_size(self, fidelity: float) -> int:
        return self.full_latent_size

    # -- adaptive instance normalization ---------------------------------------------
    @property
    def has_adain(self) -> bool:
        """Whether the model learns statistics while it plays."""
        return "adain" in self._modules

    def _take_over_adain(self) -> None:
        blocks = importlib.import_module("rave.blocks")
        found = [
            (module, name, child)
            for module in self.modules()
            for name, child in module.named_children()
            if isinstance(child, blocks.AdaptiveInstanceNormalization)
        ]
        if not found:
            return
        if self.target_channels != self.n_channels:
            raise TorchbendError(
                f"this RAVE has adaptive normalization, and plays {self.n_channels} channels, "
                f"not {self.target_channels}: leave `channels` out"
            )
        self.adain = AdainSwitches()
        for module, name, child in found:
            setattr(module, name, Adain(child))

    def _hear_switches(self) -> None:
        if not self.has_adain:
            return
        s = self.adain
        learn = torch.cat([s.learn_source, s.learn_target])
        reset = torch.cat([s.reset_source, s.reset_target])
        for module in self.modules():
            if isinstance(module, Adain):
                module.follow(learn, reset)
        s.reset_source.zero_()
        s.reset_target.zero_()

    # -- state -------------------------------------------------------------------------
    def warm_up(self) -> None:
        """Find the ratio, and bring up the streaming caches, empty and as large as needed."""
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            x = torch.zeros(1, self.n_channels, _WARM_UP_FRAMES)
            z = self.encode(x)
            self.ratio = _WARM_UP_FRAMES // z.shape[-1]
            self.decode(z)
        # Where channels are played as rows of a batch, there are more rows.
        _empty_caches(self, MOST_BATCHES)
        _empty_caches(self.decoder, MOST_BATCHES * self.copies)
        for name in ("pqmf", "resampler"):
            if isinstance(self._modules.get(name), nn.Module):
                _empty_caches(getattr(self, name), MOST_BATCHES * self.copies * self.n_channels)


def _empty_caches(module: nn.Module, rows: int) -> None:
    for sub in module.modules():
        for name in ("pad", "cache"):
            cache = sub._buffers.get(name) if "initialized" in vars(sub) else None
            if cache is not None:
                sub._buffers[name] = cache.new_zeros(rows, *cache.shape[1:])


class VariationalRAVE(RAVEPlayer):
    """Latents sorted by the variance that they hold in the training set."""

    def _latent_size(self, fidelity: float) -> int:
        return dims_for_fidelity(self.fidelity, fidelity)

    def to_latents(self, z: Tensor) -> Tensor:
        mean, scale = z.chunk(2, 1)
        std = F.softplus(scale) + 1e-4
        z = torch.randn_like(mean) * std + mean
        z = z - self.latent_mean.unsqueeze(-1)
        z = F.conv1d(z, self.latent_pca.unsqueeze(-1))
        return z[:, : self.latent_size]

    def from_latents(self, z: Tensor) -> Tensor:
        rest = self.full_latent_size - z.shape[1]
        z = torch.cat([z, torch.randn(z.shape[0], rest, z.shape[-1]).type_as(z)], 1)
        z = F.conv1d(z, self.latent_pca.t().unsqueeze(-1))
        return z + self.latent_mean.unsqueeze(-1)


class DiscreteRAVE(RAVEPlayer):
    """Latents that number the entries of codebooks."""

    def _latent_size(self, fidelity: float) -> int:
        return int(self.encoder.num_quantizers)

    def to_latents(self, z: Tensor) -> Tensor:
        codes: Tensor = self.encoder.rvq.encode(z)
        return codes.float()

    def from_latents(self, z: Tensor) -> Tensor:
        last = int(self.encoder.rvq.layers[0].codebook_size) - 1
        z = self.encoder.rvq.decode(torch.clamp(z, 0, last).long())
        return _with_noise(z, self.encoder.noise_augmentation)


class WassersteinRAVE(RAVEPlayer):
    """Latents as the encoder gives them."""

    def to_latents(self, z: Tensor) -> Tensor:
        return z

    def from_latents(self, z: Tensor) -> Tensor:
        return _with_noise(z, self.encoder.noise_augmentation)


class SphericalRAVE(RAVEPlayer):
    """Latents on a sphere, played as angles."""

    def _latent_size(self, fidelity: float) -> int:
        return self.full_latent_size - 1

    def to_latents(self, z: Tensor) -> Tensor:
        blocks: Any = importlib.import_module("rave.blocks")
        angles: Tensor = blocks.unit_norm_vector_to_angles(z)
        # RAVE's have no direction to tell of in silence, and say NaN, which then stays in the
        # decoder's caches and in whatever plays after it.
        return angles.nan_to_num(0.0)

    def from_latents(self, z: Tensor) -> Tensor:
        blocks: Any = importlib.import_module("rave.blocks")
        vector: Tensor = blocks.angles_to_unit_norm_vector(z)
        return vector


def _with_noise(z: Tensor, channels: int) -> Tensor:
    if not channels:
        return z
    noise = torch.randn(z.shape[0], channels, z.shape[-1]).type_as(z)
    return torch.cat([z, noise], 1)


_KINDS: dict[str, type[RAVEPlayer]] = {
    "VariationalEncoder": VariationalRAVE,
    "DiscreteEncoder": DiscreteRAVE,
    "WasserteinEncoder": WassersteinRAVE,  # RAVE's spelling
    "SphericalEncoder": SphericalRAVE,
}
