"""One thread: several wait for each other in every small convolution where cores are busy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from torchbend import threads


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    with threads.one_thread():
        yield
