"""Our distributions against ``torch.distributions``, to the last bit."""

from __future__ import annotations

import io
from collections import namedtuple

import pytest
import torch
from torch import Tensor, fx, nn

from torchbend import distributions as ours
from torchbend.errors import BendingError

DTYPES = [torch.float32, torch.float64]


def numbers(*shape, dtype=torch.float32, seed=0, positive=False):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return x.abs() + 0.1 if positive else x


def pairs(dtype):
    """Each family under several parameters: ours, and torch's."""
    d = torch.distributions
    loc, scale = numbers(3, 5, dtype=dtype), numbers(3, 5, dtype=dtype, seed=1, positive=True)
    wide = numbers(2, 40, 7, dtype=dtype), numbers(2, 40, 7, dtype=dtype, positive=True)
    halves = numbers(2, 8, 33, dtype=dtype).chunk(2, 1)
    turned = wide[0].transpose(1, 2), wide[1].transpose(1, 2)
    normals = [
        (loc, scale),
        (loc, scale[:1]),
        (loc[:, :1], scale),
        wide,
        turned,
        (halves[0], halves[1].abs() + 0.1),
        (loc[0, 0], scale[0, 0]),
    ]
    for a, b in normals:
        yield ours.Normal(a, b), d.Normal(a, b)
        yield ours.Uniform(a, a + b), d.Uniform(a, a + b)
    for logits in (loc, wide[0], turned[0], loc[0]):
        yield ours.Bernoulli(logits=logits), d.Bernoulli(logits=logits)
        yield ours.Categorical(logits=logits), d.Categorical(logits=logits)
        probs = torch.sigmoid(logits)
        yield ours.Bernoulli(probs=probs), d.Bernoulli(probs=probs)
        yield ours.Categorical(probs=probs), d.Categorical(probs=probs)
    half = torch.full((4,), 0.5, dtype=dtype)
    yield ours.Bernoulli(half), d.Bernoulli(half)
    sure = torch.tensor([0.0, 1.0, 0.0], dtype=dtype)
    yield ours.Bernoulli(sure), d.Bernoulli(sure)
    yield ours.Categorical(sure), d.Categorical(sure)


def same(a, b):
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and torch.equal(a.nan_to_num(99.0), b.nan_to_num(99.0))
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_all_that_has_a_meaning(dtype):
    count = 0
    for mine, theirs in pairs(dtype):
        count += 1
        names = ["mean", "stddev", "mode"]
        for name in names:
            assert same(getattr(mine, name), getattr(theirs, name)), (name, theirs)
        if hasattr(mine, "variance"):
            assert same(mine.variance, theirs.variance), theirs
        assert same(mine.entropy(), theirs.entropy()), theirs
        torch.manual_seed(1)
        value = theirs.sample()
        assert same(mine.log_prob(value), theirs.log_prob(value)), theirs
        many = theirs.sample((6,))
        assert same(mine.log_prob(many), theirs.log_prob(many)), theirs
    assert count > 30


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("sample_shape", [(), (4,), (2, 3)])
def test_draws_are_torchs_draws(sample_shape, dtype):
    for mine, theirs in pairs(dtype):
        for method in ("sample", "rsample"):
            if method == "rsample" and not hasattr(mine, "rsample"):
                assert not theirs.has_rsample
                continue
            torch.manual_seed(5)
            right = getattr(theirs, method)(sample_shape)
            torch.manual_seed(5)
            assert same(getattr(mine, method)(sample_shape), right), (method, theirs)


def test_gradients_pass_through_rsample_and_not_through_sample():
    loc = torch.zeros(3, requires_grad=True)
    scale = torch.ones(3, requires_grad=True)
    for mine in (ours.Normal(loc, scale), ours.Uniform(loc, scale)):
        assert mine.rsample().requires_grad
        assert not mine.sample().requires_grad
    probs = torch.full((3,), 0.5, requires_grad=True)
    assert not ours.Bernoulli(probs).sample().requires_grad
    assert not ours.Categorical(probs).sample().requires_grad


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_there_and_back(dtype):
    for mine, theirs in pairs(dtype):
        converted = ours.convert_from_torch(theirs)
        assert type(converted) is type(mine)
        for a, b in zip(converted, mine, strict=True):
            # mine was not broadcast, torch's is
            assert torch.equal(a, b.expand_as(a))
        again = ours.convert_to_torch(mine)
        assert type(again) is type(theirs)
        for name in ("loc", "scale", "low", "high", "probs", "logits"):
            if hasattr(theirs, name):
                assert same(getattr(again, name), getattr(theirs, name))
        torch.manual_seed(3)
        right = theirs.sample((2,))
        torch.manual_seed(3)
        assert same(again.sample((2,)), right)
        assert again.batch_shape == theirs.batch_shape


def test_nested_and_anything_else():
    n = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
    pair = namedtuple("pair", "a b")
    x = torch.ones(1)
    given = {"d": n, "l": [n, (x, n)], "p": pair(n, 3), "s": "word", "x": x, "none": None}
    mine = ours.convert_from_torch(given)
    assert isinstance(mine["d"], ours.Normal)
    assert isinstance(mine["l"][1][1], ours.Normal)
    assert isinstance(mine["p"], pair)
    assert isinstance(mine["p"].a, ours.Normal)
    assert mine["l"][1][0] is x
    assert mine["s"] == "word"
    assert mine["none"] is None
    assert given["d"] is n
    assert ours.convert_from_torch(mine)["d"] is mine["d"]
    back = ours.convert_to_torch(mine)
    assert type(back["p"].a) is torch.distributions.Normal
    assert type(back["l"][1][1]) is torch.distributions.Normal
    assert back["x"] is x
    # another family passes unchanged
    gamma = torch.distributions.Gamma(torch.ones(1), torch.ones(1))
    assert ours.convert_from_torch(gamma) is gamma
    log_normal = torch.distributions.LogNormal(torch.ones(1), torch.ones(1))
    assert ours.convert_from_torch(log_normal) is log_normal


def test_neither_probs_nor_logits():
    for family in (ours.Bernoulli, ours.Categorical):
        with pytest.raises(BendingError, match=f"{family.__name__} takes probs or logits"):
            family()


def make_graph(family, *names):
    graph = fx.Graph()
    placeholders = {name: graph.placeholder(name) for name in names}
    graph.output(graph.call_function(family, (), placeholders))
    module = fx.GraphModule(nn.Module(), graph)
    graph.lint()
    return module


@pytest.mark.parametrize(
    ("family", "names"),
    [
        (ours.Normal, ("loc", "scale")),
        (ours.Uniform, ("low", "high")),
        (ours.Bernoulli, ("probs",)),
        (ours.Bernoulli, ("logits",)),
        (ours.Categorical, ("probs",)),
        (ours.Categorical, ("logits",)),
    ],
)
def test_a_graph_makes_one_and_scripts(family, names):
    values = [torch.sigmoid(numbers(2, 3)), torch.sigmoid(numbers(2, 3)) + 1][: len(names)]
    module = make_graph(family, *names)
    eager = module(*values)
    assert type(eager) is family
    scripted = torch.jit.script(module)
    buffer = io.BytesIO()
    torch.jit.save(scripted, buffer)
    buffer.seek(0)
    right = family(**dict(zip(names, values, strict=True)))
    for run in (scripted, torch.jit.load(buffer)):
        out = run(*values)
        assert type(out).__name__ == family.__name__
        # converted, it computes what the eager one does
        torch.manual_seed(2)
        drawn = ours.convert_to_torch(out).sample()
        torch.manual_seed(2)
        assert same(drawn, right.sample())


def test_sampling_traces_with_shapes_of_the_run():
    class Sampler(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return ours.normal_rsample(z, torch.exp(z)) + ours.uniform_rsample(z, z + 1)

    traced = fx.symbolic_trace(Sampler())
    for shape in [(2, 3), (5, 1, 4)]:
        z = numbers(*shape)
        torch.manual_seed(4)
        right = Sampler()(z)
        torch.manual_seed(4)
        assert same(traced(z), right)
        assert right.shape == z.shape


def test_sampling_scripts():
    class Sampler(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            a = ours.normal_rsample(z, torch.exp(z)) + ours.uniform_sample(z, z + 1)
            return (
                a
                + ours.bernoulli_sample(torch.sigmoid(z))
                + ours.categorical_sample(torch.sigmoid(z)).unsqueeze(-1)
            )

    z = numbers(4, 6)
    scripted = torch.jit.script(Sampler())
    torch.manual_seed(4)
    right = Sampler()(z)
    torch.manual_seed(4)
    assert same(scripted(z), right)
