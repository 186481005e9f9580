"""Small nets of many forms, to be traced, scripted and frozen; and how to look at their state."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from support import equal, noise
from torch import Tensor, nn

__all__ = [
    "FORMS",
    "Form",
    "Late",
    "calls_of",
    "contents",
    "frozen",
    "make",
    "reopened",
    "same",
    "traced",
]

Script = Any  # torch.jit.ScriptModule, whose attributes no type knows


# -- layers in a row -----------------------------------------------------------------------
class Convs(nn.Module):
    """Convolutions, one activation called twice, a sum around both."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(2, 4, 3, padding=1)
        self.second = nn.Conv1d(4, 2, 3, padding=1, bias=False)
        self.up = nn.ConvTranspose1d(2, 2, 4, stride=2, padding=1)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.first(x))
        y = self.act(self.second(y)) + x
        return torch.tanh(self.up(y))


class Linears(nn.Module):
    """Norms and linear layers, on the last dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(5, 6), nn.LayerNorm(6), nn.GELU(), nn.Dropout(0.3), nn.Linear(6, 5)
        )
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) * self.gain + x.mean(-1, keepdim=True)


class Gru(nn.Module):
    """A recurrent layer, which returns two tensors; its state is replaced at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.out = nn.Linear(4, 3)
        self.register_buffer("hidden", torch.zeros(1, 1, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, hidden = self.gru(x, self.hidden)
        self.hidden = hidden
        return self.out(y), hidden


class Lstm(nn.Module):
    """The same with a state of two tensors, in the arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2)
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, (h, c) = self.lstm(x)
        y, (h, c) = self.lstm(x * 0.5, (h, c))
        return self.out(y), (h, c)


# -- control flow --------------------------------------------------------------------------
class Loops(nn.Module):
    """Loops whose length the data decides."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(3, 3)
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for i in range(int(x[0].abs().sum().item()) % 3 + 1):
            x = torch.tanh(self.step(x)) + i
        turns = 0
        while float(x.abs().max()) > 0.5 and turns < 4:
            if turns == 2:
                break
            x = self.step(x) * 0.5
            turns += 1
        for layer in self.layers:
            x = torch.relu(layer(x))
        for part in x.split(1):
            x = x + part.sum()
        return x


class Lists(nn.Module):
    """Lists that are filled, walked and joined."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))

    def forward(self, parts: list[Tensor]) -> list[Tensor]:
        found: list[Tensor] = []
        for part in parts:
            for k, layer in enumerate(self.layers):
                part = layer(part) * (k + 1)
            found.append(torch.sin(part))
        found += [torch.stack(found).sum(0)]
        return found


class Ifs(nn.Module):
    """Decides on a value, on an attribute, on what is None."""

    def __init__(self) -> None:
        super().__init__()
        self.loud = True
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)
        self.skip = None

    def forward(self, x: Tensor, more: Tensor | None = None) -> Tensor:
        if self.skip is not None:
            return x
        if more is not None:
            x = x + self.b(more)
        if float(x.sum()) > 0:
            y = self.a(x)
        else:
            y = self.b(x)
            if self.loud:
                return torch.tanh(y) * 2
        return y.sigmoid() if self.loud else y

    @torch.jit.export
    def set_loud(self, on: bool) -> int:
        self.loud = on
        return 0


class Dicts(nn.Module):
    """Dicts, Optional and lists go in; a dict comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)

    def forward(
        self, given: dict[str, Tensor], scale: float = 1.0, names: list[str] | None = None
    ) -> dict[str, Tensor]:
        out: dict[str, Tensor] = {}
        for name, value in given.items():
            if names is None or name in names:
                out[name] = self.lin(value) * scale
        out["all"] = torch.cat(list(given.values()), 0).exp()
        return out


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


class Splits(nn.Module):
    """Tuples inside, named and nested."""

    def __init__(self) -> None:
        super().__init__()
        self.fork = Forks()

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, int]]:
        pair = self.fork(x)
        a, b = torch.chunk(pair.left * 2, 2, -1)
        low, where = torch.min(pair.right, dim=0)
        return a - b, (low, int(where.sum()))


class Forks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Pair:
        return Pair(self.lin(x), x.abs())


# -- instances, ties and calls -------------------------------------------------------------
class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 1)
        self.gain = nn.Parameter(torch.rand(2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.conv(x)) * self.gain

    @torch.jit.export
    def half(self, x: Tensor) -> Tensor:
        return self.forward(x) * 0.5


class Instances(nn.Module):
    """One class several times, each with weights of its own; one of them is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.last = Block()

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x) + x
        x = self.blocks[1].half(x)
        return self.last(self.last(x))


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(3, 3)
        self.leave = nn.Linear(3, 3, bias=False)
        self.leave.weight = self.enter.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(torch.tanh(self.enter(x)))


class Calls(nn.Module):
    """Methods that call each other, and themselves under several names."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv1d(1, 2, 2, stride=2)
        self.up = nn.ConvTranspose1d(2, 1, 2, stride=2)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return torch.tanh(self.down(x))

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.shape(self.up(z))

    def shape(self, y: Tensor) -> Tensor:
        return y * torch.sigmoid(y)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(self.shape(x))) + self.decode(self.encode(x))


@torch.jit.interface
class _Layer(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        pass


class Chosen(nn.Module):
    """A layer that is known only when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Block(), Block()])

    def forward(self, x: Tensor, k: int) -> Tensor:
        layer: _Layer = self.layers[k]
        return layer.forward(torch.sin(x)) + self.layers[0](x)


@torch.jit.script
def squash(x: Tensor, by: float) -> Tensor:
    """Called by a module, and itself a script."""
    if by > 1.0:
        x = x * by
    return torch.tanh(x)


class Functions(nn.Module):
    """Calls scripted functions, one of them twice, and one inside a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = squash(self.lin(x), 2.0)
        for _ in range(2):
            x = squash(x, 0.5) + F.softplus(x)
        return x


# -- state ---------------------------------------------------------------------------------
class Late(nn.Module):
    """Two convolutions behind a delay of two frames, which is the state."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.one = nn.Conv1d(1, channels, 3, padding=1)
        self.two = nn.Conv1d(channels, 1, 1)
        self.register_buffer("past", torch.zeros(64, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        y = torch.cat([self.past[:n], x], -1)
        self.past[:n].copy_(y[..., -2:])
        return self.two(torch.tanh(self.one(y[..., : x.shape[-1]])))


class Streams(nn.Module):
    """A cache written in place, one replaced, a count, a list, a dict, a number."""

    history: list[float]
    pieces: list[Tensor]
    table: dict[str, Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3)
        self.late = nn.Conv1d(2, 2, 2)
        self.register_buffer("cache", torch.zeros(4, 2, 2))
        self.register_buffer("tail", torch.zeros(1, 2, 1))
        self.blocks = 0
        self.level = 0.5
        self.history = []
        self.pieces = [torch.zeros(1)]
        self.table = {"a": torch.ones(1)}

    def forward(self, x: Tensor) -> Tensor:
        n = x.size(0)
        padded = torch.cat([self.cache[:n], x], -1)
        self.cache[:n].copy_(padded[..., -2:])
        y = torch.relu(self.conv(padded))
        if self.tail.size(0) != n:
            self.tail = torch.zeros(n, 2, 1)
        joined = torch.cat([self.tail, y], -1)
        self.tail = joined[..., -1:]
        y = self.late(joined)
        self.blocks += 1
        self.level = self.level * 0.5 + float(y.abs().mean()) * 0.5
        self.history.append(self.level)
        self.pieces.append(y[0, 0, :2])
        self.pieces = self.pieces[-2:]
        self.table["a"] = self.table["a"] * 0.5 + y.mean()
        return y * self.level + self.table["a"] + self.pieces[0].sum() + float(self.blocks)


class InPlace(nn.Module):
    """Operations in place, on values and through views."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.act = nn.ReLU(inplace=True)
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.lin(x))
        y.mul_(1.5)
        y += x
        view = y.view(-1)
        view[0] = 3.0
        part = y[..., 1:3]
        part.add_(1.0)
        y[..., 0].zero_()
        seen = self.seen[:2]
        seen.add_(y.sum())
        self.seen[2:].copy_(seen)
        self.seen[3] = y.max()
        z = y.clone().transpose(0, -1)
        torch.relu_(z)
        return z + self.seen.sum()


# -- values of other kinds -----------------------------------------------------------------
class Numbers(nn.Module):
    """Whole numbers and booleans."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 3)
        self.register_buffer("counts", torch.zeros(7, dtype=torch.int64))

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.counts += torch.bincount(codes.flatten(), minlength=7)
        y = self.table(codes)
        on = (y > 0) & (y < 1)
        y = torch.where(on, y, -y).masked_fill(on.logical_not(), 0.25)
        return y, y.argmax(-1) * 2 + codes, on


class Spectra(nn.Module):
    """Complex values inside."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.rand(5))

    def forward(self, x: Tensor) -> Tensor:
        bins = torch.fft.rfft(x) * self.gain
        return torch.fft.irfft(bins * torch.exp(1j * bins.real))


class Random(nn.Module):
    """Draws noise, and drops while it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.lin(x + torch.randn_like(x) * 0.1))
        return self.norm(x) + torch.rand(3)


class Wordy(nn.Module):
    """No tensor at all, and checks that raise."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def forward(self, text: str, times: int = 2) -> tuple[str, int]:
        assert times < 9, "too often"
        self.count += times
        return text + str(times), self.count


class Odd(nn.Module):
    """Forked calls, a scripted class, an early end, a slice that is deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        future = torch.jit.fork(self.lin, x)
        y = torch.tanh(x)
        box = Box(y)
        y = box.turn(0.5)
        if x.size(0) > 3:
            return y
        return torch.jit.wait(future) + y


@torch.jit.script
class Box:
    def __init__(self, x: Tensor) -> None:
        self.x = x

    def turn(self, by: float) -> Tensor:
        return torch.cos(self.x * by)


class Plays(nn.Module):
    """What nn~ plays: two methods, labels, a setting; a state."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, 3, 1), nn.Tanh(), nn.Conv1d(3, 1, 1))
        self.register_buffer("last", torch.zeros(64, 1, 1))
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.forward_input_labels = ["(signal) in"]
        self.forward_output_labels = ["(signal) out"]
        self.register_buffer("shaped_params", torch.tensor([1, 1, 2, 1]))
        self.shaped_input_labels = ["(signal) in"]
        self.shaped_output_labels = ["(signal) left", "(signal) right"]
        self.register_buffer("mix_params", torch.tensor([2]))
        self.mix = 0.5

    def forward(self, x: Tensor) -> Tensor:
        n = x.size(0)
        late = torch.cat([self.last[:n], x[..., :-1]], -1)
        self.last[:n].copy_(x[..., -1:])
        return self.body(x) * self.mix + late

    @torch.jit.export
    def shaped(self, x: Tensor) -> Tensor:
        return torch.cat([self.body(x), torch.sin(x)], 1)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "shaped"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["mix"]

    @torch.jit.export
    def get_mix(self) -> list[float]:
        return [self.mix]

    @torch.jit.export
    def set_mix(self, mix: float) -> int:
        self.mix = mix
        return 0


# -- what to call them with ----------------------------------------------------------------
@dataclass(frozen=True)
class Form:
    """A net, what it is called with, and in which kinds of TorchScript it can be.

    Attributes:
        net: makes it.
        inputs: of several calls; each the arguments in order.
        kinds: ``"scripted"``, ``"traced"``, ``"frozen"``.
    """

    net: Callable[[], nn.Module]
    inputs: Callable[[], list[tuple[Any, ...]]]
    kinds: tuple[str, ...] = ("scripted", "frozen")


ALL = ("scripted", "traced", "frozen")


def _shapes(*shapes: tuple[int, ...]) -> Callable[[], list[tuple[Any, ...]]]:
    return lambda: [(noise(*shape, seed=k),) for k, shape in enumerate(shapes)]


def _lists() -> list[tuple[Any, ...]]:
    return [([noise(2, 3, seed=k), noise(2, 3, seed=k + 9)],) for k in range(2)]


def _dicts() -> list[tuple[Any, ...]]:
    given = {"a": noise(2, 3), "b": noise(1, 3, seed=1)}
    return [(given,), (given, 0.5), (given, 2.0, ["b"])]


def _ifs() -> list[tuple[Any, ...]]:
    x = noise(2, 3)
    return [(x,), (-x,), (x, noise(2, 3, seed=2)), (-x - 3.0, None)]


def _codes() -> list[tuple[Any, ...]]:
    return [(torch.arange(6).reshape(2, 3),), (torch.tensor([[6, 0, 1, 1]]),)]


FORMS: dict[str, Form] = {
    "convs": Form(Convs, _shapes((2, 2, 8), (1, 2, 5)), ALL),
    "linears": Form(Linears, _shapes((2, 5), (3, 2, 5)), ("scripted", "traced", "frozen")),
    "gru": Form(Gru, _shapes((1, 6, 3), (1, 2, 3)), ("scripted", "frozen")),
    "lstm": Form(Lstm, _shapes((6, 2, 3), (3, 1, 3)), ("scripted", "frozen")),
    "loops": Form(Loops, _shapes((2, 3), (1, 3), (4, 3))),
    "lists": Form(Lists, _lists),
    "ifs": Form(Ifs, _ifs),
    "dicts": Form(Dicts, _dicts),
    "splits": Form(Splits, _shapes((3, 4), (2, 4))),
    "instances": Form(Instances, _shapes((1, 2, 4), (2, 2, 3)), ALL),
    "tied": Form(Tied, _shapes((2, 3), (1, 3)), ALL),
    "calls": Form(Calls, _shapes((1, 1, 8), (2, 1, 4)), ALL),
    "chosen": Form(Chosen, lambda: [(noise(1, 2, 4), 0), (noise(1, 2, 4), 1)], ("scripted",)),
    "functions": Form(Functions, _shapes((2, 3), (1, 3)), ALL),
    "streams": Form(Streams, _shapes((1, 2, 6), (1, 2, 6), (2, 2, 4), (1, 2, 5)), ("scripted",)),
    "in place": Form(InPlace, _shapes((2, 4), (2, 4), (3, 4)), ("scripted", "frozen")),
    "numbers": Form(Numbers, _codes, ("scripted", "traced", "frozen")),
    "spectra": Form(Spectra, _shapes((2, 8), (1, 8)), ALL),
    "random": Form(Random, _shapes((2, 3), (4, 3)), ("scripted", "frozen")),
    "wordy": Form(Wordy, lambda: [("ab",), ("c", 3)], ("scripted",)),
    "odd": Form(Odd, _shapes((2, 3), (5, 3)), ("scripted", "frozen")),
    "plays": Form(Plays, _shapes((1, 1, 8), (2, 1, 4)), ("scripted", "traced")),
}


def net_of(name: str) -> nn.Module:
    """The Python net of a form, seeded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sum(map(ord, name)))
        return FORMS[name].net().eval()


def calls_of(name: str) -> list[tuple[Any, ...]]:
    """Inputs of several calls."""
    return FORMS[name].inputs()


def make(name: str, kind: str) -> Script:
    """A net as TorchScript."""
    net = net_of(name)
    if kind == "scripted":
        return torch.jit.script(net)
    if kind == "traced":
        return traced(net, calls_of(name)[0])
    return frozen(net)


def traced(net: nn.Module, inputs: tuple[Any, ...]) -> Script:
    with torch.no_grad():
        return torch.jit.trace(net, inputs, check_trace=False)


def frozen(net: nn.Module) -> Script:
    return torch.jit.freeze(torch.jit.script(net))


def reopened(module: Script) -> Script:
    """A copy as a file gives it."""
    return torch.jit.load(io.BytesIO(module.save_to_buffer()))


def contents(module: Script) -> dict[str, Any]:
    """All that a module holds: parameters, buffers, values, by path."""
    found: dict[str, Any] = {}

    def walk(part: Any, path: str) -> None:
        kind = torch._C.ConcreteModuleType.from_jit_type(part._type())
        for name in kind.get_attributes():
            value = part.getattr(name)
            found[f"{path}{name}"] = value.clone() if isinstance(value, Tensor) else value
        for name, child in torch._C.ModuleDict(part).items():
            if not name.startswith("_bend"):
                walk(child, f"{path}{name}.")

    walk(module._c, "")
    return {name: _kept(value) for name, value in found.items()}


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        return [v.clone() if isinstance(v, Tensor) else v for v in value]
    if isinstance(value, dict):
        return {k: v.clone() if isinstance(v, Tensor) else v for k, v in value.items()}
    return value


def same(got: dict[str, Any], want: dict[str, Any]) -> None:
    """Assert that two modules hold the same, bit for bit."""
    assert got.keys() == want.keys()
    for name, value in want.items():
        assert equal(got[name], value), name
