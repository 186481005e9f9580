"""The base of all callbacks.

A callback holds settings. Each placement of it on a place is a
:class:`~torchbend.bending.kernel.Kernel` made by :meth:`BendingCallback.kernel`; that is all
the built-in callbacks implement. Users' own subclasses implement some of the methods below
instead, and run through :class:`~torchbend.bending.adapter.CallbackKernel`.
"""

import copy
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ..errors import BendingCallbackException, BendingParameterException
from ..places import Place
from .kernel import Kernel
from .operand import Operand, as_operand
from .parameter import BendingParameter, BendingView

if TYPE_CHECKING:
    from .chain import CallbackChain

__all__ = ["BendingCallback", "add_control", "walk"]

_HOOKS = (
    "apply_to_param",
    "bend_input",
    "forward",
    "register_activation",
    "register_weight",
    "update",
)


class BendingCallback(nn.Module):
    """Something that bends weights or activations.

    To write one, subclass it, set the class flags, and override some of

    - ``bend_input(self, x, name=None)``: return the bent value (or ``forward``, the same).
      Further keyword arguments come from the call of the bent model.
    - ``apply_to_param(self, idx, param, cache)``: write the bent weight into ``param``
      (``param.set_(...)``) from its original ``cache``. Without it, weights go through
      ``bend_input``.
    - ``register_weight(self, parameter, name=None, cache=True)`` and
      ``register_activation(self, name, shape)``: prepare state for one more place. Call the
      base's; places are numbered in the order in which they are registered.
    - ``update(self)``: recompute state after a control moved.

    A setting named in ``controllable_params`` may be a number, a list, or a
    ``BendingParameter``: assign it to the attribute of that name, and read it with
    ``self.get(name)``. Neither ``x`` nor ``cache`` can be spoiled: both are copies.

    Attributes:
        weight_compatible: can bend weights.
        activation_compatible: can bend activations.
        jit_compatible: its methods script, so it can be exported.
        nntilde_compatible: it can be exported for nn~.
        controllable_params: names of the settings that may be a ``BendingParameter``.
        tensor_settings: names of the settings that take tensors, where a word is the path of a
            file. A configuration names a file with its sha256, never by a word alone.
        neutral: settings at which every place keeps its bits, by name; empty if there are
            none such. Settings that are not named may be anything.
    """

    weight_compatible: bool = False
    activation_compatible: bool = False
    jit_compatible: bool = False
    nntilde_compatible: bool = False
    controllable_params: Collection[str] = ()
    tensor_settings: Collection[str] = ()
    neutral: Mapping[str, float | str] = MappingProxyType({})

    # TorchScript compiles a module's properties and attributes unless told otherwise
    __jit_unused_properties__: Sequence[str] = ("controls",)
    __jit_ignored_attributes__: tuple[str, ...] = (
        "controllable_params",
        "controls",
        "neutral",
        "tensor_settings",
    )

    def __init__(self, **settings: object) -> None:
        """Start a callback.

        Args:
            **settings: set as attributes; a shorthand for assigning them one by one.
        """
        super().__init__()
        self.__dict__["_operands"] = {}
        self.__dict__["_numbers"] = {}
        self._held = nn.ModuleList()
        for name, value in settings.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a subclass of a built-in callback that overrides a hook be heard."""
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "kernel" not in own and any(hook in own for hook in _HOOKS):
            cls.kernel = BendingCallback.kernel  # type: ignore[method-assign]
            if "neutral" not in own:
                cls.neutral = MappingProxyType({})

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a controllable setting is checked and can be a control."""
        if name in type(self).controllable_params:
            if "_operands" not in self.__dict__:
                raise BendingCallbackException(
                    f"{type(self).__name__}: call super().__init__() before setting {name!r}"
                )
            try:
                self.__dict__["_operands"][name] = as_operand(value)
            except BendingParameterException as error:
                raise BendingCallbackException(f"{type(self).__name__}: {name}: {error}") from error
            self.__dict__[name] = value
            return
        if isinstance(value, (BendingParameter, BendingView)):
            raise BendingCallbackException(
                f"{type(self).__name__}.{name} cannot be a BendingParameter: name it in the "
                f"class's controllable_params, there are {sorted(self.controllable_params)}"
            )
        super().__setattr__(name, value)

    # -- settings --------------------------------------------------------------------

    def get(self, name: str) -> Any:
        """Return the number that a controllable setting has now.

        Args:
            name: one of ``controllable_params``.

        Raises:
            BendingCallbackException: there is no such setting, or it was not set.
        """
        try:
            return self.__dict__["_operands"][name].value
        except KeyError:
            there = sorted(self.__dict__["_operands"])
            raise BendingCallbackException(
                f"{type(self).__name__} has no controllable setting {name!r}; there are {there}"
            ) from None

    def operand(self, name: str) -> Operand:
        """Return the operand through which kernels read a controllable setting."""
        return cast(Operand, self.__dict__["_operands"][name])

    @property
    def controls(self) -> dict[str, BendingParameter]:
        """The controls among the settings, by the control's name.

        Raises:
            BendingCallbackException: two different controls have one name.
        """
        found: dict[str, BendingParameter] = {}
        for name in self.__dict__["_operands"]:
            setting = self.__dict__[name]
            if isinstance(setting, (BendingParameter, BendingView)):
                add_control(found, setting.parameter, self)
        return found

    def settings(self) -> dict[str, Any]:
        """Return the settings that make this callback again: ``type(cb)(**cb.settings())``.

        The base takes the parameters of ``__init__`` that are also attributes.
        """
        taken: dict[str, Any] = {}
        for name, parameter in inspect.signature(type(self).__init__).parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                taken.update({key: self.__dict__[key] for key in self.__dict__["_operands"]})
            elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL and name != "self":
                if hasattr(self, name):
                    taken[name] = getattr(self, name)
        return taken

    def inside(self) -> "Sequence[BendingCallback]":
        """The callbacks right inside this one, such as a chain's."""
        return ()

    # -- placing ---------------------------------------------------------------------

    def check(self, place: Place) -> None:
        """Check that this callback can sit on a place.

        Raises:
            BendingCallbackException: it cannot; the message names both and says why.
        """
        fits = self.weight_compatible if place.kind == "weight" else self.activation_compatible
        if not fits:
            kinds = [
                kind
                for kind, flag in (
                    ("weights", self.weight_compatible),
                    ("activations", self.activation_compatible),
                )
                if flag
            ]
            bends = " and ".join(kinds) or "nothing (set its class flags)"
            raise BendingCallbackException(
                f"{self!r} cannot sit on the {place.kind} {place.key!r}: it bends {bends}"
            )
        if place.op != "" and not place.tensor:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r}: its value is not a tensor"
            )

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make what runs at a place.

        Args:
            place: where.
            value: the weight itself, for a weight.

        Returns:
            A kernel with its own state.

        Raises:
            BendingCallbackException: the callback cannot sit there.
        """
        from .adapter import CallbackKernel

        self.check(place)
        return CallbackKernel(self, place, value, self._number(place, value))

    def _number(self, place: Place, value: Tensor | None) -> int:
        """Register a place, or find the number it has when it comes again unchanged."""
        known = self.__dict__["_numbers"].get(place.key)
        if place.kind == "weight":
            weight = torch.empty(0) if value is None else value.detach()
            if known is not None:
                held = self.get_cache(known)
                same = held.shape == weight.shape and held.dtype == weight.dtype
                if same and held.device == weight.device and torch.equal(held, weight):
                    return cast(int, known)
            before = len(self._held)
            self.register_weight(nn.Parameter(weight.clone(), requires_grad=False), place.name)
            if len(self._held) == before:
                self._hold(weight)
        else:
            if known is not None:
                return cast(int, known)
            shape = torch.Size(place.shape or ())
            before = len(self._held)
            self.register_activation(place.name, shape)
            if len(self._held) == before:
                self._hold(torch.empty(0))
        number = len(self._held) - 1
        self.__dict__["_numbers"][place.key] = number
        return number

    def _hold(self, value: Tensor) -> None:
        self._held.append(_Held(value.detach().clone()))

    # -- what users override ---------------------------------------------------------

    def register_weight(
        self, parameter: nn.Parameter, name: str | None = None, cache: bool = True
    ) -> str:
        """Prepare for one more weight; called once a place.

        Args:
            parameter: a copy of the weight.
            name: the weight's name.
            cache: keep the copy for ``get_cache``.

        Returns:
            The name as an identifier, ``.`` written ``_``.
        """
        self._hold(parameter if cache else torch.empty(0))
        return (name or "").replace(".", "_")

    def register_activation(self, name: str, shape: torch.Size) -> str:
        """Prepare for one more activation; called once a place.

        Args:
            name: the activation's name.
            shape: its shape as traced.

        Returns:
            The name as an identifier, ``.`` written ``_``.
        """
        return name.replace(".", "_")

    def get_cache(self, idx: int) -> Tensor:
        """Return the original of a registered weight.

        Args:
            idx: the place's number.

        Raises:
            BendingCallbackException: no place has this number.
        """
        if not torch.jit.is_scripting() and 0 <= idx < len(self._held):  # type: ignore[attr-defined]
            return cast(Tensor, self._held[idx].value)
        for i, held in enumerate(cast(Any, self._held)):  # TorchScript has no list of modules
            if i == idx:
                cached: Tensor = held.value
                return cached
        raise BendingCallbackException("no place has this number")

    def apply_to_param(self, idx: int, param: nn.Parameter, cache: Tensor | None = None) -> None:
        """Write the bent weight into ``param``.

        Args:
            idx: the place's number.
            param: what to write into, a copy of the weight.
            cache: the weight before this bend.
        """
        raise NotImplementedError

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        """Return the bent value.

        Args:
            x: a copy of the activation (or weight).
            name: the place's name.
        """
        raise BendingCallbackException(
            f"{type(self).__name__} overrides none of bend_input, forward and apply_to_param"
        )

    def update(self) -> None:
        """Recompute state after a control moved."""

    def forward(self, x: Tensor, name: str | None = None) -> Tensor:
        """Bend a tensor outside of any model, as an activation named ``x``.

        Each call is a new placement: with the same seed and shape it makes the same draw.

        Args:
            x: the tensor, left as it is.
            name: another name, for another draw.
        """
        if type(self).kernel is BendingCallback.kernel:
            return self.bend_input(x, name)
        place = Place(name or "x", "activation", tuple(x.shape), x.dtype)
        return cast(Tensor, self.kernel(place)(x))

    # -- combining -------------------------------------------------------------------

    def __rshift__(self, other: object) -> "CallbackChain":
        """``a >> b``: bend with ``a``, then with ``b``."""
        if not isinstance(other, BendingCallback):
            raise BendingCallbackException(
                f"{self!r} >> {other!r}: only callbacks can be chained, not {type(other).__name__}"
            )
        from .chain import CallbackChain

        return CallbackChain(self, other)

    def __deepcopy__(self, memo: dict[int, Any]) -> "BendingCallback":
        """Copy the callback with its controls and state."""
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    def __repr__(self) -> str:
        """Show name and settings, such as ``Scale(scale=2.0)``."""
        shown = ", ".join(
            f"{name}={_show(value)}"
            for name, value in self.settings().items()
            if value is not None and value is not False
        )
        return f"{type(self).__name__}({shown})"


def walk(callback: BendingCallback) -> Iterator[BendingCallback]:
    """A callback, then those inside it, to any depth."""
    yield callback
    for inner in callback.inside():
        yield from walk(inner)


class _Held(nn.Module):
    """One registered weight: a buffer, so that it moves with the callback."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value, persistent=False)


def add_control(
    found: dict[str, BendingParameter], parameter: BendingParameter, who: object
) -> None:
    """Add a control that ``who`` uses to those found.

    Raises:
        BendingCallbackException: another control has its name.
    """
    if found.setdefault(parameter.name, parameter) is not parameter:
        raise BendingCallbackException(
            f"{who!r} uses two different controls named {parameter.name!r}: "
            "rename one, or use the same one twice"
        )


def _show(value: object) -> str:
    if isinstance(value, Tensor):
        return repr(value.tolist())
    if isinstance(value, (BendingParameter, BendingView)):
        return repr(value) if isinstance(value, BendingView) else f"{value.name}"
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 8:
        return f"[{len(value)} values]"
    return repr(value)
