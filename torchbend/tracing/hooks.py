"""Places of a method that ``torch.fx`` cannot follow: the outputs of its submodules.

Their names are the modules' paths (``decoder.net.2``); where a module gives several
tensors, ``path/0``, ``path/1``. A bend there runs in a forward hook, and only while its
own method runs.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from ..places import Place
from .tracer import call_method

__all__ = ["bending_hooks", "outputs_of_submodules", "recording_hooks"]

Bend = Callable[..., torch.Tensor]


def outputs_of_submodules(
    module: nn.Module, fn: str, arguments: Mapping[str, Any]
) -> tuple[Place, ...]:
    """Run a method once and note what its submodules give, in order.

    Args:
        module: a copy of the model; its state advances.
        fn: the method.
        arguments: its inputs by name.
    """
    seen: dict[str, Place] = {}
    kinds = {name: type(sub).__name__ for name, sub in module.named_modules()}

    def note(name: str, value: torch.Tensor) -> None:
        path = name.partition("/")[0]
        seen.setdefault(
            name,
            Place(name, "activation", tuple(value.shape), value.dtype, fn, "module", kinds[path]),
        )

    with recording_hooks(module, note):
        call_method(module, fn, arguments)
    return tuple(seen.values())


@contextlib.contextmanager
def recording_hooks(module: nn.Module, note: Callable[[str, torch.Tensor], None]) -> Iterator[None]:
    """Meanwhile, tell ``note(name, value)`` of every tensor a submodule gives.

    Only of calls on this thread: another may be calling the same module.
    """
    thread = threading.get_ident()

    def hook_of(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, out: Any) -> None:
            if threading.get_ident() != thread:
                return
            for label, value in _tensors(name, out):
                note(label, value)

        return hook

    handles = [
        sub.register_forward_hook(hook_of(name))
        for name, sub in module.named_modules()
        if name and not isinstance(sub, torch.jit.ScriptModule)  # those take no hooks
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def bending_hooks(module: nn.Module, chains: Mapping[str, Bend]) -> Iterator[None]:
    """Meanwhile, on this thread, replace what submodules give: ``chains[name](value)``."""
    thread = threading.get_ident()
    paths: dict[str, dict[str, Bend]] = {}
    for name, bend in chains.items():
        paths.setdefault(name.partition("/")[0], {})[name] = bend

    def hook_of(path: str, bends: Mapping[str, Bend]) -> Callable[..., Any]:
        def hook(_: nn.Module, __: Any, out: Any) -> Any:
            if threading.get_ident() != thread:
                return out
            if path in bends and isinstance(out, torch.Tensor):
                return bends[path](out)
            items = list(out)
            for label, value in _tensors(path, out):
                if label in bends:
                    items[int(label.rpartition("/")[2])] = bends[label](value)
            if hasattr(out, "_fields"):
                return type(out)(*items)
            return type(out)(items)

        return hook

    handles = [
        module.get_submodule(path).register_forward_hook(hook_of(path, bends))
        for path, bends in paths.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tensors(name: str, out: Any) -> list[tuple[str, torch.Tensor]]:
    if isinstance(out, torch.Tensor):
        return [(name, out)]
    if isinstance(out, (tuple, list)):
        return [(f"{name}/{i}", v) for i, v in enumerate(out) if isinstance(v, torch.Tensor)]
    return []
