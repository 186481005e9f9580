"""Steer, Toward, directions, and the files that hold what they need."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from support import noise
from torch import Tensor, nn

import torchbend as tb
from torchbend.bending.kernel import forget
from torchbend.errors import BendingCallbackException, BendingError, ConfigError
from torchbend.places import Place

PAGE = (Path(__file__).parents[2] / "docs" / "captures.md").read_text(encoding="utf-8")


class Net(nn.Module):
    """Three layers of four channels: net_0, net_1 (tanh), net_2."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = nn.Sequential(
                nn.Conv1d(1, 4, 1), nn.Tanh(), nn.Conv1d(4, 4, 1), nn.Tanh(), nn.Conv1d(4, 1, 1)
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


SOUND = noise(1, 1, 48)
PLACE = Place("a", "activation", (1, 4, 16), torch.float32, fn="forward", op="call_module")


@pytest.fixture
def bended() -> tb.BendedModule:
    net = tb.BendedModule(Net().eval())
    net.trace("forward", SOUND)
    return net


def knob(name: str, low: float = 0.0, high: float = 1.0) -> tb.BendingParameter:
    return tb.BendingParameter(name, 0.0, range=[low, high])


def activation(net: nn.Module, x: Tensor, layers: int) -> Tensor:
    with torch.no_grad():
        return net.net[:layers](x)


# -- directions --------------------------------------------------------------------------
def test_a_direction_is_a_difference_of_means(bended):
    a, b, c = (noise(2, 1, n, seed=n) for n in (16, 40, 5))
    wanted = [activation(bended.module, x, 3).mean((0, 2)) for x in (a, b, c)]
    found = tb.direction(bended, "net_2", a, c)
    assert found.shape == (4,)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted[0] - wanted[2])
    both = tb.direction(bended, "forward:net_2", [a, {"x": b}], [c])
    torch.testing.assert_close(both, (wanted[0] + wanted[1]) / 2 - wanted[2])


def test_bends_are_left_out_of_a_direction(bended):
    before = tb.direction(bended, "net_2$", SOUND, -SOUND)
    bended.bend(tb.Scale(3.0), "net.0.weight", "net_2$")
    assert torch.equal(tb.direction(bended, "net_2$", SOUND, -SOUND), before)


def test_strength_one_moves_the_mean_of_b_to_that_of_a(bended):
    a, b = noise(1, 1, 64, seed=1) + 1.0, noise(1, 1, 64, seed=2)
    bended.bend(tb.Steer(tb.direction(bended, "net_2", a, b), knob("much", -1, 1)), "net_2$")
    bended.update("much", 1.0)
    heard = bended.get_activations("net_2$", x=b, _filter_bended=True)["net_2"]
    torch.testing.assert_close(heard.mean((0, 2)), activation(bended.module, a, 3).mean((0, 2)))


@pytest.mark.slow
def test_a_direction_in_a_file(tmp_path):
    net = Net().eval()
    torch.jit.trace(net, SOUND).save(str(tmp_path / "net.ts"))
    opened = tb.load(tmp_path / "net.ts")
    opened.trace("forward", SOUND)
    a, b = noise(1, 1, 16, seed=1), noise(1, 1, 16, seed=2)
    wanted = activation(net, a, 3).mean((0, 2)) - activation(net, b, 3).mean((0, 2))
    torch.testing.assert_close(tb.direction(opened, r"net\.2", a, b), wanted)


@pytest.mark.parametrize(
    ("place", "a", "message"),
    [
        ("net_7", SOUND, "matches no activation.*'net_"),
        ("net.*", SOUND, "reaches 5 places"),
        ("net_2", [], "empty list"),
        ("net_2", SOUND * torch.nan, "not finite"),
        ("net_2", SOUND[..., :0], "failed"),
    ],
)
def test_a_direction_that_cannot_be_found(place, a, message, bended):
    with pytest.raises(BendingError, match=message):
        tb.direction(bended, place, a, SOUND)


# -- steering ------------------------------------------------------------------------------
def test_a_direction_has_one_number_a_channel(bended):
    for wrong in ([1.0, 2.0], noise(5)):
        with pytest.raises(BendingCallbackException, match=r"has \d numbers, and it takes 4"):
            bended.bend(tb.Steer(wrong), "net_2$")
    for wrong in (noise(1, 4), 1.0, []):
        with pytest.raises(BendingCallbackException, match="one dimension, one number a channel"):
            tb.Steer(wrong)
    with pytest.raises(BendingCallbackException, match="finite numbers.*1 of 2"):
        tb.Steer([1.0, float("nan")])
    with pytest.raises(BendingCallbackException, match=r"with fractions.*int64"):
        tb.Steer(torch.tensor([1, 2]))
    with pytest.raises(BendingCallbackException, match="list of numbers or a .safetensors"):
        tb.Steer(["loud"])


def test_chosen_channels_take_their_part():
    x = noise(2, 4, 16)
    full = noise(4, seed=3)
    for given in (full, full[[1, 3]]):
        bend = tb.Bend(tb.Steer(given, 2.0), channels=[1, 3])
        wanted = x.clone()
        wanted[:, [1, 3]] += 2.0 * full[[1, 3]].reshape(2, 1)
        torch.testing.assert_close(bend.kernel(PLACE)(x), wanted)
    capture = noise(4, 5, seed=4)
    for given in (capture, capture[[1, 3]]):
        bend = tb.Bend(tb.Toward(given), channels=[1, 3])
        wanted = x.clone()
        wanted[:, [1, 3]] = capture[[1, 3]][:, torch.arange(16) % 5]
        assert torch.equal(bend.kernel(PLACE)(x), wanted)


# -- going toward a capture ------------------------------------------------------------------
def test_a_capture_as_it_comes(bended):
    """From get_activations, without its batch, and from Capture in several calls."""
    found = bended.get_activations("net_2$", x=SOUND)["net_2"]
    recorder = tb.Capture()
    with bended.bend(recorder, "net_2$"):
        recorder.capture()
        for block in SOUND.split(16, -1):
            bended(block)
        recorder.stop()
    assert recorder.captures["net_2"].shape == (3, 4, 16)
    x = noise(1, 4, 60, seed=9)
    looped = found[..., torch.arange(60) % 48]
    for given in (found, found[0], found[0].tolist(), recorder.captures["net_2"]):
        kernel = tb.Toward(given, 1.0).kernel(PLACE)
        torch.testing.assert_close(kernel(x), looped)


def test_the_loop_goes_on_while_it_is_not_heard():
    mix = knob("mix")
    capture = noise(4, 7)
    kernel = tb.Toward(capture, mix).kernel(PLACE)
    x = noise(1, 4, 16)
    assert kernel(x) is x
    mix.set_value(1.0)
    assert torch.equal(kernel(x), capture[None, :, torch.arange(16, 32) % 7])
    forget(kernel)
    assert torch.equal(kernel(x), capture[None, :, torch.arange(16) % 7])


def test_features_behind_time():
    """(batch, time, features), as in transformers."""
    place = Place("a", "activation", (1, 16, 4), torch.float32, fn="forward", op="call_module")
    capture = noise(5, 4)
    x = noise(3, 16, 4)
    kernel = tb.Toward(capture, 1.0, dim=2, time=1).kernel(place)
    assert torch.equal(kernel(x), capture[torch.arange(16) % 5].expand(3, 16, 4))


@pytest.mark.parametrize(
    "capture", [noise(5, 8), noise(8, 4), noise(4), noise(1, 1, 4, 8), noise(4, 0), noise(0, 4, 8)]
)
def test_a_capture_that_does_not_fit(capture):
    with pytest.raises(BendingCallbackException, match=r"capture has shape.*takes 4 channels"):
        tb.Toward(capture).kernel(PLACE)


def test_a_place_without_frames():
    place = Place("a", "activation", (1, 4), torch.float32, fn="forward", op="call_module")
    with pytest.raises(BendingCallbackException, match="no frames that follow each"):
        tb.Toward(noise(4, 8)).kernel(place)


# -- in an exported file -----------------------------------------------------------------------
@pytest.mark.slow
def test_an_exported_file_carries_them(bended, tmp_path):
    direction, capture = noise(4, seed=1), noise(4, 30, seed=2)
    steer = tb.save_tensors(tmp_path / "d.safetensors", d=direction)
    toward = tb.save_tensors(tmp_path / "c.safetensors", c=capture)
    bended.bend(tb.Steer(steer, knob("strength", -2, 2)), "net_0$")
    bended.bend(tb.Toward(toward, knob("mix")), "net_2$")
    info = bended.export(tmp_path / "x.ts", patches=False).info
    assert info.bending is not None  # and names no folder of this machine
    assert info.bending["bends"][0]["settings"]["direction"]["tensors"] == "d.safetensors"
    assert tb.BendingConfig.from_json(info.bending, folder=tmp_path) == bended.bending_config()
    steer.path.unlink()
    toward.path.unlink()
    file = torch.jit.load(str(tmp_path / "x.ts"))
    net = bended.module
    with torch.inference_mode():
        assert torch.equal(file.forward(SOUND), net(SOUND))
        assert file.set_strength(1.5) == 0
        assert file.set_mix(0.5) == 0
        file.forward(SOUND)  # the knobs glide
        heard = file.forward(SOUND)  # frames 96 to 143
        x = net.net[0](SOUND) + 1.5 * direction.reshape(4, 1)
        x = net.net[2](torch.tanh(x))
        x = (x + capture[:, torch.arange(96, 144) % 30]) / 2
        torch.testing.assert_close(heard, net.net[4](torch.tanh(x)))


def test_the_mix_glides_over_a_block(bended, tmp_path):
    capture = noise(4, 30, seed=2)
    bended.bend(tb.Toward(capture, knob("mix")), "net_2$")
    bended.export(tmp_path / "x.ts", check=False, patches=False)
    file = torch.jit.load(str(tmp_path / "x.ts"))
    net = bended.module
    with torch.inference_mode():
        file.forward(SOUND)
        file.set_mix(0.8)
        heard = file.forward(SOUND)
        x = net.net[:3](SOUND)
        mix = 0.8 * torch.arange(1, 49) / 48
        x = x + mix * (capture[:, torch.arange(48, 96) % 30] - x)
        torch.testing.assert_close(heard, net.net[3:](x))


# -- files ----------------------------------------------------------------------------------------
def test_a_small_tensor_is_in_the_configuration_itself(tmp_path):
    config = tb.BendingConfig((tb.Steer(noise(8)), "a"), (tb.Toward(noise(8, 100)), "b"))
    config.save(tmp_path / "bends.json")
    assert tb.BendingConfig.load(tmp_path / "bends.json") == config


def test_a_large_one_is_not(tmp_path):
    config = tb.BendingConfig((tb.Toward(noise(8, 126)), "b"))
    with pytest.raises(ConfigError, match=r"capture is a tensor of \(8, 126\).*up to 1000 numbers"):
        config.save(tmp_path / "bends.json")
    assert not (tmp_path / "bends.json").exists()


@pytest.fixture
def saved(tmp_path) -> tuple[Path, tb.TensorFile]:
    """A configuration that names a file in a folder beside it."""
    (tmp_path / "set" / "captures").mkdir(parents=True)
    path = tmp_path / "set" / "captures" / "warm.safetensors"
    file = tb.save_tensors(path, {"warm": noise(4, 400), "cold": noise(4, 9)})
    config = tb.BendingConfig((tb.Toward(tb.TensorFile(path, "warm"), 0.5), "net_2$"))
    config.save(tmp_path / "set" / "bends.json")
    return tmp_path / "set", file


def test_a_configuration_names_it_relative_to_itself(saved, monkeypatch, bended):
    folder, file = saved
    data = json.loads((folder / "bends.json").read_text())
    named = data["bends"][0]["settings"]["capture"]
    assert named == {
        "tensors": "captures/warm.safetensors",
        "sha256": file.sha256,
        "key": "warm",
    }
    moved = folder.rename(folder.parent / "elsewhere")
    config = tb.BendingConfig.load(moved / "bends.json")
    monkeypatch.chdir(moved)
    assert tb.BendingConfig.load("bends.json") == config
    config.save("again.json")
    assert Path("again.json").read_text() == Path("bends.json").read_text()
    assert tb.BendingConfig.from_json(config.to_json()) == config
    bended.bend(config)
    wanted = tb.TensorFile("captures/warm.safetensors", "warm").tensor()
    kernel = config[0][0].kernel(PLACE)
    x = noise(1, 4, 16)
    torch.testing.assert_close(kernel(x), (x + wanted[:, :16]) / 2)


def test_another_file_or_none_is_refused_with_the_line(saved):
    folder, file = saved
    path = folder / "captures" / "warm.safetensors"
    line = next(
        i
        for i, text in enumerate((folder / "bends.json").read_text().splitlines(), 1)
        if '"capture"' in text
    )
    save_file({"warm": noise(4, 400, seed=3)}, path)
    with pytest.raises(ConfigError, match=rf"line {line}: .*another file than the one.*sha256"):
        tb.BendingConfig.load(folder / "bends.json")
    with pytest.raises(BendingError, match="another file"):
        file.named()  # one that is in use is not read again as something else
    path.unlink()
    with pytest.raises(ConfigError, match=rf"line {line}: there is no file .*warm\.safetensors"):
        tb.BendingConfig.load(folder / "bends.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tensors": "captures/warm.ckpt"}, r"is no \.safetensors file"),
        ({"tensors": "captures"}, r"is no \.safetensors file"),
        ({"tensors": 3}, "tensors is a path"),
        (
            {"tensors": "y" * 5000 + ".safetensors"},
            r"line \d+: .*(cannot be read|there is no file)",
        ),
        ({"sha256": "12ab"}, "64 hexadecimal digits"),
        ({"key": "wram"}, "no tensor 'wram'. Nearest: 'warm'"),
        ({"key": 3}, "key is a word"),
        ({"pickle": True}, "no 'pickle'"),
    ],
)
def test_what_a_configuration_cannot_say_of_a_file(saved, change, message):
    folder, _ = saved
    data = json.loads((folder / "bends.json").read_text())
    data["bends"][0]["settings"]["capture"].update(change)
    (folder / "bends.json").write_text(json.dumps(data, indent=2))
    with pytest.raises(ConfigError, match=message):
        tb.BendingConfig.load(folder / "bends.json")


def test_a_folder_that_may_not_be_read(saved, monkeypatch):
    folder, _ = saved

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(ConfigError, match=r"line \d+: .*cannot be read: .*Permission denied"):
        tb.BendingConfig.load(folder / "bends.json")


@pytest.mark.parametrize(
    ("callback", "setting"),
    [("Steer", "direction"), ("Toward", "capture"), ("MixWeights", "other")],
)
def test_a_word_opens_no_file_from_a_configuration(callback, setting, tmp_path, monkeypatch):
    """Python may say a path; in a configuration a file has its hash, and lies beside it."""
    (tmp_path / "here").mkdir()
    tb.save_tensors(tmp_path / "x.safetensors", x=noise(4))
    monkeypatch.chdir(tmp_path / "here")
    settings = {setting: "../x.safetensors"}
    if callback != "Toward":
        assert getattr(tb, callback)("../x.safetensors")
    entry = {"callback": callback, "settings": settings, "patterns": ["a"]}
    inside = {"callbacks": [{"callback": callback, "settings": settings}]}
    data = tb.BendingConfig().to_json()
    for bend in (entry, {"callback": "CallbackChain", "settings": inside, "patterns": ["a"]}):
        with pytest.raises(ConfigError, match=rf"line \d+: {setting} is a word, .*sha256"):
            tb.BendingConfig.from_json({**data, "bends": [bend]})


def test_an_exported_configuration_is_found_from_its_folder(saved, tmp_path, monkeypatch):
    folder, _ = saved
    config = tb.BendingConfig.load(folder / "bends.json")
    kept = config.to_json(folder)  # as an export in the folder keeps it
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tb.BendingConfig.from_json(kept, folder=folder) == config
    assert tb.BendingConfig.from_json(kept, folder=str(folder)) == config
    with pytest.raises(ConfigError, match=r"configuration, line \d+: there is no file"):
        tb.BendingConfig.from_json(kept)


def test_files_that_are_none(tmp_path):
    path = tmp_path / "x.safetensors"
    for content in (b"", b"\x00" * 7, b"\xff" * 64, b"PK\x03\x04" * 9):
        path.write_bytes(content)
        with pytest.raises(BendingError, match="no safetensors file, or a damaged one"):
            tb.TensorFile(path)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(BendingError, match="there is no file"):
        tb.TensorFile(tmp_path / "folder.safetensors")
    file = tb.save_tensors(path, a=noise(4, 4), b=noise(4, 5))
    with pytest.raises(BendingError, match="say which.*'a'"):
        tb.Toward(path)
    with pytest.raises(BendingError, match="no tensor 'c'"):
        tb.TensorFile(file.path, "c")
    save_file({"a": noise(4, 4) / 0, "i": torch.ones(4, 4, dtype=torch.int32)}, path)
    with pytest.raises(BendingCallbackException, match="'x.safetensors' has .* NaN or infinite"):
        tb.Toward(tb.TensorFile(path, "a"))
    with pytest.raises(BendingCallbackException, match="'x.safetensors' is of torch.int32"):
        tb.Toward(tb.TensorFile(path, "i"))


def test_saving_tensors(tmp_path):
    x = noise(6, 4)
    file = tb.save_tensors(tmp_path / "x.safetensors", {"view": x.T, "same": x}, more=x[::2])
    found = file.named()
    assert file.key is None
    assert torch.equal(found["view"], x.T)
    assert torch.equal(found["more"], x[::2])
    assert tb.save_tensors(tmp_path / "y.safetensors", only=x).key == "only"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.safetensors", "y.safetensors"]
    for wrong, message in (
        (lambda: tb.save_tensors(tmp_path / "x.pt", x=x), "ends in .safetensors"),
        (lambda: tb.save_tensors(tmp_path / "x.safetensors"), "no tensor to save"),
        (lambda: tb.save_tensors(tmp_path / "x.safetensors", x=[1.0]), "'x' is no tensor"),
    ):
        with pytest.raises(BendingError, match=message):
            wrong()
    assert file.named().keys() == found.keys()  # the file is as it was


# -- the manual ----------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch, bended):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    Path("page.py").write_text(code, encoding="utf-8")
    sounds = {"choir": SOUND, "bell": noise(1, 1, 30, seed=1), "sea": noise(1, 1, 40, seed=2)}
    other = Net(1).eval()
    page = runpy.run_path("page.py", {"bended": bended, "other": other, **sounds})
    assert page["again"] == bended.bending_config()
    file = torch.jit.load("choir.ts")
    names = {"first", "rest", "choir", "bell"}
    assert set(file.get_attributes()) == names
    mixed = Net().eval()
    mixed.load_state_dict(
        {
            name: value if ".0." in name else (value + other.state_dict()[name]) / 2
            for name, value in mixed.state_dict().items()
        }
    )
    with torch.inference_mode():
        x = mixed.net[:3](SOUND) + page["toward_choir"].reshape(4, 1)
        torch.testing.assert_close(file.forward(SOUND), mixed.net[3:](x))


def test_what_the_page_names_exists():
    for name in re.findall(r"tb\.(\w+)", PAGE):
        assert hasattr(tb, name), name
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(tb.__file__).parent).rglob("*.py")
        if path.name in ("tensor_file.py", "given_tensors.py", "mix_weights.py", "checkpoint.py")
    )
    joined = re.sub(r"[\"']\s*\n\s*f?[\"']", "", source)
    for words in re.findall(r"^\| \*(.+?)\* \|", PAGE, re.MULTILINE):
        assert words.replace("1000", "{MOST_NUMBERS}") in joined, words
