"""Every operation in C++ as in Python: one file with all of them, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch
from native_support import probe, read_wav, write_wav
from operation_nets import (
    INPUTS,
    TAPS,
    Branches,
    Case,
    any_length,
    bent_activations,
    bent_weights,
    cases,
)
from operation_places import CHANNELS, FRAMES, places_of
from operation_places import sound as place_value
from support import noise, seeded
from torch import Tensor

import torchbend as tb
from torchbend.bending.registry import operations
from torchbend.export.guard import guard

BLOCKS = (1, 48, FRAMES, 1000)
SOUND = 2000  # frames
TOLERANCE = 1e-6  # of a channel's peak

pytestmark = pytest.mark.slow

every_operation = pytest.mark.parametrize("name", list(operations()))
PlayBent = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Played:
    """One file in C++, and the bent module that it was made of, in Python.

    Attributes:
        chosen: the cases, in the order of their channels.
        sounds: by block size (and amount), what C++ played and what Python did.
    """

    chosen: Sequence[Case]
    sounds: dict[object, tuple[Tensor, Tensor]]

    def of(self, name: str) -> Iterator[tuple[str, Tensor, Tensor]]:
        """The channels of an operation, in C++ and in Python, by a name for people."""
        for what, (native, python) in self.sounds.items():
            for i, case in enumerate(self.chosen):
                if case.operation.name == name:
                    own = slice(i * CHANNELS, (i + 1) * CHANNELS)
                    yield f"example {case.number}, {what}", native[own], python[own]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of convolutions may be ordered otherwise on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def activations(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], list[Played]]:
    """What takes blocks of any length, and what takes those of the traced one alone."""

    @cache
    def made() -> list[Played]:
        folder = tmp_path_factory.mktemp("activations")
        free, bound = any_length()
        found = []
        for chosen, blocks in ((free, BLOCKS), (bound, (FRAMES,))):
            bended = bent_activations(chosen)
            bended.export(folder / "x.ts", check=False, patches=False)
            sounds = {
                f"blocks of {block}": (in_cpp(folder, block), in_python(bended, block))
                for block in blocks
            }
            found.append(Played(chosen, sounds))
        return found

    return made


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Played]:
    """Bends of weights that are made by the file itself: its knob moves."""

    @cache
    def made() -> Played:
        folder = tmp_path_factory.mktemp("weights")
        chosen = cases("weight")
        bended = bent_weights(chosen)
        bended.export(folder / "x.ts", check=False, patches=False)
        sounds = {}
        for amount in (1.0, 0.3):
            bended.update("amount", amount)
            native = in_cpp(folder, FRAMES, "--set", f"0:amount={amount}")
            python = in_python(bended, FRAMES)
            # a Scale is a gain in the file, and glides through the first block
            sounds[f"amount {amount}"] = native[:, FRAMES:], python[:, FRAMES:]
        return Played(chosen, sounds)

    return made


def sound(block: int) -> Tensor:
    """Whole blocks, ``(channels, frames)``."""
    return 0.5 * noise(INPUTS, SOUND // block * block, seed=3)


def in_cpp(folder: Path, block: int, *options: object) -> Tensor:
    """What bend-probe plays of the file in a folder."""
    heard = write_wav(folder / "in.wav", sound(block))
    arguments = [folder / "x.ts", heard, folder / "out.wav", "--block", block, "--threads", 1]
    told = probe("render", *arguments, *options)[-1]
    assert (told["errors"], told["finite"]) == (0, True), told
    return read_wav(folder / "out.wav")


def in_python(bended: tb.BendedModule, block: int) -> Tensor:
    """What the bent module plays, from the start."""
    bended._runner.forget()
    with torch.inference_mode():
        parts = [bended(part.clone()) for part in torch.split(sound(block)[None], block, -1)]
    return torch.cat(parts, -1)[0]


def compare(played: Played, name: str) -> int:
    """Compare the channels of an operation one by one; returns how many there were."""
    count = 0
    for what, native, python in played.of(name):
        assert native.shape == python.shape
        for channel, (a, b) in enumerate(zip(native, python, strict=True)):
            off = float((a - b).abs().max()) / max(float(b.abs().max()), 1e-9)
            assert off <= TOLERANCE, f"{name}, {what}, channel {channel}: off by {off:.2g}"
            count += 1
    return count


@every_operation
def test_on_activations_it_plays_in_cpp_as_in_python(
    name: str, activations: Callable[[], list[Played]]
) -> None:
    operation = operations()[name]
    count = sum(compare(played, name) for played in activations())
    assert bool(count) == ("activation" in operation.places and not operation.random)


@every_operation
def test_on_weights_it_plays_in_cpp_as_in_python(
    name: str, weights: Callable[[], Played]
) -> None:
    operation = operations()[name]
    count = compare(weights(), name)
    assert bool(count) == ("weight" in operation.places and not operation.random)


@every_operation
def test_libtorch_of_nn_knows_its_operators(name: str) -> None:
    operation = operations()[name]
    for kind in operation.places:
        place = places_of(kind)
        for example in operation.examples:
            callback = operation.callback(**operation.settings(place, example))
            for each in (callback, tb.Bend(callback, 0.5, restore="whole")):
                kernel = each.kernel(place, place_value(place) if kind == "weight" else None)
                assert guard(torch.jit.script(kernel)) == []


def test_each_is_heard_in_its_own_channels(
    activations: Callable[[], list[Played]], weights: Callable[[], Played]
) -> None:
    for played, taps in [*((p, 1) for p in activations()), (weights(), TAPS)]:
        with torch.inference_mode():
            parts = torch.split(sound(FRAMES)[None], FRAMES, -1)
            net = seeded(Branches, len(played.chosen), taps)
            plain = torch.cat([net(part.clone()) for part in parts], -1)[0, :, FRAMES:]
        (bent,) = (
            python
            for what, (_, python) in played.sounds.items()
            if what in (f"blocks of {FRAMES}", "amount 1.0")
        )
        for i, case in enumerate(played.chosen):
            own = slice(i * CHANNELS, (i + 1) * CHANNELS)
            same = torch.equal(bent[own, -plain.shape[-1] :], plain[own])
            assert not same or case.number > 0, case
