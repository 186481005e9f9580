"""What a block sounds like in which a knob of an exported file moves, computed in Python.

In the file, what moved glides from where it was to where it is: a kernel on an activation is
cross-faded along time, and so is a layer whose weight's Scale became a gain. Here the same is
found the long way: everything that glides is computed at both settings and mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from torchbend.bending.kernel import Kernel
from torchbend.bending.scripting import can_fade
from torchbend.tracing.lower import keep_constants
from torchbend.tracing.script import Scripted, Times

if TYPE_CHECKING:
    from torchbend.tracing import BendedModule

__all__ = ["Glides", "play_gliding"]


@dataclass(frozen=True)
class Glides:
    """What glides in a file.

    Attributes:
        times: for each method, the dimension of time of the values that have one.
        gains: for each method, the layers with a gain behind them.
        jumping: controls that move gains and also compute a weight anew, which jumps: what
            they move in one layer can be both.
    """

    times: Times
    gains: Mapping[str, frozenset[str]]
    jumping: frozenset[str] = frozenset()

    @classmethod
    def of(cls, parts: Scripted, times: Times) -> Glides:
        """What glides in a scripted module."""
        folded = {name for name, folds in parts.folds.items() if folds}
        return cls(times, parts.gains, frozenset(parts.gained & folded))


def play_gliding(
    bended: BendedModule,
    fn: str,
    given: tuple[torch.Tensor, ...],
    glides: Glides,
    control: str,
    values: tuple[Any, Any],
) -> Any:
    """Run one block in which a control moves.

    Args:
        bended: the model. The control is at its new value afterwards.
        fn: the method.
        given: its inputs.
        glides: what glides.
        control: the one that moves.
        values: where it was, and where it is.

    Returns:
        What the method returns.
    """
    return _Gliding(bended, fn, glides, control, values).run(*given)


class _Gliding(fx.Interpreter):
    def __init__(
        self,
        bended: BendedModule,
        fn: str,
        glides: Glides,
        control: str,
        values: tuple[Any, Any],
    ) -> None:
        trace = bended._runner.traces[fn]
        keep_constants(trace.constants, bended._shadow)
        super().__init__(bended._shadow, graph=trace.graph)
        self._bended = bended
        self._control = control
        self._was, self._is = values
        self._chains = bended._runner.chains(trace)
        self._times = glides.times.get(fn, {})
        self._gains = glides.gains.get(fn, frozenset())
        self._move(self._is)

    def run_node(self, n: fx.Node) -> Any:
        out = super().run_node(n)
        time = self._times.get(n.name)
        if n.name in self._gains and time is not None:
            self._move(self._was)
            before = self._again(n)
            self._move(self._is)
            out = _mixed(before, out, time)
        for kernel in self._chains.get(n.name, ()):
            out = self._bent(kernel, out, time)
        return out

    def _again(self, n: fx.Node) -> Any:
        """Run a layer with its weights as they are now."""
        weights = [i for i in n.all_input_nodes if i.op == "get_attr"]
        kept = {i: self.env[i] for i in weights}
        self.env.update({i: super(_Gliding, self).run_node(i) for i in weights})
        try:
            return super().run_node(n)
        finally:
            self.env.update(kept)

    def _bent(self, kernel: Kernel, x: Any, time: int | None) -> Any:
        out = kernel(x)
        moves = any(o.__dict__["parameter"] is self._parameter for o in kernel.operands())
        if time is None or not moves or not can_fade(kernel):
            return out
        self._move(self._was)
        before = kernel(x)
        self._move(self._is)
        return _mixed(before, out, time)

    @property
    def _parameter(self) -> Any:
        return self._bended.controllables[self._control]

    def _move(self, value: Any) -> None:
        self._bended.update(self._control, value)
        self._bended._runner.settle()


def _mixed(before: torch.Tensor, now: torch.Tensor, time: int) -> torch.Tensor:
    """Go from one to the other along time, evenly; the last frame is ``now``."""
    if before.shape != now.shape or not (now.is_floating_point() or now.is_complex()):
        return now
    frames = now.shape[time]
    shape = [1] * now.dim()
    shape[time] = frames
    up = torch.linspace(1 / frames, 1.0, frames, dtype=torch.float64).reshape(shape)
    return (before * (1 - up) + now * up).to(now.dtype)
