"""Controls as one model hears them: a move takes effect between two calls, everywhere at once.

A control's own operands follow it at once, also in the middle of a running call. So each
bent model has operands of its own: *staged* ones, which weights are folded with as soon as
the control moves, and *live* ones, which the activations' kernels read and which follow
when the folded weights take their places.
"""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping, Sequence
from typing import Any

from torch import nn

from ..bending import BendingParameter
from ..bending.operand import Operand

__all__ = ["Knobs"]


# a control's own operand -> this model's; gone when no callback holds the first
Twins = MutableMapping[Operand, Operand]


class Knobs:
    """One model's own operands.

    Attributes:
        moved: controls that moved and are not heard yet, by identity, and where to: weights
            were folded for that value, and the control may have moved on meanwhile.
    """

    def __init__(self) -> None:
        self._staged: Twins = weakref.WeakKeyDictionary()
        self._live: Twins = weakref.WeakKeyDictionary()
        self._folded_for: dict[int, Any] = {}
        self.moved: dict[int, tuple[BendingParameter, Any]] = {}

    def adopt(self, kernel: nn.Module, kind: str) -> None:
        """Let a kernel read this model's operands instead of the controls' own.

        Args:
            kernel: fresh from its callback.
            kind: ``"weight"`` or ``"activation"``.
        """
        ours = self._staged if kind == "weight" else self._live
        for module in list(kernel.modules()):
            for name, child in list(module._modules.items()):
                if isinstance(child, Operand) and child.__dict__["parameter"] is not None:
                    setattr(module, name, self._ours(ours, child))

    def ours(self, operands: Sequence[Operand], kind: str) -> list[Operand]:
        """This model's operands in the place of the controls' own; arguments as for ``adopt``."""
        known = self._staged if kind == "weight" else self._live
        return [self._ours(known, o) if o.__dict__["parameter"] else o for o in operands]

    def _ours(self, known: Twins, theirs: Operand) -> Operand:
        if theirs not in known:
            twin = theirs.fresh()
            twin.__dict__["parameter"] = theirs.__dict__["parameter"]
            known[theirs] = twin
        return known[theirs]

    def stage(self, parameter: BendingParameter) -> None:
        """Let the weights' operands follow a control, now."""
        raw = self._folded_for[id(parameter)] = parameter.raw
        _follow(self._staged, parameter, raw)

    def note(self, parameter: BendingParameter) -> None:
        """Let a control be heard next, at the value that it was staged with."""
        self.moved[id(parameter)] = parameter, self._folded_for.pop(id(parameter), parameter.raw)

    def hear(self) -> None:
        """Let the activations' operands follow the controls that moved."""
        moved, self.moved = self.moved, {}
        for parameter, raw in moved.values():
            _follow(self._live, parameter, raw)


def _follow(known: Twins, parameter: BendingParameter, raw: Any) -> None:
    for twin in list(known.values()):
        if twin.__dict__["parameter"] is parameter:
            twin.follow(raw)  # type: ignore[operator]
