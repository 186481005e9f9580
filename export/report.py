"""What a check found: rows for people, and the same as data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tabulate import tabulate

__all__ = ["FAIL", "NOTE", "OK", "Report", "Row"]

OK = "ok"
FAIL = "fail"
NOTE = "note"
_WIDTH = 78


@dataclass(frozen=True)
class Row:
    """One thing that was looked at.

    Attributes:
        what: was looked at.
        result: ``"ok"``, ``"fail"``, or ``"note"`` for what one should know of a file that
            plays.
        detail: figures, or what is wrong.
    """

    what: str
    result: str
    detail: str = ""


@dataclass
class Report:
    """All that was looked at in one file.

    Attributes:
        path: of the file.
        rows: in the order in which they were looked at.
    """

    path: str
    rows: list[Row] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and anything was looked at."""
        return bool(self.rows) and not self.failures

    @property
    def failures(self) -> list[Row]:
        """The rows that failed."""
        return [row for row in self.rows if row.result == FAIL]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return {"path": self.path, "ok": self.ok, "rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        table = tabulate(
            [(row.what, row.result, row.detail) for row in self.rows],
            headers=["what", "result", "detail"],
            maxcolwidths=[None, None, _WIDTH],
            disable_numparse=True,
        )
        failed = len(self.failures)
        verdict = "passes" if self.ok else f"fails in {failed} of {len(self.rows)} rows"
        text = f"{table}\n\n{self.path} {verdict}."
        # Names inside a file may hold anything; a terminal would obey some of it.
        return re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", "?", text)


def problems(what: str, found: Iterable[str], fine: str, result: str = FAIL) -> Row:
    """A row of what was found wrong, if anything.

    Args:
        what: was looked at.
        found: the problems.
        fine: the detail where there are none.
        result: where there are some.
    """
    found = list(found)
    return Row(what, result, "; ".join(found)) if found else Row(what, OK, fine)
