"""What the benchmarks share: two calls timed in turn, and a table with bounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

__all__ = ["Report", "ratio"]


def ratio(
    ours: Callable[[], object], theirs: Callable[[], object], seconds: float, least: int = 30
) -> tuple[float, float]:
    """Time two calls in turn, A B B A A B ..., for so many seconds, and at least so many pairs.

    Returns:
        The median of ``ours / theirs`` over all pairs, and the median of ``theirs`` in ms.
    """
    with torch.inference_mode():
        for _ in range(5):
            ours(), theirs()
        ratios, base = [], []
        end = time.perf_counter() + seconds
        turn = 0
        while time.perf_counter() < end or len(ratios) < least:
            first, second = (ours, theirs) if turn % 2 else (theirs, ours)
            a = time.perf_counter()
            first()
            b = time.perf_counter()
            second()
            c = time.perf_counter()
            t_ours, t_theirs = (b - a, c - b) if turn % 2 else (c - b, b - a)
            ratios.append(t_ours / t_theirs)
            base.append(t_theirs * 1e3)
            turn += 1
    return statistics.median(ratios), statistics.median(base)


class Report:
    """Rows of a table, and whether all bounds hold."""

    def __init__(self) -> None:
        self.failed = False

    def row(self, what: str, value: float, bound: float | None, note: str = "") -> None:
        """Print one row."""
        over = bound is not None and value > bound
        self.failed |= over
        limit = f"<= {bound:.2f}" if bound is not None else ""
        print(f"{what:58} {value:7.3f} {limit:8} {'FAIL' if over else '':5}{note}", flush=True)
