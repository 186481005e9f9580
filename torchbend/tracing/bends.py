"""The book of bends: which callback sits on which places, in which configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from ..bending import BendingCallback, BendingConfig, BendingParameter
from ..bending.bend import Bend
from ..bending.bend_kernel import BendKernel
from ..bending.callback import walk
from ..bending.kernel import Kernel
from ..bending.operand import Operand
from ..errors import BendingCallbackException, BendingError, suggest
from ..places import Place, match
from .knobs import Knobs
from .shadow import plain_tensors

__all__ = ["BendBook", "PlacedBend", "Wire", "resolve", "tell"]


# A kernel, the solo switches that silence it, and those of its kin.
Wire = tuple[BendKernel, Sequence[Operand], Sequence[Operand]]


@dataclass(eq=False)
class PlacedBend:
    """A callback on the places that its patterns found.

    Attributes:
        callback: the settings.
        patterns: as the user gave them.
        saved: patterns that find the same places again without further arguments.
        version: the version whose weights it bends.
        solos: switches of the other bends that silence this one.
        kernels: what runs at each place, by the place's key, in the places' order.
        places: the places, by key.
    """

    callback: BendingCallback
    patterns: tuple[str, ...]
    saved: tuple[str, ...]
    version: str | None
    kernels: dict[str, Kernel] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    solos: list[Operand] = field(default_factory=list)

    def twin(self) -> PlacedBend:
        """The same kernels on the same places, for another configuration."""
        return replace(self, kernels=dict(self.kernels), places=dict(self.places))

    @property
    def weights(self) -> list[str]:
        """Names of the weights it bends."""
        return [p.name for p in self.places.values() if p.kind == "weight"]

    @property
    def methods(self) -> set[str]:
        """The methods whose activations it bends."""
        return {p.fn for p in self.places.values() if p.fn is not None}


class BendBook:
    """All bends, by configuration; the current configuration's are the ones heard."""

    def __init__(self) -> None:
        self.configs: dict[str | None, list[PlacedBend]] = {None: []}
        self.current: str | None = None

    @property
    def active(self) -> list[PlacedBend]:
        """The bends of the current configuration, in the order in which they were made."""
        return self.configs[self.current]

    def all(self) -> list[PlacedBend]:
        """The bends of all configurations."""
        return [bend for bends in self.configs.values() for bend in bends]

    def check(self, name: str | None) -> str | None:
        """Normalize a configuration's name.

        Raises:
            BendingError: there is no such configuration.
        """
        if name not in self.configs:
            there = [c for c in self.configs if c is not None]
            raise BendingError(f"there is no configuration {name!r}. {suggest(str(name), there)}")
        return name

    def weight_chain(self, version: str | None, name: str) -> list[Kernel]:
        """The kernels on a weight of a version, in order."""
        return [b.kernels[name] for b in self.active if b.version == version and name in b.kernels]

    def activation_chain(self, key: str) -> list[Kernel]:
        """The kernels on an activation, in order."""
        return [b.kernels[key] for b in self.active if key in b.kernels]

    def end_weight_bends(self, version: str | None) -> list[PlacedBend]:
        """Take the weight bends of a version out of the current configuration.

        Returns:
            The bends as they were.
        """
        ended = []
        for bend in list(self.active):
            if bend.version == version and bend.weights:
                ended.append(bend.twin())
                for name in bend.weights:
                    del bend.places[name], bend.kernels[name]
                if not bend.places:
                    self.active.remove(bend)
        return ended

    def bent_activations(self, fn: str) -> dict[str, list[BendingCallback]]:
        """Callbacks by bent activation of a method."""
        found: dict[str, list[BendingCallback]] = {}
        for bend in self.active:
            for place in bend.places.values():
                if place.fn == fn:
                    found.setdefault(place.name, []).append(bend.callback)
        return found

    def bent_weights(self, version: str | None) -> dict[str, list[BendingCallback]]:
        """Callbacks by bent weight of a version."""
        found: dict[str, list[BendingCallback]] = {}
        for bend in self.active:
            if bend.version == version:
                for name in bend.weights:
                    found.setdefault(name, []).append(bend.callback)
        return found

    def callbacks(self) -> list[BendingCallback]:
        """Each callback in use, once."""
        return list({id(b.callback): b.callback for b in self.active}.values())

    def controls(self, config: str | None) -> dict[str, BendingParameter]:
        """Each control of a configuration, by name."""
        found: dict[str, BendingParameter] = {}
        for bend in self.configs[config]:
            found.update(bend.callback.controls)
        return found

    def check_controls(self, callback: BendingCallback, config: str | None) -> None:
        """Refuse a second control of a name that a configuration has.

        Raises:
            BendingError: two different controls have one name.
        """
        there = self.controls(config)
        for name, control in callback.controls.items():
            if there.get(name, control) is not control:
                raise BendingError(
                    f"two controls are named {name!r}: {there[name]!r} is in use, and "
                    f"{callback!r} brings {control!r}. Share one BendingParameter, or rename one."
                )

    def moved_by(self, control: BendingParameter) -> Iterator[PlacedBend]:
        """The bends that read a control, of all configurations; a solo is read by others, too."""
        for bend in self.all():
            own = any(c is control for c in bend.callback.controls.values())
            if own or any(control is o.__dict__["parameter"] for o in bend.solos):
                yield bend

    def tell_solos(self, knobs: Knobs) -> tuple[list[PlacedBend], list[Wire]]:
        """Find out which solo switches silence which bends of the current configuration.

        Those on weights are told at once, as weights are computed before they are heard.

        Returns:
            The bends that may play otherwise now, as a switch reaches them that is on; and what
            is to be told to those on activations, when the change is heard.
        """
        trees = {id(b): list(_solos(b.callback)) for b in self.active}
        every = [o for tree in trees.values() for o, _ in tree if _may_be_on(o)]
        reached: list[PlacedBend] = []
        wires: list[Wire] = []
        for bend in self.active:
            told = {}
            for switch, kin in trees[id(bend)]:
                near = {_key(o) for o in (switch, *kin)}
                others = [o for o in every if _key(o) not in near]
                told[_key(switch)] = others, [o for o in kin if _may_be_on(o)]
            before = bend.solos
            bend.solos = [o for others, _ in told.values() for o in others]
            if any(o.value for o in (*before, *bend.solos)):
                reached.append(bend)
            for key, kernel in bend.kernels.items():
                kind = bend.places[key].kind
                for part in kernel.modules():
                    if not isinstance(part, BendKernel):
                        continue
                    others, kin = told.get(_key(part.solo), ([], []))
                    wire: Wire = part, knobs.ours(others, kind), knobs.ours(kin, kind)
                    if kind == "weight":
                        tell(wire)
                    else:
                        wires.append(wire)
        return reached, wires

    def config(self, name: str | None) -> BendingConfig:
        """A configuration as entries that can be saved."""
        config = BendingConfig()
        for bend in self.configs[self.check(name)]:
            config.append((bend.callback, *bend.saved))
        return config


def tell(wire: Wire) -> None:
    """Tell a kernel which solo switches silence it, and which are its kin's."""
    kernel, others, kin = wire
    kernel.hear_others(others, kin)


def _solos(
    callback: BendingCallback, above: Sequence[Operand] = ()
) -> Iterator[tuple[Operand, list[Operand]]]:
    """The solo switch of each bend in a callback, with those of its kin.

    These are the bends that it is in, and those that are in it.
    """
    here = above
    if isinstance(callback, Bend):
        solo = callback.operand("solo")
        below = [each for each in walk(callback) if isinstance(each, Bend)][1:]
        yield solo, [*above, *(each.operand("solo") for each in below)]
        here = [*above, solo]
    for inner in callback.inside():
        yield from _solos(inner, here)


def _may_be_on(solo: Operand) -> bool:
    return bool(solo.value) or solo.__dict__["parameter"] is not None


def _key(solo: Operand) -> int:
    """The same for a control's own operand and for a model's."""
    return id(solo.__dict__["parameter"] or solo)


def saved_patterns(
    patterns: Sequence[str],
    places: Mapping[str, Place],
    methods: Sequence[str] | None,
    weights: bool,
    activations: bool,
) -> tuple[str, ...]:
    """Patterns that say by themselves what ``fn=``, ``bend_param=`` and ``bend_graph=`` said.

    Args:
        patterns: as the user gave them.
        places: what they found.
        methods: the ``fn=`` of the bend.
        weights: its ``bend_param=``.
        activations: its ``bend_graph=``.
    """
    if methods is None and weights and activations:
        return tuple(patterns)
    return tuple(f"{re.escape(key)}$" if p.fn is None else _exact(p) for key, p in places.items())


def _exact(place: Place) -> str:
    return f"{place.fn}:{re.escape(place.name)}$"


def resolve(
    callback: BendingCallback,
    patterns: Sequence[str],
    places: Iterable[Place],
    traced: Iterable[str],
    is_method: Callable[[str], bool],
) -> dict[str, Place]:
    """Find the places that a bend can take.

    Args:
        callback: what is to sit there.
        patterns: where, as regular expressions.
        places: all places that come in question.
        traced: the methods that were traced, for the message.
        is_method: whether a name is one of them.

    Returns:
        Places by key. A parameter that a graph reads is the weight itself, once.

    Raises:
        BendingError: a pattern matches nothing, or nothing that the callback can bend.
    """
    there = list(places)
    weights = {p.name: p for p in there if p.kind == "weight"}
    found: dict[str, Place] = {}
    for pattern, matched in match(patterns, there, is_method).items():
        if not matched:
            raise BendingError(_nothing(pattern, there, list(traced)))
        usable: dict[str, Place] = {}
        refused: list[BendingError] = []
        for place in matched:
            target = _itself(place, weights)
            if target.state:
                refused.append(BendingError(_why_not(target)))
            elif _takes(callback, target):
                callback.check(target)
                usable[target.key] = target
            else:
                refused.append(_refusal(callback, target))
        if not usable:
            raise refused[0]
        found.update(usable)
    return found


def _why_not(place: Place) -> str:
    if place.kind == "weight":
        return (
            f"{place.name!r} is computed anew by a knob that the file has already, whenever that "
            "one is moved: a bend on it would be lost. Move the knob, or bend what the layer gives"
        )
    return (
        f"{place.key!r} is memory that is written again later (a streaming state, or an "
        "operation in place): bend what is computed from it instead"
    )


def _itself(place: Place, weights: Mapping[str, Place]) -> Place:
    return weights.get(place.target, place) if place.op == "get_attr" else place


def _takes(callback: BendingCallback, place: Place) -> bool:
    if place.kind == "weight":
        return callback.weight_compatible
    return callback.activation_compatible and place.tensor


def _refusal(callback: BendingCallback, place: Place) -> BendingError:
    try:
        callback.check(place)
    except BendingCallbackException as error:
        return error
    return BendingCallbackException(f"{callback!r} cannot sit on {place.key!r}")


def _nothing(pattern: str, places: Sequence[Place], traced: Sequence[str]) -> str:
    text = f"the pattern {pattern!r} matches no weight"
    if traced:
        text += f" and no activation of {', '.join(traced)}"
    asked = pattern.rpartition(":")[2] if pattern.partition(":")[0].isidentifier() else pattern
    text += f". {suggest(asked, [p.name for p in places])}"
    if not traced:
        text += " Activations can be bent after trace(fn, **inputs)."
    return text


def place_kernels(
    callback: BendingCallback,
    places: Mapping[str, Place],
    value_of: Callable[[str], torch.Tensor],
    device: torch.device,
    knobs: Knobs,
) -> dict[str, Kernel]:
    """Make a kernel for each place, with its own state, on the model's device.

    Args:
        callback: what sits there.
        places: where, by key.
        value_of: gives a weight as it is before this bend.
        device: of the model.
        knobs: the model's own operands, which the kernels are to read.
    """
    kernels: dict[str, Kernel] = {}
    with plain_tensors():
        for key, place in places.items():
            value = value_of(place.name) if place.kind == "weight" else None
            kernel = callback.kernel(place, value)
            kernel.__dict__["made_by"] = callback
            knobs.adopt(kernel, place.kind)
            kernels[key] = kernel.to(device)
    return kernels


def made_by(kernel: Kernel) -> str:
    """The callback that a kernel is a placement of, for messages."""
    return repr(kernel.__dict__.get("made_by", kernel))
