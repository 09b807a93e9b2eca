"""How a page's blocks are checked against what its commands print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import Block, Reader

if TYPE_CHECKING:
    from collections.abc import Callable

PRINTED = "pooling loss seeds R@1 RSUM mean triplet 2 1.5 34.8 ±10.6 †↑ 4 runs, 2 at a time"


@pytest.fixture
def expect() -> Callable[[str, str], None]:
    """Checks a block of a language and its text against `PRINTED`."""
    reader = Reader(lambda: "", lambda _: None, Path(), printed=PRINTED)
    return lambda language, code: reader.do(Block(language, "", code))


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("text", "mean   triplet  2\n"),
        ("text", "mean triplet … 1.5\n"),
        (
            "output",
            "pooling  loss  seeds  R@1\n-------  ----  -----  ---\nmean  triplet  3  59.5\n",
        ),
        ("output", "a34107f4db  mean\n…\nmean\n"),
    ],
)
def test_what_was_printed_passes(
    expect: Callable[[str, str], None], language: str, code: str
) -> None:
    expect(language, code)


@pytest.mark.parametrize(
    ("language", "code", "message"),
    [
        ("text", "mean triplet 3\n", "'mean triplet 3' is not in"),
        ("text", "max\n", "'max' is not in"),
        ("output", "pooling  seeds  R@1\n", "'pooling seeds' is not in"),
        ("output", "mean  triplet  3\nmax  triplet  3\n", "'max triplet' is not in"),
        ("output", "59.5  90.1\n----\n", "cannot be checked"),
    ],
)
def test_what_was_not_printed_fails(
    expect: Callable[[str, str], None], language: str, code: str, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        expect(language, code)
