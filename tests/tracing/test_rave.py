"""RAVE, streaming: its graphs are the model, its caches stay state, its bends are exact."""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from support import ChangingInterpreter, Reference, Untouched, noise, same_buffers
from torch import Tensor, nn

import torchbend as tb
from torchbend.interfaces._rave_build import build_rave

pytestmark = pytest.mark.rave

# configuration: (latents that decode takes, frames of audio a latent frame)
CONFIGS = {"v1": (128, 2048), "v2_small": (128, 512), "v3": (128, 2048), "discrete": (256, 1024)}
HEAVY = ("v1", "v3", "discrete")
METHODS = ("encode", "decode", "forward")


@cache
def rave(config: str) -> nn.Module:
    return build_rave(config, seed=1)


@pytest.fixture(autouse=True, scope="module")
def forget_the_models() -> Iterator[None]:
    yield
    rave.cache_clear()


def twin_of(module: nn.Module) -> nn.Module:
    """A copy with a state of its own; the weights are shared."""
    return copy.deepcopy(module, {id(p): p for p in module.parameters()})


def block(config: str, fn: str, batch: int, frames: int, seed: int) -> Tensor:
    latents, ratio = CONFIGS[config]
    if fn == "decode":
        return noise(batch, latents, frames, seed=seed)
    return noise(batch, 1, frames * ratio, seed=seed) * 0.3


def identity(x: Tensor) -> Tensor:
    return x


@pytest.fixture(autouse=True)
def one_thread_without_gradients() -> Iterator[None]:
    """Several threads wait for each other in every small convolution where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)


def slow_where_heavy() -> list[object]:
    return [
        pytest.param(config, marks=[pytest.mark.slow] if config in HEAVY else [])
        for config in CONFIGS
    ]


def play(config: str, fn: str, *models: object) -> None:
    """Play blocks of several sizes and batches on all, and compare them bit for bit."""
    first, *others = models
    for seed, (batch, frames) in enumerate([(1, 4), (1, 4), (2, 2), (1, 8), (3, 4), (1, 4)]):
        x = block(config, fn, batch, frames, seed)
        torch.manual_seed(seed)
        want = getattr(first, fn)(x)
        assert want.isfinite().all()
        for other in others:
            torch.manual_seed(seed)
            assert torch.equal(getattr(other, fn)(x), want), f"{fn}, block {seed}"


# -- the graphs --------------------------------------------------------------------------
@pytest.mark.parametrize("fn", METHODS)
@pytest.mark.parametrize("config", slow_where_heavy())
def test_the_graph_is_the_model_block_by_block(
    config: str, fn: str, caplog: pytest.LogCaptureFixture
) -> None:
    module = rave(config)
    bended = tb.BendedModule(module)
    bended.trace(fn, block(config, fn, 1, 4, seed=20))
    assert caplog.records == []
    assert bended.graph(fn).flow_steps
    bended.bend(tb.Lambda(identity), f"{fn}:.*", bend_param=False)
    assert len(bended.bended_keys(fn)) >= 50
    twin = twin_of(module)
    play(config, fn, twin, bended)
    same_buffers(bended, twin)
    caches = [n for n, _ in twin.named_buffers() if n.endswith((".pad", ".cache"))]
    assert caches
    mine = dict(bended.named_buffers())
    assert any(bool(mine[n].any()) for n in caches)


def test_a_trace_leaves_model_random_numbers_and_state_as_they_were() -> None:
    module = rave("v2_small")
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    torch.manual_seed(5)
    numbers = torch.get_rng_state()
    for fn in METHODS:
        bended.trace(fn, block("v2_small", fn, 1, 4, seed=20))
    assert torch.equal(torch.get_rng_state(), numbers)
    for name, buffer in bended.named_buffers():
        if name.endswith((".pad", ".cache")):
            assert not buffer.any(), name
    assert bended.traced_methods == list(METHODS)
    untouched.check()


# -- neutral -----------------------------------------------------------------------------
def floating(bended: tb.BendedModule, fn: str) -> list[str]:
    hidden = {p.name for p in bended._trace_of(fn).places if p.state}
    return [
        name
        for name, place in bended.activations(fn).items()
        if place.dtype is not None
        and place.dtype.is_floating_point
        and name not in hidden
        and place.op != "get_attr"  # a weight by another name
    ]


@pytest.mark.parametrize(
    "callback", [tb.Scale(1.0), tb.Bias(0.0), tb.Affine(0.0, 1.0)], ids=["scale", "bias", "affine"]
)
def test_neutral_at_every_place_of_decode(callback: tb.BendingCallback) -> None:
    module = rave("v2_small")
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace("decode", block("v2_small", "decode", 1, 4, seed=20))
    names = floating(bended, "decode")
    assert len(names) > 100
    bended.bend(callback, *(f"decode:{n}$" for n in names), r"decoder\..*")
    assert set(names) <= set(bended.bended_keys())
    twin = twin_of(module)
    play("v2_small", "decode", twin, bended)
    same_buffers(bended, twin)
    untouched.check()


def test_a_full_mask_at_every_place_of_decode() -> None:
    module = rave("v2_small")
    bended = tb.BendedModule(module)
    x = block("v2_small", "decode", 1, 4, seed=20)
    bended.trace("decode", x)
    names = floating(bended, "decode")
    bended.bend(tb.Mask(1.0, seed=1), *(f"decode:{n}$" for n in names), r"decoder\..*")
    twin = twin_of(module)
    for seed in range(3):
        x = block("v2_small", "decode", 1, 4, seed)
        torch.manual_seed(seed)
        want = twin.decode(x)
        torch.manual_seed(seed)
        assert torch.equal(bended.decode(x), want)
        same_buffers(bended, twin)


@pytest.mark.slow
def test_neutral_at_each_place_of_decode_alone() -> None:
    module = rave("v2_small")
    bended = tb.BendedModule(module)
    blocks = [block("v2_small", "decode", batch, 2, i) for i, batch in enumerate((1, 1, 2))]
    bended.trace("decode", blocks[0])
    start = {n: b.clone() for n, b in bended.named_buffers()}
    twin = twin_of(module)
    want = []
    for i, x in enumerate(blocks):
        torch.manual_seed(i)
        want.append(twin.decode(x))
    for name in floating(bended, "decode"):
        with bended.bend(tb.Scale(1.0), f"decode:{name}$"):
            for i, x in enumerate(blocks):
                torch.manual_seed(i)
                assert torch.equal(bended.decode(x), want[i]), name
            same_buffers(bended, twin)
        for key, buffer in bended.named_buffers():
            buffer.copy_(start[key])


# -- bent ----------------------------------------------------------------------------
def test_half_at_sampled_places_is_half_in_the_interpreter() -> None:
    module = rave("v2_small")
    bended = tb.BendedModule(module)
    x = block("v2_small", "decode", 1, 4, seed=20)
    bended.trace("decode", x)
    start = {n: b.clone() for n, b in bended.named_buffers()}
    twin = twin_of(module)
    torch.manual_seed(0)
    plain = twin.decode(x)
    source = twin_of(bended._shadow)  # the caches are there, and empty
    reference = Reference(bended, fn="decode", state=source)
    graph = reference.run.module
    names = random.Random(3).sample(floating(bended, "decode"), 20)
    heard = 0
    for name in names:
        for key, buffer in reference.model.named_buffers():
            if key in start:
                buffer.copy_(start[key])
        interpreter = ChangingInterpreter(graph, {name: [lambda v: v * 0.5]})
        with bended.bend(tb.Scale(0.5), f"decode:{name}$"):
            for seed, batch in enumerate((1, 1, 2)):
                z = block("v2_small", "decode", batch, 4, seed + 20)
                torch.manual_seed(seed)
                want = interpreter.run(z)
                torch.manual_seed(seed)
                assert torch.equal(bended.decode(z), want), name
                if seed == 0:
                    heard += not torch.equal(want, plain)
            mine = dict(bended.named_buffers())
            for key, buffer in reference.model.named_buffers():
                if key in start:
                    assert torch.equal(mine[key], buffer), (name, key)
        for key, buffer in bended.named_buffers():
            buffer.copy_(start[key])
    assert heard > 15


def test_bent_weights_of_the_decoder_in_decode_and_forward() -> None:
    module = rave("v2_small")
    untouched = Untouched(module)
    bended = tb.BendedModule(module)
    bended.trace("decode", block("v2_small", "decode", 1, 4, seed=20))
    p = tb.BendingParameter("p", 0.5)
    bended.bend(tb.Scale(p), r"decoder\..*weight")
    names = [n for n in module.state_dict() if n.startswith("decoder.") and n.endswith("weight")]
    assert bended.bended_keys() == names
    twin = copy.deepcopy(module)
    for value in (0.5, 0.9):
        bended.update("p", value)
        for name in names:
            twin.get_parameter(name).copy_(module.get_parameter(name) * value)
        play("v2_small", "decode", twin, bended)
        play("v2_small", "forward", twin, bended)
        play("v2_small", "encode", twin, bended)
    owned = sum(module.get_parameter(n).numel() * 4 for n in names)
    assert bended.bent_bytes() == owned
    bended.reset()
    bended.decode(block("v2_small", "decode", 1, 4, seed=20))
    assert bended.bent_bytes() == 0
    untouched.check()


def test_looking_into_decode_does_not_touch_its_caches() -> None:
    bended = tb.BendedModule(rave("v2_small"))
    z = block("v2_small", "decode", 1, 4, seed=20)
    bended.trace("decode", z)
    bended.decode(z)
    state = {n: b.clone() for n, b in bended.named_buffers()}
    torch.manual_seed(1)
    values = bended.get_activations(".*", fn="decode", z=z)
    for name, buffer in bended.named_buffers():
        assert torch.equal(buffer, state[name]), name
    assert list(values) == bended.activation_names("decode")
    torch.manual_seed(1)
    assert torch.equal(bended.decode(z), list(values.values())[-1])


# -- scripted --------------------------------------------------------------------------
def reloaded(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


def conv_of(bended: tb.BendedModule, fn: str) -> str:
    names = list(bended.activations(fn, op="call_module", flt=".*decoder.*"))
    return names[len(names) // 2]


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("config", slow_where_heavy())
def test_the_script_plays_as_the_live_model(config: str) -> None:
    module = rave(config)
    bended = tb.BendedModule(module)
    for fn in METHODS:
        bended.trace(fn, block(config, fn, 1, 4, seed=20))
    p = tb.BendingParameter("p", 0.75, range=[0.0, 2.0])
    bended.bend(tb.Scale(p), r"decoder\.net\.0\..*", "decode:" + conv_of(bended, "decode") + "$")
    bended.bend(tb.Bias(0.1 * p), conv_of(bended, "forward") + "$", fn="forward")
    script = reloaded(bended.script())
    for value in (0.75, 1.25):
        bended.update("p", value)
        assert script.set_p(value) == 0 and script.get_p() == value
        for fn in METHODS:
            play(config, fn, bended, script)
    live = dict(bended.named_buffers())
    theirs = dict(script.named_buffers())
    compared = [n for n in live if n in theirs and n.endswith((".pad", ".cache"))]
    assert len(compared) > 20
    for name in compared:
        assert torch.equal(theirs[name], live[name]), name
