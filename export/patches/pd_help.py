"""The Pd help patch: how an export is loaded, and every message of nn~, to be clicked."""

from __future__ import annotations

from torchbend.export.patches.layout import MARGIN, TITLE_HEIGHT
from torchbend.export.patches.messages import LOADING, MESSAGES
from torchbend.export.patches.pd import ARGUMENT, Atom, Canvas, local
from torchbend.export.patches.pd_controls import NN, SHOW
from torchbend.export.patches.pd_host import EDGE, draw_title, write_host
from torchbend.export.patches.pd_panel import PAPER, Panel, Widget

__all__ = ["pd_help"]


def pd_help() -> str:
    """The help patch: how to load an export, and every message of nn~."""
    said = [message for message in MESSAGES if "pd" in message.hosts]
    width, row = 1000, 44
    loading = 70 + 36 * len(LOADING)
    height = TITLE_HEIGHT + 3 * MARGIN + loading + 110 + 40 + row * len(said)
    panel = Panel(width + EDGE, height + EDGE)
    draw_title(
        panel,
        width,
        height,
        "torchbend in Pure Data",
        "how a bent model is loaded, and what nn~ can be told",
    )
    y = TITLE_HEIGHT + MARGIN
    inner = width - 2 * MARGIN
    panel.panel(MARGIN, y, inner, loading - 20, PAPER)
    panel.words(MARGIN + 14, y + 18, "load an export", 14)
    for place, line in enumerate(LOADING):
        panel.text(MARGIN + 12, y + 34 + 36 * place, line, 130)
    y += loading
    panel.panel(MARGIN, y, inner, 110 - 20, PAPER)
    panel.words(MARGIN + 14, y + 18, "try it: open a file first", 14)
    tried = y
    for place, (label, name) in enumerate((("open a .ts file", "open"), ("sound on", "sound"))):
        panel.words(MARGIN + 54 + 200 * place, y + 56, label, 12)
        widget = Widget(local(name), f"tb/help/:{name}")
        if name == "open":
            panel.button(MARGIN + 14, y + 40, 32, widget)
        else:
            panel.toggle(MARGIN + 14 + 200 * place, y + 40, 32, widget)
    panel.word_box(MARGIN + 380, y + 44, 52, Widget("", local("shown")))
    y += 110
    panel.panel(MARGIN, y, inner, 40 + row * len(said), PAPER)
    panel.words(MARGIN + 14, y + 18, "what nn~ can be told: click, and look at Pd's window", 14)
    y += 36
    for message in said:
        box = panel.fixed("msg", MARGIN + 14, y, *_parts(message.text))
        # Below the message, so that the wire does not run through its words.
        panel.connect(box, 0, panel.fixed("obj", MARGIN + 200, y + 20, "s", NN), 0)
        panel.text(MARGIN + 300, y + 2, message.meaning, 94)
        y += row
    logic = Canvas(1000, 700, "inside")
    write_host(logic, "tb/help")
    logic.chain(("r", local("sound")), ("msg", "dsp", ARGUMENT), ("s", "pd"))
    for channel in range(2):
        logic.chain(("osc~", 220 * (channel + 1)), ("*~", 0.1), ("s~", local(f"src-{channel}")))
    speakers = logic.obj("dac~", 1, 2)
    for channel in range(2):
        caught, out = logic.chain(("catch~", local(f"wet-{channel}")), ("*~", 0.3))
        logic.connect(out, 0, speakers, channel)
    logic.chain(("loadbang",), ("s", SHOW))
    panel.sub_at(width - 100, tried + 46, logic)
    return panel.file()


def _parts(text: str) -> list[Atom]:
    parts: list[Atom] = []
    for word in text.split():
        try:
            parts.append(float(word))
        except ValueError:
            parts.append(word)
    return parts
