"""The streaming state of a file: kept, put back, and copied between two instances of it."""
# TorchScript reads the annotations here, so they must not be text (no __future__ import)

import io

import pytest
import torch
from torch import Tensor, nn

from torchbend.description import FileInfo
from torchbend.scripts.values import copied, same
from torchbend.streaming import StreamingState

INFO = FileInfo("net", (), state=("inner.line", "inner.count", "not.there"))


class Delay(nn.Module):
    """One frame late; the frame before lies in a buffer, and how many came in another."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("line", torch.zeros(1, 1))
        self.register_buffer("count", torch.zeros(1, dtype=torch.long))
        self.register_buffer("still", torch.full((3,), 2.0))

    def forward(self, x: Tensor) -> Tensor:
        late = torch.cat([self.line, x[:, :-1]], 1)
        self.line.copy_(x[:, -1:])
        self.count.add_(1)
        return late


class Net(nn.Module):
    """Has all kinds of state: written in place, replaced, of another shape, no tensor."""

    heard: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.inner = Delay()
        self.weight = nn.Parameter(torch.tensor([3.0]))
        self.register_buffer("last", torch.zeros(2))
        self.heard = [torch.zeros(1)]
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x) + self.last.sum() + self.heard[0].sum() + self.calls
        self.last = x.flatten().clone() * self.weight
        self.heard = [x[:, :2].clone()]
        self.calls += 1
        return y


@pytest.fixture
def saved() -> bytes:
    net = torch.jit.script(Net())
    inner = net.inner._c
    net._c._register_attribute("also", inner._type(), inner)  # the same under another name
    return net.save_to_buffer()


def opened(saved: bytes) -> torch.jit.ScriptModule:
    return torch.jit.load(io.BytesIO(saved))


def play(net: torch.jit.ScriptModule, seed: int, frames: int = 4) -> Tensor:
    x = torch.randn(1, frames, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return net(x).clone()


def found(net: torch.jit.ScriptModule) -> StreamingState:
    state = StreamingState(net, None)
    state.find(lambda: play(net, 0))
    return state


def test_playing_shows_what_is_state_and_leaves_no_trace(saved):
    net, fresh = opened(saved), opened(saved)
    state = found(net)
    assert set(state.names) == {"inner.line", "inner.count", "last", "heard", "calls"}
    assert torch.equal(play(net, 1), play(fresh, 1))


def test_a_file_that_tells_is_not_played(saved):
    net = opened(saved)
    state = StreamingState(net, INFO)
    state.find(lambda: pytest.fail("it was played"))
    assert state.names == ("inner.line", "inner.count")
    unknown = StreamingState(opened(saved), FileInfo("net", (), state=None))
    assert not unknown.known
    assert "inner.still" in unknown.names
    assert "weight" not in unknown.names


def test_a_failure_while_playing_is_raised_and_leaves_no_trace(saved):
    net, fresh = opened(saved), opened(saved)
    state = StreamingState(net, None)

    def fail() -> None:
        play(net, 0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        state.find(fail)
    assert not state.known
    assert torch.equal(play(net, 1), play(fresh, 1))


def test_it_is_put_back_as_often_as_wanted(saved):
    net = opened(saved)
    state = found(net)
    play(net, 1)
    kept = state.save()
    wanted = [play(net, seed) for seed in (2, 3)]
    for _ in range(2):
        state.restore(kept)
        assert all(torch.equal(play(net, s), w) for s, w in zip((2, 3), wanted, strict=True))


def test_what_was_saved_does_not_move_with_the_file(saved):
    net = opened(saved)
    state = found(net)
    kept = state.save()
    before = copied(kept.values)
    play(net, 1)
    assert same(kept.values, before)
    state.restore(kept)
    play(net, 1)  # writes in its own tensors, not in the saved ones
    assert same(kept.values, before)


@pytest.mark.parametrize("who", ["both", "mine", "theirs", "none"])
def test_another_instance_goes_on_from_there(saved, who):
    mine, theirs = opened(saved), opened(saved)
    state = found(mine) if who in ("both", "mine") else StreamingState(mine, None)
    other = found(theirs) if who in ("both", "theirs") else StreamingState(theirs, None)
    play(mine, 9, frames=7)
    play(theirs, 1)
    state.copy_from(other)
    assert torch.equal(play(mine, 2), play(theirs, 2))
    assert torch.equal(play(mine, 3), play(theirs, 3))


def test_a_copy_is_made_in_place_and_stays_apart(saved):
    mine, theirs = opened(saved), opened(saved)
    state, other = found(mine), found(theirs)
    play(mine, 0)
    play(theirs, 1)
    where = {n: b.data_ptr() for n, b in mine.named_buffers()}
    state.copy_from(other)
    assert {n: b.data_ptr() for n, b in mine.named_buffers()} == where
    assert same(state.save().values, other.save().values)
    before = other.save()
    play(mine, 2)
    assert same(other.save().values, before.values)


def test_a_state_saved_of_one_instance_is_put_back_in_another(saved):
    mine, theirs = opened(saved), opened(saved)
    state, other = found(mine), found(theirs)
    play(theirs, 1)
    state.restore(other.save())
    assert torch.equal(play(mine, 2), play(theirs, 2))


def test_values_are_copied_and_compared_to_the_bit():
    value = {"a": [torch.ones(2), (1, "x")], "b": None}
    twin = copied(value)
    assert same(value, twin)
    twin["a"][0][0] = 1.0 + 2**-23
    assert not same(value, twin)
    assert float(value["a"][0][0]) == 1.0
    assert not same(torch.ones(2), torch.ones(2, dtype=torch.float64))
    assert not same(torch.ones(1), 1.0)
    assert not same([1], [1, 2])
