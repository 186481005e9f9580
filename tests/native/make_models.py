"""Small files that keep nn~'s contract, and two that break it, written by hand.

What each plays can be computed on paper, so the C++ host is checked against formulas.

    python make_models.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List, Tuple  # noqa: UP035 - what TorchScript reads in torch 2.5

import torch
from torch import Tensor, nn

RATIO = 8
DESCRIPTION = '{"format": 1, "model": "Attributes \\"quoted\\""}'


class Attributes(nn.Module):
    """An attribute of every type, each heard.

    ``y[n] = gain * (left + right) * sign * x[n] + steps + x[n-1] / 2``, then ``tanh`` if the
    shape is "soft"; plus the mean of the curve and of the table.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gain", torch.ones(1))
        self.register_buffer("steps", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("pan", torch.full((2,), 0.5))
        self.register_buffer("curve", torch.zeros(4))
        self.register_buffer("table", torch.zeros(4))
        self.register_buffer("last", torch.zeros(8, 1, 1))
        self.flip = False
        self.shape = "hard"
        self.rate = 44100
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.forward_input_labels = ["(signal) sound in"]
        self.forward_output_labels = ["(signal) sound out"]
        types = {"gain": [2], "steps": [1], "flip": [0], "shape": [3], "pan": [2, 2]}
        for name, codes in {**types, "curve": [4], "table": [5]}.items():
            self.register_buffer(f"{name}_params", torch.tensor(codes))

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        before = torch.cat([self.last[:n], x[..., :-1]], -1)
        self.last[:n].copy_(x[..., -1:])
        sign = -1.0 if self.flip else 1.0
        y = self.gain * self.pan.sum() * sign * x + self.steps + before / 2
        if self.shape == "soft":
            y = torch.tanh(y)
        return y + self.curve.mean() + self.table.mean()

    @torch.jit.export
    def get_methods(self) -> List[str]:  # noqa: UP006
        return ["forward"]

    @torch.jit.export
    def get_attributes(self) -> List[str]:  # noqa: UP006
        return ["gain", "steps", "flip", "shape", "pan", "curve", "table", "none"]

    @torch.jit.export
    def get_sample_rate(self) -> int:
        return 48000

    @torch.jit.export
    def set_sample_rate(self, rate: int) -> int:
        self.rate = rate
        return 0

    @torch.jit.export
    def get_gain(self) -> List[float]:  # noqa: UP006
        return [float(self.gain.item())]

    @torch.jit.export
    def set_gain(self, value: float) -> int:
        if not (value >= 0.0 or value < 0.0):  # TorchScript takes `value != value` for False
            return -1
        self.gain.fill_(min(max(value, 0.0), 2.0))
        return 0

    @torch.jit.export
    def get_steps(self) -> Tuple[int]:  # noqa: UP006
        return (int(self.steps.item()),)

    @torch.jit.export
    def set_steps(self, value: int) -> int:
        self.steps.fill_(value)
        return 0

    @torch.jit.export
    def get_flip(self) -> List[bool]:  # noqa: UP006
        return [self.flip]

    @torch.jit.export
    def set_flip(self, value: bool) -> int:
        self.flip = value
        return 0

    @torch.jit.export
    def get_shape(self) -> List[str]:  # noqa: UP006
        return [self.shape]

    @torch.jit.export
    def set_shape(self, value: str) -> int:
        if value != "soft" and value != "hard":
            return -1
        self.shape = value
        return 0

    @torch.jit.export
    def get_pan(self) -> Tuple[float, float]:  # noqa: UP006
        return float(self.pan[0].item()), float(self.pan[1].item())

    @torch.jit.export
    def set_pan(self, left: float, right: float) -> int:
        self.pan[0] = left
        self.pan[1] = right
        return 0

    @torch.jit.export
    def get_curve(self) -> List[Tensor]:  # noqa: UP006
        return [self.curve]

    @torch.jit.export
    def set_curve(self, value: Tensor) -> int:
        if value.dim() != 1 or value.shape[0] != 4:
            return -1
        self.curve.copy_(value)
        return 0

    @torch.jit.export
    def get_table(self) -> List[str]:  # noqa: UP006
        return ["table#0"]

    @torch.jit.export
    def set_table(self, name: str) -> int:
        return 0 if name == "table#0" else -1

    @torch.jit.export
    def get_buffer_attributes(self) -> List[str]:  # noqa: UP006
        return ["curve#0", "table#0"]

    @torch.jit.export
    def set_buffer_attribute(self, name: str, samples: Tensor, rate: int) -> int:
        if name != "table#0" or rate <= 0 or samples.dim() != 2:
            return -1
        self.table.fill_(samples.mean())
        return 0

    @torch.jit.export
    def clear_buffer_attribute(self, name: str) -> int:
        self.table.zero_()
        return 0

    @torch.jit.export
    def is_buffer_empty(self, name: str) -> bool:
        return bool((self.table == 0).all())


class Ratios(nn.Module):
    """Two latents of every 8 frames: their last, and their sum; and the way back.

    ``decode`` repeats ``first + 10 * second``, with the frame's number within its group added.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ramp", torch.arange(float(RATIO)))
        for name, params in {
            "encode": [1, 1, 2, RATIO],
            "decode": [2, RATIO, 1, 1],
            "forward": [1, 1, 1, 1],
        }.items():
            self.register_buffer(f"{name}_params", torch.tensor(params))
        self.forward_input_labels = ["sound"]
        self.forward_output_labels = ["sound"]
        self.encode_input_labels = ["sound"]
        self.encode_output_labels = ["last", "sum"]
        self.decode_input_labels = ["last", "sum"]
        self.decode_output_labels = ["sound"]

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        groups = x.reshape(x.shape[0], -1, self.ramp.shape[0])
        return torch.stack([groups[..., -1], groups.sum(-1)], 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        held = (z[:, :1] + 10 * z[:, 1:]).unsqueeze(-1)
        return (held + self.ramp).reshape(z.shape[0], 1, -1)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def get_methods(self) -> List[str]:  # noqa: UP006
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> List[str]:  # noqa: UP006
        return ["none"]


class Legacy(nn.Module):
    """Found by its ``*_params`` alone, with no labels: the sum of two inlets and an offset."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([2, 1, 1, 1]))
        self.register_buffer("offset", torch.zeros(1))
        self.register_buffer("offset_params", torch.tensor([2]))

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1, keepdim=True) + self.offset

    @torch.jit.export
    def get_offset(self) -> Tuple[float]:  # noqa: UP006
        return (float(self.offset.item()),)

    @torch.jit.export
    def set_offset(self, value: float) -> int:
        self.offset.fill_(value)
        return 0


class Faulty(nn.Module):
    """Raises in a block that starts above 1; gives attributes that nn~ cannot use.

    ``kept`` is a tensor that a block made, and ``borrowed`` keeps what nn~ only lends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("bare", torch.zeros(1))
        self.register_buffer("kept", torch.zeros(1))
        self.register_buffer("borrowed", torch.zeros(1, 1))
        for name in ("bare", "stubborn", "raising", "kept"):
            self.register_buffer(f"{name}_params", torch.tensor([2]))
        self.register_buffer("borrowed_params", torch.tensor([5]))

    def forward(self, x: Tensor) -> Tensor:
        if float(x[0, 0, 0].item()) > 1:
            raise RuntimeError("the block starts too high")
        self.kept = x.clone()
        return x + self.bare + self.borrowed.mean()

    @torch.jit.export
    def get_methods(self) -> List[str]:  # noqa: UP006
        return ["forward", "absent"]

    @torch.jit.export
    def get_attributes(self) -> List[str]:  # noqa: UP006
        return ["bare", "stubborn", "raising", "kept", "borrowed", "missing"]

    @torch.jit.export
    def get_bare(self) -> float:
        return float(self.bare.item())

    @torch.jit.export
    def set_bare(self, value: float) -> int:
        self.bare.fill_(value)
        return 0

    @torch.jit.export
    def get_stubborn(self) -> List[float]:  # noqa: UP006
        return [0.0]

    @torch.jit.export
    def set_stubborn(self, value: float) -> int:
        return -1

    @torch.jit.export
    def get_raising(self) -> List[float]:  # noqa: UP006
        return [0.0]

    @torch.jit.export
    def set_raising(self, value: float) -> int:
        if value < 2.0:
            raise RuntimeError("not today")
        return 0

    @torch.jit.export
    def get_kept(self) -> List[float]:  # noqa: UP006
        return [float(self.kept.mean().item())]

    @torch.jit.export
    def set_kept(self, value: float) -> int:
        self.kept.fill_(value)
        return 0

    @torch.jit.export
    def get_borrowed(self) -> List[str]:  # noqa: UP006
        return ["borrowed#0"]

    @torch.jit.export
    def set_borrowed(self, name: str) -> int:
        return 0

    @torch.jit.export
    def get_buffer_attributes(self) -> List[str]:  # noqa: UP006
        return ["borrowed#0"]

    @torch.jit.export
    def set_buffer_attribute(self, name: str, samples: Tensor, rate: int) -> int:
        self.borrowed = samples
        return 0


MODELS = {"attributes": Attributes, "ratios": Ratios, "legacy": Legacy}
FAULTY = {"faulty": Faulty}


def write_models(folder: Path) -> None:
    """Write ``*.ts``, and those that break the contract to ``faulty/``."""
    (folder / "faulty").mkdir(parents=True, exist_ok=True)
    for place, models in ((folder, MODELS), (folder / "faulty", FAULTY)):
        for name, model in models.items():
            extra = {"torchbend.json": DESCRIPTION} if name == "attributes" else {}
            torch.jit.script(model().eval()).save(str(place / f"{name}.ts"), _extra_files=extra)


if __name__ == "__main__":
    write_models(Path(sys.argv[1]))
