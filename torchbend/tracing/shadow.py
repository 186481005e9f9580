"""A module's shadow: the same structure over the same weights, with a state of its own.

A bent model must not change the model it was made from. Its shadow has the original's
classes and attributes, holds the very same parameter tensors, and owns its buffers, so
that a streaming model's caches advance in the shadow alone. A bend replaces a weight
in the shadow and nowhere else.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import operator
import pickle
from collections.abc import Iterator

import torch
from torch import nn

__all__ = [
    "State",
    "bring_up",
    "lazy_buffers",
    "noise_kept",
    "own_buffers",
    "own_parameters",
    "part_of",
    "plain_tensors",
    "restore",
    "shadow_of",
    "snapshot",
]

log = logging.getLogger(__name__)

_NO_COPY = (TypeError, RuntimeError, AttributeError, NotImplementedError, pickle.PicklingError)

State = dict[tuple[nn.Module, str], torch.Tensor]


def shadow_of(module: nn.Module) -> nn.Module:
    """Copy a module's structure and state, and share its parameters.

    Args:
        module: any module; it is not changed.

    Returns:
        A module of the same class whose parameters are the same objects.
    """
    with plain_tensors():
        return _shadow_of(module)


@contextlib.contextmanager
def plain_tensors() -> Iterator[None]:
    """Make ordinary tensors meanwhile, also for a caller in ``torch.inference_mode``.

    What is made here lives on, and an inference tensor could not be written later.
    """
    with torch.inference_mode(False), torch.no_grad():
        yield


@contextlib.contextmanager
def noise_kept() -> Iterator[None]:
    """Leave the global random generators, on all devices, as they are found."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        yield


def _shadow_of(module: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(module, _shared(module))
    except _NO_COPY as error:
        log.info(
            "%s cannot be copied whole (%s): it is copied attribute by attribute, and what "
            "cannot be copied is shared",
            type(module).__name__,
            error,
        )
        return _skeleton(module, _shared(module))


def _shared(module: nn.Module) -> dict[int, object]:
    """What a copy shares with the module, or has made already: parameters, plain tensors.

    The parameters of modules that are kept as plain attributes, such as a frozen text encoder
    that is not to be saved along, are shared, too.
    """
    memo: dict[int, object] = {id(p): p for p in module.parameters()}
    for sub in module.modules():
        for value in vars(sub).values():
            if isinstance(value, torch.Tensor):
                memo[id(value)] = value.detach().clone()
            elif isinstance(value, nn.Module):
                memo.update({id(p): p for p in value.parameters()})
    return memo


def _skeleton(module: nn.Module, memo: dict[int, object]) -> nn.Module:
    """Copy a module attribute by attribute; what cannot be copied is shared."""
    if id(module) in memo:
        return memo[id(module)]  # type: ignore[return-value]
    new = module.__class__.__new__(module.__class__)
    memo[id(module)] = new
    submodules = {
        name: None if m is None else _skeleton(m, memo) for name, m in module._modules.items()
    }
    for name, value in vars(module).items():
        try:
            new.__dict__[name] = submodules if name == "_modules" else copy.deepcopy(value, memo)
        except _NO_COPY:
            new.__dict__[name] = value
    return new


def part_of(module: nn.Module, path: str) -> nn.Module:
    """The submodule at a path; scripted modules have no ``get_submodule``."""
    part: nn.Module = operator.attrgetter(path)(module) if path else module
    return part


def own_buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """The buffers of a module alone, scripted modules included."""
    return dict(module.named_buffers(recurse=False))


def own_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a module alone, scripted modules included."""
    return dict(module.named_parameters(recurse=False))


def snapshot(module: nn.Module, prefix: str = "") -> State:
    """Copy every buffer of a module whose own name begins so."""
    with plain_tensors():
        return {
            (sub, name): buffer.detach().clone()
            for sub in module.modules()
            for name, buffer in own_buffers(sub).items()
            if name.startswith(prefix)
        }


def restore(module: nn.Module, state: State) -> None:
    """Put buffers back as :func:`snapshot` found them, in place where they still fit."""
    with plain_tensors():
        for (sub, name), saved in state.items():
            now = own_buffers(sub).get(name)
            fits = now is not None and now.shape == saved.shape and now.dtype == saved.dtype
            # what was made under inference_mode cannot be written outside of it
            if now is not None and fits and not now.is_inference():
                now.copy_(saved)
            else:
                setattr(sub, name, saved)


def bring_up(source: nn.Module, target: nn.Module, first: State | None = None) -> None:
    """Give a module the buffers that its copy registered since, and their modules' flags.

    Args:
        source: the copy, which ran.
        target: the module, which did not.
        first: the buffers' first values; as they are in the copy where none is given.
    """
    theirs = dict(source.named_modules())
    for path, module in target.named_modules():
        other = theirs[path]
        fresh = {
            key: buffer
            for key, buffer in own_buffers(other).items()
            if key not in own_buffers(module)
        }
        for key, buffer in fresh.items():
            value = (first or {}).get((other, key), buffer)
            kept = key not in other._non_persistent_buffers_set
            module.register_buffer(key, value.detach().clone(), persistent=kept)
        if fresh:
            for key, flag in vars(other).items():  # such as ``initialized``
                if not key.startswith("_") and isinstance(flag, (bool, int, float, str)):
                    module.__dict__[key] = flag


@contextlib.contextmanager
def lazy_buffers() -> Iterator[State]:
    """Note each buffer that is registered meanwhile, with its first value.

    Streaming layers make their caches at their first call; a model that was called once
    to find them out must get them as they were before that call.
    """
    born: State = {}
    register = nn.Module.register_buffer

    def noting(
        self: nn.Module, name: str, tensor: torch.Tensor | None, persistent: bool = True
    ) -> None:
        register(self, name, tensor, persistent)
        if tensor is not None:
            born[self, name] = tensor.detach().clone()

    nn.Module.register_buffer = noting  # type: ignore[method-assign]
    try:
        yield born
    finally:
        nn.Module.register_buffer = register  # type: ignore[method-assign]
