"""Clusters: channels grouped by what they do, as selectors, in files, in exports."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import Codec, StreamingNet, loudness, noise, seeded
from ten_sounds import ten_sounds
from torch import nn

import torchbend as tb
from torchbend import cli
from torchbend.bending import BendingCallbackException
from torchbend.bending.cluster import Group
from torchbend.clusters.descriptors import DESCRIPTORS, Tally, loadings, points, window_for
from torchbend.contents import read_info
from torchbend.errors import BendingError, ConfigError
from torchbend.hints import ExportHints

LOW, HIGH, STILL = range(0, 12, 3), range(1, 12, 3), range(2, 12, 3)


class Families(nn.Module):
    """Twelve channels: every third one smooths, one sharpens, one stands still."""

    def __init__(self):
        super().__init__()
        self.bank = nn.Conv1d(1, 12, 9, padding=4)
        self.out = nn.Conv1d(12, 1, 1)
        signs = torch.tensor([1.0, -1.0] * 4 + [1.0])
        with torch.no_grad():
            for k in range(4):
                self.bank.weight[LOW[k]] = (1 + 0.02 * k) / 9
                self.bank.weight[HIGH[k]] = (1 + 0.02 * k) * signs / 9
                self.bank.weight[STILL[k]] = 0.0
            self.bank.bias.zero_()
            self.bank.bias[list(STILL)] = torch.tensor([0.1, 0.101, 0.102, 0.103])

    def forward(self, x):
        return torch.tanh(self.out(self.bank(x)))


class At8000(tb.BendedModule):
    """It knows its rate, so that it takes sound files."""

    def export_hints(self):
        return ExportHints(sample_rate=8000)


def families():
    bended = At8000(seeded(Families))
    bended.trace(x=torch.randn(1, 1, 128))
    return bended


def sounds(count=4):
    return [noise(1, 300 + 100 * k, seed=k) for k in range(count)]


@pytest.fixture(scope="module")
def found():
    return tb.cluster(families(), "bank", sounds(), n=3)


# -- finding ---------------------------------------------------------------------------
def test_what_does_the_same_is_together(found):
    assert list(found) == ["c0", "c1", "c2"]  # by rising centroid, which is 0 where all stands
    assert [found[name].channels for name in found] == [tuple(STILL), tuple(LOW), tuple(HIGH)]
    assert (found.place, found.channels, found.sounds) == ("forward:bank", 12, 4)
    means = [group.means for group in found.groups]
    assert means[0]["centroid"] == means[0]["flux"] == means[0]["correlation_1"] == 0
    assert means[0]["centroid"] < means[1]["centroid"] < 0.25 < means[2]["centroid"]


def test_it_is_the_same_every_time(found):
    bended = families()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    assert tb.cluster(bended, "forward:bank", sounds(), n=3) == found
    assert torch.equal(torch.rand(3), expected)
    assert tb.cluster(bended, "ban.$", [s[None] for s in sounds()], 3, "forward") == found
    assert tb.cluster(bended, "bank", sounds(), n=12, seed=3).groups


def test_one_descriptor_alone():
    by_level = tb.cluster(families(), "bank", sounds(), n=2, descriptors="level")
    assert by_level.descriptors == ("level",)
    loud = 10 * np.log10(0.1**2)
    levels = {name: by_level.group(name).means["level"] for name in by_level}
    (still,) = [name for name in by_level if 2 in by_level[name].channels]
    assert set(STILL) <= set(by_level[still].channels)
    assert abs(levels[still] - loud) < 1


@pytest.mark.parametrize("script", [lambda net: net, torch.jit.script], ids=["module", "file"])
def test_sounds_begin_in_the_same_state_whatever_was_played(script):
    fresh, played = (tb.BendedModule(script(seeded(StreamingNet))) for _ in range(2))
    place = "second.conv$"
    heard = [noise(1, 2, 40 + k, seed=k) for k in range(3)]
    for bended in (fresh, played):
        bended.trace(x=heard[0])
    played(noise(1, 2, 64, seed=9))
    before = {n: b.clone() for n, b in played._shadow.named_buffers()}
    first = tb.cluster(fresh, place, heard, n=2)
    assert tb.cluster(played, place, heard, n=2) == first
    after = dict(played._shadow.named_buffers())
    assert before.keys() == after.keys() and all(torch.equal(before[n], after[n]) for n in before)
    assert float(before["blocks"]) > 0


class Grainy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 6, 5)

    def forward(self, x):
        return self.conv(x + torch.randn_like(x)).relu()


def test_noise_in_the_model_is_the_same_each_time():
    bended = tb.BendedModule(seeded(Grainy))
    bended.trace(x=noise(1, 1, 64))
    once = tb.cluster(bended, "conv", sounds(2), n=2)
    torch.manual_seed(99)
    assert tb.cluster(bended, "conv", sounds(2), n=2) == once


def test_bends_count_only_if_asked(found):
    bended = families()
    bended.bend(tb.Scale(0.0), "bank")
    assert tb.cluster(bended, "bank", sounds(), n=3) == found
    with pytest.raises(BendingError, match="'forward:bank' is silent"):
        tb.cluster(bended, "bank", sounds(), n=3, with_bends=True)


def test_encoded_sounds_through_decode():
    codec = tb.BendedModule(seeded(Codec, channels=8))
    codec.trace("encode", noise(1, 1, 64))
    codec.trace("decode", noise(1, 2, 64))
    latents = [codec.encode(s[None]) for s in sounds(3)]
    clusters = tb.cluster(codec, "decoder_0", latents, n=2, fn="decode")
    assert clusters.place == "decode:decoder_0"
    assert clusters == tb.cluster(codec, "decode:decoder_0", latents, n=2)
    with pytest.raises(BendingError, match="sound 0: decode takes no sound.*encode makes"):
        tb.cluster(codec, "decoder_0", ["drums.wav"], n=2, fn="decode")


def test_sound_files_at_their_own_rate(tmp_path, found):
    for k, sound in enumerate(sounds()):
        twice = np.repeat(sound.numpy().T, 2, axis=1)  # stereo, of which the mean is taken
        soundfile.write(tmp_path / f"{k}.wav", twice, 8000, subtype="FLOAT")
    files = sorted(tmp_path.glob("*.wav"))
    assert tb.cluster(families(), "bank", files, n=3) == found
    soundfile.write(tmp_path / "fast.wav", noise(1, 4000)[0].numpy(), 16000, subtype="FLOAT")
    assert tb.cluster(families(), "bank", [str(tmp_path / "fast.wav")], n=3).sounds == 1
    with pytest.raises(BendingError, match="sound 1: .*no such file.*Nearest: '3.wav'"):
        tb.cluster(families(), "bank", [files[0], tmp_path / "33.wav"], n=3)
    no_rate = tb.BendedModule(seeded(Families))
    no_rate.trace(x=noise(1, 1, 64))
    with pytest.raises(BendingError, match="no sample rate.*give tensors"):
        tb.cluster(no_rate, "bank", files, n=3)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(2, 8, 3)

    def forward(self, x, y):
        return self.mix(torch.cat([x, y], 1))


def test_several_inputs_by_name():
    bended = tb.BendedModule(seeded(Two))
    bended.trace(x=noise(1, 1, 64), y=noise(1, 1, 64, seed=1))
    both = [{"x": noise(1, 90, seed=k), "y": noise(1, 90, seed=k + 5)} for k in range(2)]
    assert len(tb.cluster(bended, "mix", both, n=3)) == 3
    with pytest.raises(BendingError, match="sound 0: forward takes several.*'x': ..., 'y'"):
        tb.cluster(bended, "mix", sounds(1), n=3)
    with pytest.raises(BendingError, match="sound 0: .*by name"):
        tb.cluster(bended, "mix", [{"x": noise(1, 90)}], n=3)


def test_a_file_without_its_source(found):
    scripted = tb.BendedModule(torch.jit.script(seeded(Families)))
    scripted.trace(x=noise(1, 1, 128))
    clusters = tb.cluster(scripted, "bank", sounds(), n=3)
    assert [clusters[name].channels for name in clusters] == [
        found[name].channels for name in found
    ]
    x = noise(1, 1, 100)
    plain = scripted(x)
    scripted.bend(tb.Bend(tb.Scale(0.0), channels=clusters["c1"]), clusters.pattern)
    model = seeded(Families)
    y = model.bank(x)
    y[:, list(LOW)] = 0
    assert torch.allclose(scripted(x), torch.tanh(model.out(y)), atol=1e-6)
    assert not torch.allclose(scripted(x), plain)


# -- descriptors -----------------------------------------------------------------------
def windows_of(x, size):
    return [x[start : start + size] for start in range(0, len(x) - size + 1, size // 2)]


def by_hand(parts, size):
    """Level, centroid and flux of one channel in several sounds, in loops."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    power = np.mean(np.concatenate(parts) ** 2)
    weighed = total = change = length = 0.0
    for part in parts:
        before = None
        for window in windows_of(part, size):
            magnitudes = np.abs(np.fft.fft((window - window.mean()) * hann))[: size // 2 + 1]
            for k, m in enumerate(magnitudes):
                weighed += k / size * m**2
                total += m**2
            if before is not None:
                change += np.sqrt(np.sum((magnitudes - before) ** 2))
                length += np.sqrt(np.sum(magnitudes**2))
            before = magnitudes
    return 10 * np.log10(power), weighed / total, change / length


def test_the_numbers_are_what_they_are_said_to_be():
    heard = [noise(1, 5, 70, seed=1) + 0.3, noise(1, 5, 45, seed=2)]
    heard = [x * torch.tensor([1.0, 0.1, 2.0, 0.5, 1.0])[:, None] for x in heard]
    heard[1][:, 3] *= torch.tensor([1.0, -1.0]).repeat(23)[:45]
    size = window_for(45)
    assert size == 16
    tally = Tally(5, size)
    for x in heard:
        tally.add(x)
    told = tally.describe()
    for channel in range(5):
        parts = [x[0, channel].double().numpy() for x in heard]
        level, centroid, flux = by_hand(parts, size)
        assert np.isclose(float(told["level"][channel]), level)
        assert np.isclose(float(told["centroid"][channel]), centroid)
        assert np.isclose(float(told["flux"][channel]), flux)
    levels = np.array(
        [
            [
                np.sqrt(np.mean(window**2))
                for x in heard
                for window in windows_of(x[0, channel].double().numpy(), size)
            ]
            for channel in range(5)
        ]
    )
    z = (levels - levels.mean(1, keepdims=True)) / levels.std(1, keepdims=True)
    _, _, components = np.linalg.svd(z, full_matrices=False)
    for column, component in zip(("correlation_1", "correlation_2"), components, strict=False):
        expected = np.array([np.corrcoef(row, component)[0, 1] for row in levels])
        expected *= np.sign(expected[np.abs(expected).argmax()])
        assert np.allclose(told[column].numpy(), expected)


def test_a_tone_is_steady_and_noise_is_not():
    tone = torch.sin(2 * torch.pi * 0.125 * torch.arange(4096.0))
    burst = torch.zeros(4096)
    burst[1000:1064] = noise(64)
    tally = Tally(4, 64)
    tally.add(torch.stack([tone, noise(4096), burst, torch.full((4096,), 0.7)])[None])
    told = tally.describe()
    assert abs(float(told["centroid"][0]) - 0.125) < 1e-3
    assert abs(float(told["centroid"][1]) - 0.25) < 0.01
    assert float(told["flux"][0]) < 1e-3 < 0.5 < float(told["flux"][1]) < 0.9
    assert [float(told[name][3]) for name in told if name != "level"] == [0, 0, 0, 0]
    assert np.isclose(float(told["level"][3]), 20 * np.log10(0.7))


def test_silent_channels_are_not_infinitely_low():
    tally = Tally(2, 8)
    tally.add(torch.stack([torch.ones(32), torch.zeros(32)])[None])
    assert tally.describe()["level"].tolist() == [0.0, -100.0]


def test_loadings_where_there_are_not_as_many():
    assert loadings(noise(1, 9).double(), 2).tolist() == [[pytest.approx(1.0)], [0.0]]
    assert not loadings(torch.ones(3, 9).double(), 2).any()


def test_each_descriptor_is_as_wide_as_another():
    columns = ("level", "centroid", "flux", "correlation_1", "correlation_2")
    description = {name: noise(50, seed=k).double() * 10**k for k, name in enumerate(columns)}
    cloud = points(description, ("level", "correlation"))
    assert cloud.shape == (50, 3)
    assert torch.allclose(cloud.mean(0), torch.zeros(3).double(), atol=1e-12)
    spread = cloud.square().mean(0)
    assert torch.allclose(spread, torch.tensor([1, 0.5, 0.5]).double())
    description["level"] = torch.full((50,), -20.0).double()
    assert not points(description, ("level",)).any()


@pytest.mark.parametrize(("frames", "window"), [(16, 8), (31, 8), (32, 16), (128, 64), (9999, 64)])
def test_two_windows_fit_into_the_shortest_sound(frames, window):
    assert window_for(frames) == window


# -- what cannot be clustered ----------------------------------------------------------
def asked(bended=None, place="bank", heard=None, **settings):
    heard = sounds() if heard is None else heard
    return tb.cluster(bended or families(), place, heard, **{"n": 3, **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 13}, "1 to the 12 channels of 'forward:bank'; got 13"),
        ({"n": 0}, "1 to the 12 channels"),
        ({"n": True}, "whole number"),
        ({"place": "bnak"}, "matches no activation of forward.*Nearest: 'bank'"),
        ({"place": "bank.weight"}, "is a weight.*Nearest: 'bank'"),
        ({"place": ".*"}, "reaches . activations of forward"),
        ({"place": 3}, "a place is the name"),
        ({"fn": "decode"}, "'decode' is not traced"),
        ({"heard": noise(1, 300)}, "a list of sounds.*a tensor of shape"),
        ({"heard": "drums.wav"}, "a list of sounds.*'drums.wav'"),
        ({"heard": [noise(1, 300), torch.zeros(1, 300)]}, "sound 1: it is silent"),
        ({"heard": [noise(1, 300) / 0]}, "sound 0: x has values that are no numbers"),
        ({"heard": [noise(2, 300)]}, r"sound 0: forward was traced with x of shape \(1, 1, 128\)"),
        ({"heard": [noise(1, 1, 1, 300)]}, "sound 0: forward was traced"),
        ({"heard": [noise(1, 300), noise(1, 15)]}, "sound 1 is too short.*15 frames.*16"),
        ({"heard": [3]}, "sound 0: a sound is a tensor, the name of a file"),
        ({"heard": [torch.zeros(1, 0)]}, "sound 0: x is a tensor with something in it"),
        ({"descriptors": ("level", "centriod")}, "no descriptor 'centriod'.*Nearest: 'centroid'"),
        ({"descriptors": ()}, "needs descriptors, of level, centroid"),
        ({"dim": 3}, "channels are dim 1 to 2, not 3"),
        ({"seed": None}, "a seed is an int"),
        ({"seed": 1.5}, "a seed is an int"),
        ({"bended": seeded(Families)}, "takes a BendedModule, not Families"),
    ],
)
def test_what_does_not_serve_is_refused(settings, message):
    with pytest.raises(BendingError, match=message):
        asked(**settings)


def test_no_sounds_at_all():
    with pytest.raises(BendingError, match="a list of sounds"):
        tb.cluster(families(), "bank", [], n=3)


class Odd(nn.Module):
    """Activations that are not real channels with frames, and some that break."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
        self.flat = nn.Linear(4, 5)

    def forward(self, x):
        y = self.conv(x)
        z = torch.log(y)  # NaN where negative
        flat = self.flat(y.mean(-1))
        whole = y.long()
        return flat.sum() + z.sum() + whole.sum()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("flat", r"float32 of shape \(1, 5\).*\(batch, channels, frames\)"),
        ("long", r"int64 of shape \(1, 4, 62\)"),
        ("log", "sound 0: 'forward:log' has values that are no numbers.*channels, first in"),
    ],
)
def test_places_without_channels_and_frames(place, message):
    bended = tb.BendedModule(seeded(Odd))
    bended.trace(x=noise(1, 1, 64))
    with pytest.raises(BendingError, match=message):
        tb.cluster(bended, place, sounds(2), n=2)


def test_fewer_different_channels_than_clusters():
    bended = families()
    with torch.no_grad():
        bended.module.bank.weight[:] = 1.0
        bended.module.bank.bias[:] = 0.0
        bended.module.bank.weight[3:] = -2.0
    with pytest.raises(BendingError, match="only 2 different things.*2 clusters at the most"):
        tb.cluster(bended, "bank", sounds(), n=3)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(BendingError, match=r"pip install 'torchbend\[clusters\]'"):
        asked()


# -- what they are ---------------------------------------------------------------------
def test_names_are_given_and_looked_up(found):
    named = found.rename({"c0": "still", "c1": "dark"})
    assert list(named) == ["still", "dark", "c2"]
    assert len(named) == 3
    assert named["dark"].channels == found["c1"].channels == tuple(LOW)
    assert list(found.rename({"c0": "c1", "c1": "c0"})) == ["c1", "c0", "c2"]
    with pytest.raises(BendingError, match="no cluster 'drak' at 'forward:bank'. Nearest: 'dark'"):
        named["drak"]
    with pytest.raises(BendingError, match="no cluster 'c0'"):
        named.rename({"c0": "dark"})
    for wrong in ("c1", "", " "):
        with pytest.raises(BendingError, match="a name of its own"):
            found.rename({"c0": wrong})
    with pytest.raises(BendingError, match="name is text"):
        found.rename({"c0": 3})


def test_the_table(found):
    lines = str(found.rename({"c1": "dark"})).splitlines()
    assert lines[0] == "forward:bank: 12 channels, 4 sounds"
    assert lines[2].split() == [
        *("name", "channels", "level", "(dB)", "centroid", "flux"),
        *("correlation_1", "correlation_2", "which"),
    ]
    dark = lines[5].split(maxsplit=7)
    assert dark[:2] == ["dark", "4"] and dark[7] == "0, 3, 6, 9"
    assert abs(float(dark[3]) - found.group("c1").means["centroid"]) < 1e-3
    assert repr(found) == "<3 clusters of 'forward:bank': c0, c1, c2>"
    one = tb.Clusters("f:x", 300, "m", (Group("a", tuple(range(0, 300, 2))), Group("b", (5, 7))))
    assert str(one).splitlines()[4].endswith("16, 18, ...") and one.groups[1].means == {}


def test_a_cluster_chooses_its_channels(found):
    bended = families()
    x = noise(1, 1, 200, seed=8)
    plain = bended(x)
    amount = tb.BendingParameter("amount", 1.0, range=[0, 1])
    bended.bend(tb.Bend(tb.Scale(0.5), amount, channels=found["c2"]), found.pattern)
    y = bended.module.bank(x).detach()
    y[:, list(HIGH)] *= 0.5
    assert torch.allclose(bended(x), torch.tanh(bended.module.out(y)), atol=1e-6)
    bended.update("amount", 0.0)
    assert torch.equal(bended(x), plain)


def test_clusters_of_another_place_or_number(found):
    bended = families()
    with pytest.raises(BendingCallbackException, match=r"at 'forward:tanh'|has 1 here"):
        bended.bend(tb.Bend(tb.Scale(0.5), channels=found["c0"]), "tanh")
    codec = tb.BendedModule(seeded(Codec, channels=12))
    codec.trace("encode", noise(1, 1, 64))
    with pytest.raises(
        BendingCallbackException,
        match=r"'forward:bank', which the pattern 'forward:bank\$' reaches; at 'encode:encoder_0' "
        r".*channels=Channels\(\*clusters\['c1'\]\.channels\)",
    ):
        codec.bend(tb.Bend(tb.Scale(0.5), channels=found["c1"]), "encode:encoder_0")
    anyway = tb.Channels(*found["c1"].channels)
    codec.bend(tb.Bend(tb.Scale(0.5), channels=anyway), "encode:encoder_0")
    with pytest.raises(BendingCallbackException, match="of the 12 channels.*has 2 here: find its"):
        codec.bend(tb.Bend(tb.Scale(0.5), channels=found["c1"]), "encode:bottleneck")


def test_clusters_of_another_training_of_the_model(found):
    other = tb.BendedModule(seeded(Families, seed=1))  # with another `out`
    other.trace(x=noise(1, 1, 128))
    bend = tb.Bend(tb.Scale(0.5), channels=found["c1"])
    with pytest.raises(BendingCallbackException, match="a model with other weights.*Channels"):
        other.bend(bend, found.pattern)
    with pytest.raises(BendingCallbackException, match="other weights"):
        other.bend(tb.Bias(1.0) >> bend, found.pattern)
    assert not other.bended_keys()
    same = families()
    same.bend(tb.Normal(0.5, seed=0), "bank.weight")  # bends make it no other model
    same.create_version("wild", {n: 2 * p for n, p in same.named_parameters()})
    with same.set_version("wild"):
        same.bend(bend, found.pattern)
    assert "bank" in same.bended_keys()


def test_the_channels_of_another_dimension():
    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(3, 8)

        def forward(self, x):
            return self.lin(x).tanh()

    bended = tb.BendedModule(seeded(Rows))
    bended.trace(x=noise(1, 40, 3))
    clusters = tb.cluster(bended, "lin", [noise(1, 40, 3, seed=k) for k in range(3)], n=2, dim=2)
    assert (clusters.channels, clusters.dim) == (8, 2)
    with pytest.raises(BendingCallbackException, match=r"along dim 2 \(Bend takes dim=\)"):
        bended.bend(tb.Bend(tb.Scale(0.5), channels=clusters["c0"]), "lin$")
    bended.bend(tb.Bend(tb.Scale(0.5), channels=clusters["c0"], dim=2), "lin$")
    x = noise(1, 40, 3, seed=5)
    y = bended.module.lin(x).detach()
    y[..., list(clusters["c0"].channels)] *= 0.5
    assert torch.allclose(bended(x), y.tanh(), atol=1e-6)


# -- files -----------------------------------------------------------------------------
def test_saved_and_loaded(found, tmp_path):
    named = found.rename({"c1": "dark"})
    named.save(tmp_path / "clusters.json")
    loaded = tb.Clusters.load(tmp_path / "clusters.json")
    assert loaded == named and hash(loaded) == hash(named) and str(loaded) == str(named)
    assert loaded != found
    bended = families()
    bended.bend(tb.Bend(tb.Scale(0.5), channels=loaded["dark"]), loaded.pattern)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.text(min_size=1, max_size=5))
def test_any_partition_goes_there_and_back(labels, prefix):
    groups = tuple(
        Group(
            f"{prefix}!{label}",
            tuple(i for i, each in enumerate(labels) if each == label),
            {"level": -10.0 * label},
        )
        for label in sorted(set(labels))
    )
    clusters = tb.Clusters("forward:x", len(labels), "abc", groups, ("level",), 3)
    config = tb.BendingConfig(
        *((tb.Bend(tb.Scale(2.0), channels=clusters[name]), "x") for name in clusters)
    )
    assert tb.BendingConfig.from_json(config.to_json()) == config


MISTAKES = [
    ('"torchbend-clusters"', '"torchbend-config"', "format is 'torchbend-config'"),
    ('"version": 1', '"version": 2', "reads up to 1.*Update torchbend"),
    ('"version": 1', '"version": "1"', "there are versions 1 to 1"),
    ('"place": "forward:bank"', '"place": 3', "place is text; got 3"),
    ('"place"', '"palce"', "no 'palce'.*Nearest: 'place'"),
    ('"channels": 12', '"channels": 12.5', "channels is a whole number from 1"),
    ('"channels": 12', '"channels": 8', "'forward:bank' are 0 to 7"),
    ('"dim": 1', '"dim": -1', "dim is a whole number from 0"),
    ('"model": "', '"model": 3, "x": "', "no 'x'"),
    ('"sounds": 4', '"sounds": true', "sounds is a whole number"),
    ('"level",', "7,", "a descriptor's name is text; got 7"),
    ('"descriptors": [', '"descriptors": 3, "d": [', "no 'd'"),
    ('"c1": {', '"c1": 3, "c9": {', "clusters.c1 is an object"),
    ('"c1": {', '"c0": {', "'c0' is given twice"),
    ('"c1": {', '" ": {', "a name of its own"),
    ("        0,\n", "        true,\n", "a channel is a whole number from 0"),
    ("        0,\n", "        1,\n", "channel 1 is in 'c1' and in 'c2'"),
    ('"centroid": 0.0', '"centroid": "low"', 'a mean is a finite number; got "low"'),
    ('"centroid": 0.0', '"centroid": 1e999', "a mean is a finite number; got Infinity"),
    ('"centroid": 0.0', f'"centroid": {10**400}', "a mean is a finite number; got 1000"),
    ('"means": {', '"maens": {', "no 'maens'"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_says_file_line_and_what_would_fit(right, wrong, message, tmp_path, found):
    path = tmp_path / "mine.json"
    found.save(path)
    text = path.read_text()
    assert right in text
    start = text.index(right)
    path.write_text(text[:start] + wrong + text[start + len(right) :])
    with pytest.raises(ConfigError, match=rf"mine\.json, line \d+: .*{message}"):
        tb.Clusters.load(path)


def test_lines_are_exact(tmp_path, found):
    path = tmp_path / "mine.json"
    found.save(path)
    lines = path.read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if '"flux"' in line and ":" in line)
    lines[number] = lines[number].partition(":")[0] + ': "much",'
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=rf"line {number + 1}: a mean is a finite number"):
        tb.Clusters.load(path)


# -- configurations and exports --------------------------------------------------------
def bent_by_clusters(found):
    bended = families()
    named = found.rename({"c1": "dark", "c2": "bright"})
    for name in ("dark", "bright"):
        bended.bend(tb.Bend(tb.Scale(0.0), channels=named[name], name=name), named.pattern)
    return bended


def test_a_configuration_keeps_its_clusters_once(found, tmp_path):
    bended = bent_by_clusters(found)
    config = bended.bending_config()
    config.save(tmp_path / "bends.json")
    data = json.loads((tmp_path / "bends.json").read_text())
    assert data["version"] == 2
    assert list(data["clusters"]) == ["forward:bank"]
    assert [bend["settings"]["channels"] for bend in data["bends"]] == [
        {"select": "cluster", "clusters": "forward:bank", "cluster": name}
        for name in ("dark", "bright")
    ]
    again = families()
    loaded = tb.BendingConfig.load(tmp_path / "bends.json", again)
    assert loaded == config
    again.bend(loaded)
    x = noise(1, 1, 99)
    assert torch.equal(again(x), bended(x))
    other = tb.BendedModule(seeded(Families, seed=1))
    other.trace(x=noise(1, 1, 128))
    with pytest.raises(BendingCallbackException, match="other weights"):
        other.bend(loaded)


class Turned(nn.Module):
    """A model that hooks have to follow, with an argument that is no tensor."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 6, 3)

    def forward(self, x, gain: float):
        return self.conv(x) * gain * loudness(x)


def test_arguments_that_are_no_tensors_are_as_traced():
    bended = tb.BendedModule(seeded(Turned))
    bended.trace(x=noise(1, 1, 64), gain=2.0)
    assert len(tb.cluster(bended, "conv", [s[None] for s in sounds(2)], n=2)) == 2
    with pytest.raises(BendingError, match="sound 0: .*with all dimensions of the input"):
        tb.cluster(bended, "conv", sounds(2), n=2)


@pytest.mark.slow
def test_an_exported_file_carries_them(found, tmp_path, capsys):
    bended = bent_by_clusters(found)
    bended.update("bright_amount", 0.25)
    bended.export(tmp_path / "two.ts", patches=False)
    x = noise(1, 1, 256, seed=4)
    file = tb.load(tmp_path / "two.ts")
    assert torch.allclose(file(x), bended(x), atol=1e-6)
    assert file.set_dark_amount(0.0) == 0
    bended.update("dark_amount", 0.0)
    file(x)  # it glides
    assert torch.allclose(file(x), bended(x), atol=1e-6)
    assert cli.main(["info", str(tmp_path / "two.ts")]) == 0
    assert "channels=dark" in capsys.readouterr().out
    kept = read_info(tmp_path / "two.ts").bending
    again = families()
    again.bend(tb.BendingConfig.from_json(kept, again))
    again.update("dark_amount", 0.0)
    assert torch.allclose(again(x), bended(x), atol=1e-6)


# -- the manual ------------------------------------------------------------------------
PAGE = (Path(__file__).parents[1] / "docs" / "clusters.md").read_text(encoding="utf-8")


def test_the_descriptors_of_the_page_are_those_that_there_are():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(DESCRIPTORS)


@pytest.mark.rave
@pytest.mark.slow
def test_the_page_runs_and_shows_what_it_prints(tmp_path, monkeypatch, capsys):
    from torchbend.interfaces._rave_build import save_run

    monkeypatch.chdir(tmp_path)
    save_run("my_rave", "v2_small", seed=0)
    Path("sounds").mkdir()
    for number, sound in enumerate(ten_sounds().values()):
        soundfile.write(f"sounds/{number}.wav", sound[0].numpy(), 44100, subtype="FLOAT")
    python, shown = re.findall(r"^```(?:python|text)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    Path("page.py").write_text(python, encoding="utf-8")
    page = runpy.run_path("page.py")
    printed, said = (table_of(text) for text in (capsys.readouterr().out, shown))
    assert printed[0] == said[0]
    assert [row[:1] for row in printed[1:]] == [row[:1] for row in said[1:]]
    for ours, theirs in zip(printed[1:], said[1:], strict=True):  # another torch rounds otherwise
        assert np.allclose([float(v) for v in ours[1:7]], [float(v) for v in theirs[1:7]], atol=0.1)
    assert tb.load("bright.ts").get_attributes()[:2] == ["body_amount", "body_bypass"]
    config = tb.BendingConfig.load("bends.json", page["rave"])
    assert config[1][0].channels == page["clusters"]["bright"]


def table_of(text):
    """The cells of a printed table, heads first."""
    lines = text.strip().splitlines()
    return [line.split() for line in (lines[2], *lines[4:])]
