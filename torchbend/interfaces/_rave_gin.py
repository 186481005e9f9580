"""Reads a run's ``config.gin`` as data, before gin acts on it.

gin imports the modules that a configuration names, and calls the functions that it refers
to: a stranger's file could name any. Here the text is parsed by gin's own parser, which runs
nothing, and everything it names must be a part of what RAVE is made of.
"""

from __future__ import annotations

import importlib
import tokenize
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from torch import nn

from torchbend.errors import TorchbendError, suggest
from torchbend.interfaces._rave_import import import_rave

__all__ = ["check_config"]

_MOST_CHARACTERS = 1_000_000  # what RAVE writes has ten thousand

# What a configuration may import. RAVE's own are written with these alone.
_MODULES = frozenset(
    "rave rave.balancer rave.blocks rave.core rave.dataset rave.descript_discriminator "
    "rave.discriminator rave.model rave.pqmf rave.quantization rave.resampler rave.transforms "
    "cached_conv cached_conv.convs torch torch.nn torchaudio torchaudio.transforms".split()
)

# Functions that a configuration may have called; of classes, layers and augmentations.
_FUNCTIONS = frozenset(
    {
        ("rave.blocks", "leaky_relu"),
        ("rave.blocks", "normalization"),
        ("rave.core", "get_augmented_latent_size"),
        ("rave.core", "hinge_gan"),
        ("rave.core", "ls_gan"),
        ("rave.core", "mean_difference"),
        ("rave.core", "mod_sigmoid"),
        ("rave.core", "n_fft_to_num_bands"),
        ("rave.core", "nonsaturating_gan"),
        ("rave.core", "relative_distance"),
        ("cached_conv", "AlignBranches"),
        ("cached_conv", "Conv1d"),
        ("cached_conv", "ConvTranspose1d"),
        ("cached_conv.convs", "get_padding"),
    }
)

# Where the things that it may set, and the layers that it may use, are defined.
_HOMES = ("rave", "cached_conv", "torch.nn", "torchaudio.transforms")

_DYNAMIC = "__gin__.dynamic_registration"


def check_config(text: str, name: str) -> None:
    """Refuse a configuration that reaches beyond what RAVE is made of.

    Args:
        text: of a ``config.gin``, as ``rave train`` writes it.
        name: of the file, for messages.

    Raises:
        TorchbendError: it is no gin configuration, or one line of it imports, includes, sets
            or calls something else; names the line.
    """
    import_rave()
    if len(text) > _MOST_CHARACTERS:
        raise TorchbendError(f"{name} has {len(text)} characters: that is no RAVE configuration")
    parser = importlib.import_module("gin.config_parser")
    noted = _References()
    check = _Check(name)
    try:
        for statement in parser.ConfigParser(text, noted):
            check.line = statement.location.line_num
            if isinstance(statement, parser.ImportStatement):
                check.import_(statement)
            elif isinstance(statement, parser.IncludeStatement):
                check.refuse(f"includes {statement.filename!r}", "a run's own never includes")
            elif isinstance(statement, parser.BlockDeclaration) or statement.arg_name:
                check.set(statement.selector)
            while noted.references:
                check.call(noted.references.pop())
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, IndexError) as error:
        raise TorchbendError(
            f"{name} is not a gin configuration, around line {check.line}: {error}"
        ) from error


@dataclass
class _References:
    """Takes down what a statement refers to (``@name``); macros (``%NAME``) are values."""

    references: list[str] = field(default_factory=list)

    def configurable_reference(self, name: str, evaluate: bool) -> None:
        self.references.append(name.rpartition("/")[2])

    def macro(self, name: str) -> None:
        return None


@dataclass
class _Check:
    """Follows names through the imports of one configuration."""

    name: str
    line: int = 0
    modules: dict[str, ModuleType] = field(default_factory=dict)
    dynamic: bool = False

    def refuse(self, what: str, why: str) -> None:
        raise TorchbendError(
            f"{self.name}, line {self.line}, {what}, and {why}: it is not opened, because gin "
            "would run what it names"
        )

    def import_(self, statement: Any) -> None:
        module, bound = statement.module, statement.bound_name()
        if module == _DYNAMIC and statement.is_from:
            self.dynamic = True
            return
        if module not in _MODULES:
            self.refuse(f"imports {module!r}", "RAVE's configurations do not")
        if not self.dynamic:
            self.refuse(
                f"imports {module!r} without `from __gin__ import dynamic_registration` before it",
                "RAVE's configurations begin with that",
            )
        whole = statement.is_from or statement.alias
        found = importlib.import_module(module if whole else module.partition(".")[0])
        importlib.import_module(module)
        if self.modules.setdefault(bound, found) is not found:
            self.refuse(f"imports a second {bound!r}", "a name may mean one thing only")

    def set(self, selector: str) -> None:
        """A parameter of this may be set."""
        thing = self._follow(selector)
        if not callable(thing) or not _is_at_home(thing):
            self.refuse(f"sets a parameter of {selector!r}", "that is no part of RAVE")

    def call(self, selector: str) -> None:
        """This may be handed to RAVE, which may call it."""
        thing = self._follow(selector)
        home = getattr(thing, "__module__", "")
        if isinstance(thing, type):
            known = issubclass(thing, nn.Module) or home == "rave.transforms"
            allowed = known and _is_at_home(thing)
        else:
            allowed = (home, getattr(thing, "__name__", "")) in _FUNCTIONS
        if not allowed:
            self.refuse(f"refers to {selector!r}", "that is no layer or function of a RAVE")

    def _follow(self, selector: str) -> Any:
        """What a dotted name means: a module by its import, then one name in it."""
        first, *rest = selector.split(".")
        here: Any = self.modules.get(first)
        if here is None:
            self.refuse(f"names {selector!r}", f"{first!r} is not imported before")
        for i, step in enumerate(rest):
            if not isinstance(here, ModuleType) or here.__name__ not in _MODULES:
                self.refuse(
                    f"names {selector!r}",
                    f"{'.'.join([first, *rest[:i]])!r} is no module of RAVE's",
                )
            if not hasattr(here, step):
                raise TorchbendError(
                    f"{self.name}, line {self.line}, names {selector!r}, and this release of "
                    f"{here.__name__} has no {step!r}. {suggest(step, _public(here))}"
                )
            here = getattr(here, step)
        return here


def _is_at_home(thing: Any) -> bool:
    home = str(getattr(thing, "__module__", ""))
    return any(home == known or home.startswith(f"{known}.") for known in _HOMES)


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]
