"""ThresholdActivation and ThresholdPermute: act on the channels that stand out."""

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback
from .draws import fraction, share_of
from .kernel import Kernel, place_generator
from .operand import Operand
from .operation import Operation
from .parameter import BendingParameter, BendingView
from .permute import fit_permutation
from .placing import channel_dim, checked_dim, checked_flag, checked_seed

__all__ = ["ThresholdActivation", "ThresholdPermute"]


def channel_means(x: Tensor, dim: int, each_item: bool) -> Tensor:
    """Return the means of the channels, ``(items, channels)``.

    Args:
        x: any tensor; integers are averaged as float64.
        dim: the channels.
        each_item: keep the items of dim 0 apart; else there is one item.
    """
    values = x if x.is_floating_point() else x.to(torch.float64)
    others: list[int] = []
    d = 0
    while d < x.dim():  # TorchScript unrolls a `for` eightfold, and compiles all of it
        if d != dim and not (each_item and d == 0):
            others.append(d)
        d += 1
    if len(others) > 0:
        values = values.mean(others)
    return values if each_item else values.unsqueeze(0)


def chosen_channels(x: Tensor, dim: int, each_item: bool, threshold: float, invert: bool) -> Tensor:
    """Say which channels have the greatest mean (least with ``invert``).

    Returns:
        Their numbers in each item, in rising order, ``(items, count)``. Of equal means the
        first channel is chosen.
    """
    means = channel_means(x, dim, each_item)
    count = share_of(threshold, means.size(1))
    order = torch.sort(means, stable=True, dim=1, descending=not invert)[1]
    return torch.sort(order[:, :count], dim=1)[0]


def broadcast(items: Tensor, x: Tensor, dim: int, each_item: bool) -> Tensor:
    """Shape ``(items, channels)`` so that it broadcasts over ``x``."""
    shape = [1] * x.dim()
    shape[dim] = items.size(1)
    if each_item:
        shape[0] = items.size(0)
    return items.reshape(shape)


class ThresholdActivationKernel(Kernel):
    """Zero but in the chosen channels."""

    def __init__(self, threshold: Operand, dim: int, each_item: bool, invert: bool) -> None:
        super().__init__()
        self.threshold = threshold
        self.dim = dim
        self.each_item = each_item
        self.invert = invert

    def others(self, x: Tensor) -> Tensor:
        """Say which channels are not kept, broadcasting over ``x``."""
        chosen = chosen_channels(
            x, self.dim, self.each_item, float(self.threshold.value), self.invert
        )
        shape = [chosen.size(0), x.size(self.dim)]
        others = torch.ones(shape, dtype=torch.bool, device=x.device).scatter(1, chosen, False)
        return broadcast(others, x, self.dim, self.each_item)

    def forward(self, x: Tensor) -> Tensor:
        return x.masked_fill(self.others(x), 0)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        torch.mul(x, (~self.others(x)).to(x.dtype), out=out)


class ThresholdPermuteKernel(Kernel):
    """The chosen channels in another order, the others in their places."""

    permutation: Tensor

    def __init__(
        self, threshold: Operand, dim: int, each_item: bool, invert: bool, permutation: Tensor
    ) -> None:
        super().__init__()
        self.threshold = threshold
        self.dim = dim
        self.each_item = each_item
        self.invert = invert
        self.register_buffer("permutation", permutation)

    def sources(self, x: Tensor) -> Tensor:
        """Return where each channel comes from, ``(items, channels)``."""
        places = chosen_channels(
            x, self.dim, self.each_item, float(self.threshold.value), self.invert
        )
        channels = x.size(self.dim)
        turn = torch.argsort(fit_permutation(self.permutation, channels))
        sources = places.gather(1, torch.argsort(turn[places], dim=1))
        here = torch.arange(channels, device=x.device).expand(places.size(0), channels)
        return here.scatter(1, places, sources)

    def forward(self, x: Tensor) -> Tensor:
        index = broadcast(self.sources(x), x, self.dim, self.each_item)
        return torch.gather(x, self.dim, index.expand_as(x))

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        # a weight has no items
        torch.index_select(x, self.dim, self.sources(x)[0], out=out)


class _Threshold(BendingCallback):
    """What both have in common."""

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True
    controllable_params = ("threshold",)

    def __init__(
        self,
        threshold: float | BendingParameter | BendingView,
        dim: int | None,
        invert: bool,
    ) -> None:
        super().__init__(threshold=threshold)
        fraction(self, "threshold")
        self.dim = checked_dim(dim)
        self.invert = checked_flag(invert, "invert")

    def check(self, place: Place) -> None:
        """Check that the place has the dimension, and values that have an order.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        channel_dim(place, self.dim, self)
        if place.dtype is not None and place.dtype.is_complex:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r}: complex values have no greatest mean"
            )

    def _where(self, place: Place) -> tuple[int, bool]:
        dim = channel_dim(place, self.dim, self)
        return dim, place.kind == "activation" and dim != 0


class ThresholdActivation(_Threshold):
    """Keep the ``floor(threshold * C)`` channels with the greatest mean; zero the others.

    C is the length of ``dim``; the mean goes over all other dimensions. In an activation
    each item of the batch (dim 0) chooses for itself, unless ``dim`` is 0. Of equal means
    the first channel is kept. 1 leaves ``x`` as it is, 0 silences it.
    """

    neutral = MappingProxyType({"threshold": 1.0})

    def __init__(
        self,
        threshold: float | BendingParameter | BendingView = 1.0,
        dim: int | None = None,
        invert: bool = False,
    ) -> None:
        """Make a threshold.

        Args:
            threshold: the part of the channels that is kept, 0 to 1.
            dim: the channels; by default 0 for weights, 1 for activations (0 for those of
                one dimension).
            invert: keep those with the least mean.

        Raises:
            BendingCallbackException: ``threshold`` is no such number; at placing, the place
                has no dimension ``dim`` or is complex.
        """
        super().__init__(threshold, dim, invert)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the threshold of one place."""
        self.check(place)
        dim, each_item = self._where(place)
        return ThresholdActivationKernel(self.operand("threshold"), dim, each_item, self.invert)


class ThresholdPermute(_Threshold):
    """Permute the ``floor(threshold * C)`` channels with the greatest mean among themselves.

    The channels are chosen as by ``ThresholdActivation``; the others stay where they are.
    The chosen follow each other in the order of one random permutation, drawn once a place,
    so that with threshold 1 it is ``Permute``; 0 leaves ``x`` as it is.
    """

    neutral = MappingProxyType({"threshold": 0.0})

    def __init__(
        self,
        threshold: float | BendingParameter | BendingView = 1.0,
        dim: int | None = None,
        seed: int | None = None,
        invert: bool = False,
    ) -> None:
        """Make a permutation of what stands out.

        Args:
            threshold: the part of the channels that is permuted, 0 to 1.
            dim: the channels; by default 0 for weights, 1 for activations (0 for those of
                one dimension).
            seed: of the permutation; None draws one, kept in ``seed``.
            invert: permute those with the least mean.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the place has
                no dimension ``dim`` or is complex.
        """
        super().__init__(threshold, dim, invert)
        self.seed = checked_seed(seed)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Draw the permutation of one place."""
        self.check(place)
        dim, each_item = self._where(place)
        permutation = torch.randperm(
            (place.shape or ())[dim],
            generator=place_generator(self.seed, place.key),
            device="cpu",
        )
        permutation = permutation if value is None else permutation.to(value.device)
        return ThresholdPermuteKernel(
            self.operand("threshold"), dim, each_item, self.invert, permutation
        )


def _items(x: Tensor, place: Place) -> list[tuple[Tensor, list[int]]]:
    """Each item of a batch (a weight is one), channels first, and these in rising order of mean."""
    items = list(x) if place.kind == "activation" else [x]
    return [(item, torch.argsort(item.flatten(1).mean(1)).tolist()) for item in items]


def _together(items: list[Tensor], place: Place) -> Tensor:
    return torch.stack(items) if place.kind == "activation" else items[0]


def plain_threshold(x: Tensor, place: Place, *, threshold: float, invert: bool = False) -> Tensor:
    """The channels that stand out, one by one."""
    done = []
    for item, rising in _items(x, place):
        count = int(threshold * len(rising))
        kept = rising[:count] if invert else rising[len(rising) - count :]
        out = torch.zeros_like(item)
        for channel in kept:
            out[channel] = item[channel]
        done.append(out)
    return _together(done, place)


def plain_permute(x: Tensor, place: Place, *, threshold: float, seed: int) -> Tensor:
    """The channels that stand out, in the order that a permutation of all gives them."""
    done = []
    for item, rising in _items(x, place):
        order = torch.randperm(len(rising), generator=place_generator(seed, place.key)).tolist()
        chosen = sorted(rising[len(rising) - int(threshold * len(rising)) :])
        out = item.clone()
        for at, source in zip(chosen, sorted(chosen, key=order.index), strict=True):
            out[at] = item[source]
        done.append(out)
    return _together(done, place)


def _by_hand(place: Place, threshold: float) -> Callable[[Tensor], Tensor]:
    """By the greatest means."""
    first = 1 if place.kind == "activation" else 0
    count = int(threshold * (place.shape or ())[first])

    def line(x: Tensor) -> Tensor:
        means = x.flatten(first + 1).mean(-1)
        kept = torch.zeros_like(means).scatter(first, means.topk(count, first)[1], 1.0)
        return x * kept.reshape(*kept.shape, *[1] * (x.dim() - kept.dim()))

    return line


OPERATIONS = (
    Operation(
        ThresholdActivation,
        family="silence",
        formula="the floor(threshold C) channels with the greatest mean, the others 0",
        source="Broad et al. 2020",
        plain=plain_threshold,
        examples=({"threshold": 0.5}, {"threshold": 0.5, "invert": True}),
        neutral={"threshold": 1.0, "invert": False},
        streams=False,
        picture={"threshold": 0.1},
        by_hand=_by_hand,
    ),
    Operation(
        ThresholdPermute,
        family="channels",
        formula="the floor(threshold C) channels with the greatest mean permuted, the others as is",
        source="Dzwonczyk et al. 2024",
        plain=plain_permute,
        examples=({"threshold": 0.7, "seed": 3},),
        neutral={"threshold": 0.0},
        streams=False,
    ),
)
