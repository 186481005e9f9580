"""Controls of a bent module: one move reaches every place, a refused one reaches none."""

from __future__ import annotations

import copy
import gc
import threading
import time
import weakref
from typing import Any

import pytest
import torch
from support import (
    Codec,
    ConvNet,
    Joseph,
    Reference,
    StreamingNet,
    equal,
    noise,
    picture,
    same_buffers,
    same_picture,
    seeded,
    with_weights,
)
from torch import Tensor, nn

import torchbend as tb


def traced(module: nn.Module, x: Tensor) -> tb.BendedModule:
    bended = tb.BendedModule(module)
    bended.trace(x=x)
    return bended


@torch.no_grad()
def test_one_move_reaches_every_weight_and_activation() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(2, 4, 8))
    p = tb.BendingParameter("p", 0.5, range=[-2.0, 2.0])
    bended.bend(tb.Scale(p), "gain", r"convs\.1\.weight")
    bended.bend(tb.Bias(2.0 * p + 1), "tanh")
    bended.bend(tb.Scale(-p) >> tb.Bias(p / 4), "act_1")
    assert list(bended.controllables) == ["p"] and bended.controllables["p"] is p
    for value in (0.5, 1.5, -2, 0.0):
        if value != 0.5:
            bended.update("p", value)
        v = float(value)
        scaled = {name: lambda w, v=v: w * v for name in ("gain", "convs.1.weight")}
        changes = {
            "tanh": lambda y, v=v: y + (2.0 * v + 1),
            "act_1": [lambda y, v=v: y * -v, lambda y, v=v: y + v / 4],
        }
        reference = Reference(bended, changes, state=with_weights(module, scaled))
        for shape in ((2, 4, 8), (1, 4, 5)):
            x = noise(*shape, seed=9)
            assert torch.equal(bended(x), reference(x)), value
    assert p.get_python_value() == 0.0


@torch.no_grad()
def test_the_parameter_itself_moves_what_it_reaches() -> None:
    module = seeded(Codec)
    bended = tb.BendedModule(module)
    p = tb.BendingParameter("p", 1.0)
    bended.bend(tb.Scale(p), "decoder.0.weight")
    other = tb.BendedModule(module)
    other.bend(tb.Scale(3 * p), "decoder.0.weight")
    p.set_value(0.25)
    x = noise(1, 1, 8)
    for who, factor in ((bended, 0.25), (other, 0.75)):
        twin = with_weights(module, {"decoder.0.weight": lambda w, f=factor: w * f})
        assert torch.equal(who(x), twin(x))


class Holds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(noise(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.w * x, self.w + x])


@pytest.mark.parametrize(("first", "second"), [(2, 3), (True, False), (1 + 1j, 2 - 3j), (0.5, -2)])
def test_numbers_of_every_kind(first: Any, second: Any) -> None:
    module = Holds()
    bended = traced(module, noise(4, 3))
    bended.bend(tb.Scale(tb.BendingParameter("p", first)), "w", "mul$")
    x = noise(4, 3, seed=2)
    with torch.no_grad():
        for value in (first, second):
            bended.update("p", value)
            w = module.w * value
            assert torch.equal(bended(x), torch.stack([w * x * value, w + x]))


@torch.no_grad()
def test_a_vector_control_follows_the_channels() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(2, 4, 8))
    p = tb.BendingParameter("p", [1.0, 1.0, 1.0, 1.0])
    bended.bend(tb.Scale(p), "gain", "act$")
    x = noise(3, 4, 6)
    for value in ([1.0, 0.0, 2.0, -1.0], [0.5, 0.5, 0.0, 4.0]):
        bended.update("p", value)
        v = torch.tensor(value).unsqueeze(-1)
        twin = with_weights(module, {"gain": lambda w, v=v: w * v})
        reference = Reference(bended, {"act": lambda y, v=v: y * v}, state=twin)
        assert torch.equal(bended(x), reference(x))


@torch.no_grad()
def test_a_choice_control() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(2, 4, 8))
    op = tb.BendingParameter("op", "add", choices=["add", "mul"])
    normal = tb.Normal(0.5, seed=3, op=op)
    bended.bend(normal, "gain")
    drawn = bended.bended_state_dict()["gain"] - module.gain
    n = drawn / 0.5
    bended.update("op", "mul")
    assert torch.allclose(bended.bended_state_dict()["gain"], module.gain * n * 0.5, atol=1e-5)
    with pytest.raises(tb.BendingParameterException, match="'op'"):
        bended.update("op", "div")
    assert op.get_python_value() == "mul"


def test_a_mask_control_only_adds_places_when_it_rises() -> None:
    module = seeded(ConvNet)
    bended = tb.BendedModule(module)
    p = tb.BendingParameter("p", 0.0, range=[0.0, 1.0])
    bended.bend(tb.Mask(p, seed=1), r"convs\.0\.weight")
    weight = module.convs[0].weight.detach()
    kept = torch.zeros_like(weight, dtype=torch.bool)
    for value in (0.0, 0.2, 0.5, 0.8, 1.0):
        bended.update("p", value)
        now = bended.bended_state_dict()["convs.0.weight"]
        mask = now != 0
        assert torch.equal(now, weight * mask)
        assert bool((mask | ~kept).all()), "a place was taken away"
        kept = mask
    assert kept.all()


# -- refused ---------------------------------------------------------------------------
BAD: list[tuple[Any, str]] = [
    (float("nan"), "'p'"),
    (float("inf"), "'p'"),
    ("loud", "'p'.*str"),
    (None, "'p'"),
    ([0.5], "'p'"),
    (0.5j, "'p'"),
    (3.0, r"'p'.*\[-2.0, 2.0\]"),
    (-2.1, r"'p'.*\[-2.0, 2.0\]"),
]


@pytest.mark.parametrize(("value", "message"), BAD)
@torch.no_grad()
def test_a_refused_value_changes_nothing(value: Any, message: str) -> None:
    module = seeded(StreamingNet)
    bended = traced(module, noise(2, 2, 6))
    p = tb.BendingParameter("p", 0.5, range=[-2.0, 2.0])
    bended.bend(tb.Scale(p), "first.conv.weight", "tanh")
    block = noise(2, 2, 6)
    bended(block)
    before = picture(bended)
    with pytest.raises(tb.BendingParameterException, match=message) as caught:
        bended.update("p", value)
    assert isinstance(caught.value, tb.TorchbendError)
    same_picture(before, picture(bended))
    twin = with_weights(module, {"first.conv.weight": lambda w: w * 0.5})
    twin(block)
    assert torch.equal(bended(block), twin(block) * 0.5)
    same_buffers(bended, twin)


def test_out_of_range_is_clamped_on_request() -> None:
    bended = tb.BendedModule(seeded(ConvNet))
    bended.bend(tb.Scale(tb.BendingParameter("p", 0.5, range=[-2.0, 2.0], clamp=True)), "gain")
    bended.update("p", 100)
    assert torch.equal(bended.bended_state_dict()["gain"], bended.module.gain * 2.0)


def test_a_control_that_nobody_uses() -> None:
    bended = tb.BendedModule(seeded(ConvNet))
    with pytest.raises(tb.BendingError, match=r"'gian'"):
        bended.update("gian", 1.0)
    bended.bend(tb.Scale(tb.BendingParameter("gain", 1.0)), "gain")
    with pytest.raises(tb.BendingError, match=r"'gian'.*'gain'"):
        bended.update("gian", 1.0)
    bended.reset()
    assert bended.controllables == {}


def test_two_controls_of_one_name_are_refused() -> None:
    bended = traced(seeded(ConvNet), noise(1, 4, 8))
    first = tb.BendingParameter("p", 1.0)
    bended.bend(tb.Scale(first), "gain")
    before = picture(bended)
    for where in ("gain", "tanh", r"convs\.0.*"):
        with pytest.raises(tb.BendingError, match="'p'"):
            bended.bend(tb.Bias(tb.BendingParameter("p", 1.0)), where)
        same_picture(before, picture(bended))
    two = tb.BendingParameter("p", 1.0)
    with pytest.raises(tb.BendingError, match="'p'"):
        bended.bend(tb.Scale(two) >> tb.Bias(tb.BendingParameter("p", 0.0)), "tanh")
    same_picture(before, picture(bended))
    bended.reset()
    bended.bend(tb.Scale(two), "gain")
    assert bended.controllables["p"] is two


class Picky(tb.BendingCallback):
    """Takes no threshold above one: half of its places are reached when it says so."""

    weight_compatible = True
    activation_compatible = True
    controllable_params = ("amount",)

    def __init__(self, amount: Any) -> None:
        super().__init__()
        self.amount = amount

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        if self.get("amount") > 1 and name == "convs.2.weight":
            raise ValueError("too much")
        return x * self.get("amount")


@torch.no_grad()
def test_a_move_that_fails_half_way_leaves_everything_as_it_was() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(1, 4, 8))
    p = tb.BendingParameter("p", 0.5)
    bended.bend(tb.Scale(p), "gain", "tanh")
    bended.bend(Picky(p), r"convs\.\d\.weight")
    x = noise(1, 4, 8)
    want = bended(x)
    before = picture(bended)
    with pytest.raises(Exception, match="too much") as caught:
        bended.update("p", 2.0)
    same_picture(before, picture(bended))
    assert torch.equal(bended(x), want)
    bended.update("p", 1.0)
    assert torch.equal(bended(x), module(x))
    assert isinstance(caught.value, tb.TorchbendError)


@torch.no_grad()
def test_a_bend_that_fails_half_way_leaves_everything_as_it_was() -> None:
    bended = traced(seeded(ConvNet), noise(1, 4, 8))
    bended.bend(tb.Scale(2.0), "gain")
    before = picture(bended)
    with pytest.raises(Exception, match="too much") as caught:
        bended.bend(Picky(2.0), r"convs\.\d\.weight", "tanh")
    same_picture(before, picture(bended))
    assert isinstance(caught.value, tb.TorchbendError)


# -- moves meanwhile -------------------------------------------------------------------
def heard_while_it_moves(what: str, players: int, calls: int) -> list[int]:
    """Play in threads while a knob turns in another; count what was heard of each setting."""
    module = seeded(ConvNet, 16)
    x = noise(1, 16, 64)
    bended = traced(module, x)
    p = tb.BendingParameter("p", 1.0)
    if what == "weights":
        bended.bend(tb.Scale(p), ".*weight", "gain")
    elif what == "both":
        bended.bend(tb.Scale(p), r"convs\.1\.weight", "act$", "tanh")
    else:
        bended.bend(tb.Scale(p), "act.*", "tanh")
    pure = []
    for value in (1.0, -0.5):
        bended.update("p", value)
        pure.append(bended(x))
    assert not torch.equal(*pure)

    stop = threading.Event()
    heard = [0, 0]
    errors: list[BaseException] = []

    def turn() -> None:
        value = 0
        try:
            while not stop.is_set():
                bended.update("p", (1.0, -0.5)[value])
                value = 1 - value
                time.sleep(1e-4)  # a knob, not a flood: the player must get its turn
        except BaseException as error:
            errors.append(error)
            raise

    def play() -> None:
        try:
            with torch.no_grad():
                for _ in range(calls):
                    out = bended(x)
                    which = [torch.equal(out, one) for one in pure]
                    assert sum(which) == 1, "a mixture of two settings"
                    heard[which.index(True)] += 1
        except AssertionError as error:
            errors.append(error)

    knob = threading.Thread(target=turn)
    others = [threading.Thread(target=play) for _ in range(players - 1)]
    for thread in (knob, *others):
        thread.start()
    try:
        play()
        for thread in others:
            thread.join()
    finally:
        stop.set()
        knob.join()
    if errors:
        raise errors[0]
    # what was set last is heard once nothing plays
    which = [torch.equal(bended(x), one) for one in pure]
    assert which.index(True) == (0 if p.get_python_value() == 1.0 else 1)
    return heard


@pytest.mark.parametrize("what", ["weights", "activations", "both"])
@torch.no_grad()
def test_moves_from_another_thread_are_heard_whole(what: str) -> None:
    """Each output is one of two, never a mixture of both."""
    heard = heard_while_it_moves(what, players=1, calls=300)
    assert all(heard), "the control did not move while the model played"


@pytest.mark.parametrize("what", ["weights", "activations"])
@torch.no_grad()
def test_moves_are_heard_whole_where_calls_overlap(what: str) -> None:
    heard_while_it_moves(what, players=3, calls=100)


@torch.no_grad()
def test_calls_from_two_threads_both_play() -> None:
    module = seeded(ConvNet)
    x = noise(1, 4, 32)
    bended = traced(module, x)
    bended.bend(tb.Scale(0.5), "gain", "act.*")
    want = bended(x)
    wrong: list[Tensor] = []

    def play() -> None:
        with torch.no_grad():
            for _ in range(50):
                out = bended(x)
                if not torch.equal(out, want):
                    wrong.append(out)

    threads = [threading.Thread(target=play) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# -- life and death ----------------------------------------------------------------------
def test_a_control_does_not_keep_a_model_alive() -> None:
    p = tb.BendingParameter("p", 1.0)
    bended = tb.BendedModule(Joseph())
    bended.bend(tb.Scale(p), "f0")
    gone = weakref.ref(bended)
    del bended
    gc.collect()
    assert gone() is None
    p.set_value(2.0)


@torch.no_grad()
def test_a_bend_that_was_undone_follows_no_more() -> None:
    module = seeded(ConvNet)
    bended = traced(module, noise(1, 4, 8))
    p = tb.BendingParameter("p", 2.0)
    with bended.bend(tb.Scale(p), "gain", "tanh"):
        pass
    p.set_value(5.0)
    x = noise(1, 4, 8)
    assert torch.equal(bended(x), module(x))
    bended.bend(tb.Scale(p), "gain")
    assert torch.equal(bended(x), with_weights(module, {"gain": lambda w: w * 5.0})(x))


@torch.no_grad()
def test_moves_reach_bends_of_another_configuration_and_version() -> None:
    """What is not heard now follows all the same: it is right when it is heard again."""
    module = seeded(ConvNet)
    bended = traced(module, noise(1, 4, 8))
    p = tb.BendingParameter("p", 2.0)
    bended.bend(tb.Scale(p), "gain", "tanh")
    bended.save_config_as("other")
    bended.set_config("other")
    bended.reset()
    x = noise(1, 4, 8)
    p.set_value(0.25)
    assert torch.equal(bended(x), module(x))
    bended.set_config(None)
    reference = Reference(
        bended,
        {"tanh": lambda v: v * 0.25},
        state=with_weights(module, {"gain": lambda w: w * 0.25}),
    )
    assert torch.equal(bended(x), reference(x))


@torch.no_grad()
def test_a_move_does_not_touch_streaming_state() -> None:
    module = seeded(StreamingNet)
    bended = traced(module, noise(2, 2, 6))
    p = tb.BendingParameter("p", 1.0)
    bended.bend(tb.Scale(p), "second.conv.weight")
    twin = copy.deepcopy(module)
    first = twin.second.conv.weight.clone()
    for seed, value in enumerate((1.0, 0.5, 2.0, 1.0)):
        block = noise(2, 2, 6, seed=seed)
        state = {n: b.clone() for n, b in bended.named_buffers()}
        bended.update("p", value)
        assert equal(dict(bended.named_buffers()), state)
        twin.second.conv.weight.copy_(first * value)
        assert torch.equal(bended(block), twin(block))
        same_buffers(bended, twin)
