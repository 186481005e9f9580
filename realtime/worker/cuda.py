"""Playing on a GPU: whether there is one, and a block as a CUDA graph.

A block of audio is hundreds of tiny operations, and launching them from the CPU takes longer than
they do. A CUDA graph is launched at once: it is recorded once, and repeats the same operations on
the same memory from then on. So it only holds for a model whose state is updated in place, and
that does the same whatever its values are; for any other, blocks are called as ever.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from torchbend.errors import first_line
from torchbend.streaming import Saved

__all__ = ["GraphedCall", "cuda_device"]

_WARM_UPS = 4  # calls before recording: TorchScript optimises itself in the first ones
_CHECKS = 3
_TOLERANCE = 1e-4  # of the peak; what another choice of algorithm may change
_SEED = 5

_Play = Callable[..., Tensor]


def cuda_device(asked: bool, *, cuda: Any = torch.cuda) -> tuple[torch.device, str]:
    """Where to play, and why not elsewhere.

    Args:
        asked: whether a GPU was asked for.
        cuda: ``torch.cuda``, or what stands in for it.

    Returns:
        The device, and a line for people; it is empty if they get what they asked for.
    """
    cpu = torch.device("cpu")
    if not asked:
        return cpu, ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")  # of a driver that is too old torch only warns
        available = bool(cuda.is_available())
    if available:
        device = torch.device("cuda", cuda.current_device())
        try:
            if float(torch.ones(1, device=device).add_(1)) == 2:
                return device, ""
            why = "it does not calculate"
        # Built without it, torch raises an AssertionError.
        except (RuntimeError, AssertionError) as error:
            why = first_line(error)
    elif told:
        why = first_line(Warning(told[0].message))
    elif torch.version.cuda is None and torch.version.hip is None:
        why = f"torch {torch.__version__} is built for the CPU alone"
    else:
        why = "none was found"
    return cpu, f"there is no GPU that torch can use ({why}): it plays on the CPU"


class _State(Protocol):
    """A streaming state; see `torchbend.streaming.StreamingState`."""

    def save(self) -> Any: ...

    def restore(self, saved: Any, /) -> None: ...


class GraphedCall:
    """A function on the GPU, recorded as a CUDA graph if it stands that, or called as it is.

    Recorded, it is compared with itself: three blocks of noise each way, from the same state.
    Where sound or state differ, the graph is given up. The state is afterwards as it was.

    A value that a setter changes is only heard if the setter writes into a tensor; a number is
    part of the recording. So ask `agrees` after the first move of each control, and `give_up` the
    graph where it does not.

    Args:
        function: takes tensors and gives one, such as a method of an opened file.
        inputs: tensors on the GPU, of the shapes that it will be called with.
        state: its streaming state; None if it has none.
        cuda: ``torch.cuda``, or what stands in for it.

    Attributes:
        reason: why there is no graph; empty if there is one.
    """

    def __init__(
        self,
        function: _Play,
        inputs: Sequence[Tensor],
        *,
        state: _State | None = None,
        cuda: Any = torch.cuda,
    ) -> None:
        self._function = function
        self._state = state
        self._cuda = cuda
        self._graph: Any = None
        self.reason = ""
        with torch.inference_mode():
            self._inputs = [x.clone() for x in inputs]
            saved = self._saved()
            try:
                self._record()
                self._restore(saved)
                if not self._holds(saved):
                    self.give_up(
                        "played as a CUDA graph it differs: it makes its state anew with each "
                        "block, or counts blocks, or draws noise of its own"
                    )
            # Whatever cannot be recorded, the plain call still plays.
            except Exception as error:  # noqa: BLE001
                self.give_up(f"it cannot be recorded as a CUDA graph: {first_line(error)}")
            finally:
                self._restore(saved)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Tensors such as it is called with."""
        return tuple(self._inputs)

    @property
    def graphed(self) -> bool:
        """Whether a graph plays."""
        return self._graph is not None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Play; what comes out of a graph is written over by the next call.

        Args:
            inputs: of the shapes and types that it was made with.
        """
        if self._graph is None:
            return self._function(*inputs)
        with torch.inference_mode():
            for mine, given in zip(self._inputs, inputs, strict=True):
                mine.copy_(given)
            self._graph.replay()
        return self._output

    def agrees(self, *inputs: Tensor) -> bool:
        """Whether the graph plays what a plain call does, from the present state and values.

        It plays both; the state is afterwards as it was.
        """
        if self._graph is None:
            return True
        saved = self._saved()
        with torch.inference_mode():
            try:
                plain = self._run(self._function, [inputs])
                self._restore(saved)
                return _alike(plain, self._run(self, [inputs]))
            finally:
                self._restore(saved)

    def give_up(self, reason: str) -> None:
        """Call the function as it is from now on.

        Args:
            reason: why, for people.
        """
        self._graph = None
        self.reason = reason

    def _record(self) -> None:
        cuda, side = self._cuda, self._cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._function(*self._inputs)
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        # Other threads of the process may go on using the GPU.
        with cuda.graph(graph, capture_error_mode="thread_local"):
            self._output = self._function(*self._inputs)
        self._graph = graph

    def _holds(self, saved: Any) -> bool:
        """Whether three blocks sound and leave behind the same both ways."""
        generator = torch.Generator().manual_seed(_SEED)
        blocks = [
            [_noise_like(x, generator) if x.is_floating_point() else x for x in self._inputs]
            for _ in range(_CHECKS)
        ]
        plain = self._run(self._function, blocks)
        self._restore(saved)
        return _alike(plain, self._run(self, blocks))

    def _run(self, play: _Play, blocks: Sequence[Sequence[Tensor]]) -> list[Any]:
        """What comes out, and the state in the end; the same noise is drawn each time."""
        made: list[Any] = []
        with torch.random.fork_rng():
            for number, block in enumerate(blocks):
                torch.manual_seed(_SEED + number)
                made.append(play(*block).clone())
        made.append(self._saved())
        return made

    def _saved(self) -> Any:
        return None if self._state is None else self._state.save()

    def _restore(self, saved: Any) -> None:
        if self._state is not None:
            self._state.restore(saved)


def _noise_like(x: Tensor, generator: torch.Generator) -> Tensor:
    return (0.1 * torch.randn(x.shape, generator=generator)).to(x)


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are equal up to what another choice of algorithm may change."""
    if isinstance(one, Saved) and isinstance(other, Saved):
        return _alike(one.values, other.values)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
        return bool(type(one) is type(other) and one == other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    finite = one[torch.isfinite(one)]
    slack = _TOLERANCE * float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(one, other, rtol=0.0, atol=slack, equal_nan=True)
