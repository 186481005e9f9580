"""Scale, Bias and Affine: multiply and add."""

from types import MappingProxyType

import torch
from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback
from .kernel import Kernel, chain
from .operand import Operand, VectorOperand
from .operation import Operation
from .parameter import BendingParameter, BendingView
from .placing import channel_dim, checked_dim, known_shape

__all__ = ["Affine", "Bias", "Scale"]

Setting = (
    float | complex | list[float] | tuple[float, ...] | Tensor | BendingParameter | BendingView
)


def along(vector: Tensor, x: Tensor, dim: int) -> Tensor:
    """Shape a vector so that it broadcasts along one dimension of ``x``, in its dtype.

    Against an ``x`` of integers the vector stays as it is, as a plain float number would.
    """
    shape = [1] * x.dim()
    shape[dim] = vector.numel()
    if x.is_floating_point():
        return vector.to(x.device, x.dtype).reshape(shape)
    return vector.to(x.device).reshape(shape)


class ScaleKernel(Kernel):
    """``x * scale``."""

    homogeneous = True

    def __init__(self, scale: Operand) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = x * self.scale.value
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        if isinstance(self.scale.value, float):
            torch.mul(x, self.scale.value, out=out)
        else:
            out.copy_(self.forward(x))


class BiasKernel(Kernel):
    """``x + bias``."""

    def __init__(self, bias: Operand) -> None:
        super().__init__()
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = x + self.bias.value
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        if isinstance(self.bias.value, float):
            torch.add(x, self.bias.value, out=out)
        else:
            out.copy_(self.forward(x))


class AffineKernel(Kernel):
    """``x * scale + bias``."""

    def __init__(self, scale: Operand, bias: Operand) -> None:
        super().__init__()
        self.scale = scale
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = x * self.scale.value + self.bias.value
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        if isinstance(self.scale.value, float) and isinstance(self.bias.value, float):
            torch.mul(x, self.scale.value, out=out).add_(self.bias.value)
        else:
            out.copy_(self.forward(x))


class ChannelScaleKernel(ScaleKernel):
    """``x * scale``, one scale a channel."""

    def __init__(self, scale: Operand, dim: int) -> None:
        super().__init__(scale)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = x * along(self.scale.value, x, self.dim)
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        torch.mul(x, along(self.scale.value, x, self.dim), out=out)


class ChannelBiasKernel(BiasKernel):
    """``x + bias``, one bias a channel."""

    def __init__(self, bias: Operand, dim: int) -> None:
        super().__init__(bias)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = x + along(self.bias.value, x, self.dim)
        return bent

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        torch.add(x, along(self.bias.value, x, self.dim), out=out)


class _Linear(BendingCallback):
    """What the three have in common: settings that are numbers, or vectors along ``dim``."""

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True

    def __init__(self, dim: int | None, **settings: object) -> None:
        super().__init__(**settings)
        self.dim = checked_dim(dim)
        for name in settings:
            operand = self.operand(name)
            if operand.kind == "choice":
                raise BendingCallbackException(
                    f"{type(self).__name__}: {name} is a number or one number a channel; "
                    f"got the word {operand.value!r}"
                )

    def check(self, place: Place) -> None:
        """Check that vectors have one value for each channel of the place.

        Raises:
            BendingCallbackException: they do not, or the place has no such dimension.
        """
        super().check(place)
        for name in self.controllable_params:
            operand = self.operand(name)
            if isinstance(operand, VectorOperand):
                length = known_shape(place, self)[channel_dim(place, self.dim, self)]
                if operand.value.numel() != length:
                    raise BendingCallbackException(
                        f"{self!r} cannot sit on {place.key!r} of shape {place.shape}: {name} has "
                        f"{operand.value.numel()} values, and it takes {length}, "
                        f"one for each channel of dim {channel_dim(place, self.dim, self)}"
                    )

    def _scale_kernel(self, place: Place) -> Kernel:
        scale = self.operand("scale")
        if isinstance(scale, VectorOperand):
            return ChannelScaleKernel(scale, channel_dim(place, self.dim, self))
        return ScaleKernel(scale)

    def _bias_kernel(self, place: Place) -> Kernel:
        bias = self.operand("bias")
        if isinstance(bias, VectorOperand):
            return ChannelBiasKernel(bias, channel_dim(place, self.dim, self))
        return BiasKernel(bias)


class Scale(_Linear):
    """Multiply: ``x * scale``.

    The result has the shape of ``x`` and the dtype of the plain multiplication: an integer
    weight times 1.3 is fractional. A vector takes the dtype of a floating-point ``x``.
    """

    controllable_params = ("scale",)
    neutral = MappingProxyType({"scale": 1.0})

    def __init__(self, scale: Setting = 1.0, dim: int | None = None) -> None:
        """Make a multiplication.

        Args:
            scale: a number (float, int, bool, complex), one float a channel, or a control.
            dim: the channels of a vector; by default 0 for weights, 1 for activations (0
                for those of one dimension).

        Raises:
            BendingCallbackException: ``scale`` is no number; at placing, its length is not
                that of ``dim``.
        """
        super().__init__(dim, scale=scale)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the multiplication of one place."""
        self.check(place)
        return self._scale_kernel(place)


class Bias(_Linear):
    """Add: ``x + bias``.

    The result has the shape of ``x`` and the dtype of the plain addition. A vector takes
    the dtype of a floating-point ``x``.
    """

    controllable_params = ("bias",)
    neutral = MappingProxyType({"bias": 0.0})

    def __init__(self, bias: Setting = 0.0, dim: int | None = None) -> None:
        """Make an addition.

        Args:
            bias: a number (float, int, bool, complex), one float a channel, or a control.
            dim: the channels of a vector; by default 0 for weights, 1 for activations (0
                for those of one dimension).

        Raises:
            BendingCallbackException: ``bias`` is no number; at placing, its length is not
                that of ``dim``.
        """
        super().__init__(dim, bias=bias)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the addition of one place."""
        self.check(place)
        return self._bias_kernel(place)


class Affine(_Linear):
    """Multiply, then add: ``x * scale + bias``.

    The result has the shape of ``x`` and the dtype of the plain expression. Either setting
    can be a number or a vector; a vector takes the dtype of a floating-point ``x``.
    """

    controllable_params = ("bias", "scale")
    neutral = MappingProxyType({"scale": 1.0, "bias": 0.0})

    def __init__(self, bias: Setting = 0.0, scale: Setting = 1.0, dim: int | None = None) -> None:
        """Make a multiplication and addition.

        Args:
            bias: a number (float, int, bool, complex), one float a channel, or a control.
            scale: likewise.
            dim: the channels of a vector; by default 0 for weights, 1 for activations (0
                for those of one dimension).

        Raises:
            BendingCallbackException: a setting is no number; at placing, its length is not
                that of ``dim``.
        """
        super().__init__(dim, bias=bias, scale=scale)

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the multiplication and addition of one place."""
        self.check(place)
        scale, bias = self.operand("scale"), self.operand("bias")
        if isinstance(scale, VectorOperand) or isinstance(bias, VectorOperand):
            return chain([self._scale_kernel(place), self._bias_kernel(place)])
        return AffineKernel(scale, bias)


def _spread(vector: object, x: Tensor, place: Place) -> Tensor:
    """A number, or one value a channel, against ``x``."""
    values = torch.as_tensor(vector, dtype=x.dtype)
    if values.dim() == 0:
        return values
    return values.reshape(-1, 1) if place.kind == "activation" else values.reshape(-1, 1, 1)


def plain_scale(x: Tensor, place: Place, *, scale: object) -> Tensor:
    """``x * scale``."""
    return x * _spread(scale, x, place)


def plain_bias(x: Tensor, place: Place, *, bias: object) -> Tensor:
    """``x + bias``."""
    return x + _spread(bias, x, place)


def plain_affine(x: Tensor, place: Place, *, scale: object, bias: object) -> Tensor:
    """``x * scale + bias``."""
    return x * _spread(scale, x, place) + _spread(bias, x, place)


_SIX = [0.5, -1.0, 2.0, 0.0, 1.0, 1.5]  # one value a channel, of the tests' places

OPERATIONS = (
    Operation(
        Scale,
        family="gain",
        formula="x * scale",
        source="Broad et al. 2020",
        plain=plain_scale,
        examples=({"scale": 2.5}, {"scale": _SIX}),
        neutral={"scale": 1.0},
        picture={"scale": 2.0},
    ),
    Operation(
        Bias,
        family="gain",
        formula="x + bias",
        source="Broad et al. 2020",
        plain=plain_bias,
        examples=({"bias": 0.4}, {"bias": _SIX}),
        neutral={"bias": 0.0},
        picture={"bias": 1.0},
    ),
    Operation(
        Affine,
        family="gain",
        formula="x * scale + bias",
        source="Broad et al. 2020",
        plain=plain_affine,
        examples=({"scale": -1.5, "bias": 0.2}, {"scale": _SIX, "bias": 0.1}),
        neutral={"scale": 1.0, "bias": 0.0},
        picture={"scale": 0.8, "bias": 0.8},
    ),
)
