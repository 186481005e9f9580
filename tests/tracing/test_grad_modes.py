"""``inference_mode``, ``no_grad`` and gradients: any operation under any, in any order."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support import ConvNet, Reference, StreamingNet, noise, same_buffers, seeded, with_weights
from torch import Tensor

import torchbend as tb

MODES: dict[str, Callable[[], Any]] = {
    "grad": torch.enable_grad,
    "no grad": torch.no_grad,
    "inference": torch.inference_mode,
}


@pytest.mark.parametrize("modes", list(itertools.product(MODES, repeat=3)), ids="-".join)
def test_trace_bend_and_call_in_any_mode(modes: tuple[str, ...]) -> None:
    module = seeded(StreamingNet)
    bended = tb.BendedModule(module)
    p = tb.BendingParameter("p", 0.5)
    with MODES[modes[0]]():
        bended.trace(x=noise(2, 2, 6))
    with MODES[modes[1]]():
        bended.bend(tb.Scale(p), "first.conv.weight", "relu")
        bended.bend(tb.Mask(0.5, seed=1, dim=1), "tanh")
    changes = {"relu": lambda v: v * 0.5, "tanh": None}
    keep = tb.Mask(0.5, seed=1, dim=1).kernel(bended._trace_of("forward").place("tanh"))
    changes["tanh"] = keep.forward
    state = with_weights(module, {"first.conv.weight": lambda w: w * 0.5})
    reference = Reference(bended, changes, state=state)
    for seed in range(3):
        block = noise(2, 2, 6, seed=seed)
        want = reference(block)
        with MODES[modes[2]]():
            got = bended(block)
        assert torch.equal(got.detach(), want)
        same_buffers(bended, reference.model)
    with MODES[modes[0]]():
        got = bended(noise(2, 2, 6, seed=4))
    assert torch.equal(got.detach(), reference(noise(2, 2, 6, seed=4)))


@pytest.mark.parametrize("modes", list(itertools.permutations(MODES)), ids="-".join)
def test_everything_else_in_any_mode(modes: tuple[str, ...]) -> None:
    # torch itself takes no inference tensor where a gradient could be asked for
    module, other = (seeded(ConvNet, seed=i).requires_grad_(False) for i in (0, 2))
    x = noise(2, 4, 8)
    each = itertools.cycle(MODES[name] for name in modes)

    def in_turn(do: Callable[[], Any]) -> Any:
        with next(each)():
            return do()

    p = tb.BendingParameter("p", 0.5)
    with torch.inference_mode():
        given = x.clone()
    bended = in_turn(lambda: tb.BendedModule(module))
    in_turn(lambda: bended.bend(tb.Scale(p), "gain"))
    for inputs in (x, given):
        in_turn(lambda i=inputs: bended.trace(x=i))
        for value in (0.25, 2.0):
            in_turn(lambda v=value: bended.update("p", v))
            twin = with_weights(module, {"gain": lambda w, v=value: w * v})
            with torch.no_grad():
                want = twin(x)
            for _ in range(3):
                assert torch.equal(in_turn(lambda i=inputs: bended(i)).detach(), want)
            values = in_turn(lambda i=inputs: bended.get_activations("tanh$", x=i))
            with torch.no_grad():
                again = in_turn(
                    lambda v=values: bended.from_activations("tanh$", tanh=v["tanh"].clone())
                )
            assert torch.equal(again.detach(), want)
    in_turn(lambda: bended.create_version("other", other))
    for _ in range(3):
        in_turn(lambda: setattr(bended, "version", "other"))
        with torch.no_grad():
            assert torch.equal(in_turn(lambda: bended(x)).detach(), other(x))
        in_turn(lambda: setattr(bended, "version", None))
    in_turn(lambda: bended.write("kept"))
    in_turn(lambda: bended.reset())
    with torch.no_grad():
        assert torch.equal(in_turn(lambda: bended(x)).detach(), twin(x))


def test_what_is_owned_can_be_used_outside_of_inference_mode() -> None:
    module = seeded(StreamingNet)
    with torch.inference_mode():
        bended = tb.BendedModule(module)
        bended.trace(x=noise(2, 2, 6))
        bended.bend(tb.Scale(0.5), ".*weight", "tanh")
        bended(noise(2, 2, 6))
    for name, buffer in bended.named_buffers():
        assert not buffer.is_inference(), name
        buffer.zero_()
    for name, value in bended.bended_state_dict().items():
        assert not value.is_inference(), name


def test_gradients_pass_through_a_bent_model() -> None:
    module = seeded(ConvNet)
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 4, 8))
    bended.bend(tb.Scale(0.5), "convs_1$")
    x = noise(2, 4, 8, seed=3).requires_grad_()

    def forward(v: Tensor) -> Tensor:
        v = module.act(module.convs[0](v)) + v
        v = module.act(module.convs[1](v) * 0.5) + v
        v = module.act(module.convs[2](v)) + v
        return torch.tanh(v * module.gain).mean(1, keepdim=True)

    (want,) = torch.autograd.grad(forward(x).sum(), x)
    (got,) = torch.autograd.grad(bended(x).sum(), x)
    assert torch.equal(got, want)
    loss = bended(x).square().sum()
    loss.backward()
    assert module.convs[0].weight.grad is not None
    module.zero_grad(set_to_none=True)
    with contextlib.suppress(StopIteration):
        assert next(bended.parameters()).requires_grad
