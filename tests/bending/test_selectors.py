"""Selectors: which channels of a place a bend reaches."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchbend.bending import Bend, Channels, Fraction, Scale, Span
from torchbend.bending.selectors import as_selector
from torchbend.errors import BendingCallbackException
from torchbend.places import Place

PLACE = Place("conv", "activation", (1, 8, 16), torch.float32, "forward", "call_module")
X = torch.arange(1.0, 129.0).reshape(1, 8, 16)


def reached(selection) -> list[int]:
    """The channels that a bend with a selection changes."""
    out = Bend(Scale(2.0), channels=selection).kernel(PLACE)(X)
    assert set((out / X).flatten().tolist()) <= {1.0, 2.0}
    return [i for i in range(8) if not torch.equal(out[:, i], X[:, i])]


def test_numbers_ranges_and_slices():
    assert reached(3) == [3]
    assert reached([5, 0, -1]) == [0, 5, 7]
    assert reached(Channels(5, 0, -1)) == [0, 5, 7]
    assert reached(range(1, 8, 3)) == [1, 4, 7]
    assert reached(slice(None, None, -3)) == [1, 4, 7]
    assert reached(Span(2, 5)) == [2, 3, 4]
    assert reached(torch.tensor([1, 2])) == [1, 2]
    assert reached(None) == list(range(8))
    assert reached(slice(None)) == list(range(8))


@given(st.floats(0.07, 1.0), st.integers(0, 1000))
def test_a_fraction_has_its_size_and_is_always_the_same(share, seed):
    found = Fraction(share, seed).chosen(PLACE, 8)
    assert len(found) == round(share * 8) == len(set(found))
    assert found == Fraction(share, seed).chosen(PLACE, 8)
    assert set(found) <= set(Fraction(1.0, seed).chosen(PLACE, 8))


def test_a_greater_share_has_the_smaller_one_in_it():
    shares = [set(Fraction(n / 8, 3).chosen(PLACE, 8)) for n in range(1, 9)]
    assert all(a < b for a, b in zip(shares, shares[1:], strict=False))


def test_places_and_seeds_choose_differently():
    other = Place("lin", "activation", (1, 64, 16), torch.float32, "forward", "call_module")
    again = Place("mul", "activation", (1, 64, 16), torch.float32, "forward", "call_module")
    assert Fraction(0.5, 1).chosen(other, 64) != Fraction(0.5, 1).chosen(again, 64)
    assert Fraction(0.5, 1).chosen(other, 64) != Fraction(0.5, 2).chosen(other, 64)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (8, "no channel 8 at 'forward:conv': it has 8, 0 to 7"),
        ([-9], "no channel -9"),
        (Fraction(0.01), "picks none of the 8 channels.*A share of 0.12 is one channel"),
        (slice(5, 5), "picks none of the 8 channels.*numbered 0 to 7"),
    ],
)
def test_what_is_not_there_is_refused_at_the_place(selection, words):
    with pytest.raises(BendingCallbackException, match=words):
        Bend(Scale(2.0), channels=selection).kernel(PLACE)


@pytest.mark.parametrize(
    "wrong", ["conv", 1.5, [], [0.5], [True], {"a": 1}, Scale(1.0), torch.tensor([0.5])]
)
def test_what_is_no_selection_is_refused_at_once(wrong):
    with pytest.raises(BendingCallbackException):
        as_selector(wrong)


@pytest.mark.parametrize("share", [-0.1, 1.1, "half", True, float("nan")])
def test_a_share_is_a_fraction(share):
    with pytest.raises(BendingCallbackException, match="from 0 to 1"):
        Fraction(share)


def test_a_dim_that_is_not_there_is_refused():
    with pytest.raises(BendingCallbackException, match="no dim 3"):
        Bend(Scale(2.0), channels=0, dim=3).kernel(PLACE)


def test_another_dim():
    out = Bend(Scale(2.0), channels=[0, 15], dim=2).kernel(PLACE)(X)
    wanted = X.clone()
    wanted[:, :, [0, 15]] *= 2
    assert torch.equal(out, wanted)


def test_values_for_channels_are_those_of_the_chosen():
    out = Bend(Scale([2.0, 3.0]), channels=[6, 1]).kernel(PLACE)(X)
    wanted = X.clone()
    wanted[:, 1] *= 2
    wanted[:, 6] *= 3
    assert torch.equal(out, wanted)
