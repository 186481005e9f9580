"""Bends in TorchScript against plain torch: weights, module outputs, single operations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from script_nets import FORMS, calls_of, contents, frozen, make, net_of, reopened, same, traced
from support import equal, noise, with_weights
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import torchbend as tb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

# freezing folds the norm into the layer, and leaves what runs apart where it was
FROZEN_OTHERWISE = [("random", "frozen"), ("odd", "frozen")]
WITH_WEIGHTS = [
    (name, kind)
    for name, form in FORMS.items()
    for kind in form.kinds
    if name not in ("wordy", "lstm") and (name, kind) not in FROZEN_OTHERWISE
]
LSTM = [pytest.param("lstm", kind, marks=pytest.mark.slow) for kind in FORMS["lstm"].kinds]


@torch.no_grad()
def seeded_call(module: Any, inputs: tuple[Any, ...], seed: int) -> Any:
    torch.manual_seed(seed)
    return module(*inputs)


def as_kind(net: nn.Module, kind: str, name: str) -> Any:
    if kind == "traced":
        return traced(net, calls_of(name)[0])
    return frozen(net) if kind == "frozen" else torch.jit.script(net)


def close(got: Any, want: Any) -> None:
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


# -- weights -------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "kind"), WITH_WEIGHTS + LSTM)
def test_weights_are_bent_as_the_formula_says(name: str, kind: str) -> None:
    """All weights at once, before and after their knob moves: the net with other weights."""
    module = make(name, kind)
    before = contents(module)
    bended = tb.BendedModule(module)
    knob = tb.BendingParameter("knob", 0.5, range=[-2, 2])
    bended.bend(tb.Scale(knob) >> tb.Bias(0.01), ".*", bend_graph=False)
    net = net_of(name)
    every = [n for n, _ in net.named_parameters()]
    if kind != "frozen":
        assert bended.weight_names == every
    calls = calls_of(name)
    state = bended._runner.keep()
    outs = []
    for value in (0.5, -1.0):
        bended.update("knob", value)
        bended._runner.put_back(state)
        with torch.no_grad():
            changed = _changed(net, {n: lambda w, v=value: w * v + 0.01 for n in every})
        reference = as_kind(changed, kind, name)
        outs.append([seeded_call(bended, inputs, k) for k, inputs in enumerate(calls)])
        close(outs[-1], [seeded_call(reference, inputs, k) for k, inputs in enumerate(calls)])
    assert not equal(*outs)
    same(contents(module), before)


def _changed(net: nn.Module, changes: dict[str, Callable[[Tensor], Tensor]]) -> nn.Module:
    """A copy with other weights in the very same parameters, so that ties stay."""
    twin = copy.deepcopy(net)
    named = dict(twin.named_parameters())
    for name, change in changes.items():
        named[name].copy_(change(named[name]))
    return twin


def test_one_instance_of_a_class_is_bent_alone() -> None:
    module = make("instances", "scripted")
    bended = tb.BendedModule(module)
    bended.bend(tb.Scale(3.0), r"blocks\.1\.conv\.weight")
    want = with_weights(net_of("instances"), {"blocks.1.conv.weight": lambda w: w * 3.0})
    for inputs in calls_of("instances"):
        close(seeded_call(bended, inputs, 0), seeded_call(want, inputs, 0))
    state = bended.bended_state_dict()
    assert torch.equal(state["blocks.0.conv.weight"], module.blocks[0].conv.weight)


# -- module outputs ------------------------------------------------------------------------
def with_outputs(net: nn.Module, path: str, change: Callable[[Any], Any]) -> nn.Module:
    """A copy where the output of a module is changed; ``path#n``: at its n-th call alone."""
    twin = copy.deepcopy(net)
    name, _, call = path.partition("#")
    count = [0]

    def start(_module: Any, _inputs: Any) -> None:
        count[0] = 0

    def hook(_module: Any, _inputs: Any, out: Any) -> Any:
        count[0] += 1
        return change(out) if not call or int(call) == count[0] - 1 else out

    twin.register_forward_pre_hook(start)
    twin.get_submodule(name).register_forward_hook(hook)
    return twin


OUTPUTS = [
    ("convs", "first", "first", lambda v: v * 2.0),
    ("convs", "act$", "act#0", lambda v: v * 2.0),
    ("convs", "act_1", "act#1", lambda v: v * 2.0),
    ("instances", r"blocks\.1$", "blocks.1#0", lambda v: v * 2.0),
    ("instances", r"last\.conv$", "last.conv#0", lambda v: v * 2.0),
    ("tied", "leave", "leave", lambda v: v * 2.0),
    ("linears", r"net\.1", "net.1", lambda v: v * 2.0),
    ("linears", r"net\.3", "net.3", lambda v: v * 2.0),
    ("loops", r"layers\.1", "layers.1", lambda v: v * 2.0),
    ("lists", r"layers\.1", "layers.1", lambda v: v * 2.0),
    ("dicts", "lin", "lin", lambda v: v * 2.0),
    ("splits", r"fork\.lin", "fork.lin", lambda v: v * 2.0),
    ("gru", r"gru\.0", "gru", lambda v: (v[0] * 2.0, v[1])),
    ("gru", r"gru\.1", "gru", lambda v: (v[0], v[1] * 2.0)),
    pytest.param(
        *("lstm", r"lstm\.1\.1$", "lstm#0", lambda v: (v[0], (v[1][0], v[1][1] * 2.0))),
        marks=pytest.mark.slow,
    ),
    pytest.param(
        *("lstm", r"lstm\.0_1", "lstm#1", lambda v: (v[0] * 2.0, v[1])), marks=pytest.mark.slow
    ),
    ("streams", "conv$", "conv", lambda v: v * 2.0),
    ("streams", "late$", "late", lambda v: v * 2.0),
    ("in place", "lin$", "lin", lambda v: v * 2.0),
    ("in place", "act$", "act", lambda v: v * 2.0),
    ("numbers", "table$", "table", lambda v: v * 2.0),
]


@pytest.mark.parametrize(("name", "place", "path", "change"), OUTPUTS)
def test_module_outputs_are_bent_as_the_formula_says(
    name: str, place: str, path: str, change: Callable[[Any], Any]
) -> None:
    bended = tb.BendedModule(make(name, "scripted"))
    calls = calls_of(name)
    bended.trace("forward", *calls[0])
    bended.bend(tb.Scale(2.0), f"forward:{place}")
    unbent = net_of(name)
    reference = with_outputs(unbent, path, change)
    outs = []
    for k, inputs in enumerate(calls):
        outs.append(seeded_call(bended, inputs, k))
        close(outs[-1], seeded_call(reference, inputs, k))
    assert not equal(outs, [seeded_call(unbent, inputs, k) for k, inputs in enumerate(calls)])


# -- single operations ---------------------------------------------------------------------
class Changes(TorchFunctionMode):
    """Changes what the n-th call of a torch function returns, in a module that is no script."""

    def __init__(self, function: str, call: int, change: Callable[[Any], Any]) -> None:
        self.function, self.left, self.change = function, call, change

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        if name == self.function:
            self.left -= 1
            if self.left == -1:
                return self.change(out)
        return out


OPERATIONS = [
    ("convs", "act/leaky_relu_1", "leaky_relu", 1),
    ("convs", "tanh", "tanh", 0),
    ("convs", "add", "add", 0),
    ("instances", "blocks.1/tanh_1", "tanh", 3),
    ("instances", "blocks.2/mul", "mul", 2),
    ("instances", "blocks.1.half/mul", "mul", 4),
    ("instances", "add_1", "add", 1),
    ("linears", "mean", "mean", 0),
    ("linears", "net.2/gelu", "gelu", 0),
    ("calls", "shape/sigmoid", "sigmoid", 0),
    ("calls", "encode/tanh_1", "tanh", 1),
    ("calls", "add", "add", 0),
    ("lists", "stack", "stack", 0),
    ("splits", "fork/abs", "abs", 0),
    ("spectra", "fft_rfft", "fft_rfft", 0),
    ("spectra", "exp", "exp", 0),
]


@pytest.mark.parametrize("kind", ["scripted", "frozen"])
@pytest.mark.parametrize(("name", "place", "function", "call"), OPERATIONS)
def test_operations_are_bent_as_the_formula_says(
    name: str, place: str, function: str, call: int, kind: str
) -> None:
    if kind == "frozen":  # all operations are of the method itself there
        place = f"{function}_{call}" if call else function
    bended = tb.BendedModule(make(name, kind))
    calls = calls_of(name)
    bended.trace("forward", *calls[0])
    bended.bend(tb.Scale(3.0), f"{place}$".replace(".", r"\."))
    net = net_of(name)
    for inputs in calls:
        with torch.no_grad(), Changes(function, call, lambda v: v * 3.0):
            want = net(*inputs)
        got = seeded_call(bended, inputs, 0)
        close(got, want)
        assert not equal(got, seeded_call(net, inputs, 0))


@torch.no_grad()
def test_inputs_are_bent_by_their_whole_names_alone() -> None:
    bended = tb.BendedModule(make("dicts", "scripted"))
    bended.trace("forward", *calls_of("dicts")[0])
    assert "given" not in [p.name for p in bended._places()], "a dict is no tensor"
    net, x = net_of("convs"), noise(1, 2, 8)
    other = tb.BendedModule(make("convs", "scripted"))
    other.trace("forward", x)
    other.bend(tb.Scale(2.0), "x")
    close(other(x), net(x * 2.0))
    other.reset()
    with pytest.raises(tb.BendingError, match=r"'x\.\*'"):
        other.bend(tb.Scale(2.0), "x.*")


@torch.no_grad()
def test_the_first_call_of_a_function_inside_a_loop_is_every_call() -> None:
    bended = tb.BendedModule(make("functions", "scripted"))
    x = noise(2, 3)
    bended.trace("forward", x)
    bended.bend(tb.Bias(1.0), "squash_1$")
    y = torch.tanh(net_of("functions").lin(x) * 2.0)
    for _ in range(2):
        y = torch.tanh(y) + 1.0 + torch.nn.functional.softplus(y)
    close(bended(x), y)


@torch.no_grad()
def test_a_bend_in_one_method_is_not_heard_through_another() -> None:
    """``forward`` calls ``encode`` and ``decode``: each method has places of its own."""
    net, x = net_of("calls"), noise(1, 1, 8)
    bended = tb.BendedModule(make("calls", "scripted"))
    z = net.encode(x)
    bended.trace("forward", x)
    bended.trace("encode", x)
    bended.trace("decode", z)
    bended.bend(tb.Scale(2.0), "down$", fn="encode")
    assert torch.equal(bended(x), net(x))
    close(bended.encode(x), torch.tanh(net.down(x) * 2.0))
    bended.bend(tb.Scale(0.5), "decode:up$")
    assert torch.equal(bended(x), net(x))
    close(bended.decode(z), net.shape(net.up(z) * 0.5))
    bended.bend(tb.Scale(3.0), "forward:up$")
    want = net.shape(net.up(net.encode(net.shape(x))) * 3.0) + net.decode(net.encode(x))
    close(bended(x), want)
    close(bended.decode(z), net.shape(net.up(z) * 0.5))


@torch.no_grad()
def test_a_reopened_file_and_the_module_itself_are_bent_alike() -> None:
    module = make("streams", "scripted")
    outs = []
    for each in (module, reopened(module)):
        bended = tb.BendedModule(each)
        bended.trace("forward", *calls_of("streams")[0])
        bended.bend(tb.Scale(0.5), "conv$", r"late\.weight")
        outs.append([bended(*inputs) for inputs in calls_of("streams")])
    assert equal(*outs)
