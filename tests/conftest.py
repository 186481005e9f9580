"""What every test runs under: few threads, and no silent skips where none are allowed."""

from __future__ import annotations

import os
from collections.abc import Generator

import hypothesis
import pytest
import torch

# More threads than cores only make small models slower, and timing-bound tests flaky.
torch.set_num_threads(min(2, os.cpu_count() or 1))

NO_SKIPS = os.environ.get("TORCHBEND_NO_SKIPS", "") not in ("", "0")

# The first call of a model is slow, and what CI finds must be found again.
hypothesis.settings.register_profile("torchbend", deadline=None, derandomize=NO_SKIPS)
hypothesis.settings.load_profile("torchbend")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where ``TORCHBEND_NO_SKIPS`` is set, `gpu` tests excepted."""
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    if NO_SKIPS and report.skipped and not expected_failure and not _may_skip(item):
        report.outcome = "failed"
        report.longrepr = f"skipped, where no test may be: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if NO_SKIPS and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, where no test may be: {_reason(report)}"
    return report


def _may_skip(item: pytest.Item) -> bool:
    return item.get_closest_marker("gpu") is not None


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
