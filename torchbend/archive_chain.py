"""How long a chain of classes and functions that need one another is, in a file's code.

Torch compiles what a function calls before the function itself, and a class's parts before the
class, one inside the other: a chain of some thousand overflows the stack. Modules lie a dozen
deep, so a long chain is no model's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

__all__ = ["longest_chain"]

Tokens = list[tuple[str, str, int]]


class _Definition:
    """A class with its methods, or a function.

    Attributes:
        named: what it names, with all the dots.
        methods: the methods of a class.
        members: what it takes from anything: the words behind a dot.
    """

    def __init__(self) -> None:
        self.named: set[str] = set()
        self.methods: set[str] = set()
        self.members: set[str] = set()

    @property
    def weight(self) -> int:
        """How many definitions of this class may be under way at once.

        The class, the method that was asked for, and those that another one may have called.
        """
        by_name = "getattr" in self.named
        return 2 + len(self.methods if by_name else self.methods & self.members)


def longest_chain(files: Mapping[str, Tokens]) -> float:
    """The most definitions that are under way at once while the code is compiled, at most.

    Args:
        files: each code member's words, by its path in the archive: (kind, word, column).

    Returns:
        A number; infinite where definitions need one another in a circle.
    """
    definitions: dict[str, _Definition] = {}
    for path, tokens in files.items():
        # Torch finds members without regard to case.
        folder = path.casefold().removeprefix("code/").removesuffix(".py").replace("/", ".")
        _read(folder, tokens, definitions)
    needs = {name: _needed(name, each, definitions) for name, each in definitions.items()}
    longest: dict[str, int] = {}
    try:
        for name in TopologicalSorter(needs).static_order():
            behind = max((longest[other] for other in needs[name]), default=0)
            longest[name] = definitions[name].weight + behind
    except CycleError:
        return float("inf")
    return max(longest.values(), default=0)


def _read(folder: str, tokens: Tokens, definitions: dict[str, _Definition]) -> None:
    """Take up the definitions of one file."""
    current = _Definition()
    for at, (kind, word, column) in enumerate(tokens):
        if kind != "name":
            continue
        if word == "class" or (word == "def" and column == 0):
            name = tokens[at + 1][1] if at + 1 < len(tokens) else ""
            current = definitions.setdefault(f"{folder}.{name}".casefold(), _Definition())
        elif word == "def":
            current.methods.add(tokens[at + 1][1] if at + 1 < len(tokens) else "")
        elif at > 0 and tokens[at - 1][1] == ".":
            current.members.add(word)
        elif at == 0 or tokens[at - 1][1] != "def":
            current.named.add(".".join(_dotted(tokens, at)).casefold())


def _dotted(tokens: Tokens, at: int) -> Iterator[str]:
    yield tokens[at][1]
    while at + 2 < len(tokens) and tokens[at + 1][1] == ".":
        at += 2
        yield tokens[at][1]


def _needed(name: str, definition: _Definition, definitions: Mapping[str, _Definition]) -> set[str]:
    """The other definitions that one names, be it with something behind their name."""
    needed = set()
    for dotted in definition.named:
        parts = dotted.split(".")
        for end in range(2, len(parts) + 1):
            other = ".".join(parts[:end])
            if other in definitions and other != name:
                needed.add(other)
    return needed
