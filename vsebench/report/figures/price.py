"""What rows cost, in the units that figures have, and which rows no other beats in both quality and
cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.runs import Run
    from vsebench.results.record import Evaluation

Unit = Literal["updates", "cpu", "wall", "forwards"]


class Words(NamedTuple):
    """How a unit is written.

    Attributes:
        axis: label of an axis.
        words: its name in a caption.
        notes: what it counts, a sentence; may be empty.
    """

    axis: str
    words: str
    notes: str


UNITS: Mapping[Unit, Words] = {
    "updates": Words("updates", "updates", ""),
    "cpu": Words(
        "CPU seconds of training",
        "CPU seconds",
        "CPU seconds count what a method needs first, and no other load on the machine.",
    ),
    "wall": Words(
        "seconds of training",
        "wall seconds",
        "Wall seconds, since not every record has CPU seconds, count what a method needs first.",
    ),
    "forwards": Words(
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


def known(runs: Collection[Run], unit: Unit) -> bool:
    """Whether every one of these finished runs says what it cost in a unit."""
    if unit == "updates":
        return True
    costs = [run.record.cost for run in runs if run.record.cost is not None]
    if len(costs) < len(runs):
        return False
    if unit == "forwards":
        return all(cost.tower_forwards > 0 for cost in costs)
    if unit == "wall":
        return True
    return all(cost.total_cpu_seconds is not None for cost in costs) and all(
        evaluation.cpu_seconds is not None for run in runs for evaluation in run.curve
    )


def at_steps(runs: Sequence[Run], steps: Sequence[int | float], unit: Unit) -> list[float]:
    """The mean cost over runs at steps that all of them evaluated.

    Args:
        runs: finished runs of one row.
        steps: updates done.
        unit: unit in which every run says its cost.
    """
    if unit == "updates":
        return [float(step) for step in steps]
    by_step = [{evaluation.step: evaluation for evaluation in run.curve} for run in runs]
    return [
        math.fsum(_at(run, each[int(step)], unit) for run, each in zip(runs, by_step, strict=True))
        / len(runs)
        for step in steps
    ]


def _at(run: Run, evaluation: Evaluation, unit: Unit) -> float:
    cost = run.record.cost
    if unit == "forwards":
        assert cost is not None
        return cost.tower_forwards * evaluation.step / max(run.record.steps, 1)
    if unit == "cpu":
        first = (cost.prior_cpu_seconds or 0) + (cost.mining_cpu_seconds or 0) if cost else 0
        return first + (evaluation.cpu_seconds or 0)
    return (cost.prior_seconds + cost.mining_seconds if cost else 0) + evaluation.seconds


def points(board: Board) -> list[Point]:
    """Every row that has a quality and a cost, in the order of the board; CPU seconds where all
    of them are known, else wall seconds.
    """
    section, key = board.block.section, board.block.section.task.headline.key
    done = [[run for run in runs if run.done] for runs in section.rows.values()]
    flat = [run for runs in done for run in runs]
    unit: Unit = "cpu" if known(flat, "cpu") else "wall"
    found = []
    for i, (standing, runs) in enumerate(zip(board.standings, done, strict=True)):
        row = standing.entry.row
        quality, cost = row[key], _total(runs, unit)
        if not isinstance(quality, (int, float)) or cost is None:
            continue
        low, high = row.get(f"{key}_lo"), row.get(f"{key}_hi")
        known_ends = isinstance(low, float) and isinstance(high, float)
        ends = (low, high) if known_ends else (float(quality), float(quality))
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
    seconds = [cost.total_cpu_seconds if unit == "cpu" else cost.total_seconds for cost in costs]
    values = [each for each in seconds if each is not None]
    return math.fsum(values) / len(values) if values and len(values) == len(runs) else None
