"""A bent module as TorchScript: every traced method, every control.

The result shares nothing with the Python side: the leaves and weights of the shadow are
copied, the kernels are the same kernels, scripted. A weight that a control reaches is
computed anew when the control moves, from the unbent weight that is kept beside it.

For an exported file, settings glide to their new values, and a Scale on a layer's weight
becomes a gain on the layer's output; that rounds differently from the live module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import torch
from torch import fx, nn

from ..bending import BendingParameter
from ..bending.kernel import Kernel
from ..bending.operand import Operand
from ..bending.scripting import Scripter
from ..errors import BendingError, ScriptError
from .bends import BendBook
from .fold import Fold, Refresh
from .gains import BENDS, Gain, find_gains, insert_gains, outer_scales, weights_read
from .lower import insert_bends, with_older_operators
from .runner import Runner
from .shadow import shadow_of
from .standalone import Box, attach, borrow, own_weights, settle_parametrizations

__all__ = ["Assembly", "Scripted", "Times", "define_knobs", "script", "script_parts"]

_SIGNATURES = {
    "float": ("v: float", "float", "v"),
    "int": ("v: int", "int", "v"),
    "bool": ("v: bool", "bool", "v"),
    "choice": ("v: str", "str", "v"),
    "vector": ("v: Tensor", "Tensor", "v"),
    "complex": ("real: float, imag: float", "Tuple[float, float]", "real, imag"),
}

# method -> node -> the dimension that is time there
Times = Mapping[str, Mapping[str, int]]


@dataclass
class Scripted:
    """The parts of a scripted bent module.

    Attributes:
        module: every traced method. The parts below are in it, too.
        controls: the scripted control of each parameter, by name.
        folds: for each control, what is computed anew when it moves: modules with a method
            ``fold``.
        reached: names of the controls that something in these methods follows.
        jumping: names of those of which something does not glide to a new value: a weight
            that is folded, an activation without time.
    """

    module: torch.jit.ScriptModule
    parameters: list[BendingParameter]
    controls: dict[str, torch.jit.ScriptModule]
    folds: dict[str, list[torch.jit.ScriptModule]] = field(default_factory=dict)
    reached: frozenset[str] = frozenset()
    jumping: frozenset[str] = frozenset()


def script(runner: Runner, book: BendBook) -> torch.jit.ScriptModule:
    """Script every traced method of a bent module, with accessors for its controls.

    Raises:
        ScriptError: nothing is traced, or something cannot be scripted; names it.
    """
    return define_knobs(script_parts(runner, book))


def define_knobs(parts: Scripted) -> torch.jit.ScriptModule:
    """Give a scripted module the accessors of its controls.

    Raises:
        BendingError: it has one of that name already.
    """
    for control in parts.parameters:
        _define_knob(parts.module, control, len(parts.folds[control.name]))
    return parts.module


def script_parts(
    runner: Runner,
    book: BendBook,
    times: Times | None = None,
    state: Mapping[str, torch.Tensor] | None = None,
    methods: Sequence[str] | None = None,
) -> Scripted:
    """Script the traced methods of a bent module.

    Args:
        runner: runs it.
        book: its bends.
        times: for a file that plays: where time runs in each bent activation and scaled
            layer. There a setting that moves glides to its new value over a block. None:
            nothing glides, and the result has the bits of the live module.
        state: the streaming state to start with, by buffer; else that of this moment.
        methods: some of the traced ones; else all.

    Raises:
        ScriptError: nothing is traced, or something cannot be scripted; names it.
    """
    if not runner.traces:
        raise ScriptError("nothing is traced yet: call trace(fn, ...) for the methods to script")
    runner.settle()
    source = shadow_of(runner.shadow)
    weights = own_weights(source, runner)
    settle_parametrizations(source, _controlled(book))
    _start_with(source, state or {})
    return Assembly(runner, book, source, weights, times).build(methods or list(runner.traces))


class Assembly:
    """Puts the parts together; one use.

    Args:
        runner: runs the model.
        book: its bends.
        source: a copy of the model, which becomes part of the result.
        weights: the copy's own, by name.
        times: see :func:`script_parts`.
    """

    runner: Runner
    source: nn.Module

    def __init__(
        self,
        runner: Runner,
        book: BendBook,
        source: nn.Module,
        weights: Mapping[str, nn.Parameter],
        times: Times | None,
    ) -> None:
        self.runner = runner
        self.bank = runner.bank
        self.source = source
        self.weights = weights
        self.times = times or {}
        self.plays = times is not None
        self.parameters = list(book.controls(book.current).values())
        self.scripter = Scripter(self.parameters, fresh=self.plays)
        self.root = Box()
        self.folds: dict[str, list[torch.jit.ScriptModule]] = {p.name: [] for p in self.parameters}
        self.reached: set[str] = set()
        self.jumping: set[str] = set()
        self.made = 0

    def build(self, methods: Sequence[str]) -> Scripted:
        """Script these methods."""
        graphs = {fn: self._bent_graph(fn) for fn in methods}
        names = {id(p): name for name, p in self.weights.items()}
        read = weights_read(graphs, self.source, names)
        chains = {name: self.chain(name) for name in self.moved_weights() if name in read}
        for kernels in chains.values():
            self.reached.update(self.controls_of(kernels))
        folded: Mapping[str, Sequence[Kernel]] = chains
        if self.plays:
            folded = self._with_gains(graphs, chains, names)
        for name, chain in folded.items():
            self.fold(name, chain)
        for fn, graph in graphs.items():
            borrow(self.root, self.source, graph, self.runner.traces[fn].constants)
        controls = self.scripter.controls()
        for name, control in controls.items():
            attach(self.root, f"_controls.{name}", control)
        return self.parts(_with_methods(self.root, graphs, self.runner), controls)

    def parts(
        self, module: torch.jit.ScriptModule, controls: dict[str, torch.jit.ScriptModule]
    ) -> Scripted:
        """All that was made, around the module that has it."""
        reached, jumping = frozenset(self.reached), frozenset(self.jumping)
        return Scripted(module, self.parameters, controls, self.folds, reached, jumping)

    def _bent_graph(self, fn: str) -> fx.Graph:
        trace = self.runner.traces[fn]
        if trace.graph is None:
            raise ScriptError(
                f"{fn!r} cannot be scripted: it was recorded by hooks, because torch.fx could "
                f"not follow it ({trace.reason})"
            )
        named, _ = self.runner.arguments(self.runner.chains(trace))
        lowered = {
            name: [
                (self._put(self.activation(kernel, self.time(fn, name))), words)
                for kernel, words in chain
            ]
            for name, chain in named.items()
        }
        return with_older_operators(insert_bends(trace.graph, lowered))

    def time(self, fn: str, name: str) -> int | None:
        """The dimension along which a value of a method can glide; None if there is none.

        It counts from 0 up where the shape of the value is known.
        """
        place = self.runner.traces[fn].place(name)
        dtype = None if place is None else place.dtype
        smooth = dtype is None or dtype.is_floating_point or dtype.is_complex
        time = self.times.get(fn, {}).get(name) if smooth else None
        if time is None or place is None or place.shape is None:
            return time
        return time % len(place.shape)

    def activation(self, kernel: Kernel, time: int | None) -> torch.jit.ScriptModule:
        """Script what bends an activation, gliding along ``time``."""
        done = self.scripter.kernel(kernel, fade=time)
        self.reached.update(self.controls_of([kernel]))
        if not self.scripter.fades(kernel, time):
            self.jumping.update(self.controls_of([kernel]))
        if kernel.refreshes():
            refresh = torch.jit.script(Refresh(done))
            for name in self.controls_of([kernel]):
                self.reach(name, refresh)
        return done

    def _with_gains(
        self,
        graphs: dict[str, fx.Graph],
        chains: Mapping[str, Sequence[Kernel]],
        names: Mapping[int, str],
    ) -> Mapping[str, Sequence[Kernel]]:
        """Put gains into the graphs where that is exact; returns what is left to be folded."""
        split = {name: outer_scales(c, self.scripter.follows) for name, c in chains.items()}
        scaled = {name: factors for name, (_, factors) in split.items() if factors}
        gains, taken = find_gains(graphs, self.source, names, scaled)
        for fn in graphs:
            graphs[fn] = insert_gains(graphs[fn], self._gains(fn, gains), self.source)
        return {name: split[name][0] if name in taken else c for name, c in chains.items()}

    def _gains(self, fn: str, gains: Sequence[Gain]) -> dict[str, str]:
        return {
            gain.node: self._put(
                self.gain(gain.weight, gain.bias, gain.channels, self.time(fn, gain.node))
            )
            for gain in gains
            if gain.fn == fn
        }

    def gain(
        self,
        weight: Sequence[Kernel],
        bias: Sequence[Kernel],
        channels: int,
        time: int | None,
    ) -> torch.jit.ScriptModule:
        """Script the gains of a layer, gliding along ``time``."""
        if time is None:
            self.jumping.update(self.controls_of([*weight, *bias]))
        return self.scripter.gain(weight, bias, channels, time)

    def moved_weights(self) -> list[str]:
        """Names of the weights that controls move.

        Raises:
            ScriptError: they are part of an interpolation of versions.
        """
        moved = [name for name in self.bank.installed if self.controls_of(self.chain(name))]
        if moved and self.bank.mix is not None:
            raise ScriptError(
                "an interpolation of versions is playing, and controls reach its weights: "
                "write() it as a version before scripting"
            )
        return moved

    def chain(self, name: str) -> list[Kernel]:
        """The kernels on a weight, those inside chains one by one."""
        found: list[Kernel] = []
        for kernel in self.bank.chains(self.bank.version, name):
            found += kernel.steps()
        return found

    def fold(self, name: str, chain: Sequence[Kernel]) -> None:
        """Keep a weight as its kernels make it; with what computes it anew, if any moves."""
        kernels = list(chain)
        base = self.bank.base(name, self.bank.version).detach()
        with torch.no_grad():
            while kernels and not self.controls_of(kernels[:1]):
                base = kernels.pop(0).forward(base)
            value = base
            for kernel in kernels:
                value = kernel.forward(value)
            self.weights[name].copy_(value)
        if not kernels:
            return
        scripted = [self.scripter.kernel(kernel) for kernel in kernels]
        fold = torch.jit.script(Fold(base, scripted, self.weights[name]))
        for control in self.controls_of(kernels):
            self.reach(control, fold)
            self.jumping.add(control)

    def controls_of(self, kernels: Sequence[Kernel]) -> list[str]:
        """Names of the controls that move kernels."""
        return self._names_of([each for kernel in kernels for each in kernel.operands()])

    def _names_of(self, operands: Sequence[Operand]) -> list[str]:
        followed = [each for each in operands if self.scripter.follows(each)]
        return list(dict.fromkeys(each.__dict__["parameter"].name for each in followed))

    def reach(self, control: str, fold: torch.jit.ScriptModule) -> None:
        """Let a control compute something anew when it moves."""
        there = self.folds[control]
        attach(self.root, f"_folds.{control}.f{len(there)}", fold)
        there.append(fold)

    def _put(self, scripted: nn.Module) -> str:
        path = f"{BENDS}k{self.made}"
        self.made += 1
        attach(self.root, path, scripted)
        return path


def _start_with(source: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    buffers = dict(source.named_buffers())
    for name, value in state.items():
        buffers[name].copy_(value)


def _controlled(book: BendBook) -> list[str]:
    """The weights that a control moves; the solo of another bend does, too."""
    return [
        weight
        for bend in book.active
        for weight in bend.weights
        if any(o.__dict__["parameter"] is not None for o in bend.kernels[weight].operands())
    ]


def _with_methods(
    root: nn.Module, graphs: Mapping[str, fx.Graph], runner: Runner
) -> torch.jit.ScriptModule:
    methods: dict[str, Any] = {}
    for fn, graph in graphs.items():
        function = type(fx.GraphModule(root, graph)).forward
        method = FunctionType(function.__code__, function.__globals__, fn, function.__defaults__)
        method.__annotations__ = dict(function.__annotations__)
        methods[fn] = method if fn == "forward" else torch.jit.export(method)
    kind = type(f"Bent{type(runner.shadow).__name__}", (Box,), methods)
    root.__class__ = kind
    try:
        return torch.jit.script(root)
    except Exception as error:
        raise ScriptError(_reason(error)) from error


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return "torch.jit cannot script this bent module: " + "\n".join(lines[:6])


def _define_knob(module: torch.jit.ScriptModule, control: BendingParameter, folds: int) -> None:
    name = control.name
    for accessor in (f"set_{name}", f"get_{name}"):
        if hasattr(module, accessor):
            raise BendingError(
                f"the module has {accessor!r} already: give the control {name!r} another name"
            )
    takes, gives, passes = _SIGNATURES[control.kind]
    calls = "".join(f"        self._folds.{name}.f{i}.fold()\n" for i in range(folds))
    module.define(
        f"def set_{name}(self, {takes}) -> int:\n"
        f"    done = self._controls.{name}.set({passes})\n"
        f"    if done == 0:\n        pass\n{calls}"
        f"    return done\n"
    )
    module.define(f"def get_{name}(self) -> {gives}:\n    return self._controls.{name}.get()\n")
