"""Tiny seeded models, and references that are computed without the engine.

A reference is plain torch: a copy of the model with other weights in it, or an
``fx.Interpreter`` that changes the values of named nodes as it walks the traced graph.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

import torchbend as tb

Change = Callable[[Tensor], Tensor]

JOSEPH_NAMES = "unsqueeze f0 f_mult mul mul_1 mul_2 sin amps softmax mul_3 sum_1".split()


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Gaussian noise of its own generator."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def seeded(make: Callable[..., nn.Module], *args: Any, seed: int = 0, **kwargs: Any) -> nn.Module:
    """Make a module with weights that depend on the seed alone, ready to play."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make(*args, **kwargs).eval()


# -- models ----------------------------------------------------------------------------
class Joseph(nn.Module):
    """The quickstart's additive synthesizer."""

    def __init__(self, f0: int = 110, n_partials: int = 4) -> None:
        super().__init__()
        self.f0 = nn.Parameter(torch.full((1, 1, 1), f0), requires_grad=False)
        partials = torch.arange(1, n_partials + 1).unsqueeze(-1)
        self.f_mult = nn.Parameter(partials, requires_grad=False)
        self.amps = nn.Parameter(torch.ones(1, n_partials, 1), requires_grad=False)

    def forward(self, t: Tensor) -> Tensor:
        t = t.unsqueeze(-2)
        freqs = self.f0 * self.f_mult
        waves = torch.sin(2 * torch.pi * freqs * t)
        waves = waves * torch.nn.functional.softmax(self.amps, dim=-2)
        out = waves.sum(-2)
        return out


def synthesize(t: Tensor, f0: Tensor, f_mult: Tensor, amps: Tensor) -> Tensor:
    """What ``Joseph`` computes, from weights that are given."""
    waves = torch.sin(2 * torch.pi * (f0 * f_mult) * t.unsqueeze(-2))
    return (waves * torch.softmax(amps, -2)).sum(-2)


class ConvNet(nn.Module):
    """Three convolutions with a residual sum: leaves, functions and methods."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(channels, channels, 3, padding=1) for _ in range(3))
        self.act = nn.LeakyReLU(0.2)
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, channels).unsqueeze(-1))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = self.act(conv(x)) + x
        return torch.tanh(x * self.gain).mean(1, keepdim=True)


class Codec(nn.Module):
    """Two methods beside ``forward``, with weights of their own."""

    def __init__(self, channels: int = 3, latents: int = 2) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(1, channels, 3, padding=1), nn.Tanh())
        self.bottleneck = nn.Conv1d(channels, latents, 1)
        self.decoder = nn.Sequential(
            nn.Conv1d(latents, channels, 3, padding=1), nn.ReLU(), nn.Conv1d(channels, 1, 1)
        )

    def encode(self, x: Tensor) -> Tensor:
        return self.bottleneck(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        return torch.tanh(self.decoder(z))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class StreamingConv(nn.Module):
    """A causal convolution that keeps the end of each block, written into its cache."""

    def __init__(self, channels: int = 2, taps: int = 3, most: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, taps)
        self.register_buffer("cache", torch.zeros(most, channels, taps - 1))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.cache[: x.shape[0]], x], -1)
        self.cache[: x.shape[0]].copy_(x[..., -self.cache.shape[-1] :])
        return self.conv(x)


class StreamingNet(nn.Module):
    """Streaming layers in a row, with a count of the blocks that came by."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.first = StreamingConv(channels)
        self.second = StreamingConv(channels)
        self.register_buffer("blocks", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.blocks += 1
        return torch.tanh(self.second(torch.relu(self.first(x)))) * 0.5


class LazyStreamingConv(nn.Module):
    """Makes its cache when it first runs, as long as that run's block asks for."""

    def __init__(self, channels: int = 2, taps: int = 3) -> None:
        super().__init__()
        self.taps = taps
        self.ready = 0
        self.conv = nn.Conv1d(channels, channels, taps)

    def prepare(self, x: Tensor) -> None:
        self.register_buffer("cache", torch.zeros(4, x.shape[1], self.taps - 1).to(x))
        self.ready += 1

    def forward(self, x: Tensor) -> Tensor:
        if not self.ready:
            self.prepare(x)
        x = torch.cat([self.cache[: x.shape[0]], x], -1)
        self.cache[: x.shape[0]].copy_(x[..., -self.cache.shape[-1] :])
        return self.conv(x)


def loudness(x: Tensor) -> float:
    """The sum of a tensor, out of its bytes: no symbol has bytes."""
    return float(np.frombuffer(x.detach().numpy().tobytes(), np.float32).sum())


class Opaque(nn.Module):
    """Turns as often as the bytes of its values say: ``torch.fx`` cannot follow that."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.first(x))
        turns = 0
        while loudness(x) > -2.0 and turns < 3:
            x = x - 0.5
            turns += 1
        return self.second(x)


# -- references ------------------------------------------------------------------------
class ChangingInterpreter(fx.Interpreter):
    """Walks a graph node by node, and changes the values of some."""

    def __init__(self, module: fx.GraphModule, changes: Mapping[str, Sequence[Change]]) -> None:
        super().__init__(module)
        self.changes = changes

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        for change in self.changes.get(n.name, ()):
            value = change(value)
        return value


class Reference:
    """A model of its own and the graph of another's trace, with changes at named nodes.

    Its state advances with each call, as that of the model would.
    """

    def __init__(
        self,
        bended: tb.BendedModule,
        changes: Mapping[str, Sequence[Change] | Change] | None = None,
        fn: str = "forward",
        state: nn.Module | None = None,
    ) -> None:
        source = state if state is not None else bended.module
        self.model = copy.deepcopy(source)
        trace = bended._trace_of(fn)
        for name, value in trace.constants.items():
            self.model.register_buffer(name, value.clone(), persistent=False)
        self.run = ChangingInterpreter(
            fx.GraphModule(self.model, bended.graph(fn)),
            {n: [c] if callable(c) else list(c) for n, c in (changes or {}).items()},
        )

    @torch.no_grad()
    def __call__(self, *inputs: Any) -> Any:
        return self.run.run(*inputs)

    def buffers(self) -> dict[str, Tensor]:
        return dict(self.model.named_buffers())


def with_weights(module: nn.Module, changes: Mapping[str, Change]) -> nn.Module:
    """A copy of a module in which named weights are replaced by what a formula makes of them."""
    twin = copy.deepcopy(module)
    for name, change in changes.items():
        path, _, last = name.rpartition(".")
        owner = twin.get_submodule(path)
        value = change(getattr(owner, last).detach().clone())
        setattr(owner, last, nn.Parameter(value, requires_grad=False))
    return twin


# -- comparisons -----------------------------------------------------------------------
def same_buffers(got: Any, want: Any, *, only: Sequence[str] | None = None) -> None:
    """Assert that two modules have the same buffers, bit for bit."""
    mine = {n: b for n, b in got.named_buffers() if not n.startswith("_constants_")}
    theirs = {n: b for n, b in want.named_buffers() if not n.startswith("_constants_")}
    assert mine.keys() == theirs.keys()
    for name in only or mine:
        assert torch.equal(mine[name], theirs[name]), name


def equal(got: Any, want: Any) -> bool:
    """Bit equality of tensors, and of lists, tuples and dicts of them."""
    if isinstance(want, Tensor):
        return isinstance(got, Tensor) and got.dtype == want.dtype and torch.equal(got, want)
    if isinstance(want, Mapping):
        return got.keys() == want.keys() and all(equal(got[k], want[k]) for k in want)
    if isinstance(want, (list, tuple)):
        return (
            type(got) is type(want)
            and len(got) == len(want)
            and all(equal(g, w) for g, w in zip(got, want, strict=True))
        )
    return bool(got == want)


class Untouched:
    """A module as it was: the same tensors, the same values, the same hooks, the same RNG."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.tensors = self._tensors()
        self.values = {name: t.detach().clone() for name, t in self.tensors.items()}
        self.attributes = self._attributes()
        self.flags = self._flags()

    def _tensors(self) -> dict[str, Tensor]:
        named = dict(self.module.named_parameters(remove_duplicate=False))
        return named | dict(self.module.named_buffers(remove_duplicate=False))

    def _flags(self) -> dict[str, Any]:
        named = dict(self.module.named_parameters(remove_duplicate=False))
        return {n: (p.requires_grad, p.grad is None, p._version) for n, p in named.items()}

    def _attributes(self) -> dict[str, dict[str, int]]:
        return {
            name: {key: id(value) for key, value in vars(m).items()}
            for name, m in self.module.named_modules()
        }

    def check(self) -> None:
        now = self._tensors()
        assert list(now) == list(self.tensors)
        for name, tensor in self.tensors.items():
            assert now[name] is tensor, f"{name} is another tensor"
            assert torch.equal(tensor, self.values[name]), f"{name} has other values"
        assert self._attributes() == self.attributes
        assert self._flags() == self.flags
        for module in self.module.modules():
            hooks = {k: v for k, v in vars(module).items() if k.endswith("_hooks")}
            assert not any(hooks.values()), hooks


def picture(bended: tb.BendedModule) -> dict[str, Any]:
    """Everything that a bent module has, to compare before and after."""
    methods = bended.traced_methods
    return {
        "config": bended.config,
        "configs": bended.configs,
        "version": bended.version,
        "versions": bended.versions,
        "patterns": [entry[1:] for entry in bended.bending_config()],
        "callbacks": [id(entry[0]) for entry in bended.bending_config()],
        "keys": bended.bended_keys(),
        "params": {n: [id(c) for c in cs] for n, cs in bended.bended_params.items()},
        "activations": {
            fn: {n: [id(c) for c in cs] for n, cs in bended.bended_activations(fn).items()}
            for fn in methods
        },
        "controls": {n: p.get_python_value() for n, p in bended.controllables.items()},
        "control objects": {n: id(p) for n, p in bended.controllables.items()},
        "methods": {fn: bended.activation_names(fn) for fn in methods},
        "state": _cloned(bended.state_dict(with_versions=True)),
        "bent": {
            str(v): _cloned(bended.bended_state_dict(v or "_default")) for v in bended.versions
        },
        "now": _cloned(bended.bended_state_dict()),
        "buffers": _cloned(dict(bended.named_buffers())),
        "module": _cloned(dict(bended.module.state_dict())),
    }


def same_picture(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Assert that two pictures are equal, saying where they are not."""
    assert before.keys() == after.keys()
    for key in before:
        assert equal(after[key], before[key]), key


def _cloned(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _cloned(value) if isinstance(value, Mapping) else value.detach().clone()
        for name, value in state.items()
    }
