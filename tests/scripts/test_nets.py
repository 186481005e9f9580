"""Nothing changes where a bend does nothing: small nets of many forms, traced, scripted, frozen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from script_nets import FORMS, calls_of, contents, make, reopened, same
from support import equal

import torchbend as tb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

QUICK = ("ifs", "in place", "loops", "numbers", "streams", "wordy")
ALL = [(name, kind) for name, form in FORMS.items() for kind in form.kinds]


def nothing(x: torch.Tensor) -> torch.Tensor:
    """Another tensor with the same values: what is written through the first is not in it."""
    return x.clone()


def bend_everywhere(bended: tb.BendedModule, callback: tb.BendingCallback) -> list[str]:
    """Bend each activation that can be bent, by its whole name; the names."""
    keys = [k for k in bended.bendable_keys("(.*/)?.*") if k not in bended.weight_names]
    if keys:
        bended.bend(callback, *(f"{name}$".replace(".", r"\.") for name in keys))
    return keys


@torch.no_grad()
def seeded_call(module: Any, inputs: tuple[Any, ...], seed: int) -> Any:
    torch.manual_seed(seed)
    return module(*inputs)


def played(module: Any, name: str) -> list[Any]:
    return [seeded_call(module, inputs, k) for k, inputs in enumerate(calls_of(name) * 2)]


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_a_neutral_bend_at_every_place_leaves_the_bits(name: str, kind: str) -> None:
    module = make(name, kind)
    reference = reopened(module)
    before = contents(module)
    bended = tb.BendedModule(module)
    bended.trace("forward", *calls_of(name)[0])
    bent = bend_everywhere(bended, tb.Lambda(nothing))
    assert bent or name == "wordy"
    assert bended.bended_keys() == bent
    assert equal(played(bended, name), played(reference, name))
    state = contents(bended._shadow)
    same({n: state[n] for n in contents(reference)}, contents(reference))
    same(contents(module), before)


ALONE = [pytest.param(*each, marks=[pytest.mark.slow] * (each[0] not in QUICK)) for each in ALL]


@pytest.mark.parametrize(("name", "kind"), ALONE)
def test_each_neutral_bend_alone_leaves_the_bits(name: str, kind: str) -> None:
    """Also while it is put in and taken out as the model plays."""
    module = make(name, kind)
    reference = reopened(module)
    bended = tb.BendedModule(module)
    calls = calls_of(name)
    bended.trace("forward", *calls[0])
    keys = [k for k in bended.bendable_keys("(.*/)?.*") if k not in bended.weight_names]
    places = {p.name: p for p in bended._places()}
    for k, key in enumerate(keys):
        where = places[key]
        callback = tb.Scale(1.0) if k % 2 and where.dtype.is_floating_point else tb.Lambda(nothing)
        with bended.bend(callback, f"{key}$"):
            inputs = calls[k % len(calls)]
            want = seeded_call(reference, inputs, k)
            assert equal(seeded_call(bended, inputs, k), want), key
    state = contents(bended._shadow)
    same({n: state[n] for n in contents(reference)}, contents(reference))
