"""Capture: record what passes a place."""

import weakref
from collections.abc import Iterator

import torch
from torch import Tensor

from ..errors import BendingCallbackException
from ..places import Place
from .callback import BendingCallback
from .kernel import Kernel

__all__ = ["Capture", "Recorder", "RecordingKernel"]


class RecordingKernel(Kernel):
    """Keeps a copy of what passes while ``recording``, and changes nothing.

    Attributes:
        recording: whether it records.
        frames: what it recorded, in order.
    """

    recording: bool
    frames: list[Tensor]

    def __init__(self, frames: list[Tensor], recording: bool) -> None:
        """Record into ``frames``, the callback's own list for this place."""
        super().__init__()
        self.frames = frames
        self.recording = recording

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` itself."""
        if self.recording:
            self.frames.append(x.detach().clone())
        return x

    @torch.jit.export
    def record(self, on: bool) -> None:
        """Switch recording on or off."""
        self.recording = on


class Recorder(BendingCallback):
    """What callbacks that record have in common; see ``Capture``."""

    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True

    __jit_unused_properties__ = ("captures", "controls", "n_captures", "recording")

    def __init__(self) -> None:
        """Start with nothing recorded, switched off."""
        super().__init__()
        self.__dict__["_frames"] = {}
        self.__dict__["_kernels"] = []
        self.__dict__["_recording"] = False

    @property
    def recording(self) -> bool:
        """Whether it records now."""
        return bool(self.__dict__["_recording"])

    def capture(self) -> None:
        """Record from now on, at all places."""
        self._switch(True)

    def stop(self) -> None:
        """Record no more; what was recorded stays."""
        self._switch(False)

    def clear(self) -> None:
        """Forget what was recorded."""
        for _, frames in self.__dict__["_frames"].values():
            frames.clear()
        self._changed()

    @property
    def captures(self) -> dict[str, Tensor]:
        """What was recorded: for each place all calls joined along dim 0.

        The keys are the places' names; of places of one name in several methods, the full
        keys ``fn:name``. Places where nothing passed are left out.

        Raises:
            BendingCallbackException: what passed a place differs in shape beyond dim 0.
        """
        there = self.__dict__["_frames"]
        names = [name for name, _ in there.values()]
        return {
            (name if names.count(name) == 1 else key): joined(frames, name)
            for key, (name, frames) in there.items()
            if frames
        }

    @property
    def n_captures(self) -> int:
        """How many items (along dim 0) were recorded, at the place with the most."""
        return max((len(held) for held in self.captures.values()), default=0)

    def frames(self, place: Place) -> list[Tensor]:
        """Return the list that all kernels of a place record into."""
        held: list[Tensor] = self.__dict__["_frames"].setdefault(place.key, (place.name, []))[1]
        return held

    def kernel(self, place: Place, value: Tensor | None = None) -> Kernel:
        """Make the recorder of one place."""
        self.check(place)
        return self._know(RecordingKernel(self.frames(place), self.recording))

    def _know(self, kernel: RecordingKernel) -> RecordingKernel:
        self.__dict__["_kernels"].append(weakref.ref(kernel))
        return kernel

    def _alive(self) -> Iterator[RecordingKernel]:
        references = self.__dict__["_kernels"]
        references[:] = [reference for reference in references if reference() is not None]
        for reference in references:
            kernel = reference()
            if kernel is not None:
                yield kernel

    def _switch(self, on: bool) -> None:
        self.__dict__["_recording"] = on
        for kernel in self._alive():
            kernel.record(on)
        self._changed()

    def _changed(self) -> None:
        """Called when recording was switched or what was recorded was forgotten."""

    def __deepcopy__(self, memo: dict[int, object]) -> "Recorder":
        """Copy the settings; the copy has recorded nothing."""
        twin = type(self)(**self.settings())
        memo[id(self)] = twin
        return twin


class Capture(Recorder):
    """Record what passes, and change nothing.

    Between ``capture()`` and ``stop()`` every call of the bent model is recorded at every
    place: ``captures[name]`` is the copies joined along dim 0. Switched off, it costs one
    test. For activations only.
    """


def joined(frames: list[Tensor], name: str) -> Tensor:
    """Join what was recorded along dim 0.

    Raises:
        BendingCallbackException: the shapes differ beyond dim 0.
    """
    try:
        return torch.cat([frame.reshape(1) if frame.dim() == 0 else frame for frame in frames])
    except RuntimeError as error:
        raise BendingCallbackException(
            f"what passed {name!r} cannot be joined along dim 0: "
            f"{[tuple(frame.shape) for frame in frames]}: {error}"
        ) from error
