from __future__ import annotations

import pytest


@pytest.fixture(params=[True, False], ids=["compiled", "python"])
def native(request: pytest.FixtureRequest) -> bool:
    """Which of the two callbacks; both must do the same."""
    return bool(request.param)
