"""Mixing channels: norms, inverses, pairs, knobs, and bad input."""

from __future__ import annotations

import math

import pytest
import torch
from support import noise

from torchbend.bending import BendingParameter
from torchbend.bending.scripting import Scripter
from torchbend.errors import BendingCallbackException
from torchbend.operations.hadamard import Hadamard
from torchbend.operations.orthogonal import Orthogonal
from torchbend.operations.reflect import Reflect
from torchbend.operations.roll_channels import RollChannels
from torchbend.operations.rotate import Rotate
from torchbend.places import Place

# the first row of the matrix of seed 7 at the place "x", as it has to be on every machine
GOLDEN = [0.651282469319, 0.426191006959, -0.373981300109, 0.504311766583]

MIXERS = {
    "roll": lambda dim=None: RollChannels(5, dim=dim),
    "rotate": lambda dim=None: Rotate(0.7, seed=1, dim=dim),
    "reflect": lambda dim=None: Reflect(seed=1, dim=dim),
    "hadamard": lambda dim=None: Hadamard(dim=dim),
    "orthogonal": lambda dim=None: Orthogonal(seed=1, dim=dim),
}

every_mixer = pytest.mark.parametrize("name", MIXERS)


def place_of(*shape, kind="activation", dtype=torch.float32, name="x"):
    return Place(name, kind, shape, dtype)


def kernel_of(callback, *shape, **more):
    return callback.kernel(place_of(*shape, **more))


def matrix_of(callback, channels, name="x"):
    """What a mixer does to each channel alone, as columns."""
    kernel = callback.kernel(place_of(1, channels, channels, dtype=torch.float64, name=name))
    return kernel(torch.eye(channels, dtype=torch.float64).unsqueeze(0))[0]


@pytest.mark.parametrize("channels", [2, 3, 7, 16, 22])
@every_mixer
def test_the_norm_over_the_channels_is_kept(name, channels):
    for shape, kind, dim, channel_dim in [
        ((2, channels, 5), "activation", None, 1),
        ((2, 5, channels), "activation", -1, 2),
        ((2, channels), "activation", None, 1),
        ((channels, 3, 4), "weight", None, 0),
        ((3, channels, 4), "weight", 1, 1),
        ((channels,), "weight", None, 0),
    ]:
        for dtype, tolerance in [(torch.float32, 1e-5), (torch.float64, 1e-12)]:
            x = noise(*shape, seed=channels).to(dtype)
            kernel = kernel_of(MIXERS[name](dim), *shape, kind=kind, dtype=dtype)
            y = kernel(x)
            assert y.shape == x.shape and y.dtype == dtype
            assert y.is_contiguous()  # a model may look at it with `view`
            torch.testing.assert_close(
                y.norm(dim=channel_dim), x.norm(dim=channel_dim), rtol=tolerance, atol=tolerance
            )
            assert not torch.equal(y, x)


@every_mixer
def test_it_is_linear_and_mixes_channels_only(name):
    kernel = kernel_of(MIXERS[name](), 1, 7, 4)
    x, y = noise(1, 7, 4, seed=1), noise(1, 7, 4, seed=2)
    torch.testing.assert_close(kernel(2 * x - y), 2 * kernel(x) - kernel(y))
    y = x.clone()
    y[..., 2] = 0  # another frame
    torch.testing.assert_close(kernel(y)[..., [0, 1, 3]], kernel(x)[..., [0, 1, 3]])
    assert float(kernel(y)[..., 2].abs().max()) == 0


# -- one by one ----------------------------------------------------------------------------
@pytest.mark.parametrize("shift", [0.0, 6, -6, 12.0])
def test_a_shift_all_the_way_round_keeps_the_bits(shift):
    x = noise(2, 6, 4)
    assert torch.equal(kernel_of(RollChannels(shift), 2, 6, 4)(x), x)


def test_between_two_positions_a_shift_is_their_mean_and_no_louder():
    x = noise(1, 6, 4)
    at = {s: kernel_of(RollChannels(s), 1, 6, 4)(x) for s in (2, 2.5, 3)}
    torch.testing.assert_close(at[2.5], (at[2] + at[3]) / 2)
    assert bool((at[2.5].norm(dim=1) <= x.norm(dim=1)).all())


def test_a_shift_moves_without_a_step():
    x = noise(1, 6, 4)
    turns = [kernel_of(RollChannels(i / 100), 1, 6, 4)(x) for i in range(-300, 901)]
    steps = [float((a - b).abs().max()) for a, b in zip(turns, turns[1:], strict=False)]
    neighbours = float((x - x.roll(1, 1)).abs().max())
    assert max(steps) <= 0.011 * neighbours


def test_four_quarter_turns_are_none_and_a_half_turn_is_the_negative():
    x = noise(1, 6, 4)
    quarter = kernel_of(Rotate(math.pi / 2, seed=5), 1, 6, 4)
    torch.testing.assert_close(quarter(quarter(x)), -x)
    torch.testing.assert_close(quarter(quarter(quarter(quarter(x)))), x)


@pytest.mark.parametrize("channels", [6, 7])
def test_a_rotation_is_of_pairs_and_an_odd_channel_keeps_its_bits(channels):
    matrix = matrix_of(Rotate(0.3, seed=5), channels)
    involved = (matrix != 0).sum(0)
    assert sorted(involved.tolist()) == sorted([2] * (channels // 2 * 2) + [1] * (channels % 2))
    kernel = kernel_of(Rotate(0.3, seed=5), 1, channels, 4)
    x = noise(1, channels, 4)
    for alone in (involved == 1).nonzero().flatten():
        assert torch.equal(kernel(x)[:, alone], x[:, alone])
    assert float(matrix.det()) == pytest.approx(1)


def test_pairs_follow_seed_and_place():
    drawn = [matrix_of(Rotate(0.3, seed=s), 16, name=n) for s, n in [(1, "a"), (2, "a"), (1, "b")]]
    assert torch.equal(drawn[0], matrix_of(Rotate(0.3, seed=1), 16, name="a"))
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_reflection_turns_one_direction_round_and_leaves_the_others():
    matrix = matrix_of(Reflect(seed=2), 7)
    torch.testing.assert_close(matrix @ matrix, torch.eye(7, dtype=torch.float64))
    assert float(matrix.det()) == pytest.approx(-1)
    assert float(matrix.trace()) == pytest.approx(5)  # six times 1, once -1


@pytest.mark.parametrize("channels", [2, 8, 22])
def test_hadamard_twice_is_nothing(channels):
    matrix = matrix_of(Hadamard(), channels)
    torch.testing.assert_close(matrix @ matrix, torch.eye(channels, dtype=torch.float64))


def test_hadamard_of_another_number_is_made_of_runs():
    matrix = matrix_of(Hadamard(), 7)
    runs = [range(4), range(4, 6), range(6, 7)]
    together = torch.zeros(7, 7, dtype=torch.bool)
    for run in runs:
        together[run.start : run.stop, run.start : run.stop] = True
    assert torch.equal(matrix != 0, together)
    assert float(matrix[6, 6]) == 1


def test_an_orthogonal_matrix_is_always_the_same():
    matrix = matrix_of(Orthogonal(seed=7), 4)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(matrix[0], torch.tensor(GOLDEN, dtype=torch.float64))
    assert not torch.equal(matrix, matrix_of(Orthogonal(seed=8), 4))
    assert not torch.equal(matrix, matrix_of(Orthogonal(seed=7), 4, name="y"))


def test_orthogonal_matrices_are_spread_evenly():
    """Without the signs, the diagonals would lean to one side."""
    drawn = [matrix_of(Orthogonal(seed=seed), 3) for seed in range(60)]
    traces = [float(matrix.trace()) for matrix in drawn]
    assert abs(sum(traces) / len(traces)) < 0.4  # three deviations; the mean is 0, each one's 1
    assert 15 < sum(float(matrix.det()) > 0 for matrix in drawn) < 45


# -- knobs ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "start", "end"),
    [(RollChannels, 0.0, 3.0), (lambda p: Rotate(p, seed=1), 0.0, 3.0)],
    ids=["roll", "rotate"],
)
def test_a_knob_of_an_exported_file_glides(make, start, end):
    knob = BendingParameter("knob", start)
    kernel = make(knob).kernel(place_of(1, 6, 256))
    scripter = Scripter([knob])
    assert scripter.fades(kernel, 2)
    scripted = scripter.kernel(kernel, fade=2)
    control = scripter.controls()["knob"]
    x = noise(1, 6, 1).expand(1, 6, 256).contiguous()  # all steps are the knob's
    before = scripted(x)
    control.set(end)
    moving = scripted(x)
    after = scripted(x)
    heard = torch.cat([before, moving, after], -1)
    steps = (heard[..., 1:] - heard[..., :-1]).abs().max()
    assert not torch.allclose(before, after)
    assert float(steps) <= 1.01 * float((after - before).abs().max()) / 256
    knob.set_value(end)
    torch.testing.assert_close(after, kernel(x))


@pytest.mark.parametrize("make", [RollChannels, Rotate], ids=["roll", "rotate"])
def test_a_knob_far_beyond_is_cut_off(make):
    knob = BendingParameter("knob", 0.0)
    kernel = kernel_of(make(knob), 1, 6, 4)
    for value in (1e30, -1e30):
        knob.set_value(value)
        assert bool(kernel(noise(1, 6, 4)).isfinite().all())


def test_a_knob_of_whole_numbers():
    knob = BendingParameter("knob", 2, [0, 5])
    x = noise(1, 6, 4)
    assert torch.equal(kernel_of(RollChannels(knob), 1, 6, 4)(x), x.roll(2, 1))


# -- bad input -----------------------------------------------------------------------------
@pytest.mark.parametrize("value", ["1", [1.0, 2.0], None, 1j, math.inf, math.nan])
@pytest.mark.parametrize("make", [RollChannels, Rotate])
def test_a_setting_that_is_no_number(make, value):
    with pytest.raises(BendingCallbackException):
        make(value)


@pytest.mark.parametrize("seed", [1.5, "1", True])
@pytest.mark.parametrize("make", [Rotate, Reflect, Orthogonal])
def test_a_seed_that_is_none(make, seed):
    with pytest.raises(BendingCallbackException, match="a seed is an int"):
        make(seed=seed)


@every_mixer
def test_a_single_channel_is_refused(name):
    with pytest.raises(BendingCallbackException, match="has 1 channel, and it mixes two or more"):
        kernel_of(MIXERS[name](), 2, 1, 64)
    kernel_of(MIXERS[name](2), 2, 1, 64)  # what the message says helps


@every_mixer
def test_a_place_without_such_channels_is_refused(name):
    with pytest.raises(BendingCallbackException, match="no dim 3, there are dims 0 to 2"):
        kernel_of(MIXERS[name](3), 2, 6, 64)
    with pytest.raises(BendingCallbackException, match=r"cannot sit on 'x'.*int64"):
        kernel_of(MIXERS[name](), 2, 6, 64, dtype=torch.int64)
    with pytest.raises(BendingCallbackException, match="shape is not known"):
        MIXERS[name]().kernel(Place("x", "activation", None))


def test_a_matrix_that_would_be_too_great_is_refused():
    with pytest.raises(BendingCallbackException, match="serves up to 4096"):
        kernel_of(Orthogonal(seed=1), 1, 5000, 4)
