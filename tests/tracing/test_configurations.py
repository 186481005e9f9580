"""Configurations: sets of bends that are kept, changed, saved and loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support import ConvNet, Reference, noise, picture, same_picture, seeded, with_weights
from torch import Tensor

import torchbend as tb


@pytest.fixture
def x() -> Tensor:
    return noise(2, 4, 8)


@pytest.fixture
def bended(x: Tensor) -> tb.BendedModule:
    made = tb.BendedModule(seeded(ConvNet))
    made.trace(x=x)
    return made


def played(bended: tb.BendedModule, x: Tensor, gain: Any = None, tanh: Any = None) -> Tensor:
    """What the model plays with these changes of ``gain`` and ``tanh``."""
    state = with_weights(bended.module, {} if gain is None else {"gain": gain})
    with torch.no_grad():
        return Reference(bended, {} if tanh is None else {"tanh": tanh}, state=state)(x)


@torch.no_grad()
def test_configurations_are_kept_beside_each_other(bended: tb.BendedModule, x: Tensor) -> None:
    assert bended.config is None and bended.configs == [None]
    bended.bend(tb.Scale(2.0), "gain")
    bended.save_config_as("double")
    assert bended.configs == [None, "double"] and bended.config is None
    bended.bend(tb.Scale(0.5), "tanh$")
    both = played(bended, x, lambda w: w * 2.0, lambda v: v * 0.5)
    assert torch.equal(bended(x), both)
    bended.set_config("double")
    assert bended.config == "double" and bended.bended_keys() == ["gain"]
    assert torch.equal(bended(x), played(bended, x, lambda w: w * 2.0))
    bended.bend(tb.Bias(1.0), "gain")
    assert torch.equal(bended(x), played(bended, x, lambda w: w * 2.0 + 1.0))
    bended.config = None
    assert torch.equal(bended(x), both)
    bended.reset()
    assert torch.equal(bended(x), bended.module(x))
    bended.config = "double"
    assert torch.equal(bended(x), played(bended, x, lambda w: w * 2.0 + 1.0))


@torch.no_grad()
def test_a_bend_for_a_configuration_that_is_not_heard(bended: tb.BendedModule, x: Tensor) -> None:
    bended.save_config_as("other")
    handle = bended.bend(tb.Scale(2.0), "gain", "tanh$", config="other")
    assert bended.bended_keys() == []
    assert torch.equal(bended(x), bended.module(x))
    with bended.bend(tb.Bias(1.0), "tanh$", config="other"):
        bended.config = "other"
        want = played(bended, x, lambda w: w * 2.0, [lambda v: v * 2.0, lambda v: v + 1.0])
        assert torch.equal(bended(x), want)
        bended.config = None
    bended.config = "other"
    assert torch.equal(bended(x), played(bended, x, lambda w: w * 2.0, lambda v: v * 2.0))
    bended.config = None
    handle.undo()
    bended.config = "other"
    assert torch.equal(bended(x), bended.module(x))


def test_names_of_configurations(bended: tb.BendedModule) -> None:
    bended.bend(tb.Scale(2.0), "gain")
    bended.save_config_as("other")
    bended.bend(tb.Scale(2.0), "tanh$")
    before = picture(bended)
    for attempt in (
        lambda: bended.set_config("othre"),
        lambda: setattr(bended, "config", "othre"),
        lambda: bended.bend(tb.Scale(1.0), "gain", config="othre"),
        lambda: bended.bending_config("othre"),
    ):
        with pytest.raises(tb.BendingError, match=r"'othre'.*'other'"):
            attempt()
        same_picture(before, picture(bended))
    with pytest.raises(tb.BendingError, match=r"'other' exists"):
        bended.save_config_as("other")
    same_picture(before, picture(bended))
    assert len(bended.bending_config("other")) == 1
    bended.save_config_as("other", force=True)
    assert len(bended.bending_config("other")) == 2


@torch.no_grad()
def test_a_configuration_is_bent_at_once(bended: tb.BendedModule, x: Tensor) -> None:
    config = tb.BendingConfig((tb.Scale(2.0), "gain"), (tb.Bias(1.0), "gain", "tanh$"))
    with bended.bend(config):
        want = played(bended, x, lambda w: w * 2.0 + 1.0, lambda v: v + 1.0)
        assert torch.equal(bended(x), want)
        assert bended.bending_config() == config
        assert bended.bending_callbacks == [config[0][0], config[1][0]]
    assert bended.bended_keys() == []
    assert torch.equal(bended(x), bended.module(x))
    config.bind(bended)
    assert torch.equal(bended(x), want)


@torch.no_grad()
def test_a_configuration_that_fits_in_part_is_not_bent_at_all(
    bended: tb.BendedModule, x: Tensor
) -> None:
    bended.bend(tb.Scale(3.0), "convs.0.weight")
    before = picture(bended)
    config = tb.BendingConfig((tb.Scale(2.0), "gain", "tanh$"), (tb.Bias(1.0), "gian"))
    with pytest.raises(tb.BendingError, match=r"'gian'.*'gain'"):
        bended.bend(config)
    same_picture(before, picture(bended))
    with pytest.raises(tb.BendingError, match="own patterns"):
        bended.bend(config, "gain")
    same_picture(before, picture(bended))


@torch.no_grad()
def test_saved_loaded_and_bound_it_plays_the_same(
    bended: tb.BendedModule, x: Tensor, tmp_path: Path
) -> None:
    p = tb.BendingParameter("p", 0.5, range=[0.0, 1.0])
    bended.bend(tb.Scale(2.0 * p + 1), "gain", "forward:tanh$")
    bended.bend(tb.Mask(p, seed=4), r"convs\.\d\.weight")
    bended.bend(tb.Normal(0.1, seed=5) >> tb.OrderedMask(0.5, seed=2), "act.*", fn="forward")
    bended.bend(tb.Permute(1, seed=9), "add$")
    bended.bending_config().save(tmp_path / "bends.json")
    json.loads((tmp_path / "bends.json").read_text())

    fresh = tb.BendedModule(seeded(ConvNet))
    fresh.trace(x=x)
    loaded = tb.BendingConfig.load(tmp_path / "bends.json", fresh)
    if not fresh.bended_keys():
        fresh.bend(loaded)
    assert loaded == bended.bending_config()
    assert fresh.bended_keys() == bended.bended_keys()
    assert torch.equal(fresh(x), bended(x))
    for value in (0.25, 1.0):
        bended.update("p", value)
        fresh.update("p", value)
        assert torch.equal(fresh(x), bended(x))
    assert list(fresh.controllables) == ["p"]


def test_a_pattern_in_a_file_that_reaches_nothing(bended: tb.BendedModule, tmp_path: Path) -> None:
    path = tmp_path / "bends.json"
    tb.BendingConfig((tb.Scale(2.0), "gain"), (tb.Bias(1.0), "gian")).save(path)
    lines = path.read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "gian" in line)
    before = picture(bended)
    with pytest.raises(tb.ConfigError, match=rf"(?s)\b{number}\b.*gian.*gain"):
        tb.BendingConfig.load(path, bended)
    same_picture(before, picture(bended))


@torch.no_grad()
def test_configurations_and_versions_together(bended: tb.BendedModule, x: Tensor) -> None:
    other = seeded(ConvNet, seed=5)
    bended.create_version("other", other)
    bended.save_config_as("second")
    bended.bend(tb.Scale(2.0), r"convs\.0\.weight")
    bended.version = "other"
    bended.bend(tb.Scale(3.0), r"convs\.0\.weight")
    bended.config = "second"
    bended.bend(tb.Scale(5.0), r"convs\.0\.weight")
    factors = {(None, None): 2.0, (None, "other"): 3.0, ("second", None): 1.0}
    factors["second", "other"] = 5.0
    for (config, version), factor in [*factors.items(), *reversed(factors.items())]:
        bended.config = config
        bended.version = version
        source = bended.module if version is None else other
        twin = with_weights(source, {"convs.0.weight": lambda w, f=factor: w * f})
        assert torch.equal(bended(x), twin(x)), (config, version)
