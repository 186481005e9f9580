"""AudioCraft beside a current torch, without xformers and without spaCy's English."""

from __future__ import annotations

import importlib.util
import logging
import math
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from musicgen_tiny import built

from torchbend.errors import TorchbendError
from torchbend.interfaces import _audiocraft_import
from torchbend.interfaces._audiocraft_import import import_audiocraft
from torchbend.interfaces.audiocraft import BendedMusicGen


def test_a_missing_audiocraft_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "audiocraft"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "audiocraft", None)
    monkeypatch.setattr(_audiocraft_import, "import_torchaudio", lambda: None)
    with pytest.raises(
        TorchbendError, match="AudioCraft.* not installed.*torchbend install musicg"
    ):
        BendedMusicGen("debug")


@pytest.mark.musicgen
def test_no_stand_in_stays() -> None:
    import_audiocraft()
    for name in ("xformers", "spacy"):
        if importlib.util.find_spec(name) is None:  # raises where a stand-in stayed
            assert name not in sys.modules


@pytest.mark.musicgen
def test_memory_efficient_attention_is_causal_attention() -> None:
    import_audiocraft()
    transformer: Any = importlib.import_module("audiocraft.modules.transformer")
    torch.manual_seed(0)
    attention = transformer.StreamingMultiheadAttention(
        8, 2, causal=True, memory_efficient=True, bias=False
    ).eval()
    x = torch.randn(3, 5, 8)
    q, k, v = (x @ attention.in_proj_weight.T).reshape(3, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
    scores = (q @ k.transpose(-1, -2)) / math.sqrt(4)
    scores = scores.masked_fill(torch.ones(5, 5).triu(1) > 0, float("-inf"))
    want = (scores.softmax(-1) @ v).transpose(1, 2).reshape(3, 5, 8) @ attention.out_proj.weight.T
    with torch.no_grad():
        assert torch.allclose(attention(x, x, x)[0], want, atol=1e-6)
        # and so it is when the steps come one at a time, the first two together
        model = transformer.StreamingTransformer(
            8, 2, 2, causal=True, memory_efficient=True, norm_first=True
        ).eval()
        whole = model(x)
        with model.streaming():
            parts = [model(x[:, :2]), *(model(x[:, i : i + 1]) for i in range(2, 5))]
        assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-6)
        with model.streaming(), pytest.raises(TorchbendError, match="one at a time"):
            model(x[:, :2])
            model(x[:, 2:])


@pytest.mark.musicgen
def test_words_without_spacy(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        words = _audiocraft_import._Languages(None).load("en_core_web_sm")
    assert "en_core_web_sm is not installed" in caplog.text
    assert [word.text for word in words("A Calm, slow-ish  rain")] == [
        *("A", "Calm", ",", "slow", "-", "ish", "rain")
    ]
    assert words("Calm")[0].lemma_ == "calm"


@pytest.mark.musicgen
def test_spacys_own_english_where_it_is() -> None:
    there = SimpleNamespace(load=lambda name: f"spaCy's {name}")
    assert _audiocraft_import._Languages(there).load("xx") == "spaCy's xx"

    def missing(name: str) -> None:
        raise OSError(f"no {name}")

    fallback = _audiocraft_import._Languages(SimpleNamespace(load=missing)).load("xx")
    assert [word.text for word in fallback("two words")] == ["two", "words"]


@pytest.mark.musicgen
def test_words_count(tmp_path: Any) -> None:
    """The stand-in tells words apart, as spaCy without its model would not."""
    from musicgen_tiny import LM as lm

    conditioner = built(lm).condition_provider.conditioners["description"]
    one, other = conditioner.tokenize(["calm rain"])[0], conditioner.tokenize(["loud rain"])[0]
    assert one.shape == other.shape == (1, 2)
    assert one[0, 0] != other[0, 0]
    assert one[0, 1] == other[0, 1]
