"""Scripting: the same kernels and controls as TorchScript.

What is scripted is a copy: moving an exported file's controls does not move the Python
model, nor the reverse. TorchScript shares a submodule between two modules only if the very
same scripted object sits in both, so each operand and each user's callback is scripted once
and then put into the copies of everything that reads it.
"""

import copy
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from ..errors import ScriptError, first_line
from .adapter import CallbackKernel
from .bend_kernel import BendFactor, BendKernel
from .callback import BendingCallback
from .capture import RecordingKernel
from .control import make_control
from .fade import Factor, FadeKernel, GainKernel
from .function import LambdaKernel, function_name
from .kernel import CallChainKernel, Kernel, forget
from .operand import Operand
from .parameter import BendingParameter
from .usercode import function_copy, script_callback

__all__ = ["Scripter", "script_kernels"]


class Scripter:
    """Scripts kernels together with the controls that they read.

    Everything it returns is a copy with the present values. The operands of ``parameters``
    are shared between kernels and controls; what reads a control that is not among them keeps
    the control's present value for good. Sharing survives ``torch.jit.save`` if kernels and
    controls are saved in one module.

    Args:
        parameters: the controls to export.
        fresh: whether kernels start without what they remember of earlier blocks.
    """

    def __init__(self, parameters: Sequence[BendingParameter], *, fresh: bool = False) -> None:
        self._parameters = list(parameters)
        self._fresh = fresh
        self._views: dict[int, list[nn.Module]] = {id(parameter): [] for parameter in parameters}
        self._memo: dict[int, Any] = {}
        self._kept: list[Operand] = []  # so that no identity in the memo is used twice

    def follows(self, operand: Operand) -> bool:
        """Whether an operand follows one of the controls."""
        return id(operand.__dict__["parameter"]) in self._views

    def operand(self, operand: Operand) -> nn.Module:
        """Return the copy of an operand, always the same; scripted if it follows a control."""
        if id(operand) not in self._memo:
            fresh: nn.Module = operand.fresh()
            if self.follows(operand):
                fresh = torch.jit.script(fresh)
                self._views[id(operand.__dict__["parameter"])].append(fresh)
            self._memo[id(operand)] = fresh
            self._kept.append(operand)
        return cast(nn.Module, self._memo[id(operand)])

    def kernel(self, kernel: Kernel, fade: int | None = None) -> torch.jit.ScriptModule:
        """Script a kernel.

        Args:
            kernel: from any callback.
            fade: the dimension of time, if the kernel is to glide to new settings along it.

        Raises:
            ScriptError: the kernel cannot be scripted; names the callback and torch's reason.
        """
        for operand in kernel.operands():
            if operand.__dict__["parameter"] is not None:
                self.operand(operand)
        for callback in _unique(_user_callbacks([kernel])):
            if id(callback) not in self._memo:
                self._memo[id(callback)] = script_callback(callback, self._memo)
        glide = fade if _whole(kernel) else None
        if glide is not None:
            for part in kernel.parts():
                self._memo[id(part)] = self.kernel(part, glide)
        done = _script_kernel(kernel, self._memo, glide)
        if self._fresh:
            forget(done)
        if fade is None or glide is not None or not self.fades(kernel, fade):
            return done
        followed = [o for o in kernel.operands() if self.follows(o)]
        # scripted before both that read them: else each would get copies of its own
        then = [_scripted(operand.fresh()) for operand in followed]
        memo: dict[int, Any] = {id(o): copy for o, copy in zip(followed, then, strict=True)}
        # the draws of a mask, say, are in the file once
        memo |= {id(tensor): self._memo.get(id(tensor), tensor) for tensor in kernel.buffers()}
        before = _scriptable(kernel, memo)
        now = [self.operand(operand) for operand in followed]
        return _scripted(FadeKernel(done, before, now, then, fade))

    def fades(self, kernel: Kernel, fade: int | None) -> bool:
        """Whether a kernel is scripted so that it glides; the arguments are :meth:`kernel`'s."""
        moves = any(self.follows(operand) for operand in kernel.operands())
        if fade is None or not moves:
            return False
        if not _whole(kernel):
            return _can_fade(kernel)
        parts = [part for part in kernel.parts() if any(map(self.follows, part.operands()))]
        return kernel.glides and all(self.fades(part, fade) for part in parts)

    def gain(
        self,
        weight: Sequence[Kernel],
        bias: Sequence[Kernel],
        channels: int,
        dim: int | None,
    ) -> torch.jit.ScriptModule:
        """Script the gains of a layer.

        Args:
            weight: what multiplies the weight: Scales, and bends that are nothing else.
            bias: what multiplies the bias.
            channels: see :class:`GainKernel`.
            dim: likewise.
        """
        ours = [self._factor(kernel) for kernel in weight]
        theirs = [self._factor(kernel) for kernel in bias]
        g = math.prod(factor() for factor in ours)
        h = math.prod(factor() for factor in theirs)
        return _scripted(GainKernel(ours, theirs, g, h, channels, dim))

    def _factor(self, kernel: Kernel) -> nn.Module:
        operands = [self.operand(operand) for operand in kernel.operands()]
        if isinstance(kernel, BendKernel):
            scale = self._factor(kernel.kernel)
            return BendFactor(copy.deepcopy(kernel, self._memo), scale)
        (scale,) = operands
        return Factor(scale)

    def controls(self) -> dict[str, torch.jit.ScriptModule]:
        """Script the controls, by name; after everything that follows them."""
        return {
            parameter.name: _scripted(make_control(parameter, self._views[id(parameter)]))
            for parameter in self._parameters
        }


def script_kernels(
    kernels: Sequence[Kernel], parameters: Sequence[BendingParameter]
) -> tuple[list[torch.jit.ScriptModule], dict[str, torch.jit.ScriptModule]]:
    """Script kernels together with the controls that they read; see :class:`Scripter`.

    Args:
        kernels: in any order, from any callbacks.
        parameters: the controls to export.

    Returns:
        The scripted kernels in the same order, and the scripted control of each parameter by
        its name.

    Raises:
        ScriptError: a kernel cannot be scripted; names the callback and torch's reason.
    """
    scripter = Scripter(parameters)
    done = [scripter.kernel(kernel) for kernel in kernels]
    return done, scripter.controls()


def _scripted(module: nn.Module) -> torch.jit.ScriptModule:
    return cast(torch.jit.ScriptModule, torch.jit.script(module))


def _whole(kernel: Kernel) -> bool:
    """Whether a kernel is computed once a block, and what is inside it glides, each for itself.

    One with a state would remember the block twice; of a call's arguments a fade knows nothing.
    """
    return kernel.stateful() or bool(kernel.call_args)


def _can_fade(kernel: Kernel) -> bool:
    """Whether a kernel may be computed twice a block: not if it has a state of its own."""
    own = (CallbackKernel, RecordingKernel)
    return not any(isinstance(leaf, own) for leaf in _leaves([kernel]))


def _unique(items: Iterator[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())


def _leaves(kernels: Sequence[Kernel]) -> Iterator[Kernel]:
    for kernel in kernels:
        for module in kernel.modules():
            if isinstance(module, Kernel):
                yield module


def _user_callbacks(kernels: Sequence[Kernel]) -> Iterator[BendingCallback]:
    for kernel in _leaves(kernels):
        if isinstance(kernel, CallbackKernel):
            yield kernel.callback


def _script_kernel(
    kernel: Kernel, memo: dict[int, Any], glide: int | None = None
) -> torch.jit.ScriptModule:
    names = [function_name(leaf.fn) for leaf in _leaves([kernel]) if isinstance(leaf, LambdaKernel)]
    who = _callback_name(kernel)
    form = _scriptable(kernel, memo)
    if glide is not None and isinstance(form, Kernel):
        form.glide_along(glide)
    try:
        with warnings.catch_warnings():
            # about the source of fx's own GraphModule.__init__, not about ours
            warnings.filterwarnings("ignore", message=".*doesn't support instance-level annot.*")
            return cast(torch.jit.ScriptModule, torch.jit.script(form))
    except Exception as error:  # noqa: BLE001 - torch raises many kinds for code it cannot read
        hint = (
            f"the function {names[0]!r} cannot become TorchScript; it plays live. To export it, "
            "write it as a plain function of tensors in a file, with no outer variables"
            if names
            else "its code cannot become TorchScript"
        )
        raise ScriptError(
            f"{who} cannot be exported: {hint}. torch says: {first_line(error)}"
        ) from error


def _callback_name(kernel: Kernel) -> str:
    inner = [
        f"Lambda({function_name(leaf.fn)})"
        if isinstance(leaf, LambdaKernel)
        else type(leaf.callback).__name__
        if isinstance(leaf, CallbackKernel)
        else type(leaf).__name__.removesuffix("Kernel")
        for leaf in _leaves([kernel])
        if not hasattr(leaf, "kernels")
    ]
    return " >> ".join(inner)


def _scriptable(kernel: Kernel, memo: dict[int, Any]) -> nn.Module:
    """Copy a kernel into a form that scripts; ``memo`` holds what is scripted already."""
    if isinstance(kernel, CallbackKernel):
        return _written_call(kernel, memo[id(kernel.callback)])
    if isinstance(kernel, CallChainKernel):
        return _written_chain(kernel, memo)
    for leaf in _leaves([kernel]):
        if isinstance(leaf, CallbackKernel) and id(leaf) not in memo:
            memo[id(leaf)] = _scriptable(leaf, memo)
        elif isinstance(leaf, RecordingKernel):
            # the file starts with nothing recorded, so recordings are not copied into it
            memo[id(leaf.frames)] = []
    return copy.deepcopy(kernel, memo)


# -- forms written out as a graph, where arguments have names known only now -------------


def _placeholders(graph: fx.Graph, names: Sequence[str]) -> tuple[fx.Node, dict[str, fx.Node]]:
    x = graph.placeholder("x", type_expr=Tensor)
    optional = cast(Any, Tensor | None)
    return x, {n: graph.placeholder(n, type_expr=optional, default_value=None) for n in names}


def _update_callback(self) -> None:  # type: ignore[no-untyped-def]
    self.callback.update()


def _update_nothing(self) -> None:  # type: ignore[no-untyped-def]
    pass


def _update_kernels(self) -> None:  # type: ignore[no-untyped-def]
    for kernel in self.kernels:
        kernel.update()


def _into(self, x: Tensor, out: Tensor) -> None:  # type: ignore[no-untyped-def]
    out.copy_(self.forward(x))


def _module(root: nn.Module, graph: fx.Graph, update: Any) -> nn.Module:
    graph.lint()
    module = fx.GraphModule(root, graph)
    if len(graph.find_nodes(op="placeholder")) == 1:  # what takes from the call is no weight's
        type(module).into = torch.jit.export(function_copy(_into, "into"))  # type: ignore[attr-defined]
    # fx makes a class of its own for every GraphModule, so this reaches no other
    type(module).update = torch.jit.export(function_copy(update, "update"))  # type: ignore[attr-defined]
    return module


def _written_call(kernel: CallbackKernel, callback: nn.Module) -> nn.Module:
    """Write out a user's callback at one place: copy the input, call the method."""
    root = nn.Module()
    root.callback = callback
    graph = fx.Graph()
    x, call = _placeholders(graph, kernel.call_args)
    owner = graph.get_attr("callback")
    first = graph.call_method("clone", (x,))
    if kernel.method == "apply_to_param":
        second = graph.call_method("clone", (x,))
        graph.call_method("apply_to_param", (owner, kernel.idx, first, second))
        graph.output(first)
    else:
        named: dict[str, Any] = {"name": kernel.name} if kernel.named else {}
        graph.output(graph.call_method(kernel.method, (owner, first), {**call, **named}))
    return _module(root, graph, _update_callback if kernel.updates else _update_nothing)


def _written_chain(kernel: CallChainKernel, memo: dict[int, Any]) -> nn.Module:
    """Write out a chain: each kernel gets the arguments of the call that it takes."""
    root = nn.Module()
    members = [cast(Kernel, member) for member in kernel.kernels]
    root.kernels = nn.ModuleList([_scriptable(member, memo) for member in members])
    graph = fx.Graph()
    x, call = _placeholders(graph, kernel.call_args)
    for i, member in enumerate(members):
        taken = {name: call[name] for name in member.call_args}
        x = graph.call_module(f"kernels.{i}", (x,), cast(Any, taken))
    graph.output(x)
    module = _module(root, graph, _update_kernels)
    # fx keeps the path, not the kind of what lies on it; `update` needs the list
    module.kernels = root.kernels
    return module
