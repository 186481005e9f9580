"""What every test runs under: few threads, and no silent skips where none are allowed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest
import torch

# More threads than cores only make small models slower, and timing-bound tests flaky. Where
# pytest-xdist runs several processes, each has one core.
SHARED = "PYTEST_XDIST_WORKER" in os.environ
torch.set_num_threads(1 if SHARED else min(2, os.cpu_count() or 1))

LIVE = ("test_demo.py",)  # plays in real time, beside all in realtime/

# What runs in the background ignores Ctrl-C, and so would all that the tests start and end by it.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

NO_SKIPS = os.environ.get("TORCHBEND_NO_SKIPS", "") not in ("", "0")

# The first call of a model is slow, and what CI finds must be found again.
hypothesis.settings.register_profile("torchbend", deadline=None, derandomize=NO_SKIPS)
hypothesis.settings.load_profile("torchbend")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and all that plays in real time in one.

    A file's tests share what is dear to make. Two that play in real time, or ask for a jackd,
    would be in each other's way.
    """
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            path = item.path.relative_to(Path(__file__).parent)
            live = path.parts[0] == "realtime" or path.name in LIVE
            item.add_marker(pytest.mark.xdist_group("live" if live else str(path)))


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
