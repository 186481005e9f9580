"""Capture and InterpolationFromCapture."""

from __future__ import annotations

import copy
import gc

import pytest
import torch

from torchbend.bending import Capture, InterpolationFromCapture
from torchbend.errors import BendingCallbackException, BendingError


def test_it_records_only_between_capture_and_stop(activation):
    x = torch.arange(6.0).reshape(2, 3)
    callback = Capture()
    kernel = callback.kernel(activation(x, "conv"))
    other = callback.kernel(activation(x, "lin"))
    assert kernel.forward(x) is x
    assert callback.captures == {}
    assert callback.n_captures == 0
    callback.capture()
    assert callback.recording
    y = x.clone()
    assert kernel.forward(y) is y
    kernel(y + 1)
    other(y[:1])
    y.zero_()
    callback.stop()
    kernel(x)
    assert set(callback.captures) == {"conv", "lin"}
    assert torch.equal(callback.captures["conv"], torch.cat([x, x + 1]))
    assert torch.equal(callback.captures["lin"], x[:1])
    assert callback.n_captures == 4
    callback.clear()
    assert callback.captures == {}


def test_recordings_outlive_the_placement_and_new_ones_go_on(activation):
    x = torch.ones(1, 3)
    callback = Capture()
    kernel = callback.kernel(activation(x))
    callback.capture()
    kernel(x)
    del kernel
    gc.collect()
    again = callback.kernel(activation(x))
    again(2 * x)
    assert torch.equal(callback.captures["a"], torch.cat([x, 2 * x]))


def test_places_of_one_name_are_told_apart(activation):
    x = torch.ones(1, 3)
    callback = Capture()
    kernels = [callback.kernel(activation(x, "a", fn)) for fn in ("encode", "decode")]
    callback.capture()
    kernels[0](x)
    kernels[1](2 * x)
    assert set(callback.captures) == {"encode:a", "decode:a"}
    assert torch.equal(callback.captures["decode:a"], 2 * x)


def test_recorded_values_carry_no_gradient(activation):
    x = torch.ones(1, 3, requires_grad=True)
    callback = Capture()
    kernel = callback.kernel(activation(x))
    callback.capture()
    kernel(x * 2)
    assert not callback.captures["a"].requires_grad


def test_shapes_that_cannot_be_joined(activation):
    callback = Capture()
    kernel = callback.kernel(activation(torch.ones(1, 3)))
    callback.capture()
    kernel(torch.ones(1, 3))
    kernel(torch.ones(1, 4))
    with pytest.raises(BendingCallbackException, match=r"'a'.*\(1, 3\), \(1, 4\)"):
        _ = callback.captures


def test_weights_pass_no_recorder(weight):
    with pytest.raises(BendingCallbackException, match=r"Capture.*weight 'w'.*activations"):
        Capture().kernel(weight(torch.ones(2)))


def test_it_scripts_and_starts_empty(activation, same_everywhere, export, identical):
    x = torch.arange(6.0).reshape(2, 3)
    callback = Capture()
    kernel = callback.kernel(activation(x))
    assert identical(same_everywhere(kernel, x), x)
    callback.capture()
    kernel(x)
    loaded = export([kernel]).kernels[0]
    assert loaded.frames == []
    loaded.record(True)
    loaded(x)
    assert torch.equal(loaded.frames[0], x)
    assert len(kernel.frames) == 1


def test_a_copy_has_recorded_nothing(activation):
    callback = Capture()
    callback.capture()
    callback.kernel(activation(torch.ones(1)))(torch.ones(1))
    twin = copy.deepcopy(callback)
    assert twin.captures == {}
    assert not twin.recording


def test_interpolation_from_capture(activation, export, identical):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 5, generator=generator)
    callback = InterpolationFromCapture()
    kernel = callback.kernel(activation(x, "z"))
    assert kernel.forward(x) is x
    callback.capture()
    assert kernel.forward(x[:1]) is not None
    kernel(x[1:])
    logits = torch.randn(2, 3, generator=generator)
    assert kernel.forward(logits) is logits
    callback.clear()
    kernel(x[:1])
    kernel(x[1:])
    callback.stop()
    w = torch.softmax(logits, 1)
    right = sum(w[:, c, None, None] * x[c] for c in range(3))
    out = kernel(logits)
    assert out.shape == (2, 4, 5)
    assert torch.allclose(out, right, rtol=1e-6, atol=1e-6)
    assert callback.n_captures == 3
    # all the weight on one capture gives that capture
    sure = torch.full((1, 3), -1e9)
    sure[0, 1] = 0.0
    assert identical(kernel(sure)[0], x[1])
    # the captures travel in the file
    loaded = export([kernel]).kernels[0]
    assert identical(loaded(logits), out)
    with pytest.raises(BendingError, match=r"'forward:z'.*\[2, 5\].*3 captures"):
        kernel(torch.zeros(2, 5))
    with pytest.raises(torch.jit.Error, match="3 captures"):
        loaded(torch.zeros(2, 5))
    callback.clear()
    assert kernel.forward(logits) is logits


def test_a_new_placement_plays_what_was_captured_before(activation):
    x = torch.arange(6.0).reshape(2, 3)
    callback = InterpolationFromCapture()
    kernel = callback.kernel(activation(x))
    callback.capture()
    kernel(x)
    callback.stop()
    again = callback.kernel(activation(x))
    assert torch.equal(again(torch.zeros(1, 2)), x.mean(0, keepdim=True))
