"""Bad input: one clear exception of our own, the names in it, and nothing changed.

Each row is tried on a model in the middle of a performance: bent in weights and
activations, with a control, two configurations and two versions, and a state that has
advanced. A second such model never sees the bad input; afterwards both must play alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from support import (
    Codec,
    Joseph,
    StreamingNet,
    Untouched,
    equal,
    noise,
    picture,
    same_buffers,
    same_picture,
    seeded,
)
from torch import Tensor, nn

import torchbend as tb


class Voice(StreamingNet):
    """A streaming model with a second method, and arguments that are no tensors."""

    def shape(self, x: Tensor, amount: float = 1.0) -> Tensor:
        return torch.sin(self.first.conv(x)) * amount


def performing() -> tb.BendedModule:
    bended = tb.BendedModule(seeded(Voice))
    bended.trace(x=noise(2, 2, 6))
    bended.trace("shape", noise(2, 2, 6))
    bended.create_version("other", seeded(Voice, seed=4))
    bended.save_config_as("second")
    bended.bend(tb.Bias(0.5), "tanh$", config="second")
    p = tb.BendingParameter("p", 0.5, range=[-2.0, 2.0])
    bended.bend(tb.Scale(p), r"first\.conv\.weight", "relu$")
    bended.bend(tb.Bias(0.25), "relu$", fn="forward")
    with torch.no_grad():
        bended(noise(2, 2, 6, seed=1))
    return bended


Attempt = Callable[[tb.BendedModule], Any]
X = noise(2, 2, 6)


class Crash(tb.BendingCallback):
    weight_compatible = True
    activation_compatible = True

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        raise RuntimeError(f"crash at {name}")


class OnlyWeights(tb.BendingCallback):
    weight_compatible = True

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        return x * 2


def through_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(abs(x.numpy()))


def state_of(bended: tb.BendedModule) -> str:
    """A place that is a part of the streaming state."""
    return next(p.name for p in bended._trace_of("forward").places if p.state)


def not_a_tensor(x: Tensor) -> Any:
    return [x]


# what is tried, and what the message must say
ROWS: dict[str, tuple[Attempt, str]] = {
    # patterns
    "no such place": (lambda b: b.bend(tb.Scale(1.0), "reul"), r"'reul'.*'relu'"),
    "no such weight": (
        lambda b: b.bend(tb.Scale(1.0), "first.conv.wieght"),
        r"'first.conv.wieght'.*'first.conv.weight'",
    ),
    "one of two patterns": (lambda b: b.bend(tb.Scale(1.0), "relu$", "reul"), r"'reul'.*'relu'"),
    "place of another method": (lambda b: b.bend(tb.Scale(1.0), "shape:relu"), r"'shape:relu'"),
    "method in a pattern": (lambda b: b.bend(tb.Scale(1.0), "shpae:sin"), r"'shpae:sin'"),
    "no expression": (lambda b: b.bend(tb.Scale(1.0), "relu("), r"'relu\('.*regular expression"),
    "no text": (lambda b: b.bend(tb.Scale(1.0), 3), r"\b3\b"),
    "no pattern": (lambda b: b.bend(tb.Scale(1.0)), r"Scale.*pattern"),
    "no callback": (lambda b: b.bend(2.0, "relu"), r"2\.0"),
    "callback's class": (lambda b: b.bend(tb.Scale, "relu"), r"Scale"),
    # methods
    "bend in no method": (lambda b: b.bend(tb.Scale(1.0), "relu", fn="shpae"), r"'shpae'.*shape"),
    "trace of no method": (lambda b: b.trace("shpae", X), r"'shpae'.*'shape'"),
    "trace of an attribute": (lambda b: b.trace("first_", X), r"'first_'"),
    "values of no method": (lambda b: b.get_activations("sin", fn="shpae", x=X), r"'shpae'.*shape"),
    "graph of no method": (lambda b: b.graph("shpae"), r"'shpae'.*shape"),
    "names of no method": (lambda b: b.activation_names("shpae"), r"'shpae'.*shape"),
    "shape of nothing": (lambda b: b.activation_shape("reul"), r"'reul'.*'relu'"),
    "weight of nothing": (
        lambda b: b.weight_shape("first.conv.wieght"),
        r"'first.conv.wieght'.*'first.conv.weight'",
    ),
    "no such buffer": (lambda b: b.trace(x=X, _proxied_buffers=["cashe"]), r"'cashe'.*cache"),
    # inputs
    "trace without inputs": (lambda b: b.trace(), r"forward.*'x'"),
    "trace with another name": (lambda b: b.trace(y=X), r"forward.*y=.*'x'"),
    "trace of a wrong shape": (lambda b: b.trace(x=noise(2, 5, 6)), r"(?s)forward.*\(2, 5, 6\)"),
    "trace of no tensor": (lambda b: b.trace(x="loud"), r"(?s)forward.*loud"),
    "trace of too many": (lambda b: b.trace("forward", X, X, X), r"forward"),
    "call of a wrong shape": (lambda b: b(noise(2, 5, 6)), r"(?s)forward.*\(2, 5, 6\)"),
    "call of too large a batch": (lambda b: b(noise(9, 2, 6)), r"(?s)forward.*\(9, 2, 6\)"),
    "call without inputs": (lambda b: b(), r"forward"),
    "call with another name": (lambda b: b(y=X), r"forward.*'?y'?"),
    "call of no tensor": (lambda b: b("loud"), r"(?s)forward.*loud"),
    "call of a wrong dtype": (lambda b: b(X.double()), r"(?s)forward.*float64"),
    "method of a wrong shape": (lambda b: b.shape(noise(2, 5, 6)), r"(?s)shape.*\(2, 5, 6\)"),
    "values of a wrong shape": (
        lambda b: b.get_activations("relu", x=noise(2, 5, 6)),
        r"(?s)forward.*\(2, 5, 6\)",
    ),
    "values of nothing": (lambda b: b.get_activations("reul", x=X), r"'reul'.*'relu'"),
    "values without inputs": (lambda b: b.get_activations("relu"), r"forward.*'?x'?"),
    "values with another name": (lambda b: b.get_activations("relu", y=X), r"forward.*'?y'?"),
    "values without names": (lambda b: b.get_activations(x=X), r"pattern"),
    "start without a value": (lambda b: b.from_activations("relu"), r"'relu'.*relu="),
    "start of a wrong shape": (
        lambda b: b.from_activations("relu", relu=noise(2, 5, 6)),
        r"(?s)forward.*\(2, 5, 6\)",
    ),
    "start with another name": (
        lambda b: b.from_activations("relu", relu=X, reul=X),
        r"'reul'.*'relu'",
    ),
    # what a place can take
    "weights only": (
        lambda b: b.bend(OnlyWeights(), "sin$"),
        r"OnlyWeights.*activation.*'shape:sin'.*weights",
    ),
    "activations only": (
        lambda b: b.bend(tb.InterpolateActivation(), r"second\.conv\.weight"),
        r"InterpolateActivation.*weight.*'second.conv.weight'.*activations",
    ),
    "capture of a weight": (
        lambda b: b.bend(tb.Capture(), r"second\.conv\.weight"),
        r"Capture.*'second.conv.weight'",
    ),
    "no such dimension": (
        lambda b: b.bend(tb.Mask(0.5, dim=7), r"second\.conv\.weight"),
        r"Mask.*'second.conv.weight'.*7|Mask.*7.*'second.conv.weight'",
    ),
    "other length": (
        lambda b: b.bend(tb.Scale([1.0, 2.0, 3.0]), "sin$"),
        r"Scale.*'shape:sin'.*3 values.*2",
    ),
    "the state": (lambda b: b.bend(tb.Scale(1.0), f"{state_of(b)}$"), r"'forward:\w+'.*state"),
    "crash in a weight": (
        lambda b: b.bend(Crash(), r"second\.conv\.weight"),
        r"(?s)Crash.*second.conv.weight",
    ),
    "no tensor of a weight": (
        lambda b: b.bend(tb.Lambda(not_a_tensor), r"second\.conv\.weight"),
        r"not_a_tensor.*list",
    ),
    "no function": (lambda b: b.bend(tb.Lambda(3), "relu"), r"Lambda.*int"),
    # settings of callbacks and controls
    "mask beyond one": (lambda b: b.bend(tb.Mask(1.5), "relu"), r"prob.*1\.5"),
    "words for a number": (lambda b: b.bend(tb.Scale("loud"), "relu"), r"scale.*'loud'"),
    "control is nan": (lambda b: b.update("p", float("nan")), r"'p'.*nan"),
    "control is text": (lambda b: b.update("p", "loud"), r"'p'.*str.*'loud'"),
    "control out of range": (lambda b: b.update("p", 3.0), r"'p'.*3\.0.*\[-2\.0, 2\.0\]"),
    "control is none": (lambda b: b.update("p", None), r"'p'.*None"),
    "control is a list": (lambda b: b.update("p", [1.0]), r"'p'.*list"),
    "control's name": (lambda b: b.update("q", 1.0), r"'q'.*'p'"),
    "control twice": (
        lambda b: b.bend(tb.Scale(tb.BendingParameter("p", 0.5)), "tanh$"),
        r"'p'.*rename",
    ),
    # versions and configurations
    "no version": (lambda b: setattr(b, "version", "othre"), r"'othre'.*'other'"),
    "no configuration": (lambda b: setattr(b, "config", "secnod"), r"'secnod'.*'second'"),
    "bend for no configuration": (
        lambda b: b.bend(tb.Scale(1.0), "relu", config="secnod"),
        r"'secnod'.*'second'",
    ),
    "version again": (lambda b: b.write("other"), r"'other'"),
    "version without a name": (lambda b: b.write(""), r"name"),
    "version named by a number": (lambda b: b.create_version(3, b.module), r"name"),
    "configuration again": (lambda b: b.save_config_as("second"), r"'second'"),
    "configuration without a name": (lambda b: b.save_config_as(""), r"name"),
    "configuration named by a number": (lambda b: b.save_config_as(3), r"name"),
    "part of a configuration": (
        lambda b: b.bend(tb.BendingConfig((tb.Scale(2.0), "tanh$"), (tb.Bias(1.0), "reul"))),
        r"'reul'.*'relu'",
    ),
    # leaving
    "script of a function": (lambda b: b.script(), r"Lambda.*through_numpy"),
    "recording of what records nothing": (lambda b: b.enable_capture(tb.Capture()), r"Capture"),
    "filter that is no expression": (lambda b: b.print_weights("("), r"'\('.*regular expression"),
}


def good_function(bended: tb.BendedModule) -> tb.BendedModule:
    """Bend by a function that plays, and cannot be scripted."""
    bended.bend(tb.Lambda(through_numpy), "shape:sin")
    return bended


def performance(bended: tb.BendedModule) -> list[Tensor]:
    """What it plays in every configuration and version, and its state after each."""
    heard = []
    for config in (None, "second"):
        for version in (None, "other"):
            bended.config, bended.version = config, version
            for seed in range(2):
                block = noise(2, 2, 6, seed=seed)
                heard += [bended(block), bended.shape(block)]
                heard += [buffer.clone() for _, buffer in bended.named_buffers()]
            if config is None:
                bended.update("p", 1.5)
    return heard


@cache
def undisturbed(with_function: bool) -> list[Tensor]:
    with torch.no_grad():
        return performance(good_function(performing()) if with_function else performing())


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("row", ROWS)
@torch.no_grad()
def test_bad_input_is_refused_and_changes_nothing(row: str) -> None:
    attempt, message = ROWS[row]
    with_function = row == "script of a function"
    bended = good_function(performing()) if with_function else performing()
    untouched = Untouched(bended.module)
    before = picture(bended)
    torch.manual_seed(11)
    numbers = torch.get_rng_state()
    with pytest.raises(tb.TorchbendError, match=message):
        attempt(bended)
    assert torch.equal(torch.get_rng_state(), numbers)
    same_picture(before, picture(bended))
    assert equal(performance(bended), undisturbed(with_function))
    untouched.check()


# -- shapes --------------------------------------------------------------------------
def longer(x: Tensor) -> Tensor:
    return torch.cat([x, x[:, :1]], 1)


@torch.no_grad()
def test_a_bend_that_changes_a_shape_is_accepted_and_named_when_it_runs() -> None:
    bended, twin = performing(), performing()
    bended.bend(tb.Lambda(longer), "relu$", fn="forward")
    state = {n: b.clone() for n, b in bended.named_buffers()}
    with pytest.raises(tb.BendingError) as caught:
        bended(X)
    message = str(caught.value)
    with pytest.raises(RuntimeError) as torchs:
        torch.nn.functional.conv1d(noise(2, 3, 8), bended.module.second.conv.weight)
    sentence = str(torchs.value).split(", expected input")[0]
    assert sentence.split(" [")[0] in message or "Sizes of tensors must match" in message
    assert "'relu'" in message and "longer" in message
    assert "(2, 2, 6)" in message and "(2, 3, 6)" in message
    assert all(torch.equal(b, state[n]) for n, b in bended.named_buffers())
    bended.bended_activations("forward")
    bended.reset()
    twin.reset()
    for seed in range(2):
        block = noise(2, 2, 6, seed=seed)
        assert torch.equal(bended(block), twin(block))
        same_buffers(bended, twin)


@torch.no_grad()
def test_a_weight_of_another_shape_is_named_when_it_runs() -> None:
    bended = tb.BendedModule(seeded(Codec))
    bended.bend(tb.Lambda(lambda w: w[:1]), r"bottleneck\.weight")
    x = noise(1, 1, 8)
    with pytest.raises(tb.BendingError, match=r"(?s)bottleneck.weight.*\(2, 3, 1\) to \(1, 3, 1\)"):
        bended(x)
    bended.reset()
    assert torch.equal(bended(x), bended.module(x))


@torch.no_grad()
def test_a_callback_that_crashes_while_it_plays() -> None:
    bended, twin = performing(), performing()
    handle = bended.bend(Crash(), "tanh$")
    for _ in range(2):
        with pytest.raises(tb.BendingError, match="(?s)crash at tanh"):
            bended(X)
        same_buffers(bended, twin)
    handle.undo()
    assert torch.equal(bended(X), twin(X))
    same_buffers(bended, twin)


@torch.no_grad()
def test_a_crash_after_good_calls_is_told_and_the_model_plays_on() -> None:
    """On shapes that have played the state is what the run left: copying it would cost more."""
    crash = [False]

    def sometimes(x: Tensor) -> Tensor:
        if crash[0]:
            raise RuntimeError("now")
        return x

    bended, twin = performing(), performing()
    for each in (bended, twin):
        each.bend(tb.Lambda(sometimes), "tanh$")
        each(X)
    before = {
        k: v for k, v in picture(bended).items() if k not in ("buffers", "state", "bent", "now")
    }
    crash[0] = True
    with pytest.raises(tb.BendingError, match="sometimes.*now"):
        bended(X)
    crash[0] = False
    now = picture(bended)
    same_picture(before, {k: now[k] for k in before})
    twin(X)  # the state of both layers is the last block's, however often it came
    assert torch.equal(bended(X), twin(X))


# -- what is no module, no control, no callback ------------------------------------------
@pytest.mark.parametrize("thing", [None, 3, "model", torch.ones(3), nn.Linear, [nn.Linear(2, 2)]])
def test_only_modules_are_bent(thing: Any) -> None:
    with pytest.raises(tb.TorchbendError, match=type(thing).__name__):
        tb.BendedModule(thing)


def test_an_unbent_model_without_a_trace_says_what_to_do() -> None:
    bended = tb.BendedModule(Joseph())
    with pytest.raises(tb.BendingError, match=r"'sin'.*trace"):
        bended.bend(tb.Scale(2.0), "sin")
    with pytest.raises(tb.TracingError, match=r"'forward'.*trace"):
        bended.get_activations("sin", t=noise(1, 4))
    with pytest.raises(tb.TracingError, match=r"'forward'.*trace"):
        bended.graph()
    assert bended.bended_keys() == []


@pytest.mark.parametrize("mode", ["html", "", None])
def test_tables_go_to_two_places_only(mode: Any) -> None:
    before = tb.get_output()
    with pytest.raises(tb.TorchbendError, match="'raw' or 'notebook'"):
        tb.set_output(mode)
    assert tb.get_output() == before


def test_one_family() -> None:
    for kind in (
        tb.BendingError,
        tb.BendingCallbackException,
        tb.BendingParameterException,
        tb.ConfigError,
        tb.TracingError,
        tb.ScriptError,
    ):
        assert issubclass(kind, tb.TorchbendError)
