"""A model with the methods and the names of a RAVE, so small that it plays at once."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
from pathlib import Path

import torch
from torch import Tensor, nn


class TinyRave(nn.Module):
    """Two latents for four frames of sound, and back."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(nn.Conv1d(1, 2, 4, stride=4, bias=False), nn.Tanh())
            self.decoder = nn.Sequential(nn.ConvTranspose1d(2, 1, 4, stride=4), nn.Tanh())
        for name, numbers in {
            "encode": (1, 1, 2, 4),
            "decode": (2, 4, 1, 1),
            "forward": (1, 1, 1, 1),
        }.items():
            self.register_buffer(f"{name}_params", torch.tensor(numbers))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_sample_rate(self) -> int:
        return 48000


def tiny_rave(path: Path, seed: int = 0) -> Path:
    """Write one as a file."""
    torch.jit.script(TinyRave(seed).eval()).save(str(path))
    return path
