"""What rows cost, in the units that figures have, and which rows no other beats in both quality and
cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.speed.learning_curve import clock_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.runs import Run
    from vsebench.report.speed.learning_curve import Unit


class Words(NamedTuple):
    """How a unit is written.

    Attributes:
        key: name of the figure over it, in file names.
        axis: label of an axis.
        words: its name in a caption.
        notes: what it counts, a sentence; may be empty.
    """

    key: str
    axis: str
    words: str
    notes: str


UNITS: Mapping[Unit, Words] = {
    "steps": Words("updates", "updates", "updates", ""),
    "cpu seconds": Words(
        "cpu",
        "CPU seconds of training",
        "CPU seconds",
        "CPU seconds count what a method needs first, and no other load on the machine.",
    ),
    "seconds": Words(
        "wall",
        "seconds of training",
        "wall seconds",
        "Wall seconds, since not every record has CPU seconds, count what a method needs first.",
    ),
    "forwards": Words(
        "forwards",
        "items through a tower",
        "tower forwards",
        "The tower forwards of a run are spread evenly over its updates; first rounds are left "
        "out.",
    ),
}


class Point(NamedTuple):
    """A row by its quality and its cost.

    Attributes:
        row: its place on the board, from 0.
        cost: seconds of training with what the method needs first, mean over seeds.
        quality: headline on test, mean over seeds.
        low: end of the interval of that mean; the mean itself of one seed.
        high: the other end.
        evidence: whether the row is evidence.
        front: whether no other row that is evidence is at least as good in both and better in one.
        unit: unit of the cost.
    """

    row: int
    cost: float
    quality: float
    low: float
    high: float
    evidence: bool
    front: bool
    unit: Unit


def points(board: Board) -> list[Point]:
    """Every row that has a quality and a cost, in the order of the board; CPU seconds where all
    of them are known, else wall seconds.
    """
    section, key = board.block.section, board.block.section.task.headline.key
    done = [[run for run in runs if run.done] for runs in section.rows.values()]
    unit = clock_of(run for runs in done for run in runs)
    found = []
    for i, (standing, runs) in enumerate(zip(board.standings, done, strict=True)):
        row = standing.entry.row
        quality, cost = row[key], _total(runs, unit)
        if not isinstance(quality, (int, float)) or cost is None:
            continue
        low, high = row.get(f"{key}_lo"), row.get(f"{key}_hi")
        known = isinstance(low, float) and isinstance(high, float)
        ends = (low, high) if known else (float(quality), float(quality))
        evidence = standing.rank is not None
        found.append(Point(i, cost, float(quality), *ends, evidence, False, unit))  # type: ignore[arg-type]
    best = front([(p.cost, p.quality) for p in found if p.evidence])
    return [
        point._replace(front=point.evidence and (point.cost, point.quality) in best)
        for point in found
    ]


def front(pairs: Collection[tuple[float, float]]) -> set[tuple[float, float]]:
    """The pairs of cost and quality that no other beats: none costs at most as much, is at least as
    good, and is better in one.
    """
    best: set[tuple[float, float]] = set()
    top = -math.inf
    for cost, quality in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if quality > top:
            best.add((cost, quality))
            top = quality
    return best


def _total(runs: Sequence[Run], unit: Unit) -> float | None:
    costs = [run.record.cost for run in runs if run.record.cost is not None]
    seconds = [
        cost.total_cpu_seconds if unit == "cpu seconds" else cost.total_seconds for cost in costs
    ]
    values = [each for each in seconds if each is not None]
    return math.fsum(values) / len(values) if values and len(values) == len(runs) else None
