"""``DuringSteps``: heard in some steps of a generation, silent in the others."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

import torchbend as tb
from torchbend.bending.steps import tell_step
from torchbend.places import Place

PLACE = Place("x", "activation", (3,), torch.float32)
X = torch.tensor([1.0, -2.0, 3.0])


@pytest.mark.parametrize(
    ("start", "stop", "heard"), [(2, 4, {2, 3}), (0, 1, {0}), (3, None, {3, 4, 5})]
)
def test_the_steps_in_which_it_is_heard(start: int, stop: int | None, heard: set[int]) -> None:
    kernel = tb.DuringSteps(tb.Scale(2.0), start, stop).kernel(PLACE)
    found = set()
    for step in range(6):
        tell_step(step)
        out = kernel(X)
        assert torch.equal(out, X * 2) or out is X
        if out is not X:
            found.add(step)
    tell_step(None)
    assert found == heard
    assert kernel(X) is X


def test_a_step_belongs_to_its_thread() -> None:
    kernel = tb.DuringSteps(tb.Scale(2.0)).kernel(PLACE)
    seen = []
    tell_step(0)
    thread = threading.Thread(target=lambda: seen.append(kernel(X)))
    thread.start()
    thread.join()
    assert seen[0] is X
    assert torch.equal(kernel(X), X * 2)
    tell_step(None)


def test_it_draws_what_the_callback_inside_draws() -> None:
    tell_step(0)
    mask = tb.Mask(0.5, seed=3, dim=0)
    assert torch.equal(tb.DuringSteps(mask).kernel(PLACE)(X), mask.kernel(PLACE)(X))
    tell_step(None)


def test_a_control_inside_moves_it() -> None:
    knob = tb.BendingParameter("gain", 2.0, range=[0.0, 4.0])
    bended = tb.BendedModule(nn.Sequential(nn.Identity()))
    bended.trace(X)
    bended.bend(tb.DuringSteps(tb.Scale(knob), 1, 3), ".*")
    assert set(bended.controllables) == {"gain"}
    for value in (2.0, 3.0):
        bended.update("gain", value)
        for step, gain in enumerate((1.0, value, value, 1.0)):
            tell_step(step)
            assert torch.equal(bended(X), X * gain)
    tell_step(None)


def test_a_capture_inside_is_found() -> None:
    capture = tb.Capture()
    bended = tb.BendedModule(nn.Sequential(nn.Identity()))
    bended.trace(X)
    bended.bend(tb.DuringSteps(capture, 5, 6), ".*")
    with bended.capture(capture):
        for step in range(8):
            tell_step(step)
            bended(X * step)
    tell_step(None)
    (recorded,) = capture.captures.values()
    assert torch.equal(recorded, X * 5)


def test_it_bends_no_weights() -> None:
    bended = tb.BendedModule(nn.Linear(2, 2))
    with pytest.raises(tb.BendingError, match="bends activations"):
        bended.bend(tb.DuringSteps(tb.Scale(2.0)), "weight")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((2.0,), "takes a callback"),
        ((tb.Scale(1.0), -1), "start is a step"),
        ((tb.Scale(1.0), 0, 2.5), "stop is a step"),
        ((tb.Scale(1.0), True), "start is a step"),
        ((tb.Scale(1.0), 3, 3), "no step from 3 up to 3"),
    ],
)
def test_steps_that_are_none(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(tb.BendingCallbackException, match=said):
        tb.DuringSteps(*arguments)  # type: ignore[arg-type]
