"""The codec of a MusicGen by itself: bent, exported, played live."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torchbend.hints import ExportHints
from torchbend.interfaces._audiocraft_codec import CodecPlayer
from torchbend.tracing import BendedModule

__all__ = ["BendedCodec"]

_TRACED_FRAMES = 4  # of codes


class BendedCodec(BendedModule):
    """AudioCraft's codec, playing block by block: ``encode``, ``decode`` and ``forward``.

    Blocks are multiples of ``ratio`` frames. A batch has 1 to 64 rows, each with its own
    state. A causal codec gives what it gives offline; one that looks ahead, as MusicGen's
    does, gives it ``encode_delay`` frames of codes or ``decode_delay`` frames of sound later,
    once its first moments are over.

    Args:
        codec: an ``EncodecModel`` of AudioCraft's.

    Raises:
        TorchbendError: it is another kind of codec, or needs all of a sound at once.
    """

    def __init__(self, codec: Any) -> None:
        player = CodecPlayer(codec)
        super().__init__(player)
        draw = torch.Generator().manual_seed(0)
        device = next(player.parameters()).device
        frames = _TRACED_FRAMES * player.ratio
        x = torch.randn(1, player.channels, frames, generator=draw).to(device)
        z = torch.rand(1, player.codebooks, _TRACED_FRAMES, generator=draw) * (player.bins - 1)
        self.trace("encode", x)
        self.trace("decode", z.to(device))
        self.trace("forward", x)

    @property
    def _player(self) -> CodecPlayer:
        player: CodecPlayer = self._module  # type: ignore[assignment]
        return player

    def encode(self, x: Tensor, **arguments: Any) -> Tensor:
        """Run the bent encoder.

        Args:
            x: sound ``(batch, channels, frames)``.
            **arguments: of callbacks that take some from the call.

        Returns:
            Codes ``(batch, codebooks, frames / ratio)``, whole numbers in float.
        """
        out: Tensor = self._runner.run("encode", (x,), arguments)
        return out

    def decode(self, z: Tensor, **arguments: Any) -> Tensor:
        """Run the bent decoder.

        Args:
            z: codes ``(batch, codebooks, frames)``, rounded, and kept among those there are.
            **arguments: of callbacks that take some from the call.

        Returns:
            Sound ``(batch, channels, frames * ratio)``.
        """
        out: Tensor = self._runner.run("decode", (z,), arguments)
        return out

    @property
    def sample_rate(self) -> int:
        """Of the sound, in Hz."""
        return self._player.sample_rate

    @property
    def ratio(self) -> int:
        """Frames of sound for one frame of codes; blocks are multiples of it."""
        return self._player.ratio

    @property
    def codebooks(self) -> int:
        """Codes in a frame of codes."""
        return self._player.codebooks

    @property
    def encode_delay(self) -> int:
        """Frames of codes by which ``encode`` is late, because it looks ahead."""
        return self._player.encode_delay

    @property
    def decode_delay(self) -> int:
        """Frames of sound by which ``decode`` is late, because it looks ahead."""
        return self._player.decode_delay

    def export_hints(self) -> ExportHints:
        """What the exporter need not find out: the rate, the labels, and the delay in them."""
        player = self._player
        sound = tuple(f"(signal) Channel {i + 1}" for i in range(player.channels))
        codes = tuple(f"(signal) Codebook {i + 1}" for i in range(player.codebooks))
        encoded = player.encode_delay * player.ratio
        both = encoded + player.decode_delay
        return ExportHints(
            sample_rate=player.sample_rate,
            labels={
                "encode": (sound, _late(codes, encoded)),
                "decode": (codes, _late(sound, player.decode_delay)),
                "forward": (sound, _late(sound, both)),
            },
        )


def _late(labels: tuple[str, ...], frames: int) -> tuple[str, ...]:
    """Labels that say how many frames of sound the output is late."""
    return tuple(f"{label}, {frames} frames late" if frames else label for label in labels)
