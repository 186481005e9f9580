"""Finding and opening runs: what training leaves, what is missing, what does not fit."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from rave_export import rave_model, silence
from support import noise

from torchbend.errors import TorchbendError
from torchbend.interfaces._rave_build import build_from_config, save_run
from torchbend.interfaces._rave_open import find_run
from torchbend.interfaces._rave_player import player_of
from torchbend.interfaces.rave import BendedRAVE

pytestmark = [
    pytest.mark.rave,
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

WEIGHT = "decoder.net.0.weight"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    @cache
    def make(config: str = "v2_small", seed: int = 1) -> Path:
        return save_run(tmp_path_factory.mktemp("run"), config, seed=seed)

    return make


@pytest.fixture
def run(saved: Callable[..., Path], tmp_path: Path) -> Path:
    """A run of one's own, to change."""
    return Path(shutil.copytree(saved(), tmp_path / "run"))


def checkpoint_of(run: Path) -> Path:
    return run / "version_0" / "checkpoints" / "best.ckpt"


def changed(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write a run's checkpoint anew."""
    content = torch.load(checkpoint_of(run), weights_only=True)
    change(content)
    torch.save(content, checkpoint_of(run))


# -- finding -----------------------------------------------------------------------------
def test_a_run_a_version_or_a_checkpoint(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = checkpoint_of(run)
    for path in (run, run / "version_0", checkpoint.parent, checkpoint, str(run)):
        assert find_run(path).checkpoint == checkpoint
        assert find_run(path).config.samefile(run / "config.gin")
    assert find_run(run.parent).checkpoint == checkpoint  # the only run in a folder of runs
    monkeypatch.chdir(run / "version_0")
    assert find_run(".").config.samefile(run / "config.gin")
    monkeypatch.setenv("HOME", str(run.parent))
    assert find_run("~/run").checkpoint == checkpoint


def test_a_checkpoint_beside_its_configuration(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    shutil.copy(checkpoint_of(run), folder / "mine.ckpt")
    shutil.copy(run / "config.gin", folder)
    for path in (folder, folder / "mine.ckpt"):
        assert find_run(path).checkpoint == folder / "mine.ckpt"


def test_the_newest_checkpoint_is_taken(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    best = checkpoint_of(run)
    others = [
        run / "version_0" / "checkpoints" / "epoch_5000.ckpt",
        run / "version_0" / "checkpoints" / "last.ckpt",
        run / "version_1" / "checkpoints" / "best.ckpt",
    ]
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(best, other)
    for newest in (best, *others):
        for each in (best, *others):
            os.utime(each, (1_000, 1_000 + (each == newest)))
        with caplog.at_level(logging.INFO, "torchbend"):
            assert find_run(run).checkpoint == newest
        assert f"opening {newest}, the newest of 4" in caplog.text
    for each in (best, *others):  # as new as each other: a copy made by a tool, say
        os.utime(each, (1_000, 1_000))
    assert find_run(run).checkpoint == others[-1]
    assert find_run(run / "version_0").checkpoint == others[1]


def test_what_is_not_there(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TorchbendError, match="there is no '.*nowhere'"):
        BendedRAVE(tmp_path / "nowhere")
    with pytest.raises(TorchbendError, match="there is no '/nowhere'"):
        BendedRAVE("/nowhere")
    (run / "config.gin").rename(tmp_path / "away.gin")
    for path in (run, checkpoint_of(run)):
        with pytest.raises(TorchbendError, match="no config.gin in it or up to 3"):
            BendedRAVE(path)
    (tmp_path / "away.gin").rename(run / "config.gin")
    checkpoint_of(run).rename(tmp_path / "away.ckpt")
    with pytest.raises(TorchbendError, match="holds no checkpoint"):
        BendedRAVE(run)
    (run / "run.ts").touch()
    with pytest.raises(TorchbendError, match="holds run.ts, which is an exported model"):
        BendedRAVE(run)


def test_several_runs_are_named(run: Path) -> None:
    shutil.copytree(run, run.parent / "other")
    with pytest.raises(TorchbendError, match="2 runs: open one of other, run"):
        BendedRAVE(run.parent)


def test_exported_files_are_not_runs(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.ts"
    torch.jit.script(torch.nn.ReLU()).save(str(file))
    with pytest.raises(TorchbendError, match="is TorchScript.*tb.load opens"):
        BendedRAVE(file)
    shutil.copy(file, checkpoint_of(run))
    with pytest.raises(TorchbendError, match="is TorchScript"):
        BendedRAVE(checkpoint_of(run))


# -- checkpoints -------------------------------------------------------------------------
def lightning_checkpoint(run: Path, path: Path) -> dict[str, torch.Tensor]:
    """Save with Lightning's own trainer and RAVE's callbacks; give the averaged weights."""
    import pytorch_lightning as pl
    from rave import core
    from rave import model as rave_models

    class EMA(pl.Callback):
        """Leaves what RAVE's callback of that name leaves: averages of the parameters."""

        def __init__(self, weights: dict[str, torch.Tensor]) -> None:
            self.weights = weights

        def state_dict(self) -> dict[str, torch.Tensor]:
            return self.weights

    EMA.__qualname__ = "EMA"  # as where RAVE defines it, for Lightning's name of its state
    model: Any = build_from_config((run / "config.gin").read_text())
    model.load_state_dict(torch.load(checkpoint_of(run), weights_only=True)["state_dict"])
    averaged = {n: p.detach() * 0.5 for n, p in model.named_parameters()}
    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        max_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=path.parent,
        callbacks=[
            pl.callbacks.ModelCheckpoint(monitor="validation", filename="best"),
            core.ModelCheckpoint(filename="last", step_period=5),
            rave_models.WarmupCallback(),
            rave_models.QuantizeCallback(),
            rave_models.BetaWarmupCallback(),
            EMA(averaged),
        ],
    )
    trainer.strategy.connect(model)
    model.trainer = trainer
    trainer.strategy.setup_optimizers(trainer)
    trainer.save_checkpoint(path)
    return averaged


@pytest.mark.slow
def test_lightnings_own_checkpoint_and_averaged_weights(run: Path) -> None:
    plain = BendedRAVE(run)
    averaged = lightning_checkpoint(run, checkpoint_of(run))
    assert set(torch.load(checkpoint_of(run), weights_only=True)) >= {"loops", "lr_schedulers"}
    again, ema = BendedRAVE(run), BendedRAVE(run, ema=True)
    for name, value in plain.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    g, v = averaged["decoder.net.0.weight_g"], averaged["decoder.net.0.weight_v"]
    want = v * (g / v.norm(dim=(1, 2), keepdim=True))  # weight norm, a norm an output channel
    torch.testing.assert_close(ema.state_dict()[WEIGHT], want, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(want, plain.state_dict()[WEIGHT])
    assert torch.equal(ema.latent_pca, plain.latent_pca)  # buffers are not averaged


def test_every_weight_is_the_checkpoints(run: Path) -> None:
    def number(content: dict[str, Any]) -> None:
        for i, tensor in enumerate(content["state_dict"].values()):
            if tensor.is_floating_point():
                tensor.fill_(i / 1000 + 0.5)

    changed(run, number)
    state = torch.load(checkpoint_of(run), weights_only=True)["state_dict"]
    m = BendedRAVE(run)
    own = {**m.state_dict(), **dict(m.named_buffers())}
    compared = 0
    for name, tensor in state.items():
        if name in own:
            assert torch.equal(own[name], tensor), name
            compared += 1
    assert compared >= 8
    for name in m.weight_names:
        if f"{name}_g" in state:  # all of v equal: g over the root of the fan-in
            fan_in = state[f"{name}_v"][0].numel()
            want = float(state[f"{name}_g"].flatten()[0]) / fan_in**0.5
            assert m.state_dict()[name].flatten()[0] == pytest.approx(want, rel=1e-5)


def test_a_checkpoint_that_runs_code_is_refused(run: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {marker}",)

    changed(run, lambda content: content.update(hparams=Hostile()))
    with pytest.raises(TorchbendError, match=r"holds a \w+\.system.*run code.*weights alone"):
        BendedRAVE(run)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"weights": {}}, "no weights under 'state_dict'"),
        ([1, 2], "no weights under 'state_dict'"),
        ({"state_dict": {"a": 1}}, "no weights under 'state_dict'"),
        ({"state_dict": {}}, "of different models"),
        ({"state_dict": {"lm.weight": torch.zeros(1)}}, "has lm.weight and none of"),
    ],
)
def test_files_without_raves_weights(content: object, words: str, run: Path) -> None:
    torch.save(content, checkpoint_of(run))
    with pytest.raises(TorchbendError, match=words):
        BendedRAVE(run)


def test_damaged_files(run: Path) -> None:
    whole = checkpoint_of(run).read_bytes()
    for part in (b"", b"no checkpoint", whole[: len(whole) // 2]):
        checkpoint_of(run).write_bytes(part)
        with pytest.raises(TorchbendError, match="cannot be read as a checkpoint"):
            BendedRAVE(run)
    checkpoint_of(run).write_bytes(whole)
    (run / "config.gin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TorchbendError, match="config.gin' cannot be read"):
        BendedRAVE(run)


def test_a_checkpoint_of_another_model(saved: Callable[..., Path], run: Path) -> None:
    shutil.copy(checkpoint_of(saved("v2_small+spherical")), checkpoint_of(run))
    words = r"different models.*latent_mean is \(16,\) and not \(128,\).* and \d+ more"
    for strict in (True, False):
        with pytest.raises(TorchbendError, match=words):
            BendedRAVE(run, strict=strict)


def test_weights_that_lack_or_are_too_many(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    def change(content: dict[str, Any]) -> None:
        state = content["state_dict"]
        del state["latent_mean"]
        state["decoder.more"] = torch.zeros(1)
        state["discriminator.more"] = torch.zeros(1)  # does not play
        state["decoder.net.0.cache.pad"] = torch.zeros(64, 1, 1)  # a state, not a weight
        del state[next(n for n in state if n.startswith("discriminator."))]

    changed(run, change)
    with pytest.raises(TorchbendError, match="lacks latent_mean and has decoder.more,.*strict=Fal"):
        BendedRAVE(run)
    m = BendedRAVE(run, strict=False)
    assert "lacks latent_mean and has decoder.more" in caplog.text
    assert not m.latent_mean.any()


def test_settings_that_build_nothing(run: Path) -> None:
    text = (run / "config.gin").read_text()
    for wrong in (
        text.replace("RATIOS = [4, 2, 2, 2]", "RATIOS = 'none'"),
        text.replace("EncoderV2.n_out = 2", "EncoderV2.n_in = 2"),
        text.replace("@blocks.VariationalEncoder", "@model.RAVE"),  # for ever within itself
    ):
        assert wrong != text
        (run / "config.gin").write_text(wrong)
        with pytest.raises(TorchbendError, match="no RAVE can be built from .*another release"):
            BendedRAVE(run)


def test_other_encoders_are_refused(run: Path) -> None:
    model = rave_model(run)
    model.encoder = torch.nn.Identity()
    with pytest.raises(TorchbendError, match="with a Identity cannot be played.*SphericalEncoder"):
        player_of(model, fidelity=0.95, channels=None, resampler=None)


def test_a_missing_rave_says_how_to_install_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rave", None)
    with pytest.raises(TorchbendError, match="torchbend install rave"):
        BendedRAVE(run)


# -- RAVE's own tools --------------------------------------------------------------------
@pytest.mark.slow
@torch.no_grad()
def test_rave_export_opens_the_same_run_and_plays_the_same(run: Path, tmp_path: Path) -> None:
    program = (
        "from torchbend.interfaces._rave_import import import_rave\n"
        "import_rave()\n"
        "from absl import app\n"
        "from scripts import export\n"
        "app.run(export.main)\n"
    )
    arguments = ["--run", str(run), "--output", str(tmp_path), "--name", "x", "--streaming"]
    subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, cwd=tmp_path, capture_output=True
    )
    theirs: Any = torch.jit.load(str(tmp_path / "x_streaming.ts"))
    silence(theirs)
    m = BendedRAVE(run)
    for seed, rows in enumerate((1, 4, 1)):
        x = noise(rows, 1, 4 * m.ratio, seed=seed)
        torch.manual_seed(seed)
        want = theirs(x)
        torch.manual_seed(seed)
        assert torch.equal(m(x), want)


def test_a_saved_run_is_what_its_model_was(saved: Callable[..., Path], tmp_path: Path) -> None:
    first, second = rave_model(saved()), rave_model(save_run(tmp_path, "v2_small", seed=1))
    assert first.state_dict().keys() == second.state_dict().keys()
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name
    eye = first.latent_pca @ first.latent_pca.T
    torch.testing.assert_close(eye, torch.eye(128), atol=1e-5, rtol=0)
    assert bool((first.fidelity.diff() > 0).sum() > 50)
    (tmp_path / "other").mkdir()
    other = rave_model(save_run(tmp_path / "other", "v2_small", seed=2))
    assert not torch.equal(other.latent_pca, first.latent_pca)
