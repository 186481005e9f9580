"""MixWeights: another training, from whatever holds it, mixed layer by layer."""

from __future__ import annotations

import copy
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from support import noise
from torch import Tensor, nn

import torchbend as tb
from torchbend.bending.selectors import Channels
from torchbend.errors import BendingCallbackException, BendingError, ConfigError, TorchbendError


class Net(nn.Module):
    """Two layers, the second one's weight under two names."""

    def __init__(self, seed: int, width: int = 4) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first = nn.Conv1d(1, width, 3, padding=1)
            self.second = nn.Conv1d(width, width, 1)
            self.third = nn.Conv1d(width, width, 1)
        self.third.weight = self.second.weight
        self.register_buffer("steps", torch.tensor(seed))

    def forward(self, x: Tensor) -> Tensor:
        return self.third(torch.tanh(self.second(torch.tanh(self.first(x)))))


SOUND = noise(1, 1, 32)


@pytest.fixture
def bended() -> tb.BendedModule:
    net = tb.BendedModule(Net(0).eval())
    net.trace("forward", SOUND)
    return net


@pytest.fixture
def other() -> Net:
    return Net(1).eval()


def knob(name: str = "mix", value: float = 0.0) -> tb.BendingParameter:
    return tb.BendingParameter(name, value, range=[0.0, 1.0])


def givers(other: Net, folder: Path) -> dict[str, object]:
    """All that another training can be given as."""
    state = other.state_dict()
    torch.save(state, folder / "plain.pt")
    torch.save({"epoch": 3, "state_dict": state, "optimizer_states": []}, folder / "run.ckpt")
    return {
        "module": other,
        "state dict": state,
        "bent module": tb.BendedModule(other),
        "scripted": torch.jit.script(other),
        "file": tb.save_tensors(folder / "other.safetensors", other),
        "path": str(tb.save_tensors(folder / "path.safetensors", state).path),
        "checkpoint": tb.read_weights(folder / "plain.pt"),
        "lightning": tb.read_weights(folder / "run.ckpt"),
    }


def test_from_whatever_holds_it(bended, other, tmp_path):
    own, theirs = bended.module, other
    for name, given in givers(other, tmp_path).items():
        mix = knob()
        with bended.bend(tb.MixWeights(given, mix), ".*"), torch.no_grad():
            assert torch.equal(bended(SOUND), own(SOUND)), name
            bended.update("mix", 1.0)
            assert torch.equal(bended(SOUND), theirs(SOUND)), name
            bended.update("mix", 0.25)
            for key, weight in own.named_parameters():
                wanted = 0.75 * weight + 0.25 * dict(theirs.named_parameters())[key]
                assert torch.allclose(bended.bended_state_dict()[key], wanted, atol=1e-6)


def test_at_nought_the_weight_is_the_very_same(bended, other):
    bended.bend(tb.MixWeights(other, 0.0), ".*")
    state = bended.bended_state_dict()
    for key, weight in bended.module.named_parameters():
        assert state[key].data_ptr() == weight.data_ptr()


def test_layer_by_layer(bended, other):
    bended.bend(tb.MixWeights(other, knob("a")), r"first\.")
    bended.bend(tb.MixWeights(other, knob("b")), r"second\.", r"third\.")
    bended.update("b", 1.0)
    mixed = Net(0).eval()
    mixed.second, mixed.third = other.second, other.third
    with torch.no_grad():
        assert torch.equal(bended(SOUND), mixed(SOUND))


def test_a_tied_weight_is_found_by_its_other_name(bended, other):
    state = other.state_dict()
    del state["second.weight"]
    bended.bend(tb.MixWeights(state), r"second\.weight")
    assert torch.equal(bended.bended_state_dict()["third.weight"], other.third.weight)


def test_weights_kept_with_their_norm_apart(bended, other, tmp_path):
    with pytest.warns(FutureWarning, match="weight_norm"):
        nn.utils.weight_norm(other.first)
    state = other.state_dict()
    assert "first.weight" not in state
    bended.bend(tb.MixWeights(tb.save_tensors(tmp_path / "n.safetensors", state)), r"first\.")
    nn.utils.remove_weight_norm(other.first)
    assert torch.equal(bended.bended_state_dict()["first.weight"], other.first.weight)


def test_chosen_channels_are_those_of_the_other_training(bended, other):
    for channels in ([0, 2], slice(1, None, 2), tb.Fraction(0.5, seed=1)):
        bend = tb.Bend(tb.MixWeights(other), channels=channels)
        with bended.bend(bend, r"second\.weight"):
            got = bended.bended_state_dict()["second.weight"]
            rows = bend.channels.chosen(bended._bank.places()[2], 4)
            for row in range(4):
                source = other if row in rows else bended.module
                assert torch.equal(got[row], source.second.weight[row])
    nested = tb.Bend(tb.Bend(tb.MixWeights(other), channels=[1]), channels=[0, 3])
    with bended.bend(nested, r"second\.weight"):
        got = bended.bended_state_dict()["second.weight"]
        assert torch.equal(got[3], other.second.weight[3])
        assert torch.equal(got[:3], bended.module.second.weight[:3])


@pytest.mark.slow
def test_in_an_exported_file(bended, other, tmp_path):
    bended.bend(tb.MixWeights(other, knob()), ".*")
    bended.export(tmp_path / "x.ts", patches=False)
    file = torch.jit.load(str(tmp_path / "x.ts"))
    with torch.inference_mode():
        assert torch.equal(file.forward(SOUND), bended.module(SOUND))
        assert file.set_mix(1.0) == 0
        assert torch.equal(file.forward(SOUND), other(SOUND))
        bended.update("mix", 0.3)
        assert file.set_mix(0.3) == 0
        assert torch.equal(file.forward(SOUND), bended(SOUND))
        assert file.set_mix(0.0) == 0
        assert torch.equal(file.forward(SOUND), bended.module(SOUND))


def test_of_another_dtype_it_is_converted(other):
    net = Net(0).eval().double()
    bended = tb.BendedModule(net)
    bended.bend(tb.MixWeights(other.half(), 1.0), ".*")
    for key, value in bended.bended_state_dict().items():
        assert value.dtype == net.state_dict()[key].dtype
    weight = bended.bended_state_dict()["first.weight"]
    assert torch.equal(weight, other.first.weight.double())


def test_moved_to_another_dtype_later(bended, other):
    bended.bend(tb.MixWeights(other, 0.5), ".*")
    bended.double()
    assert bended.bended_state_dict()["first.weight"].dtype == torch.float64


def test_what_the_other_training_does_later_is_not_heard(bended, other):
    bended.bend(tb.MixWeights(other, knob(value=1.0)), ".*")
    before = bended(SOUND)
    with torch.no_grad():
        other.first.weight.zero_()
    bended.update("mix", 0.5)
    bended.update("mix", 1.0)
    assert torch.equal(bended(SOUND), before)


# -- what does not fit -------------------------------------------------------------------
def test_a_weight_that_is_missing_is_named_with_the_nearest(bended, other, tmp_path):
    state = {name.replace("first", "frist"): value for name, value in other.state_dict().items()}
    file = tb.save_tensors(tmp_path / "other.safetensors", state)
    message = r"'first\.weight': 'other\.safetensors' has no weight.*Nearest: 'frist\.weight'"
    with pytest.raises(BendingCallbackException, match=message):
        bended.bend(tb.MixWeights(file), ".*")
    assert bended.bended_keys() == []
    bended.bend(tb.MixWeights(file), r"second\.")  # what is there can be mixed


def test_a_weight_of_another_shape(bended):
    wider = Net(1, width=5)
    with pytest.raises(BendingCallbackException, match=r"\(4, 1, 3\).*\(5, 1, 3\).*same net"):
        bended.bend(tb.MixWeights(wider), r"first\.weight")


def test_numbers_that_are_none(bended, other):
    state = {name: value.clone() for name, value in other.state_dict().items()}
    state["first.weight"][0, 0, 1] = torch.nan
    with pytest.raises(BendingCallbackException, match="finite numbers; it has 1 of 12"):
        bended.bend(tb.MixWeights(state), ".*")
    state["first.weight"] = torch.ones(4, 1, 3, dtype=torch.int64)
    with pytest.raises(BendingCallbackException, match=r"with fractions; it is of torch\.int64"):
        bended.bend(tb.MixWeights(state), ".*")


def test_for_weights_alone(bended, other):
    with pytest.raises(BendingCallbackException, match="bends weights"):
        bended.bend(tb.MixWeights(other), "tanh$")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3.0, "state dict or a module; got float"),
        ({}, "there is no tensor"),
        ({"state_dict": {"w": torch.ones(1)}}, r"no tensor.*\['state_dict'\]"),
        ("other.ckpt", r"save_tensors.*read_weights\('other\.ckpt'\)"),
        ("nowhere.safetensors", "there is no file"),
    ],
)
def test_what_is_no_training(given, message):
    with pytest.raises(BendingError, match=message):
        tb.MixWeights(given)


@pytest.mark.parametrize("mix", [-0.1, 1.5, "loud", [0.1, 0.2]])
def test_a_mix_is_a_number_from_nought_to_one(mix, other):
    with pytest.raises(BendingCallbackException, match="mix is a number from 0"):
        tb.MixWeights(other, mix)


def test_a_control_beyond_its_range_is_clamped(bended, other):
    mix = tb.BendingParameter("mix", 7.0)
    bended.bend(tb.MixWeights(other, mix), ".*")
    assert torch.equal(bended.bended_state_dict()["first.weight"], other.first.weight)
    mix.set_value(-7.0)
    assert torch.equal(bended.bended_state_dict()["first.weight"], bended.module.first.weight)


# -- checkpoints and configurations -------------------------------------------------------
def test_checkpoints_are_data(tmp_path, other):
    torch.save({"hook": print, **other.state_dict()}, tmp_path / "code.pt")
    with pytest.raises(TorchbendError, match="to read that is to run code"):
        tb.read_weights(tmp_path / "code.pt")
    (tmp_path / "damaged.pt").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "text.pt").write_text("no weights")
    for name in ("damaged.pt", "text.pt", "nowhere.pt"):
        with pytest.raises(TorchbendError, match="cannot be read as a checkpoint") as caught:
            tb.read_weights(tmp_path / name)
        assert "weights_only" not in str(caught.value)
    torch.jit.script(other).save(str(tmp_path / "model.ts"))
    with pytest.raises(TorchbendError, match=r"TorchScript.*tb\.load"):
        tb.read_weights(tmp_path / "model.ts")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    with pytest.raises(TorchbendError, match="holds no weights"):
        tb.read_weights(tmp_path / "empty.pt")


def test_a_checkpoint_with_several_nets(tmp_path, other):
    path = tmp_path / "gan.pt"
    nets = {"G": other.state_dict(), "G_ema": Net(2).state_dict(), "step": 7}
    torch.save(nets, path)
    with pytest.raises(TorchbendError, match=r"say which, of \['G', 'G_ema'\]"):
        tb.read_weights(path)
    with pytest.raises(TorchbendError, match="no weights under 'ema'. Nearest: 'G_ema'"):
        tb.read_weights(path, "ema")
    found = tb.read_weights(path, "G_ema")
    assert torch.equal(found["first.weight"], Net(2).first.weight)


def test_weights_in_memory_are_no_setting_of_a_file(other, tmp_path):
    config = tb.BendingConfig((tb.MixWeights(other), ".*"))
    assert config == tb.BendingConfig((tb.MixWeights(other.state_dict()), ".*"))
    assert config != tb.BendingConfig((tb.MixWeights(Net(3)), ".*"))
    with pytest.raises(ConfigError, match=r"other is 7 tensors.*save_tensors\('other\.safe"):
        config.save(tmp_path / "bends.json")
    assert not (tmp_path / "bends.json").exists()


def test_a_file_is_found_beside_the_configuration(bended, other, tmp_path):
    (tmp_path / "a").mkdir()
    file = tb.save_tensors(tmp_path / "a" / "other.safetensors", other)
    bends = (tb.Bend(tb.MixWeights(file, knob(value=1.0)), channels=Channels(0)), r"second\.w")
    tb.BendingConfig(bends).save(tmp_path / "a" / "bends.json")
    (tmp_path / "a").rename(tmp_path / "b")
    bended.bend(tb.BendingConfig.load(tmp_path / "b" / "bends.json"))
    got = bended.bended_state_dict()["second.weight"]
    assert torch.equal(got[0], other.second.weight[0])


def test_a_file_is_in_memory_once(bended, other, tmp_path):
    def held(mixed: tb.MixWeights) -> dict[str, int]:
        kept = mixed.__dict__["_shared"].tensors
        return {name: tensor.data_ptr() for name, tensor in kept.items()}

    file = tb.save_tensors(tmp_path / "other.safetensors", other)
    one, two = tb.MixWeights(file, 0.3), tb.MixWeights(str(file.path), 0.6)
    config = tb.BendingConfig((one, r"first\."), (two, r"second\."))
    loaded = tb.BendingConfig.from_json(config.to_json())
    everyone = [one, two, copy.deepcopy(one), *(entry[0] for entry in loaded)]
    assert all(held(each) == held(one) for each in everyone)
    chosen = tb.TensorFile(file.path, "first.weight")
    assert held(tb.MixWeights(chosen)).keys() == {"first.weight"}
    # what is read for the user is the user's own
    for tensor in tb.read_weights(file.path).values():
        tensor.zero_()
    for mixed, pattern in ((one, r"first\."), (two, r"second\.")):
        bended.bend(mixed, pattern)
    got = bended.bended_state_dict()["second.weight"]
    torch.testing.assert_close(
        got, torch.lerp(bended.module.second.weight, other.second.weight, 0.6)
    )
    # and nobody keeps it longer than there is one who uses it
    ended = weakref.ref(
        tb.MixWeights(tb.save_tensors(tmp_path / "b.safetensors", Net(5))).__dict__["_shared"]
    )
    gc.collect()
    assert ended() is None


# -- RAVE --------------------------------------------------------------------------------
BESIDE = ("latent_pca", "latent_mean", "fidelity")  # what a RAVE keeps beside its weights


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two trainings of a v2_small with few channels, of one latent space."""
    from torchbend.interfaces._rave_build import save_run

    folder = tmp_path_factory.mktemp("runs")
    one, two = (
        save_run(folder / str(seed), "v2_small", seed=seed, overrides=["CAPACITY = 8"])
        for seed in (1, 2)
    )
    first, second = (next(run.rglob("*.ckpt")) for run in (one, two))
    content = torch.load(second, weights_only=True)
    theirs = torch.load(first, weights_only=True)["state_dict"]
    content["state_dict"].update({name: theirs[name] for name in BESIDE})
    torch.save(content, second)
    return one, two


@pytest.mark.rave
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_two_trainings_of_a_rave(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """The decoder's layers one by one, then all weights, in a file that plays."""
    from torchbend.interfaces.rave import BendedRAVE

    bended, other = BendedRAVE(runs[0]), BendedRAVE(runs[1])
    file = tb.save_tensors(tmp_path / "other.safetensors", other)
    (checkpoint,) = runs[1].rglob("*.ckpt")
    for given in (tb.read_weights(checkpoint), file):  # with weight norm, and without
        got = tb.MixWeights(given).kernel(bended._bank.places()[0]).other
        assert torch.equal(got, next(iter(other.parameters())))
    first = sorted({name.split(".")[2] for name in bended.weight_names if "decoder" in name})[:2]
    knobs = {f"layer_{n}": rf"decoder\.net\.{n}\." for n in first}
    knobs["rest"] = rf"(?!decoder\.net\.({'|'.join(first)})\.)"
    for name, pattern in knobs.items():
        bended.bend(tb.MixWeights(file, knob(name)), pattern, bend_graph=False)
    assert set(bended.bended_keys()) == set(bended.weight_names)
    bended.bending_config().save(tmp_path / "bends.json")
    assert tb.BendingConfig.load(tmp_path / "bends.json", bended) == bended.bending_config()
    bended.export(tmp_path / "x.ts", patches=False, check=False)
    mixed, plain = (torch.jit.load(str(tmp_path / "x.ts")) for _ in range(2))

    def play(model: Any, seed: int) -> Tensor:
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            return model.forward(noise(1, 1, 4096, seed=seed) * 0.3)

    heard = [play(plain, 0)]
    assert torch.equal(play(mixed, 0), heard[0])
    for seed, name in enumerate(knobs, 1):  # each moves the sound away from what it was
        assert getattr(mixed, f"set_{name}")(1.0) == 0
        heard.append(play(mixed, seed))
        assert not torch.allclose(heard[-1], play(plain, seed), atol=1e-4)
    for seed in range(4, 20):  # until both have forgotten what was before
        got, wanted = play(mixed, seed), play(other, seed)
    assert wanted.abs().max() > 1e-3
    assert torch.equal(got, wanted)
