"""Messages become values: clamped, rounded, or refused with a reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchbend.realtime.control import Control, ControlError, RefusedError, amplitude

FLOAT = Control("/f", "float", (0.0,), low=-1.0, high=2.0)
INT = Control("/i", "int", (0,), low=0, high=10)
BOOL = Control("/b", "bool", (False,))
CHOICE = Control("/c", "choice", ("one",), choices=("one", "two", "three"))
TEXT = Control("/t", "text", ("",))
FREE = Control("/free", "float", (0.0,))
VECTOR = Control("/v", "vector", (0.0, 0.0), low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("control", "sent", "taken"),
    [
        (FLOAT, 0.5, 0.5),
        (FLOAT, 9, 2.0),
        (FLOAT, -1e300, -1.0),
        (FLOAT, True, 1.0),
        (FREE, 1e300, 3.4028234663852886e38),
        (FREE, 10**400, 3.4028234663852886e38),
        (INT, 2.6, 3),
        (INT, -5, 0),
        (INT, 10**400, 10),
        (BOOL, 1.0, True),
        (BOOL, 0.4, False),
        (CHOICE, "two", "two"),
        (CHOICE, 2.0, "three"),
        (CHOICE, 99, "three"),
        (CHOICE, -1, "one"),
        (TEXT, "a b", "a b"),
        (TEXT, 3.0, "3"),
    ],
)
def test_a_value_is_clamped_and_made_of_its_type(control: Control, sent: Any, taken: Any) -> None:
    (found,) = control.accept((sent,))
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("control", "sent", "reason"),
    [
        (FLOAT, (math.nan,), "number"),
        (FLOAT, (math.inf,), "number"),
        (INT, (-math.inf,), "number"),
        (BOOL, (math.nan,), "number"),
        (CHOICE, (math.nan,), "number"),
        (TEXT, (math.inf,), "number"),
        (FLOAT, ("1",), "type"),
        (FLOAT, (None,), "type"),
        (FLOAT, (b"blob",), "type"),
        (INT, ([1],), "type"),
        (CHOICE, ("four",), "type"),
        (TEXT, (b"x",), "type"),
        (TEXT, ("x" * 1025,), "type"),
        (FLOAT, (), "count"),
        (FLOAT, (1, 2), "count"),
        (VECTOR, (1.0,), "count"),
        (VECTOR, (1.0, math.nan), "number"),
    ],
)
def test_what_is_no_value_is_refused_with_its_reason(
    control: Control, sent: tuple[Any, ...], reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        control.accept(sent)
    assert refused.value.reason == reason
    assert control.address in str(refused.value)


@given(st.one_of(st.floats(), st.integers(), st.text(), st.binary(), st.none(), st.booleans()))
def test_whatever_comes_is_in_range_or_refused(sent: Any) -> None:
    for control, inside in (
        (FLOAT, lambda v: -1 <= v <= 2),
        (INT, lambda v: v in range(11)),
        (CHOICE, lambda v: v in CHOICE.choices),
        (FREE, math.isfinite),
    ):
        try:
            (taken,) = control.accept((sent,))
        except RefusedError:
            continue
        assert inside(taken)


@given(st.floats(0, 1))
def test_a_knob_goes_along_its_curve_and_back(position: float) -> None:
    linear = Control("/x", "float", (1.0,), low=-3.0, high=5.0)
    log = Control("/x", "float", (100.0,), low=20.0, high=20_000.0, curve="log")
    assert linear.from_unit(position) == pytest.approx(-3 + 8 * position)
    assert log.from_unit(position) == pytest.approx(20 * 1000**position)
    for control in (linear, log):
        assert control.to_unit(control.from_unit(position)) == pytest.approx(position, abs=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "no/slash"},
        {"address": "/a b"},
        {"address": "/a*"},
        {"address": "/"},
        {"low": 2.0, "high": 1.0},
        {"curve": "log", "low": 0.0, "high": 1.0},
        {"curve": "log"},
        {"kind": "choice", "default": ("a",)},
        {"types": ("float", "float")},
        {"types": ("number",)},
    ],
)
def test_a_control_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        Control(**{"address": "/x", "kind": "float", "default": (0.0,), **wrong})


def test_levels_become_factors_and_the_lowest_is_silence() -> None:
    assert amplitude(0.0) == 1.0
    assert amplitude(-20.0) == pytest.approx(0.1)
    assert amplitude(-90.0) == 0.0
    assert amplitude(-89.9) > 0
