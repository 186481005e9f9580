"""``torchbend places`` and ``torchbend export`` on files without source."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend import cli
from torchbend.archive import is_torchscript
from torchbend.opening import open_model, places_text


class Net(nn.Module):
    """Two layers, played by nn~; a second method calls one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Conv1d(1, 4, 1)
        self.down = nn.Conv1d(4, 1, 1)
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("widen_params", torch.tensor([1, 1, 4, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.tanh(self.up(x)))

    @torch.jit.export
    def widen(self, x: Tensor) -> Tensor:
        return self.up(x)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "widen"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.jit.script(Net()).save(str(path := tmp_path / "net.ts"))
    return path


def rows(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


# -- places --------------------------------------------------------------------------------
def test_places_of_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["places", str(file)]) == 0
    told = rows(capsys.readouterr().out)
    assert ["up.weight", "4 x 1 x 1"] in told
    assert ["down.bias", "1"] in told
    shapes = {row[0]: row[2:] for row in told if row[1:2] == ["Conv1d"]}
    assert shapes == {
        "up": ["1 x 4 x 8192", "forward, widen"],
        "down": ["1 x 1 x 8192", "forward"],
    }
    assert not [row for row in told if "tanh" in row[0]]


def test_places_of_patterns_and_of_a_method(file: Path) -> None:
    bended = open_model(file)
    told = rows(places_text(bended, ["up.*", "forward:tanh$"]))
    assert [row[0] for row in told if row[-1] not in ("shape", "in") and row[0].isidentifier()] == [
        "up",
        "tanh",
    ]
    assert ["down.weight", "1 x 4 x 1"] not in told
    alone = rows(places_text(bended, method="widen"))
    assert ["up", "Conv1d", "1 x 4 x 8192", "widen"] in alone
    assert not [row for row in alone if row[0] == "down"]
    inside = rows(places_text(bended, [".*/|tanh"]))
    assert ["up/conv1d", "conv1d", "1 x 4 x 8192", "forward, widen"] in inside
    # what it shows is what the same pattern bends
    named = {row[0] for row in inside[2:-1]}
    assert named == set(bended.bendable_keys(".*/|tanh"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["upp"], "nothing matches 'upp'. Nearest: 'up'"),
        (["("], "not a regular expression"),
        (["--method", "widn"], "no method 'widn'. Nearest: 'widen'"),
    ],
)
def test_places_that_are_not_there(
    words: list[str], said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["places", str(file), *words]) == 1
    assert said in capsys.readouterr().err


def test_a_file_that_nn_cannot_play_shows_its_weights(tmp_path: Path) -> None:
    torch.jit.script(nn.Conv1d(1, 2, 3)).save(str(tmp_path / "conv.ts"))
    told = places_text(open_model(tmp_path / "conv.ts"))
    assert ["weight", "2 x 1 x 3"] in rows(told)
    assert "trace(method, input)" in told


# -- opening -------------------------------------------------------------------------------
def test_what_is_torchscript(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "net.ckpt"
    copy.write_bytes(file.read_bytes())
    torch.save({"state_dict": {}}, tmp_path / "run.ckpt")
    (tmp_path / "cut.ckpt").write_bytes(file.read_bytes()[:-200])
    (tmp_path / "text.ts").write_text("no model")
    (tmp_path / "folder.ts").mkdir()
    told = {path.name: is_torchscript(path) for path in tmp_path.iterdir()}
    assert told == {
        "net.ts": True,
        "net.ckpt": True,
        "run.ckpt": False,
        "cut.ckpt": False,
        "text.ts": True,
        "folder.ts": False,
    }
    assert is_torchscript(tmp_path / "gone.ts")


def test_a_file_that_is_not_there_or_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["places", str(tmp_path / "gone.ts")]) == 1
    assert "gone.ts cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "text.ts").write_text("no model")
    assert cli.main(["places", str(tmp_path / "text.ts")]) == 1
    assert "is no TorchScript file" in capsys.readouterr().err


# -- export --------------------------------------------------------------------------------
@pytest.fixture
def bends(tmp_path: Path) -> Path:
    gain = tb.BendingParameter("gain", 1.0, range=[0.0, 2.0])
    path = tmp_path / "bends.json"
    tb.BendingConfig((tb.Scale(gain), "up$"), (tb.Scale(gain), "down.weight")).save(path)
    return path


def test_a_file_is_exported_bent_and_checked(
    file: Path, bends: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bent.ts"
    assert cli.main(["export", str(file), "-o", str(out), "--bend", str(bends)]) == 0
    said = capsys.readouterr().out
    assert "  set gain from 0 to 2 (Scale on 2 places: up$; Scale on down.weight)" in said
    theirs, ours = torch.jit.load(str(file)), torch.jit.load(str(out))
    x = torch.randn(1, 1, 64)
    assert torch.equal(ours(x), theirs(x))
    assert ours.set_gain(0.5) == 0
    ours(x)  # the knob glides
    with torch.no_grad():
        by_hand = 0.5 * theirs.down(torch.tanh(0.5 * theirs.up(x)))
        by_hand += 0.5 * theirs.down.bias[:, None]
    assert torch.allclose(ours(x), by_hand, atol=1e-6)


def test_what_is_said_of_a_run_cannot_be_said_of_a_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(file), "-o", str(tmp_path / "out.ts")]
    assert cli.main([*words, "--sample-rate", "48000", "--ema"]) == 1
    said = capsys.readouterr().err
    assert "--sample-rate, --ema can be chosen of a RAVE run alone" in said
    assert not (tmp_path / "out.ts").exists()
