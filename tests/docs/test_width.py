"""The prose of every Markdown page keeps to the columns of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
WIDTH = _TOOLS["ruff"]["line-length"]
FOLDERS = (
    ".",
    "docs",
    "docs/plugins",
    "docs/reference",
    "docs/tutorials",
    "plugins/examples/*",
    "results",
    "results/*",
)
PAGES = sorted(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md"))
_FENCED = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", flags=re.DOTALL | re.MULTILINE)
_AS_IT_IS = re.compile(r"    |\||<")  # indented code, tables, HTML
_UNBREAKABLE = re.compile(r"\s*(?:(?:[-*+]|\d+\.) )?\S+")


def overlong(text: str) -> list[str]:
    """Lines of prose that are too wide and have a space to be broken at."""
    prose = _FENCED.sub("", text).splitlines()
    return [
        line
        for line in prose
        if len(line) > WIDTH and not _AS_IT_IS.match(line) and not _UNBREAKABLE.fullmatch(line)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_wrapped(page: Path) -> None:
    assert overlong(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("start", ["", "* ", "  ", "# "])
def test_wide_prose_is_found(start: str) -> None:
    wide = start + "word " * 20 + "end"
    assert overlong(f"```sh\nrun\n```\n\n{wide}\n\n```text\n{wide}\n```\n") == [wide]


@pytest.mark.parametrize("start", ["    ", "| ", "<p>", "[one](https://", "* https://"])
def test_what_cannot_be_wrapped_is_exempt(start: str) -> None:
    text = start + "x" * WIDTH if start.strip().endswith("://") else start + "word " * 25
    assert overlong(text) == []
