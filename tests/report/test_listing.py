"""Lists end where the terminal does, and lose nothing by it."""

from __future__ import annotations

import random
import re

import pytest

from vsebench.report.listing import listing

WORDS = ("pooling:", "gpo,", "flickr8k-words,", "a", "±1.3", "[0.817, 0.967]", "(3 of 6)", "x" * 30)


def rule_of(text: str) -> str:
    return next(line for line in text.splitlines() if re.fullmatch("[- ]+", line))


def columns_of(text: str) -> list[list[str]]:
    """The words of each column, top down, by the dashes of the rule."""
    spans = [found.span() for found in re.finditer("-+", rule_of(text))]
    lines = [line for line in text.splitlines() if line != rule_of(text)]
    return [[word for line in lines for word in line[start:end].split()] for start, end in spans]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_longer_than_the_terminal_and_every_letter_is_there(seed, width):
    rng = random.Random(seed)
    cells = [
        [
            "\n".join(
                " ".join(rng.choices(WORDS, k=rng.randrange(7))) for _ in range(rng.randrange(1, 3))
            )
            for _ in range(4)
        ]
        for _ in range(rng.randrange(1, 6))
    ]
    heads = ["name", "two words", "n", "what it is"]
    text = listing(heads, cells, rights=(2,), width=width)
    assert max(map(len, text.splitlines())) <= width
    for found, column in zip(columns_of(text), zip(heads, *cells, strict=True), strict=True):
        assert "".join(found) == "".join("".join(column).split())


def test_what_fits_is_one_line_a_row():
    text = listing(["name", "n"], [["gpo", 3], ["maxavg", 12]], rights=(1,), width=80)
    assert text.splitlines() == ["name     n", "------  --", "gpo      3", "maxavg  12"]


def test_cells_break_between_words_and_brackets_stay_whole():
    text = listing(["row", "ratio"], [["gpo", "~0.889 [0.817, 0.967]"]], rights=(1,), width=20)
    assert [line.split(maxsplit=1) for line in text.splitlines()[2:]] == [
        ["gpo", "~0.889"],
        ["[0.817,", "0.967]"],
    ]


def test_output_that_no_terminal_shows_is_not_cut(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    (_, _, line) = listing(["name"], [["word " * 200]]).splitlines()
    assert len(line) == 999
