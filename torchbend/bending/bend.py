"""Bend: a callback with all that a performer wants of a bend.

Any callback can be put into one: an amount that fades between the plain and the bent value,
a bypass and a solo, the channels that it reaches, and the level restored behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .bend_kernel import BendKernel
from .callback import BendingCallback, add_control
from .draws import fraction
from .kernel import Kernel
from .levels import LEVELS, restore_for
from .parameter import BendingParameter, BendingView
from .placing import channel_dim, checked_dim, known_shape
from .selectors import Selection, as_selector

__all__ = ["Bend"]

Switch = bool | BendingParameter | BendingView


class Bend(BendingCallback):
    """A callback with an amount, a bypass, a solo, and a choice of channels.

    With ``x`` the value of a place, ``c`` the chosen channels of it and ``a`` the amount:
    ``x[c] = x[c] + a * (callback(x[c]) - x[c])``. The callback sees the chosen channels only, as
    if there were no others. With ``a`` 0, bypassed, or while another bend is soloed, ``x`` keeps
    its bits.

        m.bend(tb.Bend(tb.Fold(0.3), name="fold", channels=tb.Fraction(0.5)), "decoder.net.3")
        m.update("fold_amount", 0.5)

    In an exported file and on stage the amount glides to a new value within one block.
    """

    controllable_params = ("amount", "bypass", "solo")
    neutral = MappingProxyType({"amount": 0.0})

    def __init__(
        self,
        callback: BendingCallback,
        amount: float | BendingParameter | BendingView = 1.0,
        *,
        channels: Selection = None,
        dim: int | None = None,
        restore: str | None = None,
        bypass: Switch = False,
        solo: Switch = False,
        name: str | None = None,
    ) -> None:
        """Give a callback an amount, and more.

        Args:
            callback: any callback, a chain too; none that takes arguments from the call.
            amount: 0 to 1, how much of the bend is heard.
            channels: a number, a list, a range or a slice of channels, ``Fraction(0.3)``, a
                cluster; by default all.
            dim: the channels' dimension; by default 0 for weights, 1 for activations.
            restore: what gets back the level that it had before the bend: ``"channel"`` or
                ``"whole"``; see :mod:`torchbend.bending.levels`.
            bypass: True: the bend is not heard.
            solo: True: while one bend is soloed, only the soloed ones are heard, with the bends
                in them and around them; callbacks that are not in a Bend play on.
            name: gives the bend knobs: those of ``amount``, ``bypass`` and ``solo`` that are no
                controls become ``<name>_amount``, ``<name>_bypass`` and ``<name>_solo``, which
                start at the values given.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the callback cannot
                sit on the place, or the choice of channels is not there.
        """
        if not isinstance(callback, BendingCallback):
            raise BendingCallbackException(
                f"Bend takes a callback such as Scale(2.), not {callback!r}"
            )
        super().__init__(amount=amount, bypass=bypass, solo=solo)
        fraction(self, "amount")
        for switch in ("bypass", "solo"):
            if self.operand(switch).kind != "bool":
                raise BendingCallbackException(
                    f"Bend: {switch} is True or False, or a control that is; "
                    f"got {self.get(switch)!r}"
                )
        if name is not None:
            self._give_knobs(name)
        if restore is not None and restore not in LEVELS:
            raise BendingCallbackException(
                f"Bend: restore is one of {list(LEVELS)} or None; got {restore!r}"
            )
        self.callback = callback
        self.channels = as_selector(channels)
        self.dim = checked_dim(dim)
        self.restore = restore
        self.name = name
        for flag in (
            "weight_compatible",
            "activation_compatible",
            "jit_compatible",
            "nntilde_compatible",
        ):
            self.__dict__[flag] = getattr(callback, flag)

    @property
    def controls(self) -> dict[str, BendingParameter]:
        """The controls of the callback, then the bend's own."""
        found = dict(self.callback.controls)
        for parameter in super().controls.values():
            add_control(found, parameter, self)
        return found

    def inside(self) -> Sequence[BendingCallback]:
        """The callback inside."""
        return (self.callback,)

    def check(self, place: Place) -> None:
        """Check that the callback can sit on the place, and the channels are there.

        Raises:
            BendingCallbackException: it cannot, or they are not.
        """
        super().check(place)
        part, _, _ = self._part(place)
        self.callback.check(part)
        partly = self.get("amount") != 1 or "amount" in self._moved()
        number = place.dtype is None or place.dtype.is_floating_point or place.dtype.is_complex
        if (partly or self.restore is not None) and not number:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r}: there is nothing between two values of "
                f"{place.dtype}. Leave the amount at 1"
            )
        restore_for(self.restore, place, self.dim, self)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the callback's kernel for the chosen channels, and what goes around it."""
        self.check(place)
        part, chosen, dim = self._part(place)
        if chosen is not None and value is not None:
            value = value.detach().index_select(dim, chosen.to(value.device))
        kernel = self.callback.kernel(part, value)
        if kernel.call_args:
            raise BendingCallbackException(
                f"{self.callback!r} takes {kernel.call_args[0]!r} from the call, and has no amount"
            )
        return BendKernel(
            kernel,
            self.operand("amount"),
            self.operand("bypass"),
            self.operand("solo"),
            chosen,
            dim,
            restore_for(self.restore, part, self.dim, self),
        )

    def update(self) -> None:
        """Update the callback."""
        self.callback.update()

    def _part(self, place: Place) -> tuple[Place, Tensor | None, int]:
        """The place as the callback sees it, the chosen channels, and their dimension."""
        if self.channels is None:
            return place, None, 0
        dim = channel_dim(place, self.dim, self)
        shape = list(known_shape(place, self))
        chosen = self.channels.chosen(place, shape[dim])
        if len(chosen) == shape[dim]:
            return place, None, dim
        shape[dim] = len(chosen)
        part = (*place.part, (dim, tuple(chosen)))
        return replace(place, shape=tuple(shape), part=part), torch.tensor(chosen), dim

    def _moved(self) -> Sequence[str]:
        kinds = (BendingParameter, BendingView)
        return [n for n in self.controllable_params if isinstance(self.__dict__[n], kinds)]

    def _give_knobs(self, name: str) -> None:
        """Make controls of the settings that are none."""
        if not isinstance(name, str) or not name.isidentifier():
            raise BendingCallbackException(
                f"a bend's name is such as 'fold', for controls like fold_amount; got {name!r}"
            )
        if "amount" not in self._moved():
            now = float(self.get("amount"))
            self.amount = BendingParameter(f"{name}_amount", now, [0.0, 1.0], clamp=True)
        for switch in ("bypass", "solo"):
            if switch not in self._moved():
                setattr(self, switch, BendingParameter(f"{name}_{switch}", self.get(switch)))
