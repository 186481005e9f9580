"""The weights of a bent model: versions, interpolation, and what bends make of them.

The shadow holds the original's parameters. A weight that a version, an interpolation or
a bend changes is computed once, when that changes, and put in its place between two
calls; no call copies a state dict, and no running call sees half of a change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import nn

from ..bending.kernel import Kernel
from ..errors import BendingError, TorchbendError, suggest
from ..places import Place
from .bends import made_by
from .shadow import own_buffers, own_parameters, part_of, plain_tensors, shadow_of

__all__ = ["DEFAULT", "WeightBank"]

DEFAULT = "_default"

# version, weight name -> the kernels bent onto it, in order
Chains = Callable[[str | None, str], Sequence[Kernel]]


class WeightBank:
    """Every weight of a shadow, under every version.

    Args:
        shadow: the module whose parameters are to be replaced.
        chains: says which kernels sit on a weight of a version.

    Attributes:
        pending: weights that were computed and wait for the next :meth:`swap`.
        gate: held, shortly, by whoever reads or writes ``pending`` or starts a run.
    """

    shadow: nn.Module

    def __init__(self, shadow: nn.Module, chains: Chains) -> None:
        self.shadow = shadow
        self.chains = chains
        self.original: dict[str, nn.Parameter] = dict(shadow.named_parameters())
        self.sites = _sites(shadow)
        self.versions: dict[str | None, dict[str, torch.Tensor]] = {None: {}}
        self.buffers: dict[str | None, dict[str, torch.Tensor]] = {None: {}}
        self.version: str | None = None
        self.mix: dict[str | None, float] | None = None
        self.pending: dict[str, nn.Parameter] = {}
        self.installed: dict[str, nn.Parameter] = {}
        self.gate = threading.Lock()
        self.device: torch.device | None = None
        self.dtype: torch.dtype | None = None

    # -- names -------------------------------------------------------------------
    def places(self) -> list[Place]:
        """One place a weight."""
        return [
            Place(
                name,
                "weight",
                tuple(p.shape),
                p.dtype,
                op="parameter",
                aliases=tuple(n for n in self._names_of(name) if n != name),
            )
            for name, p in self.original.items()
        ]

    def _names_of(self, name: str) -> list[str]:
        return [f"{path}.{key}" if path else key for path, key in self.sites[name]]

    def check_version(self, name: str | None) -> str | None:
        """Normalize a version's name.

        Raises:
            BendingError: there is no such version.
        """
        version = None if name == DEFAULT else name
        if version not in self.versions:
            there = [v for v in self.versions if v is not None]
            raise BendingError(f"there is no version {name!r}. {suggest(str(name), there)}")
        return version

    # -- values ------------------------------------------------------------------
    def base(self, name: str, version: str | None) -> torch.Tensor:
        """A weight of a version, before any bend."""
        return self.versions[version].get(name, self.original[name])

    def bent(self, name: str, version: str | None) -> torch.Tensor:
        """A weight of a version, after the bends that sit on it there."""
        value = self.base(name, version)
        chain = self.chains(version, name)
        if not chain:
            return value
        with torch.no_grad():
            value = value.detach()
            for kernel in chain:
                try:
                    value = kernel.forward(value)
                except TorchbendError:
                    raise
                except Exception as error:
                    raise BendingError(
                        f"the bend {made_by(kernel)} on the weight {name!r} failed: {error}"
                    ) from error
        return value

    def wanted(self, name: str) -> torch.Tensor:
        """What the weight should be now."""
        if self.mix is None:
            return self.bent(name, self.version)
        total = sum(self.mix.values())
        with torch.no_grad():
            parts = [self.bent(name, v).detach() * (w / total) for v, w in self.mix.items()]
            out = parts[0]
            for part in parts[1:]:
                out = out + part
        return out

    def touched(self) -> set[str]:
        """Weights that may differ from the original's."""
        versions = {self.version} if self.mix is None else set(self.mix)
        return {
            name
            for name in self.original
            for v in versions
            if name in self.versions[v] or self.chains(v, name)
        }

    # -- changes -----------------------------------------------------------------
    def refresh(self) -> None:
        """Compute all weights that differ, or did, anew; in place at the next :meth:`swap`.

        Raises:
            Whatever a kernel raises; nothing is changed then.
        """
        fresh = self.compute(self.touched() | set(self.installed) | set(self.pending))
        with self.gate:
            self.pending.update(fresh)

    def compute(self, names: Iterable[str]) -> dict[str, nn.Parameter]:
        """Weights as they should be now; nothing is changed.

        Raises:
            BendingError: a bend fails on a weight; names both.
        """
        with plain_tensors():
            return {name: as_parameter(self.wanted(name)) for name in names}

    def swap(self) -> None:
        """Put what was computed in its place; between two runs, never in one."""
        pending, self.pending = self.pending, {}
        for name, value in pending.items():
            self.put(self.shadow, name, value)
            if value is self.original[name]:
                self.installed.pop(name, None)
            else:
                self.installed[name] = value

    def set_version(self, version: str | None) -> None:
        """Change to the weights and the fixed buffers of a version."""
        before = self.version
        self.version = version
        try:
            self.refresh()
        except Exception:
            self.version = before
            raise
        self._install_buffers()

    def set_mix(self, mix: Mapping[str | None, float] | None) -> None:
        """Play a weighted mean of versions, or stop to."""
        before = self.mix
        self.mix = None if mix is None else dict(mix)
        try:
            self.refresh()
        except Exception:
            self.mix = before
            raise
        self._install_buffers()

    def _install_buffers(self) -> None:
        """Put the fixed buffers of the version in place, or their mean in a mixture."""
        mine = dict(self.shadow.named_buffers())
        shares = self.mix or {self.version: 1.0}
        total = sum(shares.values())
        current = {**self.buffers[None], **self.buffers[self.version]}
        with plain_tensors():
            for name, value in current.items():
                if value.is_floating_point():
                    parts = [
                        self.buffers[v].get(name, self.buffers[None][name]) * (share / total)
                        for v, share in shares.items()
                    ]
                    value = torch.stack(parts).sum(0)
                mine[name].copy_(value)

    def add(
        self, name: str, tensors: Mapping[str, torch.Tensor], written: frozenset[str], strict: bool
    ) -> list[str]:
        """Keep a set of weights as a version.

        Args:
            name: of the version.
            tensors: a state dict.
            written: buffers that the model itself writes (its streaming state); they
                belong to no version.
            strict: refuse missing and unknown names.

        Returns:
            Names that the model does not have.
        """
        buffers = dict(self.shadow.named_buffers())
        known = {n for names in self._ties().values() for n in names}
        known |= {n for n, _ in self.shadow.named_buffers(remove_duplicate=False)}
        unknown = [key for key in tensors if key not in known]
        missing = [key for key in self.original if key not in tensors]
        if strict and (unknown or missing):
            wrong = [
                f"{k!r} is not a weight of the model. {suggest(k, self.original)}"
                for k in unknown[:3]
            ]
            wrong += [f"{k!r} is missing." for k in missing[:3]]
            raise BendingError(
                f"version {name!r} does not fit the model ({len(unknown)} unknown, "
                f"{len(missing)} missing): {' '.join(wrong)} strict=False takes what fits."
            )
        weights: dict[str, torch.Tensor] = {}
        for key, parameter in self.original.items():
            if key not in tensors:
                continue
            value = tensors[key].detach()
            if value.shape != parameter.shape:
                raise BendingError(
                    f"version {name!r}: {key!r} has shape {tuple(value.shape)}, "
                    f"the model's has {tuple(parameter.shape)}"
                )
            weights[key] = value.to(parameter.device)
        fixed = {
            key: tensors[key].detach().clone()
            for key, buffer in buffers.items()
            if key in tensors and key not in written and tensors[key].shape == buffer.shape
        }
        self.versions[name] = weights
        self.buffers[name] = fixed
        for key in fixed:
            self.buffers[None].setdefault(key, buffers[key].detach().clone())
        return unknown

    def _ties(self) -> dict[int, list[str]]:
        ties: dict[int, list[str]] = {}
        for name, parameter in self.shadow.named_parameters(remove_duplicate=False):
            ties.setdefault(id(parameter), []).append(name)
        return ties

    # -- the whole ---------------------------------------------------------------
    def twin(self, *, bent: bool) -> nn.Module:
        """A copy of the shadow with its present state, to look at or to trace.

        Args:
            bent: with the weights as they play, or as the version has them.
        """
        copy = shadow_of(self.shadow)
        self.lend(copy, bent=bent)
        return copy

    def put(self, module: nn.Module, name: str, weight: nn.Parameter) -> None:
        """Put a weight in its places in the shadow, or in a copy of it."""
        for path, attribute in self.sites[name]:
            setattr(part_of(module, path), attribute, weight)

    def lend(self, copy: nn.Module, *, bent: bool) -> None:
        """Give a copy the weights as they play, or as the version has them."""
        for name, value in (self.installed | self.pending).items():
            weight = value if bent else as_parameter(self.base(name, self.version))
            self.put(copy, name, weight)

    def to(self, device: torch.device | None, dtype: torch.dtype | None) -> None:
        """Move all weights and state; what moves is no longer shared with the original."""
        self.swap()
        self.device, self.dtype = device or self.device, dtype or self.dtype
        moved = self.moved
        originals: dict[str, nn.Parameter] = {}
        for name, parameter in self.original.items():
            value = moved(parameter)
            if value.device == parameter.device and value.dtype == parameter.dtype:
                originals[name] = parameter
            else:
                originals[name] = nn.Parameter(value, requires_grad=parameter.requires_grad)
        for kept in (*self.versions.values(), *self.buffers.values()):
            for name, tensor in kept.items():
                kept[name] = moved(tensor)
        for sub in self.shadow.modules():
            for key, buffer in own_buffers(sub).items():
                setattr(sub, key, moved(buffer))
        self.original = originals
        self.pending = dict(originals)
        self.swap()

    def moved(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the original where, and as what, the shadow's are since :meth:`to`."""
        kind = self.dtype if tensor.is_floating_point() else None
        return tensor.detach().to(device=self.device, dtype=kind)

    def is_changed(self, name: str) -> bool:
        """Whether a bend (or an interpolation) changes a weight of the current version."""
        return self.mix is not None or bool(self.chains(self.version, name))

    def owned_bytes(self) -> int:
        """Bytes of the tensors that bends, versions and interpolation made."""
        seen: dict[int, int] = {}
        theirs = {p.untyped_storage().data_ptr() for p in self.original.values()}
        kept: list[torch.Tensor] = [*self.installed.values(), *self.pending.values()]
        kept += [t for v in self.versions.values() for t in v.values()]
        for tensor in kept:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in theirs:
                seen[storage.data_ptr()] = storage.nbytes()
        return sum(seen.values())


def as_parameter(value: torch.Tensor) -> nn.Parameter:
    """A tensor as a parameter; one that is a parameter already stays itself."""
    if isinstance(value, nn.Parameter):
        return value
    return nn.Parameter(value.detach(), requires_grad=False)


def _sites(module: nn.Module) -> dict[str, list[tuple[str, str]]]:
    """Where each parameter stands: paths of modules, and the attribute there."""
    names = {id(p): name for name, p in module.named_parameters()}
    sites: dict[str, list[tuple[str, str]]] = {name: [] for name in names.values()}
    for path, sub in module.named_modules():
        for attribute, parameter in own_parameters(sub).items():
            own = f"{path}.{attribute}" if path else attribute
            sites[names.get(id(parameter), own)].append((path, attribute))
    return sites
