"""Every operation that there is: formula, neutral setting, amount, selectors, script, streams.

What is known of an operation stands in its own file (its ``OPERATION``); a new one is tested here
without a change.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from operation_places import CHANNELS, FRAMES, places_of, sound
from support import noise

from torchbend.bending import Bend, BendingConfig, Channels, Fraction
from torchbend.bending.kernel import forget
from torchbend.bending.registry import operations
from torchbend.errors import BendingCallbackException

ALL = list(operations().values())


def cases(*, at_night=False):
    """Each operation with each of its examples, on each kind of place it is for.

    Args:
        at_night: leave all but the first of each operation to the slow tests.
    """
    for operation in ALL:
        for i, _ in enumerate(operation.examples):
            for kind in operation.places:
                late = at_night and (i, kind) != (0, operation.places[0])
                marks = [pytest.mark.slow] if late else []
                name = f"{operation.name}-{i}-{kind}"
                yield pytest.param(operation, i, kind, id=name, marks=marks)


every_case = pytest.mark.parametrize(("operation", "number", "kind"), list(cases()))
every_operation = pytest.mark.parametrize("operation", ALL, ids=lambda o: o.name)


def made(operation, number, kind):
    """A place, a value of it, and the operation with its settings."""
    place = places_of(kind)
    settings = operation.settings(place, operation.examples[number])
    return place, sound(place), operation.callback(**settings), settings


def close(a, b, tolerance):
    peak = max(float(b.abs().max()), 1e-9)
    return a.shape == b.shape and float((a - b).abs().max()) <= tolerance * peak


def run(kernel, x, seed=1):
    """What a kernel gives from the start on."""
    forget(kernel)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return kernel(x)


def kernel_of(callback, place, x):
    return callback.kernel(place, x if place.kind == "weight" else None)


@every_case
def test_it_is_its_formula(operation, number, kind):
    place, x, callback, settings = made(operation, number, kind)
    before = x.clone()
    out = run(kernel_of(callback, place, x), x)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        wanted = operation.plain(x.clone(), place, **settings)
    assert close(out, wanted, operation.tolerance)
    assert torch.equal(x, before)  # the input is not written


@every_operation
def test_it_does_something(operation):
    place, x, callback, _ = made(operation, 0, operation.places[0])
    assert not torch.equal(run(kernel_of(callback, place, x), x), x)


@every_case
def test_its_neutral_setting_keeps_the_bits(operation, number, kind):
    if not operation.neutral:
        assert not operation.callback.neutral  # nor does the class promise one
        return
    place = places_of(kind)
    settings = operation.settings(place, operation.examples[number])
    x = sound(place)
    callback = operation.callback(**{**settings, **operation.neutral})
    assert torch.equal(run(kernel_of(callback, place, x), x), x)


@every_case
def test_the_amount_fades_between_plain_and_bent(operation, number, kind):
    place, x, callback, _ = made(operation, number, kind)
    full = run(kernel_of(callback, place, x), x)
    kernels = {a: kernel_of(Bend(callback, amount=a), place, x) for a in (0.0, 0.25, 1.0)}
    assert torch.equal(run(kernels[0.0], x), x)
    assert torch.equal(run(kernels[1.0], x), full)
    assert close(run(kernels[0.25], x), 0.75 * x + 0.25 * full, 1e-5)


@every_case
def test_a_selector_leaves_the_other_channels_alone(operation, number, kind):
    place, x, callback, settings = made(operation, number, kind)
    dim = 1 if kind == "activation" else 0
    if any(isinstance(v, list) and len(v) == CHANNELS for v in settings.values()):
        settings = {
            k: v[:3] if isinstance(v, list) and len(v) == CHANNELS else v
            for k, v in settings.items()
        }
    chosen = [0, 2, 5]
    part = x.index_select(dim, torch.tensor(chosen))
    small = replace(place, shape=tuple(part.shape))
    callback = operation.callback(**operation.settings(small, settings))
    out = run(kernel_of(Bend(callback, channels=chosen), place, x), x)
    others = torch.tensor([1, 3, 4])
    assert torch.equal(out.index_select(dim, others), x.index_select(dim, others))
    alone = run(kernel_of(callback, small, part), part)
    assert torch.equal(out.index_select(dim, torch.tensor(chosen)), alone)


@pytest.mark.parametrize(("operation", "number", "kind"), list(cases(at_night=True)))
def test_scripted_it_gives_the_same_bits(operation, number, kind, tmp_path):
    place, x, callback, _ = made(operation, number, kind)
    for bend in (callback, Bend(callback, amount=0.5, restore="whole")):
        kernel = kernel_of(bend, place, x)
        forget(kernel)
        path = str(tmp_path / "kernel.ts")
        torch.jit.save(torch.jit.script(kernel), path)
        scripted = torch.jit.load(path)
        for i in range(3):  # what a block leaves behind is met by the next
            block = noise(*x.shape, seed=i)
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(i)
                wanted = kernel(block)
                torch.default_generator.manual_seed(i)
                assert torch.equal(scripted(block), wanted)
        if kind == "weight":
            out = torch.empty_like(x)
            torch.default_generator.manual_seed(5)
            wanted = kernel(x)
            torch.default_generator.manual_seed(5)
            scripted.into(x, out)
            assert torch.equal(out, wanted)


@pytest.mark.parametrize("blocks", [(1,) * FRAMES, (7, 9, 16, 32), (32, 32)], ids=str)
@every_operation
def test_blocks_of_any_size_give_what_the_whole_gives(operation, blocks):
    if "activation" not in operation.places:
        return
    for number in range(len(operation.examples)):
        place, x, callback, settings = made(operation, number, "activation")
        if not operation.streaming(settings):
            continue
        kernel = kernel_of(callback, place, x)
        whole = run(kernel, x)
        forget(kernel)
        parts = torch.cat([kernel(part) for part in torch.split(x, list(blocks), -1)], -1)
        assert close(parts, whole, 1e-6)


@every_operation
def test_another_batch_than_traced(operation):
    if "activation" not in operation.places:
        return
    place, _, callback, _ = made(operation, 0, "activation")
    kernel = kernel_of(callback, place, None)
    for batch in (1, 3, 2):
        x = noise(batch, CHANNELS, FRAMES, seed=batch)
        assert run(kernel, x).shape == x.shape
        assert kernel(x).shape == x.shape


@every_case
def test_a_configuration_carries_it(operation, number, kind, tmp_path):
    _, _, callback, _ = made(operation, number, kind)
    config = BendingConfig(
        (callback, "a"),
        (Bend(callback, 0.5, channels=Channels(0, -1), restore="whole", name="it"), "b"),
        (Bend(callback, channels=slice(1, None, 2)), "c"),
        (Bend(callback, channels=Fraction(0.3, seed=4)), "d"),
    )
    config.save(tmp_path / "bends.json")
    again = BendingConfig.load(tmp_path / "bends.json")
    assert again == config
    assert [repr(entry[0]) for entry in again] == [repr(entry[0]) for entry in config]


@every_operation
def test_a_place_that_it_is_not_for_is_refused(operation):
    for kind in {"activation", "weight"} - set(operation.places):
        _, _, callback, _ = made(operation, 0, operation.places[0])
        with pytest.raises(BendingCallbackException, match="cannot sit on"):
            callback.kernel(places_of(kind), sound(places_of(kind)))


@every_operation
def test_it_is_described(operation):
    text = operation.callback.__doc__ or ""
    assert operation.formula and operation.source
    assert len(text.splitlines()) > 2
    assert operation.callback.__init__.__doc__


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@every_case
def test_on_a_gpu_it_gives_the_same(operation, number, kind):
    place, x, callback, _ = made(operation, number, kind)
    if operation.random:
        return
    kernel = kernel_of(callback, place, x)
    wanted = run(kernel, x)
    forget(kernel)
    assert close(kernel.to("cuda")(x.cuda()).cpu(), wanted, 1e-4)
