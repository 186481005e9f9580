"""One file with a bend of every family, its knobs moved one by one in the C++ host and in Pd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from native_support import SAMPLE_RATE, probe, read_wav, run_pd, write_wav
from operation_nets import Shown, bent_families, families, shown
from support import noise
from torch import Tensor

from torchbend.bending.operation import FAMILIES

BLOCK = 64  # frames; that of Pd
STEP = 12 * BLOCK  # from one move to the next
# Of a step: it has glided, and what measures levels has forgotten that. In a thread, as nn~ plays
# it, the next move reaches the last blocks.
SETTLED = slice(STEP - 5 * BLOCK, STEP - 2 * BLOCK)
TOLERANCE = 1e-5  # of the peak

pytestmark = pytest.mark.slow

Values = Mapping[str, float]


@dataclass(frozen=True)
class Step:
    """Knobs that are moved at once.

    Attributes:
        what: of which bend is moved: "amount", "knob", "bypass", "solo", "back" or "all".
        bend: its name.
        moves: values by control.
        heard: the channels that are bent from then on.
    """

    what: str
    bend: str
    moves: Values = field(default_factory=dict)
    heard: frozenset[int] = frozenset()


def steps() -> list[Step]:
    """Each bend by itself; then all of them, each alone among them; then none."""
    bends = shown()
    found = [Step("back", "")]
    for bend in bends:
        name, own = bend.name, frozenset({bend.channel})
        found.append(Step("amount", name, {f"{name}_amount": 1.0}, own))
        if bend.knob is not None:
            found.append(Step("knob", name, {bend.control: bend.moved}, own))
        found.append(Step("bypass", name, {f"{name}_bypass": 1}))
        found.append(Step("bypass off", name, {f"{name}_bypass": 0}, own))
        found.append(Step("back", name, {f"{name}_amount": 0.0}))
    every = frozenset(bend.channel for bend in bends)
    found.append(Step("all", "", {f"{bend.name}_amount": 0.7 for bend in bends}, every))
    for bend in bends:
        name, own = bend.name, frozenset({bend.channel})
        found.append(Step("solo", name, {f"{name}_solo": 1}, own))
        found.append(Step("solo off", name, {f"{name}_solo": 0}, every))
    found.append(Step("back", "", {f"{bend.name}_amount": 0.0 for bend in bends}))
    return found


def sound() -> Tensor:
    """``(1, frames)``."""
    return 0.5 * noise(1, STEP * len(steps()), seed=4)


@dataclass(frozen=True)
class Played:
    """The same sound, the same moves.

    Attributes:
        host: the file, in a host.
        python: the bent module.
        unmoved: the bent module, with the bends' own knobs left where they start.
        plain: the net without bends.
    """

    host: Tensor
    python: Tensor
    unmoved: Tensor
    plain: Tensor

    def at(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is heard at the end of a step, ``(channels, frames)`` each."""
        here = slice(step * STEP + SETTLED.start, step * STEP + SETTLED.stop)
        return tuple(x[:, here] for x in (self.host, self.python, self.unmoved, self.plain))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of convolutions may be ordered otherwise on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the file is; it has passed the exporter's own check."""
    there = tmp_path_factory.mktemp("families")
    bent_families().export(there / "families.ts", patches=False)
    return there


def in_probe(folder: Path) -> Tensor:
    """The file in bend-probe."""
    heard = write_wav(folder / "in.wav", sound())
    moves = [
        word
        for k, step in enumerate(steps())
        for name, value in step.moves.items()
        for word in ("--set", f"{k * STEP / SAMPLE_RATE:.6f}:{name}={value}")
    ]
    arguments = [folder / "families.ts", heard, folder / "out.wav", "--block", BLOCK]
    *answers, told = probe("render", *arguments, "--threads", 1, *moves)
    assert (told["errors"], told["late_messages"]) == (0, 0)
    assert [answer["code"] for answer in answers] == [0] * (len(moves) // 2)
    return read_wav(folder / "out.wav")


def in_pd(folder: Path) -> Tensor:
    """The file in Pd, in its nn~."""
    outs = range(len(shown()))
    lines = [
        "#N canvas 0 0 400 300 10;",
        "#X obj 10 10 adc~ 1;",
        f"#X obj 10 50 nn~ families forward {BLOCK};",
        f"#X obj 10 90 dac~ {' '.join(str(k + 1) for k in outs)};",
        "#X obj 90 10 r nn;",
        "#X connect 0 0 1 0;",
        "#X connect 3 0 1 0;",
        *(f"#X connect 1 {k} 2 {k};" for k in outs),
    ]
    messages = [
        (k * STEP / SAMPLE_RATE, f"nn set {name} {value}")
        for k, step in enumerate(steps())
        for name, value in step.moves.items()
    ]
    late = BLOCK  # two blocks, and Pd's own less
    seconds = (sound().shape[-1] + late) / SAMPLE_RATE
    patch = "\n".join(lines) + "\n"
    run = run_pd(patch, seconds, folder=folder, sound=sound(), messages=messages)
    assert run.errors == []
    return run.sound[:, late:]


def in_python(*, own: bool) -> Tensor:
    """The bent module; ``own``: the bends' own knobs are moved, too."""
    bended = bent_families()
    outs = []
    with torch.inference_mode():
        for k, step in enumerate(steps()):
            for name, value in step.moves.items():
                if own or step.what != "knob":
                    bended.update(name, value)
            here = sound()[None, :, k * STEP : (k + 1) * STEP]
            outs += [bended(part.clone()) for part in torch.split(here, BLOCK, -1)]
    return torch.cat(outs, -1)[0]


def in_plain() -> Tensor:
    """The net without bends."""
    net = families()
    with torch.inference_mode():
        return torch.cat([net(x.clone()) for x in torch.split(sound()[None], BLOCK, -1)], -1)[0]


@pytest.fixture(scope="module", params=[in_probe, in_pd], ids=["bend-probe", "Pd"])
def played(request: pytest.FixtureRequest, folder: Path) -> Played:
    """In one of the hosts, and in Python."""
    play: Callable[[Path], Tensor] = request.param
    return Played(play(folder), in_python(own=True), in_python(own=False), in_plain())


def test_there_is_a_bend_of_every_family() -> None:
    assert {bend.operation.family for bend in shown()} == set(FAMILIES)
    assert {bend.kind for bend in shown()} == {"activation", "weight"}


def test_all_neutral_it_has_the_bits_of_the_net(played: Played) -> None:
    for k, step in enumerate(steps()):
        if step.what == "back":
            host, _, _, plain = played.at(k)
            assert torch.equal(host, plain), step


@pytest.mark.parametrize("bend", shown(), ids=lambda bend: bend.name)
def test_each_knob_is_heard_where_it_should_be_and_nowhere_else(
    played: Played, bend: Shown
) -> None:
    looked = []
    for k, step in enumerate(steps()):
        if step.bend != bend.name:
            continue
        looked.append(step.what)
        host, python, unmoved, plain = played.at(k)
        for channel in range(len(host)):
            where = f"{step}, channel {channel}"
            if channel not in step.heard:
                assert torch.equal(host[channel], plain[channel]), where
                continue
            peak = float(python[channel].abs().max())
            assert float((host - python)[channel].abs().max()) <= TOLERANCE * peak, where
            assert not torch.allclose(host[channel], plain[channel], atol=1e-3 * peak), where
            if step.what == "knob":
                assert not torch.allclose(host[channel], unmoved[channel], atol=1e-3 * peak), where
    own = ["knob"] if bend.knob is not None else []
    assert looked == ["amount", *own, "bypass", "bypass off", "back", "solo", "solo off"]
