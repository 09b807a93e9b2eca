"""The searches behind the committed claims: as halving makes them, and what a cheaper one of the
same points would have missed.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.oracles.halving import halving
from vsebench.grid.tuning.halving import shares
from vsebench.grid.tuning.search import Options

Contest = dict[int, dict[int, float | None]]
"""Merit by rung and point; None where a trial diverged."""

_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
)
CLAIMS = Path(__file__).parents[3] / "results" / "claims"
FILES = sorted(CLAIMS.glob("*/tuning/trials.csv"))


def contests(files: list[Path]) -> list[Contest]:
    found: dict[tuple[str, ...], Contest] = defaultdict(lambda: defaultdict(dict))
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            for line in csv.DictReader(lines):
                row = tuple(line.get(key, "") for key in ("pooling", "sampler", "loss", "study"))
                rung = found[(str(file), line["dataset"], *row)][int(line["rung"])]
                rung[int(line["configuration"])] = merit(line)
    return list(found.values())


def merit(line: dict[str, str]) -> float | None:
    """Dev quality; of a trial that arrives at a target, more than any quality, the sooner the
    more.
    """
    if steps := line.get("steps_to_target"):
        return 1e6 - float(steps)
    quality = line.get("dev_rsum") or line.get("dev_map")
    return float(quality) if quality else None


def chosen(contest: Contest) -> int:
    last = {point: value for point, value in contest[max(contest)].items() if value is not None}
    return max(last, key=last.__getitem__)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parts[-3])
def test_promotions_are_those_of_halving(file: Path) -> None:
    of_default = Options()
    rungs = shares(of_default.rungs)
    for contest in contests([file]):
        trained, best = halving(
            of_default.configurations,
            rungs,
            lambda point, share, held=contest: held[rungs.index(share)][point],
        )
        assert trained == [sorted(rung) for _, rung in sorted(contest.items())]
        assert best == chosen(contest)


def test_a_cheaper_search_would_often_have_chosen_otherwise() -> None:
    """Why the default has three rungs and sixteen points."""
    every = contests(FILES)
    behind = late = 0
    for contest in every:
        point = chosen(contest)
        first = contest[0][point]
        assert first is not None
        behind += sum((value or 0.0) > first for value in contest[0].values()) >= 2
        late += point >= 12
    assert behind / len(every) > 0.2, "two rungs, the best two of which train the whole"
    assert late / len(every) > 0.2, "twelve points"
    page = " ".join((CLAIMS.parents[1] / "docs" / "tuning.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"In the (\d+) searches .* first rung in (\w+), .*; in (\w+) it was not among", page
    )
    assert told is not None
    assert int(told[1]) == len(every)
    assert [_NUMBERS.index(word) for word in told.groups()[1:]] == [behind, late]
