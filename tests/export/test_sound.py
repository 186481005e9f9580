"""Sounds that are compared where some of their values are no numbers."""

from __future__ import annotations

import math

import torch

from torchbend.export.sound import difference, is_finite, peak, same

NAN, INF = math.nan, math.inf


def test_numbers_are_compared_as_ever():
    a, b = torch.tensor([1.0, -3.0]), torch.tensor([1.0, -2.5])
    assert difference(a, b) == 0.5
    assert peak(a) == 3.0
    assert same(a, a.clone()) and not same(a, b)
    assert is_finite(a)


def test_what_is_no_number_must_be_none_in_both():
    a = torch.tensor([NAN, 1.0, INF])
    assert same(a, a.clone())
    assert difference(a, torch.tensor([NAN, 1.25, INF])) == 0.25
    for other in ([NAN, 1.0, -INF], [0.0, 1.0, INF], [NAN, NAN, INF], [NAN, 1.0, 3.0]):
        assert difference(a, torch.tensor(other)) == INF
        assert difference(torch.tensor(other), a) == INF
        assert not same(a, torch.tensor(other))
    assert peak(a) == 1.0
    assert not is_finite(a)


def test_nothing_is_silent():
    none = torch.zeros(1, 1, 0)
    assert difference(none, none) == 0.0
    assert peak(none) == 0.0
    assert not same(none, torch.zeros(1, 1, 1))
