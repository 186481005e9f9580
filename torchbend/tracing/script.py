"""A bent module as TorchScript: every traced method, every control.

The result is one ``ScriptModule`` that shares nothing with the Python side: the leaves and
weights of the shadow are copied, the kernels are the same kernels, scripted. A weight that
a control reaches is computed anew by the control's setter, from the unbent weight it keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import fx, nn

from ..bending import BendingParameter
from ..bending.kernel import Kernel
from ..bending.scripting import script_kernels
from ..errors import BendingError, ScriptError
from .bends import BendBook
from .lower import insert_bends
from .runner import Runner
from .shadow import own_parameters, shadow_of

__all__ = ["script"]

_SIGNATURES = {
    "float": ("v: float", "float", "v"),
    "int": ("v: int", "int", "v"),
    "bool": ("v: bool", "bool", "v"),
    "choice": ("v: str", "str", "v"),
    "vector": ("v: Tensor", "Tensor", "v"),
    "complex": ("real: float, imag: float", "Tuple[float, float]", "real, imag"),
}


class Fold(nn.Module):
    """Computes a bent weight from the unbent one, in place, when a control moved."""

    def __init__(
        self, base: torch.Tensor, kernels: Sequence[nn.Module], weight: nn.Parameter
    ) -> None:
        super().__init__()
        self.register_buffer("base", base.detach().clone())
        self.kernels = nn.ModuleList(kernels)
        self.weight = weight

    def forward(self) -> None:
        """Compute the weight anew."""
        with torch.no_grad():
            x = self.base
            for kernel in self.kernels:
                kernel.update()  # type: ignore[operator]
                x = kernel(x)
            self.weight.copy_(x)  # type: ignore[arg-type]


class _Box(nn.Module):
    """A place in the tree that only holds others."""


def script(runner: Runner, book: BendBook) -> torch.jit.ScriptModule:
    """Script every traced method of a bent module.

    Raises:
        ScriptError: nothing is traced, or something cannot be scripted; names it.
    """
    if not runner.traces:
        raise ScriptError("nothing is traced yet: call trace(fn, ...) for the methods to script")
    runner.settle()
    source = shadow_of(runner.shadow)
    copies = _own_weights(source, runner)
    _settle_parametrizations(source, book)
    controls = list(book.controls(book.current).values())
    kernels, graphs = _bent_graphs(runner)
    folded = {
        name: runner.bank.chains(runner.bank.version, name)
        for name in runner.bank.installed
        if _controls_of(book, name)
    }
    if folded and runner.bank.mix is not None:
        raise ScriptError(
            "an interpolation of versions is playing, and controls reach its weights: "
            "write() it as a version before scripting"
        )
    for chain in folded.values():
        kernels += [k for k in chain if not any(k is known for known in kernels)]
    scripted, knobs = script_kernels(kernels, controls)
    of = {id(k): s for k, s in zip(kernels, scripted, strict=True)}

    root = _Box()
    for i, done in enumerate(scripted):
        _attach(root, f"_bends.k{i}", done)
    for name, knob in knobs.items():
        _attach(root, f"_controls.{name}", knob)
    reach: dict[str, list[str]] = {}
    for i, (name, chain) in enumerate(folded.items()):
        base = runner.bank.base(name, runner.bank.version)
        fold = torch.jit.script(Fold(base, [of[id(k)] for k in chain], copies[name]))
        _attach(root, f"_folds.f{i}", fold)
        for control in _controls_of(book, name):
            reach.setdefault(control.name, []).append(f"_folds.f{i}()")
    for i, kernel in enumerate(kernels):
        for bend in book.active:
            if any(kernel is k for key, k in bend.kernels.items() if ":" in key):
                for control in bend.callback.controls.values():
                    reach.setdefault(control.name, []).append(f"_bends.k{i}.update()")
    for fn, graph in graphs.items():
        _borrow(root, source, graph, runner.traces[fn].constants)
    module = _with_methods(root, graphs, runner)
    for control in controls:
        _define_knob(module, control, reach.get(control.name, []))
    return module


def _own_weights(source: nn.Module, runner: Runner) -> dict[str, nn.Parameter]:
    """Give a copy of the shadow weights of its own."""
    names = {id(p): n for n, p in runner.shadow.named_parameters()}
    wanted: dict[str, nn.Parameter] = {}
    for sub in source.modules():
        for key, parameter in own_parameters(sub).items():
            name = names.get(id(parameter), "")
            if name not in wanted:
                wanted[name] = nn.Parameter(parameter.detach().clone(), requires_grad=False)
            setattr(sub, key, wanted[name])
    return wanted


def _settle_parametrizations(source: nn.Module, book: BendBook) -> None:
    """Turn computed weights (weight norm and its kin) of a copy into plain ones.

    Raises:
        ScriptError: a control reaches what such a weight is computed from.
    """
    for path, module in list(source.named_modules()):
        if isinstance(module, torch.jit.ScriptModule):
            continue
        parametrized = list(getattr(module, "parametrizations", None) or ())
        hooked = [
            (hook, hook.name)
            for hook in module._forward_pre_hooks.values()
            if type(hook).__name__ in ("WeightNorm", "SpectralNorm") and hasattr(hook, "name")
        ]
        for name in [*parametrized, *(n for _, n in hooked)]:
            parts = (f"{path}.parametrizations.{name}.", f"{path}.{name}_")
            moved = [w for w in _controlled(book) if w.startswith(parts)]
            if moved:
                raise ScriptError(
                    f"{moved[0]!r} is moved by a control, and {path}.{name} is computed from it "
                    "at each call, which TorchScript cannot do: bend it without a control, or "
                    "remove the norm from the module before wrapping it"
                )
        if parametrized:
            _plain(module, parametrized)
        for hook, name in hooked:
            if type(hook).__name__ == "WeightNorm":
                nn.utils.remove_weight_norm(module, name)
            else:
                nn.utils.remove_spectral_norm(module, name)


def _plain(module: nn.Module, names: Sequence[str]) -> None:
    """Take the parametrizations off a copy.

    Not by ``remove_parametrizations``: that edits the class, which all copies share.
    """
    values = {name: getattr(module, name).detach().clone() for name in names}
    del module.parametrizations
    module.__class__ = type(module).__bases__[0]
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value, requires_grad=False))


def _controlled(book: BendBook) -> list[str]:
    return [w for bend in book.active if bend.callback.controls for w in bend.weights]


def _bent_graphs(
    runner: Runner,
) -> tuple[list[Kernel], dict[str, fx.Graph]]:
    kernels: list[Kernel] = []
    graphs: dict[str, fx.Graph] = {}
    for fn, trace in runner.traces.items():
        if trace.graph is None:
            raise ScriptError(
                f"{fn!r} cannot be scripted: it was recorded by hooks, because torch.fx could "
                f"not follow it ({trace.reason})"
            )
        named, _ = runner.arguments(runner.chains(trace))
        lowered = {}
        for name, chain in named.items():
            links = []
            for kernel, words in chain:
                if not any(kernel is k for k in kernels):
                    kernels.append(kernel)
                number = next(i for i, k in enumerate(kernels) if k is kernel)
                links.append((f"_bends.k{number}", words))
            lowered[name] = links
        graphs[fn] = insert_bends(trace.graph, lowered)
    return kernels, graphs


def _controls_of(book: BendBook, weight: str) -> list[BendingParameter]:
    found = {}
    for bend in book.active:
        if weight in bend.kernels:
            found.update(bend.callback.controls)
    return list(found.values())


def _attach(root: nn.Module, path: str, value: nn.Module) -> None:
    *parents, last = path.split(".")
    _box(root, parents).add_module(last, value)


def _box(root: nn.Module, parents: Sequence[str]) -> nn.Module:
    here = root
    for name in parents:
        if name not in here._modules:
            here.add_module(name, _Box())
        here = here.get_submodule(name)
    return here


def _borrow(
    root: nn.Module, source: nn.Module, graph: fx.Graph, constants: Mapping[str, torch.Tensor]
) -> None:
    """Give the root the leaves and tensors that a graph names."""
    for node in graph.nodes:
        if node.op not in ("get_attr", "call_module"):
            continue
        target = str(node.target)
        if target.startswith("_bends."):
            continue
        if target in constants:
            if target not in root._buffers:
                root.register_buffer(target, getattr(source, target, constants[target]).clone())
            continue
        *parents, last = target.split(".")
        there = source.get_submodule(".".join(parents))
        box = _box(root, parents)
        value = getattr(there, last)
        if isinstance(value, nn.Module):
            if isinstance(box._modules.get(last, _Box()), _Box):
                box.add_module(last, value)
        elif last in there._parameters:
            if last not in box._parameters:
                box.register_parameter(last, value)
        elif isinstance(value, torch.Tensor):
            if last not in box._buffers:
                box.register_buffer(last, value)
        elif not hasattr(box, last):
            setattr(box, last, value)


def _with_methods(
    root: nn.Module, graphs: Mapping[str, fx.Graph], runner: Runner
) -> torch.jit.ScriptModule:
    methods: dict[str, Any] = {}
    for fn, graph in graphs.items():
        function = type(fx.GraphModule(root, graph)).forward
        method = FunctionType(function.__code__, function.__globals__, fn, function.__defaults__)
        method.__annotations__ = dict(function.__annotations__)
        methods[fn] = method if fn == "forward" else torch.jit.export(method)
    kind = type(f"Bent{type(runner.shadow).__name__}", (_Box,), methods)
    root.__class__ = kind
    try:
        return torch.jit.script(root)
    except Exception as error:
        raise ScriptError(_reason(error)) from error


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return "torch.jit cannot script this bent module: " + "\n".join(lines[:6])


def _define_knob(
    module: torch.jit.ScriptModule, control: BendingParameter, reach: Sequence[str]
) -> None:
    name = control.name
    for accessor in (f"set_{name}", f"get_{name}"):
        if hasattr(module, accessor):
            raise BendingError(
                f"the module has {accessor!r} already: give the control {name!r} another name"
            )
    takes, gives, passes = _SIGNATURES[control.kind]
    calls = "".join(f"        self.{call}\n" for call in dict.fromkeys(reach))
    module.define(
        f"def set_{name}(self, {takes}) -> int:\n"
        f"    done = self._controls.{name}.set({passes})\n"
        f"    if done == 0:\n        pass\n{calls}"
        f"    return done\n"
    )
    module.define(f"def get_{name}(self) -> {gives}:\n    return self._controls.{name}.get()\n")
