"""Small TorchScript files of every form, each with what it played where it was made.

    python scripts/old_files.py OUT_DIR [KIND ...]

Needs torch alone, 1.4 or later, so that an older release can be asked for the files that it
wrote in its day: ``tests/data/old_torch`` holds some. Each file carries ``extra/played.json``:
the calls that were made, one after the other, and their results.
"""

# Older releases read neither `X | None` nor `list[X]`, nor annotations kept as text.
# ruff: noqa: D101, D102, UP006, UP007, UP035, UP045

import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import nn

BLOCK = 16  # frames


# The method's name and its arguments.
Call = Tuple[str, List[Any]]


def sound(channels: int = 1, frames: int = BLOCK) -> torch.Tensor:
    """Noise of shape (1, channels, frames), in numbers that are short to write."""
    return torch.round(torch.rand(1, channels, frames) * 200 - 100) / 100


def blocks(channels: int = 1, count: int = 2) -> List[Call]:
    """Calls of forward, one after the other."""
    return [("forward", [sound(channels)]) for _ in range(count)]


def stack() -> nn.Sequential:
    """A plain network: (1, 1, frames) to (1, 2, frames)."""
    return nn.Sequential(
        nn.Conv1d(1, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv1d(4, 2, 3, padding=1), nn.Tanh()
    )


class CachedInPlace(nn.Module):
    """A causal convolution whose cache is written over."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.register_buffer("cache", torch.zeros(1, 1, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = torch.cat([self.cache, x], -1)
        self.cache.copy_(padded[:, :, -2:])
        return self.conv(padded)


class CachedAnew(nn.Module):
    """The same with a cache that is another tensor after each block."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.register_buffer("cache", torch.zeros(1, 1, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = torch.cat([self.cache, x], -1)
        self.cache = padded[:, :, -2:]
        return self.conv(padded)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Conv1d(1, 2, 4, stride=4)
        self.decoder = nn.ConvTranspose1d(2, 1, 4, stride=4)

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.decoder(z))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


class Recurrent(nn.Module):
    """A GRU that goes on where the last block ended."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 3, batch_first=True)
        self.register_buffer("hidden", torch.zeros(1, 1, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, hidden = self.gru(x.transpose(1, 2), self.hidden)
        self.hidden.copy_(hidden)
        return y.transpose(1, 2)


class Loops(nn.Module):
    """A loop over modules, one over a list, and one whose length the sound decides."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(1, 1, 3, padding=1) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept: List[torch.Tensor] = []
        for conv in self.convs:
            x = torch.tanh(conv(x))
            kept.append(x)
        total = torch.zeros_like(x)
        for each in kept:
            total = total * 0.5 + each
        for i in range(int(x.abs().sum().item()) % 4 + 1):
            total = total + 0.1 * i
        return total


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.loud = nn.Conv1d(1, 2, 1)
        self.quiet = nn.Conv1d(1, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool(x.mean() > 0.0):
            y = self.loud(x)
        else:
            y = self.quiet(x) * 2.0
        return y


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Conv1d(1, 2, 1)
        self.scale = nn.Conv1d(1, 2, 1)

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        return self.mean(x), F.softplus(self.scale(x)) + 1e-4


class Arguments(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 1)

    def forward(
        self, x: torch.Tensor, extra: Dict[str, torch.Tensor], gain: Optional[float] = None
    ) -> torch.Tensor:
        y = self.conv(x)
        if "bias" in extra:
            y = y + extra["bias"]
        if gain is not None:
            y = y * gain
        return y


class Instrument(Autoencoder):
    """What nn~ asks for, with getters that answer a bare value, which nn~ cannot read."""

    def __init__(self):
        super().__init__()
        for name, numbers in (
            ("forward", (1, 1, 1, 1)), ("encode", (1, 1, 2, 4)), ("decode", (2, 4, 1, 1))
        ):  # fmt: skip
            self.register_buffer(name + "_params", torch.tensor(numbers))
        self.register_buffer("gain_params", torch.tensor([1]))
        self.register_buffer("mute_params", torch.tensor([0]))
        self.forward_labels = ["(signal) in", "(signal) out"]
        self.gain: Tuple[float] = (1.0,)
        self.mute: Tuple[bool] = (False,)

    @torch.jit.export
    def get_methods(self):
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self):
        return ["gain", "mute"]

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        self.gain = (gain,)
        return 0

    @torch.jit.export
    def get_gain(self) -> float:
        return self.gain[0]

    @torch.jit.export
    def set_mute(self, mute: bool) -> int:
        self.mute = (mute,)
        return 0

    @torch.jit.export
    def get_mute(self) -> bool:
        return self.mute[0]

    @torch.jit.export
    def labels(self) -> List[str]:
        return self.forward_labels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.decode(self.encode(x)) * self.gain[0]
        if self.mute[0]:
            y = torch.zeros_like(y)
        return y


class Twice(nn.Module):
    """One convolution at two places."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.tanh(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, dilation: int):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, padding=dilation, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.tanh(self.conv(x))


class Upgraded(nn.Module):
    """Operators that have changed since; files made before are brought up to date on loading."""

    def forward(self, x: torch.Tensor, n: int) -> Tuple[torch.Tensor, torch.Tensor]:
        ramp = torch.linspace(0.0, 1.0, n)
        return F.gelu(x) * ramp, torch.div(x, n)


class UpgradedDefault(nn.Module):
    """A linspace of the number of steps that was once its default."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.linspace(0.0, 1.0).mean()


class Integers(nn.Module):
    """Whole numbers: divided, torch 1.5 and before rounded; filled in, they became floats."""

    def forward(self, x: torch.Tensor, n: int) -> Tuple[torch.Tensor, torch.Tensor]:
        return torch.div((x * 100).long(), n), torch.full([2], n)


class Spectrum(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = torch.stft(x[0], 8, 4, window=self.window, return_complex=True)
        return torch.istft(s * 0.5, 8, 4, window=self.window).unsqueeze(0)


class Upsampled(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Upsample(scale_factor=2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(self.up(x), size=[x.size(2)], mode="linear", align_corners=False)


def shaped(x: torch.Tensor, amount: float) -> torch.Tensor:
    """A free function, which a file keeps as one."""
    if amount > 0.5:
        return torch.tanh(x * amount)
    return x


class Functions(nn.Module):
    """Calls of free functions, one of them in another thread."""

    def forward(self, x: torch.Tensor, amount: float) -> torch.Tensor:
        later = torch.jit.fork(shaped, x, amount)
        return shaped(x, amount * 0.5) + torch.jit.wait(later)


class Named(nn.Module):
    """Modules in a dict, over which the graph's loops are written out."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({"low": nn.Conv1d(1, 1, 3, padding=1), "high": nn.Tanh()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _, part in self.parts.items():
            x = part(x)
        return x


def freeze_autoencoder() -> torch.jit.ScriptModule:
    """Frozen, so that its weights are constants, with all three methods kept."""
    module = torch.jit.script(Autoencoder().eval())
    return torch.jit.freeze(module, preserved_attrs=["encode", "decode"])


def pack() -> torch.jit.ScriptModule:
    """Linear layers whose weights are eight bits wide, packed as the processor wants them."""
    library = getattr(torch, "ao", torch).quantization
    net = nn.Sequential(nn.Linear(BLOCK, 4), nn.Tanh(), nn.Linear(4, BLOCK)).eval()
    return torch.jit.script(library.quantize_dynamic(net, {nn.Linear}))


def normed() -> torch.jit.ScriptModule:
    """Weights worked out anew from direction and length, in every block."""
    net = stack()
    for layer in (net[0], net[2]):
        torch.nn.utils.weight_norm(layer)
    return torch.jit.trace(net, sound())


def everything_of_an_instrument() -> List[Call]:
    """Sound before and after each setter, and all that can be asked."""
    x = sound()
    return [
        ("get_methods", []), ("get_attributes", []), ("labels", []),
        ("get_gain", []), ("forward", [x]), ("set_gain", [0.5]), ("get_gain", []),
        ("forward", [x]), ("encode", [x]), ("decode", [sound(2, 4)]),
        ("set_mute", [True]), ("get_mute", []), ("forward", [x]),
    ]  # fmt: skip


script = torch.jit.script

# How the file of each name is made, and what is played on it, one call after the other.
KINDS: Dict[str, Tuple[Callable[[], torch.jit.ScriptModule], Callable[[], List[Call]]]] = {
    "traced": (lambda: torch.jit.trace(stack(), sound()), blocks),
    "scripted_in_place": (lambda: script(CachedInPlace()), lambda: blocks(count=3)),
    "scripted_anew": (lambda: script(CachedAnew()), lambda: blocks(count=3)),
    "frozen": (
        freeze_autoencoder,
        lambda: [("forward", [sound()]), ("encode", [sound()]), ("decode", [sound(2, 4)])],
    ),
    "gru": (lambda: script(Recurrent()), blocks),
    "loops": (lambda: script(Loops()), blocks),
    "branch": (
        lambda: script(Branch()),
        lambda: [("forward", [sound() + 2.0]), ("forward", [sound() - 2.0])],
    ),
    "pair": (lambda: script(Pair()), blocks),
    "arguments": (
        lambda: script(Arguments()),
        lambda: [
            ("forward", [sound(), {"bias": torch.ones(1)}, None]), ("forward", [sound(), {}, 0.5])
        ],
    ),
    "instrument": (lambda: script(Instrument()), everything_of_an_instrument),
    "twice": (lambda: script(Twice()), lambda: blocks(2)),
    "many_of_a_class": (
        lambda: script(nn.Sequential(Residual(1), Residual(2), Residual(4))),
        lambda: blocks(2),
    ),
    "quantized": (pack, blocks),
    "weight_norm": (normed, blocks),
    "upgraded": (lambda: script(Upgraded()), lambda: [("forward", [sound(), BLOCK])]),
    "upgraded_default": (lambda: script(UpgradedDefault()), blocks),
    "integers": (lambda: script(Integers()), lambda: [("forward", [sound(), 3])]),
    "spectrum": (lambda: script(Spectrum()), blocks),
    "upsampled": (lambda: script(Upsampled()), blocks),
    "functions": (lambda: script(Functions()), lambda: [("forward", [sound(), 0.8])]),
    "named": (lambda: script(Named()), blocks),
}  # fmt: skip


def plain(value: Any) -> Any:
    """A call's argument or result as JSON; a tensor becomes {"tensor": nested lists}."""
    if isinstance(value, torch.Tensor):
        return {"tensor": plain(value.detach().tolist())}
    if isinstance(value, float):
        return round(value, 8)
    if isinstance(value, dict):
        return {"dict": {key: plain(each) for key, each in value.items()}}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def unplain(value: Any) -> Any:
    """The other way round; tuples stay lists."""
    if isinstance(value, dict):
        if "tensor" in value:
            return torch.tensor(value["tensor"])
        return {key: unplain(each) for key, each in value["dict"].items()}
    if isinstance(value, list):
        return [unplain(each) for each in value]
    return value


def play(module: torch.jit.ScriptModule, calls: List[Call]) -> List[Any]:
    """Call one method after the other, and keep what they answer."""
    with torch.no_grad():
        return [plain(getattr(module, method)(*arguments)) for method, arguments in calls]


def write(module: torch.jit.ScriptModule, calls: List[Call], path: Path) -> None:
    """Save a module together with what a fresh copy of it plays."""
    fresh = io.BytesIO()
    torch.jit.save(module, fresh)
    fresh.seek(0)
    record = {
        "calls": [[method, plain(arguments)] for method, arguments in calls],
        "results": play(torch.jit.load(fresh), calls),
    }
    # Releases before 1.6 want a map of their own.
    extra = getattr(torch._C, "ExtraFilesMap", dict)()
    extra["played.json"] = json.dumps(record)
    torch.jit.save(module, str(path), _extra_files=extra)


def main(folder: Path, kinds: List[str]) -> None:
    """Write files of these kinds, as far as this release can make them.

    Args:
        folder: made if need be.
        kinds: of `KINDS`; none stands for all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    not_made = []
    for name in kinds or KINDS:
        make, calls = KINDS[name]
        torch.manual_seed(0)
        try:
            write(make(), calls(), folder / (name + ".ts"))
        except Exception as error:  # noqa: BLE001 - releases fail in their own ways
            line = next((part for part in str(error).splitlines() if part.strip()), "")
            not_made.append(name + ": " + type(error).__name__ + ": " + line.strip())
    print(len(kinds or KINDS) - len(not_made), "files in", folder)
    for line in not_made:
        print("not made:", line)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(KINDS):
        sys.exit((__doc__ or "") + "\nKinds: " + " ".join(KINDS))
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), sys.argv[2:])
