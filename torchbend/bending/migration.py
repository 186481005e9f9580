"""Configurations of earlier versions, made into those of the present one.

Version 1 had callbacks, controls and patterns. Version 2 has bends with an amount, selectors,
and the clusters that selectors speak of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .located import Located

__all__ = ["FORMAT", "VERSION", "migrate"]

FORMAT = "torchbend-config"
VERSION = 2

Step = Callable[[dict[str, Any]], dict[str, Any]]


def migrate(file: Located) -> None:
    """Make what a file holds into what the present version would hold; the file itself stays.

    Args:
        file: what was read. What a step leaves in place keeps its line.

    Raises:
        ConfigError: it is no configuration, or of a version that is not known.
    """
    for version in range(file.version(FORMAT, VERSION), VERSION):
        file.data = {**_STEPS[version](file.data), "version": version + 1}


def _as_they_are(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 only adds to version 1."""
    return data


# from a version to the next one
_STEPS: Mapping[int, Step] = MappingProxyType({1: _as_they_are})
