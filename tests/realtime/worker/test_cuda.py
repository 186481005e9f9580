"""Playing on a GPU, its refusal, and when a recorded block is given up.

Where there is no GPU, a stand-in records for CUDA graphs: it takes down every operation that
torch carries out, and repeats these, on the same tensors, when it is replayed. What is not an
operation (a number that Python or TorchScript holds, another tensor in an attribute's place) is
not repeated, as in a real graph. The tests marked `gpu` are for the real thing.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from torchbend.realtime.worker.cuda import GraphedCall, cuda_device
from torchbend.streaming import StreamingState


# -- the stand-in ------------------------------------------------------------------------------
class Recorder(TorchDispatchMode):
    """Takes down operations; the tensors that they made stay where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.taken.append((func, args, kwargs or {}, made))
        return made

    def replay(self) -> None:
        for func, args, kwargs, made in self.taken:
            again = func(*args, **kwargs)
            if isinstance(made, Tensor) and again is not made:
                made.copy_(again)


class Stream:
    def wait_stream(self, other: Stream) -> None:
        pass


class StandIn:
    """What `GraphedCall` needs of ``torch.cuda``."""

    Stream = Stream

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.recorded = 0

    def current_stream(self) -> Stream:
        return Stream()

    def stream(self, stream: Stream) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def CUDAGraph(self) -> Recorder:  # noqa: N802
        return Recorder()

    @contextlib.contextmanager
    def graph(self, graph: Recorder, **settings: object) -> Iterator[None]:
        self.recorded += 1
        with graph:
            yield
        if self.fails:
            raise RuntimeError(self.fails)


# -- models ------------------------------------------------------------------------------------
class Model(nn.Module):
    """A convolution with a cache, and a gain."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("taps", torch.randn(1, 1, 9, generator=generator))
        self.register_buffer("cache", torch.zeros(1, 1, 8))
        self.register_buffer("gain", torch.ones(1))
        self.number = 1.0

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.cache, x], -1)
        self.cache.copy_(x[..., -8:])
        return torch.tanh(nn.functional.conv1d(x, self.taps)) * self.gain * self.number

    @torch.jit.export
    def set_gain(self, gain: float) -> None:
        self.gain.fill_(gain)

    @torch.jit.export
    def set_number(self, number: float) -> None:
        self.number = number


class Rebinding(Model):
    """Makes its cache anew with each block."""

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.cache, x], -1)
        self.cache = x[..., -8:].clone()
        return nn.functional.conv1d(x, self.taps)


class Late(Model):
    """Makes anew what is only heard much later."""

    def forward(self, x: Tensor) -> Tensor:
        self.cache = torch.cat([x[..., -1:], self.cache[..., :-1]], -1)
        return x + self.cache[..., -1:]


class Counting(Model):
    """Counts blocks, and plays louder with each."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = 0

    def forward(self, x: Tensor) -> Tensor:
        self.blocks += 1
        return x * self.blocks


class Noisy(Model):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


def opened(model: nn.Module, device: str = "cpu") -> tuple[Any, StreamingState]:
    module = torch.jit.script(model.eval()).to(device)
    state = StreamingState(module, None)
    with torch.inference_mode():
        state.find(lambda: module(torch.rand(1, 1, 64, device=device)))
    return module, state


def sound(seed: int, device: str = "cpu") -> Tensor:
    return torch.randn(1, 1, 64, generator=torch.Generator().manual_seed(seed)).to(device)


def check_plays_as_called(device: str, cuda: Any) -> None:
    module, state = opened(Model(), device)
    call = GraphedCall(module, [sound(0, device)], state=state, cuda=cuda)
    assert call.graphed, call.reason
    assert call.reason == ""
    plain, _ = opened(Model(), device)
    with torch.inference_mode():
        for n in range(6):
            torch.testing.assert_close(call(sound(n, device)), plain(sound(n, device)))


def check_setters(device: str, cuda: Any) -> None:
    module, state = opened(Model(), device)
    call = GraphedCall(module, [sound(0, device)], state=state, cuda=cuda)
    assert call.graphed, call.reason
    before = call(sound(1, device)).clone()
    with torch.inference_mode():
        module.set_gain(0.5)
    assert call.agrees(sound(2, device))
    assert float(call(sound(1, device)).abs().max()) < 0.6 * float(before.abs().max())
    module.set_number(3.0)
    assert not call.agrees(sound(2, device))
    call.give_up("number is not heard in it")
    assert not call.graphed
    assert call.reason == "number is not heard in it"
    assert call.agrees(sound(2, device))
    assert float(call(sound(1, device)).abs().max()) > float(before.abs().max())


def check_is_given_up(model: nn.Module, device: str, cuda: Any) -> None:
    module, state = opened(model, device)
    call = GraphedCall(module, [sound(0, device)], state=state, cuda=cuda)
    assert not call.graphed
    assert "differs" in call.reason
    # It plays all the same, from the state that it had.
    plain, _ = opened(type(model)(), device)
    with torch.inference_mode():
        for n in range(4):
            torch.testing.assert_close(call(sound(n, device)), plain(sound(n, device)))


UNFIT = [Rebinding, Late, Counting]


# -- with the stand-in -------------------------------------------------------------------------
def test_a_recorded_block_plays_as_it_is_called() -> None:
    cuda = StandIn()
    check_plays_as_called("cpu", cuda)
    assert cuda.recorded == 1


def test_setters_that_write_into_tensors_are_heard_and_others_are_found() -> None:
    check_setters("cpu", StandIn())


@pytest.mark.parametrize("kind", UNFIT)
def test_a_block_that_cannot_be_repeated_is_given_up(kind: type[nn.Module]) -> None:
    check_is_given_up(kind(), "cpu", StandIn())


def test_noise_is_drawn_from_the_seed_of_the_moment() -> None:
    module, state = opened(Noisy())
    call = GraphedCall(module, [sound(0)], state=state, cuda=StandIn())
    assert call.graphed, call.reason
    torch.manual_seed(3)
    one = call(sound(1)).clone()
    assert not torch.equal(call(sound(1)), one)
    torch.manual_seed(3)
    assert torch.equal(call(sound(1)), one)


def test_other_randomness_is_left_alone() -> None:
    module, state = opened(Model())
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    GraphedCall(module, [sound(0)], state=state, cuda=StandIn())
    assert torch.equal(torch.rand(4), expected)


def test_what_cannot_be_recorded_is_called_and_says_why() -> None:
    module, state = opened(Model())
    cuda = StandIn(fails="operation not permitted when stream is capturing\nand so on")
    call = GraphedCall(module, [sound(0)], state=state, cuda=cuda)
    assert not call.graphed
    assert call.reason.endswith("graph: operation not permitted when stream is capturing")
    plain, _ = opened(Model())
    with torch.inference_mode():
        for n in range(3):
            assert torch.equal(call(sound(n)), plain(sound(n)))


def test_a_function_that_raises_does_so_when_it_is_called() -> None:
    def broken(x: Tensor) -> Tensor:
        raise ValueError("no such thing")

    call = GraphedCall(broken, [sound(0)], cuda=StandIn())
    assert not call.graphed
    assert "no such thing" in call.reason
    with pytest.raises(ValueError, match="no such thing"):
        call(sound(0))


def test_state_and_inputs_are_left_as_they_were() -> None:
    module, state = opened(Model())
    with torch.inference_mode():
        module(sound(4))
    before, given = module.cache.clone(), sound(0)
    call = GraphedCall(module, [given], state=state, cuda=StandIn())
    assert call.graphed
    assert torch.equal(module.cache, before)
    assert call.agrees(sound(5))
    assert torch.equal(module.cache, before)
    assert torch.equal(given, sound(0))


def test_without_a_state_it_plays_too() -> None:
    call = GraphedCall(lambda x, y: x + y, [sound(0), sound(0)], cuda=StandIn())
    assert call.graphed
    assert torch.equal(call(sound(1), sound(2)), sound(1) + sound(2))


def test_here_torch_itself_says_why_not() -> None:
    if torch.cuda.is_available():
        return
    module, state = opened(Model())
    call = GraphedCall(module, [sound(0)], state=state)
    assert not call.graphed
    assert call.reason.startswith("it cannot be recorded as a CUDA graph: ")
    assert torch.isfinite(call(sound(0))).all()


# -- where to play -----------------------------------------------------------------------------
def test_who_does_not_ask_plays_on_the_cpu() -> None:
    assert cuda_device(False) == (torch.device("cpu"), "")


def test_without_a_gpu_it_plays_on_the_cpu_and_says_so() -> None:
    none = SimpleNamespace(is_available=lambda: False)
    device, note = cuda_device(True, cuda=none)
    assert device == torch.device("cpu")
    assert note.startswith("there is no GPU that torch can use (")
    assert note.endswith("): it plays on the CPU")
    assert "()" not in note


def test_what_torch_warns_of_is_told() -> None:
    def is_available() -> bool:
        warnings.warn("The NVIDIA driver on your system is too old", stacklevel=1)
        return False

    _, note = cuda_device(True, cuda=SimpleNamespace(is_available=is_available))
    assert "(The NVIDIA driver on your system is too old)" in note


def test_a_gpu_that_cannot_be_used_is_none() -> None:
    broken = SimpleNamespace(is_available=lambda: True, current_device=lambda: 99)
    device, note = cuda_device(True, cuda=broken)
    assert device == torch.device("cpu")
    assert note.startswith("there is no GPU that torch can use (")
    assert len(note) < 300
    assert "\n" not in note


# -- with a GPU --------------------------------------------------------------------------------
gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


class TestOnGpu:
    pytestmark = gpu

    def test_it_is_found(self) -> None:
        device, note = cuda_device(True)
        assert device.type == "cuda"
        assert note == ""

    def test_a_recorded_block_plays_as_it_is_called(self) -> None:
        check_plays_as_called("cuda", torch.cuda)

    def test_setters(self) -> None:
        check_setters("cuda", torch.cuda)

    @pytest.mark.parametrize("kind", UNFIT)
    def test_a_block_that_cannot_be_repeated_is_given_up(self, kind: type[nn.Module]) -> None:
        check_is_given_up(kind(), "cuda", torch.cuda)

    def test_noise_is_drawn_from_the_seed_of_the_moment(self) -> None:
        module, state = opened(Noisy(), "cuda")
        call = GraphedCall(module, [sound(0, "cuda")], state=state)
        if call.graphed:
            torch.manual_seed(3)
            one = call(sound(1, "cuda")).clone()
            torch.manual_seed(3)
            assert torch.equal(call(sound(1, "cuda")), one)
        else:
            assert "noise" in call.reason

    def test_what_waits_for_the_cpu_is_called(self) -> None:
        def play(x: Tensor) -> Tensor:
            return x * float(x.max())

        call = GraphedCall(play, [sound(0, "cuda")])
        assert not call.graphed
        assert torch.equal(call(sound(1, "cuda")), play(sound(1, "cuda")))
