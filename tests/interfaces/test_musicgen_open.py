"""Opening a MusicGen: folders, names, and files that are not to be trusted."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from musicgen_tiny import LM, save_tiny

from torchbend.errors import TorchbendError
from torchbend.interfaces import _audiocraft_open
from torchbend.interfaces._audiocraft_import import import_audiocraft
from torchbend.interfaces.audiocraft import BendedAudioGen, BendedMusicGen

pytestmark = [
    pytest.mark.musicgen,
    pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning"),
]

LM_FILE, CODEC_FILE = "state_dict.bin", "compression_state_dict.bin"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("open") / "tiny")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(folder: Path | str, said: str, opens: type = BendedMusicGen) -> None:
    with pytest.raises(TorchbendError, match=said):
        opens(folder, device="cpu")


def changed(folder: Path, file: str, **parts: Any) -> Path:
    package = torch.load(folder / file, weights_only=True)
    package.update(parts)
    torch.save({k: v for k, v in package.items() if v is not None}, folder / file)
    return folder


@pytest.mark.parametrize("file", [LM_FILE, CODEC_FILE])
def test_a_folder_that_lacks_a_file(folder: Path, file: str) -> None:
    (folder / file).unlink()
    refused(folder, rf"is no MusicGen: it lacks {file}\. It holds (compression_)?state_dict.bin")


def test_a_file_is_no_folder(folder: Path) -> None:
    refused(folder / LM_FILE, "is a file: give the folder")


@pytest.mark.parametrize("name", ["musicgen-smal", "/no/such/folder", "./nothing", "", "a b/c"])
def test_no_folder_and_no_name(name: str) -> None:
    refused(name, "is no MusicGen|there is no folder .*'facebook/musicgen-small'")


def test_a_name_without_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import_audiocraft()
    loaders = importlib.import_module("audiocraft.models.loaders")
    asked = []

    def offline(**where: Any) -> str:
        asked.append(where)
        raise OSError("Name or service not known")

    monkeypatch.setattr(loaders, "hf_hub_download", offline)
    monkeypatch.setattr(_audiocraft_open, "online", lambda: True)
    with pytest.raises(
        TorchbendError, match="Name or service not known.*'facebook/musicgen-small'"
    ):
        BendedMusicGen("facebook/musicgen-smal", cache_dir=tmp_path)
    asked_for = {"repo_id": "facebook/musicgen-smal", "filename": LM_FILE, "cache_dir": tmp_path}
    assert asked == [{**asked_for, "local_files_only": False}]
    monkeypatch.setattr(_audiocraft_open, "online", lambda: False)
    with pytest.raises(TorchbendError, match="no network, and it was not fetched before"):
        BendedMusicGen("facebook/musicgen-smal", cache_dir=tmp_path)
    assert asked[1] == {**asked_for, "local_files_only": True}


def test_a_name_from_the_hub(monkeypatch: pytest.MonkeyPatch, saved: Path, tmp_path: Path) -> None:
    import_audiocraft()
    loaders = importlib.import_module("audiocraft.models.loaders")
    monkeypatch.setattr(loaders, "hf_hub_download", lambda filename, **_: str(saved / filename))
    monkeypatch.setattr(_audiocraft_open, "online", lambda: False)
    named = BendedMusicGen("facebook/musicgen-small", cache_dir=tmp_path, device="cpu")
    here = BendedMusicGen(saved, device="cpu")
    for each in (named, here):
        each.set_generation_params(duration=0.1)
    assert torch.equal(named.generate("a", seed=0), here.generate("a", seed=0))


class Trap:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("file", [LM_FILE, CODEC_FILE])
def test_opening_a_file_runs_nothing_in_it(folder: Path, tmp_path: Path, file: str) -> None:
    package = torch.load(folder / file, weights_only=True)
    torch.save({**package, "extra": Trap(tmp_path / "ran")}, folder / file)
    refused(folder, "holds a .*, and to read that is to run code from the file")
    assert not (tmp_path / "ran").exists()
    torch.load(folder / file, weights_only=False)
    assert (tmp_path / "ran").exists()  # the trap works


def test_a_configuration_that_would_run_a_further_file(folder: Path) -> None:
    text = LM.replace("model: lut", "model: clap")
    assert text != LM
    refused(changed(folder, LM_FILE, **{"xp.cfg": text}), "conditions 'description' on 'clap'")


@pytest.mark.parametrize("name", ["dac_44khz", "./evil", "facebook/other", ["x"], None])
def test_a_codec_that_is_only_named(folder: Path, name: Any) -> None:
    torch.save({"pretrained": name, "exported": True}, folder / CODEC_FILE)
    refused(folder, "holds no codec, it names .*facebook/encodec_32khz")


def test_files_that_are_no_models(folder: Path) -> None:
    whole = (folder / LM_FILE).read_bytes()
    (folder / LM_FILE).write_bytes(whole[: len(whole) // 2])
    refused(folder, "state_dict.bin' cannot be read")
    (folder / LM_FILE).write_bytes(b"")
    refused(folder, "state_dict.bin' cannot be read")
    torch.save([1, 2], folder / LM_FILE)
    refused(folder, "holds a list, not a model")
    torch.save({"weights": 3}, folder / LM_FILE)
    refused(folder, "no configuration under 'xp.cfg'.*it has 'weights'")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("num_layers: 3", "num_layers: 4", "weights in .* do not fit .*layers.3"),
        ("num_heads: 4", "num_heads: 5", "no model can be built"),
        ("lm_model: transformer_lm", "lm_model: other", "no model can be built"),
        ("lm_model:", "lm_model: [", "the configuration in"),
        ("dataset: {segment_duration: 30}", "dataset: {}", "no model can be built|make no MusicG"),
    ],
)
def test_a_configuration_that_does_not_fit(
    folder: Path, before: str, after: str, said: str
) -> None:
    assert before in LM
    text = LM.replace(before, after)
    refused(changed(folder, LM_FILE, **{"xp.cfg": text}), said)


def test_a_model_that_lacks_weights(folder: Path) -> None:
    refused(changed(folder, CODEC_FILE, best_state={}), "weights in .* do not fit")
    refused(changed(folder, CODEC_FILE, best_state=None), "no weights under 'best_state'")


def test_no_such_device(folder: Path) -> None:
    with pytest.raises(TorchbendError, match="no device 'nonsense'"):
        BendedMusicGen(folder, device="nonsense")


def test_the_same_files_as_an_audiogen(folder: Path) -> None:
    bended = BendedAudioGen(folder, device="cpu")
    bended.set_generation_params(duration=0.1)
    assert bended.generate("rain").shape == (1, 1, 160)


def test_a_model_that_was_trained_with_other_words(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchbend.interfaces import _audiocraft_import

    import_audiocraft()
    conditioners: Any = importlib.import_module("audiocraft.modules.conditioners")
    monkeypatch.setattr(conditioners, "spacy", _audiocraft_import._Languages(None))
    BendedMusicGen(folder, device="cpu")
    assert "reads words with spaCy's English, which is not installed" in caplog.text
    caplog.clear()
    BendedMusicGen("debug", device="cpu")
    assert caplog.text == ""
