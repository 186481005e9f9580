"""What operations on numbers have in common: settings that are numbers, places that hold some."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback
from .parameter import BendingParameter, BendingView

__all__ = ["Number", "Numeric"]

Number = float | BendingParameter | BendingView

Limits = tuple[float | None, float | None]


class Numeric(BendingCallback):
    """A callback whose controllable settings are single numbers, for real-valued places.

    Attributes:
        limits: the least and the greatest value of a setting, by name. A number beyond is an
            error; a control that goes beyond is clamped by the kernel.
    """

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True
    limits: ClassVar[Mapping[str, Limits]] = MappingProxyType({})

    __jit_ignored_attributes__ = (*BendingCallback.__jit_ignored_attributes__, "limits")

    def __init__(self, **settings: Any) -> None:
        """Keep the settings.

        Raises:
            BendingCallbackException: one is no number, or beyond its limits.
        """
        super().__init__(**settings)
        for name in self.controllable_params:
            self._check_number(name)

    def _check_number(self, name: str) -> None:
        operand = self.operand(name)
        low, high = self.limits.get(name, (None, None))
        wanted = "a number"
        if low is not None or high is not None:
            wanted += f" from {'-inf' if low is None else low} to {'inf' if high is None else high}"
        number = operand.kind in ("float", "int", "bool")
        value = operand.value
        fixed = operand.__dict__["parameter"] is None
        if number and fixed:
            number = (low is None or value >= low) and (high is None or value <= high)
        if not number:
            raise BendingCallbackException(
                f"{type(self).__name__}: {name} is {wanted}; got {value!r}"
            )

    def check(self, place: Place) -> None:
        """Check that the place holds real numbers.

        Raises:
            BendingCallbackException: it does not.
        """
        super().check(place)
        if place.dtype is not None and not place.dtype.is_floating_point:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r}: it bends real numbers with fractions, "
                f"and this is {place.dtype}"
            )
