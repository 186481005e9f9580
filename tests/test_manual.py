"""The manual page on exporting: what it names exists."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import torchbend as tb
from torchbend import cli
from torchbend.export import export

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "export.md").read_text(encoding="utf-8")


def test_every_option_is_one_and_none_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["export", "--help"])
    flags = set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out)) - {"--help", "--out"}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", PAGE)) - {"--json"} == flags
    options = inspect.signature(export).parameters
    given = set(re.findall(r"`(\w+)=", PAGE)) - {"dim"}
    assert given == set(options) - {"bended", "path"}


@pytest.mark.parametrize(
    "words",
    re.findall(r"^\| \*(.+?)\* \|", PAGE, re.MULTILINE),
)
def test_an_error_in_the_table_is_one_that_exists(words: str) -> None:
    root = DOCS.parent
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("export", "torchbend")
        for path in sorted((root / folder).rglob("*.py"))
    )
    joined = re.sub(r"[\"']\s*\n\s*f?[\"']", "", source)  # a message over several lines
    # names and numbers stand for what differs from one error to the next
    parts = re.split(r"\.\.\.|\bn\b|'x'|\b\d+\b", words)
    pattern = r".{0,40}?".join(re.escape(part.strip()) for part in parts if part.strip())
    assert re.search(pattern, joined), pattern


def test_what_it_points_to_is_there() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (DOCS / link).exists(), link
    for path in re.findall(r"`(patches/[\w./-]+)`", PAGE):
        assert (DOCS.parent / path).exists(), path
    for name in re.findall(r"tb\.(\w+)", PAGE):
        assert hasattr(tb, name), name
