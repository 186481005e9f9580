"""What a method looks like from nn~: found by running it.

nn~ plays methods from one tensor ``(batch, channels, frames)`` to another. A method with
several inputs, or with inputs ``(batch, frames)`` or ``(frames,)``, is adapted: its inputs
become channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from torch import nn

from torchbend.description import MethodInfo
from torchbend.distributions import convert_to_torch
from torchbend.errors import ExportError, first_line
from torchbend.hints import ExportHints
from torchbend.tracing.lower import compile_graph
from torchbend.tracing.record import Trace

__all__ = [
    "Method",
    "Plays",
    "Ratios",
    "adapted",
    "known",
    "look_at",
    "times_of",
    "unbent",
    "with_labels",
    "with_least_block",
]

Ratios = tuple[int, int]
# What plays one block: a tensor (batch, channels, frames) to another.
Plays = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Input:
    """A tensor input: its shape as traced, its dtype, the range of whole numbers in it."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    bounds: tuple[int, int] | None = None

    @property
    def channels(self) -> int:
        """Channels that it takes from nn~'s signal."""
        return self.shape[-2] if len(self.shape) == 3 else 1


@dataclass(frozen=True)
class Method:
    """A method of the model, and how nn~ plays it.

    Attributes:
        info: as nn~ sees it.
        inputs: of the method itself.
        outputs: rank and dtype of each of its outputs.
        several: whether it returns a tuple or a list.
        lengths: frames of input on which it was run, the second twice the first.
    """

    info: MethodInfo
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[int, torch.dtype], ...]
    several: bool
    lengths: tuple[int, int]


def look_at(
    trace: Trace,
    twin: nn.Module,
    hints: ExportHints,
    ratios: Ratios | None = None,
) -> Method:
    """Find out how nn~ plays a traced method.

    Args:
        trace: the method's record.
        twin: a copy of the model, which is run.
        hints: labels.
        ratios: of its input and of its output, if they are not to be found out.

    Raises:
        ExportError: nn~ cannot play it; says why.
    """
    fn = trace.fn
    inputs = _inputs(trace)
    frames = inputs[0].shape[-1]
    outs = {n: _outputs(fn, _run(twin, trace, inputs, n)) for n in (frames, 2 * frames)}
    several = not isinstance(outs[frames], torch.Tensor)
    first, second = (_listed(outs[n]) for n in (frames, 2 * frames))
    lengths = {t.shape[-1] for t in first}, {t.shape[-1] for t in second}
    if len(lengths[0]) != 1 or len(lengths[1]) != 1:
        raise ExportError(
            f"{fn} gives outputs of {sorted(lengths[0])} frames: nn~ plays channels of one length"
        )
    (one,), (two,) = lengths
    if ratios is None:
        if two != 2 * one or one == 0:
            raise ExportError(
                f"{fn} gives {one} frames for {frames} and {two} for {2 * frames}: nn~ needs a "
                "fixed ratio. Pad inside the model, or pass "
                f'ratios={{"{fn}": (frames of sound an input frame, frames an output frame)}}'
            )
        ratio = Fraction(one, frames)
        ratios = (ratio.numerator, ratio.denominator)
    elif ratios[0] * frames != ratios[1] * one:
        raise ExportError(
            f"{fn} gives {one} frames for {frames}, which is not what ratios {ratios} say: "
            f"{frames} * {ratios[0]} frames of sound in, {one} * {ratios[1]} out"
        )
    channels = sum(i.channels for i in inputs), sum(_channels(t) for t in first)
    made = default_labels("Input", channels[0]), default_labels("Output", channels[1])
    labels = hints.labels.get(fn, made)
    for what, found, count in zip(("in", "out"), labels, channels, strict=True):
        if len(found) != count:
            raise ExportError(
                f"{fn} has {count} {what}put channels, and {len(found)} labels were given"
            )
    return Method(
        MethodInfo(fn, channels[0], ratios[0], channels[1], ratios[1], labels[0], labels[1]),
        inputs,
        tuple((t.dim(), t.dtype) for t in first),
        several,
        (frames, 2 * frames),
    )


def known(info: MethodInfo, trace: Trace) -> Method:
    """A method of a file that tells itself how nn~ plays it.

    Args:
        info: as the file tells.
        trace: its record.
    """
    (name,) = trace.inputs
    place = trace.place_of_input(name)
    shape = (1, info.in_channels, 1) if place is None or place.shape is None else place.shape
    given = Input(name, shape, torch.float32)
    lengths = (shape[-1], 2 * shape[-1])
    return Method(info, (given,), ((3, torch.float32),), False, lengths)


def with_least_block(method: Method, twin: nn.Module, trace: Trace, largest: int) -> Method:
    """Find the least block, a power of two times the file's largest ratio, that it plays.

    Raises:
        ExportError: it plays none up to the traced length.
    """
    block = largest
    top = method.lengths[1] * method.info.in_ratio
    while block <= top:
        frames, rest = divmod(block, method.info.in_ratio)
        if not rest and _plays(method, twin, trace, frames):
            return replace(method, info=replace(method.info, least_block=block))
        block *= 2
    raise ExportError(
        f"{method.info.name} plays no block of {largest} to {top} frames that is a power of two "
        f"times {largest}, the largest ratio in the file"
    )


def _plays(method: Method, twin: nn.Module, trace: Trace, frames: int) -> bool:
    try:
        outs = _listed(_outputs(trace.fn, _run(twin, trace, method.inputs, frames)))
    except ExportError:
        return False
    wanted = frames * method.info.in_ratio // method.info.out_ratio
    return all(t.shape[-1] == wanted for t in outs)


def _inputs(trace: Trace) -> tuple[Input, ...]:
    found = []
    for name in trace.inputs:
        place = trace.place_of_input(name)
        shape = None if place is None else place.shape
        if place is None or shape is None or place.dtype is None:
            raise ExportError(
                f"{trace.fn} takes {name!r}, which is no tensor: nn~ plays methods of tensors. "
                "Wrap the module in one whose methods take tensors only"
            )
        if len(shape) not in (1, 2, 3):
            raise ExportError(
                f"{trace.fn} takes {name!r} of shape {shape}: nn~ plays (batch, channels, frames)"
            )
        found.append(Input(name, shape, place.dtype, trace.bounds.get(name)))
    if not found:
        raise ExportError(f"{trace.fn} takes no tensor: nn~ has nothing to play it with")
    if len({i.shape[-1] for i in found}) > 1 or len({min(len(i.shape), 2) for i in found}) > 1:
        raise ExportError(
            f"{trace.fn} takes inputs of shapes {[i.shape for i in found]}: nn~ gives all "
            "channels the same number of frames"
        )
    return tuple(found)


def example(inputs: Sequence[Input], frames: int, batch: int = 1) -> list[torch.Tensor]:
    """Make inputs of a method: seeded noise, and no more than a batch of items."""
    generator = torch.Generator().manual_seed(frames)
    values = []
    for i in inputs:
        shape = (batch, *i.shape[1:-1], frames) if len(i.shape) > 1 else (frames,)
        low, high = (-1.0, 1.0) if i.bounds is None else (i.bounds[0], i.bounds[1] + 1 - 1e-6)
        noise = torch.rand(shape, generator=generator) * (high - low) + low
        values.append(noise.floor().to(i.dtype) if i.bounds else noise.to(i.dtype))
    return values


def _run(twin: nn.Module, trace: Trace, inputs: Sequence[Input], frames: int) -> Any:
    if trace.kind == "hooks":
        raise ExportError(
            f"{trace.fn} cannot be exported: it was recorded by hooks, because torch.fx could "
            f"not follow it ({trace.reason})"
        )
    if trace.graph is None:
        run = getattr(twin, trace.fn)
    else:
        run = compile_graph(trace.graph, twin, trace.constants)
    try:
        with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices=[]):
            return run(*example(inputs, frames))
    except Exception as error:
        raise ExportError(
            f"{trace.fn} fails on {frames} frames: {type(error).__name__}: {first_line(error)}"
        ) from error


def _outputs(fn: str, out: Any) -> Any:
    out = convert_to_torch(out)
    listed = [out] if isinstance(out, torch.Tensor) else out
    if not isinstance(listed, (tuple, list)) or not all(
        isinstance(t, torch.Tensor) and t.dim() in (1, 2, 3) and not t.is_complex() for t in listed
    ):
        shapes = [tuple(t.shape) if isinstance(t, torch.Tensor) else type(t) for t in listed]
        raise ExportError(
            f"{fn} returns {shapes}: nn~ plays real tensors of shape (batch, channels, frames)"
        )
    return out


def _listed(out: Any) -> list[torch.Tensor]:
    return [out] if isinstance(out, torch.Tensor) else list(out)


def _channels(tensor: torch.Tensor) -> int:
    return tensor.shape[-2] if tensor.dim() == 3 else 1


def default_labels(what: str, count: int) -> tuple[str, ...]:
    """Labels for the inlets or outlets of a method that has none."""
    return tuple(f"(signal) {what} {i + 1}" for i in range(count))


def with_labels(method: MethodInfo) -> MethodInfo:
    """A method with a label for every channel: where some are missing, the rest of them made."""

    def whole(what: str, labels: tuple[str, ...], count: int) -> tuple[str, ...]:
        return (*labels, *default_labels(what, count)[len(labels) :])[:count]

    return replace(
        method,
        input_labels=whole("Input", method.input_labels, method.in_channels),
        output_labels=whole("Output", method.output_labels, method.out_channels),
    )


# The shapes of inner values of a method, by name, in runs on given inputs, each from the start.
Shapes = Callable[[list[list[torch.Tensor]]], Sequence[Mapping[str, Sequence[int]]]]


def times_of(method: Method, shapes_in: Shapes) -> dict[str, int]:
    """Find where time runs in a method's values: what grows with the block, and not the batch.

    Args:
        method: the method.
        shapes_in: runs it.

    Returns:
        By name, a dimension counted from the end. Values without time are left out.
    """
    short, long = method.lengths
    runs = [
        example(method.inputs, frames, batch)
        for frames, batch in ((short, 1), (long, 1), (short, 2))
    ]
    try:
        shapes = shapes_in(runs)
    except Exception as error:
        raise ExportError(
            f"{method.info.name} as traced fails on {short} or {long} frames: {first_line(error)}"
        ) from error
    times = {}
    for name, first in shapes[0].items():
        longer, wider = shapes[1].get(name, ()), shapes[2].get(name, ())
        if len(longer) == len(wider) == len(first):
            grown = [d for d in range(len(first)) if first[d] != longer[d]]
            # what grows with the batch, too, is not time alone
            if len(grown) == 1 and first[grown[0]] == wider[grown[0]]:
                times[name] = grown[0] - len(first)
    return times


def adapted(
    method: Method, x: torch.Tensor, run: Callable[[tuple[torch.Tensor, ...]], Any]
) -> torch.Tensor:
    """Run a method of the model's own as nn~ does; the file's face does the same in TorchScript.

    Args:
        method: the method.
        x: ``(batch, in_channels, frames)``.
        run: takes the method's inputs.

    Returns:
        ``(batch, out_channels, frames)``.
    """
    given = []
    channel = 0
    for i in method.inputs:
        part = x[:, channel : channel + i.channels]
        part = part if len(i.shape) == 3 else part[:, 0]
        part = (part if i.dtype.is_floating_point else part.round()).to(i.dtype)
        given.append(part if i.bounds is None else part.clamp(*i.bounds))
        channel += i.channels
    if len(method.inputs[0].shape) > 1:
        return _as_one(convert_to_torch(run(tuple(given))))
    items = [_as_one(convert_to_torch(run(tuple(p[b] for p in given)))) for b in range(len(x))]
    return torch.cat(items, 0)


def unbent(trace: Trace, module: nn.Module, method: Method) -> Plays:
    """What plays a method of a module as nn~ does.

    Args:
        trace: of a method that the module itself has.
        module: as it was wrapped, without bends.
        method: the same method.
    """

    def run(given: tuple[torch.Tensor, ...]) -> Any:
        named = dict(zip(trace.inputs, given, strict=True))
        return getattr(module, trace.fn)(**named, **trace.fixed)

    return lambda x: adapted(method, x, run)


def _as_one(out: Any) -> torch.Tensor:
    parts = []
    for tensor in _listed(out):
        tensor = tensor if tensor.dim() != 1 else tensor.unsqueeze(0)
        parts.append(tensor if tensor.dim() == 3 else tensor.unsqueeze(1))
    return torch.cat([part.to(torch.float32) for part in parts], 1)
