"""Query by query: over how many a row wins, ties and loses against another, and the hardest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.report.statistics.estimates import by_seed
from vsebench.results.reader import PER_IMAGE, RANKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from vsebench.report.comparison.verdicts import Combination
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section


@dataclass(frozen=True)
class Hard:
    """A query that both rows answer badly.

    Attributes:
        index: its place in the test split, from 0; queries of dev, where they count, follow.
        ours: the row's score: geometric mean of its ranks over seeds, from 1 for the top; mean
            average precision on the annotation task.
        theirs: the reference's.
    """

    index: int
    ours: float
    theirs: float


@dataclass(frozen=True)
class Tally:
    """A row against the reference, over the queries of one kind.

    Attributes:
        combination: components of the row.
        kind: `i2t` (images), `t2i` (captions), or `images` on the annotation task.
        seeds: seeds that both have finished with their answers stored.
        wins: number of queries that the row answers better, over those seeds.
        ties: number that both answer equally well.
        losses: number that the reference answers better.
        hardest: queries that both answer worst, the worst first.
        ranks: whether scores are ranks, of which lower is better.
    """

    combination: Combination
    kind: str
    seeds: tuple[int, ...]
    wins: int
    ties: int
    losses: int
    hardest: tuple[Hard, ...]
    ranks: bool


def tallies(section: Section, reference: Combination, hardest: int = 0) -> list[Tally]:
    """Every other row of a section against the reference; nothing of rows whose runs stored no
    answers.

    A query is won where the geometric mean of its ranks over the common seeds is smaller (its mean
    average precision larger).

    Args:
        section: runs made under equal conditions.
        reference: row to compare with.
        hardest: number of hard queries to list.
    """
    rows, key = {**section.rows}, section.task.headline.key
    theirs = by_seed(rows.pop(reference), key)
    found: list[Tally] = []
    for row, runs in rows.items():
        ours = by_seed(runs, key)
        seeds = tuple(sorted(ours.keys() & theirs.keys()))
        found += _tally(row, seeds, ours, theirs, hardest)
    return found


@dataclass(frozen=True)
class Hardest:
    """A query that all rows of a section answer badly.

    Attributes:
        kind: `i2t` (an image), `t2i` (a caption), or `images` on the annotation task.
        index: its place in the test split, from 0; queries of dev, where they count, follow.
        score: mean over rows, as `Hard` has that of one.
        best: score of the row that answers it best.
        row: row that answers it best.
    """

    kind: str
    index: int
    score: float
    best: float
    row: Combination


def hardest(section: Section, number: int) -> list[Hardest]:
    """The queries that a section's rows answer worst, the worst of each kind first; nothing where
    its runs stored no answers, or to other queries.

    Args:
        section: runs made under equal conditions.
        number: number of queries of each kind.
    """
    key = section.task.headline.key
    rows = {
        row: [_costs(run) for run in by_seed(runs, key).values()]
        for row, runs in section.rows.items()
    }
    rows = {row: answers for row, answers in rows.items() if answers}
    found: list[Hardest] = []
    for kind in next(iter(rows.values()))[0] if rows else ():
        tables = [each.get(kind) for answers in rows.values() for each in answers]
        sizes = {None if table is None else len(table) for table in tables}
        if len(sizes) > 1 or None in sizes:
            continue
        costs = np.stack([_mean([each[kind] for each in answers]) for answers in rows.values()])
        mean, names = costs.mean(axis=0), list(rows)
        shown = np.negative if kind == "images" else np.exp
        for i in np.argsort(-mean, kind="stable")[:number]:
            least = int(costs[:, i].argmin())
            score, best = float(shown(mean[i])), float(shown(costs[least, i]))
            found.append(Hardest(kind, int(i), score, best, names[least]))
    return found


def _tally(
    row: Combination,
    seeds: tuple[int, ...],
    ours: Mapping[int, Run],
    theirs: Mapping[int, Run],
    hardest: int,
) -> Iterator[Tally]:
    mine, other = ([_costs(each[seed]) for seed in seeds] for each in (ours, theirs))
    for kind in mine[0] if mine else ():
        tables = [each.get(kind) for each in (*mine, *other)]
        sizes = {None if table is None else len(table) for table in tables}
        if len(sizes) > 1 or None in sizes:
            continue  # answers of a seed are missing, or to other queries
        ranks = kind != "images"
        one, two = (_mean([each[kind] for each in answers]) for answers in (mine, other))
        same = np.isclose(one, two, rtol=1e-12, atol=1e-12)
        order = np.argsort(-(one + two), kind="stable")[:hardest]
        shown = np.exp if ranks else np.negative
        yield Tally(
            row,
            kind,
            seeds,
            int(((one < two) & ~same).sum()),
            int(same.sum()),
            int(((one > two) & ~same).sum()),
            tuple(Hard(int(i), float(shown(one[i])), float(shown(two[i]))) for i in order),
            ranks,
        )


def _mean(costs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.mean(costs, axis=0)
    return mean


def _costs(run: Run) -> dict[str, NDArray[np.float64]]:
    """How badly a run answers each query, by kind: logarithms of ranks from 1, or average precision
    with its sign turned.
    """
    if run.reader is None:
        return {}
    if ranks := run.reader.read_arrays(RANKS):
        return {kind: np.log(ranks[kind] + 1.0) for kind in ("i2t", "t2i")}
    values = run.reader.read_arrays(PER_IMAGE)
    key = run.task.headline.key
    return {"images": -values[key].astype(np.float64)} if key in values else {}
