"""The weights of a file: those of the model, under the names that they have in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from ..places import Place
from ..tracing.shadow import part_of
from ..tracing.weights import Chains, WeightBank
from .graphs import Object, parts_of
from .names import OURS
from .source import Source, hand_over

__all__ = ["FileBank"]

_MODEL = "_model."  # where a file that torchbend made has its model


class FileBank(WeightBank):
    """Every weight of a file.

    In a file that torchbend made, weights that a knob of the file computes anew are shown, and
    cannot be bent.

    Args:
        source: opens copies of the file.
        shadow: the copy that plays.
        chains: says which kernels sit on a weight of a version.
    """

    shadow: torch.jit.ScriptModule

    def __init__(self, source: Source, shadow: torch.jit.ScriptModule, chains: Chains) -> None:
        super().__init__(shadow, chains)
        self.source = source
        named = {name: _title(self._names_of(name)) for name in self.original}
        self.original = {named[n]: p for n, p in self.original.items() if not _is_ours(named[n])}
        sites = {named[n]: sites for n, sites in self.sites.items()}
        self.sites = {name: sites[name] for name in self.original}
        moved = {id(weight) for weight in _folded(shadow._c)}
        self.moved_by_the_file = {n for n, p in self.original.items() if id(p) in moved}

    def places(self) -> list[Place]:
        """One place a weight."""
        return [replace(p, state=p.name in self.moved_by_the_file) for p in super().places()]

    def _ties(self) -> dict[int, list[str]]:
        """The names of each weight: first as the model has it, then as the file does."""
        return {id(p): [name, *self._names_of(name)] for name, p in self.original.items()}

    def put(self, module: nn.Module, name: str, weight: nn.Parameter) -> None:
        """Put a weight in its places, and in the lists that hold it, too."""
        super().put(module, name, weight)
        here = {tuple(path.split(".")) if path else (): key for path, key in self.sites[name]}
        for (path, attribute), held in self.source.weight_lists.items():
            if here.get(path) in held:
                holder = part_of(module, ".".join(path))
                tensors = list(getattr(holder, attribute))
                tensors[held.index(here[path])] = weight
                setattr(holder, attribute, tensors)

    def twin(self, *, bent: bool) -> torch.jit.ScriptModule:
        """A copy with the present state, to run; see :meth:`WeightBank.twin`."""
        copy = self.source.open()
        self.make_twin(copy, bent=bent)
        return copy

    def make_twin(self, copy: torch.jit.ScriptModule, *, bent: bool) -> None:
        """Give a copy the present weights, and a state of its own like the present one."""
        hand_over(self.source, self.shadow, copy, share=False)
        self.lend(copy, bent=bent)

    def compute(self, names: Iterable[str]) -> dict[str, nn.Parameter]:
        """Weights as they should be now; see :meth:`WeightBank.compute`."""
        found = super().compute(names)
        for name, value in found.items():  # torch multiplies in another order where it differs
            value.requires_grad_(self.original[name].requires_grad)
        return found


def _title(names: Iterable[str]) -> str:
    """The name that a weight has in the model, of those that it has in the file."""
    titles = []
    for name in names:
        while name.startswith(_MODEL):
            name = name[len(_MODEL) :]
        titles.append(name)
    return next((title for title in titles if not _is_ours(title)), titles[0])


def _is_ours(name: str) -> bool:
    first = name.partition(".")[0]
    return bool(OURS.match(first)) or first.startswith(("_fold", "_controls"))


def _folded(holder: Object, *, inside: bool = False) -> list[torch.Tensor]:
    """The weights that folds of a file, or of the files that it was made from, write."""
    found = []
    if inside and holder.hasattr("weight"):
        found.append(holder.getattr("weight"))
    for name, part in parts_of(holder).items():
        if inside or name == _MODEL[:-1] or name.startswith("_fold"):
            found += _folded(part, inside=inside or name.startswith("_fold"))
    return found
