"""InterpolateActivation and InterpolationFromCapture: mix the items of a batch."""

import torch
from torch import Tensor

from ..errors import BendingError
from ..places import Place
from .callback import BendingCallback
from .capture import Recorder, RecordingKernel, joined
from .kernel import Kernel
from .placing import checked_flag

__all__ = ["InterpolateActivation", "InterpolationFromCapture"]


def mixed(weights: Tensor, items: Tensor) -> Tensor:
    """Return ``out[i] = sum_b weights[i, b] items[b]``.

    Args:
        weights: ``(outputs, items)``.
        items: ``(items, ...)``.
    """
    flat = items.reshape(items.size(0), -1)
    if not flat.is_floating_point() and not flat.is_complex():
        flat = flat.to(weights.dtype)
    out = torch.matmul(weights.to(flat.device, flat.dtype), flat)
    shape = list(items.shape)
    shape[0] = weights.size(0)
    return out.reshape(shape)


class InterpolateActivationKernel(Kernel):
    """Mixes the batch by weights from the call."""

    call_args = ("interp_weights",)

    def __init__(self, softmax: bool, name: str) -> None:
        super().__init__()
        self.softmax = softmax
        self.name = name

    @torch.jit.export
    def into(self, x: Tensor, out: Tensor) -> None:
        out.copy_(self.forward(x, None))

    def forward(self, x: Tensor, interp_weights: Tensor | None = None) -> Tensor:
        if interp_weights is None:
            return x
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            interp_weights = torch.as_tensor(interp_weights)
        weights = interp_weights
        if weights.dim() == 1:
            weights = weights.unsqueeze(0)
        if x.dim() == 0 or weights.dim() != 2 or weights.size(1) != x.size(0):
            raise BendingError(
                f"InterpolateActivation at '{self.name}': interp_weights has shape "
                f"{interp_weights.shape}, and the activation {x.shape}: "
                "the weights are [outputs, batch] or [batch]"
            )
        if not weights.is_floating_point() and not weights.is_complex():
            weights = weights.to(torch.float32)
        if self.softmax:
            weights = torch.softmax(weights, dim=1)
        return mixed(weights, x)


class InterpolateActivation(BendingCallback):
    """Mix the items of a batch: ``out[i] = sum_b w[i, b] x[b]``.

    ``w`` is the call's argument ``interp_weights``, ``(outputs, batch)`` or ``(batch,)`` for
    one output; without it ``x`` passes as it is. ``x`` is ``(batch, ...)``, the result
    ``(outputs, ...)``, in the dtype of ``x`` (of ``w`` where ``x`` is integers). When run,
    weights that do not fit the batch are a ``BendingError`` with both sizes.
    """

    activation_compatible = True
    jit_compatible = True

    def __init__(self, softmax: bool = False) -> None:
        """Make an interpolation.

        Args:
            softmax: use ``softmax(w)`` over the batch, so that the weights sum to 1.
        """
        super().__init__()
        self.softmax = checked_flag(softmax, "softmax")

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the interpolation of one place."""
        self.check(place)
        return InterpolateActivationKernel(self.softmax, place.key)


class InterpolationFromCaptureKernel(RecordingKernel):
    """Records; once there are captures and it does not record, mixes them."""

    # TorchScript reads the annotations of the class itself, not of its bases
    recording: bool
    frames: list[Tensor]
    memory: Tensor

    def __init__(self, frames: list[Tensor], recording: bool, name: str) -> None:
        super().__init__(frames, recording)
        self.name = name
        self.register_buffer("memory", torch.empty(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.recording:
            self.frames.append(x.detach().clone())
            return x
        captures = self.memory
        if captures.size(0) == 0:
            return x
        if x.dim() != 2 or x.size(1) != captures.size(0):
            raise BendingError(
                f"InterpolationFromCapture at '{self.name}': the weights have shape {x.shape}, "
                f"and there are {captures.size(0)} captures: they are [batch, captures]"
            )
        return mixed(torch.softmax(x, dim=1), captures)


class InterpolationFromCapture(Recorder):
    """Record, then play mixtures of what was recorded.

    While it records (``capture()`` to ``stop()``) it is a ``Capture``. After that ``x`` is
    taken as weights ``(batch, n_captures)`` and the result is
    ``out[i] = sum_c softmax(x)[i, c] capture[c]``, ``(batch, ...)`` with the shape of one
    capture after dim 0. With nothing recorded ``x`` passes as it is.

    When run, ``x`` that does not fit the captures is a ``BendingError`` with both sizes.
    """

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the recorder and mixer of one place."""
        self.check(place)
        kernel = InterpolationFromCaptureKernel(self.frames(place), self.recording, place.key)
        self._know(kernel)
        self._remember(kernel)
        return kernel

    def _remember(self, kernel: InterpolationFromCaptureKernel) -> None:
        kernel.memory = joined(kernel.frames, kernel.name) if kernel.frames else torch.empty(0)

    def _changed(self) -> None:
        for kernel in self._alive():
            if isinstance(kernel, InterpolationFromCaptureKernel) and not kernel.recording:
                self._remember(kernel)
