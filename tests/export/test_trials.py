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
