"""A nn~ for a file that is chosen while the patch plays.

The nn~ is made anew for each file: only a multichannel nn~ can take another file, and only in
newer Pd. The patch writes it into a subpatch, between names that stay.
"""

from __future__ import annotations

from torchbend.export.patches.layout import MARGIN, TITLE_HEIGHT
from torchbend.export.patches.pd import SEMICOLON, Atom, Canvas, Raw, local
from torchbend.export.patches.pd_controls import RESEND
from torchbend.export.patches.pd_panel import Panel

__all__ = ["EDGE", "draw_title", "write_host"]

EDGE = 4  # of a window around its ground
_GROUND, _TITLE, _LIGHT, _GREY = "#dcdcd4", "#303038", "#fcfcfc", "#b8b8b8"
_COMMA = Raw(r"\,")


def draw_title(panel: Panel, width: int, height: int, title: str, line: str) -> None:
    """The ground of a panel, and what it is called."""
    panel.panel(0, 0, width, height, _GROUND)
    panel.panel(0, 0, width, TITLE_HEIGHT, _TITLE)
    panel.words(MARGIN, 30, title, 24, _LIGHT, _TITLE)
    panel.words(MARGIN, 60, line, 12, _GREY, _TITLE)


def write_host(logic: Canvas, public: str) -> None:
    """Boxes that put a nn~ for the chosen file into the subpatch ``$0-room``."""
    logic.heading("A nn~ is made for the file that is chosen, in this subpatch.")
    logic.sub(Canvas(500, 300, local("room")))
    _, opened = logic.chain(("r", local("open")), ("openpanel",))
    # From elsewhere: a symbol, the file's whole path.
    _, chosen, _ = logic.chain(
        ("r", f"{public}/:file"), ("t", "b", "s", "s"), ("s", local("build"))
    )
    logic.connect(opened, 0, chosen, 0)
    quiet, *_ = logic.chain(("list", "prepend", "set"), ("list", "trim"), ("s", local("shown")))
    logic.connect(chosen, 2, quiet, 0)
    path = logic.obj("symbol")
    method = logic.obj("symbol", "forward")
    stereo = logic.obj("f", 0)
    logic.connect(chosen, 1, path, 1)
    for name, keeper in (("method", method), ("stereo", stereo)):
        logic.connect(logic.obj("r", local(name)), 0, keeper, 1)
    room = Raw(r"pd-\$0-room")
    _, order = logic.chain(("r", local("build")), ("t", *["b"] * 9))
    send = logic.obj("s", room)
    clear = logic.msg("clear")
    logic.connect(order, 8, clear, 0)
    logic.connect(clear, 0, send, 0)
    made = (
        ("r", "nn"),
        ("receive~", "src-0"),
        ("receive~", "src-1"),
        ("nn~", ""),
        ("throw~", "wet-0"),
        ("throw~", "wet-1"),
    )
    for place, (kind, name) in enumerate(made):
        where = (20 + 220 * (place % 2), 20 + 50 * place)
        if kind == "nn~":
            # The path and the method are words that only now are known.
            words, _, ready = logic.chain(
                ("pack", "s", "s", 4096),
                ("list", "prepend", "obj", *where, kind),
                ("list", "trim"),
            )
            both = logic.obj("t", "b", "b")
            logic.connect(order, 7 - place, both, 0)
            logic.connect(both, 1, method, 0)
            logic.connect(both, 0, path, 0)
            logic.connect(method, 0, words, 1)
            logic.connect(path, 0, words, 0)
        else:
            number, *_, ready = logic.chain(
                ("f", Raw(r"\$0")),
                ("makefilename", f"%d-{name}"),
                ("list", "prepend", "obj", *where, kind),
                ("list", "trim"),
            )
            logic.connect(order, 7 - place, number, 0)
        logic.connect(ready, 0, send, 0)
    _wires(logic, order, stereo, send)


def _wires(logic: Canvas, order: int, stereo: int, send: int) -> None:
    """The messages that wire what was made, and start the sound again if it was on."""
    both, choose = logic.obj("t", "b", "b"), logic.obj("sel", 1)
    logic.connect(order, 1, both, 0)
    logic.connect(stereo, 0, choose, 0)
    always = ((0, 0, 3, 0), (1, 0, 3, 0), (3, 0, 4, 0))
    two, one = ((2, 0, 3, 1), (3, 1, 5, 0)), ((3, 0, 5, 0),)
    boxes = []
    for wires in (always, two, one):
        atoms: list[Atom] = []
        for wire in wires:
            atoms += [*([_COMMA] if atoms else []), "connect", *wire]
        boxes.append(logic.msg(*atoms))
        logic.connect(boxes[-1], 0, send, 0)
    logic.connect(both, 1, boxes[0], 0)
    logic.connect(both, 0, stereo, 0)
    logic.connect(choose, 0, boxes[1], 0)
    logic.connect(choose, 1, boxes[2], 0)
    # Pd plays what was made when its sound is switched on again.
    restart = ("msg", SEMICOLON, "pd", "dsp", 0, SEMICOLON, "pd", "dsp", 1)
    heard, *_ = logic.chain(("f", 0), ("sel", 1), restart)
    logic.connect(logic.obj("r", local("sound")), 0, heard, 1)
    logic.connect(order, 0, heard, 0)
    again = logic.obj("s", RESEND)
    logic.connect(order, 0, again, 0)
