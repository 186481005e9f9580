"""A bent TorchScript module as TorchScript: kernels in its graphs, controls that move them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..bending.kernel import Kernel
from ..errors import ScriptError
from ..tracing.bends import BendBook, made_by
from ..tracing.gains import outer_scales
from ..tracing.script import Assembly, Scripted, Times, define_knobs
from ..tracing.standalone import attach
from .graphs import wrapped
from .layers import Use, uses_of_weights
from .runner import FileRunner
from .source import hand_over
from .surgery import Operation, Site

__all__ = ["FileAssembly"]


class FileAssembly(Assembly):
    """Operates kernels and gains into a copy of a file; one use.

    Args:
        runner: runs the file.
        book: its bends.
        times: where time runs, for a file that plays; see
            :func:`torchbend.tracing.script.script_parts`.
        state: whether the copy starts with the present streaming state, or the file's.
    """

    runner: FileRunner
    source: torch.jit.ScriptModule

    def __init__(
        self, runner: FileRunner, book: BendBook, times: Times | None, *, state: bool
    ) -> None:
        source = runner.source.open()
        if state:
            hand_over(runner.source, runner.shadow, source, share=False)
        super().__init__(runner, book, source, {}, times)
        self.operation = Operation(source._c)
        self._keep_weights()

    def _keep_weights(self) -> None:
        """Give the copy weights and fixed buffers of its own, as they are now."""
        bank = self.bank
        weights: dict[str, nn.Parameter] = {}
        with torch.no_grad():
            for name, value in bank.installed.items():
                # one that a fold writes must be the very same tensor in the fold and here
                flag = bank.original[name].requires_grad
                weights[name] = nn.Parameter(value.detach().clone(), requires_grad=flag)
                bank.put(self.source, name, weights[name])
            buffers = dict(self.source.named_buffers())
            for name, fixed in {**bank.buffers[None], **bank.buffers[bank.version]}.items():
                buffers[name].copy_(fixed)
        self.weights = weights

    def build(self, methods: Sequence[str]) -> Scripted:
        """Put in what bends these methods, and everything that bends weights.

        Raises:
            ScriptError: a bend cannot become TorchScript; names it.
        """
        chains = {name: self.chain(name) for name in self.moved_weights()}
        for kernels in chains.values():
            self.reached.update(self.controls_of(kernels))
        if self.plays:
            chains = self._put_gains(chains)
        for name, chain in chains.items():
            self.fold(name, chain)
        for fn in methods:
            self._bend(fn)
        controls = self.scripter.controls()
        return self.parts(self.operation.finish(), controls)

    def with_knobs(self, methods: Sequence[str]) -> torch.jit.ScriptModule:
        """The same with the controls in it, and accessors for them."""
        parts = self.build(methods)
        holder = parts.module._c
        for name, control in parts.controls.items():
            attach(self.root, f"_controls.{name}", control)
        for name, box in self.root.named_children():
            if holder.hasattr(name):
                raise ScriptError(
                    f"the file has {name!r} already: torchbend made it. export() adds to it"
                )
            scripted = torch.jit.script(box)
            holder._register_attribute(name, scripted._c._type(), scripted._c)
        parts.module = wrapped(holder)
        return define_knobs(parts)

    def _bend(self, fn: str) -> None:
        for name, kernels in self.runner.chains(self.runner.traces[fn]).items():
            site, time = self.runner.sites[fn][name], self.time(fn, name)
            for kernel in reversed(kernels):  # each goes in before the one that is there
                if kernel.call_args:
                    raise ScriptError(
                        f"{made_by(kernel)} on {fn}:{name} takes {kernel.call_args[0]!r} from the "
                        "call, and the methods of a file take no more than they did"
                    )
                self.operation.insert(site, self.activation(kernel, time))

    def _put_gains(self, chains: dict[str, list[Kernel]]) -> dict[str, list[Kernel]]:
        """Put gains behind layers where that is exact; returns what is left to be folded."""
        split = {name: outer_scales(c, self.scripter.follows) for name, c in chains.items()}
        scaled = {name: factors for name, (_, factors) in split.items() if factors}
        if not scaled:
            return chains
        uses = uses_of_weights(Operation(self.runner.source.open_bare()))
        weight: dict[Site, list[Kernel]] = {}
        bias: dict[Site, list[Kernel]] = {}
        behind: dict[Site, Use] = {}
        taken = set()
        for name, factors in scaled.items():
            there = [
                use
                for path, attribute in self.bank.sites[name]
                for use in uses.get(tuple(path.split(".") if path else ()) + (attribute,), ())
            ]
            roles = {use.role for use in there}
            if roles not in ({"weight"}, {"bias"}):
                continue
            taken.add(name)
            for use in there:
                behind[use.site] = use
                (weight if use.role == "weight" else bias).setdefault(use.site, []).extend(factors)
        names = self._names()
        for site, use in behind.items():
            gain = self.gain(
                weight.get(site, []), bias.get(site, []), use.channels, names.get(use.shown or site)
            )
            layer = self.operation.node(site)
            extra = () if use.bias is None else (layer.inputsAt(use.bias),)
            self.operation.insert(site, gain, extra)
        return {name: split[name][0] if name in taken else c for name, c in chains.items()}

    def _names(self) -> dict[Site, int]:
        """Where time runs, by site."""
        return {
            self.runner.sites[fn][name]: time
            for fn, times in self.times.items()
            for name, time in times.items()
            if name in self.runner.sites.get(fn, {})
        }
