"""RAVE: a trained run, opened, played and bent.

RAVE (Caillon and Esling, "RAVE: A variational autoencoder for fast and high-quality neural
audio synthesis", 2021) encodes sound into a few slow signals, its latents, and decodes them.
Install it with ``torchbend install rave``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from torchbend.errors import TorchbendError, first_line
from torchbend.hints import ExportHints, ModelAttribute
from torchbend.interfaces._rave_adain import AdainSwitches
from torchbend.interfaces._rave_build import cached_conv_mode
from torchbend.interfaces._rave_import import import_rave
from torchbend.interfaces._rave_open import find_run, open_run
from torchbend.interfaces._rave_player import (
    MOST_BATCHES,
    RAVEPlayer,
    dims_for_fidelity,
    player_of,
)
from torchbend.tracing import BendedModule

__all__ = ["BendedRAVE"]

_TRACED_FRAMES = 4  # of latents
_LEAST_FIDELITY, _MOST_FIDELITY = 0.1, 0.999  # RAVE's own bounds


class BendedRAVE(BendedModule):
    """A RAVE from its training run, ready to bend: ``encode``, ``decode`` and ``forward``.

    It plays what RAVE's exporter makes of the same run, bit for bit, block by block; so
    what is heard here is what plays in nn~. Weights have the names they have in RAVE
    (``decoder.net.0.weight``). A batch has 1 to 64 rows, each with its own streaming state.
    In silence, where the latents of a spherical RAVE are no numbers, they are 0 here.

    Two things of RAVE's exporter are left out: a prior, and the stereo mode of its VST. Its
    attributes ``learn_target``, ``reset_target``, ``learn_source`` and ``reset_source`` are
    those of a model with adaptive normalization; in others, where they would do nothing,
    there are none.

    Args:
        path: a run's folder, one of its version folders, or a checkpoint with
            ``config.gin`` beside or above it. Of several checkpoints the newest is taken;
            :attr:`checkpoint` says which.
        strict: refuse a checkpoint that lacks weights of the model, or has more.
        batch_size: rows of the batch that its methods are traced with, 1 to 64. Others play
            as well.
        channels: of the sound that comes out; the model's own where None.
        fidelity: the part of the variance that the latents keep, 0.1 to 0.999, for a
            variational model; the rest is drawn as noise.
        streaming: keep the end of each block for the next one, as playing live needs.
        sample_rate: of the sound outside, in Hz: a multiple of the model's by a power of two.
        ema: use the averaged weights that training with ``--ema`` keeps.

    Raises:
        TorchbendError: RAVE is not installed; there is no run; or what is in it does not fit
            together.
    """

    def __init__(
        self,
        path: str | Path,
        strict: bool = True,
        batch_size: int = 4,
        *,
        channels: int | None = None,
        fidelity: float = 0.95,
        streaming: bool = True,
        sample_rate: int | None = None,
        ema: bool = False,
    ) -> None:
        _check("batch_size", batch_size, 1, MOST_BATCHES)
        _check("fidelity", fidelity, _LEAST_FIDELITY, _MOST_FIDELITY)
        if channels is not None:
            _check("channels", channels, 1, MOST_BATCHES)
        run = find_run(path)
        import_rave()
        model: Any = open_run(run, strict=strict, ema=ema, streaming=streaming)
        resampler = _resampler(int(model.sr), sample_rate, streaming)
        player = player_of(model, fidelity=fidelity, channels=channels, resampler=resampler)
        super().__init__(player.requires_grad_(False))
        self._run = run
        draw = torch.Generator().manual_seed(0)
        frames = _TRACED_FRAMES * player.ratio
        x = torch.randn(batch_size, player.n_channels, frames, generator=draw)
        z = torch.randn(batch_size, player.latent_size, _TRACED_FRAMES, generator=draw)
        self.trace("encode", x)
        self.trace("decode", z)
        self.trace("forward", x)

    # -- playing -----------------------------------------------------------------------
    def encode(self, x: Tensor, **arguments: Any) -> Tensor:
        """Run the bent encoder.

        Args:
            x: sound ``(batch, channels, frames)``.
            **arguments: of callbacks that take some from the call.

        Returns:
            Latents ``(batch, latent_size, frames / ratio)``.
        """
        out: Tensor = self._runner.run("encode", (x,), arguments)
        return out

    def decode(self, z: Tensor, **arguments: Any) -> Tensor:
        """Run the bent decoder.

        Args:
            z: latents ``(batch, latent_size, frames)``.
            **arguments: of callbacks that take some from the call.

        Returns:
            Sound ``(batch, channels, frames * ratio)``.
        """
        out: Tensor = self._runner.run("decode", (z,), arguments)
        return out

    # -- facts -------------------------------------------------------------------------
    @property
    def _player(self) -> RAVEPlayer:
        player: RAVEPlayer = self._module  # type: ignore[assignment]
        return player

    @property
    def channels(self) -> int:
        """Channels of the sound that ``encode`` takes."""
        return self._player.n_channels

    @property
    def output_channels(self) -> int:
        """Channels of the sound that ``decode`` gives."""
        return self._player.target_channels

    @property
    def sample_rate(self) -> int:
        """Of the sound, in Hz."""
        return self._player.sample_rate

    @property
    def latent_size(self) -> int:
        """Latents that ``encode`` gives and ``decode`` takes."""
        return self._player.latent_size

    @property
    def ratio(self) -> int:
        """Frames of sound for one frame of latents; blocks are multiples of it."""
        return self._player.ratio

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Frames before and after one that it depends on; (0, 0) if training did not find out."""
        before, after = self._player.receptive_field.tolist()
        return int(before), int(after)

    @property
    def checkpoint(self) -> Path:
        """The file that the weights are from."""
        return self._run.checkpoint

    def get_dims_for_fidelity(self, fidelity: float) -> int:
        """How many latents keep a part of the variance, as RAVE's exporter counts.

        Args:
            fidelity: 0.1 to 0.999.

        Returns:
            A power of two.

        Raises:
            TorchbendError: the model is not variational.
        """
        _check("fidelity", fidelity, _LEAST_FIDELITY, _MOST_FIDELITY)
        return dims_for_fidelity(self._fidelities(), fidelity)

    def get_fidelity_for_dims(self, dims: int) -> float:
        """The part of the variance that the first latents hold.

        Args:
            dims: how many latents.

        Raises:
            TorchbendError: there are not as many, or the model is not variational.
        """
        fidelities = self._fidelities()
        _check("dims", dims, 1, len(fidelities))
        return float(fidelities[dims - 1])

    def _fidelities(self) -> Tensor:
        kind = type(self._player.encoder).__name__
        if kind != "VariationalEncoder":
            raise TorchbendError(
                f"only a variational RAVE sorts its latents by fidelity; this one has a {kind}, "
                f"and {self.latent_size} latents"
            )
        return self._player.fidelity

    # -- adaptive normalization ------------------------------------------------------------
    @property
    def learn_target(self) -> bool:
        """Whether it learns how the target sounds, from what it plays."""
        return self._switch("learn_target")

    @learn_target.setter
    def learn_target(self, on: bool) -> None:
        self._set_switch("learn_target", on)

    @property
    def reset_target(self) -> bool:
        """Whether it forgets the target before the next block."""
        return self._switch("reset_target")

    @reset_target.setter
    def reset_target(self, on: bool) -> None:
        self._set_switch("reset_target", on)

    @property
    def learn_source(self) -> bool:
        """Whether it learns how the source sounds, from what it plays."""
        return self._switch("learn_source")

    @learn_source.setter
    def learn_source(self, on: bool) -> None:
        self._set_switch("learn_source", on)

    @property
    def reset_source(self) -> bool:
        """Whether it forgets the source before the next block."""
        return self._switch("reset_source")

    @reset_source.setter
    def reset_source(self, on: bool) -> None:
        self._set_switch("reset_source", on)

    def _switch(self, name: str) -> bool:
        if not self._player.has_adain:
            raise TorchbendError(f"this RAVE has no adaptive normalization, and so no {name}")
        return bool(self._shadow.get_buffer(f"adain.{name}"))

    def _set_switch(self, name: str, on: bool) -> None:
        self._switch(name)
        self._shadow.get_buffer(f"adain.{name}").fill_(bool(on))

    # -- files -------------------------------------------------------------------------
    def load_audio(self, path: str | Path) -> Tensor:
        """Read a sound file for this model.

        Args:
            path: of a file that libsndfile reads: WAV, FLAC, AIFF, OGG, MP3.

        Returns:
            ``(channels, frames)`` at the model's rate, with the model's channels: more are
            mixed to one, and one is given to all.

        Raises:
            TorchbendError: it cannot be read, or has a number of channels that fits neither.
        """
        soundfile = _package("soundfile")
        try:
            sound, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
        except (OSError, RuntimeError) as error:
            raise TorchbendError(f"{str(path)!r} cannot be read: {first_line(error)}") from error
        if rate != self.sample_rate:
            sound = _package("soxr").resample(sound, rate, self.sample_rate)
        audio = torch.from_numpy(sound.T.copy())
        if len(audio) == self.channels:
            return audio
        if self.channels == 1:
            return audio.mean(0, keepdim=True)
        if len(audio) == 1:
            return audio.repeat(self.channels, 1)
        raise TorchbendError(
            f"{str(path)!r} has {len(audio)} channels, and this RAVE takes {self.channels}"
        )

    def write_audio(self, path: str | Path, audio: Tensor) -> None:
        """Write sound of this model to a file.

        Args:
            path: of the file; its ending decides the format. WAV is written as 32-bit float,
                so nothing is clipped.
            audio: ``(channels, frames)``, ``(1, channels, frames)`` or ``(frames,)``.

        Raises:
            TorchbendError: the sound has another shape, or the file cannot be written.
        """
        soundfile = _package("soundfile")
        sound = audio.detach().cpu().float()
        if sound.ndim == 1:
            sound = sound[None]
        elif sound.ndim == 3 and len(sound) == 1:
            sound = sound[0]
        if sound.ndim != 2:
            raise TorchbendError(
                f"a sound file takes (channels, frames), not {tuple(audio.shape)}: write one row "
                "of a batch at a time"
            )
        kind = "FLOAT" if Path(path).suffix.lower() == ".wav" else None
        try:
            soundfile.write(str(path), sound.T.numpy(), self.sample_rate, subtype=kind)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise TorchbendError(f"{str(path)!r} cannot be written: {first_line(error)}") from error

    # -- export ------------------------------------------------------------------------
    def export_hints(self) -> ExportHints:
        """What the exporter need not find out: rate, labels as RAVE's, RAVE's attributes."""
        sound_in = _labels("Channel", self.channels)
        sound_out = _labels("Channel", self.output_channels)
        latents = _labels("Latent dimension", self.latent_size)
        names = AdainSwitches.names if self._player.has_adain else ()
        return ExportHints(
            sample_rate=self.sample_rate,
            labels={
                "encode": (sound_in, latents),
                "decode": (latents, sound_out),
                "forward": (sound_in, sound_out),
            },
            attributes=tuple(ModelAttribute(n, f"adain.{n}", "bool") for n in names),
            source=self.checkpoint,
        )


def _labels(what: str, count: int) -> tuple[str, ...]:
    return tuple(f"(signal) {what} {i + 1}" for i in range(count))


def _check(name: str, value: float, least: float, most: float) -> None:
    if not isinstance(value, (int, float)) or not least <= value <= most:
        raise TorchbendError(f"{name} is {value!r}: give a value from {least} to {most}")


def _resampler(model_rate: int, sample_rate: int | None, streaming: bool) -> nn.Module | None:
    if sample_rate is None or sample_rate == model_rate:
        return None
    ratio, rest = divmod(sample_rate, model_rate)
    if rest or ratio & (ratio - 1):
        rates = ", ".join(str(model_rate * 2**i) for i in range(3))
        raise TorchbendError(
            f"sample_rate is {sample_rate}, and this RAVE plays at {model_rate} Hz: give that "
            f"times a power of two ({rates})"
        )
    with cached_conv_mode(streaming):
        resampler: nn.Module = importlib.import_module("rave.resampler").Resampler(
            sample_rate, model_rate
        )
    return resampler.eval()


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise TorchbendError(
            f"{name} is not installed. Install it with: torchbend install rave"
        ) from error
