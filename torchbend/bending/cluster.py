"""Clusters: the channels of a place, grouped by what they do, each group with a name.

``tb.cluster`` finds them (:mod:`torchbend.clusters`). Here is what it found: a description
that can be printed, renamed and saved, and that gives a selector for each of its names.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from tabulate import tabulate

from ..errors import BendingCallbackException, BendingError, suggest
from ..places import Place
from .callback import BendingCallback, walk
from .located import Located, Path_, decode_file, is_finite, shown
from .selectors import Selector

__all__ = ["Cluster", "Clusters", "Group", "check_clusters", "read_clusters"]

FORMAT = "torchbend-clusters"
VERSION = 1

_UNITS = {"level": "level (dB)"}


@dataclass(frozen=True)
class Group:
    """One cluster.

    Attributes:
        name: as it is called.
        channels: its channels, in rising order.
        means: of each descriptor, the mean over them.
    """

    name: str
    channels: tuple[int, ...]
    means: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Put the channels in rising order."""
        object.__setattr__(self, "channels", tuple(sorted(self.channels)))


@dataclass(frozen=True)
class Clusters:
    """The channels of one place in groups; ``clusters["dark"]`` selects one of them.

    Iterating gives the names; ``print`` shows a table.

    Attributes:
        place: the place's key, ``"forward:conv1d_3"``.
        channels: how many channels it has.
        model: the fingerprint of the model's weights.
        groups: the clusters, in order; each channel is in one of them at the most.
        descriptors: what they were told apart by.
        sounds: over how many sounds.
        dim: the dimension of the channels.
    """

    place: str
    channels: int
    model: str
    groups: tuple[Group, ...]
    descriptors: tuple[str, ...] = ()
    sounds: int = 0
    dim: int = 1

    def __post_init__(self) -> None:
        """Check that names and channels fit together.

        Raises:
            BendingError: they do not.
        """
        seen: dict[int, str] = {}
        for group in self.groups:
            if not group.name.strip() or [g.name for g in self.groups].count(group.name) > 1:
                raise BendingError(f"each cluster has a name of its own; got {list(self)!r}")
            if not group.channels:
                raise BendingError(f"the cluster {group.name!r} has no channel")
            for channel in group.channels:
                if not 0 <= channel < self.channels:
                    raise BendingError(
                        f"the cluster {group.name!r} has channel {channel}, and the channels of "
                        f"{self.place!r} are 0 to {self.channels - 1}"
                    )
                if channel in seen:
                    raise BendingError(
                        f"channel {channel} is in {seen[channel]!r} and in {group.name!r}"
                    )
                seen[channel] = group.name

    @property
    def pattern(self) -> str:
        """The pattern that reaches the place, and no other."""
        fn, colon, name = self.place.rpartition(":")
        return f"{fn}{colon}{re.escape(name)}$"

    def __getitem__(self, name: str) -> Cluster:
        """Return the selector of a cluster, for ``tb.Bend(..., channels=...)``.

        Raises:
            BendingError: there is no cluster of that name.
        """
        return Cluster(self, name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter([group.name for group in self.groups])

    def __len__(self) -> int:
        """Count the clusters."""
        return len(self.groups)

    def group(self, name: str) -> Group:
        """Return a cluster with its descriptors.

        Raises:
            BendingError: there is no cluster of that name.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise BendingError(
            f"there is no cluster {name!r} at {self.place!r}. {suggest(str(name), self)}"
        )

    def rename(self, names: Mapping[str, str]) -> Clusters:
        """Return the same clusters under other names.

        Args:
            names: new names by the old ones, ``{"c0": "dark"}``; the others stay.

        Raises:
            BendingError: there is no cluster of an old name, or two would have one.
        """
        for name, new in names.items():
            self.group(name)
            if not isinstance(new, str):
                raise BendingError(f"a cluster's name is text; got {new!r}")
        groups = [replace(group, name=names.get(group.name, group.name)) for group in self.groups]
        return replace(self, groups=tuple(groups))

    # -- shown -----------------------------------------------------------------------
    def __str__(self) -> str:
        """A table: name, number of channels, means of the descriptors, channels."""
        measured = list(dict.fromkeys(name for group in self.groups for name in group.means))
        rows = [
            [
                group.name,
                len(group.channels),
                *(group.means.get(name, math.nan) for name in measured),
                _short(_runs(group.channels)),
            ]
            for group in self.groups
        ]
        heads = ["name", "channels", *(_UNITS.get(name, name) for name in measured), "which"]
        formats = ["", "", *(".1f" if name in _UNITS else ".3f" for name in measured), ""]
        table = tabulate(rows, headers=heads, floatfmt=formats, disable_numparse=[len(heads) - 1])
        return f"{self.place}: {self.channels} channels, {self.sounds} sounds\n\n{table}"

    def __repr__(self) -> str:
        """Show place and names."""
        return f"<{len(self)} clusters of {self.place!r}: {', '.join(self)}>"

    # -- files -----------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Return what a configuration keeps, as plain data."""
        return {
            "place": self.place,
            "channels": self.channels,
            "dim": self.dim,
            "model": self.model,
            "descriptors": list(self.descriptors),
            "sounds": self.sounds,
            "clusters": {
                group.name: {"channels": list(group.channels), "means": dict(group.means)}
                for group in self.groups
            },
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the clusters as JSON; an existing file is replaced.

        Args:
            path: the file.

        Raises:
            OSError: the file cannot be written.
        """
        data = {"format": FORMAT, "version": VERSION, **self.to_json()}
        text = json.dumps(data, indent=2, allow_nan=False) + "\n"
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Clusters:
        """Read clusters from a file.

        Args:
            path: the file.

        Raises:
            ConfigError: the file is none, or a part of it is wrong; says the line.
            OSError: the file cannot be read.
        """
        file = decode_file(Path(path))
        file.version(FORMAT, VERSION)
        return read_clusters(file, (), ("format", "version"))


@dataclass(frozen=True)
class Cluster(Selector):
    """The channels of one cluster: ``clusters["dark"]``.

    Attributes:
        clusters: the clusters that it is of.
        name: which of them.
    """

    clusters: Clusters
    name: str
    kind: ClassVar[str] = "cluster"

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            BendingError: there is no such cluster.
        """
        self.clusters.group(self.name)

    @property
    def channels(self) -> tuple[int, ...]:
        """Its channels, in rising order."""
        return self.clusters.group(self.name).channels

    def choose(self, place: Place, length: int) -> list[int]:
        """Return the channels, at the place at which they were found.

        Raises:
            BendingCallbackException: it is another place, or has another number of channels.
        """
        found = self.clusters
        if length != found.channels:
            dim = "" if found.dim == 1 else f" along dim {found.dim} (Bend takes dim=)"
            raise BendingCallbackException(
                f"{self!r} is of the {found.channels} channels of {found.place!r}{dim}, and "
                f"{place.key!r} has {length} here: find its own with tb.cluster"
            )
        if place.key != found.place:
            raise BendingCallbackException(
                f"{self!r} is of {found.place!r}, which the pattern {found.pattern!r} reaches; "
                f"at {place.key!r} other channels do the same. To bend those of the same numbers "
                f"there, give channels=Channels(*clusters[{self.name!r}].channels)"
            )
        return list(self.channels)

    def to_json(self) -> dict[str, Any]:
        """Return the name; the clusters are written once for all that are of them."""
        return {"cluster": self.name}

    def __repr__(self) -> str:
        """Show the name, and how many channels there are."""
        return f"Cluster({self.name!r}, {len(self.channels)} channels)"


def check_clusters(callback: BendingCallback, fingerprint: Callable[[], str]) -> None:
    """Check that the clusters in a callback were found in this model.

    Args:
        callback: what is to be placed.
        fingerprint: gives that of the model's weights.

    Raises:
        BendingCallbackException: they were found in another one.
    """
    for each in walk(callback):
        chosen = getattr(each, "channels", None)
        if isinstance(chosen, Cluster) and chosen.clusters.model != (here := fingerprint()):
            raise BendingCallbackException(
                f"{chosen!r} was found in a model with other weights (fingerprint "
                f"{chosen.clusters.model}, and {here} here), where other channels do the same: "
                "find its own with tb.cluster, or bend those of the same numbers with "
                f"channels=Channels(*clusters[{chosen.name!r}].channels)"
            )


# -- reading -------------------------------------------------------------------------------
def read_clusters(file: Located, path: Path_, beside: Sequence[str] = ()) -> Clusters:
    """Make the clusters that a part of a file describes.

    Args:
        file: what was read.
        path: which part.
        beside: further keys that are there.

    Raises:
        ConfigError: something in it is wrong; says the line.
    """
    keys = ("place", "channels", "dim", "model", "descriptors", "sounds", "clusters")
    found = file.object(path, (*beside, *keys))
    for key in ("place", "model"):
        if not isinstance(found[key], str) or not found[key]:
            raise file.error((*path, key), f"{key} is text; got {shown(found[key])}")
    for key, least in (("channels", 1), ("dim", 0), ("sounds", 0)):
        if not _is_count(found[key], least):
            raise file.error(
                (*path, key), f"{key} is a whole number from {least}; got {shown(found[key])}"
            )
    for i, name in enumerate(file.list((*path, "descriptors"))):
        if not isinstance(name, str):
            raise file.error(
                (*path, "descriptors", i), f"a descriptor's name is text; got {shown(name)}"
            )
    inside: Path_ = (*path, "clusters")
    groups = [_group(file, (*inside, name)) for name in file.object(inside, optional=None)]
    try:
        return Clusters(
            place=found["place"],
            channels=found["channels"],
            model=found["model"],
            groups=tuple(groups),
            descriptors=tuple(found["descriptors"]),
            sounds=found["sounds"],
            dim=found["dim"],
        )
    except BendingError as error:
        raise file.error(inside, str(error)) from error


def _group(file: Located, path: Path_) -> Group:
    found = file.object(path, ("channels", "means"))
    for i, channel in enumerate(file.list((*path, "channels"))):
        if not _is_count(channel, 0):
            raise file.error(
                (*path, "channels", i), f"a channel is a whole number from 0; got {shown(channel)}"
            )
    for name, mean in file.object((*path, "means"), optional=None).items():
        if not is_finite(mean):
            raise file.error(
                (*path, "means", name), f"a mean is a finite number; got {shown(mean)}"
            )
    means = {name: float(mean) for name, mean in found["means"].items()}
    return Group(str(path[-1]), tuple(found["channels"]), means)


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _runs(channels: Sequence[int]) -> str:
    """Channels in rising order as text: ``0-3, 7``."""
    ends = [
        [channel for _, channel in run]
        for _, run in groupby(enumerate(channels), lambda at: at[1] - at[0])
    ]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ends)


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 3].rpartition(",")[0] + ", ..."
