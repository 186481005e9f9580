"""Adaptive normalization learns, plays and forgets as RAVE's own does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rave_export import rave_model, rave_scripted, silence
from support import noise

import torchbend as tb
from torchbend.errors import TorchbendError
from torchbend.interfaces._rave_build import save_run
from torchbend.interfaces.rave import BendedRAVE

pytestmark = [
    pytest.mark.rave,
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

SWITCHES = ("learn_target", "reset_target", "learn_source", "reset_source")

# A performance: a method, and what is switched before it.
STEPS: list[tuple[str, dict[str, bool]]] = [
    ("forward", {}),
    ("forward", {"learn_target": True}),
    ("forward", {}),
    ("encode", {}),
    ("forward", {"learn_target": False, "learn_source": True}),
    ("forward", {}),
    ("decode", {}),
    ("decode", {"learn_source": False}),
    ("forward", {}),
    ("encode", {"reset_source": True}),  # the decoder forgets too, though it does not play
    ("decode", {}),
    ("forward", {"learn_source": True}),
    ("forward", {"learn_source": False}),
    ("decode", {"reset_target": True}),
    ("forward", {}),
    ("forward", {"learn_target": True, "reset_source": True}),
    ("forward", {"learn_target": False, "learn_source": True}),
    ("forward", {"learn_source": False}),
    ("forward", {"reset_target": True, "learn_target": True}),
    ("encode", {"learn_target": False}),
    ("decode", {}),
    ("forward", {"reset_target": True, "reset_source": True}),
    ("forward", {}),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("run"), "v2_small+adain", seed=1)


def ravens(run: Path) -> Any:
    """RAVE's class, made to hear its switches.

    In acids-rave 2.3.1 it looks for the layers before it has them, finds none, and never
    hears a switch: files exported by it have the four attributes, which do nothing.
    """
    theirs = rave_scripted(rave_model(run))
    assert theirs.is_using_adain is False
    theirs.is_using_adain = True
    silence(theirs)
    return theirs


@torch.no_grad()
def test_it_learns_plays_and_forgets_as_raves(run: Path) -> None:
    theirs, live, bent = ravens(run), BendedRAVE(run), BendedRAVE(run)
    for fn, name in (("encode", "encoder_encoder_net_1"), ("decode", "decoder_net_3")):
        for method in (fn, "forward"):
            bent.bend(tb.Scale(1.0), f"{method}:{name}_norm$")
            assert bent.bended_keys(method)
    buffer = io.BytesIO()
    torch.jit.save(live.script(), buffer)
    buffer.seek(0)
    script: Any = torch.jit.load(buffer)
    attributes = live.export_hints().attributes
    assert tuple(a.name for a in attributes) == SWITCHES
    assert {a.kind for a in attributes} == {"bool"}
    buffers = dict(script.named_buffers())
    heard = []
    for i, (fn, switched) in enumerate(STEPS):
        for name, on in switched.items():
            getattr(theirs, f"set_{name}")(on)
            setattr(live, name, on)
            setattr(bent, name, on)
            (attribute,) = [a for a in attributes if a.name == name]
            assert buffers[attribute.buffer].numel() == 1
            buffers[attribute.buffer].fill_(on)
        rows = (1, 2, 4, 1, 3)[i % 5]
        x = noise(rows, live.latent_size, 4, seed=i)
        if fn != "decode":
            x = noise(rows, 1, 4 * live.ratio, seed=i) * 0.3
        outs = []
        for who in (theirs, live, bent, script):
            torch.manual_seed(i)
            outs.append(getattr(who, fn)(x))
        for out in outs[1:]:
            assert torch.equal(out, outs[0]), (i, fn)
        heard.append(outs[0])
        assert not live.reset_target and not live.reset_source
        for name in SWITCHES:
            assert bool(buffers[f"adain.{name}"]) == getattr(live, name)
    assert all(h.isfinite().all() for h in heard)
    kept = ("mean_x", "std_x", "num_update_x", "mean_y", "std_y", "num_update_y")
    mine, compared = dict(live.named_buffers()), 0
    for name, value in theirs.named_buffers():
        layer, _, last = name.rpartition(".")
        if last in kept and layer != "fake_adain":
            assert torch.equal(mine[f"{layer}.norm.{last}"], value), name
            assert torch.equal(buffers[f"{layer}.norm.{last}"], value), name
            compared += 1
    assert compared == 6 * 22  # eleven layers each in encoder and decoder


@pytest.mark.slow
@torch.no_grad()
def test_what_it_learned_is_heard(run: Path) -> None:
    def plays(m: BendedRAVE, seed: int) -> torch.Tensor:
        torch.manual_seed(0)
        return m(noise(1, 1, 4 * m.ratio, seed=seed) * 0.3)

    taught, plain = BendedRAVE(run), BendedRAVE(run)
    for switch in ("learn_target", "learn_source"):
        setattr(taught, switch, True)
        assert getattr(taught, switch)
        plays(taught, 1), plays(plain, 1)
        setattr(taught, switch, False)
    assert not torch.equal(plays(taught, 2), plays(plain, 2))


@torch.no_grad()
def test_it_plays_in_inference_mode_and_is_switched_outside_of_it(run: Path) -> None:
    script: Any = BendedRAVE(run).script()
    x = noise(1, 1, 2048)
    switches = dict(script.named_buffers())
    for on in (1, 0, 1):
        switches["adain.learn_source"].fill_(on)
        switches["adain.reset_target"].fill_(on)
        with torch.inference_mode():
            assert script(x).isfinite().all()
        assert not switches["adain.reset_target"]


def test_a_learning_model_keeps_its_channels(run: Path) -> None:
    with pytest.raises(TorchbendError, match="plays 1 channels, not 2"):
        BendedRAVE(run, channels=2)


def test_others_have_no_switches(tmp_path: Path) -> None:
    m = BendedRAVE(save_run(tmp_path, "v2_small"))
    with pytest.raises(TorchbendError, match="no learn_target"):
        m.learn_target = True
    with pytest.raises(TorchbendError, match="no reset_source"):
        _ = m.reset_source
