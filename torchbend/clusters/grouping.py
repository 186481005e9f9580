"""Grouping the channels of a place by what they do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..bending.cluster import Clusters, Group
from ..bending.placing import checked_seed
from ..errors import BendingError, suggest
from ..places import Place
from ..tracing.core import Core
from ..tracing.looking import names_of
from ..tracing.record import Trace
from .descriptors import DESCRIPTORS, LEAST_FRAMES, Description, Tally, points, window_for
from .sounds import Sound, from_the_start, heard, inputs_of

__all__ = ["cluster"]

_TRIES = 10  # of k-means, of which the best counts
_ROUNDED = 9  # decimals in which channels have to differ


def cluster(
    bended: Any,
    place: str,
    sounds: Sequence[Sound],
    n: int = 5,
    fn: str = "forward",
    *,
    descriptors: Sequence[str] = tuple(DESCRIPTORS),
    seed: int = 0,
    dim: int = 1,
    with_bends: bool = False,
) -> Clusters:
    """Group the channels of an activation by what they do over sounds.

    Each sound runs through the method from the streaming state that the model starts with, and
    its channels are described; see :mod:`torchbend.clusters.descriptors`. Descriptors are
    standardised, and channels grouped by k-means. The same sounds and seed give the same
    clusters. Nothing of the model changes; it should not play meanwhile.

    Args:
        bended: a ``BendedModule``, or whatever is one.
        place: an activation of the method: its name, or a pattern that reaches it alone.
        sounds: tensors in the shape of the method's input, or with fewer dimensions; names of
            sound files, where it takes sound; or its inputs by name, where it has several.
            Lengths may differ. A RAVE's decoder hears them through ``forward``, or encoded
            through ``decode``.
        n: how many clusters.
        fn: the traced method.
        descriptors: what channels are told apart by: ``"level"``, ``"centroid"``, ``"flux"``,
            ``"correlation"``.
        seed: of k-means, and of noise in the model.
        dim: the dimension of the channels; the last of the others is time.
        with_bends: hear the model with its present bends.

    Returns:
        The clusters ``c0``, ``c1``, ... by rising centroid.

    Raises:
        BendingError: there is no such place, or it has no channels and frames; sounds are
            silent, too short, or make the model give NaN; the channels make no ``n`` clusters;
            or scikit-learn is missing.
    """
    if not isinstance(bended, Core):
        raise BendingError(
            f"cluster takes a BendedModule, not {type(bended).__name__}: wrap the module first"
        )
    kmeans = _kmeans()
    chosen = _checked_descriptors(descriptors)
    trace, where = _place(bended, place, fn)
    channels = _channels(where, dim)
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= channels:
        raise BendingError(
            f"n is a whole number of clusters, 1 to the {channels} channels of {where.key!r}; "
            f"got {n!r}"
        )
    if seed is None:
        raise BendingError("a seed is an int, so that the clusters are the same each time")
    checked_seed(seed)
    inputs = inputs_of(bended, trace, sounds)
    with from_the_start(bended, trace):
        description = _described(bended, trace, where, dim, inputs, with_bends, seed)
    numbers = points(description, chosen)
    different = len(torch.unique(numbers.round(decimals=_ROUNDED), dim=0))
    if different < n:
        raise BendingError(
            f"the {channels} channels of {where.key!r} do only {different} different things over "
            f"these sounds: ask for {different} clusters at the most, or give other sounds"
        )
    found = kmeans(n_clusters=n, n_init=_TRIES, random_state=seed).fit(numbers.numpy())
    return Clusters(
        place=where.key,
        channels=channels,
        model=bended._fingerprint(),
        groups=_groups(found.labels_.tolist(), description),
        descriptors=chosen,
        sounds=len(inputs),
        dim=dim,
    )


def _kmeans() -> Any:
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise BendingError(
            "tb.cluster needs scikit-learn, which is not installed. Install it with: "
            "pip install 'torchbend[clusters]', or pip install scikit-learn"
        ) from error
    return KMeans


def _checked_descriptors(descriptors: Sequence[str]) -> tuple[str, ...]:
    names = (descriptors,) if isinstance(descriptors, str) else tuple(descriptors)
    for name in names:
        if name not in DESCRIPTORS:
            raise BendingError(
                f"there is no descriptor {name!r}. {suggest(str(name), DESCRIPTORS)}"
            )
    if not names:
        raise BendingError(f"cluster needs descriptors, of {', '.join(DESCRIPTORS)}")
    return tuple(name for name in DESCRIPTORS if name in names)


def _place(bended: Any, place: str, fn: str) -> tuple[Trace, Place]:
    """The activation that is meant, and the trace of its method.

    Raises:
        BendingError: there is none, or several.
    """
    if not isinstance(place, str):
        raise BendingError(f"a place is the name of an activation; got {place!r}")
    method, colon, name = place.partition(":")
    if colon and bended.is_traced(method):
        fn, place = method, name
    trace: Trace = bended._trace_of(fn)
    if trace.place(place) is None:
        there = [p.name for p in trace.places if p.tensor]
        if place in bended.weight_names:
            raise BendingError(
                f"{place!r} is a weight, and clusters are of the channels of an activation, such "
                f"as what its layer gives. {suggest(place, there)}"
            )
        names = names_of(trace, (place,))
        if len(names) > 1:
            raise BendingError(
                f"{place!r} reaches {len(names)} activations of {fn}, and clusters are of one. "
                f"{suggest(place, names)}"
            )
        place = names[0]
    return trace, next(p for p in trace.places if p.name == place)


def _channels(place: Place, dim: int) -> int:
    """How many channels a place has.

    Raises:
        BendingError: it has none, or no frames that follow each other.
    """
    shape = place.shape
    if shape is None or len(shape) < 3 or place.dtype is None or not place.dtype.is_floating_point:
        what = "no tensor" if shape is None else f"{place.dtype} of shape {shape}"
        raise BendingError(
            f"{place.key!r} is {what}, and clusters are of real values "
            "(batch, channels, frames): choose another activation"
        )
    if not isinstance(dim, int) or isinstance(dim, bool) or not 1 <= dim < len(shape):
        raise BendingError(
            f"{place.key!r} has the shape {shape}: its channels are dim 1 to {len(shape) - 1}, "
            f"not {dim!r}"
        )
    return shape[dim]


def _described(
    bended: Core,
    trace: Trace,
    place: Place,
    dim: int,
    inputs: Sequence[dict[str, Tensor]],
    bends: bool,
    seed: int,
) -> Description:
    """Each channel's descriptors over all sounds, the shortest first."""
    tally: Tally | None = None
    first = trace.inputs[0]
    for number in sorted(range(len(inputs)), key=lambda i: inputs[i][first].shape[-1]):
        try:
            x = _rows(heard(bended, trace, place, inputs[number], bends, seed), place, dim)
        except BendingError as error:
            raise BendingError(f"sound {number}: {error}") from error
        if tally is None:
            if x.shape[-1] < LEAST_FRAMES:
                raise BendingError(
                    f"sound {number} is too short: {place.key!r} has {x.shape[-1]} frames of it, "
                    f"and {LEAST_FRAMES} is the least. Give sounds "
                    f"{math.ceil(LEAST_FRAMES / max(x.shape[-1], 1))} times as long"
                )
            tally = Tally(x.shape[1], window_for(x.shape[-1]))
        tally.add(x)
    if tally is None or not float(tally.power.max()) > 0:
        raise BendingError(f"{place.key!r} is silent over all of these sounds: choose others")
    return tally.describe()


def _rows(x: Tensor, place: Place, dim: int) -> Tensor:
    """The activation as ``(rows, channels, frames)``.

    Raises:
        BendingError: it has another shape than it had when traced, or there is a NaN in it.
    """
    shape = place.shape or ()
    if x.ndim != len(shape) or x.shape[dim] != shape[dim]:
        raise BendingError(
            f"{place.key!r} had the shape {shape} when traced, and has {tuple(x.shape)} now: give "
            "sounds with all dimensions of the input"
        )
    x = x.cpu().movedim(dim, 1)
    broken = ~torch.isfinite(x).movedim(1, 0).flatten(1).all(1)
    if bool(broken.any()):
        numbers = torch.nonzero(broken).flatten().tolist()
        raise BendingError(
            f"{place.key!r} has values that are no numbers (NaN or infinite), in "
            f"{len(numbers)} of {len(broken)} channels, first in {numbers[0]}"
        )
    return x.movedim(1, -2).flatten(0, -3)


def _groups(labels: Sequence[int], description: Description) -> tuple[Group, ...]:
    """The clusters by rising centroid; of the same one, by their first channel."""
    found = []
    for label in set(labels):
        channels = [channel for channel, each in enumerate(labels) if each == label]
        means = {name: float(values[channels].mean()) for name, values in description.items()}
        found.append((means["centroid"], channels, means))
    found.sort(key=lambda each: each[:2])
    return tuple(
        Group(f"c{number}", tuple(channels), means)
        for number, (_, channels, means) in enumerate(found)
    )
