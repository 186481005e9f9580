"""Patterns of OSC: one message that moves several controls.

Matched by hand, in time that grows with pattern times address: a regular expression is slow
to compile, kept in memory afterwards, and can be made to take for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["matching"]

LONGEST_PATTERN = 256
# What one place in a pattern allows: any text (None), or a character that is (not) of a set;
# the set None is every character.
_Token: TypeAlias = tuple[frozenset[str] | None, bool] | None


def matching(pattern: str, addresses: Iterable[str]) -> list[str]:
    """The addresses that a pattern stands for.

    Args:
        pattern: ``?``, ``*``, ``[a-c]``, ``[!a]`` and ``{one,two}`` match within one part.
        addresses: those there are.
    """
    if len(pattern) > LONGEST_PATTERN or not any(sign in pattern for sign in "*?[{"):
        return []
    wanted = [[_tokens(word) for word in _words(part)] for part in pattern.split("/")]
    return [address for address in addresses if _matches(address.split("/"), wanted)]


def _matches(parts: list[str], wanted: list[list[list[_Token]]]) -> bool:
    return len(parts) == len(wanted) and all(
        any(_fits(part, tokens) for tokens in words)
        for part, words in zip(parts, wanted, strict=True)
    )


def _words(part: str) -> list[str]:
    opened, closed = part.find("{"), part.find("}")
    if opened < 0 or closed < opened:
        return [part]
    # One {...} a part: each more would multiply the work that a single packet can ask for.
    words = part[opened + 1 : closed].split(",")[:16]
    return [part[:opened] + word + part[closed + 1 :] for word in words]


def _tokens(word: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(word):
        sign = word[at]
        closed = word.find("]", at + 1) if sign == "[" else -1
        if sign == "*":
            found.append(None)
        elif sign == "?":
            found.append((None, True))
        elif closed > 0:
            found.append(_set(word[at + 1 : closed]))
            at = closed
        else:
            found.append((frozenset(sign), True))
        at += 1
    return found


def _set(inside: str) -> _Token:
    wanted = not inside.startswith("!")
    inside = inside if wanted else inside[1:]
    signs = set(inside)
    for first, dash, last in zip(inside, inside[1:], inside[2:], strict=False):
        if dash == "-":
            signs.update(map(chr, range(ord(first), min(ord(last), 0x7F) + 1)))
    return frozenset(signs), wanted


def _fits(text: str, tokens: list[_Token]) -> bool:
    at = token = 0
    back: tuple[int, int] | None = None  # after the last star, and the text it has not taken
    while at < len(text):
        here = tokens[token] if token < len(tokens) else (frozenset[str](), True)
        if here is None:
            token += 1
            back = (token, at)
        elif (here[0] is None or text[at] in here[0]) is here[1]:
            token, at = token + 1, at + 1
        elif back is not None:
            token, at = back[0], back[1] + 1
            back = (token, at)
        else:
            return False
    return all(each is None for each in tokens[token:])
