"""Making a bent module stand alone: weights of its own, and only what its graphs name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import fx, nn

from ..errors import ScriptError
from .gains import BENDS
from .runner import Runner
from .shadow import own_parameters

__all__ = ["Box", "attach", "borrow", "own_weights", "settle_parametrizations"]


class Box(nn.Module):
    """A place in the tree that only holds others."""


def own_weights(source: nn.Module, runner: Runner) -> dict[str, nn.Parameter]:
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


def settle_parametrizations(source: nn.Module, controlled: Sequence[str]) -> None:
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
            moved = [w for w in controlled if w.startswith(parts)]
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


def attach(root: nn.Module, path: str, value: nn.Module) -> None:
    """Put a module at a path, making the boxes on the way."""
    *parents, last = path.split(".")
    _box(root, parents).add_module(last, value)


def _box(root: nn.Module, parents: Sequence[str]) -> nn.Module:
    here = root
    for name in parents:
        if name not in here._modules:
            here.add_module(name, Box())
        here = here.get_submodule(name)
    return here


def borrow(
    root: nn.Module, source: nn.Module, graph: fx.Graph, constants: Mapping[str, torch.Tensor]
) -> None:
    """Give the root the leaves and tensors that a graph names."""
    for node in graph.nodes:
        if node.op not in ("get_attr", "call_module"):
            continue
        target = str(node.target)
        if target.startswith(BENDS):
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
            if isinstance(box._modules.get(last, Box()), Box):
                box.add_module(last, value)
        elif last in there._parameters:
            if last not in box._parameters:
                box.register_parameter(last, value)
        elif isinstance(value, torch.Tensor):
            if last not in box._buffers:
                box.register_buffer(last, value)
        elif not hasattr(box, last):
            setattr(box, last, value)


