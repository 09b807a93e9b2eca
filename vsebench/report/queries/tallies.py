"""Query by query: how many a row wins, ties and loses against another, which are the hardest, and
what was retrieved instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vsebench.report.statistics.estimates import by_seed
from vsebench.results.reader import PER_IMAGE, RANKS, RETRIEVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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
    for kind in _shared([each for answers in rows.values() for each in answers]):
        costs = np.stack(
            [np.mean([each[kind] for each in answers], axis=0) for answers in rows.values()]
        )
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
    for kind in _shared([*mine, *other]):
        ranks = kind != "images"
        one, two = (np.mean([each[kind] for each in answers], axis=0) for answers in (mine, other))
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


def _shared(answers: Sequence[Mapping[str, NDArray[np.float64]]]) -> Iterator[str]:
    """The kinds of queries that all answers are to; none of which some are missing, or to other
    queries.
    """
    for kind in answers[0] if answers else ():
        sizes = {len(each[kind]) if kind in each else None for each in answers}
        if len(sizes) == 1 and None not in sizes:
            yield kind


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


Query = tuple[str, int]
"""`i2t` and an image, or `t2i` and a caption."""


class Instead(NamedTuple):
    """What one model retrieved for a query.

    Attributes:
        row: its row.
        seed: its seed.
        rank: rank of the first right item, from 1.
        top: the items at the top of its ranking, best first: captions for an image, images for a
            caption.
    """

    row: Combination
    seed: int
    rank: int
    top: tuple[int, ...]


def instead(section: Section, queries: Collection[Query]) -> dict[Query, Instead]:
    """What was retrieved for queries, of each by the first row and seed whose run keeps it; a run
    keeps that of the queries that it answers worst.

    Args:
        section: runs made under equal conditions, rows from the best down.
        queries: queries that are asked for.

    Raises:
        VsebenchError: what a run left is damaged.
    """
    found: dict[Query, Instead] = {}
    for row, run in _runs(section):
        missing = [query for query in queries if query not in found]
        if not missing or run.reader is None:
            continue
        kept, ranks = run.reader.read_arrays(RETRIEVED), run.reader.read_arrays(RANKS)
        for kind, index in missing:
            top = _top(kept, kind, index)
            if top and kind in ranks:
                items = len(ranks["t2i" if kind == "i2t" else "i2t"])
                if max(top) >= items:
                    why = ValueError(f"it names item {max(top)} of {items}")
                    raise run.reader.damaged(RETRIEVED, why)
                rank = int(ranks[kind][index]) + 1
                found[kind, index] = Instead(row, run.record.spec.seed, rank, top)
    return found


def _runs(section: Section) -> Iterator[tuple[Combination, Run]]:
    for row, runs in section.rows.items():
        for run in sorted(runs, key=lambda each: each.record.spec.seed):
            if run.done:
                yield row, run


def _top(kept: Mapping[str, NDArray[Any]], kind: str, index: int) -> tuple[int, ...]:
    if kind not in kept:
        return ()
    rows = kept[f"{kind}_top"][kept[kind] == index]
    return tuple(int(item) for row in rows for item in row if item >= 0)
