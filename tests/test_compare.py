"""``compare_outs`` and ``compare_state_dict_tensors``."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import torchbend as tb

Pair = namedtuple("Pair", "left right")
NAN = float("nan")

SAME: list[tuple[Any, Any]] = [
    (torch.ones(2), torch.ones(2)),
    (torch.tensor([NAN, 1.0]), torch.tensor([NAN, 1.0])),
    (torch.zeros(0, 3), torch.zeros(0, 3)),
    ([torch.ones(2), 3], [torch.ones(2), 3]),
    ((torch.ones(2), {"a": torch.zeros(1)}), (torch.ones(2), {"a": torch.zeros(1)})),
    (Pair(torch.ones(1), 2), Pair(torch.ones(1), 2)),
    (None, None),
    ("a", "a"),
    (2.5, 2.5),
    (torch.tensor([True]), torch.tensor([True])),
    (torch.tensor([1 + 2j]), torch.tensor([1 + 2j])),
    (
        torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
        torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
    ),
    (
        torch.distributions.Categorical(logits=torch.zeros(2)),
        torch.distributions.Categorical(logits=torch.zeros(2)),
    ),
]
DIFFERENT: list[tuple[Any, Any]] = [
    (torch.ones(2), torch.zeros(2)),
    (torch.ones(2), torch.ones(1)),
    (torch.ones(2), torch.ones(2, 1)),
    (torch.ones(1), torch.ones(3)),
    (torch.ones(2), torch.ones(2).double()),
    (torch.tensor([NAN, 1.0]), torch.tensor([1.0, NAN])),
    (torch.ones(2), [1.0, 1.0]),
    ([torch.ones(2)], [torch.ones(2), torch.ones(2)]),
    ({"a": torch.ones(1)}, {"b": torch.ones(1)}),
    ({"a": torch.ones(1)}, {"a": torch.ones(1), "b": torch.ones(1)}),
    (1, True),
    (1, 1.0),
    (None, torch.ones(1)),
    (
        torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
        torch.distributions.Normal(torch.zeros(2), torch.ones(2) * 2),
    ),
    (
        torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
        torch.distributions.Uniform(torch.zeros(2), torch.ones(2)),
    ),
    (
        torch.distributions.Categorical(logits=torch.tensor([0.0, 0.0])),
        torch.distributions.Categorical(logits=torch.tensor([0.0, 1.0])),
    ),
    (
        torch.distributions.Bernoulli(probs=torch.tensor([0.5])),
        torch.distributions.Bernoulli(probs=torch.tensor([0.25])),
    ),
    (tb.distributions.Normal(torch.zeros(1), torch.ones(1)), (torch.zeros(1), torch.zeros(1))),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_equal_outputs(a: Any, b: Any) -> None:
    assert tb.compare_outs(a, b) is True
    assert tb.compare_outs(b, a) is True


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_outputs(a: Any, b: Any) -> None:
    assert tb.compare_outs(a, b) is False
    assert tb.compare_outs(b, a) is False


def test_state_dicts() -> None:
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    assert tb.compare_state_dict_tensors(first.state_dict(), first.state_dict())
    assert tb.compare_state_dict_tensors(first.state_dict(), dict(first.state_dict()))
    assert not tb.compare_state_dict_tensors(first.state_dict(), second.state_dict())
    less = OrderedDict(list(first.state_dict().items())[:1])
    assert not tb.compare_state_dict_tensors(first.state_dict(), less)
    assert not tb.compare_state_dict_tensors(less, first.state_dict())
    second.load_state_dict(first.state_dict())
    assert tb.compare_state_dict_tensors(first.state_dict(), second.state_dict())
    with torch.no_grad():
        second.bias[0] += 1e-6
    assert not tb.compare_state_dict_tensors(first.state_dict(), second.state_dict())


@given(st.lists(st.floats(width=32), min_size=1, max_size=6), st.data())
def test_one_other_element_is_seen(values: list[float], data: st.DataObject) -> None:
    a = torch.tensor(values)
    b = a.clone()
    assert tb.compare_outs([a, {"k": (a,)}], [b, {"k": (b,)}])
    index = data.draw(st.integers(0, len(values) - 1))
    b[index] = 1.0 if values[index] != 1.0 else 2.0
    assert not tb.compare_outs([a, {"k": (a,)}], [a, {"k": (b,)}])
