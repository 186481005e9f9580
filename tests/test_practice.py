"""The run, the file and the sound to try things on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import torchbend as tb
from torchbend.practice import practice_file, practice_run, practice_sound


def test_the_sound_is_one_channel_of_whole_blocks_and_always_the_same() -> None:
    sound = practice_sound(1.0)
    assert sound.shape == (1, 44100 // 2048 * 2048)
    assert float(sound.abs().max()) == pytest.approx(1.0)
    assert torch.equal(sound, practice_sound(1.0))


@pytest.mark.rave
def test_the_run_opens_and_follows_what_it_hears(tmp_path: Path) -> None:
    from torchbend.interfaces.rave import BendedRAVE

    assert practice_run(tmp_path / "run") == tmp_path / "run"
    model = BendedRAVE(tmp_path / "run")
    assert (model.latent_size, model.channels, model.sample_rate) == (8, 1, 44100)
    sound = practice_sound(1.0)[None]
    quiet = torch.zeros_like(sound)
    heard = model(torch.cat([sound, quiet, sound], -1))
    first, rest, second = heard.split(sound.shape[-1], -1)
    assert 0.01 < float(first.std()) < 1.0  # a level that training would give
    # After half a second of silence it is silent, and it answers a sound the same way again.
    assert float(rest[..., 22050:].abs().max()) < 1e-3 * float(first.abs().max())
    assert torch.allclose(second, first, atol=1e-4 * float(first.abs().max()))


@pytest.mark.rave
def test_two_runs_are_the_same(tmp_path: Path) -> None:
    saved = []
    for name in ("a", "b"):
        (checkpoint,) = practice_run(tmp_path / name).rglob("*.ckpt")
        saved.append(torch.load(checkpoint, weights_only=True)["state_dict"])
    assert saved[0].keys() == saved[1].keys()
    for name, value in saved[0].items():
        assert torch.equal(value, saved[1][name]), name


@pytest.mark.rave
def test_the_file_plays_what_the_run_plays_and_has_the_names_of_an_exported_rave(
    tmp_path: Path,
) -> None:
    from torchbend.interfaces.rave import BendedRAVE

    run = BendedRAVE(practice_run(tmp_path / "run"))
    bended = tb.load(practice_file(tmp_path / "rave.ts"))
    for block in practice_sound(0.5)[None].split(2048, -1):
        torch.manual_seed(0)
        expected = run(block)
        torch.manual_seed(0)
        assert torch.equal(bended(block), expected)
    assert bended.traced_methods == ["forward", "decode", "encode"]
    assert {"decoder.net.9", "decoder.net.9.aligned.branches.1", "pqmf"} <= set(
        bended.activations("decode")
    ) | set(bended.activations("encode"))
    assert "decoder.net.2.weight" in bended.weight_names
