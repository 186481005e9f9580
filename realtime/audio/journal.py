"""From which frame on a change was heard: what a take needs to be rendered again.

The callback writes down each set of parameters that it takes, with the first frame that is played
so. `Strip.set` returns the sequence number of a change; the first entry with that number, or a
later one, is its moment::

    journal = Journal(memory)
    number = strip.set(mix=0.5)
    for sequence, frame in journal.read(): ...
"""

from __future__ import annotations

from typing import Any

from torchbend.realtime.audio.layout import constant
from torchbend.realtime.audio.memory import AudioMemory, fence

__all__ = ["Journal", "note"]


class Journal:
    """Reads the journal, from its first entry on; there may be any number of readers.

    Args:
        memory: the shared memory.

    Attributes:
        lost: entries that were written over before they were read: there is room for 1023.
    """

    def __init__(self, memory: AudioMemory) -> None:
        self.lost = 0
        self._memory = memory  # which must stay mapped
        self._journal = memory.header.journal
        self._next = 0

    def read(self) -> list[tuple[int, int]]:
        """The entries since the last call: ``(sequence number, frame)``, oldest first."""
        journal, room = self._journal, constant("ENTRIES")
        written = int(journal.written)
        fence()
        first = max(self._next, written - room)
        entries = [journal.entry[n & (room - 1)] for n in range(first, written)]
        read = [(int(entry.sequence), int(entry.frame)) for entry in entries]
        fence()
        # The oldest may have been written over meanwhile, or be about to.
        safe = max(first, int(journal.written) - room + 1) if read else first
        self.lost += safe - self._next
        self._next = max(written, safe)
        return read[safe - first :]


def note(journal: Any, sequence: int, frame: int) -> None:
    """Add an entry to a ``tb_journal``, which nobody else writes."""
    number = int(journal.written)
    entry = journal.entry[number & (constant("ENTRIES") - 1)]
    fence()
    entry.sequence, entry.frame = sequence, frame
    fence()
    journal.written = number + 1
