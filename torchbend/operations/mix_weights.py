"""MixWeights: weights on the way to those of another training of the same net."""

import math
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ..bending.given_tensors import as_weights, checked_values, chosen_part, save_tensors
from ..bending.kernel import Kernel, place_generator
from ..bending.numeric import Number, Numeric
from ..bending.operand import Operand
from ..bending.operation import Operation
from ..bending.placing import known_shape
from ..bending.tensor_file import PathLike, Tensors
from ..errors import BendingCallbackException, suggest
from ..places import Place

__all__ = ["MixWeights"]


class MixWeightsKernel(Kernel):
    """``w + mix * (other - w)``."""

    other: Tensor

    def __init__(self, mix: Operand, other: Tensor) -> None:
        super().__init__()
        self.mix = mix
        self.register_buffer("other", other)

    def share(self) -> float:
        return min(max(float(self.mix.value), 0.0), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        mix = self.share()
        if mix == 0.0:
            return x
        return torch.lerp(x, self.other.to(x.dtype), mix)

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        mix = self.share()
        if mix == 0.0:
            out.copy_(x)
        else:
            torch.lerp(x, self.other.to(x.dtype), mix, out=out)


class MixWeights(Numeric):
    """Mix a weight with the same weight of another training: ``w + mix * (other[w] - w)``.

    ``other[w]`` is what the other training has under the place's name, or under one of its other
    names (tied weights), of the same shape: one knob a layer, or one for all. 0 keeps the bits, 1
    has the bits of the other training. For weights only; what a model keeps as a buffer (RAVE's
    latent mean) is not mixed. A weight that is kept as ``weight_g`` and ``weight_v`` (weight
    norm, as in RAVE's checkpoints) is found, too. With chosen channels of a ``Bend``, these
    channels of the other training.

    Interpolation of trained weights: Wang et al. 2018, "Deep network interpolation" (arXiv
    1811.10515); layer by layer: Pinkney and Adler 2020 (arXiv 2010.05334), and Autolume.
    """

    controllable_params = ("mix",)
    tensor_settings = ("other",)
    activation_compatible = False
    limits = MappingProxyType({"mix": (0.0, 1.0)})
    neutral = MappingProxyType({"mix": 0.0})

    def __init__(
        self, other: PathLike | Mapping[str, Any] | nn.Module | Tensors, mix: Number = 1.0
    ) -> None:
        """Make a mixture.

        Args:
            other: the other training: a safetensors file, a state dict, a module, a bent one;
                of a checkpoint, ``tb.read_weights("other.ckpt")``. A configuration can name a
                file alone: ``tb.save_tensors`` writes one.
            mix: 0 to 1, or a control.

        Raises:
            BendingCallbackException: a setting is none of these; at placing, the other training
                has no such weight, or one of another shape, or it is not of finite numbers.
            BendingError: there is no such file.
        """
        super().__init__(mix=mix)
        self.other = as_weights(other, "MixWeights: other")
        self.__dict__["_shared"] = self.other.shared()

    def check(self, place: Place) -> None:
        """Check that the other training has the weight.

        Raises:
            BendingCallbackException: it has not.
        """
        super().check(place)
        self._of(place)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the mixture of one weight."""
        super().check(place)
        other = self._of(place).to(
            device=None if value is None else value.device, dtype=place.dtype, copy=True
        )
        return MixWeightsKernel(self.operand("mix"), other)

    def _of(self, place: Place) -> Tensor:
        """The other training's weight for a place."""
        shape = known_shape(place, self)
        found = self._found(place)
        fitting = found
        if tuple(found.shape) != shape and found.dim() == len(shape):
            fitting = chosen_part(found, place.part, {d: d for d in range(found.dim())})
        if tuple(fitting.shape) != shape:
            raise BendingCallbackException(
                f"{self!r} cannot sit on {place.key!r} of shape {shape}: in {self.other.origin} "
                f"it has shape {tuple(found.shape)}. Only trainings of the same net can be mixed"
            )
        checked_values(fitting, f"MixWeights on {place.key!r}: the other weight", "it")
        return fitting

    def _found(self, place: Place) -> Tensor:
        named: Mapping[str, Tensor] = self.__dict__["_shared"].tensors
        for name in (place.name, *place.aliases):
            if name in named:
                return named[name]
            if f"{name}_g" in named and f"{name}_v" in named:
                return normed(named[f"{name}_v"], named[f"{name}_g"])
        raise BendingCallbackException(
            f"{self!r} cannot sit on {place.key!r}: {self.other.origin} has no weight of that "
            f"name. {suggest(place.name, named)}"
        )


def normed(direction: Tensor, length: Tensor) -> Tensor:
    """A weight of its direction and its length, as ``torch.nn.utils.weight_norm`` keeps it."""
    dims = [d for d in range(length.dim()) if length.size(d) != 1]
    return torch._weight_norm(direction, length, dims[0] if dims else 0)


def plain(x: Tensor, place: Place, *, other: Tensors, mix: float) -> Tensor:
    """The mean of the two, weighted."""
    theirs = other.named()[place.name].double()
    return ((1 - mix) * x.double() + mix * theirs).to(x.dtype)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that is gone when Python ends."""
    return tempfile.TemporaryDirectory(prefix="torchbend-")


def prepare(place: Place, example: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write another training of the place: random numbers of about a layer's level."""
    shape = place.shape or ()
    level = 1 / math.sqrt(max(math.prod(shape[1:]), 1))
    drawn = torch.randn(shape, generator=place_generator(5, place.key)) * level
    name = "-".join([place.name.replace("/", "_"), *map(str, shape)])
    path = Path(_folder().name) / f"{name}.safetensors"
    return {**example, "other": save_tensors(path, {place.name: drawn})}


def _by_hand(place: Place, other: Tensors, mix: float) -> Callable[[Tensor], Tensor]:
    theirs = other.named()[place.name]
    return lambda x: torch.lerp(x, theirs, mix)


OPERATION = Operation(
    MixWeights,
    family="weights",
    formula="w + mix (other[w] - w); other[w] the same weight of another training",
    source="Wang et al. 2018; Pinkney and Adler 2020; Autolume",
    plain=plain,
    examples=({"mix": 0.4}, {"mix": 1.0}),
    neutral={"mix": 0.0},
    places=("weight",),
    prepare=prepare,
    by_hand=_by_hand,
)
