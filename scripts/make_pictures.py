"""Make what README.md shows: docs/demo.png, docs/live.svg of a host that plays, its addresses.

    python scripts/make_pictures.py            # all of it
    python scripts/make_pictures.py addresses

They show what was so when they were made. docs/tour.png is the picture that
``torchbend demo --tour`` leaves behind, and docs/patch.png a screenshot of Pd.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

import torchbend as tb
from torchbend.demo.keepsakes import draw
from torchbend.realtime import Device, Host
from torchbend.realtime.control import address_table, bends, outputs, strip
from torchbend.realtime.terminal import control_rows, picture
from torchbend.voice import gesture, voice

TABLE = re.compile(r"^(<!-- addresses: .*? -->)$.*?^(<!-- end -->)$", re.MULTILINE | re.DOTALL)
DOCS = Path(__file__).parents[1] / "docs"
COLOURS = 96  # of the PNG, which a repository keeps for ever
PLAYED_SECONDS = 20.0
NEUTRAL = gesture(0.0)
KNOBS = {"drive": 3.2, "tail": 2.6, "metal": 38.0, "haze": 0.04, "breath": 0.7}  # at the end


def demo() -> None:
    """The spectrograms that the demo leaves behind, in fewer colours."""
    path = DOCS / "demo.png"
    draw(path)
    with Image.open(path) as full:
        small = full.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def live(osc_port: int = 9000) -> None:
    """The terminal view of the built-in voice on the internal clock, its knobs moving."""
    with TemporaryDirectory() as folder:
        host = Host(
            input="loop",
            device=Device(output="none"),
            osc_port=osc_port,
            presets=Path(folder) / "presets",
        )
        with host:
            steps = round(PLAYED_SECONDS / 0.05)
            for step in range(steps):
                for name, value in KNOBS.items():
                    home = NEUTRAL[name]
                    host.set(name, home + (value - home) * (step + 1) / steps)
                time.sleep(0.05)
            drawn = picture(
                host.status(),
                control_rows(host.surface.tree),
                listening=host.surface.listening,
                width=112,
            )
    (DOCS / "live.svg").write_text(drawn, encoding="utf-8")


def table() -> str:
    """The addresses of the strip, of one knob of the built-in voice, and of a bend with a name."""
    bent = voice()
    for name in ("fold", "other"):  # a bend that is alone has no solo
        bent.bend(tb.Bend(tb.Fold(0.5), name=name), "decode:imagine_act$")
    with TemporaryDirectory() as folder:
        info = bent.export(Path(folder) / "voice.ts", check=False, patches=False).info
    shown = [each for each in info.attributes if each.name == "drive" or each.bend == "fold"]
    some = replace(info, attributes=tuple(shown))
    return address_table([*bends(some), *strip(), *outputs()])


def addresses() -> None:
    """The table in README.md, between its two marks."""
    path = DOCS.parent / "README.md"
    text = path.read_text(encoding="utf-8")
    new = TABLE.sub(lambda marks: f"{marks[1]}\n\n{table()}\n\n{marks[2]}", text)
    path.write_text(new, encoding="utf-8")


def main() -> None:
    """Make what was asked for."""
    pictures = {"demo": demo, "live": live, "addresses": addresses}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", choices=[*pictures, []], metavar="PICTURE")
    for name in parser.parse_args().which or pictures:
        pictures[name]()


if __name__ == "__main__":
    main()
