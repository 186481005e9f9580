"""Which named bend a control belongs to, so that all knobs of a bend are found together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .bend import Bend
from .callback import BendingCallback
from .parameter import BendingParameter, BendingView

__all__ = ["memberships"]

Owner = tuple[str, str]


def memberships(callbacks: Sequence[BendingCallback]) -> dict[str, Owner]:
    """Find the bends that controls belong to.

    A bend with a name owns the controls that its name gave it, and those inside it that nothing
    outside of it has. Of bends inside each other it is the inner one.

    Args:
        callbacks: all that bend a model.

    Returns:
        By control, the name of its bend, and what of the bend it moves: ``"amount"``,
        ``"bypass"``, ``"solo"``, or nothing for a knob of what is bent with. Controls that belong
        to no bend, or to several, are not there.
    """
    owners: dict[str, set[Owner]] = {}
    for callback in callbacks:
        for control, owner in _owned(callback, ""):
            owners.setdefault(control, set()).add(owner)
    found = {}
    for control, there in owners.items():
        parts = [owner for owner in there if owner[1]]
        (owner, *others) = parts or list(there)
        if owner[0] and not others:
            found[control] = owner
    return found


def _owned(callback: BendingCallback, bend: str) -> Iterator[tuple[str, Owner]]:
    """The controls of a callback, each with what it is of which bend."""
    name = callback.name if isinstance(callback, Bend) else None
    bend = name or bend
    for setting in vars(callback)["_operands"]:
        value = vars(callback)[setting]
        if isinstance(value, (BendingParameter, BendingView)):
            control = value.parameter.name
            own = isinstance(value, BendingParameter) and control == f"{name}_{setting}"
            yield control, (bend, setting if name and own else "")
    for inside in callback.inside():
        yield from _owned(inside, bend)
