"""Noise, BandNoise and Damage: statistics, tapes, knobs, and bad input."""

from __future__ import annotations

import math

import pytest
import torch
from support import noise

from torchbend.bending import Bend, BendingParameter
from torchbend.bending.kernel import forget, state_buffers
from torchbend.bending.scripting import Scripter
from torchbend.bending.tape import AHEAD, LENGTH
from torchbend.errors import BendingCallbackException
from torchbend.operations.band_noise import BandNoise
from torchbend.operations.damage import Damage
from torchbend.operations.noise import Noise
from torchbend.places import Place


def activation(*shape, dtype=torch.float32, name="x"):
    return Place(name, "activation", shape, dtype)


def weight(*shape, dtype=torch.float32):
    return Place("w", "weight", shape, dtype)


def added(callback, *shape, frames=None):
    """The noise that a callback adds to silence."""
    x = torch.zeros(*shape[:-1], frames or shape[-1])
    return callback.kernel(activation(*shape))(x)


def seeded_call(kernel, x, seed):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return kernel(x)


# -- Noise ---------------------------------------------------------------------------------
def test_noise_is_gaussian_of_its_level():
    n = added(Noise(0.5, seed=1), 1, 4, 16, frames=20_000)
    assert float(n.mean()) == pytest.approx(0, abs=0.01)
    assert float(n.std()) == pytest.approx(0.5, rel=0.02)
    assert float((n.abs() < 0.5).double().mean()) == pytest.approx(0.6827, abs=0.01)


@pytest.mark.parametrize("density", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("fresh", [False, True])
def test_density_is_how_many_values_are_hit(density, fresh):
    n = added(Noise(1.0, density, seed=1, fresh=fresh), 1, 4, 16, frames=20_000)
    assert float((n != 0).double().mean()) == pytest.approx(density, abs=0.01)
    kernel = Noise(1.0, density, seed=1, fresh=fresh).kernel(weight(100, 10, 80))
    n = kernel(torch.zeros(100, 10, 80))
    assert float((n != 0).double().mean()) == pytest.approx(density, abs=0.01)


def test_more_density_keeps_what_was_hit():
    less, more = (added(Noise(1.0, d, seed=1), 1, 4, 512) for d in (0.1, 0.3))
    hit = less != 0
    assert torch.equal(less[hit], more[hit])
    assert int((more != 0).sum()) > int(hit.sum())


def test_channels_and_items_have_noise_of_their_own():
    n = added(Noise(1.0, seed=1), 2, 3, 4000)
    rows = n.reshape(6, -1)
    shared = torch.corrcoef(rows) - torch.eye(6)
    assert float(shared.abs().max()) < 0.1


def test_another_batch_than_traced_leaves_the_first_item_as_it_was():
    kernel = Noise(1.0, seed=1).kernel(activation(1, 3, 16))
    one = kernel(torch.zeros(1, 3, 50))
    forget(kernel)
    four = kernel(torch.zeros(4, 3, 50))
    assert torch.equal(four[:1], one)
    assert not torch.equal(four[1], four[0])


def test_the_loop_comes_round():
    kernel = Noise(1.0, seed=1).kernel(activation(1, 1, 16))
    first = kernel(torch.zeros(1, 1, 1000))
    kernel(torch.zeros(1, 1, LENGTH - 1000))
    assert torch.equal(kernel(torch.zeros(1, 1, 1000)), first)
    assert [name for name, _ in state_buffers(kernel)] == ["position.state_position"]


@pytest.mark.parametrize("density", [1.0, 0.3])
def test_a_long_block_reads_what_short_ones_do(density):
    kernel = Noise(1.0, density, seed=1).kernel(activation(2, 3, 16))
    long = kernel(torch.zeros(2, 3, AHEAD + 1808))
    forget(kernel)
    short = [kernel(torch.zeros(2, 3, 500)) for _ in range((AHEAD + 1808) // 500)]
    assert torch.equal(torch.cat(short, -1), long)


@pytest.mark.parametrize(("dim", "same"), [(1, 2), (2, 1), (-1, 1)])
def test_with_a_dim_the_noise_is_the_same_along_the_others(dim, same):
    for fresh in (False, True):
        n = added(Noise(1.0, seed=1, dim=dim, fresh=fresh), 2, 3, 5)
        assert torch.equal(n, n.select(same, 0).unsqueeze(same).expand_as(n))
        assert torch.equal(n[0], n[1])
        assert not torch.equal(n.select(dim, 0), n.select(dim, 1))


def test_rows_of_a_weight():
    x = noise(4, 3, 5)
    n = Noise(1.0, seed=1, dim=0).kernel(weight(4, 3, 5), x)(x) - x
    torch.testing.assert_close(n, n[:, :1, :1].expand_as(n))
    assert n[:, 0, 0].unique().numel() == 4


def test_frames_may_be_another_dimension():
    kernel = Noise(1.0, seed=1, time=1).kernel(activation(1, 8, 3))
    whole = kernel(torch.zeros(1, 8, 3))
    forget(kernel)
    parts = [kernel(torch.zeros(1, n, 3)) for n in (3, 5)]
    assert torch.equal(torch.cat(parts, 1), whole)


def test_a_place_without_frames_keeps_its_draw():
    kernel = Noise(1.0, seed=1).kernel(activation(2, 6))
    first = kernel(torch.zeros(2, 6))
    assert torch.equal(kernel(torch.zeros(2, 6)), first)
    assert kernel(torch.zeros(5, 6)).shape == (5, 6)
    assert first[0].unique().numel() == 6


def test_fresh_noise_follows_the_global_generator():
    kernel = Noise(1.0, fresh=True).kernel(activation(1, 3, 16))
    x = noise(1, 3, 16)
    a, again, b = (seeded_call(kernel, x, seed) for seed in (1, 1, 2))
    assert torch.equal(a, again)
    assert not torch.equal(a, b)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        torch.testing.assert_close(a, x + torch.randn(1, 3, 16))


def test_fixed_noise_leaves_the_global_generator_alone():
    before = torch.default_generator.get_state()
    for callback in (Noise(1.0, 0.5), BandNoise(1.0)):
        callback.kernel(activation(1, 3, 16))(torch.zeros(1, 3, 16))
    Damage(0.5).kernel(weight(3, 4), noise(3, 4))(noise(3, 4))
    assert torch.equal(torch.default_generator.get_state(), before)


@pytest.mark.parametrize("settings", [{}, {"density": 0.5}, {"dim": 1}, {"dim": 2}])
def test_fresh_noise_scripts(settings):
    kernel = Noise(0.5, fresh=True, **settings).kernel(activation(2, 3, 16))
    scripted = torch.jit.script(kernel)
    x = noise(2, 3, 16)
    assert torch.equal(seeded_call(scripted, x, 3), seeded_call(kernel, x, 3))


def test_states_made_under_inference_mode_serve_outside_of_it():
    with torch.inference_mode():
        kernel = Noise(1.0, seed=1).kernel(activation(1, 3, 16))
        first = kernel(torch.zeros(1, 3, 16)).clone()
    assert not torch.equal(kernel(torch.zeros(1, 3, 16)), first)


# -- BandNoise -----------------------------------------------------------------------------
@pytest.mark.parametrize(("low", "high"), [(0.0, 0.1), (0.2, 0.25), (0.9, 1.0), (0.0, 1.0)])
def test_the_band_is_where_it_was_asked_for(low, high):
    n = added(BandNoise(0.5, low, high, seed=1), 1, 1, 16, frames=LENGTH)[0, 0].double()
    assert float(n.square().mean().sqrt()) == pytest.approx(0.5, rel=1e-5)
    power = torch.fft.rfft(n).abs().square()
    at = torch.linspace(0, 1, power.numel(), dtype=torch.float64)
    inside = (at >= low) & (at <= high)
    assert float(power[~inside].sum() / power.sum()) < 1e-9
    halves = power[inside].chunk(2)
    assert float(halves[0].sum() / halves[1].sum()) == pytest.approx(1, abs=0.1)  # flat
    assert abs(float(n.mean())) < 1e-6


def test_a_band_narrower_than_a_bin_is_a_tone():
    n = added(BandNoise(1.0, 0.5000001, 0.5000002, seed=1), 1, 1, 16, frames=LENGTH)[0, 0]
    assert float(n.square().mean()) == pytest.approx(1, rel=1e-4)
    assert int((torch.fft.rfft(n.double()).abs() > 1).sum()) == 1


# -- Damage --------------------------------------------------------------------------------
def test_damage_hits_exactly_its_share_and_adds_to_what_it_hit():
    x = noise(50, 4, 5) * 3 + 2
    hit = {}
    for share in (0.0, 0.1, 0.1015, 0.5, 1.0):
        y = Damage(share, seed=1).kernel(weight(50, 4, 5), x)(x)
        hit[share] = y != x
        assert int(hit[share].sum()) == math.floor(share * 1000 + 1e-9)
        assert torch.equal(y[~hit[share]], x[~hit[share]])
    for less, more in ((0.1, 0.1015), (0.1015, 0.5)):
        assert bool((hit[more] | ~hit[less]).all())


def test_damage_has_mean_and_deviation_of_the_weight():
    x = noise(200, 50) * 3 + 2
    y = Damage(1.0, seed=1).kernel(weight(200, 50), x)(x)
    assert float(y.mean()) == pytest.approx(float(x.mean()), abs=0.1)
    assert float(y.std()) == pytest.approx(float(x.std()), rel=0.03)
    assert abs(float(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1])) < 0.05


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_written_into_a_weight_it_gives_the_same_bits(share, dtype):
    x = noise(20, 4, 5).to(dtype)
    for callback in (
        Damage(share, seed=1),
        Noise(0.5, share, seed=1),
        Noise(0.5, share, seed=1, dim=0),
    ):
        kernel = callback.kernel(weight(20, 4, 5, dtype=dtype), x)
        for each in (kernel, torch.jit.script(kernel)):
            out = torch.full_like(x, math.nan)
            each.into(x, out)
            assert torch.equal(out, kernel(x))


def test_a_weight_of_one_element():
    x = torch.tensor([3.0])
    assert torch.equal(Damage(1.0, seed=1).kernel(weight(1), x)(x), x)  # its deviation is 0


# -- knobs ---------------------------------------------------------------------------------
def exported(callback, parameters, place):
    kernel = callback.kernel(place)
    scripter = Scripter(parameters, fresh=True)
    assert scripter.fades(kernel, 2)
    scripted = scripter.kernel(kernel, fade=2)
    return scripted, scripter.controls()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: Noise(p, seed=1),
        lambda p: Noise(p, 0.5, seed=1),
        lambda p: Noise(p, seed=1, dim=2),
        lambda p: Noise(p, seed=1, fresh=True),
        lambda p: BandNoise(p, 0.2, 0.4, seed=1),
        lambda p: Bend(Noise(p, seed=1)),
    ],
    ids=["all", "sparse", "time", "fresh", "band", "bend"],
)
def test_the_level_of_an_exported_file_glides_and_the_noise_goes_on(make):
    knob = BendingParameter("std", 0.0)
    place = activation(1, 3, 256)
    scripted, controls = exported(make(knob), [knob], place)
    plain = make(1.0).kernel(place)
    x = torch.zeros(1, 3, 256)
    blocks, wanted = [], []
    for i, level in enumerate((0.0, 1.0, 1.0, 0.25, 0.25)):
        controls["std"].set(level)
        blocks.append(seeded_call(scripted, x, i))
        wanted.append(seeded_call(plain, x, i))
    up = torch.arange(1, 257) / 256
    gains = [0 * up, up, 1 + 0 * up, 1 - 0.75 * up, 0.25 + 0 * up]
    for block, noise_, gain in zip(blocks, wanted, gains, strict=True):
        torch.testing.assert_close(block, noise_ * gain, rtol=1e-5, atol=1e-6)


def test_the_density_of_an_exported_file_glides():
    knob = BendingParameter("density", 0.0, [0.0, 1.0])
    scripted, controls = exported(Noise(1.0, knob, seed=1), [knob], activation(1, 50, 1000))
    x = torch.zeros(1, 50, 1000)
    assert int((scripted(x) != 0).sum()) == 0
    controls["density"].set(1.0)
    hit = (scripted(x) != 0).double()[0].mean(0)
    for i, part in enumerate(hit.split(100)):
        assert float(part.mean()) == pytest.approx(i / 10 + 0.05, abs=0.03)
    assert bool((scripted(x) != 0).all())


@pytest.mark.parametrize("make", [Noise, BandNoise], ids=["noise", "band"])
def test_a_level_below_zero_is_none(make):
    knob = BendingParameter("std", -1.0)
    x = noise(1, 3, 16)
    assert torch.equal(make(knob, seed=1).kernel(activation(1, 3, 16))(x), x)


# -- bad input -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Noise(-0.1), "std is a number from 0.0 to inf"),
        (lambda: Noise("loud"), "std is a number"),
        (lambda: Noise(0.1, 1.5), "density is a number from 0.* to 1"),
        (lambda: Noise(0.1, [0.5]), "density is a number"),
        (lambda: Noise(fresh=1), "fresh is True or False"),
        (lambda: Noise(seed=0.5), "a seed is an int"),
        (lambda: Noise(dim="time"), "a dim is an int"),
        (lambda: BandNoise(0.1, 0.5, 0.5), "0 <= low < high <= 1; got 0.5 and 0.5"),
        (lambda: BandNoise(0.1, 0.5, 1.5), "0 <= low < high <= 1"),
        (lambda: BandNoise(0.1, math.nan, 0.5), "0 <= low < high <= 1"),
        (lambda: BandNoise(0.1, "a", 0.5), "low is a number"),
        (lambda: BandNoise(0.1, 0.1, BendingParameter("p", 0.5)), "high is a number.*no control"),
        (lambda: Damage(1.5), "share is a number from 0.* to 1"),
        (lambda: Damage(-0.1), "share is a number"),
        (lambda: Damage("all"), "share is a number"),
    ],
)
def test_a_bad_setting_is_named(make, match):
    with pytest.raises(BendingCallbackException, match=match):
        make()


def test_a_bad_place_is_named():
    with pytest.raises(BendingCallbackException, match="no frames that follow each other"):
        BandNoise(0.1).kernel(activation(2, 6))
    with pytest.raises(BendingCallbackException, match="it bends activations"):
        BandNoise(0.1).kernel(weight(3, 4, 5))
    with pytest.raises(BendingCallbackException, match="it bends weights"):
        Damage(0.1).kernel(activation(2, 6, 16))
    with pytest.raises(BendingCallbackException, match="int64"):
        Damage(0.1).kernel(weight(3, dtype=torch.int64), torch.arange(3))
    with pytest.raises(BendingCallbackException, match="no dim 3, there are dims 0 to 2"):
        Noise(0.1, dim=3).kernel(activation(2, 6, 16))
    with pytest.raises(BendingCallbackException, match="no dim 5"):
        Noise(0.1, time=5).kernel(activation(2, 6, 16))
    with pytest.raises(BendingCallbackException, match="shape is not known"):
        Noise(0.1).kernel(Place("x", "activation", None))
