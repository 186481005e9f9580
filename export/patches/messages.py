"""What can be said to nn~, for the help patches and the manual."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOADING", "MESSAGES", "Message"]


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        text: an example of it.
        meaning: what nn~ does.
        hosts: where it works: ``"pd"``, ``"max"`` or both.
    """

    text: str
    meaning: str
    hosts: tuple[str, ...] = ("pd", "max")


LOADING = (
    "(1) torchbend export MODEL -o choir.ts --bend bends.json writes choir.ts, and beside it "
    "choir.pd and choir.maxpat, patches with a control for every bend.",
    "(2) Keep the three in one folder and open the patch. nn~ looks for the file beside the "
    "patch first, then where Pd or Max look for patches.",
    "(3) In a patch of your own make nn~ choir.ts forward 4096: the file, the method, the frames "
    "of its buffer. 0 frames plays in the audio thread: no delay, but no time to spare.",
    "(4) torchbend info choir.ts lists the methods and attributes of a file.",
)

MESSAGES = (
    Message("set gain 0.5", "Moves an attribute; out of its range it is clamped."),
    Message("set gains 1 0.5 0 1", "An attribute of several values takes them together."),
    Message("set mode hard", "An attribute of choices takes the word."),
    Message(
        "set mask my_array",
        "A tensor or buffer attribute takes the name of an array (Pd) or buffer~ (Max).",
    ),
    Message("enable 0", "Rests: silence, and no computing. enable 1 plays again."),
    Message("reload", "Reads the file anew; every attribute is at its default again."),
    Message("gpu 1", "Moves the model to the graphics card if there is one; gpu 0 brings it back."),
    Message("bufsize 8192", "Frames of the buffer; larger is safer and later.", ("pd",)),
    Message("bang", "Sends what is loaded out of the last outlet.", ("pd",)),
    Message(
        "method decode",
        "Plays another method. In Pd only for nn~ -m, which takes several channels in one cord.",
    ),
    Message(
        "load other.ts", "Plays another file with as many channels. In Pd only for nn~ -m."
    ),
    Message("get gain", "Prints an attribute's value.", ("max",)),
    Message("get_attributes", "Prints the names of all attributes.", ("max",)),
    Message("get_methods", "Prints the names of all methods.", ("max",)),
    Message("dump", "Prints all there is to know.", ("max",)),
)
