"""Weights of frozen modules, constants of their graphs: found, named, bent and exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from script_nets import calls_of, make, net_of
from support import equal, noise, with_weights

import torchbend as tb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

# the name of each weight of a net, in its frozen module
NAMES = {
    "convs": {
        "first.weight": "conv1d.weight",
        "first.bias": "conv1d.bias",
        "second.weight": "conv1d_1.weight",
        "up.weight": "conv_transpose1d.weight",
        "up.bias": "conv_transpose1d.bias",
    },
    "linears": {
        "gain": "mul.other",
        "net.0.weight": "linear.weight",
        "net.1.weight": "layer_norm.weight",
        "net.4.bias": "linear_1.bias",
    },
    "gru": {
        "gru.weight_ih_l0": "gru.params_0",
        "gru.bias_hh_l0": "gru.params_3",
        "out.weight": "linear.weight",
    },
    "instances": {
        "blocks.0.conv.weight": "conv1d.weight",
        "blocks.2.conv.bias": "conv1d_2.bias",
        "last.conv.weight": "conv1d_4.weight",  # the fourth call is of blocks.1 again
        "blocks.1.gain": "mul_1.other",
    },
    "tied": {"enter.weight": "linear.weight"},
    "numbers": {"table.weight": "embedding.weight"},
    "calls": {"down.weight": "conv1d.weight", "up.bias": "conv_transpose1d.bias"},
}


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_named_by_what_reads_them(name: str) -> None:
    bended = tb.BendedModule(make(name, "frozen"))
    state, theirs = bended.state_dict(), dict(net_of(name).named_parameters())
    assert len(bended.weight_names) == len(theirs)
    for there, here in NAMES[name].items():
        assert torch.equal(state[here], theirs[there]), there
    bended.trace("forward", *calls_of(name)[0])
    layers = {n.rpartition(".")[0] for n in bended.weight_names}
    places = {n.partition(".")[0] for n in bended.bendable_keys(".*")}
    assert layers <= places


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_each_is_bent_alone(name: str) -> None:
    bended = tb.BendedModule(make(name, "frozen"))
    inputs = calls_of(name)[0]
    state = bended._runner.keep()
    for there, here in NAMES[name].items():
        bended._runner.put_back(state)
        with bended.bend(tb.Bias(0.5), f"{here}$"):
            got = bended(*inputs)
        net = net_of(name)
        dict(net.named_parameters())[there].add_(0.5)
        torch.testing.assert_close(got, net(*inputs), rtol=1e-5, atol=1e-5)
        assert not equal(got, net_of(name)(*inputs)), there


def test_a_knob_is_scripted_and_exported(tmp_path: Path) -> None:
    bended = tb.BendedModule(make("convs", "frozen"))
    x = noise(1, 2, 64)
    bended.trace("forward", x)
    knob = tb.BendingParameter("knob", 1.0, range=[-2, 2])
    bended.bend(tb.Scale(knob), r"conv1d\.(weight|bias)", r"conv_transpose1d\.weight")
    script = bended.script()
    bended.export(tmp_path / "x.ts", check=False, patches=False)
    file = torch.jit.load(str(tmp_path / "x.ts"))
    for value in (1.0, -0.5):
        bended.update("knob", value)
        assert script.set_knob(value) == 0 and file.set_knob(value) == 0
        change = {n: lambda w, v=value: w * v for n in ("first.weight", "first.bias", "up.weight")}
        with torch.no_grad():
            want = with_weights(net_of("convs"), change)(x)
            file.forward(x)  # it glides
            for module in (bended, script, file):
                torch.testing.assert_close(module.forward(x), want, rtol=1e-5, atol=1e-5)
