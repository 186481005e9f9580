"""Scales on a layer's weight as gains on its output.

``(g W) x`` is ``g (W x)``: moving such a Scale costs nothing, the weight is kept once, and
the gain can glide within a block. Where a scaled weight is read by convolutions and linear
layers only, a gain behind each of them takes the place of the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from ..bending.affine import ScaleKernel
from ..bending.bend_kernel import BendKernel
from ..bending.kernel import Kernel
from ..bending.operand import Operand
from .lower import copy_graph

__all__ = ["BENDS", "Gain", "find_gains", "insert_gains", "outer_scales", "weights_read"]

BENDS = "_bends."  # where a scripted module keeps its kernels

# What is linear in its weight, and where its output has one channel for each bias.
_FUNCTIONS: dict[Any, int] = {
    F.linear: -1,
    torch.conv1d: -2,
    torch.conv2d: -3,
    torch.conv3d: -4,
    torch.conv_transpose1d: -2,
    torch.conv_transpose2d: -3,
    torch.conv_transpose3d: -4,
}
_LAYERS: dict[type[nn.Module], int] = {
    nn.Linear: -1,
    nn.Conv1d: -2,
    nn.Conv2d: -3,
    nn.Conv3d: -4,
    nn.ConvTranspose1d: -2,
    nn.ConvTranspose2d: -3,
    nn.ConvTranspose3d: -4,
}


@dataclass
class Gain:
    """Gains behind one layer of one method.

    Attributes:
        fn: the method.
        node: the layer's node.
        channels: dimension of the output that the bias runs along.
        weight: the factors on the layer's weight.
        bias: the factors on its bias.
    """

    fn: str
    node: str
    channels: int
    weight: list[Kernel] = field(default_factory=list)
    bias: list[Kernel] = field(default_factory=list)


@dataclass
class _Use:
    """Where a weight is read: as what of which layer, or in another way."""

    node: fx.Node
    role: str  # "weight", "bias" or "other"
    channels: int = 0


def outer_scales(
    chain: Sequence[Kernel], follows: Callable[[Operand], bool]
) -> tuple[list[Kernel], list[Kernel]]:
    """Take the Scales out of a weight's kernels that are factors of what comes out.

    Those are the last ones, and those before kernels that a factor passes through (a mask). A bend
    that scales the whole weight by some amount is one, too.

    Returns:
        The other kernels, and the factors; all kernels and none, if no control moves one.
    """
    rest: list[Kernel] = []
    factors: list[Kernel] = []
    passes = True
    for kernel in reversed(chain):
        if passes and _is_factor(kernel):
            factors.insert(0, kernel)
            continue
        passes = passes and kernel.homogeneous
        rest.insert(0, kernel)
    if any(follows(operand) for factor in factors for operand in factor.operands()):
        return rest, factors
    return list(chain), []


def _is_factor(kernel: Kernel) -> bool:
    if isinstance(kernel, BendKernel):
        return kernel.plainly and not kernel.part and _is_factor(kernel.kernel)
    return type(kernel) is ScaleKernel and kernel.operands()[0].kind in ("float", "int")


def find_gains(
    graphs: Mapping[str, fx.Graph],
    source: nn.Module,
    names: Mapping[int, str],
    scaled: Mapping[str, Sequence[Kernel]],
) -> tuple[list[Gain], set[str]]:
    """Find the layers whose scaled weights can become gains.

    Args:
        graphs: every method.
        source: the module that the graphs name.
        names: the weights' names, by the parameter's identity.
        scaled: the factors on each scaled weight.

    Returns:
        The gains, and the names of the weights that they take care of.
    """
    uses: dict[str, list[tuple[str, _Use]]] = {}
    for fn, graph in graphs.items():
        for node in graph.nodes:
            for parameter, use in _uses(node, source):
                name = names.get(id(parameter), "")
                if name in scaled:
                    uses.setdefault(name, []).append((fn, use))
    gains: dict[tuple[str, str], Gain] = {}
    taken = set()
    for name, places in uses.items():
        roles = {use.role for _, use in places}
        if roles not in ({"weight"}, {"bias"}):
            continue
        taken.add(name)
        for fn, use in places:
            gain = gains.setdefault((fn, use.node.name), Gain(fn, use.node.name, use.channels))
            (gain.weight if use.role == "weight" else gain.bias).extend(scaled[name])
    return list(gains.values()), taken


def weights_read(
    graphs: Mapping[str, fx.Graph], source: nn.Module, names: Mapping[int, str]
) -> set[str]:
    """Names of the weights that methods read; the arguments are those of :func:`find_gains`."""
    return {
        names[id(parameter)]
        for graph in graphs.values()
        for node in graph.nodes
        for parameter in _weights(node, source)
        if id(parameter) in names
    }


def _weights(node: fx.Node, source: nn.Module) -> list[nn.Parameter]:
    if node.op == "call_module" and not str(node.target).startswith(BENDS):
        return list(source.get_submodule(str(node.target)).parameters())
    value = _attribute(source, str(node.target)) if node.op == "get_attr" else None
    return [value] if isinstance(value, nn.Parameter) else []


def _uses(node: fx.Node, source: nn.Module) -> list[tuple[nn.Parameter, _Use]]:
    if node.op == "call_module":
        if str(node.target).startswith(BENDS):
            return []
        leaf = source.get_submodule(str(node.target))
        channels = _LAYERS.get(type(leaf))
        return [
            (p, _Use(node, key if channels is not None else "other", channels or 0))
            for key, p in leaf.named_parameters()
        ]
    if node.op != "get_attr":
        return []
    value = _attribute(source, str(node.target))
    if not isinstance(value, nn.Parameter):
        return []
    return [(value, _role(user, node)) for user in node.users]


def _role(user: fx.Node, node: fx.Node) -> _Use:
    channels = _FUNCTIONS.get(user.target) if user.op == "call_function" else None
    if channels is None:
        return _Use(user, "other")
    named = dict(zip(("input", "weight", "bias"), user.args, strict=False)) | user.kwargs
    roles = [key for key in ("input", "weight", "bias") if named.get(key) is node]
    if roles not in (["weight"], ["bias"]) or user.all_input_nodes.count(node) > 1:
        return _Use(user, "other")
    return _Use(user, roles[0], channels)


def _attribute(source: nn.Module, path: str) -> Any:
    parent, _, last = path.rpartition(".")
    try:
        return getattr(source.get_submodule(parent), last, None)
    except AttributeError:
        return None


def insert_gains(
    graph: fx.Graph, targets: Mapping[str, str], source: nn.Module
) -> fx.Graph:
    """Put gains behind layers.

    Args:
        graph: a bent method.
        targets: for a layer's node, the path of its scripted gain.
        source: the module that the graph names.

    Returns:
        A new graph. Every use of a layer's output is a use of the gain's.
    """
    new, nodes = copy_graph(graph)
    for name, target in targets.items():
        layer = nodes[name]
        bias: Any = None
        if layer.op == "call_module":
            leaf = source.get_submodule(str(layer.target))
            if leaf.bias is not None:
                with new.inserting_before(layer):
                    bias = new.get_attr(f"{layer.target}.bias")
        else:
            bias = dict(zip(("input", "weight", "bias"), layer.args, strict=False)).get(
                "bias", layer.kwargs.get("bias")
            )
        users = list(layer.users)
        with new.inserting_after(layer):
            gain = new.call_module(target, (layer, bias))
        for user in users:
            user.replace_input_with(layer, gain)
    return new
