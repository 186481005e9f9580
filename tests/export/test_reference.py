"""A reference comes back as it was written; what is none is refused."""

import json

import pytest
import torch
from safetensors.torch import save_file

from torchbend.errors import TorchbendError
from torchbend.export.reference import Case, read_reference, write_reference


def test_cases_come_back_as_written(tmp_path):
    sound = torch.randn(2, 1, 64)
    vector = torch.tensor([0.5, 2.0])
    cases = [
        Case("forward", 2, 16, 3, sound, sound * 2, {"gain": (0.5,), "v": (vector,)}, 1e-5),
        Case("forward", 2, 32, 4, sound, sound[:, :, ::2], {"mode": ("soft", 3)}),
    ]
    path = tmp_path / "ref.safetensors"
    write_reference(path, cases)
    first, second = read_reference(path)
    assert (first.method, first.batch, first.block, first.seed) == ("forward", 2, 16, 3)
    assert first.tolerance == 1e-5 and second.tolerance == 0.0
    assert torch.equal(first.input, sound) and torch.equal(first.output, sound * 2)
    assert first.settings["gain"] == (0.5,) and torch.equal(first.settings["v"][0], vector)
    assert second.settings == {"mode": ("soft", 3)}
    assert torch.equal(second.output, sound[:, :, ::2])


def test_a_shared_input_is_stored_once(tmp_path):
    sound = torch.randn(1, 1, 100_000)
    small = torch.zeros(1, 1, 1)
    path = tmp_path / "ref.safetensors"
    write_reference(path, [Case("forward", 1, 1, 0, sound, small) for _ in range(5)])
    assert path.stat().st_size < 2 * sound.numel() * 4


@pytest.mark.parametrize(
    "metadata",
    [{}, {"plan": "{"}, {"plan": "3"}, {"plan": '[{"method": "forward"}]'}, {"plan": "[1]"}],
)
def test_what_is_no_reference_is_refused(tmp_path, metadata):
    path = tmp_path / "ref.safetensors"
    save_file({"a": torch.zeros(1)}, str(path), metadata=metadata)
    with pytest.raises(TorchbendError, match="no reference"):
        read_reference(path)


def test_a_missing_or_cut_file_is_refused(tmp_path):
    path = tmp_path / "ref.safetensors"
    with pytest.raises(TorchbendError):
        read_reference(path)
    sound = torch.zeros(1, 1, 64)
    write_reference(path, [Case("forward", 1, 16, 0, sound, sound)])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TorchbendError, match="no reference"):
        read_reference(path)


def test_a_plan_that_names_a_missing_tensor_is_refused(tmp_path):
    path = tmp_path / "ref.safetensors"
    entry = {
        "method": "forward", "batch": 1, "block": 1, "seed": 0, "settings": {},
        "input": "gone", "output": "a", "tolerance": 0.0,
    }  # fmt: skip
    save_file({"a": torch.zeros(1)}, str(path), metadata={"plan": json.dumps([entry])})
    with pytest.raises(TorchbendError, match="gone"):
        read_reference(path)
