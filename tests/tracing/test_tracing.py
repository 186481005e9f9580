"""What traces: control flow on values, shapes, in-place operations, leaves of every kind."""

from __future__ import annotations

import copy
import logging
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from support import ConvNet, LazyStreamingConv, Reference, Untouched, equal, noise, seeded
from torch import Tensor, nn

import torchbend as tb


def identity(x: Tensor) -> Tensor:
    return x


def through_the_graph(bended: tb.BendedModule, fn: str = "forward") -> None:
    """Make a method run as its traced graph: the same value goes on behind every place."""
    assert bended._trace_of(fn).kind == "graph", bended._trace_of(fn).reason
    names = [n for n in bended.bendable_keys(f"{fn}:.*") if n in bended.activations(fn)]
    assert names
    bended.bend(tb.Lambda(identity), f"{fn}:.*", bend_param=False)


def assert_graph_is_module(
    module: nn.Module, *inputs: Any, others: list[tuple[Any, ...]] | None = None
) -> tb.BendedModule:
    """Trace on ``inputs``, then compare graph and module on these and other inputs."""
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace("forward", *inputs)
    through_the_graph(bended)
    twin = copy.deepcopy(module)
    for given in [inputs, *(others or [])]:
        torch.manual_seed(3)
        want = twin(*copy.deepcopy(given))
        torch.manual_seed(3)
        got = bended(*copy.deepcopy(given))
        assert equal(got, want)
    untouched.check()
    return bended


# -- shapes and values -----------------------------------------------------------------
class LoopsOverShape(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros_like(x[:, 0])
        for i in range(x.shape[1]):
            out = out + x[:, i] * self.weight[i]
        for row in self.weight:
            out = out * row
        return out


def test_a_loop_over_a_shape() -> None:
    others = [(noise(5, 3, 2, seed=1),), (noise(1, 3, 9, seed=2),)]
    bended = assert_graph_is_module(LoopsOverShape(), noise(2, 3, 7), others=others)
    steps = bended.graph().flow_steps
    assert [s.value for s in steps if s.kind == "loop"] == [3]
    assert [s.value for s in steps if s.kind == "number"] == [3]
    assert all(s.where.split(":")[0] == __file__ for s in steps)


@torch.no_grad()
def test_a_size_that_leads_another_way_is_refused_where_the_graph_runs() -> None:
    module = LoopsOverShape()
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 3, 7))
    two = noise(2, 2, 7)
    assert torch.equal(bended(two), module(two))  # unbent it is the method itself
    bended.bend(tb.Scale(0.5), "zeros_like")
    with pytest.raises(tb.BendingError, match=rf"(?s){__file__}:\d+"):
        bended(two)
    assert torch.equal(bended(noise(2, 3, 7)), module(noise(2, 3, 7)))
    bended.reset()
    assert torch.equal(bended(two), module(two))


class BranchesOnValues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.abs().max() > 1.0:
            x = x / x.abs().max()
        else:
            x = x * 2.0
        if float(x.mean()) > 100.0:
            x = x - 1.0
        return x


@pytest.mark.parametrize("loud", [True, False])
def test_an_if_on_a_value_is_followed_and_recorded(loud: bool) -> None:
    x = noise(2, 8) * (10.0 if loud else 0.01)
    bended = assert_graph_is_module(BranchesOnValues(), x)
    steps = bended.graph().flow_steps
    assert [s.value for s in steps if s.kind == "if"] == [loud]
    (asked,) = [s for s in steps if s.kind == "number"]
    assert asked.value == pytest.approx(float((x / x.abs().max() if loud else x * 2).mean()))
    # the decision is the traced run's: the other kind of input takes the same way
    other = noise(2, 8, seed=4) * (0.01 if loud else 10.0)
    want = other / other.abs().max() if loud else other * 2.0
    assert torch.equal(bended(other), want)


class ReshapesByShape(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        b, c, t = x.shape
        y = x.reshape(b, c // 2, 2 * t).permute(0, 2, 1)
        return y.reshape(y.size(0), -1).unflatten(1, (t, c)) + x.transpose(1, 2)[:, : x.size(-1)]


def test_shapes_stay_symbols_where_nobody_asks() -> None:
    others = [(noise(3, 4, 6, seed=1),), (noise(2, 8, 5, seed=2),)]
    bended = assert_graph_is_module(ReshapesByShape(), noise(1, 4, 10), others=others)
    assert bended.graph().flow_steps == ()


class AsksWhatItIs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if isinstance(x, Tensor) and x.dtype == torch.float32 and x.ndim == 3 and x.dim() == 3:
            assert not x.is_cuda
            return x.to(x.device) * len(x)
        return x


def test_facts_of_a_tensor_are_answered() -> None:
    assert_graph_is_module(AsksWhatItIs(), noise(2, 3, 4))


# -- in-place operations -----------------------------------------------------------------
class WritesInPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.lin = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        x += 1.0
        x *= 1.5
        x[..., 0] = 3.0
        x[..., 1] = x[..., 2] * 2
        x[..., 1:3] += x[..., 2:4]
        x[:, :1] -= 0.25
        y = self.lin(x)
        z = self.relu(y)
        z.relu_().clamp_(max=2.0)
        z[z > 1.5] = 0.1
        z[torch.tensor([0, 1])] = z[torch.tensor([1, 0])] * 3
        return y + x.mul_(0.5)


def test_in_place_operations() -> None:
    others = [(noise(3, 5, 4, seed=1),), (noise(9, 1, 4, seed=2),)]
    assert_graph_is_module(seeded(WritesInPlace), noise(2, 3, 4), others=others)


class WritesIntoItsInput(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2.0)
        return x + 1.0


def test_a_method_that_writes_into_its_input_does_so_bent_too() -> None:
    module, x = WritesIntoItsInput(), noise(2, 3)
    bended = tb.BendedModule(module)
    given = x.clone()
    bended.trace(x=given)
    assert torch.equal(given, x), "tracing wrote into the caller's tensor"
    bended.bend(tb.Scale(10.0), "add")
    assert torch.equal(bended(given), (x * 2 + 1) * 10)
    assert torch.equal(given, x * 2)


class SeesAView(nn.Module):
    """``y`` is a view of ``x``, which is written afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        x = x * 1.0
        y = x[..., :2]
        x += 1.0
        return x.sum(-1, keepdim=True) + y


def test_a_write_is_seen_through_a_view() -> None:
    assert_graph_is_module(SeesAView(), noise(2, 4))


# -- factories -----------------------------------------------------------------------
class MakesTensors(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros(x.shape[0], x.shape[-1])
        out = out + torch.arange(x.shape[-1]) * torch.ones_like(x[:, 0])
        out = out + torch.full((x.shape[-1],), 0.5) + torch.linspace(0, 1, x.size(-1))
        out = out + x.new_ones(x.shape[0], 1) + torch.tensor(2.0) + torch.tensor([1.0]).to(x)
        scratch = torch.empty(x.shape[0], 1)
        scratch[:] = 4.0
        return out * scratch + x.sum(1) + torch.hann_window(4).sum()


def test_tensors_made_on_the_way_follow_the_shapes() -> None:
    others = [(noise(4, 3, 5, seed=1),), (noise(1, 3, 17, seed=2),)]
    assert_graph_is_module(MakesTensors(), noise(2, 3, 8), others=others)


class MakesNoise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x + torch.randn_like(x) * 0.1 + torch.rand(x.shape[0], 1, x.shape[-1])
        x = x + torch.randn(x.shape) + torch.randint(0, 3, (x.shape[-1],))
        return nn.functional.dropout(x, 0.5, training=True) + torch.bernoulli(torch.sigmoid(x))


def test_noise_is_drawn_anew_from_the_global_generator() -> None:
    others = [(noise(4, 2, 3, seed=1),)]
    bended = assert_graph_is_module(MakesNoise(), noise(2, 2, 5), others=others)
    x = noise(2, 2, 5)
    assert not torch.equal(bended(x), bended(x))


# -- what models hold ------------------------------------------------------------------
class HoldsTensors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plain = torch.linspace(1, 2, 4)
        self.register_buffer("window", torch.hann_window(4))
        self.register_buffer("hidden", torch.ones(4) * 3, persistent=False)
        self.table = [torch.ones(4), torch.full((4,), 0.5)]
        self.array = np.arange(4, dtype=np.float32)

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.plain + self.window * self.hidden
        for row in self.table:
            x = x * row
        return x + torch.from_numpy(self.array) + torch.tensor(self.array)


def test_tensors_held_as_attributes_buffers_and_lists() -> None:
    others = [(noise(5, 4, seed=1),)]
    bended = assert_graph_is_module(HoldsTensors(), noise(2, 4), others=others)
    assert bended.weight_names == []


class CountsInAPlainTensor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Tanh()
        self.count = torch.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        self.count.add_(1.0)
        return self.act(x) * self.count


@pytest.mark.parametrize("bent", [False, True])
def test_a_plain_tensor_that_is_written_is_not_the_modules_own(bent: bool) -> None:
    module = CountsInAPlainTensor()
    bended = tb.BendedModule(module)
    x = noise(2, 3)
    bended.trace(x=x)
    if bent:
        bended.bend(tb.Scale(0.5), "act$")
    for count in (1.0, 2.0, 3.0):
        assert torch.equal(bended(x), torch.tanh(x) * (0.5 if bent else 1.0) * count)
        assert torch.equal(module.count, torch.zeros(1))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 3)
        self.two = nn.Linear(3, 3)
        self.two.weight = self.one.weight
        self.again = self.one

    def forward(self, x: Tensor) -> Tensor:
        return self.again(torch.tanh(self.two(self.one(x)))) + x @ self.two.weight


def test_tied_weights_are_one_weight() -> None:
    module = seeded(Tied)
    others = [(noise(7, 3, seed=1),)]
    bended = assert_graph_is_module(module, noise(2, 3), others=others)
    assert bended.weight_names == ["one.weight", "one.bias", "two.bias"]
    bended.reset()
    bended.bend(tb.Scale(0.5), "one.weight")
    x, half = noise(2, 3), module.one.weight * 0.5
    hidden = nn.functional.linear(x, half, module.one.bias)
    hidden = torch.tanh(nn.functional.linear(hidden, half, module.two.bias))
    want = nn.functional.linear(hidden, half, module.one.bias) + x @ half
    assert torch.equal(bended(x), want)
    bent = bended.bended_state_dict()
    assert bent.keys() == module.state_dict().keys()
    for name in ("one.weight", "two.weight", "again.weight"):
        assert torch.equal(bent[name], half), name


def test_buffers_made_at_the_first_call() -> None:
    module = seeded(LazyStreamingConv)
    untouched = Untouched(module)
    x = noise(2, 2, 6)
    bended = tb.BendedModule(module)
    bended.trace(x=x)
    through_the_graph(bended)
    twin = copy.deepcopy(module)
    for seed, (batch, frames) in enumerate([(2, 6), (2, 6), (1, 9), (3, 4)]):
        block = noise(batch, 2, frames, seed=seed)
        assert torch.equal(bended(block), twin(block))
        assert torch.equal(bended.cache, twin.cache)
    untouched.check()


def test_buffers_made_at_the_first_call_of_a_bent_weight_without_a_trace() -> None:
    module = seeded(LazyStreamingConv)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(2.0), "conv.weight")
    twin = copy.deepcopy(module)
    twin.conv.weight.data *= 2.0
    for seed in range(3):
        block = noise(2, 2, 6, seed=seed)
        assert torch.equal(bended(block), twin(block))
        assert torch.equal(bended.cache, twin.cache)
    untouched.check()


# -- recurrent layers ------------------------------------------------------------------
class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.rnn = kind(3, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, state = self.rnn(x)
        if isinstance(state, tuple):
            state = state[0] + state[1]
        return self.out(y) + state.sum()


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_recurrent_layers(kind: type[nn.Module]) -> None:
    module = seeded(Recurrent, kind)
    others = [(noise(4, 2, 3, seed=1),), (noise(1, 9, 3, seed=2),)]
    bended = assert_graph_is_module(module, noise(2, 6, 3), others=others)
    assert "rnn" in [n.name for n in bended.graph().nodes]
    bended.reset()
    bended.bend(tb.Scale(0.5), r"rnn\.weight_hh.*")
    twin = copy.deepcopy(module)
    for name, p in twin.rnn.named_parameters():
        if name.startswith("weight_hh"):
            p.data = p.data * 0.5
    x = noise(2, 6, 3)
    with torch.no_grad():
        assert torch.equal(bended(x), twin(x))


class KeepsItsHiddenState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(2, 4, batch_first=True)
        self.register_buffer("hidden", torch.zeros(1, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        y, hidden = self.cell(x, self.hidden[:, : x.shape[0]])
        self.hidden[:, : x.shape[0]].copy_(hidden)
        return y


def test_a_recurrent_state_in_a_buffer_advances() -> None:
    module = seeded(KeepsItsHiddenState)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    with torch.no_grad():
        bended.trace(x=noise(2, 5, 2))
        through_the_graph(bended)
        twin = copy.deepcopy(module)
        for seed, shape in enumerate([(2, 5, 2), (2, 5, 2), (3, 1, 2), (1, 8, 2)]):
            block = noise(*shape, seed=seed)
            assert torch.equal(bended(block), twin(block))
            assert torch.equal(bended.hidden, twin.hidden)
    untouched.check()


# -- distributions ---------------------------------------------------------------------
class Samples(nn.Module):
    def __init__(self, family: str, returned: bool = False) -> None:
        super().__init__()
        self.family = family
        self.returned = returned
        self.lin = nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Any:
        a, b = self.lin(x).chunk(2, -1)
        dist: torch.distributions.Distribution
        if self.family == "normal":
            dist = torch.distributions.Normal(a, nn.functional.softplus(b) + 0.1)
        elif self.family == "uniform":
            dist = torch.distributions.Uniform(a, a + b.exp())
        elif self.family == "bernoulli":
            dist = torch.distributions.Bernoulli(torch.sigmoid(a))
        else:
            dist = torch.distributions.Categorical(logits=a)
        if self.returned:
            return dist
        y = dist.sample()
        return y + dist.log_prob(y)


@pytest.mark.parametrize("family", ["normal", "uniform", "bernoulli", "categorical"])
def test_distributions_inside_a_method(family: str) -> None:
    module = seeded(Samples, family)
    others = [(noise(5, 4, seed=1),), (noise(2, 7, 4, seed=2),)]
    bended = assert_graph_is_module(module, noise(3, 4), others=others[:1])
    assert not torch.equal(bended(noise(3, 4)), bended(noise(3, 4)))
    bended.reset()
    bended.bend(tb.Scale(0.5), "lin$")
    x = noise(3, 4, seed=8)
    torch.manual_seed(1)
    got = bended(x)
    twin = copy.deepcopy(module)
    twin.lin.weight.data *= 0.5
    twin.lin.bias.data *= 0.5
    torch.manual_seed(1)
    assert torch.allclose(got, twin(x), atol=1e-6)


@pytest.mark.parametrize("family", ["normal", "uniform", "bernoulli", "categorical"])
def test_a_returned_distribution(family: str) -> None:
    module = seeded(Samples, family, returned=True)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(3, 4))
    through_the_graph(bended)
    for x in (noise(3, 4), noise(6, 4, seed=1)):
        want, got = module(x), tb.distributions.convert_to_torch(bended(x))
        assert type(got) is type(want)
        for name in want.arg_constraints:
            assert torch.equal(getattr(got, name), getattr(want, name)), name


# -- signatures and outputs ------------------------------------------------------------
class TakesWords(nn.Module):
    def forward(
        self, x: Tensor, gain: float = 2.0, *more: Tensor, offset: Tensor | None = None, mode="a"
    ) -> Tensor:
        for other in more:
            x = x + other
        if offset is not None:
            x = x + offset
        return x * gain if mode == "a" else x - gain


def test_defaults_keywords_and_starred_arguments() -> None:
    module, x, y = TakesWords(), noise(2, 3), noise(2, 3, seed=1)

    def bent(*args: Any, **kwargs: Any) -> tuple[tb.BendedModule, Tensor]:
        bended = tb.BendedModule(module)
        bended.trace("forward", *args, **kwargs)
        through_the_graph(bended)
        return bended, bended(*args, **kwargs)

    bended, got = bent(x)
    assert torch.equal(got, x * 2.0)
    assert torch.equal(bended(y, 2.0), y * 2.0)
    bended, got = bent(x, offset=y, gain=3.0)
    assert torch.equal(got, (x + y) * 3.0)
    assert torch.equal(bended(y, offset=x, gain=3.0), (x + y) * 3.0)
    bended, got = bent(x, 0.5, mode="b")
    assert torch.equal(got, x - 0.5)
    with pytest.raises(tb.BendingError, match="mode"):
        bended(x, 0.5)
    bended, got = bent(x, 1.5, y, y)
    assert torch.equal(got, (x + y + y) * 1.5)


def test_inputs_can_be_given_as_inputs() -> None:
    module, x, y = TakesWords(), noise(2, 3), noise(2, 3, seed=1)
    bended = tb.BendedModule(module)
    given = tb.Inputs(x, offset=y)
    bended.trace("forward", *given, **given)
    through_the_graph(bended)
    assert torch.equal(bended(*given, **given), (x + y) * 2.0)


Pair = namedtuple("Pair", "left right")


class GivesSeveral(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor, d: dict[str, Tensor], pair: tuple[Tensor, Tensor]) -> Any:
        a, b = x * 2, d["k"] + pair[1]
        if self.kind == "tuple":
            return a, b, 3
        if self.kind == "list":
            return [a, (b, None)]
        if self.kind == "dict":
            return {"a": a, "b": {"c": b}}
        return Pair(a, right=b)


@pytest.mark.parametrize("kind", ["tuple", "list", "dict", "namedtuple"])
def test_outputs_and_inputs_of_several_values(kind: str) -> None:
    inputs = (noise(2, 3), {"k": noise(2, 3, seed=1)}, (noise(1), noise(2, 3, seed=2)))
    bended = assert_graph_is_module(GivesSeveral(kind), *inputs)
    bended.reset()
    bended.bend(tb.Scale(10.0), "mul$")
    got = bended(*inputs)
    first = got["a"] if kind == "dict" else got[0]
    second = got["b"]["c"] if kind == "dict" else got[1][0] if kind == "list" else got[1]
    assert torch.equal(first, inputs[0] * 2 * 10.0)
    assert torch.equal(second, inputs[1]["k"] + inputs[2][1])
    if kind == "namedtuple":
        assert isinstance(got, Pair)


class CallsItself(nn.Module):
    """A method that is no ``forward``, calls another, and functions outside of the class."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)

    def half(self, x: Tensor) -> Tensor:
        return self.lin(x) / 2

    def whole(self, x: Tensor) -> Tensor:
        return helper(self.half(x)) + self.half(x)


def helper(x: Tensor) -> Tensor:
    return torch.stack([x, x]).sum(0)


def test_a_method_by_another_name() -> None:
    module = seeded(CallsItself)
    bended = tb.BendedModule(module)
    bended.trace("whole", noise(2, 3))
    through_the_graph(bended, "whole")
    x = noise(4, 3, seed=1)
    with torch.no_grad():
        assert torch.equal(bended.whole(x), module.whole(x))
    assert bended.is_traced("whole") and not bended.is_traced("half") and not bended.is_traced()
    assert bended.traced_methods == ["whole"]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.norm = nn.BatchNorm1d(8)
        self.up = nn.ConvTranspose1d(8, 4, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x).transpose(1, 2)
        x = nn.functional.interpolate(self.norm(x), scale_factor=2.0)
        spectrum = torch.fft.rfft(self.up(x))
        return torch.einsum("bct,bdt->bcd", spectrum.abs(), spectrum.angle())


def test_attention_norms_and_spectra() -> None:
    with torch.no_grad():
        assert_graph_is_module(seeded(Attention), noise(2, 6, 8), others=[(noise(1, 9, 8),)])


# -- what a trace gives and leaves -----------------------------------------------------
def test_a_trace_gives_graph_and_outputs() -> None:
    module, x = seeded(ConvNet), noise(2, 4, 8)
    bended = tb.BendedModule(module)
    with torch.no_grad():
        graph, out = bended.trace(x=x, _return_out=True)
        assert torch.equal(out, module(x))
    assert graph is bended.graph()
    assert bended.trace(x) is bended.graph()
    assert not bended.is_traced("encode")


@torch.no_grad()
def test_a_trace_is_of_the_unbent_model() -> None:
    """Its decisions and values are the module's own, whatever is bent meanwhile."""

    class Decides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            y = x * self.w
            return torch.sin(y) if self.w.sum() > 0 else torch.cos(y)

    module, x = Decides(), noise(2, 3)
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(-1.0), "w")
    assert torch.equal(bended(x), torch.cos(-x))
    graph, out = bended.trace(x=x, _return_out=True)
    assert torch.equal(out, torch.sin(x))
    assert "sin" in bended.activation_names() and "cos" not in bended.activation_names()
    assert [(s.kind, s.value) for s in graph.flow_steps] == [("if", True)]
    bended.bend(tb.Scale(2.0), "sin")
    assert torch.equal(bended(x), torch.sin(-x) * 2.0)


class NoisyState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return self.drop(self.norm(x)) + torch.randn_like(x)


@pytest.mark.parametrize("training", [False, True])
def test_tracing_leaves_module_state_and_random_numbers_untouched(training: bool) -> None:
    module = seeded(NoisyState).train(training)
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.norm.running_mean.fill_(0.25)
    bended.count.fill_(7)
    state = {n: b.clone() for n, b in bended.named_buffers()}
    np.random.seed(4)
    torch.manual_seed(4)
    before, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()
    x = noise(4, 3, 5)
    kept = x.clone()
    bended.trace(x=x)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numbers).all()
    assert torch.equal(x, kept)
    for name, buffer in bended.named_buffers():
        assert torch.equal(buffer, state[name]), name
    untouched.check()
    assert torch.nn.Module.__getattr__.__module__ == "torch.nn.modules.module"
    assert nn.Module.__call__ is nn.Module._wrapped_call_impl
    assert torch.zeros.__module__ is None or torch.zeros is torch._C._VariableFunctions.zeros


@pytest.mark.parametrize("training", [False, True])
def test_dropout_and_batch_norm_run_in_the_graph_as_in_the_module(training: bool) -> None:
    module = seeded(NoisyState).train(training)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(4, 3, 5))
    through_the_graph(bended)
    twin = copy.deepcopy(module)
    for seed in range(3):
        x = noise(4, 3, 5, seed=seed)
        torch.manual_seed(seed)
        want = twin(x)
        torch.manual_seed(seed)
        assert torch.equal(bended(x), want)
        for name, buffer in twin.named_buffers():
            assert torch.equal(dict(bended.named_buffers())[name], buffer), name


class Fails(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("on purpose")


def test_a_method_that_fails_leaves_torch_as_it_was() -> None:
    bended = tb.BendedModule(Fails())
    factory, call = torch.zeros, nn.Module.__call__
    with pytest.raises(tb.TracingError, match=r"forward fails on these inputs.*on purpose"):
        bended.trace(x=noise(2))
    assert torch.zeros is factory and nn.Module.__call__ is call
    assert not bended.is_traced()


def test_graph_module_computes_what_the_module_does() -> None:
    module, x = seeded(ConvNet), noise(2, 4, 8)
    bended = tb.BendedModule(module)
    bended.trace(x=x)
    bended.bend(tb.Scale(0.5), "tanh")
    bended.bend(tb.Scale(2.0), "gain")
    gm = bended.graph_module()
    with torch.no_grad():
        twin = copy.deepcopy(module)
        twin.gain.data *= 2.0
        want = Reference(bended, {"tanh": lambda v: v * 0.5}, state=twin)(x)
        assert torch.equal(gm(x), want)
        assert torch.equal(bended(x), want)


def test_scripted_submodules_are_leaves() -> None:
    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scripted = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.Tanh()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scripted(x) * 2

    module = seeded(Holds)
    with torch.no_grad():
        bended = assert_graph_is_module(module, noise(2, 3), others=[(noise(5, 3),)])
        assert bended.activation_names() == ["scripted", "mul"]
        bended.reset()
        bended.bend(tb.Scale(0.5), "scripted.0.weight")
        x = noise(2, 3)
        first = dict(module.named_parameters())
        want = torch.tanh(x @ (first["scripted.0.weight"] * 0.5).T + first["scripted.0.bias"]) * 2
        assert torch.allclose(bended(x), want, atol=1e-6)
        assert not torch.allclose(bended(x), module(x), atol=1e-3)


def test_nothing_is_logged_where_a_graph_is_found(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="torchbend"):
        tb.BendedModule(seeded(ConvNet)).trace(x=noise(1, 4, 8))
    assert caplog.records == []


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_what_a_scripted_leaf_may_write_is_state() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            if bool(x.sum() > 100):  # not in the traced run
                self.count += 1
            return x + self.count

    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.jit.script(Counter())
            self.register_buffer("table", torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * self.table

    bended = tb.BendedModule(Holder())
    bended.trace("forward", torch.zeros(2))
    assert bended._trace_of("forward").written_buffers == {"inner.count"}
