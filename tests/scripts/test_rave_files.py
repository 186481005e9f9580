"""RAVEs that RAVE's own code exported, opened and bent: beside the files, and plain torch.

The models have few and narrow layers, and else all that a RAVE of their kind has. The plain
torch is RAVE's ``ScriptedRAVE`` before it is scripted, with hooks and weights changed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from native_support import SAMPLE_RATE, probe, read_wav, run_pd, write_wav
from rave_export import rave_exported, rave_model, rave_scripted, silence
from script_nets import contents
from support import equal, noise
from torch import Tensor
from torch.overrides import TorchFunctionMode

import torchbend as tb
from torchbend.bending import BendingConfig
from torchbend.cli import main
from torchbend.interfaces._rave_build import save_run

pytestmark = [
    pytest.mark.rave,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Converting a tensor:torch.jit.TracerWarning"),
]

FEWER = ("CAPACITY = 4", "RATIOS = [4]")
FEW = (*FEWER, "DILATIONS = [[3]]")
KINDS = {
    "v1": (*FEWER, "blocks.ResidualStack.dilations_list = [[3, 1]]"),
    "v2": FEW,
    "v2_small": FEW,
    "v3": FEW,
    "discrete": (*FEW, "NUM_QUANTIZERS = 4"),
    "v2_small+wasserstein": FEW,
    "v2_small+spherical": FEW,
    "v2_small+adain": FEW,
}
METHODS = ("encode", "decode", "forward")
OWN = ["learn_target", "reset_target", "learn_source", "reset_source"]
PLAYED = [(1, 2048), (4, 4096), (1, 8192), (1, 2048)]  # signals, frames of sound


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums of convolutions may be ordered otherwise on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


class Made:
    """A RAVE of a kind, and RAVE's export of it."""

    def __init__(self, kind: str, folder: Path, seed: int = 1) -> None:
        self.kind = kind
        self.model = rave_model(save_run(folder / "run", kind, seed=seed, overrides=KINDS[kind]))
        self.path = rave_exported(self.model, folder / "rave.ts")

    def file(self) -> Any:
        return torch.jit.load(str(self.path))

    def source(self) -> Any:
        """The Python that the file was scripted from, as it was then."""
        source = rave_scripted(self.model)
        source.load_state_dict(self.file().state_dict())
        return source

    def given(self, fn: str, frames: int, seed: int, rows: int = 1) -> Tensor:
        channels, ratio = getattr(self.file_params, f"{fn}_params")[:2].tolist()
        loud = {"decode": 300.0 if self.kind == "discrete" else 1.0}.get(fn, 0.3)
        return noise(rows, channels, frames // ratio, seed=seed) * loud

    @property
    def file_params(self) -> Any:
        if not hasattr(self, "_params"):
            self._params = self.file()
        return self._params


Make = Callable[..., Made]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes each kind once."""
    there: dict[tuple[str, int], Made] = {}

    def make(kind: str, seed: int = 1) -> Made:
        if (kind, seed) not in there:
            there[kind, seed] = Made(kind, tmp_path_factory.mktemp(kind), seed)
        return there[kind, seed]

    return make


def play(file: Any, fn: str, x: Tensor, seed: int = 0) -> Tensor:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        out: Tensor = getattr(file, fn)(x.clone())
    return out.clone()


def same(got: Any, want: Any) -> bool:
    """Bit equality, of NaN too: a spherical RAVE makes some of silence."""
    if isinstance(want, Tensor) and want.is_floating_point():
        numbers = isinstance(got, Tensor) and got.shape == want.shape
        return numbers and equal(got.isnan(), want.isnan()) and equal(bare(got), bare(want))
    return equal(got, want)


def bare(x: Tensor) -> Tensor:
    return x.nan_to_num(posinf=torch.inf, neginf=-torch.inf)


def expect_same_contents(got: Any, want: Any, but: Sequence[str] = ()) -> None:
    """All buffers, weights and other attributes of a module are in another, bit for bit."""
    mine, theirs = contents(got), contents(want)
    assert len(theirs) > 300
    for name in theirs.keys() - set(but):
        assert same(mine[name], theirs[name]), name


def expect_the_same_play(made: Made, ours: Any, held: Callable[[], Any]) -> None:
    """A bent file streams what the file itself does, and holds the same all the while."""
    theirs = made.file()
    for seed, (rows, frames) in enumerate(PLAYED):
        for fn in METHODS:
            x = made.given(fn, frames, seed, rows)
            want = play(theirs, fn, x, seed)
            assert same(play(ours, fn, x, seed), want), (fn, rows, frames)
        expect_same_contents(held(), theirs)
    assert want.isfinite().any() and bare(want).abs().max() > 1e-3


def everywhere(bended: Any, numbers: bool) -> list[str]:
    """Patterns for all places of all methods, of floating-point numbers or of others."""
    found = []
    for fn in METHODS:
        for p in bended._trace_of(fn).places:
            if p.op != "placeholder" and p.tensor and not p.state:
                assert p.dtype is not None
                if p.dtype.is_floating_point == numbers:
                    found.append(f"{fn}:{re.escape(p.name)}$")
    return found


# -- nothing -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_neutral_bend_at_every_place_leaves_sound_and_state(
    kind: str, made: Make, tmp_path: Path
) -> None:
    rave = made(kind)
    bended = tb.load(rave.path)
    assert bended.traced_methods and set(bended.traced_methods) == set(METHODS)
    numbers = everywhere(bended, True)
    assert len(numbers) > 150
    assert sum("/" in pattern for pattern in numbers) > 60
    bended.bend(tb.Scale(1.0), ".*", bend_graph=False)
    assert bended.bended_keys() == bended.weight_names
    bended.bend(tb.Scale(1.0), *numbers)
    assert sum(len(bended.bended_activations(fn)) for fn in METHODS) == len(numbers)
    bended.export(tmp_path / "again.ts", check=False, patches=False)
    others = everywhere(bended, False)
    assert len(others) > (20 if kind == "discrete" else 2)
    bended.bend(tb.Lambda(torch.clone), *others)
    expect_the_same_play(rave, bended, lambda: bended._shadow)
    again: Any = torch.jit.load(str(tmp_path / "again.ts"))
    expect_the_same_play(rave, again, lambda: again._model)


# -- bends ---------------------------------------------------------------------------------
class Tanh(TorchFunctionMode):
    """Halves what ``torch.tanh`` gives."""

    calls = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if func is torch.tanh:
            self.calls += 1
            out = out * 0.5
        return out


def hooked(module: Any, seen: list[Tensor]) -> Any:
    """Let a module of the source give ``0.3 x + 0.1``, and write both down."""

    def hook(_: Any, __: Any, out: Tensor) -> Tensor:
        seen[:] = [out.clone(), out * 0.3 + 0.1]
        return seen[1]

    return module.register_forward_hook(hook)


@pytest.mark.parametrize("kind", KINDS)
def test_bends_come_and_go_in_a_stream_as_in_plain_torch(kind: str, made: Make) -> None:
    rave = made(kind)
    bended, source = tb.load(rave.path), rave.source()
    parts = dict(source.named_modules())
    layers = [name for name in bended.activation_names("decode") if name in parts]
    layers = [n for n in layers if n.startswith("decoder.") and parts[n]._parameters]
    assert len(layers) >= 5
    middle, late = layers[len(layers) // 2], layers[-1]
    (tanh,) = (p.name for p in bended._trace_of("decode").places if p.name.endswith("/tanh"))
    weights = [n for n in bended.weight_names if re.match(r"decoder\..*weight$", n)]
    count = 0

    def expect_the_same(bend: Any, *, heard: bool = True) -> None:
        """Play on; ``bend`` changes the source while it decodes."""
        nonlocal count
        before = rave.file()
        before.load_state_dict(source.state_dict())
        for fn in METHODS:
            count += 1
            x = rave.given(fn, 2048 * (1 + count % 2), count, 1 + count % 3)
            if fn == "decode":
                before.load_state_dict(source.state_dict())
                plain = play(before, fn, x, count)
                with bend():
                    want = play(source, fn, x, count)
                assert same(want, plain) != heard
            else:
                want = play(source, fn, x, count)
            assert same(play(bended, fn, x, count), want), fn
        mine = dict(bended._shadow.named_buffers())
        for name, buffer in source.named_buffers():
            assert same(mine[name], buffer), name

    def through(*names: str, tanh: Tanh | None = None) -> Callable[[], ExitStack]:
        def entered() -> ExitStack:
            stack = ExitStack()
            for name in names:
                stack.enter_context(hooked(parts[name], []))
            if tanh is not None:
                stack.enter_context(tanh)
            return stack

        return entered

    expect_the_same(through(), heard=False)
    with bended.bend(tb.Affine(bias=0.1, scale=0.3), f"decode:{re.escape(middle)}$"):
        assert bended.bended_keys() == bended.bended_keys("decode") == [middle]
        assert bended.bended_keys("forward") == []
        expect_the_same(through(middle))
        mode = Tanh()
        with bended.bend(tb.Scale(0.5), f"decode:{re.escape(tanh)}$"):
            assert bended.bended_keys() == [middle, tanh]
            expect_the_same(through(middle, tanh=mode))
        assert mode.calls == 1
        expect_the_same(through(middle))
    expect_the_same(through(), heard=False)

    # looked into; what is seen there leaves no trace
    bended.bend(tb.Affine(bias=0.1, scale=0.3), f"decode:{re.escape(late)}$")
    x, seen = rave.given("decode", 2048, 77), []
    (name,) = bended._trace_of("decode").inputs
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(5)
        pattern = f"{re.escape(late)}$"
        found = bended.get_activations(pattern, fn="decode", **{name: x})
    state = {k: v.clone() for k, v in source.state_dict().items()}
    with hooked(parts[late], seen):
        play(source, "decode", x, 5)
    source.load_state_dict(state)
    assert list(found) == [late, f"{late}_bended"]
    assert same(found[late], seen[0]) and same(found[f"{late}_bended"], seen[1])
    expect_the_same(through(late))

    # weights, in all methods
    bended.reset()
    bended.bend(tb.Scale(0.5), r"decoder\..*weight$")
    assert bended.bended_keys() == weights
    with torch.no_grad():
        for weight in weights:
            source.get_parameter(weight).mul_(0.5)
    expect_the_same(through(), heard=False)
    unbent = rave.file()
    assert not same(
        *(play(each, "decode", rave.given("decode", 2048, 1)) for each in (bended, unbent))
    )


def test_a_bend_amid_a_stream_is_one_from_the_start_that_moves_then(made: Make) -> None:
    rave = made("v2_small")
    early, late = tb.load(rave.path), tb.load(rave.path)

    def bend(bended: Any, value: float) -> None:
        gain = tb.BendingParameter("gain", value, range=[0, 2])
        bended.bend(tb.Scale(gain), r"decoder.*weight$", "decode:decoder.net.1$")
        bended.bend(tb.Scale(gain), r"encoder.*\.net\.0/conv1d$", "decode:decoder/add$")

    bend(early, 1.0)
    sounds: list[list[Tensor]] = [[], []]
    for k in range(10):
        if k == 3:
            early.update("gain", 0.5)
            bend(late, 0.5)
        if k == 6:
            early.update("gain", 1.0)
            late.reset()
        for each, heard in zip((early, late), sounds, strict=True):
            heard += [play(each, fn, rave.given(fn, 2048, k), k) for fn in METHODS]
    theirs = rave.file()
    plain = [play(theirs, fn, rave.given(fn, 2048, k), k) for k in range(10) for fn in METHODS]
    assert all(same(a, b) for a, b in zip(*sounds, strict=True))
    assert [same(a, b) for a, b in zip(sounds[0], plain, strict=True)][:9] == [True] * 9
    assert not any(same(a, b) for a, b in zip(sounds[0][9:18], plain[9:18], strict=True))
    expect_same_contents(early._shadow, late._shadow)


# -- versions, configurations, switches ------------------------------------------------------
def test_versions_and_mixtures_of_weights(made: Make) -> None:
    rave, other = made("v2_small"), made("v2_small", 2)
    bended = tb.load(rave.path)
    bended.create_version("other", other.file())
    bended.bend(tb.Scale(0.5), "decoder.net.0.weight$")
    fixed = ("latent_pca", "latent_mean", "fidelity")

    def reference(first: float, second: float) -> Any:
        file, theirs = rave.file(), other.file().state_dict()
        tensors = dict(file.named_parameters()) | {name: getattr(file, name) for name in fixed}
        with torch.no_grad():
            for name, value in tensors.items():
                bent = 0.5 if name == "decoder.net.0.weight" else 1.0
                value.copy_(value * bent * first + theirs[name] * second)
        return file

    def played(file: Any, holder: Any) -> list[Tensor]:
        silence(holder)
        return [play(file, fn, rave.given(fn, 2048, 1)) for fn in METHODS]

    def heard() -> list[Tensor]:
        return played(bended, bended._shadow)

    def wanted(first: float, second: float) -> list[Tensor]:
        file = reference(first, second)
        return played(file, file)

    one, two = wanted(1.0, 0.0), wanted(0.0, 1.0)
    assert not any(same(a, b) for a, b in zip(one, two, strict=True))
    assert all(map(same, heard(), one))
    with bended.set_version("other"):
        assert all(map(same, heard(), two))
        assert bended.bended_keys() == []
    with bended.interpolate(0.75, other=0.25):
        for got, want in zip(heard(), wanted(0.75, 0.25), strict=True):
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    assert all(map(same, heard(), one))


def test_a_configuration_is_saved_and_bends_the_file_alike(made: Make, tmp_path: Path) -> None:
    rave = made("v2_small")
    bended = tb.load(rave.path)
    drive = tb.BendingParameter("drive", 1.0, range=[0, 4])
    bended.bend(tb.Normal(0.2, seed=3), r"decoder.*weight$")
    bended.bend(tb.Scale(drive), "decode:decoder.net.1$", "forward:decoder.*/add$")
    bended.bending_config().save(tmp_path / "bends.json")
    again = tb.load(rave.path)
    again.bend(BendingConfig.load(tmp_path / "bends.json", again))
    assert again.bended_keys() == bended.bended_keys()
    theirs = rave.file()
    sounds = []
    for value in (1.0, 2.5, 1.0):
        bended.update("drive", value), again.update("drive", value)
        for fn in METHODS:
            x = rave.given(fn, 2048, 1)
            sounds.append(play(again, fn, x))
            assert same(sounds[-1], play(bended, fn, x)), (value, fn)
            assert same(sounds[-1], play(theirs, fn, x)) == (fn == "encode"), (value, fn)
    assert not same(sounds[5], sounds[8])


def test_adain_learns_through_a_change_of_bends(made: Make) -> None:
    rave = made("v2_small+adain")
    bended, theirs = tb.load(rave.path), rave.file()
    steps = ["set_learn_target", "bend", "set_learn_source", "reset", "set_reset_target"]
    learning = []
    for k, step in enumerate(steps):
        if step == "bend":
            bended.bend(tb.Scale(1.0), "decode:decoder.net.1$", "forward:decoder/.*")
        elif step == "reset":
            bended.reset()
        else:
            assert getattr(bended, step)(True) == getattr(theirs, step)(True)
            bended.update_adain(), theirs.update_adain()
        for fn in METHODS:
            x = rave.given(fn, 2048, k)
            assert same(play(bended, fn, x, k), play(theirs, fn, x, k)), (step, fn)
        expect_same_contents(bended._shadow, theirs)
        learning.append((float(theirs.fake_adain.learn_y), float(theirs.fake_adain.learn_x)))
    assert learning == [(1, 0), (1, 0), (1, 1), (1, 1), (1, 1)]
    assert bended.get_reset_target() is theirs.get_reset_target() is False


# -- frozen --------------------------------------------------------------------------------
READ_BY_NN = [
    *(f"{fn}_{what}" for fn in METHODS for what in ("params", "input_labels", "output_labels")),
    *(f"{name}_params" for name in OWN),
    *(f"{verb}_{name}" for name in OWN for verb in ("get", "set")),
    *("get_methods", "get_attributes", "encode", "decode"),
]


def test_weights_of_a_frozen_rave_are_bent_and_exported(made: Make, tmp_path: Path) -> None:
    rave, path = made("v2_small"), tmp_path / "frozen.ts"
    torch.jit.freeze(rave.file().eval(), preserved_attrs=READ_BY_NN).save(str(path))
    cold: Any = torch.jit.load(str(path))
    assert list(cold.parameters()) == []
    bended = tb.load(path)
    # the weights of the layers are there, under names of their operations
    values = {n: w.detach() for n, w in bended._bank.original.items()}
    theirs = {n: w.detach() for n, w in rave.file().named_parameters() if "pqmf" not in n}
    found = {n: [m for m, w in values.items() if equal(w, theirs[n])] for n in theirs}
    assert len(found) > 10
    assert all(len(names) == 1 for names in found.values())
    assert all(re.fullmatch(r"conv(_transpose)?1d(_\d+)?\.weight", n) for (n,) in found.values())
    for seed in range(3):
        for fn in METHODS:
            x = rave.given(fn, 2048, seed)
            assert same(play(bended, fn, x, seed), play(cold, fn, x, seed)), fn

    decoder = {n: names[0] for n, names in found.items() if n.startswith("decoder")}
    gain = tb.BendingParameter("gain", 0.5, range=[0, 2])
    bended = tb.load(path)
    bended.bend(tb.Scale(gain), *(f"{re.escape(name)}$" for name in decoder.values()))
    assert sorted(bended.bended_keys()) == sorted(decoder.values())
    bended.export(tmp_path / "again.ts", patches=False)  # with its own check
    again: Any = torch.jit.load(str(tmp_path / "again.ts"))
    assert again.get_attributes() == [*OWN, "gain"]
    assert again.set_learn_target(True) == 0
    assert again.get_learn_target() == [True]
    by_hand, plain = rave.file(), rave.file()

    def scale(by: float) -> None:
        with torch.no_grad():
            for name, weight in by_hand.named_parameters():
                if name in decoder:
                    weight.mul_(by)

    scale(0.5)
    for seed in range(12):
        if seed == 3:
            scale(2.0)
            bended.update("gain", 1.0)
            assert again.set_gain(1.0) == 0
        for fn in METHODS:
            x = rave.given(fn, 2048, seed)
            want = play(by_hand, fn, x, seed)
            # freezing adds up in another order
            torch.testing.assert_close(play(bended, fn, x, seed), want, rtol=1e-4, atol=1e-6)
            got = play(again, fn, x, seed)
            if seed not in (3, 4, 5):  # the gain glides there, and what it bent is remembered
                torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)
            heard = not same(play(plain, fn, x, seed), want)
            assert heard or fn == "encode" or seed >= 3
            assert not heard or seed < 6


# -- played --------------------------------------------------------------------------------
KNOBS = {"gain": (1.0, 0.5), "noise": (0.0, 0.25), "drive": (1.0, 3.0), "offset": (0.0, 0.5)}
START, HELD, MEMORY, TURN = 0.6, 0.5, 0.7, 1.5  # seconds; knobs turn one after the other


def moments() -> list[tuple[float, str, float]]:
    """When each knob is moved, alone, and when it is put back."""
    found = []
    for i, (name, (neutral, other)) in enumerate(KNOBS.items()):
        at = START + TURN * i
        found += [(at, name, other), (at + HELD, name, neutral)]
    return found


def expect_each_heard_and_taken_back(moved: Tensor, still: Tensor) -> None:
    """Each knob changes the sound while it is moved; afterwards there are the same bits."""
    assert still.isfinite().all() and still.abs().max() > 1e-3
    first = int(START * SAMPLE_RATE)
    assert equal(moved[:, :first], still[:, :first])
    for i, name in enumerate(KNOBS):
        at, end = START + TURN * i, START + TURN * (i + 1)
        here = slice(int(at * SAMPLE_RATE), int((at + HELD) * SAMPLE_RATE))
        back = slice(int((at + HELD + MEMORY) * SAMPLE_RATE), int(end * SAMPLE_RATE))
        heard = (moved[:, here] - still[:, here]).abs().max() / still[:, here].abs().max()
        assert heard > 1e-2, name
        assert equal(moved[:, back], still[:, back]), name


def test_the_export_has_all_that_the_file_had_and_plays_with_new_knobs(
    made: Make, tmp_path: Path
) -> None:
    rave = made("v2_small")
    bended = tb.load(rave.path)

    def knob(name: str, low: float, high: float) -> tb.BendingParameter:
        return tb.BendingParameter(name, KNOBS[name][0], range=[low, high])

    bended.bend(tb.Scale(knob("gain", 0, 2)), r"decoder\.net\..*weight$")
    bended.bend(tb.Normal(knob("noise", 0, 0.5), seed=2), r"decoder\..*weight$")
    bended.bend(tb.Scale(knob("drive", 0, 4)), "decode:decoder.net.2$", "forward:decoder.net.2$")
    offset = tb.Bias(knob("offset", -1, 1))
    bended.bend(offset, "decode:decoder/tanh$", "forward:decoder/tanh$")
    path = bended.export(tmp_path / "bent.ts").path  # with its own check and its patches
    assert main(["check", str(path)]) == 0

    theirs, ours = rave.file(), torch.jit.load(str(path))
    assert ours.get_methods() == theirs.get_methods() == list(METHODS)
    assert theirs.get_attributes() == OWN
    assert ours.get_attributes() == [*OWN, *KNOBS]
    assert set(theirs._c._method_names()) <= set(ours._c._method_names())
    for fn in METHODS:
        for what in ("params", "input_labels", "output_labels"):
            got, want = (getattr(file, f"{fn}_{what}") for file in (ours, theirs))
            assert list(got) == list(want)
    for kind in ("named_buffers", "named_parameters"):
        mine = dict(getattr(ours, kind)())
        for name, value in getattr(theirs, kind)():
            assert same(mine[name], value), name
    for k, name in enumerate(OWN * 2):
        assert getattr(ours, f"set_{name}")(k < 4) == 0
        getattr(theirs, f"set_{name}")(k < 4)
        ours.update_adain(), theirs.update_adain()
        assert getattr(ours, f"get_{name}")() == [getattr(theirs, f"get_{name}")()]
        x = rave.given("forward", 2048, k)
        assert same(play(ours, "forward", x, k), play(theirs, "forward", x, k)), name
        expect_same_contents(ours._model, theirs, but=OWN)  # which the face holds

    seconds = START + TURN * len(KNOBS)
    sound = noise(1, int(seconds * SAMPLE_RATE)) * 0.3
    x = write_wav(tmp_path / "in.wav", sound)
    options = ["--method", "forward", "--block", 2048, "--seed", 3, "--threads", 1]
    sounds = []
    moves = [word for at, name, v in moments() for word in ("--set", f"{at}:{name}={v}")]
    for file, more in ((rave.path, []), (path, []), (path, moves)):
        lines = probe("render", file, x, tmp_path / "out.wav", *options, *more)
        assert (lines[-1]["errors"], lines[-1]["finite"]) == (0, True)
        assert all(line["code"] == 0 for line in lines[:-1])
        sounds.append(read_wav(tmp_path / "out.wav"))
    assert equal(sounds[0], sounds[1])
    expect_each_heard_and_taken_back(sounds[2], sounds[1])

    messages = [(at, f"tb/bent/{name} {value}") for at, name, value in moments()]
    still = run_pd(path.with_suffix(".pd"), seconds, sound=sound, seed=3)
    moved = run_pd(path.with_suffix(".pd"), seconds, sound=sound, seed=3, messages=messages)
    assert still.errors == moved.errors == []
    expect_each_heard_and_taken_back(moved.sound, still.sound)
