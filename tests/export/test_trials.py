"""Values to try controls at: other ones, inside the range."""

from __future__ import annotations

import pytest

import torchbend as tb
from torchbend.export.trials import another, bits_on, halfway


@pytest.mark.parametrize(
    "limits", [None, [None, None], [0, None], [None, 0], [5, None], [None, -5], [-1, 1], [3, 4]]
)
@pytest.mark.parametrize("kind", [float, int])
@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_they_are_other_values_inside_the_range(limits, kind, at):
    low, high = limits or (None, None)
    low = low if low is not None else (high or 0) - 2
    high = high if high is not None else low + 2
    value = kind(low + at * (high - low))
    control = tb.BendingParameter("p", value, range=limits)
    for found in (another(control), bits_on(control, value), halfway(value, another(control))):
        control.set_value(found)  # raises out of the range
    assert another(tb.BendingParameter("p", value, range=limits)) != value


@pytest.mark.parametrize("value", [2, 2.0, [2.0, 2.0]])
def test_a_range_of_one_value_has_no_other(value):
    control = tb.BendingParameter("p", value, range=[2, 2])
    assert another(control) == value
    assert bits_on(control, value) == value


def test_bits_move_a_float_but_no_end_of_its_range():
    control = tb.BendingParameter("p", 0.5, range=[0.0, 1.0])
    assert 0.5 < bits_on(control, 0.5) < 0.5 + 1e-6
    assert 0.5 - 1e-5 < bits_on(control, 0.5, -32) < 0.5
    assert [bits_on(control, end, bits) for end in (0.0, 1.0) for bits in (1, -8)] == [0, 0, 1, 1]
