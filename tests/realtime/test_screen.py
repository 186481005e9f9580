"""What the terminal view draws, at any width, of any moment."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from control_support import BENT, INFO, Clock, make_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text
from status_support import MODEL, make_status

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import Control, ControlTree, Value, bends, strip
from torchbend.realtime.screen import HOLD_SECONDS, LATELY_SECONDS, Screen, report_latency
from torchbend.realtime.screen_parts import Row, as_ascii, bar
from torchbend.realtime.status import LatencyReport
from torchbend.realtime.terminal import control_rows

ROWS = control_rows(make_tree()[0])
STATUS = make_status()


def shown(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def line_with(lines: list[Text], text: str) -> Text:
    (found,) = [line for line in lines if text in line.plain]
    return found


def style_of(line: Text, text: str) -> str:
    """How a part of a line is drawn."""
    start = line.plain.index(text)
    return " ".join(str(s.style) for s in line.spans if s.start <= start < s.end)


def row(control: Control, *values: Value) -> Row:
    return control, values


WHOLE_LATENCY = "70.7 ms: device in 5.3, block and computation 53.3, resampler 0.0, model 1.3, "


def test_the_latency_is_told_in_all_its_parts() -> None:
    assert report_latency(STATUS.latency) == WHOLE_LATENCY + "device out 10.7"
    unknown = LatencyReport(0, 0, 441, 0, None, 44_100)
    assert report_latency(unknown) == (
        "10.0 ms: device in 0.0, block and computation 10.0, resampler 0.0, model unknown, "
        "device out 0.0"
    )


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_everything_is_there_at_every_width(width: int) -> None:
    status = make_status(
        recording=Path("/somewhere/out.wav"), messages=("swapped",), reduction_db=-2.1, xruns=3
    )
    lines = Screen("OSC 127.0.0.1:9000", "q quit").lines(status, ROWS, width)
    text = " ".join(shown(lines).split())
    assert max(line.cell_len for line in lines) <= width
    for part in ("running", "48000 Hz", "256 frames", "C callback", "70.7 ms", "limiter -2.1 dB"):
        assert part in text
    for part in ("xruns 3", "underruns 0", "late 0", "bad in 0", "17 %", "swapped", "q quit"):
        assert part in text
    assert "drive" in text
    assert not any(line.style for line in lines)  # that of the first word would be the line's
    if width >= 40:
        for part in ("raspberry", "hw:0 Microphone -> hw:0 Headphones", "recording out.wav"):
            assert part in text
        for part in (WHOLE_LATENCY, "in 1", "out 2", "-12.3 dB", "OSC 127.0.0.1:9000", "decode"):
            assert part.strip() in text


def test_an_internal_clock_is_called_so() -> None:
    text = shown(Screen().lines(make_status(output="none", host_api="none"), (), 100))
    assert "hw:0 Microphone -> no device, an internal clock  48000 Hz" in text
    assert "none" not in text


@pytest.mark.parametrize("height", [1, 5, 12, 24, 60])
def test_no_more_lines_than_there_are(height: int) -> None:
    status = make_status(messages=tuple(f"message {n}" for n in range(30)))
    assert len(Screen("OSC", "q quit").lines(status, ROWS, 80, height)) <= height


def test_a_high_screen_shows_all_and_a_low_one_what_moved_lately() -> None:
    clock = Clock()
    tree, _ = make_tree(now=clock)
    screen = Screen(now=clock)
    everything = shown(screen.lines(STATUS, control_rows(tree), 80, 60))
    for control, _ in control_rows(tree):
        assert control.address.removeprefix("/bend/").removeprefix("/") in everything
    assert "more" not in everything
    low = screen.lines(STATUS, control_rows(tree), 80, 16)
    assert "drive" in shown(low)
    assert "width" not in shown(low)
    tree.set("/width", (0.5,))
    tree.set("/bend/free", (0.5,))
    moved = screen.lines(STATUS, control_rows(tree), 80, 16)
    assert "more" in shown(moved)
    names = [line.plain.split()[0] for line in moved[moved.index(line_with(moved, "more")) + 1 :]]
    assert names.index("free") < names.index("width")  # in their own order
    assert "bold" in style_of(line_with(moved, "width "), "width")
    clock.seconds += LATELY_SECONDS
    later = screen.lines(STATUS, control_rows(tree), 80, 16)
    assert "bold" not in style_of(line_with(later, "width "), "width")


@pytest.mark.parametrize(
    ("level", "said", "style"),
    [
        (-12.34, "-12.3 dB", "green"),
        (-3.0, "-3.0 dB", "yellow"),
        (0.5, "0.5 dB", "red"),
        (-math.inf, "-inf dB", "green"),
        (math.inf, "inf dB", "red"),
        (math.nan, "NaN dB", "bold red"),
    ],
)
def test_a_meter_shows_what_it_is_given(level: float, said: str, style: str) -> None:
    lines = Screen().lines(make_status(input_db=(level,), output_db=()), (), 60)
    line = line_with(lines, "in 1")
    assert line.plain.endswith(said)
    assert style in style_of(line, said)
    full = line.plain.count("━") + line.plain.count("┃")
    empty = line.plain.count("─")
    part = 0 if level != level else min(max(1 + level / 60, 0), 1)
    assert full == pytest.approx(part * (full + empty), abs=1.01)


def test_a_peak_is_held_and_falls_at_last() -> None:
    clock = Clock()
    screen = Screen(now=clock)

    def peak(level: float) -> str:
        lines = screen.lines(make_status(input_db=(level,), output_db=()), (), 60)
        return line_with(lines, "in 1").plain.split()[-2]

    assert peak(-20.0) == "-20.0"
    assert peak(-6.0) == "-6.0"
    clock.seconds += HOLD_SECONDS * 0.9
    assert peak(-30.0) == "-6.0"
    clock.seconds += HOLD_SECONDS * 0.2
    assert peak(-30.0) == "-30.0"
    assert peak(math.nan) == "NaN"
    assert peak(-40.0) == "-40.0"


def test_many_channels_are_not_the_whole_screen() -> None:
    status = make_status(input_db=(-10.0,) * 32)
    text = shown(Screen().lines(status, (), 80))
    assert "in 8" in text
    assert "in 9" not in text
    assert "and 24 more" in text


def test_a_count_is_red_while_it_grew_lately() -> None:
    clock = Clock()
    screen = Screen(now=clock)

    def late_style(late: int) -> bool:
        status = make_status(models=(replace(MODEL, late_blocks=late),), underruns=7)
        line = line_with(screen.lines(status, (), 200), "late ")
        start = line.plain.index("late ") + 5
        assert "red" not in style_of(line, "7")
        return any("red" in str(s.style) for s in line.spans if s.start <= start < s.end)

    assert not late_style(2)
    assert late_style(3)
    clock.seconds += LATELY_SECONDS / 2
    assert late_style(3)
    clock.seconds += LATELY_SECONDS
    assert not late_style(3)
    assert not late_style(0)  # another model


def test_a_load_is_coloured_by_how_near_the_end_it_is() -> None:
    for load, style in ((0.2, "green"), (0.8, "yellow"), (0.95, "red"), (math.nan, "red")):
        status = make_status(models=(replace(MODEL, load=load),))
        line = line_with(Screen().lines(status, (), 200), "load ")
        said = "NaN %" if load != load else f"{100 * load:.0f} %"
        assert style in style_of(line, said)


@pytest.mark.parametrize(("address", "said"), [("/panic", "PANIC"), ("/bypass", "BYPASS")])
def test_silence_by_panic_is_not_to_be_missed(address: str, said: str) -> None:
    tree, _ = make_tree()
    assert said not in shown(Screen().lines(STATUS, control_rows(tree), 80, 24))
    tree.set(address, (1,))
    lines = Screen().lines(STATUS, control_rows(tree), 80, 24)
    assert said in lines[0].plain
    assert "on red" in style_of(lines[0], said)


def test_each_kind_of_control_has_its_picture() -> None:
    cutoff = Control("/bend/cutoff", "float", (200.0,), low=20.0, high=20_000.0, curve="log")
    rows = [
        *((c, c.default) for c in bends(INFO)),
        row(cutoff, 632.4555),
        row(Control("/bend/word", "text", ("a word",)), "a word"),
        row(Control("/bend/pair", "list", (1.5, "x"), types=("float", "text")), 1.5, "x"),
        row(Control("/bend/fixed", "float", (1.0,), low=1.0, high=1.0), 1.0),
    ]
    lines = Screen().lines(STATUS, rows, 80)
    assert "0 .. 2" in line_with(lines, "drive ").plain
    full, empty = (line_with(lines, "drive ").plain.count(c) for c in "━─")
    assert full == pytest.approx((full + empty) / 4, abs=0.5)
    full, empty = (line_with(lines, "cutoff ").plain.count(c) for c in "━─")
    assert full == pytest.approx((full + empty) / 2, abs=0.5)
    assert "● on" in line_with(lines, "on  ").plain
    assert "green" in style_of(line_with(lines, "soft hard fold"), "soft")
    assert "dim" in style_of(line_with(lines, "soft hard fold"), "fold")
    assert "▁▅█" in line_with(lines, "mix ").plain
    assert line_with(lines, "free ").plain.split() == ["free", "0"]
    assert line_with(lines, "long ").plain.count("▅") == 40
    assert line_with(lines, "word ").plain.endswith("a word")
    assert line_with(lines, "pair ").plain.endswith("1.5 x")
    assert "1 .. 1" in line_with(lines, "fixed ").plain


def test_a_bypassed_bend_says_so_and_shows_its_own_value() -> None:
    gain = AttributeInfo("gain", "float", ("float",), (0.5,), 0.0, 2.0, neutral=(1.0,))
    tree = ControlTree([*strip(), *bends(FileInfo("m", (), (gain,)))])
    lines = Screen().lines(STATUS, control_rows(tree), 80)
    assert "bypassed" not in shown(lines)
    assert "gain/bypass" not in shown(lines)
    tree.set("/bend/gain/bypass", (1,))
    (line,) = [x for x in Screen().lines(STATUS, control_rows(tree), 80) if "bypassed" in x.plain]
    assert line.plain.split()[0] == "gain"
    assert " 0.5 " in line.plain


def test_a_named_bend_shows_its_switches_behind_its_amount() -> None:
    tree = ControlTree([*strip(), *bends(BENT)])

    def lines() -> dict[str, Text]:
        drawn = Screen().lines(STATUS, control_rows(tree), 80)
        return {line.plain.split()[0]: line for line in drawn if line.plain.split()}

    names = list(lines())
    at = names.index("edge")
    assert names[at : at + 4] == ["edge", "fold/amount", "limit_amount", "worn/amount"]
    assert not {"fold/bypass", "worn/solo", "edge/bypass"} & set(names)
    tree.set("/bend/fold/bypass", (1,))
    found = lines()
    for name in ("edge", "fold/amount"):
        assert found[name].plain.endswith(" bypassed")
    assert not found["worn/amount"].plain.endswith("bypassed")
    tree.set("/bend/fold/bypass", (0,))
    tree.set("/bend/worn/solo", (1,))
    found = lines()
    assert found["worn/amount"].plain.endswith(" solo")
    assert found["fold/amount"].plain.endswith(" not solo")
    assert "green" in style_of(found["worn/amount"], "solo")
    assert not found["limit_amount"].plain.endswith("solo")
    tree.set("/bypass", (1,))  # of the whole strip, which has a line of its own
    assert not any(line.plain.endswith(" bypassed") for line in lines().values())


def test_a_switch_that_moved_brings_its_bend_to_the_screen() -> None:
    tree = ControlTree([*strip(), *bends(BENT)])
    screen, low = Screen(), 15  # lines, of which three are left for controls
    assert "worn/amount" not in shown(screen.lines(STATUS, control_rows(tree), 80, low))
    tree.set("/bend/worn/solo", (1,))
    line = line_with(screen.lines(STATUS, control_rows(tree), 80, low), "worn/amount")
    assert "bold" in style_of(line, "worn")


def test_no_text_moves_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;title\x07\r\nnext\x9b31m\u202e"
    status = make_status(
        input=evil,
        host_api=evil,
        messages=(evil,),
        recording=Path(evil),
        models=(replace(MODEL, name=evil, methods=(evil,), state=evil, where=evil, knobs=evil),),
    )
    rows = [row(Control("/bend/word", "text", ("",)), evil)]
    lines = Screen(evil, evil).lines(status, rows, 80)
    assert "next" in shown(lines)
    for line in lines:
        assert line.plain.isprintable()


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    status = make_status(messages=("ünïcode 你好",))
    for line in Screen().lines(status, ROWS, 80):
        before = line.cell_len
        found = as_ascii(line)
        assert found.plain.isascii()
        assert found.cell_len <= before
    assert as_ascii(bar(0.5, 8, "green", mark=0.9)).plain == "====---|"


numbers = st.floats(allow_nan=True, allow_infinity=True)
counts = st.integers(0, 2**64)
texts = st.text(max_size=300)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 240),
    height=st.integers(1, 80),
    levels=st.lists(numbers, max_size=40),
    measured=st.tuples(numbers, numbers, numbers),
    count=counts,
    names=st.tuples(texts, texts, texts),
)
def test_any_moment_can_be_drawn(
    width: int,
    height: int,
    levels: list[float],
    measured: tuple[float, float, float],
    count: int,
    names: tuple[str, str, str],
) -> None:
    turn, load, reduction = measured
    model = replace(MODEL, name=names[0], turn_ms=turn, load=load, late_blocks=count)
    status = make_status(
        input=names[1],
        input_db=tuple(levels),
        output_db=tuple(levels[::-1]),
        reduction_db=reduction,
        xruns=count,
        models=(model,) * (count % 4),
        messages=names,
    )
    screen = Screen(names[2], names[0])
    rows = [*ROWS, row(Control("/bend/x", "text", ("",)), names[0])]
    for _ in range(2):
        lines = screen.lines(status, rows, width, height)
        assert len(lines) <= height
        assert all(line.cell_len <= max(width, 20) for line in lines)
        assert all(line.plain.isprintable() for line in lines)
