"""Which bend a control belongs to."""

from __future__ import annotations

import pytest

import torchbend as tb
from torchbend.bending.membership import memberships


def knob(name: str, value: object = 0.5) -> tb.BendingParameter:
    return tb.BendingParameter(name, value)


def named(callback: tb.BendingCallback, name: str = "fold", **settings: object) -> tb.Bend:
    return tb.Bend(callback, name=name, **settings)


def of(name: str) -> dict[str, tuple[str, str]]:
    return {f"{name}_{part}": (name, part) for part in ("amount", "bypass", "solo")}


def test_a_name_owns_its_knobs_and_those_inside():
    assert memberships([named(tb.Scale(2.0))]) == of("fold")
    inside = tb.Scale(knob("gain")) >> tb.Bias(2 * knob("lift"))
    knobs = {"gain": ("fold", ""), "lift": ("fold", "")}
    assert memberships([named(inside)]) == of("fold") | knobs
    chained = tb.Bias(knob("free")) >> named(tb.Scale(knob("gain")))
    assert memberships([chained]) == of("fold") | {"gain": ("fold", "")}


def test_the_inner_of_two_owns_its_own():
    both = named(named(tb.Scale(knob("gain")), "inner"), "outer")
    assert memberships([both]) == of("outer") | of("inner") | {"gain": ("inner", "")}
    nameless = named(tb.Bend(tb.Scale(knob("gain")), knob("depth")), "outer")
    found = {"gain": ("outer", ""), "depth": ("outer", "")}
    assert memberships([nameless]) == of("outer") | found


@pytest.mark.parametrize(
    "callbacks",
    [
        lambda: [tb.Scale(knob("fold_amount"))],
        lambda: [tb.Bend(tb.Scale(2.0), knob("fold_amount"))],
        lambda: [named(tb.Scale(2.0), "other", amount=knob("fold_amount"))],
        lambda: [named(tb.Scale(2.0), amount=1 - knob("fold_amount"))],
    ],
)
def test_a_control_that_is_only_called_so_is_no_part(callbacks):
    found = memberships(callbacks())
    assert found.get("fold_amount", ("", ""))[1] == ""


def test_what_several_bends_share_belongs_to_none():
    gain = knob("gain")
    shared = [named(tb.Scale(gain)), named(tb.Bias(gain), "other")]
    assert memberships(shared) == of("fold") | of("other")
    assert memberships([named(tb.Scale(gain)), tb.Bias(gain)]) == of("fold")
    assert "gain" in memberships([named(tb.Scale(gain) >> tb.Bias(gain))])


def test_a_part_stays_one_whatever_else_it_moves():
    fold = named(tb.Scale(2.0))
    amount = fold.controls["fold_amount"]
    assert memberships([fold, tb.Bias(amount)]) == of("fold")


def test_the_same_after_a_configuration_was_saved_and_loaded(tmp_path):
    config = tb.BendingConfig((named(tb.Scale(knob("gain"))), "weight"))
    config.save(tmp_path / "bends.json")
    loaded = tb.BendingConfig.load(tmp_path / "bends.json")
    assert memberships([entry[0] for entry in loaded]) == of("fold") | {"gain": ("fold", "")}
