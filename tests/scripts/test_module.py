"""The vocabulary of a bent module on TorchScript: callbacks, patterns, errors, states, threads."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import copy
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from script_nets import Convs, calls_of, contents, make, net_of, reopened, same
from support import equal, noise, picture, same_picture, seeded, with_weights
from torch import Tensor, nn

import torchbend as tb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

X = noise(2, 2, 8)


@pytest.fixture
def convs() -> tb.BendedScript:
    bended = tb.BendedModule(make("convs", "scripted"))
    bended.trace("forward", X)
    return bended


def knob(name: str = "p", value: Any = 0.5, **options: Any) -> tb.BendingParameter:
    return tb.BendingParameter(name, value, **options)


@torch.no_grad()
def hooked(change: Callable[[Tensor], Tensor], net: nn.Module | None = None) -> nn.Module:
    """The net with another output of ``first``."""
    twin = copy.deepcopy(net or net_of("convs"))
    twin.first.register_forward_hook(lambda _m, _i, out: change(out))
    return twin


@torch.no_grad()
def close(got: Any, want: Any) -> None:
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


# -- every callback ------------------------------------------------------------------------
class Wobble(tb.BendingCallback):
    """A user's callback with a control, and a state for each place."""

    weight_compatible = True
    activation_compatible = True
    jit_compatible = True
    nntilde_compatible = True
    controllable_params = ("by",)

    def __init__(self, by: Any) -> None:
        super().__init__()
        self.by = by
        self.twice = 0.0
        self.update()

    def update(self) -> None:
        self.twice = 2.0 * float(self.get("by"))

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        return x + self.twice


class Counts(tb.BendingCallback):
    """Adds how often it was called, in a way that no script can."""

    activation_compatible = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        self.seen.append(id(x))
        return x + len(self.seen)


CALLBACKS: dict[str, Callable[[Any], tb.BendingCallback]] = {
    "scale": tb.Scale,
    "bias": tb.Bias,
    "affine": lambda p: tb.Affine(p, 0.5),
    "mask": lambda p: tb.Mask(p, seed=3),
    "ordered mask": lambda p: tb.OrderedMask(p, seed=3, dim=1),
    "normal": lambda p: tb.Normal(p, seed=3, dim=1),
    "threshold": tb.ThresholdActivation,
    "threshold permute": lambda p: tb.ThresholdPermute(p, seed=3),
    "chain": lambda p: tb.Scale(p) >> tb.Bias(0.25) >> tb.Mask(p, seed=2),
    "user's": Wobble,
}


@pytest.mark.parametrize("name", CALLBACKS)
@torch.no_grad()
def test_callbacks_on_activations_live_and_scripted(name: str, convs: tb.BendedScript) -> None:
    """Against the same callback on a module with source, whose places have the same names."""
    source = tb.BendedModule(net_of("convs"))
    source.trace("forward", X)
    for bended in (convs, source):
        bended.bend(CALLBACKS[name](knob(range=[0, 1])), "first$", "act_1$")
    scripts = [convs.script()]
    scripts.append(reopened(scripts[0]))
    unbent, outs = net_of("convs")(X), []
    for value in (0.5, 0.9):
        for bended in (convs, source):
            bended.update("p", value)
        outs.append(convs(X))
        close(outs[-1], source(X))
        for script in scripts:
            assert script.set_p(value) == 0
            assert script.get_p() == pytest.approx(value)
            assert torch.equal(script(X), outs[-1])
    assert not torch.equal(*outs) and not torch.equal(outs[0], unbent)


@pytest.mark.parametrize("name", [n for n in CALLBACKS if not n.startswith("threshold")])
@torch.no_grad()
def test_callbacks_on_weights_live_and_scripted(name: str, convs: tb.BendedScript) -> None:
    source = tb.BendedModule(net_of("convs"))
    for bended in (convs, source):
        bended.bend(CALLBACKS[name](knob(range=[0, 1])), r"first\.weight", r"up\.weight")
    script = convs.script()
    outs = []
    for value in (0.25, 1.0):
        for bended in (convs, source):
            bended.update("p", value)
        assert equal(convs.bended_state_dict(), source.bended_state_dict())
        outs.append(convs(X))
        close(outs[-1], source(X))
        assert script.set_p(value) == 0
        close(script(X), outs[-1])
    assert not torch.equal(*outs)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in ("chain", "user's")))
        for name in CALLBACKS
    ],
)
def test_callbacks_in_an_exported_file(name: str, convs: tb.BendedScript, tmp_path: Path) -> None:
    convs.bend(CALLBACKS[name](knob(range=[0, 1])), "first$")
    convs.export(tmp_path / "x.ts", check=False, patches=False)
    file = torch.jit.load(str(tmp_path / "x.ts"))
    x = noise(1, 2, 8, seed=4)
    with torch.no_grad():
        for value in (0.5, 0.9):
            convs.update("p", value)
            assert file.set_p(value) == 0
            file.forward(x)  # it glides
            close(file.forward(x), convs(x))


@torch.no_grad()
def test_a_permutation_and_a_function(convs: tb.BendedScript) -> None:
    convs.bend(tb.Permute(dim=1, seed=2), "first$")
    order = tb.Permute(dim=1, seed=2)
    shuffled = convs.get_activations("first$", x=X)
    before, after = shuffled["first"], shuffled["first_bended"]
    assert sorted(before[0, :, 0].tolist()) == sorted(after[0, :, 0].tolist())
    assert not torch.equal(before, after), order
    convs.reset()
    convs.bend(tb.Lambda(lambda v: v.flip(1)), "first$")
    close(convs(X), hooked(lambda v: v.flip(1))(X))


@torch.no_grad()
def test_capture_and_interpolation_between_what_was_captured(convs: tb.BendedScript) -> None:
    capture = tb.Capture()
    convs.bend(capture, "first$")
    net, y = net_of("convs"), noise(2, 2, 8, seed=3)
    with convs.capture():
        convs(X)
        convs(y)
    convs(y)
    close(capture.captures["first"], torch.cat([net.first(X), net.first(y)]))
    convs.reset()
    weights = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    convs.bend(tb.InterpolateActivation(), "first$")
    close(
        convs(X, interp_weights=weights),
        hooked(lambda v: torch.einsum("ob,bct->oct", weights, v))(X),
    )


@torch.no_grad()
def test_a_users_callback_with_a_state(convs: tb.BendedScript) -> None:
    convs.bend(Counts(), "first$")
    for calls in (1, 2, 3):
        close(convs(X), hooked(lambda v, n=calls: v + n)(X))
    with pytest.raises(tb.ScriptError, match="Counts"):
        convs.script()


# -- patterns ------------------------------------------------------------------------------
def test_patterns_reach_modules_and_operations_where_a_slash_says_so() -> None:
    bended = tb.BendedModule(make("instances", "scripted"))
    bended.trace("forward", noise(1, 2, 4))
    keys = bended.bendable_keys
    assert not [k for k in keys(".*") if "/" in k]
    assert keys("blocks.0.*") == [
        "blocks.0.gain",
        "blocks.0.conv.weight",
        "blocks.0.conv.bias",
        "blocks.0.conv",
        "blocks.0",
    ]
    assert keys("blocks.0/.*") == ["blocks.0/tanh", "blocks.0/mul"]
    assert keys(r"blocks\.0/tanh") == ["blocks.0/tanh"]
    assert keys("add_1") == ["add_1"], "an operation of the method, by its whole name"
    assert keys("ad") == []
    assert keys("forward:last$") == ["last"]
    assert keys("x") == []
    with pytest.raises(tb.BendingError, match=r"'blocks\.7.*'"):
        bended.bend(tb.Scale(2.0), "blocks.7.*")
    with pytest.raises(tb.BendingError, match="regular expression"):
        bended.bend(tb.Scale(2.0), "blocks(")


@torch.no_grad()
def test_a_method_alone_and_weights_through_it() -> None:
    bended = tb.BendedModule(make("calls", "scripted"))
    net, x = net_of("calls"), noise(1, 1, 8)
    bended.trace("encode", x)
    bended.trace("decode", net.encode(x))
    assert bended.traced_methods == ["encode", "decode"]
    handle = bended.bend(tb.Scale(2.0), ".*weight", fn="decode")
    assert bended.bended_keys() == ["up.weight"]
    handle.undo()
    with pytest.raises(tb.TracingError, match="'forward' is not traced"):
        bended.bend(tb.Scale(2.0), "up", fn="forward")
    bended.bend(tb.Scale(0.0), "encode:tanh")
    assert not torch.count_nonzero(bended.encode(x))


# -- errors --------------------------------------------------------------------------------
def test_wrong_calls_say_what_is_wrong(convs: tb.BendedScript) -> None:
    before = picture(convs)
    attempts: list[tuple[Callable[[], Any], str]] = [
        (lambda: convs.bend(tb.Scale(2.0), "frist"), "'frist' matches no weight.*'first'"),
        (lambda: convs.bend(tb.Scale(2.0)), "needs a pattern"),
        (lambda: convs.bend(2.0, "first"), "takes a callback"),
        (lambda: convs.bend(Counts(), r"first\.weight"), "cannot sit on the weight"),
        (lambda: convs.trace("decode", X), "no method 'decode'.*'forward'"),
        (lambda: convs.trace("forward", noise(1, 3, 8)), "forward fails on these inputs"),
        (lambda: convs.trace("forward"), "x"),
        (lambda: convs.trace("forward", X, y=X), "y"),
        (lambda: convs(noise(1, 3, 8)), r"failed: .*channels"),
        (lambda: convs(), "x"),
        (lambda: convs.update("loud", 1.0), "no control 'loud'"),
        (lambda: convs.get_activations("frist", x=X), "'frist'"),
        (lambda: convs.get_activations("first", x=noise(1, 3, 8)), "failed"),
        (lambda: convs.graph_module(), "no torch.fx graph"),
        (lambda: convs.from_activations("first"), "Lambda"),
        (lambda: convs.load_state_dict({}), "create_version"),
        (lambda: tb.BendedScript(nn.Linear(2, 2)), "takes a TorchScript module"),
        (lambda: setattr(convs, "first", nn.Linear(2, 2)), "cannot be replaced"),
    ]
    for attempt, text in attempts:
        with pytest.raises(tb.TorchbendError, match=f"(?s){text}"):
            attempt()
        same_picture(before, picture(convs))
    with pytest.raises(AttributeError, match="'frist'"):
        _ = convs.frist


class Breaks(tb.BendingCallback):
    """Fails at its second call."""

    activation_compatible = True

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def bend_input(self, x: Tensor, name: str | None = None) -> Tensor:
        self.calls += 1
        if self.calls == 2:
            raise ValueError("that was one too many")
        return x


@torch.no_grad()
def test_a_bend_that_fails_says_so_and_leaves_the_state() -> None:
    bended = tb.BendedModule(make("streams", "scripted"))
    calls = calls_of("streams")
    bended.trace("forward", *calls[0])
    reference = reopened(make("streams", "scripted"))
    bended(*calls[0]), reference(*calls[0])
    with bended.bend(Breaks(), "conv$", "late$"):
        with pytest.raises(tb.BendingError, match="that was one too many"):
            bended(*calls[1])
        same({n: v for n, v in contents(bended._shadow).items()}, contents(reference))
    with bended.bend(tb.Lambda(lambda v: v[:, :1]), "conv$"):
        with pytest.raises(tb.BendingError, match=r"'forward:conv' changes its shape from"):
            bended(*calls[1])
        same(contents(bended._shadow), contents(reference))
    assert equal(bended(*calls[1]), reference(*calls[1]))


# -- looking -------------------------------------------------------------------------------
@torch.no_grad()
def test_inner_values_before_and_after_their_bends(convs: tb.BendedScript) -> None:
    net = net_of("convs")
    convs.bend(tb.Scale(2.0), "first$")
    convs.bend(tb.Scale(3.0), r"second\.weight")
    state = contents(convs._shadow)
    found = convs.get_activations("first$", "second$", "tanh", x=X)
    assert list(found) == ["first", "first_bended", "second", "tanh"]
    close(found["first"], net.first(X))
    close(found["first_bended"], net.first(X) * 2.0)
    close(found["second"], net.second(net.act(net.first(X) * 2.0)) * 3.0)
    assert equal(found["tanh"], convs(X))
    plain = convs.get_activations("first$", "second$", x=X, bended=False)
    close(plain["second"], net.second(net.act(net.first(X))))
    assert list(plain) == ["first", "second"]
    same(contents(convs._shadow), state)


@torch.no_grad()
def test_looking_does_not_advance_the_state() -> None:
    bended = tb.BendedModule(make("streams", "scripted"))
    calls = calls_of("streams")
    bended.trace("forward", *calls[0])
    bended(*calls[0])
    state = contents(bended._shadow)
    bended.get_activations("conv$", x=calls[1][0])
    bended.trace("forward", *calls[2])
    bended.script()
    same(contents(bended._shadow), state)


# -- handles, configurations, versions -----------------------------------------------------
@torch.no_grad()
def test_handles_undo_and_reset(convs: tb.BendedScript) -> None:
    net = net_of("convs")
    plain = convs(X)
    with convs.bend(tb.Scale(2.0), "first$"):
        kept = convs.bend(tb.Bias(1.0), "first$")
        close(convs(X), hooked(lambda v: v * 2.0 + 1.0)(X))
    close(convs(X), hooked(lambda v: v + 1.0)(X))
    kept.undo()
    assert torch.equal(convs(X), plain)
    convs.bend(tb.Scale(0.5), ".*")
    convs.reset()
    assert torch.equal(convs(X), plain) and convs.bended_keys() == []
    close(plain, net(X))


@torch.no_grad()
def test_configurations_are_kept_and_saved(convs: tb.BendedScript, tmp_path: Path) -> None:
    plain = convs(X)
    convs.bend(tb.Scale(knob("p", 2.0)), "first$", r"up\.bias")
    bent = convs(X)
    convs.bending_config().save(tmp_path / "c.json")
    convs.save_config_as("other")
    convs.reset()
    assert torch.equal(convs(X), plain)
    convs.config = "other"
    assert torch.equal(convs(X), bent)
    fresh = tb.BendedModule(make("convs", "scripted"))
    fresh.trace("forward", X)
    fresh.bend(tb.BendingConfig.load(tmp_path / "c.json"))
    assert torch.equal(fresh(X), bent)
    fresh.update("p", 1.0)
    assert torch.equal(fresh(X), plain)


@torch.no_grad()
def test_versions_interpolation_and_writing(convs: tb.BendedScript) -> None:
    one, two = net_of("convs"), seeded(Convs, seed=7)
    convs.create_version("two", two)
    plain = convs(X)
    with convs.set_version("two"):
        close(convs(X), two(X))
        convs.bend(tb.Scale(2.0), r"first\.weight")
        twice = with_weights(two, {"first.weight": lambda w: w * 2.0})
        close(convs(X), twice(X))
    assert torch.equal(convs(X), plain)
    theirs = dict(twice.named_parameters())
    mean = with_weights(
        one, {n: lambda w, n=n: (w + 3.0 * theirs[n]) / 4.0 for n, _ in one.named_parameters()}
    )
    with convs.interpolate(1.0, two=3.0):
        close(convs(X), mean(X))
        convs.write("mean")
    assert convs.version == "mean"
    close(convs(X), mean(X))
    convs.version = None
    assert torch.equal(convs(X), plain)


# -- moves ---------------------------------------------------------------------------------
@torch.no_grad()
def test_to_double_and_training_mode() -> None:
    module = make("random", "scripted")
    bended = tb.BendedModule(module)
    x = noise(4, 3)
    bended.trace("forward", x)
    bended.bend(tb.Scale(0.5), "lin$")
    net = net_of("random")
    net.lin.register_forward_hook(lambda _m, _i, out: out * 0.5)
    for mode in (True, False, True):
        bended.train(mode)
        net.train(mode)
        torch.manual_seed(1)
        got = bended(x)
        torch.manual_seed(1)
        close(got, net(x))
        close(bended._shadow.norm.running_mean, net.norm.running_mean)
    assert not module.training and bended._shadow.training
    bended.eval().to(torch.float64)
    net.eval().to(torch.float64)
    torch.manual_seed(1)
    got = bended(x.double())
    torch.manual_seed(1)
    want = net(x.double())
    close(got.double(), want.double())
    assert module.lin.weight.dtype == torch.float32


@torch.no_grad()
def test_a_module_in_training_mode_stays_in_it() -> None:
    module = torch.jit.script(seeded(Convs).train())
    bended = tb.BendedModule(module)
    assert bended._shadow.training
    bended.trace("forward", X)
    bended.bend(tb.Scale(2.0), "first$")
    bended(X)
    assert bended._shadow.training and module.training


@torch.no_grad()
def test_weights_are_shared_with_the_module_and_state_is_not() -> None:
    module = make("streams", "scripted")
    bended = tb.BendedModule(module)
    calls = calls_of("streams")
    before = contents(module)
    bended.trace("forward", *calls[0])
    bended.bend(tb.Scale(2.0), "conv$")
    for inputs in calls:
        bended(*inputs)
    same(contents(module), before)
    module.late.weight.mul_(0.0)
    bended.reset()
    reference = reopened(module)
    for inputs in calls:
        reference(*inputs)
    late = bended.get_activations("late$", x=calls[0][0])["late"]
    close(late, module.late.bias[:, None].expand_as(late))


# -- threads -------------------------------------------------------------------------------
@torch.no_grad()
def test_one_plays_while_another_bends_and_moves(convs: tb.BendedScript) -> None:
    """Each output is that of one setting: never a mixture, a crash or another shape."""
    amount = knob("p", 1.0)
    convs.bend(tb.Scale(amount), r"second\.weight", "first$")
    pure = []
    for value in (1.0, -0.5):
        for extra in (False, True):
            convs.update("p", value)
            with convs.bend(tb.Bias(1.0), "up$") if extra else convs.bend(tb.Scale(1.0), "act$"):
                pure.append(convs(X))
    assert len({tuple(out.flatten().tolist()) for out in pure}) == 4
    stop, failures, heard = threading.Event(), [], [0] * 4

    def turn() -> None:
        try:
            k = 0
            while not stop.is_set():
                k += 1
                convs.update("p", (1.0, -0.5)[k % 2])
                time.sleep(1e-4)
                if k % 5 == 0:
                    with convs.bend(tb.Bias(1.0), "up$"):
                        time.sleep(0.01)
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        deadline = time.monotonic() + 20.0
        while sum(heard) < 400 or (not all(heard) and time.monotonic() < deadline):
            out = convs(X)
            matches = [torch.equal(out, each) for each in pure]
            assert sum(matches) == 1, "a mixture of two settings"
            heard[matches.index(True)] += 1
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert all(heard), heard
