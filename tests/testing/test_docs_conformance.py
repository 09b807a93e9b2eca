"""The page of the kit lists every promise as the code words it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vsebench.testing.kinds import GROUPS, promises

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")


def row(name: str, summary: str, slow: bool) -> str:
    return f"| `{name}`{' (slow)' if slow else ''} | {summary} |"


@pytest.mark.parametrize("group", [name for groups in GROUPS.values() for name in groups])
def test_every_promise_is_on_the_page(group: str) -> None:
    section = re.search(rf"^### {group}\n\n(.*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None
    wanted = [row(promise.name, promise.summary, promise.slow) for promise in promises(group)[3:]]
    assert section[1].splitlines()[2:] == wanted


def test_those_of_every_component_are_there_too() -> None:
    for promise in promises("pooling")[:3]:
        assert row(promise.name, promise.summary, promise.slow) in PAGE
