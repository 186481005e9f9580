"""The protocol of users' own callbacks, and chains."""

from __future__ import annotations

import copy
from typing import Optional

import pytest
import torch
from torch import Tensor, nn

from torchbend.bending import (
    BendingCallback,
    BendingParameter,
    Bias,
    CallbackChain,
    Capture,
    InterpolateActivation,
    Lambda,
    Mask,
    Scale,
)
from torchbend.bending.scripting import script_kernels
from torchbend.errors import BendingCallbackException, ScriptError


class Square(BendingCallback):
    weight_compatible = True
    activation_compatible = True
    jit_compatible = True

    def apply_to_param(
        self,
        idx: int,
        param: nn.Parameter,
        cache: Optional[Tensor] = None,  # noqa: UP045
    ) -> None:
        if cache is not None:
            param.set_(cache * cache)

    def bend_input(self, x: Tensor, name: Optional[str] = None) -> Tensor:  # noqa: UP045
        return x * x


class UpClamp(BendingCallback):
    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    controllable_params = ["threshold"]  # noqa: RUF012 - as users write it

    def __init__(self, threshold):
        super().__init__()
        self.threshold = threshold
        self.masks = nn.ParameterList()

    def register_weight(self, parameter, name=None, cache=True):
        name = super().register_weight(parameter, name=name, cache=cache)
        mask = (parameter > self.get("threshold")).float()
        self.masks.append(nn.Parameter(mask, requires_grad=False))
        return name

    def update(self):
        for i, mask in enumerate(self.masks):
            mask.set_((self.get_cache(i) > self.get("threshold")).float())

    def apply_to_param(self, idx: int, param: nn.Parameter, cache: Tensor | None = None) -> None:
        for i, mask in enumerate(self.masks):
            if i == idx and cache is not None:
                param.set_(cache * mask)

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        return x * (x < self.get("threshold")).float()


class Gain(BendingCallback):
    activation_compatible = True
    jit_compatible = True

    def bend_input(self, x: Tensor, gain: Tensor | None = None, name: str | None = None) -> Tensor:
        if gain is None:
            return x
        return x * gain


class Ahead(BendingCallback):
    activation_compatible = True
    weight_compatible = True
    jit_compatible = True

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(3.0)


def sample(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


def test_square(weight, activation, export, identical):
    callback = Square()
    w, x = sample(3, 4), sample(2, 3, 4)
    kernels = [callback.kernel(weight(w), w), callback.kernel(activation(x))]
    exported = export(kernels)
    for kernel, loaded, value in zip(kernels, exported.kernels, (w, x), strict=True):
        before = value.clone()
        assert identical(kernel(value), value * value)
        assert identical(loaded(value), value * value)
        assert torch.equal(value, before)
    n = torch.arange(4)
    assert identical(callback.kernel(weight(n, "n"), n)(n), n * n)


def test_upclamp(weight, activation, export, identical):
    p = BendingParameter("threshold", 0.2, range=[-3, 3])
    callback = UpClamp(p)
    assert callback.controls == {"threshold": p}
    w, v, x = sample(3, 4), sample(5), sample(2, 3, 4)
    kernels = [
        callback.kernel(weight(w, "w"), w),
        callback.kernel(weight(v, "v"), v),
        callback.kernel(activation(x)),
    ]
    exported = export(kernels, [p])
    for value in (0.2, -0.5, 1.3):
        p.set_value(value)
        for kernel in kernels:
            kernel.update()
        assert exported.set("threshold", value) == 0
        right = [w * (w > value).float(), v * (v > value).float(), x * (x < value).float()]
        for kernel, loaded, each, bent in zip(
            kernels, exported.kernels, (w, v, x), right, strict=True
        ):
            assert identical(kernel(each), bent)
            assert identical(loaded(each), bent)


def test_an_export_is_independent_of_the_live_callback(weight, export):
    p = BendingParameter("threshold", 0.0)
    w = sample(6)
    kernel = UpClamp(p).kernel(weight(w), w)
    exported = export([kernel], [p])
    before = exported.kernels[0](w)
    p.set_value(1.0)
    kernel.update()
    assert torch.equal(exported.kernels[0](w), before)
    live = kernel(w)
    exported.set("threshold", -1.0)
    assert torch.equal(kernel(w), live)
    assert not torch.equal(exported.kernels[0](w), before)


def test_a_place_that_comes_again_keeps_its_number(weight, activation):
    callback = UpClamp(0.0)
    w, v = sample(3), sample(4)
    first = callback.kernel(weight(w, "w"), w)
    second = callback.kernel(weight(v, "v"), v)
    again = callback.kernel(weight(w, "w"), w)
    assert [k.idx for k in (first, second, again)] == [0, 1, 0]
    assert len(callback.masks) == 2
    changed = callback.kernel(weight(w + 1, "w"), w + 1)
    assert changed.idx == 2
    assert torch.equal(changed(w + 1), (w + 1) * (w + 1 > 0))
    assert torch.equal(callback.get_cache(1), v)
    with pytest.raises(BendingCallbackException, match="number"):
        callback.get_cache(7)


def test_registering(weight, activation):
    seen = []

    class Noting(Ahead):
        def register_weight(self, parameter, name=None, cache=True):
            seen.append((type(parameter), name, super().register_weight(parameter, name, cache)))
            return name

        def register_activation(self, name, shape):
            seen.append((name, shape, super().register_activation(name, shape)))
            return name

    w, x = sample(3), sample(2, 3)
    callback = Noting()
    a = callback.kernel(weight(w, "l.w"), w)
    b = callback.kernel(activation(x, "conv.1"))
    assert seen == [
        (nn.Parameter, "l.w", "l_w"),
        ("conv.1", torch.Size([2, 3]), "conv_1"),
    ]
    assert (a.idx, b.idx) == (0, 1)
    assert torch.equal(a(w), w * 3.0)
    assert torch.equal(b(x), x * 3.0)


def test_what_a_callback_writes_into_is_a_copy(weight, activation, identical):
    x = sample(4, 3)
    before = x.clone()
    for kernel in (Ahead().kernel(activation(x)), Ahead().kernel(weight(x), x)):
        assert identical(kernel.forward(x), before * 3.0)
        assert identical(x, before)

    class Spoils(BendingCallback):
        weight_compatible = True

        def apply_to_param(self, idx, param, cache):
            cache.zero_()
            param.fill_(2.0)

    assert torch.equal(Spoils().kernel(weight(x), x)(x), torch.full_like(x, 2.0))
    assert identical(x, before)


def test_further_arguments_come_from_the_call(activation, export, identical):
    x, g = sample(2, 3), torch.tensor(2.5)
    w = torch.tensor([0.5, 0.5])
    kernel = Gain().kernel(activation(x))
    assert kernel.call_args == ("gain",)
    chained = (Gain() >> Scale(2.0) >> InterpolateActivation()).kernel(activation(x))
    assert chained.call_args == ("gain", "interp_weights")
    exported = export([kernel, chained])
    for run in (kernel, exported.kernels[0]):
        assert identical(run(x), x)
        assert identical(run(x, gain=g), x * g)
    for run in (chained, exported.kernels[1]):
        assert identical(run(x), x * 2.0)
        assert identical(run(x, gain=g), x * g * 2.0)
        assert identical(run(x, gain=g, interp_weights=w), w[None] @ (x * g * 2.0))


def test_in_a_chain_with_its_control(weight, export, identical):
    p = BendingParameter("t", 0.1)
    w = sample(8)
    chain = Scale(2.0) >> UpClamp(p) >> Bias(p)
    assert chain.controls == {"t": p}
    kernel = chain.kernel(weight(w), w)
    exported = export([kernel], [p])
    for value in (0.1, -0.4):
        p.set_value(value)
        kernel.update()
        exported.set("t", value)
        # the mask is made of the weight as the callbacks before it leave it
        right = w * 2.0 * (w * 2.0 > value).float() + value
        assert identical(kernel(w), right)
        assert identical(exported.kernels[0](w), right)


def test_settings_of_several_kinds_in_a_script(activation, export, identical):
    class Mixed(BendingCallback):
        activation_compatible = True
        controllable_params = ("gain", "steps", "on")

        def __init__(self, gain, steps, on):
            super().__init__(gain=gain, steps=steps, on=on)

        def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
            if self.get("on") > 0.0:
                return x * self.get("gain") + self.get("steps")
            return x

    n, on = BendingParameter("n", 3), BendingParameter("on", True)
    x = sample(4)
    kernel = Mixed(0.5, n, on).kernel(activation(x))
    exported = export([kernel], [n, on])
    assert identical(kernel(x), x * 0.5 + 3)
    assert identical(exported.kernels[0](x), x * 0.5 + 3)
    exported.set("n", 5)
    assert identical(exported.kernels[0](x), x * 0.5 + 5)
    exported.set("on", False)
    assert identical(exported.kernels[0](x), x)


def test_what_cannot_script_says_who_and_why(activation):
    class Curious(BendingCallback):
        activation_compatible = True

        def bend_input(self, x, name=None):
            return x * len([n for n in dir(self) if n.startswith("bend")])

    kernel = Curious().kernel(activation(torch.ones(2)))
    assert kernel(torch.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(ScriptError, match=r"Curious\(\) cannot be exported.*torch says"):
        script_kernels([kernel], [])


def test_scripting_leaves_the_users_class_alone(activation):
    kernel = Ahead().kernel(activation(torch.ones(2)))
    script_kernels([kernel], [])
    assert not hasattr(Ahead.forward, "_torchscript_modifier")
    assert type(kernel.callback) is Ahead


def test_a_subclass_of_a_built_in_callback_is_heard(activation, weight):
    class Louder(Scale):
        def bend_input(self, x, name=None):
            return x * self.get("scale") * 10

    x = sample(3)
    assert torch.equal(Louder(2.0).kernel(activation(x))(x), x * 2.0 * 10)
    assert torch.equal(Louder(2.0)(x), x * 2.0 * 10)
    assert torch.equal(Louder(2.0).kernel(weight(x), x)(x), x * 2.0 * 10)

    class Renamed(Scale):
        pass

    assert torch.equal(Renamed(2.0).kernel(activation(x))(x), x * 2.0)


def test_flags_decide_where_it_may_sit(weight, activation):
    x = sample(3)
    with pytest.raises(BendingCallbackException, match=r"Gain\(\).*weight 'w'.*activations"):
        Gain().kernel(weight(x), x)

    class Nothing(BendingCallback):
        def bend_input(self, x, name=None):
            return x

    with pytest.raises(BendingCallbackException, match="class flags"):
        Nothing().kernel(activation(x))

    class Empty(BendingCallback):
        activation_compatible = True

    with pytest.raises(BendingCallbackException, match="Empty overrides neither"):
        Empty().kernel(activation(x))


def test_a_callback_that_returns_no_tensor(activation):
    class Forgetful(BendingCallback):
        activation_compatible = True

        def bend_input(self, x, name=None):
            x.mul_(2)

    with pytest.raises(BendingCallbackException, match="Forgetful.*'a'.*NoneType"):
        Forgetful().kernel(activation(torch.ones(2)))(torch.ones(2))


def test_a_method_that_fails_says_whose_it_is_and_where(activation, weight):
    class Failing(BendingCallback):
        activation_compatible = True
        weight_compatible = True

        def bend_input(self, x, name=None):
            return x + torch.ones(7)

        def update(self):
            raise ZeroDivisionError("no bars")

    x = torch.ones(2)
    for kernel in (Failing().kernel(activation(x, "z")), Failing().kernel(weight(x, "z"), x)):
        with pytest.raises(BendingCallbackException, match=r"Failing\(\) at 'z': The size of"):
            kernel(x)
        with pytest.raises(BendingCallbackException, match=r"Failing\(\) at 'z'.*no bars"):
            kernel.update()


def test_settings_and_controls():
    p = BendingParameter("t", 0.5)
    callback = UpClamp(2 * p)
    assert callback.get("threshold") == 1.0
    p.set_value(1.0)
    assert callback.get("threshold") == 2.0
    assert UpClamp(0.3).get("threshold") == 0.3
    assert UpClamp(0.3).threshold == 0.3
    assert repr(callback) == "UpClamp(threshold=2 * t)"
    with pytest.raises(BendingCallbackException, match=r"'level'.*\['threshold'\]"):
        callback.get("level")

    class Undeclared(BendingCallback):
        def __init__(self, p):
            super().__init__()
            self.amount = p

    with pytest.raises(BendingCallbackException, match="controllable_params"):
        Undeclared(p)

    class Early(BendingCallback):
        controllable_params = ("amount",)

        def __init__(self, p):
            self.amount = p

    with pytest.raises(BendingCallbackException, match="super"):
        Early(p)


def test_chains():
    a, b, c = Scale(2.0), Bias(1.0), Mask(0.5)
    chain = a >> b >> c
    assert chain.callbacks == (a, b, c)
    assert CallbackChain(a, CallbackChain(b, c)).callbacks == (a, b, c)
    assert chain.weight_compatible
    assert chain.nntilde_compatible
    assert not (a >> Capture()).weight_compatible
    assert (a >> Capture()).activation_compatible
    assert not (a >> Lambda(torch.tanh)).jit_compatible
    with pytest.raises(BendingCallbackException, match="float"):
        a >> 2.0
    with pytest.raises(BendingCallbackException, match="at least one"):
        CallbackChain()
    p, q = BendingParameter("p", 0.5), BendingParameter("p", 0.5)
    with pytest.raises(BendingCallbackException, match="two different controls named 'p'"):
        _ = (Scale(p) >> Bias(q)).controls
    assert (Scale(p) >> Bias(2 * p)).controls == {"p": p}


def test_a_chain_sits_where_all_members_can(weight):
    x = torch.ones(3)
    with pytest.raises(BendingCallbackException, match="Capture"):
        (Scale(2.0) >> Capture()).kernel(weight(x), x)
    with pytest.raises(BendingCallbackException, match="2 values"):
        (Scale(2.0) >> Scale([1.0, 2.0])).check(weight(x))


def test_a_deep_copied_callback_goes_its_own_way(weight):
    callback = UpClamp(BendingParameter("t", 0.0))
    w = sample(4)
    kernel = callback.kernel(weight(w), w)
    twin = copy.deepcopy(kernel)
    twin.callback.controls["t"].set_value(9.0)
    twin.update()
    assert not twin(w).any()
    assert torch.equal(kernel(w), w * (w > 0))


def test_a_callback_used_outside_of_any_model():
    x = sample(5)
    assert torch.equal(Square()(x), x * x)
    assert torch.equal(UpClamp(0.5)(x), x * (x < 0.5))
    mask = Mask(0.5, seed=1)
    assert torch.equal(mask(x), mask(x))


def test_chain_kernel_of_one(weight):
    x = sample(3)
    kernel = CallbackChain(Scale(2.0)).kernel(weight(x), x)
    assert torch.equal(kernel(x), x * 2.0)
