"""A stranger's config.gin is read as data: what it names beyond RAVE is refused, unrun."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from torchbend.errors import TorchbendError
from torchbend.interfaces import _rave_build, _rave_open
from torchbend.interfaces._rave_build import build_from_config, save_run
from torchbend.interfaces._rave_gin import check_config
from torchbend.interfaces.rave import BendedRAVE

pytestmark = pytest.mark.rave

BEGIN = "from __gin__ import dynamic_registration\n"

# What RAVE's own configurations write must pass.
CONFIGS = [
    "v2_small",
    *(
        pytest.param(c, marks=pytest.mark.slow)
        for c in (
            "v1",
            "v3",
            "discrete",
            "discrete_v3",
            "raspberry",
            "v2_nopqmf",
            "v2_with_augs",
            "hybrid",
            "v2_small+wasserstein",
            "v2_small+spherical",
            "v2_small+adain+noise+snake+causal",
            "v2_small+spectral_discriminator",
        )
    ),
]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = save_run(tmp_path_factory.mktemp("run"), "v2_small")
    return (run / "config.gin").read_text("utf-8")


@pytest.mark.parametrize("config", CONFIGS)
def test_raves_own_configurations_pass(config: str, tmp_path: Path) -> None:
    text = (save_run(tmp_path, config) / "config.gin").read_text("utf-8")
    assert text.startswith(BEGIN)
    check_config(text, "config.gin")
    build_from_config(text)


HOSTILE = {
    "imports a module": ("import os\n", "line 2, imports 'os'"),
    "imports from one": ("from os import path\n", "imports 'os.path'"),
    "imports under another name": ("import subprocess as rave\n", "imports 'subprocess'"),
    "imports a hub": ("from torch import hub\n", "imports 'torch.hub'"),
    "imports a prior": ("from rave import prior\n", "imports 'rave.prior'"),
    "imports gin": ("import gin\n", "imports 'gin'"),
    "changes a name's meaning": (
        "from rave import blocks\nfrom rave import core as blocks\n",
        "imports a second 'blocks'",
    ),
    "includes": ("include '/etc/passwd'\n", "includes '/etc/passwd'"),
    "includes of RAVE's": ("include 'configs/v2.gin'\n", "includes"),
    "calls in a macro": ("import torch\nX = @torch.load()\n", "line 3, refers to 'torch.load'"),
    "calls in a hub": ("import torch\nX = @torch.hub.load()\n", "'torch.hub' is no module"),
    "calls through RAVE": (
        "import rave\nrave.RAVE.encoder = @rave.core.os.system()\n",
        "'rave.core.os' is no module",
    ),
    "calls in a list": ("import torch\nX = [1, (2, [@torch.load()])]\n", "'torch.load'"),
    "calls in a key": ("import torch\nX = {@torch.load(): 1}\n", "'torch.load'"),
    "calls in a value": ("import torch\nX = {1: @torch.load}\n", "'torch.load'"),
    "calls in a scope": ("import torch\nX = @a/b/torch.load()\n", "'torch.load'"),
    "calls in a block": (
        "import rave\nimport torch\nrave.RAVE:\n    encoder = @torch.load\n",
        "line 4, refers to 'torch.load'",
    ),
    "a block of something else": ("import torch\ntorch.load:\n    f = 1\n", "line 3, sets"),
    "sets something else": ("import torch\na/torch.load.f = 'x'\n", "parameter of 'torch.load'"),
    "sets a module": ("import torch\ntorch.nn.Conv1d = 1\n", "parameter of 'torch.nn'"),
    "sets a method": (
        "from rave import blocks\nblocks.EncoderV2.forward.x = 1\n",
        "'blocks.EncoderV2' is no module",
    ),
    "makes a folder": ("from rave import core\nX = @core.ProgressLogger()\n", "refers to"),
    "asks for GPUs": ("from rave import core\nX = @core.setup_gpu()\n", "refers to"),
    "opens an address": (
        "from rave import dataset\nX = @dataset.HTTPAudioDataset()\n",
        "refers to 'dataset.HTTPAudioDataset'",
    ),
    "hands over a module": ("import rave\nrave.RAVE.encoder = @rave\n", "refers to 'rave'"),
    "a singleton": ("X = @gin.singleton()\n", "'gin' is not imported"),
    "names without import": ("blocks.EncoderV2.n_out = 1\n", "'blocks' is not imported"),
    "of another release": ("from rave import blocks\nblocks.EncoderV9.n = 1\n", "'EncoderV2'"),
}


@pytest.mark.parametrize(("lines", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_reaches_beyond_rave_is_refused(lines: str, words: str) -> None:
    with pytest.raises(TorchbendError, match=words) as refused:
        check_config(BEGIN + lines, "config.gin")
    assert str(refused.value).startswith("config.gin, line ")


@pytest.mark.parametrize(
    "lines", ["import rave\n", "rave.RAVE.n_channels = 1\n", "X = @RAVE()\n", "RAVE.weights = 1\n"]
)
def test_without_dynamic_registration_names_are_not_known(lines: str) -> None:
    with pytest.raises(TorchbendError, match="line 1"):
        check_config(lines, "config.gin")


@pytest.mark.parametrize(
    "lines", ["= 3", "X = ", "X = f(3)", "@a", "X = [1", "if x:", "\x00", "X = '"]
)
def test_what_is_no_configuration_says_so(lines: str) -> None:
    with pytest.raises(TorchbendError, match="not a gin configuration"):
        check_config(BEGIN + lines + "\n", "config.gin")
    with pytest.raises(TorchbendError, match="1000001 characters"):
        check_config("#" * 1_000_001, "config.gin")


def test_a_run_that_imports_runs_nothing(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = save_run(tmp_path / "run", "v2_small")
    (tmp_path / "evil_of_a_run.py").write_text("import sys; sys.evil_has_run = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (run / "config.gin").write_text(text.replace(BEGIN, BEGIN + "import evil_of_a_run\n"))
    with pytest.raises(TorchbendError, match="line 2, imports 'evil_of_a_run'"):
        BendedRAVE(run)
    assert not hasattr(sys, "evil_has_run")
    build_from_config((run / "config.gin").read_text())  # gin itself would have run it
    assert hasattr(sys, "evil_has_run")
    del sys.evil_has_run, sys.modules["evil_of_a_run"]


def test_nothing_is_built_before_the_check(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = save_run(tmp_path, "v2_small")
    (run / "config.gin").write_text(text + "X = @torch.load()\n")

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("built")

    monkeypatch.setattr(_rave_open, "build_from_config", never)
    monkeypatch.setattr(_rave_build, "_build", never)
    with pytest.raises(TorchbendError, match="refers to 'torch.load'"):
        BendedRAVE(run)


@hypothesis.settings(max_examples=150)
@hypothesis.given(data=st.data())
def test_a_damaged_configuration_never_raises_anything_else(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    middle = data.draw(st.text(alphabet="abc.@%()[]{}'\"=:,/\\ \n\t#0-éxX\x00", max_size=12))
    try:
        check_config(text[:start] + middle + text[end:], "config.gin")
    except TorchbendError as error:
        assert "config.gin" in str(error)
