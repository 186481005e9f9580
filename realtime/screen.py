"""What the terminal view draws: a moment of the host as lines, fitted to a width and a height.

The lines are made by hand, not by tables: ten times a second, beside a model, each must be cheap.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.text import Text

from torchbend.realtime.control import Values
from torchbend.realtime.control.building import AMOUNT, BYPASS, SOLO
from torchbend.realtime.screen_parts import (
    BYPASSED,
    UNHEARD,
    Row,
    bar,
    beside,
    control_cells,
    flow,
    in_columns,
    level,
    number,
    plain,
    styled,
)
from torchbend.realtime.status import LatencyReport, ModelStatus, Status

__all__ = ["Screen", "report_latency"]

HOLD_SECONDS = 1.5  # for which a meter shows its peak
LATELY_SECONDS = 5.0  # for which a count that grew is red, and a control that moved is bright
MOST_MESSAGES = 6
MOST_CHANNELS = 8
METER_WIDTH = 38
CONTROL_WIDTH = 56
_STATES = {"playing": "green", "running": "green", "starting": "yellow", "leaving": "dim"}
_BAD = "bold red"


def report_latency(report: LatencyReport) -> str:
    """A line that tells where the latency comes from, in milliseconds."""
    parts = {
        "device in": report.device_in,
        "block and computation": report.ring,
        "resampler": report.resampler,
        "model": report.model,
        "device out": report.device_out,
    }
    told = (
        f"{name} {'unknown' if frames is None else f'{1000 * frames / report.sample_rate:.1f}'}"
        for name, frames in parts.items()
    )
    return f"{report.total_ms:.1f} ms: {', '.join(told)}"


class Screen:
    """Draws, and remembers what moved lately.

    Args:
        listening: where OSC and OSCQuery are heard.
        keys: which keys do what.
        now: monotonic seconds.
    """

    def __init__(
        self, listening: str = "", keys: str = "", now: Callable[[], float] = time.monotonic
    ) -> None:
        self._listening = listening
        self._keys = keys
        self._now = now
        self._peaks: dict[str, tuple[float, float]] = {}
        self._counts: dict[str, tuple[int, float]] = {}
        self._moved: dict[str, tuple[object, float]] = {}

    def lines(
        self, status: Status, rows: Sequence[Row], width: int, height: int | None = None
    ) -> list[Text]:
        """A moment of the host.

        Args:
            status: how it stands.
            rows: the controls with their values.
            width: of the screen, in cells. No line is wider.
            height: in lines; there are no more. None shows everything.
        """
        width = max(width, 20)
        moved = self._note_moves(rows)
        top = [
            *self._banner(rows, width),
            *_header(status, width),
            *_wrapped(f"latency {report_latency(status.latency)}", width),
            *self._meters(status, width),
            *self._count_lines(status, width),
        ]
        for model in status.models:
            top += _model(model, status.sample_rate, width)
        foot = flow([styled(plain(each), "dim") for each in (self._listening, self._keys)], width)
        left = None if height is None else max(height - len(top) - len(foot), 0)
        messages = [styled(plain(each), "italic") for each in status.messages[-MOST_MESSAGES:]]
        if left is not None:
            messages = messages[-max(left // 4, 1) :]
            left = max(left - len(messages) - bool(messages), 0)
        lines = [*top, *_controls(rows, moved, width, left)]
        if messages:
            lines += [_rule("messages", width), *messages]
        lines += foot
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines[:height]

    def _note_moves(self, rows: Sequence[Row]) -> dict[str, float]:
        """How long ago each control moved that moved since it is watched, in seconds."""
        now, before = self._now(), self._moved
        self._moved = {}
        for control, values in rows:
            was, when = before.get(control.address, (values, -1.0))
            self._moved[control.address] = (values, when if was == values else now)
        return {address: now - when for address, (_, when) in self._moved.items() if when >= 0}

    def _banner(self, rows: Sequence[Row], width: int) -> list[Text]:
        said = {
            "/panic": " PANIC: silent. /panic 0, or p, is sound again. ",
            "/bypass": " BYPASS: the input without the model. ",
        }
        on = {c.address for c, values in rows if c.address in said and values[0]}
        return [
            styled(text.center(width)[:width], "bold white on red")
            for address, text in said.items()
            if address in on
        ]

    def _meters(self, status: Status, width: int) -> list[Text]:
        most = min(max(len(status.input_db), len(status.output_db), 1), MOST_CHANNELS)
        cells = min(max(width // METER_WIDTH, 1), most)
        each = width // cells - 1
        lines: list[Text] = []
        for name, levels in (("in", status.input_db), ("out", status.output_db)):
            shown = [
                self._meter(f"{name} {n + 1}", level_db, each)
                for n, level_db in enumerate(levels[:MOST_CHANNELS])
            ]
            if len(levels) > MOST_CHANNELS:
                shown.append(styled(f"and {len(levels) - MOST_CHANNELS} more", "dim"))
            lines += in_columns(shown, cells, each)
        reduction = status.reduction_db
        limiter = styled("limiter ", "dim").append(
            f"{number(reduction)} dB", "yellow" if reduction < -0.05 else ""
        )
        return [*lines, limiter]

    def _meter(self, name: str, level_db: float, width: int) -> Text:
        now = self._now()
        peak, until = self._peaks.get(name, (level_db, now))
        if not level_db < peak or now >= until:  # NaN, too, is shown at once
            peak, until = level_db, now + HOLD_SECONDS
        self._peaks[name] = (peak, until)
        part, style = level(level_db)
        text = styled(f"{name:<6} ", "dim")
        text.append_text(bar(part, max(width - 18, 4), style, mark=level(peak)[0]))
        return text.append(f" {number(peak):>6} dB", level(peak)[1])

    def _count_lines(self, status: Status, width: int) -> list[Text]:
        counts = {
            "xruns": status.xruns,
            "underruns": status.underruns,
            "bad in": status.bad_inputs,
            "bad out": status.bad_outputs,
            "dropped messages": status.dropped_messages,
            "late": sum(model.late_blocks for model in status.models),
            "skipped frames": sum(model.skipped_frames for model in status.models),
            "bad blocks": sum(model.bad_blocks for model in status.models),
        }
        now, told = self._now(), []
        for name, count in counts.items():
            before, when = self._counts.get(name, (count, -LATELY_SECONDS))
            if count > before:
                when = now
            self._counts[name] = (count, when)
            lately = when >= 0 and now - when < LATELY_SECONDS
            told.append(styled(f"{name} ", "dim").append(str(count), _BAD if lately else ""))
        return flow(told, width)


def _header(status: Status, width: int) -> list[Text]:
    seconds = int(status.seconds)
    right = styled(status.audio, _STATES.get(status.audio, _BAD))
    right.append(f" {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}", "dim")
    left = styled("torchbend ", "bold")
    left.append(" > ".join(plain(model.name) for model in status.models) or "no model", "bold cyan")
    clocked = status.output == "none"  # nothing is opened, and there is nothing to name
    output = "no device, an internal clock" if clocked else status.output
    where = [
        styled(plain(f"{status.input} -> {output}")),
        styled("" if clocked else plain(status.host_api), "dim"),
        styled(f"{status.sample_rate} Hz"),
        styled(f"{status.device_block} frames"),
        styled(f"{status.callback} callback", "" if status.callback == "C" else "yellow"),
    ]
    if status.recording is not None:
        where.append(styled(plain(f"recording {status.recording.name}"), _BAD))
    return [beside(left, right, width), *flow(where, width)]


def _model(model: ModelStatus, sample_rate: int, width: int) -> list[Text]:
    load = model.load
    style = "green" if load < 0.7 else "yellow" if load < 0.9 else _BAD
    block_ms = 1000 * model.block / sample_rate
    use = styled("load ", "dim")
    use.append_text(bar(load if load == load else 0.0, 10, style))
    use.append(f" {number(100 * load, '.0f')} %", style)
    return flow(
        [
            styled(plain(model.name), "bold"),
            styled(plain(", ".join(model.methods))),
            styled(plain(model.state), _STATES.get(model.state, _BAD)),
            styled(plain(model.where)),
            use,
            styled(f"{number(model.turn_ms)} ms, at most {number(model.turn_ms_most)}"),
            styled(f"of {block_ms:.1f} ms ({model.block} frames)", "dim"),
            styled(plain(f"knobs: {model.knobs}"), "dim"),
        ],
        width,
    )


def _controls(
    rows: Sequence[Row], moved: dict[str, float], width: int, height: int | None
) -> list[Text]:
    columns = max(width // CONTROL_WIDTH, 1)
    shown, words, switches = _with_switches(rows)
    moved = dict(moved)
    for switch, address in switches.items():
        moved[address] = min(moved.get(each, 1e9) for each in (address, switch))
    room = len(shown) if height is None else max(height - 1, 0) * columns
    hidden = len(shown) - room
    if hidden > 0:
        # Those moved lately; and all in their order, so that no line jumps when a hand is on it.
        recent = sorted(shown, key=lambda row: moved.get(row[0].address, 1e9))[:room]
        kept = {control.address for control, _ in recent}
        shown = [row for row in shown if row[0].address in kept]
    if not shown:
        return []
    lately = {address for address, ago in moved.items() if ago < LATELY_SECONDS}
    cells = control_cells(shown, width // columns - 1, lately, words)
    title = "controls" if hidden <= 0 else f"controls, and {hidden} more"
    return [_rule(title, width), *in_columns(cells, columns, width // columns - 1)]


def _with_switches(rows: Sequence[Row]) -> tuple[list[Row], dict[str, str], dict[str, str]]:
    """The rows without the switches that are shown with another, and what is said of each.

    Returns:
        The rows; words by address; and by the address of each switch that of its row.
    """
    values = {control.address: values for control, values in rows}
    amounts = {c.group for c, _ in rows if c.group and c.address == f"{c.group}/{AMOUNT}"}
    switches = {f"{address}/{BYPASS}": address for address in values}
    for group in amounts:
        switches |= {f"{group}/{switch}": f"{group}/{AMOUNT}" for switch in (BYPASS, SOLO)}
    soloed = {c.group for c, _ in rows if c.group and _is_on(values, f"{c.group}/{SOLO}")}
    models = {group.rpartition("/")[0] for group in soloed}
    words = {}
    for control, _ in rows:
        around = {control.address, control.group or control.address}
        if any(_is_on(values, f"{each}/{BYPASS}") for each in around):
            words[control.address] = BYPASSED
        elif control.group in soloed:
            words[control.address] = SOLO
        elif control.group and control.group.rpartition("/")[0] in models:
            words[control.address] = UNHEARD
    return [row for row in rows if row[0].address not in switches], words, switches


def _is_on(values: Mapping[str, Values], address: str) -> bool:
    return values.get(address) == (True,)


def _wrapped(text: str, width: int) -> Iterable[Text]:
    return (styled(line) for line in textwrap.wrap(text, width, subsequent_indent="  "))


def _rule(title: str, width: int) -> Text:
    return styled(f"── {title} ".ljust(width, "─"), "dim")
