"""Variants of a module: versions of its weights, and configurations of its bends."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from ..bending import BendingConfig
from ..errors import BendingError
from . import looking
from .bending import Bending
from .weights import DEFAULT

__all__ = ["Variants"]


class Variants(Bending):
    """The part of a bent module that keeps versions and configurations."""

    # -- states ------------------------------------------------------------------
    def state_dict(self, version: str | None = None, with_versions: bool = False) -> dict[str, Any]:
        """The unbent state of a version, or of all.

        Args:
            version: the current one if left out; ``"_default"`` is the original.
            with_versions: return ``{version: state dict}``.
        """
        if with_versions:
            if version is not None:
                raise BendingError("state_dict takes a version or with_versions=True, not both")
            return {v or DEFAULT: self.state_dict(v or DEFAULT) for v in self._bank.versions}
        return self._state(version, bent=False)

    def bended_state_dict(self, version: str | None = None) -> dict[str, Any]:
        """The state of a version with its bends applied."""
        return self._state(version, bent=True)

    def _state(self, version: str | None, bent: bool) -> dict[str, Any]:
        chosen = self._bank.version if version is None else self._bank.check_version(version)
        state = dict(self._module.state_dict())
        ties = {n: names[0] for names in self._bank._ties().values() for n in names}
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                state[name] = self._bank.moved(value)
            if name in self._bank.buffers[chosen]:
                state[name] = self._bank.buffers[chosen][name]
            first = ties.get(name, name)
            if first in self._bank.original:
                if bent and version is None and self._bank.mix is not None:
                    state[name] = self._bank.wanted(first).detach()
                elif bent:
                    state[name] = self._bank.bent(first, chosen).detach()
                else:
                    state[name] = self._bank.base(first, chosen).detach()
        return state

    # -- versions ------------------------------------------------------------------
    @property
    def version(self) -> str | None:
        """The current version of the weights; None is the original."""
        return self._bank.version

    @version.setter
    def version(self, name: str | None) -> None:
        with self._changing:
            self._bank.set_version(self._bank.check_version(name))

    @property
    def versions(self) -> list[str | None]:
        """All versions, the original (None) first."""
        return list(self._bank.versions)

    def create_version(
        self, name: str, module_or_state_dict: nn.Module | Mapping[str, Any], strict: bool = True
    ) -> list[str]:
        """Keep another training's weights as a version.

        Args:
            name: of the version.
            module_or_state_dict: where the weights come from.
            strict: refuse names that are missing or unknown; otherwise take what fits.

        Returns:
            Names that the module does not have.

        Raises:
            BendingError: the name is none, or taken; or the weights do not fit.
        """
        _check_name(name)
        if name in self._bank.versions:
            raise BendingError(f"version {name!r} exists already")
        source = module_or_state_dict
        if not isinstance(source, (nn.Module, Mapping)):
            raise BendingError(
                f"version {name!r} is made from a module or a state dict, "
                f"not from {type(source).__name__}"
            )
        tensors = source.state_dict() if isinstance(source, nn.Module) else dict(source)
        for key, value in tensors.items():
            if not isinstance(value, torch.Tensor) and key in self._bank.original:
                raise BendingError(f"version {name!r}: {key!r} is {value!r}, not a tensor")
        tensors = {k: v for k, v in tensors.items() if isinstance(v, torch.Tensor)}
        return self._bank.add(name, tensors, looking.written_buffers(self._runner), strict)

    def write(self, name: str, force: bool = False) -> None:
        """Keep the bent weights as a version, and change to it.

        The weight bends of the version that was current are in the weights now, and end.

        Args:
            name: of the version.
            force: replace a version of that name.

        Raises:
            BendingError: the name is none, or taken; or a bend fails on a weight.
        """
        _check_name(name)
        if name in self._bank.versions and not force:
            raise BendingError(f"version {name!r} exists already; force=True replaces it")
        with self._changing:
            bank = self._bank
            weights = dict(bank.versions[bank.version])
            weights |= {k: w.detach() for k, w in bank.compute(bank.touched()).items()}
            bank.versions[name] = weights
            bank.buffers[name] = dict(bank.buffers[bank.version])
            self._book.end_weight_bends(bank.version)
            bank.mix = None
            bank.set_version(name)
            self._rebuild([])  # their solos are gone with them

    @contextlib.contextmanager
    def set_version(self, name: str | None) -> Iterator[Variants]:
        """Meanwhile, play another version."""
        before = self.version
        self.version = name
        try:
            yield self
        finally:
            self.version = before

    @contextlib.contextmanager
    def interpolate(self, *default: float, **weights: float) -> Iterator[Variants]:
        """Meanwhile, play a weighted mean of versions.

        ``interpolate(1.0, other=0.5)`` is ``(1.0 * original + 0.5 * other) / 1.5``, each
        version with its own bends.

        Args:
            *default: the original's share.
            **weights: the shares of versions by name.
        """
        if len(default) > 1:
            raise BendingError("interpolate takes one number for the original; name the others")
        shares = {DEFAULT: default[0], **weights} if default else dict(weights)
        for name, share in shares.items():
            number = isinstance(share, (int, float)) and not isinstance(share, bool)
            if not number or not math.isfinite(share):
                raise BendingError(f"the share of version {name!r} is a number, not {share!r}")
        mix = {self._bank.check_version(name): float(w) for name, w in shares.items()}
        total = sum(mix.values())
        if not mix or total == 0:
            raise BendingError(f"the shares of an interpolation add up to {total}: {shares}")
        before = self._bank.mix
        self._bank.set_mix(mix)
        try:
            yield self
        finally:
            self._bank.set_mix(before)

    # -- configurations ------------------------------------------------------------
    @property
    def config(self) -> str | None:
        """The current configuration's name; None is the default one."""
        return self._book.current

    @config.setter
    def config(self, name: str | None) -> None:
        self.set_config(name)

    @property
    def configs(self) -> list[str | None]:
        """Names of all configurations, the default (None) first."""
        return list(self._book.configs)

    def bending_config(self, config: str | None = None) -> BendingConfig:
        """A configuration's bends, ready to be saved; the current one's if left out."""
        return self._book.config(self._book.current if config is None else config)

    def save_config_as(self, name: str, force: bool = False) -> None:
        """Keep the current bends as a configuration.

        Args:
            name: of the configuration.
            force: replace one of that name.
        """
        if not isinstance(name, str) or not name:
            raise BendingError(f"a configuration's name is text; got {name!r}")
        if name in self._book.configs and not force:
            raise BendingError(f"configuration {name!r} exists already; force=True replaces it")
        with self._changing:
            self._book.configs[name] = [bend.twin() for bend in self._book.active]

    def set_config(self, name: str | None) -> None:
        """Change to another configuration: its bends are heard, the others are kept."""
        self._book.check(name)
        with self._changing:
            before, leaving = self._book.current, self._book.active
            self._book.current = name
            try:
                self._apply([*leaving, *self._book.active], name)
            except BaseException:
                self._book.current = before
                self._book.tell_solos(self._knobs)
                raise


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name or name == DEFAULT:
        raise BendingError(f"a version's name is text other than {DEFAULT!r}; got {name!r}")
