"""Invert: minus x, 1 minus x, or 1 over x."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..bending.kernel import Kernel
from ..bending.numeric import Number
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.parameter import BendingParameter
from ..bending.pointwise import Pointwise, greatest
from ..errors import BendingCallbackException, suggest
from ..places import Place

__all__ = ["Invert"]

FORMS = ("negate", "complement", "reciprocal")

LEAST = 1e-4  # 1 over it is still a number in float16


class InvertKernel(Kernel):
    """``-x``, ``1 - x`` or ``1 / x``."""

    def __init__(self, form: Operand, least: Operand) -> None:
        super().__init__()
        self.form = form
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        if self.form.value == "complement":
            return torch.rsub(x, 1.0)
        if self.form.value == "reciprocal":
            least = min(max(float(self.least.value), 1e-4), greatest(x))
            size = x.abs().clamp_(min=least)
            return (x / size).div_(size)
        return torch.neg(x)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        if self.form.value == "negate":
            torch.neg(x, out=out)
        else:
            out.copy_(self.forward(x))


class Invert(Pointwise):
    """Turn values round, in one of three forms.

    - ``"negate"``: ``-x``.
    - ``"complement"``: ``1 - x``.
    - ``"reciprocal"``: ``1 / x`` where ``|x| >= least``; nearer to 0 the line ``x / least^2``,
      so that it has no jump and stays within ``1 / least``.

    Any shape; each value by itself. The form can be a control, a choice of these words. Broad
    et al. 2020, Dzwonczyk et al. 2024.
    """

    point = InvertKernel
    controllable_params = ("form", "least")
    limits = MappingProxyType({"least": (LEAST, None)})

    def __init__(self, form: str | BendingParameter = "negate", least: Number = 0.1) -> None:
        """Make an inversion.

        Args:
            form: ``"negate"``, ``"complement"`` or ``"reciprocal"``.
            least: for the reciprocal, how near to 0 it goes on growing; from 0.0001 up.

        Raises:
            BendingCallbackException: a setting is none of these.
        """
        super().__init__(form=form, least=least)

    def _check_number(self, name: str) -> None:
        if name != "form":
            super()._check_number(name)
            return
        operand = self.operand("form")
        control = operand.__dict__["parameter"]
        if operand.kind != "choice":
            raise BendingCallbackException(
                f"Invert: form is one of {list(FORMS)}, or a control with choices of these; "
                f"got {operand.value!r}"
            )
        for word in (operand.value,) if control is None else control.choices:
            if word not in FORMS:
                raise BendingCallbackException(
                    f"Invert: form is one of {list(FORMS)}; got {word!r}. {suggest(word, FORMS)}"
                )


def plain(x: Tensor, place: Place, *, form: str = "negate", least: float = 0.1) -> Tensor:
    """Each form by a subtraction or a division."""
    if form == "negate":
        return torch.zeros_like(x) - x
    if form == "complement":
        return torch.ones_like(x) - x
    return torch.where(x.abs() < least, x / least**2, x.reciprocal())


def _by_hand(place: Place, form: str, least: float = 0.1) -> Callable[[Tensor], Tensor]:
    lines: dict[str, Callable[[Tensor], Tensor]] = {
        "negate": lambda x: -x,
        "complement": lambda x: 1 - x,
        "reciprocal": lambda x: x / x.abs().clamp(min=least) ** 2,
    }
    return lines[form]


OPERATION = Operation(
    Invert,
    family="shape",
    formula="-x; or 1 - x; or 1 / x, and x / least^2 where |x| < least",
    source="Broad et al. 2020; Dzwonczyk et al. 2024",
    plain=plain,
    examples=(
        {"form": "complement"},
        {"form": "negate"},
        {"form": "reciprocal", "least": 0.3},
    ),
    by_hand=_by_hand,
    picture={"form": "complement"},
    pictured_at="sigmoid$",
)
