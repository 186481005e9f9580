"""What an exported file must sound like, rendered from the bent model itself."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchbend.bending import BendingParameter
from torchbend.errors import BendingError, ExportError
from torchbend.export.drafts import Draft
from torchbend.export.neutral import all_heard, neutral_values
from torchbend.export.reference import Case
from torchbend.export.shapes import Method, Plays, adapted, unbent
from torchbend.export.sound import difference, peak
from torchbend.export.trials import ONE_BIT, another, bits_on, halfway
from torchbend.threads import one_thread

if TYPE_CHECKING:
    from torchbend.tracing import BendedModule

__all__ = ["reference_cases"]

log = logging.getLogger(__name__)

LARGEST_BLOCK = 8192
BATCHES = (1, 4)
BLOCKS = 2  # at least; what a block leaves behind is heard in the next
TOLERANCE = 1e-5  # of the peak
MOST_TOLERANCE = 1e-3
NUDGES = (1, -8, 32)  # bits
SHARE = 4.0  # of a model's sensitivity: many layers round, the nudge is one
_SEED = 7


def reference_cases(
    draft: Draft,
    methods: Sequence[Method],
    largest_ratio: int,
    attributes: Sequence[str],
    arrays: Collection[str] = (),
) -> list[Case]:
    """Render what the file must give: neutral, as it is now, and with every control moved.

    The neutral cases come from the module without bends, and the file must give their bits.
    The bent model's controls and streaming state are moved meanwhile, and put back.

    Args:
        draft: the model.
        methods: what is exported.
        largest_ratio: of the file.
        attributes: the file's.
        arrays: those of them that are set by one tensor.
    """
    bended = draft.bended
    controls = [bended.controllables[name] for name in attributes if name in bended.controllables]
    now = {c.name: c.get_python_value() for c in controls}
    runs = list(_runs(methods, largest_ratio))
    cases: list[Case] = []
    with one_thread(), _kept(bended, now):
        settings = [(now, _sensitivity(draft, runs, now))]
        if controls:
            settings.append(_moved(draft, controls, runs, now))
        for values, sensitivity in settings:
            tolerance = max(TOLERANCE, min(SHARE * sensitivity, MOST_TOLERANCE))
            if tolerance > TOLERANCE:
                log.warning(
                    "bent like this, the model makes %.1g of the peak of the last bit of a number: "
                    "the file is compared within %.1g of the peak, not %.0e",
                    sensitivity,
                    tolerance,
                    TOLERANCE,
                )
            _move(bended, values)
            for run in runs:
                out = run.render(draft, bended._shadow, _bent(bended, run.method))
                cases.append(run.case(out, _settings(controls, values, arrays), tolerance))
    neutral = _neutral(bended, controls)
    if neutral is None:
        log.info("no setting of the controls leaves the model unbent: it was not compared there")
    else:
        with one_thread():
            cases += _neutral_cases(draft, runs, _settings(controls, neutral, arrays))
    return cases


def _moved(
    draft: Draft,
    controls: Sequence[BendingParameter],
    runs: Sequence[_Run],
    now: Mapping[str, Any],
) -> tuple[dict[str, Any], float]:
    """Another value for every control, not so far away that the model is beside itself.

    No bend is switched off: none of what it does would be heard.

    Returns:
        The values, and how sensitive the model is there.
    """
    heard = all_heard([bend.callback for bend in draft.bended._book.active])
    values = {c.name: heard.get(c.name, another(c)) for c in controls}
    sensitivity = _sensitivity(draft, runs, values)
    for _ in range(8):
        if SHARE * sensitivity <= TOLERANCE:
            break
        values = {name: halfway(now[name], value) for name, value in values.items()}
        sensitivity = _sensitivity(draft, runs, values)
    return values, sensitivity


def _sensitivity(draft: Draft, runs: Sequence[_Run], values: Mapping[str, Any]) -> float:
    """How much of the peak the sound moves when its input and its controls move by one bit.

    The file rounds differently from the live module where a gain behind a layer stands for
    one in its weight. A model bent so far that it makes much of the last bits of a number
    cannot be compared more closely than that. Where layers are driven to their ends, only a
    sample here and there flips; so more nudges than one are tried.
    """
    worst = 0.0
    bended = draft.bended
    controls = bended.controllables
    for method in {id(run.method): run.method for run in runs}.values():
        first, *_, last = [run for run in runs if run.method is method]
        plays = _bent(bended, method)
        for run in (first, last):
            _move(bended, values)
            out = run.render(draft, bended._shadow, plays)
            level = max(peak(out), 1e-30)
            for bits in NUDGES:
                _move(bended, {n: bits_on(controls[n], v, bits) for n, v in values.items()})
                nudged = replace(run, input=run.input * (1 + bits * ONE_BIT))
                off = difference(nudged.render(draft, bended._shadow, plays), out)
                worst = max(worst, off / level / abs(bits))
    return worst


def _move(bended: BendedModule, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        bended.update(name, value)


def _neutral_cases(
    draft: Draft, runs: Sequence[_Run], settings: Mapping[str, tuple[Any, ...]]
) -> list[Case]:
    original = draft.original()
    cases = []
    for run in runs:
        trace = draft.bended._runner.traces[run.method.info.name]
        if trace.source is not None:
            continue  # a method that the module itself does not have
        plays = unbent(trace, original, run.method)
        run.render(None, original, plays)  # makes the caches that are made at a first call
        out = run.render(draft, original, plays)
        cases.append(run.case(out, settings, 0.0))
    return cases


def _neutral(bended: BendedModule, controls: Sequence[BendingParameter]) -> dict[str, Any] | None:
    """Control values at which the bent model is the wrapped module, if there are any."""
    if bended._bank.version is not None or bended._bank.mix is not None:
        return None
    callbacks = [bend.callback for bend in bended._book.active]
    return neutral_values(callbacks, controls)


def _bent(bended: BendedModule, method: Method) -> Plays:
    def play(x: torch.Tensor) -> torch.Tensor:
        device = next(bended._shadow.parameters(), x).device
        run = bended._runner.run
        return adapted(method, x.to(device), lambda given: run(method.info.name, given, {})).cpu()

    return play


@dataclass(frozen=True)
class _Run:
    """One method on one input, block by block."""

    method: Method
    block: int
    input: torch.Tensor

    def render(self, draft: Draft | None, module: nn.Module, play: Plays) -> torch.Tensor:
        """What comes out, from the streaming state on that the file starts with."""
        frames = self.block // self.method.info.in_ratio
        outs = []
        with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices=[]):
            if draft is not None:
                draft.reset(module)
            torch.default_generator.manual_seed(_SEED)
            for x in torch.split(self.input, frames, -1):
                # a block of its own, as nn~ gives: the layout decides how torch computes
                outs.append(self._played(play, x.clone()).to(torch.float32).clone())
        return torch.cat(outs, -1)

    def _played(self, play: Plays, x: torch.Tensor) -> torch.Tensor:
        try:
            return play(x)
        except BendingError as error:
            raise ExportError(
                f"{self.method.info.name}, bent, does not play blocks of {self.block} frames: "
                f"{error}. nn~ decides the length of a block: a draw for the traced length (a "
                "Mask, Normal or Permute along time) fits no other. With dim=1 it is drawn for "
                "the channels"
            ) from error

    def case(
        self, out: torch.Tensor, settings: Mapping[str, tuple[Any, ...]], tolerance: float
    ) -> Case:
        """The same for the check."""
        batch = self.input.shape[0]
        return Case(
            self.method.info.name, batch, self.block, _SEED, self.input, out, settings, tolerance
        )


def _runs(methods: Sequence[Method], largest_ratio: int) -> Iterator[_Run]:
    for method in methods:
        least = method.info.least_block or largest_ratio
        for batch in BATCHES:
            block = least
            while block <= max(LARGEST_BLOCK, least):
                frames = block * max(BLOCKS, min(64, LARGEST_BLOCK // block))
                frames //= method.info.in_ratio
                yield _Run(method, block, test_input(method, batch, frames))
                block *= 2


def test_input(method: Method, batch: int, frames: int) -> torch.Tensor:
    """Seeded noise; whole numbers where the method's own input is one of those.

    Returns:
        ``(batch, in_channels, frames)``.
    """
    generator = torch.Generator().manual_seed(frames)
    x = torch.randn(batch, method.info.in_channels, frames, generator=generator) * 0.3
    channel = 0
    for i in method.inputs:
        if i.bounds is not None:
            part = x[:, channel : channel + i.channels]
            low, high = i.bounds
            part.copy_((part.abs() * (high - low + 1)).floor().clamp(0, high - low) + low)
        channel += i.channels
    return x


def _settings(
    controls: Sequence[BendingParameter], values: Mapping[str, Any], arrays: Collection[str]
) -> dict[str, tuple[Any, ...]]:
    """Values of controls as the file's setters take them."""
    settings: dict[str, tuple[Any, ...]] = {}
    for control in controls:
        value = values[control.name]
        if control.name in arrays:
            settings[control.name] = (torch.as_tensor(value, dtype=torch.float32),)
        elif control.kind == "vector":
            settings[control.name] = tuple(torch.as_tensor(value).tolist())
        elif control.kind == "complex":
            settings[control.name] = (value.real, value.imag)
        elif control.kind == "bool":
            settings[control.name] = (int(value),)
        else:
            settings[control.name] = (value,)
    return settings


@contextmanager
def _kept(bended: BendedModule, values: Mapping[str, Any]) -> Iterator[None]:
    """Put the controls and the streaming state back afterwards."""
    state = bended._runner.keep()
    try:
        yield
    finally:
        _move(bended, values)
        bended._runner.settle()
        bended._runner.put_back(state)
