"""The audio callback without a compiler: ``native/strip.c`` once more, a block at a time.

It gives the same sound and counts to within rounding, but runs under Python's lock, so it is
given a process of its own, and is less safe against xruns. The state lies in the shared memory
for both, so they could even take turns. Names and order follow ``strip.c``, which has the
comments on why.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from torchbend.realtime.audio.journal import note
from torchbend.realtime.audio.layout import constant, ffi
from torchbend.realtime.audio.memory import (
    AudioMemory,
    Frames,
    copy_frames,
    fence,
    fit_channels,
    put_frames,
)

__all__ = ["python_callback"]

_Array = npt.NDArray[np.float64]
_SWITCHES = ("bypass", "panic")
_NONE = 1e-9  # so little presence is none: rounding may leave it


def python_callback(
    memory: AudioMemory,
    device_in: Frames | None,
    device_out: Frames | None,
    frames: int,
    flags: int,
) -> None:
    """One device block; arguments as `torchbend.realtime.audio.callback.play_block` has them."""
    h = memory.header
    began = time.monotonic_ns()
    _read_parameters(h)
    _aim_all(h)
    if device_out is not None:
        device_out[:] = 0
    late = False
    most = constant("MOST_FRAMES")
    with np.errstate(all="ignore"):
        for start in range(0, frames, most):
            part = slice(start, min(start + most, frames))
            late |= _turn(
                memory,
                None if device_in is None else device_in[part],
                None if device_out is None else device_out[part],
                part.stop - start,
            )
    h.underruns += late
    h.input_underflows += flags & 1
    h.input_overflows += flags >> 1 & 1
    h.output_underflows += flags >> 2 & 1
    h.output_overflows += flags >> 3 & 1
    h.block_frames = frames
    busy = time.monotonic_ns() - began
    h.busy_ns += busy
    h.busy_ns_most = max(h.busy_ns_most, busy)
    h.blocks += 1


def _turn(
    memory: AudioMemory, device_in: Frames | None, device_out: Frames | None, frames: int
) -> bool:
    h = memory.header
    start = int(h.position)
    p = np.arange(start, start + frames)

    captured = _capture(memory, device_in, p)
    put_frames(memory.captured, start, captured)
    x = captured * _run(h.input_gain, frames)[:, None]
    bus = (x * _gate(h, captured)[:, None]).astype(np.float32)
    put_frames(memory.bus, start, bus)
    _show(h, h.input_meter, x)

    fade = _run(h.delay_fade, frames)[:, None]
    dry = _delayed(memory, memory.bus, start, frames, fade)
    raw = _delayed(memory, memory.captured, start, frames, fade)
    y = np.zeros((frames, memory.outputs))
    late = False
    for index in range(h.slots):
        late |= _mix_slot(memory, index, p, dry, y)

    _widen(y, _run(h.width, frames))
    mix = _run(h.mix, frames)[:, None]
    y = (mix * y + (1 - mix) * dry) * _run(h.output_gain, frames)[:, None]
    y += _run(h.dc_amount, frames)[:, None] * (_without_dc(h, y) - y)
    bypass, panic = (_run(getattr(h, name), frames)[:, None] for name in _SWITCHES)
    y = ((1 - bypass) * y + bypass * raw) * (1 - panic)
    out = (y * _limiter(h, y)[:, None]).astype(np.float32)
    bad = ~np.isfinite(out)
    if bad.any():
        out[bad] = 0
        h.bad_outputs += int(bad.sum())
        h.reduction = 0
        for c in range(memory.outputs):
            h.dc_in[c] = h.dc_out[c] = 0
    put_frames(memory.heard, start, out)
    if device_out is not None:
        for c in range(memory.outputs):
            if h.output_map[c] >= 0:
                device_out[:, h.output_map[c]] += out[:, c]
    _show(h, h.output_meter, out.astype(np.float64))
    fence()
    h.position = start + frames
    return late


def _read_parameters(h: Any) -> None:
    before = h.parameters_sequence
    if before & 1:
        return
    fence()
    copy = _copy(h.parameters)
    fence()
    if h.parameters_sequence != before:
        return
    h.current = copy[0]
    if before != h.taken:
        note(h.journal, before, int(h.position))
    h.taken = before


def _copy(parameters: Any) -> Any:
    copy = ffi().new("tb_parameters *")
    copy[0] = parameters
    return copy


def _aim(ramp: Any, target: float, frames: int) -> None:
    if ramp.target == target:
        return
    ramp.target = target
    ramp.left = frames
    if frames == 0:
        ramp.value = target
    else:
        ramp.step = (target - ramp.value) / frames


def _aim_all(h: Any) -> None:
    wanted = h.current
    frames = wanted.ramp_frames if h.started else 0
    _aim(h.input_gain, wanted.input_gain, frames)
    _aim(h.output_gain, wanted.output_gain, frames)
    _aim(h.mix, wanted.mix, frames)
    _aim(h.width, wanted.width, frames)
    _aim(h.dc_amount, float(wanted.dc_block != 0), frames)
    _aim(h.bypass, float(wanted.bypass != 0), frames)
    _aim(h.panic, float(wanted.panic != 0), frames)
    for s in range(h.slots):
        _aim(h.slot[s].level, wanted.slot[s].level, wanted.slot[s].fade_frames)
    if not h.started:
        h.delay_to = wanted.delay
        h.delay_fade.value = h.delay_fade.target = 1
        h.started = 1
    if wanted.delay != h.delay_to and h.delay_fade.left == 0:
        h.delay_from, h.delay_to = h.delay_to, wanted.delay
        h.delay_fade.value = h.delay_fade.target = 0
        _aim(h.delay_fade, 1, wanted.ramp_frames)


def _run(ramp: Any, frames: int) -> _Array:
    """The values of a ramp in the next frames."""
    values = np.full(frames, ramp.value)
    left = min(ramp.left, frames)
    if left:
        values[:left] += ramp.step * np.arange(1, left + 1)
        ramp.left -= left
        ramp.value = ramp.target if ramp.left == 0 else values[left - 1]
        values[left - 1 :] = ramp.value
    return values


def _slew(start: float, up: npt.NDArray[np.bool_], rise: float, fall: float) -> _Array:
    """What climbs to 1 at one rate where ``up``, and sinks to 0 at another elsewhere."""
    values = np.empty(len(up))
    edges = [0, *(np.flatnonzero(np.diff(up)) + 1).tolist(), len(up)]
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        step = rise if up[begin] else -fall
        values[begin:end] = np.clip(start + step * np.arange(1, end - begin + 1), 0, 1)
        start = float(values[end - 1])
    return values


def _follow(peaks: _Array, start: float, decay: float) -> _Array:
    """``e[n] = max(peaks[n], decay * e[n - 1])`` from ``e[-1] = start``."""
    powers: _Array = np.power(float(decay), np.arange(1, len(peaks) + 1), dtype=np.float64)
    followed: _Array = powers * np.maximum.accumulate(np.maximum(peaks / powers, start))
    return followed


def _capture(memory: AudioMemory, device_in: Frames | None, p: npt.NDArray[np.int64]) -> Frames:
    h = memory.header
    x = np.zeros((len(p), memory.inputs), np.float32)
    if h.current.source == constant("FROM_DEVICE") and device_in is not None:
        for c in range(memory.inputs):
            if h.input_map[c] >= 0:
                x[:, c] = device_in[:, h.input_map[c]]
    elif h.current.source == constant("FROM_FEED"):
        until = int(h.feed_until)
        fence()
        there = (p >= h.feed_from) & (p < until)
        x[there] = memory.feed[p[there] & memory.mask]
    bad = ~np.isfinite(x)
    h.bad_inputs += int(bad.sum())
    x[bad] = 0
    return x


def _gate(h: Any, x: Frames) -> _Array:
    peaks = np.abs(x).max(axis=1, initial=0).astype(np.float64)
    envelope = _follow(peaks, h.gate_envelope, h.gate_decay)
    h.gate_envelope = envelope[-1]
    opens, closes = envelope >= h.current.gate, envelope < 0.5 * h.current.gate
    latest = np.maximum.accumulate(np.where(opens | closes, np.arange(len(x)), -1))
    is_open = np.where(latest >= 0, opens[latest], bool(h.gate_is_open))
    h.gate_is_open = int(is_open[-1])
    gain = _slew(h.gate_gain, is_open, h.gate_open_step, h.gate_close_step)
    h.gate_gain = gain[-1]
    return gain


def _delayed(memory: AudioMemory, ring: Frames, start: int, frames: int, fade: _Array) -> _Array:
    h = memory.header
    new = copy_frames(ring, start - h.delay_to, frames)
    old = copy_frames(ring, start - h.delay_from, frames)
    delayed: _Array = fade * new + (1 - fade) * old
    return fit_channels(delayed, memory.outputs)


def _mix_slot(
    memory: AudioMemory, index: int, p: npt.NDArray[np.int64], dry: _Array, wet: _Array
) -> bool:
    h = memory.header
    slot = h.slot[index]
    first, until = 0, 0
    if slot.attached:
        until = int(slot.valid_until)
        fence()
        first = int(slot.valid_from)
    level = _run(slot.level, len(p))
    audible = (level > 0) | (slot.level.target > 0)
    if h.current.slot[index].fade_curve == constant("FADE_POWER"):
        level = np.where(level < 1, np.sin(level * (np.pi / 2)), level)
    there = (first <= p) & (p < until)
    lacks = audible & ~there
    slot.gaps += int((np.diff(lacks, prepend=bool(slot.lacking)) & lacks).sum())
    slot.lacking = int(lacks[-1])
    held = _held(there, slot, h.presence_step)
    presence = _slew(slot.presence, ~held, h.presence_step, h.presence_step)
    slot.presence, slot.held = presence[-1], int(held[-1])

    sound = copy_frames(memory.slots[index], int(p[0]), len(p))
    bad = ~np.isfinite(sound) & ~held[:, None]
    slot.bad_samples += int(bad.sum())
    sound[bad] = 0
    latest = np.maximum.accumulate(np.where(held, -1, np.arange(len(p))))
    before = np.array([slot.last[c] for c in range(memory.outputs)], np.float32)
    sound = np.where(latest[:, None] >= 0, sound[latest], before)
    for c in range(memory.outputs):
        slot.last[c] = sound[-1, c]

    wet += (level * presence)[:, None] * sound
    if h.current.late == constant("LATE_DRY"):
        wet += (level * (1 - presence))[:, None] * dry
    missing = int(lacks.sum())
    slot.late_blocks += missing > 0
    slot.late_frames += missing
    return missing > 0


def _held(there: npt.NDArray[np.bool_], slot: Any, step: float) -> npt.NDArray[np.bool_]:
    """Where the last frame is held: from a missing frame on, until the fade is at its end."""
    held = np.zeros(len(there), np.bool_)
    presence, falling, at = slot.presence, bool(slot.held), 0
    while at < len(there):
        if falling or not there[at]:
            silent = min(len(there), at + math.ceil((presence - _NONE) / step))
            end = _first(there, silent)
            held[at:end] = True
            presence = max(0.0, presence - (silent - at) * step)
        else:
            end = _first(~there, at)
            presence = min(1.0, presence + (end - at) * step)
        falling, at = False, end
    return held


def _first(where: npt.NDArray[np.bool_], start: int) -> int:
    """The first index from ``start`` on at which it is true, or the length."""
    found = np.flatnonzero(where[start:])
    return start + int(found[0]) if len(found) else len(where)


def _widen(y: _Array, width: _Array) -> None:
    if y.shape[1] < 2:
        return
    left, right = y[:, 0].copy(), y[:, 1].copy()
    mid, side = 0.5 * (left + right), 0.5 * width * (left - right)
    y[:, 0] = np.where(width == 1, left, mid + side)
    y[:, 1] = np.where(width == 1, right, mid - side)


def _without_dc(h: Any, y: _Array) -> _Array:
    channels = y.shape[1]
    before = np.array([h.dc_in[c] for c in range(channels)])
    state = np.array([h.dc_out[c] for c in range(channels)])
    powers = (h.dc_pole ** np.arange(1, len(y) + 1))[:, None]
    steps = np.diff(y, axis=0, prepend=before[None])
    high: _Array = powers * (state + np.cumsum(steps / powers, axis=0))
    for c in range(channels):
        h.dc_in[c], h.dc_out[c] = y[-1, c], high[-1, c]
    return high


def _limiter(h: Any, y: _Array) -> _Array:
    peaks = np.abs(y).max(axis=1)
    over = (peaks > h.current.ceiling) & bool(h.current.limiter)
    wanted = np.where(over, 1 - h.current.ceiling / peaks, 0)
    reduction = _follow(wanted, h.reduction, h.limiter_decay)
    h.reduction = reduction[-1]
    h.limited_frames += int(over.sum())
    return 1 - reduction


def _show(h: Any, meter: Any, x: _Array) -> None:
    fall, keep = h.peak_decay ** len(x), h.meter_decay ** len(x)
    peaks, means = np.abs(x).max(axis=0), np.square(x).mean(axis=0)
    for c in range(x.shape[1]):
        meter.peak[c] = max(peaks[c], fall * meter.peak[c])
        meter.mean_square[c] = means[c] + keep * (meter.mean_square[c] - means[c])
