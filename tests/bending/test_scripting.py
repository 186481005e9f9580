"""Kernels and controls exported together: sharing, independence, all callbacks at once."""

from __future__ import annotations

import copy

import pytest
import torch

from torchbend.bending import (
    Affine,
    BendingParameter,
    Bias,
    Capture,
    InterpolateActivation,
    InterpolationFromCapture,
    Kernel,
    Lambda,
    Mask,
    Normal,
    OrderedMask,
    Permute,
    Scale,
    ThresholdActivation,
    ThresholdPermute,
)
from torchbend.bending.scripting import script_kernels
from torchbend.places import Place


def shrink(x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x)


def all_callbacks(p):
    return [
        Scale(p),
        Scale(3.0 * p),
        Bias(1 - p),
        Affine(bias=p, scale=p / 2),
        Affine(bias=[1.0, 2.0, 3.0, 4.0], scale=p),
        Mask(p, seed=1),
        Mask(p, seed=1, dim=1),
        OrderedMask(p, seed=2),
        OrderedMask(p, seed=2, dim=-1),
        Normal(p, seed=3),
        Normal(p, seed=3, dim=1, op="mul"),
        ThresholdActivation(p),
        ThresholdPermute(p, seed=4),
        Permute(seed=5),
        Lambda(shrink),
        Capture(),
        InterpolateActivation(),
        InterpolationFromCapture(),
        Scale(p) >> Mask(p, seed=6) >> Bias(p),
        Scale(p) >> InterpolateActivation() >> Bias(p),
    ]


@pytest.fixture
def x():
    return torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))


def kernels_at(callbacks, x):
    return [
        callback.kernel(
            Place(f"a_{i}", "activation", tuple(x.shape), x.dtype, "forward", "call_module")
        )
        for i, callback in enumerate(callbacks)
    ]


def test_all_callbacks_under_one_control(x, export, identical):
    p = BendingParameter("amount", 0.5, range=[0, 1])
    kernels = kernels_at(all_callbacks(p), x)
    exported = export(kernels, [p])
    for value in (0.5, 0.0, 0.73, 1.0):
        p.set_value(value)
        assert exported.set("amount", value) == 0
        for kernel, loaded in zip(kernels, exported.kernels, strict=True):
            assert identical(loaded(x), kernel(x)), kernel
    assert exported.set("amount", float("nan")) == -1
    assert exported.set("amount", 5.0) == 0
    assert exported.get("amount") == 1.0


def test_an_export_and_the_model_do_not_move_each_other(x, export, identical):
    p = BendingParameter("amount", 0.5, range=[0, 1])
    kernels = kernels_at(all_callbacks(p), x)
    first, second = export(kernels, [p]), export(kernels, [p])
    start = [kernel(x) for kernel in kernels]
    first.set("amount", 0.9)
    p.set_value(0.1)
    for loaded, before in zip(second.kernels, start, strict=True):
        assert identical(loaded(x), before)
    in_memory, controls = script_kernels(kernels, [p])
    controls["amount"].set(0.2)
    moved = [kernel(x) for kernel in in_memory]
    assert p.get_python_value() == 0.1
    p.set_value(0.2)
    for kernel, now in zip(kernels, moved, strict=True):
        assert identical(kernel(x), now)
        for buffer in kernel.buffers():
            assert all(
                buffer.data_ptr() != other.data_ptr() or buffer.numel() == 0
                for scripted in in_memory
                for other in scripted.buffers()
            )


def test_a_control_that_is_not_exported_stays_as_it_is(x, export, identical):
    p, q = BendingParameter("p", 0.5), BendingParameter("q", 2.0)
    kernels = kernels_at([Affine(bias=p, scale=q)], x)
    exported = export(kernels, [p])
    q.set_value(9.0)
    exported.set("p", 0.25)
    assert identical(exported.kernels[0](x), x * 2.0 + 0.25)


def test_a_control_that_nobody_reads_can_be_exported(x, export):
    p = BendingParameter("p", 0.5, range=[0, 1])
    exported = export(kernels_at([Scale(2.0)], x), [p])
    assert exported.set("p", 3.0) == 0
    assert exported.get("p") == 1.0


def test_kernels_survive_deep_copies_and_device_moves(x, identical):
    p = BendingParameter("amount", 0.5, range=[0, 1])
    for kernel in kernels_at(all_callbacks(p), x):
        assert isinstance(kernel, Kernel)
        twin = copy.deepcopy(kernel).to("cpu")
        assert identical(twin(x), kernel(x))


def test_in_double_precision(x, identical):
    y = x.double()
    kernel = kernels_at([Scale([0.1, 0.2, 0.3, 0.4])], y)[0]
    column = torch.tensor([0.1, 0.2, 0.3, 0.4]).double()[:, None]
    assert identical(kernel(y), y * column)
    assert identical(kernel.double()(y), y * column)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu(x, identical):
    p = BendingParameter("amount", 0.5, range=[0, 1])
    v = BendingParameter("gains", [0.1, 0.2, 0.3, 0.4])
    # the means of a threshold and matrix products are summed in another order there
    exact = [c for c in all_callbacks(p) if not isinstance(c, (Lambda, InterpolateActivation))]
    for kernel in kernels_at([*exact, Scale(v), Bias(2 * v)], x):
        right = kernel(x)
        on_gpu = copy.deepcopy(kernel).to("cuda")
        bent = on_gpu(x.to("cuda"))
        assert bent.is_cuda
        assert identical(bent.cpu(), right)
    scale = kernels_at([Scale(v)], x)[0].to("cuda")
    v.set_value([1.0, 2.0, 3.0, 4.0])
    assert scale.scale.value.is_cuda
    column = torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None]
    assert identical(scale(x.to("cuda")).cpu(), x * column)
    w = x[0].to("cuda")
    place = Place("w", "weight", (4, 6), w.dtype)
    for callback in (Mask(0.5), OrderedMask(0.5), Normal(1.0), Permute(), ThresholdPermute(0.5)):
        assert callback.kernel(place, w)(w).is_cuda
