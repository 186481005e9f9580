"""Lambda."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from torchbend.bending import Lambda, Scale
from torchbend.bending.scripting import script_kernels
from torchbend.errors import BendingCallbackException, ScriptError


def clipped(x: Tensor) -> Tensor:
    return torch.clamp(x, -0.5, 0.5) * 2.0


def in_place(x: Tensor) -> Tensor:
    x[0] = 7.0
    return x.mul_(2)


@pytest.mark.parametrize("fn", [clipped, in_place, torch.tanh])
def test_a_function_that_scripts(fn, weight, activation, same_everywhere, identical):
    x = torch.linspace(-1, 1, 12).reshape(3, 4)
    for place in (weight(x), activation(x)):
        out = same_everywhere(Lambda(fn).kernel(place), x)
        assert identical(out, fn(x.clone()))


def test_a_function_that_writes_leaves_nothing_behind(activation):
    x = torch.ones(3)
    kernel = Lambda(in_place).kernel(activation(x))
    assert kernel(x).tolist() == [14.0, 2.0, 2.0]
    assert kernel(x).tolist() == [14.0, 2.0, 2.0]
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_any_python_plays_live_and_says_why_it_cannot_be_exported(activation):
    x = torch.ones(3)
    table = {"gain": 3.0}

    def looked_up(y):
        return y * table["gain"]

    kernel = (Scale(2.0) >> Lambda(looked_up)).kernel(activation(x))
    assert kernel(x).tolist() == [6.0, 6.0, 6.0]
    with pytest.raises(ScriptError, match=r"Lambda\(looked_up\) cannot be exported.*looked_up"):
        script_kernels([kernel], [])
    with pytest.raises(ScriptError, match=r"<lambda>"):
        script_kernels([Lambda(lambda y: y + 1).kernel(activation(x))], [])


def test_what_is_no_function_or_returns_no_tensor(activation):
    with pytest.raises(BendingCallbackException, match="takes a function"):
        Lambda(3.0)
    kernel = Lambda(lambda y: None).kernel(activation(torch.ones(2)))
    with pytest.raises(BendingCallbackException, match=r"<lambda>.*NoneType"):
        kernel(torch.ones(2))

    def failing(y):
        return y + torch.ones(7)

    kernel = Lambda(failing).kernel(activation(torch.ones(2)))
    with pytest.raises(BendingCallbackException, match=r"Lambda\(failing\): The size of tensor"):
        kernel(torch.ones(2))
    assert repr(Lambda(clipped)) == "Lambda(clipped)"
