"""Packets of OSC 1.0, read so that no byte can hurt.

python-osc builds what we send, and is not used to read what others send: a bundle's element
of negative size makes its parser loop forever, a bundle nested a thousand deep or a name that
is not UTF-8 raises what it does not declare, and each unknown type writes a line to the log.
Here nothing recurses and each byte is read once; and an address that came before costs one
look into a dictionary.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, NamedTuple

from torchbend.realtime.control.errors import RefusedError

__all__ = ["MOST_NESTED", "Message", "read", "start_of"]

MOST_NESTED = 16
_BUNDLE = b"#bundle\0"
_IMMEDIATELY = 1
_EPOCH = 2_208_988_800  # seconds from 1900, where OSC counts from, to 1970
_FIXED = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q", "r": ">I", "m": ">I", "c": ">I"}
_EMPTY: dict[str, Any] = {"T": True, "F": False, "N": None, "I": True}
_LONGEST_KNOWN = 256


class Message(NamedTuple):
    """One message.

    Attributes:
        due: when it is meant, in seconds since 1970; None is now.
        address: or a pattern of addresses.
        arguments: an array's elements among the others; bytes for a blob.
    """

    due: float | None
    address: str
    arguments: tuple[Any, ...]


def read(packet: bytes) -> list[Message]:
    """Read a packet: all of its messages, in their order.

    Args:
        packet: a message or a bundle.

    Raises:
        RefusedError: it is not OSC; nothing in it is to be done then.
    """
    if packet[:1] == b"/":
        return [Message(None, *_message(packet, 0, len(packet)))]
    if not packet.startswith(_BUNDLE):
        raise RefusedError("packet", "a packet starts with an address or as a bundle")
    messages: list[Message] = []
    # What is still to be read: from where, up to where, how deep and when meant.

    left: list[tuple[int, int, int, float | None]] = [(0, len(packet), 0, None)]
    while left:
        start, end, depth, due = left.pop()
        if packet[start : start + 1] == b"/":
            messages.append(Message(due, *_message(packet, start, end)))
            continue
        if not packet.startswith(_BUNDLE, start):
            raise RefusedError("packet", "an element of a bundle is neither message nor bundle")
        if depth == MOST_NESTED:
            raise RefusedError("packet", f"bundles are nested more than {MOST_NESTED} deep")
        if start + 16 > end:
            raise RefusedError("packet", "a bundle ends before its time")
        due = _time(packet, start + 8)
        left += reversed([(a, b, depth + 1, due) for a, b in _elements(packet, start + 16, end)])
    return messages


def start_of(packet: bytes) -> tuple[str, bytes]:
    """A message's address, and its bytes up to its arguments, unchecked.

    Two messages of the same start set the same control. Both are empty of what is no message.
    """
    if packet[:1] != b"/":
        return "", b""
    zero = packet.find(b"\0", 0, _LONGEST_KNOWN)
    tags_end = packet.find(b"\0", (zero // 4 + 1) * 4, _LONGEST_KNOWN)
    if zero < 0 or tags_end < 0:
        return "", b""
    return packet[:zero].decode("ascii", "replace"), packet[: tags_end + 1]


def _elements(packet: bytes, at: int, end: int) -> list[tuple[int, int]]:
    found = []
    while at < end:
        if at + 4 > end:
            raise RefusedError("packet", "a bundle ends within an element's size")
        (size,) = struct.unpack_from(">i", packet, at)
        if size <= 0 or size % 4 or at + 4 + size > end:
            raise RefusedError("packet", f"a bundle's element cannot have {size} bytes")
        found.append((at + 4, at + 4 + size))
        at += 4 + size
    return found


def _time(packet: bytes, at: int) -> float | None:
    (tag,) = struct.unpack_from(">Q", packet, at)
    return None if tag == _IMMEDIATELY else float(tag / 2**32 - _EPOCH)


def _message(packet: bytes, start: int, end: int) -> tuple[str, tuple[Any, ...]]:
    tags_start = _after_text(packet, start, end)
    if tags_start >= end:
        return _text(packet, start, end)[0], ()  # without types, as very old senders have it
    args_start = _after_text(packet, tags_start, end)
    head = packet[start:args_start]
    look = _head if len(head) <= _LONGEST_KNOWN else _head.__wrapped__
    address, tags, form = look(head, tags_start - start)
    if form is None:
        return address, _arguments(packet, tags, args_start, end)
    if args_start + form.size > end:
        raise RefusedError("packet", "a message ends before its arguments")
    return address, form.unpack_from(packet, args_start)


@lru_cache(maxsize=512)
def _head(head: bytes, tags_start: int) -> tuple[str, str, struct.Struct | None]:
    """The address, the types, and how to read arguments that are numbers only."""
    address, _ = _text(head, 0, len(head))
    tags, _ = _text(head, tags_start, len(head))
    if not tags.startswith(","):
        raise RefusedError("packet", "a message's types start with a comma")
    tags = tags[1:]
    numbers = not tags.strip("ifhd")
    return address, tags, struct.Struct(">" + tags.replace("h", "q")) if numbers else None


def _arguments(packet: bytes, tags: str, at: int, end: int) -> tuple[Any, ...]:
    found: list[Any] = []
    depth = 0
    for tag in tags:
        if tag in _EMPTY:
            found.append(_EMPTY[tag])
        elif tag in _FIXED:
            form = _FIXED[tag]
            size = struct.calcsize(form)
            if at + size > end:
                raise RefusedError("packet", "a message ends before its arguments")
            found += struct.unpack_from(form, packet, at)
            at += size
        elif tag in "sS":
            text, at = _text(packet, at, end)
            found.append(text)
        elif tag == "b":
            blob, at = _blob(packet, at, end)
            found.append(blob)
        elif tag in "[]":
            depth += 1 if tag == "[" else -1
            if depth < 0:
                raise RefusedError("packet", "an array ends that did not start")
        else:
            raise RefusedError("packet", f"there is no type {tag!r} in OSC")
    if depth:
        raise RefusedError("packet", "an array does not end")
    return tuple(found)


def _after_text(packet: bytes, start: int, end: int) -> int:
    """Where a text's padding ends; the text starts at a multiple of four from the packet's."""
    zero = packet.find(b"\0", start, end)
    if zero < 0:
        raise RefusedError("packet", "a text does not end")
    after = start + ((zero - start) // 4 + 1) * 4
    if after > end:
        raise RefusedError("packet", "a text is not padded to four bytes")
    return after


def _text(packet: bytes, start: int, end: int) -> tuple[str, int]:
    after = _after_text(packet, start, end)
    try:
        return packet[start : packet.find(b"\0", start, end)].decode(), after
    except UnicodeDecodeError:
        raise RefusedError("packet", "a text is not UTF-8") from None


def _blob(packet: bytes, start: int, end: int) -> tuple[bytes, int]:
    if start + 4 > end:
        raise RefusedError("packet", "a message ends before its arguments")
    (size,) = struct.unpack_from(">i", packet, start)
    after = start + 4 + (size + 3) // 4 * 4
    if size < 0 or after > end:
        raise RefusedError("packet", f"a blob cannot have {size} bytes")
    return packet[start + 4 : start + 4 + size], after
