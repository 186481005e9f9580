"""Bend: amount, bypass, solo, restored levels; live, in a file, on weights and activations."""

from __future__ import annotations

import pytest
import torch
from support import noise, seeded
from torch import nn

import torchbend as tb
from torchbend.bending import Bend, BendingParameter, Bias, Lambda, Mask, Scale
from torchbend.bending.levels import WINDOW
from torchbend.errors import BendingCallbackException, BendingError
from torchbend.places import Place

BLOCK = 64


class Net(nn.Module):
    """Two convolutions, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 8, 1)
        self.second = nn.Conv1d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


@pytest.fixture
def net():
    bended = tb.BendedModule(seeded(Net))
    bended.trace(x=noise(1, 1, BLOCK))
    return bended


X = noise(1, 1, BLOCK, seed=4)


def by_hand(net, change=lambda x: x, weight=lambda w: w):
    """The net in plain torch, with its first activation and first weight changed."""
    m = net.module
    w = weight(m.first.weight.detach())
    inner = torch.conv1d(X, w, m.first.bias)
    return m.second(torch.tanh(change(inner)))


def test_amount_is_a_cross_fade_on_activations_and_weights(net):
    bent = net(X)
    assert torch.equal(bent, by_hand(net))
    for amount in (0.0, 0.3, 1.0):
        with net.bend(Bend(Scale(3.0), amount), "forward:first$"):
            assert torch.allclose(net(X), by_hand(net, lambda x, a=amount: x * (1 + 2 * a)))
        with net.bend(Bend(Scale(3.0), amount), "first.weight"):
            wanted = by_hand(net, weight=lambda w, a=amount: w * (1 + 2 * a))
            assert torch.allclose(net(X), wanted)
    assert torch.equal(net(X), bent)


def test_a_name_gives_it_knobs(net):
    net.bend(Bend(Bias(2.0), name="up"), "first.bias")
    assert sorted(net.controllables) == ["up_amount", "up_bypass", "up_solo"]
    full = net(X)
    net.update("up_amount", 0.0)
    assert torch.equal(net(X), by_hand(net))
    net.update("up_amount", 1.0)
    net.update("up_bypass", True)
    assert torch.equal(net(X), by_hand(net))
    net.update("up_bypass", False)
    assert torch.equal(net(X), full)
    net.update("up_amount", 7.0)  # a knob is clamped
    assert torch.equal(net(X), full)


def test_knobs_start_where_it_says(net):
    net.bend(Bend(Scale(3.0), 0.25, bypass=True, name="up"), "forward:first$")
    assert torch.equal(net(X), by_hand(net))
    net.update("up_bypass", False)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 1.5))
    net.update("up_amount", 1.0)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 3))


def test_controls_of_its_own_and_of_the_callback(net):
    scale, amount = BendingParameter("scale", 3.0), BendingParameter("much", 0.5, [0.0, 1.0])
    bend = Bend(Scale(scale), amount)
    assert list(bend.controls) == ["scale", "much"]
    net.bend(bend, "forward:first$")
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 2))
    net.update("scale", 5.0)
    net.update("much", 0.25)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 2))


def test_a_solo_silences_the_other_bends(net):
    net.bend(Bend(Scale(3.0), name="a"), "forward:first$")
    net.bend(Bend(Bias(0.5), name="b"), "forward:first$")
    net.bend(Bend(Scale(0.5), name="c"), "first.weight")
    all_three = net(X)
    net.update("b_solo", True)
    assert torch.equal(net(X), by_hand(net, lambda x: x + 0.5))
    net.update("a_solo", True)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 3 + 0.5))
    net.update("b_solo", False)
    assert torch.equal(net(X), by_hand(net, lambda x: x * 3))
    net.update("a_solo", False)
    assert torch.equal(net(X), all_three)
    net.update("c_solo", True)
    assert torch.equal(net(X), by_hand(net, weight=lambda w: w * 0.5))


def test_a_solo_that_comes_or_goes_with_its_bend(net):
    net.bend(Bend(Scale(3.0)), "forward:first$", "first.weight")
    before = net(X)
    with net.bend(Bend(Bias(0.5), solo=True), "forward:first$"):
        assert torch.equal(net(X), by_hand(net, lambda x: x + 0.5))
    assert torch.equal(net(X), before)


def test_a_callback_that_is_no_bend_plays_on(net):
    net.bend(Scale(3.0), "forward:first$")
    net.bend(Bend(Bias(0.5), solo=True), "forward:first$")
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 3 + 0.5))


def test_beside_callbacks_alone_a_solo_moves_nothing(net, tmp_path):
    net.bend(Scale(BendingParameter("gain", 3.0)), "forward:first$")
    net.bend(Bend(Bias(0.5), name="b"), "forward:first$")
    assert not any(bend.solos for bend in net._book.active)
    info = net.export(tmp_path / "x.ts", patches=False, check=False).info
    assert [a.name for a in info.attributes if not a.bends] == ["b_solo"]


def test_bends_in_one_callback_hear_each_others_solos(net):
    net.bend(Bend(Scale(3.0), name="a") >> Bend(Bias(0.5), name="b"), "forward:first$")
    net.bend(Bend(Scale(0.5), name="c"), "first.weight")
    net.update("a_solo", True)
    assert torch.equal(net(X), by_hand(net, lambda x: x * 3))
    net.update("b_solo", True)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 3 + 0.5))


def test_a_bend_in_a_bend_is_heard_with_it(net):
    inner = Bend(Scale(3.0), name="a") >> Bend(Bias(0.5), name="b")
    net.bend(Bend(inner, name="outer"), "forward:first$")
    net.bend(Bend(Scale(0.5), name="c"), "first.weight")
    net.update("outer_solo", True)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 3 + 0.5))
    net.update("c_solo", True)
    assert torch.allclose(net(X), by_hand(net, lambda x: x * 3 + 0.5, lambda w: w * 0.5))
    net.update("c_solo", False)
    net.update("outer_solo", False)
    net.update("b_solo", True)  # what is inside is heard through what is around it
    assert torch.allclose(net(X), by_hand(net, lambda x: x + 0.5))


def test_a_solo_ends_with_weights_that_are_written(net):
    net.bend(Bend(Scale(3.0), name="a"), "first.weight")
    net.bend(Bend(Bias(0.5), name="b"), "forward:first$")
    net.update("a_solo", True)
    net.write("three")
    wanted = by_hand(net, lambda x: x + 0.5, lambda w: w * 3)
    assert torch.allclose(net(X), wanted)


def test_a_configuration_that_fails_leaves_the_solos_as_they_were(net):
    def fails(x):
        raise ValueError("no")

    net.bend(Bend(Bias(0.5), name="b"), "forward:first$", "first.bias")
    net.save_config_as("other")
    before = net(X)
    net.bend(Bend(Scale(2.0), solo=True), "forward:first$", config="other")
    net.bend(Lambda(fails), "first.weight", config="other")
    with pytest.raises(BendingError):
        net.set_config("other")
    assert torch.equal(net(X), before)
    net.update("b_amount", 0.0)
    assert torch.equal(net(X), by_hand(net))


def test_a_change_is_heard_as_one(net):
    net.bend(Bend(Scale(3.0)), "forward:first$")
    before = net(X)
    build, heard = net._runner.build, []

    def listen(methods):
        heard.append(net(X))
        return build(methods)

    net._runner.build = listen
    net.bend(Bend(Bias(0.5), solo=True), "forward:first$")
    assert all(torch.equal(each, before) for each in heard)
    assert torch.equal(net(X), by_hand(net, lambda x: x + 0.5))


def test_a_bend_whose_place_is_gone_silences_nobody():
    class Two(nn.Module):
        def forward(self, x, long: bool = False):
            y = torch.sin(x)
            return torch.cos(y) + 1 if long else y

    net = tb.BendedModule(Two())
    net.trace(x=X, long=True)
    net.bend(Bend(Scale(2.0), name="a"), "sin$")
    net.bend(Bend(Scale(3.0), name="b"), "cos$")
    net.update("b_solo", True)
    net.trace(x=X)
    assert torch.equal(net(X), torch.sin(X) * 2)
    assert sorted(net.controllables) == ["a_amount", "a_bypass", "a_solo"]


def test_fresh_noise_is_one_noise_while_its_amount_moves():
    from torchbend.bending.scripting import Scripter

    bend = Bend(tb.Noise(1.0, fresh=True), name="n")
    kernel = bend.kernel(activation(1, 1, 4096))
    controls = list(bend.controls.values())
    scripter = Scripter(controls, fresh=True)
    scripted = scripter.kernel(kernel, fade=2)
    knobs = scripter.controls()
    silence = torch.zeros(1, 1, 4096)
    scripted(silence)
    knobs["n_amount"].set(0.98)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        middle = scripted(silence)[..., 1000:3000]
    assert float(middle.square().mean().sqrt()) > 0.9  # two noises would be 0.7
    knobs["n_amount"].set(0.0)
    scripted(silence)
    assert torch.equal(scripted(silence), silence)


def test_what_was_remembered_in_inference_mode_is_forgotten_outside():
    net = tb.BendedModule(seeded(Net))
    net.trace(x=X)
    net.bend(Bend(tb.Delay(3)), "forward:first$")
    fresh = net(X)
    with torch.inference_mode():
        net(torch.cat([X, X]))
    state = net._runner.keep_past()
    net._runner.put_back(state)
    net._runner.forget()
    assert torch.equal(net(X), fresh)


def test_solo_in_a_file_as_live(net):
    net.bend(Bend(Scale(3.0), name="a"), "forward:first$")
    net.bend(Bend(Scale(0.5), name="c"), "first.weight")
    scripted = net.script()
    for name, on in (("c", True), ("a", True), ("c", False), ("a", False)):
        net.update(f"{name}_solo", on)
        assert getattr(scripted, f"set_{name}_solo")(on) == 0
        assert torch.equal(scripted(X), net(X))


def test_a_chain_and_a_bend_in_a_bend(net):
    with net.bend(Bend(Scale(3.0) >> Bias(1.0), 0.5), "forward:first$"):
        assert torch.allclose(net(X), by_hand(net, lambda x: (x + 3 * x + 1) / 2))
    inner = Bend(Scale(3.0), 0.5)
    with net.bend(Bend(inner >> inner, 0.5), "forward:first$"):
        assert torch.allclose(net(X), by_hand(net, lambda x: (x + 4 * x) / 2))


def test_a_function_of_ones_own_has_an_amount(net):
    with net.bend(Bend(Lambda(torch.cos), 0.5), "forward:first$"):
        assert torch.allclose(net(X), by_hand(net, lambda x: (x + torch.cos(x)) / 2))


# -- levels ------------------------------------------------------------------------------
def activation(*shape, dtype=torch.float32):
    return Place("conv", "activation", shape, dtype, "forward", "call_module")


def moving_power(x, dims):
    """Mean square of the last frames, one frame at a time."""
    square = torch.nn.functional.pad(x.double() ** 2, (WINDOW, 0))
    frames = [square[..., t + 1 : t + WINDOW + 1].sum(-1) / WINDOW for t in range(x.size(-1))]
    return torch.stack(frames, -1).mean(dims, keepdim=True) if dims else torch.stack(frames, -1)


@pytest.mark.parametrize(("level", "dims"), [("channel", ()), ("whole", (1,))])
def test_the_level_is_restored(level, dims):
    x = noise(2, 3, 700, seed=1) * torch.tensor([0.1, 1.0, 4.0]).reshape(1, 3, 1)
    callback = Scale([5.0, 0.2, -1.0])
    kernel = Bend(callback, restore=level).kernel(activation(2, 3, 700))
    y = x * torch.tensor([5.0, 0.2, -1.0]).reshape(1, 3, 1)
    wanted = y * (moving_power(x, dims) / moving_power(y, dims)).sqrt().float()
    whole = kernel(x)
    assert torch.allclose(whole, wanted, atol=1e-4)
    if level == "channel":
        assert torch.allclose(whole.abs(), x.abs(), atol=1e-4)  # a gain is taken back
    again = Bend(callback, restore=level).kernel(activation(2, 3, 700))
    parts = torch.cat([again(part) for part in torch.split(x, [1, 99, 300, 300], -1)], -1)
    assert torch.allclose(parts, whole, atol=1e-6)


def test_the_level_of_a_weight_is_restored():
    w = noise(4, 3, 5, seed=2)
    place = Place("w", "weight", (4, 3, 5), torch.float32)
    for level, dims in (("channel", (1, 2)), ("whole", (0, 1, 2))):
        mask = Mask(0.5, seed=1)
        masked = mask.kernel(place, w)(w)
        power = [(each**2).mean(dims, keepdim=True) for each in (w, masked)]
        out = Bend(mask, restore=level).kernel(place, w)(w)
        assert torch.allclose(out, masked * (power[0] / power[1]).sqrt(), atol=1e-5)


def test_silence_stays_silence_and_nothing_is_raised_without_end():
    x = noise(1, 2, 400)
    silent = Bend(Scale(0.0), restore="channel").kernel(activation(1, 2, 400))(x)
    assert torch.equal(silent, torch.zeros_like(x))
    faint = Bend(Scale(1e-9), restore="channel").kernel(activation(1, 2, 400))(x)
    assert float(faint.abs().max()) < 1e-6
    assert torch.equal(
        Bend(Scale(1.0), restore="whole").kernel(activation(1, 2, 400))(x), x
    )


# -- gliding -----------------------------------------------------------------------------
@pytest.mark.parametrize("restore", [None, "whole"])
def test_in_a_file_the_amount_glides(restore):
    from torchbend.bending.scripting import Scripter

    amount = BendingParameter("amount", 0.0, [0.0, 1.0])
    kernel = Bend(Scale(-1.0), amount, restore=restore).kernel(activation(1, 2, BLOCK))
    scripter = Scripter([amount], fresh=True)
    assert scripter.fades(kernel, 2)
    scripted = scripter.kernel(kernel, fade=2)
    control = scripter.controls()["amount"]
    x = torch.ones(1, 2, BLOCK)
    assert torch.equal(scripted(x), x)
    assert control.set(1.0) == 0
    up = torch.arange(1, BLOCK + 1) / BLOCK
    assert torch.allclose(scripted(x), (1 - 2 * up).expand(1, 2, -1), atol=1e-5)
    assert torch.allclose(scripted(x), -x, atol=1e-6)
    control.set(0.0)
    assert torch.allclose(scripted(x), (2 * up - 1).expand(1, 2, -1), atol=1e-5)
    assert torch.equal(scripted(x), x)


def test_a_knob_inside_a_bend_with_a_level_glides_too():
    from torchbend.bending.scripting import Scripter

    bias = BendingParameter("bias", 0.0)
    kernel = Bend(Bias(bias) >> Scale(2.0), restore="whole").kernel(activation(1, 1, BLOCK))
    scripter = Scripter([bias], fresh=True)
    assert scripter.fades(kernel, 2)
    scripted = scripter.kernel(kernel, fade=2)
    control = scripter.controls()["bias"]
    x = torch.ones(1, 1, BLOCK)
    for _ in range(8):  # until the level has settled
        scripted(x)
    control.set(-2.0)  # from 1 to -1: through 0 without a jump
    out = scripted(x)
    assert float((out[..., 1:] - out[..., :-1]).abs().max()) < 0.1


# -- bad input ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"amount": 2.0}, "amount is a number from 0 to 1"),
        ({"amount": "much"}, "amount is one number"),
        ({"bypass": 0.5}, "bypass is True or False"),
        ({"solo": "yes"}, "solo is True or False"),
        ({"restore": "loud"}, r"restore is one of \['channel', 'whole'\]"),
        ({"name": "a b"}, "a bend's name is such as 'fold'"),
        ({"channels": "all"}, "channels is a number"),
        ({"dim": 1.0}, "a dim is an int"),
    ],
)
def test_settings_that_make_no_bend(settings, words):
    with pytest.raises(BendingCallbackException, match=words):
        Bend(Scale(2.0), **settings)


def test_what_is_no_callback():
    with pytest.raises(BendingCallbackException, match="Bend takes a callback"):
        Bend(2.0)


def test_an_integer_place_has_no_between():
    place = Place("codes", "activation", (1, 4), torch.int64, "forward", "call_module")
    with pytest.raises(BendingCallbackException, match="nothing between two values"):
        Bend(Scale(2), 0.5).kernel(place)
    assert Bend(Scale(2), channels=0).kernel(place)(torch.ones(1, 4).long()).tolist() == [
        [2, 1, 1, 1]
    ]


def test_a_level_where_a_channel_is_one_value():
    place = Place("lin", "activation", (2, 8), torch.float32, "forward", "call_module")
    with pytest.raises(BendingCallbackException, match="Restore the 'whole'"):
        Bend(Scale(2.0), restore="channel").kernel(place)
    x = noise(2, 8)
    out = Bend(Scale([2.0] * 4 + [1.0] * 4), restore="whole").kernel(place)(x)
    assert torch.allclose((out**2).mean(1), (x**2).mean(1), rtol=1e-4)


def test_a_callback_that_takes_from_the_call_has_no_amount(net):
    with pytest.raises(BendingError, match="takes 'interp_weights' from the call"):
        net.bend(Bend(tb.InterpolateActivation()), "forward:first$")
